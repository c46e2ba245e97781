//! What the files of the tests show: pictures that come with the project, made small, in true colours and few.

use std::path::Path;

use image::imageops::FilterType;

use crate::common::shipped_pictures;
use crate::matrix::Structure;

/// A picture with enough in it for a hash of high quality.
pub(crate) struct Content {
    pub(crate) width: usize,
    pub(crate) height: usize,
    rgb: Vec<u8>,
}

impl Content {
    /// The shipped picture of that number. Neither side is a multiple of eight.
    pub(crate) fn of(number: usize) -> Self {
        Self::sized(number, 161, 117)
    }

    pub(crate) fn sized(number: usize, width: usize, height: usize) -> Self {
        let (_, bytes) = &shipped_pictures("known")[number];
        let picture = image::load_from_memory(bytes).expect("a picture").to_rgb8();
        let small =
            image::imageops::resize(&picture, width as u32, height as u32, FilterType::Triangle);
        Self {
            width,
            height,
            rgb: small.into_raw(),
        }
    }

    pub(crate) fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Self {
        Self { width, height, rgb }
    }

    pub(crate) fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        self.rgb[at..at + 3].try_into().expect("three")
    }

    pub(crate) fn grey(&self, x: usize, y: usize) -> u8 {
        let [red, green, blue] = self.at(x, y).map(u32::from);
        ((red * 3 + green * 6 + blue) / 10) as u8
    }

    /// The number of a pixel's colour among those of [`palette`].
    pub(crate) fn number(&self, bits: u32, x: usize, y: usize) -> u8 {
        match bits {
            8 => {
                let [red, green, blue] = self.at(x, y);
                red & 0xe0 | green >> 5 << 2 | blue >> 6
            }
            _ => self.grey(x, y) >> (8 - bits),
        }
    }

    /// All numbers, row by row.
    pub(crate) fn numbers(&self, bits: u32) -> Vec<u8> {
        let rows = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        rows.map(|(x, y)| self.number(bits, x, y)).collect()
    }
}

/// So many bits' colours: greys, or with eight bits colours. Red, green, blue.
pub(crate) fn palette(bits: u32) -> Vec<[u8; 3]> {
    (0..1_u32 << bits)
        .map(|number| match bits {
            8 => {
                let scaled = |value: u32, most: u32| (value * 255 / most) as u8;
                [
                    scaled(number >> 5, 7),
                    scaled(number >> 2 & 7, 7),
                    scaled(number & 3, 3),
                ]
            }
            _ => [(number * 255 / ((1 << bits) - 1)) as u8; 3],
        })
        .collect()
}

/// EXIF that asks for a quarter turn.
pub(crate) const TURNED: &[u8] =
    b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

/// The files of a folder, but for those of these names.
pub(crate) fn files(folder: &Path, media_type: &'static str, but: &[&str]) -> Vec<Structure> {
    let entries = std::fs::read_dir(folder).expect("a folder of the data");
    let mut files: Vec<Structure> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !but.iter().any(|name| path.ends_with(name)))
        .map(|path| {
            let bytes = std::fs::read(&path).expect("it is read");
            Structure::seen(path.display().to_string(), media_type, bytes)
        })
        .collect();
    files.sort_by(|one, other| one.file.name.cmp(&other.file.name));
    files
}
