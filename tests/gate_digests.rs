//! Digests that can tell nothing are not computed: a gate that leaves them out decides as one that computes them all,
//! whatever is published, changed and withdrawn, and whatever policies say of single types.
#![cfg(feature = "decode")]

mod common;

use hashgate::bank::{
    Action, Bank, BankId, ContentId, Layer, Policy, Quarantine, Rule, Said, Scope, Setting, Share,
};
use hashgate::gate::{Gate, GateOptions, Mode, Outcome, Shadow, Verdict, Worker};
use hashgate::hash::{Family, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions, publish, publish_delta, verify};
use hashgate::signal::digests;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::Path;

const DIGESTS: [SignalType; 3] = [SignalType::Md5, SignalType::Sha1, SignalType::Sha256];

/// The bytes of a file that is no picture.
fn file(number: u8) -> Vec<u8> {
    format!("file {number}").into_bytes()
}

/// What an entry knows of files: which, and which digests of each.
type Known = Vec<(u8, [bool; 3])>;

fn signals(known: &Known) -> Vec<Signal> {
    let of = |(number, kinds): &(u8, [bool; 3])| {
        let wanted = DIGESTS.into_iter().zip(kinds);
        let wanted = wanted.filter_map(|(kind, is_there)| is_there.then_some(kind));
        digests(&file(*number), &wanted.collect::<Vec<_>>())
    };
    known.iter().flat_map(of).collect()
}

