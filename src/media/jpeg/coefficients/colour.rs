//! What becomes of colours that leave the range of 0 to 255 when a picture is decoded.
//!
//! Inside the range a pixel's luma is its Y, whatever its chroma. A decoder clamps Y, and then red,
//! green and blue; where it does, luma is no longer a sum of coefficients. In photos that is a rim
//! here and there; in a file made to deceive it could be the whole picture: a Y far above white over
//! one half of it shows plain white and would hash as a step. So every block is asked whether any
//! pixel of it *can* leave the range: its mean, and how far its other coefficients can swing. If so,
//! its pixels are computed and clamped as a decoder does. What stays unknown (chroma across the edges
//! of blocks) is added up by its bound as doubt, and a picture with too much of it is decoded.

use super::ZIGZAG_TO_NATURAL;

/// Red, green and blue of luma.
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];
/// What Cb and Cr, less 128, add to red, green and blue (JFIF).
const OF_CB: [f32; 3] = [0.0, -0.344_136, 1.772];
const OF_CR: [f32; 3] = [1.402, -0.714_136, 0.0];
/// Units of [`reach`] in a step of a sample.
const REACH_UNITS: f32 = 64.0;
/// A colour this far out of range is as good as in it: that much is rounding.
const ROUNDING: f32 = 0.5;

/// A block whose mean luma is off by no more for colours out of range is added as it is.
const MOST_IGNORED: f32 = 1.0;

/// Where the samples of a block lie. Luma counts from 0, chroma from 128.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Swing {
    mean: f32,
    /// No sample is further from the mean.
    reach: f32,
    /// The mean square of their distances from it is at most the square of this.
    deviation: f32,
}

impl Swing {
    /// Chroma of a picture that has none.
    pub(super) const NEUTRAL: Self = Self {
        mean: 0.0,
        reach: 0.0,
        deviation: 0.0,
    };
    /// The furthest reach in a picture of 8-bit samples, and some more, in units of [`reach`].
    pub(super) const MOST_REACH: u32 = 4096 * REACH_UNITS as u32;

    /// Of which no more is known than the mean and the reach.
    #[inline(always)]
    pub(super) fn reaching(dc: i32, reach: u32) -> Self {
        Self {
            mean: dc as f32 / 8.0,
            reach: reach as f32 / REACH_UNITS,
            deviation: 0.0,
        }
    }

    /// From a dequantised DC coefficient and what was added up of the others.
    #[inline(always)]
    pub(super) fn new(dc: i32, others: Others) -> Self {
        Self {
            mean: dc as f32 / 8.0,
            reach: others.reach as f32 / REACH_UNITS,
            // The transform is orthonormal: squares add up to the same in both worlds.
            deviation: (others.energy / 64.0).sqrt(),
        }
    }
}

/// Where a block's luma, less 128, has to lie for no colour of it to leave the range.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    below: f32,
    above: f32,
}

impl Room {
    /// Whether a block with this dequantised DC coefficient, whose others reach so far at most (in
    /// units of [`reach`]), lies in it.
    #[inline(always)]
    pub(super) fn holds(self, dc: i32, reach: u32) -> bool {
        let (mean, reach) = (dc as f32 / 8.0, reach as f32 / REACH_UNITS);
        (mean - reach >= self.below) & (mean + reach <= self.above)
    }
}

/// What is added up of a block's AC coefficients.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Others {
    /// The sum of [`reach`].
    pub(super) reach: u32,
    /// The sum of their squares, dequantised.
    pub(super) energy: f32,
}

/// How far one step of each coefficient moves a sample at most, in 1/64 steps, rounded up.
pub(super) fn reach(steps: &[i32; 64]) -> [u32; 128] {
    // The largest value of each 8-point cosine.
    let peaks: [f64; 8] = std::array::from_fn(|frequency| {
        let wave = |x: usize| {
            let angle = std::f64::consts::PI / 16.0 * ((2 * x + 1) * frequency) as f64;
            angle.cos().abs()
        };
        let scale = if frequency == 0 {
            0.125_f64.sqrt()
        } else {
            0.5
        };
        (0..8).map(wave).fold(0.0, f64::max) * scale
    });
    let mut reach = [0; 128];
    for (at, (out, &step)) in reach.iter_mut().zip(steps).enumerate().skip(1) {
        let natural = ZIGZAG_TO_NATURAL[at];
        let moved = peaks[natural / 8] * peaks[natural % 8] * f64::from(step);
        *out = (moved * f64::from(REACH_UNITS)).ceil() as u32;
    }
    reach
}

