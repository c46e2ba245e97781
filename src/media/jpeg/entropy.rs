//! The bits of a JPEG's entropy-coded segments, and the Huffman tables that cut them into symbols.
//!
//! One symbol at a time, whatever its code; `lookups.rs` beside it has the tables that take several.

/// Why a scan's data cannot be those of a whole picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data end, or a marker stands, before the scan's last block.
    Short,
    /// No symbol has this code.
    Code,
}

/// Codes of up to this many bits are found in one look-up.
pub(super) const FAST_BITS: u32 = 10;

/// A Huffman table, made for reading (ITU-T T.81, annex C and F.2.2.3).
pub(super) struct Table {
    /// By the next [`FAST_BITS`] bits: length of the code in the high byte, symbol in the low one;
    /// 0 where the code is longer.
    pub(super) fast: [u16; 1 << FAST_BITS],
    /// Per length: one more than the last code of it, moved to the top of 16 bits (65,536 is thus
    /// possible); 0 where there is none.
    end: [u32; 17],
    /// Per length: index of its first symbol, less its first code.
    shift: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// Builds a table from the number of codes of each length 1..=16 and the symbols in order.
    ///
    /// `None` where the lengths do not form a prefix code.
    pub(super) fn new(counts: &[u8; 16], listed: &[u8]) -> Option<Box<Self>> {
        let mut table = Box::new(Self {
            fast: [0; 1 << FAST_BITS],
            end: [0; 17],
            shift: [0; 17],
            symbols: [0; 256],
        });
        table
            .symbols
            .get_mut(..listed.len())?
            .copy_from_slice(listed);
        let mut code = 0_u32;
        let mut at = 0_usize;
        for (length, &count) in (1_u32..).zip(counts) {
            let slot = length as usize;
            table.shift[slot] = at as i32 - code as i32;
            for _ in 0..count {
                if code >= 1 << length {
                    return None;
                }
                let symbol = *listed.get(at)?;
                if length <= FAST_BITS {
                    let spread = FAST_BITS - length;
                    let first = (code << spread) as usize;
                    let entry = (length as u16) << 8 | u16::from(symbol);
                    table.fast[first..first + (1 << spread)].fill(entry);
                }
                code += 1;
                at += 1;
            }
            if count > 0 {
                table.end[slot] = code << (16 - length);
            }
            code <<= 1;
        }
        Some(table)
    }

    /// The symbol of a code longer than [`FAST_BITS`] at the top of `bits`, and the code's length.
    #[cold]
    fn slow(&self, bits: u64) -> Result<(u8, u32), Fault> {
        let top = (bits >> 48) as u32;
        for length in FAST_BITS + 1..=16 {
            let slot = length as usize;
            if top < self.end[slot] {
                let at = (top >> (16 - length)) as i32 + self.shift[slot];
                let symbol = self
                    .symbols
                    .get(usize::try_from(at).map_err(|_| Fault::Code)?);
                return Ok((*symbol.ok_or(Fault::Code)?, length));
            }
        }
        Err(Fault::Code)
    }
}

/// The most bits that an AC coefficient's value has with 8-bit samples (F.1.2.2.1).
pub(super) const MOST_AC_BITS: u32 = 10;
/// The same for the difference of two DC coefficients.
pub(super) const MOST_DC_BITS: u32 = 11;

/// The value that `size` bits stand for (F.2.2.1, EXTEND). `size` is at most 16.
#[inline(always)]
pub(super) fn extended(raw: u32, size: u32) -> i32 {
    // Without a way to go wrong at: half of all values are negative, in no order.
    let raw = raw as i32;
    let half = (1 << size) >> 1;
    let is_below = raw.wrapping_sub(half) >> 31;
    raw.wrapping_add(is_below & (1_i32.wrapping_sub(1 << size)))
}

