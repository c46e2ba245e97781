//! Hits and policies to matches and an action: pure, so that a decision can be replayed.

use crate::bank::{Action, Bank, BankId};
use crate::gate::Match;
use crate::hash::{Distance, Family, Quality, Signal, SignalType, Variant};
use crate::index::{Hit, Index};
use std::collections::HashMap;

/// One question to the index: a hash of the input, and which form of the input it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The hash.
    pub signal: Signal,
    /// Its PDQ quality, where it is a PDQ hash and the quality is known.
    pub quality: Option<Quality>,
    /// The form of the input that was hashed.
    pub variant: Variant,
}

/// How many bits a hash from coefficients is taken to be off at most; [`PdqHasher::hash_samples`]
/// says on what that rests.
///
/// [`PdqHasher::hash_samples`]: crate::signal::PdqHasher::hash_samples
#[cfg(feature = "decode")]
const MARGIN: u16 = 8;

/// The widest radius at which any enabled bank could match this query.
///
/// `None` where no bank may be asked: all are disabled, or want a better quality.
#[must_use]
pub(crate) fn radius(banks: &[Bank], query: &Query) -> Option<Distance> {
    banks
        .iter()
        .filter(|bank| may_ask(bank, query.signal.signal_type(), query.quality))
        .map(|bank| Distance(bank.policy.threshold_for(query.signal.signal_type()).0))
        .max()
}

/// Whether this bank's policy lets a query of this quality be asked.
pub(crate) fn may_ask(bank: &Bank, signal_type: SignalType, quality: Option<Quality>) -> bool {
    bank.policy.enabled
        && (signal_type.family() != Family::Pdq
            || quality.is_none_or(|quality| quality >= bank.policy.min_quality))
}

/// Collects the matches of one input's queries: one for each entry and signal type, the nearest.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    found: HashMap<(BankId, u64, SignalType), Match>,
}

impl Matches {
    /// Asks the index about one query and keeps what the banks' policies call a match.
    pub(crate) fn ask(&mut self, index: &Index, query: &Query) {
        let Some(radius) = radius(index.banks(), query) else {
            return;
        };
        for hit in index.search(&query.signal, radius) {
            if let Some(found) = judge(index, query, &hit) {
                self.keep(hit.bank, found);
            }
        }
    }

    /// As [`Matches::ask`] for a query that may be [`MARGIN`] bits off. False where the exact query
    /// could match other entries, or an entry of an `allow` bank is weighed by its distance.
    #[cfg(feature = "decode")]
    pub(crate) fn ask_surely(&mut self, index: &Index, query: &Query) -> bool {
        let Some(radius) = radius(index.banks(), query) else {
            return true;
        };
        let widened = Distance(radius.0.saturating_add(MARGIN));
        for hit in index.search(&query.signal, widened) {
            let Some(bank) = index.bank(hit.bank).filter(|bank| bank.policy.enabled) else {
                continue;
            };
            let threshold = bank.policy.threshold_for(query.signal.signal_type()).0;
            let may_match = hit.distance.0 <= threshold.saturating_add(MARGIN);
            let is_certain = hit.distance.0.saturating_add(MARGIN) <= threshold;
            if may_match && (!is_certain || bank.policy.action == Action::Allow) {
                return false;
            }
            if let Some(found) = judge(index, query, &hit) {
                self.keep(hit.bank, found);
            }
        }
        true
    }

    fn keep(&mut self, bank: BankId, found: Match) {
        let key = (bank, found.content_id.0, found.entry.signal_type());
        match self.found.get_mut(&key) {
            Some(held) if held.distance <= found.distance => {}
            Some(held) => *held = found,
            None => {
                self.found.insert(key, found);
            }
        }
    }

    /// The matches, nearest first (then by bank name, content id and signal type), and the action.
    pub(crate) fn finish(self) -> (Vec<Match>, Option<Action>) {
        let mut matches: Vec<Match> = self.found.into_values().collect();
        matches.sort_by(|a, b| {
            let key = |m: &Match| (m.distance, m.content_id, m.entry);
            key(a)
                .0
                .cmp(&key(b).0)
                .then_with(|| a.bank.cmp(&b.bank))
                .then_with(|| key(a).cmp(&key(b)))
        });
        let action = decide(&matches);
        (matches, action)
    }
}

