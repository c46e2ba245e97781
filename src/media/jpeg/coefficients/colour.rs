//! What becomes of colours that leave the range of 0 to 255 when a picture is decoded.
//!
//! Inside the range a pixel's luma is its Y, whatever its chroma. A decoder clamps Y, and then red,
//! green and blue; where it does, luma is no longer a sum of coefficients. In photos that is a rim
//! here and there; in a file made to deceive it could be the whole picture: a Y far above white over
//! one half of it shows plain white and would hash as a step. So every block is asked whether any
//! pixel of it *can* leave the range: its mean, and how far its other coefficients can swing. If so,
//! its pixels are computed and clamped as a decoder does. What stays unknown (chroma across the edges
//! of blocks) is added up by its bound as doubt, and a picture with too much of it is decoded.

use super::frame::ZIGZAG_TO_NATURAL;
use crate::signal::pdq::blocks::MOST_KEPT;

/// Red, green and blue of luma.
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];
/// What Cb and Cr, less 128, add to red, green and blue (JFIF).
const OF_CB: [f32; 3] = [0.0, -0.344_136, 1.772];
const OF_CR: [f32; 3] = [1.402, -0.714_136, 0.0];
/// Units of [`reach`] in a step of a sample.
const REACH_UNITS: f32 = 64.0;
/// A colour this far out of range is as good as in it: that much is rounding.
const ROUNDING: f32 = 0.5;

