//! How the samples of a page are packed, as its directory says.

use super::directory::Directory;
use super::fault::{damaged, unsupported};
use super::tags;
use crate::media::MediaError;

/// How the bytes of a part are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Zstd,
    Fax(Fax),
    Jpeg,
    OldJpeg,
}

/// The kinds of fax coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fax {
    /// Runs, each row from a whole byte on.
    Runs,
    /// T.4: rows that end in a mark; where told, rows coded by the one above them.
    Three { two_dimensional: bool },
    /// T.6: all rows coded by the one above them.
    Four,
}

/// What is stored in place of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Predictor {
    None,
    /// The difference from the sample to the left.
    Horizontal,
    /// The same of a float's bytes, sorted by their weight.
    Float,
}

/// Blocks of pixels that share their two chroma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocks {
    pub(super) across: u32,
    pub(super) down: u32,
}

pub(super) fn compression(directory: &Directory<'_>) -> Result<Compression, MediaError> {
    let number = directory.or(tags::COMPRESSION, 1)?;
    Ok(match number {
        1 => Compression::None,
        2 => Compression::Fax(Fax::Runs),
        3 => {
            let options = directory.or(tags::FAX_3_OPTIONS, 0)?;
            Compression::Fax(Fax::Three {
                two_dimensional: options & 1 == 1,
            })
        }
        4 => Compression::Fax(Fax::Four),
        5 => Compression::Lzw,
        6 => Compression::OldJpeg,
        7 | 34_892 => Compression::Jpeg,
        8 | 32_946 => Compression::Deflate,
        32_773 => Compression::PackBits,
        50_000 => Compression::Zstd,
        other => {
            let name = match other {
                9 | 10 | 34_661 => "JBIG",
                // The common library misreads it, so that no program shows such a file as it is meant.
                32_771 => "fax (rows of whole words)",
                32_766 => "NeXT",
                32_809 => "ThunderScan",
                32_909 => "PixarLog",
                33_003 | 33_004 | 33_005 | 34_712 => "JPEG 2000",
                34_676 | 34_677 => "SGI Log",
                34_887 => "LERC",
                34_925 => "LZMA",
                50_001 => "WebP",
                50_002 | 52_546 => "JPEG XL",
                _ => return Err(unsupported(format_args!("compression {other}"))),
            };
            return Err(unsupported(format_args!("{name} compression")));
        }
    })
}

pub(super) fn predictor(
    directory: &Directory<'_>,
    compression: Compression,
) -> Result<Predictor, MediaError> {
    // Elsewhere the tag says nothing.
    if !matches!(
        compression,
        Compression::Lzw | Compression::Deflate | Compression::Zstd
    ) {
        return Ok(Predictor::None);
    }
    match directory.or(tags::PREDICTOR, 1)? {
        1 => Ok(Predictor::None),
        2 => Ok(Predictor::Horizontal),
        3 => Ok(Predictor::Float),
        other => Err(unsupported(format_args!("predictor {other}"))),
    }
}

pub(super) fn blocks(directory: &Directory<'_>) -> Result<Option<Blocks>, MediaError> {
    let Some(values) = directory.values(tags::SUBSAMPLING)? else {
        return Ok(None);
    };
    let side = |at| match values.get(at) {
        Some(side @ (1 | 2 | 4)) => Ok(side as u32),
        _ => Err(damaged("its chroma is not subsampled by 1, 2 or 4")),
    };
    Ok(Some(Blocks {
        across: side(0)?,
        down: side(1)?,
    }))
}
