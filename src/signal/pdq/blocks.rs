//! PDQ's 64×64 samples from the cosine coefficients of 8×8 blocks, without a pixel.
//!
//! A sample is a weighted sum of pixels (`axis.rs`), and a block's pixels are weighted sums of its
//! coefficients: so a sample is a weighted sum of coefficients. Weights are separable, and fall off
//! fast with the frequency, because a tent is much wider than a block's finer waves: of the 64
//! coefficients only the first [`Kept`] count. What the others would have added is some hundredths
//! of a step of luma.
//!
//! This file owns that sum, and the grid of the picture as it is displayed beside that of the
//! picture as it is stored: both are sums over the same coefficients with other weights. It refuses
//! to read files and to say what a coefficient is worth: `media` does.

use crate::signal::pdq::axis::{self, SAMPLES};
use crate::signal::pdq::spectrum::Samples;

/// Pixels along a block.
pub const BLOCK: usize = 8;
/// A shorter side than this needs so many coefficients that nothing is gained.
pub const LEAST_SIDE: usize = 400;
/// Coefficients that [`BlockSampler::add`] takes.
pub const MOST_KEPT: usize = 15;
/// Samples that one pixel, or one block, has a part in: at most 3 from [`LEAST_SIDE`] on.
const REACH: usize = 4;
/// Samples of a line, and room for a whole reach behind the last.
const LINE: usize = SAMPLES + REACH;
/// Vertical and horizontal frequency of the first coefficients, in the zigzag order.
const ZIGZAG: [[usize; 5]; 5] = [
    [0, 1, 5, 6, 14],
    [2, 4, 7, 13, 15],
    [3, 8, 12, 15, 15],
    [9, 11, 15, 15, 15],
    [10, 15, 15, 15, 15],
];

/// The 64×64 samples of one picture: luma, 0–255.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockSamples(pub(super) Box<Samples>);

/// How many of a block's coefficients count: those whose two frequencies add up to less than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    order: usize,
}

impl Kept {
    /// What a picture of this size needs: the mean and 2 coefficients from 2,000 pixels of the
    /// shorter side, 5 from 800, 14 from [`LEAST_SIDE`]. `None` below, and where a side is longer
    /// than tents reach.
    #[must_use]
    pub fn for_size(width: usize, height: usize) -> Option<Self> {
        if width.max(height) > axis::LONGEST {
            return None;
        }
        let order = match width.min(height) {
            2000.. => 2,
            800.. => 3,
            LEAST_SIDE.. => 5,
            _ => return None,
        };
        Some(Self { order })
    }

    /// How many frequencies along one side count: 2, 3 or 5.
    pub(in crate::signal) const fn order(self) -> usize {
        self.order
    }

    /// Where the coefficient of a horizontal and a vertical frequency, together below 5, stands in
    /// the zigzag order.
    pub(in crate::signal) const fn place(horizontal: usize, vertical: usize) -> usize {
        ZIGZAG[vertical][horizontal]
    }

    /// Coefficients of a block, from the first of the zigzag order, that count: 3, 6 or 15.
    #[must_use]
    pub const fn count(self) -> usize {
        self.order * (self.order + 1) / 2
    }
}

/// How a grid lies on the stored picture: which sides are counted from their ends, and whether
/// stored columns are its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Turn {
    /// Columns are counted from the right.
    pub flip_x: bool,
    /// Rows are counted from the bottom.
    pub flip_y: bool,
    /// Columns become rows, after that.
    pub swap: bool,
}

/// Adds blocks up to 64×64 samples.
///
/// Memory: about a hundred bytes for each pixel of the two sides.
#[derive(Debug)]
pub struct BlockSampler {
    order: usize,
    swap: bool,
    across: Axis,
    down: Axis,
    /// Per row of blocks under way, per vertical frequency: the sums along it.
    lines: Vec<[f32; LINE]>,
    samples: Box<[[f32; LINE]; SAMPLES]>,
}

impl BlockSampler {
    /// A sampler for a picture of this size, of which so many rows of blocks are added to at a time.
    #[must_use]
    pub fn new(width: usize, height: usize, kept: Kept, turn: Turn, rows_at_a_time: usize) -> Self {
        Self {
            order: kept.order,
            swap: turn.swap,
            across: Axis::new(width, turn.flip_x),
            down: Axis::new(height, turn.flip_y),
            lines: vec![[0.0; LINE]; rows_at_a_time * kept.order],
            samples: Box::new([[0.0; LINE]; SAMPLES]),
        }
    }

