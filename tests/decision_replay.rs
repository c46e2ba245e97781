//! What would be decided today: the same where nothing has changed, and else why not.

mod decision_support;

use decision_support::{bank, evidence, new_folder, open, pdq, publish_index, read};
use hashgate::bank::{Action, Bank, ContentId, Paused, Policy, Quarantine, Share, Verified};
use hashgate::decisions::{Became, Decision, Input, Replayed, Why, replay};
use hashgate::gate::{Extraction, Gate, Match, MatchKind, Outcome, Query, Score, Told, Verdict};
use hashgate::hash::{Distance, Quality, Signal, SignalType, Threshold, Variant};
use hashgate::index::Index;
use hashgate::rules::Rules;
use std::path::Path;

/// When it is replayed.
const AT: u64 = 1_800_000_000;

type Entries<'a> = &'a [(u32, u64, Signal, Option<Quality>)];

/// What was decided of a hash with its quality by an index, as it comes back from the log.
fn decided(folder: &Path, signal: Signal, quality: u8) -> Decision {
    let gate = Gate::open(folder).unwrap();
    logged(&gate.match_signal(&signal, Quality::new(quality)))
}

fn logged(verdict: &Verdict) -> Decision {
    let decision = Decision::of(verdict, Input::default()).expect("a match");
    let (_outer, folder) = new_folder();
    open(&folder).append(&decision).unwrap();
    let (mut read, _) = read(&folder);
    assert_eq!(read.len(), 1);
    read.remove(0)
}

/// Decides by one index, then replays by another.
fn replayed(
    then: (&[Bank], Entries<'_>),
    now: (&[Bank], Entries<'_>),
    signal: Signal,
) -> (Decision, Replayed) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    publish_index(&folder, then.0, then.1);
    let decision = decided(&folder, signal, 90);
    publish_index(&folder, now.0, now.1);
    let replayed = replay(&Index::open(&folder).unwrap(), AT, &decision);
    (decision, replayed)
}

fn changes(replayed: &Replayed) -> Vec<(u64, Became, Why)> {
    let changes = replayed.changes.iter();
    changes
        .map(|change| (change.content_id.0, change.became, change.why))
        .collect()
}

#[test]
fn where_nothing_has_changed_it_is_the_same() {
    let banks = [
        bank(1, "known", Action::Block),
        bank(2, "harmless", Action::Allow),
    ];
    let entries = [
        (1, 7, pdq(0, 0), Quality::new(80)),
        (1, 8, pdq(0, 10), None),
        (2, 9, pdq(0, 30), None),
        (1, 10, pdq(1, 0), None),
    ];
    for bits in [0, 3, 12, 29, 30] {
        let (decision, replayed) = replayed((&banks, &entries), (&banks, &entries), pdq(0, bits));
        assert!(replayed.same, "{bits}: {replayed:?}");
        assert_eq!(replayed.changes, []);
        assert_eq!((decision.generation, replayed.generation), (1, 2));
        let wanted = if bits == 29 || bits == 30 {
            Action::Allow
        } else {
            Action::Block
        };
        assert_eq!(replayed.action, Some(wanted), "{bits}");
    }
    let digest = "md5:d41d8cd98f00b204e9800998ecf8427e".parse().unwrap();
    let entries = [(1, 7, digest, None)];
    let (_, replayed) = replayed((&banks, &entries), (&banks, &entries), digest);
    assert!(replayed.same && replayed.changes.is_empty());
}

#[test]
fn a_withdrawn_entry_is_named() {
    let banks = [bank(1, "known", Action::Block)];
    let then = [(1, 7, pdq(0, 0), None), (1, 8, pdq(5, 0), None)];
    let (_, replayed) = replayed((&banks, &then), (&banks, &then[1..]), pdq(0, 2));
    assert!(!replayed.same);
    assert_eq!(
        (replayed.outcome, replayed.action),
        (Outcome::NoMatch, None)
    );
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::EntryWithdrawn)]);
}