/// A hit as a match, where its bank's policy sees one.
fn judge(index: &Index, query: &Query, hit: &Hit) -> Option<Match> {
    let bank = index.bank(hit.bank)?;
    let signal_type = query.signal.signal_type();
    let threshold = bank.policy.threshold_for(signal_type);
    let entry_good = signal_type.family() != Family::Pdq
        || hit
            .quality
            .is_none_or(|quality| quality >= bank.policy.min_quality);
    let is_match = may_ask(bank, signal_type, query.quality)
        && entry_good
        && hit.distance.is_within(threshold);
    is_match.then(|| Match {
        bank: bank.name.clone(),
        content_id: hit.content,
        entry: hit.signal,
        entry_quality: hit.quality,
        query: query.signal,
        variant: query.variant,
        distance: hit.distance,
        threshold,
        action: bank.policy.action,
    })
}

/// The action that matches lead to.
///
/// The strictest action of all matches wins, save where an `allow` bank overrules: every other
/// match is then by a perceptual hash and is no nearer (as a share of its hash's bits) than the
/// nearest match of an `allow` bank. A digest says that the bytes are the very same, so only a
/// digest in an `allow` bank overrules a digest in another.
#[must_use]
pub fn decide(matches: &[Match]) -> Option<Action> {
    let strictest = matches.iter().map(|found| found.action).max()?;
    let allowed = matches
        .iter()
        .filter(|found| found.action == Action::Allow)
        .map(nearness)
        .min();
    let other = matches
        .iter()
        .filter(|found| found.action != Action::Allow)
        .map(nearness)
        .min();
    match (allowed, other) {
        (Some(allowed), Some(other)) if allowed <= other => Some(Action::Allow),
        _ => Some(strictest),
    }
}

/// How near a match is: equal bytes first, then by distance as a share of the hash's bits, in 1/256.
fn nearness(found: &Match) -> (bool, u32) {
    let signal_type = found.entry.signal_type();
    match signal_type.family() {
        Family::Digest => (false, 0),
        Family::Pdq | Family::Hash64 => {
            let scale = u32::from(256 / signal_type.max_distance());
            (true, u32::from(found.distance.0) * scale)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::ContentId;
    use crate::hash::{Hash64, Md5Digest, PdqHash, Threshold};

    fn found(action: Action, entry: impl Into<Signal>, distance: u16) -> Match {
        let entry = entry.into();
        Match {
            bank: "b".parse().unwrap(),
            content_id: ContentId(1),
            entry,
            entry_quality: None,
            query: entry,
            variant: Variant::ORIGINAL,
            distance: Distance(distance),
            threshold: Threshold(31),
            action,
        }
    }

    #[test]
    fn the_strictest_action_wins() {
        use Action::{Block, Report, Review};
        let pdq = PdqHash::ZERO;
        assert_eq!(decide(&[]), None);
        assert_eq!(decide(&[found(Report, pdq, 0)]), Some(Report));
        let three = [
            found(Review, pdq, 0),
            found(Block, pdq, 30),
            found(Report, pdq, 1),
        ];
        assert_eq!(decide(&three), Some(Block));
    }

    #[test]
    fn allow_overrules_what_is_not_nearer() {
        use Action::{Allow, Block};
        let pdq = PdqHash::ZERO;
        let both = |allow, block| decide(&[found(Allow, pdq, allow), found(Block, pdq, block)]);
        assert_eq!(both(0, 20), Some(Allow));
        assert_eq!(
            both(8, 8),
            Some(Allow),
            "a tie: the list has an entry too many"
        );
        assert_eq!(both(9, 8), Some(Block));
        let small = found(Block, Signal::from_hash64(SignalType::Phash, Hash64(0)), 2);
        assert_eq!(decide(&[found(Allow, pdq, 8), small.clone()]), Some(Allow));
        assert_eq!(decide(&[found(Allow, pdq, 9), small]), Some(Block));
    }

    #[test]
    fn only_a_digest_overrules_a_digest() {
        use Action::{Allow, Block};
        let (md5, pdq) = (Md5Digest([0; 16]), PdqHash::ZERO);
        assert_eq!(
            decide(&[found(Allow, pdq, 0), found(Block, md5, 0)]),
            Some(Block)
        );
        assert_eq!(
            decide(&[found(Allow, md5, 0), found(Block, md5, 0)]),
            Some(Allow)
        );
        assert_eq!(
            decide(&[found(Allow, md5, 0), found(Block, pdq, 0)]),
            Some(Allow)
        );
    }
}
