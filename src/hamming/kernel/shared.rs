//! The algorithms for many queries at a time, written once over an instruction set ([`Isa`]).
//!
//! A bucket, once in the cache, is scanned for all queries that ask it. As in `generic`,
//! everything here is `inline(always)`.

use super::generic::{Found, Isa, PER_LINE, ROWS_AHEAD, Row, look_ahead, prefetch_bucket};
use super::prefetch::prefetch;

/// One bucket to scan for one of many queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SharedProbe {
    /// First entry.
    pub begin: u32,
    /// One past the last entry.
    pub end: u32,
    /// Number of the query.
    pub query: u32,
    /// The query's own sibling chunk.
    pub sibling: u16,
    /// Least distance of an entry's sibling chunk from the query's.
    pub least: u8,
    /// Greatest distance.
    pub most: u8,
}

/// Something that one of many queries met: an entry of a table, by its position, or a hash, by
/// the number of its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Met {
    /// Position in the table, or number of the row.
    pub number: u32,
    /// Number of the query.
    pub query: u32,
}

/// A hash that was found for one of many queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedFound {
    /// Number of the query.
    pub query: u32,
    /// The hash.
    pub found: Found,
}

#[inline(always)]
pub(super) fn scan_shared<I: Isa>(
    column: &[u16],
    probes: &[SharedProbe],
    from: usize,
    survivors: &mut [Met],
) -> (usize, usize) {
    let sample = probes.get(from..).unwrap_or_default();
    let sample = sample.get(..16).unwrap_or(sample);
    let entries = sample
        .iter()
        .map(|p| p.end.saturating_sub(p.begin) as usize);
    let (lines, look) = look_ahead(entries.sum(), sample.len());
    let (mut number, mut count) = (from, 0);
    while let Some(probe) = probes.get(number) {
        let (begin, end) = (probe.begin as usize, probe.end as usize);
        let entries = end.saturating_sub(begin).max(1);
        let room = (survivors.len() - count) / entries;
        if room == 0 {
            assert!(number > from, "a probe has more entries than there is room");
            break;
        }
        // All who ask this bucket.
        let rest = probes.get(number..).unwrap_or_default();
        let mut asked = 1;
        while let Some(next) = rest.get(asked)
            && next.begin == probe.begin
            && next.end == probe.end
            && asked < room
        {
            asked += 1;
        }
        let run = rest.get(..asked).unwrap_or_default();
        // Ask for the buckets ahead: as many as were taken now, each but once.
        let mut ahead = number + look;
        number += asked;
        while ahead < number + look {
            let (Some(before), Some(next)) = (probes.get(ahead - 1), probes.get(ahead)) else {
                break;
            };
            if before.begin != next.begin {
                prefetch_bucket(column, next.begin, lines);
            }
            ahead += 1;
        }
        let first = begin & !(PER_LINE - 1);
        let last = (end + PER_LINE - 1) & !(PER_LINE - 1);
        let Some(blocks) = column.get(first..last) else {
            continue;
        };
        let mut at = first as u32;
        // Entries before the first are masked off in the first block, those behind the last in
        // the last block.
        let mut mask = u32::MAX << (begin & (PER_LINE - 1));
        for block in blocks.as_chunks::<PER_LINE>().0 {
            let left = probe.end.wrapping_sub(at);
            if left < PER_LINE as u32 {
                mask &= !(u32::MAX << left);
            }
            for probe in run {
                let (least, most) = (u16::from(probe.least), u16::from(probe.most));
                let mut near = I::near32(block, probe.sibling, least, most) & mask;
                while near != 0 {
                    if let Some(slot) = survivors.get_mut(count) {
                        *slot = Met {
                            number: at | near.trailing_zeros(),
                            query: probe.query,
                        };
                        count += 1;
                    }
                    near &= near - 1;
                }
            }
            mask = u32::MAX;
            at = at.wrapping_add(PER_LINE as u32);
        }
    }
    (number, count)
}

/// Buckets of a table: the values of a 16-bit chunk.
pub const BUCKETS: usize = 1 << 16;

/// How one of many queries asks the buckets about its chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around {
    /// Number of the query.
    pub query: u32,
    /// Its chunk for this table.
    pub chunk: u16,
    /// Its sibling chunk.
    pub sibling: u16,
    /// Least distance of an entry's sibling chunk.
    pub least: u8,
    /// Greatest distance of both chunks together.
    pub threshold: u8,
    /// The most entries of a bucket that is scanned.
    pub longest: u32,
}

