//! The gate's two halves: what was seen here, sent as text and decided there, comes to the very verdict of a gate that
//! has the bytes; and what a looker would not have written is refused.
#![cfg(feature = "decode")]

mod common;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{
    Extractor, Forms, Gate, GateOptions, LookOptions, Mode, Outcome, ProblemKind, Seen, Verdict,
    Worker, look, look_with,
};
use hashgate::hash::SignalType;
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// An index of these pictures, with hashes of several kinds: one bank blocks, one allows the last of them, and one looks
/// at which upload it is.
fn index(pictures: &[PathBuf]) -> TempDir {
    let mut share = Policy::new(Action::Review);
    share.share = hashgate::bank::Share::from_percent(50.0).unwrap();
    let policies = [
        ("known", Policy::new(Action::Block)),
        ("shared", share),
        ("harmless", Policy::new(Action::Allow)),
    ];
    let banks: Vec<Bank> = (1..)
        .zip(policies)
        .map(|(id, (name, policy))| Bank {
            id: BankId(id),
            name: name.parse().unwrap(),
            policy,
        })
        .collect();
    let mut records = Vec::new();
    let mut extractor = Extractor::default();
    let besides = [SignalType::Phash, SignalType::Dhash];
    for (number, path) in (1..).zip(pictures) {
        let bytes = fs::read(path).unwrap();
        let limits = Limits::default();
        let known = extractor.extract_known_with(&bytes, &limits, Forms::STANDARD, &besides);
        let known = known.unwrap_or_else(|problem| panic!("{}: {problem:?}", path.display()));
        let bank = match number == pictures.len() as u64 {
            true => 3,
            false => 1 + number as u32 % 2,
        };
        records.extend(known.signals.iter().map(|held| IndexRecord {
            bank: BankId(bank),
            content: ContentId(number),
            signal: held.signal,
            quality: held.quality,
        }));
    }
    let folder = tempfile::tempdir().unwrap();
    let records = records.into_iter().map(Ok::<_, Infallible>);
    publish(folder.path(), &banks, records, &PublishOptions::default()).unwrap();
    folder
}

fn known() -> TempDir {
    index(&files(Path::new("examples/pictures/known")))
}

/// A picture with a sticker over it, in three places: guesses nearly meet it, and are fitted.
fn stickers(path: &Path) -> Vec<Vec<u8>> {
    let picture = image::open(path).unwrap().to_rgb8();
    let (width, height) = picture.dimensions();
    let side = width.min(height) * 3 / 10;
    let sticker = image::RgbImage::from_pixel(side, side, image::Rgb([250, 205, 40]));
    let at = |(x, y): (u32, u32)| {
        let mut copy = picture.clone();
        let place = |length: u32, percent: u32| i64::from((length - side) * percent / 100);
        image::imageops::replace(&mut copy, &sticker, place(width, x), place(height, y));
        let mut jpeg = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
        copy.write_with_encoder(encoder).unwrap();
        jpeg
    };
    [(50, 50), (30, 65), (70, 35)].map(at).to_vec()
}

/// Seen by a looker that has no index, sent as text, read, and decided.
fn elsewhere(
    gate: &Gate,
    options: &LookOptions,
    extractor: &mut Extractor,
    bytes: &[u8],
) -> Verdict {
    let seen = look_with(extractor, bytes, options);
    let text = serde_json::to_string(&seen).unwrap();
    let read: Seen = serde_json::from_str(&text).unwrap();
    assert_eq!(read, seen);
    gate.decide(&read)
}

