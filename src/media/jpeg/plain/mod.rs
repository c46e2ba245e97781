//! A plain decoder: every sequential and progressive Huffman JPEG of 8 bits, whatever the order of
//! its scans and the sampling of its components.
//!
//! Owns the way from a file that [`survey`](super::survey) found whole to its pixels. It is written to
//! be right, not to be fast, and refuses to judge whether anything is missing.
//!
//! ```text
//! for each segment: take its tables
//! for each scan:    read its blocks' coefficients (`blocks.rs`), in the order of `scans.rs`
//! sequential, all components in one scan: after each row of units, its pixels (`pixels.rs`)
//! else: keep all coefficients, and at the end row by row the same
//! ```
//!
//! Where files break the rules, what libjpeg makes of them is right, since that is what people see:
//! a later scan overwrites coefficients that it names and leaves the others; a quantisation table is
//! the one in force when a component's first scan begins; a product of both has 16 bits.

mod blocks;
mod coefficients;
mod idct;
mod pixels;
mod scans;
#[cfg(test)]
mod tests;

use super::super::{Format, MediaError};
use super::markers::next_segment;
use super::scan::{Frame, Scan};
use super::survey::Survey;
use super::tables::Tables;
use coefficients::{Coefficients, Steps};
use pixels::Pixels;
use scans::ScanReader;

/// What is known between two segments.
struct Decoder<'a> {
    bytes: &'a [u8],
    frame: Frame,
    tables: Tables,
    interval: u32,
    quantisation: [Option<Steps>; 4],
    /// Of each component, from its first scan on.
    steps: Vec<Option<Steps>>,
    pixels: Pixels,
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Jpeg, reason)
}

/// Decodes the pixels, three bytes each, of a file that was surveyed. The memory for it has been asked
/// for there.
pub(super) fn decode(bytes: &[u8], seen: &Survey) -> Result<Vec<u8>, MediaError> {
    let frame = seen.header.frame(false);
    let mut decoder = Decoder {
        bytes,
        tables: Tables::default(),
        interval: 0,
        quantisation: [None; 4],
        steps: vec![None; frame.components.len()],
        pixels: Pixels::new(&frame, seen.colours),
        frame,
    };
    // Made with the first scan, which says how much of them is held at a time.
    let mut kept: Option<Coefficients> = None;
    let mut at = 2;
    while at < seen.end
        && let Some(segment) = next_segment(bytes, at)
    {
        at = segment.end;
        match segment.marker {
            0xd9 => break,
            0xc4 => decoder.tables.define(segment.data)?,
            0xdb => decoder.define_steps(segment.data)?,
            0xdd => {
                if let &[high, low] = segment.data {
                    decoder.interval = u32::from(u16::from_be_bytes([high, low]));
                }
            }
            0xda => {
                let scan = Scan::read(segment.data, &decoder.frame)
                    .ok_or_else(|| damaged("a scan's header is not that of a scan"))?;
                decoder.latch_steps(&scan)?;
                if !decoder.frame.progressive {
                    decoder.tables.fill_in_standard();
                }
                let is_only = kept.is_none()
                    && !decoder.frame.progressive
                    && scan.parts.len() == decoder.frame.components.len();
                if is_only {
                    decoder.only_scan(&scan, at)?;
                    return Ok(decoder.pixels.finish());
                }
                let kept = kept.get_or_insert_with(|| Coefficients::all(&decoder.frame));
                let mut reader = ScanReader::new(bytes, at, decoder.interval);
                reader.read(&decoder.frame, &scan, &decoder.tables, kept, &mut |_, _| ())?;
                at = reader.end()?;
            }
            _ => {}
        }
    }
    let kept = kept.ok_or_else(|| damaged("it has no scan"))?;
    for row in 0..decoder.frame.units_down {
        decoder
            .pixels
            .add_row(&decoder.frame, &decoder.steps, &kept, row);
    }
    Ok(decoder.pixels.finish())
}

impl Decoder<'_> {
    /// Takes quantisation tables (ITU-T T.81, B.2.4.1).
    fn define_steps(&mut self, mut segment: &[u8]) -> Result<(), MediaError> {
        while let [precision_and_slot, rest @ ..] = segment {
            let is_wide = precision_and_slot >> 4 != 0;
            let (listed, rest) = rest
                .split_at_checked(if is_wide { 128 } else { 64 })
                .ok_or_else(|| damaged("a quantisation table is short"))?;
            let mut steps = [0; 64];
            if is_wide {
                for (step, two) in steps.iter_mut().zip(listed.chunks_exact(2)) {
                    *step = u16::from_be_bytes([two[0], two[1]]);
                }
            } else {
                for (step, &one) in steps.iter_mut().zip(listed) {
                    *step = u16::from(one);
                }
            }
            *self
                .quantisation
                .get_mut(usize::from(precision_and_slot & 15))
                .ok_or_else(|| damaged("a quantisation table has no such place"))? = Some(steps);
            segment = rest;
        }
        Ok(())
    }

    /// The tables in force now are those of the components whose first scan begins.
    fn latch_steps(&mut self, scan: &Scan) -> Result<(), MediaError> {
        for &(index, _, _) in &scan.parts {
            let component = self.frame.components.get(index);
            if let (Some(component), Some(steps)) = (component, self.steps.get_mut(index))
                && steps.is_none()
            {
                let table = self.quantisation.get(component.quantisation);
                *steps = *table.unwrap_or(&None);
                if steps.is_none() {
                    return Err(damaged("a component has no quantisation table"));
                }
            }
        }
        Ok(())
    }

    /// Reads the only scan of a picture, and makes pixels of each row of units as it comes.
    fn only_scan(&mut self, scan: &Scan, at: usize) -> Result<(), MediaError> {
        let mut row_of_units = Coefficients::one_row(&self.frame);
        let mut reader = ScanReader::new(self.bytes, at, self.interval);
        let Self {
            frame,
            tables,
            steps,
            pixels,
            ..
        } = self;
        reader.read(frame, scan, tables, &mut row_of_units, &mut |row, kept| {
            pixels.add_row(frame, steps, kept, row);
            kept.clear();
        })
    }
}