fn records(
    entries: &BTreeMap<(u32, u64), Known>,
) -> impl Iterator<Item = Result<IndexRecord, Infallible>> + '_ {
    entries.iter().flat_map(|(&(bank, content), known)| {
        signals(known).into_iter().map(move |signal| {
            Ok(IndexRecord {
                bank: BankId(bank),
                content: ContentId(content),
                signal,
                quality: None,
            })
        })
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    let action = prop_oneof![
        Just(Action::Block),
        Just(Action::Review),
        Just(Action::Report),
        Just(Action::Allow)
    ];
    let set = prop_oneof![
        action.clone().prop_map(Setting::Action),
        any::<bool>().prop_map(Setting::Enabled),
        Just(Setting::Share(Share::from_percent(50.0).unwrap())),
    ];
    let kind = prop::sample::select(DIGESTS.to_vec());
    let rules = prop::collection::vec((kind, set), 0..3);
    let quarantine = prop::option::weighted(0.2, 1u32..3);
    (action, any::<bool>(), 0u8..3, quarantine, rules).prop_map(
        |(action, enabled, share, quarantine, rules)| {
            let mut policy = Policy::new(action);
            policy.enabled = enabled || share == 0;
            if share == 2 {
                policy.share = Share::from_percent(50.0).unwrap();
            }
            policy.quarantine = quarantine.map(|uploads| Quarantine {
                uploads,
                seconds: 1 << 20,
            });
            let rule = |(kind, set)| Rule {
                scope: Scope {
                    signal_type: Some(kind),
                    ..Scope::default()
                },
                say: vec![Said { set, line: 1 }],
            };
            policy.layer = (!rules.is_empty()).then(|| {
                Box::new(Layer {
                    file: "policy.toml".to_owned(),
                    over: Vec::new(),
                    rules: rules.into_iter().map(rule).collect(),
                })
            });
            policy
        },
    )
}

fn banks(policies: &[Policy]) -> Vec<Bank> {
    (1..)
        .zip(policies)
        .map(|(id, policy)| Bank {
            id: BankId(id),
            name: format!("bank{id}").parse().unwrap(),
            policy: policy.clone(),
        })
        .collect()
}

/// Entries whose digests mostly are of one file, all of them there or only some.
fn known() -> impl Strategy<Value = Known> {
    let kinds = prop_oneof![
        4 => Just([true; 3]),
        1 => Just([false, false, true]),
        1 => any::<[bool; 3]>(),
    ];
    let one = (0u8..12, kinds);
    prop_oneof![
        6 => prop::collection::vec(one.clone(), 1),
        1 => prop::collection::vec(one, 2).prop_filter("it looks like one file", |known| {
            !looks_like_another(known)
        }),
    ]
}

/// Whether an entry has one SHA-256 and one digest of another kind, which are of two files: no list says that of one
/// entry, and nobody could tell it from one file.
fn looks_like_another(known: &Known) -> bool {
    let files = |kind: usize| -> BTreeSet<u8> {
        let has = known.iter().filter(|(_, kinds)| kinds[kind]);
        has.map(|(number, _)| *number).collect()
    };
    let sha256 = files(2);
    [0, 1].into_iter().any(|kind| {
        let other = files(kind);
        other.len() == 1 && sha256.len() == 1 && other != sha256
    })
}

fn entries(most: u64) -> impl Strategy<Value = BTreeMap<(u32, u64), Known>> {
    prop::collection::btree_map((1u32..4, 0..most), known(), 1..8)
}

/// What both gates must say alike: all of a verdict, but MD5 and SHA-1 that met nothing.
fn alike(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    let is_late =
        |signal: &Signal| matches!(signal.signal_type(), SignalType::Md5 | SignalType::Sha1);
    let met: Vec<Signal> = verdict.matches.iter().map(|found| found.query).collect();
    let tells = |signal: &Signal| !is_late(signal) || met.contains(signal);
    verdict.queries.retain(|query| tells(&query.signal));
    // Where bytes meet something, every digest counts as one that did.
    verdict.queries_met = 0;
    if verdict.outcome == Outcome::NoMatch {
        verdict.signals.retain(tells);
    }
    verdict
}

fn gate(folder: &Path, all: bool) -> Gate {
    let options = GateOptions::default().all_digests(all).at(1_800_000_000);
    Gate::open_with(folder, options).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn leaving_digests_out_changes_no_decision(
        policies in prop::collection::vec(policy(), 3),
        tried in prop::collection::vec(policy(), 3),
        first in entries(6),
        changes in prop::collection::vec(
            (entries(9), prop::collection::btree_set((1u32..4, 0u64..6), 0..4)),
            0..3,
        ),
    ) {
        let home = tempfile::tempdir().unwrap();
        let banks = banks(&policies);
        let options = PublishOptions { linear_below: 2, ..PublishOptions::default() };
        publish(home.path(), &banks, records(&first), &options).unwrap();
        for (added, removed) in &changes {
            let removed = removed.iter().map(|&(bank, content)| (BankId(bank), ContentId(content)));
            publish_delta(home.path(), &banks, records(added), removed, &options).unwrap();
        }
        prop_assert!(verify(home.path()).unwrap().is_sound());
        let (some, all) = (gate(home.path(), false), gate(home.path(), true));
        let others = self::banks(&tried);
        let shadow = |gate: &Gate| Shadow::new(&gate.index(), others.clone()).unwrap();
        let (tried_some, tried_all) = (shadow(&some), shadow(&all));
        let (mut one, mut other) = (Worker::default(), Worker::default());
        for number in (0..14).chain(0..14) {
            let bytes = file(number);
            let some = some.check_later(&mut one, &bytes, Some(&tried_some)).settle(&some);
            let all = all.check_later(&mut other, &bytes, Some(&tried_all)).settle(&all);
            prop_assert_eq!(alike(&some.verdict), alike(&all.verdict));
            let (some, all) = (some.shadow.unwrap(), all.shadow.unwrap());
            prop_assert_eq!(alike(&some), alike(&all));
        }
    }
}

fn index_of(known: &[Known]) -> Index {
    let entries = (0..)
        .zip(known)
        .map(|(number, known)| ((1, number), known.clone()));
    let entries: BTreeMap<(u32, u64), Known> = entries.collect();
    let banks = banks(&[Policy::new(Action::Block)]);
    Index::in_memory(&banks, records(&entries), &PublishOptions::default()).unwrap()
}

/// The smallest picture that has enough in it: noise, as a PNG.
fn picture() -> Vec<u8> {
    let mut state = 7u32;
    let pixels = image::RgbImage::from_fn(96, 96, |x, y| {
        if x % 6 == 0 && y % 6 == 0 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        }
        image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (x + y) as u8])
    });
    let mut png = std::io::Cursor::new(Vec::new());
    pixels.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

