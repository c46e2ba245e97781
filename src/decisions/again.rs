//! A whole log decided anew: which of its decisions would be different today.

use crate::bank::Action;
use crate::decisions::{Change, Choice, DecisionError, Entry, Finding, Replayed, Why};
use crate::decisions::{for_each, replay};
use crate::gate::Outcome;
use crate::hash::SignalType;
use crate::index::Index;
use crate::rules::Rules;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// A decision, and what would be decided today. It is written as one JSON object: `n`, `at_ms`, `name`,
/// `signals`, `then` and `now` (each `outcome`, `action`, `generation`), `same`, and `changes` (each
/// `bank`, `content_id`, `became`, `why`, `detail`), and `unread` where parts that were not looked at count otherwise.
/// `then` and `now` have
/// `evidence_rules` too, where they are known; and `evidence_rules` says how they differ.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct DecidedAnew<'a> {
    /// What the log says.
    pub entry: &'a Entry,
    /// What would be decided today.
    pub replayed: &'a Replayed,
}

#[derive(Serialize)]
struct Line<'a> {
    n: u64,
    at_ms: u64,
    name: &'a Option<String>,
    signals: &'a BTreeMap<SignalType, String>,
    then: Decided<'a>,
    now: Decided<'a>,
    same: bool,
    changes: &'a [Change],
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_rules: Option<&'a str>,
}

#[derive(Serialize)]
struct Decided<'a> {
    outcome: Outcome,
    action: &'a str,
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_rules: Option<Rules>,
}

impl Serialize for DecidedAnew<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (decision, replayed) = (&self.entry.decision, self.replayed);
        let line = Line {
            n: self.entry.link.n,
            at_ms: decision.at_ms,
            name: &decision.input.name,
            signals: &decision.signals,
            then: Decided {
                outcome: decision.outcome,
                action: decision.action_name(),
                generation: decision.generation,
                evidence_rules: decision.evidence_rules,
            },
            now: Decided {
                outcome: replayed.outcome,
                action: replayed.action.map_or("none", Action::name),
                generation: replayed.generation,
                evidence_rules: Some(Rules::IN_FORCE),
            },
            same: replayed.same,
            changes: &replayed.changes,
            unread: replayed.unread.as_deref(),
            evidence_rules: replayed.evidence_rules.as_deref(),
        };
        line.serialize(serializer)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Counts over all decisions that were decided anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReplaySummary {
    /// Decisions that were decided anew.
    pub decisions: u64,
    /// Those with the same outcome and action.
    pub same: u64,
    /// The others.
    pub different: u64,
    /// How many of the others have an entry that counts otherwise for that reason.
    pub why: BTreeMap<Why, u64>,
    /// Those of which not all queries were kept.
    pub incomplete: u64,
    /// Those that were judged by other rules than are in force, or by rules that are not known. Left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_evidence_rules: u64,
    /// The generation that decided.
    pub generation: u64,
    /// Faults of the log that were met on the way, as [`for_each`] returns them. Not in JSON.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// Decides all of a log anew that is meant, oldest first, and gives each to `take`. `at`: the time to
/// decide by, in seconds since 1970-01-01 UTC.
///
/// # Errors
/// As [`for_each`]; what `take` says.
pub fn replay_log<E: From<DecisionError>>(
    folder: &Path,
    choice: &Choice,
    index: &Index,
    at: u64,
    mut take: impl FnMut(DecidedAnew<'_>) -> Result<(), E>,
) -> Result<ReplaySummary, E> {
    let mut summary = ReplaySummary {
        generation: index.generation(),
        ..ReplaySummary::default()
    };
    summary.findings = for_each(folder, |entry, _| {
        if choice.has(&entry.decision) {
            let replayed = replay(index, at, &entry.decision);
            summary.add(entry, &replayed);
            take(DecidedAnew {
                entry,
                replayed: &replayed,
            })?;
        }
        Ok::<_, E>(ControlFlow::Continue(()))
    })?;
    Ok(summary)
}

impl ReplaySummary {
    fn add(&mut self, entry: &Entry, replayed: &Replayed) {
        self.decisions += 1;
        self.incomplete += u64::from(entry.decision.queries_left_out > 0);
        self.other_evidence_rules += u64::from(replayed.evidence_rules.is_some());
        if replayed.same {
            self.same += 1;
            return;
        }
        self.different += 1;
        let mut reasons: Vec<Why> = replayed.changes.iter().map(|one| one.why).collect();
        reasons.extend(replayed.unread.as_ref().map(|_| Why::Unread));
        reasons.sort_unstable();
        reasons.dedup();
        for why in reasons {
            *self.why.entry(why).or_default() += 1;
        }
    }
}
