//! Pillow's Lanczos resampling of 8-bit pixels, bit for bit.
//!
//! Along one axis: the window is 3 output pixels to either side, in input pixels at least 3; weights
//! are made in f64, normalised to a sum of 1 and rounded to fixed point with 22 bits; the sum is
//! rounded and clipped to 8 bits. One side first, then the other, with 8 bits in between: across
//! first, except that Pillow 13 began to go down first where that removes much more
//! ([`is_down_first`]; older versions differ there by a few bits of a hash). Source:
//! `src/libImaging/Resample.c` of <https://github.com/python-pillow/Pillow>, and for the order of
//! the sides what Pillow 13.0 does at a thousand pairs of sizes around the turning point.

/// Fractional bits of a weight: 32, less 8 of a pixel, less 2 for sign and overshoot.
const PRECISION: u32 = 32 - 8 - 2;

/// Lobes of the filter to either side.
const SUPPORT: f64 = 3.0;

/// The weights that take one axis from one length to another.
pub(super) struct Lanczos {
    /// Per output pixel: the first input pixel and the fixed-point weights from there.
    outputs: Vec<(usize, Vec<i32>)>,
}

impl Lanczos {
    /// From `from` pixels to `to`; both at least 1.
    pub(super) fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let filter_scale = scale.max(1.0);
        let support = SUPPORT * filter_scale;
        let output = |i: usize| {
            let centre = (i as f64 + 0.5) * scale;
            // A cast of a negative number gives 0, as the clamp in Pillow does.
            let first = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let weight = |x: usize| lanczos((x as f64 - centre + 0.5) * (1.0 / filter_scale));
            let weights: Vec<f64> = (first..end).map(weight).collect();
            let sum: f64 = weights.iter().sum();
            (
                first,
                weights
                    .iter()
                    .map(|weight| fixed_point(weight / sum))
                    .collect(),
            )
        };
        Self {
            outputs: (0..to).map(output).collect(),
        }
    }

    /// Appends one resampled row to `out`.
    pub(super) fn append_row(&self, row: &[u8], out: &mut Vec<u8>) {
        for (first, weights) in &self.outputs {
            let products = row[*first..].iter().zip(weights);
            // The magnitudes of all weights add up to less than 2: nothing reaches 2³¹.
            let sum = products.fold(1 << (PRECISION - 1), |sum: i32, (&pixel, &weight)| {
                sum.wrapping_add(i32::from(pixel).wrapping_mul(weight))
            });
            out.push(clip(sum));
        }
    }

    /// Resizes a picture of `width` columns along its height.
    pub(super) fn resize_columns(&self, picture: &[u8], width: usize) -> Vec<u8> {
        let mut sums = vec![0; self.outputs.len() * width];
        for (y, row) in picture.chunks_exact(width).enumerate() {
            self.add_row(y, row, &mut sums);
        }
        rounded(&sums)
    }

    /// Adds row `y` of a picture, times its weights, to the sums of the output rows, which
    /// [`rounded`] turns into pixels once all rows have been added.
    pub(super) fn add_row(&self, y: usize, row: &[u8], sums: &mut [i32]) {
        for ((first, weights), sums) in self.outputs.iter().zip(sums.chunks_exact_mut(row.len())) {
            let weight = y.checked_sub(*first).and_then(|offset| weights.get(offset));
            let Some(&weight) = weight else {
                continue;
            };
            for (sum, &pixel) in sums.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i32::from(pixel).wrapping_mul(weight));
            }
        }
    }
}

/// Whether Pillow 13 resizes along the height first.
pub(super) fn is_down_first(from: (usize, usize), to: (usize, usize)) -> bool {
    let lowered_by = from.1.saturating_sub(to.1);
    // Against twice what the width loses; a width that grows loses nothing.
    lowered_by > from.0.saturating_sub(to.0).saturating_mul(2)
}

/// Sums of pixels times fixed-point weights, as pixels.
pub(super) fn rounded(sums: &[i32]) -> Vec<u8> {
    let half = 1 << (PRECISION - 1);
    sums.iter()
        .map(|&sum| clip(sum.wrapping_add(half)))
        .collect()
}

fn lanczos(x: f64) -> f64 {
    if (-SUPPORT..SUPPORT).contains(&x) {
        sinc(x) * sinc(x / SUPPORT)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// Rounded to fixed point, halves away from zero.
fn fixed_point(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * f64::from(1 << PRECISION)) as i32
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_stay_in_the_picture_and_sum_to_one() {
        for from in (1..200).chain([511, 4000, 16_384]) {
            for to in [8, 9, 32] {
                for (first, weights) in &Lanczos::new(from, to).outputs {
                    assert!(!weights.is_empty() && first + weights.len() <= from);
                    let sum: i64 = weights.iter().map(|&weight| i64::from(weight)).sum();
                    let off = (sum - (1 << PRECISION)).unsigned_abs() as usize;
                    assert!(off <= weights.len(), "{from} to {to} is off by {off}");
                    let magnitude: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
                    assert!(magnitude < 2 << PRECISION, "{from} to {to}");
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_sides_turns_where_pillow_13_turns() {
        // Found by resizing random pictures with it.
        for (from, to, expected) in [
            ((16, 24), (8, 8), false),
            ((16, 25), (8, 8), true),
            ((16, 23), (9, 8), true),
            ((16, 22), (9, 8), false),
            ((40, 49), (32, 32), true),
            ((40, 48), (32, 32), false),
            ((4, 8), (8, 8), false),
            ((4, 9), (8, 8), true),
            ((4, 20), (32, 32), false),
            ((511, 37), (8, 8), false),
        ] {
            assert_eq!(is_down_first(from, to), expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn the_same_length_changes_nothing() {
        let row: Vec<u8> = (0..32).map(|i| (i * 83 % 256) as u8).collect();
        let mut out = Vec::new();
        Lanczos::new(32, 32).append_row(&row, &mut out);
        assert_eq!(out, row);
    }

    #[test]
    fn overshoot_is_clipped() {
        let row: Vec<u8> = [0; 20].into_iter().chain([255; 20]).collect();
        let mut out = Vec::new();
        Lanczos::new(40, 9).append_row(&row, &mut out);
        assert_eq!((out[0], out[8]), (0, 255));
        let mut tall = Vec::new();
        for &pixel in &row {
            tall.extend([pixel, 255 - pixel]);
        }
        let columns = Lanczos::new(40, 9).resize_columns(&tall, 2);
        let left: Vec<u8> = columns.iter().step_by(2).copied().collect();
        assert_eq!(left, out);
    }
}