/// Buckets ahead of the one that is scanned, for which it is asked for.
const BUCKETS_AHEAD: usize = 12;

#[inline(always)]
pub(super) fn scan_around<I: Isa>(
    column: &[u16],
    offsets: &[u32; BUCKETS + 1],
    flips: &[u16],
    around: &Around,
    from: usize,
    survivors: &mut [Met],
    long: &mut Vec<SharedProbe>,
) -> (usize, usize) {
    let Around {
        query,
        chunk,
        sibling,
        least,
        threshold,
        longest,
    } = *around;
    let flips = flips.get(from..).unwrap_or_default();
    let ask_for = |flip: u16| prefetch(column, offsets[usize::from(chunk ^ flip)] as usize);
    flips
        .iter()
        .take(BUCKETS_AHEAD)
        .for_each(|&flip| ask_for(flip));
    let mut count = 0;
    for (number, &flip) in flips.iter().enumerate() {
        if let Some(&ahead) = flips.get(number + BUCKETS_AHEAD) {
            ask_for(ahead);
        }
        let bucket = usize::from(chunk ^ flip);
        let (begin, end) = (offsets[bucket], offsets[bucket + 1]);
        let length = end.saturating_sub(begin);
        if length == 0 {
            continue;
        }
        let most = threshold.saturating_sub(flip.count_ones() as u8);
        if length > longest {
            long.push(SharedProbe {
                begin,
                end,
                query,
                sibling,
                least,
                most,
            });
            continue;
        }
        if survivors.len().saturating_sub(count) < length as usize {
            return (from + number, count);
        }
        let Some(mut rest) = column.get(begin as usize..) else {
            continue;
        };
        let (least, most) = (u16::from(least), u16::from(most));
        let mut keep = |at: u32, mut near: u32| {
            while near != 0 {
                if let Some(slot) = survivors.get_mut(count) {
                    *slot = Met {
                        number: at.wrapping_add(near.trailing_zeros()),
                        query,
                    };
                    count += 1;
                }
                near &= near - 1;
            }
        };
        // The usual one.
        if length <= 16
            && let Some(block) = rest.first_chunk()
        {
            keep(
                begin,
                I::near16(block, sibling, least, most) & !(u32::MAX << length),
            );
            continue;
        }
        let mut left = length.min(rest.len() as u32);
        let mut at = begin;
        while left > 0 {
            let near = match rest.first_chunk() {
                Some(block) => I::near32(block, sibling, least, most),
                None => {
                    let mut block = [0; PER_LINE];
                    block
                        .iter_mut()
                        .zip(rest)
                        .for_each(|(to, &from)| *to = from);
                    I::near32(&block, sibling, least, most)
                }
            };
            let beyond = u32::MAX.checked_shl(left).unwrap_or(0);
            keep(at, near & !beyond);
            left = left.saturating_sub(PER_LINE as u32);
            at = at.wrapping_add(PER_LINE as u32);
            rest = rest.get(PER_LINE..).unwrap_or_default();
        }
    }
    (from + flips.len(), count)
}

#[inline(always)]
pub(super) fn verify_shared<I: Isa, R: Row>(
    rows: &[R],
    queries: &[R],
    candidates: &[Met],
    word: u32,
    thresholds: &[i32; 8],
    radius: u32,
    found: &mut Vec<SharedFound>,
) {
    for candidate in candidates.iter().take(ROWS_AHEAD) {
        prefetch(rows, candidate.number as usize);
        prefetch(queries, candidate.query as usize);
    }
    for (number, candidate) in candidates.iter().enumerate() {
        if let Some(ahead) = candidates.get(number + ROWS_AHEAD) {
            prefetch(rows, ahead.number as usize);
            prefetch(queries, ahead.query as usize);
        }
        let row = rows.get(candidate.number as usize);
        let (Some(row), Some(query)) = (row, queries.get(candidate.query as usize)) else {
            continue;
        };
        let (within, distance) = row.words::<I>(query, thresholds);
        if distance <= radius && within.trailing_zeros() == word {
            found.push(SharedFound {
                query: candidate.query,
                found: Found {
                    id: candidate.number,
                    distance,
                },
            });
        }
    }
}
