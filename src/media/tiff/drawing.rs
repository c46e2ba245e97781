//! A page's strips or tiles, put together.

use super::budget::Budget;
use super::codecs;
use super::directory::File;
use super::fault::ends_early;
use super::packing::{Blocks, Compression};
use super::page::Page;
use super::predictor;
use crate::media::pixels::{Depth, Layout, compose};
use crate::media::{Format, Limits, MediaError, Picture};

/// Decodes a page.
pub(super) fn draw<'a>(
    file: &File<'a>,
    mut page: Page<'a>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Picture, MediaError> {
    let layout = Layout {
        channels: page.colours.channels(page.alpha.is_some()),
        depth: Depth::Eight,
    };
    let channels = layout.channels.count() as usize;
    let planes = Planes::of(&page);
    admit(&page, layout, planes.count, limits)?;
    let (width, height) = (page.width as usize, page.height as usize);
    let mut samples = vec![0; width * height * channels];
    let mut parts = vec![Vec::new(); planes.count];
    let mut row = Vec::new();
    let mut painted = Vec::new();
    for down in 0..page.parts.down {
        let top = down * page.parts.height;
        let rows = page.parts.height.min(page.height - top);
        for across in 0..page.parts.across {
            let left = across * page.parts.width;
            let columns = page.parts.width.min(page.width - left);
            for (plane, part) in parts.iter_mut().enumerate() {
                let plane = planes.number(plane);
                let number = page.parts.number(across, down, plane);
                let plain = (page.compression == Compression::None).then(|| page.part_bytes(rows));
                let data = page.parts.bytes(file, number, plain, limits, budget)?;
                codecs::unpack(&page, data, rows, part, limits, budget)?;
                restore(&page, part);
            }
            for at in 0..rows {
                planes.row(&page, &parts, at, &mut row)?;
                painted.clear();
                for pixel in row.chunks_exact(planes.samples).take(columns as usize) {
                    let alpha = page.alpha.map(|alpha| {
                        let at = planes.place(alpha.at);
                        (pixel.get(at).copied().unwrap_or(u16::MAX), alpha.multiplied)
                    });
                    page.colours.paint(pixel, alpha, &mut painted)?;
                }
                let start = ((top + at) as usize * width + left as usize) * channels;
                samples
                    .get_mut(start..start + columns as usize * channels)
                    .zip(painted.get(..columns as usize * channels))
                    .ok_or_else(ends_early)
                    .map(|(to, from)| to.copy_from_slice(from))?;
            }
        }
    }
    Ok(Picture {
        orientation: page.orientation,
        ..Picture::of(
            Format::Tiff,
            page.width,
            page.height,
            compose(samples, layout),
        )
    })
}

/// Asks for all that decoding a page takes at its peak.
fn admit(
    page: &Page<'_>,
    layout: Layout,
    planes: usize,
    limits: &Limits,
) -> Result<(), MediaError> {
    let part = page.part_bytes(page.parts.height);
    // A JPEG is decoded beside its place, to three or four samples.
    let beside = match page.compression {
        Compression::Jpeg => u64::from(page.parts.width)
            .saturating_add(15)
            .saturating_mul(u64::from(page.parts.height).saturating_add(15))
            .saturating_mul(4),
        _ => 0,
    };
    let row = u64::from(page.parts.width) * page.samples as u64 * 2;
    let pixels = u64::from(page.width) * u64::from(page.height) * layout.peak_bytes();
    limits.admit_bytes(
        part.saturating_mul(planes as u64)
            .saturating_add(beside)
            .saturating_add(row)
            .saturating_add(pixels),
    )
}

fn restore(page: &Page<'_>, part: &mut [u8]) {
    let row_bytes = page.row_bytes(page.parts.width) as usize;
    let step = if page.separate { 1 } else { page.samples };
    for row in part.chunks_exact_mut(row_bytes.max(1)) {
        predictor::restore(page.predictor, row, step, page.storage);
    }
}

/// The planes that are read: one that holds all samples, or those of the colours and of alpha.
struct Planes {
    count: usize,
    /// Samples of a pixel of a row that is read.
    samples: usize,
    separate: bool,
    /// Samples of the colours; alpha follows them where it has a plane of its own.
    colours: usize,
    alpha: Option<usize>,
}

impl Planes {
    fn of(page: &Page<'_>) -> Self {
        let colours = page.colours.samples();
        let alpha = page.alpha.map(|alpha| alpha.at);
        let read = colours + usize::from(alpha.is_some());
        Self {
            count: if page.separate { read } else { 1 },
            samples: if page.separate { read } else { page.samples },
            separate: page.separate,
            colours,
            alpha,
        }
    }

    /// The number in the file of a plane that is read.
    fn number(&self, plane: usize) -> usize {
        if plane < self.colours {
            plane
        } else {
            self.alpha.unwrap_or(plane)
        }
    }

    /// Where a stored sample stands in a pixel of a row that is read.
    fn place(&self, sample: usize) -> usize {
        if self.separate {
            sample.min(self.colours)
        } else {
            sample
        }
    }

    /// The samples of a row of a part.
    fn row(
        &self,
        page: &Page<'_>,
        parts: &[Vec<u8>],
        at: u32,
        row: &mut Vec<u16>,
    ) -> Result<(), MediaError> {
        let width = page.parts.width as usize;
        row.clear();
        if let (Some(blocks), Some(part)) = (page.blocks, parts.first()) {
            return from_blocks(part, blocks, width, at as usize, row).ok_or_else(ends_early);
        }
        row.resize(width * self.samples, 0);
        let row_bytes = page.row_bytes(page.parts.width) as usize;
        let start = at as usize * row_bytes;
        for (plane, part) in parts.iter().enumerate() {
            let stored = part.get(start..start + row_bytes).ok_or_else(ends_early)?;
            let step = if self.separate { self.samples } else { 1 };
            let mut places = row.iter_mut().skip(plane).step_by(step);
            let put = |sample| {
                if let Some(place) = places.next() {
                    *place = sample;
                }
            };
            let is_number = page.colours.are_numbers();
            // Alpha beside numbers of colours is no number.
            if is_number && plane == 0 {
                page.storage.each_number(stored, put);
            } else {
                page.storage.each(stored, put);
            }
        }
        if page.colours.are_numbers() && !self.separate {
            let most = (1_u32 << page.storage.bits) - 1;
            let others = row
                .iter_mut()
                .enumerate()
                .filter(|(at, _)| at % self.samples > 0);
            for (_, sample) in others {
                *sample = ((u32::from(*sample) * 65_535 + most / 2) / most) as u16;
            }
        }
        Ok(())
    }
}

/// A row of pixels in blocks: the luma of each, then the two chroma samples that all share.
fn from_blocks(
    part: &[u8],
    blocks: Blocks,
    width: usize,
    at: usize,
    row: &mut Vec<u16>,
) -> Option<()> {
    let (across, down) = (blocks.across as usize, blocks.down as usize);
    let size = across * down + 2;
    let row_bytes = width.div_ceil(across) * size;
    let start = at / down * row_bytes;
    let stored = part.get(start..start + row_bytes)?;
    for block in stored.chunks_exact(size) {
        let (luma, chroma) = block.split_at_checked(across * down)?;
        let line = at % down * across;
        let &[blue, red] = chroma else {
            return None;
        };
        for &luma in luma.get(line..line + across)? {
            row.extend([luma, blue, red].map(|code| u16::from(code) * 257));
        }
    }
    Some(())
}