#[test]
fn one_of_two_entries_withdrawn_changes_matches_and_not_the_decision() {
    let banks = [bank(1, "known", Action::Block)];
    let then = [(1, 7, pdq(0, 0), None), (1, 8, pdq(0, 1), None)];
    let (_, replayed) = replayed((&banks, &then), (&banks, &then[1..]), pdq(0, 2));
    assert!(replayed.same);
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::EntryWithdrawn)]);
}

/// What changes a policy, why a match of then is another now, and what becomes of the input.
type Case = (fn(&mut Policy), Why, Became, Outcome);

#[test]
fn what_a_banks_policy_changes_is_named() {
    let banks = |change: fn(&mut Policy)| {
        let mut bank = bank(1, "known", Action::Block);
        change(&mut bank.policy);
        [bank]
    };
    let then = banks(|_| {});
    let entries = [(1, 7, pdq(0, 0), Quality::new(95))];
    let cases: [Case; 7] = [
        (
            |policy| policy.threshold = Threshold(19),
            Why::Threshold,
            Became::Gone,
            Outcome::NoMatch,
        ),
        (
            |policy| policy.enabled = false,
            Why::BankDisabled,
            Became::Gone,
            Outcome::NoMatch,
        ),
        (
            |policy| policy.min_quality = Quality::new(91).unwrap(),
            Why::MinQuality,
            Became::Gone,
            Outcome::LowQuality,
        ),
        (
            |policy| policy.min_quality = Quality::new(96).unwrap(),
            Why::MinQuality,
            Became::Gone,
            Outcome::LowQuality,
        ),
        (
            |policy| policy.share = Share::NONE,
            Why::Share,
            Became::Gone,
            Outcome::NoMatch,
        ),
        (
            |policy| {
                policy.paused = vec![Paused {
                    content: ContentId(7),
                    until: AT + 1,
                }];
            },
            Why::EntryDisabled,
            Became::Gone,
            Outcome::NoMatch,
        ),
        (
            |policy| policy.action = Action::Review,
            Why::Action,
            Became::Changed,
            Outcome::Match,
        ),
    ];
    for (change, why, became, outcome) in cases {
        let now = banks(change);
        let (_, replayed) = replayed((&then, &entries), (&now, &entries), pdq(0, 20));
        assert!(!replayed.same, "{why:?}");
        assert_eq!(changes(&replayed), [(7, became, why)]);
        assert_eq!(replayed.outcome, outcome);
    }
    let (_, replayed) = replayed((&then, &entries), (&[], &[]), pdq(0, 20));
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::BankGone)]);
}

/// Who uploads what besides is not in the log.
#[test]
fn quarantine_is_not_replayed() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let mut banks = [bank(1, "known", Action::Block)];
    banks[0].policy.quarantine = Some(Quarantine {
        uploads: 1,
        seconds: 3_600,
    });
    publish_index(&folder, &banks, &[(1, 7, pdq(0, 0), None)]);
    let gate = Gate::open(&folder).unwrap();
    let ask = |bits| logged(&gate.match_signal(&pdq(0, bits), Quality::new(90)));
    let (first, second) = (ask(1), ask(2));
    assert_eq!(
        (first.action, first.quarantined),
        (Some(Action::Block), false)
    );
    assert_eq!(
        (second.action, second.quarantined),
        (Some(Action::Review), true)
    );
    assert!(second.matches[0].found.quarantined);
    for decision in [first, second] {
        let replayed = replay(&Index::open(&folder).unwrap(), AT, &decision);
        assert!(replayed.same, "{replayed:?}");
        assert_eq!(replayed.action, Some(Action::Block));
        assert_eq!(replayed.changes, []);
    }
}

