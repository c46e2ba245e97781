#![expect(
    unsafe_code,
    reason = "a function compiled for more than the base instruction set is unsafe to call, and so \
              is a conversion to whole numbers without a check for the range"
)]
//! The hot loops of PDQ, written once and compiled per instruction set.
//!
//! Each loop is plain Rust over fixed-size blocks, which the compiler turns into vector code for
//! the instructions that it may use. Every kernel performs the same operations in the same order
//! (sums are laid out in a fixed number of lanes, nothing is fused), so all give the same bits; the
//! tests hold them to that. Which one runs is asked of the CPU at run time. On aarch64 the portable
//! kernel is NEON code already, since NEON belongs to that base instruction set.

use crate::signal::pdq::Pixel;
use crate::signal::pdq::axis::{Run, SAMPLES};
use crate::signal::pdq::spectrum::{DCT, Dct, FREQUENCIES, Samples, Spectrum};

/// Columns summed at a time down a few rows: few enough to keep the sums in registers.
const NARROW: usize = 64;
/// Columns summed at a time down many rows: enough to read memory in long stretches.
const WIDE: usize = 1024;
/// Rows from which on the wide blocks pay.
const MANY_ROWS: usize = 12;
/// Lanes of a dot product; taps are padded to a multiple of it.
pub(super) const LANES: usize = 8;
/// What the weights that are summed in 16 bits may add up to: 255 * 257 = 65,535.
pub(super) const WEIGHT_LIMIT: u16 = 257;

/// An instruction set that the loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::signal) enum Kernel {
    /// Whatever the program as a whole was compiled for.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The kernels that this CPU can run, slowest first; never empty.
    pub(in crate::signal) fn available() -> impl DoubleEndedIterator<Item = Self> {
        [
            Some(Self::Portable),
            #[cfg(target_arch = "x86_64")]
            is_x86_feature_detected!("avx2").then_some(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            (is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl"))
            .then_some(Self::Avx512),
        ]
        .into_iter()
        .flatten()
    }

    /// The fastest kernel that this CPU can run.
    pub(in crate::signal) fn best() -> Self {
        Self::available().next_back().unwrap_or(Self::Portable)
    }
}

/// Where the dot product of each sample starts in a line, and its weights.
#[derive(Debug, Clone, Default)]
pub(in crate::signal) struct Taps {
    /// Per sample: first value of the line, and its range of `weights`.
    pub(super) samples: Vec<(usize, std::ops::Range<usize>)>,
    /// Weights of all samples, those of each padded with zeros to a multiple of [`LANES`].
    pub(super) weights: Vec<f32>,
}

/// The sum of quality's whole-number gradients, and how many of them rounding could change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::signal) struct Gradients {
    /// Σ |trunc(Δ · 100 / 255)| over both directions.
    pub(in crate::signal) sum: u32,
    /// Gradients so little above a whole number that they could count one less.
    pub(super) may_fall: u32,
    /// Gradients so little below a whole number that they could count one more.
    pub(super) may_rise: u32,
}

/// Makes a method of [`Kernel`] of each loop in the module `generic` beside it: the loop is compiled for
/// each instruction set, and the kernel's own runs. Whoever uses it has the unsafe calls in a kernel
/// file of their own, and names the loops and their visibility.
macro_rules! per_instruction_set {
    ($($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)?;)*) => {
        impl $crate::signal::pdq::kernel::Kernel {
            $($(#[$doc])*
            $vis fn $name(self, $($arg: $type),*) $(-> $ret)? {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $type),*) $(-> $ret)? {
                    generic::$name($($arg),*)
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $type),*) $(-> $ret)? {
                    generic::$name($($arg),*)
                }
                match self {
                    Self::Portable => generic::$name($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: this value comes from `available`, which asked the CPU for AVX2.
                    Self::Avx2 => unsafe { avx2($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: this value comes from `available`, which asked the CPU for each of
                    // these parts of AVX-512; every CPU with them has AVX2.
                    Self::Avx512 => unsafe { avx512($($arg),*) },
                }
            })*
        }
    };
}
pub(in crate::signal) use per_instruction_set;

