//! The data of one scan, unit by unit, with the restart markers where they must be.

use super::super::entropy::Bits;

/// Reads one scan. Every way in which its data are not as they should be is `None`.
///
/// What is called seldom takes it by value, so that it can live in registers.
#[derive(Clone, Copy)]
pub(super) struct Feed<'a> {
    pub(super) bits: Bits<'a>,
    data: &'a [u8],
    interval: u32,
    left: u32,
    next_restart: u8,
}

impl<'a> Feed<'a> {
    /// From the first byte behind a scan's header.
    pub(super) fn new(data: &'a [u8], at: usize, interval: u32) -> Self {
        Self {
            bits: Bits::new(data, at),
            data,
            interval,
            left: interval,
            next_restart: 0,
        }
    }

    /// Whether there are any restarts.
    #[inline(always)]
    pub(super) fn has_restarts(&self) -> bool {
        self.interval > 0
    }

    /// To be asked before each unit: whether a restart has just been passed.
    #[inline(always)]
    pub(super) fn restarts(&mut self) -> Option<bool> {
        if self.interval == 0 {
            return Some(false);
        }
        let due = self.left == 0;
        if due {
            *self = self.restarted()?;
        }
        // It was not 0.
        self.left = self.left.wrapping_sub(1);
        Some(due)
    }

    #[inline(never)]
    fn restarted(mut self) -> Option<Self> {
        let at = self.finish()?;
        if self.data.get(at..at + 2) != Some(&[0xff, 0xd0 + self.next_restart]) {
            return None;
        }
        self.next_restart = (self.next_restart + 1) & 7;
        self.bits = Bits::new(self.data, at + 2);
        self.left = self.interval;
        Some(self)
    }

    /// Where the marker behind the data stands, which are all used and all there.
    pub(super) fn finish(self) -> Option<usize> {
        self.bits.check().ok()?;
        self.bits.end_of_data()
    }
}
