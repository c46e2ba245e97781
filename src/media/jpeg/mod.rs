//! JPEG to pixels. What a JPEG lacks is found first, by [`survey`]. Files of the ordinary structures
//! are then decoded by `zune-jpeg`, which is fast; all others by [`plain`], which is right.

mod coefficients;
mod colours;
mod entropy;
mod frame;
mod kernel;
mod lookups;
mod markers;
mod plain;
mod scan;
mod standard;
mod survey;
mod tables;
mod walk;

use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

pub(super) use coefficients::{MOST_BYTES_AGAIN, is_progressive, is_worth_sampling, sample, sides};
pub use coefficients::{Sampled, Sampling};

use super::frames::{Frames, Still, guarded};
use super::pixels::Composed;
use super::{Format, Limits, MediaError, Picture};

/// Opens a JPEG: the one picture of it, or the first of several that follow one another.
pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let seen = survey::survey(bytes, limits)?;
    let (width, height) = (seen.header.width, seen.header.height);
    let size = width as usize * height as usize * 3;
    let is_ordinary = seen.is_ordinary && seen.has_ordinary_colours;
    let fast = match (is_ordinary, seen.is_untidy) {
        (false, _) => None,
        (true, false) => ordinary(bytes, size, ColorSpace::RGB),
        (true, true) => ordinary(&tidied(bytes, &seen), size, ColorSpace::RGB),
    };
    let rgb = match fast {
        Some(rgb) => rgb,
        None => plain::decode(bytes, &seen)?,
    };
    Ok(Still::boxed(Picture {
        orientation: seen.orientation,
        ..Picture::of(Format::Jpeg, width, height, Composed::opaque(rgb))
    }))
}

/// By the reader for unusual structures, whatever the structure is: the size, and the pixels.
#[cfg(fuzzing)]
pub(super) fn plainly(bytes: &[u8], limits: &Limits) -> Result<(u32, u32, Vec<u8>), MediaError> {
    let seen = survey::survey(bytes, limits)?;
    let rgb = plain::decode(bytes, &seen)?;
    Ok((seen.header.width, seen.header.height, rgb))
}

/// Width, height and samples as stored of a JPEG of four components inside another format, which knows
/// what they stand for.
pub(super) fn four_components(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(u32, u32, Vec<u8>), MediaError> {
    let seen = survey::survey(bytes, limits)?;
    let (width, height) = (seen.header.width, seen.header.height);
    limits.admit(Format::Jpeg, width, height, 4)?;
    let size = width as usize * height as usize * 4;
    let decoded = seen
        .is_ordinary
        .then(|| ordinary(&tidied(bytes, &seen), size, ColorSpace::CMYK));
    let samples = decoded.flatten().ok_or_else(|| {
        MediaError::variant(Format::Jpeg, "four components, of an unusual structure")
    })?;
    Ok((width, height, samples))
}

/// A JPEG of nothing but what its picture is made of.
///
/// `zune-jpeg` gives up at some segments that all others pass over. And it reads ahead: the end of the
/// data, or a marker of another kind than an end, is the end of the picture for it, whatever rows
/// are still to be decoded.
fn tidied(bytes: &[u8], seen: &survey::Survey) -> Vec<u8> {
    let parts = seen.parts.iter();
    let parts = parts.filter_map(|part| bytes.get(part.clone()));
    let mut tidy = vec![0xff, 0xd8];
    tidy.extend(parts.flatten());
    tidy.extend([0xff, 0xd9]);
    tidy
}

/// Decodes an ordinary JPEG that is known to hold all of its picture, to so many bytes of pixels, or of what is stored.
/// `None` where the decoder will not: nothing is lost then but time.
fn ordinary(bytes: &[u8], size: usize, colours: ColorSpace) -> Option<Vec<u8>> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(colours);
    let decoded = guarded(Format::Jpeg, || {
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        let refused = |_| MediaError::damaged(Format::Jpeg, "its decoder will not read it");
        decoder.decode_headers().map_err(refused)?;
        let has_size = decoder.output_buffer_size() == Some(size);
        let mut rgb = vec![0; if has_size { size } else { 0 }];
        decoder.decode_into(&mut rgb).map_err(refused)?;
        Ok(rgb)
    });
    decoded.ok().filter(|rgb| rgb.len() == size)
}