per_instruction_set! {
    /// The weighted sum of whole rows of bytes: `out[x] = Σ weight · pixels[row][x]`, unscaled.
    ///
    /// Sums are whole numbers, exact up to 2²⁴. Each weight must be at most [`WEIGHT_LIMIT`].
    pub(in crate::signal) fn weighted_rows(pixels: &[u8], row_len: usize, run: &Run, out: &mut [f32]);
    /// The dot product of each sample's weights with a line: `out[k] += scale · Σ weight · value`.
    pub(in crate::signal) fn dots(line: &[f32], taps: &Taps, scale: f32, out: &mut [f32; SAMPLES]);
    /// The 16×16 DCT coefficients, with the reference's order of sums.
    pub(in crate::signal) fn spectrum(samples: &Samples) -> Spectrum;
    /// The samples with every rounding of the reference; see `stream.rs`.
    pub(in crate::signal) fn stream(width: usize, height: usize, pixels: &[u8], pixel: Pixel, samples: &mut Samples);
    /// The gradients of the quality measure; one within `margin` of a whole number is counted as
    /// doubtful.
    pub(in crate::signal) fn gradients(samples: &Samples, margin: f32) -> Gradients;
}

/// The loops themselves. Each is inlined into every instruction set's function.
mod generic {
    pub(super) use crate::signal::pdq::stream::stream;

    use super::{
        DCT, Dct, FREQUENCIES, Gradients, LANES, MANY_ROWS, NARROW, Run, SAMPLES, Samples,
        Spectrum, Taps, WEIGHT_LIMIT, WIDE,
    };

    #[inline(always)]
    pub(super) fn weighted_rows(pixels: &[u8], row_len: usize, run: &Run, out: &mut [f32]) {
        let Some(rows) = pixels.get(run.first * row_len..) else {
            return;
        };
        if row_len >= WIDE && run.weights.len() >= MANY_ROWS {
            weighted_blocks::<WIDE>(rows, row_len, &run.weights, out);
        } else if row_len >= NARROW {
            weighted_blocks::<NARROW>(rows, row_len, &run.weights, out);
        } else {
            for (x, out) in out.iter_mut().enumerate().take(row_len) {
                let column = rows.iter().skip(x).step_by(row_len);
                let products = run.weights.iter().zip(column);
                *out = products
                    .map(|(&w, &byte)| f32::from(w) * f32::from(byte))
                    .sum();
            }
        }
    }

    #[inline(always)]
    fn weighted_blocks<const BLOCK: usize>(
        rows: &[u8],
        row_len: usize,
        weights: &[u16],
        out: &mut [f32],
    ) {
        // The last block may overlap the one before it: the same sums are written twice.
        let last_block = row_len - BLOCK;
        let mut start = 0;
        loop {
            if let Some(out) = out[start..].first_chunk_mut::<BLOCK>() {
                weighted_block(rows, row_len, start, weights, out);
            }
            if start == last_block {
                return;
            }
            start = (start + BLOCK).min(last_block);
        }
    }

    #[inline(always)]
    fn weighted_block<const BLOCK: usize>(
        rows: &[u8],
        row_len: usize,
        start: usize,
        weights: &[u16],
        sums: &mut [f32; BLOCK],
    ) {
        *sums = [0f32; BLOCK];
        let mut parts = [0u16; BLOCK];
        let mut room = WEIGHT_LIMIT;
        let mut from = start;
        for &weight in weights {
            if weight > room {
                for (sum, part) in sums.iter_mut().zip(&mut parts) {
                    *sum += f32::from(*part);
                    *part = 0;
                }
                room = WEIGHT_LIMIT;
            }
            room -= weight;
            for (part, &byte) in parts.iter_mut().zip(&rows[from..from + BLOCK]) {
                // At most 255 * WEIGHT_LIMIT in all: nothing wraps.
                *part = part.wrapping_add(weight.wrapping_mul(u16::from(byte)));
            }
            from = from.wrapping_add(row_len);
        }
        for (sum, &part) in sums.iter_mut().zip(&parts) {
            *sum += f32::from(part);
        }
    }

