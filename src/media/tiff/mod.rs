//! TIFF: every page, by the `tiff` crate itself, since the `image` crate reads the first page only.
//!
//! An alpha sample is taken as not premultiplied, whatever the file says of it.
//!
//! What the pages' strips and tiles name is counted against the file's length ([`Budget`]): nothing
//! keeps a file from naming the same bytes for every strip of every page.

mod palette;

use std::io::Cursor;

use ::tiff::decoder::{ChunkType, Decoder, DecodingResult};
use ::tiff::tags::Tag;
use ::tiff::{ColorType, TiffError, TiffFormatError};

use super::error::Quantity;
use super::frames::Frames;
use super::jpeg;
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Orientation, Picture};

struct Pages<'a> {
    bytes: &'a [u8],
    decoder: Decoder<Cursor<&'a [u8]>>,
    limits: Limits,
    budget: Budget,
    /// The file once more where pages have palettes, to be changed page by page.
    grey: Vec<u8>,
    given: u32,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    Ok(Box::new(Pages {
        bytes,
        decoder: open_decoder(bytes, limits)?,
        limits: limits.clone(),
        budget: Budget::of(bytes),
        grey: Vec::new(),
        given: 0,
    }))
}

/// How many bytes the parts of all pages may still name.
///
/// A part is decoded from the bytes that it names, so time goes with the sum of what the parts name.
/// In a well-formed file they do not lie over each other, and the sum is below the file's length.
/// Writers that get counts somewhat wrong, or keep an empty tile once for all its places, are let
/// pass: twice the length and 1 MiB are allowed. Time stays in proportion to the file's length,
/// whatever the number of pages.
struct Budget {
    left: u64,
}

impl Budget {
    const SLACK: u64 = 1 << 20;

    fn of(file: &[u8]) -> Self {
        Self {
            left: (file.len() as u64)
                .saturating_mul(2)
                .saturating_add(Self::SLACK),
        }
    }

    fn take(&mut self, bytes: u64) -> Result<(), MediaError> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| damaged("the parts of its pages name the same bytes again and again"))?;
        Ok(())
    }
}

fn open_decoder<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Decoder<Cursor<&'a [u8]>>, MediaError> {
    let mut theirs = ::tiff::decoder::Limits::default();
    theirs.decoding_buffer_size = limits.decoder_bytes();
    theirs.intermediate_buffer_size = limits.decoder_bytes();
    theirs.ifd_value_size = bytes.len().min(limits.decoder_bytes());
    Ok(Decoder::new(Cursor::new(bytes))
        .map_err(|error| failed(limits, &error))?
        .with_limits(theirs))
}

impl Frames for Pages<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        if self.given > 0 {
            if !self.decoder.more_images() {
                return Ok(None);
            }
            self.decoder
                .next_image()
                .map_err(|error| failed(&self.limits, &error))?;
        }
        let number = self.given;
        self.given += 1;
        let mut picture = match palette::colours(&mut self.decoder, &self.limits)? {
            None => read_page(
                self.bytes,
                &mut self.decoder,
                &self.limits,
                &mut self.budget,
                None,
            )?,
            Some(colours) => {
                let directory = self.decoder.ifd_pointer().map_or(0, |pointer| pointer.0);
                if self.grey.is_empty() {
                    self.limits.admit_bytes(self.bytes.len() as u64)?;
                    self.grey = self.bytes.to_vec();
                }
                palette::make_grey(&mut self.grey, directory)?;
                let mut decoder = open_decoder(&self.grey, &self.limits)?;
                read_page(
                    &self.grey,
                    &mut decoder,
                    &self.limits,
                    &mut self.budget,
                    Some(&colours),
                )?
            }
        };
        picture.frame = number;
        Ok(Some(picture))
    }
}

