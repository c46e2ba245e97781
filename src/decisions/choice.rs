//! Which of the decisions are meant.

use crate::bank::{Action, BankName};
use crate::clock::When;
use crate::decisions::Decision;
use crate::hash::Signal;

/// Which of the decisions are meant: those that meet every condition that is given. Of several values of
/// one condition, any one will do.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Choice {
    /// Only those that match one of these banks.
    pub banks: Vec<BankName>,
    /// Only those with one of these actions; `None` stands for no action.
    pub actions: Vec<Option<Action>>,
    /// Only those from then on.
    pub since: Option<When>,
    /// Only those before then.
    pub until: Option<When>,
    /// Only those of the input with one of these digests.
    pub digests: Vec<Signal>,
    /// Only those with one of these hashes: of the input, of a query, or of an entry that it matched.
    pub hashes: Vec<Signal>,
}

impl Choice {
    /// All decisions.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether a decision is one of them.
    #[must_use]
    pub fn has(&self, decision: &Decision) -> bool {
        let of_bank = |name: &BankName| {
            let mut matches = decision.matches.iter();
            matches.any(|recorded| recorded.found.bank == *name)
        };
        let is_input = |signal: &Signal| {
            let held = decision.signals.get(&signal.signal_type());
            held.is_some_and(|hex| *hex == signal.hex())
        };
        let has_hash = |signal: &Signal| {
            is_input(signal)
                || decision
                    .queries
                    .iter()
                    .any(|query| query.0.signal == *signal)
                || (decision.matches.iter())
                    .any(|one| one.found.entry == *signal || one.found.query == *signal)
        };
        (self.banks.is_empty() || self.banks.iter().any(of_bank))
            && (self.actions.is_empty() || self.actions.contains(&decision.action))
            && self.since.is_none_or(|since| decision.at_ms >= since.0)
            && self.until.is_none_or(|until| decision.at_ms < until.0)
            && (self.digests.is_empty() || self.digests.iter().any(is_input))
            && (self.hashes.is_empty() || self.hashes.iter().any(has_hash))
    }
}
