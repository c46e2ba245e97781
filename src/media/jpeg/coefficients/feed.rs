//! The data of one scan, unit by unit, with the restart markers where they must be.

use super::super::entropy::{Bits, MOST_DC_BITS, Table, extended};

/// Reads one scan. Every way in which its data are not as they should be is `None`.
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

    /// To be asked before each unit: whether a restart has just been passed.
    #[inline(always)]
    pub(super) fn restarts(&mut self) -> Option<bool> {
        if self.interval == 0 {
            return Some(false);
        }
        let due = self.left == 0;
        if due {
            self.restart()?;
        }
        self.left -= 1;
        Some(due)
    }

    fn restart(&mut self) -> Option<()> {
        let at = self.finish()?;
        if self.data.get(at..at + 2) != Some(&[0xff, 0xd0 + self.next_restart]) {
            return None;
        }
        self.next_restart = (self.next_restart + 1) & 7;
        self.bits = Bits::new(self.data, at + 2);
        self.left = self.interval;
        Some(())
    }

    /// Where the marker behind the data stands, which are all used and all there.
    pub(super) fn finish(&mut self) -> Option<usize> {
        self.bits.check().ok()?;
        self.bits.end_of_data()
    }

    /// The difference of a DC coefficient to the one before it.
    #[inline(always)]
    pub(super) fn dc_difference(&mut self, table: &Table) -> Option<i32> {
        let (symbol, raw) = self.bits.symbol_with_value(table).ok()?;
        let size = u32::from(symbol);
        (size <= MOST_DC_BITS).then(|| extended(raw, size))
    }
}
