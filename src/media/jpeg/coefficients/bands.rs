//! Scans of AC coefficients of progressive pictures (ITU-T T.81, G.1.2), and what is kept of them.

use super::super::entropy::{Bits, MOST_AC_BITS, Table, extended};
use super::super::kernel::{self, Work};
use super::super::lookups::{Pair, Pairs, Refinements};
use super::colour::Others;
use super::feed::Feed;
use super::frame::{Area, Plane, Quantisation};
use super::refining::{self, Refined};

/// The largest coefficient of 8-bit samples, and its sign.
pub(super) const MOST_VALUE: i32 = 2047;
/// A scan of fewer blocks is over before a table of pairs is made.
const LEAST_BLOCKS_FOR_PAIRS: usize = 8_192;
/// Bits from the fifth on come with a coefficient's first scan, or the file is left to the decoder:
/// no encoder is known that has them refined.
pub(super) const MOST_REFINED: u8 = 4;
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
    /// The first bits of a coefficient.
    fn set(&mut self, block: usize, at: u32, value: i32);
    /// One more bit of a block's coefficients, number `low` of each.
    fn refine(&mut self, block: usize, refined: &Refined, low: u8);
}

/// Keeps nothing.
pub(super) struct Nothing;

impl Keep for Nothing {
    #[inline(always)]
    fn set(&mut self, _block: usize, _at: u32, _value: i32) {}
    #[inline(always)]
    fn refine(&mut self, _block: usize, _refined: &Refined, _low: u8) {}
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
    fn set(&mut self, block: usize, at: u32, value: i32) {
        if (at as usize) < self.kept
            && let Some(slot) = self.slot(block, at)
        {
            *slot = value as i16;
        }
    }

