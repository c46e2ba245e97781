//! PDQ: pixels to a 256-bit hash, its quality, and the hashes of the turned picture.
//!
//! # The definition
//! ```text
//! luma   = 0.299 R + 0.587 G + 0.114 B of every pixel                  (f32, left to right)
//! repeat twice: every row, then every column, becomes its running mean over ceil(n / 128) pixels
//! A[i][j] = luma at row trunc((i + .5) * height / 64), column trunc((j + .5) * width / 64)
//! quality = min(100, sum of |trunc((a - b) * 100 / 255)| over neighbours a, b of A / 90)
//! B      = D A Dᵀ, with D the DCT's rows of frequency 1 to 16           (f32, in order)
//! bit 16 i + j = B[i][j] > the 128th smallest of B
//! ```
//! A side under 5 pixels gives the zero hash and quality 0; 64×64 pixels are not blurred. Source:
//! `hashing.pdf` and the C++ library in `pdq/` of <https://github.com/facebook/ThreatExchange>,
//! whose answers this module repeats bit for bit on pictures at full resolution. [`literal`] is that
//! definition in code.
//!
//! # How it is computed
//! 1. Two box passes are one tent, and only 64 of the tents along each side are asked for
//!    (`axis.rs`): each pixel is read about once, and nothing is blurred that is then dropped.
//! 2. Rows first: whole-number sums of whole rows of bytes, one line of the picture's width at a
//!    time. Then 64 dot products along that line, whose weights hold the tent and the luma together.
//! 3. Memory is a line of f32 and the weights, in proportion to the sides, never to the pixels.
//!
//! Steps 1 and 2 round far less than the reference, whose running sums drift as they go. `guard.rs`
//! says how far the two are apart and what that rests on; where a bit or the quality could depend on
//! it, the picture is hashed again with the reference's own order of sums (`stream.rs`), which costs some
//! ten times as much and still needs no buffer of the picture's size. That is so for one real
//! picture in sixteen or so, and always for flat ones, whose hash *is* the reference's rounding.
//!
//! This module refuses to decode, to resize and to turn pixels.

pub(in crate::signal) mod axis;
#[doc(hidden)]
pub mod blocks;
pub(in crate::signal) mod confidence;
mod guard;
mod hashed;
pub(in crate::signal) mod kernel;
pub mod literal;
mod pixel;
pub(in crate::signal) mod spectrum;
mod stream;

use crate::signal::{ShapeError, shape};
use axis::{Run, SAMPLES};
use kernel::{Kernel, LANES, Taps};
use pixel::Pixel;
use spectrum::Samples;
use std::sync::Arc;

pub use confidence::Confidence;
pub(in crate::signal) use hashed::quality_of;
pub use hashed::{MINIMUM_SIDE, PdqHashed};

/// Hashes pictures, one after the other, in the same scratch memory. Have one per worker.
///
/// ```
/// use hashgate::signal::PdqHasher;
/// let mut hasher = PdqHasher::new();
/// let picture: Vec<u8> = (0..300 * 200).flat_map(|i| [i as u8, (i >> 7) as u8, 90]).collect();
/// let hashed = hasher.hash_rgb(300, 200, &picture)?;
/// println!("{},{}", hashed.hash, hashed.quality);
/// # Ok::<(), hashgate::signal::ShapeError>(())
/// ```
#[derive(Debug)]
pub struct PdqHasher {
    kernel: Kernel,
    plan: Option<Plan>,
    /// The weighted sum of some rows, and zeros behind it.
    line: Vec<f32>,
    samples: Box<Samples>,
}