fn digests_of(verdict: &Verdict) -> Vec<SignalType> {
    let kinds = verdict.signals.iter().map(Signal::signal_type);
    kinds
        .filter(|kind| kind.family() == Family::Digest)
        .collect()
}

#[test]
fn what_passes_is_digested_once_and_what_does_not_has_every_digest() {
    let index = || index_of(&[vec![(1, [true; 3])], vec![(2, [false, false, true])]]);
    let some = Gate::over(index(), GateOptions::default());
    let all = Gate::over(index(), GateOptions::default().all_digests(true));
    let asked = GateOptions::default().signals([SignalType::Sha1]);
    let asked = Gate::over(index(), asked);
    let passes = picture();
    assert_eq!(some.check(&passes).outcome, Outcome::NoMatch);
    assert_eq!(digests_of(&some.check(&passes)), [SignalType::Sha256]);
    assert_eq!(digests_of(&all.check(&passes)), DIGESTS);
    let both = [SignalType::Sha1, SignalType::Sha256];
    assert_eq!(digests_of(&asked.check(&passes)), both, "it was asked for");
    // No picture and no match: what is recorded of it names it by all digests.
    assert_eq!(digests_of(&some.check(&file(9))), DIGESTS);
    let found = some.check(&file(1));
    let kinds: Vec<SignalType> = found
        .matches
        .iter()
        .map(|one| one.entry.signal_type())
        .collect();
    assert_eq!(kinds, DIGESTS, "an entry is listed once for each type");
    assert_eq!(found, all.check(&file(1)));
}

#[test]
fn an_entry_without_sha256_or_of_two_files_has_all_computed() {
    let one = vec![(1, [true; 3])];
    for other in [
        vec![(2, [true, false, false])],
        vec![(2, [true, true, false])],
        // Which SHA-256 is of which file?
        vec![(2, [true; 3]), (3, [true, false, false])],
        vec![(2, [true; 3]), (3, [false, false, true])],
    ] {
        let index = index_of(&[one.clone(), other.clone()]);
        assert!(!index.is_implied_by_sha256(SignalType::Md5), "{other:?}");
        let gate = Gate::over(index, GateOptions::default());
        for (number, _) in &other {
            assert_eq!(
                gate.check(&file(*number)).outcome,
                Outcome::Match,
                "{other:?}"
            );
        }
    }
    let index = index_of(&[one, vec![(2, [false, true, true])]]);
    assert!(index.is_implied_by_sha256(SignalType::Md5));
    assert!(index.is_implied_by_sha256(SignalType::Sha1));
    assert!(!index.is_implied_by_sha256(SignalType::Sha256));
    assert!(
        !index.is_implied_by_sha256(SignalType::Pdq),
        "it is not held"
    );
}

