//! Fitting: if a guess almost matches an entry, nudge it, and see how close it gets.
//!
//! Such a guess may be the right one, done inexactly: a crop between two steps of the ladder, a turn by
//! half a degree more, a sticker or a line of text over the picture. So the place that the original
//! takes in the picture is moved in small steps, and boxes of it are masked, as long as that brings the
//! hash nearer to the entry's, and no more often than [`MOST_LOOKS`].
//!
//! Fitting brings strangers nearer too. So this module says how near a guess came, and refuses to
//! say whether that is a match.

use crate::hash::{Edge, PdqHash, Transform, Variant, View};
use crate::rules::values;
use crate::signal::pdq::axis::SAMPLES;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::pdq::spectrum::{self, DCT, FREQUENCIES, Samples, Spectrum};
use crate::signal::variants::luma::Luma;
use crate::signal::variants::patch::{Patch, Rectangle, Scratch};
use crate::signal::variants::side::{OTHER_RAMP, RAMP};
use crate::signal::variants::warp;

/// Placements that are tried for one entry at most.
const MOST_LOOKS: usize = values::FIT_MOST_LOOKS;
/// Boxes that are left out at most.
const MOST_BOXES: usize = values::FIT_MOST_BOXES;
/// How much of the picture they may cover together.
const MOST_COVERED: f32 = values::FIT_MOST_COVERED;
/// An entry that is still so far apart after two rounds is a stranger's.
const HOPELESS: f32 = values::FIT_HOPELESS;
/// How much around a part of a picture is looked at.
const AROUND: f32 = values::FIT_AROUND;
/// The share by which a step must bring the entry nearer.
const BETTER: f32 = values::FIT_BETTER;

/// A projective map, from places in an original (-0.5 to 0.5 along each side) to places in a
/// picture (fractions of its sides).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement([[f32; 3]; 3]);

impl Placement {
    const SAME: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// First `first`, then this.
    fn after(&self, first: &Self) -> Self {
        Self(std::array::from_fn(|i| {
            std::array::from_fn(|j| (0..3).map(|k| self.0[i][k] * first.0[k][j]).sum())
        }))
    }

    fn scaled(x: f32, y: f32) -> Self {
        Self([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])
    }

    fn place(&self, u: f32, v: f32) -> (f32, f32) {
        let [x, y, w] = self.0.map(|row| row[0] * u + row[1] * v + row[2]);
        let w = w.max(1e-3);
        (x / w, y / w)
    }

