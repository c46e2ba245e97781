//! The size that an HEVC stream says of itself (ITU-T H.265, clause 7.3.2.2), before its decoder believes it.

use super::bytes::Bytes;

/// Parameter sets of a stream.
const MOST_SETS: usize = 64;
/// Bytes of a parameter set that are looked at: the size stands near its beginning.
const MOST_BYTES: usize = 128;
/// The NAL unit type of a sequence parameter set.
const SEQUENCE: u8 = 33;

/// Width and height of the largest picture that the parameter sets in an `hvcC` box name. `None` where there
/// are none, or one cannot be read.
pub(super) fn largest(configuration: &[u8]) -> Option<(u32, u32)> {
    let mut body = Bytes(configuration);
    body.take(22)?;
    let arrays = body.u8()?;
    let mut largest = None;
    let mut sets = 0;
    for _ in 0..arrays {
        let kind = body.u8()? & 0x3f;
        for _ in 0..body.u16()? {
            let length = body.u16()?;
            let unit = body.take(usize::from(length))?;
            sets += 1;
            if sets > MOST_SETS {
                return None;
            }
            if kind != SEQUENCE {
                continue;
            }
            let (width, height) = size(unit)?;
            let (most_width, most_height) = largest.unwrap_or((0, 0));
            largest = Some((width.max(most_width), height.max(most_height)));
        }
    }
    largest
}

/// The size in one sequence parameter set, with its header of two bytes.
fn size(unit: &[u8]) -> Option<(u32, u32)> {
    let bytes = plain(unit.get(2..)?);
    let mut bits = Bits {
        bytes: &bytes,
        at: 0,
    };
    bits.skip(4);
    // Sets of streams in layers of time look otherwise, and are refused by the decoder.
    if bits.take(3)? != 0 {
        return None;
    }
    bits.skip(1);
    // What profile, tier and level the stream is of.
    bits.skip(88 + 8);
    bits.number()?;
    if bits.number()? == 3 {
        bits.skip(1);
    }
    Some((bits.number()?, bits.number()?))
}

/// Without the bytes that keep start codes out of a stream.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(MOST_BYTES);
    let mut zeros = 0;
    for &byte in bytes.iter().take(MOST_BYTES) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn skip(&mut self, count: usize) {
        self.at += count;
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |all: u32, _| Some(all << 1 | self.bit()?))
    }

    /// A number of Exp-Golomb's form.
    fn number(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        Some((1_u32 << zeros) - 1 + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_bit_by_bit() {
        // 1, 010, 011, 00100, 00101
        let mut bits = Bits {
            bytes: &[0b1010_0110, 0b0100_0010, 0b1000_0000],
            at: 0,
        };
        let numbers: Vec<_> = (0..5).map(|_| bits.number().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(bits.number(), None);
        assert_eq!(plain(&[1, 0, 0, 3, 1, 0, 0, 3]), [1, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_is_cut_has_no_size() {
        assert_eq!(largest(&[]), None);
        assert_eq!(largest(&[0; 23]), None);
        assert_eq!(largest(&[0xff; 400]), None);
    }
}