#[test]
fn a_manifest_that_does_not_say_has_all_computed_and_one_that_lies_is_named() {
    let home = tempfile::tempdir().unwrap();
    let entries: BTreeMap<(u32, u64), Known> = [
        ((1, 1), vec![(1, [true; 3])]),
        ((1, 2), vec![(2, [false, true, true])]),
    ]
    .into();
    let banks = banks(&[Policy::new(Action::Block)]);
    publish(
        home.path(),
        &banks,
        records(&entries),
        &PublishOptions::default(),
    )
    .unwrap();
    let path = home.path().join("manifest");
    let says = "\"implied\": true";
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.matches(says).count(), 2);
    let sealed = |text: &str| {
        let body = text.split_once("# crc32c").unwrap().0;
        format!("{body}# crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()))
    };
    // As programs of old write it.
    let old = written.replace(&format!(",\n          {says}"), "");
    assert_eq!(old.matches(says).count(), 0, "{written}");
    std::fs::write(&path, sealed(&old)).unwrap();
    let index = Index::open(home.path()).unwrap();
    assert!(!index.is_implied_by_sha256(SignalType::Md5));
    // A delta on top says it of itself; that is not enough.
    let more: BTreeMap<(u32, u64), Known> = [((1, 3), vec![(3, [true; 3])])].into();
    let tall = PublishOptions {
        segment_records: 1,
        ..PublishOptions::default()
    };
    publish_delta(home.path(), &banks, records(&more), [], &tall).unwrap();
    let index = Index::open(home.path()).unwrap();
    assert_eq!(index.stats().segments, 2);
    assert!(!index.is_implied_by_sha256(SignalType::Md5));

    // Entries whose MD5 stands alone, and a manifest that says it tells nothing.
    let lone: BTreeMap<(u32, u64), Known> = [
        ((1, 1), vec![(1, [true, false, false])]),
        ((1, 2), vec![(2, [true; 3])]),
    ]
    .into();
    publish(
        home.path(),
        &banks,
        records(&lone),
        &PublishOptions::default(),
    )
    .unwrap();
    assert!(verify(home.path()).unwrap().is_sound());
    let written = std::fs::read_to_string(&path).unwrap();
    let at = written.find("\"signal_type\": \"md5\"").unwrap();
    let end = at + written[at..].find("\n        }").unwrap();
    let lie = format!("{},\n          {says}{}", &written[..end], &written[end..]);
    std::fs::write(&path, sealed(&lie)).unwrap();
    let report = verify(home.path()).unwrap();
    assert_eq!(report.damaged.len(), 1);
    let said = report.damaged[0].1.to_string();
    assert!(
        said.contains("md5") && said.contains("hashgate publish"),
        "{said}"
    );
}

#[test]
fn a_large_file_is_digested_beside_its_picture_with_the_same_verdict() {
    // Behind a picture's end stands what makes it large.
    let mut large = picture();
    large.resize(1 << 20, 0);
    let small = picture();
    let index = |known: &[u8]| {
        let signals = digests(known, &DIGESTS);
        let records = signals.into_iter().map(|signal| {
            Ok::<_, Infallible>(IndexRecord {
                bank: BankId(1),
                content: ContentId(1),
                signal,
                quality: None,
            })
        });
        let banks = banks(&[Policy::new(Action::Block)]);
        Index::in_memory(&banks, records, &PublishOptions::default()).unwrap()
    };
    for mode in [Mode::Exact, Mode::Auto] {
        for bytes in [&large, &small] {
            let gate = Gate::over(index(bytes), GateOptions::default().mode(mode));
            let here = gate.check(bytes);
            // A look that begins no thread.
            let seen = hashgate::gate::look(bytes, &gate.look_options().fitting(true));
            assert_eq!(here, gate.decide(&seen));
            assert_eq!((here.outcome, here.matches.len()), (Outcome::Match, 3));
            assert_ne!(gate.check(&picture()[1..]).outcome, Outcome::Match);
        }
    }
    let gates = Gate::over(index(&large), GateOptions::default());
    let verdicts: Vec<Verdict> = std::thread::scope(|threads| {
        let check = || (0..3).map(|_| gates.check(&large)).collect::<Vec<_>>();
        let checks: Vec<_> = (0..6).map(|_| threads.spawn(check)).collect();
        checks
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    });
    assert_eq!(verdicts.len(), 18);
    let first = gates.check(&large);
    assert!(verdicts.iter().all(|verdict| *verdict == first));
}