    /// Where a guess takes its original to lie, and the original's width and height in pixels.
    pub(super) fn of(variant: &Variant, size: [f32; 2]) -> Option<(Self, [f32; 2])> {
        let out = variant.region;
        let share = |thousandths: u16| f32::from(thousandths) / 1000.0;
        let region = [
            [share(out.left), 1.0 - share(out.right)],
            [share(out.top), 1.0 - share(out.bottom)],
        ];
        let lengths = region.map(|[from, to]| to - from);
        if lengths.iter().any(|length| *length < 0.05) {
            return None;
        }
        let middle = region.map(|[from, to]| (from + to) / 2.0);
        let base = Self([
            [lengths[0], 0.0, middle[0]],
            [0.0, lengths[1], middle[1]],
            [0.0, 0.0, 1.0],
        ]);
        let [width, height] = [size[0] * lengths[0], size[1] * lengths[1]];
        let mut original = [width, height];
        let view = match variant.view {
            View::Whole | View::Cover(_) => Self::SAME,
            View::Uncrop(sides) => {
                let ends = [[sides.left, sides.right], [sides.top, sides.bottom]];
                let along = ends.map(|[start, end]| {
                    let seen = (1.0 - share(start) - share(end)).max(0.1);
                    (1.0 / seen, (share(end) - share(start)) / (2.0 * seen))
                });
                original = [width * along[0].0, height * along[1].0];
                Self([
                    [along[0].0, 0.0, along[0].1],
                    [0.0, along[1].0, along[1].1],
                    [0.0, 0.0, 1.0],
                ])
            }
            View::Straighten { tenths, frame } => {
                let degrees = f32::from(tenths) / 10.0;
                original = warp::original_of([width, height], degrees, frame)?;
                let (sin, cos) = degrees.to_radians().sin_cos();
                let [x, y] = original;
                Self([
                    [cos * x / width, sin * y / width, 0.0],
                    [-sin * x / height, cos * y / height, 0.0],
                    [0.0, 0.0, 1.0],
                ])
            }
            View::Perspective { edge, thousandths } => {
                let r = 1.0 - 2.0 * share(thousandths);
                // With the edge at the top: across by r / d, down by f r / d, d = 1 + f (r - 1),
                // where f is how far from the edge.
                let top = Self([
                    [r, 0.0, 0.0],
                    [
                        0.0,
                        r - (r - 1.0) / 2.0,
                        r / 2.0 - (1.0 + (r - 1.0) / 2.0) / 2.0,
                    ],
                    [0.0, r - 1.0, 1.0 + (r - 1.0) / 2.0],
                ]);
                let swap = Self([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
                let flip = Self::scaled(1.0, -1.0);
                let around = |turn: &Self, back: &Self| back.after(&top.after(turn));
                match edge {
                    Edge::Top => top,
                    Edge::Bottom => around(&flip, &flip),
                    Edge::Left => around(&swap, &swap),
                    Edge::Right => around(&flip.after(&swap), &swap.after(&flip)),
                }
            }
        };
        let (x, y, swaps) = match variant.transform {
            Transform::Original | Transform::Displayed => (1.0, 1.0, false),
            Transform::FlipY => (-1.0, 1.0, false),
            Transform::FlipX => (1.0, -1.0, false),
            Transform::Rotate180 => (-1.0, -1.0, false),
            Transform::FlipPlus1 => (1.0, 1.0, true),
            Transform::Rotate90 => (-1.0, 1.0, true),
            Transform::Rotate270 => (1.0, -1.0, true),
            Transform::FlipMinus1 => (-1.0, -1.0, true),
        };
        let mut laid = Self::scaled(x, y);
        if swaps {
            laid = laid.after(&Self([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]));
            original = [original[1], original[0]];
        }
        Some((base.after(&view).after(&laid), original))
    }

    /// The rectangle of the picture that holds what is seen of the original, and a little more.
    fn around(&self) -> Rectangle {
        let corners = [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)];
        let places = corners.map(|(u, v)| self.place(u, v));
        let ends = |at: fn(&(f32, f32)) -> f32| {
            let low = places.iter().map(at).fold(f32::INFINITY, f32::min);
            let high = places.iter().map(at).fold(f32::NEG_INFINITY, f32::max);
            let more = AROUND * (high - low);
            [
                (low - more).clamp(0.0, 0.95),
                (high + more).clamp(0.05, 1.0),
            ]
        };
        Rectangle {
            x: ends(|place| place.0),
            y: ends(|place| place.1),
        }
    }

    /// In terms of a rectangle's sides, from its middle.
    fn within(&self, rectangle: &Rectangle) -> Self {
        let [[x0, x1], [y0, y1]] = [rectangle.x, rectangle.y];
        let to = Self([
            [1.0 / (x1 - x0), 0.0, -x0 / (x1 - x0) - 0.5],
            [0.0, 1.0 / (y1 - y0), -y0 / (y1 - y0) - 0.5],
            [0.0, 0.0, 1.0],
        ]);
        to.after(self)
    }

    /// Moved a little: one of [`STEPS`] by so much.
    fn moved(&self, step: usize, by: f32, shape: f32) -> Self {
        let mut first = Self::SAME;
        let m = &mut first.0;
        match step {
            0 => {
                m[0][0] = 1.0 + by;
                m[1][1] = 1.0 + by;
            }
            1 => m[0][2] = by,
            2 => m[1][2] = by,
            3 => m[0][0] = 1.0 + by,
            4 => m[1][1] = 1.0 + by,
            5 => {
                let (sin, cos) = by.sin_cos();
                *m = [
                    [cos, -sin / shape, 0.0],
                    [sin * shape, cos, 0.0],
                    [0.0, 0.0, 1.0],
                ];
            }
            6 => m[2][0] = by,
            _ => m[2][1] = by,
        }
        self.after(&first)
    }
}

/// How far one first moves: larger, to the right and down, wider and higher, turned, nearer at a side.
/// Larger comes first: what crops and margins change most, and no step of one side alone finds.
const STEPS: [f32; 8] = values::FIT_STEPS;

/// What fitting led to.
pub(super) struct Fitted {
    pub(super) samples: Box<Samples>,
    pub(super) spectrum: Spectrum,
    /// How much of each value comes from a guess at what is missing.
    pub(super) guessed: Box<Spectrum>,
    /// The share of the original that was left out in boxes.
    pub(super) covered: f32,
}

/// The entry's bits, in the order of a spectrum's values.
struct Target([bool; FREQUENCIES * FREQUENCIES]);

impl Target {
    fn new(entry: &PdqHash) -> Self {
        let bit = |k: usize| {
            entry
                .0
                .get(31 - k / 8)
                .is_some_and(|byte| byte >> (k % 8) & 1 == 1)
        };
        Self(std::array::from_fn(bit))
    }

