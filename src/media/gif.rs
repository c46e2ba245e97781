//! GIF: every frame, composed by the `image` crate. The background colour of the file is ignored, as
//! browsers do: what no frame covers is transparent.

use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, ImageDecoder};

use super::frames::Frames;
use super::pixels::{Channels, Depth, Layout, compose};
use super::still::image_limits;
use super::{Format, Limits, MediaError, Orientation, Picture};

const LAYOUT: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

struct GifFrames<'a> {
    frames: image::Frames<'a>,
    limit: u64,
    given: u32,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let failed = |error| MediaError::from_image(Format::Gif, limits.max_decoder_bytes, &error);
    let mut decoder = GifDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    // The canvas, the indices and colours of a frame, the composed picture and its two results.
    limits.admit(Format::Gif, width, height, 4 + 1 + 4 + LAYOUT.peak_bytes())?;
    decoder.set_limits(image_limits(limits)).map_err(failed)?;
    Ok(Box::new(GifFrames {
        frames: decoder.into_frames(),
        limit: limits.max_decoder_bytes,
        given: 0,
    }))
}

impl Frames for GifFrames<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let Some(frame) = self.frames.next() else {
            return Ok(None);
        };
        let frame = frame
            .map_err(|error| MediaError::from_image(Format::Gif, self.limit, &error))?
            .into_buffer();
        let (width, height) = frame.dimensions();
        let (rgb, over_black) = compose(frame.into_raw(), LAYOUT);
        self.given += 1;
        Ok(Some(Picture {
            format: Format::Gif,
            width,
            height,
            rgb,
            over_black,
            orientation: Orientation::Normal,
            frame: self.given - 1,
        }))
    }
}
