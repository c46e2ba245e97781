//! One side of a picture: where PDQ samples it and how much each pixel counts there.
//!
//! The reference blurs every pixel twice with a box of `w = ceil(n / 128)` and then keeps 64 of the
//! `n` positions. Two boxes make one tent of at most `2w - 1` pixels, and only the 64 tents that are
//! kept matter. This file owns that arithmetic. It never touches a pixel.
//!
//! Inside the picture every weight is a whole number over `w²`. Where a box is cut off by the
//! picture's edge the reference divides by what is left of it; there the sample is the sum of a
//! cut tent and of one more run for each box that was cut, each with its own divisor. (Of the 64
//! samples only the last one, and only for an even `w`, reaches such a box.)

use std::ops::Range;
use std::sync::Arc;

/// Samples along each side.
pub(in crate::signal) const SAMPLES: usize = 64;

/// What the weights that are summed in 16 bits may add up to: 255 * 257 = 65,535.
pub(super) const WEIGHT_LIMIT: u16 = 257;

/// The longest side whose tents have no weight above the kernel's limit. Beyond it the drift of the
/// reference's sums has not been measured either: such pictures are hashed literally.
pub(super) const LONGEST: usize = 2 * SAMPLES * WEIGHT_LIMIT as usize;

/// Width of the box that is run along a side of `n` pixels.
pub(in crate::signal) const fn window(n: usize) -> usize {
    n.div_ceil(2 * SAMPLES)
}

/// Pixels that a box of width `w` averages for position `i` of `n`.
pub(super) fn window_at(n: usize, w: usize, i: usize) -> Range<usize> {
    let half = (w + 2) / 2;
    i.saturating_sub(w - half)..(i + half).min(n)
}

/// Position of sample `k` on a side of `n` pixels: `trunc((k + 0.5) * n / 64)`.
pub(in crate::signal) const fn centre(n: usize, k: usize) -> usize {
    (2 * k + 1) * n / (2 * SAMPLES)
}

/// A run of neighbouring pixels with whole-number weights, and the factor that their sum takes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::signal) struct Run {
    /// The sample that the run is a part of.
    pub(super) sample: usize,
    /// The first pixel of the run.
    pub(super) first: usize,
    /// Weight of each pixel from there; the samples inside the picture share theirs.
    pub(super) weights: Arc<[u16]>,
    /// What the weighted sum is multiplied by.
    pub(super) scale: f64,
}

/// The runs of all samples of a side of `n` pixels, in their order. A sample is the scaled sum of
/// its runs, of which it has at least one. `n` must be at most [`LONGEST`].
pub(super) fn runs(n: usize) -> Vec<Run> {
    let w = window(n);
    let mut runs = Vec::with_capacity(SAMPLES + 1);
    let mut whole: Option<Arc<[u16]>> = None;
    for sample in 0..SAMPLES {
        let outer = window_at(n, w, centre(n, sample));
        let full = |range: &Range<usize>| range.len() == w;
        let inside = full(&outer)
            && full(&window_at(n, w, outer.start))
            && full(&window_at(n, w, outer.end - 1));
        if !inside {
            runs_at_edge(n, sample, &mut runs);
            continue;
        }
        let tent = whole.get_or_insert_with(|| (1..=w as u16).chain((1..w as u16).rev()).collect());
        runs.push(Run {
            sample,
            first: window_at(n, w, outer.start).start,
            weights: Arc::clone(tent),
            scale: 1.0 / (w as f64 * w as f64),
        });
    }
    runs
}

/// The runs of one sample where boxes may be cut off.
fn runs_at_edge(n: usize, sample: usize, runs: &mut Vec<Run>) {
    let w = window(n);
    let outer = window_at(n, w, centre(n, sample));
    let mut first = usize::MAX;
    let mut weights: Vec<u16> = Vec::new();
    let scale = |inner: usize| 1.0 / (outer.len() as f64 * inner as f64);
    for middle in outer.clone() {
        let inner = window_at(n, w, middle);
        if inner.len() < w {
            runs.push(Run {
                sample,
                first: inner.start,
                weights: vec![1; inner.len()].into(),
                scale: scale(inner.len()),
            });
            continue;
        }
        first = first.min(inner.start);
        let (from, to) = (inner.start - first, inner.end - first);
        weights.resize(weights.len().max(to), 0);
        for weight in &mut weights[from..to] {
            *weight += 1;
        }
    }
    if !weights.is_empty() {
        runs.push(Run {
            sample,
            first,
            weights: weights.into(),
            scale: scale(w),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two box passes of the definition on the unit vector of each pixel, in f64.
    fn weights_by_definition(n: usize, k: usize) -> Vec<f64> {
        let w = window(n);
        let mut weights = vec![0.0; n];
        let outer = window_at(n, w, centre(n, k));
        for middle in outer.clone() {
            let inner = window_at(n, w, middle);
            for pixel in inner.clone() {
                weights[pixel] += 1.0 / (outer.len() as f64 * inner.len() as f64);
            }
        }
        weights
    }

    #[test]
    fn runs_add_up_to_two_box_passes() {
        for n in (5..700).chain([1000, 1023, 1024, 1025, 4000, 16_384, LONGEST]) {
            let runs = runs(n);
            for k in [0, 1, 31, 62, 63] {
                let mut weights = vec![0.0; n];
                for run in runs.iter().filter(|run| run.sample == k) {
                    assert!(run.weights.iter().all(|&weight| weight <= WEIGHT_LIMIT));
                    for (offset, &weight) in run.weights.iter().enumerate() {
                        weights[run.first + offset] += f64::from(weight) * run.scale;
                    }
                }
                let expected = weights_by_definition(n, k);
                let total: f64 = weights.iter().sum();
                assert!(
                    (total - 1.0).abs() < 1e-9,
                    "side {n} sample {k} sums to {total}"
                );
                for (pixel, (&got, &want)) in weights.iter().zip(&expected).enumerate() {
                    assert!(
                        (got - want).abs() < 1e-12,
                        "side {n} sample {k} pixel {pixel}"
                    );
                }
            }
        }
    }

    #[test]
    fn only_the_last_sample_of_an_even_window_meets_the_edge() {
        for n in 5..3000 {
            let samples: Vec<usize> = runs(n).iter().map(|run| run.sample).collect();
            let cut = window(n).is_multiple_of(2).then_some(SAMPLES - 1);
            let expected: Vec<usize> = (0..SAMPLES).chain(cut).collect();
            assert_eq!(samples, expected, "side {n}");
        }
    }

    #[test]
    fn samples_sit_where_the_reference_truncates() {
        for n in 1..5000 {
            for k in 0..SAMPLES {
                let reference = ((k as f64 + 0.5) * n as f64 / 64.0) as usize;
                assert_eq!(centre(n, k), reference, "side {n} sample {k}");
            }
        }
    }
}
