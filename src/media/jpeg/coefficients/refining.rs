//! Scans that add a bit to each AC coefficient of a band (ITU-T T.81, G.1.2.3), block by block.
//!
//! Nearly all data of a good progressive picture are in these scans, and hardly any of it counts for
//! the samples. So a block is read as sets of places, each a word of 64 bits: the places that were
//! not zero have a bit each, which is collected, not looked at. Whoever keeps values asks
//! [`Refined`] afterwards. Refuses what is not as it should be, as all of this room does.

use super::super::entropy::{Bits, Table};
use super::super::lookups::Refinements;

/// What a refining scan brings to the coefficients of one block, as sets of places.
#[derive(Clone, Copy, Default)]
pub(super) struct Refined {
    /// Places of the band that were not zero.
    pub(super) old: u64,
    /// A bit for each of them, that of the last place lowest.
    corrections: u64,
    /// Places that become ±1 at this bit.
    pub(super) new: u64,
    /// Those of them that become +1.
    positive: u64,
}

impl Refined {
    /// What the scan makes of the value at a place, whose lowest bit is number `low` from now on.
    #[inline(always)]
    pub(super) fn value(&self, before: i16, at: u32, low: u8) -> i16 {
        let bit = |set: u64| (set >> (at & 63) & 1) as i16;
        let is_old = bit(self.old);
        // The place's bit has as many below it as there are old places behind.
        let behind = (self.old >> (at & 63) >> 1).count_ones();
        let correction = (self.corrections >> (behind & 63) & 1) as i16;
        let amount = (is_old & correction | bit(self.new)) << low;
        let is_negative = (is_old & i16::from(before < 0)) | (bit(self.new) & !bit(self.positive));
        // Within 12 bits: at most 10 from the first scan, and one for each lower place.
        if is_negative == 0 {
            before.wrapping_add(amount)
        } else {
            before.wrapping_sub(amount)
        }
    }
}

/// A block that is being read.
struct Block {
    /// Places of the band that nothing was read for yet.
    ahead: u64,
    refined: Refined,
}

impl Block {
    /// Reads what one symbol stands for, whose bits are `length` of those held: passes over `zeros`
    /// places that stay zero and all old ones on the way, to the next that was zero; it becomes what
    /// `new` and `positive` say, which are all ones or none.
    ///
    /// Has at least 32 bits held before.
    #[inline(always)]
    fn step(
        &mut self,
        bits: &mut Bits<'_>,
        length: u32,
        zeros: u32,
        new: u64,
        positive: u64,
        ends: u64,
    ) -> Option<()> {
        // At an end there is no next, and all places are passed over.
        let free = without_lowest(self.ahead & !self.refined.old, zeros) & !ends;
        if free | ends == 0 {
            return None;
        }
        let at = free & free.wrapping_neg();
        let passed = self.ahead & self.refined.old & at.wrapping_sub(1);
        self.correct(bits, length, passed.count_ones());
        self.refined.new |= at & new;
        self.refined.positive |= at & positive;
        self.ahead &= !(at | at.wrapping_sub(1));
        Some(())
    }

    /// Takes a bit for each of the next `count` old places, behind `length` held bits.
    #[inline(always)]
    fn correct(&mut self, bits: &mut Bits<'_>, length: u32, count: u32) {
        if length.wrapping_add(count) > 32 {
            (*bits, self.refined.corrections) =
                many(*bits, length, count, self.refined.corrections);
            return;
        }
        let read = bits.held_behind(length, count);
        self.refined.corrections = self.refined.corrections << (count & 63) | read;
        bits.drop(length.wrapping_add(count));
    }
}

/// The same for any number.
#[cold]
#[inline(never)]
fn many(mut bits: Bits<'_>, length: u32, mut count: u32, mut corrections: u64) -> (Bits<'_>, u64) {
    bits.drop(length);
    while count > 0 {
        let now = count.min(16);
        corrections = corrections << now | u64::from(bits.take(now));
        count -= now;
    }
    (bits, corrections)
}

/// Reads one block of a band, whose places are `within`; `run` says how many blocks from it on have no new coefficients any more.
#[inline(always)]
pub(super) fn refine(
    bits: &mut Bits<'_>,
    within: u64,
    (table, refinements): (&Table, Option<&Refinements>),
    nonzero: u64,
    run: &mut u32,
) -> Option<Refined> {
    let old = nonzero & within;
    let mut block = Block {
        ahead: within,
        refined: Refined {
            old,
            ..Refined::default()
        },
    };
    if *run == 0 {
        *run = symbols(bits, (table, refinements), &mut block)?;
    }
    if *run > 0 {
        bits.hold_for(32);
        block.correct(bits, 0, (block.ahead & old).count_ones());
        *run -= 1;
    }
    bits.check().ok()?;
    Some(block.refined)
}

/// Reads a block's symbols: all places, or up to an end that so many blocks have in common.
#[inline(always)]
fn symbols(
    bits: &mut Bits<'_>,
    (table, refinements): (&Table, Option<&Refinements>),
    block: &mut Block,
) -> Option<u32> {
    while block.ahead != 0 {
        bits.hold_for(32);
        if let Some(refinements) = refinements {
            if block.ahead & block.refined.old == 0 {
                // No bits of others among them: several symbols at once.
                let at = block.ahead.trailing_zeros();
                let several = refinements.several(bits);
                let to = at.wrapping_add(several.steps());
                if several.length() > 0 && block.ahead >> (to & 63) != 0 && to < 64 {
                    bits.drop(several.length());
                    block.refined.new |= several.added().wrapping_shl(at);
                    block.refined.positive |= several.positive().wrapping_shl(at);
                    block.ahead &= u64::MAX.wrapping_shl(to);
                    if several.ends_block() {
                        return Some(1);
                    }
                    continue;
                }
            } else {
                let one = refinements.one(bits);
                if one.length() > 0 {
                    let (new, positive) = (one.added(), one.positive());
                    block.step(bits, one.length(), one.zeros(), new, positive, one.ends())?;
                    continue;
                }
            }
        }
        let symbol = u32::from(bits.symbol(table).ok()?);
        let (zeros, size) = (symbol >> 4, symbol & 15);
        let (new, positive) = match size {
            0 if zeros < 15 => return Some((1 << zeros) + bits.take(zeros)),
            0 => (0, 0),
            1 => (u64::MAX, if bits.take(1) == 1 { u64::MAX } else { 0 }),
            _ => return None,
        };
        bits.hold_for(32);
        block.step(bits, 0, zeros, new, positive, 0)?;
    }
    Some(0)
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
