//! The Huffman tables of a file, as its segments define them one after another.

use super::super::{Format, MediaError};
use super::entropy::{MOST_AC_BITS, MOST_DC_BITS, Table};
use super::standard;

/// More Huffman tables than this are refused: each costs more time than its few bytes suggest.
const MAX_TABLES: u32 = 4096;

/// The tables in force.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Box<Table>>; 4],
    pub(super) ac: [Option<Box<Table>>; 4],
    defined: u32,
    /// Whether a table has symbols that no picture of 8-bit samples needs, in sequential files:
    /// decoders make different things of them.
    pub(super) is_odd: bool,
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Jpeg, reason)
}

impl Tables {
    /// Takes the tables of one segment (ITU-T T.81, B.2.4.2).
    pub(super) fn define(&mut self, mut segment: &[u8]) -> Result<(), MediaError> {
        while let [class_and_slot, rest @ ..] = segment {
            self.defined += 1;
            if self.defined > MAX_TABLES {
                return Err(damaged(format!(
                    "it has more than {MAX_TABLES} Huffman tables"
                )));
            }
            let short = || damaged("a Huffman table is short");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(short)?;
            let table =
                Table::new(counts, symbols).ok_or_else(|| damaged("a Huffman table is no code"))?;
            let is_dc = class_and_slot >> 4 == 0;
            self.is_odd |= class_and_slot >> 4 > 1
                || symbols.iter().any(|&symbol| {
                    let (run, size) = (symbol >> 4, u32::from(symbol & 15));
                    match is_dc {
                        true => u32::from(symbol) > MOST_DC_BITS,
                        false => size > MOST_AC_BITS || (size == 0 && !matches!(run, 0 | 15)),
                    }
                });
            let tables = if is_dc { &mut self.dc } else { &mut self.ac };
            *tables
                .get_mut(usize::from(class_and_slot & 15))
                .ok_or_else(|| damaged("a Huffman table has no such place"))? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// Puts the standard's own tables where a sequential file that begins its first scan has none:
    /// pictures cut out of films leave them out.
    pub(super) fn fill_in_standard(&mut self) {
        let dc = self
            .dc
            .iter_mut()
            .zip([standard::DC_LUMA, standard::DC_CHROMA]);
        let ac = self
            .ac
            .iter_mut()
            .zip([standard::AC_LUMA, standard::AC_CHROMA]);
        for (table, (counts, symbols)) in dc.chain(ac) {
            if table.is_none() {
                *table = Table::new(counts, symbols);
            }
        }
    }
}
