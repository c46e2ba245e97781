//! A verdict does not depend on how the hash was computed; and decoders share their memory.
#![cfg(feature = "decode")]

mod common;
mod jpeg_support;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{
    Extractor, Gate, GateOptions, MemoryBudget, Mode, Outcome, VariantSet, Verdict, Worker,
};
use hashgate::hash::{PdqHash, Quality, Reach, Signal, SignalType};
use hashgate::index::{FactRecord, HashFacts, IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

fn bank(id: u32, name: &str, action: Action) -> Bank {
    Bank {
        id: BankId(id),
        name: name.parse().unwrap(),
        policy: Policy::new(action),
    }
}

/// An index of these hashes: bank, content, hash.
fn index_of(folder: &Path, banks: &[Bank], entries: &[(u32, PdqHash)]) {
    index_within(folder, banks, entries, None);
}

/// The same, where all may reach so far.
fn index_within(folder: &Path, banks: &[Bank], entries: &[(u32, PdqHash)], reach: Option<Reach>) {
    let record = |(content, &(bank, hash)): (u64, &(u32, PdqHash))| FactRecord {
        of_hash: HashFacts { form: None, reach },
        ..FactRecord::from(IndexRecord {
            bank: BankId(bank),
            content: ContentId(content),
            signal: hash.into(),
            quality: None,
        })
    };
    let records = (1..).zip(entries).map(record).map(Ok::<_, Infallible>);
    publish(folder, banks, records, &PublishOptions::default()).unwrap();
}

fn gate(folder: &Path, mode: Mode) -> Gate {
    // Whether it pays or not: the verdict must be the same.
    let options = GateOptions::default().mode(mode).auto_from(0);
    Gate::open_with(folder, options).unwrap()
}

fn hash_of(bytes: &[u8]) -> Option<PdqHash> {
    let limits = Limits::default();
    let wanted = [SignalType::Pdq];
    let hashed = Extractor::default().extract(bytes, &wanted, VariantSet::NONE, &limits);
    hashed.signals.iter().find_map(Signal::as_pdq)
}

/// This hash with so many bits changed, spread out.
fn flipped(hash: PdqHash, bits: usize) -> PdqHash {
    let PdqHash(mut bytes) = hash;
    for at in 0..bits {
        let bit = at * 37 % 256;
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    PdqHash(bytes)
}

/// What must be the same in every mode.
fn essence(verdict: &Verdict) -> (Outcome, Option<Action>, BTreeSet<(String, u64)>) {
    let entries = verdict.matches.iter();
    let entries = entries.map(|found| (found.bank.to_string(), found.content_id.0));
    (verdict.outcome, verdict.action, entries.collect())
}

/// Holds `auto` against `exact` on each file, and `fast` by outcome and action where `fast_too`;
/// gives how many verdicts of `auto` rest on coefficients.
fn assert_same<'a>(
    folder: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
    fast_too: bool,
) -> usize {
    let [exact, fast, auto] = [Mode::Exact, Mode::Fast, Mode::Auto].map(|mode| gate(folder, mode));
    let mut worker = Worker::default();
    let mut by_coefficients = 0;
    for (name, bytes) in files {
        let expected = exact.check_with(&mut worker, bytes);
        assert!(!expected.fast, "{name}");
        let got = auto.check_with(&mut worker, bytes);
        assert_eq!(essence(&got), essence(&expected), "{name}: auto");
        assert_eq!(got.problem, expected.problem, "{name}");
        by_coefficients += usize::from(got.fast);
        let got = fast.check_with(&mut worker, bytes);
        if fast_too || !got.fast {
            let (got, expected) = (essence(&got), essence(&expected));
            assert_eq!((got.0, got.1), (expected.0, expected.1), "{name}: fast");
        }
    }
    by_coefficients
}

#[test]
fn small_baseline_pictures_are_decoded_and_progressive_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    index_of(folder.path(), &[bank(1, "known", Action::Block)], &[]);
    let gate = Gate::open(folder.path()).unwrap();
    for (name, bytes) in jpeg_support::samples() {
        let verdict = gate.check(&bytes);
        assert_eq!(verdict.fast, name.starts_with("progressive"), "{name}");
    }
}