#[test]
fn what_is_seen_elsewhere_comes_to_the_same_verdict() {
    let mut uploads: Vec<(String, Vec<u8>)> = Vec::new();
    let mut folders = vec![
        PathBuf::from("examples/pictures/known"),
        PathBuf::from("examples/pictures/uploads"),
    ];
    folders.extend(common::test_data().map(|data| data.join("hard")));
    for path in folders.iter().flat_map(|folder| files(folder)) {
        uploads.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    for path in files(Path::new("examples/pictures/known")) {
        for (number, copy) in stickers(&path).into_iter().enumerate() {
            uploads.push((format!("{} sticker {number}", path.display()), copy));
        }
    }
    let (mut worker, mut extractor) = (Worker::default(), Extractor::default());
    let (mut matched, mut fitted, mut from_coefficients) = (0, 0, 0);
    // With second hashes every picture is decoded; without, JPEGs are read from their coefficients.
    for (folder, mode) in [(known(), Mode::Exact), (pdq_only(), Mode::Auto)] {
        // From the first pixel on, so that small pictures are read from coefficients too.
        // A looker without the index computes every digest.
        let options = GateOptions::default().mode(mode).auto_from(0);
        let gate = Gate::open_with(folder.path(), options.all_digests(true)).unwrap();
        let looked = gate.look_options().fitting(true);
        for (name, bytes) in &uploads {
            let here = gate.check_with(&mut worker, bytes);
            let there = elsewhere(&gate, &looked, &mut extractor, bytes);
            assert_eq!(there, here, "{name} ({mode})");
            matched += u32::from(here.outcome == Outcome::Match);
            fitted += u32::from(here.queries.iter().any(|query| query.variant.fitted));
            from_coefficients += u32::from(here.fast);
        }
    }
    assert!(matched > 20, "{matched} matched");
    assert!(
        fitted > 0,
        "no guess was fitted: the test shows less than it says"
    );
    assert!(from_coefficients > 0, "no JPEG was read from coefficients");
}

/// The known pictures by their PDQ hashes alone.
fn pdq_only() -> TempDir {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let mut records = Vec::new();
    for (number, path) in (1..).zip(files(Path::new("examples/pictures/known"))) {
        let bytes = fs::read(&path).unwrap();
        let known = Extractor::default()
            .extract_known(&bytes, &Limits::default(), Forms::NONE)
            .unwrap();
        let pdq = known.signals.iter();
        let pdq = pdq.filter(|held| held.signal.signal_type() == SignalType::Pdq);
        records.extend(pdq.map(|held| IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal: held.signal,
            quality: held.quality,
        }));
    }
    let folder = tempfile::tempdir().unwrap();
    let records = records.into_iter().map(Ok::<_, Infallible>);
    publish(folder.path(), &[bank], records, &PublishOptions::default()).unwrap();
    folder
}

#[test]
fn without_its_small_pictures_a_verdict_says_what_was_not_looked_at_again() {
    let folder = known();
    let gate = Gate::open_with(folder.path(), GateOptions::default().mode(Mode::Exact)).unwrap();
    let (mut with, mut without) = (0, 0);
    for path in files(Path::new("examples/pictures/known")) {
        for bytes in stickers(&path) {
            let here = gate.check(&bytes);
            assert_eq!(here.unfitted, 0, "the bytes are at hand");
            let seen = look(&bytes, &gate.look_options());
            assert!(!seen.can_be_fitted());
            let there = gate.decide(&seen);
            with += here.queries.iter().filter(|one| one.variant.fitted).count();
            without += there.unfitted;
            assert!(there.queries.iter().all(|one| !one.variant.fitted));
        }
    }
    assert!(with > 0 && without > 0, "{with}, {without}");
}

#[test]
fn a_kind_of_hash_that_was_not_looked_for_lets_nothing_pass() {
    let folder = known();
    let gate = Gate::open(folder.path()).unwrap();
    let harmless = fs::read("examples/pictures/uploads/grass.jpg").unwrap();
    assert!(gate.check(&harmless).passes());
    let seen = look(&harmless, &LookOptions::default());
    let verdict = gate.decide(&seen);
    assert!(!verdict.passes());
    let problem = verdict.problem.expect("phash was not looked for");
    assert_eq!(problem.kind, ProblemKind::NotLookedFor);
    // A match holds it back all the same.
    let known = fs::read("examples/pictures/known/cat.jpg").unwrap();
    let verdict = gate.decide(&look(&known, &LookOptions::default()));
    assert_eq!(verdict.outcome, Outcome::Match);
}

/// Something of what was seen, replaced.
fn changed(seen: &Value, place: &str, value: Value) -> Value {
    let mut seen = seen.clone();
    *seen.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = value;
    seen
}

