//! TIFF: every page, by the `tiff` crate itself, since the `image` crate reads the first page only.
//!
//! An alpha sample is taken as not premultiplied, whatever the file says of it.
//!
//! What the pages' strips and tiles name is counted against the file's length ([`Budget`]): nothing
//! keeps a file from naming the same bytes for every strip of every page.

mod fault;
mod inks;
mod palette;

use std::io::Cursor;

use ::tiff::decoder::{ChunkType, Decoder, DecodingResult};
use ::tiff::tags::Tag;

use fault::{damaged, failed, unsupported};
use inks::Inks;

use super::error::Quantity;
use super::frames::Frames;
use super::jpeg;
use super::pixels::{Depth, compose};
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
    Ok(Picture {
        orientation,
        ..Picture::of(Format::Tiff, width, height, compose(samples, layout))
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
