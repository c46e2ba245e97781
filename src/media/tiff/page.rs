//! What a directory says of its page: how samples are stored, and what they stand for.

use super::budget::Budget;
use super::colours::{Alpha, Colours, Luma, Palette};
use super::directory::{Directory, File};
use super::fault::{damaged, unsupported};
use super::packing::{self, Blocks, Compression, Predictor};
use super::parts::Parts;
use super::samples::{Number, Storage};
use super::tags;
use crate::media::{Format, Limits, MediaError, Orientation};

/// More samples a pixel than this are not read.
const MOST_SAMPLES: u64 = 64;

/// A page that is to be decoded.
pub(super) struct Page<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Samples of a pixel, all that are stored.
    pub(super) samples: usize,
    pub(super) storage: Storage,
    /// Whether each sample has a plane of its own.
    pub(super) separate: bool,
    /// Whether the bits of each byte stand the other way round.
    pub(super) reversed: bool,
    pub(super) compression: Compression,
    pub(super) predictor: Predictor,
    pub(super) colours: Colours,
    pub(super) alpha: Option<Alpha>,
    /// Of luma and chroma that are stored in blocks.
    pub(super) blocks: Option<Blocks>,
    pub(super) jpeg_tables: Vec<u8>,
    /// Whether the three components of a part that is a JPEG are luma and chroma; they come out as RGB.
    pub(super) jpeg_luma: bool,
    pub(super) parts: Parts<'a>,
    pub(super) orientation: Orientation,
}

/// Width and height, within limits.
pub(super) fn size(directory: &Directory<'_>, limits: &Limits) -> Result<(u32, u32), MediaError> {
    let side = |tag, name: &str| match directory.number(tag)? {
        None => Err(damaged(format!("it has no {name}"))),
        Some(side) => Ok(u32::try_from(side).unwrap_or(u32::MAX)),
    };
    let (width, height) = (side(tags::WIDTH, "width")?, side(tags::HEIGHT, "height")?);
    limits.admit(Format::Tiff, width, height, 1)?;
    Ok((width, height))
}

pub(super) fn orientation(directory: &Directory<'_>) -> Orientation {
    let value = directory.number(tags::ORIENTATION).ok().flatten();
    value
        .and_then(|value| u16::try_from(value).ok())
        .map_or(Orientation::Normal, Orientation::from_exif)
}

impl<'a> Page<'a> {
    pub(super) fn read(
        file: &File<'a>,
        directory: &Directory<'a>,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Self, MediaError> {
        let (width, height) = size(directory, limits)?;
        let compression = packing::compression(directory)?;
        let photometric = photometric(directory, compression)?;
        let samples = samples(directory, photometric)?;
        let storage = storage(file, directory, samples)?;
        let separate = match directory.or(tags::PLANAR, 1)? {
            2 => samples > 1,
            _ => false,
        };
        let jpeg_tables = match directory.values(tags::JPEG_TABLES)? {
            Some(tables) if compression == Compression::Jpeg => tables.bytes().to_vec(),
            _ => Vec::new(),
        };
        let mut page = Self {
            width,
            height,
            samples,
            storage,
            separate,
            reversed: directory.or(tags::FILL_ORDER, 1)? == 2,
            compression,
            predictor: packing::predictor(directory, compression)?,
            colours: Colours::Rgb,
            alpha: None,
            blocks: None,
            jpeg_tables,
            jpeg_luma: compression == Compression::Jpeg
                && !separate
                && photometric == Photometric::Luma,
            parts: Parts::read(directory, width, height, if separate { samples } else { 1 })?,
            orientation: orientation(directory),
        };
        page.set_colours(directory, photometric, budget)?;
        page.check()?;
        Ok(page)
    }

    fn set_colours(
        &mut self,
        directory: &Directory<'_>,
        photometric: Photometric,
        budget: &mut Budget,
    ) -> Result<(), MediaError> {
        self.colours = match photometric {
            // Programs show floats as they are.
            Photometric::WhiteIsZero => Colours::Grey {
                inverted: self.storage.number != Number::Float,
            },
            Photometric::BlackIsZero => Colours::Grey { inverted: false },
            Photometric::Rgb => Colours::Rgb,
            Photometric::Palette => {
                let map = directory
                    .values(tags::COLOUR_MAP)?
                    .ok_or_else(|| damaged("it has no palette"))?;
                budget.name(map.bytes().len() as u64)?;
                Colours::Palette(Palette::read(&map, self.storage)?)
            }
            Photometric::Ink => {
                if directory.or(tags::INK_SET, 1)? != 1 {
                    return Err(unsupported(
                        "inks that are not cyan, magenta, yellow, black",
                    ));
                }
                Colours::Ink
            }
            Photometric::Luma if self.jpeg_luma => Colours::Rgb,
            Photometric::Luma => Colours::Luma(Luma::read(directory)?),
            Photometric::Lab { signed } => Colours::Lab { signed },
        };
        let colours = self.colours.samples();
        if self.samples < colours {
            return Err(damaged(format!(
                "its pixels have {} samples in place of {colours}",
                self.samples
            )));
        }
        let extra = directory.values(tags::EXTRA_SAMPLES)?;
        self.alpha = Alpha::read(
            extra.as_ref(),
            colours,
            self.samples,
            photometric == Photometric::Rgb,
        );
        if photometric == Photometric::Luma && self.compression != Compression::Jpeg {
            let blocks = match packing::blocks(directory)? {
                Some(blocks) => blocks,
                // Files that say nothing should be subsampled by 2. Some writers do not know.
                None if self.is_full_size() => Blocks { across: 1, down: 1 },
                None => Blocks { across: 2, down: 2 },
            };
            self.blocks = (blocks.across, blocks.down).ne(&(1, 1)).then_some(blocks);
        }
        Ok(())
    }

