//! Baseline and extended sequential pictures: all components in one scan, block after block.

use super::super::entropy::{MOST_AC_BITS, Pairs, Table, extended};
use super::colour::{Chroma, Detail, Others, Swing};
use super::feed::Feed;
use super::{MOST_SWING, Quantisation, Reader, Sampled, Scan, Values, pairs_of};

/// A coefficient larger than this counts as this: a block that has one is looked at in any case.
const MOST_SIZE: u32 = 4095;

/// What one component's blocks are read with.
struct Part<'a> {
    horizontal: usize,
    vertical: usize,
    quantisation: &'a Quantisation,
    dc: &'a Table,
    ac: &'a Table,
    pairs: &'a Pairs,
}

/// Reads the only scan of a picture, whose data begin at `at`.
pub(super) fn read(reader: &Reader<'_>, header: &[u8], at: usize) -> Option<Sampled> {
    let frame = reader.frame.as_ref()?;
    let scan = Scan::read(header, frame)?;
    let is_whole = scan.parts.len() == frame.planes.len()
        && (scan.first, scan.last, scan.high, scan.low) == (0, 63, 0, 0);
    if !is_whole {
        return None;
    }
    let slots: Vec<usize> = scan.parts.iter().map(|&(_, _, ac)| ac).collect();
    let pairs = pairs_of(&reader.ac, &slots)?;
    let quantisations = reader.quantisations()?;
    let mut parts = Vec::with_capacity(3);
    for ((plane, &(_, dc, ac)), quantisation) in
        frame.planes.iter().zip(&scan.parts).zip(&quantisations)
    {
        parts.push(Part {
            horizontal: plane.horizontal,
            vertical: plane.vertical,
            quantisation,
            dc: reader.dc.get(dc)?.as_deref()?,
            ac: reader.ac.get(ac)?.as_deref()?,
            pairs: pairs.get(ac)?.as_ref()?,
        });
    }
    let (luma, others) = parts.split_first()?;
    let (across, down) = (luma.horizontal, luma.vertical);
    let mut canvas = reader.canvas(down)?;
    let mut feed = Feed::new(reader.bytes, at, reader.interval);
    let mut predictors = [0; 3];
    let mut blocks: [Values; 4] = [[0; 128]; 4];
    let mut swings = [Swing::default(); 4];
    let mut chroma_blocks: [Values; 2] = [[0; 128]; 2];
    for unit_row in 0..frame.units_down {
        for unit_column in 0..frame.units_across {
            if feed.restarts()? {
                predictors = [0; 3];
            }
            for (block, swing) in blocks.iter_mut().zip(&mut swings).take(across * down) {
                *swing = luma.read(&mut feed, &mut predictors[0], block)?;
            }
            let mut chroma = [Swing::NEUTRAL; 2];
            for (at, part) in others.iter().enumerate().take(2) {
                chroma[at] =
                    part.read(&mut feed, &mut predictors[1 + at], &mut chroma_blocks[at])?;
            }
            feed.bits.check().ok()?;
            let chroma = Chroma::new(chroma, across * down);
            let mut detail = None;
            for (at, (values, &swing)) in blocks.iter().zip(&swings).take(across * down).enumerate()
            {
                let (slot, place) = (at / across, at % across);
                let (row, column) = (unit_row * down + slot, unit_column * across + place);
                if let Some(doubt) = chroma.ignored(swing) {
                    canvas.colours.doubt += f64::from(doubt);
                    canvas.add((row, column), values);
                } else if canvas.shows(row, column) {
                    if let [cb, cr] = others
                        && detail.is_none()
                        && !chroma.is_even()
                    {
                        let [of_cb, of_cr] = &chroma_blocks;
                        let planes = [
                            (&of_cb[..64], &cb.quantisation.steps),
                            (&of_cr[..64], &cr.quantisation.steps),
                        ];
                        detail = Some(Detail::new(&canvas.colours, planes, (across, down)));
                    }
                    let detail = detail.as_ref().map(|detail| (detail, slot, place));
                    canvas.add_clamped((row, column), values, chroma, detail);
                }
            }
        }
        canvas.end_rows(unit_row * down);
        if !canvas.is_worth_it() {
            return None;
        }
    }
    let end = feed.finish()?;
    if reader.bytes.get(end..end + 2) != Some(&[0xff, 0xd9]) {
        return None;
    }
    canvas.finish(frame)
}

impl Part<'_> {
    /// Reads a block, and says where its samples may lie.
    #[inline(always)]
    fn read(&self, feed: &mut Feed<'_>, predictor: &mut i32, values: &mut Values) -> Option<Swing> {
        values[..64].fill(0);
        *predictor += feed.dc_difference(self.dc)?;
        let dc = *predictor * self.quantisation.steps[0];
        if dc.abs() > MOST_SWING {
            return None;
        }
        values[0] = *predictor as i16;
        let others = self.read_ac(feed, values)?;
        if others.reach > Swing::MOST_REACH {
            return None;
        }
        Some(Swing::new(dc, others))
    }

    /// Reads the other 63 coefficients (F.2.2.2), and adds up how far they move the samples.
    #[inline(always)]
    fn read_ac(&self, feed: &mut Feed<'_>, values: &mut Values) -> Option<Others> {
        let (reaches, sizes) = (&self.quantisation.reach, &self.quantisation.sizes);
        let (mut reach, mut energy) = (0_u32, 0_u32);
        let mut count = |value: u32, place: usize| {
            // Neither sum can pass 32 bits: 63 amounts of 10 bits, steps of 8, and squares of 12.
            reach = reach.wrapping_add(value.wrapping_mul(reaches[place]));
            let size = value.wrapping_mul(sizes[place]).min(MOST_SIZE);
            energy = energy.wrapping_add(size.wrapping_mul(size));
        };
        let mut at = 0;
        while at < 63 {
            // Not where the block might be full before the pair ends: what follows is not its own.
            let pair = feed.bits.pair(self.pairs, |pair| at + pair.steps() < 63);
            if let Some(pair) = pair {
                let first = (at + pair.first_offset()) & 127;
                at += pair.first_step();
                let second = (at + pair.second_offset()) & 127;
                values[first] = pair.first();
                values[second] = pair.second();
                count(pair.first().unsigned_abs().into(), first);
                count(pair.second().unsigned_abs().into(), second);
                if pair.ends_block() {
                    break;
                }
                at += pair.steps() - pair.first_step();
                continue;
            }
            let symbol = u32::from(feed.bits.symbol(self.ac).ok()?);
            let (run, size) = (symbol as usize >> 4, symbol & 15);
            if size == 0 {
                match run {
                    0 => break,
                    15 if at + 16 < 63 => at += 16,
                    _ => return None,
                }
                continue;
            }
            at += run + 1;
            if at > 63 || size > MOST_AC_BITS {
                return None;
            }
            let raw = feed.bits.take(size);
            let value = extended(raw, size);
            values[at] = value as i16;
            count(value.unsigned_abs(), at);
        }
        Some(Others {
            reach,
            energy: energy as f32,
        })
    }
}
