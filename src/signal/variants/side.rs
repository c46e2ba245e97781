//! One side of a patch as PDQ's frequencies see it: which part of it is taken for the original's
//! side, and what of the original is made up.
//!
//! Everything that works along each side by itself is one matrix for x and one for y: sampling by
//! tents where the reference would, a crop, the making up of what a crop took, and the DCT. A
//! variant of a patch is then a product of three matrices, and variants that share a side share
//! the first product.

use crate::signal::pdq::axis::{SAMPLES, centre, window};
use crate::signal::pdq::spectrum::{DCT, FREQUENCIES};
use crate::signal::variants::patch::CELLS;

/// How each cell along a side counts in each frequency.
pub(super) type Side = [[f32; FREQUENCIES]; CELLS];

/// A stretch of a side, in fractions of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// What is taken for the original's side: beyond 0 to 1 where some of it is missing.
    pub(super) original: [f32; 2],
    /// What is seen of it; the rest is a ramp from there towards the mean.
    pub(super) seen: [f32; 2],
}

impl Span {
    pub(super) const WHOLE: Self = Self {
        original: [0.0, 1.0],
        seen: [0.0, 1.0],
    };

    /// The side of what is left of an original that lacks so many thousandths at its ends.
    pub(super) fn uncrop(start: u16, end: u16) -> Self {
        let (start, end) = (f32::from(start) / 1000.0, f32::from(end) / 1000.0);
        let seen = (1.0 - start - end).max(0.1);
        Self {
            original: [-start / seen, 1.0 + end / seen],
            seen: [0.0, 1.0],
        }
    }

    /// A part of the side, taken for the whole.
    pub(super) const fn part(part: [f32; 2]) -> Self {
        Self {
            original: part,
            seen: part,
        }
    }

    /// The side of an original with bands at its ends, in thousandths, that are not looked at.
    pub(super) fn cover(start: u16, end: u16) -> Self {
        Self {
            original: [0.0, 1.0],
            seen: [f32::from(start) / 1000.0, 1.0 - f32::from(end) / 1000.0],
        }
    }
}

/// Over which share of what is seen the ramp reaches the mean.
pub(super) const RAMP: f32 = 0.25;
/// The same for another guess at what is missing, nearly the edge repeated. Bits in which the two
/// differ depend on a part of the picture that nobody saw.
pub(super) const OTHER_RAMP: f32 = 2.0;

/// Where the reference samples a side of so many pixels, in pixels from its start: the middles of
/// its 64 tents.
pub(super) fn centres(pixels: f32) -> [f32; SAMPLES] {
    let n = counted(pixels);
    let half = (window(n) + 2) / 2;
    let shift = (2 * half - window(n)) as f32 - 0.5;
    let shift = if n == SAMPLES { 0.5 } else { shift };
    std::array::from_fn(|k| (centre(n, k) as f32 + shift) * pixels / n as f32)
}

/// So many pixels as a side of the reference's may have.
fn counted(pixels: f32) -> usize {
    (pixels.round() as usize).clamp(5, 1 << 20)
}

/// The operator for a span of a side of so many pixels, read from its end where `mirrored`.
pub(super) fn side(span: Span, pixels: f32, mirrored: bool, ramp: f32) -> Box<Side> {
    let mut out: Box<Side> = Box::new([[0.0; FREQUENCIES]; CELLS]);
    let cells = CELLS as f32;
    let [from, to] = span.original;
    let length = (to - from).max(1e-3) * pixels;
    let to_cells = cells / pixels;
    let n = counted(length);
    // A cell is itself a mean over its width: the tents are narrower by that.
    let blur = window(n) as f32 * length / n as f32 * to_cells;
    let reach = (blur * blur - 0.5).max(0.25).sqrt();
    let [first, last] = span.seen.map(|end| end * cells);
    let ramp = ramp * (last - first);
    for (along, factors) in centres(length).into_iter().zip(&DCT.columns) {
        let along = along * to_cells;
        let at = if mirrored {
            to * cells - along
        } else {
            from * cells + along
        };
        let beyond = (first - at).max(at - last).max(0.0);
        let keep = (1.0 - beyond / ramp).max(0.0);
        if keep == 0.0 {
            continue;
        }
        let at = at.clamp(first, last);
        let (low, high) = ((at - reach).max(first), (at + reach).min(last));
        let total = up_to((high - at) / reach) - up_to((low - at) / reach);
        let start = (low.max(0.0) as usize).min(CELLS - 1);
        for (cell, sums) in (start..).zip(out.iter_mut().skip(start)) {
            if cell as f32 >= high && cell > start {
                break;
            }
            let (left, right) = ((cell as f32).max(low), (cell as f32 + 1.0).min(high));
            let part = up_to((right - at) / reach) - up_to((left - at) / reach);
            let share = keep * if total > 0.0 { part / total } else { 1.0 };
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum += share * factor;
            }
        }
    }
    out
}

/// How much of a tent from -1 to 1 lies below `x`, of 1.
fn up_to(x: f32) -> f32 {
    let x = x.clamp(-1.0, 1.0);
    if x < 0.0 {
        0.5 * (1.0 + x) * (1.0 + x)
    } else {
        1.0 - 0.5 * (1.0 - x) * (1.0 - x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_side_has_no_frequencies() {
        for span in [
            Span::WHOLE,
            Span {
                original: [0.2, 0.7],
                seen: [0.0, 1.0],
            },
        ] {
            for mirrored in [false, true] {
                let side = side(span, 777.0, mirrored, RAMP);
                for frequency in 0..FREQUENCIES {
                    let sum: f32 = side.iter().map(|cell| cell[frequency]).sum();
                    assert!(sum.abs() < 1e-3, "{span:?} {mirrored} {frequency}: {sum}");
                }
            }
        }
    }

    #[test]
    fn uncropping_reaches_as_far_beyond_as_was_cut() {
        let span = Span::uncrop(100, 100);
        assert!((span.original[0] + 0.125).abs() < 1e-6);
        assert!((span.original[1] - 1.125).abs() < 1e-6);
        assert_eq!(Span::uncrop(0, 0), Span::WHOLE);
        assert_eq!(Span::cover(150, 0).seen, [0.15, 1.0]);
    }
}
