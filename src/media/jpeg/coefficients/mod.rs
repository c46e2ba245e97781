//! The 64×64 samples of a JPEG from its coefficients, without decoding it.
//!
//! Owns the reading of the coefficients and what a decoder would have made of them afterwards: the
//! level shift, the picture's edges, and colours that leave the range (`colour.rs`). Refuses to
//! judge: [`sample`] says `None` for every file that is not plain and clean, and then the file is
//! decoded and judged by that. So no outcome depends on this room.
//!
//! **Plain** is what cameras, phones, browsers and servers write: 8-bit baseline, extended or
//! progressive Huffman coding, one component or YCbCr whose luma is sampled once or twice to a
//! chroma sample, all components in one scan (in progressive files: in the scans of DC). **Clean**
//! is narrower than decodable: every marker where it belongs, every code and value in range, no byte
//! too few or too many. What a decoder mends or passes over in its own way is left to the decoder.
//!
//! ```text
//! read the markers; a segment that is not as it should be: None
//! baseline:     for each unit: its blocks' coefficients, chroma too; each luma block is placed
//! progressive:  for each scan: the first coefficients of each luma block, the DC of each chroma
//!               block, and how far all others may swing; at the end each luma block is placed
//! place a block: no colour of it can leave the range: its first coefficients, to the samples
//!               else: its pixels, clamped as a decoder does, to the samples
//! ```

mod bands;
mod baseline;
mod canvas;
mod colour;
mod feed;
mod frame;
mod headers;
mod progressive;
mod quick;
mod refining;
pub(super) mod strict;

use super::super::Limits;
pub use canvas::{Sampled, Sampling};
use headers::Headers;
use progressive::Progressive;

pub(in crate::media) use progressive::MOST_BYTES_AGAIN;

/// More scans than this are left to the decoder.
const MAX_SCANS: u32 = 100;
/// Reads the samples of a plain, clean JPEG, and what else is asked for.
pub(in crate::media) fn sample(
    bytes: &[u8],
    limits: &Limits,
    sampling: Sampling,
) -> Option<Sampled> {
    let headers = Headers {
        bytes,
        limits,
        sampling,
        quantisation: [const { None }; 4],
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        interval: 0,
        orientation: None,
        adobe: false,
        tables: 0,
        scans: 0,
        frame: None,
    };
    let reader = Reader {
        headers,
        progressive: None,
    };
    reader.run()
}

/// What the frame header says.
struct FrameHeader {
    progressive: bool,
    /// Pixels as stored: in a row, and rows.
    sides: (u16, u16),
}

/// What the first frame header says; `None` where there is none.
fn frame_header(bytes: &[u8]) -> Option<FrameHeader> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = bytes.get(at..at + 4)? else {
            return None;
        };
        if let 0xc0..=0xc2 = marker {
            let &[h1, h0, w1, w0] = bytes.get(at + 5..at + 9)? else {
                return None;
            };
            return Some(FrameHeader {
                progressive: marker == 0xc2,
                sides: (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])),
            });
        }
        if marker == 0xda {
            return None;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

/// Whether the frame header says so. False where there is none.
pub(in crate::media) fn is_progressive(bytes: &[u8]) -> bool {
    frame_header(bytes).is_some_and(|header| header.progressive)
}

/// Pixels in a row, and rows, as the frame header says. `None` where there is none.
pub(in crate::media) fn sides(bytes: &[u8]) -> Option<(u16, u16)> {
    frame_header(bytes).map(|header| header.sides)
}

/// Whether reading the coefficients is likely to cost less than decoding: of progressive pictures
/// half or less at every size; of baseline ones no less in small pictures, where so many
/// coefficients count, and blocks to be clamped, that pixels come cheaper.
pub(in crate::media) fn is_worth_sampling(bytes: &[u8], from: u16) -> bool {
    frame_header(bytes).is_some_and(|header| {
        let (width, height) = header.sides;
        header.progressive || width.min(height) >= from
    })
}

/// Reads a file marker by marker.
struct Reader<'a> {
    headers: Headers<'a>,
    progressive: Option<Progressive>,
}

impl Reader<'_> {
    fn run(mut self) -> Option<Sampled> {
        let mut at = 2;
        loop {
            let &[0xff, marker] = self.headers.bytes.get(at..at + 2)? else {
                return None;
            };
            at += 2;
            if marker == 0xd9 {
                // A baseline picture has ended behind its only scan.
                return self.progressive.take()?.finish(&self.headers);
            }
            let length = self.headers.bytes.get(at..at + 2)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let segment = self.headers.bytes.get(at + 2..at + length)?;
            at += length;
            match marker {
                0xc0..=0xc2 => self.headers.start_frame(marker == 0xc2, segment)?,
                0xc4 => self.headers.define_huffman(segment)?,
                0xdb => self.headers.define_quantisation(segment)?,
                0xdd => {
                    self.headers.interval = u32::from(u16::from_be_bytes(segment.try_into().ok()?))
                }
                0xda => {
                    self.headers.scans += 1;
                    if self.headers.scans > MAX_SCANS {
                        return None;
                    }
                    if !self.headers.frame.as_ref()?.progressive {
                        return baseline::read(&self.headers, segment, at);
                    }
                    at = self.progressive_scan(segment, at)?;
                }
                0xe0 if segment.starts_with(b"AVI1") => return None,
                0xe1 => self.headers.application_1(segment)?,
                0xee => self.headers.application_14(segment)?,
                0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
        }
    }

    fn progressive_scan(&mut self, header: &[u8], at: usize) -> Option<usize> {
        let mut progressive = match self.progressive.take() {
            Some(progressive) => progressive,
            None => Progressive::new(&self.headers)?,
        };
        let end = progressive.scan(&self.headers, header, at)?;
        self.progressive = Some(progressive);
        Some(end)
    }
}
