//! The headers of a JPEG as they come: tables, the frame, and what else they say.
//!
//! Refuses what is not plain or not clean (see the room above): `None` for all of the file.

use super::super::super::{Format, Limits, Orientation};
use super::super::entropy::Table;
use super::super::frame::decoding_bytes;
use super::super::lookups::Pairs;
use super::super::markers::exif_block;
use super::canvas::{Canvas, Sampling};
use super::colour::{self, Colours};
use super::frame::{Frame, Plane, Quantisation};
use crate::signal::pdq::blocks::{BlockSampler, Kept};
use crate::signal::thumbnail::BlockThumbnail;
use std::rc::Rc;

/// More Huffman tables than this are left to the decoder.
const MAX_TABLES: u32 = 512;

/// What was read of the headers so far.
pub(super) struct Headers<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) limits: &'a Limits,
    pub(super) sampling: Sampling,
    pub(super) quantisation: [Option<Quantisation>; 4],
    pub(super) dc: [Option<Rc<Table>>; 4],
    pub(super) ac: [Option<Rc<Table>>; 4],
    pub(super) interval: u32,
    /// That of the first Exif block.
    pub(super) orientation: Option<Orientation>,
    pub(super) adobe: bool,
    pub(super) tables: u32,
    pub(super) scans: u32,
    pub(super) frame: Option<Frame>,
}

