//! What a scan says at its end.

use crate::gate::Outcome;
use crate::rules::Rules;
use crate::scan::{FileRecord, Finished, ShadowSummary, Skipped};
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts over a whole scan: the last line of its JSON Lines output, as `{"summary": {…}}`.
///
/// Every count is there, zeros too; `outcomes` adds up to `files`, and so does `actions`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Files and unreachable paths that a line was written for.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Files by outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Files by action.
    pub actions: BTreeMap<&'static str, u64>,
    /// What the walk passed over by its rule.
    pub skipped: Skipped,
    /// Time from the first file to the last, in seconds.
    pub seconds: f64,
    /// The generation of the index that answered.
    pub index_generation: u64,
    /// The rules that evidence was judged by.
    pub evidence_rules: Rules,
    /// The version of this program.
    pub program_version: &'static str,
    /// Whether the scan was ended before it had seen every file.
    pub interrupted: bool,
    /// Files that are reviewed because the entries that would block them are quarantined; left out
    /// where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub quarantined: u64,
    /// Files of which a part was not looked at; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub unread: u64,
    /// Files that match nothing and are held back for such a part; left out where there are none.
    #[serde(skip_serializing_if = "is_zero")]
    pub held_unread: u64,
    /// What other policies would have changed; only where they are tried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowSummary>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Summary {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(index_generation: u64) -> Self {
        let actions = ["block", "review", "report", "allow", "none"];
        Self {
            files: 0,
            bytes: 0,
            outcomes: Outcome::ALL.map(|outcome| (outcome.name(), 0)).into(),
            actions: actions.map(|action| (action, 0)).into(),
            skipped: Skipped::default(),
            seconds: 0.0,
            index_generation,
            evidence_rules: Rules::IN_FORCE,
            program_version: env!("CARGO_PKG_VERSION"),
            interrupted: false,
            quarantined: 0,
            unread: 0,
            held_unread: 0,
            shadow: None,
        }
    }

    /// Counts one file.
    pub fn add(&mut self, record: &FileRecord) {
        self.files += 1;
        self.bytes += record.bytes;
        *self.outcomes.entry(record.outcome.name()).or_default() += 1;
        *self.actions.entry(record.action).or_default() += 1;
        self.quarantined += u64::from(record.quarantined);
        self.unread += u64::from(!record.unread.is_empty());
        let is_held = record.outcome == Outcome::NoMatch && record.action == "review";
        self.held_unread += u64::from(is_held);
        if let (Some(summary), Some(shadow)) = (&mut self.shadow, &record.shadow) {
            summary.add(record, shadow);
        }
    }

    /// Notes how the walk ended.
    pub const fn finish(&mut self, finished: Finished, seconds: f64) {
        self.skipped = finished.skipped;
        self.interrupted = finished.interrupted;
        self.seconds = seconds;
    }

    /// Files with this outcome.
    #[must_use]
    pub fn outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.name()).copied().unwrap_or(0)
    }

    /// Files with this action.
    #[must_use]
    pub fn action(&self, action: &str) -> u64 {
        self.actions.get(action).copied().unwrap_or(0)
    }

    /// Files that could not be judged.
    #[must_use]
    pub fn unjudged(&self) -> u64 {
        Outcome::ALL
            .into_iter()
            .filter(|outcome| !outcome.is_judged())
            .map(|outcome| self.outcome(outcome))
            .sum()
    }
}
