//! PNG and APNG, by the `png` crate itself: the `image` crate composes no 16-bit animation, and
//! reads text chunks, which can be made to expand without end.
//!
//! Checksums of chunks that hold pixels are checked; a wrong one in any other chunk is passed over.

use std::io::Cursor;

use ::png::{
    BitDepth, BlendOp, ColorType, DecodeOptions, DecodingError, DisposeOp, Transformations,
};

use super::frames::{Frames, Still};
use super::pixels::{Channels, Depth, Layout, compose, to_eight_bits};
use super::{Format, Limits, MediaError, Orientation, Picture};

const RGBA: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let mut reader = Reader::open(bytes, limits)?;
    let frames = reader
        .png
        .info()
        .animation_control()
        .map_or(0, |control| control.num_frames);
    if frames == 0 {
        let samples = reader.next_frame()?.samples;
        // An orientation may stand behind the pixels; a cut there costs none of them.
        let _ = reader.png.finish();
        return Ok(Still::boxed(reader.picture(samples, reader.layout, 0)));
    }
    let (width, height) = reader.size();
    // The frame as stored, as colours, the canvas and its copy to go back to, and what is given.
    let bytes_per_pixel = reader.layout.stored_bytes() + 4 + 4 + 4 + RGBA.peak_bytes();
    limits.admit(Format::Png, width, height, bytes_per_pixel)?;
    let separate_default = reader.png.info().frame_control().is_none();
    Ok(Box::new(Animation {
        canvas: vec![0; width as usize * height as usize * 4],
        separate_default,
        left: frames.saturating_add(u32::from(separate_default)),
        given: 0,
        reader,
    }))
}

/// A `png` reader that has read its header, with what its pixels look like.
struct Reader<'a> {
    png: ::png::Reader<Cursor<&'a [u8]>>,
    layout: Layout,
    limit: u64,
}

/// One frame as stored, without gaps between its rows.
struct Stored {
    samples: Vec<u8>,
    width: u32,
    height: u32,
}

impl<'a> Reader<'a> {
    fn open(bytes: &'a [u8], limits: &Limits) -> Result<Self, MediaError> {
        let limit = limits.max_decoder_bytes;
        let mut options = DecodeOptions::default();
        options.set_ignore_text_chunk(true);
        options.set_ignore_iccp_chunk(true);
        let mut decoder = ::png::Decoder::new_with_options(Cursor::new(bytes), options);
        decoder.set_limits(::png::Limits {
            bytes: limits.decoder_bytes(),
        });
        decoder.set_transformations(Transformations::EXPAND);
        let header = decoder
            .read_header_info()
            .map_err(|error| failed(limit, &error))?;
        limits.admit(Format::Png, header.width, header.height, 1)?;
        let png = decoder.read_info().map_err(|error| failed(limit, &error))?;
        let (color, depth) = png.output_color_type();
        let channels = match color {
            ColorType::Grayscale => Channels::Grey,
            ColorType::GrayscaleAlpha => Channels::GreyAlpha,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => {
                return Err(MediaError::damaged(Format::Png, "it has no palette"));
            }
        };
        let depth = match depth {
            BitDepth::Sixteen => Depth::SixteenBig,
            _ => Depth::Eight,
        };
        let layout = Layout { channels, depth };
        let (width, height) = png.info().size();
        limits.admit(Format::Png, width, height, layout.peak_bytes())?;
        Ok(Self { png, layout, limit })
    }

    fn size(&self) -> (u32, u32) {
        self.png.info().size()
    }

    fn next_frame(&mut self) -> Result<Stored, MediaError> {
        let size = self
            .png
            .output_buffer_size()
            .ok_or_else(|| MediaError::out_of_memory(self.limit))?;
        let mut samples = vec![0; size];
        let frame = self
            .png
            .next_frame(&mut samples)
            .map_err(|error| failed(self.limit, &error))?;
        // Interlaced rows keep the whole picture's distance, others follow one another.
        let full = self
            .png
            .output_line_size(self.size().0)
            .unwrap_or(frame.line_size);
        if self.png.info().interlaced && full != frame.line_size {
            for row in 1..frame.height as usize {
                samples.copy_within(
                    row * full..row * full + frame.line_size,
                    row * frame.line_size,
                );
            }
        }
        samples.truncate(frame.line_size * frame.height as usize);
        Ok(Stored {
            samples,
            width: frame.width,
            height: frame.height,
        })
    }

