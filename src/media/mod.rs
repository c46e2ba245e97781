//! Floor 2: bytes to pixels, within limits.
//!
//! Owns what a file is (from its bytes, never its name), what decoding it may cost, and how every
//! pixel mode becomes the one canonical form: 8-bit RGB over white, over black where the two
//! differ, with the orientation that a viewer would apply. Refuses to guess: bytes that are not a
//! whole picture are [`MediaError::Undecodable`], kinds of file that are not decoded here are
//! [`MediaError::Unsupported`], and what would cost too much is [`MediaError::TooLarge`] before the
//! cost is paid. None of them means "clean".
//!
//! Decoding is memory-safe or isolated: what is not safe has a process of its own (`isolated`). A panic in a decoder
//! is caught and is that file's outcome.
//!
//! # Which picture of a file
//!
//! [`decode`] gives the one that a viewer shows first; [`decode_frames`] gives that one first and
//! then the others:
//! - GIF, APNG, WebP: every frame, composed on the canvas as a viewer does. An APNG's still image
//!   that is no part of its animation comes behind the first frame: browsers do not show it.
//! - TIFF: every page, then previews and other pictures that hang below the pages. Of a camera's raw
//!   file the previews only, the largest first. ICO and ICNS: every size, the largest first. BMP: both views where a header
//!   names two places. PSD: the merged picture.
//! - JPEG XL: every frame. HEIC and AVIF: the primary picture, the others that are not hidden, the frames of a sequence
//!   (HEIC: the first), and last the small forms that the file brings along.
//! - JPEG: the first of several that follow one another (multi-picture objects, gain maps); [`appended`] finds the others.
//!
//! The small picture in an EXIF block is not among them: [`embedded`] gives it.

mod appended;
mod bmp;
mod canvas;
#[cfg(any(feature = "heic", feature = "isolated"))]
#[cfg_attr(
    not(any(feature = "heic", feature = "avif")),
    allow(
        dead_code,
        reason = "without a format that is coded so, little is asked"
    )
)]
mod coded;
mod colours;
mod dds;
mod error;
mod exif;
mod format;
mod frames;
mod gif;
#[cfg(any(feature = "heic", feature = "avif"))]
mod heif;
mod icns;
mod ico;
#[cfg(all(feature = "isolated", target_os = "linux"))]
pub mod isolated;
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
mod lab;
mod limits;
mod masks;
mod needed;
mod pack_bits;
mod picture;
mod pixels;
mod png;
mod psd;
mod still;
mod tga;
mod tiff;
mod webp;

use std::ops::ControlFlow;

pub use appended::{Appended, appended};
pub use colours::{Colours, Profiles};
pub use error::{MediaError, Quantity};
pub use exif::{Embedded, embedded};
pub use format::{Format, sniff};
pub use frames::FrameCount;
pub use jpeg::{Sampled, Sampling};
pub use limits::Limits;
pub use needed::{memory_needed, memory_to_sample};
pub use picture::{Orientation, Picture};

use frames::Frames;

/// Decodes the first, or default, picture of a file.
///
/// # Errors
///
/// Any of [`MediaError`]; each means that the file was not judged.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let format = admitted(bytes, limits)?;
    frames::guarded(format, || {
        open(format, bytes, limits)?
            .first()?
            .ok_or_else(|| MediaError::damaged(format, "it holds no picture"))
    })
}

/// Decodes every picture of a file, the default one first, and gives each to `visit`, which may
/// break off. A file of one picture is visited once.
///
/// # Errors
///
/// Any of [`MediaError`]. A later picture that is damaged is an error too, after the earlier ones
/// were visited: the file as a whole was not judged.
///
/// # Panics
///
/// Never by itself; a panic in `visit` passes through.
pub fn decode_frames(
    bytes: &[u8],
    limits: &Limits,
    visit: &mut dyn FnMut(Picture) -> ControlFlow<()>,
) -> Result<FrameCount, MediaError> {
    let format = admitted(bytes, limits)?;
    let opened = frames::guarded(format, || open(format, bytes, limits))?;
    let count = frames::visit_all(format, opened, limits, visit)?;
    if count.visited == 0 {
        return Err(MediaError::damaged(format, "it holds no picture"));
    }
    Ok(count)
}