    /// The share of the weights that stands on bits that differ: as `Confidence::apart`, unrounded.
    fn apart(&self, spectrum: &Spectrum) -> f32 {
        let median = spectrum::median(spectrum);
        let mut apart = *spectrum;
        for value in apart.as_flattened_mut() {
            *value = (*value - median).abs();
        }
        let scale = spectrum::median(&apart).max(1e-6);
        let (mut differ, mut all) = (0.0, 0.0);
        let values = spectrum.as_flattened().iter().zip(apart.as_flattened());
        for ((value, apart), bit) in values.zip(&self.0) {
            let weight = apart / (apart + scale);
            all += weight;
            if (*value > median) != *bit {
                differ += weight;
            }
        }
        differ / f32::max(all, 1e-6)
    }
}

/// A box of samples; the ends are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Covered {
    x: [usize; 2],
    y: [usize; 2],
}

impl Covered {
    fn share(&self) -> f32 {
        ((self.x[1] - self.x[0]) * (self.y[1] - self.y[0])) as f32 / (SAMPLES * SAMPLES) as f32
    }

    /// Calls `put` with each place in the box and what its surroundings would have there: the
    /// samples beside the box in the four directions, the nearer the more.
    fn fill(&self, samples: &Samples, mut put: impl FnMut(usize, usize, f32)) {
        let [x0, x1] = self.x;
        let [y0, y1] = self.y;
        let beside = |at: usize, end: usize| (at > 0, end < SAMPLES);
        let ((left, right), (above, below)) = (beside(x0, x1), beside(y0, y1));
        for y in y0..y1 {
            for x in x0..x1 {
                let (mut sum, mut weights) = (0.0, 0.0);
                let mut add = |is_there: bool, value: f32, away: usize| {
                    if is_there {
                        let weight = 1.0 / away as f32;
                        sum += weight * value;
                        weights += weight;
                    }
                };
                let row = &samples[y];
                add(left, row[x0.saturating_sub(1)], x + 1 - x0);
                add(right, row[x1.min(SAMPLES - 1)], x1 - x);
                add(above, samples[y0.saturating_sub(1)][x], y + 1 - y0);
                add(below, samples[y1.min(SAMPLES - 1)][x], y1 - y);
                put(x, y, if weights > 0.0 { sum / weights } else { 0.0 });
            }
        }
    }

