//! Uploads asked about together have the very verdicts that each has by itself, whatever lies near them.
#![cfg(feature = "decode")]

mod common;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Gate, GateOptions, Mode, Outcome, Verdict, Worker};
use hashgate::hash::{PdqHash, Quality, SignalType};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Uploads of at most this many bytes are asked about: each is looked at a dozen times.
const MOST_BYTES: usize = 60_000;

/// Uploads by their names.
fn uploads() -> Vec<(String, Vec<u8>)> {
    let mut folders: Vec<PathBuf> = ["known", "uploads"]
        .map(|name| Path::new("examples/pictures").join(name))
        .to_vec();
    folders.extend(common::test_data().map(|data| data.join("hard")));
    let mut uploads = Vec::new();
    for folder in folders {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        paths.sort();
        uploads.extend(
            paths
                .into_iter()
                .map(|path| (path.display().to_string(), fs::read(&path).unwrap())),
        );
    }
    uploads.retain(|(_, bytes)| bytes.len() <= MOST_BYTES);
    assert!(uploads.len() > 20, "{} uploads", uploads.len());
    uploads
}

struct Draw(u64);

impl Draw {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn flipped(mut hash: PdqHash, bits: usize, draw: &mut Draw) -> PdqHash {
    let mut done = Vec::new();
    while done.len() < bits {
        let bit = draw.below(256);
        if !done.contains(&bit) {
            hash.0[bit / 8] ^= 1 << (bit % 8);
            done.push(bit);
        }
    }
    hash
}

/// An index with an entry near every second upload: so many bits from one of its queries that it matches, that it nearly does, or
/// that it is just not met. `besides` strangers are in it too.
fn index(asked: &[Verdict], besides: usize, draw: &mut Draw) -> TempDir {
    let mut least = Policy::new(Action::Review);
    least.min_quality = Quality::new(80).unwrap();
    let policies = [
        ("known", Policy::new(Action::Block)),
        ("good", least),
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
    let mut add = |hash: PdqHash, bank: u32| {
        records.push(IndexRecord {
            bank: BankId(bank),
            content: ContentId(records.len() as u64 + 1),
            signal: hash.into(),
            quality: None,
        });
    };
    for verdict in asked.iter().step_by(2) {
        let of_pixels: Vec<PdqHash> = verdict
            .queries
            .iter()
            .filter_map(|query| query.signal.as_pdq())
            .collect();
        if !of_pixels.is_empty() {
            let hash = of_pixels[draw.below(of_pixels.len())];
            let bits = draw.below(90);
            add(flipped(hash, bits, draw), 1 + draw.below(3) as u32);
        }
    }
    for _ in 0..besides {
        add(PdqHash(std::array::from_fn(|_| draw.below(256) as u8)), 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let records = records.into_iter().map(Ok::<_, Infallible>);
    publish(folder.path(), &banks, records, &PublishOptions::default()).unwrap();
    folder
}

#[test]
fn asked_about_together_each_upload_has_its_own_verdict() {
    let uploads = uploads();
    let mut draw = Draw(17);
    let mut worker = Worker::default();
    let strangers = index(&[], 10, &mut draw);
    let all = Gate::open(strangers.path()).unwrap();
    let asked: Vec<Verdict> = uploads
        .iter()
        .map(|(_, bytes)| all.check_with(&mut worker, bytes))
        .collect();
    let (mut at_once, mut matched, mut fast) = (0, 0, 0);
    // The more hashes, the nearer an entry must be, and the fewer guesses are asked beyond the threshold.
    for (besides, mode, variants) in [
        (10, Mode::Auto, "standard"),
        (10, Mode::Exact, "standard"),
        (10, Mode::Fast, "none"),
        (60_000, Mode::Auto, "standard"),
        (150_000, Mode::Auto, "none"),
        (150_000, Mode::Exact, "standard"),
    ] {
        let folder = index(&asked, besides, &mut draw);
        // From the first pixel on, so that small pictures are read from coefficients too.
        let options = GateOptions::default()
            .mode(mode)
            .auto_from(0)
            .variants(variants.parse().unwrap());
        let gate = Gate::open_with(folder.path(), options).unwrap();
        let pooled = gate.pooled();
        let mut looked: Vec<_> = uploads
            .iter()
            .map(|(_, bytes)| pooled.look(&mut worker, bytes))
            .collect();
        pooled.ask(&mut looked);
        for ((name, bytes), looked) in uploads.iter().zip(looked) {
            at_once += usize::from(looked.meets_nothing());
            let verdict = pooled
                .decide(&mut worker, bytes, looked)
                .unsettled()
                .verdict;
            let alone = gate
                .check_later(&mut worker, bytes, None)
                .unsettled()
                .verdict;
            assert_eq!(
                verdict, alone,
                "{name} ({mode}, {variants}, {besides} strangers)"
            );
            matched += usize::from(verdict.outcome == Outcome::Match);
            fast += usize::from(verdict.fast);
        }
    }
    assert!(at_once > uploads.len(), "{at_once} met nothing");
    assert!(matched > 20, "{matched} matched");
    assert!(fast > 10, "{fast} were read from coefficients");
}

#[test]
fn files_are_asked_about_together_where_guesses_meet_a_large_index() {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let mut draw = Draw(11);
    let mut records = Vec::new();
    for number in 1..=500_000 {
        let mut hash = PdqHash([0; 32]);
        hash.0.fill_with(|| draw.below(256) as u8);
        records.push(Ok::<_, Infallible>(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal: hash.into(),
            quality: None,
        }));
    }
    let folder = tempfile::tempdir().unwrap();
    let all = records.into_iter();
    publish(folder.path(), &[bank], all, &PublishOptions::default()).unwrap();
    for (variants, pools) in [("standard", true), ("none", false)] {
        let options = GateOptions::default().variants(variants.parse().unwrap());
        let gate = Gate::open_with(folder.path(), options).unwrap();
        assert_eq!(gate.pools(), pools, "{variants}");
    }
}

#[test]
fn one_that_nobody_asked_about_is_checked_as_always() {
    let mut draw = Draw(3);
    let known = fs::read("examples/pictures/known/cat.jpg").unwrap();
    let strangers = index(&[], 10, &mut draw);
    let verdict = Gate::open(strangers.path()).unwrap().check(&known);
    let hash = verdict
        .signals
        .iter()
        .find(|signal| signal.signal_type() == SignalType::Pdq);
    let hash = hash.and_then(|signal| signal.as_pdq()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let record = IndexRecord {
        bank: BankId(1),
        content: ContentId(1),
        signal: hash.into(),
        quality: None,
    };
    publish(
        folder.path(),
        &[bank],
        std::iter::once(Ok::<_, Infallible>(record)),
        &PublishOptions::default(),
    )
    .unwrap();
    let gate = Gate::open(folder.path()).unwrap();
    let (pooled, mut worker) = (gate.pooled(), Worker::default());
    let looked = pooled.look(&mut worker, &known);
    assert!(!looked.meets_nothing());
    let verdict = pooled
        .decide(&mut worker, &known, looked)
        .settle(&gate)
        .verdict;
    assert_eq!(verdict.action, Some(Action::Block));
}

#[test]
fn files_that_are_checked_together_have_the_verdicts_of_each() {
    let mut draw = Draw(5);
    let (mut worker, elsewhere) = (Worker::default(), tempfile::tempdir().unwrap());
    let mut paths = Vec::new();
    for (number, (_, bytes)) in uploads().into_iter().enumerate() {
        let path = elsewhere.path().join(number.to_string());
        fs::write(&path, bytes).unwrap();
        paths.push(path);
    }
    // What cannot be read keeps its place.
    paths.insert(3, elsewhere.path().join("missing"));
    paths.insert(7, elsewhere.path().to_path_buf());
    let strangers = index(&[], 10, &mut draw);
    let all = Gate::open(strangers.path()).unwrap();
    let read = paths.iter().filter_map(|path| fs::read(path).ok());
    let asked: Vec<Verdict> = read
        .map(|bytes| all.check_with(&mut worker, &bytes))
        .collect();
    let folder = index(&asked, 10, &mut draw);
    let gate = Gate::open(folder.path()).unwrap();
    assert!(!gate.pools(), "so few hashes are asked one by one");
    for together in [1, 8, paths.len()] {
        let (mut matched, mut unread) = (0, 0);
        for paths in paths.chunks(together) {
            let done = gate.check_files_later(&mut worker, paths);
            assert_eq!(done.len(), paths.len());
            for (path, done) in paths.iter().zip(done) {
                let alone = gate.check_file_later(&mut worker, path, None).unsettled();
                let done = done.unsettled();
                assert_eq!(done.verdict, alone.verdict, "{}", path.display());
                assert_eq!(done.bytes, alone.bytes);
                matched += usize::from(done.verdict.outcome == Outcome::Match);
                unread += usize::from(done.verdict.outcome == Outcome::Unreadable);
            }
        }
        assert!(
            matched > 3 && unread == 2,
            "{matched} matched, {unread} unread"
        );
    }
}
