//! Hits and policies to matches and an action: pure, so that a decision can be replayed.

use crate::bank::{Action, Bank, BankId};
use crate::gate::{Match, Problem, Verdict};
use crate::hash::{Distance, Family, Quality, Signal, SignalType, Variant};
use crate::index::{Hit, Index};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// One question to the index: a hash of the input, and which form of the input it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The hash.
    pub signal: Signal,
    /// The PDQ quality of the picture that it is a perceptual hash of, where that is known.
    pub quality: Option<Quality>,
    /// The form of the input that was hashed.
    pub variant: Variant,
}

/// The hashes of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extraction {
    /// The hashes of the input as stored, first frame, over white: in the order asked for.
    pub signals: Vec<Signal>,
    /// PDQ quality of the input as stored.
    pub quality: Option<Quality>,
    /// What to ask the index: no hash twice.
    pub queries: Vec<Query>,
    /// What could not be hashed, and why.
    pub problem: Option<Problem>,
    /// Whether the PDQ hashes come from a JPEG's coefficients, and may be a few bits off.
    pub fast: bool,
}

impl Extraction {
    /// Of a hash that was computed elsewhere.
    pub(crate) fn of(query: &Query) -> Self {
        Self {
            signals: vec![query.signal],
            quality: query.quality,
            queries: vec![*query],
            ..Self::default()
        }
    }
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

/// Whether this bank's policy lets a query of this quality be asked. PDQ's quality speaks for the
/// 64-bit hashes too: of an empty page they are all nearly the same.
pub(crate) fn may_ask(bank: &Bank, signal_type: SignalType, quality: Option<Quality>) -> bool {
    bank.policy.enabled
        && (signal_type.family() == Family::Digest
            || quality.is_none_or(|quality| quality >= bank.policy.min_quality))
}

/// More entries than this are not told apart when those left out of the list are counted.
const MOST_COUNTED: usize = 1 << 16;

/// Collects the matches of one input's queries, and what they decide, in bounded memory.
///
/// The list has one match for each entry and signal type, the nearest. The decision counts every
/// one, and each picture of the input by itself: see [`decide`].
#[derive(Debug, Default)]
pub(crate) struct Matches {
    found: HashMap<(BankId, u64, SignalType), Match>,
    /// No match farther than this can come into the list any more.
    reach: Option<Distance>,
    /// The entries that match, so many of them as are counted.
    entries: HashSet<(BankId, u64, SignalType)>,
    /// The bytes' own matches, and those of each picture.
    decisions: BTreeMap<Option<Shown>, Decision>,
}

/// One picture of the input: the frame, and whether it was laid over black.
type Shown = (u32, bool);

/// What came of an input's queries.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The matches, nearest first (then by bank name, content id and signal type).
    pub(crate) matches: Vec<Match>,
    /// How many more there were, at least.
    pub(crate) left_out: u64,
    /// What to do; `None` without a match.
    pub(crate) action: Option<Action>,
    /// Whether the bytes themselves are in an `allow` bank.
    pub(crate) allowed_by_bytes: bool,
    /// The frames that an `allow` bank knows.
    pub(crate) frames: BTreeSet<u32>,
}

impl Matches {
    /// Asks the index about one query and keeps what the banks' policies call a match.
    pub(crate) fn ask(&mut self, index: &Index, query: &Query) {
        let Some(radius) = radius(index.banks(), query) else {
            return;
        };
        index.visit(&query.signal, radius, |hit| self.weigh(index, query, &hit));
    }

