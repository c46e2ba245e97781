//! The codes of faxes, written.

use fax::maps::{Mode, black, mode, white};
use fax::{BitWriter as _, Bits, VecWriter};

/// Where the colour changes in a row of bits, white first.
pub(crate) fn changes(row: &[u8], width: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut black = false;
    for x in 0..width {
        if (row[x as usize / 8] >> (7 - x % 8) & 1 == 1) != black {
            black = !black;
            found.push(x);
        }
    }
    found
}

pub(crate) struct FaxWriter {
    pub(crate) bits: VecWriter,
    pub(crate) count: u32,
}

impl FaxWriter {
    pub(crate) fn new() -> Self {
        Self {
            bits: VecWriter::new(),
            count: 0,
        }
    }

    pub(crate) fn put(&mut self, bits: Bits) {
        self.count += u32::from(bits.len);
        let Ok(()) = self.bits.write(bits);
    }

    pub(crate) fn align(&mut self) {
        while !self.count.is_multiple_of(8) {
            self.put(Bits { data: 0, len: 1 });
        }
    }

    pub(crate) fn run(&mut self, is_black: bool, mut length: u32) {
        let code = |length: u32| {
            let length = length as u16;
            let code = if is_black {
                black::encode(length)
            } else {
                white::encode(length)
            };
            code.expect("a code")
        };
        while length >= 64 {
            let part = (length & !63).min(2560);
            self.put(code(part));
            length -= part;
        }
        self.put(code(length));
    }

    pub(crate) fn runs(&mut self, changes: &[u32], width: u32) {
        let (mut at, mut is_black) = (0, false);
        for &change in changes.iter().chain([&width]) {
            self.run(is_black, change - at);
            at = change;
            is_black = !is_black;
        }
    }

    /// T.4, 4.2: each change by that of the row above, by runs, or passing one over.
    pub(crate) fn by_the_row_above(&mut self, above: &[u32], changes: &[u32], width: u32) {
        let (mut at, mut is_black) = (-1_i64, false);
        while at < i64::from(width) {
            let place = |list: &[u32], at: usize| list.get(at).copied().unwrap_or(width);
            // Of the row: the next change, to the other colour; after it the one behind.
            let first = changes
                .iter()
                .enumerate()
                .position(|(number, &change)| {
                    i64::from(change) > at && (number % 2 == 1) == is_black
                })
                .unwrap_or(changes.len());
            let upper = above
                .iter()
                .enumerate()
                .position(|(number, &change)| {
                    i64::from(change) > at && (number % 2 == 1) == is_black
                })
                .unwrap_or(above.len());
            let (a1, a2) = (place(changes, first), place(changes, first + 1));
            let (b1, b2) = (place(above, upper), place(above, upper + 1));
            let code = |mode| mode::encode(mode).expect("a code");
            if b2 < a1 {
                self.put(code(Mode::Pass));
                at = i64::from(b2);
                continue;
            }
            let by = i64::from(a1) - i64::from(b1);
            if (-3..=3).contains(&by) {
                self.put(code(Mode::Vertical(by as i8)));
                at = i64::from(a1);
                is_black = !is_black;
            } else {
                self.put(code(Mode::Horizontal));
                self.run(is_black, a1 - at.max(0) as u32);
                self.run(!is_black, a2 - a1);
                at = i64::from(a2);
            }
        }
    }
}
