//! The three 64-bit hashes of Python's imagehash, equal to its hex for the same pixels.
//!
//! ```text
//! grey  = Pillow's convert("L")
//! ahash = grey at 8×8:   pixel > mean
//! dhash = grey at 9×8:   pixel > the one to its left
//! phash = grey at 32×32: DCT-II along both axes, lowest 8×8 coefficients > their median
//! ```
//! Resizing is Pillow's Lanczos (`resample.rs`). Bits go row by row, the first one most significant.
//! Sources: `average_hash`, `dhash` and `phash` of <https://github.com/JohannesBuchner/imagehash>
//! 4.3.2 and Pillow 13.0.
//!
//! `ahash` and `dhash` are whole-number arithmetic and equal for every picture. `phash` compares
//! f64 sums whose last bits depend on the order of additions in SciPy's FFT: where a coefficient is
//! the median in exact arithmetic (a flat picture, one that is its own mirror image), its bit is
//! rounding noise there and here, and may differ.
//!
//! The picture is read once, row by row. Beside it this needs one row of grey, the halfway picture
//! (at most 49 bytes for each row or 192 for each column) and the weights: memory in proportion to
//! the sides.

mod resample;

use crate::hash::{Hash64, SignalType};
use crate::signal::{ShapeError, shape};
use resample::Lanczos;
use std::sync::LazyLock;

/// Bits along each side of a hash.
const SIDE: usize = 8;
/// Pixels along each side that the DCT of `phash` takes.
const DCT_SIDE: usize = 32;

/// The hashes of `width * height` RGB8 pixels, row by row without padding, that are wanted, in that
/// order; types other than `ahash`, `dhash` and `phash` are passed over.
///
/// ```
/// use hashgate::hash::SignalType;
/// use hashgate::signal::imagehash;
/// // Dark on the left, bright on the right.
/// let picture: Vec<u8> = (0..16 * 16).flat_map(|i| [(i % 16 * 16) as u8; 3]).collect();
/// let hashes = imagehash(16, 16, &picture, &[SignalType::Ahash])?;
/// assert_eq!(hashes[0].1.to_string(), "0f0f0f0f0f0f0f0f");
/// # Ok::<(), hashgate::signal::ShapeError>(())
/// ```
///
/// # Errors
/// [`ShapeError::Length`] where `rgb` has not exactly `3 * width * height` bytes, and
/// [`ShapeError::Empty`] where that is none.
pub fn imagehash(
    width: usize,
    height: usize,
    rgb: &[u8],
    wanted: &[SignalType],
) -> Result<Vec<(SignalType, Hash64)>, ShapeError> {
    shape::check_not_empty(width, height, 3, rgb.len())?;
    let mut sketches = Vec::new();
    for &kind in wanted {
        let (columns, rows) = match kind {
            SignalType::Ahash => (SIDE, SIDE),
            SignalType::Dhash => (SIDE + 1, SIDE),
            SignalType::Phash => (DCT_SIDE, DCT_SIDE),
            _ => continue,
        };
        sketches.push(Sketch {
            kind,
            across: Lanczos::new(width, columns),
            down: Lanczos::new(height, rows),
            columns,
            half: if resample::is_down_first((width, height), (columns, rows)) {
                Half::Lowered(vec![0; width * rows])
            } else {
                Half::Narrowed(Vec::with_capacity(columns * height))
            },
        });
    }
    if sketches.is_empty() {
        return Ok(Vec::new());
    }
    let mut grey = vec![0u8; width];
    for (y, row) in rgb.chunks_exact(3 * width).enumerate() {
        for (grey, &[r, g, b]) in grey.iter_mut().zip(row.as_chunks::<3>().0) {
            *grey = pillow_luma(r, g, b);
        }
        for sketch in &mut sketches {
            match &mut sketch.half {
                Half::Narrowed(picture) => sketch.across.append_row(&grey, picture),
                Half::Lowered(sums) => sketch.down.add_row(y, &grey, sums),
            }
        }
    }
    Ok(sketches
        .iter()
        .map(|sketch| (sketch.kind, sketch.hash(width)))
        .collect())
}

/// Pillow's `convert("L")`: ITU-R 601 luma in 16-bit fixed point, rounded.
fn pillow_luma(r: u8, g: u8, b: u8) -> u8 {
    let sum = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b);
    ((sum + 0x8000) >> 16) as u8
}

/// A picture resized along one side.
enum Half {
    /// As wide as wanted and still of full height.
    Narrowed(Vec<u8>),
    /// Of the height that is wanted and still of full width, in fixed-point sums.
    Lowered(Vec<i32>),
}

/// One kind of hash in the making.
struct Sketch {
    kind: SignalType,
    across: Lanczos,
    down: Lanczos,
    columns: usize,
    half: Half,
}

