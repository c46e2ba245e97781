//! What a match with a bank means.

use crate::bank::{Action, ContentId, Layer, Paused, Quarantine, Share};
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
    /// What to do with an upload that matches beyond the threshold, by other evidence.
    #[serde(default, skip_serializing_if = "Verified::is_default")]
    pub verified: Verified,
    /// How many must agree that an entry is what it is said to be, so that it matches
    /// ([`ContentItem::agreeing`](crate::bank::ContentItem::agreeing)); 0 asks nobody.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_sources: u32,
    /// For how many of the uploads the bank is in force.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    pub share: Share,
    /// When an entry matches suspiciously much; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// Entries that match nothing until a time, by their numbers: at most [`Policy::MAX_PAUSED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paused: Vec<Paused>,
    /// What the policy file says beyond: in published manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Box<Layer>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

const fn all() -> Share {
    Share::ALL
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_all(share: &Share) -> bool {
    *share == Share::ALL
}

/// What a verified match does: one beyond the threshold, for which other evidence speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// It is reviewed, or does what the bank's other matches do where that is milder.
    #[default]
    Milder,
    /// Verified matches do not count: only distance counts.
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

    /// What a verified match does in a bank, or by a rule, whose other matches do this.
    #[must_use]
    pub fn action(self, other: Action) -> Option<Action> {
        match self {
            Self::Off => None,
            Self::Act(action) if other != Action::Allow => Some(action),
            Self::Act(_) | Self::Milder => Some(other.min(Action::Review)),
        }
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
    /// Most entries of a bank that are out of matching until a time.
    pub const MAX_PAUSED: usize = 1_024;

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
            min_sources: 0,
            share: Share::ALL,
            quarantine: None,
            paused: Vec::new(),
            layer: None,
        }
    }

    /// Checks what is read from outside: a published index, a store, arguments.
    ///
    /// # Errors
    /// [`PolicyError`] where something is out of its range.
    pub fn check(&self) -> Result<(), PolicyError> {
        for setting in self.settings() {
            setting.check()?;
        }
        if self.paused.len() > Self::MAX_PAUSED {
            return Err(PolicyError::TooMany {
                what: "entries that are out until a time",
                given: self.paused.len(),
                most: Self::MAX_PAUSED,
            });
        }
        if !self.paused.is_sorted_by(|a, b| a.content < b.content) {
            return Err(PolicyError::Order);
        }
        self.check_layer()
    }

    /// Until when an entry matches nothing, where that is so at this time: both in seconds since
    /// 1970-01-01 UTC.
    #[must_use]
    pub fn paused_until(&self, content: ContentId, at: u64) -> Option<u64> {
        let place = (self.paused).binary_search_by_key(&content, |paused| paused.content);
        let paused = self.paused.get(place.ok()?)?;
        (at < paused.until).then_some(paused.until)
    }

    /// Whether it says what programs before version 2 of the manifest knew nothing of.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.min_sources == 0
            && self.share == Share::ALL
            && self.quarantine.is_none()
            && self.paused.is_empty()
            && self.layer.is_none()
    }

    /// What a verified match does; `None` where verified matches do not count. In an `allow` bank it
    /// allows: it overrules verified matches of other banks that are no nearer.
    #[must_use]
    pub fn verified_action(&self) -> Option<Action> {
        self.verified.action(self.action)
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

/// Something that a policy may not say.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A threshold that is wider than a bank's may be.
    #[error("a {what} of {given} is too wide: a bank's may be 0 to {most}")]
    TooWide {
        /// Which threshold.
        what: &'static str,
        /// What was given, in bits.
        given: Threshold,
        /// The most that is allowed, in bits.
        most: Threshold,
    },
    /// A number that is out of its range.
    #[error("a {what} of {given} is out of range: it may be {least} to {most}")]
    Range {
        /// Of what.
        what: &'static str,
        /// What was given.
        given: f64,
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
    /// More of something than a policy may hold.
    #[error("{given} {what} are too many: a bank's policy holds {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        given: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// A label that is empty or too long.
    #[error("a label of {given} bytes: a rule's may have 1 to 256")]
    Label {
        /// Its length in bytes.
        given: usize,
    },
    /// A verified match of a bank that stops uploads is never harmless.
    #[error("a verified match cannot allow: give default, off, block, review or report")]
    VerifiedAllows,
    /// Rules or entries that are not in their order.
    #[error("its rules, or its entries that are out until a time, are out of order")]
    Order,
}

impl PolicyError {
    /// Checks a threshold of PDQ.
    pub(super) fn threshold(given: Threshold) -> Result<(), Self> {
        Self::within("threshold", given, Policy::MAX_PDQ_THRESHOLD)
    }

    /// Checks a threshold of 64-bit hashes.
    pub(super) fn threshold64(given: Threshold) -> Result<(), Self> {
        let what = "threshold of 64-bit hashes";
        Self::within(what, given, Policy::MAX_HASH64_THRESHOLD)
    }

    fn within(what: &'static str, given: Threshold, most: Threshold) -> Result<(), Self> {
        match given > most {
            true => Err(Self::TooWide { what, given, most }),
            false => Ok(()),
        }
    }
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
        let expected = PolicyError::TooWide {
            what: "threshold",
            given: Threshold(64),
            most: Threshold(63),
        };
        assert_eq!(error, expected);
    }
}
