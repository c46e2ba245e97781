//! WebP: the still picture or every frame, composed as browsers do: the background colour is ignored.
//!
//! The container is walked here, and each picture of it is handed to the `image` crate as a file of its own. What the
//! container says of a picture beside it, such as its size or whether it has alpha, then counts for nothing; the
//! picture's own header does.

mod container;
mod joined;

use container::{Found, Part, Walk, damaged};
use joined::Joined;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;

use super::canvas::{self, After, Canvas, Place};
use super::frames::Frames;
use super::pixels::{Channels, Layout, compose};
use super::{Format, Limits, MediaError, Orientation, Picture};

struct WebPFrames<'a> {
    walk: Walk<'a>,
    /// Its side lengths, and the canvas itself once a frame was seen.
    size: (u32, u32),
    canvas: Option<Canvas>,
    orientation: Orientation,
    limits: Limits,
    given: u32,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let (mut pictures, mut size, mut is_animated) = (0_u32, (0, 0), false);
    // Bytes of the largest still picture, and pixels of the largest frame.
    let mut still = 0;
    let mut orientation = Orientation::Normal;
    let mut largest = 0;
    let mut walk = Walk::new(bytes);
    loop {
        match walk.next() {
            Ok(None) => break,
            // What is cut behind a first picture is found when its turn comes.
            Err(_) if pictures > 0 => break,
            Err(error) => return Err(error),
            Ok(Some(Found::Canvas(width, height))) => size = (width, height),
            Ok(Some(Found::Exif(block))) => orientation = Orientation::from_exif_block(block),
            Ok(Some(Found::Still(part))) => {
                still = still.max(bytes_of(&part, limits)?);
                pictures += 1;
            }
            Ok(Some(Found::Frame { part, .. })) => {
                largest = largest.max(pixels_of(&part, limits)?);
                is_animated = true;
                pictures += 1;
            }
        }
    }
    if pictures == 0 {
        return Err(damaged("it ends before its picture"));
    }
    if is_animated {
        limits.admit(Format::WebP, size.0, size.1, 0)?;
        let canvas = u64::from(size.0) * u64::from(size.1) * canvas::BYTES_PER_PIXEL;
        // A frame's planes and colours, and once more with alpha.
        still = still.max(canvas + largest * (2 + 4 + 4));
    }
    limits.admit_bytes(still)?;
    Ok(Box::new(WebPFrames {
        walk: Walk::new(bytes),
        size,
        canvas: None,
        orientation,
        limits: limits.clone(),
        given: 0,
    }))
}

impl Frames for WebPFrames<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let picture = loop {
            match self.walk.next()? {
                None => return Ok(None),
                Some(Found::Canvas(..) | Found::Exif(_)) => {}
                Some(Found::Still(part)) => {
                    let (width, height, samples, layout) = decode(&part, &self.limits)?;
                    let seen = compose(samples, layout);
                    break Picture::of(Format::WebP, width, height, seen);
                }
                Some(Found::Frame {
                    part,
                    x,
                    y,
                    over,
                    clear,
                }) => break self.show(&part, (x, y), over, clear)?,
            }
        };
        self.given += 1;
        Ok(Some(Picture {
            orientation: self.orientation,
            frame: self.given - 1,
            ..picture
        }))
    }
}

impl WebPFrames<'_> {
    fn show(
        &mut self,
        part: &Part<'_>,
        (x, y): (u32, u32),
        over: bool,
        clear: bool,
    ) -> Result<Picture, MediaError> {
        let (width, height, samples, layout) = decode(part, &self.limits)?;
        let place = Place {
            x: x as usize,
            y: y as usize,
            width: width as usize,
            height: height as usize,
        };
        let after = if clear { After::Clear } else { After::Keep };
        let channels = layout.channels.count() as usize;
        let (wide, high) = self.size;
        let canvas = self.canvas.get_or_insert_with(|| Canvas::new(wide, high));
        let seen = canvas.show(place, over, after, |y, row| {
            let line = place.width * channels;
            let from = samples.get(y * line..(y + 1) * line).unwrap_or_default();
            for (to, from) in row.chunks_exact_mut(4).zip(from.chunks_exact(channels)) {
                for (to, &from) in to.iter_mut().zip(from.iter().chain(&[255])) {
                    *to = from;
                }
            }
        });
        Ok(Picture::of(Format::WebP, wide, high, seen))
    }
}

/// A picture's width, height and samples: red, green, blue, and alpha where it has some.
fn decode(part: &Part<'_>, limits: &Limits) -> Result<(u32, u32, Vec<u8>, Layout), MediaError> {
    let failed = |error| MediaError::from_image(Format::WebP, limits.max_decoder_bytes, &error);
    let decoder = WebPDecoder::new(Joined::new(part)).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    let layout = Layout::of(decoder.color_type(), false)
        .filter(|layout| matches!(layout.channels, Channels::Rgb | Channels::Rgba))
        .ok_or_else(|| damaged("it has no colours"))?;
    limits.admit(Format::WebP, width, height, layout.peak_bytes())?;
    let size = u64::from(width) * u64::from(height) * layout.stored_bytes();
    let mut samples = vec![0; size as usize];
    decoder.read_image(&mut samples).map_err(failed)?;
    Ok((width, height, samples, layout))
}

/// Checks the size that a picture says of itself, and gives its pixels.
fn pixels_of(part: &Part<'_>, limits: &Limits) -> Result<u64, MediaError> {
    let (width, height) = part.size()?;
    limits.admit(Format::WebP, width, height, 0)?;
    Ok(u64::from(width) * u64::from(height))
}

/// The same in bytes: the planes that the decoder takes and what is made of them count, and a lossless one always takes
/// colours with alpha.
fn bytes_of(part: &Part<'_>, limits: &Limits) -> Result<u64, MediaError> {
    let bytes = match (part.is_lossless, part.alpha) {
        (true, _) => 8,
        (false, Some(_)) => 10,
        (false, None) => 5,
    };
    Ok(pixels_of(part, limits)? * bytes)
}
