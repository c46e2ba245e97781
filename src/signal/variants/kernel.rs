#![expect(
    unsafe_code,
    reason = "a function compiled for more than the base instruction set is unsafe to call"
)]
//! The hot loops of the variants, written once and compiled per instruction set.
//!
//! As in PDQ's own kernel every instruction set does the same operations in the same order, so that
//! the hashes do not depend on the machine.

use crate::signal::pdq::kernel::per_instruction_set;
use crate::signal::pdq::spectrum::{FREQUENCIES, Spectrum};
use crate::signal::variants::patch::CELLS;
use crate::signal::variants::side::Side;

/// A patch, its rows turned into frequencies.
pub(super) type Lines = [[f32; FREQUENCIES]; CELLS];

per_instruction_set! {
    /// Each row of a patch in the frequencies along it.
    pub(super) fn across(cells: &[[f32; CELLS]; CELLS], side: &Side, lines: &mut Lines);
    /// The spectrum of rows that are frequencies already.
    pub(super) fn down(lines: &Lines, side: &Side) -> Spectrum;
    /// `sums += weight * values`, as far as both go.
    pub(super) fn add_weighted(sums: &mut [f32], weight: f32, values: &[f32]);
}

/// The loops themselves. Each is inlined into every instruction set's function.
mod generic {
    use super::{CELLS, FREQUENCIES, Lines, Side, Spectrum};

    type Row = [f32; FREQUENCIES];

    #[inline(always)]
    fn add(sums: &mut Row, weight: f32, row: &Row) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }

    #[inline(always)]
    pub(super) fn add_weighted(sums: &mut [f32], weight: f32, values: &[f32]) {
        for (sum, &value) in sums.iter_mut().zip(values) {
            *sum += weight * value;
        }
    }

    #[inline(always)]
    pub(super) fn across(cells: &[[f32; CELLS]; CELLS], side: &Side, lines: &mut Lines) {
        const ROWS: usize = 6;
        let (rows, lines) = (cells.as_chunks::<ROWS>().0, lines.as_chunks_mut::<ROWS>().0);
        for ([a, b, c, d, e, f], lines) in rows.iter().zip(lines) {
            // So many sums stay in registers.
            let mut sums = [[0f32; FREQUENCIES]; ROWS];
            for (x, weights) in side.iter().enumerate() {
                add(&mut sums[0], a[x], weights);
                add(&mut sums[1], b[x], weights);
                add(&mut sums[2], c[x], weights);
                add(&mut sums[3], d[x], weights);
                add(&mut sums[4], e[x], weights);
                add(&mut sums[5], f[x], weights);
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

    #[test]
    fn every_kernel_gives_the_bits_of_the_portable_one() {
        let value = |i: usize| ((i * 7919 % 1009) as f32 - 500.0) / 3.0;
        let mut cells = Box::new([[0.0; CELLS]; CELLS]);
        for (i, cell) in cells.as_flattened_mut().iter_mut().enumerate() {
            *cell = value(i);
        }
        let mut side: Box<Side> = Box::new([[0.0; FREQUENCIES]; CELLS]);
        for (i, weight) in side.as_flattened_mut().iter_mut().enumerate() {
            *weight = value(3 * i + 1);
        }
        let all = |kernel: Kernel| {
            let mut lines: Box<Lines> = Box::new([[0.0; FREQUENCIES]; CELLS]);
            kernel.across(&cells, &side, &mut lines);
            let mut sums = [1.5; 333];
            kernel.add_weighted(&mut sums, 0.3, cells.as_flattened());
            (kernel.down(&lines, &side), sums)
        };
        for kernel in Kernel::available() {
            assert_eq!(all(kernel), all(Kernel::Portable), "{kernel:?}");
        }
        let (_, sums) = all(Kernel::Portable);
        assert_eq!(sums[1], 1.5 + 0.3 * value(1));
    }
}
