//! What would be decided today of what was decided then, and why it is something else.
//!
//! Asks the gate's own code. What cannot be replayed is in FORMAT.md.

use crate::bank::{Action, Bank, BankName, ContentId, Policy, UnreadPolicy};
use crate::decisions::Decision;
use crate::gate::{
    self, Extraction, Match, MatchKind, Outcome, Problem, ProblemKind, Refusal, Told,
};
use crate::hash::{Distance, Signal};
use crate::index::Index;
use crate::rules::Rules;
use serde::Serialize;
use std::collections::BTreeMap;

/// Why an entry counts otherwise today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// The bank is not in the index any more, under this name.
    BankGone,
    /// The bank is disabled.
    BankDisabled,
    /// The entry is not in the index any more: it was withdrawn, disputed or deleted, or has lost
    /// this hash.
    EntryWithdrawn,
    /// It lies beyond the bank's threshold, which was wider.
    Threshold,
    /// The query's or the entry's quality is under the bank's minimum, which was lower.
    MinQuality,
    /// The entry is out for a time, or a rule of its labels or type disables it.
    EntryDisabled,
    /// More sources have to agree than do.
    Sources,
    /// The upload is not among those for which the bank is in force.
    Share,
    /// Beyond the threshold, and further evidence counts otherwise: the bank takes none, or the
    /// index has grown so that nobody looks so far out.
    Evidence,
    /// Beyond the threshold, or by a guess, and farther than the entry may safely reach: it was
    /// calibrated since.
    Reach,
    /// The rules by which evidence is judged are others; the bank's policy is the same.
    EvidenceRules,
    /// The bank's policy does something else with such a match.
    Action,
    /// The bank's policy was another; the entry may have been there.
    Policy,
    /// What is done about parts that were not looked at is another.
    Unread,
    /// The bank or the entry came later.
    EntryAdded,
    /// None of these.
    Other,
}

/// What has become of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It does not match today.
    Gone,
    /// It was none then.
    New,
    /// It does something else, or counts for another reason.
    Changed,
}

/// One entry that counts otherwise today.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The bank.
    pub bank: BankName,
    /// The entry.
    pub content_id: ContentId,
    /// What has become of it.
    pub became: Became,
    /// Why.
    pub why: Why,
    /// The same for people.
    pub detail: String,
}

/// What would be decided today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// What would become of the input.
    pub outcome: Outcome,
    /// What policy says to do.
    pub action: Option<Action>,
    /// The generation that says so.
    pub generation: u64,
    /// Whether outcome and action are those of then.
    pub same: bool,
    /// The entries that count otherwise, whether or not that makes a difference.
    pub changes: Vec<Change>,
    /// Where parts that were not looked at count otherwise: how, for people.
    pub unread: Option<String>,
    /// Where the rules of then are not those in force, or are not known: what they were, for people. Whether that made a
    /// difference, `changes` says.
    pub evidence_rules: Option<String>,
}

/// An entry among matches.
type Key = (BankName, ContentId, Signal);

/// Decides once more of the queries that were kept, by the index in force and its policies.
///
/// An input that was reviewed because all that stopped it was quarantined is the same where it would be
/// blocked: quarantine is not replayed. What is done about parts that were not looked at follows from the policies in
/// force; where they say nothing of it, from what was done then. `at`: the time to decide by, in seconds since 1970-01-01 UTC.
#[must_use]
pub fn replay(index: &Index, at: u64, decision: &Decision) -> Replayed {
    let mut told = Told::default();
    for recorded in &decision.matches {
        told.add(&recorded.found);
    }
    let signals = decision.signals.iter();
    let signals: Vec<Signal> = signals
        .filter_map(|(kind, hex)| Signal::from_hex(*kind, hex).ok())
        .collect();
    let today = Today {
        index,
        at,
        signals: &signals,
        told: &told,
    };
    let extraction = Extraction {
        signals: signals.clone(),
        quality: decision.quality,
        queries: decision.queries.to_vec(),
        // That a picture is too faint is decided anew.
        problem: match (decision.error_outcome, &decision.error) {
            (Some(outcome), Some(error)) if outcome != Outcome::LowQuality => {
                Some(Problem::new(outcome, ProblemKind::Other, error.clone()))
            }
            _ => None,
        },
        fast: decision.mode.as_deref() == Some("fast"),
        unread: decision.unread.clone(),
    };
    let mut now = gate::replay(index, at, extraction, &told);
    now.mind_unread(index.unread().unwrap_or(match decision.held_unread {
        true => UnreadPolicy::Review,
        false => UnreadPolicy::Pass,
    }));
    let before = match decision.quarantined {
        true => Some(Action::Block),
        false => decision.action,
    };
    Replayed {
        outcome: now.outcome,
        action: now.action,
        generation: now.generation,
        same: now.outcome == decision.outcome && now.action == before,
        changes: changes(&today, decision, &now.matches),
        unread: unread_change(decision.held_unread, now.held_unread),
        evidence_rules: Rules::change(decision.evidence_rules, Rules::IN_FORCE),
    }
}

