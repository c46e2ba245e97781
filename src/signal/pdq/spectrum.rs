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
///
/// It is looked for bit by bit: the greatest number that at most 127 values are below. That is a count over
/// all values for each bit, which vectors do well, and no value is moved. The upper half of the bits is
/// looked for first, in numbers half as long. Few values share those of the median, mostly it alone.
#[inline(always)]
pub(in crate::signal) fn median(spectrum: &Spectrum) -> f32 {
    /// More values than these are not sorted.
    const FEW: usize = 16;
    // Whole numbers in the order of `f32::total_cmp`.
    let mut keys = [0i32; FREQUENCIES * FREQUENCIES];
    let mut upper = [0i16; FREQUENCIES * FREQUENCIES];
    for ((key, upper), value) in keys.iter_mut().zip(&mut upper).zip(spectrum.as_flattened()) {
        *key = in_order(value.to_bits() as i32);
        *upper = (*key >> 16) as i16;
    }
    let mut high = i16::MIN;
    let mut before = 0;
    for bit in (0..u16::BITS).rev() {
        // The greatest bit is the sign: it is added by taking it away.
        let next = high ^ 1 << bit;
        // At most 256: no sum wraps.
        let below = upper
            .iter()
            .fold(0u16, |sum, &key| sum.wrapping_add(u16::from(key < next)));
        if u32::from(below) <= MEDIAN_PLACE {
            high = next;
            before = below;
        }
    }
    // Those that begin as the median does.
    let mut alike = [i32::MAX; FEW];
    let mut count = 0;
    for (keys, upper) in keys
        .as_chunks::<16>()
        .0
        .iter()
        .zip(upper.as_chunks::<16>().0)
    {
        let any = upper.iter().fold(false, |any, &key| any | (key == high));
        if any {
            for (&key, &upper) in keys.iter().zip(upper) {
                if upper == high {
                    if let Some(place) = alike.get_mut(count) {
                        *place = key;
                    }
                    count += 1;
                }
            }
        }
    }
    if count <= FEW {
        alike.sort_unstable();
        let place = MEDIAN_PLACE.wrapping_sub(u32::from(before)) as usize;
        if let Some(&median) = alike.get(place) {
            return f32::from_bits(in_order(median) as u32);
        }
    }
    let mut median = i32::from(high) << 16;
    for bit in (0..16).rev() {
        let next = median ^ 1 << bit;
        let below = keys
            .iter()
            .fold(0u32, |sum, &key| sum.wrapping_add(u32::from(key < next)));
        if below <= MEDIAN_PLACE {
            median = next;
        }
    }
    f32::from_bits(in_order(median) as u32)
}

/// The bits of a float as a number whose order is that of `f32::total_cmp`, and back.
#[inline(always)]
const fn in_order(bits: i32) -> i32 {
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

/// How many values are before the median, once they are sorted.
const MEDIAN_PLACE: u32 = 127;

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

/// The values with rows for columns.
#[inline(always)]
pub(in crate::signal) fn transposed(spectrum: &Spectrum) -> Spectrum {
    std::array::from_fn(|i| std::array::from_fn(|j| spectrum[j][i]))
}

/// Bit `16 * row + column` is set where the value is above the median.
#[inline(always)]
pub(in crate::signal) fn bits_above(spectrum: &Spectrum, median: f32) -> PdqHash {
    let mut hash = PdqHash::ZERO;
    // The last byte has the first eight bits, its lowest the first.
    let bytes = spectrum.as_flattened().as_chunks::<8>().0;
    for (byte, values) in hash.0.iter_mut().rev().zip(bytes) {
        let [a, b, c, d, e, f, g, h] = values.map(|value| u8::from(value > median));
        *byte = a | b << 1 | c << 2 | d << 3 | e << 4 | f << 5 | g << 6 | h << 7;
    }
    hash
}

/// The hash of a spectrum.
pub(in crate::signal) fn hash(spectrum: &Spectrum) -> PdqHash {
    bits_above(spectrum, median(spectrum))
}

/// The hashes of all eight forms, in the reference's order.
pub(super) fn dihedral(spectrum: &Spectrum) -> [(Transform, PdqHash); 8] {
    DIHEDRAL.map(|(transform, signs, is_transposed)| {
        let mut turned = signs.apply(spectrum);
        let median = median(&turned);
        if is_transposed {
            turned = transposed(&turned);
        }
        (transform, bits_above(&turned, median))
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

    /// As sorting finds it, whatever the values are.
    #[test]
    fn the_median_is_the_128th_in_order() {
        let mut state = 1u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        for round in 0..200 {
            let values: Spectrum = std::array::from_fn(|_| {
                std::array::from_fn(|_| match round % 4 {
                    // Every pattern of bits there is, numbers or not.
                    0 => f32::from_bits(draw()),
                    1 => (draw() >> 8) as f32 - 8_000_000.0,
                    2 => [-0.0, 0.0, 1.0, -1.0][(draw() >> 30) as usize],
                    _ => (draw() % 5) as f32 - 2.0,
                })
            });
            let mut sorted: Vec<f32> = values.as_flattened().to_vec();
            sorted.sort_by(f32::total_cmp);
            assert_eq!(
                median(&values).to_bits(),
                sorted[127].to_bits(),
                "round {round}"
            );
        }
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
