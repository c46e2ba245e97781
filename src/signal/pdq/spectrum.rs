//! From 64×64 samples to bits: the DCT, the median, the hash and its seven turned forms.
//!
//! Everything here follows the reference's order of f32 operations exactly, so equal samples give
//! equal spectra. Source: `pdq/cpp/hashing/pdqhashing.cpp` of
//! <https://github.com/facebook/ThreatExchange>.

use crate::hash::{PdqHash, Transform};
use crate::signal::pdq::axis::SAMPLES;
use std::sync::LazyLock;

/// Frequencies kept along each side: 1–16 of 0–63.
pub(in crate::signal) const FREQUENCIES: usize = 16;

/// The picture, blurred and sampled: rows of luma, 0–255.
pub(in crate::signal) type Samples = [[f32; SAMPLES]; SAMPLES];

/// DCT coefficients: row is vertical frequency - 1, column is horizontal frequency - 1.
pub(in crate::signal) type Spectrum = [[f32; FREQUENCIES]; FREQUENCIES];

/// The DCT matrix as the reference makes it, and its transpose for the second pass.
pub(in crate::signal) struct Dct {
    pub(in crate::signal) rows: [[f32; SAMPLES]; FREQUENCIES],
    pub(in crate::signal) columns: [[f32; FREQUENCIES]; SAMPLES],
}

pub(in crate::signal) static DCT: LazyLock<Dct> = LazyLock::new(|| {
    // The scale is rounded to f32 first, the product to f32 last, as in the reference.
    let scale = f64::from((2.0 / SAMPLES as f64).sqrt() as f32);
    let step = std::f64::consts::PI / 2.0 / SAMPLES as f64;
    let mut rows = [[0.0; SAMPLES]; FREQUENCIES];
    let mut columns = [[0.0; FREQUENCIES]; SAMPLES];
    for (i, row) in rows.iter_mut().enumerate() {
        for (j, value) in row.iter_mut().enumerate() {
            let angle = step * (i + 1) as f64 * (2 * j + 1) as f64;
            *value = (scale * angle.cos()) as f32;
            columns[j][i] = *value;
        }
    }
    Dct { rows, columns }
});

/// How the signs of a spectrum change where the picture is turned or mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::signal) enum Signs {
    Kept,
    /// Even rows change sign.
    EvenRows,
    /// Even columns change sign.
    EvenColumns,
    /// Values at an odd sum of row and column change sign.
    Odd,
}

impl Signs {
    /// Every real change; two of the eight transforms share each, as two share none.
    pub(super) const TURNED: [Self; 3] = [Self::EvenRows, Self::EvenColumns, Self::Odd];

    fn flips(self, row: usize, column: usize) -> bool {
        match self {
            Self::Kept => false,
            Self::EvenRows => row.is_multiple_of(2),
            Self::EvenColumns => column.is_multiple_of(2),
            Self::Odd => !(row + column).is_multiple_of(2),
        }
    }

    /// The spectrum with these signs, in the same order.
    pub(in crate::signal) fn apply(self, spectrum: &Spectrum) -> Spectrum {
        let mut turned = *spectrum;
        for (i, row) in turned.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                if self.flips(i, j) {
                    *value = -*value;
                }
            }
        }
        turned
    }
}

/// The eight transforms in the reference's order: signs first, then whether rows become columns.
const DIHEDRAL: [(Transform, Signs, bool); 8] = [
    (Transform::Original, Signs::Kept, false),
    (Transform::Rotate90, Signs::EvenColumns, true),
    (Transform::Rotate180, Signs::Odd, false),
    (Transform::Rotate270, Signs::EvenRows, true),
    (Transform::FlipX, Signs::EvenRows, false),
    (Transform::FlipY, Signs::EvenColumns, false),
    (Transform::FlipPlus1, Signs::Kept, true),
    (Transform::FlipMinus1, Signs::Odd, true),
];

/// The 128th smallest of the 256 values: the reference's (lower) median.
pub(in crate::signal) fn median(spectrum: &Spectrum) -> f32 {
    let mut values = *spectrum;
    let values = values.as_flattened_mut();
    *values.select_nth_unstable_by(127, f32::total_cmp).1
}

/// By how much the 129th smallest value is above the 128th; 0 where they are equal.
pub(super) fn median_gap(spectrum: &Spectrum) -> f32 {
    let mut values = *spectrum;
    let values = values.as_flattened_mut();
    let (_, median, above) = values.select_nth_unstable_by(127, f32::total_cmp);
    let next = above.iter().copied().fold(f32::INFINITY, f32::min);
    next - *median
}

/// How many values lie within `tolerance` of the median, in that of the eight forms which has most.
pub(super) fn most_near_median(spectrum: &Spectrum, tolerance: f32) -> usize {
    let near = |spectrum: &Spectrum| {
        let median = median(spectrum);
        let values = spectrum.as_flattened().iter();
        values
            .filter(|&value| (value - median).abs() <= tolerance)
            .count()
    };
    let turned = Signs::TURNED
        .iter()
        .map(|signs| near(&signs.apply(spectrum)));
    turned.fold(near(spectrum), usize::max)
}

/// Bit `16 * row + column` is set where the value is above the median.
fn bits_above(spectrum: &Spectrum, median: f32, transposed: bool) -> PdqHash {
    let mut hash = PdqHash::ZERO;
    for (i, row) in spectrum.iter().enumerate() {
        for (j, &value) in row.iter().enumerate() {
            if value > median {
                hash.set_bit(if transposed {
                    FREQUENCIES * j + i
                } else {
                    FREQUENCIES * i + j
                });
            }
        }
    }
    hash
}

/// The hash of a spectrum.
pub(in crate::signal) fn hash(spectrum: &Spectrum) -> PdqHash {
    bits_above(spectrum, median(spectrum), false)
}

/// The hashes of all eight forms, in the reference's order.
pub(super) fn dihedral(spectrum: &Spectrum) -> [(Transform, PdqHash); 8] {
    DIHEDRAL.map(|(transform, signs, transposed)| {
        let turned = signs.apply(spectrum);
        (transform, bits_above(&turned, median(&turned), transposed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_gap_are_those_of_the_sorted_values() {
        let mut spectrum: Spectrum =
            std::array::from_fn(|i| std::array::from_fn(|j| ((i * 16 + j) * 97 % 256) as f32));
        assert_eq!(median(&spectrum), 127.0);
        assert_eq!(median_gap(&spectrum), 1.0);
        for value in spectrum.as_flattened_mut() {
            *value = value.min(127.0);
        }
        assert_eq!((median(&spectrum), median_gap(&spectrum)), (127.0, 0.0));
        assert_eq!(
            hash(&spectrum),
            PdqHash::ZERO,
            "nothing is above the median"
        );
    }

    #[test]
    fn turning_twice_by_180_degrees_changes_nothing() {
        let spectrum: Spectrum =
            std::array::from_fn(|i| std::array::from_fn(|j| (i as f32 - 7.3) * (j as f32 - 2.1)));
        for signs in Signs::TURNED {
            assert_eq!(signs.apply(&signs.apply(&spectrum)), spectrum);
        }
    }
}
