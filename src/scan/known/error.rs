//! Why lists and pictures do not become an index.

use crate::hashset::{BundleError, DetectError, HashsetError};
use crate::index::PublishError;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;

/// Why something that is known cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownError {
    /// A list cannot be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is given as a list is a folder.
    #[error("{} is a folder, not a list of hashes", path.display())]
    IsAFolder {
        /// What was given.
        path: PathBuf,
    },
    /// The list's format cannot be told.
    #[error("{}: {source}", path.display())]
    Detect {
        /// The list.
        path: PathBuf,
        /// Why.
        source: DetectError,
    },
    /// The list cannot be followed to its end.
    #[error("{}: {source}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Why.
        source: HashsetError,
    },
    /// The list is a bundle that is not whole.
    #[error("{}: {source}", path.display())]
    Bundle {
        /// The bundle.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
    /// The list is a bundle that is out of date.
    #[error("{}: it expired at {}: ask for a newer one", path.display(), crate::clock::time(*expired))]
    Expired {
        /// The bundle.
        path: PathBuf,
        /// When: seconds since 1970-01-01 UTC.
        expired: u64,
    },
    /// No row of a list could be used.
    #[error("{}: no entry of it could be used", path.display())]
    NoEntry {
        /// The list.
        path: PathBuf,
    },
    /// More hashes than are gathered.
    #[error(
        "{got} hashes and more are too many for one scan, which takes {most}: keep them in a bank"
    )]
    TooMany {
        /// How many there are, at least.
        got: u64,
        /// How many are taken.
        most: u64,
    },
    /// Nothing is known that could match.
    #[error(
        "nothing is known: no list has an entry that counts, and no known picture could be hashed"
    )]
    Empty,
    /// It was stopped.
    #[error("stopped")]
    Stopped,
    /// The threads for known pictures could not be started.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The index in memory cannot be built.
    #[error(transparent)]
    Index(#[from] PublishError<Infallible>),
}
