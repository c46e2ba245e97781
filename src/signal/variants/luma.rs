//! A small luma picture: what every variant is made from.
//!
//! Owns how such a picture is made, turned and made smaller. Refuses to know what is done with the
//! cells.

use crate::signal::thumbnail::Thumbnail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A picture's luma (0–255) in cells, each the mean of a few pixels; rows from the top.
///
/// PDQ samples 64 tents along a side, so that a few hundred cells along it tell what the picture
/// tells.
#[derive(Clone, PartialEq)]
pub struct Luma {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Width and height of a cell, in pixels.
    pub(super) cell: [f32; 2],
    /// Width and height of the picture, in pixels.
    pub(super) size: [f32; 2],
    pub(super) cells: Vec<f32>,
}

/// Without the cells: nothing of a picture may end in a log.
impl std::fmt::Debug for Luma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Luma")
            .field("columns", &self.columns)
            .field("rows", &self.rows)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Luma {
    /// Cells along the shorter side that a [`Thumbnail`] should have, where the picture has them.
    pub const WANTED: usize = crate::rules::values::LUMA_WANTED;
    /// Most cells along a side; of finer pictures, cells are averaged.
    pub const MOST: usize = crate::rules::values::LUMA_MOST;

    /// The cells of a small luma picture; `None` where it has none.
    #[must_use]
    pub fn new(thumbnail: &Thumbnail) -> Option<Self> {
        let (width, height) = (thumbnail.width, thumbnail.height);
        if width == 0 || height == 0 || thumbnail.luma.len() != width * height {
            return None;
        }
        let (across, down) = (width.div_ceil(Self::MOST), height.div_ceil(Self::MOST));
        let pixels = thumbnail.cell as f32;
        Some(Self {
            columns: width.div_ceil(across),
            rows: height.div_ceil(down),
            cell: [pixels * across as f32, pixels * down as f32],
            size: [pixels * width as f32, pixels * height as f32],
            cells: averaged(&thumbnail.luma, width, across, down),
        })
    }

    /// The picture turned: read from the right, from the bottom, and with rows for columns, in
    /// the terms of the stored one.
    #[must_use]
    pub fn turned(&self, flip_x: bool, flip_y: bool, swap: bool) -> Self {
        let (columns, rows) = if swap {
            (self.rows, self.columns)
        } else {
            (self.columns, self.rows)
        };
        let order = |pair: [f32; 2]| if swap { [pair[1], pair[0]] } else { pair };
        let mut cells = Vec::with_capacity(self.cells.len());
        for y in 0..rows {
            for x in 0..columns {
                let (column, row) = if swap { (y, x) } else { (x, y) };
                let column = if flip_x {
                    self.columns - 1 - column
                } else {
                    column
                };
                let row = if flip_y { self.rows - 1 - row } else { row };
                cells.extend(self.cells.get(row * self.columns + column));
            }
        }
        Self {
            columns,
            rows,
            cell: order(self.cell),
            size: order(self.size),
            cells,
        }
    }
}

/// A small luma picture as it goes from one process to another. It is a picture: never store it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LumaLine {
    columns: usize,
    rows: usize,
    cell: [f32; 2],
    size: [f32; 2],
    /// The cells as 32-bit floats, the lowest byte first, in base64.
    cells: String,
}

impl Luma {
    /// A picture's sides are no longer than this, in pixels.
    const LONGEST: f32 = 16_777_216.0;

    /// To send it on at once.
    pub(crate) fn to_line(&self) -> LumaLine {
        let bytes: Vec<u8> = self
            .cells
            .iter()
            .flat_map(|cell| cell.to_le_bytes())
            .collect();
        LumaLine {
            columns: self.columns,
            rows: self.rows,
            cell: self.cell,
            size: self.size,
            cells: STANDARD.encode(bytes),
        }
    }

    /// As it was sent.
    ///
    /// # Errors
    /// What is wrong, where it is none that [`Luma::new`] could have made.
    pub(crate) fn from_line(line: LumaLine) -> Result<Self, String> {
        let sides = [line.columns, line.rows];
        if sides.iter().any(|side| !(1..=Self::MOST).contains(side)) {
            return Err(format!("{} x {} cells", line.columns, line.rows));
        }
        let is_length = |length: &f32| (0.0..=Self::LONGEST).contains(length) && *length > 0.0;
        if !line.cell.iter().chain(&line.size).all(is_length) {
            return Err("a small picture's sides are out of range".to_owned());
        }
        let bytes = STANDARD.decode(line.cells).unwrap_or_default();
        let (cells, rest) = bytes.as_chunks::<4>();
        let cells: Vec<f32> = cells.iter().map(|cell| f32::from_le_bytes(*cell)).collect();
        if cells.len() != line.columns * line.rows || !rest.is_empty() {
            return Err("a small picture has other cells than it says".to_owned());
        }
        // Those from a JPEG's coefficients may lie beyond 0 to 255.
        if !cells.iter().all(|cell| cell.is_finite()) {
            return Err("a small picture's cells are no numbers".to_owned());
        }
        Ok(Self {
            columns: line.columns,
            rows: line.rows,
            cell: line.cell,
            size: line.size,
            cells,
        })
    }
}

/// The means of `across * down` cells each; those at the right and the bottom are of what is there.
fn averaged(cells: &[f32], width: usize, across: usize, down: usize) -> Vec<f32> {
    if across == 1 && down == 1 {
        return cells.to_vec();
    }
    let mut all = Vec::with_capacity(cells.len() / (across * down) + 1);
    let mut line = vec![0.0; width];
    for band in cells.chunks(width * down) {
        line.fill(0.0);
        for row in band.chunks_exact(width) {
            for (sum, &value) in line.iter_mut().zip(row) {
                *sum += value;
            }
        }
        let rows = band.len() / width;
        let mean = |part: &[f32]| part.iter().sum::<f32>() / (part.len() * rows) as f32;
        all.extend(line.chunks(across).map(mean));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnail(width: usize, height: usize, cell: usize) -> Thumbnail {
        let rgb: Vec<u8> = (0..width * height * cell * cell)
            .flat_map(|i| [(i * 31 % 251) as u8; 3])
            .collect();
        let made = Thumbnail::of_rgb(width * cell, height * cell, &rgb, width.min(height));
        made.expect("a picture of this size")
    }

    #[test]
    fn a_picture_of_many_cells_is_averaged() {
        let fine = thumbnail(1300, 3, 1);
        let luma = Luma::new(&fine).expect("it has cells");
        assert_eq!((luma.columns, luma.rows, luma.cell), (434, 3, [3.0, 1.0]));
        assert_eq!(luma.size, [1300.0, 3.0]);
        let first: f32 = fine.luma[..3].iter().sum::<f32>() / 3.0;
        assert!((luma.cells[0] - first).abs() < 1e-3);
        assert!(
            (luma.cells[433] - fine.luma[1299]).abs() < 1e-3,
            "the last one is a rest"
        );
    }

    #[test]
    fn turning_four_times_changes_nothing() {
        let luma = Luma::new(&thumbnail(7, 5, 1)).expect("it has cells");
        let mut turned = luma.clone();
        for _ in 0..4 {
            turned = turned.turned(false, true, true);
        }
        assert_eq!(turned, luma);
        assert_eq!(luma.turned(true, false, false).cells[0], luma.cells[6]);
    }
}