#[test]
fn what_no_looker_writes_is_refused() {
    // Large enough to be read from its coefficients.
    let coffee = image::open("examples/pictures/known/coffee.jpg").unwrap();
    let coffee = coffee.resize_exact(1600, 1200, image::imageops::FilterType::Triangle);
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    coffee.to_rgb8().write_with_encoder(encoder).unwrap();
    let mut options = LookOptions::default().mode(Mode::Auto).fitting(true);
    options.auto_from = Some(0);
    let seen = serde_json::to_value(look(&bytes, &options)).unwrap();
    let read = |value: &Value| serde_json::from_value::<Seen>(value.clone());
    read(&seen).unwrap();
    assert!(seen["exact"].is_object(), "auto looks at the pixels too");
    let text = |place: &str| seen.pointer(place).unwrap().clone();
    let guess = (seen["first"]["queries"].as_array().unwrap().iter())
        .position(|query| query["evidence"].is_object())
        .unwrap();
    let at = |rest: &str| format!("/first/queries/{guess}/{rest}");
    let many = |one: Value, count: usize| Value::Array(vec![one; count]);
    for (place, value) in [
        ("/schema".to_owned(), json!(2)),
        ("/upload".to_owned(), json!("00")),
        ("/upload".to_owned(), json!("00".repeat(32))),
        ("/looked_for".to_owned(), json!([])),
        ("/looked_for".to_owned(), many(json!("pdq"), 12)),
        ("/fitting".to_owned(), json!(false)),
        ("/first/fast".to_owned(), json!(false)),
        ("/exact/fast".to_owned(), json!(true)),
        ("/first/quality".to_owned(), json!(101)),
        (
            "/first/signals".to_owned(),
            many(text("/first/signals/0"), 2),
        ),
        (
            "/first/queries".to_owned(),
            many(text("/first/queries/0"), Seen::MAX_QUERIES + 1),
        ),
        (
            "/first/problem".to_owned(),
            json!({"outcome": "no_match", "kind": "other", "message": ""}),
        ),
        (
            "/first/problem".to_owned(),
            json!({"outcome": "undecodable", "kind": "other", "message": "x".repeat(5000)}),
        ),
        (at("signal"), json!("pdq:00")),
        (at("quality"), json!(-1)),
        (at("variant"), json!("fitted")),
        (at("variant"), json!("region_1_2")),
        (at("evidence/flatness"), json!(101)),
        (at("evidence/confidence"), json!("AAAA")),
        ("/first/pictures/0/luma/columns".to_owned(), json!(0)),
        ("/first/pictures/0/luma/columns".to_owned(), json!(641)),
        ("/first/pictures/0/luma/cells".to_owned(), json!("AAAA")),
        ("/first/pictures/0/luma/size".to_owned(), json!([-1.0, 3.0])),
        ("/first/pictures/0/form".to_owned(), json!("fitted")),
        (
            "/first/pictures".to_owned(),
            many(text("/first/pictures/0"), 5),
        ),
    ] {
        let wrong = changed(&seen, &place, value.clone());
        let shown: String = value.to_string().chars().take(80).collect();
        assert!(read(&wrong).is_err(), "{place} = {shown}");
    }
    let mut more = seen.clone();
    more["more"] = json!(1);
    assert!(read(&more).is_err(), "an unknown key");
}

#[test]
fn a_verdict_is_read_as_it_is_written() {
    let folder = known();
    let gate = Gate::open(folder.path()).unwrap();
    let mut matched = 0;
    for path in files(Path::new("examples/pictures/uploads")) {
        let verdict = gate.check(&fs::read(&path).unwrap());
        let value = serde_json::to_value(&verdict).unwrap();
        assert_eq!(value["schema"], Verdict::SCHEMA);
        let read: Verdict = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value);
        // All but how sure the bits of hashes are, which is never written.
        assert_eq!(read.matches, verdict.matches);
        assert_eq!(read.signals, verdict.signals);
        assert_eq!(read.problem, verdict.problem);
        assert_eq!(read.banks, verdict.banks);
        assert_eq!(read.passes(), verdict.passes());
        matched += verdict.matches.len();
        let refused = |place: &str, wrong: Value| {
            let wrong = changed(&value, place, wrong);
            assert!(serde_json::from_value::<Verdict>(wrong).is_err(), "{place}");
        };
        refused("/schema", json!(2));
        refused("/action", json!("shrug"));
        refused("/signals", json!({"pdq": "00"}));
        refused("/queries_met", json!(1 << 20));
        if !verdict.matches.is_empty() {
            refused("/matches/0/kind", json!("nearly"));
            refused("/matches/0/score", json!(1.5));
            refused("/matches/0/distance", json!(300));
            refused("/matches/0/hash", json!("zz"));
            let one = value.pointer("/matches/0").unwrap().clone();
            refused(
                "/matches",
                Value::Array(vec![one; Verdict::MAX_MATCHES + 1]),
            );
        }
    }
    assert!(matched > 5, "{matched}");
}
