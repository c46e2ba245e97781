//! GIF: every frame, composed by the `image` crate. The background colour of the file is ignored, as
//! browsers do: what no frame covers is transparent.
//!
//! The blocks are walked first, to check each frame's own size, which may pass the canvas's, and
//! because browsers show a file that lacks only its last byte, the trailer, as if it were there.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, ImageDecoder};

use super::frames::Frames;
use super::pixels::{Channels, Depth, Layout, compose};
use super::still::image_limits;
use super::{Format, Limits, MediaError, Picture};

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
    let data = match walk(bytes, limits)? {
        End::Trailer | End::Elsewhere => Cow::Borrowed(bytes),
        End::WithoutTrailer => Cow::Owned([bytes, &[TRAILER]].concat()),
    };
    let failed = |error| MediaError::from_image(Format::Gif, limits.max_decoder_bytes, &error);
    let mut decoder = GifDecoder::new(Cursor::new(data)).map_err(failed)?;
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

/// The block that ends a GIF.
const TRAILER: u8 = 0x3b;

/// How the blocks end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Trailer,
    /// Behind a whole block, at least one of them a frame's, where nothing follows.
    WithoutTrailer,
    /// Inside a block, or at what is no block: for the decoder to meet.
    Elsewhere,
}

/// Walks a GIF's blocks (GIF89a specification, appendix B) and checks the frames' sizes.
fn walk(bytes: &[u8], limits: &Limits) -> Result<End, MediaError> {
    /// What follows a colour table that bit 7 of `flags` announces and bits 0 to 2 size.
    fn after_table(bytes: &[u8], flags: u8) -> Option<&[u8]> {
        if flags & 0x80 == 0 {
            return Some(bytes);
        }
        bytes.get(3 << ((flags & 7) + 1)..)
    }
    /// What follows a chain of sub-blocks and the empty one that ends it.
    fn after_chain(mut bytes: &[u8]) -> Option<&[u8]> {
        loop {
            let (&size, rest) = bytes.split_first()?;
            bytes = rest.get(usize::from(size)..)?;
            if size == 0 {
                return Some(bytes);
            }
        }
    }
    let screen = bytes
        .get(6..13)
        .and_then(|screen| screen.first_chunk::<7>());
    let Some(&[_, _, _, _, flags, _, _]) = screen else {
        return Ok(End::Elsewhere);
    };
    let mut rest = after_table(bytes.get(13..).unwrap_or_default(), flags);
    let mut frames = 0_u32;
    while let Some(here) = rest {
        rest = match here {
            [] if frames > 0 => return Ok(End::WithoutTrailer),
            [TRAILER, ..] => return Ok(End::Trailer),
            [0x21, _, chain @ ..] => after_chain(chain),
            [0x2c, _, _, _, _, w0, w1, h0, h1, flags, after @ ..] => {
                let width = u32::from(u16::from_le_bytes([*w0, *w1]));
                let height = u32::from(u16::from_le_bytes([*h0, *h1]));
                if width > 0 && height > 0 {
                    limits.admit(Format::Gif, width, height, 1 + 4)?;
                }
                frames += 1;
                // Behind the table the smallest code size of the compressed pixels.
                after_table(after, *flags)
                    .and_then(|after| after.get(1..))
                    .and_then(after_chain)
            }
            _ => None,
        };
    }
    Ok(End::Elsewhere)
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
        let seen = compose(frame.into_raw(), LAYOUT);
        self.given += 1;
        Ok(Some(Picture {
            frame: self.given - 1,
            ..Picture::of(Format::Gif, width, height, seen)
        }))
    }
}
