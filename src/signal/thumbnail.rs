//! A small luma picture for whoever looks at a picture as a whole: where its borders are, what is
//! left when they are cut away.
//!
//! Owns what such a picture is: means of luma over square cells of a picture's pixels, the same from
//! pixels and (nearly) from the cosine coefficients of 8×8 blocks. Refuses to say what it is good
//! for, and to read files.

use crate::rules::values;
use crate::signal::pdq::blocks::{BLOCK, Kept, LEAST_SIDE, MOST_KEPT, wave};
use crate::signal::shape::{self, ShapeError};

/// Frequencies along one side that a block's first coefficients have.
const ORDERS: usize = 5;

/// A picture's luma, shrunk: each pixel is the mean over a cell of `cell` × `cell` pixels.
///
/// Cells are counted from the upper left corner. What is left at the right and at the bottom, less
/// than a cell, is left out, so that no mean is of fewer pixels.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Thumbnail {
    /// Cells in a row: the picture's width over `cell`, rounded down.
    pub width: usize,
    /// Rows of cells.
    pub height: usize,
    /// Pixels along a cell: 8, 4, 2 or 1.
    pub cell: usize,
    /// `0.299 R + 0.587 G + 0.114 B`, 0 to 255, row by row from the top. From coefficients a little
    /// beyond at most, where a block's finer waves are missing.
    pub luma: Vec<f32>,
}

/// Without the pixels: nothing of a picture may end in a log.
impl std::fmt::Debug for Thumbnail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thumbnail")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("cell", &self.cell)
            .finish_non_exhaustive()
    }
}

impl Thumbnail {
    /// Pixels along a cell for a picture of this size: the most of 8, 4, 2 and 1 that leave `least`
    /// cells along its shorter side, but not fewer than 4 from 800 pixels of that side on, and 2
    /// from [`LEAST_SIDE`], as the coefficients that PDQ needs there tell no finer ones apart.
    ///
    /// It follows from the size alone, never from how the picture is read.
    #[must_use]
    pub fn cell_for(width: usize, height: usize, least: usize) -> usize {
        let shorter = width.min(height);
        let finest = match shorter {
            values::THUMBNAIL_COARSE_FROM.. => 4,
            LEAST_SIDE.. => 2,
            _ => 1,
        };
        let fits = |&cell: &usize| cell <= finest || shorter / cell >= least;
        values::THUMBNAIL_CELLS.into_iter().find(fits).unwrap_or(1)
    }

    /// Bytes that the thumbnail of a picture of this size takes.
    #[must_use]
    pub fn bytes_for(width: usize, height: usize, least: usize) -> usize {
        let cell = Self::cell_for(width, height, least);
        (width / cell) * (height / cell) * size_of::<f32>()
    }

    /// The thumbnail of a picture with (where its size admits) at least `least` cells along the
    /// shorter side.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] where `rgb` is not `width * height * 3` bytes.
    pub fn of_rgb(
        width: usize,
        height: usize,
        rgb: &[u8],
        least: usize,
    ) -> Result<Self, ShapeError> {
        shape::check(width, height, 3, rgb.len())?;
        let mut thumbnail = Self::empty(width, height, least);
        match thumbnail.cell {
            8 => thumbnail.fill::<8>(width, rgb),
            4 => thumbnail.fill::<4>(width, rgb),
            2 => thumbnail.fill::<2>(width, rgb),
            _ => thumbnail.fill::<1>(width, rgb),
        }
        Ok(thumbnail)
    }

    fn empty(width: usize, height: usize, least: usize) -> Self {
        let cell = Self::cell_for(width, height, least);
        let (width, height) = (width / cell, height / cell);
        Self {
            width,
            height,
            cell,
            luma: vec![0.0; width * height],
        }
    }

