//! JPEG to pixels. What a JPEG lacks is found first, by [`survey`]; decoding is `zune-jpeg`'s.

mod coefficients;
mod entropy;
mod kernel;
mod lookups;
mod scan;
mod survey;
mod walk;

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
    if seen.odd_adobe.is_empty() && seen.end.is_none() {
        return Ok(Still::boxed(read(bytes, &seen)?));
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
    Ok(Still::boxed(read(&mended, &seen)?))
}

/// The code of a marker whose segment every decoder passes over.
const COMMENT: u8 = 0xfe;

/// Decodes a JPEG that is known to hold all of its picture.
fn read(bytes: &[u8], seen: &survey::Survey) -> Result<Picture, MediaError> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let damaged = |error: zune_jpeg::errors::DecodeErrors| match error {
        zune_jpeg::errors::DecodeErrors::Unsupported(what) => {
            MediaError::variant(Format::Jpeg, format_args!("{what:?}"))
        }
        other => MediaError::damaged(Format::Jpeg, format!("{other:?}")),
    };
    decoder.decode_headers().map_err(damaged)?;
    let size = seen.width as usize * seen.height as usize * 3;
    if decoder.output_buffer_size() != Some(size) {
        return Err(MediaError::damaged(
            Format::Jpeg,
            "two readings of its headers differ",
        ));
    }
    let orientation = decoder.exif().map_or(Orientation::Normal, |block| {
        Orientation::from_exif_block(block)
    });
    let mut rgb = vec![0; size];
    decoder.decode_into(&mut rgb).map_err(damaged)?;
    Ok(Picture {
        orientation,
        ..Picture::of(Format::Jpeg, seen.width, seen.height, Composed::opaque(rgb))
    })
}

/// Checks that a JPEG inside another format holds all of its picture, within limits, and gives its
/// width and height.
pub(super) fn check_whole(bytes: &[u8], limits: &Limits) -> Result<(u32, u32), MediaError> {
    let seen = survey::survey(bytes, limits)?;
    Ok((seen.width, seen.height))
}
