//! What policy decides through a published index: rules of labels and types, roll-out, sources,
//! entries that are out until a time, quarantine, and policies that are tried out.
#![cfg(all(feature = "decode", feature = "policy"))]

mod policy_support;
mod search_support;

use hashgate::bank::{Action, ContentId, ContentSignal, Paused, Policy, Quarantine, Share};
use hashgate::gate::{Gate, GateOptions, Outcome, Shadow, Verdict};
use hashgate::hash::{PdqHash, Signal};
use hashgate::index::{Carried, PublishOptions, publish};
use policy_support::*;
use proptest::prelude::*;
use search_support::Random;
use std::fs;
use std::path::Path;

#[test]
fn rules_of_labels_decide_at_the_upload_server() {
    let home = tempfile::tempdir().unwrap();
    let (_, banks) = lay(
        "[label.mild]\naction = \"review\"\n\
         [bank.known.label.loose]\nthreshold = 40\naction = \"report\"\n\
         [bank.known.label.tight.type.pdq]\nthreshold = 2\n\
         [bank.known.label.off]\nenabled = false\n",
        vec![
            bank(1, "known", Policy::new(Action::Block)),
            bank(2, "other", Policy::new(Action::Block)),
        ],
    );
    let at = |place| bits(place, 40);
    put(
        home.path(),
        &banks,
        &[
            (1, 1, at(0), &[], 1),
            (1, 2, at(50), &["mild"], 1),
            (1, 3, at(100), &["loose", "mild"], 1),
            (1, 4, at(150), &["tight", "unheard of"], 1),
            (1, 5, at(200), &["off"], 1),
            (2, 6, at(25), &["mild", "loose"], 1),
        ],
    );
    let gate = open(home.path(), 0);
    let rule = |verdict: &Verdict| verdict.matches[0].rule.as_deref().map(str::to_owned);
    let plain = ask(&gate, at(0));
    assert_eq!((plain.action, rule(&plain)), (Some(Action::Block), None));
    let mild = ask(&gate, at(50));
    assert_eq!(
        (mild.action, rule(&mild)),
        (Some(Action::Review), Some("label mild".into()))
    );
    let loose = ask(&gate, bits(100, 78));
    assert_eq!(
        loose.matches[0].distance.0, 38,
        "beyond the bank's threshold"
    );
    assert_eq!(
        (loose.action, rule(&loose)),
        (Some(Action::Report), Some("label loose + bank".into()))
    );
    let tight = ask(&gate, bits(150, 42));
    assert_eq!(
        (tight.action, tight.matches[0].threshold.0),
        (Some(Action::Block), 2)
    );
    assert_eq!(ask(&gate, bits(150, 43)).outcome, Outcome::NoMatch);
    assert_eq!(ask(&gate, at(200)).outcome, Outcome::NoMatch);
    let json = serde_json::to_value(&mild.matches[0]).unwrap();
    assert_eq!(json["rule"], "label mild");
    assert!(
        serde_json::to_value(&plain.matches[0])
            .unwrap()
            .get("rule")
            .is_none()
    );
    // Asked in a batch the answers are the same.
    let asked: Vec<ContentSignal> = [at(0), at(50), bits(100, 78), bits(150, 43), at(200)]
        .map(|hash| ContentSignal::new(hash.into(), None))
        .into();
    for (one, verdict) in asked.iter().zip(gate.match_signals(&asked)) {
        assert_eq!(verdict, gate.match_signal(&one.signal, None));
    }
}

#[test]
fn too_few_sources_do_not_match() {
    let home = tempfile::tempdir().unwrap();
    let (_, banks) = lay(
        "[bank.known]\nmin_sources = 2\n[bank.known.label.sure]\nmin_sources = 0\n",
        vec![bank(1, "known", Policy::new(Action::Block))],
    );
    let one = bits(0, 40);
    for (sources, labels, expected) in [
        (1, &[][..], Outcome::NoMatch),
        (2, &[], Outcome::Match),
        (3, &[], Outcome::Match),
        (0, &[], Outcome::NoMatch),
        (0, &["sure"], Outcome::Match),
    ] {
        put(home.path(), &banks, &[(1, 1, one, labels, sources)]);
        assert_eq!(
            ask(&open(home.path(), 0), one).outcome,
            expected,
            "{sources} {labels:?}"
        );
    }
}

