//! Blocks of baseline pictures, read only as far as a picture inside the range of colours needs.
//!
//! There a block's first coefficients are all that counts; of the others it is enough that they
//! cannot move a sample out of the range. That is a bound, added up from several symbols at once
//! (`lookups.rs`). Where it does not hold, the unit is read again with all of its values
//! (`baseline.rs`): so this file decides nothing, it only says "surely" or "not surely".

use super::super::entropy::{Bits, MOST_AC_BITS, Table, extended};
use super::super::lookups::{LOOK_BITS, Singles, Skips};
use super::frame::Quantisation;

/// The first coefficients of a block, which are asked for, and room behind them.
pub(super) type FirstValues = [i16; 32];

/// What the blocks of one component are read with.
pub(super) struct QuickPart<'a> {
    dc: &'a Table,
    ac: &'a Table,
    singles: Singles,
    skips: Skips,
    reach: [u32; 64],
    /// The most of `reach` up to each place.
    most_reach: [u32; 64],
    /// The last place of the zigzag order whose value counts.
    last: usize,
}

impl<'a> QuickPart<'a> {
    /// To read so many first coefficients, at most 6, the mean counted.
    pub(super) fn new(
        dc: &'a Table,
        ac: &'a Table,
        quantisation: &Quantisation,
        count: usize,
    ) -> Self {
        let reach: [u32; 64] = std::array::from_fn(|at| quantisation.reach[at]);
        let mut most = 0;
        Self {
            dc,
            ac,
            singles: Singles::new(ac),
            skips: Skips::new(ac),
            reach,
            most_reach: reach.map(|reach| {
                most = reach.max(most);
                most
            }),
            last: count - 1,
        }
    }

    /// Reads a block's first coefficients, of the DC only the difference; the others' reach is the
    /// answer, an upper bound. `None` where something is not as it should be.
    #[inline(always)]
    pub(super) fn read(&self, bits: &mut Bits<'_>, values: &mut FirstValues) -> Option<(i32, u32)> {
        values[..8].fill(0);
        let difference = bits.dc_difference(self.dc)?;
        let reach = self.read_ac(bits, values)?;
        Some((difference, reach))
    }

    #[inline(always)]
    fn read_ac(&self, bits: &mut Bits<'_>, values: &mut FirstValues) -> Option<u32> {
        let (mut at, mut reach) = (0, 0_u32);
        while at < self.last {
            bits.hold_for(LOOK_BITS);
            let single = self.singles.at(bits);
            if single.length() == 0 {
                let Some(value) = self.one(bits, &mut at)? else {
                    return Some(reach);
                };
                // At most 16 places on from one of the first.
                values[at & 31] = value;
                reach = self.reached(reach, value.unsigned_abs().into(), at);
                continue;
            }
            bits.drop(single.length());
            if single.ends_block() {
                return Some(reach);
            }
            at += single.steps();
            values[at & 31] = single.value();
            reach = self.reached(reach, single.value().unsigned_abs().into(), at);
        }
        loop {
            bits.hold_for(LOOK_BITS);
            let skip = self.skips.at(bits);
            let to = at + skip.steps();
            // Not where the block might be full before the last of them: it is not its own.
            if skip.length() == 0 || to >= 63 {
                let Some(value) = self.one(bits, &mut at)? else {
                    return Some(reach);
                };
                reach = self.reached(reach, value.unsigned_abs().into(), at);
                if at >= 63 {
                    return Some(reach);
                }
                continue;
            }
            bits.drop(skip.length());
            at = to;
            // No sum passes 32 bits: 63 amounts of 10 bits, and reaches of 12.
            let most = self.most_reach[at & 63];
            reach = reach.wrapping_add(skip.amount().wrapping_mul(most));
            if skip.ends_block() {
                return Some(reach);
            }
        }
    }

    #[inline(always)]
    fn reached(&self, reach: u32, amount: u32, at: usize) -> u32 {
        reach.wrapping_add(amount.wrapping_mul(self.reach[at & 63]))
    }

    /// One symbol, and its value: `Some(None)` at the end of the block; 0 for sixteen zeros.
    #[inline(always)]
    fn one(&self, bits: &mut Bits<'_>, at: &mut usize) -> Option<Option<i16>> {
        let one = self.next(*bits, *at)?;
        (*bits, *at) = (one.bits, one.at);
        Some(one.value)
    }

    #[inline(never)]
    fn next<'b>(&self, mut bits: Bits<'b>, mut at: usize) -> Option<One<'b>> {
        let symbol = u32::from(bits.symbol(self.ac).ok()?);
        let (run, size) = (symbol as usize >> 4, symbol & 15);
        let mut value = Some(0);
        if size == 0 {
            match run {
                0 => value = None,
                15 if at + 16 < 63 => at += 16,
                _ => return None,
            }
        } else {
            at += run + 1;
            if at > 63 || size > MOST_AC_BITS {
                return None;
            }
            let raw = bits.take(size);
            value = Some(extended(raw, size) as i16);
        }
        Some(One { bits, at, value })
    }
}

/// What is behind a symbol.
struct One<'a> {
    bits: Bits<'a>,
    at: usize,
    value: Option<i16>,
}
