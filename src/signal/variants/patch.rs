//! A rectangle of a picture in a fixed number of cells: what all operators work on.

use crate::hash::Sides;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::variants::luma::Luma;

/// Cells along each side of a patch: three for each of PDQ's samples. Measured on 50 pictures of
/// all kinds, hashes from patches are 0 to 6 bits off those from all pixels, 0 in the median.
pub(super) const CELLS: usize = 192;

/// A rectangle of a picture, in fractions of its sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rectangle {
    /// Left and right edge.
    pub(super) x: [f32; 2],
    /// Upper and lower edge.
    pub(super) y: [f32; 2],
}

impl Rectangle {
    pub(super) const WHOLE: Self = Self {
        x: [0.0, 1.0],
        y: [0.0, 1.0],
    };

    /// What it leaves out, in thousandths.
    pub(super) fn left_out(&self) -> Sides {
        let thousandths = |share: f32| (share.clamp(0.0, 1.0) * 1000.0).round() as u16;
        Sides {
            left: thousandths(self.x[0]),
            top: thousandths(self.y[0]),
            right: thousandths(1.0 - self.x[1]),
            bottom: thousandths(1.0 - self.y[1]),
        }
    }
}

/// A patch's cells, column after column: vectors add along a line, and what is read along x adds columns.
pub(super) type Cells = [[f32; CELLS]; CELLS];

/// A rectangle's luma, its mean taken off.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) cells: Box<Cells>,
    /// Width and height of the rectangle, in pixels.
    pub(super) size: [f32; 2],
    /// The share of its cells that are within three quarters of a step of 255 of those to the right and below.
    /// Photos have little of it; drawings, text pages, dialogs and maps a lot.
    pub(super) flatness: f32,
}

impl Default for Patch {
    fn default() -> Self {
        Self {
            cells: Box::new([[0.0; CELLS]; CELLS]),
            size: [0.0; 2],
            flatness: 0.0,
        }
    }
}

/// Memory in which patches are made, again and again.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The picture's cells, column after column.
    pub(super) columns: Vec<f32>,
    /// The rectangle's rows in as many as a patch has, and these turned.
    down: Vec<f32>,
    turned: Vec<f32>,
}

impl Scratch {
    /// Takes a picture, of which patches are to be made.
    pub(super) fn take(&mut self, kernel: Kernel, luma: &Luma) {
        self.columns.resize(luma.cells.len(), 0.0);
        kernel.turn(&luma.cells, luma.columns, &mut self.columns);
    }
}

impl Patch {
    /// Makes it the rectangle of the picture that `scratch` has taken.
    pub(super) fn set(
        &mut self,
        kernel: Kernel,
        luma: &Luma,
        rectangle: Rectangle,
        scratch: &mut Scratch,
    ) {
        /// As many steps of 255 are no step.
        const STEP: f32 = crate::rules::values::FLATNESS_STEP;
        self.size = [
            luma.size[0] * (rectangle.x[1] - rectangle.x[0]),
            luma.size[1] * (rectangle.y[1] - rectangle.y[0]),
        ];
        let across = shares(rectangle.x, luma.size[0], luma.cell[0], luma.columns);
        let down = shares(rectangle.y, luma.size[1], luma.cell[1], luma.rows);
        // The columns that have a part in it.
        let left = across.iter().next().map_or(0, |(first, _)| first);
        let right = across
            .iter()
            .map(|(first, weights)| first + weights.len())
            .max();
        let width = right.unwrap_or(left).min(luma.columns).saturating_sub(left);
        // Vectors add up along lines: so rows are lines first, then columns.
        let Scratch {
            down: rows, turned, ..
        } = scratch;
        let (rows, turned) = (as_many(rows, CELLS * width), as_many(turned, CELLS * width));
        let lines = rows.chunks_exact_mut(width.max(1));
        for (out, (first, weights)) in lines.zip(down.iter()) {
            let from = luma.cells.get(first * luma.columns + left..);
            kernel.combine(from.unwrap_or_default(), luma.columns, weights, out);
        }
        kernel.turn(rows, width, turned);
        for (out, (first, weights)) in self.cells.iter_mut().zip(across.iter()) {
            let from = turned.get(first.saturating_sub(left) * CELLS..);
            kernel.combine(from.unwrap_or_default(), CELLS, weights, out);
        }
        let flat = kernel.level(&mut self.cells, STEP);
        self.flatness = flat as f32 / ((CELLS - 1) * (CELLS - 1)) as f32;
    }
}

/// The first `count` values, whatever they are; there are more, if there were.
fn as_many(values: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if values.len() < count {
        values.resize(count, 0.0);
    }
    values.get_mut(..count).unwrap_or_default()
}

/// For each cell of a patch along one side, the cells of a picture that it covers.
struct Shares {
    /// The first of them, and where its weight stands among all weights.
    first: Vec<(usize, usize)>,
    /// How much of each from there on, of 1 together; cell after cell.
    weights: Vec<f32>,
}

impl Shares {
    /// For each cell of the patch, the first cell that it covers and the weights from there on.
    fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let ends = self.first.iter().skip(1).map(|&(_, begin)| begin);
        let ends = ends.chain([self.weights.len()]);
        (self.first.iter().zip(ends)).map(|(&(first, begin), end)| {
            let weights = self.weights.get(begin..end);
            (first, weights.unwrap_or_default())
        })
    }
}

fn shares(edges: [f32; 2], pixels: f32, cell: f32, count: usize) -> Shares {
    let edge = |i: usize| {
        let at = edges[0] + (edges[1] - edges[0]) * i as f32 / CELLS as f32;
        at.clamp(0.0, 1.0) * pixels
    };
    let mut shares = Shares {
        first: Vec::with_capacity(CELLS),
        weights: Vec::with_capacity(2 * CELLS + count),
    };
    for i in 0..CELLS {
        let (from, to) = (edge(i), edge(i + 1));
        let first = ((from / cell) as usize).min(count.saturating_sub(1));
        let begin = shares.weights.len();
        shares.first.push((first, begin));
        for place in first..count {
            let (start, end) = (place as f32 * cell, (place + 1) as f32 * cell);
            if start >= to && place > first {
                break;
            }
            let weight = (to.min(end) - from.max(start)).max(0.0);
            shares.weights.push(weight);
        }
        let weights = shares.weights.get_mut(begin..).unwrap_or_default();
        let total: f32 = weights.iter().sum();
        for weight in weights.iter_mut() {
            *weight = if total > 0.0 { *weight / total } else { 0.0 };
        }
        if total <= 0.0
            && let Some(only) = weights.first_mut()
        {
            *only = 1.0;
        }
    }
    shares
}
