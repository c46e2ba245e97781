//! What a search needs of a near type, as slices.

use crate::hamming::kernel::Row;

/// The most tables that a near type has.
const MAX_TABLES: usize = 16;

/// One near type of one segment: its hashes and, unless it is small, its tables.
#[derive(Clone, Copy)]
pub struct NearView<'a, R> {
    /// The distinct hashes, permuted, ascending.
    pub rows: &'a [R],
    pub(super) tables: [Table<'a>; MAX_TABLES],
    pub(super) siblings: [&'a [u16]; MAX_TABLES],
    pub(super) table_count: usize,
}

/// One table of a near type.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table<'a> {
    /// Where each of 65,536 buckets begins, and the end of the last.
    pub offsets: &'a [u32],
    /// The entries' hash numbers; empty where entry `i` is hash `i`.
    pub ids: &'a [u32],
}

impl Table<'_> {
    /// The number of the hash at `position`.
    #[inline]
    #[must_use]
    pub fn id(&self, position: u32) -> Option<u32> {
        if self.ids.is_empty() {
            return Some(position);
        }
        self.ids.get(position as usize).copied()
    }
}

impl<'a, R: Row> NearView<'a, R> {
    /// The tables, one for each 16-bit chunk; none for a small segment, which is scanned.
    #[inline]
    #[must_use]
    pub fn tables(&self) -> &[Table<'a>] {
        self.tables.get(..self.table_count).unwrap_or_default()
    }

    /// Each table's column of sibling chunks, padded to a multiple of 32.
    #[inline]
    #[must_use]
    pub fn siblings(&self) -> &[&'a [u16]] {
        self.siblings.get(..self.table_count).unwrap_or_default()
    }
}