/// Reads the page that a decoder stands at; with a palette, its samples are numbers of colours.
fn read_page(
    bytes: &[u8],
    decoder: &mut Decoder<Cursor<&[u8]>>,
    limits: &Limits,
    budget: &mut Budget,
    palette: Option<&[[u8; 3]]>,
) -> Result<Picture, MediaError> {
    let failed = |error| failed(limits, &error);
    let (width, height) = decoder.dimensions().map_err(failed)?;
    limits.admit(Format::Tiff, width, height, 1)?;
    let color = decoder.colortype().map_err(failed)?;
    let inks = Inks::of(color).ok_or_else(|| unsupported(format_args!("{color:?}")))?;
    let stored = decoder.image_buffer_layout().map_err(failed)?;
    let pixels = u64::from(width) * u64::from(height);
    // The samples as stored, spread or interleaved once, and the two results.
    let size = (stored.complete_len as u64)
        .saturating_mul(2)
        .saturating_add(pixels * 6);
    limits.admit_bytes(size)?;
    let orientation = decoder
        .find_tag_unsigned::<u16>(Tag::Orientation)
        .ok()
        .flatten()
        .map_or(Orientation::Normal, Orientation::from_exif);
    let parts = parts(decoder, limits, budget)?;
    whole_jpegs(bytes, decoder, &parts, limits, budget)?;
    let mut result = DecodingResult::U8(Vec::new());
    let read = decoder.read_image_to_buffer(&mut result).map_err(failed)?;
    if result.as_buffer(0).as_bytes().len() < read.complete_len {
        return Err(MediaError::out_of_memory(limits.max_decoder_bytes));
    }
    let (samples, depth) = match result {
        DecodingResult::U8(samples) => (samples, Depth::Eight),
        DecodingResult::U16(samples) => (native(&samples, u16::to_ne_bytes), Depth::SixteenNative),
        DecodingResult::F32(samples) => (native(&samples, f32::to_ne_bytes), Depth::Float),
        _ => {
            return Err(unsupported(format_args!(
                "{color:?} of an unusual number type"
            )));
        }
    };
    let samples = match read.plane_stride {
        Some(stride) if read.planes > 1 => interleaved(&samples, stride.get(), depth.bytes()),
        _ => samples,
    };
    let (samples, layout) = match palette {
        Some(colours) => palette::coloured(inks, &samples, depth, width, colours)?,
        None => inks.to_layout(samples, depth, width),
    };
    let expected = pixels * layout.stored_bytes();
    if samples.len() as u64 != expected {
        let got = samples.len();
        return Err(damaged(format!(
            "a page gives {got} bytes of samples in place of {expected}"
        )));
    }
    let (rgb, over_black) = compose(samples, layout);
    Ok(Picture {
        format: Format::Tiff,
        width,
        height,
        rgb,
        over_black,
        orientation,
        frame: 0,
    })
}

