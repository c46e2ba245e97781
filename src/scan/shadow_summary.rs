//! What other policies would have changed over a whole scan.

use crate::gate::Outcome;
use crate::scan::{FileRecord, ShadowRecord};
use serde::Serialize;
use std::collections::BTreeMap;

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
