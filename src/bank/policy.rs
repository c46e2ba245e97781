//! What a match with a bank means.

use crate::bank::Action;
use crate::hash::{Family, Quality, SignalType, Threshold};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a match with a bank does, and what counts as one.
///
/// ```
/// use hashgate::bank::{Action, Policy};
/// use hashgate::hash::{SignalType, Threshold};
/// let policy = Policy::new(Action::Block);
/// assert_eq!(policy.threshold_for(SignalType::Pdq), Threshold(31));
/// assert_eq!(policy.threshold_for(SignalType::Md5), Threshold(0));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What to do with an upload that matches.
    pub action: Action,
    /// Largest PDQ distance that matches, 0–[`Policy::MAX_PDQ_THRESHOLD`] bits.
    pub threshold: Threshold,
    /// Largest distance of a 64-bit hash that matches, 0–[`Policy::MAX_HASH64_THRESHOLD`] bits.
    pub threshold64: Threshold,
    /// Least PDQ quality that may match by a perceptual hash: of the query's picture, and of an
    /// entry whose quality is known.
    pub min_quality: Quality,
    /// A disabled bank matches nothing.
    pub enabled: bool,
    /// What to do with an upload that matches by further evidence, beyond the threshold.
    #[serde(default, skip_serializing_if = "Verified::is_default")]
    pub verified: Verified,
}

/// What a match beyond the threshold does, which further evidence speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// It is reviewed, or does what the bank's other matches do where that is milder.
    #[default]
    Milder,
    /// There is none: only distance counts.
    Off,
    /// It does this.
    Act(Action),
}

impl Verified {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    fn is_default(&self) -> bool {
        *self == Self::Milder
    }
}

/// A text that names nothing that a verified match could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is nothing that a verified match does; give default, off, block, review or report"
)]
pub struct UnknownVerified {
    /// What was given.
    pub given: String,
}

impl FromStr for Verified {
    type Err = UnknownVerified;
    fn from_str(text: &str) -> Result<Self, UnknownVerified> {
        match text {
            "default" => Ok(Self::Milder),
            "off" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(action) if action != Action::Allow => Ok(Self::Act(action)),
                _ => Err(UnknownVerified {
                    given: text.to_owned(),
                }),
            },
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Milder => f.pad("default"),
            Self::Off => f.pad("off"),
            Self::Act(action) => action.fmt(f),
        }
    }
}

impl Policy {
    /// Widest PDQ threshold of a bank: distinct pictures lie about 80 bits apart and more, and
    /// what is wider than this flags at random.
    pub const MAX_PDQ_THRESHOLD: Threshold = Threshold(63);
    /// Widest threshold of a bank for 64-bit hashes.
    pub const MAX_HASH64_THRESHOLD: Threshold = Threshold(16);

    /// The field's usual policy for this action: 31 bits, quality 50, enabled.
    #[must_use]
    pub const fn new(action: Action) -> Self {
        Self {
            action,
            threshold: Threshold::PDQ_DEFAULT,
            threshold64: Threshold::HASH64_DEFAULT,
            min_quality: Quality::DEFAULT_MINIMUM,
            enabled: true,
            verified: Verified::Milder,
        }
    }

    /// Checks what is read from outside: a published index, a store, arguments.
    ///
    /// # Errors
    /// [`PolicyError`] where a threshold is wider than a bank's may be.
    pub fn check(&self) -> Result<(), PolicyError> {
        for (what, given, most) in [
            ("threshold", self.threshold, Self::MAX_PDQ_THRESHOLD),
            (
                "threshold of 64-bit hashes",
                self.threshold64,
                Self::MAX_HASH64_THRESHOLD,
            ),
        ] {
            if given > most {
                return Err(PolicyError { what, given, most });
            }
        }
        Ok(())
    }

    /// What a match beyond the threshold does that further evidence speaks for; `None` where there
    /// is none. An `allow` bank's allows: it overrules what is verified and no nearer.
    #[must_use]
    pub fn verified_action(&self) -> Option<Action> {
        match self.verified {
            Verified::Off => None,
            Verified::Act(action) if self.action != Action::Allow => Some(action),
            Verified::Act(_) | Verified::Milder => Some(self.action.min(Action::Review)),
        }
    }

    /// The threshold for hashes of this type; 0 for digests.
    #[must_use]
    pub const fn threshold_for(&self, signal_type: SignalType) -> Threshold {
        match signal_type.family() {
            Family::Pdq => self.threshold,
            Family::Hash64 => self.threshold64,
            Family::Digest => Threshold::EXACT,
        }
    }
}

/// A threshold that is wider than a bank's may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {what} of {given} is too wide: a bank's may be 0 to {most}")]
pub struct PolicyError {
    /// Which threshold.
    pub what: &'static str,
    /// What was given, in bits.
    pub given: Threshold,
    /// The most that is allowed, in bits.
    pub most: Threshold,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verified_match_is_reviewed_unless_the_bank_says_otherwise() {
        use Action::{Allow, Block, Report, Review};
        let action = |action, verified| {
            let mut policy = Policy::new(action);
            policy.verified = verified;
            policy.verified_action()
        };
        assert_eq!(action(Block, Verified::Milder), Some(Review));
        assert_eq!(action(Report, Verified::Milder), Some(Report));
        assert_eq!(action(Review, Verified::Act(Block)), Some(Block));
        assert_eq!(action(Allow, Verified::Act(Block)), Some(Allow));
        assert_eq!(action(Block, Verified::Off), None);
    }

    #[test]
    fn what_verified_matches_do_is_read_as_it_is_written() {
        for text in ["default", "off", "block", "review", "report"] {
            assert_eq!(
                text.parse::<Verified>().map(|read| read.to_string()),
                Ok(text.to_owned())
            );
        }
        assert!("allow".parse::<Verified>().is_err());
        let mut policy = Policy::new(Action::Block);
        let json = |policy: &Policy| serde_json::to_string(policy).unwrap();
        assert!(
            !json(&policy).contains("verified"),
            "as it was written before"
        );
        policy.verified = Verified::Act(Action::Report);
        let read: Policy = serde_json::from_str(&json(&policy)).unwrap();
        assert_eq!(read, policy);
    }

    #[test]
    fn thresholds_up_to_the_widest_pass_and_wider_ones_do_not() {
        let mut policy = Policy::new(Action::Block);
        policy.threshold = Policy::MAX_PDQ_THRESHOLD;
        policy.threshold64 = Policy::MAX_HASH64_THRESHOLD;
        assert_eq!(policy.check(), Ok(()));
        policy.threshold64 = Threshold(17);
        let error = policy.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "a threshold of 64-bit hashes of 17 is too wide: a bank's may be 0 to 16"
        );
        policy.threshold = Threshold(64);
        let error = policy.check().unwrap_err();
        assert_eq!((error.given, error.most), (Threshold(64), Threshold(63)));
    }
}