    /// Whether the first part is long enough for three samples of every pixel.
    fn is_full_size(&self) -> bool {
        let length = self.parts.first_length().unwrap_or(0);
        let rows = self.parts.height.min(self.height);
        self.compression == Compression::None
            && length >= self.row_bytes(self.parts.width) * u64::from(rows)
    }

    /// Refuses what cannot be together.
    fn check(&self) -> Result<(), MediaError> {
        let bits = self.storage.bits;
        match self.compression {
            Compression::Fax(_) if bits != 1 || self.samples != 1 => {
                return Err(damaged("fax coding of pixels that are not one bit each"));
            }
            Compression::Jpeg if bits != 8 => {
                return Err(unsupported(format_args!("JPEG of {bits} bits a sample")));
            }
            _ => {}
        }
        if self.blocks.is_some()
            && (self.separate
                || bits != 8
                || self.samples != 3
                || self.predictor != Predictor::None)
        {
            return Err(unsupported("subsampled chroma in an unusual layout"));
        }
        let sound = match self.predictor {
            Predictor::None => true,
            Predictor::Horizontal => matches!(bits, 8 | 16 | 32 | 64),
            Predictor::Float => self.storage.number == Number::Float,
        };
        if !sound {
            return Err(unsupported(format_args!(
                "predicted samples of {bits} bits"
            )));
        }
        if matches!(self.colours, Colours::Lab { .. }) && !matches!(bits, 8 | 16) {
            return Err(unsupported(format_args!("CIELab of {bits} bits")));
        }
        if matches!(self.colours, Colours::Luma(_)) && bits != 8 {
            return Err(unsupported(format_args!("luma and chroma of {bits} bits")));
        }
        Ok(())
    }

    /// Bytes of a row of a part, where its pixels are not stored in blocks.
    pub(super) fn row_bytes(&self, width: u32) -> u64 {
        let samples = if self.separate {
            1
        } else {
            self.samples as u64
        };
        (u64::from(width) * samples * u64::from(self.storage.bits)).div_ceil(8)
    }

    /// Bytes of so many rows of a part.
    pub(super) fn part_bytes(&self, rows: u32) -> u64 {
        match self.blocks {
            None => self.row_bytes(self.parts.width) * u64::from(rows),
            Some(blocks) => {
                let across = u64::from(self.parts.width.div_ceil(blocks.across));
                let down = u64::from(rows.div_ceil(blocks.down));
                across * down * u64::from(blocks.across * blocks.down + 2)
            }
        }
    }
}

/// What the samples stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Ink,
    Luma,
    Lab { signed: bool },
}

fn photometric(
    directory: &Directory<'_>,
    compression: Compression,
) -> Result<Photometric, MediaError> {
    let number = directory.number(tags::PHOTOMETRIC)?;
    if directory.or(tags::INDEXED, 0)? == 1 && number != Some(3) {
        return Err(unsupported("a palette of other colours than RGB"));
    }
    Ok(match number {
        Some(0) => Photometric::WhiteIsZero,
        Some(1) => Photometric::BlackIsZero,
        Some(2) => Photometric::Rgb,
        Some(3) => Photometric::Palette,
        Some(4) => return Err(unsupported("a mask of transparency")),
        Some(5) => Photometric::Ink,
        Some(6) => Photometric::Luma,
        Some(8) => Photometric::Lab { signed: true },
        Some(9) => Photometric::Lab { signed: false },
        Some(10) => return Err(unsupported("ITU Lab colours")),
        Some(32_844 | 32_845) => return Err(unsupported("LogLuv colours")),
        Some(other) => return Err(unsupported(format_args!("colours of kind {other}"))),
        // As most readers do, by what is there.
        None if matches!(compression, Compression::Fax(_)) => Photometric::WhiteIsZero,
        None => match directory.or(tags::SAMPLES, 1)? {
            3.. => Photometric::Rgb,
            _ if compression == Compression::Jpeg => Photometric::BlackIsZero,
            _ => Photometric::WhiteIsZero,
        },
    })
}

fn samples(directory: &Directory<'_>, photometric: Photometric) -> Result<usize, MediaError> {
    // Writers that leave the number out give the depth of each.
    let listed = directory.values(tags::BITS)?.map_or(1, |bits| bits.len());
    let default = match photometric {
        Photometric::Rgb | Photometric::Luma | Photometric::Lab { .. } => listed.max(1),
        _ => 1,
    };
    let samples = directory.or(tags::SAMPLES, default as u64)?;
    if samples == 0 {
        return Err(damaged("its pixels have no samples"));
    }
    if samples > MOST_SAMPLES {
        return Err(unsupported(format_args!("{samples} samples a pixel")));
    }
    Ok(samples as usize)
}

fn storage(
    file: &File<'_>,
    directory: &Directory<'_>,
    samples: usize,
) -> Result<Storage, MediaError> {
    let same = |tag, default| -> Result<u64, MediaError> {
        let Some(values) = directory.values(tag)? else {
            return Ok(default);
        };
        let first = values.get(0).unwrap_or(default);
        if values.numbers().take(samples).any(|value| value != first) {
            return Err(unsupported("samples that are stored in different ways"));
        }
        Ok(first)
    };
    let bits = same(tags::BITS, 1)?;
    let number = match same(tags::SAMPLE_FORMAT, 1)? {
        // "Of no stated kind" is read as the first.
        0 | 1 | 4 => Number::Unsigned,
        2 => Number::Signed,
        3 => Number::Float,
        _ => return Err(unsupported("complex numbers as samples")),
    };
    Storage::new(bits, number, file.order)
        .ok_or_else(|| unsupported(format_args!("{bits} bits a sample of kind {number:?}")))
}
