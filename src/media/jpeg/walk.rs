//! The blocks of one scan, counted off in the order in which its data hold them.

use super::entropy::{Bits, Fault, Table};
use super::survey::{Frame, Scan};

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
        }
    }

    /// Where the marker behind the scan stands.
    pub(super) fn finish(&self) -> Result<usize, Fault> {
        self.bits.finish()
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

    fn restart(&mut self) -> Result<(), Fault> {
        let at = self.bits.finish()?;
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
            parts.push((component, dc, ac));
        }
        if let &[(component, dc, ac)] = parts.as_slice() {
            for _ in 0..component.blocks_across * component.blocks_down {
                self.restart_if_due()?;
                block(&mut self.bits, dc, ac)?;
            }
            return Ok(());
        }
        for _ in 0..frame.units_across * frame.units_down {
            self.restart_if_due()?;
            for &(component, dc, ac) in &parts {
                for _ in 0..component.horizontal * component.vertical {
                    block(&mut self.bits, dc, ac)?;
                }
            }
        }
        Ok(())
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

/// One block of a baseline scan (F.2.2).
#[inline(always)]
fn block(bits: &mut Bits<'_>, dc: &Table, ac: &Table) -> Result<(), Fault> {
    bits.symbol_and_value(dc)?;
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol_and_value(ac)?;
        if symbol == 0 {
            break;
        }
        at += u32::from(symbol >> 4) + 1;
    }
    bits.check()
}
