#![expect(
    unsafe_code,
    reason = "a function compiled for more than the base instruction set is unsafe to call"
)]
//! The hot loops of the variants, written once and compiled per instruction set.
//!
//! As in PDQ's own kernel every instruction set does the same operations in the same order, so that
//! the hashes do not depend on the machine.

use crate::hash::PdqHash;
use crate::signal::pdq::Confidence;
use crate::signal::pdq::axis::SAMPLES;
use crate::signal::pdq::confidence::weights;
use crate::signal::pdq::kernel::per_instruction_set;
use crate::signal::pdq::spectrum::{self, FREQUENCIES, Samples, Spectrum};
use crate::signal::variants::patch::{CELLS, Cells};
use crate::signal::variants::side::{self, Along, Side};
use std::ops::Range;

/// A patch, its rows turned into frequencies.
pub(super) type Lines = [[f32; FREQUENCIES]; CELLS];

per_instruction_set! {
    /// Each row of a patch in the frequencies along it. Cells outside `seen` count nothing.
    pub(super) fn across(cells: &Cells, side: &Side, seen: &Range<usize>, lines: &mut Lines);
    /// The same, added to what the lines are.
    pub(super) fn add_across(cells: &Cells, side: &Side, seen: &Range<usize>, lines: &mut Lines);
    /// The spectrum of rows that are frequencies already.
    pub(super) fn down(lines: &Lines, side: &Side) -> Spectrum;
    /// The hash of a spectrum, and how sure each of its bits is, where so much of each value is a guess.
    pub(super) fn bits(spectrum: &Spectrum, guessed: Option<&Spectrum>) -> (PdqHash, Confidence);
    /// How each cell along a side counts in each frequency.
    pub(super) fn side(along: &Along, out: &mut Side);
    /// The weighted sum of some lines: each begins `stride` values after the one before.
    pub(super) fn combine(lines: &[f32], stride: usize, weights: &[f32], out: &mut [f32]);
    /// Lines of `length` values with columns for lines.
    pub(super) fn turn(lines: &[f32], length: usize, out: &mut [f32]);
    /// Takes the mean off a patch's cells, and says how many of them are within `step` of those to the right and
    /// below.
    pub(super) fn level(cells: &mut Cells, step: f32) -> u32;
    /// A patch through tents of one and a half cells to either side, at PDQ's places.
    pub(super) fn blurred(cells: &Cells) -> Samples;
    /// Reads a patch at places (in cells), between four cells each. Beyond its edges values fall to nothing within
    /// `ramp` cells.
    pub(super) fn between(cells: &Cells, x: &[f32; SAMPLES], y: &[f32; SAMPLES], ramp: f32, out: &mut [f32; SAMPLES]);
    /// How many values are farther from `colour` than `within`.
    pub(super) fn others(values: &[f32], colour: f32, within: f32) -> u32;
    /// How much each cell between the lines `low` and `high` speaks for an edge there: see `rectangles.rs`.
    pub(super) fn says(beside: [&[f32]; 4], said: &mut [f32]);
    /// The sum of the best stretch of what is said, by pieces of eight, where each piece costs `cost`.
    pub(super) fn best_stretch(said: &[f32], cost: f32) -> f32;
}

/// The loops themselves. Each is inlined into every instruction set's function.
mod generic {
    use super::{
        Along, CELLS, Cells, Confidence, FREQUENCIES, Lines, PdqHash, Range, SAMPLES, Samples,
        Side, Spectrum, side, spectrum, weights,
    };

    type Row = [f32; FREQUENCIES];

