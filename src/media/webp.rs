//! WebP: the still picture or every frame, composed by the `image` crate.
//!
//! The container is walked first: each chunk must lie inside the file, and each picture in it must
//! say the size that its frame says, because the decoder takes memory by the former.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ImageDecoder, Rgba};

use super::frames::{Frames, Still};
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Orientation, Picture, still};

struct WebPFrames<'a> {
    frames: image::Frames<'a>,
    orientation: Orientation,
    limit: u64,
    given: u32,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    walk(bytes, limits)?;
    let failed = |error| MediaError::from_image(Format::WebP, limits.max_decoder_bytes, &error);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(failed)?;
    if !decoder.has_animation() {
        return Ok(Still::boxed(still::read(
            Format::WebP,
            limits,
            Ok(decoder),
        )?));
    }
    let (width, height) = decoder.dimensions();
    // The canvas, a frame's planes and colours, the composed picture and its two results.
    limits.admit(Format::WebP, width, height, 4 + 2 + 4 + 4 + 10)?;
    let orientation = still::orientation(&mut decoder);
    decoder.set_background_color(Rgba([0; 4])).map_err(failed)?;
    Ok(Box::new(WebPFrames {
        frames: decoder.into_frames(),
        orientation,
        limit: limits.max_decoder_bytes,
        given: 0,
    }))
}

impl Frames for WebPFrames<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let Some(frame) = self.frames.next() else {
            return Ok(None);
        };
        let frame = frame
            .map_err(|error| MediaError::from_image(Format::WebP, self.limit, &error))?
            .into_buffer();
        let (width, height) = frame.dimensions();
        let layout = Layout {
            channels: Channels::Rgba,
            depth: Depth::Eight,
        };
        let seen = compose(frame.into_raw(), layout);
        self.given += 1;
        Ok(Some(Picture {
            orientation: self.orientation,
            frame: self.given - 1,
            ..Picture::of(Format::WebP, width, height, seen)
        }))
    }
}

/// Checks the container's chunks, and the sizes in them against the limits.
fn walk(bytes: &[u8], limits: &Limits) -> Result<(), MediaError> {
    // Behind `RIFF`, the size and `WEBP`; the size only bounds what lies behind the picture.
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut pictures = 0_u32;
    let mut alpha = false;
    loop {
        let (kind, body, after) = match chunk(rest) {
            Ok(Some(chunk)) => chunk,
            // What is cut behind a first frame is found when its turn comes.
            Err(_) if pictures > 0 => break,
            Ok(None) => break,
            Err(error) => return Err(error),
        };
        match kind {
            b"ALPH" => alpha = true,
            b"VP8 " | b"VP8L" => {
                admit(kind, body, limits, if alpha { 10 } else { 5 })?;
                pictures += 1;
            }
            b"ANMF" => {
                let mut inner = body.get(16..).ok_or_else(|| damaged("a frame is short"))?;
                while let Some((kind, body, after)) = chunk(inner)? {
                    admit(kind, body, limits, 6)?;
                    inner = after;
                }
                pictures += 1;
            }
            _ => {}
        }
        rest = after;
    }
    if pictures == 0 {
        return Err(damaged("it ends before its picture"));
    }
    Ok(())
}

/// A chunk's kind, its body and what follows; `None` at the end.
type Chunk<'a> = (&'a [u8; 4], &'a [u8], &'a [u8]);

fn chunk(bytes: &[u8]) -> Result<Option<Chunk<'_>>, MediaError> {
    let Some((header, rest)) = bytes.split_first_chunk::<8>() else {
        return Ok(None);
    };
    let (kind, size) = header
        .split_first_chunk::<4>()
        .ok_or_else(|| damaged("a chunk is short"))?;
    let size = size
        .first_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size)) as usize;
    let Some((body, after)) = rest.split_at_checked(size) else {
        return match kind {
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANMF" => Err(damaged("the data end early")),
            _ => Ok(None),
        };
    };
    Ok(Some((
        kind,
        body,
        after.get(size & 1..).unwrap_or_default(),
    )))
}

/// Checks the size that a bitstream says of itself. `lossy_bytes` counts the decoder's planes and
/// what is made of them, per pixel; a lossless one always takes colours with alpha, and the results.
fn admit(kind: &[u8; 4], body: &[u8], limits: &Limits, lossy_bytes: u64) -> Result<(), MediaError> {
    let (width, height) = match (kind, body) {
        (b"VP8 ", [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => (
            u32::from(u16::from_le_bytes([*w0, *w1]) & 0x3fff),
            u32::from(u16::from_le_bytes([*h0, *h1]) & 0x3fff),
        ),
        (b"VP8L", [0x2f, b0, b1, b2, b3, ..]) => {
            let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        (b"VP8 " | b"VP8L", _) => return Err(damaged("a picture's header is not one")),
        _ => return Ok(()),
    };
    let bytes = if kind == b"VP8L" { 8 } else { lossy_bytes };
    limits.admit(Format::WebP, width, height, bytes)
}

fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::WebP, reason)
}