/// Frequencies of the first [`MOST_KEPT`] coefficients along one side.
const MOST_ORDER: usize = 5;
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
        self.spans(mean - reach, mean + reach)
    }

    /// Whether luma from `least` to `most`, less 128, lies in it.
    #[inline(always)]
    fn spans(self, least: f32, most: f32) -> bool {
        (least >= self.below) & (most <= self.above)
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

/// By how much values lie beyond a limit in the mean at most (0 for each that does not), whose mean
/// lies `inside` of it, or beyond it where that is negative.
///
/// They are a sum of two: luma, whose squared distances from its mean have the mean `luma²`, and
/// chroma, of which the same is known around a middle that need not be its mean here, as its block lies
/// over others too. Of one with a mean it is `(√(s² + m²) - m) / 2` (H. Scarf, "A min-max solution of
/// an inventory problem", 1958). Of one with a middle it is `s² / 4m`, and `s - m` where that lies
/// within `s / 2`: nothing goes further than all values in one place.
#[inline(always)]
fn most_outside(luma: f32, chroma: f32, inside: f32) -> f32 {
    let apart = 0.5 * ((luma * luma + inside * inside).sqrt() - inside) + chroma;
    let both = luma + chroma;
    let together = if both <= 2.0 * inside {
        both * both / (4.0 * inside).max(f32::MIN_POSITIVE)
    } else {
        both - inside
    };
    apart.min(together)
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

/// A line of sums, and so much of another one added to it.
#[inline(always)]
fn added(mut sums: [f32; 8], factor: f32, line: &[f32; 8]) -> [f32; 8] {
    // A loop: the closures of arrays are compiled apart, for the base instruction set.
    for (sum, value) in sums.iter_mut().zip(line) {
        *sum += factor * value;
    }
    sums
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
        let doubt = self.by_deviation(luma.deviation, mean, |inside| inside);
        (doubt <= MOST_IGNORED).then_some(doubt)
    }

    /// The bound by mean squares; `inside` says how far inside a limit a value counts that lies so
    /// far inside of it in the mean.
    #[inline(always)]
    fn by_deviation(&self, luma: f32, mean: f32, inside: impl Fn(f32) -> f32) -> f32 {
        let of = |chroma: f32, middle: f32| {
            most_outside(luma, chroma, inside(middle))
                + most_outside(luma, chroma, inside(255.0 - middle))
        };
        let mut doubt = of(0.0, mean);
        for (channel, weight) in WEIGHTS.iter().enumerate() {
            doubt += weight * of(self.deviation[channel], mean + self.shift[channel]);
        }
        doubt
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
        // The mean is clamped: what lies inside of the limit is off where it lies outside of it.
        let by_deviation = self.by_deviation(luma.deviation, luma.mean + 128.0, f32::abs);
        f64::from(by_deviation.min(self.doubt_by_reach(luma)))
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
    /// Cb and Cr, less 128.
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

    /// Cb or Cr, less 128, over a line of the luma block at this place of the unit.
    #[inline(always)]
    fn over(&self, plane: usize, (row, column): (usize, usize), y: usize) -> [f32; 8] {
        let plane = &self.planes[plane & 1];
        let (near, far) = blended(row * 8 + y, self.down);
        let mut line = [0.0; 8];
        for ((out, near), far) in line.iter_mut().zip(&plane[near]).zip(&plane[far]) {
            *out = 0.75 * near + 0.25 * far;
        }
        if self.across == 1 {
            return line;
        }
        let [a, b, c, d, e, f, g, h] = line;
        let (left, right) = ([a, a, b, c, d, e, f, g], [b, c, d, e, f, g, h, h]);
        // Of each sample two, drawn to the neighbour on their side.
        let (mut even, mut odd) = ([0.0; 8], [0.0; 8]);
        for x in 0..8 {
            even[x] = 0.75 * line[x] + 0.25 * left[x];
            odd[x] = 0.75 * line[x] + 0.25 * right[x];
        }
        let [a, b, c, d, e, f, g, h] = even;
        let [i, j, k, l, m, n, o, p] = odd;
        if column == 0 {
            [a, i, b, j, c, k, d, l]
        } else {
            [e, m, f, n, g, o, h, p]
        }
    }
}

/// The rows of chroma samples that one of luma is made of: three parts of the first, one of the
/// second.
#[inline(always)]
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
        let mut coefficients = [[0.0_f32; 8]; 8];
        let values = values.as_chunks::<8>().0.iter();
        let places = ZIGZAG_TO_NATURAL.as_chunks::<8>().0;
        for ((values, steps), places) in values.zip(steps.as_chunks::<8>().0).zip(places) {
            // Mostly all but the first few are zero.
            if values.iter().fold(0, |all, value| all | value) != 0 {
                for ((&value, &step), &place) in values.iter().zip(steps).zip(places) {
                    // 16 bits by 8.
                    let value = i32::from(value).wrapping_mul(step);
                    coefficients[place >> 3][place & 7] = value as f32;
                }
            }
        }
        // Along the rows first, then down the columns.
        let mut rows = [[0.0; 8]; 8];
        for (sum, row) in rows.iter_mut().zip(&coefficients) {
            // Not by `!=`, which stops at the first.
            if row.iter().fold(0, |all, value| all | value.to_bits()) != 0 {
                for (&coefficient, waves) in row.iter().zip(&self.waves) {
                    *sum = added(*sum, coefficient, waves);
                }
            }
        }
        let mut samples = [[0.0; 8]; 8];
        for at in 0..4 {
            // The other half is the mirror image of the even waves, and of the odd ones upside down.
            let (mut even, mut odd) = ([0.0; 8], [0.0; 8]);
            for pair in 0..4 {
                even = added(even, self.waves[2 * pair][at], &rows[2 * pair]);
                odd = added(odd, self.waves[2 * pair + 1][at], &rows[2 * pair + 1]);
            }
            samples[at] = added(even, 1.0, &odd);
            samples[7 - at] = added(even, -1.0, &odd);
        }
        samples
    }

    /// The first coefficients of a block with these samples.
    #[inline(always)]
    pub(super) fn coefficients(&self, samples: &[[f32; 8]; 8], kept: usize) -> [f32; MOST_KEPT] {
        let mut columns = [[0.0; 8]; MOST_ORDER];
        let order = if kept > MOST_ORDER + 1 { MOST_ORDER } else { 3 };
        for (sum, waves) in columns.iter_mut().zip(&self.waves).take(order) {
            for (line, &wave) in samples.iter().zip(waves) {
                *sum = added(*sum, wave, line);
            }
        }
        let mut coefficients = [0.0; MOST_KEPT];
        let places = ZIGZAG_TO_NATURAL.iter().take(kept);
        for (coefficient, &place) in coefficients.iter_mut().zip(places) {
            let (column, waves) = (&columns[place >> 3], &self.waves[place & 7]);
            let mut products = [0.0; 8];
            for ((product, &value), &wave) in products.iter_mut().zip(column).zip(waves) {
                *product = value * wave;
            }
            let [a, b, c, d, e, f, g, h] = products;
            *coefficient = ((a + e) + (b + f)) + ((c + g) + (d + h));
        }
        coefficients
    }

    /// The samples of a block, clamped; `None` where its luma is what the coefficients say, as no
    /// colour leaves the range.
    #[inline(always)]
    pub(super) fn clamped(
        &self,
        values: &[i16],
        steps: &[i32; 64],
        chroma: &Chroma,
    ) -> Option<Clamped> {
        let mut samples = self.waves_added(values, steps);
        let (mut least, mut most) = (samples[0], samples[0]);
        for line in &samples {
            for ((least, most), &sample) in least.iter_mut().zip(&mut most).zip(line) {
                *least = sample.min(*least);
                *most = sample.max(*most);
            }
        }
        let least = least.iter().fold(f32::MAX, |a, &b| a.min(b));
        let most = most.iter().fold(f32::MIN, |a, &b| a.max(b));
        if chroma.room().spans(least, most) {
            return None;
        }
        for sample in samples.as_flattened_mut() {
            *sample = (*sample + 128.0).clamp(0.0, 255.0);
        }
        let clamped = |sample: f32| (sample + 128.0).clamp(0.0, 255.0);
        let doubt = chroma.doubt(clamped(least), clamped(most));
        Some(Clamped { samples, doubt })
    }

    /// Makes of samples the luma, less 128, that a decoder shows, by the mean of the chroma.
    #[inline(always)]
    pub(super) fn show_evenly(&mut self, clamped: &mut Clamped, chroma: &Chroma) {
        for sample in clamped.samples.as_flattened_mut() {
            *sample = chroma.luma(*sample) - 128.0;
        }
        self.doubt += f64::from(clamped.doubt);
    }

    /// The same by its detail, for the luma block at this place of the unit.
    #[inline(always)]
    pub(super) fn show(&mut self, clamped: &mut Clamped, detail: &Detail, place: (usize, usize)) {
        for (y, line) in clamped.samples.iter_mut().enumerate() {
            let (cb, cr) = (detail.over(0, place, y), detail.over(1, place, y));
            for ((sample, cb), cr) in line.iter_mut().zip(cb).zip(cr) {
                let mut luma = -128.0;
                let (cb, cr) = (cb.clamp(-128.0, 127.0), cr.clamp(-128.0, 127.0));
                for (weight, (of_cb, of_cr)) in WEIGHTS.iter().zip(OF_CB.iter().zip(&OF_CR)) {
                    luma += weight * (*sample + of_cb * cb + of_cr * cr).clamp(0.0, 255.0);
                }
                *sample = luma;
            }
        }
        if (detail.across, detail.down) != (1, 1) {
            self.doubt += f64::from(clamped.doubt * Detail::LEFT);
        }
    }
}

