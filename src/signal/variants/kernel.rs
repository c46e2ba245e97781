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
use crate::signal::pdq::spectrum::{self, DCT, FREQUENCIES, Samples, Spectrum};
use crate::signal::variants::patch::{CELLS, Cells};
use crate::signal::variants::side::{Along, Tents};
use std::sync::LazyLock;

/// A patch, its rows turned into frequencies.
pub(super) type Lines = [[f32; FREQUENCIES]; CELLS];
/// A patch, its rows read at PDQ's places: a column for each of them.
pub(super) type Read = [[f32; CELLS]; SAMPLES];

/// The first half of PDQ's DCT, for samples that were folded: of two that lie the same way from the middle
/// the sum counts in every other frequency, the difference in the others.
///
/// For each such pair the factors of the differences in the frequencies 1, 3, … 15, then those of the
/// sums in the frequencies 2, 4, … 16.
static FOLDED: LazyLock<[[f32; FREQUENCIES]; SAMPLES / 2]> = LazyLock::new(|| {
    const HALF: usize = FREQUENCIES / 2;
    std::array::from_fn(|pair| {
        std::array::from_fn(|at| {
            let frequency = if at < HALF {
                2 * at
            } else {
                2 * (at - HALF) + 1
            };
            DCT.columns[pair][frequency]
        })
    })
});

