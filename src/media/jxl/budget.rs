//! How much work a JPEG XL file may ask for, whatever its frames show.
//!
//! A frame that is never shown costs as much as one that is, and takes a few bytes. The decoder runs each
//! frame's work through a runner that its caller may bring: this one does the work in turn, counts it, and
//! breaks off. It counts, and looks at no clock, so that a file has the same outcome on every machine.

use jxl::api::{JxlParallelRunner, JxlParallelRunnerFun};
use jxl::error::{Error, Result};

use crate::media::error::Quantity;
use crate::media::{Limits, MediaError};

/// Pixels of the largest part that is decoded in one step.
const PIXELS_OF_A_STEP: u64 = 1 << 20;
/// How often a frame's pixels are gone through: its coarse form, smoothing, details, rendering, and some more.
const ROUNDS: u64 = 6;

/// Does the work of frames, in turn, up to an amount.
pub(super) struct Budget {
    canvas: u64,
    pixels: u64,
    rounds: u64,
    limit: u64,
    spent: bool,
}

impl Budget {
    pub(super) fn new(limits: &Limits, width: u32, height: u32) -> Self {
        let canvas = u64::from(width) * u64::from(height);
        let limit = limits.max_total_pixels.max(canvas);
        Self {
            canvas,
            pixels: limit.saturating_mul(ROUNDS),
            rounds: (u64::from(limits.max_frames) + 64) * 2 * ROUNDS,
            limit,
            spent: false,
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.spent
    }

    /// What it means for the file that the budget is spent.
    pub(super) fn error(&self) -> MediaError {
        MediaError::TooLarge {
            what: Quantity::Pixels,
            got: self.limit.saturating_add(1),
            limit: self.limit,
        }
    }

    fn take(&mut self, steps: usize) -> bool {
        let pixels = (steps as u64)
            .saturating_mul(PIXELS_OF_A_STEP)
            .min(self.canvas);
        match (self.pixels.checked_sub(pixels), self.rounds.checked_sub(1)) {
            (Some(pixels), Some(rounds)) => {
                (self.pixels, self.rounds) = (pixels, rounds);
            }
            _ => self.spent = true,
        }
        !self.spent
    }
}

impl JxlParallelRunner for Budget {
    fn run(&mut self, num: usize, fun: &JxlParallelRunnerFun<'_>) -> Result<()> {
        if num > 0 && !self.take(num) {
            return Err(Error::ApiUsageError("more work than is allowed"));
        }
        (0..num).try_for_each(fun)
    }

    fn num_threads(&self) -> usize {
        1
    }

    fn run_ordered(
        &mut self,
        num: usize,
        _most_threads: Option<usize>,
        fun: &JxlParallelRunnerFun<'_>,
    ) -> Result<()> {
        self.run(num, fun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_where_the_budget_does() {
        let limits = Limits {
            max_total_pixels: 10_000,
            max_frames: 1,
            ..Limits::default()
        };
        let mut budget = Budget::new(&limits, 100, 50);
        let mut rounds = 0;
        while budget.run_ordered(3, None, &|_| Ok(())).is_ok() {
            rounds += 1;
        }
        assert_eq!(rounds, 2 * ROUNDS);
        assert!(budget.is_spent());
        assert!(matches!(budget.error(), MediaError::TooLarge { .. }));
        let mut many = Budget::new(&limits, 1, 1);
        let mut rounds = 0;
        while many.run_ordered(1, None, &|_| Ok(())).is_ok() {
            rounds += 1;
        }
        assert_eq!(rounds, 65 * 2 * ROUNDS);
    }
}