    fn picture(&self, samples: Vec<u8>, layout: Layout, frame: u32) -> Picture {
        let (width, height) = self.size();
        Picture {
            orientation: self
                .png
                .info()
                .exif_metadata
                .as_deref()
                .map_or(Orientation::Normal, Orientation::from_exif_block),
            frame,
            ..Picture::of(Format::Png, width, height, compose(samples, layout))
        }
    }
}

/// An APNG's frames, composed as its specification (PNG, third edition, clause 11.3.6) says.
struct Animation<'a> {
    reader: Reader<'a>,
    /// Colours with their alpha.
    canvas: Vec<u8>,
    /// Whether the first picture is a still one that is no part of the animation.
    separate_default: bool,
    left: u32,
    given: u32,
}

impl Frames for Animation<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let number = self.given;
        self.given += 1;
        let stored = self.reader.next_frame()?;
        if self.separate_default && number == 0 {
            let layout = self.reader.layout;
            return Ok(Some(self.reader.picture(stored.samples, layout, 0)));
        }
        let control = *self
            .reader
            .png
            .info()
            .frame_control()
            .ok_or_else(|| MediaError::damaged(Format::Png, "a frame has no control chunk"))?;
        let first = number == u32::from(self.separate_default);
        let dispose = match control.dispose_op {
            DisposeOp::Previous if first => DisposeOp::Background,
            other => other,
        };
        let before = (dispose == DisposeOp::Previous).then(|| self.canvas.clone());
        let frame = with_alpha(stored.samples, self.reader.layout);
        let (width, _) = self.reader.size();
        let row = |y: usize| {
            let start =
                ((control.y_offset as usize + y) * width as usize + control.x_offset as usize) * 4;
            start..start + stored.width as usize * 4
        };
        let outside = || MediaError::damaged(Format::Png, "a frame lies outside the picture");
        for (y, from) in frame.chunks_exact(stored.width as usize * 4).enumerate() {
            let to = self.canvas.get_mut(row(y)).ok_or_else(outside)?;
            match control.blend_op {
                BlendOp::Source => to.copy_from_slice(from),
                BlendOp::Over => {
                    for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(4)) {
                        blend(to, from);
                    }
                }
            }
        }
        let shown = self.reader.picture(self.canvas.clone(), RGBA, number);
        match (dispose, before) {
            (DisposeOp::Background, _) => {
                for y in 0..stored.height as usize {
                    self.canvas.get_mut(row(y)).ok_or_else(outside)?.fill(0);
                }
            }
            (_, Some(before)) => self.canvas = before,
            _ => {}
        }
        Ok(Some(shown))
    }
}

/// Any layout's samples as red, green, blue and alpha of 8 bits.
fn with_alpha(samples: Vec<u8>, layout: Layout) -> Vec<u8> {
    let samples = to_eight_bits(samples, layout.depth);
    match layout.channels {
        Channels::Rgba => samples,
        Channels::Rgb => samples
            .chunks_exact(3)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
            .collect(),
        Channels::Grey => samples
            .iter()
            .flat_map(|&grey| [grey, grey, grey, 255])
            .collect(),
        Channels::GreyAlpha => samples
            .chunks_exact(2)
            .flat_map(|pixel| [pixel[0], pixel[0], pixel[0], pixel[1]])
            .collect(),
    }
}

/// Lays a pixel over another, neither premultiplied.
fn blend(under: &mut [u8], over: &[u8]) {
    let alpha = u32::from(over[3]);
    if alpha == 255 || under[3] == 0 {
        under.copy_from_slice(over);
        return;
    }
    if alpha == 0 {
        return;
    }
    // Both weights and their sum are scaled by 255.
    let over_weight = alpha * 255;
    let under_weight = u32::from(under[3]) * (255 - alpha);
    let sum = over_weight + under_weight;
    for (to, &from) in under.iter_mut().zip(over).take(3) {
        *to =
            ((u32::from(from) * over_weight + u32::from(*to) * under_weight + sum / 2) / sum) as u8;
    }
    under[3] = ((sum + 127) / 255) as u8;
}

fn failed(limit: u64, error: &DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(io) => MediaError::from_io(Format::Png, io),
        DecodingError::LimitsExceeded => MediaError::out_of_memory(limit),
        other => MediaError::damaged(Format::Png, other.to_string()),
    }
}
