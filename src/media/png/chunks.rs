//! A PNG's chunks as the decoder is to see them.
//!
//! Browsers pass over a wrong checksum of pixels and of the end, leave out any other chunk that need not be understood
//! and whose checksum is wrong, and refuse a wrong header or palette. The `png` crate knows all or nothing, so it is
//! told to check none. Text is left out too: it may be long, and nobody looks at it.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Seek, SeekFrom};

/// The mark at a PNG's beginning.
const MARK: usize = 8;
/// A chunk's length, name and checksum.
const AROUND: usize = 4 + 4 + 4;

/// The bytes of a PNG without the chunks that are left out.
pub(super) struct Chunks<'a> {
    /// What is left of the mark or of the chunk that is read.
    now: &'a [u8],
    /// The chunks behind it.
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (now, rest) = bytes.split_at(MARK.min(bytes.len()));
        Self { now, rest }
    }

    /// Goes on to the next chunk that is not left out; at the end, nothing is there any more.
    fn go_on(&mut self) -> Result<()> {
        while self.now.is_empty() && !self.rest.is_empty() {
            let (chunk, rest) = first(self.rest);
            self.rest = rest;
            if keeps(chunk)? {
                self.now = chunk;
            }
        }
        Ok(())
    }
}

/// The first chunk, or all that is there of it, and what follows.
fn first(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes
        .first_chunk::<4>()
        .map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let end = length.saturating_add(AROUND);
    bytes.split_at(end.min(bytes.len()))
}

/// Whether the decoder is to see a chunk.
fn keeps(chunk: &[u8]) -> Result<bool> {
    let Some((name, _)) = chunk
        .get(4..)
        .and_then(|rest| rest.split_first_chunk::<4>())
    else {
        return Ok(true);
    };
    match name {
        b"IDAT" | b"fdAT" | b"IEND" => return Ok(true),
        b"tEXt" | b"zTXt" | b"iTXt" => return Ok(false),
        _ => {}
    }
    // One that is cut is the decoder's to refuse.
    let Some((covered, sum)) = chunk.get(4..).and_then(|rest| rest.split_last_chunk::<4>()) else {
        return Ok(true);
    };
    let mut crc = flate2::Crc::new();
    crc.update(covered);
    let is_right = crc.sum() == u32::from_be_bytes(*sum);
    let is_cut = chunk.len() - AROUND
        < u32::from_be_bytes(*chunk.first_chunk::<4>().unwrap_or(&[0; 4])) as usize;
    let is_critical = name[0].is_ascii_uppercase();
    match (is_right || is_cut, is_critical) {
        (true, _) => Ok(true),
        (false, false) => Ok(false),
        (false, true) => Err(Error::new(
            ErrorKind::InvalidData,
            "the checksum of its header or palette is wrong",
        )),
    }
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.go_on()?;
        Ok(self.now)
    }

    fn consume(&mut self, amount: usize) {
        self.now = self.now.get(amount..).unwrap_or_default();
    }
}

impl Read for Chunks<'_> {
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

/// The `png` crate asks for it and makes no use of it.
impl Seek for Chunks<'_> {
    fn seek(&mut self, _: SeekFrom) -> Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &[u8; 4], body: &[u8], sum: Option<u32>) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(&[name, body].concat());
        let sum = sum.unwrap_or(crc.sum());
        let length = body.len() as u32;
        [&length.to_be_bytes(), &name[..], body, &sum.to_be_bytes()].concat()
    }

    fn kept(chunks: &[Vec<u8>]) -> Result<Vec<u8>> {
        let bytes = [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat();
        let mut out = Vec::new();
        Chunks::new(&bytes).read_to_end(&mut out)?;
        Ok(out.split_off(MARK))
    }

    #[test]
    fn only_what_is_left_out_is_missing() {
        let header = chunk(b"IHDR", b"header", None);
        let broken = chunk(b"IDAT", b"pixels", Some(7));
        let end = chunk(b"IEND", b"", Some(7));
        let small = chunk(b"tRNS", b"see", Some(7));
        let text = chunk(b"tEXt", b"see", None);
        let all = [header.clone(), small, text, broken.clone(), end.clone()];
        let seen = kept(&all).expect("nothing is refused");
        assert_eq!(seen, [header.clone(), broken.clone(), end].concat());
        assert!(kept(&[chunk(b"PLTE", b"red", Some(7))]).is_err());
        let cut = broken[..9].to_vec();
        assert_eq!(
            kept(&[header.clone(), cut.clone()]).unwrap(),
            [header, cut].concat()
        );
        assert_eq!(kept(&[b"abc".to_vec()]).unwrap(), b"abc");
        let long = [&[0xff; 4], &b"abCD"[..], b"abcd"].concat();
        assert_eq!(kept(std::slice::from_ref(&long)).unwrap(), long);
    }
}
