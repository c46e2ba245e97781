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
    /// Seconds of processor time while decoding in isolation, by the number of pixels.
    Seconds,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FileBytes => "the file's size in bytes",
            Self::Side => "the longer side in pixels",
            Self::Pixels => "the number of pixels",
            Self::DecoderBytes => "the memory to decode it in bytes",
            Self::Seconds => "the time to decode it in seconds",
        })
    }
}

impl MediaError {
    /// A format's bytes that are damaged, with the reason.
    pub(super) fn damaged(format: impl Into<Option<Format>>, reason: impl Into<String>) -> Self {
        Self::Undecodable {
            format: format.into(),
            reason: one_line(&reason.into()),
        }
    }

    /// A variant of a format that no decoder here reads.
    pub(super) fn variant(format: impl Into<Option<Format>>, what: impl std::fmt::Display) -> Self {
        Self::Unsupported {
            what: format!(
                "this kind of {} ({})",
                format.into().map_or("file", Format::name),
                one_line(&what.to_string())
            ),
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

/// A decoder's words as one short line: they may be several, and may quote the file.
fn one_line(words: &str) -> String {
    const MOST: usize = 200;
    let words = words.replace(|char: char| char.is_control(), " ");
    let mut line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let line_is_quoted = line.len() > 1 && line.starts_with('"') && line.ends_with('"');
    if line_is_quoted {
        line = line[1..line.len() - 1].to_owned();
    }
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        assert_eq!(one_line("bad\n\n  code\u{1b}[31m"), "bad code [31m");
        assert_eq!(one_line("\"quoted\""), "quoted");
        assert_eq!(one_line("\""), "\"");
        let long = one_line(&"ä".repeat(1000));
        assert_eq!(long.chars().count(), 201);
    }

    #[test]
    fn messages_say_what_was_met_and_what_to_do() {
        let error = MediaError::TooLarge {
            what: Quantity::Side,
            got: 20_000,
            limit: 16_384,
        };
        let text = error.to_string();
        for part in ["side", "20000", "16384", "raise the limit"] {
            assert!(text.contains(part), "{text}");
        }
        let text = MediaError::damaged(Format::Jpeg, "it ends early").to_string();
        assert_eq!(text, "the JPEG cannot be decoded: it ends early");
    }
}