    /// The spectrum of the samples with the box filled.
    fn spectrum(&self, samples: &Samples, of_samples: &Spectrum) -> Spectrum {
        let mut spectrum = *of_samples;
        let mut lines = [[0.0f32; FREQUENCIES]; SAMPLES];
        self.fill(samples, |x, y, value| {
            let change = value - samples[y][x];
            for (sum, factor) in lines[y].iter_mut().zip(&DCT.columns[x]) {
                *sum += change * factor;
            }
        });
        let rows = lines.iter().zip(&DCT.columns);
        for (line, factors) in rows.take(self.y[1]).skip(self.y[0]) {
            for (row, factor) in spectrum.iter_mut().zip(factors) {
                for (value, change) in row.iter_mut().zip(line) {
                    *value += factor * change;
                }
            }
        }
        spectrum
    }

    fn grown(&self, side: usize, out: bool, by: usize) -> Option<Self> {
        let mut grown = *self;
        let ends = if side < 2 { &mut grown.x } else { &mut grown.y };
        if side.is_multiple_of(2) {
            ends[0] = if out {
                ends[0].saturating_sub(by)
            } else {
                ends[0] + by
            };
        } else {
            ends[1] = if out {
                (ends[1] + by).min(SAMPLES)
            } else {
                ends[1].saturating_sub(by)
            };
        }
        let is_wide = ends[0] + 3 < ends[1];
        (is_wide && grown != *self).then_some(grown)
    }
}

/// Boxes that are tried: squares of several sizes (stickers) and lines (texts, bars).
fn boxes(shape: f32) -> Vec<Covered> {
    let mut all = Vec::new();
    let mut add = |width: f32, height: f32| {
        let [width, height] = [width, height].map(|length| (length as usize).clamp(4, 56));
        let step = |length: usize| (length / 3).max(2);
        for y in (0..=SAMPLES - height).step_by(step(height)) {
            for x in (0..=SAMPLES - width).step_by(step(width)) {
                all.push(Covered {
                    x: [x, x + width],
                    y: [y, y + height],
                });
            }
        }
    };
    let shorter = [(1.0 / shape).min(1.0), shape.min(1.0)];
    for size in values::FIT_SQUARES {
        add(size * shorter[0], size * shorter[1]);
    }
    for width in values::FIT_LINES {
        add(width, values::FIT_LINE_HEIGHT);
    }
    all
}

/// Fits a guess to an entry; `None` where it comes no nearer.
pub(super) fn fit(
    kernel: Kernel,
    luma: &Luma,
    variant: &Variant,
    entry: &PdqHash,
    (patch, scratch): (&mut Patch, &mut Scratch),
) -> Option<Fitted> {
    let (placement, original) = Placement::of(variant, luma.size)?;
    let around = placement.around();
    scratch.take(kernel, luma);
    patch.set(kernel, luma, around, scratch);
    let patch = &*patch;
    let shape = original[0] / original[1].max(1.0);
    let target = Target::new(entry);
    let look = |placement: &Placement| {
        warp::read(kernel, patch, original, RAMP, |u, v| placement.place(u, v))
    };
    let mut placement = placement.within(&around);
    let mut samples = look(&placement);
    let mut best = kernel.spectrum(&samples);
    let mut apart = target.apart(&best);
    let mut covered: Vec<Covered> = Vec::new();
    let masked = |samples: &mut Samples, covered: &[Covered]| {
        for one in covered {
            let before = *samples;
            one.fill(&before, |x, y, value| samples[y][x] = value);
        }
    };
    let mut steps = STEPS;
    let mut left = MOST_LOOKS;
    let is_whole = matches!(variant.view, View::Whole | View::Cover(_));
    for round in 0..5 {
        let begun = apart;
        // What lies over the picture hides where it lies; of a part it is the other way round.
        if (round == 0) == is_whole && round < 2 {
            for _ in 0..2 {
                if covered.len() < MOST_BOXES
                    && let Some((one, spectrum, now)) =
                        best_box(&target, &samples, &best, apart, shape, &covered)
                {
                    let before = samples;
                    one.fill(&before, |x, y, value| samples[y][x] = value);
                    (best, apart) = (spectrum, now);
                    covered.push(one);
                }
            }
        }
        for (number, step) in steps.iter_mut().enumerate() {
            let mut is_moved = false;
            for by in [*step, -*step] {
                if left == 0 || is_moved {
                    break;
                }
                left -= 1;
                let moved = placement.moved(number, by, shape);
                let mut seen = look(&moved);
                masked(&mut seen, &covered);
                let spectrum = kernel.spectrum(&seen);
                let now = target.apart(&spectrum);
                if now < apart - BETTER * 0.5 {
                    (placement, samples, best, apart) = (moved, seen, spectrum, now);
                    is_moved = true;
                    // The same way first when it comes again.
                    *step = by;
                }
            }
        }
        if left == 0 || (round == 1 && apart > HOPELESS) {
            break;
        }
        if apart > begun - 3.0 * BETTER {
            for step in &mut steps {
                *step /= 2.0;
            }
        }
    }
    let mut other = warp::read(kernel, patch, original, OTHER_RAMP, |u, v| {
        placement.place(u, v)
    });
    masked(&mut other, &covered);
    let mut guessed = Box::new(kernel.spectrum(&other));
    for (guess, value) in guessed
        .as_flattened_mut()
        .iter_mut()
        .zip(best.as_flattened())
    {
        *guess -= value;
    }
    Some(Fitted {
        samples: Box::new(samples),
        spectrum: best,
        guessed,
        covered: covered.iter().map(Covered::share).sum(),
    })
}