impl Headers<'_> {
    pub(super) fn application_1(&mut self, segment: &[u8]) -> Option<()> {
        if segment.starts_with(b"http://ns.adobe.com/xmp/extension/") {
            return None;
        }
        // What stands between scans turns nothing: the decoder has read its headers by then.
        if self.scans == 0 && self.orientation.is_none() {
            self.orientation = exif_block(segment).map(Orientation::from_exif_block);
        }
        Some(())
    }

    pub(super) fn application_14(&mut self, segment: &[u8]) -> Option<()> {
        let is_ycbcr = segment.len() == 12 && segment.starts_with(b"Adobe") && segment[11] == 1;
        self.adobe = true;
        (is_ycbcr && self.scans == 0).then_some(())
    }

    pub(super) fn define_quantisation(&mut self, mut segment: &[u8]) -> Option<()> {
        if self.scans > 0 {
            return None;
        }
        while let [precision_and_slot, rest @ ..] = segment {
            let wide = match precision_and_slot >> 4 {
                0 => false,
                1 => true,
                _ => return None,
            };
            let (listed, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
            let mut steps = [0; 64];
            for (at, step) in steps.iter_mut().enumerate() {
                *step = if wide {
                    i32::from(u16::from_be_bytes([listed[2 * at], listed[2 * at + 1]]))
                } else {
                    i32::from(listed[at])
                };
                if !(1..=255).contains(step) {
                    return None;
                }
            }
            let table = self
                .quantisation
                .get_mut(usize::from(precision_and_slot & 15))?;
            *table = Some(Quantisation {
                reach: colour::reach(&steps),
                sizes: std::array::from_fn(|at| {
                    steps.get(at).map_or(0, |step| step.unsigned_abs())
                }),
                steps,
            });
            segment = rest;
        }
        Some(())
    }

    pub(super) fn define_huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [class_and_slot, rest @ ..] = segment {
            self.tables += 1;
            if self.tables > MAX_TABLES {
                return None;
            }
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            // The code of ones only belongs to no symbol (C.2).
            let taken: u32 = (0..16).map(|at| u32::from(counts[at]) << (15 - at)).sum();
            if total == 0 || taken > 0xffff {
                return None;
            }
            let table = Some(Rc::from(Table::new(counts, symbols)?));
            let slot = usize::from(class_and_slot & 15);
            match class_and_slot >> 4 {
                0 if symbols.iter().all(|&symbol| symbol <= 15) => *self.dc.get_mut(slot)? = table,
                1 => *self.ac.get_mut(slot)? = table,
                _ => return None,
            }
            segment = rest;
        }
        Some(())
    }

    pub(super) fn start_frame(&mut self, progressive: bool, segment: &[u8]) -> Option<()> {
        let &[8, h1, h0, w1, w0, count, ref listed @ ..] = segment else {
            return None;
        };
        let width = u32::from(u16::from_be_bytes([w1, w0]));
        let height = u32::from(u16::from_be_bytes([h1, h0]));
        if self.frame.is_some()
            || listed.len() != usize::from(count) * 3
            || (count == 1 && self.adobe)
        {
            return None;
        }
        // Where decoding is too large, so is this: the outcome must be the same.
        self.limits.admit(Format::Jpeg, width, height, 0).ok()?;
        let kept = Kept::for_size(width as usize, height as usize)?;
        let mut factors = Vec::with_capacity(3);
        for part in listed.chunks_exact(3) {
            factors.push((
                part[0],
                usize::from(part[1] >> 4),
                usize::from(part[1] & 15),
            ));
        }
        let (luma_h, luma_v) = match factors.as_slice() {
            [(_, 1, 1)] => (1, 1),
            [(y, h @ 1..=2, v @ 1..=2), (cb, 1, 1), (cr, 1, 1)]
                if y != cb && y != cr && cb != cr && [*y, *cb, *cr] != *b"RGB" =>
            {
                (*h, *v)
            }
            _ => return None,
        };
        let units_across = (width as usize).div_ceil(8 * luma_h);
        let units_down = (height as usize).div_ceil(8 * luma_v);
        let blocks: usize = factors.iter().map(|&(_, h, v)| h * v).sum();
        let units = (units_across as u64, units_down as u64);
        let needed = decoding_bytes((width, height), units, blocks as u64, progressive);
        self.limits.admit_bytes(needed).ok()?;
        let planes = factors.iter().zip(listed.chunks_exact(3));
        let planes = planes
            .map(|(&(id, horizontal, vertical), part)| Plane {
                id,
                horizontal,
                vertical,
                quantisation: usize::from(part[2]),
                across: (width as usize * horizontal).div_ceil(8 * luma_h),
                down: (height as usize * vertical).div_ceil(8 * luma_v),
                stride: units_across * horizontal,
            })
            .collect();
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            units_across,
            units_down,
            planes,
            kept,
        });
        Some(())
    }

    /// The quantisation of each component.
    pub(super) fn quantisations(&self) -> Option<Vec<Quantisation>> {
        let planes = self.frame.as_ref()?.planes.iter();
        planes
            .map(|plane| self.quantisation.get(plane.quantisation)?.clone())
            .collect()
    }

    /// Where the blocks of this picture go.
    pub(super) fn canvas(&self, rows_at_a_time: usize) -> Option<Canvas> {
        let frame = self.frame.as_ref()?;
        let (width, height) = (frame.width as usize, frame.height as usize);
        let grid = |turn| BlockSampler::new(width, height, frame.kept, turn, rows_at_a_time);
        let orientation = self.orientation.unwrap_or_default();
        let turned = self.sampling.displayed && orientation != Orientation::Normal;
        let mut grids = vec![grid(Orientation::Normal.turn())];
        grids.extend(turned.then(|| grid(orientation.turn())));
        let quantisation = self.quantisations()?.into_iter().next()?;
        Some(Canvas {
            across: frame.planes.first()?.across,
            down: frame.planes.first()?.down,
            kept: frame.kept.count(),
            slot_mask: rows_at_a_time - 1,
            orientation,
            clamped: 0,
            quantisation,
            colours: Colours::new(),
            grids,
            thumbnail: self
                .sampling
                .thumbnail
                .map(|least| BlockThumbnail::new(width, height, frame.kept, least)),
        })
    }
}

/// A table of pairs for each AC table that a scan names, made once.
pub(super) fn pairs_of(
    tables: &[Option<Rc<Table>>; 4],
    slots: &[usize],
) -> Option<[Option<Pairs>; 4]> {
    let mut made = [const { None }; 4];
    for &slot in slots {
        if made.get(slot)?.is_none() {
            made[slot] = Some(Pairs::new(tables[slot].as_deref()?));
        }
    }
    Some(made)
}
