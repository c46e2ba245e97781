//! What other policies would have decided, beside what was decided.

use crate::gate::{Match, Outcome, Verdict};
use serde::{Deserialize, Serialize};

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
