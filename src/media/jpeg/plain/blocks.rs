//! The coefficients of one block, as each kind of scan brings them.

use super::super::entropy::{Bits, Fault, Table, extended};
use super::coefficients::Block;

/// A scan's band of coefficients, in the zigzag order, and the bits that it leaves out.
#[derive(Clone, Copy)]
pub(super) struct Band {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) low: u8,
}

/// Puts a value into a block. Beyond its end there is one more place, as everywhere: the last.
fn put(block: &mut Block, at: usize, value: i32) {
    // Of 16 bits, like those of libjpeg.
    block[at.min(63)] = value as i16;
}

/// The mean, by its difference to the one before.
fn mean(bits: &mut Bits<'_>, dc: &Table, predictor: &mut i32) -> Result<i32, Fault> {
    let size = u32::from(bits.symbol(dc)?);
    if size > 15 {
        return Err(Fault::Code);
    }
    let raw = bits.take(size);
    *predictor = predictor.wrapping_add(extended(raw, size));
    Ok(*predictor)
}

/// A block of a sequential scan (ITU-T T.81, F.2.2).
pub(super) fn sequential(
    bits: &mut Bits<'_>,
    (dc, ac): (&Table, &Table),
    predictor: &mut i32,
    block: &mut Block,
) -> Result<(), Fault> {
    let mean = mean(bits, dc, predictor)?;
    put(block, 0, mean);
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 && run < 15 {
            break;
        }
        at += run;
        if size > 0 {
            let raw = bits.take(size);
            put(block, at, extended(raw, size));
        }
        at += 1;
    }
    Ok(())
}

/// The first scan of a mean (G.1.2.1).
pub(super) fn dc_first(
    bits: &mut Bits<'_>,
    dc: &Table,
    predictor: &mut i32,
    low: u8,
    block: &mut Block,
) -> Result<(), Fault> {
    let mean = mean(bits, dc, predictor)?;
    put(block, 0, mean.wrapping_shl(u32::from(low)));
    Ok(())
}

/// A scan that adds a bit to a mean.
pub(super) fn dc_refined(bits: &mut Bits<'_>, low: u8, block: &mut Block) {
    if bits.take(1) == 1 {
        block[0] |= 1_i16.wrapping_shl(u32::from(low));
    }
}

/// The first scan of a band (G.1.2.2). `ended` counts the blocks whose band has ended already.
pub(super) fn ac_first(
    bits: &mut Bits<'_>,
    ac: &Table,
    band: Band,
    ended: &mut u32,
    block: &mut Block,
) -> Result<(), Fault> {
    if *ended > 0 {
        *ended -= 1;
        return Ok(());
    }
    let mut at = band.first;
    while at <= band.last {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        if size > 0 {
            at += run as usize;
            let raw = bits.take(size);
            let value = extended(raw, size).wrapping_shl(u32::from(band.low));
            put(block, at, value);
            at += 1;
        } else if run == 15 {
            at += 16;
        } else {
            *ended = (1 << run) - 1 + bits.take(run);
            break;
        }
    }
    Ok(())
}

/// A scan that adds a bit to a band (G.1.2.3).
pub(super) fn ac_refined(
    bits: &mut Bits<'_>,
    ac: &Table,
    band: Band,
    ended: &mut u32,
    block: &mut Block,
) -> Result<(), Fault> {
    let bit = 1_i16.wrapping_shl(u32::from(band.low));
    let mut at = band.first;
    while *ended == 0 && at <= band.last {
        let symbol = bits.symbol(ac)?;
        let (mut run, size) = (u32::from(symbol >> 4), symbol & 15);
        let mut new = 0;
        if size > 0 {
            new = if bits.take(1) == 1 { bit } else { -bit };
        } else if run < 15 {
            *ended = (1 << run) + bits.take(run);
            break;
        }
        // Over `run` coefficients that stay zero; those that are not have a bit each.
        while at <= band.last {
            if block[at] != 0 {
                refine(bits, bit, &mut block[at]);
            } else if run == 0 {
                break;
            } else {
                run -= 1;
            }
            at += 1;
        }
        if new != 0 && at <= band.last {
            block[at] = new;
        }
        at += 1;
        bits.check()?;
    }
    if *ended > 0 {
        while at <= band.last {
            if block[at] != 0 {
                refine(bits, bit, &mut block[at]);
            }
            at += 1;
        }
        *ended -= 1;
    }
    Ok(())
}

/// Adds a bit, away from zero, to a coefficient that does not have it yet.
fn refine(bits: &mut Bits<'_>, bit: i16, value: &mut i16) {
    if bits.take(1) == 1 && *value & bit == 0 {
        let amount = if *value < 0 { bit.wrapping_neg() } else { bit };
        *value = value.wrapping_add(amount);
    }
}