    /// Adds a block by its coefficients (of the orthonormal transform, dequantised, in the zigzag
    /// order) to one of the rows of blocks under way. Blocks beyond the picture add nothing.
    #[inline(always)]
    pub fn add(&mut self, row: usize, column: usize, coefficients: &[f32; MOST_KEPT]) {
        let c = coefficients;
        let Some(weights) = self.across.blocks.get(column) else {
            return;
        };
        let first = weights.first;
        let [w0, w1, w2, w3, w4] = weights.by_frequency;
        // Written out by the frequency down the block, so that nothing is looked up.
        match self.order {
            2 => {
                let lines = self.lines.get_mut(row * 2..row * 2 + 2).unwrap_or_default();
                let [line_0, line_1] = lines else { return };
                add_waves(line_0, first, [(c[0], w0), (c[1], w1)]);
                add_waves(line_1, first, [(c[2], w0)]);
            }
            3 => {
                let lines = self.lines.get_mut(row * 3..row * 3 + 3).unwrap_or_default();
                let [line_0, line_1, line_2] = lines else {
                    return;
                };
                add_waves(line_0, first, [(c[0], w0), (c[1], w1), (c[5], w2)]);
                add_waves(line_1, first, [(c[2], w0), (c[4], w1)]);
                add_waves(line_2, first, [(c[3], w0)]);
            }
            _ => {
                let lines = self.lines.get_mut(row * 5..row * 5 + 5).unwrap_or_default();
                let [line_0, line_1, line_2, line_3, line_4] = lines else {
                    return;
                };
                let waves = [(c[0], w0), (c[1], w1), (c[5], w2), (c[6], w3), (c[14], w4)];
                add_waves(line_0, first, waves);
                let waves = [(c[2], w0), (c[4], w1), (c[7], w2), (c[13], w3)];
                add_waves(line_1, first, waves);
                add_waves(line_2, first, [(c[3], w0), (c[8], w1), (c[12], w2)]);
                add_waves(line_3, first, [(c[9], w0), (c[11], w1)]);
                add_waves(line_4, first, [(c[10], w0)]);
            }
        }
    }

    /// Adds a block by its pixels (luma less 128), at its place in the picture, in blocks.
    #[inline(always)]
    pub fn add_pixels(&mut self, row: usize, column: usize, pixels: &[[f32; BLOCK]; BLOCK]) {
        let columns = self.across.pixels.get(column * BLOCK..).unwrap_or_default();
        let rows = self.down.pixels.get(row * BLOCK..).unwrap_or_default();
        let Some(first) = columns.first().map(|_| self.across.blocks[column].first) else {
            return;
        };
        for (pixels, down) in pixels.iter().zip(rows) {
            let mut sums = [0.0; 2 * REACH];
            for (&pixel, across) in pixels.iter().zip(columns) {
                let from = across.first - first;
                for (sum, weight) in sums[from..].iter_mut().zip(across.weights) {
                    *sum += pixel * weight;
                }
            }
            for (samples, weight) in self.samples.iter_mut().skip(down.first).zip(down.weights) {
                for (sample, sum) in samples[first..].iter_mut().zip(sums) {
                    *sample += sum * weight;
                }
            }
        }
    }

    /// Ends the rows of blocks under way: `first` is the number of the upper one in the picture.
    #[inline(always)]
    pub fn end_rows(&mut self, first: usize) {
        for (slot, lines) in self.lines.chunks_exact_mut(self.order).enumerate() {
            let Some(weights) = self.down.blocks.get(first + slot) else {
                lines.fill([0.0; LINE]);
                continue;
            };
            for (line, weights_of) in lines.iter_mut().zip(&weights.by_frequency) {
                let rows = self.samples.iter_mut().skip(weights.first);
                for (samples, weight) in rows.zip(weights_of) {
                    for (sample, value) in samples.iter_mut().zip(line.iter()) {
                        *sample += weight * value;
                    }
                }
                line.fill(0.0);
            }
        }
    }

    /// The samples, once every row of blocks has ended.
    #[must_use]
    pub fn finish(self) -> BlockSamples {
        let mut samples = Box::new([[0.0; SAMPLES]; SAMPLES]);
        for (i, row) in self.samples.iter().take(SAMPLES).enumerate() {
            for (j, &value) in row.iter().take(SAMPLES).enumerate() {
                let (to_i, to_j) = if self.swap { (j, i) } else { (i, j) };
                samples[to_i][to_j] = value + 128.0;
            }
        }
        BlockSamples(samples)
    }
}

