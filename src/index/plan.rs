//! Which buckets must be asked so that no hash within a radius can be missed, and what it costs.
//!
//! A hash of `W` words that lies within `r` bits of the query has at least one word `i` within
//! `t_i`, provided that the sum of `t_i + 1` over all words is `r + 1`: if each word were farther
//! than its `t_i`, the whole would be at least `r + 1` away. A threshold of -1 means that a word
//! is not asked. In the same way one of a word's two chunks is within `a` or the other within
//! `b`, with `(a + 1) + (b + 1) = t + 1`.

use crate::hamming::kernel::Row;

/// The most words that a hash has.
const MAX_WORDS: usize = 8;
/// The widest chunk radius for which flips are listed; beyond it a scan is always cheaper.
const MAX_CHUNK_RADIUS: i32 = 4;
/// Number of 16-bit flip masks of up to so many bits.
const FLIPS_WITHIN: [usize; 5] = [1, 17, 137, 697, 2517];

/// Every 16-bit mask of up to [`MAX_CHUNK_RADIUS`] bits, those of fewer bits first.
static FLIPS: [u16; 2517] = flips();

const fn flips() -> [u16; 2517] {
    let mut masks = [0u16; 2517];
    let mut next = 1;
    let mut bits = 1;
    while bits <= MAX_CHUNK_RADIUS {
        // Masks of the same number of bits in ascending order (HAKMEM item 175, Gosper).
        let mut mask: u32 = (1 << bits) - 1;
        while mask < 1 << 16 {
            masks[next] = mask as u16;
            next += 1;
            let low = mask & mask.wrapping_neg();
            let carry = mask + low;
            mask = (((carry ^ mask) >> 2) / low) | carry;
        }
        bits += 1;
    }
    masks
}

/// The flips of a chunk within `radius`, with the number of bits of each; none below 0.
pub(super) fn flips_within(radius: i32) -> &'static [u16] {
    let count = match usize::try_from(radius) {
        Ok(radius) => FLIPS_WITHIN.get(radius).copied().unwrap_or(FLIPS.len()),
        Err(_) => 0,
    };
    FLIPS.get(..count).unwrap_or(&FLIPS)
}

/// The flips of exactly so many bits of a chunk.
pub(super) fn flips_of(bits: i32) -> &'static [u16] {
    let fewer = flips_within(bits - 1).len();
    flips_within(bits).get(fewer..).unwrap_or_default()
}

/// How many bits of a bucket's number lie within one cache line of offsets.
const LINE_BITS: u32 = 4;
/// As [`FLIPS_WITHIN`], of flips that lead to another cache line of offsets.
const LINE_FLIPS_WITHIN: [usize; 5] = [1, 13, 79, 299, 794];

/// Every flip of [`FLIPS`] that leaves the lowest [`LINE_BITS`] bits alone, in their order.
static LINE_FLIPS: [u16; 794] = {
    let (mut masks, mut next, mut at) = ([0; 794], 0, 0);
    while at < FLIPS.len() {
        if FLIPS[at] & ((1 << LINE_BITS) - 1) == 0 {
            masks[next] = FLIPS[at];
            next += 1;
        }
        at += 1;
    }
    masks
};

/// One flip for each cache line of offsets that the flips within `radius` lead to.
pub(super) fn line_flips_within(radius: i32) -> &'static [u16] {
    let within = usize::try_from(radius).map(|radius| LINE_FLIPS_WITHIN.get(radius).copied());
    let count = within.map_or(0, |count| count.unwrap_or(LINE_FLIPS.len()));
    LINE_FLIPS.get(..count).unwrap_or(&LINE_FLIPS)
}

/// How a radius is shared out among words and chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// For each word, -1 where it is not asked.
    pub(super) thresholds: [i32; MAX_WORDS],
    pub(super) radius: u32,
    words: usize,
    asks: [Ask; 2 * MAX_WORDS],
    asked: usize,
}

impl Plan {
    /// The plan for hashes of `words` words.
    pub(super) fn new(words: usize, radius: u32) -> Self {
        let mut thresholds = [-1; MAX_WORDS];
        let share = (radius + 1) as usize;
        for (word, threshold) in thresholds.iter_mut().take(words).enumerate() {
            *threshold = (share / words + usize::from(word < share % words)) as i32 - 1;
        }
        let mut plan = Self {
            thresholds,
            radius,
            words,
            asks: [Ask::NONE; 2 * MAX_WORDS],
            asked: 0,
        };
        // What the first chunk's table finds, the second's leaves out: siblings within `first`.
        for (word, threshold, first, second) in plan.words() {
            let tables = [(2 * word, first, 0), (2 * word + 1, second, first + 1)];
            for (table, radius, least) in tables {
                if let Some(slot) = plan.asks.get_mut(plan.asked) {
                    *slot = Ask {
                        table,
                        radius,
                        least,
                        threshold,
                    };
                    plan.asked += 1;
                }
            }
        }
        plan
    }

    /// The words that are asked: number, threshold, and the radii of its two chunks.
    fn words(&self) -> impl Iterator<Item = (usize, i32, i32, i32)> + use<> {
        let asked = self.thresholds.into_iter().take(self.words).enumerate();
        asked.filter(|&(_, t)| t >= 0).map(|(word, t)| {
            let first = t / 2;
            (word, t, first, t - 1 - first)
        })
    }

    /// The tables that are asked, for [`Ask::of`] to put a query to.
    pub(super) fn asks(&self) -> &[Ask] {
        self.asks.get(..self.asked).unwrap_or_default()
    }

