//! Baseline and extended sequential pictures: all components in one scan, block after block.

use super::super::entropy::{Bits, MOST_AC_BITS, Table, extended};
use super::super::kernel::{self, Work};
use super::super::lookups::Pairs;
use super::canvas::{Canvas, Sampled};
use super::colour::{Chroma, Detail, Others, Swing};
use super::feed::Feed;
use super::frame::{Frame, MOST_SWING, Quantisation, Scan, Values};
use super::headers::{Headers, pairs_of};
use super::quick::{FirstValues, QuickPart};

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
pub(super) fn read(reader: &Headers<'_>, header: &[u8], at: usize) -> Option<Sampled> {
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
    let mut canvas = reader.canvas(luma.vertical)?;
    let mut scan = Units {
        feed: Feed::new(reader.bytes, at, reader.interval),
        predictors: [0; 3],
        quick: Quick::new(luma, others, frame),
        whole: Whole::default(),
        luma,
        others,
    };
    kernel::run(Rows {
        units: &mut scan,
        frame,
        canvas: &mut canvas,
    })?;
    let end = scan.feed.finish()?;
    if reader.bytes.get(end..end + 2) != Some(&[0xff, 0xd9]) {
        return None;
    }
    canvas.finish(frame)
}

/// The units of the scan, row by row.
struct Units<'a, 'b> {
    feed: Feed<'a>,
    predictors: [i32; 3],
    quick: Option<Quick<'b>>,
    whole: Whole,
    luma: &'b Part<'b>,
    others: &'b [Part<'b>],
}

/// All rows of units.
struct Rows<'u, 'a, 'b> {
    units: &'u mut Units<'a, 'b>,
    frame: &'u Frame,
    canvas: &'u mut Canvas,
}

impl Work for Rows<'_, '_, '_> {
    type Done = Option<()>;
    #[inline(always)]
    fn run(self) -> Option<()> {
        for row in 0..self.frame.units_down {
            self.units.row(row, self.frame, self.canvas)?;
            self.canvas.end_rows(row * self.units.luma.vertical);
            let read = (row + 1) * self.units.luma.vertical * self.canvas.across;
            if !self.canvas.can_be_trusted() || self.canvas.is_decoded_sooner(read) {
                return None;
            }
        }
        Some(())
    }
}

/// A unit that is read with all of its values.
struct WholeUnit<'u, 'a, 'b> {
    units: &'u mut Units<'a, 'b>,
    feed: Feed<'a>,
    predictors: [i32; 3],
    place: (usize, usize),
    canvas: &'u mut Canvas,
}

impl<'a> Work for WholeUnit<'_, 'a, '_> {
    type Done = Option<(Feed<'a>, [i32; 3])>;
    #[inline(always)]
    fn run(self) -> Self::Done {
        let Self {
            units,
            feed,
            predictors,
            place,
            canvas,
        } = self;
        units.wholly(feed, predictors, place, canvas)
    }
}

/// Most coefficients of a block for which passing over the others is quicker.
const MOST_QUICK: usize = 6;
/// So many rows of units after one in which it did not pay, quick reading is tried again.
const TRIED_AGAIN: usize = 8;

/// Units read only as far as those inside the range of colours need.
struct Quick<'a> {
    luma: QuickPart<'a>,
    others: Vec<QuickPart<'a>>,
    /// Values of a unit's luma blocks.
    values: [FirstValues; 4],
    /// The row of units from which on it is used.
    from: usize,
}

/// Room for all values of one unit.
struct Whole {
    luma: [Values; 4],
    swings: [Swing; 4],
    chroma: [Values; 2],
}

impl Default for Whole {
    fn default() -> Self {
        Self {
            luma: [[0; 128]; 4],
            swings: [Swing::default(); 4],
            chroma: [[0; 128]; 2],
        }
    }
}

impl<'a> Quick<'a> {
    fn new(luma: &Part<'a>, others: &[Part<'a>], frame: &Frame) -> Option<Self> {
        let count = frame.kept.count();
        let part =
            |part: &Part<'a>, count| QuickPart::new(part.dc, part.ac, part.quantisation, count);
        (count <= MOST_QUICK).then(|| Self {
            luma: part(luma, count),
            others: others.iter().map(|other| part(other, 1)).collect(),
            values: [[0; 32]; 4],
            from: 0,
        })
    }
}

