//! What became of an input.

use crate::bank::Action;
#[cfg(feature = "decode")]
use crate::media::{MediaError, Quantity};
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
///
/// The message speaks of causes only. What to do about it depends on who asks: a command names its options by
/// [`kind`](Problem::kind), a service its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// The outcome that it leads to where nothing matches.
    pub outcome: Outcome,
    /// What kind of problem it is, for programs.
    pub kind: ProblemKind,
    /// What happened, for people.
    pub message: String,
}

/// What kind of problem an input has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// It claims to be a picture, and is damaged, cut short or empty.
    Damaged,
    /// It is no picture, or one of a kind that is not read here.
    NotDecoded,
    /// It has more bytes than the limit on files.
    FileBytes,
    /// A side of it is longer than the limit.
    Side,
    /// It has more pixels than the limit.
    Pixels,
    /// It takes more memory to decode than the limit.
    DecoderBytes,
    /// It takes more time to decode than is allowed for a picture of its size.
    Seconds,
    /// It has more frames than were judged.
    Frames,
    /// There is too little in its picture to tell it by.
    LowQuality,
    /// Its name leads to no regular file.
    NotAFile,
    /// Its bytes could not be read.
    Io,
    /// Whoever looked at it did not look for a kind of hash by which a bank could match.
    NotLookedFor,
    /// This program failed at it: a defect.
    Defect,
    /// It was told by somebody else: a record of an older program, a caller.
    Other,
}

impl Problem {
    /// Most bytes of a message that is read from outside.
    const MOST_BYTES: usize = 4096;

    /// A problem with its outcome, its kind and its message.
    #[must_use]
    pub const fn new(outcome: Outcome, kind: ProblemKind, message: String) -> Self {
        Self {
            outcome,
            kind,
            message,
        }
    }

    /// Whether it can be one: it leads to an outcome of what was not judged, in few words.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.outcome.is_judged() {
            return Err(format!("the outcome {} is no problem", self.outcome));
        }
        if self.message.len() > Self::MOST_BYTES {
            return Err(format!(
                "a message has more than {} bytes",
                Self::MOST_BYTES
            ));
        }
        Ok(())
    }
}

#[cfg(feature = "decode")]
impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let (outcome, kind) = match &error {
            MediaError::TooLarge { what, .. } => {
                let kind = match what {
                    Quantity::FileBytes => ProblemKind::FileBytes,
                    Quantity::Side => ProblemKind::Side,
                    Quantity::Pixels => ProblemKind::Pixels,
                    Quantity::DecoderBytes => ProblemKind::DecoderBytes,
                    Quantity::Seconds => ProblemKind::Seconds,
                };
                (Outcome::TooLarge, kind)
            }
            MediaError::Unsupported { .. } => (Outcome::Unsupported, ProblemKind::NotDecoded),
            MediaError::Undecodable { .. } => (Outcome::Undecodable, ProblemKind::Damaged),
        };
        Self::new(outcome, kind, error.to_string())
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
