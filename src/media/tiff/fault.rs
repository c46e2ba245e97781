//! What is said of a file that cannot be read.

use crate::media::{Format, Limits, MediaError};
use ::tiff::{TiffError, TiffFormatError};

pub(super) fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Tiff, reason)
}

pub(super) fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Tiff, what)
}

pub(super) fn failed(limits: &Limits, error: &TiffError) -> MediaError {
    match error {
        TiffError::IoError(io) => MediaError::from_io(Format::Tiff, io),
        TiffError::LimitsExceeded => MediaError::out_of_memory(limits.max_decoder_bytes),
        TiffError::UnsupportedError(what) => unsupported(what),
        TiffError::FormatError(TiffFormatError::RequiredTagNotFound(tag)) => {
            damaged(format!("it has no {tag:?}"))
        }
        other => MediaError::damaged(Format::Tiff, other.to_string()),
    }
}
