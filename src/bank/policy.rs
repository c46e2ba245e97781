//! What a match with a bank means.

use crate::bank::Action;
use crate::hash::{Family, Quality, SignalType, Threshold};
use serde::{Deserialize, Serialize};

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
