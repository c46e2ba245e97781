//! JPEG XL, by the crate `jxl`: the still picture, or every frame of an animation, composed by it.
//!
//! Owns what is asked of that crate, and what it may cost. The header is read alone first; nothing of the
//! picture's size is taken before the limits have admitted it. Then `jxl` is given a limit on the samples of a
//! frame and a [`Budget`] of steps, because a file may hold many frames that are never shown.
//!
//! Colours come out as the file describes them: coded as sRGB where the file was made for it, as stored where an
//! ICC profile or a curve of another kind stands beside the pixels: [`profile`] tells it. Linear light is brought to
//! the sRGB curve. A turn that the file asks for is done by the decoder: every program does it. Refused by name: CMYK, and light of high dynamic range.

mod budget;
mod colour;

use jxl::api::{
    AlphaMode, Event, ExtraChannel, JxlBasicInfo, JxlColorType, JxlDataFormat, JxlDecoder,
    JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat, ProfileLevel,
};
use jxl::error::Error;

use super::frames::Frames;
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture};
use budget::Budget;

/// Bytes of memory for each sample that a frame may have, at most. Measured at 12 megapixels: less than one for plain
/// pictures, two where they are stored coarse to fine.
const BYTES_OF_A_SAMPLE: u64 = 3;
/// An animation keeps a frame that others are laid over.
const BYTES_OF_A_MOVING_SAMPLE: u64 = 6;

/// A frame may have twice the pixels of the picture that is shown, and so many more.
const MORE_PIXELS: u64 = 256 << 10;

/// Channels beside colour and alpha (depth, spot colours): more of them are no photograph.
const MOST_EXTRA_CHANNELS: usize = 16;

struct JxlFrames<'a> {
    decoder: JxlDecoder,
    rest: &'a [u8],
    budget: Budget,
    header: Header,
    limit: u64,
    given: u32,
    ended: bool,
}

/// What the header says, checked against the limits.
#[derive(Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    layout: Layout,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let limit = limits.max_decoder_bytes;
    let (mut first, _) = at_header(bytes, options(None), limit)?;
    let info = first.basic_info().ok_or_else(cut)?;
    let (width, height) = size(info)?;
    let extra = info.extra_channels.len();
    if extra > MOST_EXTRA_CHANNELS {
        return Err(MediaError::variant(
            Format::JpegXl,
            format_args!("{extra} extra channels"),
        ));
    }
    let samples = frame_samples(width, height, extra);
    limits.admit(Format::JpegXl, width, height, 0)?;
    let of_a_sample = match info.animation {
        None => BYTES_OF_A_SAMPLE,
        Some(_) => BYTES_OF_A_MOVING_SAMPLE,
    };
    let header = header(&mut first, width, height)?;
    let composed = u64::from(width) * u64::from(height) * header.layout.peak_bytes();
    let planes = samples.saturating_mul(of_a_sample);
    limits.admit_bytes(planes.saturating_add(composed))?;
    drop(first);
    let (mut decoder, rest) = at_header(bytes, options(Some(samples)), limit)?;
    decoder
        .set_pixel_format(pixel_format(header.layout, extra))
        .map_err(|error| failed(&error, limit))?;
    Ok(Box::new(JxlFrames {
        decoder,
        rest,
        budget: Budget::new(limits, width, height),
        header,
        limit,
        given: 0,
        ended: false,
    }))
}

/// The profile of the colours that come out, as ICC; `None` where they come out as a screen shows them.
pub(super) fn profile(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut decoder, _) = at_header(bytes, options(None), 0).ok()?;
    let info = decoder.basic_info()?;
    let extra = info.extra_channels.len();
    if extra > MOST_EXTRA_CHANNELS {
        return None;
    }
    let (width, height) = size(info).ok()?;
    let layout = header(&mut decoder, width, height).ok()?.layout;
    if layout.depth != Depth::Eight {
        return None;
    }
    let profile = decoder.output_color_profile()?.try_as_icc()?;
    Some(profile.into_owned())
}

