//! What decoding a file will take, from its header, before any of it is taken.

use super::error::Quantity;
use super::{Format, Limits, MediaError, Sampling, admitted, frames, jpeg, open};
use crate::signal::thumbnail::Thumbnail;

/// Bytes of memory that decoding takes at its peak, the pixels included: an upper bound for files
/// that [`decode`](super::decode) accepts within these limits, at most `max_decoder_bytes` of them.
///
/// TIFF, ICO and ICNS count with all that the limit allows: their pictures may differ in size.
#[must_use]
pub fn memory_needed(bytes: &[u8], limits: &Limits) -> u64 {
    let Ok(format) = admitted(bytes, limits) else {
        return 0;
    };
    let most = limits.max_decoder_bytes;
    let factor = match format {
        Format::Tiff | Format::Ico | Format::Icns => return most,
        Format::Png => png_factor(bytes),
        // What is asked for first is not all, but the planes of one picture.
        Format::WebP => 4,
        _ => 1,
    };
    match asked_beyond(0, format, bytes, limits) {
        Some(asked) => asked
            .saturating_mul(factor)
            .saturating_add(TABLES)
            .min(most),
        None => 0,
    }
}

/// What a decoder asks for where only so much is granted; each asks before it takes.
fn asked_beyond(granted: u64, format: Format, bytes: &[u8], limits: &Limits) -> Option<u64> {
    let tight = Limits {
        max_decoder_bytes: granted,
        ..limits.clone()
    };
    match frames::guarded(format, || open(format, bytes, &tight).map(|_| ())) {
        Err(MediaError::TooLarge {
            what: Quantity::DecoderBytes,
            got,
            ..
        }) => Some(got),
        _ => None,
    }
}

/// What a decoder takes besides, whatever the picture's size: code tables, palettes, read buffers.
const TABLES: u64 = 64 << 10;

/// Bytes of memory that [`sample_with`](super::sample_with) takes at its peak: the weights of two
/// grids, the thumbnail where one is asked for and, of a progressive file, what is kept of each block.
#[must_use]
pub fn memory_to_sample(bytes: &[u8], limits: &Limits, sampling: Sampling) -> u64 {
    const WEIGHTS: u64 = 4 << 20;
    let decoding = memory_needed(bytes, limits);
    let thumbnail = sampling.thumbnail.zip(jpeg::sides(bytes));
    let thumbnail = thumbnail.map_or(0, |(least, (width, height))| {
        Thumbnail::bytes_for(usize::from(width), usize::from(height), least) as u64
    });
    match admitted(bytes, limits) {
        Ok(Format::Jpeg) if jpeg::is_progressive(bytes) => {
            // Of 136 bytes and more that a decoder takes for a block, at most 60 are kept, and some
            // blocks are read again.
            WEIGHTS + jpeg::MOST_BYTES_AGAIN as u64 + decoding / 2
        }
        _ => WEIGHTS,
    }
    .saturating_add(thumbnail)
    .min(decoding)
}

/// Bytes of a pixel at the peak, by the header's depth and colour type.
fn png_factor(bytes: &[u8]) -> u64 {
    /// How far into a file the mark of an animation is looked for; it stands before the pixels.
    const REACH: usize = 1 << 20;
    let depth = bytes.get(24).copied().unwrap_or(16);
    let samples = match bytes.get(25) {
        Some(0) => 2,
        Some(2 | 3) => 4,
        _ => 4,
    };
    let stored = samples * if depth == 16 { 2 } else { 1 };
    let header = bytes.get(..REACH).unwrap_or(bytes);
    if header.windows(4).any(|four| four == b"acTL") {
        stored + 4 + 4 + 4 + 10 + 9
    } else {
        stored + 9
    }
}