    /// Keeps a hit where its bank's policy calls it a match.
    pub(crate) fn weigh(&mut self, index: &Index, query: &Query, hit: &Hit) {
        if let Some(found) = judge(index, query, hit) {
            self.keep(hit.bank, found);
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
        let mut sure = true;
        index.visit(&query.signal, widened, |hit| {
            let Some(bank) = index.bank(hit.bank).filter(|bank| bank.policy.enabled) else {
                return;
            };
            let threshold = bank.policy.threshold_for(query.signal.signal_type()).0;
            let may_match = hit.distance.0 <= threshold.saturating_add(MARGIN);
            let is_certain = hit.distance.0.saturating_add(MARGIN) <= threshold;
            sure &= !may_match || (is_certain && bank.policy.action != Action::Allow);
            self.weigh(index, query, &hit);
        });
        sure
    }

    fn keep(&mut self, bank: BankId, found: Match) {
        self.decisions
            .entry(shown(&found))
            .or_default()
            .count(&found);
        let key = (bank, found.content_id.0, found.entry.signal_type());
        if self.entries.len() < MOST_COUNTED {
            self.entries.insert(key);
        }
        if self.reach.is_some_and(|reach| found.distance > reach) {
            return;
        }
        match self.found.get_mut(&key) {
            // Of two as near, the lesser hash, in whatever order they come.
            Some(held) if (held.distance, held.entry) <= (found.distance, found.entry) => {}
            Some(held) => *held = found,
            None => {
                self.found.insert(key, found);
                if self.found.len() >= 2 * Verdict::MAX_MATCHES {
                    self.keep_nearest();
                }
            }
        }
    }

    /// Forgets all but the nearest: nothing farther can come back into the list.
    fn keep_nearest(&mut self) {
        let mut held: Vec<_> = self.found.drain().collect();
        held.sort_by(|(_, a), (_, b)| order(a, b));
        held.truncate(Verdict::MAX_MATCHES);
        self.reach = held.last().map(|(_, farthest)| farthest.distance);
        self.found.extend(held);
    }

    /// The matches and the decision.
    pub(crate) fn finish(self) -> Decided {
        let mut matches: Vec<Match> = self.found.into_values().collect();
        matches.sort_by(order);
        matches.truncate(Verdict::MAX_MATCHES);
        let left_out = self.entries.len().saturating_sub(matches.len()) as u64;
        let bytes = self.decisions.get(&None);
        Decided {
            matches,
            left_out,
            action: strictest(&self.decisions),
            allowed_by_bytes: bytes.is_some_and(|bytes| bytes.allowed.is_some()),
            frames: (self.decisions.iter())
                .filter(|(_, decision)| decision.allowed.is_some())
                .filter_map(|(shown, _)| shown.map(|(frame, _)| frame))
                .collect(),
        }
    }
}

/// Nearest first, then by bank name, content id and hash.
fn order(a: &Match, b: &Match) -> Ordering {
    (a.distance.cmp(&b.distance))
        .then_with(|| a.bank.cmp(&b.bank))
        .then_with(|| (a.content_id, a.entry).cmp(&(b.content_id, b.entry)))
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
/// The strictest action of all matches wins, save where an `allow` bank overrules. It does so for
/// one picture at a time, so that a harmless frame does not shield another: its nearest match with
/// that picture must be no farther (as a share of the hash's bits) than any match of another
/// bank. A digest says that the bytes are the very same: in an `allow` bank it overrules
/// everything, and nothing else overrules a digest in another.
#[must_use]
pub fn decide(matches: &[Match]) -> Option<Action> {
    let mut decisions: BTreeMap<_, Decision> = BTreeMap::new();
    for found in matches {
        decisions.entry(shown(found)).or_default().count(found);
    }
    strictest(&decisions)
}

/// The picture that a match is about; `None` where it is about the bytes.
fn shown(found: &Match) -> Option<Shown> {
    let perceptual = found.entry.signal_type().family() != Family::Digest;
    perceptual.then_some((found.variant.frame, found.variant.over_black))
}

/// What the matches of one picture, or of the bytes, decide.
#[derive(Debug, Default)]
struct Decision {
    strictest: Option<Action>,
    /// The nearest match of an `allow` bank.
    allowed: Option<u32>,
    /// The nearest match of any other.
    other: Option<u32>,
}

impl Decision {
    fn count(&mut self, found: &Match) {
        self.strictest = self.strictest.max(Some(found.action));
        let side = match found.action {
            Action::Allow => &mut self.allowed,
            _ => &mut self.other,
        };
        let nearness = nearness(found);
        *side = Some(side.map_or(nearness, |held| held.min(nearness)));
    }

    fn action(&self) -> Option<Action> {
        match (self.allowed, self.other) {
            (Some(allowed), Some(other)) if allowed <= other => Some(Action::Allow),
            _ => self.strictest,
        }
    }
}

fn strictest(decisions: &BTreeMap<Option<Shown>, Decision>) -> Option<Action> {
    let bytes = decisions.get(&None).and_then(Decision::action);
    match bytes {
        Some(Action::Allow) => bytes,
        _ => decisions.values().filter_map(Decision::action).max(),
    }
}

/// How near a match is: by distance as a share of the hash's bits, in 1/256.
fn nearness(found: &Match) -> u32 {
    let signal_type = found.entry.signal_type();
    match signal_type.family() {
        Family::Digest => 0,
        Family::Pdq | Family::Hash64 => {
            u32::from(found.distance.0) * u32::from(256 / signal_type.max_distance())
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
    #[test]
    fn a_harmless_frame_does_not_shield_another() {
        use Action::{Allow, Block};
        let pdq = PdqHash::ZERO;
        let on = |frame, over_black, mut found: Match| {
            found.variant.frame = frame;
            found.variant.over_black = over_black;
            found
        };
        let allow = || found(Allow, pdq, 0);
        let block = || found(Block, pdq, 2);
        let both = |a, b| decide(&[a, b]);
        assert_eq!(both(allow(), block()), Some(Allow));
        assert_eq!(both(allow(), on(1, false, block())), Some(Block));
        assert_eq!(both(allow(), on(0, true, block())), Some(Block));
        assert_eq!(both(on(1, false, allow()), block()), Some(Block));
        let bytes = found(Allow, Md5Digest([0; 16]), 0);
        assert_eq!(both(bytes, on(1, false, block())), Some(Allow));
    }
}
