//! The blocks of one scan, counted off in the order in which its data hold them.

use super::entropy::{Bits, Fault, Table};
use super::kernel::{self, Work};
use super::lookups::{LOOK_BITS, Skips};
use super::scan::{Component, Frame, Scan};

/// A walk over the units of one scan.
pub(super) struct Walk<'a> {
    bits: Bits<'a>,
    data: &'a [u8],
    interval: u32,
    /// Units before the next restart marker.
    left: u32,
    next_restart: u8,
    /// Progressive: blocks still covered by an end-of-band run.
    end_of_band: u32,
    /// Whether a marker stood elsewhere than behind the last byte that is used.
    has_surplus: bool,
}

impl<'a> Walk<'a> {
    /// A walk from the first byte behind a scan's header.
    pub(super) fn new(data: &'a [u8], at: usize, interval: u32) -> Self {
        Self {
            bits: Bits::new(data, at),
            data,
            interval,
            left: interval,
            next_restart: 0,
            end_of_band: 0,
            has_surplus: false,
        }
    }

    /// Where the marker behind the scan stands, and whether there or before a restart are bytes that
    /// nothing was read from.
    pub(super) fn finish(&mut self) -> Result<(usize, bool), Fault> {
        let at = self.end_of_data()?;
        Ok((at, self.has_surplus))
    }

    /// Where the next marker stands.
    fn end_of_data(&mut self) -> Result<usize, Fault> {
        let at = self.bits.finish()?;
        self.has_surplus |= self.bits.end_of_data() != Some(at);
        Ok(at)
    }

    /// Before each unit: passes the restart marker that is due.
    #[inline(always)]
    fn restart_if_due(&mut self) -> Result<(), Fault> {
        if self.interval == 0 {
            return Ok(());
        }
        if self.left == 0 {
            self.restart()?;
        }
        self.left -= 1;
        Ok(())
    }

    #[inline(never)]
    fn restart(&mut self) -> Result<(), Fault> {
        let at = self.end_of_data()?;
        if self.data.get(at + 1) != Some(&(0xd0 + self.next_restart)) {
            return Err(Fault::Short);
        }
        self.next_restart = (self.next_restart + 1) & 7;
        self.bits = Bits::new(self.data, at + 2);
        self.left = self.interval;
        self.end_of_band = 0;
        Ok(())
    }

    pub(super) fn baseline(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        dc: &[Option<Box<Table>>; 4],
        ac: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let mut parts = Vec::with_capacity(4);
        for &(index, dc_slot, ac_slot) in &scan.parts {
            let component = frame.components.get(index).ok_or(Fault::Code)?;
            let dc = dc[dc_slot].as_deref().ok_or(Fault::Code)?;
            let ac = ac[ac_slot].as_deref().ok_or(Fault::Code)?;
            let skips = Skips::new(ac);
            parts.push((component, Codes { dc, ac, skips }));
        }
        let units = match parts.as_slice() {
            [(component, _)] => component.blocks_across * component.blocks_down,
            _ => frame.units_across * frame.units_down,
        };
        let alone = parts.len() == 1;
        let blocks = |component: &Component| match alone {
            true => 1,
            false => component.horizontal * component.vertical,
        };
        let parts = parts.into_iter();
        let parts = parts.map(|(component, codes)| (blocks(component), codes));
        kernel::run(Units {
            walk: self,
            parts: parts.collect(),
            units,
        })
    }

    pub(super) fn progressive_dc(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        dc: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let alone = scan.parts.len() == 1;
        let mut parts = Vec::with_capacity(4);
        let mut units = frame.units_across * frame.units_down;
        for &(index, slot, _) in &scan.parts {
            let component = frame.components.get(index).ok_or(Fault::Code)?;
            let blocks = if alone {
                units = component.blocks_across * component.blocks_down;
                1
            } else {
                component.horizontal * component.vertical
            };
            // A refining scan needs no table.
            let table = dc[slot].as_deref();
            if scan.high == 0 && table.is_none() {
                return Err(Fault::Code);
            }
            parts.push((blocks, table));
        }
        for _ in 0..units {
            self.restart_if_due()?;
            for &(blocks, table) in &parts {
                for _ in 0..blocks {
                    match table {
                        Some(table) if scan.high == 0 => {
                            self.bits.symbol_and_value(table)?;
                        }
                        _ => {
                            let _ = self.bits.take(1);
                        }
                    }
                }
            }
            self.bits.check()?;
        }
        Ok(())
    }

