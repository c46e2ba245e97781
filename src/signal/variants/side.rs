//! One side of a patch as PDQ samples it: which part of it is taken for the original's side, and what
//! of the original is made up.
//!
//! Everything that works along each side by itself is one list of tents for x and one for y: where each
//! of PDQ's samples lies, which cells it reads, and how much of it is made up. A variant of a patch is
//! then those samples, and their DCT. Variants that share a side along x share all that is done along it.

use crate::signal::pdq::axis::{SAMPLES, centre, window};
use crate::signal::pdq::spectrum::{DCT, FREQUENCIES};
use crate::signal::variants::patch::CELLS;

/// What each of PDQ's samples along a side reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Tents {
    /// Of each sample the first cell, and where its weights begin and end.
    samples: Vec<(usize, usize, usize)>,
    /// How much each cell counts from there on.
    weights: Vec<f32>,
}

impl Tents {
    /// For each sample in turn the first cell that it reads, and what each from there on counts. Nothing
    /// is read for a sample that is nothing but made up.
    #[inline(always)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let samples = self.samples.iter();
        samples
            .map(|&(first, begin, end)| (first, self.weights.get(begin..end).unwrap_or_default()))
    }

    fn forget(&mut self) {
        self.samples.clear();
        self.weights.clear();
    }
}

/// What lies beyond one end of what is seen: the samples there all read the cells at that end, and
/// another guess at what is missing changes only how much they count.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Beyond {
    /// The first cell that they read.
    pub(super) first: usize,
    /// What each cell from there on counts, together 1.
    pub(super) weights: Vec<f32>,
    /// How much more these cells count in each frequency with the other guess.
    pub(super) more: [f32; FREQUENCIES],
}

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
    /// How much of a sample at this place is seen, not made up: 1 within what is seen, and less and
    /// less beyond it.
    fn kept(&self, at: f32, ramp: f32) -> f32 {
        let [first, last] = self.seen;
        let beyond = (first - at).max(at - last).max(0.0);
        (1.0 - beyond / ramp).max(0.0)
    }

    /// Adds the weights of the tent at a place to the list, each times `keep`. Returns the first cell.
    #[inline(always)]
    fn tent(&self, at: f32, keep: f32, weights: &mut Vec<f32>) -> usize {
        /// Cells that are weighed at a time; most tents reach no farther.
        const CELLS_AT_ONCE: usize = 8;
        let ([first, last], reach) = (self.seen, self.reach);
        let at = at.clamp(first, last);
        let (low, high) = ((at - reach).max(first), (at + reach).min(last));
        let below = up_to((low - at) / reach);
        let total = up_to((high - at) / reach) - below;
        let start = (low.max(0.0) as usize).min(CELLS - 1);
        let end = (high.max(0.0).ceil() as usize).clamp(start + 1, CELLS);
        if total <= 0.0 {
            weights.push(keep);
            return start;
        }
        let (slope, scale) = (1.0 / reach, keep / total);
        // How much of the tent lies below the left edge of a cell.
        let mut left = below;
        for cell in (start..end).step_by(CELLS_AT_ONCE) {
            let mut edges = [0.0; CELLS_AT_ONCE];
            for (edge, number) in edges.iter_mut().zip(1u8..) {
                let right = cell as f32 + f32::from(number);
                let right = if right < high { right } else { high };
                *edge = up_to((right - at) * slope);
            }
            let mut shares = edges;
            for (share, before) in shares.iter_mut().zip([left].iter().chain(&edges)) {
                *share = scale * (*share - before);
            }
            let count = (end - cell).min(CELLS_AT_ONCE);
            weights.extend_from_slice(shares.get(..count).unwrap_or_default());
            left = edges[CELLS_AT_ONCE - 1];
        }
        start
    }

    /// The tents of all samples.
    #[inline(always)]
    pub(super) fn tents(&self, out: &mut Tents) {
        out.forget();
        for &at in &self.centres {
            let begin = out.weights.len();
            let keep = self.kept(at, self.ramp);
            let first = if keep > 0.0 {
                self.tent(at, keep, &mut out.weights)
            } else {
                0
            };
            out.samples.push((first, begin, out.weights.len()));
        }
    }

    /// What another ramp changes at either end of what is seen.
    pub(super) fn beyond(&self, other_ramp: f32) -> [Beyond; 2] {
        let [first, last] = self.seen;
        let ramp = other_ramp * (last - first);
        [first, last].map(|end| {
            let mut weights = Vec::with_capacity(8);
            let cell = self.tent(end, 1.0, &mut weights);
            let mut more = [0.0; FREQUENCIES];
            for (&at, factors) in self.centres.iter().zip(&DCT.columns) {
                let is_beyond = if end == first { at < first } else { at > last };
                if is_beyond {
                    let change = self.kept(at, ramp) - self.kept(at, self.ramp);
                    for (more, factor) in more.iter_mut().zip(factors) {
                        *more += change * factor;
                    }
                }
            }
            Beyond {
                first: cell,
                weights,
                more,
            }
        })
    }
}

