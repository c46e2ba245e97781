//! What all pages of a file together may cost.

use super::fault::damaged;
use crate::media::{Limits, MediaError};

/// How many bytes the directories and parts of all pages may still name, and how many bytes may come
/// out of the parts.
///
/// A part is decoded from the bytes that it names, so time goes with the sum of what the parts name.
/// In a well-formed file they do not lie over each other, and the sum is below the file's length.
/// Writers that get counts somewhat wrong, or keep an empty tile once for all its places, are let
/// pass: twice the length and 1 MiB are allowed. Time stays in proportion to the file's length,
/// whatever the number of pages.
///
/// What comes out is counted too: a tile may be far larger than the page that shows a corner of it.
pub(super) struct Budget {
    named: u64,
    decoded: u64,
    spent: bool,
}

impl Budget {
    const SLACK: u64 = 1 << 20;
    /// Bytes of the deepest pixels: four samples of 32 bits.
    const PIXEL: u64 = 16;

    pub(super) fn of(file: &[u8], limits: &Limits) -> Self {
        Self {
            named: (file.len() as u64)
                .saturating_mul(2)
                .saturating_add(Self::SLACK),
            // The first picture is always decoded.
            decoded: limits
                .max_total_pixels
                .max(limits.max_pixels)
                .saturating_mul(Self::PIXEL),
            spent: false,
        }
    }

    /// Counts off bytes of the file.
    pub(super) fn name(&mut self, bytes: u64) -> Result<(), MediaError> {
        let left = self.named.checked_sub(bytes);
        self.spent |= left.is_none();
        self.named = left
            .ok_or_else(|| damaged("the parts of its pages name the same bytes again and again"))?;
        Ok(())
    }

    /// Counts off bytes that come out of a part.
    pub(super) fn decode(&mut self, bytes: u64) -> Result<(), MediaError> {
        let left = self.decoded.checked_sub(bytes);
        self.spent |= left.is_none();
        self.decoded =
            left.ok_or_else(|| damaged("its parts are far larger than the pages that they show"))?;
        Ok(())
    }

    /// Whether nothing more can be read.
    pub(super) const fn is_spent(&self) -> bool {
        self.spent
    }
}
