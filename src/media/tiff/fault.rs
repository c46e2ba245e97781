//! What is said of a file that cannot be read.

use crate::media::{Format, MediaError};

pub(super) fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Tiff, reason)
}

pub(super) fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Tiff, what)
}

pub(super) fn ends_early() -> MediaError {
    damaged("the data end early")
}
