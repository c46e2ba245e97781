//! PDQ step by step, as the reference library does it: the yardstick.
//!
//! Luma of every pixel, two box passes over every row and column with running f32 sums, and then
//! 64×64 of the results. Eight bytes of buffer a pixel. The tests hold
//! [`PdqHasher`](super::PdqHasher) against it and the benchmarks measure by it. It has no cleverness,
//! and must not get any.
//!
//! Source: `pdq/cpp/downscaling/downscaling.cpp` and `pdq/cpp/hashing/pdqhashing.cpp` of
//! <https://github.com/facebook/ThreatExchange>.

use crate::signal::ShapeError;
use crate::signal::pdq::axis::{SAMPLES, centre, window};
use crate::signal::pdq::hashed::{MINIMUM_SIDE, PdqHashed};
use crate::signal::pdq::kernel::Kernel;
use crate::signal::pdq::pixel::{Pixel, luma_of};
use crate::signal::pdq::spectrum::Samples;
use crate::signal::shape;

/// Hashes `width * height` RGB8 pixels, row by row without padding.
///
/// # Errors
/// [`ShapeError::Length`] where `rgb` has not exactly `3 * width * height` bytes.
pub fn hash_rgb(width: usize, height: usize, rgb: &[u8]) -> Result<PdqHashed, ShapeError> {
    shape::check(width, height, 3, rgb.len())?;
    if width < MINIMUM_SIDE || height < MINIMUM_SIDE {
        return Ok(PdqHashed::TOO_SMALL);
    }
    let mut samples = Box::new([[0.0; SAMPLES]; SAMPLES]);
    self::samples(width, height, rgb, Pixel::Rgb, &mut samples);
    Ok(PdqHashed::from_samples(Kernel::Portable, &samples))
}

/// The 64×64 samples of a picture whose shape has been checked, with every rounding of the reference.
pub(super) fn samples(
    width: usize,
    height: usize,
    pixels: &[u8],
    pixel: Pixel,
    samples: &mut Samples,
) {
    let mut picture: Vec<f32> = match pixel {
        Pixel::Rgb => {
            let pixels = pixels.as_chunks::<3>().0.iter();
            pixels.map(|&[r, g, b]| luma_of(r, g, b)).collect()
        }
        Pixel::Luma => pixels
            .iter()
            .map(|&grey| luma_of(grey, grey, grey))
            .collect(),
    };
    if (width, height) != (SAMPLES, SAMPLES) {
        let mut blurred = vec![0.0; picture.len()];
        for _pass in 0..2 {
            for row in 0..height {
                let start = row * width;
                box_pass(
                    &picture[start..],
                    &mut blurred[start..],
                    width,
                    1,
                    window(width),
                );
            }
            for column in 0..width {
                box_pass(
                    &blurred[column..],
                    &mut picture[column..],
                    height,
                    width,
                    window(height),
                );
            }
        }
    }
    for (i, row) in samples.iter_mut().enumerate() {
        for (j, sample) in row.iter_mut().enumerate() {
            *sample = picture[centre(height, i) * width + centre(width, j)];
        }
    }
}

/// One running mean over `length` values that are `stride` apart.
///
/// `window` before and after position `i` splits as in [`axis::window_at`](super::axis::window_at).
/// At each position the entering value is added before the leaving one is taken away.
fn box_pass(from: &[f32], to: &mut [f32], length: usize, stride: usize, window: usize) {
    let ahead = (window + 2) / 2 - 1;
    let behind = window - ahead;
    let mut sum = 0.0f32;
    let mut size = 0u32;
    for &value in from.iter().step_by(stride).take(ahead) {
        sum += value;
        size += 1;
    }
    for i in 0..length {
        if i + ahead < length {
            sum += from[(i + ahead) * stride];
            size += 1;
        }
        if i >= behind {
            sum -= from[(i - behind) * stride];
            size -= 1;
        }
        to[i * stride] = sum / size as f32;
    }
}