/// The shorter side, in pixels, from which [`sample`] costs less than [`decode`] for a baseline
/// JPEG: measured on phone photos, 1.4 times less at 1,200 pixels and 2 times at 3,000.
pub const SAMPLING_PAYS_FROM: u16 = 800;

/// Whether [`sample`] is likely to cost less than [`decode`]: for JPEGs that are progressive, or
/// have `from` pixels or more along their shorter side. Looks at the header only.
#[must_use]
pub fn is_worth_sampling(bytes: &[u8], from: u16) -> bool {
    bytes.starts_with(b"\xff\xd8") && jpeg::is_worth_sampling(bytes, from)
}

/// PDQ's samples of a JPEG, read from its coefficients without decoding it; with `displayed` also
/// those of the picture as a viewer turns it.
///
/// `None` for everything that is not a plain JPEG without a fault, of 400 pixels or more along its
/// shorter side: [`decode`] judges it then. Where there are samples, `decode` succeeds with a picture
/// of this size, within these limits, whose samples they nearly are.
#[must_use]
pub fn sample(bytes: &[u8], limits: &Limits, displayed: bool) -> Option<Sampled> {
    let sampling = Sampling {
        displayed,
        ..Sampling::default()
    };
    sample_with(bytes, limits, sampling)
}

/// As [`sample`], with whatever else is asked for.
#[must_use]
pub fn sample_with(bytes: &[u8], limits: &Limits, sampling: Sampling) -> Option<Sampled> {
    let is_jpeg = matches!(admitted(bytes, limits), Ok(Format::Jpeg));
    let sampled = || Ok(jpeg::sample(bytes, limits, sampling));
    is_jpeg
        .then(|| frames::guarded(Format::Jpeg, sampled).ok().flatten())
        .flatten()
}

/// Decodes a JPEG by the reader for unusual structures: for the fuzzer, and for nothing else.
///
/// # Errors
///
/// As [`decode`].
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn plain_jpeg(bytes: &[u8], limits: &Limits) -> Result<(u32, u32, Vec<u8>), MediaError> {
    jpeg::plainly(bytes, limits)
}

/// The format of a file that is not too large.
fn admitted(bytes: &[u8], limits: &Limits) -> Result<Format, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::Undecodable {
            format: None,
            reason: "it is empty".to_owned(),
        });
    }
    let size = bytes.len() as u64;
    if size > limits.max_file_bytes {
        return Err(MediaError::TooLarge {
            what: Quantity::FileBytes,
            got: size,
            limit: limits.max_file_bytes,
        });
    }
    sniff(bytes).ok_or_else(|| MediaError::Unsupported {
        what: format::recognise(bytes).to_owned(),
    })
}

fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    match format {
        Format::Jpeg => jpeg::open(bytes, limits),
        Format::Png => png::open(bytes, limits),
        Format::Gif => gif::open(bytes, limits),
        Format::WebP => webp::open(bytes, limits),
        Format::Tiff => tiff::open(bytes, limits),
        Format::Bmp => bmp::open(bytes, limits),
        Format::Ico => ico::open(bytes, limits),
        Format::Dds => dds::open(bytes, limits),
        Format::Tga => tga::open(bytes, limits),
        Format::Psd => psd::open(bytes, limits),
        Format::Icns => icns::open(bytes, limits),
        Format::Pnm | Format::Qoi | Format::Hdr | Format::Farbfeld => {
            still::open(format, bytes, limits)
        }
        #[cfg(feature = "jxl")]
        Format::JpegXl => jxl::open(bytes, limits),
        #[cfg(any(feature = "heic", feature = "avif"))]
        Format::Heic | Format::Avif => heif::open(format, bytes, limits),
        // A format whose feature is off: it is not sniffed either.
        #[cfg(not(all(feature = "jxl", any(feature = "heic", feature = "avif"))))]
        _ => Err(MediaError::Unsupported {
            what: format.name().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
