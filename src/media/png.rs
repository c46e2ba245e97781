//! PNG and APNG, by the `png` crate itself: the `image` crate composes no 16-bit animation, and
//! reads text chunks, which can be made to expand without end.
//!
//! Rows are read one by one, so that a picture counts as whole with its last row, whatever is missing behind it.

mod chunks;
mod palette;

use ::png::{
    BitDepth, BlendOp, ColorType, DecodeOptions, DecodingError, DisposeOp, InterlaceInfo,
    Transformations,
};

use chunks::Chunks;
use palette::Palette;

use super::canvas::{self, After, Canvas, Place};
use super::frames::{Frames, Still};
use super::pixels::{Channels, Composed, Depth, Layout, compose, to_eight_bits};
use super::{Format, Limits, MediaError, Orientation, Picture};

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    if bytes.get(12..16) == Some(b"CgBI") {
        return Err(MediaError::variant(Format::Png, "Apple's CgBI"));
    }
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
    // The frame as stored, as colours, all that its canvas takes, and a still picture beside.
    let bytes_per_pixel = reader.layout.stored_bytes() + 4 + canvas::BYTES_PER_PIXEL + STILL;
    limits.admit(Format::Png, width, height, bytes_per_pixel)?;
    Ok(Box::new(Animation {
        canvas: Canvas::new(width, height),
        has_still: reader.png.info().frame_control().is_none(),
        still: None,
        left: frames,
        given: 0,
        reader,
    }))
}

/// Bytes of a pixel that a picture keeps at most.
const STILL: u64 = 3 * 3;

/// A `png` reader that has read its header, with what its pixels look like.
struct Reader<'a> {
    png: ::png::Reader<Chunks<'a>>,
    /// Where the samples are numbers of colours.
    palette: Option<Palette>,
    /// Of the samples as [`Reader::next_frame`] gives them.
    layout: Layout,
    limit: u64,
    is_first: bool,
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
        options.set_ignore_checksums(true);
        let mut decoder = ::png::Decoder::new_with_options(Chunks::new(bytes), options);
        decoder.set_limits(::png::Limits {
            bytes: limits.decoder_bytes(),
        });
        let header = decoder
            .read_header_info()
            .map_err(|error| failed(limit, &error))?;
        limits.admit(Format::Png, header.width, header.height, 1)?;
        let is_indexed = header.color_type == ColorType::Indexed;
        decoder.set_transformations(if is_indexed {
            Transformations::IDENTITY
        } else {
            Transformations::EXPAND
        });
        let png = decoder.read_info().map_err(|error| failed(limit, &error))?;
        let (color, depth) = png.output_color_type();
        let mut palette = None;
        let channels = match color {
            ColorType::Grayscale => Channels::Grey,
            ColorType::GrayscaleAlpha => Channels::GreyAlpha,
            ColorType::Rgb => Channels::Rgb,
            ColorType::Rgba => Channels::Rgba,
            ColorType::Indexed => {
                let found = Palette::of(png.info())
                    .ok_or_else(|| MediaError::damaged(Format::Png, "it has no palette"))?;
                let has_alpha = found.has_alpha;
                palette = Some(found);
                if has_alpha {
                    Channels::Rgba
                } else {
                    Channels::Rgb
                }
            }
        };
        let depth = match depth {
            BitDepth::Sixteen => Depth::SixteenBig,
            _ => Depth::Eight,
        };
        let layout = Layout { channels, depth };
        let (width, height) = png.info().size();
        // A palette's numbers stand beside their colours for a while.
        let numbers = u64::from(palette.is_some());
        let most = layout.peak_bytes().max(layout.stored_bytes() + numbers);
        limits.admit(Format::Png, width, height, most)?;
        Ok(Self {
            png,
            palette,
            layout,
            limit,
            is_first: true,
        })
    }

    fn size(&self) -> (u32, u32) {
        self.png.info().size()
    }

    fn next_frame(&mut self) -> Result<Stored, MediaError> {
        let failed = |error| failed(self.limit, &error);
        if !std::mem::take(&mut self.is_first) {
            self.png.next_frame_info().map_err(failed)?;
        }
        let info = self.png.info();
        let (width, height) = match info.frame_control() {
            Some(control) => (control.width, control.height),
            None => info.size(),
        };
        let (depth, interlaced) = (info.bit_depth, info.interlaced);
        let channels = match self.palette {
            Some(_) => 1,
            None => self.layout.stored_bytes() as usize,
        };
        let line = width as usize * channels;
        let mut samples = vec![0; line * height as usize];
        let mut numbers = Vec::new();
        let mut rows = 0;
        let expected = if interlaced {
            interlaced_rows(width, height)
        } else {
            u64::from(height)
        };
        while rows < expected {
            let row = self.png.next_interlaced_row().map_err(failed)?;
            let row = row.ok_or_else(|| MediaError::damaged(Format::Png, "rows are missing"))?;
            let (mut data, place) = (row.data(), *row.interlace());
            if self.palette.is_some() {
                // As many as fit into the row's bytes: what is too much is not taken over.
                numbers.resize(data.len() * palette::per_byte(depth), 0);
                palette::unpack(data, depth, &mut numbers);
                data = &numbers;
            }
            match &place {
                InterlaceInfo::Adam7(pass) => {
                    let bits = u8::try_from(channels * 8).unwrap_or(u8::MAX);
                    ::png::expand_interlaced_row(&mut samples, line, data, pass, bits);
                }
                InterlaceInfo::Null(_) => {
                    let start = rows as usize * line;
                    let to = samples.get_mut(start..start + line);
                    if let Some((to, from)) = to.zip(data.get(..line)) {
                        to.copy_from_slice(from);
                    }
                }
            }
            rows += 1;
        }
        if let Some(palette) = &self.palette {
            samples = palette.colour(&samples);
        }
        Ok(Stored {
            samples,
            width,
            height,
        })
    }

    fn picture(&self, samples: Vec<u8>, layout: Layout, frame: u32) -> Picture {
        self.turned(compose(samples, layout), frame)
    }

    /// What is seen, with the orientation that the file asks for.
    fn turned(&self, seen: Composed, frame: u32) -> Picture {
        let (width, height) = self.size();
        Picture {
            orientation: self
                .png
                .info()
                .exif_metadata
                .as_deref()
                .map_or(Orientation::Normal, Orientation::from_exif_block),
            frame,
            ..Picture::of(Format::Png, width, height, seen)
        }
    }
}