/// How much of a tent from -1 to 1 lies below `x`, of 1.
#[inline(always)]
fn up_to(x: f32) -> f32 {
    let x = if x < 1.0 { x } else { 1.0 };
    let x = if x > -1.0 { x } else { -1.0 };
    0.5 + x - 0.5 * x * x.abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_of_what_is_seen_is_a_mean_of_cells() {
        for span in [
            Span::WHOLE,
            Span::part([0.2, 0.7]),
            Span {
                original: [0.2, 0.7],
                seen: [0.0, 1.0],
            },
        ] {
            for mirrored in [false, true] {
                let mut tents = Tents::default();
                Along::new(span, 777.0, mirrored, RAMP).tents(&mut tents);
                assert_eq!(tents.iter().count(), SAMPLES);
                for (sample, (first, weights)) in tents.iter().enumerate() {
                    let sum: f32 = weights.iter().sum();
                    assert!(
                        (sum - 1.0).abs() < 1e-4,
                        "{span:?} {mirrored} {sample}: {sum}"
                    );
                    assert!(
                        first + weights.len() <= CELLS,
                        "{span:?} {mirrored} {sample}"
                    );
                }
            }
        }
    }

    #[test]
    fn another_ramp_changes_only_how_much_the_cells_at_the_ends_count() {
        for (span, pixels) in [
            (Span::uncrop(100, 30), 500.0),
            (Span::uncrop(0, 200), 70.0),
            (Span::cover(150, 250), 1200.0),
            (Span::part([0.3, 0.8]), 900.0),
        ] {
            for mirrored in [false, true] {
                // How each cell counts in each frequency.
                let along = [RAMP, OTHER_RAMP].map(|ramp| Along::new(span, pixels, mirrored, ramp));
                let [mut one, other] = along.each_ref().map(|along| {
                    let mut tents = Tents::default();
                    along.tents(&mut tents);
                    let mut side = [[0.0f32; FREQUENCIES]; CELLS];
                    for ((first, weights), factors) in tents.iter().zip(&DCT.columns) {
                        for (cell, weight) in side.iter_mut().skip(first).zip(weights) {
                            let counts = cell.iter_mut().zip(factors);
                            counts.for_each(|(sum, factor)| *sum += weight * factor);
                        }
                    }
                    side
                });
                for beyond in along[0].beyond(OTHER_RAMP) {
                    for (cell, weight) in one.iter_mut().skip(beyond.first).zip(&beyond.weights) {
                        let counts = cell.iter_mut().zip(&beyond.more);
                        counts.for_each(|(sum, more)| *sum += weight * more);
                    }
                }
                for (cell, (one, other)) in one.iter().zip(&other).enumerate() {
                    for (one, other) in one.iter().zip(other) {
                        assert!((one - other).abs() < 1e-4, "{span:?} {mirrored} {cell}");
                    }
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