/// Adds coefficients with their weights to a line of sums, from the sample `first` on.
#[inline(always)]
fn add_waves<const COUNT: usize>(
    line: &mut [f32; LINE],
    first: usize,
    waves: [(f32, [f32; REACH]); COUNT],
) {
    let mut sums = [0.0; REACH];
    for (coefficient, weights) in waves {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += coefficient * weight;
        }
    }
    if let Some(line) = line.get_mut(first..first + REACH) {
        for (value, sum) in line.iter_mut().zip(sums) {
            *value += sum;
        }
    }
}

/// The weights along one side of a picture.
#[derive(Debug)]
struct Axis {
    pixels: Vec<OfPixel>,
    blocks: Vec<OfBlock>,
}

/// What one pixel adds to the samples from `first` on.
#[derive(Debug, Clone, Copy)]
struct OfPixel {
    first: usize,
    weights: [f32; REACH],
}

/// What a wave over one block adds to the samples from `first` on, by its frequency.
#[derive(Debug, Clone, Copy)]
struct OfBlock {
    first: usize,
    by_frequency: [[f32; REACH]; 5],
}

impl Axis {
    fn new(length: usize, flipped: bool) -> Self {
        let mut weights = vec![(usize::MAX, [0.0_f64; REACH]); length];
        for run in axis::runs(length) {
            for (offset, &weight) in run.weights.iter().enumerate() {
                let pixel = run.first + offset;
                let pixel = if flipped { length - 1 - pixel } else { pixel };
                if let Some((first, of)) = weights.get_mut(pixel) {
                    *first = run.sample.min(*first);
                    if let Some(sum) = of.get_mut(run.sample - *first) {
                        *sum += f64::from(weight) * run.scale;
                    }
                }
            }
        }
        // A pixel that no sample reaches adds nothing: it goes with its neighbours.
        let reached = |&(first, _): &(usize, _)| (first != usize::MAX).then_some(first);
        let mut last = weights.iter().find_map(reached).unwrap_or(0);
        for (first, _) in &mut weights {
            if *first == usize::MAX {
                *first = last;
            }
            last = *first;
        }
        let blocks = weights
            .chunks(BLOCK)
            .map(|pixels| {
                let first = pixels.iter().map(|(first, _)| *first).min().unwrap_or(0);
                let mut by_frequency = [[0.0; REACH]; 5];
                for (frequency, out) in by_frequency.iter_mut().enumerate() {
                    let mut sums = [0.0; REACH];
                    for (x, (from, weights)) in pixels.iter().enumerate() {
                        let wave = wave(frequency, x);
                        for (sum, weight) in sums[from - first..].iter_mut().zip(weights) {
                            *sum += wave * weight;
                        }
                    }
                    *out = sums.map(|sum| sum as f32);
                }
                OfBlock {
                    first,
                    by_frequency,
                }
            })
            .collect();
        let pixels = weights
            .iter()
            .map(|&(first, weights)| OfPixel {
                first,
                weights: weights.map(|weight| weight as f32),
            })
            .collect();
        Self { pixels, blocks }
    }
}