/// The chroma over a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chroma {
    /// What the means add to red, green and blue.
    shift: [f32; 3],
    /// How far the chroma's other coefficients can move them.
    reach: [f32; 3],
    /// The same as a deviation, over any of the luma blocks below.
    deviation: [f32; 3],
}

impl Chroma {
    /// From the swings of Cb and Cr, whose blocks lie over so many luma blocks.
    #[inline(always)]
    pub(super) fn new([cb, cr]: [Swing; 2], over: usize) -> Self {
        let mut chroma = Self {
            shift: [0.0; 3],
            reach: [0.0; 3],
            deviation: [0.0; 3],
        };
        // One of the luma blocks may have all of the squares.
        let most = if over == 1 { 1.0 } else { (over as f32).sqrt() };
        let clamped = |swing: Swing| Swing {
            mean: swing.mean.clamp(-128.0, 127.0),
            ..swing
        };
        let (cb, cr) = (clamped(cb), clamped(cr));
        for channel in 0..3 {
            let (of_cb, of_cr) = (OF_CB[channel], OF_CR[channel]);
            chroma.shift[channel] = of_cb * cb.mean + of_cr * cr.mean;
            chroma.reach[channel] = of_cb.abs() * cb.reach + of_cr.abs() * cr.reach;
            chroma.deviation[channel] =
                most * (of_cb.abs() * cb.deviation + of_cr.abs() * cr.deviation);
        }
        chroma
    }

    /// How far luma may go down and up at most before a colour leaves the range.
    #[inline(always)]
    pub(super) fn room(&self) -> Room {
        let (mut below, mut above) = (0.0_f32, 0.0_f32);
        for (shift, reach) in self.shift.iter().zip(self.reach) {
            below = below.min(shift - reach);
            above = above.max(shift + reach);
        }
        Room {
            below: -ROUNDING - below - 128.0,
            above: 255.0 + ROUNDING - above - 128.0,
        }
    }

    /// By how much the mean of a block with this luma (less 128) under this chroma may be off at
    /// most for colours out of range; `None` where that is more than [`MOST_IGNORED`].
    ///
    /// A value that is never out by its reach is not at all. Else, of a value with mean square
    /// `s²` around `m` above the limit, what is below it has a mean of at most `s² / 4m`, because
    /// `max(0, a) <= (a + m)² / 4m` for every `a`.
    #[inline(always)]
    pub(super) fn ignored(&self, luma: Swing) -> Option<f32> {
        let mean = luma.mean + 128.0;
        let outside = |shift: f32, reach: f32| {
            let reach = luma.reach + reach - ROUNDING;
            (mean + shift - reach < 0.0) | (mean + shift + reach > 255.0)
        };
        let may_leave = outside(self.shift[0], self.reach[0])
            | outside(self.shift[1], self.reach[1])
            | outside(self.shift[2], self.reach[2])
            | outside(0.0, 0.0);
        if !may_leave {
            return Some(0.0);
        }
        let doubt = self.by_deviation(luma.deviation, mean)?;
        (doubt <= MOST_IGNORED).then_some(doubt)
    }

    /// The bound by mean squares; `None` where a mean is out of range itself.
    fn by_deviation(&self, deviation: f32, mean: f32) -> Option<f32> {
        let of = |deviation: f32, middle: f32| {
            let (below, above) = (middle, 255.0 - middle);
            (below > 0.0 && above > 0.0)
                .then(|| deviation * deviation * 0.25 * (below.recip() + above.recip()))
        };
        let mut doubt = of(deviation, mean)?;
        for (channel, weight) in WEIGHTS.iter().enumerate() {
            let deviation = deviation + self.deviation[channel];
            doubt += weight * of(deviation, mean + self.shift[channel])?;
        }
        Some(doubt)
    }