#[test]
fn wherever_the_threshold_lies_the_verdict_is_that_of_the_pixels() {
    let banks = [
        bank(1, "known", Action::Block),
        bank(2, "harmless", Action::Allow),
    ];
    for (name, bytes) in jpeg_support::samples() {
        let hash = hash_of(&bytes).unwrap();
        for bits in [
            0, 2, 21, 22, 23, 24, 28, 30, 31, 32, 33, 39, 40, 41, 60, 100,
        ] {
            let folder = tempfile::tempdir().unwrap();
            index_of(folder.path(), &banks[..1], &[(1, flipped(hash, bits))]);
            let file = [(name.as_str(), bytes.as_slice())];
            let by_coefficients = assert_same(folder.path(), file.into_iter(), false);
            if (30..=32).contains(&bits) {
                assert_eq!(
                    by_coefficients, 0,
                    "{name} at {bits} bits is decided by pixels"
                );
            }
            // At 60 bits a guess may be fitted, which is for pixels to say.
            if bits == 100 || bits == 0 {
                assert_eq!(by_coefficients, 1, "{name} at {bits} bits needs no pixels");
            }
        }
        for (blocked, allowed) in [(4, 2), (4, 4), (4, 6), (20, 20), (31, 31)] {
            let folder = tempfile::tempdir().unwrap();
            let entries = [(1, flipped(hash, blocked)), (2, flipped(hash, allowed))];
            index_of(folder.path(), &banks, &entries);
            let file = [(name.as_str(), bytes.as_slice())];
            assert_same(folder.path(), file.into_iter(), false);
        }
    }
}

#[test]
fn wherever_an_entrys_reach_ends_the_verdict_is_that_of_the_pixels() {
    let banks = [bank(1, "known", Action::Block)];
    let reaches = [
        None,
        Some(0),
        Some(16),
        Some(24),
        Some(30),
        Some(40),
        Some(60),
    ];
    let reaches =
        reaches.map(|bits| bits.map_or(Reach::NOWHERE, |bits| Reach::within(bits).unwrap()));
    for (name, bytes) in jpeg_support::samples() {
        let hash = hash_of(&bytes).unwrap();
        for bits in [4, 22, 31, 33, 40, 56] {
            for reach in reaches {
                let folder = tempfile::tempdir().unwrap();
                let entries = [(1, flipped(hash, bits))];
                index_within(folder.path(), &banks, &entries, Some(reach));
                let file = [(name.as_str(), bytes.as_slice())];
                assert_same(folder.path(), file.into_iter(), false);
            }
        }
    }
}

#[test]
fn a_minimum_quality_near_that_of_the_picture_is_decided_by_pixels() {
    for (name, bytes) in jpeg_support::samples() {
        let hash = hash_of(&bytes).unwrap();
        let folder = tempfile::tempdir().unwrap();
        index_of(folder.path(), &[bank(1, "all", Action::Block)], &[]);
        let quality = gate(folder.path(), Mode::Exact)
            .check(&bytes)
            .quality
            .unwrap();
        for least in quality.get().saturating_sub(4)..=(quality.get() + 4).min(100) {
            let folder = tempfile::tempdir().unwrap();
            let mut strict = bank(1, "strict", Action::Block);
            strict.policy.min_quality = Quality::new(least).unwrap();
            index_of(folder.path(), &[strict], &[(1, flipped(hash, 10))]);
            let file = [(name.as_str(), bytes.as_slice())];
            assert_same(folder.path(), file.into_iter(), false);
        }
    }
}

#[test]
fn every_hard_file_has_the_same_outcome_and_action_in_every_mode() {
    let Some(data) = common::test_data() else {
        return;
    };
    let names = common::tsv(&data.join("hard/MANIFEST.tsv"));
    let files: Vec<(String, Vec<u8>)> = names
        .iter()
        .map(|line| {
            let bytes = std::fs::read(data.join("hard").join(&line[0])).unwrap();
            (line[0].clone(), bytes)
        })
        .collect();
    let entries: Vec<_> = files
        .iter()
        .step_by(2)
        .filter_map(|(_, bytes)| Some((1, hash_of(bytes)?)))
        .collect();
    assert!(entries.len() > 30);
    let folder = tempfile::tempdir().unwrap();
    index_of(folder.path(), &[bank(1, "known", Action::Block)], &entries);
    let files = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    assert_same(folder.path(), files, true);
}