/// Reads bits from the first byte after a scan's header to the next marker, most significant first.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte that is not in `held` yet. Never moves past a marker.
    at: usize,
    /// Bits read ahead, the next one at the top.
    held: u64,
    /// How many of `held` count. Those behind are the next bits of the file, or zeros.
    count: u32,
    /// How many of them are zeros made up after the data's end.
    padding: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self {
            data,
            at,
            held: 0,
            count: 0,
            padding: 0,
        }
    }

    /// Holds at least so many bits, at most 56.
    #[inline(always)]
    pub(super) fn hold_for(&mut self, count: u32) {
        if self.count < count {
            self.fill_up();
        }
    }

    /// Holds at least 32 bits.
    #[inline(always)]
    fn fill(&mut self) {
        if self.count < 32 {
            self.fill_up();
        }
    }

    /// Holds at least 56 bits.
    #[inline(always)]
    fn fill_up(&mut self) {
        if let Some(eight) = self.data.get(self.at..)
            && let Some(&eight) = eight.first_chunk::<8>()
        {
            let word = u64::from_be_bytes(eight);
            // No byte of 0xff: none whose complement is zero.
            let inverted = !word;
            if inverted.wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                // What does not fit as a whole byte is held already, and not counted: the same bits
                // are put in their place again the next time.
                self.held |= word.wrapping_shr(self.count);
                let bytes = (63 - self.count) >> 3;
                self.at = self.at.wrapping_add(bytes as usize);
                self.count = self.count.wrapping_add(bytes * 8);
                return;
            }
        }
        *self = self.filled_bytewise();
    }

    /// By value, so that a reader in a loop can live in registers.
    #[cold]
    #[inline(never)]
    fn filled_bytewise(mut self) -> Self {
        while self.count <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                (Some(0xff), _) | (None, _) => {
                    self.padding += 64 - self.count;
                    self.count = 64;
                    return self;
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    /// Drops `length` bits, at most 32, that are held.
    #[inline(always)]
    pub(super) fn drop(&mut self, length: u32) {
        // Neither can pass its range; the checks would cost as much as the work.
        self.held = self.held.wrapping_shl(length);
        self.count = self.count.wrapping_sub(length);
    }

    /// Whether bits were used that are not in the file. To be asked at least once per 32 symbols.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.padding > self.count {
            Err(Fault::Short)
        } else {
            Ok(())
        }
    }

    /// The next symbol.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        self.fill();
        let entry = table.fast[(self.held >> (64 - FAST_BITS)) as usize];
        if entry != 0 {
            self.drop(u32::from(entry >> 8));
            return Ok(entry as u8);
        }
        let (symbol, length) = table.slow(self.held)?;
        self.drop(length);
        Ok(symbol)
    }

    /// Passes over the next symbol and the bits of its value (its low four bits say how many).
    #[inline(always)]
    pub(super) fn symbol_and_value(&mut self, table: &Table) -> Result<u8, Fault> {
        self.fill();
        let entry = table.fast[(self.held >> (64 - FAST_BITS)) as usize];
        let (symbol, length) = if entry != 0 {
            (entry as u8, u32::from(entry >> 8))
        } else {
            table.slow(self.held)?
        };
        self.drop(length + u32::from(symbol & 15));
        Ok(symbol)
    }

    /// The next symbol and the bits of its value (its low four bits say how many).
    #[inline(always)]
    pub(super) fn symbol_with_value(&mut self, table: &Table) -> Result<(u8, u32), Fault> {
        self.hold();
        let entry = table.fast[(self.held >> (64 - FAST_BITS)) as usize];
        let (symbol, length) = if entry != 0 {
            (entry as u8, u32::from(entry >> 8))
        } else {
            table.slow(self.held)?
        };
        // At most 16 of the one and 15 of the other.
        let size = u32::from(symbol & 15);
        let raw = (self.held << length >> 1 >> (63 - size)) as u32;
        self.drop(length + size);
        Ok((symbol, raw))
    }

    /// The difference of a DC coefficient to the one before it; `None` where it is none, or too
    /// large for 8-bit samples.
    #[inline(always)]
    pub(super) fn dc_difference(&mut self, table: &Table) -> Option<i32> {
        let (symbol, raw) = self.symbol_with_value(table).ok()?;
        let size = u32::from(symbol);
        (size <= MOST_DC_BITS).then(|| extended(raw, size))
    }

    /// The next `length` bits, 1 to 32, without taking them.
    #[inline(always)]
    pub(super) fn look(&mut self, length: u32) -> usize {
        self.hold_for(length);
        (self.held >> (64 - length)) as usize
    }

    /// Holds at least 56 bits, for several [`Self::look_held`] and [`Self::drop`] in a row.
    #[inline(always)]
    pub(super) fn hold(&mut self) {
        if self.count <= 56 {
            self.fill_up();
        }
    }

    /// The same where so many bits are held for sure.
    #[inline(always)]
    pub(super) fn look_held(&self, length: u32) -> usize {
        (self.held >> (64 - length)) as usize
    }

    /// The `count` bits behind the next `length`; both together at most 32, and held.
    #[inline(always)]
    pub(super) fn held_behind(&self, length: u32, count: u32) -> u64 {
        self.held.wrapping_shl(length) >> 1 >> (63 - (count & 63))
    }

    /// The position behind the data, where less than a byte of them is left: at a marker, or at the
    /// end. `None` where data follow that nobody took.
    pub(super) fn end_of_data(self) -> Option<usize> {
        let bits = self.filled_bytewise();
        let left = bits.count.checked_sub(bits.padding)?;
        (bits.padding > 0 && left < 8).then_some(bits.at)
    }

    /// The next `length` bits, at most 16.
    #[inline(always)]
    pub(super) fn take(&mut self, length: u32) -> u32 {
        self.fill();
        if length == 0 {
            return 0;
        }
        let value = (self.held >> (64 - length)) as u32;
        self.drop(length);
        value
    }

    /// Passes over any number of bits.
    #[inline(always)]
    pub(super) fn skip(&mut self, mut length: u32) {
        while length > 0 {
            let now = length.min(32);
            self.fill();
            self.drop(now);
            length -= now;
        }
    }

    /// Ends a segment: drops what is left before the next marker and gives the position of its
    /// `0xff`, or that of the end. Errs where the segment was too short for what was read from it.
    pub(super) fn finish(&self) -> Result<usize, Fault> {
        self.check()?;
        Ok(next_marker(self.data, self.at))
    }
}

