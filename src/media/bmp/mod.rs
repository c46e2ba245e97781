//! Windows and OS/2 bitmaps, as files and as entries of an icon.
//!
//! There is no one specification: what is accepted, and what is seen of it, is what browsers do. Where they differ,
//! every view that one of them has is given: pixels that run-length coding leaves out are transparent and black.
//!
//! Refused are bitmaps whose data end before their pixels do, and those that are a JPEG or PNG inside: no browser shows
//! them.

mod header;
mod light;
mod pixels;
mod rle;

use header::Header;

pub(super) use light::{Light, light};

use super::frames::Frames;
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture};

/// `BM`, the file's length, four bytes without meaning, and where the pixels begin.
const FILE_HEADER: usize = 14;

/// A bitmap whose pixels begin at one place or, where the file names one inside its headers, at two.
struct Bitmap<'a> {
    bytes: &'a [u8],
    header: Header,
    /// The next last.
    places: Vec<usize>,
    given: u32,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let start = bytes
        .get(10..14)
        .and_then(|four| four.first_chunk::<4>())
        .map(|four| u32::from_le_bytes(*four) as usize);
    let (Some(start), Some(info)) = (start, bytes.get(FILE_HEADER..)) else {
        return Err(short(Format::Bmp));
    };
    let header = Header::read(info, false, Format::Bmp)?;
    let behind = FILE_HEADER + header.end;
    admit(&header, limits, Format::Bmp)?;
    let mut places = vec![start];
    if start < FILE_HEADER + header.before_palette {
        // Chromium takes the place as it is, others take the one behind all headers.
        places.insert(0, behind);
    }
    Ok(Box::new(Bitmap {
        bytes,
        header,
        places,
        given: 0,
    }))
}

impl Frames for Bitmap<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        while let Some(place) = self.places.pop() {
            let data = self.bytes.get(place..).unwrap_or_default();
            let picture = match pixels::samples(&self.header, data) {
                Some(samples) => picture(&self.header, samples, Format::Bmp),
                None if self.places.is_empty() && self.given == 0 => {
                    return Err(short(Format::Bmp));
                }
                None => continue,
            };
            self.given += 1;
            return Ok(Some(Picture {
                frame: self.given - 1,
                ..picture
            }));
        }
        Ok(None)
    }
}

/// Decodes a bitmap that is an entry of an icon: no file header, and a mask behind the pixels.
pub(super) fn icon(data: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let header = Header::read(data, true, Format::Ico)?;
    admit(&header, limits, Format::Ico)?;
    let behind = data.get(header.end..).unwrap_or_default();
    let mut samples = pixels::samples(&header, behind).ok_or_else(|| short(Format::Ico))?;
    if !samples.seen_alpha {
        // A mask that is cut hides nothing where it is missing.
        let mask = behind.get(samples.length..).unwrap_or_default();
        pixels::mask(&header, mask, &mut samples.rgba);
    }
    Ok(picture(&header, samples, Format::Ico))
}

/// Width, height and bits a pixel of an icon's entry.
pub(super) fn size_of_icon(data: &[u8]) -> Option<(u32, u32, u16)> {
    let header = Header::read(data, true, Format::Ico).ok()?;
    Some((header.width, header.height, header.bits))
}

fn admit(header: &Header, limits: &Limits, format: Format) -> Result<(), MediaError> {
    limits.admit(format, header.width, header.height, LAYOUT.peak_bytes())
}

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

fn picture(header: &Header, samples: pixels::Samples, format: Format) -> Picture {
    let seen = compose(samples.rgba, LAYOUT);
    Picture::of(format, header.width, header.height, seen)
}

fn short(format: Format) -> MediaError {
    MediaError::damaged(format, "the data end early")
}
