//! GIF's compression: LZW with codes of growing width, least significant bit first (GIF89a, appendix F).
//!
//! Each string of the dictionary is one that was written before, and one number more. So the dictionary holds places
//! in what is written: no string is ever put together.

/// How the codes of a frame end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every number is there; what follows is not looked at.
    Filled,
    /// The data say that they end.
    Said,
    /// The data end.
    Data,
    /// At a code that no dictionary has, or a width that there is not.
    Broken,
}

const WIDEST: u32 = 12;
const CODES: usize = 1 << WIDEST;

/// Where in what is written a string stands, and how long it is.
#[derive(Clone, Copy, Default)]
struct Place {
    start: u32,
    length: u32,
}

/// The dictionary's memory, for one frame after the other.
pub(super) struct Unpacker {
    places: Box<[Place; CODES]>,
}

impl Default for Unpacker {
    fn default() -> Self {
        Self {
            places: Box::new([Place::default(); CODES]),
        }
    }
}

impl Unpacker {
    /// Writes what the codes of a chain of sub-blocks stand for, and gives how much it was.
    pub(super) fn unpack(&mut self, code_size: u8, chain: &[u8], out: &mut [u8]) -> (usize, End) {
        if !(1..=8).contains(&code_size) {
            return (0, End::Broken);
        }
        let clear = 1_usize << code_size;
        let said = clear + 1;
        let narrow = u32::from(code_size) + 1;
        let mut codes = Codes {
            block: &[],
            rest: chain,
            bits: 0,
            count: 0,
        };
        let mut at = 0;
        let (mut width, mut next) = (narrow, said + 1);
        let mut before: Option<Place> = None;
        while at < out.len() {
            let Some(code) = codes.next(width) else {
                return (at, End::Data);
            };
            if code == clear {
                (width, next, before) = (narrow, said + 1, None);
                continue;
            }
            if code == said {
                return (at, End::Said);
            }
            let length = if code < clear {
                out[at] = code as u8;
                1
            } else {
                let place = match (self.places.get(code), before) {
                    (Some(&place), Some(_)) if code < next => place,
                    // The string before, and its own first number: it reaches into what it writes.
                    (_, Some(before)) if code == next => Place {
                        length: before.length + 1,
                        ..before
                    },
                    _ => return (at, End::Broken),
                };
                let (start, wanted) = (place.start as usize, place.length as usize);
                let length = wanted.min(out.len() - at);
                let there = length.min(at - start);
                out.copy_within(start..start + there, at);
                if there < length {
                    out[at + there] = out[start];
                }
                length
            };
            if let Some(before) = before
                && next < CODES
            {
                self.places[next] = Place {
                    length: before.length + 1,
                    ..before
                };
                next += 1;
            }
            // With codes of one bit, also where nothing is in the dictionary yet.
            if next == 1 << width && width < WIDEST {
                width += 1;
            }
            before = Some(Place {
                start: at as u32,
                length: length as u32,
            });
            at += length;
        }
        (at, End::Filled)
    }
}

/// Codes from a chain of sub-blocks, which ends at an empty one or where the bytes do.
struct Codes<'a> {
    block: &'a [u8],
    rest: &'a [u8],
    bits: u32,
    count: u32,
}

impl Codes<'_> {
    fn next(&mut self, width: u32) -> Option<usize> {
        while self.count < width {
            let byte = self.byte()?;
            self.bits |= u32::from(byte) << self.count;
            self.count += 8;
        }
        let code = self.bits & ((1 << width) - 1);
        self.bits >>= width;
        self.count -= width;
        Some(code as usize)
    }

    fn byte(&mut self) -> Option<u8> {
        if self.block.is_empty() {
            let (&size, rest) = self.rest.split_first()?;
            (self.block, self.rest) = rest.split_at(usize::from(size).min(rest.len()));
        }
        let (&byte, block) = self.block.split_first()?;
        self.block = block;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(code_size: u8, chain: &[u8], most: usize) -> (Vec<u8>, End) {
        let mut out = vec![0; most];
        let (filled, end) = Unpacker::default().unpack(code_size, chain, &mut out);
        out.truncate(filled);
        (out, end)
    }

    /// Codes of 3 bits in one sub-block.
    fn threes(codes: &[u32]) -> Vec<u8> {
        let mut bits = 0_u64;
        for (at, &code) in codes.iter().enumerate() {
            bits |= u64::from(code) << (3 * at);
        }
        let bytes = bits.to_le_bytes();
        let length = (codes.len() * 3).div_ceil(8);
        [&[length as u8], &bytes[..length], &[0]].concat()
    }

    #[test]
    fn a_string_may_reach_into_what_it_writes() {
        // Clear, 1, then "1 1" as it is made, then the end.
        assert_eq!(
            unpacked(2, &threes(&[4, 1, 6, 5]), 9),
            (vec![1, 1, 1], End::Said)
        );
    }

    #[test]
    fn the_end_is_told() {
        assert_eq!(unpacked(2, &threes(&[4, 1]), 1), (vec![1], End::Filled));
        assert_eq!(unpacked(2, &threes(&[4, 1]), 2), (vec![1], End::Data));
        assert_eq!(unpacked(2, &threes(&[4, 7]), 2), (vec![], End::Broken));
        assert_eq!(unpacked(2, &threes(&[6]), 2), (vec![], End::Broken));
        assert_eq!(
            unpacked(2, &[9, 0], 3).1,
            End::Data,
            "a sub-block that is cut"
        );
        for code_size in [0, 9, 12, 255] {
            assert_eq!(
                unpacked(code_size, &threes(&[4, 1]), 2),
                (vec![], End::Broken)
            );
        }
    }
}
