//! A bitmap's header, in all its lengths, and its palette.

use crate::media::format::is_bitmap_header_size;
use crate::media::{Format, MediaError};

/// How pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// Numbers of colours, or samples where masks say.
    Plain,
    Rle4,
    Rle8,
    Rle24,
}

pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Whether the first row stored is the one at the top.
    pub(super) top_down: bool,
    /// Bits of a pixel.
    pub(super) bits: u16,
    pub(super) coding: Coding,
    /// Red, green, blue.
    pub(super) palette: Vec<[u8; 3]>,
    /// The bits of red, green, blue and alpha. Those of alpha are 0 where a pixel has none.
    pub(super) masks: [u32; 4],
    /// Bytes before the palette, and all bytes with it.
    pub(super) before_palette: usize,
    pub(super) end: usize,
}

const PALETTE_BITS: u16 = 8;

impl Header {
    /// Reads the header that `info` begins with.
    pub(super) fn read(info: &[u8], in_icon: bool, format: Format) -> Result<Self, MediaError> {
        let number = |at: usize| -> u32 {
            let four = info
                .get(at..at + 4)
                .and_then(|four| four.first_chunk::<4>());
            four.map_or(0, |four| u32::from_le_bytes(*four))
        };
        let two = |at: usize| number(at) & 0xffff;
        let size = number(0) as usize;
        if info.len() < size.max(4) {
            return Err(MediaError::damaged(format, "the data end early"));
        }
        if !is_bitmap_header_size(size) {
            let what = format_args!("a header of {size} bytes");
            return Err(MediaError::variant(format, what));
        }
        // A field that the header is too short for is 0.
        let field = |at: usize| if at + 4 <= size { number(at) } else { 0 };
        let (width, height, bits) = if size == 12 {
            (two(4), two(6) as i32, two(10))
        } else {
            (number(4), number(8) as i32, two(14))
        };
        let bits = bits as u16;
        if width > i32::MAX as u32 {
            return Err(MediaError::damaged(format, "its width is negative"));
        }
        let (compression, used) = (field(16), field(32) as usize);
        let is_os2 = size > 12 && size <= 64 && !matches!(size, 40 | 52 | 56);
        let coding = match (compression, bits) {
            (0 | 3 | 6, 16 | 32) => Coding::Plain,
            (0, 1 | 2 | 4 | 8 | 24) => Coding::Plain,
            (1, 8) => Coding::Rle8,
            (2, 4) => Coding::Rle4,
            (4, 24) if is_os2 => Coding::Rle24,
            _ => {
                let what = format_args!("compression {compression} of {bits} bits");
                return Err(MediaError::variant(format, what));
            }
        };
        let mut before_palette = size;
        let masks = if compression == 3 || compression == 6 {
            let at = 40;
            if size == 40 {
                before_palette += if compression == 6 { 16 } else { 12 };
            }
            let has_alpha = size >= 56 || compression == 6;
            let alpha = if has_alpha { number(at + 12) } else { 0 };
            [number(at), number(at + 4), number(at + 8), alpha]
        } else {
            usual_masks(size, bits, in_icon, field(52))
        };
        let masks = masks.map(|mask| {
            if bits < 32 {
                mask & ((1 << bits) - 1)
            } else {
                mask
            }
        });
        if masks.iter().any(|&mask| !is_one_run(mask)) {
            return Err(MediaError::damaged(
                format,
                "a mask of its colours has gaps",
            ));
        }
        let entry = if size == 12 { 3 } else { 4 };
        let most = if bits <= PALETTE_BITS { 1 << bits } else { 256 };
        let count = match used {
            0 if bits > PALETTE_BITS => 0,
            0 => most,
            _ => used.min(most),
        };
        let stored = info.get(before_palette..).unwrap_or_default();
        let palette = if bits <= PALETTE_BITS {
            let colours = stored.chunks_exact(entry).take(count);
            colours
                .filter_map(|colour| match colour {
                    [blue, green, red, ..] => Some([*red, *green, *blue]),
                    _ => None,
                })
                .collect()
        } else {
            Vec::new()
        };
        // Twice as high, for the mask.
        let rows = if in_icon { 2 } else { 1 };
        Ok(Self {
            width,
            height: height.unsigned_abs() / rows,
            top_down: height < 0,
            bits,
            coding,
            palette,
            masks,
            before_palette,
            end: before_palette + count * entry,
        })
    }
}

impl Header {
    /// The row of the picture that the row stored so far from the first one is.
    pub(super) fn row<'a>(&self, rgba: &'a mut [u8], stored: usize) -> Option<&'a mut [u8]> {
        let (width, height) = (self.width as usize, self.height as usize);
        let y = if self.top_down {
            stored
        } else {
            height.checked_sub(stored + 1)?
        };
        rgba.get_mut(y * width * 4..(y + 1) * width * 4)
    }

    /// A colour of the palette, with its alpha. One that it does not have is black.
    pub(super) fn colour(&self, number: u8) -> [u8; 4] {
        let colour = self.palette.get(usize::from(number));
        let [red, green, blue] = *colour.unwrap_or(&[0; 3]);
        [red, green, blue, 255]
    }
}

/// The masks of pixels that bring none: five bits a colour, or eight.
fn usual_masks(size: usize, bits: u16, in_icon: bool, named_alpha: u32) -> [u32; 4] {
    let alpha = match size {
        108.. => named_alpha,
        // Outside of icons the fourth byte is filled with anything.
        40 if in_icon && bits == 32 => 0xff00_0000,
        _ => 0,
    };
    match bits {
        16 => [0x7c00, 0x03e0, 0x001f, alpha],
        _ => [0x00ff_0000, 0xff00, 0xff, alpha],
    }
}

/// Whether the bits of a mask stand side by side; those of an empty one do.
fn is_one_run(mask: u32) -> bool {
    mask == 0 || (mask >> mask.trailing_zeros()).wrapping_add(1).count_ones() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_one_run() {
        for mask in [0, 1, 0xff, 0xff00, 0x8000_0000, u32::MAX, 0x7fff_fffe] {
            assert!(is_one_run(mask), "{mask:x}");
        }
        for mask in [5, 0xf0f, 0x8000_0001, 0xff_00ff] {
            assert!(!is_one_run(mask), "{mask:x}");
        }
    }
}
