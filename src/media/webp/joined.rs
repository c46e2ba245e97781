//! One picture of a container as a file of its own, without a copy of its bytes.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom};

use super::container::Part;

/// Bytes that stand in several places, read as if they followed one another.
pub(super) struct Joined<'a> {
    /// The headers: before the alpha, and before the picture.
    heads: [Vec<u8>; 2],
    bodies: [&'a [u8]; 2],
    at: u64,
}

impl<'a> Joined<'a> {
    pub(super) fn new(part: &Part<'a>) -> Self {
        let kind = if part.is_lossless { b"VP8L" } else { b"VP8 " };
        let alpha = part.alpha.unwrap_or_default();
        let mut first = b"RIFF\0\0\0\0WEBP".to_vec();
        let mut second = Vec::new();
        if part.alpha.is_some() {
            let (width, height) = part.size().unwrap_or((1, 1));
            let sides = [width, height].map(|side| side.saturating_sub(1).to_le_bytes());
            // With alpha, and nothing else.
            head(&mut first, b"VP8X", 10);
            first.extend([0x10, 0, 0, 0]);
            for [low, middle, high, _] in sides {
                first.extend([low, middle, high]);
            }
            head(&mut first, b"ALPH", alpha.len());
            second.extend(std::iter::repeat_n(0, alpha.len() % 2));
        }
        head(&mut second, kind, part.picture.len());
        let length = first.len() + alpha.len() + second.len() + part.picture.len() - 8;
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        for (to, from) in first.iter_mut().skip(4).zip(length.to_le_bytes()) {
            *to = from;
        }
        Self {
            heads: [first, second],
            bodies: [alpha, part.picture],
            at: 0,
        }
    }

    /// All pieces, and a byte that fills the last chunk up where its length is odd.
    fn pieces(&self) -> [&[u8]; 5] {
        let [first, second] = &self.heads;
        let [alpha, picture] = self.bodies;
        let filling: &[u8] = if picture.len() % 2 == 1 { &[0] } else { &[] };
        [first, alpha, second, picture, filling]
    }

    fn length(&self) -> u64 {
        self.pieces().iter().map(|piece| piece.len() as u64).sum()
    }
}

fn head(bytes: &mut Vec<u8>, kind: &[u8; 4], length: usize) {
    bytes.extend(kind);
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

impl BufRead for Joined<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        let mut before = 0;
        for piece in self.pieces() {
            let inside = usize::try_from(self.at.saturating_sub(before)).unwrap_or(usize::MAX);
            if let Some(rest @ [_, ..]) = piece.get(inside..) {
                return Ok(rest);
            }
            before += piece.len() as u64;
        }
        Ok(&[])
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount as u64);
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let from = self.fill_buf()?;
        let count = from.len().min(into.len());
        for (to, from) in into.iter_mut().zip(from) {
            *to = *from;
        }
        self.consume(count);
        Ok(count)
    }
}

impl Seek for Joined<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_read_as_one() {
        let part = Part {
            is_lossless: false,
            picture: b"picture",
            alpha: Some(b"alpha"),
        };
        let mut joined = Joined::new(&part);
        let mut all = Vec::new();
        joined.read_to_end(&mut all).expect("it is read");
        assert_eq!(all.len() as u64, joined.length());
        assert_eq!(all.len() % 2, 0);
        let said = u32::from_le_bytes(*all[4..].first_chunk::<4>().expect("a length"));
        // The filling is not counted.
        assert_eq!(said as usize, all.len() - 8 - 1);
        let place = |needle: &[u8]| all.windows(needle.len()).position(|found| found == needle);
        assert!(place(b"ALPH\x05\0\0\0alpha\0VP8 \x07\0\0\0picture\0").is_some());
        joined.seek(SeekFrom::End(-3)).expect("inside");
        let mut last = [0; 3];
        joined.read_exact(&mut last).expect("three bytes");
        assert_eq!(last, *b"re\0");
        assert!(joined.seek(SeekFrom::Current(-1000)).is_err());
        joined.seek(SeekFrom::Start(9000)).expect("beyond");
        assert_eq!(joined.read(&mut last).expect("the end"), 0);
    }
}