    /// The luma that is shown for a Y of 0 to 255, or beyond, under the mean chroma.
    #[inline(always)]
    pub(super) fn luma(&self, y: f32) -> f32 {
        let y = y.clamp(0.0, 255.0);
        let mut luma = 0.0;
        for (weight, shift) in WEIGHTS.iter().zip(self.shift) {
            luma += weight * (y + shift).clamp(0.0, 255.0);
        }
        luma
    }

    /// Whether it is the same all over the block.
    pub(super) fn is_even(&self) -> bool {
        self.reach == [0.0; 3]
    }

    /// By how much the mean luma may be off for chroma that is not its mean, where Y is between
    /// these.
    fn doubt(&self, least: f32, most: f32) -> f32 {
        let mut doubt = 0.0;
        for (channel, weight) in WEIGHTS.iter().enumerate() {
            let (shift, reach) = (self.shift[channel], self.reach[channel]);
            let (low, high) = (least + shift - reach, most + shift + reach);
            let is_decided =
                (low >= -ROUNDING && high <= 255.0 + ROUNDING) || low >= 255.0 || high <= 0.0;
            if !is_decided {
                doubt += weight * reach.min((high - 255.0).max(-low));
            }
        }
        doubt
    }

    /// The same where of Y, too, only the swing is known.
    pub(super) fn doubt_of(&self, luma: Swing) -> f64 {
        let by_deviation = self.by_deviation(luma.deviation, luma.mean + 128.0);
        let by_reach = self.doubt_by_reach(luma);
        f64::from(by_deviation.map_or(by_reach, |doubt| doubt.min(by_reach)))
    }

    fn doubt_by_reach(&self, luma: Swing) -> f32 {
        let mean = (luma.mean + 128.0).clamp(0.0, 255.0);
        let mut doubt = 0.0;
        for (channel, weight) in WEIGHTS.iter().enumerate() {
            let middle = mean + self.shift[channel];
            let reach = luma.reach + self.reach[channel];
            let (low, high) = (middle - reach, middle + reach);
            if low < 255.0 && high > 0.0 {
                doubt += weight * reach.min((high - 255.0).max(-low).max(0.0));
            }
        }
        doubt
    }
}

/// The chroma of one unit, pixel by pixel of the luma: what a decoder lays over it.
///
/// Decoders blend neighbouring chroma samples three to one where there are fewer of them than of
/// luma. So does this, inside of the block; at its edges, for want of the neighbour, it does not.
pub(super) struct Detail {
    planes: [[[f32; 8]; 8]; 2],
    /// Luma samples to one of chroma, across and down: 1 or 2.
    across: usize,
    down: usize,
}

impl Detail {
    /// What is left in doubt of [`Chroma::doubt`] once the detail is known: a quarter of the step
    /// to the neighbouring block, in the outermost of sixteen rows and columns.
    const LEFT: f32 = 0.1;

    #[inline(always)]
    pub(super) fn new(
        colours: &Colours,
        [cb, cr]: [(&[i16], &[i32; 64]); 2],
        (across, down): (usize, usize),
    ) -> Self {
        Self {
            planes: [
                colours.waves_added(cb.0, cb.1),
                colours.waves_added(cr.0, cr.1),
            ],
            across,
            down,
        }
    }

    /// Cb and Cr, less 128, over the luma block at this place of the unit.
    #[inline(always)]
    fn over(&self, row: usize, column: usize) -> [[[f32; 8]; 8]; 2] {
        self.planes.map(|plane| {
            std::array::from_fn(|y| {
                let (near, far) = blended(row * 8 + y, self.down);
                let line: [f32; 8] =
                    std::array::from_fn(|x| 0.75 * plane[near][x] + 0.25 * plane[far][x]);
                std::array::from_fn(|x| {
                    let (near, far) = blended(column * 8 + x, self.across);
                    0.75 * line[near] + 0.25 * line[far]
                })
            })
        })
    }
}

/// The chroma samples that a place is made of: three parts of the first, one of the second.
fn blended(at: usize, factor: usize) -> (usize, usize) {
    if factor == 1 {
        return (at & 7, at & 7);
    }
    let near = (at / 2) & 7;
    let far = if at & 1 == 0 {
        near.saturating_sub(1)
    } else {
        (near + 1).min(7)
    };
    (near, far)
}

