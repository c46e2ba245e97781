//! Who watches a measurement.

use super::error::MeasureError;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who watches: is told what is being measured, and may stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// When it becomes true, the measurement ends with [`MeasureError::Stopped`].
    pub stop: &'a AtomicBool,
    /// What is done right now, in words; called from any thread, and often.
    pub say: &'a (dyn Fn(String) + Sync),
}

impl Watch<'_> {
    /// Ends the measurement where that was asked for.
    pub(super) fn look(&self) -> Result<(), MeasureError> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(MeasureError::Stopped),
            false => Ok(()),
        }
    }

    pub(super) fn say(&self, what: String) {
        (self.say)(what);
    }
}
