//! Formats of one picture that the `image` crate decodes as they stand.

use std::io::Cursor;

use image::codecs::{farbfeld, hdr, pnm, qoi};
use image::{ImageDecoder, ImageResult};

use super::frames::{Frames, Still};
use super::pixels::{Layout, compose};
use super::{Format, Limits, MediaError, Orientation, Picture};

pub(super) fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let data = Cursor::new(bytes);
    let picture = match format {
        Format::Pnm => read(format, limits, pnm::PnmDecoder::new(data)),
        Format::Qoi => read(format, limits, qoi::QoiDecoder::new(data)),
        Format::Hdr => read(format, limits, hdr::HdrDecoder::new(data)),
        Format::Farbfeld => read(format, limits, farbfeld::FarbfeldDecoder::new(data)),
        _ => {
            return Err(MediaError::damaged(
                format,
                "it was opened as another format",
            ));
        }
    }?;
    Ok(Still::boxed(picture))
}

/// Reads the whole picture of a decoder that has read its header.
pub(super) fn read(
    format: Format,
    limits: &Limits,
    decoder: ImageResult<impl ImageDecoder>,
) -> Result<Picture, MediaError> {
    let failed = |error| MediaError::from_image(format, limits.max_decoder_bytes, &error);
    let mut decoder = decoder.map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let layout = Layout::of(decoder.color_type(), format == Format::Hdr)
        .ok_or_else(|| MediaError::variant(format, format_args!("{:?}", decoder.color_type())))?;
    limits.admit(format, width, height, layout.peak_bytes())?;
    decoder.set_limits(image_limits(limits)).map_err(failed)?;
    let orientation = orientation(&mut decoder);
    let size = u64::from(width) * u64::from(height) * layout.stored_bytes();
    let mut samples = vec![0; size as usize];
    decoder.read_image(&mut samples).map_err(failed)?;
    Ok(Picture {
        orientation,
        ..Picture::of(format, width, height, compose(samples, layout))
    })
}

/// The orientation in a decoder's EXIF block; one that cannot be read turns nothing.
pub(super) fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    match decoder.exif_metadata() {
        Ok(Some(block)) => Orientation::from_exif_block(&block),
        _ => Orientation::Normal,
    }
}

/// The limits in the form that the `image` crate takes.
pub(super) fn image_limits(limits: &Limits) -> image::Limits {
    let mut theirs = image::Limits::default();
    theirs.max_image_width = Some(limits.max_side);
    theirs.max_image_height = Some(limits.max_side);
    theirs.max_alloc = Some(limits.max_decoder_bytes);
    theirs
}