    #[inline(always)]
    pub(super) fn dots(line: &[f32], taps: &Taps, scale: f32, out: &mut [f32; SAMPLES]) {
        // Lanes are added up in a second loop: in one, the compiler vectorises for the adding up.
        let mut lanes = [[0f32; LANES]; SAMPLES];
        for (lanes, (first, range)) in lanes.iter_mut().zip(&taps.samples) {
            let weights = &taps.weights[range.clone()];
            let values = &line[*first..*first + weights.len()];
            let blocks = values.as_chunks::<LANES>().0.iter();
            let mut sums = [0f32; LANES];
            for (values, weights) in blocks.zip(weights.as_chunks::<LANES>().0) {
                for i in 0..LANES {
                    sums[i] += values[i] * weights[i];
                }
            }
            *lanes = sums;
        }
        let mut quads = [[0f32; LANES / 2]; SAMPLES];
        for (quad, [a, b, c, d, e, f, g, h]) in quads.iter_mut().zip(&lanes) {
            *quad = [a + e, b + f, c + g, d + h];
        }
        let mut pairs = [[0f32; LANES / 4]; SAMPLES];
        for (pair, [a, b, c, d]) in pairs.iter_mut().zip(&quads) {
            *pair = [a + c, b + d];
        }
        for (out, [a, b]) in out.iter_mut().zip(&pairs) {
            *out += scale * (a + b);
        }
    }

    #[inline(always)]
    pub(super) fn spectrum(samples: &Samples) -> Spectrum {
        let Dct { rows, columns } = &*DCT;
        let mut spectrum = [[0f32; FREQUENCIES]; FREQUENCIES];
        for (row, out) in rows.iter().zip(&mut spectrum) {
            let mut line = [0f32; SAMPLES];
            for (&factor, samples) in row.iter().zip(samples) {
                for (sum, &sample) in line.iter_mut().zip(samples) {
                    *sum += factor * sample;
                }
            }
            for (&value, column) in line.iter().zip(columns) {
                for (sum, &factor) in out.iter_mut().zip(column) {
                    *sum += value * factor;
                }
            }
        }
        spectrum
    }

    #[inline(always)]
    pub(super) fn gradients(samples: &Samples, margin: f32) -> Gradients {
        let mut all = Gradients::default();
        for pair in samples.windows(2) {
            add_gradients(&pair[0], &pair[1], margin, &mut all);
        }
        for row in samples {
            add_gradients(&row[..SAMPLES - 1], &row[1..], margin, &mut all);
        }
        all
    }

