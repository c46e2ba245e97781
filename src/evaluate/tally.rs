//! Counting: what the copies' verdicts say, in numbers whose sums do not depend on their order.

use crate::bank::Policy;
use crate::hash::{Family, SignalType};
use std::collections::BTreeSet;

/// Distances from 0 to the widest that is looked at, and one place for all beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distances {
    counts: Vec<u64>,
}

impl Distances {
    pub(super) fn up_to(widest: u16) -> Self {
        Self {
            counts: vec![0; usize::from(widest) + 2],
        }
    }

    /// Counts one distance; `None` is beyond.
    pub(super) fn add(&mut self, distance: Option<u16>) {
        let last = self.counts.len() - 1;
        let place = distance.map_or(last, |distance| usize::from(distance).min(last));
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// How many are at most so far.
    pub(super) fn within(&self, distance: u16) -> u64 {
        let far = usize::from(distance) + 1;
        let inner = self.counts.len() - 1;
        self.counts.iter().take(far.min(inner)).sum()
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The lower median; `None` where it is beyond.
    pub(super) fn median(&self) -> Option<u16> {
        let half = self.total().div_ceil(2);
        let inner = self.counts.len() - 1;
        let mut sum = 0;
        for (distance, count) in (0..).zip(self.counts.iter().take(inner)) {
            sum += count;
            if sum >= half && half > 0 {
                return Some(distance);
            }
        }
        None
    }

    /// The counts by distance; what is beyond comes last.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }
}

/// What is known of the copies by one modification, for one set of variants and one type of hash.
#[derive(Debug, Clone)]
pub(super) struct Copies {
    pub(super) asked: u64,
    /// Those that got no verdict by their pixels.
    pub(super) unjudged: u64,
    /// Found within the threshold.
    pub(super) found: u64,
    /// Found beyond the threshold, by verification.
    pub(super) verified: u64,
    /// Distances to the original.
    pub(super) own: Distances,
    /// Copies that flagged another picture, as configured.
    pub(super) wrong: u64,
}

/// Wrong hits among one list of entries.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    /// The nearest wrong entry of each copy.
    pub(super) nearest: Distances,
    /// All pairs of a copy and a wrong entry; those beyond are not counted here.
    pub(super) pairs: Distances,
    /// Copies with a wrong flag as configured: by the threshold or by verification.
    pub(super) copies_flagged: u64,
    /// Pairs that are flagged wrongly as configured.
    pub(super) pairs_flagged: u64,
    /// The different pairs of an original and an entry among them.
    pub(super) distinct: BTreeSet<(u32, u32)>,
    /// Those among them that verification alone flagged.
    pub(super) pairs_verified: u64,
    /// All pairs that could have been flagged.
    pub(super) pairs_asked: u64,
}

/// A wrong flag, ordered by how near it is. Numbers are places in the lists of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WrongFlag {
    pub(super) distance: u16,
    pub(super) original: u32,
    pub(super) modification: u32,
    pub(super) benign: bool,
    pub(super) entry: u32,
    pub(super) verified: bool,
    pub(super) variant: String,
}

/// Most wrong flags that are kept to be shown: the nearest.
pub(super) const MOST_FLAGS: usize = 200;

/// All counts for one set of variants and one type of hash.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) copies: Vec<Copies>,
    pub(super) benign: Wrong,
    pub(super) corpus: Wrong,
    /// Flags on entries that only a person saw to be the same picture.
    pub(super) by_eye: u64,
    /// The different pairs of an original and an entry among them.
    pub(super) distinct_by_eye: BTreeSet<(u32, u32)>,
    /// Copies that were found as configured, by original.
    pub(super) found_of: Vec<u32>,
    pub(super) flags: BTreeSet<WrongFlag>,
    /// Lists of matches that were cut: what lay beyond is not counted.
    pub(super) cut: u64,
}