/// The box without which the entry is nearest, where that is much nearer.
fn best_box(
    target: &Target,
    samples: &Samples,
    of_samples: &Spectrum,
    apart: f32,
    shape: f32,
    covered: &[Covered],
) -> Option<(Covered, Spectrum, f32)> {
    let already: f32 = covered.iter().map(Covered::share).sum();
    let mut best: Option<(Covered, Spectrum, f32)> = None;
    let mut least = apart;
    let weigh = |one: Covered, least: &mut f32, best: &mut Option<(Covered, Spectrum, f32)>| {
        if already + one.share() > MOST_COVERED {
            return false;
        }
        let spectrum = one.spectrum(samples, of_samples);
        let now = target.apart(&spectrum);
        if now < *least {
            *least = now;
            *best = Some((one, spectrum, now));
            return true;
        }
        false
    };
    for one in boxes(shape) {
        weigh(one, &mut least, &mut best);
    }
    for by in [3, 1] {
        for side in 0..4 {
            for out in [true, false] {
                while let Some(grown) = best.as_ref().and_then(|(one, ..)| one.grown(side, out, by))
                {
                    if !weigh(grown, &mut least, &mut best) {
                        break;
                    }
                }
            }
        }
    }
    best.filter(|(.., now)| *now < apart - 3.0 * BETTER)
}

/// Where a guess says that the original is, before any step. Bands that it covers are filled in the
/// same way as what a crop took.
pub(super) fn samples(
    kernel: Kernel,
    luma: &Luma,
    variant: &Variant,
    (patch, scratch): (&mut Patch, &mut Scratch),
) -> Option<Samples> {
    let (placement, original) = Placement::of(variant, luma.size)?;
    let looked_at = match variant.view {
        View::Cover(covered) => {
            let share = |thousandths: u16| f32::from(thousandths) / 1000.0;
            let part = |[from, to]: [f32; 2], start, end| {
                [
                    from + (to - from) * share(start),
                    to - (to - from) * share(end),
                ]
            };
            let out = variant.region;
            Rectangle {
                x: part(
                    [share(out.left), 1.0 - share(out.right)],
                    covered.left,
                    covered.right,
                ),
                y: part(
                    [share(out.top), 1.0 - share(out.bottom)],
                    covered.top,
                    covered.bottom,
                ),
            }
        }
        _ => placement.around(),
    };
    if [looked_at.x, looked_at.y]
        .iter()
        .any(|[from, to]| to - from < 0.05)
    {
        return None;
    }
    scratch.take(kernel, luma);
    patch.set(kernel, luma, looked_at, scratch);
    let patch = &*patch;
    let placement = placement.within(&looked_at);
    Some(warp::read(kernel, patch, original, RAMP, |u, v| {
        placement.place(u, v)
    }))
}