    #[inline(always)]
    fn add_gradients(from: &[f32], to: &[f32], margin: f32, all: &mut Gradients) {
        // Differences are below 256 in size, so a count of them fits in 16 bits many times over.
        let (mut sum, mut may_fall, mut may_rise) = (0i32, 0i32, 0i32);
        for (&u, &v) in from.iter().zip(to) {
            let gradient = ((u - v) * 100.0 / 255.0).abs().min(1000.0);
            // SAFETY: `abs` and `min` leave a number of 0 to 1000, also of a NaN, and that is in
            // the range of `i32`.
            let whole: i32 = unsafe { gradient.to_int_unchecked() };
            let fraction = gradient - whole as f32;
            sum = sum.wrapping_add(whole);
            may_fall = may_fall.wrapping_add(i32::from(whole > 0 && fraction < margin));
            may_rise = may_rise.wrapping_add(i32::from(fraction >= 1.0 - margin));
        }
        all.sum += sum as u32;
        all.may_fall += may_fall as u32;
        all.may_rise += may_rise as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeatable stream of numbers: a multiplicative congruential generator (Lehmer, 2³¹ - 1).
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(seed % 2_147_483_646 + 1), |&x| {
            Some(x * 48_271 % 2_147_483_647)
        })
    }

    fn bytes(seed: u64, len: usize) -> Vec<u8> {
        numbers(seed).map(|x| (x >> 7) as u8).take(len).collect()
    }

    fn some_samples(seed: u64) -> Samples {
        let mut stream = numbers(seed);
        let mut samples = [[0.0; SAMPLES]; SAMPLES];
        for sample in samples.as_flattened_mut() {
            *sample = stream.next().unwrap_or(0) as f32 / 2_147_483_647.0 * 255.0;
        }
        samples
    }

    fn run_of(weights: Vec<u16>) -> Run {
        Run {
            sample: 0,
            first: 0,
            weights: weights.into(),
            scale: 1.0,
        }
    }

    #[test]
    fn every_kernel_gives_the_bits_of_the_portable_one() {
        for kernel in Kernel::available() {
            for seed in 0..20 {
                let samples = some_samples(seed);
                assert_eq!(
                    kernel.spectrum(&samples),
                    Kernel::Portable.spectrum(&samples)
                );
                assert_eq!(
                    kernel.gradients(&samples, 0.01),
                    Kernel::Portable.gradients(&samples, 0.01)
                );
                let line = samples.as_flattened();
                let taps = Taps {
                    samples: (0..SAMPLES)
                        .map(|k| (61 * k, 16 * k..16 * k + 16))
                        .collect(),
                    weights: some_samples(seed + 100).as_flattened()[..16 * SAMPLES].to_vec(),
                };
                let mut out = [1.0; SAMPLES];
                let mut expected = [1.0; SAMPLES];
                kernel.dots(line, &taps, 0.37, &mut out);
                Kernel::Portable.dots(line, &taps, 0.37, &mut expected);
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn weighted_rows_are_exact_sums_on_every_kernel() {
        for kernel in Kernel::available() {
            for (row_len, rows) in [(1, 9), (63, 9), (64, 3), (65, 40), (200, 1), (1023, 300)] {
                let pixels = bytes(row_len as u64, row_len * rows);
                let weights: Vec<u16> = (0..rows).map(|i| i as u16 % WEIGHT_LIMIT + 1).collect();
                let run = run_of(weights);
                let mut out = vec![f32::NAN; row_len];
                kernel.weighted_rows(&pixels, row_len, &run, &mut out);
                for (x, &got) in out.iter().enumerate() {
                    let expected: u64 = (0..rows)
                        .map(|y| u64::from(run.weights[y]) * u64::from(pixels[y * row_len + x]))
                        .sum();
                    assert_eq!(
                        got, expected as f32,
                        "{kernel:?} {row_len}x{rows} column {x}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_largest_weights_on_white_do_not_wrap() {
        for kernel in Kernel::available() {
            let pixels = vec![255; 64 * 8];
            let run = run_of(vec![WEIGHT_LIMIT; 8]);
            let mut out = vec![0.0; 64];
            kernel.weighted_rows(&pixels, 64, &run, &mut out);
            assert_eq!(out, vec![255.0 * 257.0 * 8.0; 64]);
        }
    }

    #[test]
    fn doubtful_gradients_are_counted_on_the_side_that_they_could_cross_to() {
        let mut samples = [[0.0; SAMPLES]; SAMPLES];
        // One column raised by just over two steps: 64 gradients of 2 that could fall to 1.
        for row in &mut samples {
            row[SAMPLES - 1] = 2.0 * 2.55 + 1e-4;
        }
        let found = Kernel::Portable.gradients(&samples, 1e-3);
        assert_eq!(
            found,
            Gradients {
                sum: 128,
                may_fall: 64,
                may_rise: 0
            }
        );
        for row in &mut samples {
            row[SAMPLES - 1] = 2.55 - 1e-4;
        }
        let found = Kernel::Portable.gradients(&samples, 1e-3);
        assert_eq!(
            found,
            Gradients {
                sum: 0,
                may_fall: 0,
                may_rise: 64
            }
        );
    }
}