#[test]
fn an_entry_that_is_out_until_a_time_comes_back_where_nobody_publishes_again() {
    let home = tempfile::tempdir().unwrap();
    let mut policy = Policy::new(Action::Block);
    policy.paused.push(Paused {
        content: ContentId(1),
        until: 1_000,
    });
    put(
        home.path(),
        &[bank(1, "known", policy)],
        &[(1, 1, bits(0, 40), &[], 1), (1, 2, bits(2, 40), &[], 1)],
    );
    let ids = |at| -> Vec<u64> {
        let verdict = ask(&open(home.path(), at), bits(0, 40));
        verdict
            .matches
            .iter()
            .map(|found| found.content_id.0)
            .collect()
    };
    assert_eq!((ids(999), ids(1_000)), (vec![2], vec![1, 2]));
    let nearest = |at| {
        open(home.path(), at)
            .nearest(&bits(0, 40).into(), hashgate::hash::Distance(9), 1)
            .matches
    };
    assert_eq!(nearest(999)[0].content_id.0, 2, "it takes no other's place");
    assert_eq!(nearest(1_000)[0].content_id.0, 1);
}

#[test]
fn a_greater_share_only_adds_uploads_and_the_same_upload_gets_the_same_answer() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(5);
    let hashes: Vec<PdqHash> = (0..300)
        .map(|_| PdqHash(random.bytes(32).try_into().unwrap()))
        .collect();
    let entries: Vec<Entry<'_>> = hashes
        .iter()
        .zip(1..)
        .map(|(&hash, id)| (1, id, hash, &[][..], 1))
        .collect();
    let mut before = Vec::new();
    for percent in [0.0, 5.0, 30.0, 31.0, 80.0, 100.0] {
        let mut policy = Policy::new(Action::Block);
        policy.share = Share::from_percent(percent).unwrap();
        put(home.path(), &[bank(1, "known", policy)], &entries);
        let gate = open(home.path(), 0);
        let stopped: Vec<bool> = hashes
            .iter()
            .map(|&hash| !ask(&gate, hash).passes())
            .collect();
        let again: Vec<bool> = hashes
            .iter()
            .map(|&hash| !ask(&gate, hash).passes())
            .collect();
        assert_eq!(stopped, again);
        assert!(
            before
                .iter()
                .zip(&stopped)
                .all(|(before, now)| !before || *now),
            "{percent}"
        );
        let share = stopped.iter().filter(|stopped| **stopped).count() as f64 / 3.0;
        assert!((share - percent).abs() < 8.0, "{percent} {share}");
        before = stopped;
    }
    // By an upload's bytes, whatever it is hashed to.
    let mut policy = Policy::new(Action::Block);
    policy.share = Share::from_percent(50.0).unwrap();
    let picture = fs::read("examples/pictures/known/butterfly.png").unwrap();
    let hash = open(home.path(), 0).check(&picture).signals[0]
        .as_pdq()
        .unwrap();
    put(
        home.path(),
        &[bank(1, "known", policy)],
        &[(1, 1, hash, &[], 1)],
    );
    let gate = open(home.path(), 0);
    let mut stopped = [0; 2];
    for tail in 0..40_u8 {
        // Bytes behind a PNG's end change no pixel.
        let upload = [&picture[..], &[tail]].concat();
        let verdict = gate.check(&upload);
        assert_eq!(verdict.passes(), gate.check(&upload).passes());
        stopped[usize::from(verdict.passes())] += 1;
    }
    assert!(stopped[0] > 8 && stopped[1] > 8, "{stopped:?}");
}

