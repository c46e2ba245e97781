//! Scans of AC coefficients of progressive pictures (ITU-T T.81, G.1.2), and what is kept of them.

use super::super::entropy::{Bits, MOST_AC_BITS, Table, extended};
use super::super::kernel::Work;
use super::super::lookups::{Pair, Pairs};
use super::colour::Others;
use super::feed::Feed;
use super::{Plane, Quantisation};

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

impl Keep for &mut Suspects {
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
    small: [u64; 64],
    sum: Others,
}

impl<'a> Bounds<'a> {
    pub(super) fn new(of: &'a mut [Others], quantisation: &Quantisation, band: Band) -> Self {
        let reach: [u32; 64] = std::array::from_fn(|at| quantisation.reach[at]);
        let sizes: [u32; 64] = std::array::from_fn(|at| quantisation.sizes[at]);
        let most = (2 << band.low.min(MOST_REFINED)) - 1;
        Self {
            of,
            small: std::array::from_fn(|at| {
                let (size, reach) = (u64::from(most * sizes[at]), most * reach[at]);
                (size * size) << 32 | u64::from(reach)
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
    fn add_small(&mut self, block: usize, mut places: u64) {
        if let Some(others) = self.of.get_mut(block) {
            // Neither half passes 32 bits: 63 squares of 31 times 255, and reaches of 17 bits.
            let mut sum = 0_u64;
            while places != 0 {
                sum = sum.wrapping_add(self.small[(places.trailing_zeros() & 63) as usize]);
                places &= places - 1;
            }
            others.reach = others.reach.saturating_add(sum as u32);
            others.energy += (sum >> 32) as f32;
        }
    }
}

/// Where the blocks of a component's scan lie among all of them.
#[derive(Clone, Copy)]
pub(in crate::media::jpeg) struct Area {
    pub(in crate::media::jpeg) across: usize,
    pub(in crate::media::jpeg) down: usize,
    pub(in crate::media::jpeg) stride: usize,
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

impl<B: Bound, K: Keep> Work for AcScan<'_, B, K> {
    type Done = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let Self {
            mut feed,
            area,
            band,
            table,
            nonzero,
            mut bound,
            mut keep,
        } = self;
        let (bound, keep) = (&mut bound, &mut keep);
        // Blocks still covered by an end-of-band run.
        let mut run = 0;
        let pays = area.across * area.down >= LEAST_BLOCKS_FOR_PAIRS;
        let most_bits = if band.is_first { MOST_AC_BITS } else { 1 };
        let pairs = pays.then(|| Pairs::new(table, most_bits));
        let codes = (table, pairs.as_ref());
        for row in 0..area.down {
            let start = row * area.stride;
            let row = nonzero.get_mut(start..start + area.across)?;
            for (block, nonzero) in (start..).zip(row) {
                if feed.restarts()? && run > 0 {
                    return None;
                }
                if !band.is_first {
                    let bits = &mut feed.bits;
                    refine(bits, band, codes, nonzero, &mut run, block, bound, keep)?;
                } else if run > 0 {
                    run -= 1;
                } else {
                    run = first(&mut feed.bits, band, codes, nonzero, block, bound, keep)?;
                }
            }
        }
        if run > 0 {
            return None;
        }
        feed.finish()
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

/// One block of a scan that refines a band by one bit (G.1.2.3).
#[expect(
    clippy::too_many_arguments,
    reason = "the state of a scan, in the innermost loop"
)]
#[inline(always)]
fn refine(
    bits: &mut Bits<'_>,
    band: Band,
    (table, pairs): (&Table, Option<&Pairs>),
    nonzero: &mut u64,
    run: &mut u32,
    block: usize,
    bound: &mut impl Bound,
    keep: &mut impl Keep,
) -> Option<()> {
    let within = u64::MAX << band.first & u64::MAX >> (63 - band.last);
    let before = *nonzero;
    let old = before & within;
    // The places from here on.
    let mut ahead = within;
    while *run == 0 && ahead != 0 {
        let at = ahead.trailing_zeros();
        if let Some(pairs) = pairs {
            // New coefficients before the next that is not zero come without bits of others.
            let next = if ahead & old == 0 {
                band.last + 1
            } else {
                (ahead & old).trailing_zeros()
            };
            let fits = |pair: Pair| pair.steps() <= (next - at) as usize;
            if let Some(pair) = pairs.next(bits, fits) {
                let (first, second) = (pair.first_step() as u32, pair.steps() as u32);
                let mut put = |at: u32, value: i16| {
                    *nonzero |= 1 << (at & 63);
                    keep.set(block, at, i32::from(value) << band.low);
                };
                if first > 0 {
                    put(at + first - 1, pair.first());
                }
                if second > first {
                    put(at + second - 1, pair.second());
                }
                ahead &= u64::MAX.checked_shl(at + second).unwrap_or(0);
                *run = u32::from(pair.ends_block());
                continue;
            }
        }
        let symbol = u32::from(bits.symbol(table).ok()?);
        let (zeros, size) = (symbol >> 4, symbol & 15);
        let value = match size {
            0 if zeros < 15 => {
                *run = (1 << zeros) + bits.take(zeros);
                break;
            }
            0 => 0,
            1 => {
                if bits.take(1) == 1 {
                    1
                } else {
                    -1
                }
            }
            _ => return None,
        };
        let free = without_lowest(ahead & !old, zeros);
        if free == 0 {
            return None;
        }
        let at = free.trailing_zeros();
        let below = (1_u64 << at) - 1;
        correct(bits, ahead & old & below, band.low, block, keep);
        if value != 0 {
            *nonzero |= 1 << at;
            keep.set(block, at, value << band.low);
        }
        ahead &= !(below | 1 << at);
    }
    if *run > 0 {
        correct(bits, ahead & old, band.low, block, keep);
        *run -= 1;
    }
    let new = *nonzero & !before;
    if new != 0 {
        bound.add_small(block, new);
    }
    bits.check().ok()
}

/// These bits without the lowest so many, at most 15.
#[inline(always)]
fn without_lowest(bits: u64, count: u32) -> u64 {
    let less = |bits: u64| bits & bits.wrapping_sub(1);
    // Mostly 0 to 3: chosen among, not branched on.
    let (one, two) = (less(bits), less(less(bits)));
    let first = if count & 1 == 0 { bits } else { one };
    let second = if count & 1 == 0 { two } else { less(two) };
    let mut bits = if count & 2 == 0 { first } else { second };
    for _ in 0..count >> 2 {
        bits = less(less(less(less(bits))));
    }
    bits
}

/// Reads a bit for each of these coefficients, in their order.
#[inline(always)]
fn correct(bits: &mut Bits<'_>, mut places: u64, low: u8, block: usize, keep: &mut impl Keep) {
    let wanted = places & keep.wanted(block);
    if wanted == 0 {
        bits.skip(places.count_ones());
        return;
    }
    // Sixteen bits at a time; of most nobody wants to know.
    while places != 0 {
        let now = places.count_ones().min(16);
        let read = bits.take(now);
        let mut wanted = places & wanted;
        while wanted != 0 {
            let at = wanted.trailing_zeros();
            let before = (places & ((1 << at) - 1)).count_ones();
            if before >= now {
                break;
            }
            let bit = (read >> (now - 1 - before) & 1) as i32;
            keep.refine(block, at, bit << low);
            wanted &= wanted - 1;
        }
        if now < 16 {
            return;
        }
        for _ in 0..now {
            places &= places - 1;
        }
    }
}
