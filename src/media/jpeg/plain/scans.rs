//! The order of the blocks in one scan, and its restarts.

use super::super::super::{Format, MediaError};
use super::super::entropy::{Bits, Fault, Table};
use super::super::scan::{Frame, Scan};
use super::super::tables::Tables;
use super::blocks::{Band, ac_first, ac_refined, dc_first, dc_refined, sequential};
use super::coefficients::Coefficients;

/// Reads one scan.
pub(super) struct ScanReader<'a> {
    bits: Bits<'a>,
    data: &'a [u8],
    interval: u32,
    /// Units before the next restart marker.
    left: u32,
    next_restart: u8,
    /// Blocks still covered by a run of ended bands.
    ended: u32,
    /// The last mean of each component of the scan.
    predictors: [i32; 4],
}

/// A component of the scan: which it is, its blocks in a unit, and its tables.
struct Part<'a> {
    index: usize,
    across: u32,
    down: u32,
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
}

fn fault(fault: Fault) -> MediaError {
    let reason = match fault {
        Fault::Short => "its data end before the picture does",
        Fault::Code => "its data hold a code that no Huffman table of it has",
    };
    MediaError::damaged(Format::Jpeg, reason)
}

impl<'a> ScanReader<'a> {
    /// From the first byte behind the scan's header.
    pub(super) fn new(data: &'a [u8], at: usize, interval: u32) -> Self {
        Self {
            bits: Bits::new(data, at),
            data,
            interval,
            left: interval,
            next_restart: 0,
            ended: 0,
            predictors: [0; 4],
        }
    }

    /// Where the marker behind the scan stands.
    pub(super) fn end(&self) -> Result<usize, MediaError> {
        self.bits.finish().map_err(fault)
    }

    /// Reads all blocks into `kept`, and after each row of units says so to `row_is_read`.
    pub(super) fn read(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        tables: &Tables,
        kept: &mut Coefficients,
        row_is_read: &mut dyn FnMut(u32, &mut Coefficients),
    ) -> Result<(), MediaError> {
        // A component alone comes block after block, without those that hold nothing of the
        // picture; several come in units (ITU-T T.81, A.2).
        let (mut down, mut across) = (frame.units_down, frame.units_across);
        let mut parts = Vec::with_capacity(4);
        for &(index, dc, ac) in &scan.parts {
            let Some(component) = frame.components.get(index) else {
                return Err(fault(Fault::Code));
            };
            let alone = scan.parts.len() == 1;
            if alone {
                (down, across) = (component.blocks_down, component.blocks_across);
            }
            parts.push(Part {
                index,
                across: if alone { 1 } else { component.horizontal },
                down: if alone { 1 } else { component.vertical },
                dc: tables.dc.get(dc).and_then(Option::as_deref),
                ac: tables.ac.get(ac).and_then(Option::as_deref),
            });
        }
        for row in 0..down {
            for column in 0..across {
                self.restart_if_due().map_err(fault)?;
                for (part, at) in parts.iter().zip(0..) {
                    self.unit(frame, scan, part, at, (row, column), kept)
                        .map_err(fault)?;
                }
            }
            row_is_read(row, kept);
        }
        Ok(())
    }

    /// Before each unit: passes the restart marker that is due.
    fn restart_if_due(&mut self) -> Result<(), Fault> {
        if self.interval == 0 {
            return Ok(());
        }
        if self.left == 0 {
            let at = self.bits.finish()?;
            if self.data.get(at + 1) != Some(&(0xd0 + self.next_restart)) {
                return Err(Fault::Short);
            }
            self.next_restart = (self.next_restart + 1) & 7;
            self.bits = Bits::new(self.data, at + 2);
            self.left = self.interval;
            self.ended = 0;
            self.predictors = [0; 4];
        }
        self.left -= 1;
        Ok(())
    }

    /// The blocks of one component in one unit.
    fn unit(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        part: &Part<'_>,
        at: usize,
        (row, column): (u32, u32),
        kept: &mut Coefficients,
    ) -> Result<(), Fault> {
        let bits = &mut self.bits;
        let predictor = self.predictors.get_mut(at).ok_or(Fault::Code)?;
        for down in row * part.down..(row + 1) * part.down {
            for across in column * part.across..(column + 1) * part.across {
                let block = kept.block(part.index, down, across).ok_or(Fault::Code)?;
                if !frame.progressive {
                    let dc = part.dc.ok_or(Fault::Code)?;
                    let ac = part.ac.ok_or(Fault::Code)?;
                    sequential(bits, (dc, ac), predictor, block)?;
                } else if scan.first == 0 {
                    if scan.high == 0 {
                        let dc = part.dc.ok_or(Fault::Code)?;
                        dc_first(bits, dc, predictor, scan.low, block)?;
                    } else {
                        dc_refined(bits, scan.low, block);
                    }
                } else {
                    let ac = part.ac.ok_or(Fault::Code)?;
                    let band = Band {
                        first: scan.first as usize,
                        last: scan.last as usize,
                        low: scan.low,
                    };
                    if scan.high == 0 {
                        ac_first(bits, ac, band, &mut self.ended, block)?;
                    } else {
                        ac_refined(bits, ac, band, &mut self.ended, block)?;
                    }
                }
                bits.check()?;
            }
        }
        Ok(())
    }
}
