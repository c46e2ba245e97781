//! What policy comes to for one hash of one entry: which of several rules wins, worked out.
//!
//! Owned here: [`Effective`], and what a policy may come to for any of its entries. The rule itself
//! stands in words in `rule.rs`.

use crate::bank::{Action, Policy, Quarantine, Rule, Said, Setting, Share, Verified};
use crate::hash::{Family, Quality, SignalType, Threshold};
use std::cmp::Ordering;

/// What policy comes to for one hash of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effective {
    /// What a match does.
    pub action: Action,
    /// The largest distance that matches, of hashes of this type.
    pub threshold: Threshold,
    /// Least PDQ quality that may match.
    pub min_quality: Quality,
    /// Whether it matches at all.
    pub enabled: bool,
    /// What a match beyond the threshold does.
    pub verified: Verified,
    /// How many must agree.
    pub min_sources: u32,
    /// For how many uploads it is in force.
    pub share: Share,
    /// When it matches suspiciously much.
    pub quarantine: Option<Quarantine>,
    /// The place among [`Policy::rules`] of the most specific one that counted; `None` where the
    /// bank's own policy is all.
    pub rule: Option<usize>,
}

impl Effective {
    /// What a match beyond the threshold does that further evidence speaks for.
    #[must_use]
    pub fn verified_action(&self) -> Option<Action> {
        self.verified.action(self.action)
    }
}

