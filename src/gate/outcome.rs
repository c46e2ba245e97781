//! What became of an input.

use crate::bank::Action;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What became of an input: each gets exactly one.
///
/// Only [`Outcome::NoMatch`] means that the input was judged and is not known. Whatever could not
/// be judged says so, and a careful caller holds it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It matches at least one bank under that bank's policy. Where a part of it could not be
    /// judged, only a match that holds it back (`block`, `review`) counts here.
    Match,
    /// It was judged, and matches nothing.
    NoMatch,
    /// Its picture holds too little to hash (PDQ quality under a bank's minimum), and nothing else matched.
    LowQuality,
    /// It claims to be a picture of a kind that is read here, and is damaged, cut short or empty.
    Undecodable,
    /// It is no picture, or one of a kind that is not read here.
    Unsupported,
    /// It exceeds a limit on bytes, sides, pixels, memory or frames.
    TooLarge,
    /// Its bytes could not be had: gone, forbidden, or not a regular file.
    Unreadable,
}

impl Outcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Match,
        Self::NoMatch,
        Self::LowQuality,
        Self::Undecodable,
        Self::Unsupported,
        Self::TooLarge,
        Self::Unreadable,
    ];

    /// The name, as JSON and reports carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::NoMatch => "no_match",
            Self::LowQuality => "low_quality",
            Self::Undecodable => "undecodable",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether the input was judged: a match, or known to be none.
    #[must_use]
    pub const fn is_judged(self) -> bool {
        matches!(self, Self::Match | Self::NoMatch)
    }
}

impl Outcome {
    /// Whether an input with this outcome is flagged, where policy says this action: it matches, and
    /// not only what an `allow` bank lets pass. A match that is only reported is flagged too.
    #[must_use]
    pub fn is_flagged(self, action: Option<Action>) -> bool {
        self == Self::Match && action != Some(Action::Allow)
    }
}

/// Why an input, or a part of it, could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The outcome that it leads to where nothing matches.
    pub outcome: Outcome,
    /// What happened, for people.
    pub error: String,
}

impl Problem {
    /// A problem with its outcome and its message.
    #[must_use]
    pub const fn new(outcome: Outcome, error: String) -> Self {
        Self { outcome, error }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matches_and_is_not_let_pass_is_flagged() {
        for outcome in Outcome::ALL {
            let is_match = outcome == Outcome::Match;
            for action in [Action::Block, Action::Review, Action::Report] {
                assert_eq!(outcome.is_flagged(Some(action)), is_match, "{outcome}");
            }
            assert_eq!(outcome.is_flagged(None), is_match, "{outcome}");
            assert!(!outcome.is_flagged(Some(Action::Allow)), "{outcome}");
        }
    }
}
