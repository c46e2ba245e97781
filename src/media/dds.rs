//! DirectDraw surfaces: those that are not compressed are read here, as `image` reads compressed ones only.
//!
//! Of mipmaps and the faces of a cube the first picture is given.

use super::frames::{Frames, Still};
use super::masks::{Mask, sampled};
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture, still};

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

/// The mark and the header.
const HEADER: usize = 4 + 124;
/// The header of newer files, behind the other.
const MORE: usize = 20;

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let number = |at: usize| {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |four| u32::from_le_bytes(*four))
    };
    let Some(pixels) = Pixels::of(bytes, number) else {
        return still::open(Format::Dds, bytes, limits);
    };
    let (height, width) = (number(12), number(16));
    limits.admit(Format::Dds, width, height, LAYOUT.peak_bytes())?;
    let count = width as usize * height as usize;
    let data = bytes
        .get(pixels.start..)
        .and_then(|rest| rest.get(..count * pixels.bytes))
        .ok_or_else(|| MediaError::damaged(Format::Dds, "the data end early"))?;
    let masks = pixels.masks.map(Mask::new);
    let mut rgba = vec![0; count * 4];
    match pixels.bytes {
        2 => sampled::<2>(&masks, data, &mut rgba),
        3 => sampled::<3>(&masks, data, &mut rgba),
        _ => sampled::<4>(&masks, data, &mut rgba),
    }
    if pixels.masks[3] == 0 {
        for pixel in rgba.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
    }
    let seen = compose(rgba, LAYOUT);
    Ok(Still::boxed(Picture::of(Format::Dds, width, height, seen)))
}

/// How pixels that are not compressed are stored.
struct Pixels {
    start: usize,
    /// Bytes of a pixel.
    bytes: usize,
    /// The bits of red, green, blue and alpha.
    masks: [u32; 4],
}

impl Pixels {
    fn of(bytes: &[u8], number: impl Fn(usize) -> u32) -> Option<Self> {
        const ALPHA: u32 = 1;
        const COMPRESSED: u32 = 4;
        const COLOURS: u32 = 0x40;
        let flags = number(80);
        if flags & COMPRESSED != 0 {
            if bytes.get(84..88)? != b"DX10" {
                return None;
            }
            let (red, blue) = (0xff, 0x00ff_0000);
            let masks = match number(HEADER) {
                27..=29 => [red, 0xff00, blue, 0xff00_0000],
                87 | 90 | 91 => [blue, 0xff00, red, 0xff00_0000],
                88 | 92 | 93 => [blue, 0xff00, red, 0],
                _ => return None,
            };
            return Some(Self {
                start: HEADER + MORE,
                bytes: 4,
                masks,
            });
        }
        let (bits, alpha) = (number(88), number(104));
        if flags & COLOURS == 0 || !matches!(bits, 16 | 24 | 32) {
            return None;
        }
        let alpha = if flags & ALPHA != 0 { alpha } else { 0 };
        Some(Self {
            start: HEADER,
            bytes: bits as usize / 8,
            masks: [number(92), number(96), number(100), alpha],
        })
    }
}