per_instruction_set! {
    /// Each row of a patch, read by tents along it, in the frequencies along it. `read` is memory for what is
    /// read.
    pub(super) fn across(cells: &Cells, tents: &Tents, read: &mut Read, lines: &mut Lines);
    /// Adds to each row so much of each frequency for each cell of one column.
    pub(super) fn add_column(column: &[f32; CELLS], more: &[f32; FREQUENCIES], lines: &mut Lines);
    /// What each of PDQ's samples along a side reads.
    pub(super) fn tents(along: &Along, out: &mut Tents);
    /// The spectrum of rows that are frequencies already, read by tents down the columns.
    pub(super) fn down(lines: &Lines, tents: &Tents) -> Spectrum;
    /// The hash of a spectrum, and how sure each of its bits is, where so much of each value is a guess.
    pub(super) fn bits(spectrum: &Spectrum, guessed: Option<&Spectrum>) -> (PdqHash, Confidence);
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
        Along, CELLS, Cells, Confidence, FOLDED, FREQUENCIES, Lines, PdqHash, Read, SAMPLES,
        Samples, Spectrum, Tents, spectrum, weights,
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
    pub(super) fn tents(along: &Along, out: &mut Tents) {
        along.tents(out);
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
        let length = length.max(1);
        let count = lines.len() / length;
        let (whole, wide) = (count & !3, length & !3);
        for top in (0..whole).step_by(4) {
            let rows = lines.get(top * length..(top + 4) * length);
            let mut rows = rows.unwrap_or_default().chunks_exact(length);
            let (Some(a), Some(b), Some(c), Some(d)) =
                (rows.next(), rows.next(), rows.next(), rows.next())
            else {
                continue;
            };
            let four = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
            let four = four.zip(c.as_chunks::<4>().0.iter().zip(d.as_chunks::<4>().0));
            let columns = out.get_mut(top..).unwrap_or_default().chunks_mut(4 * count);
            for (((a, b), (c, d)), columns) in four.zip(columns) {
                for (column, values) in turned([*a, *b, *c, *d]).iter().enumerate() {
                    let to = columns.get_mut(column * count..);
                    if let Some(to) = to.and_then(|to| to.first_chunk_mut::<4>()) {
                        *to = *values;
                    }
                }
            }
        }
        // What is left at the right and below.
        for (row, line) in lines.chunks_exact(length).enumerate() {
            let first = if row < whole { wide } else { 0 };
            for (column, value) in line.iter().enumerate().skip(first) {
                if let Some(to) = out.get_mut(column * count + row) {
                    *to = *value;
                }
            }
        }
    }

    /// Four lines of four with columns for lines.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    fn turned(lines: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
        use std::arch::x86_64::{
            _mm_loadu_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps, _mm_unpackhi_ps,
            _mm_unpacklo_ps,
        };
        let mut out = [[0.0; 4]; 4];
        // SAFETY: these instructions are part of x86-64; each load and store is of a whole array of four,
        // and needs no alignment.
        unsafe {
            let [a, b, c, d] = lines.each_ref().map(|line| _mm_loadu_ps(line.as_ptr()));
            let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
            let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
            let columns = [
                _mm_movelh_ps(ab, cd),
                _mm_movehl_ps(cd, ab),
                _mm_movelh_ps(ab_high, cd_high),
                _mm_movehl_ps(cd_high, ab_high),
            ];
            for (out, column) in out.iter_mut().zip(columns) {
                _mm_storeu_ps(out.as_mut_ptr(), column);
            }
        }
        out
    }

    #[inline(always)]
    #[cfg(not(target_arch = "x86_64"))]
    fn turned(lines: [[f32; 4]; 4]) -> [[f32; 4]; 4] {
        std::array::from_fn(|column| std::array::from_fn(|row| lines[row][column]))
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

    /// As vectors have it: the second where either is no number.
    #[inline(always)]
    const fn greater(a: f32, b: f32) -> f32 {
        if a > b { a } else { b }
    }

    /// The cell before a place, of those that are not the last of their side. Which of two it is for a place
    /// in the middle of a cell makes no difference to what is read there.
    #[inline(always)]
    const fn cell_of(place: f32) -> i32 {
        /// Floats of this size are whole numbers one apart, so adding it rounds, and the lowest bits are the number.
        const WHOLE: f32 = 12_582_912.0;
        let rounded = (place - 0.5 + WHOLE).to_bits() as i32;
        let rounded = rounded.wrapping_sub(WHOLE.to_bits() as i32);
        let most = CELLS as i32 - 2;
        if rounded < 0 {
            0
        } else if rounded > most {
            most
        } else {
            rounded
        }
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
        let slope = 1.0 / ramp;
        for i in 0..SAMPLES {
            let beyond_x = greater(greater(-x[i], x[i] - LAST), 0.0);
            let beyond_y = greater(greater(-y[i], y[i] - LAST), 0.0);
            keep[i] = greater(1.0 - beyond_x * slope, 0.0) * greater(1.0 - beyond_y * slope, 0.0);
            let x = -greater(-greater(x[i], 0.0), -LAST);
            let y = -greater(-greater(y[i], 0.0), -LAST);
            let (column, line) = (cell_of(x), cell_of(y));
            right[i] = x - column as f32;
            below[i] = y - line as f32;
            at[i] = column.wrapping_mul(CELLS as i32).wrapping_add(line) as u32;
        }
        // Of each the cell and that below it, in its column and in the next.
        let mut pairs = [[[0.0f32; 2]; SAMPLES]; 2];
        let [near, next] = &mut pairs;
        for ((near, next), &at) in near.iter_mut().zip(next).zip(&at) {
            let four = cells.get(at as usize..at as usize + CELLS + 2);
            let four = four.unwrap_or_default();
            if let (Some(a), Some(b)) = (four.first_chunk::<2>(), four.last_chunk::<2>()) {
                (*near, *next) = (*a, *b);
            }
        }
        let [near, next] = &pairs;
        for i in 0..SAMPLES {
            let upper = near[i][0] * (1.0 - right[i]) + next[i][0] * right[i];
            let lower = near[i][1] * (1.0 - right[i]) + next[i][1] * right[i];
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

    /// Of two lines that lie the same way from the middle the difference, in the first's place, and
    /// the sum, in the other's.
    #[inline(always)]
    fn fold<const LENGTH: usize>(lines: &mut [[f32; LENGTH]; SAMPLES]) {
        let (first, last) = lines.split_at_mut(SAMPLES / 2);
        for (one, other) in first.iter_mut().zip(last.iter_mut().rev()) {
            let (ones, others) = (one.as_chunks_mut::<16>().0, other.as_chunks_mut::<16>().0);
            for (ones, others) in ones.iter_mut().zip(others) {
                let (mut differences, mut sums) = ([0.0; 16], [0.0; 16]);
                for i in 0..16 {
                    differences[i] = ones[i] - others[i];
                    sums[i] = ones[i] + others[i];
                }
                (*ones, *others) = (differences, sums);
            }
        }
    }

    #[inline(always)]
    pub(super) fn across(cells: &Cells, tents: &Tents, read: &mut Read, lines: &mut Lines) {
        /// Rows that are summed at a time, and frequencies: so many sums stay in registers.
        const ROWS: usize = 16;
        const AT_ONCE: usize = 4;
        let flat = cells.as_flattened();
        for (out, (first, weights)) in read.iter_mut().zip(tents.iter()) {
            let from = flat.get(first * CELLS..).unwrap_or_default();
            combine(from, CELLS, weights, out);
        }
        fold(read);
        let (differences, sums) = read.split_at(SAMPLES / 2);
        for (block, lines) in lines.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let from = block * ROWS;
            let mut all = [[0f32; ROWS]; FREQUENCIES];
            for (part, all) in all.as_chunks_mut::<AT_ONCE>().0.iter_mut().enumerate() {
                let first = part * AT_ONCE;
                let mut four = [[0f32; ROWS]; AT_ONCE];
                let mut add = |factors: &[f32; FREQUENCIES], column: &[f32; CELLS]| {
                    let values = column
                        .get(from..)
                        .and_then(|rest| rest.first_chunk::<ROWS>());
                    let factors = factors.as_chunks::<AT_ONCE>().0.get(part);
                    if let (Some(values), Some(factors)) = (values, factors) {
                        for (sums, &factor) in four.iter_mut().zip(factors) {
                            for (sum, &value) in sums.iter_mut().zip(values) {
                                *sum += factor * value;
                            }
                        }
                    }
                };
                if first >= FREQUENCIES / 2 {
                    let sums = FOLDED.iter().zip(sums.iter().rev());
                    sums.for_each(|(factors, column)| add(factors, column));
                } else {
                    let differences = FOLDED.iter().zip(differences);
                    differences.for_each(|(factors, column)| add(factors, column));
                }
                *all = four;
            }
            let in_order: [_; FREQUENCIES] = std::array::from_fn(|at| all[place(at)]);
            for (four, lines) in lines.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                for (part, frequencies) in in_order.as_chunks::<4>().0.iter().enumerate() {
                    let values = frequencies.map(|rows| rows.as_chunks::<4>().0[four]);
                    for (line, values) in four_of(lines, part).zip(turned(values)) {
                        *line = values;
                    }
                }
            }
        }
    }

    /// The same four values of each of some lines.
    #[inline(always)]
    fn four_of(lines: &mut [Row; 4], part: usize) -> impl Iterator<Item = &mut [f32; 4]> {
        let lines = lines.iter_mut();
        lines.filter_map(move |line| line.as_chunks_mut::<4>().0.get_mut(part))
    }

    /// Where a frequency stands among those of differences and sums.
    #[inline(always)]
    const fn place(frequency: usize) -> usize {
        frequency / 2 + frequency % 2 * (FREQUENCIES / 2)
    }

    #[inline(always)]
    pub(super) fn add_column(column: &[f32; CELLS], more: &[f32; FREQUENCIES], lines: &mut Lines) {
        for (line, &value) in lines.iter_mut().zip(column) {
            add(line, value, more);
        }
    }

    #[inline(always)]
    pub(super) fn down(lines: &Lines, tents: &Tents) -> Spectrum {
        const ROWS: usize = 4;
        let mut read = [[0f32; FREQUENCIES]; SAMPLES];
        for (out, (first, weights)) in read.iter_mut().zip(tents.iter()) {
            let mut sums = [0f32; FREQUENCIES];
            for (line, &weight) in lines.iter().skip(first).zip(weights) {
                add(&mut sums, weight, line);
            }
            *out = sums;
        }
        fold(&mut read);
        let (differences, sums) = read.split_at(SAMPLES / 2);
        let mut all = [[0f32; FREQUENCIES]; FREQUENCIES];
        for (part, all) in all.as_chunks_mut::<ROWS>().0.iter_mut().enumerate() {
            let first = part * ROWS;
            let mut four = [[0f32; FREQUENCIES]; ROWS];
            let mut take = |factors: &[f32; FREQUENCIES], line: &Row| {
                if let Some(factors) = factors
                    .get(first..)
                    .and_then(|rest| rest.first_chunk::<ROWS>())
                {
                    for (sums, &factor) in four.iter_mut().zip(factors) {
                        add(sums, factor, line);
                    }
                }
            };
            if first >= FREQUENCIES / 2 {
                let sums = FOLDED.iter().zip(sums.iter().rev());
                sums.for_each(|(factors, line)| take(factors, line));
            } else {
                let differences = FOLDED.iter().zip(differences);
                differences.for_each(|(factors, line)| take(factors, line));
            }
            *all = four;
        }
        std::array::from_fn(|frequency| all[place(frequency)])
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
        let all = |kernel: Kernel| {
            let [mut x, mut y] = [Tents::default(), Tents::default()];
            let along = Along::new(Span::uncrop(100, 30), 431.0, true, RAMP);
            kernel.tents(&along, &mut x);
            let along = Along::new(Span::part([0.1, 0.8]), 999.0, false, RAMP);
            kernel.tents(&along, &mut y);
            let mut lines: Box<Lines> = Box::new([[0.0; FREQUENCIES]; CELLS]);
            let mut read: Box<Read> = Box::new([[0.0; CELLS]; SAMPLES]);
            kernel.across(&cells, &x, &mut read, &mut lines);
            let more = std::array::from_fn(|frequency| value(frequency + 5) / 100.0);
            kernel.add_column(&cells[7], &more, &mut lines);
            let spectrum = kernel.down(&lines, &y);
            let guessed = spectrum.map(|row| row.map(|value| 0.3 * value.sin()));
            let hashes = [None, Some(&guessed)].map(|guessed| kernel.bits(&spectrum, guessed));
            (bits(spectrum.as_flattened()), hashes)
        };
        let others = |kernel: Kernel| {
            let flat = cells.as_flattened();
            let mut all = Vec::new();
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

    /// As the definition has it: each sample a sum of cells, each value a sum over all samples.
    #[test]
    fn rows_and_columns_are_read_by_tents_and_transformed() {
        let cells = cells();
        let [mut x, mut y] = [Tents::default(), Tents::default()];
        Along::new(Span::uncrop(60, 20), 431.0, true, RAMP).tents(&mut x);
        Along::new(Span::cover(150, 0), 310.0, false, RAMP).tents(&mut y);
        let read = |tents: &Tents, line: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let sample = |(first, weights): (usize, &[f32])| {
                let cells = weights.iter().zip(first..);
                cells
                    .map(|(&weight, cell)| f64::from(weight) * line(cell))
                    .sum()
            };
            tents.iter().map(sample).collect()
        };
        let rows: Vec<Vec<f64>> = (0..CELLS)
            .map(|row| read(&x, &|column| f64::from(cells[column][row])))
            .collect();
        let samples: Vec<Vec<f64>> = (0..SAMPLES)
            .map(|column| read(&y, &|row| rows[row][column]))
            .collect();
        let mut lines: Box<Lines> = Box::new([[0.0; FREQUENCIES]; CELLS]);
        let mut memory: Box<Read> = Box::new([[0.0; CELLS]; SAMPLES]);
        Kernel::best().across(&cells, &x, &mut memory, &mut lines);
        let spectrum = Kernel::best().down(&lines, &y);
        for (down, values) in spectrum.iter().enumerate() {
            for (across, &value) in values.iter().enumerate() {
                let mut sum = 0.0;
                for (row, factors) in DCT.columns.iter().enumerate() {
                    for (column, other) in DCT.columns.iter().enumerate() {
                        let factor = f64::from(factors[down]) * f64::from(other[across]);
                        sum += factor * samples[column][row];
                    }
                }
                let apart = (f64::from(value) - sum).abs();
                assert!(apart < 1e-2, "{down} {across}: {value} for {sum}");
            }
        }
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
        let upper = 0.75 * cells[3][7] + 0.25 * cells[4][7];
        let lower = 0.75 * cells[3][8] + 0.25 * cells[4][8];
        assert!((out[0] - 0.5 * (upper + lower)).abs() < 1e-3);
        assert!((out[1] - 0.75 * cells[0][0]).abs() < 1e-3);
        assert_eq!(out[2], 0.0);
        assert!((out[3] - cells[191][191]).abs() < 1e-3);
    }
}