/// How parts that were not looked at count otherwise.
fn unread_change(then: bool, now: bool) -> Option<String> {
    let what = match (then, now) {
        (true, false) => "held the input back, and do not",
        (false, true) => "hold the input back, and did not",
        _ => return None,
    };
    Some(format!("parts that were not looked at {what}"))
}

/// What is decided by today.
struct Today<'a> {
    index: &'a Index,
    at: u64,
    signals: &'a [Signal],
    told: &'a Told,
}

/// What a match did, quarantine aside.
fn action(found: &Match) -> Action {
    match found.quarantined {
        true => Action::Block,
        false => found.action,
    }
}

fn key(found: &Match) -> Key {
    (found.bank.clone(), found.content_id, found.entry)
}

fn changes(today_is: &Today<'_>, decision: &Decision, now: &[Match]) -> Vec<Change> {
    let then: BTreeMap<Key, &Match> = (decision.matches.iter())
        .map(|recorded| (key(&recorded.found), &recorded.found))
        .collect();
    let today: BTreeMap<Key, &Match> = now.iter().map(|found| (key(found), found)).collect();
    let mut changes = Vec::new();
    for (key, found) in &then {
        let (became, (why, detail)) = match today.get(key) {
            None => (Became::Gone, why_gone(today_is, decision, found)),
            Some(held) if (held.action, held.kind) != (action(found), found.kind) => (
                Became::Changed,
                why_changed(today_is, decision, (found, held)),
            ),
            Some(_) => continue,
        };
        changes.push(change(found, became, why, detail));
    }
    for (key, found) in &today {
        // Another hash of an entry that was a match is no news.
        let was_one = |then: &Key| (&then.0, then.1) == (&key.0, key.1);
        if !then.keys().any(was_one) {
            let (why, detail) = why_new(today_is.index, decision, found);
            changes.push(change(found, Became::New, why, detail));
        }
    }
    changes
}

fn change(found: &Match, became: Became, why: Why, detail: String) -> Change {
    Change {
        bank: found.bank.clone(),
        content_id: found.content_id,
        became,
        why,
        detail,
    }
}

fn named<'a>(banks: &'a [Bank], name: &BankName) -> Option<&'a Bank> {
    banks.iter().find(|bank| bank.name == *name)
}

/// Why a match of that time does not match today.
fn why_gone(today: &Today<'_>, decision: &Decision, found: &Match) -> (Why, String) {
    let index = today.index;
    let Some(bank) = named(index.banks(), &found.bank) else {
        let detail = format!("there is no bank {} in the index", found.bank);
        return (Why::BankGone, detail);
    };
    let policy = &bank.policy;
    if !policy.enabled {
        return (Why::BankDisabled, format!("bank {} is disabled", bank.name));
    }
    let mut is_there = false;
    index.visit(&found.entry, Distance::ZERO, |hit| {
        is_there |= hit.bank == bank.id && hit.content == found.content_id;
    });
    if !is_there {
        let detail = format!(
            "entry {} does not match in generation {}: it was withdrawn, disputed or deleted, or has \
             lost this hash",
            found.content_id,
            index.generation()
        );
        return (Why::EntryWithdrawn, detail);
    }
    let query = (decision.queries.iter())
        .copied()
        .find(|query| (query.signal, query.variant) == (found.query, found.variant));
    let entry = (bank.id, found.content_id, found.entry);
    let refused = query.and_then(|query| {
        gate::refusal(index, today.at, (today.signals, today.told), &query, entry)
    });
    if let Some(refused) = refused {
        return match by_rules(index, decision, found) {
            Some(rules) if speaks_of_rules(&refused, found, policy) => {
                (Why::EvidenceRules, format!("{refused}: {rules}"))
            }
            _ => refused_for(&refused, decision, found),
        };
    }
    let detail = "the entry lies within the bank's policy, but no kept query met it";
    (Why::Other, detail.to_owned())
}