#[test]
fn entries_that_came_later_and_wider_policies_are_told_apart() {
    let then = [bank(1, "known", Action::Review)];
    let mut wider = then.clone();
    wider[0].policy.threshold = Threshold(40);
    let entries = [(1, 7, pdq(0, 0), None), (1, 8, pdq(0, 45), None)];
    let (_, replayed1) = replayed((&then, &entries), (&wider, &entries), pdq(0, 10));
    assert!(replayed1.same);
    assert_eq!(changes(&replayed1), [(8, Became::New, Why::Policy)]);
    let later = [
        bank(1, "known", Action::Review),
        bank(2, "new", Action::Block),
    ];
    let more = [entries[0], entries[1], (2, 9, pdq(0, 12), None)];
    let (_, replayed2) = replayed((&then, &entries), (&later, &more), pdq(0, 10));
    assert!(!replayed2.same);
    assert_eq!(replayed2.action, Some(Action::Block));
    assert_eq!(changes(&replayed2), [(9, Became::New, Why::EntryAdded)]);
}

/// A query 45 bits from `pdq(0, 0)`, with evidence.
fn asked_far() -> (Query, Extraction) {
    let query = Query::of(pdq(0, 45), Quality::new(90)).evidence(evidence(5, true));
    let mut extraction = Extraction::of_queries(vec![query.signal], vec![query]);
    extraction.quality = query.quality;
    (query, extraction)
}

/// That query's match with item 7 by evidence.
fn verified(bank: &Bank, query: &Query, score: f64) -> Match {
    let item = (bank.name.clone(), ContentId(7));
    let mut found = Match::near(item, pdq(0, 0), query, Distance(45), Action::Review);
    found.kind = MatchKind::Verified;
    found.threshold = Threshold(31);
    found.score = Score::from_value(score);
    found
}

/// A second hash spoke for one item: the same hash in another bank was not seconded.
#[test]
fn what_was_seconded_is_so_for_the_one_item_only() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let banks = [
        bank(1, "known", Action::Block),
        bank(2, "other", Action::Block),
    ];
    publish_index(
        &folder,
        &banks,
        &[(1, 7, pdq(0, 0), None), (2, 8, pdq(0, 0), None)],
    );
    let (query, extraction) = asked_far();
    let index = Index::open(&folder).unwrap();
    let mut told = Told::default();
    let mut seconded = verified(&banks[0], &query, 0.65);
    told.add(&seconded);
    let alone = hashgate::gate::replay(&index, AT, extraction.clone(), &told);
    assert!(alone.matches.is_empty(), "0.65 alone is not enough");
    seconded.seconded_by = Some(SignalType::Phash);
    told.add(&seconded);
    let verdict = hashgate::gate::replay(&index, AT, extraction, &told);
    let met: Vec<u64> = verdict.matches.iter().map(|one| one.content_id.0).collect();
    assert_eq!(met, [7]);
}

/// What is verified hangs on how sure a hash's bits are, which is not kept: the score is.
#[test]
fn a_match_by_evidence_is_replayed_by_its_score() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let mut banks = [bank(1, "known", Action::Block)];
    let entries = [(1, 7, pdq(0, 0), None), (1, 8, pdq(0, 1), None)];
    publish_index(&folder, &banks, &entries);
    let (query, extraction) = asked_far();
    let mut told = Told::default();
    told.add(&verified(&banks[0], &query, 0.75));
    let verdict = hashgate::gate::replay(&Index::open(&folder).unwrap(), AT, extraction, &told);
    assert_eq!(verdict.action, Some(Action::Review));
    assert_eq!(
        verdict.matches.len(),
        1,
        "the other entry's score is not known"
    );
    let decision = logged(&verdict);
    let ask = |banks: &[Bank], entries: Entries<'_>| {
        publish_index(&folder, banks, entries);
        replay(&Index::open(&folder).unwrap(), AT, &decision)
    };
    assert!(ask(&banks, &entries).same);
    banks[0].policy.verified = Verified::Off;
    let off = ask(&banks, &entries);
    assert_eq!(off.outcome, Outcome::NoMatch);
    assert_eq!(changes(&off), [(7, Became::Gone, Why::Evidence)]);
    banks[0].policy.verified = Verified::Act(Action::Block);
    let stricter = ask(&banks, &entries);
    assert_eq!(changes(&stricter), [(7, Became::Changed, Why::Action)]);
    banks[0].policy.threshold = Threshold(50);
    let wider = ask(&banks, &entries);
    assert_eq!(
        changes(&wider),
        [
            (7, Became::Changed, Why::Threshold),
            (8, Became::New, Why::Policy)
        ]
    );
}

