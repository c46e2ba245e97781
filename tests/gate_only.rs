//! The action alone: the same as a check's, with less done where it is certain early.
#![cfg(feature = "decode")]

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy, Quarantine, Share};
use hashgate::gate::{Extractor, Gate, GateOptions, Outcome, VariantSet, Worker};
use hashgate::hash::{Signal, SignalType};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use hashgate::signal::digests;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

fn pictures(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/pictures")
        .join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn pdq(bytes: &[u8]) -> Option<Signal> {
    let mut extractor = Extractor::default();
    let seen = extractor.extract(
        bytes,
        &[SignalType::Pdq],
        VariantSet::NONE,
        &Limits::default(),
    );
    seen.signals.first().copied()
}

/// A gate over banks of these policies; every bank holds the PDQ hashes of these pictures, and the SHA-256 of the last.
fn gate(folder: &Path, policies: &[Policy], known: &[Vec<u8>]) -> Gate {
    let banks: Vec<Bank> = (1..)
        .zip(policies)
        .map(|(id, policy)| Bank {
            id: BankId(id),
            name: format!("bank{id}").parse().unwrap(),
            policy: policy.clone(),
        })
        .collect();
    let of = |bank: &Bank| {
        let bank = bank.id;
        let perceptual = known.iter().filter_map(|bytes| pdq(bytes));
        let last = known.last().into_iter();
        let of_bytes = last.flat_map(|bytes| digests(bytes, &[SignalType::Sha256]));
        let signals: Vec<Signal> = perceptual.chain(of_bytes).collect();
        (0u64..).zip(signals).map(move |(content, signal)| {
            Ok::<_, Infallible>(IndexRecord {
                bank,
                content: ContentId(content),
                signal,
                quality: None,
            })
        })
    };
    let records = banks.iter().flat_map(of);
    publish(folder, &banks, records, &PublishOptions::default()).unwrap();
    Gate::open_with(folder, GateOptions::default().at(1_800_000_000)).unwrap()
}

fn policies() -> Vec<Vec<Policy>> {
    let new = Policy::new;
    let mut shared = new(Action::Block);
    shared.share = Share::from_percent(50.0).unwrap();
    let mut quarantined = new(Action::Block);
    quarantined.quarantine = Some(Quarantine {
        uploads: 1,
        seconds: 1 << 20,
    });
    let mut disabled = new(Action::Block);
    disabled.enabled = false;
    vec![
        vec![new(Action::Block)],
        vec![new(Action::Review)],
        vec![new(Action::Report), new(Action::Block)],
        vec![new(Action::Block), new(Action::Allow)],
        vec![shared],
        vec![quarantined, new(Action::Review)],
        vec![disabled, new(Action::Review)],
    ]
}

#[test]
fn the_answer_is_that_of_a_check_whatever_policies_say() {
    let mut known = pictures("known");
    known.push(b"no picture, and known by its digest".to_vec());
    let mut uploads: Vec<Vec<u8>> = pictures("uploads").into_iter().step_by(3).collect();
    uploads.extend(known.iter().cloned());
    uploads.push(b"no picture, and not known".to_vec());
    let mut early = 0;
    for policies in policies() {
        let folder = tempfile::tempdir().unwrap();
        // Each has a quarantine of its own.
        let checking = gate(folder.path(), &policies, &known);
        let deciding = Gate::open_with(folder.path(), checking.options().clone()).unwrap();
        let (mut one, mut other) = (Worker::default(), Worker::default());
        for (number, upload) in uploads.iter().enumerate() {
            let verdict = checking.check_with(&mut one, upload);
            let answer = deciding.decide_only(&mut other, upload);
            assert_eq!(answer.action, verdict.action, "{policies:?} {number}");
            assert_eq!(answer.outcome, verdict.outcome, "{policies:?} {number}");
            assert_eq!(answer.passes(), verdict.passes(), "{policies:?} {number}");
            assert_eq!(answer.generation, verdict.generation);
            if !answer.is_early {
                assert_eq!(answer.problem, verdict.problem);
            }
            early += usize::from(answer.is_early);
        }
    }
    // Of those that are known as they are, by each of the two lists of policies that let it be certain.
    assert!(early >= 2 * known.len(), "{early}");
}

#[test]
fn what_is_left_undone_is_what_cannot_matter() {
    let mut known = pictures("known");
    known.push(b"no picture, and known by its digest".to_vec());
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(folder.path(), &[Policy::new(Action::Block)], &known);
    let mut worker = Worker::default();
    for upload in &known {
        let answer = gate.decide_only(&mut worker, upload);
        assert_eq!(
            (answer.action, answer.is_early),
            (Some(Action::Block), true)
        );
        assert_eq!((answer.outcome, answer.problem), (Outcome::Match, None));
    }
    let stranger = gate.decide_only(&mut worker, b"no picture, and not known");
    assert_eq!(
        (stranger.outcome, stranger.is_early),
        (Outcome::Unsupported, false)
    );
    // What only guesses find is found, and nothing is left undone.
    let answers = pictures("uploads");
    let answers = answers
        .iter()
        .map(|upload| gate.decide_only(&mut worker, upload));
    let found = answers.filter(|answer| answer.action.is_some() && !answer.is_early);
    assert!(found.count() >= 3);
}
