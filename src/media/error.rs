//! Why bytes did not become pixels. Each of the three reads as "not judged", never as "clean".

use super::Format;

/// Why a file could not be turned into pixels.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// The bytes claim to be a picture that this library decodes, but are empty, short, damaged,
    /// without a side, or made the decoder fail.
    #[error("the {} cannot be decoded: {reason}", .format.map_or("input", Format::name))]
    Undecodable {
        /// What the bytes claim to be; `None` where there are none.
        format: Option<Format>,
        /// What is wrong, in words for a person.
        reason: String,
    },
    /// Not a picture, or a picture in a format, or a variant of one, that this library does not
    /// decode.
    #[error("{what} is not decoded here: convert it to PNG or JPEG to have it judged")]
    Unsupported {
        /// The kind of file, where its first bytes tell it.
        what: String,
    },
    /// Decoding would pass one of [`Limits`](super::Limits). Found before the memory is taken.
    #[error(
        "too large: {what} is {got}, the limit is {limit}; raise the limit if you trust the source"
    )]
    TooLarge {
        /// Which limit.
        what: Quantity,
        /// What the input asks for; one more than the limit where the decoder stopped counting.
        got: u64,
        /// What is allowed.
        limit: u64,
    },
}

/// What a limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quantity {
    /// Bytes of the file.
    FileBytes,
    /// Pixels along the longer side.
    Side,
    /// Pixels of one picture.
    Pixels,
    /// Bytes of memory at one time while decoding.
    DecoderBytes,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FileBytes => "the file's size in bytes",
            Self::Side => "the longer side in pixels",
            Self::Pixels => "the number of pixels",
            Self::DecoderBytes => "the memory to decode it in bytes",
        })
    }
}

impl MediaError {
    /// A format's bytes that are damaged, with the reason.
    pub(super) fn damaged(format: Format, reason: impl Into<String>) -> Self {
        Self::Undecodable {
            format: Some(format),
            reason: reason.into(),
        }
    }

    /// A variant of a format that no decoder here reads.
    pub(super) fn variant(format: Format, what: impl std::fmt::Display) -> Self {
        Self::Unsupported {
            what: format!("this kind of {} ({what})", format.name()),
        }
    }

    /// A decoder stopped at a limit of its own that was set from `limit` bytes.
    pub(super) fn out_of_memory(limit: u64) -> Self {
        Self::TooLarge {
            what: Quantity::DecoderBytes,
            got: limit.saturating_add(1),
            limit,
        }
    }

    /// What an error of the `image` crate means here.
    pub(super) fn from_image(format: Format, limit: u64, error: &image::ImageError) -> Self {
        use image::ImageError as E;
        match error {
            E::Limits(_) => Self::out_of_memory(limit),
            E::Unsupported(unsupported) => Self::variant(format, unsupported),
            E::IoError(io) => Self::from_io(format, io),
            other => Self::damaged(format, other.to_string()),
        }
    }

    /// What an I/O error from bytes in memory means: they ended.
    pub(super) fn from_io(format: Format, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            Self::damaged(format, "the data end early")
        } else {
            Self::damaged(format, error.to_string())
        }
    }
}