impl Policy {
    /// What the policy file says of labels and types in this bank, the least specific first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        self.layer.as_deref().map_or(&[], |layer| &layer.rules)
    }

    /// What the policy comes to for a hash of this type of an entry whose labels `has` knows.
    ///
    /// ```
    /// use hashgate::bank::{Action, Policy};
    /// use hashgate::hash::SignalType;
    /// let policy = Policy::new(Action::Block);
    /// assert_eq!(policy.effective(SignalType::Md5, |_| false).threshold.0, 0);
    /// ```
    #[must_use]
    pub fn effective(&self, kind: SignalType, has: impl Fn(&str) -> bool) -> Effective {
        let mut found = Effective {
            action: self.action,
            threshold: self.threshold_for(kind),
            min_quality: self.min_quality,
            enabled: self.enabled,
            verified: self.verified,
            min_sources: self.min_sources,
            share: self.share,
            quarantine: self.quarantine,
            rule: None,
        };
        if self.rules().is_empty() {
            return found;
        }
        let mut rules: Vec<(usize, &Rule)> = self.rules().iter().enumerate().collect();
        rules.retain(|(_, rule)| rule.scope.covers(kind, &has));
        let mut won: [Option<(u8, Setting)>; Setting::NAMES.len()] = Default::default();
        // The action first: which value is the careful one follows from it.
        for actions in [true, false] {
            for &(place, rule) in &rules {
                let rank = rule.scope.rank();
                for said in &rule.say {
                    let is_action = matches!(said.set, Setting::Action(_));
                    if is_action != actions || !said.set.speaks_of(kind) {
                        continue;
                    }
                    let Some(held) = won.get_mut(said.set.place()) else {
                        continue;
                    };
                    let better = held.is_none_or(|(held_rank, value)| {
                        (rank.cmp(&held_rank))
                            .then_with(|| catches_more(said.set, value, found.action))
                            .is_gt()
                    });
                    if better {
                        *held = Some((rank, said.set));
                        found.take(said.set);
                        found.rule = found.rule.max(Some(place));
                    }
                }
            }
        }
        found
    }

    /// Every policy that an entry of the bank may come to, for hashes of a type: of each setting
    /// all values that are said of it.
    fn said(&self, kind: SignalType) -> impl Iterator<Item = Setting> {
        let rules = self.rules().iter();
        let of_type = move |rule: &&Rule| rule.scope.signal_type.is_none_or(|one| one == kind);
        rules
            .filter(of_type)
            .flat_map(|rule| &rule.say)
            .map(|said| said.set)
    }

    /// The widest threshold of any of its entries.
    #[must_use]
    pub fn widest_threshold(&self, kind: SignalType) -> Threshold {
        let own = self.threshold_for(kind);
        self.said(kind)
            .fold(own, |widest, set| match (set, kind.family()) {
                (Setting::Threshold(bits), Family::Pdq)
                | (Setting::Threshold64(bits), Family::Hash64) => widest.max(bits),
                _ => widest,
            })
    }

    /// The least and the greatest quality that any of its entries asks for.
    #[must_use]
    pub fn qualities(&self, kind: SignalType) -> (Quality, Quality) {
        let own = (self.min_quality, self.min_quality);
        self.said(kind).fold(own, |(least, most), set| match set {
            Setting::MinQuality(quality) => (least.min(quality), most.max(quality)),
            _ => (least, most),
        })
    }

    /// Every quality that some of its entries ask for.
    pub fn each_quality(&self, kind: SignalType) -> impl Iterator<Item = Quality> {
        let said = self.said(kind).filter_map(|set| match set {
            Setting::MinQuality(quality) => Some(quality),
            _ => None,
        });
        std::iter::once(self.min_quality).chain(said)
    }

    /// Whether any of its entries may match.
    #[must_use]
    pub fn may_match(&self, kind: SignalType) -> bool {
        self.enabled || self.said(kind).any(|set| set == Setting::Enabled(true))
    }

    /// Whether any of its entries may match by further evidence.
    #[must_use]
    pub fn may_verify(&self, kind: SignalType) -> bool {
        let says =
            |set| matches!(set, Setting::VerifiedAction(verified) if verified != Verified::Off);
        self.verified != Verified::Off || self.said(kind).any(says)
    }

    /// Whether any of its entries does something else than to allow.
    #[must_use]
    pub fn may_stop(&self, kind: SignalType) -> bool {
        let says = |set| matches!(set, Setting::Action(action) if action != Action::Allow);
        self.action != Action::Allow || self.said(kind).any(says)
    }

    /// Whether any of its entries allows what it matches.
    #[must_use]
    pub fn may_allow(&self) -> bool {
        let says = |said: &Said| matches!(said.set, Setting::Action(Action::Allow));
        self.action == Action::Allow || self.rules().iter().any(|rule| rule.say.iter().any(says))
    }

    /// The greatest share of uploads for which any of its entries is in force.
    #[must_use]
    pub fn greatest_share(&self, kind: SignalType) -> Share {
        self.said(kind).fold(self.share, |most, set| match set {
            Setting::Share(share) => most.max(share),
            _ => most,
        })
    }

    /// Whether what it comes to depends on which upload asks.
    #[must_use]
    pub fn looks_at_uploads(&self) -> bool {
        let says = |said: &Said| match said.set {
            Setting::Share(share) => share != Share::ALL,
            Setting::Quarantine(quarantine) => quarantine.is_some(),
            _ => false,
        };
        self.share != Share::ALL
            || self.quarantine.is_some()
            || self.rules().iter().any(|rule| rule.say.iter().any(says))
    }

    /// Whether it quarantines any of its entries.
    #[must_use]
    pub fn quarantines(&self) -> bool {
        let says = |said: &Said| matches!(said.set, Setting::Quarantine(Some(_)));
        self.quarantine.is_some() || self.rules().iter().any(|rule| rule.say.iter().any(says))
    }

    /// Whether it asks how many sources agree.
    #[must_use]
    pub fn counts_sources(&self) -> bool {
        let says = |said: &Said| matches!(said.set, Setting::MinSources(1..));
        self.min_sources > 0 || self.rules().iter().any(|rule| rule.say.iter().any(says))
    }

    /// The labels that its rules name.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        (self.rules().iter()).filter_map(|rule| rule.scope.label.as_deref())
    }

    /// The policy without what a file says: as the store has it.
    #[must_use]
    pub fn without_layer(&self) -> Self {
        let mut policy = self.clone();
        if let Some(layer) = policy.layer.take() {
            for over in &layer.over {
                policy.set(over.own);
            }
        }
        policy
    }
}