impl Default for PdqHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl PdqHasher {
    /// A hasher that uses the best instructions of this CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::with_kernel(Kernel::best())
    }

    fn with_kernel(kernel: Kernel) -> Self {
        Self {
            kernel,
            plan: None,
            line: Vec::new(),
            samples: Box::new([[0.0; SAMPLES]; SAMPLES]),
        }
    }

    /// Hashes `width * height` RGB8 pixels, row by row without padding.
    ///
    /// # Errors
    /// [`ShapeError::Length`] where `rgb` has not exactly `3 * width * height` bytes.
    pub fn hash_rgb(
        &mut self,
        width: usize,
        height: usize,
        rgb: &[u8],
    ) -> Result<PdqHashed, ShapeError> {
        self.hash(width, height, rgb, Pixel::Rgb)
    }

    /// Hashes `width * height` 8-bit grey pixels, row by row without padding.
    ///
    /// The answer is that of the same picture in RGB with three equal channels.
    ///
    /// # Errors
    /// [`ShapeError::Length`] where `luma` has not exactly `width * height` bytes.
    pub fn hash_luma(
        &mut self,
        width: usize,
        height: usize,
        luma: &[u8],
    ) -> Result<PdqHashed, ShapeError> {
        self.hash(width, height, luma, Pixel::Luma)
    }

    /// Hashes samples that were added up from the coefficients of blocks.
    ///
    /// `None` where more than [`Self::MOST_UNSURE`] bits of the hash, or of a turned one, hang on less
    /// than what such samples may be off: pictures that are flat, or nothing but a smooth slope.
    #[must_use]
    pub fn hash_samples(&self, samples: &blocks::BlockSamples) -> Option<PdqHashed> {
        let hashed = PdqHashed::from_samples(self.kernel, &samples.0);
        let unsure = spectrum::most_near_median(&hashed.spectrum, Self::UNSURE_WITHIN);
        (unsure <= Self::MOST_UNSURE).then_some(hashed)
    }

    /// How near to the median a coefficient of the spectrum may change sides where it comes from
    /// blocks. Measured on re-encoded photos and drawings: of 273, one had more than 10 coefficients
    /// within this of the median (a smooth slope, 46) and it alone was off by more than 4 bits (8).
    const UNSURE_WITHIN: f32 = 0.15;

    /// Bits of a hash that [`Self::hash_samples`] may leave unsure.
    pub const MOST_UNSURE: usize = 8;

    fn hash(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
        pixel: Pixel,
    ) -> Result<PdqHashed, ShapeError> {
        shape::check(width, height, pixel.channels(), pixels.len())?;
        if width < MINIMUM_SIDE || height < MINIMUM_SIDE {
            return Ok(PdqHashed::TOO_SMALL);
        }
        if (width, height) == (SAMPLES, SAMPLES) {
            literal::samples(width, height, pixels, pixel, &mut self.samples);
            return Ok(PdqHashed::from_samples(self.kernel, &self.samples));
        }
        if width.max(height) <= axis::LONGEST
            && let Some(hashed) = self.hash_tents(width, height, pixels, pixel)
        {
            return Ok(hashed);
        }
        self.kernel
            .stream(width, height, pixels, pixel, &mut self.samples);
        Ok(PdqHashed::from_samples(self.kernel, &self.samples))
    }

    /// The answer by tents, where it is surely that of the definition.
    fn hash_tents(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
        pixel: Pixel,
    ) -> Option<PdqHashed> {
        self.sample_tents(width, height, pixels, pixel);
        let margins = guard::Margins::new(width, height);
        let gradients = self.kernel.gradients(&self.samples, margins.gradient);
        let spectrum = self.kernel.spectrum(&self.samples);
        guard::is_decided(&spectrum, gradients, margins).then(|| PdqHashed {
            hash: spectrum::hash(&spectrum),
            quality: quality_of(gradients.sum),
            spectrum,
        })
    }

    /// Fills `self.samples` with the tents of a picture whose shape has been checked.
    fn sample_tents(&mut self, width: usize, height: usize, pixels: &[u8], pixel: Pixel) {
        let row_len = width * pixel.channels();
        let plan = match self.plan.take() {
            Some(plan) if plan.is_for(width, height, pixel) => plan,
            _ => Plan::new(width, height, pixel),
        };
        self.line.clear();
        self.line.resize(row_len + LANES, 0.0);
        let mut before: Option<&Run> = None;
        for run in &plan.rows {
            let is_new = before.is_none_or(|before| before.sample != run.sample);
            if is_new && before.is_some_and(|before| before.first == run.first) {
                // Fewer rows than samples: the same row again.
                self.samples[run.sample] = self.samples[run.sample - 1];
                continue;
            }
            let out = &mut self.samples[run.sample];
            if is_new {
                *out = [0.0; SAMPLES];
            }
            let line = &mut self.line[..];
            self.kernel
                .weighted_rows(pixels, row_len, run, &mut line[..row_len]);
            self.kernel.dots(line, &plan.columns, run.scale as f32, out);
            before = Some(run);
        }
        self.plan = Some(plan);
    }
}

/// The weights for pictures of one size.
#[derive(Debug)]
struct Plan {
    width: usize,
    height: usize,
    pixel: Pixel,
    /// The runs of rows that add up to each sample.
    rows: Vec<Run>,
    /// Along a line: tent and luma in one.
    columns: Taps,
}

impl Plan {
    fn is_for(&self, width: usize, height: usize, pixel: Pixel) -> bool {
        (self.width, self.height, self.pixel) == (width, height, pixel)
    }

    fn new(width: usize, height: usize, pixel: Pixel) -> Self {
        let channels = pixel.channels();
        let mut columns = Taps::default();
        let mut tent = Vec::new();
        let runs = axis::runs(width);
        let mut shared: Option<&Run> = None;
        for runs in runs.chunk_by(|a, b| a.sample == b.sample) {
            let first = runs.iter().map(|run| run.first).min().unwrap_or(0);
            let before = columns.samples.last().map(|(_, range)| range.clone());
            if let ([run], Some(shared), Some(range)) = (runs, shared, before)
                && Arc::ptr_eq(&run.weights, &shared.weights)
            {
                columns.samples.push((first * channels, range));
                continue;
            }
            tent.clear();
            for run in runs {
                let end = run.first - first + run.weights.len();
                tent.resize(tent.len().max(end), 0.0);
                for (value, &weight) in tent[run.first - first..].iter_mut().zip(&*run.weights) {
                    *value += f64::from(weight) * run.scale;
                }
            }
            let start = columns.weights.len();
            for weight in &tent {
                let of_channels = pixel.weights().iter().map(|luma| (weight * luma) as f32);
                columns.weights.extend(of_channels);
            }
            let padded = (columns.weights.len() - start).next_multiple_of(LANES);
            columns.weights.resize(start + padded, 0.0);
            columns
                .samples
                .push((first * channels, start..start + padded));
            shared = match runs {
                [run] => Some(run),
                _ => None,
            };
        }
        Self {
            width,
            height,
            pixel,
            rows: axis::runs(height),
            columns,
        }
    }
}

#[cfg(test)]
mod tests;