impl Frames for JxlFrames<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        if self.ended {
            return Ok(None);
        }
        let Header {
            width,
            height,
            layout,
        } = self.header;
        let row = width as usize * layout.stored_bytes() as usize;
        let mut samples = vec![0; row * height as usize];
        loop {
            let mut buffers = [JxlOutputBuffer::new(&mut samples, height as usize, row)];
            let event =
                self.decoder
                    .process(&mut self.rest, Some(&mut buffers), Some(&mut self.budget));
            match event {
                Ok(Event::FrameComplete { has_more_frames }) => {
                    self.ended = !has_more_frames;
                    break;
                }
                Ok(Event::BasicInfo | Event::FrameHeader) => {}
                Ok(Event::Complete) => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(Event::NeedMoreInput { .. }) => return Err(cut()),
                Err(_) if self.budget.is_spent() => return Err(self.budget.error()),
                Err(error) => return Err(failed(&error, self.limit)),
            }
        }
        let seen = compose(samples, layout);
        self.given += 1;
        Ok(Some(Picture {
            frame: self.given - 1,
            ..Picture::of(Format::JpegXl, width, height, seen)
        }))
    }
}

fn options(samples: Option<u64>) -> JxlDecoderOptions {
    let mut options = JxlDecoderOptions::default();
    options.alpha_mode = AlphaMode::Unpremultiplied;
    // Pictures of 16 bit without loss are of this level; what it allows is bounded here.
    options.max_profile_level = ProfileLevel::Main10;
    options.sample_limit =
        samples.map(|samples| usize::try_from(samples).map_or(usize::MAX, |most| most + 1));
    options
}

/// A decoder that has read the header, and what it has not read.
fn at_header(
    bytes: &[u8],
    options: JxlDecoderOptions,
    limit: u64,
) -> Result<(JxlDecoder, &[u8]), MediaError> {
    let mut decoder = JxlDecoder::new(options);
    let mut rest = bytes;
    match decoder.process(&mut rest, None, None) {
        Ok(Event::BasicInfo) => Ok((decoder, rest)),
        Ok(_) => Err(cut()),
        Err(error) => Err(failed(&error, limit)),
    }
}

fn size(info: &JxlBasicInfo) -> Result<(u32, u32), MediaError> {
    let (width, height) = info.size;
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => Ok((width, height)),
        _ => Err(MediaError::damaged(
            Format::JpegXl,
            format!("its header says {width} x {height} pixels"),
        )),
    }
}

/// Samples that a frame of a picture of this size may have.
fn frame_samples(width: u32, height: u32, extra: usize) -> u64 {
    // Rows are counted as 16 samples at least.
    let pixels = u64::from(width.max(16)) * u64::from(height);
    (pixels * 2 + MORE_PIXELS) * (3 + extra as u64)
}

fn header(decoder: &mut JxlDecoder, width: u32, height: u32) -> Result<Header, MediaError> {
    let info = decoder.basic_info().ok_or_else(cut)?;
    let has = |wanted: ExtraChannel| {
        info.extra_channels
            .iter()
            .any(|channel| channel.ec_type == wanted)
    };
    if has(ExtraChannel::Black) {
        return Err(MediaError::variant(Format::JpegXl, "CMYK"));
    }
    let channels = if has(ExtraChannel::Alpha) {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    // Which curve comes out depends on what is asked for: eight bits, and floats only for linear light.
    let extra = info.extra_channels.len();
    let eight = Layout {
        channels,
        depth: Depth::Eight,
    };
    decoder
        .set_pixel_format(pixel_format(eight, extra))
        .map_err(|error| failed(&error, 0))?;
    let profile = decoder.output_color_profile().ok_or_else(cut)?;
    Ok(Header {
        width,
        height,
        layout: Layout {
            channels,
            depth: colour::depth(profile)?,
        },
    })
}

fn pixel_format(layout: Layout, extra: usize) -> JxlPixelFormat {
    JxlPixelFormat {
        color_type: match layout.channels {
            Channels::Rgba => JxlColorType::Rgba,
            _ => JxlColorType::Rgb,
        },
        color_data_format: Some(match layout.depth {
            Depth::FloatLinear => JxlDataFormat::f32(),
            _ => JxlDataFormat::U8 { bit_depth: 8 },
        }),
        extra_channel_format: vec![None; extra],
    }
}

fn cut() -> MediaError {
    MediaError::damaged(Format::JpegXl, "the data end early")
}

/// What an error of the decoder means; `limit` is that on memory.
fn failed(error: &Error, limit: u64) -> MediaError {
    match error {
        Error::ImageSizeTooLarge(..) | Error::OutOfMemory(_) | Error::ImageOutOfMemory(..) => {
            MediaError::out_of_memory(limit)
        }
        other => MediaError::damaged(Format::JpegXl, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
