//! Progressive pictures: scans of some bits of some coefficients, in two passes at most.
//!
//! The first pass keeps, of each luma block, the first coefficients, which coefficients are not
//! zero, and how far they can move a sample; of each chroma block the DC and the same reach. That is
//! some twenty bytes a block, where a decoder keeps 128. Where blocks may leave the range of colours
//! (`colour.rs`) and it could matter, the luma scans are walked again for all coefficients of those.

use super::super::entropy::Table;
use super::super::kernel::{self, Work};
use super::bands::{AcScan, Band, Bounds, First, MOST_REFINED, MOST_VALUE, Nothing, Suspects};
use super::canvas::{CLAMPED_ONE_IN, MOST_DOUBT, Sampled};
use super::colour::{Chroma, Detail, Others, Room, Swing};
use super::feed::Feed;
use super::frame::{Frame, MOST_SWING, Plane, Quantisation, Scan};
use super::headers::Headers;
use std::rc::Rc;

/// Memory for all coefficients of blocks that were read again; above that the picture is decoded.
pub(in crate::media) const MOST_BYTES_AGAIN: usize = 16 << 20;
/// What is known of one component so far.
struct Known {
    /// Which coefficients of each block are not zero.
    nonzero: Vec<u64>,
    /// How far the AC coefficients of each block can move its samples.
    others: Vec<Others>,
    /// The first `kept` coefficients of each block.
    first: Vec<i16>,
    kept: usize,
    /// Bits that each coefficient still misses; `None` before its first scan.
    missing: [Option<u8>; 64],
}

impl Known {
    fn new(blocks: usize, kept: usize) -> Self {
        Self {
            nonzero: vec![0; blocks],
            others: vec![Others::default(); blocks],
            first: vec![0; blocks * kept],
            kept,
            missing: [None; 64],
        }
    }
}

/// A scan of AC coefficients, for the second pass.
struct Again {
    plane: usize,
    band: Band,
    table: Rc<Table>,
    at: usize,
    interval: u32,
}

/// A progressive picture between its scans.
pub(super) struct Progressive {
    planes: Vec<Known>,
    quantisations: Vec<Quantisation>,
    ac_scans: Vec<Again>,
}

/// A scan of DC coefficients.
struct DcScan<'s, 'a> {
    progressive: &'s mut Progressive,
    feed: Feed<'a>,
    frame: &'s Frame,
    reader: &'s Headers<'a>,
    scan: &'s Scan,
}

impl Work for DcScan<'_, '_> {
    type Done = Option<usize>;
    #[inline(always)]
    fn run(self) -> Option<usize> {
        let (feed, frame) = (self.feed, self.frame);
        self.progressive.dc(feed, frame, self.reader, self.scan)
    }
}

/// The placing of all blocks.
struct Finish<'s, 'a> {
    progressive: Progressive,
    reader: &'s Headers<'a>,
}

impl Work for Finish<'_, '_> {
    type Done = Option<Sampled>;
    #[inline(always)]
    fn run(self) -> Option<Sampled> {
        self.progressive.placed(self.reader)
    }
}

impl Progressive {
    pub(super) fn new(reader: &Headers<'_>) -> Option<Self> {
        let frame = reader.frame.as_ref()?;
        let of = |(at, plane): (usize, &Plane)| {
            let kept = if at == 0 { frame.kept.count() } else { 1 };
            Known::new(plane.stride * frame.units_down * plane.vertical, kept)
        };
        Some(Self {
            planes: frame.planes.iter().enumerate().map(of).collect(),
            quantisations: reader.quantisations()?,
            ac_scans: Vec::new(),
        })
    }

