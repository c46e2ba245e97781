//! Columns of records of a fixed number of bits.

use crate::segment::format::{ALIGNMENT, PACKED_TAIL, UNKNOWN_QUALITY};

/// How a posting is packed: from the least bit, one flag, 7 bits of quality, then the bank's index
/// and the content number above the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packing {
    pub(super) bank_bits: u32,
    pub(super) content_bits: u32,
    pub(super) content_base: u64,
}

/// A posting before packing or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// More postings of this hash are in the further postings.
    pub(super) more: bool,
    /// 0–100, or [`UNKNOWN_QUALITY`].
    pub(super) quality: u8,
    pub(super) bank_index: u32,
    pub(super) content: u64,
}

/// Bits needed for numbers up to `greatest`.
pub(super) fn bits_for(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

impl Packing {
    pub(super) fn width(self) -> usize {
        (8 + self.bank_bits + self.content_bits) as usize
    }

    /// Bytes of a column of so many records, or `None` where they cannot be counted.
    pub(super) fn column_bytes(self, records: usize) -> Option<usize> {
        records
            .checked_mul(self.width())?
            .div_ceil(8)
            .checked_add(PACKED_TAIL)?
            .checked_next_multiple_of(ALIGNMENT)
    }

    fn encode(self, record: Record) -> u128 {
        let content = u128::from(record.content.wrapping_sub(self.content_base));
        u128::from(record.more)
            | u128::from(record.quality & UNKNOWN_QUALITY) << 1
            | u128::from(record.bank_index) << 8
            | content << (8 + self.bank_bits)
    }

    /// Packs records into a column.
    pub(super) fn pack(self, records: impl ExactSizeIterator<Item = Record>) -> Vec<u8> {
        let bytes = self.column_bytes(records.len()).unwrap_or(usize::MAX);
        let mut column = vec![0u8; bytes];
        let width = self.width();
        for (number, record) in records.enumerate() {
            let bit = number * width;
            let value = self.encode(record) << (bit % 8);
            for (target, part) in column[bit / 8..].iter_mut().zip(value.to_le_bytes()) {
                *target |= part;
            }
        }
        column
    }

    /// Record number `number` of a column; `None` outside of it.
    pub(super) fn get(self, column: &[u8], number: usize) -> Option<Record> {
        let bit = number.checked_mul(self.width())?;
        let window = column.get(bit / 8..)?.first_chunk::<16>()?;
        let value = u128::from_le_bytes(*window) >> (bit % 8);
        let field = |shift: u32, bits: u32| (value >> shift) & ((1u128 << bits) - 1);
        Some(Record {
            more: value & 1 == 1,
            quality: field(1, 7) as u8,
            bank_index: field(8, self.bank_bits) as u32,
            content: self
                .content_base
                .wrapping_add(field(8 + self.bank_bits, self.content_bits) as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            raw in proptest::collection::vec((any::<bool>(), 0u8..=127, any::<u32>(), any::<u64>()), 1..50),
            bank_bits in 0u32..=32,
            content_bits in 0u32..=64,
        ) {
            let content_base = raw.iter().map(|r| r.3).min().unwrap();
            let packing = Packing { bank_bits, content_bits, content_base };
            let records: Vec<Record> = raw
                .into_iter()
                .map(|(more, quality, bank, content)| Record {
                    more,
                    quality,
                    bank_index: (u64::from(bank) & ((1u64 << bank_bits) - 1)) as u32,
                    content: content_base.wrapping_add(
                        (u128::from(content - content_base) & ((1u128 << content_bits) - 1)) as u64,
                    ),
                })
                .collect();
            let column = packing.pack(records.iter().copied());
            prop_assert_eq!(Some(column.len()), packing.column_bytes(records.len()));
            for (number, record) in records.iter().enumerate() {
                prop_assert_eq!(packing.get(&column, number), Some(*record));
            }
            prop_assert_eq!(packing.get(&column, 8 * column.len()), None);
            prop_assert_eq!(packing.get(&column, usize::MAX), None);
        }
    }

    #[test]
    fn widths() {
        assert_eq!(
            [0, 1, 2, 255, 256, u64::MAX].map(bits_for),
            [0, 1, 2, 8, 9, 64]
        );
    }
}