    fn fill<const CELL: usize>(&mut self, width: usize, rgb: &[u8]) {
        let rows = rgb.chunks_exact((width * 3 * CELL).max(1));
        // Down the columns first, which vectors do well.
        let mut columns = vec![0_u16; width * 3];
        for (out, rows) in self.luma.chunks_exact_mut(self.width.max(1)).zip(rows) {
            columns.fill(0);
            for row in rows.chunks_exact(width * 3) {
                for (sum, &value) in columns.iter_mut().zip(row) {
                    // At most 8 bytes are added up.
                    *sum = sum.wrapping_add(u16::from(value));
                }
            }
            let scale = 1.0 / (CELL * CELL) as f32;
            for (out, pixels) in out.iter_mut().zip(columns.chunks_exact(3 * CELL)) {
                let mut sums = [0_u32; 3];
                for pixel in pixels.as_chunks::<3>().0 {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum = sum.wrapping_add(u32::from(value));
                    }
                }
                let [red, green, blue] = sums;
                let luma = 0.299 * red as f32 + 0.587 * green as f32 + 0.114 * blue as f32;
                *out = luma * scale;
            }
        }
    }
}

/// Makes a [`Thumbnail`] from the blocks of a picture.
#[derive(Debug)]
pub struct BlockThumbnail {
    thumbnail: Thumbnail,
    order: usize,
    /// By frequency and cell of a block: the wave's mean.
    means: [[f32; BLOCK]; ORDERS],
}

impl BlockThumbnail {
    /// For a picture of this size, of which so many coefficients are known, with `least` cells
    /// along its shorter side as [`Thumbnail::cell_for`] says.
    #[must_use]
    pub fn new(width: usize, height: usize, kept: Kept, least: usize) -> Self {
        let thumbnail = Thumbnail::empty(width, height, least);
        let cell = thumbnail.cell;
        let mean = |frequency: usize, at: usize| {
            let pixels = at * cell..((at + 1) * cell).min(BLOCK);
            pixels.map(|x| wave(frequency, x)).sum::<f64>() / cell as f64
        };
        Self {
            order: kept.order(),
            means: std::array::from_fn(|frequency| {
                std::array::from_fn(|at| mean(frequency, at) as f32)
            }),
            thumbnail,
        }
    }

    /// Takes a block by its first coefficients (as
    /// [`BlockSampler::add`](crate::signal::pdq::blocks::BlockSampler::add) does), at its place in
    /// the picture, in blocks. What lies beyond the picture is left out.
    pub fn put(&mut self, row: usize, column: usize, coefficients: &[f32; MOST_KEPT]) {
        match self.thumbnail.cell {
            8 => self.put_cells::<1>(row, column, coefficients),
            4 => self.put_cells::<2>(row, column, coefficients),
            2 => self.put_cells::<4>(row, column, coefficients),
            _ => self.put_cells::<BLOCK>(row, column, coefficients),
        }
    }

    /// As [`BlockThumbnail::put`], for `ALONG` cells along a side of a block: of large pictures one or two.
    fn put_cells<const ALONG: usize>(
        &mut self,
        row: usize,
        column: usize,
        coefficients: &[f32; MOST_KEPT],
    ) {
        let mut cells = [[128.0; ALONG]; ALONG];
        for (v, of_row) in self.means.iter().enumerate().take(self.order) {
            let mut sums = [0.0; ALONG];
            for (u, means) in self.means.iter().enumerate().take(self.order - v) {
                let coefficient = coefficients[Kept::place(u, v)];
                for (sum, mean) in sums.iter_mut().zip(means) {
                    *sum += coefficient * mean;
                }
            }
            for (cells, mean) in cells.iter_mut().zip(of_row) {
                for (cell, sum) in cells.iter_mut().zip(sums) {
                    *cell += sum * mean;
                }
            }
        }
        let (width, first) = (self.thumbnail.width, column * ALONG);
        let rows = self.thumbnail.luma.chunks_exact_mut(width.max(1));
        for (out, cells) in rows.skip(row * ALONG).zip(cells) {
            let out = out.get_mut(first..).unwrap_or_default();
            for (out, cell) in out.iter_mut().zip(cells) {
                *out = cell;
            }
        }
    }