/// An APNG's frames, composed as its specification (PNG, third edition, clause 11.3.6) says.
///
/// A still picture that is no part of the animation stands before it in the file. Browsers do not show it, so it is
/// given behind the first frame.
struct Animation<'a> {
    reader: Reader<'a>,
    canvas: Canvas,
    /// Whether such a picture was not read yet.
    has_still: bool,
    still: Option<Picture>,
    left: u32,
    given: u32,
}

impl Frames for Animation<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let picture = if std::mem::take(&mut self.has_still) {
            let stored = self.reader.next_frame()?;
            let still = self.reader.picture(stored.samples, self.reader.layout, 0);
            match self.frame() {
                Ok(Some(first)) => {
                    self.still = Some(still);
                    first
                }
                // An animation that shows nothing hides nothing either. What is wrong with it is told next.
                _ => still,
            }
        } else if let Some(still) = self.still.take() {
            still
        } else {
            match self.frame()? {
                Some(frame) => frame,
                None => return Ok(None),
            }
        };
        self.given += 1;
        Ok(Some(Picture {
            frame: self.given - 1,
            ..picture
        }))
    }
}

impl Animation<'_> {
    /// The next frame of the animation, its number not known yet.
    fn frame(&mut self) -> Result<Option<Picture>, MediaError> {
        if self.left == 0 {
            return Ok(None);
        }
        let stored = self.reader.next_frame()?;
        self.left -= 1;
        let control = *self
            .reader
            .png
            .info()
            .frame_control()
            .ok_or_else(|| MediaError::damaged(Format::Png, "a frame has no control chunk"))?;
        let after = match control.dispose_op {
            DisposeOp::None => After::Keep,
            DisposeOp::Background => After::Clear,
            DisposeOp::Previous => After::Restore,
        };
        let frame = with_alpha(stored.samples, self.reader.layout);
        let place = Place {
            x: control.x_offset as usize,
            y: control.y_offset as usize,
            width: stored.width as usize,
            height: stored.height as usize,
        };
        let over = control.blend_op == BlendOp::Over;
        let seen = self.canvas.show(place, over, after, |y, row| {
            let start = y * row.len();
            if let Some(from) = frame.get(start..start + row.len()) {
                row.copy_from_slice(from);
            }
        });
        Ok(Some(self.reader.turned(seen, 0)))
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

/// How many rows the seven passes of an interlaced picture have together; a pass without a column has none.
fn interlaced_rows(width: u32, height: u32) -> u64 {
    // The first column and row of each pass, and how far apart they are (PNG, third edition, clause 8.1).
    const PASSES: [(u32, u32, u32, u32); 7] = [
        (0, 8, 0, 8),
        (4, 8, 0, 8),
        (0, 4, 4, 8),
        (2, 4, 0, 4),
        (0, 2, 2, 4),
        (1, 2, 0, 2),
        (0, 1, 1, 2),
    ];
    PASSES
        .iter()
        .filter(|&&(column, ..)| column < width)
        .map(|&(_, _, row, apart)| u64::from(height.saturating_sub(row).div_ceil(apart)))
        .sum()
}

fn failed(limit: u64, error: &DecodingError) -> MediaError {
    match error {
        DecodingError::IoError(io) => MediaError::from_io(Format::Png, io),
        DecodingError::LimitsExceeded => MediaError::out_of_memory(limit),
        other => MediaError::damaged(Format::Png, other.to_string()),
    }
}
