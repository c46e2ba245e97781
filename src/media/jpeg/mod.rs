//! JPEG to pixels. What a JPEG lacks is found first, by [`survey`]; decoding is `zune-jpeg`'s.

mod coefficients;
mod entropy;
mod kernel;
mod lookups;
mod scan;
mod survey;
mod walk;

use std::borrow::Cow;

use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

pub(super) use coefficients::{MOST_BYTES_AGAIN, is_progressive, is_worth_sampling, sample, sides};
pub use coefficients::{Sampled, Sampling};

use super::frames::{Frames, Still};
use super::pixels::Composed;
use super::{Format, Limits, MediaError, Orientation, Picture};

/// Opens a JPEG: the one picture of it, or the first of several that follow one another.
pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let seen = survey::survey(bytes, limits)?;
    let (rgb, orientation) = read(&mended(bytes, &seen), &seen, ColorSpace::RGB, 3)?;
    Ok(Still::boxed(Picture {
        orientation,
        ..Picture::of(Format::Jpeg, seen.width, seen.height, Composed::opaque(rgb))
    }))
}

/// Width, height and samples as stored of a JPEG of four components inside another format, which knows
/// what they stand for.
pub(super) fn four_components(
    bytes: &[u8],
    limits: &Limits,
) -> Result<(u32, u32, Vec<u8>), MediaError> {
    let seen = survey::survey(bytes, limits)?;
    limits.admit(Format::Jpeg, seen.width, seen.height, 4)?;
    let (samples, _) = read(&mended(bytes, &seen), &seen, ColorSpace::CMYK, 4)?;
    Ok((seen.width, seen.height, samples))
}

/// The bytes as the decoder needs them to see what was surveyed.
fn mended<'a>(bytes: &'a [u8], seen: &survey::Survey) -> Cow<'a, [u8]> {
    if seen.odd_adobe.is_empty() && seen.end.is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut mended = bytes.to_vec();
    for &at in &seen.odd_adobe {
        if let Some(code) = mended.get_mut(at) {
            *code = COMMENT;
        }
    }
    if let Some(end) = seen.end {
        mended.truncate(end);
        mended.extend([0xff, 0xd9]);
    }
    Cow::Owned(mended)
}

/// The code of a marker whose segment every decoder passes over.
const COMMENT: u8 = 0xfe;

/// Decodes a JPEG that is known to hold all of its picture, to so many samples a pixel.
fn read(
    bytes: &[u8],
    seen: &survey::Survey,
    colours: ColorSpace,
    samples: usize,
) -> Result<(Vec<u8>, Orientation), MediaError> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(colours);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let damaged = |error: zune_jpeg::errors::DecodeErrors| match error {
        zune_jpeg::errors::DecodeErrors::Unsupported(what) => {
            MediaError::variant(Format::Jpeg, format_args!("{what:?}"))
        }
        other => MediaError::damaged(Format::Jpeg, format!("{other:?}")),
    };
    decoder.decode_headers().map_err(damaged)?;
    let size = seen.width as usize * seen.height as usize * samples;
    if decoder.output_buffer_size() != Some(size) {
        return Err(MediaError::damaged(
            Format::Jpeg,
            "two readings of its headers differ",
        ));
    }
    let orientation = decoder.exif().map_or(Orientation::Normal, |block| {
        Orientation::from_exif_block(block)
    });
    let mut pixels = vec![0; size];
    decoder.decode_into(&mut pixels).map_err(damaged)?;
    Ok((pixels, orientation))
}