/// The samples of a block of luma within 0 to 255.
pub(super) struct Clamped {
    pub(super) samples: [[f32; 8]; 8],
    /// What [`Chroma::doubt`] says of them.
    doubt: f32,
}

impl Clamped {
    /// Whether the detail of the chroma counts.
    pub(super) fn wants_detail(&self) -> bool {
        self.doubt > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in no order, 0 to 1.
    fn noise(seed: &mut u64) -> f32 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 40) as f32 / (1 << 24) as f32
    }

    #[test]
    fn samples_are_the_sum_of_their_waves_and_back() {
        let colours = Colours::new();
        let steps = std::array::from_fn(|at| 1 + at as i32 % 7);
        let mut seed = 3;
        for last in [0, 1, 5, 20, 63] {
            let mut values = [0_i16; 128];
            for value in &mut values[..=last] {
                *value = (noise(&mut seed) * 60.0 - 30.0) as i16;
            }
            let samples = colours.waves_added(&values, &steps);
            for (y, line) in samples.iter().enumerate() {
                for (x, &sample) in line.iter().enumerate() {
                    let wave = |(at, &natural): (usize, &usize)| {
                        let value = (i32::from(values[at]) * steps[at]) as f32;
                        value * colours.waves[natural / 8][y] * colours.waves[natural % 8][x]
                    };
                    let expected: f32 = ZIGZAG_TO_NATURAL.iter().enumerate().map(wave).sum();
                    assert!((sample - expected).abs() < 0.01, "{sample}, not {expected}");
                }
            }
            for kept in [3, 6, MOST_KEPT] {
                let back = colours.coefficients(&samples, kept);
                for (at, &value) in back.iter().enumerate() {
                    let expected = if at < kept {
                        (i32::from(values[at]) * steps[at]) as f32
                    } else {
                        0.0
                    };
                    assert!(
                        (value - expected).abs() < 0.01,
                        "{at}: {value}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_values_lie_further_outside_than_the_bound() {
        let mut seed = 5;
        let mut nearest = f32::MAX;
        for round in 0..20_000 {
            // A few values with their weights, and what is known of them.
            let mut luma = [0.0; 4].map(|_: f32| noise(&mut seed) * 40.0 - 20.0);
            let mut shares = [0.0; 4].map(|_: f32| noise(&mut seed).powi(4) + 1e-6);
            let whole: f32 = shares.iter().sum();
            shares = shares.map(|share| share / whole);
            let mean: f32 = luma.iter().zip(shares).map(|(v, share)| v * share).sum();
            luma = luma.map(|value| value - mean);
            let strength = if round % 2 == 0 { 0.0 } else { 12.0 };
            let chroma = [0.0; 4].map(|_: f32| (noise(&mut seed) - 0.3) * strength);
            let square = |values: [f32; 4]| -> f32 {
                let squares = values.iter().zip(shares).map(|(v, share)| v * v * share);
                squares.sum::<f32>().sqrt()
            };
            let inside = noise(&mut seed) * 30.0 - 8.0;
            let outside = |at: usize| (luma[at] + chroma[at] - inside).max(0.0) * shares[at];
            let outside: f32 = (0..4).map(outside).sum();
            let most = most_outside(square(luma), square(chroma), inside);
            assert!(outside <= most + 1e-3, "{outside} with a bound of {most}");
            if outside > 1.0 {
                nearest = nearest.min(most / outside);
            }
        }
        assert!(nearest < 1.1, "the bound is never near: {nearest}");
    }
}
