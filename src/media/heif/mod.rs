//! HEIF: files of items, of which HEIC and AVIF are kinds. One reader for both, written here.
//!
//! Owns which pictures a file holds, what they are made of (grids of tiles, an alpha plane), and how they are
//! cut, turned and mirrored. The coded pictures inside are decoded by others: HEVC in this process (feature
//! `heic`), AV1 in a process of its own (feature `avif`). Refuses by name what is not read: overlays, predicted
//! pictures, items laid out by other items.
//!
//! Shown are the primary picture first, then every other picture that is not hidden and is no part of another
//! one (a tile, an alpha plane, a depth map), then the frames of a sequence, and last the small forms of
//! pictures that the file brings along. A small form that cannot be read is left out, as viewers do.

mod bytes;
mod canvas;
mod decoders;
#[cfg(feature = "heic")]
mod hevc;
mod meta;
mod pictures;
mod plan;
mod profile;
mod properties;
mod sequence;
#[cfg(feature = "heic")]
mod sps;
mod turned;

use bytes::{Bytes, first};
use meta::Meta;
use pictures::Pictures;
use sequence::{NoSequence, Sequence};

pub(super) use profile::{Profile, profile};

use super::frames::Frames;
use super::{Format, Limits, MediaError};

/// Reads what the file holds, and what its first picture will take; decodes nothing yet.
pub(super) fn open<'a>(
    format: Format,
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let top = Bytes(bytes);
    let meta = match first(top, b"meta") {
        Some(body) => {
            Meta::read(body).ok_or_else(|| MediaError::damaged(format, "its list of items is"))?
        }
        None => Meta::default(),
    };
    let most = limits.max_frames as usize;
    let sequence = match first(top, b"moov").map(|moov| Sequence::read(bytes, moov, most)) {
        None | Some(Err(NoSequence::None)) => None,
        Some(Ok(sequence)) => Some(sequence),
        Some(Err(NoSequence::Damaged)) => {
            return Err(MediaError::damaged(format, "its sequence of pictures is"));
        }
    };
    let pictures = Pictures::new(format, bytes, meta, sequence, limits)?;
    Ok(Box::new(pictures))
}

#[cfg(test)]
mod tests;
