//! A decoded picture: 8-bit RGB over white, over black where that differs, and how to turn it.

use serde::{Deserialize, Serialize};

use super::Format;
use super::pixels::Composed;
use crate::signal::thumbnail::Thumbnail;

/// A picture as stored, in the one form that every hash is computed from.
///
/// Three bytes a pixel, red first, rows from the top, no padding. Colour profiles and gamma chunks are ignored, as the
/// reference PDQ programs do: [`Profiles`](super::Profiles) tells how a screen shows them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// What the bytes were.
    pub format: Format,
    /// Pixels in a row, as stored. Never 0.
    pub width: u32,
    /// Rows, as stored. Never 0.
    pub height: u32,
    /// The pixels, transparency laid over white.
    pub rgb: Vec<u8>,
    /// The pixels, transparency laid over black; `None` where every pixel is opaque.
    pub over_black: Option<Vec<u8>>,
    /// The stored colours as if every pixel were opaque, which is what programs hash that drop alpha (the reference
    /// PDQ programs among them); `None` where that is one of the other two.
    pub alpha_ignored: Option<Vec<u8>>,
    /// How a viewer turns it.
    pub orientation: Orientation,
    /// Which picture of the file: 0 is the one that [`decode`](super::decode) gives.
    pub frame: u32,
}

/// Without the pixels: nothing of a picture may end in a log.
impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("format", &self.format)
            .field("width", &self.width)
            .field("height", &self.height)
            .field("opaque", &self.over_black.is_none())
            .field("orientation", &self.orientation)
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

impl Picture {
    /// A picture that is shown as it is stored, the first of its file.
    pub(super) fn of(format: Format, width: u32, height: u32, seen: Composed) -> Self {
        Self {
            format,
            width,
            height,
            rgb: seen.rgb,
            over_black: seen.over_black,
            alpha_ignored: seen.alpha_ignored,
            orientation: Orientation::Normal,
            frame: 0,
        }
    }

    /// The small luma picture of this one as stored, over white, with (where its size admits) at
    /// least `least` cells along the shorter side: what
    /// [`Sampled::thumbnail`](super::Sampled::thumbnail) nearly is.
    #[must_use]
    pub fn thumbnail(&self, least: usize) -> Option<Thumbnail> {
        Thumbnail::of_rgb(self.width as usize, self.height as usize, &self.rgb, least).ok()
    }

    /// The same, over black. `None` also where every pixel is opaque.
    #[must_use]
    pub fn thumbnail_over_black(&self, least: usize) -> Option<Thumbnail> {
        let rgb = self.over_black.as_deref()?;
        Thumbnail::of_rgb(self.width as usize, self.height as usize, rgb, least).ok()
    }

    /// Width, height and pixels (over white) as a viewer shows them, turned as the file asks.
    ///
    /// `None` where the stored picture is shown as it is: use [`rgb`](Self::rgb) then.
    #[must_use]
    pub fn displayed(&self) -> Option<(u32, u32, Vec<u8>)> {
        self.turned(&self.rgb)
    }

    /// The same as [`displayed`](Self::displayed) with transparency laid over black.
    ///
    /// `None` also where every pixel is opaque.
    #[must_use]
    pub fn displayed_over_black(&self) -> Option<(u32, u32, Vec<u8>)> {
        self.turned(self.over_black.as_deref()?)
    }

    /// Pixels of this picture's size, turned as the file asks; `None` where they are shown as they are.
    pub(crate) fn turned(&self, stored: &[u8]) -> Option<(u32, u32, Vec<u8>)> {
        if self.orientation == Orientation::Normal {
            return None;
        }
        let (width, height) = (self.width as usize, self.height as usize);
        let (flip_x, flip_y, swap) = self.orientation.parts();
        let mut out = vec![0; stored.len()];
        if swap {
            // Columns become rows: some rows of the result at a time, so that the few places
            // written to in turn stay in the cache.
            const ROWS: usize = 16;
            for (block, rows) in out.chunks_mut(height * 3 * ROWS).enumerate() {
                for x in 0..height {
                    let row = if flip_y { height - 1 - x } else { x };
                    for (y, out_row) in rows.chunks_exact_mut(height * 3).enumerate() {
                        let y = block * ROWS + y;
                        let column = if flip_x { width - 1 - y } else { y };
                        let from = (row * width + column) * 3;
                        out_row
                            .get_mut(x * 3..x * 3 + 3)?
                            .copy_from_slice(stored.get(from..from + 3)?);
                    }
                }
            }
        } else {
            for (y, out_row) in out.chunks_exact_mut(width * 3).enumerate() {
                let row = if flip_y { height - 1 - y } else { y };
                let from = stored.get(row * width * 3..(row + 1) * width * 3)?;
                if flip_x {
                    let pixels = from.chunks_exact(3).rev();
                    for (to, pixel) in out_row.chunks_exact_mut(3).zip(pixels) {
                        to.copy_from_slice(pixel);
                    }
                } else {
                    out_row.copy_from_slice(from);
                }
            }
        }
        let (shown_width, shown_height) = if swap {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        };
        Some((shown_width, shown_height, out))
    }
}

/// How a stored picture is turned for display: the eight values of EXIF's tag 0x0112.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// 1: as stored.
    #[default]
    Normal,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3: turned by half.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored along the main diagonal.
    Transpose,
    /// 6: turned a quarter clockwise.
    Rotate90,
    /// 7: mirrored along the other diagonal.
    Transverse,
    /// 8: turned a quarter counter-clockwise.
    Rotate270,
}