    /// Reads a scan and gives the position behind it.
    pub(super) fn scan(&mut self, reader: &Headers<'_>, header: &[u8], at: usize) -> Option<usize> {
        let frame = reader.frame.as_ref()?;
        let scan = Scan::read(header, frame)?;
        let high = (scan.high > 0).then_some(scan.high);
        let is_next = scan.low <= 10 && high.is_none_or(|high| high == scan.low + 1);
        let is_refined_late = high.is_none() || scan.low <= MOST_REFINED;
        if !is_next || !is_refined_late || scan.first > scan.last || scan.last > 63 {
            return None;
        }
        for &(index, _, _) in &scan.parts {
            let missing = &mut self.planes.get_mut(index)?.missing;
            if scan.first > 0 && missing[0].is_none() {
                return None;
            }
            for missing in &mut missing[scan.first as usize..=scan.last as usize] {
                if *missing != high {
                    return None;
                }
                *missing = Some(scan.low);
            }
        }
        let feed = Feed::new(reader.bytes, at, reader.interval);
        match scan.parts.as_slice() {
            &[(index, _, slot)] if scan.first > 0 => {
                let table = reader.ac.get(slot)?.clone()?;
                let band = Band {
                    first: scan.first,
                    last: scan.last,
                    is_first: high.is_none(),
                    low: scan.low,
                };
                let plane = frame.planes.get(index)?;
                let known = self.planes.get_mut(index)?;
                let quantisation = self.quantisations.get(index)?;
                let bound = Bounds::new(&mut known.others, quantisation, band);
                self.ac_scans.push(Again {
                    plane: index,
                    band,
                    table: Rc::clone(&table),
                    at,
                    interval: reader.interval,
                });
                let (area, table, nonzero) = (plane.area(), &*table, &mut known.nonzero[..]);
                if index > 0 {
                    return AcScan {
                        feed,
                        area,
                        band,
                        table,
                        nonzero,
                        bound,
                        keep: Nothing,
                    }
                    .read();
                }
                AcScan {
                    feed,
                    area,
                    band,
                    table,
                    nonzero,
                    bound,
                    keep: First {
                        values: &mut known.first,
                        kept: known.kept,
                    },
                }
                .read()
            }
            parts if scan.last == 0 && parts.len() == frame.planes.len() => kernel::run(DcScan {
                progressive: self,
                feed,
                frame,
                reader,
                scan: &scan,
            }),
            _ => None,
        }
    }

    /// A scan of the DC coefficients of all components (G.1.2.1).
    #[inline(always)]
    fn dc(
        &mut self,
        mut feed: Feed<'_>,
        frame: &Frame,
        reader: &Headers<'_>,
        scan: &Scan,
    ) -> Option<usize> {
        let mut tables = Vec::with_capacity(3);
        for &(_, slot, _) in &scan.parts {
            // A refining scan needs none; decoders want to have it all the same.
            tables.push(reader.dc.get(slot)?.as_deref()?);
        }
        let mut predictors = [0_i32; 3];
        // The blocks of a unit in the order of the data: component, and where its DC is.
        let mut blocks: Vec<(usize, usize)> = Vec::new();
        let mut values: Vec<(&mut [i16], usize)> = Vec::with_capacity(3);
        for (known, plane) in self.planes.iter_mut().zip(&frame.planes) {
            values.push((&mut known.first, plane.horizontal * known.kept));
        }
        let steps: Vec<usize> = values.iter().map(|&(_, step)| step).collect();
        for unit_row in 0..frame.units_down {
            blocks.clear();
            for (index, plane) in frame.planes.iter().enumerate() {
                let kept = steps.get(index)? / plane.horizontal;
                for y in 0..plane.vertical {
                    let row = (unit_row * plane.vertical + y) * plane.stride;
                    blocks.extend((0..plane.horizontal).map(|x| (index, (row + x) * kept)));
                }
            }
            let in_unit = blocks.len() as u32;
            for _ in 0..frame.units_across {
                if feed.restarts()? {
                    predictors = [0; 3];
                }
                if scan.high > 0 {
                    // A bit for each block, the first on top.
                    let refined = feed.bits.take(in_unit);
                    for (behind, (index, at)) in (0..in_unit).rev().zip(&mut blocks) {
                        let (values, step) = values.get_mut(*index)?;
                        let value = values.get_mut(*at)?;
                        let bit = (refined >> behind & 1) as i16;
                        *value = value.checked_add(bit << scan.low)?;
                        *at = at.wrapping_add(*step);
                    }
                } else {
                    for (index, at) in &mut blocks {
                        let difference = feed.bits.dc_difference(tables.get(*index)?)?;
                        let (values, step) = values.get_mut(*index)?;
                        let predictor = predictors.get_mut(*index)?;
                        // Neither passes 12 bits.
                        *predictor = predictor.wrapping_add(difference);
                        if predictor.abs() > MOST_VALUE {
                            return None;
                        }
                        *values.get_mut(*at)? = (*predictor << scan.low).try_into().ok()?;
                        *at = at.wrapping_add(*step);
                    }
                }
                feed.bits.check().ok()?;
            }
        }
        feed.finish()
    }

