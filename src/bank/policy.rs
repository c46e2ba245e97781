//! What a match with a bank means.

use crate::bank::setting;
use crate::bank::{
    Action, ContentId, Layer, Paused, PolicyError, Quarantine, Setting, Share, Verified,
};
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
    /// What to do with an upload that matches by further evidence, beyond the threshold.
    #[serde(default, skip_serializing_if = "is_milder")]
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_milder(verified: &Verified) -> bool {
    *verified == Verified::Milder
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

impl Policy {
    /// Widest PDQ threshold of a bank: distinct pictures lie about 80 bits apart and more, and
    /// what is wider than this flags at random.
    pub const MAX_PDQ_THRESHOLD: Threshold = setting::MAX_PDQ_THRESHOLD;
    /// Widest threshold of a bank for 64-bit hashes.
    pub const MAX_HASH64_THRESHOLD: Threshold = setting::MAX_HASH64_THRESHOLD;
    /// Most entries of a bank that are out of matching until a time.
    pub const MAX_PAUSED: usize = 1_024;
    /// Most rules of one bank.
    pub const MAX_RULES: usize = 256;
    /// Most bytes of a label that a rule names.
    pub const MAX_LABEL: usize = 256;

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

    /// Sets one thing.
    pub const fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Action(action) => self.action = action,
            Setting::Threshold(bits) => self.threshold = bits,
            Setting::Threshold64(bits) => self.threshold64 = bits,
            Setting::MinQuality(quality) => self.min_quality = quality,
            Setting::Enabled(enabled) => self.enabled = enabled,
            Setting::VerifiedAction(verified) => self.verified = verified,
            Setting::MinSources(sources) => self.min_sources = sources,
            Setting::Share(share) => self.share = share,
            Setting::Quarantine(quarantine) => self.quarantine = quarantine,
        }
    }

    /// Its own settings, in the order of [`Setting::NAMES`].
    #[must_use]
    pub const fn settings(&self) -> [Setting; Setting::NAMES.len()] {
        [
            Setting::Action(self.action),
            Setting::Threshold(self.threshold),
            Setting::Threshold64(self.threshold64),
            Setting::MinQuality(self.min_quality),
            Setting::Enabled(self.enabled),
            Setting::VerifiedAction(self.verified),
            Setting::MinSources(self.min_sources),
            Setting::Share(self.share),
            Setting::Quarantine(self.quarantine),
        ]
    }

    /// Checks what is laid over: see [`Policy::check`].
    fn check_layer(&self) -> Result<(), PolicyError> {
        let Some(layer) = self.layer.as_deref() else {
            return Ok(());
        };
        let most = Self::MAX_RULES;
        if layer.rules.len() > most || layer.over.len() > Setting::NAMES.len() {
            let given = layer.rules.len().max(layer.over.len());
            return Err(PolicyError::TooMany {
                what: "rules",
                given,
                most,
            });
        }
        let mut ranks = layer.rules.iter().map(|rule| rule.scope.rank());
        if !ranks.by_ref().is_sorted() {
            return Err(PolicyError::Order);
        }
        for over in &layer.over {
            over.own.check()?;
        }
        for rule in &layer.rules {
            if let Some(label) = &rule.scope.label
                && (label.is_empty() || label.len() > Self::MAX_LABEL)
            {
                return Err(PolicyError::Label { given: label.len() });
            }
            if rule.say.len() > Setting::NAMES.len() {
                return Err(PolicyError::TooMany {
                    what: "settings",
                    given: rule.say.len(),
                    most: Setting::NAMES.len(),
                });
            }
            for said in &rule.say {
                said.set.check()?;
            }
        }
        Ok(())
    }

    /// What a match beyond the threshold does that further evidence speaks for; `None` where there
    /// is none. An `allow` bank's allows: it overrules what is verified and no nearer.
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