    #[inline(always)]
    fn add(sums: &mut Row, weight: f32, row: &Row) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }

    #[inline(always)]
    pub(super) fn bits(values: &Spectrum, guessed: Option<&Spectrum>) -> (PdqHash, Confidence) {
        let median = spectrum::median(values);
        let confidence = Confidence::of_weights(weights(values, guessed, median));
        (spectrum::bits_above(values, median), confidence)
    }

    #[inline(always)]
    pub(super) fn side(along: &Along, out: &mut Side) {
        side::fill(along, out);
    }

    #[inline(always)]
    pub(super) fn combine(lines: &[f32], stride: usize, weights: &[f32], out: &mut [f32]) {
        const BLOCK: usize = 32;
        let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
        let mut at = 0;
        for block in blocks {
            // So many sums stay in registers.
            let mut sums = [0.0; BLOCK];
            for (line, &weight) in lines.chunks(stride.max(1)).zip(weights) {
                let values = line.get(at..).unwrap_or_default();
                if let Some(values) = values.first_chunk::<BLOCK>() {
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += weight * value;
                    }
                }
            }
            *block = sums;
            at += BLOCK;
        }
        rest.fill(0.0);
        for (line, &weight) in lines.chunks(stride.max(1)).zip(weights) {
            let values = line.get(at..).unwrap_or_default();
            for (sum, &value) in rest.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
    }

    #[inline(always)]
    pub(super) fn turn(lines: &[f32], length: usize, out: &mut [f32]) {
        const BLOCK: usize = 8;
        let length = length.max(1);
        let count = lines.len() / length;
        for top in (0..count).step_by(BLOCK) {
            let block = lines.get(top * length..).unwrap_or_default();
            let height = BLOCK.min(count - top);
            for left in (0..length).step_by(BLOCK) {
                let width = BLOCK.min(length - left);
                let mut square = [[0.0; BLOCK]; BLOCK];
                let places = (0..height).map(|row| row * length + left);
                for (row, place) in square.iter_mut().zip(places) {
                    let values = block.get(place..place + width).unwrap_or_default();
                    match values.first_chunk::<BLOCK>() {
                        Some(values) => *row = *values,
                        None => row
                            .iter_mut()
                            .zip(values)
                            .for_each(|(to, from)| *to = *from),
                    }
                }
                for (column, place) in (left..left + width).map(|at| at * count + top).enumerate() {
                    let values: [f32; BLOCK] = std::array::from_fn(|row| square[row][column]);
                    let to = out.get_mut(place..place + height).unwrap_or_default();
                    match to.first_chunk_mut::<BLOCK>() {
                        Some(to) => *to = values,
                        None => to.iter_mut().zip(values).for_each(|(to, from)| *to = from),
                    }
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn level(cells: &mut Cells, step: f32) -> u32 {
        const LANES: usize = 16;
        let mut lanes = [0.0f32; LANES];
        for values in cells.as_flattened().as_chunks::<LANES>().0 {
            for (sum, &value) in lanes.iter_mut().zip(values) {
                *sum += value;
            }
        }
        let mean = lanes.iter().sum::<f32>() / (CELLS * CELLS) as f32;
        let mut flat = 0;
        for (upper, lower) in cells.iter().zip(cells.iter().skip(1)) {
            let beside = upper.iter().skip(1);
            let near = upper
                .iter()
                .zip(beside)
                .zip(lower)
                .map(|((here, right), below)| {
                    u32::from((here - right).abs().max((here - below).abs()) < step)
                });
            // At most as many as there are cells: no sum wraps.
            flat = near.fold(flat, u32::wrapping_add);
        }
        for value in cells.as_flattened_mut() {
            *value -= mean;
        }
        flat
    }

    #[inline(always)]
    pub(super) fn blurred(cells: &Cells) -> Samples {
        /// A tent of one and a half cells to either side, on three cells.
        const TENT: [f32; 3] = [0.222, 0.556, 0.222];
        let mut samples: Samples = [[0.0; SAMPLES]; SAMPLES];
        for ([upper, middle, lower], out) in cells.as_chunks::<3>().0.iter().zip(&mut samples) {
            let mut down = [0.0f32; CELLS];
            let rows = upper.iter().zip(middle).zip(lower);
            for (sum, ((upper, middle), lower)) in down.iter_mut().zip(rows) {
                *sum = TENT[0] * upper + TENT[1] * middle + TENT[2] * lower;
            }
            for (out, [left, middle, right]) in out.iter_mut().zip(down.as_chunks::<3>().0) {
                *out = TENT[0] * left + TENT[1] * middle + TENT[2] * right;
            }
        }
        samples
    }

    #[inline(always)]
    pub(super) fn between(
        cells: &Cells,
        x: &[f32; SAMPLES],
        y: &[f32; SAMPLES],
        ramp: f32,
        out: &mut [f32; SAMPLES],
    ) {
        const LAST: f32 = (CELLS - 1) as f32;
        let cells = cells.as_flattened();
        // Where each lies and what it counts first, which vectors do; then the cells, one after the other.
        let mut at = [0u32; SAMPLES];
        let (mut right, mut below, mut keep) = ([0.0; SAMPLES], [0.0; SAMPLES], [0.0; SAMPLES]);
        for i in 0..SAMPLES {
            let beyond_x = (-x[i]).max(x[i] - LAST).max(0.0);
            let beyond_y = (-y[i]).max(y[i] - LAST).max(0.0);
            keep[i] = (1.0 - beyond_x / ramp).max(0.0) * (1.0 - beyond_y / ramp).max(0.0);
            let (x, y) = (x[i].clamp(0.0, LAST), y[i].clamp(0.0, LAST));
            // Neither is the last of its side.
            let column = (x as i32).clamp(0, CELLS as i32 - 2);
            let line = (y as i32).clamp(0, CELLS as i32 - 2);
            right[i] = x - column as f32;
            below[i] = y - line as f32;
            at[i] = (line * CELLS as i32 + column) as u32;
        }
        let mut around = [[0.0f32; SAMPLES]; 4];
        for (i, &at) in at.iter().enumerate() {
            let place = at as usize;
            let four = cells.get(place..place + CELLS + 2).unwrap_or_default();
            if let ([a, b, ..], [.., c, d]) = (four, four) {
                (around[0][i], around[1][i], around[2][i], around[3][i]) = (*a, *b, *c, *d);
            }
        }
        for i in 0..SAMPLES {
            let upper = around[0][i] * (1.0 - right[i]) + around[1][i] * right[i];
            let lower = around[2][i] * (1.0 - right[i]) + around[3][i] * right[i];
            out[i] = keep[i] * (upper * (1.0 - below[i]) + lower * below[i]);
        }
    }

    #[inline(always)]
    pub(super) fn others(values: &[f32], colour: f32, within: f32) -> u32 {
        let apart = values.iter().map(|value| (value - colour).abs());
        let others = apart.map(|apart| u32::from(apart > within));
        // Lines are shorter than numbers are: no sum wraps.
        others.fold(0, u32::wrapping_add)
    }

    #[inline(always)]
    pub(super) fn says([before, low, high, after]: [&[f32]; 4], said: &mut [f32]) {
        let cells = low.iter().zip(high).zip(before.iter().zip(after));
        for (said, ((low, high), (before, after))) in said.iter_mut().zip(cells) {
            let beside = (low - before).abs().max((after - high).abs());
            *said = (((high - low).abs() - beside) / 8.0).clamp(-1.0, 1.0);
        }
    }

    #[inline(always)]
    pub(super) fn best_stretch(said: &[f32], cost: f32) -> f32 {
        const PIECE: usize = 8;
        let (mut run, mut best) = (0.0f32, 0.0f32);
        let (pieces, rest) = said.as_chunks::<PIECE>();
        for [a, b, c, d, e, f, g, h] in pieces {
            let sum = ((a + e) + (c + g)) + ((b + f) + (d + h));
            run = (run + sum - cost).max(0.0);
            best = best.max(run);
        }
        let rest = (run + rest.iter().sum::<f32>() - cost).max(0.0);
        best.max(rest)
    }

    #[inline(always)]
    pub(super) fn across(cells: &Cells, side: &Side, seen: &Range<usize>, lines: &mut Lines) {
        across_from::<false>(cells, side, seen, lines);
    }

    #[inline(always)]
    pub(super) fn add_across(cells: &Cells, side: &Side, seen: &Range<usize>, lines: &mut Lines) {
        across_from::<true>(cells, side, seen, lines);
    }

    #[inline(always)]
    fn across_from<const ADDED: bool>(
        cells: &Cells,
        side: &Side,
        seen: &Range<usize>,
        lines: &mut Lines,
    ) {
        const ROWS: usize = 6;
        let side = side.get(seen.clone()).unwrap_or_default();
        let (rows, lines) = (cells.as_chunks::<ROWS>().0, lines.as_chunks_mut::<ROWS>().0);
        for (rows, lines) in rows.iter().zip(lines) {
            let rows = rows
                .each_ref()
                .map(|row| row.get(seen.clone()).unwrap_or_default());
            let [a, b, c, d, e, f] = rows;
            // So many sums stay in registers.
            let mut sums = if ADDED {
                *lines
            } else {
                [[0f32; FREQUENCIES]; ROWS]
            };
            let cells = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f);
            for (weights, (((((a, b), c), d), e), f)) in side.iter().zip(cells) {
                add(&mut sums[0], *a, weights);
                add(&mut sums[1], *b, weights);
                add(&mut sums[2], *c, weights);
                add(&mut sums[3], *d, weights);
                add(&mut sums[4], *e, weights);
                add(&mut sums[5], *f, weights);
            }
            *lines = sums;
        }
    }

    #[inline(always)]
    pub(super) fn down(lines: &Lines, side: &Side) -> Spectrum {
        const ROWS: usize = 4;
        let mut spectrum = [[0f32; FREQUENCIES]; FREQUENCIES];
        for (part, out) in spectrum.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let first = ROWS * part;
            let mut sums = [[0f32; FREQUENCIES]; ROWS];
            for (weights, line) in side.iter().zip(lines) {
                add(&mut sums[0], weights[first], line);
                add(&mut sums[1], weights[first + 1], line);
                add(&mut sums[2], weights[first + 2], line);
                add(&mut sums[3], weights[first + 3], line);
            }
            *out = sums;
        }
        spectrum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::pdq::kernel::Kernel;
    use crate::signal::variants::side::{RAMP, Span};

    fn value(i: usize) -> f32 {
        ((i * 7919 % 1009) as f32 - 500.0) / 3.0
    }

    fn cells() -> Box<Cells> {
        let mut cells = Box::new([[0.0; CELLS]; CELLS]);
        for (i, cell) in cells.as_flattened_mut().iter_mut().enumerate() {
            *cell = value(i);
        }
        cells
    }

    /// Numbers as their bits, so that -0 and 0 are two.
    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn every_kernel_gives_the_bits_of_the_portable_one() {
        let cells = cells();
        let mut side: Box<Side> = Box::new([[0.0; FREQUENCIES]; CELLS]);
        for (i, weight) in side.as_flattened_mut().iter_mut().enumerate() {
            *weight = value(3 * i + 1);
        }
        let all = |kernel: Kernel| {
            let mut lines: Box<Lines> = Box::new([[0.0; FREQUENCIES]; CELLS]);
            kernel.across(&cells, &side, &(3..190), &mut lines);
            kernel.add_across(&cells, &side, &(180..192), &mut lines);
            let spectrum = kernel.down(&lines, &side);
            let guessed = spectrum.map(|row| row.map(|value| 0.3 * value.sin()));
            let hashes = [None, Some(&guessed)].map(|guessed| kernel.bits(&spectrum, guessed));
            (bits(spectrum.as_flattened()), hashes)
        };
        let others = |kernel: Kernel| {
            let flat = cells.as_flattened();
            let mut all = Vec::new();
            let along = Along::new(Span::uncrop(100, 30), 431.0, true, RAMP);
            let mut made: Box<Side> = Box::new([[0.0; FREQUENCIES]; CELLS]);
            kernel.side(&along, &mut made);
            all.extend_from_slice(made.as_flattened());
            let mut sums = [1.5; 77];
            kernel.combine(flat, 130, &[0.3, 0.5, 0.2], &mut sums);
            all.extend(sums);
            let mut turned = vec![0.0; 19 * 45];
            kernel.turn(flat.get(..19 * 45).unwrap_or_default(), 45, &mut turned);
            all.extend(turned);
            let mut levelled = cells.clone();
            all.push(kernel.level(&mut levelled, 40.0) as f32);
            all.extend_from_slice(levelled.as_flattened());
            all.extend_from_slice(kernel.blurred(&cells).as_flattened());
            let x = std::array::from_fn(|i| 4.3 * i as f32 - 30.0);
            let y = std::array::from_fn(|i| 210.0 - 3.7 * i as f32);
            let mut read = [0.0; SAMPLES];
            kernel.between(&cells, &x, &y, 48.0, &mut read);
            all.extend(read);
            let lines =
                [0, 101, 202, 303].map(|from| flat.get(from..from + 101).unwrap_or_default());
            let mut said = [0.0; 101];
            kernel.says(lines, &mut said);
            all.extend(said);
            all.push(kernel.best_stretch(&said, 0.05));
            all.push(kernel.others(flat, 3.0, 50.0) as f32);
            bits(&all)
        };
        for kernel in Kernel::available() {
            assert_eq!(all(kernel), all(Kernel::Portable), "{kernel:?}");
            assert_eq!(others(kernel), others(Kernel::Portable), "{kernel:?}");
        }
        let (values, [(hash, confidence), _]) = all(Kernel::Portable);
        let mut spectrum: Spectrum = [[0.0; FREQUENCIES]; FREQUENCIES];
        for (to, from) in spectrum.as_flattened_mut().iter_mut().zip(values) {
            *to = f32::from_bits(from);
        }
        assert_eq!(hash, spectrum::hash(&spectrum));
        assert_eq!(confidence, Confidence::of(&spectrum, None));
    }

    #[test]
    fn lines_are_combined_and_turned_as_one_by_one() {
        let kernel = Kernel::best();
        let lines: Vec<f32> = (0..7 * 50).map(value).collect();
        let mut sums = [9.0; 41];
        kernel.combine(&lines[3..], 50, &[0.25, 0.75], &mut sums);
        for (i, sum) in sums.into_iter().enumerate() {
            assert_eq!(sum, 0.25 * lines[3 + i] + 0.75 * lines[53 + i], "{i}");
        }
        let mut turned = vec![0.0; 7 * 50];
        kernel.turn(&lines, 50, &mut turned);
        for line in 0..7 {
            for column in 0..50 {
                assert_eq!(turned[column * 7 + line], lines[line * 50 + column]);
            }
        }
    }

    #[test]
    fn a_patch_is_levelled_and_its_flat_cells_are_counted() {
        let mut cells: Box<Cells> = Box::new([[7.0; CELLS]; CELLS]);
        cells[10][20] = 12.0;
        let all = (CELLS - 1) * (CELLS - 1);
        // The cell itself, the one before it and the one above it.
        assert_eq!(Kernel::best().level(&mut cells, 0.75) as usize, all - 3);
        let mean: f32 = cells.as_flattened().iter().sum::<f32>() / (CELLS * CELLS) as f32;
        assert!(mean.abs() < 1e-3, "{mean}");
        assert!((cells[10][20] - cells[0][0] - 5.0).abs() < 1e-4);
    }

    #[test]
    fn places_between_cells_are_mixed_and_those_beyond_fade() {
        let cells = cells();
        let (mut x, mut y) = ([0.0; SAMPLES], [0.0; SAMPLES]);
        (x[0], y[0]) = (3.25, 7.5);
        (x[1], y[1]) = (-12.0, 0.0);
        (x[2], y[2]) = (-100.0, 5.0);
        (x[3], y[3]) = (191.0, 191.0);
        let mut out = [0.0; SAMPLES];
        Kernel::best().between(&cells, &x, &y, 48.0, &mut out);
        let upper = 0.75 * cells[7][3] + 0.25 * cells[7][4];
        let lower = 0.75 * cells[8][3] + 0.25 * cells[8][4];
        assert!((out[0] - 0.5 * (upper + lower)).abs() < 1e-3);
        assert!((out[1] - 0.75 * cells[0][0]).abs() < 1e-3);
        assert_eq!(out[2], 0.0);
        assert!((out[3] - cells[191][191]).abs() < 1e-3);
    }
}
