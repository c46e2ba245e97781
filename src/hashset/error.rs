//! Why a whole list cannot be read.

use crate::hashset::ListFormat;

/// Why a list cannot be read any further. What is wrong with one row is a
/// [`BadLine`](crate::hashset::BadLine) instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashsetError {
    /// The input failed.
    #[error("cannot read the list after line {line}: {source}")]
    Io {
        /// Lines read before.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// A CSV list without a header that can be used.
    #[error(
        "line {line} is no CSV header that can be used: {reason}; the first line must name the \
         columns, among them either signal_type and signal_str, or hash, or a signal type such \
         as pdq or md5"
    )]
    Header {
        /// Line of the header, from 1; where there is none, the number of lines.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// A name that no list format goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a list format; known are {}", ListFormat::ALL.map(ListFormat::name).join(", "))]
pub struct UnknownListFormat {
    /// What was given.
    pub given: String,
}
