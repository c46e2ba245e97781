//! What can go wrong with a hand-over.

use std::io;
use std::path::PathBuf;

/// Why there is no report, or no table of channels.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// The text is not the two letters of a country.
    #[error("{given:?} is no country: give its two letters, as in PK")]
    Country {
        /// What was given.
        given: String,
    },
    /// A file could not be opened or read.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried: `open` or `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not in the form of the table of channels.
    #[error("{} is no table of channels", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line of what a scan wrote is no JSON.
    #[error("{}:{line}: it is no line of a scan", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1 on.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The last line of a scan, its summary, is missing: this is only a part of what a scan wrote.
    #[error("{} has no summary", path.display())]
    NoSummary {
        /// The file.
        path: PathBuf,
    },
}