/// Where the strips or tiles of a page lie in the file, and how long they are.
fn parts(
    decoder: &mut Decoder<Cursor<&[u8]>>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Vec<(u64, u64)>, MediaError> {
    /// A part's place and length in the file take two bytes each at least.
    const ENTRY: u64 = 4;
    let (offsets, counts) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let mut list = |tag| {
        let found = decoder
            .find_tag_unsigned_vec::<u64>(tag)
            .map_err(|error| failed(limits, &error))?;
        found.ok_or_else(|| damaged(format!("it has no {tag:?}")))
    };
    let parts: Vec<_> = list(offsets)?.into_iter().zip(list(counts)?).collect();
    for &(_, count) in &parts {
        budget.take(count.saturating_add(ENTRY))?;
    }
    Ok(parts)
}

/// Counts off the JPEGs that a page's strips or tiles may be, since the decoder takes memory for
/// what they say of themselves and fills in what they lack.
fn whole_jpegs(
    bytes: &[u8],
    decoder: &mut Decoder<Cursor<&[u8]>>,
    parts: &[(u64, u64)],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    const JPEG_COMPRESSION: u16 = 7;
    /// A marker: the start of an image, and its end.
    const MARKER: usize = 2;
    let failed = |error| failed(limits, &error);
    if decoder
        .find_tag_unsigned(Tag::Compression)
        .map_err(failed)?
        != Some(JPEG_COMPRESSION)
    {
        return Ok(());
    }
    let tables = match decoder.find_tag(Tag::JPEGTables).map_err(failed)? {
        Some(value) => value.into_u8_vec().map_err(failed)?,
        None => Vec::new(),
    };
    // The start of an image stays, the end goes; a part's own start goes.
    let head = tables
        .get(..tables.len().saturating_sub(MARKER))
        .unwrap_or_default();
    let (most_width, most_height) = decoder.chunk_dimensions();
    let (most_width, most_height) = (
        most_width.saturating_add(15),
        most_height.saturating_add(15),
    );
    // Else a small page could hold a large picture in each of many parts.
    let mut small = limits.clone();
    small.max_side = small.max_side.min(most_width.max(most_height));
    small.max_pixels = small
        .max_pixels
        .min(u64::from(most_width) * u64::from(most_height));
    let too_large = || damaged("a part of a page is larger than its place");
    let mut joined = Vec::new();
    for &(offset, count) in parts {
        let part = usize::try_from(offset)
            .ok()
            .and_then(|offset| bytes.get(offset..))
            .and_then(|rest| rest.get(..usize::try_from(count).ok()?))
            .filter(|part| part.len() >= MARKER)
            .ok_or_else(|| damaged("the data end early"))?;
        let whole = if head.is_empty() {
            part
        } else {
            budget.take(head.len() as u64)?;
            joined.clear();
            joined.extend_from_slice(head);
            joined.extend_from_slice(part.get(MARKER..).unwrap_or_default());
            &joined
        };
        let (width, height) = match jpeg::check_whole(whole, &small) {
            Err(MediaError::TooLarge {
                what: Quantity::Side | Quantity::Pixels,
                ..
            }) => return Err(too_large()),
            checked => checked?,
        };
        if width > most_width || height > most_height {
            return Err(too_large());
        }
    }
    Ok(())
}

/// The colours that a page's samples stand for.
#[derive(Clone, Copy)]
enum Inks {
    /// As they are to be composed.
    Light(Channels),
    /// Grey of fewer than 8 bits, several samples in a byte, rows padded to whole bytes.
    Packed(u8),
    /// Cyan, magenta, yellow, black; 0 is no ink. With a fifth sample that is passed over.
    Print { extra: bool },
    /// Luma and two chroma samples of 8 bits, full range (JFIF).
    LumaChroma,
}

impl Inks {
    fn of(color: ColorType) -> Option<Self> {
        Some(match color {
            ColorType::Gray(bits @ (1 | 2 | 4)) => Self::Packed(bits),
            ColorType::Gray(8 | 16 | 32) => Self::Light(Channels::Grey),
            ColorType::GrayA(8 | 16 | 32)
            | ColorType::Multiband {
                bit_depth: 8 | 16,
                num_samples: 2,
            } => Self::Light(Channels::GreyAlpha),
            ColorType::RGB(8 | 16 | 32) => Self::Light(Channels::Rgb),
            ColorType::RGBA(8 | 16 | 32) => Self::Light(Channels::Rgba),
            ColorType::CMYK(8 | 16) => Self::Print { extra: false },
            ColorType::CMYKA(8 | 16) => Self::Print { extra: true },
            ColorType::YCbCr(8) => Self::LumaChroma,
            _ => return None,
        })
    }

    /// The samples as light.
    fn to_layout(self, samples: Vec<u8>, depth: Depth, width: u32) -> (Vec<u8>, Layout) {
        let rgb = Layout {
            channels: Channels::Rgb,
            depth: Depth::Eight,
        };
        match self {
            Self::Light(channels) => (samples, Layout { channels, depth }),
            Self::Packed(bits) => (
                unpacked(&samples, bits, width as usize, 255 / (0xff >> (8 - bits))),
                Layout {
                    channels: Channels::Grey,
                    depth: Depth::Eight,
                },
            ),
            Self::Print { extra } => {
                let inks = super::pixels::to_eight_bits(samples, depth);
                let light = inks
                    .chunks_exact(if extra { 5 } else { 4 })
                    .flat_map(|ink| {
                        let white = u32::from(255 - ink[3]);
                        [ink[0], ink[1], ink[2]]
                            .map(|one| ((u32::from(255 - one) * white + 127) / 255) as u8)
                    })
                    .collect();
                (light, rgb)
            }
            Self::LumaChroma => (
                samples
                    .chunks_exact(3)
                    .flat_map(|sample| from_luma(sample[0], sample[1], sample[2]))
                    .collect(),
                rgb,
            ),
        }
    }
}

/// Full-range BT.601, as JFIF uses.
fn from_luma(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let luma = f32::from(luma);
    let blue = f32::from(blue) - 128.0;
    let red = f32::from(red) - 128.0;
    // The casts saturate.
    [
        (luma + 1.402 * red + 0.5) as u8,
        (luma - 0.344_136 * blue - 0.714_136 * red + 0.5) as u8,
        (luma + 1.772 * blue + 0.5) as u8,
    ]
}

/// Each sample of `bits` bits in a byte of its own, times `scale`.
fn unpacked(packed: &[u8], bits: u8, width: usize, scale: u8) -> Vec<u8> {
    let per_byte = 8 / bits;
    let mask = 0xff >> (8 - bits);
    packed
        .chunks(width.div_ceil(usize::from(per_byte)).max(1))
        .flat_map(|row| {
            row.iter()
                .flat_map(move |&byte| {
                    (0..per_byte).map(move |at| (byte >> (8 - bits * (at + 1)) & mask) * scale)
                })
                .take(width)
        })
        .collect()
}

/// Planes of samples of `width` bytes each as pixels.
fn interleaved(planes: &[u8], stride: usize, width: usize) -> Vec<u8> {
    let planes: Vec<&[u8]> = planes.chunks_exact(stride).collect();
    let mut pixels = Vec::with_capacity(planes.len() * stride);
    for at in (0..stride / width).map(|sample| sample * width) {
        for plane in &planes {
            pixels.extend_from_slice(&plane[at..at + width]);
        }
    }
    pixels
}

fn native<T: Copy, const N: usize>(samples: &[T], bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    samples.iter().flat_map(|&sample| bytes(sample)).collect()
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Tiff, reason)
}

fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Tiff, what)
}

fn failed(limits: &Limits, error: &TiffError) -> MediaError {
    match error {
        TiffError::IoError(io) => MediaError::from_io(Format::Tiff, io),
        TiffError::LimitsExceeded => MediaError::out_of_memory(limits.max_decoder_bytes),
        TiffError::UnsupportedError(what) => unsupported(what),
        TiffError::FormatError(TiffFormatError::RequiredTagNotFound(tag)) => {
            damaged(format!("it has no {tag:?}"))
        }
        other => MediaError::damaged(Format::Tiff, other.to_string()),
    }
}