/// The orthonormal 8-point cosine of a frequency, at a pixel (ITU-T T.81, A.3.3).
pub(in crate::signal) fn wave(frequency: usize, pixel: usize) -> f64 {
    let angle = std::f64::consts::PI / 16.0 * ((2 * pixel + 1) * frequency) as f64;
    let scale = if frequency == 0 { 0.5_f64.sqrt() } else { 1.0 };
    scale / 2.0 * angle.cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples of a picture of luma by definition of the tents, in f64.
    fn by_definition(width: usize, height: usize, luma: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let weights = |n: usize| -> Vec<Vec<(usize, f64)>> {
            let mut of = vec![Vec::new(); SAMPLES];
            for run in axis::runs(n) {
                for (offset, &weight) in run.weights.iter().enumerate() {
                    of[run.sample].push((run.first + offset, f64::from(weight) * run.scale));
                }
            }
            of
        };
        let (across, down) = (weights(width), weights(height));
        let mut samples = Vec::new();
        for rows in &down {
            for columns in &across {
                let sum = rows.iter().flat_map(|&(y, wy)| {
                    let luma = &luma;
                    columns.iter().map(move |&(x, wx)| wy * wx * luma(x, y))
                });
                samples.push(sum.sum());
            }
        }
        samples
    }

    fn noise(x: usize, y: usize) -> f64 {
        let hash = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77);
        f64::from(hash.wrapping_mul(0x2c1b_3c6d) >> 24)
    }

    fn pixels_of(width: usize, height: usize, bx: usize, by: usize) -> [[f32; 8]; 8] {
        let pixel = |at: usize| {
            let (x, y) = (bx * 8 + at % 8, by * 8 + at / 8);
            // The encoder filled what lies beyond the picture with anything.
            if x < width && y < height {
                noise(x, y) as f32 - 128.0
            } else {
                99.0
            }
        };
        std::array::from_fn(|y| std::array::from_fn(|x| pixel(8 * y + x)))
    }

    fn added(width: usize, height: usize, turn: Turn) -> BlockSamples {
        let kept = Kept::for_size(width, height).unwrap();
        let mut sampler = BlockSampler::new(width, height, kept, turn, 2);
        for by in 0..height.div_ceil(8).next_multiple_of(2) {
            for bx in 0..width.div_ceil(8) + 1 {
                sampler.add_pixels(by, bx, &pixels_of(width, height, bx, by));
            }
        }
        sampler.finish()
    }

    #[test]
    fn pixels_add_up_to_the_tents_of_the_picture_turned_or_not() {
        let (width, height) = (437, 603);
        for turn in 0..8 {
            let turn = Turn {
                flip_x: turn & 1 > 0,
                flip_y: turn & 2 > 0,
                swap: turn & 4 > 0,
            };
            let (shown_width, shown_height) = if turn.swap {
                (height, width)
            } else {
                (width, height)
            };
            let expected = by_definition(shown_width, shown_height, |x, y| {
                let (x, y) = if turn.swap { (y, x) } else { (x, y) };
                let x = if turn.flip_x { width - 1 - x } else { x };
                noise(x, if turn.flip_y { height - 1 - y } else { y })
            });
            let got = added(width, height, turn);
            for (got, expected) in got.0.as_flattened().iter().zip(&expected) {
                assert!((f64::from(*got) - expected).abs() < 0.01, "{turn:?}");
            }
        }
    }

    /// The first 15 coefficients of a block, by definition.
    fn coefficients(pixels: &[f32; 64]) -> [f32; MOST_KEPT] {
        let mut out = [0.0; MOST_KEPT];
        for (v, row) in ZIGZAG.iter().enumerate() {
            for (u, &at) in row.iter().enumerate() {
                if let Some(out) = out.get_mut(at) {
                    let sum = pixels
                        .iter()
                        .enumerate()
                        .map(|(i, &pixel)| f64::from(pixel) * wave(u, i % 8) * wave(v, i / 8));
                    *out = sum.sum::<f64>() as f32;
                }
            }
        }
        out
    }

    #[test]
    fn coefficients_add_up_to_nearly_what_their_pixels_do() {
        for (width, height) in [
            (400, 411),
            (640, 480),
            (803, 1201),
            (2010, 2100),
            (2500, 2003),
        ] {
            let kept = Kept::for_size(width, height).unwrap();
            let mut sampler = BlockSampler::new(width, height, kept, Turn::default(), 2);
            // Waves of some blocks' length, with an offset: content that a blur keeps.
            let luma = |x: usize, y: usize| {
                let (x, y) = (x as f64 / width as f64, y as f64 / height as f64);
                128.0
                    + 60.0 * (x * 40.0).sin() * (y * 31.0 + x * 3.0).cos()
                    + 20.0 * (x * 95.0).cos()
            };
            for by in (0..height.div_ceil(8)).step_by(2) {
                for slot in 0..2 {
                    for bx in 0..width.div_ceil(8) {
                        let pixels = std::array::from_fn(|at| {
                            (luma(bx * 8 + at % 8, (by + slot) * 8 + at / 8) - 128.0) as f32
                        });
                        sampler.add(slot, bx, &coefficients(&pixels));
                    }
                }
                sampler.end_rows(by);
            }
            let got = sampler.finish();
            let expected = by_definition(width, height, luma);
            let off = got.0.as_flattened().iter().zip(&expected);
            let worst = off
                .map(|(got, expected)| (f64::from(*got) - expected).abs())
                .fold(0.0, f64::max);
            assert!(worst < 0.25, "{width}x{height}: {worst}");
        }
    }

    #[test]
    fn the_shorter_side_decides_how_many_coefficients_count() {
        let count = |width, height| Kept::for_size(width, height).map(Kept::count);
        assert_eq!(count(2000, 4000), Some(3));
        assert_eq!(count(1999, 4000), Some(6));
        assert_eq!(count(4000, 799), Some(15));
        assert_eq!(count(400, 400), Some(15));
        assert_eq!(count(399, 4000), None);
        assert_eq!(count(400, axis::LONGEST + 1), None);
    }
}