    #[inline(always)]
    fn refine(&mut self, block: usize, refined: &Refined, low: u8) {
        let start = block * self.kept;
        if let Some(values) = self.values.get_mut(start + 1..start + self.kept) {
            for (at, value) in (1..).zip(values) {
                *value = refined.value(*value, at, low);
            }
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

impl Keep for &mut Suspects {
    #[inline(always)]
    fn set(&mut self, block: usize, at: u32, value: i32) {
        if let Some(slot) = self.slot(block, at) {
            *slot = value as i16;
        }
    }

    #[inline(always)]
    fn refine(&mut self, block: usize, refined: &Refined, low: u8) {
        if let Some(&place) = self.places.get(block)
            && let Some(values) = self.values.get_mut(place as usize)
        {
            for (at, value) in (0..).zip(values) {
                *value = refined.value(*value, at, low);
            }
        }
    }
}

/// Adds up how far the coefficients of a block can move its samples.
pub(super) trait Bound {
    /// A coefficient of at most this amount.
    fn add(&mut self, at: u32, most: u32);
    /// No more of them in this block.
    fn end(&mut self, block: usize);
    /// The coefficients that a refining scan brings to a block.
    fn add_small(&mut self, block: usize, places: u64);
}

impl Bound for Nothing {
    #[inline(always)]
    fn add(&mut self, _at: u32, _most: u32) {}
    #[inline(always)]
    fn end(&mut self, _block: usize) {}
    #[inline(always)]
    fn add_small(&mut self, _block: usize, _places: u64) {}
}

/// Adds up for each block of a component.
pub(super) struct Bounds<'a> {
    of: &'a mut [Others],
    reach: [u32; 64],
    sizes: [u32; 64],
    /// What a coefficient of a refining scan adds: its energy in the upper 32 bits, and its reach.
    /// By eight places each: the sum over a set of them. None for a first scan.
    small: Option<Box<[[u64; 256]; 8]>>,
    sum: Others,
}

impl<'a> Bounds<'a> {
    pub(super) fn new(of: &'a mut [Others], quantisation: &Quantisation, band: Band) -> Self {
        let reach: [u32; 64] = std::array::from_fn(|at| quantisation.reach[at]);
        let sizes: [u32; 64] = std::array::from_fn(|at| quantisation.sizes[at]);
        let most = (2 << band.low.min(MOST_REFINED)) - 1;
        Self {
            of,
            small: (!band.is_first).then(|| {
                let small = |at: usize| {
                    let (size, reach) = (u64::from(most * sizes[at]), most * reach[at]);
                    (size * size) << 32 | u64::from(reach)
                };
                let mut sums = Box::new([[0; 256]; 8]);
                for (first, sums) in (0..).step_by(8).zip(sums.iter_mut()) {
                    for set in 1..256_usize {
                        let at = first + set.trailing_zeros() as usize;
                        sums[set] = sums[set & (set - 1)] + small(at);
                    }
                }
                sums
            }),
            reach,
            sizes,
            sum: Others::default(),
        }
    }
}

impl Bound for Bounds<'_> {
    #[inline(always)]
    fn add(&mut self, at: u32, most: u32) {
        let at = (at & 63) as usize;
        // Amounts are of 12 bits, or the file is refused; 63 of them stay within 32 bits.
        let reach = most.wrapping_mul(self.reach[at]);
        self.sum.reach = self.sum.reach.wrapping_add(reach);
        let size = most.wrapping_mul(self.sizes[at]) as f32;
        self.sum.energy += size * size;
    }

    #[inline(always)]
    fn end(&mut self, block: usize) {
        if self.sum.reach > 0
            && let Some(others) = self.of.get_mut(block)
        {
            others.reach = others.reach.saturating_add(self.sum.reach);
            others.energy += self.sum.energy;
            self.sum = Others::default();
        }
    }

    #[inline(always)]
    fn add_small(&mut self, block: usize, places: u64) {
        if places != 0
            && let Some(small) = &self.small
            && let Some(others) = self.of.get_mut(block)
        {
            // Neither half passes 32 bits: 63 squares of 31 times 255, and reaches of 17 bits.
            let mut sum = 0_u64;
            for (sums, set) in small.iter().zip(places.to_le_bytes()) {
                sum = sum.wrapping_add(sums[usize::from(set)]);
            }
            others.reach = others.reach.saturating_add(sum as u32);
            others.energy += (sum >> 32) as f32;
        }
    }
}

/// One scan of AC coefficients of one component; gives the position behind it.
pub(super) struct AcScan<'a, B, K> {
    pub(super) feed: Feed<'a>,
    pub(super) area: Area,
    pub(super) band: Band,
    pub(super) table: &'a Table,
    /// Which coefficients of each block are not zero.
    pub(super) nonzero: &'a mut [u64],
    pub(super) bound: B,
    pub(super) keep: K,
}

impl<B: Bound, K: Keep> AcScan<'_, B, K> {
    /// Reads it.
    pub(super) fn read(self) -> Option<usize> {
        if self.band.is_first {
            kernel::run(FirstScan(self))
        } else {
            kernel::run(RefiningScan(self))
        }
    }

    /// Whether a table of several symbols pays.
    fn is_long(&self) -> bool {
        self.area.across * self.area.down >= LEAST_BLOCKS_FOR_PAIRS
    }
}

/// The first scan of a band. Work of its own, as the next: what is hot in both together would not
/// find room in registers.
struct FirstScan<'a, B, K>(AcScan<'a, B, K>);

impl<B: Bound, K: Keep> Work for FirstScan<'_, B, K> {
    type Done = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let mut scan = self.0;
        let pairs = scan.is_long().then(|| Pairs::new(scan.table));
        let codes = (scan.table, pairs.as_ref());
        let (bound, keep) = (&mut scan.bound, &mut scan.keep);
        // Blocks still covered by an end-of-band run.
        let mut run = 0;
        for row in 0..scan.area.down {
            let start = row * scan.area.stride;
            let row = scan.nonzero.get_mut(start..start + scan.area.across)?;
            for (block, nonzero) in (start..).zip(row) {
                if scan.feed.restarts()? && run > 0 {
                    return None;
                }
                if run > 0 {
                    run -= 1;
                } else {
                    let bits = &mut scan.feed.bits;
                    run = first(bits, scan.band, codes, nonzero, block, bound, keep)?;
                }
            }
        }
        (run == 0).then(|| scan.feed.finish())?
    }
}