#[test]
fn a_quarantined_entry_is_reviewed_and_nothing_passes() {
    let home = tempfile::tempdir().unwrap();
    let mut policy = Policy::new(Action::Block);
    policy.quarantine = Some(Quarantine {
        uploads: 3,
        seconds: 60,
    });
    let banks = [
        bank(1, "watched", policy),
        bank(2, "firm", Policy::new(Action::Block)),
        bank(3, "harmless", Policy::new(Action::Allow)),
    ];
    put(
        home.path(),
        &banks,
        &[
            (1, 1, bits(0, 40), &[], 1),
            (2, 2, bits(0, 70), &[], 1),
            (3, 3, bits(200, 40), &[], 1),
        ],
    );
    let gate = open(home.path(), 0);
    // Six distinct uploads that only the watched entry stops.
    let actions: Vec<_> = (0..6)
        .map(|n| {
            let verdict = ask(&gate, bits(20 + n, 20));
            assert!(!verdict.passes());
            assert_eq!(verdict.quarantined, verdict.matches[0].quarantined);
            verdict.action
        })
        .collect();
    let (block, review) = (Some(Action::Block), Some(Action::Review));
    assert_eq!(actions, [block, block, block, review, review, review]);
    assert_eq!(
        ask(&gate, bits(20, 20)).action,
        review,
        "an upload that was blocked before too"
    );
    let both = ask(&gate, bits(0, 55));
    assert_eq!(
        (both.action, both.quarantined),
        (block, false),
        "another entry stops it"
    );
    assert!(
        both.matches
            .iter()
            .any(|found| found.quarantined && found.action == Action::Review)
    );
    assert_eq!(
        ask(&gate, bits(200, 40)).action,
        Some(Action::Allow),
        "allow is allow"
    );
    // What is settled later is counted in the order in which it is settled.
    let options = GateOptions::default().at(0);
    let gate = Gate::open_with(home.path(), options).unwrap();
    let asked = |n: usize| gate.match_signal_later(&bits(20 + n, 20).into(), None);
    let unsettled: Vec<_> = (0..6).map(asked).collect();
    let settled = unsettled.into_iter().rev().map(|one| one.settle(&gate));
    let actions: Vec<_> = settled.map(|checked| checked.verdict.action).collect();
    assert_eq!(actions, [block, block, block, review, review, review]);
    let uncounted = asked(0).unsettled().verdict;
    assert_eq!((uncounted.action, uncounted.quarantined), (block, false));
}

#[test]
fn a_shadow_decides_beside_and_is_never_acted_on() {
    let home = tempfile::tempdir().unwrap();
    let (_, banks) = lay(
        "[bank.known]\naction = \"review\"\n[carry]\nlabels = [\"mild\"]\n",
        vec![bank(1, "known", Policy::new(Action::Block))],
    );
    let carried = Carried::by(&banks, &["mild".to_owned()], true).unwrap();
    let options = PublishOptions {
        carried: Some(&carried),
        ..PublishOptions::default()
    };
    let picture = fs::read("examples/pictures/known/butterfly.png").unwrap();
    let hash = hashgate::gate::Extractor::default()
        .extract_known(&picture, &Default::default(), hashgate::gate::Forms::NONE)
        .unwrap()
        .signals[0]
        .signal
        .as_pdq()
        .unwrap();
    let entries: [Entry<'_>; 1] = [(1, 1, hash, &["mild"], 3)];
    publish(home.path(), &banks, records(&carried, &entries), &options).unwrap();
    let gate = open(home.path(), 0);
    let index = gate.index();
    let tried = |text: &str| {
        let (_, banks) = lay(text, index.banks().to_vec());
        Shadow::new(&index, banks)
    };
    let path = Path::new("examples/pictures/known/butterfly.png");
    for (text, action) in [
        ("", Some(Action::Block)),
        ("[bank.known]\naction = \"review\"", Some(Action::Review)),
        ("[label.mild]\naction = \"report\"", Some(Action::Report)),
        ("[bank.known]\nmin_sources = 4", None),
        ("[bank.known]\nmin_sources = 3", Some(Action::Block)),
    ] {
        let shadow = tried(text).unwrap();
        let checked = gate.check_file_with(&mut Default::default(), path, Some(&shadow));
        let (verdict, other) = (checked.verdict, checked.shadow);
        assert_eq!(
            verdict.action,
            Some(Action::Review),
            "{text}: what is in force is acted on"
        );
        assert_eq!(other.unwrap().action, action, "{text}");
        let asked = [ContentSignal::new(hash.into(), None)];
        assert_eq!(
            gate.match_signals_with(&shadow, &asked)[0].action,
            action,
            "{text}"
        );
    }
    let error = tried("[label.unknown]\naction = \"report\"")
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("the label \"unknown\", which the index does not carry"),
        "{error}"
    );
}

