//! Lists that come compressed with gzip or zstd: told by their first bytes, and read as they come.
//!
//! Owned here: decompression within bounds, by memory-safe code. Refused: what expands without
//! measure. A list of hashes hardly shrinks to a tenth, so what grows [`MAX_RATIO`] times over
//! is no list but an attack, beyond a size that does no harm.

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// How many times its compressed size a list may have.
pub const MAX_RATIO: u64 = 200;
/// Up to this size a list may have any ratio.
const HARMLESS: u64 = 64 << 20;
const BUFFER: usize = 64 * 1024;

/// How a list is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, of one or several members.
    Gzip,
    /// zstd, of one or several frames.
    Zstd,
}

impl Compression {
    /// What the first bytes of a list say.
    #[must_use]
    pub fn of(first_bytes: &[u8]) -> Self {
        match first_bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame before the first one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A list as text, whether it comes compressed or not.
///
/// ```
/// use std::io::Read;
/// let mut text = String::new();
/// hashgate::hashset::decompress(b"md5 d41d\n".as_slice())?.read_to_string(&mut text)?;
/// assert_eq!(text, "md5 d41d\n");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where the input cannot be read. What is damaged, or expands more than [`MAX_RATIO`] times, is an
/// error of the reader that is returned.
pub fn decompress<'a>(input: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let taken = Rc::new(Cell::new(0));
    let mut input = BufReader::with_capacity(
        BUFFER,
        Counted {
            inner: input,
            taken: Rc::clone(&taken),
        },
    );
    let kind = loop {
        match input.fill_buf() {
            Ok(buffer) => break Compression::of(buffer),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    let inner: Box<dyn Read + 'a> = match kind {
        Compression::None => return Ok(Box::new(input)),
        Compression::Gzip => Box::new(MultiGzDecoder::new(input)),
        Compression::Zstd => Box::new(Frames {
            input: Some(input),
            frame: None,
        }),
    };
    Ok(Box::new(BufReader::with_capacity(
        BUFFER,
        Measured {
            inner,
            taken,
            given: 0,
        },
    )))
}

/// Counts what is taken from the input.
struct Counted<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.set(self.taken.get() + read as u64);
        Ok(read)
    }
}

/// Fails where more comes out than may.
struct Measured<R> {
    inner: R,
    taken: Rc<Cell<u64>>,
    given: u64,
}

impl<R: Read> Read for Measured<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.given += read as u64;
        if self.given > HARMLESS && self.given / MAX_RATIO > self.taken.get() {
            return Err(io::Error::other(format!(
                "it expands more than {MAX_RATIO} times, which no list of hashes does"
            )));
        }
        Ok(read)
    }
}

/// The frames of a zstd file, one after the other.
struct Frames<R: BufRead> {
    /// Where no frame is being read.
    input: Option<R>,
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                match frame.read(buffer)? {
                    0 if !buffer.is_empty() => {}
                    read => return Ok(read),
                }
            }
            if let Some(frame) = self.frame.take() {
                self.input = Some(frame.into_inner());
            }
            let Some(mut input) = self.input.take() else {
                return Ok(0);
            };
            if is_at_end(&mut input)? {
                return Ok(0);
            }
            if skip(&mut input)? {
                self.input = Some(input);
                continue;
            }
            let frame = StreamingDecoder::new(input)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            self.frame = Some(frame);
        }
    }
}

fn is_at_end(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        match input.fill_buf() {
            Ok(buffer) => return Ok(buffer.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Passes over a skippable frame; false where the next frame is none.
fn skip(input: &mut impl BufRead) -> io::Result<bool> {
    // Frames are short beside the buffer; where the buffer holds less than a frame's head, what
    // follows fails to be one.
    if !matches!(input.fill_buf()?, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
        return Ok(false);
    }
    let mut head = [0; 8];
    input.read_exact(&mut head)?;
    let [.., a, b, c, d] = head;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let skipped = io::copy(&mut input.take(length), &mut io::sink())?;
    match skipped == length {
        true => Ok(true),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        decompress(bytes)?.read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn lists_come_out_as_they_went_in() {
        let list: Vec<u8> = (0..20_000)
            .flat_map(|n: u32| format!("{n:032x}\n").into_bytes())
            .collect();
        let (front, back) = list.split_at(300_000);
        assert_eq!(read(&list).unwrap(), list);
        assert_eq!(read(&gzip(&list)).unwrap(), list);
        assert_eq!(read(&zstd(&list)).unwrap(), list);
        assert_eq!(read(&[gzip(front), gzip(back)].concat()).unwrap(), list);
        assert_eq!(read(&[zstd(front), zstd(back)].concat()).unwrap(), list);
        let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc";
        let with = [&skippable[..], &zstd(front), skippable, &zstd(back)].concat();
        assert_eq!(read(&with).unwrap(), list);
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn what_is_cut_or_damaged_is_an_error_and_never_a_shorter_list() {
        let list = b"d41d8cd98f00b204e9800998ecf8427e\n".repeat(500);
        for whole in [gzip(&list), zstd(&list)] {
            for end in 4..whole.len() {
                assert!(read(&whole[..end]).is_err(), "cut at {end}");
            }
            let mut damaged = whole.clone();
            let middle = damaged.len() - 6;
            damaged[middle] ^= 0x55;
            assert!(read(&damaged).is_err(), "the checksum holds");
        }
    }

    #[test]
    fn what_expands_without_measure_is_refused() {
        let bomb = vec![0; 80 << 20];
        for bomb in [gzip(&bomb), zstd(&bomb)] {
            let error = read(&bomb).unwrap_err().to_string();
            assert!(error.contains("more than 200 times"), "{error}");
        }
        let harmless = vec![b'\n'; 1 << 20];
        assert_eq!(read(&gzip(&harmless)).unwrap().len(), 1 << 20);
    }
}
