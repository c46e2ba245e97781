//! Pages whose samples are numbers of colours, which the `tiff` crate does not read.
//!
//! It reads greys of the same depth. So the page is read as such from a copy of the file in which it
//! is the first and says that it is grey, and the colours are looked up here.

use std::io::Cursor;

use ::tiff::decoder::Decoder;
use ::tiff::tags::Tag;

use super::fault::{damaged, failed, unsupported};
use super::inks::{Inks, unpacked};
use crate::media::pixels::{Channels, Depth, Layout};
use crate::media::{Limits, MediaError};

/// The value of the photometric tag for numbers of colours, and that for grey.
const PALETTE: u16 = 3;
const GREY: u16 = 1;

const PHOTOMETRIC: u16 = 262;

/// The palette of the page that the decoder stands at; `None` where its samples are colours.
pub(super) fn colours(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    limits: &Limits,
) -> Result<Option<Vec<[u8; 3]>>, MediaError> {
    let failed = |error| failed(limits, &error);
    let photometric = decoder
        .find_tag_unsigned::<u16>(Tag::PhotometricInterpretation)
        .map_err(failed)?;
    if photometric != Some(PALETTE) {
        return Ok(None);
    }
    let map = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ColorMap)
        .map_err(failed)?
        .ok_or_else(|| damaged("it has no palette"))?;
    // All reds, all greens, all blues; 16 bit, save where a careless writer stored 8.
    let count = map.len() / 3;
    let shift = if map.iter().all(|&value| value < 256) {
        0
    } else {
        8
    };
    let one = |plane: usize, at: usize| {
        map.get(plane * count + at)
            .map_or(0, |v| (v >> shift) as u8)
    };
    Ok(Some(
        (0..count)
            .map(|at| [one(0, at), one(1, at), one(2, at)])
            .collect(),
    ))
}

/// Makes the page of the directory at `directory` the first of a file, and grey.
pub(super) fn make_grey(file: &mut [u8], directory: u64) -> Result<(), MediaError> {
    patch(file, directory).ok_or_else(|| damaged("its directory is short"))
}

/// Points the header to a directory and changes that directory's photometric value.
fn patch(file: &mut [u8], directory: u64) -> Option<()> {
    let little = file.first()? == &b'I';
    let short = |bytes: &[u8]| {
        let two = *bytes.first_chunk::<2>()?;
        Some(if little {
            u16::from_le_bytes(two)
        } else {
            u16::from_be_bytes(two)
        })
    };
    let at = usize::try_from(directory).ok()?;
    // Classic files count entries of 12 bytes in two, big ones entries of 20 bytes in eight.
    let big = short(file.get(2..)?)? == 43;
    let (pointer, entries, size, value) = if big {
        (8, at + 8, 20, 12)
    } else {
        (4, at + 2, 12, 8)
    };
    let listed = file.get(entries..)?;
    let position = listed
        .chunks_exact(size)
        .position(|entry| short(entry) == Some(PHOTOMETRIC))?;
    let target = entries + position * size + value;
    let grey = if little {
        GREY.to_le_bytes()
    } else {
        GREY.to_be_bytes()
    };
    file.get_mut(target..target + 2)?.copy_from_slice(&grey);
    if big {
        let offset = if little {
            directory.to_le_bytes()
        } else {
            directory.to_be_bytes()
        };
        file.get_mut(pointer..pointer + 8)?.copy_from_slice(&offset);
    } else {
        let offset = u32::try_from(directory).ok()?;
        let offset = if little {
            offset.to_le_bytes()
        } else {
            offset.to_be_bytes()
        };
        file.get_mut(pointer..pointer + 4)?.copy_from_slice(&offset);
    }
    Some(())
}

/// Looks the colours up.
pub(super) fn coloured(
    inks: Inks,
    samples: &[u8],
    depth: Depth,
    width: u32,
    colours: &[[u8; 3]],
) -> Result<(Vec<u8>, Layout), MediaError> {
    let numbers = match (inks, depth) {
        (Inks::Packed(bits), _) => &unpacked(samples, bits, width as usize, 1),
        (Inks::Light(Channels::Grey), Depth::Eight) => samples,
        _ => return Err(unsupported("a palette of more than 256 colours")),
    };
    let mut rgb = Vec::with_capacity(numbers.len() * 3);
    for &number in numbers {
        let colour = colours
            .get(usize::from(number))
            .ok_or_else(|| damaged("a sample names a colour that the palette has not"))?;
        rgb.extend_from_slice(colour);
    }
    let layout = Layout {
        channels: Channels::Rgb,
        depth: Depth::Eight,
    };
    Ok((rgb, layout))
}
