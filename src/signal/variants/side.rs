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
use std::ops::Range;

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
pub(super) const RAMP: f32 = crate::rules::values::RAMP_FIRST;
/// The same for another guess at what is missing, nearly the edge repeated. Bits in which the two
/// differ depend on a part of the picture that nobody saw.
pub(super) const OTHER_RAMP: f32 = crate::rules::values::RAMP_OTHER;

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

/// Which part of a side is read, and how.
#[derive(Debug, Clone)]
pub(super) struct Along {
    /// The middle of each sample's tent, in cells.
    centres: [f32; SAMPLES],
    /// The first and the last cell that are seen.
    seen: [f32; 2],
    /// Half a tent's width, in cells.
    reach: f32,
    /// Within how many cells beyond what is seen values fall to the mean.
    ramp: f32,
}

impl Along {
    /// A span of a side of so many pixels, read from its end where `mirrored`.
    pub(super) fn new(span: Span, pixels: f32, mirrored: bool, ramp: f32) -> Self {
        let cells = CELLS as f32;
        let [from, to] = span.original;
        let length = (to - from).max(1e-3) * pixels;
        let to_cells = cells / pixels;
        let n = counted(length);
        // A cell is itself a mean over its width: the tents are narrower by that.
        let blur = window(n) as f32 * length / n as f32 * to_cells;
        let [first, last] = span.seen.map(|end| end * cells);
        Self {
            centres: centres(length).map(|along| {
                let along = along * to_cells;
                if mirrored {
                    to * cells - along
                } else {
                    from * cells + along
                }
            }),
            seen: [first, last],
            reach: (blur * blur - 0.5).max(0.25).sqrt(),
            ramp: ramp * (last - first),
        }
    }
}

impl Along {
    /// The cells that count at all.
    pub(super) fn cells(&self) -> Range<usize> {
        let [first, last] = self.seen;
        (first.max(0.0) as usize).min(CELLS)..(last.ceil() as usize).min(CELLS)
    }

    /// Where another ramp changes how cells count: those within reach of the edges.
    pub(super) fn edges(&self) -> [Range<usize>; 2] {
        let Range { start, end } = self.cells();
        let reach = self.reach.ceil() as usize + 1;
        let (left, right) = (start.saturating_add(reach), end.saturating_sub(reach));
        [start..left.min(end), right.max(left).min(end)..end]
    }
}

/// The operator for what [`Along`] says.
#[inline(always)]
pub(super) fn fill(along: &Along, out: &mut Side) {
    out.as_flattened_mut().fill(0.0);
    let Along {
        centres,
        seen: [first, last],
        reach,
        ramp,
    } = *along;
    for (at, factors) in centres.into_iter().zip(&DCT.columns) {
        let beyond = (first - at).max(at - last).max(0.0);
        let keep = (1.0 - beyond / ramp).max(0.0);
        if keep == 0.0 {
            continue;
        }
        let at = at.clamp(first, last);
        let (low, high) = ((at - reach).max(first), (at + reach).min(last));
        let below = up_to((low - at) / reach);
        let total = up_to((high - at) / reach) - below;
        let start = (low.max(0.0) as usize).min(CELLS - 1);
        // How much of the tent lies below the left edge of a cell.
        let mut left = below;
        for (cell, sums) in (start..).zip(out.iter_mut().skip(start)) {
            if cell as f32 >= high && cell > start {
                break;
            }
            let right = up_to(((cell as f32 + 1.0).min(high) - at) / reach);
            let share = keep
                * if total > 0.0 {
                    (right - left) / total
                } else {
                    1.0
                };
            left = right;
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum += share * factor;
            }
        }
    }
}

/// How much of a tent from -1 to 1 lies below `x`, of 1.
#[inline(always)]
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
                let mut side: Side = [[0.0; FREQUENCIES]; CELLS];
                fill(&Along::new(span, 777.0, mirrored, RAMP), &mut side);
                for frequency in 0..FREQUENCIES {
                    let sum: f32 = side.iter().map(|cell| cell[frequency]).sum();
                    assert!(sum.abs() < 1e-3, "{span:?} {mirrored} {frequency}: {sum}");
                }
            }
        }
    }

    #[test]
    fn another_ramp_changes_only_cells_at_the_edges() {
        for (span, pixels) in [
            (Span::uncrop(100, 30), 500.0),
            (Span::uncrop(0, 200), 70.0),
            (Span::cover(150, 250), 1200.0),
            (Span::part([0.3, 0.8]), 900.0),
        ] {
            for mirrored in [false, true] {
                let along = [RAMP, OTHER_RAMP].map(|ramp| Along::new(span, pixels, mirrored, ramp));
                let [one, other] = along.each_ref().map(|along| {
                    let mut side: Side = [[0.0; FREQUENCIES]; CELLS];
                    fill(along, &mut side);
                    side
                });
                let [left, right] = along[0].edges();
                for (cell, (one, other)) in one.iter().zip(&other).enumerate() {
                    let is_edge = left.contains(&cell) || right.contains(&cell);
                    assert!(is_edge || one == other, "{span:?} {mirrored} {cell}");
                    let counts = one.iter().any(|value| *value != 0.0);
                    assert!(
                        !counts || along[0].cells().contains(&cell),
                        "{span:?} {cell}"
                    );
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