    /// Places every block, once all scans have been read.
    pub(super) fn finish(self, reader: &Headers<'_>) -> Option<Sampled> {
        kernel::run(Finish {
            progressive: self,
            reader,
        })
    }

    #[inline(always)]
    fn placed(mut self, reader: &Headers<'_>) -> Option<Sampled> {
        let frame = reader.frame.as_ref()?;
        let complete = |known: &Known| known.missing.iter().all(|&missing| missing == Some(0));
        if !self.planes.iter().all(complete) {
            return None;
        }
        let mut canvas = reader.canvas(1)?;
        let luma = frame.planes.first()?;
        let mut suspects: Vec<Suspects> = frame.planes.iter().map(Suspects::new).collect();
        let mut doubt = 0.0;
        let of_luma = self.planes.first()?;
        let step = self.quantisations.first()?.steps[0];
        let mut rooms = Vec::new();
        for row in 0..luma.down {
            if row % luma.vertical == 0 {
                self.rooms_over(frame, row, &mut rooms)?;
            }
            let start = row * luma.stride;
            let firsts = of_luma.first.get(start * of_luma.kept..)?;
            let firsts = firsts.chunks_exact(of_luma.kept).take(luma.across);
            let others = of_luma.others.get(start..)?;
            for (column, (first, others)) in firsts.zip(others).enumerate() {
                // Units are one or two blocks wide.
                let room = rooms.get(column >> (luma.horizontal - 1))?;
                if room.holds(i32::from(first[0]) * step, others.reach) {
                    continue;
                }
                let (swing, chroma) = self.look(frame, row, column)?;
                if let Some(ignored) = chroma.ignored(swing) {
                    canvas.colours.doubt += f64::from(ignored);
                } else {
                    doubt += chroma.doubt_of(swing);
                    let even = if chroma.is_even() {
                        1
                    } else {
                        frame.planes.len()
                    };
                    for (plane, suspects) in frame.planes.iter().zip(&mut suspects).take(even) {
                        suspects.name(plane.block_over(luma, row, column))?;
                    }
                }
            }
        }
        let blocks = luma.across * luma.down;
        let again = canvas.colours.doubt + doubt > MOST_DOUBT * blocks as f64;
        if suspects.first()?.count as usize * CLAMPED_ONE_IN > blocks {
            return None;
        }
        let counts = suspects.iter().map(|of| of.count as usize);
        if !again {
            canvas.colours.doubt += doubt;
        } else if counts.sum::<usize>() * 128 > MOST_BYTES_AGAIN {
            return None;
        } else {
            self.read_again(reader, frame, &mut suspects)?;
        }
        let [of_luma, of_chroma @ ..] = suspects.as_slice() else {
            return None;
        };
        let mut detail: Option<(usize, Detail)> = None;
        for row in 0..luma.down {
            for column in 0..luma.across {
                let block = row * luma.stride + column;
                let known = self.planes.first()?;
                let first = known
                    .first
                    .get(block * known.kept..(block + 1) * known.kept)?;
                if !of_luma.has(block) {
                    canvas.add((row, column), first);
                    continue;
                }
                let (_, chroma) = self.look(frame, row, column)?;
                if !again {
                    canvas.add_mean_clamped((row, column), first, chroma);
                    continue;
                }
                let values = self.whole(0, of_luma, block)?;
                let Some(clamped) = canvas.clamp((row, column), &values, &chroma) else {
                    continue;
                };
                if let ([cb, cr], true) = (of_chroma, clamped.wants_detail()) {
                    let over = frame.planes.get(1)?.block_over(luma, row, column);
                    if detail.as_ref().is_none_or(|&(of, _)| of != over) {
                        let (cb, cr) = (self.whole(1, cb, over)?, self.whole(2, cr, over)?);
                        let steps = |at: usize| Some(&self.quantisations.get(at)?.steps);
                        let planes = [(&cb[..], steps(1)?), (&cr[..], steps(2)?)];
                        let factors = (luma.horizontal, luma.vertical);
                        detail = Some((over, Detail::new(&canvas.colours, planes, factors)));
                    }
                }
                let place = (row % luma.vertical, column % luma.horizontal);
                let detail = detail.as_ref().filter(|_| clamped.wants_detail());
                let detail = detail.map(|(_, detail)| (detail, place));
                canvas.add_clamped((row, column), clamped, &chroma, detail);
            }
            canvas.end_rows(row);
            if !canvas.can_be_trusted() {
                return None;
            }
        }
        canvas.finish(frame)
    }

