//! Scans of AC coefficients of progressive pictures (ITU-T T.81, G.1.2), and what is kept of them.

use super::super::entropy::{MOST_AC_BITS, Pair, Pairs, Table, extended};
use super::Plane;
use super::feed::Feed;

/// The largest coefficient of 8-bit samples, and its sign.
pub(super) const MOST_VALUE: i32 = 2047;
/// A scan of fewer blocks is over before a table of pairs is made.
const LEAST_BLOCKS_FOR_PAIRS: usize = 8_192;
/// Marks a block without a place of its own.
const NO_PLACE: u32 = u32::MAX;

/// The coefficients of an AC scan, and their bits.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) is_first: bool,
    pub(super) low: u8,
}

/// What becomes of coefficients as they are read.
pub(super) trait Keep {
    /// The places that matter, as bits.
    fn wanted(&self, block: usize) -> u64;
    /// A coefficient that was zero.
    fn set(&mut self, block: usize, at: u32, value: i32);
    /// One more bit of a coefficient that is not.
    fn refine(&mut self, block: usize, at: u32, bit: i32);
}

/// Keeps nothing.
pub(super) struct Nothing;

impl Keep for Nothing {
    #[inline(always)]
    fn wanted(&self, _block: usize) -> u64 {
        0
    }
    #[inline(always)]
    fn set(&mut self, _block: usize, _at: u32, _value: i32) {}
    #[inline(always)]
    fn refine(&mut self, _block: usize, _at: u32, _bit: i32) {}
}

/// Keeps the first coefficients of every block.
pub(super) struct First<'a> {
    pub(super) values: &'a mut [i16],
    pub(super) kept: usize,
}

/// Keeps all coefficients of some blocks.
pub(super) struct Suspects {
    places: Vec<u32>,
    /// Blocks that have a place.
    pub(super) count: u32,
    /// The AC coefficients, once they were read again.
    pub(super) values: Vec<[i16; 64]>,
}

impl First<'_> {
    #[inline(always)]
    fn slot(&mut self, block: usize, at: u32) -> Option<&mut i16> {
        self.values.get_mut(block * self.kept + at as usize)
    }
}

impl Keep for First<'_> {
    #[inline(always)]
    fn wanted(&self, _block: usize) -> u64 {
        (1 << self.kept) - 1
    }

    #[inline(always)]
    fn set(&mut self, block: usize, at: u32, value: i32) {
        if (at as usize) < self.kept
            && let Some(slot) = self.slot(block, at)
        {
            *slot = value as i16;
        }
    }

    #[inline(always)]
    fn refine(&mut self, block: usize, at: u32, bit: i32) {
        if (at as usize) < self.kept
            && let Some(slot) = self.slot(block, at)
        {
            *slot = refined(*slot, bit);
        }
    }
}

impl Suspects {
    pub(super) fn new(plane: &Plane) -> Self {
        Self {
            places: vec![NO_PLACE; plane.stride * plane.down],
            count: 0,
            values: Vec::new(),
        }
    }

    /// Gives a block a place, unless it has one.
    pub(super) fn name(&mut self, block: usize) -> Option<()> {
        let place = self.places.get_mut(block)?;
        if *place == NO_PLACE {
            *place = self.count;
            self.count += 1;
        }
        Some(())
    }

    pub(super) fn has(&self, block: usize) -> bool {
        self.places
            .get(block)
            .is_some_and(|&place| place != NO_PLACE)
    }

    /// The coefficients of a block that was read again.
    pub(super) fn of(&self, block: usize) -> Option<[i16; 64]> {
        let place = *self.places.get(block)?;
        self.values.get(place as usize).copied()
    }

    fn slot(&mut self, block: usize, at: u32) -> Option<&mut i16> {
        let place = *self.places.get(block)?;
        self.values.get_mut(place as usize)?.get_mut(at as usize)
    }
}

impl Keep for Suspects {
    #[inline(always)]
    fn wanted(&self, block: usize) -> u64 {
        match self.places.get(block) {
            None | Some(&NO_PLACE) => 0,
            Some(_) => u64::MAX,
        }
    }

    #[inline(always)]
    fn set(&mut self, block: usize, at: u32, value: i32) {
        if let Some(slot) = self.slot(block, at) {
            *slot = value as i16;
        }
    }

    #[inline(always)]
    fn refine(&mut self, block: usize, at: u32, bit: i32) {
        if let Some(slot) = self.slot(block, at) {
            *slot = refined(*slot, bit);
        }
    }
}

/// A coefficient with one more bit of its amount. Both are in the range of coefficients.
fn refined(value: i16, bit: i32) -> i16 {
    let bit = bit as i16;
    if value < 0 {
        value.wrapping_sub(bit)
    } else {
        value.wrapping_add(bit)
    }
}

/// One scan of AC coefficients of one component; gives the position behind it.
pub(super) fn ac(
    mut feed: Feed<'_>,
    plane: &Plane,
    band: Band,
    table: &Table,
    nonzero: &mut [u64],
    mut count: impl FnMut(usize, u32, u32),
    keep: &mut impl Keep,
) -> Option<usize> {
    // Blocks still covered by an end-of-band run.
    let mut run = 0;
    let pays = band.is_first && plane.across * plane.down >= LEAST_BLOCKS_FOR_PAIRS;
    let pairs = pays.then(|| Pairs::new(table));
    let codes = (table, pairs.as_ref());
    for row in 0..plane.down {
        let start = row * plane.stride;
        let row = nonzero.get_mut(start..start + plane.across)?;
        for (block, nonzero) in (start..).zip(row) {
            if feed.restarts()? && run > 0 {
                return None;
            }
            if !band.is_first {
                refine(
                    &mut feed, band, table, nonzero, &mut run, block, &mut count, keep,
                )?;
            } else if run > 0 {
                run -= 1;
            } else {
                run = first(&mut feed, band, codes, nonzero, block, &mut count, keep)?;
            }
        }
    }
    if run > 0 {
        return None;
    }
    feed.finish()
}