impl Setting {
    /// What a policy says of the same thing.
    #[must_use]
    pub fn of(self, policy: &Policy) -> Self {
        match self {
            Self::Action(_) => Self::Action(policy.action),
            Self::Threshold(_) => Self::Threshold(policy.threshold),
            Self::Threshold64(_) => Self::Threshold64(policy.threshold64),
            Self::MinQuality(_) => Self::MinQuality(policy.min_quality),
            Self::Enabled(_) => Self::Enabled(policy.enabled),
            Self::VerifiedAction(_) => Self::VerifiedAction(policy.verified),
            Self::MinSources(_) => Self::MinSources(policy.min_sources),
            Self::Share(_) => Self::Share(policy.share),
            Self::Quarantine(_) => Self::Quarantine(policy.quarantine),
        }
    }

    /// Whether it says anything of hashes of this type.
    #[must_use]
    pub fn speaks_of(self, kind: SignalType) -> bool {
        match self {
            Self::Threshold(_) => kind.family() == Family::Pdq,
            Self::Threshold64(_) => kind.family() == Family::Hash64,
            Self::MinQuality(_) | Self::VerifiedAction(_) => kind.family() != Family::Digest,
            _ => true,
        }
    }
}

impl Effective {
    fn take(&mut self, setting: Setting) {
        match setting {
            Setting::Action(action) => self.action = action,
            Setting::Threshold(bits) | Setting::Threshold64(bits) => self.threshold = bits,
            Setting::MinQuality(quality) => self.min_quality = quality,
            Setting::Enabled(enabled) => self.enabled = enabled,
            Setting::VerifiedAction(verified) => self.verified = verified,
            Setting::MinSources(sources) => self.min_sources = sources,
            Setting::Share(share) => self.share = share,
            Setting::Quarantine(quarantine) => self.quarantine = quarantine,
        }
    }

    /// The value of the same setting.
    #[must_use]
    pub const fn value(&self, setting: Setting) -> Setting {
        match setting {
            Setting::Action(_) => Setting::Action(self.action),
            Setting::Threshold(_) => Setting::Threshold(self.threshold),
            Setting::Threshold64(_) => Setting::Threshold64(self.threshold),
            Setting::MinQuality(_) => Setting::MinQuality(self.min_quality),
            Setting::Enabled(_) => Setting::Enabled(self.enabled),
            Setting::VerifiedAction(_) => Setting::VerifiedAction(self.verified),
            Setting::MinSources(_) => Setting::MinSources(self.min_sources),
            Setting::Share(_) => Setting::Share(self.share),
            Setting::Quarantine(_) => Setting::Quarantine(self.quarantine),
        }
    }
}

/// Which of two values of a setting stops more uploads.
fn catches_more(a: Setting, b: Setting, action: Action) -> Ordering {
    use Setting as S;
    let order = match (a, b) {
        (S::Action(a), S::Action(b)) => return a.cmp(&b),
        (S::Threshold(a), S::Threshold(b)) | (S::Threshold64(a), S::Threshold64(b)) => a.cmp(&b),
        (S::MinQuality(a), S::MinQuality(b)) => b.cmp(&a),
        (S::Enabled(a), S::Enabled(b)) => a.cmp(&b),
        (S::VerifiedAction(a), S::VerifiedAction(b)) => a.action(action).cmp(&b.action(action)),
        (S::MinSources(a), S::MinSources(b)) => b.cmp(&a),
        (S::Share(a), S::Share(b)) => a.cmp(&b),
        // Later, or never, is stricter: quarantine turns block into review.
        (S::Quarantine(a), S::Quarantine(b)) => {
            let late = |one: Option<Quarantine>| {
                one.map_or((u32::MAX, 0), |one| (one.uploads, u32::MAX - one.seconds))
            };
            return late(a).cmp(&late(b));
        }
        _ => Ordering::Equal,
    };
    match action {
        Action::Allow => order.reverse(),
        _ => order,
    }
}

#[cfg(test)]
mod tests;