/// Each form of a picture is weighed by itself against `allow` banks: all that met are kept.
#[test]
fn what_an_allow_bank_overrules_is_replayed_form_by_form() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let banks = [
        bank(1, "known", Action::Block),
        bank(2, "harmless", Action::Allow),
    ];
    // The first form is nearer to the harmless entry; the second meets the known one alone.
    let entries = [(1, 7, pdq(0, 0), None), (2, 8, pdq(0, 12), None)];
    publish_index(&folder, &banks, &entries);
    let frame = |frame| Variant {
        frame,
        ..Variant::ORIGINAL
    };
    let query = |signal, variant| Query::of(signal, Quality::new(90)).variant(variant);
    let mut apart = pdq(0, 0).as_pdq().unwrap();
    for bit in 0..25 {
        apart.0[31 - bit / 8] ^= 1 << (bit % 8);
    }
    let queries = vec![
        query(pdq(0, 10), frame(0)),
        query(apart.into(), frame(1)),
        query(pdq(9, 0), frame(2)),
    ];
    let mut extraction = Extraction::of_queries(vec![queries[0].signal], queries);
    extraction.quality = Quality::new(90);
    let index = Index::open(&folder).unwrap();
    let verdict = hashgate::gate::replay(&index, AT, extraction, &Told::default());
    assert_eq!(verdict.action, Some(Action::Block), "{verdict:?}");
    assert_eq!(verdict.queries_met, 2);
    let decision = logged(&verdict);
    assert_eq!(
        decision.queries.len(),
        3,
        "with the best of the third frame"
    );
    let replayed = replay(&index, AT, &decision);
    assert!(replayed.same, "{replayed:?}");
    assert_eq!(replayed.changes, []);
}

/// Other rules than those in force.
fn other_rules() -> Rules {
    Rules {
        number: Rules::IN_FORCE.number + 1,
        digest: [7; 8],
    }
}

#[test]
fn a_change_of_the_rules_of_evidence_is_named_where_it_makes_the_difference() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let banks = [bank(1, "known", Action::Block)];
    publish_index(&folder, &banks, &[(1, 7, pdq(0, 0), None)]);
    let index = Index::open(&folder).unwrap();
    let (query, extraction) = asked_far();
    let mut told = Told::default();
    told.add(&verified(&banks[0], &query, 0.8));
    let verdict = hashgate::gate::replay(&index, AT, extraction, &told);
    let decision = logged(&verdict);
    assert_eq!(decision.evidence_rules, Some(Rules::IN_FORCE));
    let unchanged = replay(&index, AT, &decision);
    assert!(unchanged.same && unchanged.evidence_rules.is_none());

    // The score of then is not enough by the rules in force.
    let mut judged_otherwise = decision.clone();
    judged_otherwise.evidence_rules = Some(other_rules());
    judged_otherwise.matches[0].found.score = Score::from_value(0.5);
    let replayed = replay(&index, AT, &judged_otherwise);
    assert!(!replayed.same);
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::EvidenceRules)]);
    let said = replayed.evidence_rules.expect("they are others");
    assert!(said.contains(&other_rules().to_string()), "{said}");
    assert!(replayed.changes[0].detail.contains(&said));

    // The same by rules that nobody wrote down: they are not made the reason.
    judged_otherwise.evidence_rules = None;
    let replayed = replay(&index, AT, &judged_otherwise);
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::Evidence)]);
    assert!(replayed.evidence_rules.is_some(), "it is said all the same");

    // What a policy changed is the policy's doing, whatever the rules are.
    let mut off = banks.clone();
    off[0].policy.verified = Verified::Off;
    publish_index(&folder, &off, &[(1, 7, pdq(0, 0), None)]);
    let mut decision = decision;
    decision.evidence_rules = Some(other_rules());
    let replayed = replay(&Index::open(&folder).unwrap(), AT, &decision);
    assert_eq!(changes(&replayed), [(7, Became::Gone, Why::Evidence)]);
}

