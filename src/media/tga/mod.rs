//! Targa (TGA): pixels of all usual depths, plain or in packets, from any corner.
//!
//! Owns the header, and what makes bytes a Targa: old files have no mark. Alpha is believed where a pixel has some; files
//! that leave 0 everywhere are opaque. Refused by name are rows that are stored in turns, which no program writes.

mod header;
mod packets;

use header::{Header, Kind};

pub(super) use header::is_targa;

use super::frames::{Frames, Still};
use super::masks::{Mask, sampled};
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture};

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

/// Bytes of the deepest pixel, unpacked.
const DEEPEST: u64 = 4;

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let header = Header::read(bytes)
        .ok_or_else(|| MediaError::damaged(Format::Tga, "its header makes no sense"))?;
    let Some(pixel) = header.pixel_bytes() else {
        let what = format_args!("{} bits a pixel of {:?}", header.bits, header.kind);
        return Err(MediaError::variant(Format::Tga, what));
    };
    if header.in_turns {
        return Err(MediaError::variant(
            Format::Tga,
            "rows that are stored in turns",
        ));
    }
    let (width, height) = (header.width, header.height);
    limits.admit(Format::Tga, width, height, DEEPEST + LAYOUT.peak_bytes())?;
    let data = bytes.get(header.start..).unwrap_or_default();
    let unpacked;
    let stored = if header.packed {
        unpacked = packets::unpack(data, pixel, header.pixels()).ok_or_else(short)?;
        &unpacked[..]
    } else {
        data.get(..header.pixels() * pixel).ok_or_else(short)?
    };
    let mut rgba = vec![0; header.pixels() * 4];
    paint(&header, bytes, stored, &mut rgba)?;
    let has_alpha = !header.denies_alpha && rgba.chunks_exact(4).any(|pixel| pixel[3] != 0);
    if !has_alpha {
        for pixel in rgba.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
    }
    turn(&header, &mut rgba);
    let seen = compose(rgba, LAYOUT);
    Ok(Still::boxed(Picture::of(Format::Tga, width, height, seen)))
}

/// The pixels as red, green, blue and alpha, in the order in which they are stored.
fn paint(header: &Header, bytes: &[u8], stored: &[u8], rgba: &mut [u8]) -> Result<(), MediaError> {
    match (header.kind, header.bits) {
        (Kind::Colour, bits) => colours(bits, header.alpha_bits > 0, stored, rgba),
        (Kind::Grey, 8) => {
            for (pixel, &grey) in rgba.chunks_exact_mut(4).zip(stored) {
                pixel.copy_from_slice(&[grey, grey, grey, 255]);
            }
        }
        (Kind::Grey, _) => {
            for (pixel, &[grey, alpha]) in rgba.chunks_exact_mut(4).zip(stored.as_chunks().0) {
                pixel.copy_from_slice(&[grey, grey, grey, alpha]);
            }
        }
        (Kind::Palette, bits) => {
            let palette = palette(header, bytes)?;
            let first = usize::from(header.palette.first);
            let colour = |number: usize| {
                let at = number.checked_sub(first);
                // A colour that it does not have is black.
                at.and_then(|at| palette.get(at)).unwrap_or(&[0, 0, 0, 255])
            };
            let pixels = rgba.chunks_exact_mut(4);
            if bits == 8 {
                for (pixel, &number) in pixels.zip(stored) {
                    pixel.copy_from_slice(colour(usize::from(number)));
                }
            } else {
                for (pixel, &number) in pixels.zip(stored.as_chunks().0) {
                    pixel.copy_from_slice(colour(usize::from(u16::from_le_bytes(number))));
                }
            }
        }
    }
    Ok(())
}

/// Colours of so many bits. One bit of alpha counts where the header says that it is alpha.
fn colours(bits: u8, has_bit: bool, stored: &[u8], rgba: &mut [u8]) {
    let (red, blue) = (0x00ff_0000, 0xff);
    match bits {
        15 | 16 => {
            let alpha = if bits == 16 && has_bit { 0x8000 } else { 0 };
            sampled::<2>(
                &[0x7c00, 0x03e0, 0x001f, alpha].map(Mask::new),
                stored,
                rgba,
            );
        }
        24 => sampled::<3>(&[red, 0xff00, blue, 0].map(Mask::new), stored, rgba),
        _ => sampled::<4>(
            &[red, 0xff00, blue, 0xff00_0000].map(Mask::new),
            stored,
            rgba,
        ),
    }
}

/// The colours that are stored; opaque where no alpha says something.
fn palette(header: &Header, bytes: &[u8]) -> Result<Vec<[u8; 4]>, MediaError> {
    let palette = &header.palette;
    if !matches!(palette.bits, 15 | 16 | 24 | 32) {
        let what = format_args!("colours of {} bits", palette.bits);
        return Err(MediaError::variant(Format::Tga, what));
    }
    let stored = bytes.get(palette.start..header.start).ok_or_else(short)?;
    let mut rgba = vec![0; usize::from(palette.count) * 4];
    colours(palette.bits, false, stored, &mut rgba);
    let mut palette = rgba.as_chunks::<4>().0.to_vec();
    if palette.iter().all(|colour| colour[3] == 0) {
        for colour in &mut palette {
            colour[3] = 255;
        }
    }
    Ok(palette)
}

/// Brings the pixels into the order in which they are shown.
fn turn(header: &Header, rgba: &mut [u8]) {
    let row = header.width as usize * 4;
    if header.from_right {
        for row in rgba.chunks_exact_mut(row) {
            row.as_chunks_mut::<4>().0.reverse();
        }
    }
    if !header.from_top {
        let mut rows = rgba.chunks_exact_mut(row);
        while let (Some(upper), Some(lower)) = (rows.next(), rows.next_back()) {
            upper.swap_with_slice(lower);
        }
    }
}

fn short() -> MediaError {
    MediaError::damaged(Format::Tga, "the data end early")
}