impl Tally {
    pub(super) fn new(widest: u16, modifications: usize, originals: usize) -> Self {
        let wrong = Wrong {
            nearest: Distances::up_to(widest),
            pairs: Distances::up_to(widest),
            copies_flagged: 0,
            pairs_flagged: 0,
            distinct: BTreeSet::new(),
            pairs_verified: 0,
            pairs_asked: 0,
        };
        let copies = Copies {
            asked: 0,
            unjudged: 0,
            found: 0,
            verified: 0,
            own: Distances::up_to(widest),
            wrong: 0,
        };
        Self {
            copies: vec![copies; modifications],
            benign: wrong.clone(),
            corpus: wrong,
            by_eye: 0,
            distinct_by_eye: BTreeSet::new(),
            found_of: vec![0; originals],
            flags: BTreeSet::new(),
            cut: 0,
        }
    }

    pub(super) fn flag(&mut self, flag: WrongFlag) {
        self.flags.insert(flag);
        if self.flags.len() > MOST_FLAGS {
            self.flags.pop_last();
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (own, other) in self.copies.iter_mut().zip(&other.copies) {
            own.asked += other.asked;
            own.unjudged += other.unjudged;
            own.found += other.found;
            own.verified += other.verified;
            own.wrong += other.wrong;
            own.own.merge(&other.own);
        }
        for (own, other) in [
            (&mut self.benign, &other.benign),
            (&mut self.corpus, &other.corpus),
        ] {
            own.nearest.merge(&other.nearest);
            own.pairs.merge(&other.pairs);
            own.copies_flagged += other.copies_flagged;
            own.pairs_flagged += other.pairs_flagged;
            own.distinct.extend(&other.distinct);
            own.pairs_verified += other.pairs_verified;
            own.pairs_asked += other.pairs_asked;
        }
        self.by_eye += other.by_eye;
        self.distinct_by_eye.extend(other.distinct_by_eye);
        for (own, other) in self.found_of.iter_mut().zip(&other.found_of) {
            *own += other;
        }
        for flag in other.flags {
            self.flag(flag);
        }
        self.cut += other.cut;
    }
}

/// How far distances of a type are looked at.
pub(super) fn widest(kind: SignalType) -> u16 {
    match kind.family() {
        Family::Pdq => Policy::MAX_PDQ_THRESHOLD.0,
        Family::Hash64 => Policy::MAX_HASH64_THRESHOLD.0,
        Family::Digest => 0,
    }
}

/// One tally for each set of variants and type of hash, in the order of the plan.
pub(super) type Tallies = Vec<Tally>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_and_summed() {
        let mut distances = Distances::up_to(63);
        for distance in [Some(0), Some(31), Some(31), Some(63), Some(64), None] {
            distances.add(distance);
        }
        assert_eq!(distances.within(0), 1);
        assert_eq!(distances.within(31), 3);
        assert_eq!(distances.within(63), 4);
        assert_eq!(distances.within(200), 4);
        assert_eq!(distances.total(), 6);
        assert_eq!(distances.median(), Some(31));
        assert_eq!(distances.counts().len(), 65);
        let mut far = Distances::up_to(16);
        far.add(None);
        assert_eq!(far.median(), None);
        assert_eq!(Distances::up_to(3).median(), None);
    }

    #[test]
    fn sums_do_not_depend_on_their_order() {
        let flag = |distance, original| WrongFlag {
            distance,
            original,
            modification: 0,
            benign: true,
            entry: 1,
            verified: false,
            variant: String::new(),
        };
        let part = |from: u16| {
            let mut tally = Tally::new(63, 1, 1);
            for number in from..from + 150 {
                tally.flag(flag(number % 64, number.into()));
                tally.copies[0].own.add(Some(number % 64));
                tally.copies[0].asked += 1;
            }
            tally
        };
        let (mut one, mut other) = (part(0), part(150));
        one.merge(part(150));
        other.merge(part(0));
        assert_eq!(one.flags, other.flags);
        assert_eq!(one.flags.len(), MOST_FLAGS);
        assert_eq!(one.copies[0].own, other.copies[0].own);
        assert_eq!(one.copies[0].asked, 300);
    }
}
