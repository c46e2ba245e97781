//! What a person sees is what is hashed: files of every structure that people upload, beside what a browser, or where
//! browsers do not read a format its reference program, shows of them.
//!
//! The expected pictures come from those programs alone: headless Chromium, Pillow and ImageMagick. Where a program is
//! missing, its tests say so in one line and pass; `HASHGATE_REQUIRE_DATA` makes that a failure.
#![cfg(feature = "decode")]

#[path = "seen/bmp.rs"]
mod bmp;
#[path = "seen/colours.rs"]
mod colours;
mod common;
#[path = "seen/content.rs"]
mod content;
#[path = "seen/dds.rs"]
mod dds;
#[path = "seen/fax_made.rs"]
mod fax_made;
#[path = "seen/gif.rs"]
mod gif;
#[cfg(any(feature = "jxl", feature = "heic", feature = "avif"))]
#[path = "seen/heif.rs"]
mod heif;
#[path = "seen/icns.rs"]
mod icns;
#[path = "seen/ico.rs"]
mod ico;
#[path = "seen/jpeg.rs"]
mod jpeg;
#[path = "seen/matrix.rs"]
mod matrix;
#[path = "seen/png.rs"]
mod png;
#[path = "seen/psd.rs"]
mod psd;
#[path = "seen/shown.rs"]
mod shown;
#[path = "seen/tga.rs"]
mod tga;
#[path = "seen/tiff.rs"]
mod tiff;
#[path = "seen/tiff_made.rs"]
mod tiff_made;
#[path = "seen/tiff_whole.rs"]
mod tiff_whole;
#[path = "seen/webp.rs"]
mod webp;

use common::shipped_pictures;
use matrix::{Right, Structure, hold};
use shown::Shower;

#[test]
fn plain_files_are_seen_and_what_is_no_picture_is_not() {
    let mut structures: Vec<Structure> = shipped_pictures("known")
        .into_iter()
        .map(|(name, bytes)| {
            let kind = if bytes.starts_with(b"\x89PNG") {
                "image/png"
            } else {
                "image/jpeg"
            };
            Structure::seen(name, kind, bytes)
        })
        .collect();
    let text = b"\xff\xd8\xff but no picture".to_vec();
    structures.push(Structure::seen("text", "image/jpeg", text).but(Right::Refused));
    hold(Shower::Chromium, &structures);
    hold(Shower::Pillow, &structures);
    hold(Shower::ImageMagick, &structures);
}
