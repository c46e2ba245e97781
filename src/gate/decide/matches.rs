//! The matches of one input's queries, collected in bounded memory.
//!
//! Owns which of an entry's matches is shown and what is noted of entries that nearly match. What a hit comes to
//! is `judge.rs`'s to say, and what the matches decide `action.rs`'s.

use crate::bank::{Action, BankId, ContentId};
use crate::gate::decide::action::{Decisions, form, harmless, strictest};
use crate::gate::decide::judge::{Judged, judge, judge_by, radius, score};
use crate::gate::decide::near::NearMisses;
use crate::gate::decide::nearly::NearlyVerified;
use crate::gate::quarantine::Stops;
use crate::gate::terms::{Terms, widest};
use crate::gate::{Match, MatchKind, Query, Score, Verdict};
use crate::hash::{Distance, Family, Sides, Signal, SignalType};
use crate::index::Hit;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// More entries than this are not told apart when those left out of the list are counted.
pub(crate) const MOST_COUNTED: usize = 1 << 16;

/// Collects the matches of one input's queries, and what they decide, in bounded memory.
///
/// The list has one match for each entry and signal type, the nearest. The decision counts every
/// one, and each picture of the input by itself: see [`decide`](crate::gate::decide()).
#[derive(Debug, Default)]
pub(crate) struct Matches {
    found: HashMap<(BankId, u64, SignalType), Match>,
    /// No match farther than this can come into the list any more.
    reach: Option<Distance>,
    /// The entries that match, so many of them as are counted.
    entries: HashSet<(BankId, u64, SignalType)>,
    /// The bytes' own matches, and those of each picture.
    decisions: Decisions,
    /// The entries that were nearly met.
    pub(crate) missed: NearMisses,
    /// The entries for which evidence spoke, but not enough.
    pub(crate) nearly: NearlyVerified,
}

/// What came of an input's queries.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The matches, nearest first (then by bank name, content id and signal type).
    pub(crate) matches: Vec<Match>,
    /// How many more there were, at least.
    pub(crate) left_out: u64,
    /// What to do; `None` without a match.
    pub(crate) action: Option<Action>,
    /// What stops it, where something does.
    pub(crate) stops: Stops,
    /// Whether the bytes themselves are in an `allow` bank.
    pub(crate) allowed_by_bytes: bool,
    /// The frames that an `allow` bank knows as a whole.
    pub(crate) frames: BTreeSet<u32>,
}

impl Matches {
    /// Asks the index about one query and keeps what the banks' policies call a match.
    pub(crate) fn ask(&mut self, terms: &Terms<'_>, query: &Query) {
        self.ask_all(terms, std::slice::from_ref(query));
    }

    /// The same of many queries, which go through the index together.
    pub(crate) fn ask_all(&mut self, terms: &Terms<'_>, queries: &[Query]) {
        let widest = widest(terms.index);
        let asked = queries.iter();
        let asked = asked.filter_map(|query| Some((query, radius(terms, query)?)));
        visit_all(terms, asked, |query, hit| {
            self.weigh(terms, query, &hit, widest);
        });
    }

    /// Keeps a hit where its bank's policy calls it a match; `widest` is [`widest`] of the index.
    pub(crate) fn weigh(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit, widest: Distance) {
        match judge(terms, query, hit, widest) {
            Ok(found) => self.keep(hit.bank, found),
            Err(refusal) => {
                self.nearly.note(query, hit, &refusal);
                self.miss(terms, query, hit);
            }
        }
    }

    /// As [`Matches::weigh`], where how alike the query and the entry are was told before.
    pub(crate) fn weigh_as_told(
        &mut self,
        terms: &Terms<'_>,
        query: &Query,
        hit: &Hit,
        widest: Distance,
        (score, seconded_by): (Option<Score>, Option<SignalType>),
    ) {
        if let Ok(found) = judge_by(terms, query, hit, widest, (|_, _| score, seconded_by)) {
            self.keep(hit.bank, found);
        }
    }

