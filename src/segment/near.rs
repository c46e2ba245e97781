//! What a search needs of a near type, as slices.

use crate::hamming::kernel::{Column, Row};
use crate::segment::format::BUCKETS;

/// The most tables that a near type has.
const MAX_TABLES: usize = 16;

/// One near type of one segment: its hashes and, unless it is small, its tables.
#[derive(Clone, Copy)]
pub struct NearView<'a, R> {
    /// The distinct hashes, permuted, ascending.
    pub rows: &'a [R],
    pub(super) offsets: [&'a [u32]; MAX_TABLES],
    pub(super) columns: [Column<'a>; MAX_TABLES],
    pub(super) table_count: usize,
}

impl<'a, R: Row> NearView<'a, R> {
    /// How many tables there are: one for each 16-bit chunk, or none for a small segment, which is
    /// scanned.
    #[inline]
    #[must_use]
    pub const fn tables(&self) -> usize {
        self.table_count
    }

    /// Each table's entries.
    #[inline]
    #[must_use]
    pub fn columns(&self) -> &[Column<'a>] {
        self.columns.get(..self.table_count).unwrap_or_default()
    }

    /// Where each of a table's 65,536 buckets begins, and the end of the last.
    #[inline]
    #[must_use]
    pub fn offsets(&self, table: usize) -> Option<&'a [u32; BUCKETS + 1]> {
        self.offsets.get(table)?.first_chunk()
    }
}