    /// The thumbnail, once every block was put.
    #[must_use]
    pub fn finish(self) -> Thumbnail {
        self.thumbnail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_from_the_size_and_never_leave_too_few_where_they_can_be_had() {
        for (size, least, cell) in [
            ((4000, 3000), 256, 8),
            ((4000, 2048), 256, 8),
            ((4000, 2047), 256, 4),
            ((4000, 3000), 384, 4),
            ((900, 800), 384, 4),
            ((900, 799), 384, 2),
            ((4000, 512), 256, 2),
            ((400, 400), 256, 2),
            ((399, 400), 256, 1),
            ((399, 400), 190, 2),
            ((1, 1), 256, 1),
        ] {
            assert_eq!(Thumbnail::cell_for(size.0, size.1, least), cell, "{size:?}");
        }
    }

    #[test]
    fn means_are_those_of_whole_cells() {
        let (width, height) = (405, 403);
        let value = |x: usize, y: usize| (x * 7 + y * 3) as u8;
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|at| {
                let value = value(at % width, at / width);
                [value, value / 2, 255 - value]
            })
            .collect();
        let thumbnail = Thumbnail::of_rgb(width, height, &rgb, 200).unwrap();
        let Thumbnail {
            width: across,
            height: down,
            cell,
            ..
        } = thumbnail;
        assert_eq!((across, down, cell), (202, 201, 2));
        for (at, &luma) in thumbnail.luma.iter().enumerate() {
            let (x, y) = (at % across * 2, at / across * 2);
            let mut expected = 0.0;
            for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let value = value(x + dx, y + dy);
                let (red, green) = (f64::from(value), f64::from(value / 2));
                expected += 0.299 * red + 0.587 * green + 0.114 * f64::from(255 - value);
            }
            assert!((f64::from(luma) - expected / 4.0).abs() < 1e-3);
        }
        assert!(Thumbnail::of_rgb(width, height, &rgb[1..], 200).is_err());
    }

    #[test]
    fn blocks_give_the_means_that_their_pixels_have() {
        let (width, height) = (803, 1201);
        // Waves long enough for the coefficients that are kept of such a picture.
        let luma = |x: usize, y: usize| {
            let (x, y) = (x as f64 / 90.0, y as f64 / 70.0);
            128.0 + 70.0 * (x + y * 0.3).sin() * y.cos()
        };
        let kept = Kept::for_size(width, height).unwrap();
        let mut by_waves = BlockThumbnail::new(width, height, kept, 256);
        for row in 0..height.div_ceil(8) {
            for column in 0..width.div_ceil(8) {
                let pixels: [f32; 64] = std::array::from_fn(|at| {
                    (luma(column * 8 + at % 8, row * 8 + at / 8) - 128.0) as f32
                });
                let mut coefficients = [0.0; MOST_KEPT];
                for (u, v) in (0..3).flat_map(|v| (0..3 - v).map(move |u| (u, v))) {
                    let of = |(at, pixel): (usize, &f32)| {
                        f64::from(*pixel) * wave(u, at % 8) * wave(v, at / 8)
                    };
                    let sum: f64 = pixels.iter().enumerate().map(of).sum();
                    coefficients[Kept::place(u, v)] = sum as f32;
                }
                by_waves.put(row, column, &coefficients);
            }
        }
        let by_waves = by_waves.finish();
        assert_eq!((by_waves.width, by_waves.height), (200, 300));
        for (at, wave) in by_waves.luma.iter().enumerate() {
            let (x, y) = (at % 200 * 4, at / 200 * 4);
            let mut expected = 0.0;
            for (dx, dy) in (0..4).flat_map(|dy| (0..4).map(move |dx| (dx, dy))) {
                expected += luma(x + dx, y + dy) / 16.0;
            }
            assert!(
                (f64::from(*wave) - expected).abs() < 0.2,
                "{wave}, not {expected}"
            );
        }
    }
}