/// Computes the pixels of blocks that may leave the range, and adds up what stays in doubt.
pub(super) struct Colours {
    /// By frequency and place: the orthonormal cosine.
    waves: [[f32; 8]; 8],
    /// The sum over blocks of what their mean luma may be off.
    pub(super) doubt: f64,
}

impl Colours {
    pub(super) fn new() -> Self {
        let waves = std::array::from_fn(|frequency| {
            std::array::from_fn(|x: usize| {
                let angle = std::f64::consts::PI / 16.0 * ((2 * x + 1) * frequency) as f64;
                let scale = if frequency == 0 {
                    0.125_f64.sqrt()
                } else {
                    0.5
                };
                (scale * angle.cos()) as f32
            })
        });
        Self { waves, doubt: 0.0 }
    }

    /// The samples of a block, less 128, not clamped.
    #[inline(always)]
    fn waves_added(&self, values: &[i16], steps: &[i32; 64]) -> [[f32; 8]; 8] {
        let mut coefficients = [0.0_f32; 64];
        for ((&value, &step), &natural) in values.iter().zip(steps).zip(&ZIGZAG_TO_NATURAL) {
            coefficients[natural] = (i32::from(value) * step) as f32;
        }
        // Along the rows first, then down the columns.
        let mut rows = [[0.0_f32; 8]; 8];
        for (row, coefficients) in rows.iter_mut().zip(coefficients.as_chunks::<8>().0) {
            for (coefficient, waves) in coefficients.iter().zip(&self.waves) {
                for (value, wave) in row.iter_mut().zip(waves) {
                    *value += coefficient * wave;
                }
            }
        }
        let mut samples = [[0.0_f32; 8]; 8];
        for (row, waves) in rows.iter().zip(&self.waves) {
            for (line, wave) in samples.iter_mut().zip(waves) {
                for (sample, value) in line.iter_mut().zip(row) {
                    *sample += wave * value;
                }
            }
        }
        samples
    }

    /// The luma, less 128, that a decoder shows for a block: by the chroma's detail where it is
    /// known, with the block's place in its unit, else by its mean.
    #[inline(always)]
    pub(super) fn pixels(
        &mut self,
        values: &[i16],
        steps: &[i32; 64],
        chroma: Chroma,
        detail: Option<(&Detail, usize, usize)>,
    ) -> [f32; 64] {
        let mut samples = self.waves_added(values, steps);
        let (mut least, mut most) = (255.0_f32, 0.0_f32);
        for sample in samples.as_flattened_mut() {
            *sample = (*sample + 128.0).clamp(0.0, 255.0);
            least = least.min(*sample);
            most = most.max(*sample);
        }
        let doubt = chroma.doubt(least, most);
        let mut pixels = [0.0; 64];
        match detail {
            Some((detail, row, column)) if doubt > 0.0 => {
                let [cb, cr] = detail.over(row, column);
                let chroma = cb.as_flattened().iter().zip(cr.as_flattened());
                let samples = samples.as_flattened().iter();
                for ((pixel, &y), (&cb, &cr)) in pixels.iter_mut().zip(samples).zip(chroma) {
                    let mut luma = -128.0;
                    let (cb, cr) = (cb.clamp(-128.0, 127.0), cr.clamp(-128.0, 127.0));
                    for (weight, (of_cb, of_cr)) in WEIGHTS.iter().zip(OF_CB.iter().zip(&OF_CR)) {
                        luma += weight * (y + of_cb * cb + of_cr * cr).clamp(0.0, 255.0);
                    }
                    *pixel = luma;
                }
                if (detail.across, detail.down) != (1, 1) {
                    self.doubt += f64::from(doubt * Detail::LEFT);
                }
            }
            _ => {
                for (pixel, &y) in pixels.iter_mut().zip(samples.as_flattened()) {
                    *pixel = chroma.luma(y) - 128.0;
                }
                self.doubt += f64::from(doubt);
            }
        }
        pixels
    }
}