impl Sketch {
    fn hash(&self, width: usize) -> Hash64 {
        let small = match &self.half {
            Half::Narrowed(picture) => self.down.resize_columns(picture, self.columns),
            Half::Lowered(sums) => {
                let mut small = Vec::new();
                for sums in sums.chunks_exact(width) {
                    self.across.append_row(&resample::rounded(sums), &mut small);
                }
                small
            }
        };
        match self.kind {
            SignalType::Dhash => dhash(&small),
            SignalType::Phash => phash(&small),
            _ => ahash(&small),
        }
    }
}

/// Bits in their order, the first most significant.
fn pack(bits: impl Iterator<Item = bool>) -> Hash64 {
    Hash64(bits.fold(0, |hash, bit| hash << 1 | u64::from(bit)))
}

fn ahash(small: &[u8]) -> Hash64 {
    let sum: u64 = small.iter().map(|&pixel| u64::from(pixel)).sum();
    let count = small.len() as u64;
    pack(small.iter().map(|&pixel| u64::from(pixel) * count > sum))
}

fn dhash(small: &[u8]) -> Hash64 {
    let rows = small.chunks_exact(SIDE + 1);
    pack(rows.flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0])))
}

fn phash(small: &[u8]) -> Hash64 {
    let low = lowest_frequencies(small);
    let mut sorted = low;
    sorted.sort_by(f64::total_cmp);
    // An even number of values: NumPy's median is the mean of the two in the middle.
    let median = (sorted[SIDE * SIDE / 2 - 1] + sorted[SIDE * SIDE / 2]) / 2.0;
    pack(low.iter().map(|&value| value > median))
}

/// `cos(π k (2n + 1) / 64)` for frequencies `k` and positions `n`.
static COSINES: LazyLock<[[f64; DCT_SIDE]; SIDE]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        std::array::from_fn(|n| {
            let turns = (k * (2 * n + 1)) as f64 / (2 * DCT_SIDE) as f64;
            (std::f64::consts::PI * turns).cos()
        })
    })
});

/// The 8×8 lowest coefficients of the unnormalised DCT-II of 32×32 pixels.
fn lowest_frequencies(small: &[u8]) -> [f64; SIDE * SIDE] {
    let mut down = [[0.0; DCT_SIDE]; SIDE];
    for (cosines, out) in COSINES.iter().zip(&mut down) {
        for (row, &cosine) in small.chunks_exact(DCT_SIDE).zip(cosines) {
            for (sum, &pixel) in out.iter_mut().zip(row) {
                *sum += 2.0 * cosine * f64::from(pixel);
            }
        }
    }
    let mut low = [0.0; SIDE * SIDE];
    for (row, out) in down.iter().zip(low.chunks_exact_mut(SIDE)) {
        for (cosines, out) in COSINES.iter().zip(out) {
            let products = row
                .iter()
                .zip(cosines)
                .map(|(&value, &cosine)| value * cosine);
            *out = 2.0 * products.sum::<f64>();
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignalType::{Ahash, Dhash, Md5, Phash};

    #[test]
    fn order_is_kept_and_other_types_are_passed_over() {
        let rgb: Vec<u8> = (0..40 * 30 * 3).map(|i| (i * i / 7) as u8).collect();
        let all = imagehash(40, 30, &rgb, &[Phash, Md5, Ahash, Dhash]).unwrap();
        let kinds: Vec<SignalType> = all.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, [Phash, Ahash, Dhash]);
        for &(kind, hash) in &all {
            assert_eq!(imagehash(40, 30, &rgb, &[kind]), Ok(vec![(kind, hash)]));
        }
        assert_eq!(imagehash(40, 30, &rgb, &[Md5]), Ok(vec![]));
    }

    #[test]
    fn every_small_shape_has_a_hash() {
        for width in 1..20 {
            for height in 1..20 {
                let rgb = vec![77; 3 * width * height];
                let hashes = imagehash(width, height, &rgb, &[Ahash, Dhash, Phash]).unwrap();
                assert_eq!(hashes[0], (Ahash, Hash64(0)), "{width}x{height}: flat");
                assert_eq!(hashes[1], (Dhash, Hash64(0)), "{width}x{height}: flat");
            }
        }
        assert!(imagehash(1, 5000, &[9; 15_000], &[Phash]).is_ok());
        assert!(imagehash(5000, 1, &[9; 15_000], &[Phash]).is_ok());
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let short = imagehash(4, 4, &[0; 47], &[Ahash]);
        assert!(matches!(
            short,
            Err(ShapeError::Length {
                expected: 48,
                got: 47,
                ..
            })
        ));
        let empty = imagehash(7, 0, &[], &[Ahash]);
        assert_eq!(
            empty,
            Err(ShapeError::Empty {
                width: 7,
                height: 0
            })
        );
        let huge = imagehash(usize::MAX, 2, &[0; 6], &[Ahash]);
        assert!(matches!(huge, Err(ShapeError::Length { .. })));
    }

    #[test]
    fn grey_is_its_own_luma() {
        for value in 0..=255 {
            assert_eq!(pillow_luma(value, value, value), value);
        }
    }
}
