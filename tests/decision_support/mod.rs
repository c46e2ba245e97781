//! What the tests of the log of decisions need.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use hashgate::bank::{Action, Bank, BankId, BankName, ContentId, Policy};
use hashgate::decisions::{Decision, DecisionLog, Input, LogOptions, SourceRecord};
use hashgate::gate::{Evidence, Match, MatchKind, Outcome, Query, Score, Verdict};
use hashgate::hash::{Distance, PdqHash, Quality, Signal, Variant};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::signal::pdq::Confidence;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder for a log that is not there yet, inside one that goes when it is dropped.
pub(crate) fn new_folder() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("home/decisions");
    (outer, folder)
}

/// A log that does not wait for the disk: no power cut is tested here.
pub(crate) fn open(folder: &Path) -> DecisionLog {
    open_small(folder, LogOptions::default().max_file_bytes)
}

/// A log whose files follow each other from so many bytes on.
pub(crate) fn open_small(folder: &Path, max_file_bytes: u64) -> DecisionLog {
    let options = LogOptions {
        max_file_bytes,
        sync: false,
        ..LogOptions::default()
    };
    DecisionLog::open(folder, options).unwrap()
}

/// A PDQ hash so many bits from the one of its number.
pub(crate) fn pdq(number: u8, bits: usize) -> Signal {
    let mut bytes = [0u8; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (place as u8)
            .wrapping_mul(37)
            .wrapping_add(number.wrapping_mul(101))
            .rotate_left(3)
            ^ number;
    }
    for bit in 0..bits {
        let bit = 5 * bit % 256;
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    PdqHash(bytes).into()
}

pub(crate) fn bank(id: u32, name: &str, action: Action) -> Bank {
    Bank {
        id: BankId(id),
        name: name.parse().unwrap(),
        policy: Policy::new(action),
    }
}

pub(crate) fn evidence(flatness: u8, is_guess: bool) -> Evidence {
    Evidence {
        confidence: Confidence::NONE,
        flatness,
        is_small: false,
        is_minor: false,
        fitted_from: None,
        is_guess,
        inverted: false,
    }
}

/// A verdict with everything that one can have, by a number.
pub(crate) fn verdict(number: u8) -> Verdict {
    let banks = vec![bank(1, "known", Action::Block)];
    let cropped: Variant = "region_0_50_0_50".parse().unwrap();
    let query = Query::of(pdq(number, 2), Quality::new(90)).evidence(evidence(12, false));
    let guess = Query::of(pdq(number, 40), Quality::new(88))
        .variant(cropped)
        .evidence(evidence(30, true));
    let sha256: Signal = format!("sha256:{:064x}", u64::from(number) + 1)
        .parse()
        .unwrap();
    let found = |content, kind, query: &Query, distance, score, action| {
        let item = (banks[0].name.clone(), ContentId(content));
        let mut found = Match::near(item, pdq(number, 0), query, Distance(distance), action);
        found.kind = kind;
        found.entry_quality = Quality::new(77);
        found.threshold = banks[0].policy.threshold;
        found.score = Score::from_value(score);
        found
    };
    let mut verdict = Verdict::no_match(3);
    verdict.outcome = Outcome::Match;
    verdict.action = Some(Action::Block);
    verdict.signals = vec![query.signal, sha256];
    verdict.quality = Quality::new(90);
    verdict.matches = vec![
        found(7, MatchKind::Near, &query, 2, 0.991, Action::Block),
        found(9, MatchKind::Verified, &guess, 40, 0.8, Action::Review),
    ];
    verdict.queries = vec![query, guess];
    verdict.queries_met = 2;
    verdict.banks = banks;
    verdict.fast = number % 2 == 1;
    verdict
}

/// A decision of its own by a number, at a time of its own.
pub(crate) fn decision(number: u8) -> Decision {
    let input = Input {
        name: Some(format!("in/{number} \"ü\".jpg")),
        name_hex: None,
        bytes: Some(1_000 + u64::from(number)),
    };
    let mut decision = Decision::of(&verdict(number), input).unwrap();
    decision.at_ms = 1_700_000_000_000 + u64::from(number);
    decision.program = "hashgate 0.1.0".into();
    decision.set_sources(|_: &BankName, id| {
        (id == ContentId(7)).then(|| {
            vec![SourceRecord {
                source: "list.csv".into(),
                record: Some(number.to_string()),
            }]
        })
    });
    decision
}

/// Copies a folder's files into another one, closed to others.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    }
    for entry in fs::read_dir(to).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

pub(crate) fn file(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("decisions-{number:08}.jsonl"))
}

/// The files of records of a folder, in their order.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    (1..)
        .map(|number| file(folder, number))
        .take_while(|path| path.exists())
        .collect()
}

/// The decisions of a log, and how many faults were met.
pub(crate) fn read(folder: &Path) -> (Vec<Decision>, usize) {
    let mut decisions = Vec::new();
    let faults = hashgate::decisions::for_each(folder, |entry, _| {
        decisions.push(entry.decision.clone());
        Ok::<_, hashgate::decisions::DecisionError>(std::ops::ControlFlow::Continue(()))
    })
    .unwrap();
    (decisions, faults.len())
}

/// Publishes entries: bank, number of the item, hash, quality.
pub(crate) fn publish_index(
    folder: &Path,
    banks: &[Bank],
    entries: &[(u32, u64, Signal, Option<Quality>)],
) -> u64 {
    let records = entries.iter().map(|&(bank, content, signal, quality)| {
        Ok::<_, std::io::Error>(IndexRecord {
            bank: BankId(bank),
            content: ContentId(content),
            signal,
            quality,
        })
    });
    let published = publish(folder, banks, records, &PublishOptions::default());
    published.unwrap().generation
}