/// How the rules have changed, where they have, and the bank's policy has not: what evidence then counts otherwise for.
/// Lines of programs that did not say which rules they had name none.
fn by_rules(index: &Index, decision: &Decision, found: &Match) -> Option<String> {
    let then = named(&decision.banks, &found.bank)?;
    let now = named(index.banks(), &found.bank)?;
    decision
        .evidence_rules
        .filter(|_| then.policy == now.policy)?;
    Rules::change(decision.evidence_rules, Rules::IN_FORCE)
}

/// Whether a refusal rests on what the rules say, and not on a policy, a reach or the entry itself.
fn speaks_of_rules(refused: &Refusal, found: &Match, policy: &Policy) -> bool {
    match refused {
        // Nearer than the bank asks for: a guess, or an entry that is a pattern, which the rules hold to less.
        Refusal::TooFar { within } => {
            found.kind == MatchKind::Verified
                || *within < policy.threshold_for(found.entry.signal_type())
        }
        Refusal::Unlike { .. } => true,
        _ => false,
    }
}

/// Why policy sees no match today where it did.
fn refused_for(refused: &Refusal, decision: &Decision, found: &Match) -> (Why, String) {
    let why = match refused {
        Refusal::NoBank => Why::BankGone,
        Refusal::Disabled | Refusal::Paused { .. } => Why::EntryDisabled,
        Refusal::TooFewSources { .. } => Why::Sources,
        Refusal::OutOfShare { .. } => Why::Share,
        Refusal::BeyondReach { .. } => Why::Reach,
        Refusal::QueryQuality { asked, .. } | Refusal::EntryQuality { asked, .. } => {
            let then = named(&decision.banks, &found.bank).map(|bank| bank.policy.min_quality);
            let then = then.map_or_else(String::new, |then| format!(", and was {then}"));
            return (
                Why::MinQuality,
                format!("the minimum quality is {asked}{then}"),
            );
        }
        Refusal::TooFar { within } if found.kind != MatchKind::Verified => {
            let detail = format!(
                "distance {} is beyond the threshold of {within}, which was {}",
                found.distance, found.threshold
            );
            return (Why::Threshold, detail);
        }
        Refusal::TooFar { .. } | Refusal::Unlike { .. } => {
            let detail = "what speaks for a match beyond the threshold counts otherwise today";
            return (Why::Evidence, detail.to_owned());
        }
    };
    (why, refused.to_string())
}

/// Why a match counts otherwise.
fn why_changed(
    today: &Today<'_>,
    decision: &Decision,
    (then, now): (&Match, &Match),
) -> (Why, String) {
    let (why, detail) = how_changed(then, now);
    match by_rules(today.index, decision, then) {
        Some(rules) => (Why::EvidenceRules, format!("{detail}: {rules}")),
        None => (why, detail),
    }
}

fn how_changed(then: &Match, now: &Match) -> (Why, String) {
    if then.kind == now.kind {
        let detail = format!("a match did {}, and does {}", action(then), now.action);
        return (Why::Action, detail);
    }
    let detail = format!(
        "a {} match within {} is a {} match within {}",
        then.kind.name(),
        then.threshold,
        now.kind.name(),
        now.threshold
    );
    let why = match then.threshold == now.threshold {
        true => Why::Evidence,
        false => Why::Threshold,
    };
    (why, detail)
}

/// Why something is a match that was none.
fn why_new(index: &Index, decision: &Decision, found: &Match) -> (Why, String) {
    let now: Option<&Policy> = named(index.banks(), &found.bank).map(|bank| &bank.policy);
    match (named(&decision.banks, &found.bank), now) {
        (Some(then), Some(now)) if then.policy != *now => {
            let detail = format!("the policy of bank {} was another", found.bank);
            (Why::Policy, detail)
        }
        _ => {
            let detail = format!(
                "entry {} of bank {} was none of the matches of generation {}",
                found.content_id, found.bank, decision.generation
            );
            match by_rules(index, decision, found) {
                Some(rules) if found.kind != MatchKind::ExactDigest => (
                    Why::EvidenceRules,
                    format!("{detail}, and may have been there: {rules}"),
                ),
                _ => (Why::EntryAdded, detail),
            }
        }
    }
}