    pub(super) fn progressive_ac(
        &mut self,
        frame: &mut Frame,
        scan: &Scan,
        ac: &[Option<Box<Table>>; 4],
    ) -> Result<(), Fault> {
        let &[(index, _, slot)] = scan.parts.as_slice() else {
            return Err(Fault::Code);
        };
        let component = frame.components.get_mut(index).ok_or(Fault::Code)?;
        let table = ac[slot].as_deref().ok_or(Fault::Code)?;
        let across = component.blocks_across as usize;
        for row in component
            .nonzero
            .chunks_mut(component.stride as usize)
            .take(component.blocks_down as usize)
        {
            for nonzero in row.iter_mut().take(across) {
                self.restart_if_due()?;
                if scan.high == 0 {
                    self.band_first(table, scan, nonzero)?;
                } else {
                    self.band_refined(table, scan, nonzero)?;
                }
            }
        }
        Ok(())
    }

    /// The first scan of a band of coefficients (G.1.2.2).
    #[inline(always)]
    fn band_first(&mut self, table: &Table, scan: &Scan, nonzero: &mut u64) -> Result<(), Fault> {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return Ok(());
        }
        let mut at = scan.first;
        while at <= scan.last {
            let symbol = self.bits.symbol(table)?;
            let run = u32::from(symbol >> 4);
            let size = u32::from(symbol & 15);
            if size > 0 {
                at += run;
                let _ = self.bits.take(size);
                if at > 63 {
                    return Err(Fault::Code);
                }
                *nonzero |= 1 << at;
                at += 1;
            } else if run == 15 {
                at += 16;
            } else {
                self.end_of_band = (1 << run) - 1 + self.bits.take(run);
                break;
            }
        }
        self.bits.check()
    }

    /// A scan that adds a bit to a band of coefficients (G.1.2.3).
    #[inline(always)]
    fn band_refined(&mut self, table: &Table, scan: &Scan, nonzero: &mut u64) -> Result<(), Fault> {
        let mut at = scan.first;
        while self.end_of_band == 0 && at <= scan.last {
            let symbol = self.bits.symbol(table)?;
            let mut run = u32::from(symbol >> 4);
            let new = symbol & 15 > 0;
            if new {
                // The sign of a coefficient that becomes one.
                let _ = self.bits.take(1);
            } else if run < 15 {
                self.end_of_band = (1 << run) + self.bits.take(run);
                break;
            }
            // Over `run` coefficients that stay zero; those that are not have a bit each.
            while at <= scan.last {
                if *nonzero >> at & 1 == 1 {
                    let _ = self.bits.take(1);
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                at += 1;
            }
            if new && at <= scan.last {
                *nonzero |= 1 << at;
            }
            at += 1;
            self.bits.check()?;
        }
        if self.end_of_band > 0 {
            if at <= scan.last {
                let upto = u64::MAX >> (63 - scan.last);
                self.bits
                    .skip((*nonzero & upto & (u64::MAX << at)).count_ones());
            }
            self.end_of_band -= 1;
        }
        self.bits.check()
    }
}

/// What the blocks of one component are walked with.
struct Codes<'a> {
    dc: &'a Table,
    ac: &'a Table,
    skips: Skips,
}

/// The units of a baseline scan.
struct Units<'w, 'a> {
    walk: &'w mut Walk<'a>,
    /// Per component: its blocks in a unit, and its codes.
    parts: Vec<(u32, Codes<'w>)>,
    units: u32,
}

impl Work for Units<'_, '_> {
    type Done = Result<(), Fault>;
    #[inline(always)]
    fn run(self) -> Result<(), Fault> {
        // Out of the walk, to live in registers.
        let mut bits = self.walk.bits;
        for _ in 0..self.units {
            if self.walk.interval > 0 {
                self.walk.bits = bits;
                self.walk.restart_if_due()?;
                bits = self.walk.bits;
            }
            for (blocks, codes) in &self.parts {
                for _ in 0..*blocks {
                    block(&mut bits, codes)?;
                }
            }
        }
        self.walk.bits = bits;
        Ok(())
    }
}

/// One block of a baseline scan (F.2.2).
#[inline(always)]
fn block(bits: &mut Bits<'_>, codes: &Codes<'_>) -> Result<(), Fault> {
    bits.symbol_with_value(codes.dc)?;
    let mut at = 1;
    while at < 64 {
        bits.hold_for(LOOK_BITS);
        let skip = codes.skips.at(bits);
        let to = at + skip.steps();
        // Not where the block might be full before the last symbol: that is not its own.
        if skip.length() > 0 && to < 64 {
            bits.drop(skip.length());
            at = to;
            if skip.ends_block() {
                break;
            }
            continue;
        }
        let (symbol, _) = bits.symbol_with_value(codes.ac)?;
        // Sixteen zeros are the one run without a value; any other ends the block, as in libjpeg.
        if symbol & 15 == 0 && symbol != 0xf0 {
            break;
        }
        at += usize::from(symbol >> 4) + 1;
    }
    bits.check()
}
