//! The algorithms, written once over what an instruction set offers ([`Isa`]).
//!
//! Everything here is `inline(always)`, so that it is compiled anew inside each instruction set's
//! functions, with that set's instructions.

use super::prefetch::prefetch;
use std::ops::Range;

/// A hash that was found, by its number in the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Number of the row.
    pub id: u32,
    /// Its distance in bits.
    pub distance: u32,
}

/// One bucket to scan: which entries of which table, and which sibling chunks to let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// First entry.
    pub begin: u32,
    /// One past the last entry.
    pub end: u32,
    /// The query's own sibling chunk.
    pub sibling: u16,
    /// Number of the table.
    pub table: u8,
    /// Least distance of an entry's sibling chunk from the query's.
    pub least: u8,
    /// Greatest distance.
    pub most: u8,
}

/// An entry that came through a bucket scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survivor {
    /// Position in the table.
    pub position: u32,
    /// Number of the table.
    pub table: u8,
}

/// A hash to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Number of the row.
    pub id: u32,
    /// Number of the word by which it was found.
    pub word: u8,
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for [u32; 8] {}
    impl Sealed for [u32; 2] {}
}

/// A row of a column of hashes: 256 or 64 bits as 32-bit words.
pub trait Row: sealed::Sealed + Copy + Sync + Sized + 'static {
    /// Number of words.
    const WORDS: usize;
    #[doc(hidden)]
    fn near8<I: Isa>(block: &[Self; 8], query: &Self, radius: u32) -> u32;
    #[doc(hidden)]
    fn words<I: Isa>(&self, query: &Self, thresholds: &[i32; 8]) -> (u32, u32);
    /// The words.
    fn as_words(&self) -> &[u32];
    /// The rows, if they are of 256 bits.
    fn wide(rows: &[Self]) -> Option<&[[u32; 8]]>;
    /// The distance to another row, in bits.
    #[inline(always)]
    fn distance(&self, other: &Self) -> u32 {
        let mut bits = 0;
        for (a, b) in self.as_words().iter().zip(other.as_words()) {
            bits += (a ^ b).count_ones();
        }
        bits
    }
}

impl Row for [u32; 8] {
    const WORDS: usize = 8;
    #[inline(always)]
    fn near8<I: Isa>(block: &[Self; 8], query: &Self, radius: u32) -> u32 {
        I::near8_256(block, query, radius)
    }
    #[inline(always)]
    fn words<I: Isa>(&self, query: &Self, thresholds: &[i32; 8]) -> (u32, u32) {
        I::words_256(self, query, thresholds)
    }
    #[inline(always)]
    fn as_words(&self) -> &[u32] {
        self
    }
    #[inline(always)]
    fn wide(rows: &[Self]) -> Option<&[[u32; 8]]> {
        Some(rows)
    }
}

impl Row for [u32; 2] {
    const WORDS: usize = 2;
    #[inline(always)]
    fn near8<I: Isa>(block: &[Self; 8], query: &Self, radius: u32) -> u32 {
        I::near8_64(block, query, radius)
    }
    #[inline(always)]
    fn words<I: Isa>(&self, query: &Self, thresholds: &[i32; 8]) -> (u32, u32) {
        let first = (self[0] ^ query[0]).count_ones();
        let second = (self[1] ^ query[1]).count_ones();
        let within = u32::from(first as i32 <= thresholds[0])
            | u32::from(second as i32 <= thresholds[1]) << 1;
        (within, first + second)
    }
    #[inline(always)]
    fn as_words(&self) -> &[u32] {
        self
    }
    #[inline(always)]
    fn wide(_: &[Self]) -> Option<&[[u32; 8]]> {
        None
    }
}

/// What an instruction set offers. Its functions may be called only where the processor has it.
#[doc(hidden)]
pub trait Isa {
    /// Bit `i` is set where `least <= distance(block[i], query) <= most`.
    fn near32(block: &[u16; 32], query: u16, least: u16, most: u16) -> u32;
    /// The same of half as many.
    fn near16(block: &[u16; 16], query: u16, least: u16, most: u16) -> u32;
    /// Bit `i` is set where row `i` is within `radius`.
    fn near8_256(block: &[[u32; 8]; 8], query: &[u32; 8], radius: u32) -> u32;
    /// Bit `i` is set where row `i` is within `radius`.
    fn near8_64(block: &[[u32; 2]; 8], query: &[u32; 2], radius: u32) -> u32;
    /// A bit for every word within its threshold, and the whole distance.
    fn words_256(row: &[u32; 8], query: &[u32; 8], thresholds: &[i32; 8]) -> (u32, u32);
}

#[inline(always)]
pub(super) fn scan<I: Isa, R: Row>(
    rows: &[R],
    base: u32,
    query: &R,
    radius: u32,
    found: &mut Vec<Found>,
) {
    scan_by(rows, base, query, radius, found, |block| {
        R::near8::<I>(block, query, radius)
    });
}

/// Appends every row within `radius`. `near` is asked about eight rows at a time, in order, and says which are.
#[inline(always)]
pub(super) fn scan_by<R: Row>(
    rows: &[R],
    base: u32,
    query: &R,
    radius: u32,
    found: &mut Vec<Found>,
    mut near: impl FnMut(&[R; 8]) -> u32,
) {
    let (blocks, tail) = rows.as_chunks::<8>();
    let mut first = base;
    for block in blocks {
        let mut near = near(block);
        while near != 0 {
            let row = near.trailing_zeros();
            near &= near - 1;
            let distance = block[(row & 7) as usize].distance(query);
            found.push(Found {
                id: first.wrapping_add(row),
                distance,
            });
        }
        first = first.wrapping_add(8);
    }
    for row in tail {
        let distance = row.distance(query);
        if distance <= radius {
            found.push(Found {
                id: first,
                distance,
            });
        }
        first = first.wrapping_add(1);
    }
}