    /// How many buckets it asks; `None` where a chunk's radius is beyond all reason.
    pub(super) fn probes(&self) -> Option<usize> {
        let mut probes = 0;
        for (_, _, first, second) in self.words() {
            if first > MAX_CHUNK_RADIUS {
                return None;
            }
            probes += flips_within(first).len() + flips_within(second).len();
        }
        Some(probes)
    }
}

/// Number of 16-bit masks of exactly so many bits.
fn choose(bits: i32) -> u64 {
    (0..bits.max(0) as u64).fold(1, |product, bit| {
        product * (16_u64.saturating_sub(bit)) / (bit + 1)
    })
}

/// How a plan asks one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ask {
    /// Number of the table, which is that of its chunk.
    pub(super) table: usize,
    /// Radius about the chunk; -1 where the table is not asked.
    pub(super) radius: i32,
    /// Least distance of an entry's sibling chunk.
    pub(super) least: i32,
    /// The threshold of the word.
    pub(super) threshold: i32,
}

impl Ask {
    const NONE: Self = Self {
        table: 0,
        radius: -1,
        least: 0,
        threshold: -1,
    };

    /// The query's chunk for this table, and its sibling.
    #[inline(always)]
    pub(super) fn of<R: Row>(&self, query: &R) -> (u16, u16) {
        let value = query.as_words().get(self.table / 2).copied().unwrap_or(0);
        let (upper, lower) = ((value >> 16) as u16, value as u16);
        if self.table.is_multiple_of(2) {
            (upper, lower)
        } else {
            (lower, upper)
        }
    }

    /// How many of the 2^32 values of the word come through this table: its share of survivors,
    /// were all hashes equally likely.
    pub(super) fn share(&self) -> u64 {
        let mut share = 0;
        for &flip in flips_within(self.radius) {
            let most = self.threshold - flip.count_ones() as i32;
            share += (self.least..=most).map(choose).sum::<u64>();
        }
        share
    }

    /// The number of the word that this table is about.
    pub(super) fn word(&self) -> u32 {
        (self.table / 2) as u32
    }
}

/// What the parts of a search cost, in quarter nanoseconds, measured on one core of an EPYC with
/// AVX-512 over columns of 1 and 10 million hashes (`cargo bench --bench search`). Only their
/// proportions matter: they choose between two exact ways.
pub(super) mod cost {
    /// Asking one bucket: its offsets and its first cache line.
    pub(in crate::index) const PROBE: u64 = 48;
    /// Sixteen entries of a bucket.
    pub(in crate::index) const SIXTEEN_ENTRIES: u64 = 3;
    /// Fetching a hash that came through and verifying it.
    pub(in crate::index) const SURVIVOR: u64 = 60;
    /// Scanning 32 bytes of hashes.
    pub(in crate::index) const SCAN_32_BYTES: u64 = 4;
    /// Scanning eight 256-bit hashes that are in the cache, as they are in a batch.
    pub(in crate::index) const SCAN_8_WIDE_IN_CACHE: u64 = 13;
    /// Scanning 32 64-bit hashes that are in the cache.
    pub(in crate::index) const SCAN_32_NARROW_IN_CACHE: u64 = 20;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn flips_are_complete_and_in_order() {
        for radius in 0..=MAX_CHUNK_RADIUS {
            let mut listed = flips_within(radius).to_vec();
            assert!(listed.is_sorted_by_key(|mask| mask.count_ones()));
            listed.sort_unstable();
            let expected: Vec<u16> = (0..=u16::MAX)
                .filter(|mask| mask.count_ones() as i32 <= radius)
                .collect();
            assert_eq!(listed, expected);
        }
        assert!(flips_within(-1).is_empty());
    }

    #[test]
    fn line_flips_lead_to_each_cache_line_once() {
        for radius in -1..=MAX_CHUNK_RADIUS {
            let lines =
                |flips: &[u16]| -> Vec<u16> { flips.iter().map(|f| f >> LINE_BITS).collect() };
            let listed = lines(line_flips_within(radius));
            let expected: BTreeSet<u16> = lines(flips_within(radius)).into_iter().collect();
            assert_eq!(listed.len(), expected.len());
            assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }

    #[test]
    fn flips_of_each_number_of_bits_make_up_those_within() {
        for radius in -1..=MAX_CHUNK_RADIUS {
            let parts: Vec<u16> = (0..=radius).flat_map(flips_of).copied().collect();
            assert_eq!(parts, flips_within(radius));
        }
    }

    /// The two tables of a word let every value within its threshold through once.
    #[test]
    fn the_shares_of_two_tables_are_all_values_within_the_threshold() {
        let choose32 = |bits: u64| (0..bits).fold(1, |p, bit| p * (32 - bit) / (bit + 1));
        for radius in 0..40 {
            let plan = Plan::new(8, radius);
            for (pair, (_, threshold, _, _)) in plan.asks().chunks(2).zip(plan.words()) {
                let within: u64 = (0..=threshold as u64).map(choose32).sum();
                assert_eq!(pair[0].share() + pair[1].share(), within);
            }
        }
    }

    #[test]
    fn shares_add_up_at_every_radius() {
        for words in [2, 8] {
            for radius in 0..=32 * words as u32 {
                let plan = Plan::new(words, radius);
                let sum: i32 = plan.thresholds[..words].iter().map(|t| t + 1).sum();
                assert_eq!(sum, radius as i32 + 1);
                for (_, t, first, second) in plan.words() {
                    assert_eq!((first + 1) + (second + 1), t + 1);
                    assert!(first >= second && second >= -1);
                }
            }
        }
        let plan = Plan::new(8, 31);
        assert_eq!((plan.thresholds, plan.probes()), ([3; 8], Some(272)));
    }
}