    /// As [`Matches::weigh`], where a second hash of the same form speaks for the entry too.
    pub(crate) fn weigh_seconded(
        &mut self,
        terms: &Terms<'_>,
        query: &Query,
        hit: &Hit,
        by: SignalType,
    ) {
        let widest = widest(terms.index);
        if let Ok(found) = judge_by(terms, query, hit, widest, (score, Some(by))) {
            self.keep(hit.bank, found);
        }
    }

    /// Whether the query met an entry: of a perceptual hash, whether its form of the input did.
    pub(crate) fn has_met(&self, query: &Query) -> bool {
        let perceptual = query.signal.signal_type().family() != Family::Digest;
        let form = perceptual.then_some(query.variant);
        self.decisions.contains_key(&form)
    }

    /// Whether something blocks that cannot be quarantined. What allows may still overrule it.
    #[cfg(feature = "decode")]
    pub(crate) fn blocks_for_certain(&self) -> bool {
        let (action, stops) = strictest(&self.decisions);
        action == Some(Action::Block) && stops.firm
    }

    /// Notes an entry that is no match, but near one.
    pub(crate) fn miss(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit) {
        if let Some(score) = score(query, hit) {
            self.missed.note(terms, query, hit, score);
        }
    }

    /// Whether an entry of this bank matches by a hash of this type.
    pub(crate) fn has_entry(&self, bank: BankId, content: ContentId, kind: SignalType) -> bool {
        self.entries.contains(&(bank, content.0, kind))
    }

    fn keep(&mut self, bank: BankId, Judged { found, quarantine }: Judged) {
        self.decisions
            .entry(form(&found))
            .or_default()
            .count(&found, quarantine);
        let key = (bank, found.content_id.0, found.entry.signal_type());
        if self.entries.len() < MOST_COUNTED {
            self.entries.insert(key);
        }
        if self.reach.is_some_and(|reach| found.distance > reach) {
            return;
        }
        match self.found.get_mut(&key) {
            // What decided is shown: a match by distance before one by evidence. Of two as near, the
            // lesser hash, in whatever order they come.
            Some(held) if rank(held) <= rank(&found) => {}
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
        let (action, stops) = strictest(&self.decisions);
        Decided {
            matches,
            left_out,
            action,
            stops,
            allowed_by_bytes: bytes.is_some_and(|bytes| bytes.allowed.is_some()),
            // Of a frame that is too faint a harmless part says nothing, nor does a thumbnail.
            frames: (harmless(&self.decisions).into_keys())
                .filter(|(_, _, embedded, region)| !embedded && *region == Sides::NONE)
                .map(|(frame, ..)| frame)
                .collect(),
        }
    }
}

/// Tells what queries meet, each within its radius: those of one radius go through the index together.
pub(crate) fn visit_all<'q>(
    terms: &Terms<'_>,
    asked: impl Iterator<Item = (&'q Query, Distance)>,
    mut tell: impl FnMut(&'q Query, Hit),
) {
    let mut by_radius: BTreeMap<Distance, Vec<&Query>> = BTreeMap::new();
    for (query, radius) in asked {
        by_radius.entry(radius).or_default().push(query);
    }
    for (radius, queries) in by_radius {
        let signals: Vec<Signal> = queries.iter().map(|query| query.signal).collect();
        terms.index.visit_batch(&signals, radius, |place, hit| {
            if let Some(query) = queries.get(place) {
                tell(query, hit);
            }
        });
    }
}

/// Which of an entry's matches is shown: the least.
fn rank(found: &Match) -> (bool, Distance, Signal) {
    let by_evidence = found.kind == MatchKind::Verified;
    (by_evidence, found.distance, found.entry)
}

/// Nearest first, then by bank name, content id and hash.
fn order(a: &Match, b: &Match) -> Ordering {
    (a.distance.cmp(&b.distance))
        .then_with(|| a.bank.cmp(&b.bank))
        .then_with(|| (a.content_id, a.entry).cmp(&(b.content_id, b.entry)))
}

#[cfg(test)]
mod tests;