/// How many cache lines of buckets are asked for ahead of the one being scanned: what a core can
/// have under way, several times over, and small beside its first-level cache.
const LINES_AHEAD: usize = 384;
/// The most probes that are looked ahead.
pub const PROBES_AHEAD: usize = 64;
/// Sibling chunks in a cache line.
pub(super) const PER_LINE: usize = 32;

/// How many cache lines are asked for of each probe, and how many probes ahead: a number of lines
/// that does not change from probe to probe costs no wrong guess of a branch. The processor's own
/// prefetcher takes up the rest of long buckets.
#[inline(always)]
pub(super) fn look_ahead(entries: usize, probes: usize) -> (usize, usize) {
    // A bucket of `n` entries that begins anywhere in a line touches 1 + (n - 1) / 32 on average.
    let lines = ((entries / probes.max(1) + 2 * PER_LINE - 2) / PER_LINE).clamp(1, 8);
    (lines, (LINES_AHEAD / lines).min(PROBES_AHEAD))
}

/// Asks for the first `lines` cache lines of a bucket that begins at `begin`.
#[inline(always)]
pub(super) fn prefetch_bucket(column: &[u16], begin: u32, lines: usize) {
    let first = begin as usize & !(PER_LINE - 1);
    for line in 0..lines {
        prefetch(column, first + line * PER_LINE);
    }
}

/// One table's entries: sibling chunks, and the numbers of the hashes that they belong to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Column<'a> {
    /// Sibling chunks, padded to a multiple of 32.
    pub siblings: &'a [u16],
    /// The entries' hash numbers; empty where entry `i` is hash `i`.
    pub ids: &'a [u32],
}

impl Column<'_> {
    /// The number of the hash at `position`.
    #[inline(always)]
    #[must_use]
    pub fn id(&self, position: u32) -> Option<u32> {
        if self.ids.is_empty() {
            return Some(position);
        }
        self.ids.get(position as usize).copied()
    }
}

#[inline(always)]
pub(super) fn scan_buckets<I: Isa>(
    columns: &[Column<'_>],
    probes: &[Probe],
    part: Range<usize>,
    survivors: &mut [Survivor],
) -> (usize, usize) {
    let sample = probes.get(part.start..).unwrap_or_default();
    let sample = sample.get(..16).unwrap_or(sample);
    let entries = sample
        .iter()
        .map(|p| p.end.saturating_sub(p.begin) as usize);
    let (lines, ahead) = look_ahead(entries.sum(), sample.len());
    if part.start == 0 {
        for probe in probes.iter().take(ahead) {
            if let Some(column) = columns.get(usize::from(probe.table)) {
                prefetch_bucket(column.siblings, probe.begin, lines);
            }
        }
    }
    let (mut number, mut count) = (part.start, 0);
    while number < part.end
        && let Some(probe) = probes.get(number)
    {
        let (begin, end) = (probe.begin as usize, probe.end as usize);
        if survivors.len() - count < end.saturating_sub(begin) {
            assert!(
                number > part.start,
                "a probe has more entries than there is room"
            );
            break;
        }
        if let Some(next) = probes.get(number + ahead)
            && let Some(column) = columns.get(usize::from(next.table))
        {
            prefetch_bucket(column.siblings, next.begin, lines);
        }
        number += 1;
        let Some(column) = columns.get(usize::from(probe.table)) else {
            continue;
        };
        let first = begin & !(PER_LINE - 1);
        let last = (end + PER_LINE - 1) & !(PER_LINE - 1);
        let Some(blocks) = column.siblings.get(first..last) else {
            continue;
        };
        let (least, most) = (u16::from(probe.least), u16::from(probe.most));
        let mut at = first as u32;
        // Entries before the first are masked off in the first block, those behind the last in
        // the last block.
        let mut mask = u32::MAX << (begin & (PER_LINE - 1));
        for block in blocks.as_chunks::<PER_LINE>().0 {
            let left = probe.end.wrapping_sub(at);
            if left < PER_LINE as u32 {
                mask &= !(u32::MAX << left);
            }
            let mut near = I::near32(block, probe.sibling, least, most) & mask;
            mask = u32::MAX;
            while near != 0 {
                if let Some(slot) = survivors.get_mut(count) {
                    let position = at | near.trailing_zeros();
                    *slot = Survivor {
                        position,
                        table: probe.table,
                    };
                    count = count.wrapping_add(1);
                }
                near &= near - 1;
            }
            at = at.wrapping_add(PER_LINE as u32);
        }
    }
    (number, count)
}

/// How many candidates ahead of the one being verified its row is asked for.
pub(super) const ROWS_AHEAD: usize = 16;

#[inline(always)]
pub(super) fn verify<I: Isa, R: Row>(
    rows: &[R],
    candidates: &[Candidate],
    query: &R,
    thresholds: &[i32; 8],
    radius: u32,
    found: &mut Vec<Found>,
) {
    for candidate in candidates.iter().take(ROWS_AHEAD) {
        prefetch(rows, candidate.id as usize);
    }
    for (number, candidate) in candidates.iter().enumerate() {
        if let Some(ahead) = candidates.get(number + ROWS_AHEAD) {
            prefetch(rows, ahead.id as usize);
        }
        let Some(row) = rows.get(candidate.id as usize) else {
            continue;
        };
        let (within, distance) = row.words::<I>(query, thresholds);
        if distance <= radius && within.trailing_zeros() == u32::from(candidate.word) {
            found.push(Found {
                id: candidate.id,
                distance,
            });
        }
    }
}