impl Orientation {
    /// Every orientation, in the order of EXIF's values from 1.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// The orientation of an EXIF value; `Normal` for any but 2 to 8, as viewers do.
    #[must_use]
    pub fn from_exif(value: u16) -> Self {
        usize::from(value)
            .checked_sub(1)
            .and_then(|at| Self::ALL.get(at).copied())
            .unwrap_or_default()
    }

    /// EXIF's value, 1 to 8.
    #[must_use]
    pub fn exif(self) -> u16 {
        match self {
            Self::Normal => 1,
            Self::FlipHorizontal => 2,
            Self::Rotate180 => 3,
            Self::FlipVertical => 4,
            Self::Transpose => 5,
            Self::Rotate90 => 6,
            Self::Transverse => 7,
            Self::Rotate270 => 8,
        }
    }

    /// How the stored picture is read for display: its columns from the right, its rows from the
    /// bottom, columns and rows exchanged.
    #[must_use]
    pub fn parts(self) -> (bool, bool, bool) {
        match self {
            Self::Normal => (false, false, false),
            Self::FlipHorizontal => (true, false, false),
            Self::Rotate180 => (true, true, false),
            Self::FlipVertical => (false, true, false),
            Self::Transpose => (false, false, true),
            Self::Rotate90 => (false, true, true),
            Self::Transverse => (true, true, true),
            Self::Rotate270 => (true, false, true),
        }
    }

    /// How a grid of PDQ's samples lies on a stored picture that is displayed so.
    pub(super) fn turn(self) -> crate::signal::pdq::blocks::Turn {
        let (flip_x, flip_y, swap) = self.parts();
        crate::signal::pdq::blocks::Turn {
            flip_x,
            flip_y,
            swap,
        }
    }

    /// The orientation in an EXIF block, with or without JPEG's mark before its TIFF header.
    pub(super) fn from_exif_block(block: &[u8]) -> Self {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        image::metadata::Orientation::from_exif_chunk(block).map_or(Self::Normal, |found| {
            Self::from_exif(u16::from(found.to_exif()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 x 2 pixels, named a to f by row.
    fn letters(orientation: Orientation) -> Picture {
        Picture {
            format: Format::Png,
            width: 3,
            height: 2,
            rgb: b"abcdef".iter().flat_map(|&letter| [letter; 3]).collect(),
            over_black: None,
            alpha_ignored: None,
            orientation,
            frame: 0,
        }
    }

    #[test]
    fn each_orientation_is_shown_as_exif_defines_it() {
        let shown = |value| {
            letters(Orientation::from_exif(value))
                .displayed()
                .map(|(width, height, rgb)| {
                    let text = rgb.chunks(3).map(|p| char::from(p[0])).collect::<String>();
                    (width, height, text)
                })
        };
        assert_eq!(shown(1), None);
        // 2: row 0 is the top, column 0 the right-hand side.
        assert_eq!(shown(2), Some((3, 2, "cbafed".into())));
        // 3: row 0 is the bottom, column 0 the right-hand side.
        assert_eq!(shown(3), Some((3, 2, "fedcba".into())));
        // 4: row 0 is the bottom, column 0 the left-hand side.
        assert_eq!(shown(4), Some((3, 2, "defabc".into())));
        // 5: row 0 is the left-hand side, column 0 the top.
        assert_eq!(shown(5), Some((2, 3, "adbecf".into())));
        // 6: row 0 is the right-hand side, column 0 the top.
        assert_eq!(shown(6), Some((2, 3, "daebfc".into())));
        // 7: row 0 is the right-hand side, column 0 the bottom.
        assert_eq!(shown(7), Some((2, 3, "fcebda".into())));
        // 8: row 0 is the left-hand side, column 0 the bottom.
        assert_eq!(shown(8), Some((2, 3, "cfbead".into())));
    }

    #[test]
    fn larger_pictures_are_turned_pixel_by_pixel() {
        let (width, height) = (37_u32, 53_u32);
        let at = |x: u32, y: u32| [x as u8, y as u8, (x * 7 + y) as u8];
        for orientation in Orientation::ALL {
            let picture = Picture {
                width,
                height,
                rgb: (0..height)
                    .flat_map(|y| (0..width).flat_map(move |x| at(x, y)))
                    .collect(),
                ..letters(orientation)
            };
            let Some((shown_width, shown_height, rgb)) = picture.displayed() else {
                assert_eq!(orientation, Orientation::Normal);
                continue;
            };
            let (flip_x, flip_y, swap) = orientation.parts();
            for y in 0..shown_height {
                for x in 0..shown_width {
                    let (column, row) = if swap { (y, x) } else { (x, y) };
                    let column = if flip_x { width - 1 - column } else { column };
                    let row = if flip_y { height - 1 - row } else { row };
                    let place = (y * shown_width + x) as usize * 3;
                    assert_eq!(rgb[place..place + 3], at(column, row), "{orientation:?}");
                }
            }
        }
    }

    #[test]
    fn unknown_orientations_are_normal_and_values_round_trip() {
        for value in [0, 9, 255, 65_535] {
            assert_eq!(Orientation::from_exif(value), Orientation::Normal);
        }
        for (value, orientation) in (1..).zip(Orientation::ALL) {
            assert_eq!(orientation.exif(), value);
            assert_eq!(Orientation::from_exif(value), orientation);
        }
    }

    #[test]
    fn the_debug_form_holds_no_pixels() {
        let picture = letters(Orientation::Normal);
        let text = format!("{picture:?}");
        assert!(text.contains("width: 3"), "{text}");
        assert!(!text.contains("97"), "{text}");
    }
}