    /// The room that the chroma over a row of luma blocks leaves, unit by unit.
    fn rooms_over(&self, frame: &Frame, row: usize, rooms: &mut Vec<Room>) -> Option<()> {
        rooms.clear();
        let luma = frame.planes.first()?;
        // A unit is one chroma block.
        let start = row / luma.vertical * frame.units_across;
        let units = start..start + frame.units_across;
        let mut parts = Vec::with_capacity(2);
        for (known, quantisation) in self.planes.iter().zip(&self.quantisations).skip(1) {
            // One value is kept of each.
            let (first, others) = (
                known.first.get(units.clone())?,
                known.others.get(units.clone())?,
            );
            parts.push((first, others, quantisation.steps[0]));
        }
        for unit in 0..frame.units_across {
            let mut swings = [Swing::NEUTRAL; 2];
            for (&(first, others, step), swing) in parts.iter().zip(&mut swings) {
                // 16 bits by 8.
                let dc = i32::from(*first.get(unit)?).wrapping_mul(step);
                let reach = others.get(unit)?.reach;
                if dc.abs() > MOST_SWING || reach > Swing::MOST_REACH {
                    return None;
                }
                *swing = Swing::reaching(dc, reach);
            }
            rooms.push(Chroma::new(swings, 1).room());
        }
        Some(())
    }

    /// Where a luma block's samples, and those of the chroma over it, may lie.
    #[inline(always)]
    fn look(&self, frame: &Frame, row: usize, column: usize) -> Option<(Swing, Chroma)> {
        let mut swings = [Swing::NEUTRAL; 3];
        let luma = frame.planes.first()?;
        for (((known, plane), quantisation), swing) in self
            .planes
            .iter()
            .zip(&frame.planes)
            .zip(&self.quantisations)
            .zip(&mut swings)
        {
            let block = plane.block_over(luma, row, column);
            let dc = i32::from(*known.first.get(block * known.kept)?) * quantisation.steps[0];
            let others = *known.others.get(block)?;
            if dc.abs() > MOST_SWING || others.reach > Swing::MOST_REACH {
                return None;
            }
            *swing = Swing::new(dc, others);
        }
        let over = luma.horizontal * luma.vertical;
        Some((swings[0], Chroma::new([swings[1], swings[2]], over)))
    }

    /// Reads all AC coefficients of the blocks that have a place.
    fn read_again(
        &mut self,
        reader: &Headers<'_>,
        frame: &Frame,
        suspects: &mut [Suspects],
    ) -> Option<()> {
        for (known, suspects) in self.planes.iter_mut().zip(suspects.iter_mut()) {
            known.nonzero.fill(0);
            suspects.values = vec![[0; 64]; suspects.count as usize];
        }
        for scan in &self.ac_scans {
            let keep = suspects.get_mut(scan.plane)?;
            if keep.count > 0 {
                let feed = Feed::new(reader.bytes, scan.at, scan.interval);
                let plane = frame.planes.get(scan.plane)?;
                let nonzero = &mut self.planes.get_mut(scan.plane)?.nonzero[..];
                AcScan {
                    feed,
                    area: plane.area(),
                    band: scan.band,
                    table: &scan.table,
                    nonzero,
                    bound: Nothing,
                    keep,
                }
                .read()?;
            }
        }
        Some(())
    }

    /// All coefficients of a block that was read again.
    fn whole(&self, plane: usize, suspects: &Suspects, block: usize) -> Option<[i16; 64]> {
        let mut values = suspects.of(block)?;
        let known = self.planes.get(plane)?;
        values[0] = *known.first.get(block * known.kept)?;
        Some(values)
    }
}