#[test]
fn photos_and_modified_copies_have_the_same_verdict_in_every_mode() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(data.join("photos"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .collect();
    paths.sort();
    let mut files = Vec::new();
    let mut entries = Vec::new();
    for (number, path) in paths.iter().enumerate() {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).unwrap();
        if number % 2 == 0 {
            entries.extend(hash_of(&bytes).map(|hash| (1 + number as u32 % 4 / 2, hash)));
        }
        // Of each third one, a copy: cropped a little more each time, and of another quality.
        if number % 3 == 0 {
            let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
            let (width, height) = picture.dimensions();
            let cut = number as u32 % 40;
            let cropped = image::imageops::crop_imm(&picture, cut, 0, width - cut, height - cut);
            let mut copy = Vec::new();
            let quality = 50 + (number % 45) as u8;
            image::codecs::jpeg::JpegEncoder::new_with_quality(&mut copy, quality)
                .encode_image(&cropped.to_image())
                .unwrap();
            files.push((format!("a copy of {name}"), copy));
        }
        files.push((name, bytes));
    }
    let banks = [
        bank(1, "known", Action::Block),
        bank(2, "perhaps", Action::Review),
    ];
    let folder = tempfile::tempdir().unwrap();
    index_of(folder.path(), &banks, &entries);
    let count = files.len();
    let files = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let by_coefficients = assert_same(folder.path(), files, false);
    assert!(
        by_coefficients * 3 > count,
        "only {by_coefficients} of {count}"
    );
}

/// A grey PNG of one bit a pixel: a small file of a large picture.
fn large_png(side: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    let row: Vec<u8> = (0..side.div_ceil(8)).map(|at| (at / 9) as u8).collect();
    writer.write_image_data(&row.repeat(side as usize)).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn decoders_keep_to_the_budget_and_small_pictures_pass_a_large_one() {
    let folder = tempfile::tempdir().unwrap();
    index_of(folder.path(), &[bank(1, "known", Action::Block)], &[]);
    let small = jpeg_support::samples();
    let large = large_png(3000);
    let larger = large_png(6000);
    let need = hashgate::media::memory_needed(&large, &Limits::default());
    assert!(need >= 3000 * 3000 * 4, "{need}");
    for mode in Mode::ALL {
        let memory = Arc::new(MemoryBudget::new(need + (1 << 20)));
        let options = GateOptions::default()
            .mode(mode)
            .memory(Arc::clone(&memory));
        let gate = Gate::open_with(folder.path(), options).unwrap();
        std::thread::scope(|threads| {
            for number in 0..4 {
                let (gate, small, large, larger) = (&gate, &small, &large, &larger);
                threads.spawn(move || {
                    let mut worker = Worker::default();
                    for (name, bytes) in small {
                        let verdict = gate.check_with(&mut worker, bytes);
                        assert!(verdict.outcome.is_judged(), "{name}: {verdict:?}");
                    }
                    if number < 2 {
                        let verdict = gate.check_with(&mut worker, large);
                        assert_ne!(verdict.outcome, Outcome::TooLarge, "{verdict:?}");
                    }
                    let verdict = gate.check_with(&mut worker, larger);
                    assert_eq!(verdict.outcome, Outcome::TooLarge, "{verdict:?}");
                });
            }
        });
        assert!(memory.most_used() >= need, "{}", memory.most_used());
        assert!(memory.most_used() <= memory.total());
    }
}

#[test]
fn what_is_needed_is_never_under_what_a_decoder_asks_for() {
    let Some(data) = common::test_data() else {
        return;
    };
    for line in common::tsv(&data.join("hard/MANIFEST.tsv")) {
        let bytes = std::fs::read(data.join("hard").join(&line[0])).unwrap();
        let limits = Limits::default();
        let needed = hashgate::media::memory_needed(&bytes, &limits);
        let mut sampling = hashgate::media::Sampling::default();
        let sampled = hashgate::media::memory_to_sample(&bytes, &limits, sampling);
        sampling.thumbnail = Some(384);
        let with_thumbnail = hashgate::media::memory_to_sample(&bytes, &limits, sampling);
        assert!(sampled <= with_thumbnail, "{}", line[0]);
        assert!(
            with_thumbnail <= needed && needed <= limits.max_decoder_bytes,
            "{}",
            line[0]
        );
        if hashgate::media::decode(&bytes, &limits).is_err() {
            continue;
        }
        // With as much as was said to be needed it decodes just the same.
        let mut enough = Limits::default();
        enough.max_decoder_bytes = needed;
        let again = hashgate::media::decode(&bytes, &enough);
        assert!(again.is_ok(), "{}: {needed}: {again:?}", line[0]);
    }
}
