//! What other policies would have decided, beside what was decided.

use crate::gate::{Match, Outcome, Verdict};
use crate::scan::FileRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What other policies would have decided of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShadowRecord {
    /// What would have become of it.
    pub outcome: Outcome,
    /// What would have been done.
    #[serde(deserialize_with = "crate::scan::record::action_name")]
    pub action: &'static str,
    /// Whether that is something else than what was decided.
    pub differs: bool,
    /// The matches by those policies, where it is something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
}

impl ShadowRecord {
    /// A verdict by other policies, beside what was decided.
    #[must_use]
    pub fn new(verdict: Verdict, decided: (Outcome, &'static str)) -> Self {
        let (outcome, action) = (verdict.outcome, verdict.action_name());
        let differs = (outcome, action) != decided;
        Self {
            outcome,
            action,
            differs,
            matches: if differs { verdict.matches } else { Vec::new() },
        }
    }
}

/// What other policies would have changed over a whole scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowSummary {
    /// The policy file.
    pub file: String,
    /// Files that they would have decided otherwise.
    pub differs: u64,
    /// How: `block -> review` and how many.
    pub changes: BTreeMap<String, u64>,
    /// Files by the action that would have been taken.
    pub actions: BTreeMap<&'static str, u64>,
}

impl ShadowSummary {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(file: String) -> Self {
        let actions = ["block", "review", "report", "allow", "none"];
        Self {
            file,
            differs: 0,
            changes: BTreeMap::new(),
            actions: actions.map(|action| (action, 0)).into(),
        }
    }

    pub(super) fn add(&mut self, record: &FileRecord, shadow: &ShadowRecord) {
        *self.actions.entry(shadow.action).or_default() += 1;
        if shadow.differs {
            self.differs += 1;
            let before = decision(record.outcome, record.action);
            let after = decision(shadow.outcome, shadow.action);
            *self
                .changes
                .entry(format!("{before} -> {after}"))
                .or_default() += 1;
        }
    }
}

/// A decision in one word: the action of a match, `pass`, or the outcome.
pub(super) fn decision(outcome: Outcome, action: &'static str) -> &'static str {
    match outcome {
        Outcome::Match => action,
        Outcome::NoMatch => "pass",
        other => other.name(),
    }
}