/// Where the next marker's `0xff` stands from `at` on, passing over stuffed and fill bytes; the
/// data's length where there is none.
pub(super) fn next_marker(data: &[u8], mut at: usize) -> usize {
    while let Some(pair) = data.get(at..at + 2) {
        match pair {
            [0xff, 0 | 0xff] => at += 1,
            [0xff, _] => return at,
            _ => at += 1,
        }
    }
    data.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes 0, 10, 110 and one of 12 bits.
    fn table() -> Box<Table> {
        let mut counts = [0; 16];
        counts[0] = 1;
        counts[1] = 1;
        counts[2] = 1;
        counts[11] = 1;
        Table::new(&counts, &[5, 6, 7, 8]).unwrap()
    }

    #[test]
    fn symbols_are_read_across_stuffed_bytes() {
        // 0 | 10 | 110 | 111000000000 | then 1s
        let bits = "0".to_owned() + "10" + "110" + "111000000000" + "111111";
        let mut bytes: Vec<u8> = bits
            .as_bytes()
            .chunks(8)
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
            .collect();
        bytes.extend([0xff, 0, 0xff, 0xd9]);
        let mut reader = Bits::new(&bytes, 0);
        let table = table();
        for symbol in [5, 6, 7, 8] {
            assert_eq!(reader.symbol(&table), Ok(symbol));
        }
        assert_eq!(reader.take(6), 0b11_1111);
        assert_eq!(reader.take(8), 0xff);
        assert_eq!(reader.finish(), Ok(bytes.len() - 2));
        let _ = reader.take(1);
        assert_eq!(reader.finish(), Err(Fault::Short));
    }

    #[test]
    fn values_are_extended_as_the_standard_has_it() {
        let of = |size: u32| (0..1 << size).map(move |raw| extended(raw, size));
        assert_eq!(of(0).collect::<Vec<_>>(), [0]);
        assert_eq!(of(1).collect::<Vec<_>>(), [-1, 1]);
        assert_eq!(of(2).collect::<Vec<_>>(), [-3, -2, 2, 3]);
        assert_eq!((extended(0, 10), extended(1023, 10)), (-1023, 1023));
    }

    #[test]
    fn codes_of_no_symbol_are_refused() {
        let mut reader = Bits::new(&[0b1111_0000, 0], 0);
        assert_eq!(reader.symbol(&table()), Err(Fault::Code));
    }

    #[test]
    fn lengths_that_are_no_code_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, &[1, 2, 3]).is_none());
        counts[0] = 2;
        assert!(Table::new(&counts, &[1]).is_none(), "a symbol is missing");
        assert!(Table::new(&counts, &[1, 2]).is_some());
    }

    #[test]
    fn markers_are_found_behind_fill_bytes() {
        assert_eq!(next_marker(&[1, 0xff, 0, 0xff, 0xff, 0xd9], 0), 4);
        assert_eq!(next_marker(&[1, 0xff], 0), 2);
    }
}