impl<'a> Units<'a, '_> {
    #[inline(always)]
    fn row(&mut self, unit_row: usize, frame: &Frame, canvas: &mut Canvas) -> Option<()> {
        let mut unsure = 0;
        // Out of `self`, to live in registers.
        let (mut feed, mut predictors) = (self.feed, self.predictors);
        let is_quick = self
            .quick
            .as_ref()
            .is_some_and(|quick| quick.from <= unit_row);
        for column in 0..frame.units_across {
            if feed.restarts()? {
                predictors = [0; 3];
            }
            if is_quick {
                let (bits, before) = (feed.bits, predictors);
                if self.quickly(&mut feed.bits, &mut predictors, (unit_row, column), canvas)? {
                    continue;
                }
                unsure += 1;
                (feed.bits, predictors) = (bits, before);
            }
            (feed, predictors) = kernel::run(WholeUnit {
                units: self,
                feed,
                predictors,
                place: (unit_row, column),
                canvas,
            })?;
        }
        (self.feed, self.predictors) = (feed, predictors);
        if let Some(quick) = &mut self.quick
            && unsure * 2 > frame.units_across
        {
            quick.from = unit_row + TRIED_AGAIN;
        }
        Some(())
    }

    /// Reads a unit and adds it, unless colours of it may leave the range: then it is false, and
    /// nothing is added.
    #[inline(always)]
    fn quickly(
        &mut self,
        bits: &mut Bits<'a>,
        predictors: &mut [i32; 3],
        (unit_row, unit_column): (usize, usize),
        canvas: &mut Canvas,
    ) -> Option<bool> {
        let Some(quick) = &mut self.quick else {
            return Some(false);
        };
        let (across, down) = (self.luma.horizontal, self.luma.vertical);
        let mut read = [(0, 0); 4];
        for (values, read) in quick.values.iter_mut().zip(&mut read).take(across * down) {
            let (difference, reach) = quick.luma.read(bits, values)?;
            let dc = mean(&mut predictors[0], difference, self.luma.quantisation)?;
            values[0] = predictors[0] as i16;
            *read = (dc, reach);
        }
        let mut chroma = [Swing::NEUTRAL; 2];
        let mut passed = [0; 32];
        let others = quick.others.iter().zip(self.others);
        let parts = others.zip(&mut predictors[1..]).zip(&mut chroma);
        for (((part, of), predictor), chroma) in parts {
            let (difference, reach) = part.read(bits, &mut passed)?;
            *chroma = Swing::reaching(mean(predictor, difference, of.quantisation)?, reach);
        }
        bits.check().ok()?;
        let room = Chroma::new(chroma, 1).room();
        let mut blocks = read.iter().take(across * down);
        if !blocks.all(|&(dc, reach)| room.holds(dc, reach)) {
            return Some(false);
        }
        let mut values = quick.values.iter();
        for row in unit_row * down..(unit_row + 1) * down {
            let columns = unit_column * across..(unit_column + 1) * across;
            for (column, values) in columns.zip(&mut values) {
                canvas.add((row, column), values);
            }
        }
        Some(true)
    }

    /// Reads a unit with all of its values and adds it, clamped where it has to be.
    #[inline(always)]
    fn wholly(
        &mut self,
        mut feed: Feed<'a>,
        mut predictors: [i32; 3],
        (unit_row, unit_column): (usize, usize),
        canvas: &mut Canvas,
    ) -> Option<(Feed<'a>, [i32; 3])> {
        let (across, down) = (self.luma.horizontal, self.luma.vertical);
        let Whole {
            luma: blocks,
            swings,
            chroma: chroma_blocks,
        } = &mut self.whole;
        for (block, swing) in blocks.iter_mut().zip(swings.iter_mut()).take(across * down) {
            *swing = self.luma.read(&mut feed, &mut predictors[0], block)?;
        }
        let mut chroma = [Swing::NEUTRAL; 2];
        for (at, part) in self.others.iter().enumerate().take(2) {
            chroma[at] = part.read(&mut feed, &mut predictors[1 + at], &mut chroma_blocks[at])?;
        }
        feed.bits.check().ok()?;
        let chroma = Chroma::new(chroma, across * down);
        let mut detail = None;
        let read = blocks.iter().zip(swings.iter());
        for (at, (values, &swing)) in read.take(across * down).enumerate() {
            let (slot, place) = (at / across, at % across);
            let (row, column) = (unit_row * down + slot, unit_column * across + place);
            if let Some(doubt) = chroma.ignored(swing) {
                canvas.colours.doubt += f64::from(doubt);
                canvas.add((row, column), values);
            } else if canvas.shows(row, column)
                && let Some(clamped) = canvas.clamp((row, column), values, &chroma)
            {
                if let [cb, cr] = self.others
                    && detail.is_none()
                    && clamped.wants_detail()
                {
                    let [of_cb, of_cr] = &*chroma_blocks;
                    let planes = [
                        (&of_cb[..64], &cb.quantisation.steps),
                        (&of_cr[..64], &cr.quantisation.steps),
                    ];
                    detail = Some(Detail::new(&canvas.colours, planes, (across, down)));
                }
                let detail = detail.as_ref().filter(|_| clamped.wants_detail());
                let detail = detail.map(|detail| (detail, (slot, place)));
                canvas.add_clamped((row, column), clamped, &chroma, detail);
            }
        }
        Some((feed, predictors))
    }
}

/// The DC coefficient, dequantised, that lies by this difference from the one before.
#[inline(always)]
fn mean(predictor: &mut i32, difference: i32, quantisation: &Quantisation) -> Option<i32> {
    // Both of 16 bits at most, as what grows beyond is refused.
    *predictor = predictor.wrapping_add(difference);
    let dc = predictor.wrapping_mul(quantisation.steps[0]);
    (dc.abs() <= MOST_SWING).then_some(dc)
}

impl Part<'_> {
    /// Reads a block, and says where its samples may lie.
    #[inline(always)]
    fn read(&self, feed: &mut Feed<'_>, predictor: &mut i32, values: &mut Values) -> Option<Swing> {
        values[..64].fill(0);
        let difference = feed.bits.dc_difference(self.dc)?;
        let dc = mean(predictor, difference, self.quantisation)?;
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
        let (mut reach, mut energy) = (0_u32, 0_u64);
        let mut count = |value: u32, place: usize| {
            // 63 amounts of 10 bits, with reaches of 12 and steps of 8: no sum is too long.
            reach = reach.wrapping_add(value.wrapping_mul(reaches[place]));
            let size = u64::from(value.wrapping_mul(sizes[place]));
            energy = energy.wrapping_add(size.wrapping_mul(size));
        };
        let mut at = 0;
        while at < 63 {
            // Not where the block might be full before the pair ends: what follows is not its own.
            let pair = self
                .pairs
                .next(&mut feed.bits, |pair| at + pair.steps() < 63);
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