/// One block of the first scan of a band (G.1.2.2). Gives the run of blocks without any behind it.
#[inline(always)]
fn first(
    feed: &mut Feed<'_>,
    band: Band,
    (table, pairs): (&Table, Option<&Pairs>),
    nonzero: &mut u64,
    block: usize,
    count: &mut impl FnMut(usize, u32, u32),
    keep: &mut impl Keep,
) -> Option<u32> {
    let mut at = band.first;
    let mut put = |at: u32, value: i32| {
        let value = value << band.low;
        *nonzero |= 1 << at;
        keep.set(block, at, value);
        count(block, at, value.unsigned_abs() + (1 << band.low) - 1);
        value.abs() <= MOST_VALUE
    };
    while at <= band.last {
        let within = |pair: &Pair| at as usize + pair.steps() <= band.last as usize;
        if let Some(pairs) = pairs
            && let Some(pair) = feed.bits.pair(pairs, |pair| within(&pair))
        {
            let (first, second) = (pair.first_step() as u32, pair.steps() as u32);
            let mut sound = true;
            if first > 0 {
                sound &= put(at + first - 1, pair.first().into());
            }
            if second > first {
                sound &= put(at + second - 1, pair.second().into());
            }
            if !sound {
                return None;
            }
            if pair.ends_block() {
                feed.bits.check().ok()?;
                return Some(0);
            }
            at += second;
            continue;
        }
        let symbol = u32::from(feed.bits.symbol(table).ok()?);
        let (run, size) = (symbol >> 4, symbol & 15);
        if size == 0 {
            if run < 15 {
                let more = (1 << run) - 1 + feed.bits.take(run);
                feed.bits.check().ok()?;
                return Some(more);
            }
            at += 16;
            if at > band.last {
                return None;
            }
            continue;
        }
        at += run;
        if at > band.last || size > MOST_AC_BITS {
            return None;
        }
        let raw = feed.bits.take(size);
        if !put(at, extended(raw, size)) {
            return None;
        }
        at += 1;
    }
    feed.bits.check().ok()?;
    Some(0)
}

/// One block of a scan that refines a band by one bit (G.1.2.3).
#[expect(
    clippy::too_many_arguments,
    reason = "the state of a scan, in the innermost loop"
)]
#[inline(always)]
fn refine(
    feed: &mut Feed<'_>,
    band: Band,
    table: &Table,
    nonzero: &mut u64,
    run: &mut u32,
    block: usize,
    count: &mut impl FnMut(usize, u32, u32),
    keep: &mut impl Keep,
) -> Option<()> {
    let within = u64::MAX << band.first & u64::MAX >> (63 - band.last);
    let old = *nonzero;
    // The places from here on.
    let mut ahead = within;
    while *run == 0 && ahead != 0 {
        let symbol = u32::from(feed.bits.symbol(table).ok()?);
        let (zeros, size) = (symbol >> 4, symbol & 15);
        let value = match size {
            0 if zeros < 15 => {
                *run = (1 << zeros) + feed.bits.take(zeros);
                break;
            }
            0 => 0,
            1 => {
                if feed.bits.take(1) == 1 {
                    1
                } else {
                    -1
                }
            }
            _ => return None,
        };
        let mut free = ahead & !old;
        for _ in 0..zeros {
            free &= free.wrapping_sub(1);
        }
        if free == 0 {
            return None;
        }
        let at = free.trailing_zeros();
        let before = (1_u64 << at) - 1;
        correct(feed, ahead & old & before, band.low, block, keep)?;
        if value != 0 {
            *nonzero |= 1 << at;
            keep.set(block, at, value << band.low);
            count(block, at, (2 << band.low) - 1);
        }
        ahead &= !(before | 1 << at);
    }
    if *run > 0 {
        correct(feed, ahead & old, band.low, block, keep)?;
        *run -= 1;
    }
    feed.bits.check().ok()
}

/// Reads a bit for each of these coefficients, in their order.
#[inline(always)]
fn correct(
    feed: &mut Feed<'_>,
    places: u64,
    low: u8,
    block: usize,
    keep: &mut impl Keep,
) -> Option<()> {
    let mut left = places.count_ones();
    let wanted = places & keep.wanted(block);
    if wanted == 0 {
        while left > 0 {
            let now = left.min(16);
            let _ = feed.bits.take(now);
            left -= now;
        }
        return feed.bits.check().ok();
    }
    // Sixteen bits at a time; of most nobody wants to know.
    let mut places = places;
    while places != 0 {
        let now = places.count_ones().min(16);
        let bits = feed.bits.take(now);
        let mut wanted = places & wanted;
        while wanted != 0 {
            let at = wanted.trailing_zeros();
            let before = (places & ((1 << at) - 1)).count_ones();
            if before >= now {
                break;
            }
            let bit = (bits >> (now - 1 - before) & 1) as i32;
            keep.refine(block, at, bit << low);
            wanted &= wanted - 1;
        }
        for _ in 0..now {
            places &= places - 1;
        }
    }
    feed.bits.check().ok()
}