#[test]
fn a_line_without_rules_is_read() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let banks = [bank(1, "known", Action::Block)];
    publish_index(&folder, &banks, &[(1, 7, pdq(0, 0), None)]);
    let decision = decided(&folder, pdq(0, 3), 90);
    let mut line = serde_json::to_value(&decision).unwrap();
    let object = line.as_object_mut().unwrap();
    let rules = object.remove("evidence_rules");
    assert_eq!(rules, Some(Rules::IN_FORCE.to_string().into()));
    let old: Decision = serde_json::from_value(line.clone()).unwrap();
    assert_eq!(old.evidence_rules, None);
    assert!(
        !serde_json::to_string(&old)
            .unwrap()
            .contains("evidence_rules")
    );
    line["evidence_rules"] = "yesterday's".into();
    let error = serde_json::from_value::<Decision>(line).unwrap_err();
    assert!(error.to_string().contains("names no rules"), "{error}");
}

/// A query so many bits from `pdq(0, 0)`, so flat.
fn asked_near(bits: usize, flatness: u8, is_guess: bool) -> Extraction {
    let query = Query::of(pdq(0, bits), Quality::new(90)).evidence(evidence(flatness, is_guess));
    let mut extraction = Extraction::of_queries(vec![query.signal], vec![query]);
    extraction.quality = query.quality;
    extraction
}

#[test]
fn a_guess_blocks_only_where_it_is_near_and_rich_and_others_are_reviewed() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let mut banks = [bank(1, "known", Action::Block)];
    let mut action = |verified, bits, flatness, is_guess| {
        banks[0].policy.verified = verified;
        publish_index(&folder, &banks, &[(1, 7, pdq(0, 0), None)]);
        let index = Index::open(&folder).unwrap();
        let extraction = asked_near(bits, flatness, is_guess);
        let verdict = hashgate::gate::replay(&index, AT, extraction, &Told::default());
        assert_eq!(verdict.matches[0].kind, MatchKind::Near);
        verdict.action
    };
    let usual = Verified::Milder;
    assert_eq!(action(usual, 24, 39, true), Some(Action::Block));
    assert_eq!(action(usual, 25, 5, true), Some(Action::Review));
    assert_eq!(action(usual, 0, 40, true), Some(Action::Review), "plain");
    assert_eq!(
        action(usual, 31, 90, false),
        Some(Action::Block),
        "no guess"
    );
    let by_hand = Verified::Act(Action::Block);
    assert_eq!(action(by_hand, 25, 5, true), Some(Action::Block));
    let report = Verified::Act(Action::Report);
    assert_eq!(action(report, 25, 5, true), Some(Action::Report));
    // No bank passes over what is near.
    assert_eq!(action(Verified::Off, 25, 5, true), Some(Action::Review));
}

#[test]
fn a_guess_that_blocked_by_other_rules_is_replayed_with_that_reason() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("index");
    let banks = [bank(1, "known", Action::Block)];
    publish_index(&folder, &banks, &[(1, 7, pdq(0, 0), None)]);
    let index = Index::open(&folder).unwrap();
    let extraction = asked_near(28, 5, true);
    let verdict = hashgate::gate::replay(&index, AT, extraction, &Told::default());
    let mut decision = logged(&verdict);
    decision.action = Some(Action::Block);
    decision.matches[0].found.action = Action::Block;
    decision.evidence_rules = Some(other_rules());
    let replayed = replay(&index, AT, &decision);
    assert_eq!(
        (replayed.same, replayed.action),
        (false, Some(Action::Review))
    );
    assert_eq!(
        changes(&replayed),
        [(7, Became::Changed, Why::EvidenceRules)]
    );
}
