//! DirectDraw surfaces: blocks of BC1 to BC5 (DXT1 to DXT5, ATI1, ATI2), and pixels that are not compressed.
//!
//! Of mipmaps and the faces of a cube the first picture is given. Refused by name are BC6, BC7 and all other kinds.

mod blocks;

use blocks::Coding;

use super::frames::{Frames, Still};
use super::masks::{Mask, sampled};
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture};

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

/// The mark and the header.
const HEADER: usize = 4 + 124;
/// The header of newer files, behind the other.
const MORE: usize = 20;
/// Colours of a palette, and the bytes of each: red, green, blue, alpha.
const PALETTE: usize = 256 * 4;

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let short = || MediaError::damaged(Format::Dds, "the data end early");
    if bytes.len() < HEADER {
        return Err(short());
    }
    let kind = Kind::of(bytes)?;
    let (height, width) = (number(bytes, 12), number(bytes, 16));
    limits.admit(Format::Dds, width, height, LAYOUT.peak_bytes())?;
    let data = bytes.get(kind.start()..).unwrap_or_default();
    let (across, down) = (width as usize, height as usize);
    let count = across * down;
    let rgba = match kind {
        Kind::Blocks { coding, .. } => {
            blocks::unpack(coding, data, across, down).ok_or_else(short)?
        }
        Kind::Palette => {
            let palette = bytes.get(HEADER..HEADER + PALETTE).ok_or_else(short)?;
            let numbers = data.get(..count).ok_or_else(short)?;
            let colours = palette.as_chunks::<4>().0;
            let of = |&number: &u8| colours.get(usize::from(number)).copied();
            numbers.iter().filter_map(of).flatten().collect()
        }
        Kind::Pixels { bytes, masks, .. } => {
            let data = data.get(..count * bytes).ok_or_else(short)?;
            let mut rgba = vec![0; count * 4];
            let parts = masks.map(Mask::new);
            match bytes {
                1 => sampled::<1>(&parts, data, &mut rgba),
                2 => sampled::<2>(&parts, data, &mut rgba),
                3 => sampled::<3>(&parts, data, &mut rgba),
                _ => sampled::<4>(&parts, data, &mut rgba),
            }
            if masks[3] == 0 {
                for pixel in rgba.chunks_exact_mut(4) {
                    pixel[3] = 255;
                }
            }
            rgba
        }
    };
    let seen = compose(rgba, LAYOUT);
    Ok(Still::boxed(Picture::of(Format::Dds, width, height, seen)))
}

/// How pixels are stored.
enum Kind {
    Blocks {
        start: usize,
        coding: Coding,
    },
    Palette,
    Pixels {
        start: usize,
        /// Bytes of a pixel.
        bytes: usize,
        /// The bits of red, green, blue and alpha.
        masks: [u32; 4],
    },
}

impl Kind {
    fn start(&self) -> usize {
        match self {
            Self::Blocks { start, .. } | Self::Pixels { start, .. } => *start,
            Self::Palette => HEADER + PALETTE,
        }
    }

    fn of(file: &[u8]) -> Result<Self, MediaError> {
        const ALPHA: u32 = 1;
        const CODED: u32 = 4;
        const PALETTE: u32 = 0x20;
        const COLOURS: u32 = 0x40;
        const GREY: u32 = 0x2_0000;
        let (flags, bits) = (number(file, 80), number(file, 88));
        if flags & CODED != 0 {
            return Self::coded(file);
        }
        if flags & PALETTE != 0 {
            return Ok(Self::Palette);
        }
        let alpha = if flags & ALPHA != 0 {
            number(file, 104)
        } else {
            0
        };
        let (red, green, blue) = (number(file, 92), number(file, 96), number(file, 100));
        let masks = match (flags & COLOURS != 0, flags & GREY != 0, bits) {
            (true, _, 16 | 24 | 32) => [red, green, blue, alpha],
            // What the mask of a single byte says is anything.
            (_, true, 8) => [0xff, 0xff, 0xff, 0],
            (_, true, 16) => [red, red, red, alpha],
            _ => {
                let what = format_args!("{bits} bits a pixel, flags {flags:#x}");
                return Err(MediaError::variant(Format::Dds, what));
            }
        };
        Ok(Self::Pixels {
            start: HEADER,
            bytes: bits as usize / 8,
            masks,
        })
    }

    /// By its four letters, or by the number that newer files have in their place.
    fn coded(file: &[u8]) -> Result<Self, MediaError> {
        let letters = file.get(84..88).unwrap_or_default();
        let old = match letters {
            b"DXT1" => Some(Coding::Colours),
            b"DXT2" | b"DXT3" => Some(Coding::CoarseAlpha),
            b"DXT4" | b"DXT5" => Some(Coding::FineAlpha),
            b"ATI1" | b"BC4U" => Some(Coding::One(false)),
            b"BC4S" => Some(Coding::One(true)),
            b"ATI2" | b"BC5U" => Some(Coding::Two(false)),
            b"BC5S" => Some(Coding::Two(true)),
            _ => None,
        };
        if let Some(coding) = old {
            let start = HEADER;
            return Ok(Self::Blocks { start, coding });
        }
        if letters != b"DX10" {
            let what = format_args!("coded as {}", letters.escape_ascii());
            return Err(MediaError::variant(Format::Dds, what));
        }
        let (red, blue) = (0xff, 0x00ff_0000);
        let coding = match number(file, HEADER) {
            70..=72 => Coding::Colours,
            73..=75 => Coding::CoarseAlpha,
            76..=78 => Coding::FineAlpha,
            79 | 80 => Coding::One(false),
            81 => Coding::One(true),
            82 | 83 => Coding::Two(false),
            84 => Coding::Two(true),
            other => {
                let masks = match other {
                    27..=29 => [red, 0xff00, blue, 0xff00_0000],
                    87 | 90 | 91 => [blue, 0xff00, red, 0xff00_0000],
                    88 | 92 | 93 => [blue, 0xff00, red, 0],
                    _ => {
                        let what = format_args!("format {other}");
                        return Err(MediaError::variant(Format::Dds, what));
                    }
                };
                return Ok(Self::Pixels {
                    start: HEADER + MORE,
                    bytes: 4,
                    masks,
                });
            }
        };
        Ok(Self::Blocks {
            start: HEADER + MORE,
            coding,
        })
    }
}

/// A number of the header.
fn number(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}
