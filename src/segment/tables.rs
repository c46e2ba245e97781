//! Building the tables of a near type by counting sort.

use crate::hamming::kernel::Row;
use crate::segment::format::BUCKETS;

/// Chunk number `chunk` of a row: chunks `2 w` and `2 w + 1` are the upper and lower halves of
/// word `w`.
#[inline(always)]
pub(super) fn chunk_of<R: Row>(row: &R, chunk: usize) -> u16 {
    let word = row.as_words().get(chunk / 2).copied().unwrap_or(0);
    (word >> (16 * (1 - chunk % 2))) as u16
}

/// One table: its buckets' offsets, and the entries bucket by bucket, each in order of number.
pub(super) struct BuiltTable {
    pub(super) offsets: Vec<u32>,
    pub(super) siblings: Vec<u16>,
    /// Empty for table 0, whose entries are the rows in order.
    pub(super) ids: Vec<u32>,
}

pub(super) fn build<R: Row>(rows: &[R], chunk: usize) -> BuiltTable {
    let mut offsets = vec![0u32; BUCKETS + 1];
    for row in rows {
        offsets[usize::from(chunk_of(row, chunk)) + 1] += 1;
    }
    let mut sum = 0;
    for offset in &mut offsets {
        sum += *offset;
        *offset = sum;
    }
    let mut siblings = vec![0u16; rows.len().next_multiple_of(32)];
    let mut ids = Vec::new();
    if chunk == 0 {
        for (target, row) in siblings.iter_mut().zip(rows) {
            *target = chunk_of(row, 1);
        }
    } else {
        ids = vec![0u32; rows.len()];
        let mut next = offsets.clone();
        for (row, id) in rows.iter().zip(0u32..) {
            let place = &mut next[usize::from(chunk_of(row, chunk))];
            siblings[*place as usize] = chunk_of(row, chunk ^ 1);
            ids[*place as usize] = id;
            *place += 1;
        }
    }
    BuiltTable {
        offsets,
        siblings,
        ids,
    }
}