#[test]
fn an_explanation_tells_what_decides() {
    let home = tempfile::tempdir().unwrap();
    let (_, banks) = lay(
        "[bank.known]\nmin_sources = 2\n\n[bank.known.label.mild]\naction = \"review\"\n",
        vec![
            bank(1, "known", Policy::new(Action::Block)),
            bank(2, "harmless", Policy::new(Action::Allow)),
        ],
    );
    put(
        home.path(),
        &banks,
        &[
            (1, 1, bits(0, 40), &["mild"], 2),
            (1, 2, bits(2, 40), &[], 1),
            (1, 3, bits(0, 80), &[], 2),
            (2, 4, bits(30, 40), &[], 1),
        ],
    );
    let gate = open(home.path(), 0);
    let signal: Signal = bits(0, 40).into();
    let explained = gate.explain_signal(&signal, None);
    assert_eq!(explained.verdict, gate.match_signal(&signal, None));
    let told: Vec<(u64, Option<Action>, String)> = explained
        .considered
        .iter()
        .map(|one| {
            let why = one
                .result
                .as_ref()
                .err()
                .map_or_else(String::new, ToString::to_string);
            (
                one.content_id.0,
                one.result.as_ref().ok().map(|found| found.action),
                why,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, Some(Action::Review), String::new()),
            (
                2,
                None,
                "1 agree that it is what it is said to be, 2 are asked for".into()
            ),
            (3, None, "it is farther than 31 bits".into()),
            (4, None, "it is farther than 31 bits".into()),
        ]
    );
    let first = &explained.considered[0];
    assert_eq!(
        (first.labels.as_slice(), first.sources),
        (&["mild".to_owned()][..], Some(2))
    );
    let counts: Vec<String> = first
        .steps
        .iter()
        .filter(|step| step.set.name() == "action")
        .map(|step| format!("{} {} {} {}", step.set, step.scope, step.from, step.counts))
        .collect();
    assert_eq!(
        counts,
        [
            "\"block\" bank store false",
            "\"review\" label mild + bank config.toml:5 true",
        ]
    );
}

const LABELS: [&str; 3] = ["a", "b", "c"];

/// A section of a policy file that says one thing.
fn said(place: usize, line: String) -> String {
    let section = [
        "bank.known",
        "label.a",
        "label.b",
        "bank.known.label.a",
        "bank.known.label.c",
        "bank.known.type.pdq",
        "label.b.type.pdq",
        "bank.known.label.b.type.pdq",
    ][place % 8];
    format!("[{section}]\n{line}\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Among rules that say what to do, only `allow` and `report`, which say so, let a match pass.
    #[test]
    fn only_a_rule_that_allows_lets_a_match_pass(
        stops in proptest::collection::btree_map(0usize..8, any::<bool>(), 0..6),
        quarantine in any::<bool>(),
        lets in 0usize..8,
        report in any::<bool>(),
        labels in proptest::sample::subsequence(&LABELS[..], 0..=3),
    ) {
        let home = tempfile::tempdir().unwrap();
        let file = |stops: &std::collections::BTreeMap<usize, String>| -> String {
            stops.iter().map(|(&place, line)| said(place, line.clone())).collect()
        };
        let mut rules: std::collections::BTreeMap<usize, String> = stops.iter().map(|(&place, &block)| {
            (place, format!("action = \"{}\"", if block { "block" } else { "review" }))
        }).collect();
        let policy = || {
            let mut policy = Policy::new(Action::Block);
            policy.quarantine = quarantine.then_some(Quarantine { uploads: 1, seconds: 9 });
            policy
        };
        let verdicts = |rules: &std::collections::BTreeMap<usize, String>| {
            let (_, banks) = lay(&file(rules), vec![bank(1, "known", policy())]);
            put(home.path(), &banks, &[(1, 1, bits(0, 40), &labels[..], 1)]);
            let gate = open(home.path(), 0);
            [0, 1, 2, 3].map(|n| ask(&gate, bits(n, 40)))
        };
        for verdict in verdicts(&rules) {
            prop_assert_eq!(verdict.outcome, Outcome::Match);
            prop_assert!(!verdict.passes(), "{:?}", rules);
        }
        // A label of all banks may not allow.
        let action = if report || [1, 2, 6].contains(&lets) { "report" } else { "allow" };
        rules.insert(lets, format!("action = \"{action}\""));
        let passes: Vec<bool> = verdicts(&rules).iter().map(Verdict::passes).collect();
        let winner = rules.iter().filter(|(place, _)| {
            let label = match *place { 1 | 3 => Some("a"), 2 | 6 | 7 => Some("b"), 4 => Some("c"), _ => None };
            label.is_none_or(|label| labels.contains(&label))
        });
        let rank = |place: usize| [2, 4, 4, 6, 6, 3, 5, 7][place];
        let most = winner.clone().map(|(&place, _)| rank(place)).max();
        let lets_pass = winner.filter(|(place, _)| Some(rank(**place)) == most)
            .all(|(_, line)| line.contains("report") || line.contains("allow"));
        prop_assert_eq!(passes, [most.is_some() && lets_pass; 4], "{:?} {:?}", rules, labels);
    }
}