/// A scan that adds a bit to a band (`refining.rs`).
struct RefiningScan<'a, B, K>(AcScan<'a, B, K>);

impl<B: Bound, K: Keep> Work for RefiningScan<'_, B, K> {
    type Done = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let mut scan = self.0;
        let refinements = scan.is_long().then(|| Refinements::new(scan.table));
        let codes = (scan.table, refinements.as_ref());
        let Band {
            first, last, low, ..
        } = scan.band;
        let within = u64::MAX << first & u64::MAX >> (63 - last);
        // Out of the feed, to live in registers.
        let mut bits = scan.feed.bits;
        let mut run = 0;
        for row in 0..scan.area.down {
            let start = row * scan.area.stride;
            let row = scan.nonzero.get_mut(start..start + scan.area.across)?;
            for (block, nonzero) in (start..).zip(row) {
                if scan.feed.has_restarts() {
                    scan.feed.bits = bits;
                    if scan.feed.restarts()? && run > 0 {
                        return None;
                    }
                    bits = scan.feed.bits;
                }
                let refined = refining::refine(&mut bits, within, codes, *nonzero, &mut run)?;
                *nonzero |= refined.new;
                scan.bound.add_small(block, refined.new);
                scan.keep.refine(block, &refined, low);
            }
        }
        scan.feed.bits = bits;
        (run == 0).then(|| scan.feed.finish())?
    }
}

/// One block of the first scan of a band (G.1.2.2). Gives the run of blocks without any behind it.
#[inline(always)]
fn first(
    bits: &mut Bits<'_>,
    band: Band,
    (table, pairs): (&Table, Option<&Pairs>),
    nonzero: &mut u64,
    block: usize,
    bound: &mut impl Bound,
    keep: &mut impl Keep,
) -> Option<u32> {
    let mut at = band.first;
    let mut more = 0;
    while at <= band.last {
        let within = |pair: Pair| at as usize + pair.steps() <= band.last as usize;
        if let Some(pairs) = pairs
            && let Some(pair) = pairs.next(bits, within)
        {
            let (first, second) = (pair.first_step() as u32, pair.steps() as u32);
            let mut sound = true;
            if first > 0 {
                let value = pair.first().into();
                sound &= put_first(at + first - 1, value, band, nonzero, block, bound, keep);
            }
            if second > first {
                let value = pair.second().into();
                sound &= put_first(at + second - 1, value, band, nonzero, block, bound, keep);
            }
            if !sound {
                return None;
            }
            if pair.ends_block() {
                break;
            }
            at += second;
            continue;
        }
        let symbol = u32::from(bits.symbol(table).ok()?);
        let (run, size) = (symbol >> 4, symbol & 15);
        if size == 0 {
            if run < 15 {
                more = (1 << run) - 1 + bits.take(run);
                break;
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
        let raw = bits.take(size);
        let value = extended(raw, size);
        if !put_first(at, value, band, nonzero, block, bound, keep) {
            return None;
        }
        at += 1;
    }
    bound.end(block);
    bits.check().ok()?;
    Some(more)
}

/// Takes the first bits of a coefficient; false where it is too large.
#[inline(always)]
fn put_first(
    at: u32,
    value: i32,
    band: Band,
    nonzero: &mut u64,
    block: usize,
    bound: &mut impl Bound,
    keep: &mut impl Keep,
) -> bool {
    let value = value << band.low;
    *nonzero |= 1 << (at & 63);
    keep.set(block, at, value);
    // A value of 10 bits and at most 10 more.
    let most = value.unsigned_abs().wrapping_add((1 << band.low) - 1);
    bound.add(at, most);
    value.abs() <= MOST_VALUE
}
