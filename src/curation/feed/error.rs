//! Why a feed was not published.

use crate::bank::BankName;
use crate::curation::bundle::TrustError;
use crate::curation::feed::head::HeadError;
use crate::curation::feed::shelf::ShelfError;
use crate::files::{LockError, ReplaceError};
use crate::store::StoreError;
use crate::trust::KeyError;
use std::io;
use std::path::PathBuf;

/// Why a feed was not published. What was there before still holds, unless the answer to the last request was lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("cannot sign: {0}")]
    Sign(Box<dyn std::error::Error + Send + Sync>),
    /// A bundle was not signed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Another publication of this home is under way.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store failed, or has no such bank.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The place failed.
    #[error("{0}")]
    Shelf(ShelfError),
    /// What lies at the place is not this feed.
    #[error(
        "{file} is there, and {source}: publish by the key that signed it, or to another place"
    )]
    Other {
        /// The head's name.
        file: String,
        /// What is wrong with it.
        source: HeadError,
    },
    /// Somebody else published meanwhile.
    #[error("somebody else published {file} meanwhile: look at who does before you publish again")]
    Overtaken {
        /// The head's name.
        file: String,
    },
    /// Much would be taken back.
    #[error(
        "{gone} of the {before} entries of {name} would be taken back, more than {max_shrink} % of them: nothing is published; look at why, and \
         say --accept-shrink if that is meant"
    )]
    Shrinks {
        /// The feed.
        name: BankName,
        /// How many.
        gone: u64,
        /// How many it has.
        before: u64,
        /// The greatest share, in per cent.
        max_shrink: u8,
    },
    /// A file is larger than one may be.
    #[error("a file of {bytes} bytes would be published, and {most} are the most")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// Most bytes.
        most: u64,
    },
    /// The note of what was sent cannot be used.
    #[error("{} cannot be used: {problem}: mend or remove it", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The note of what was sent cannot be written.
    #[error(transparent)]
    Write(#[from] ReplaceError),
    /// A file of this machine.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The observer asked to stop.
    #[error("interrupted: what was published before still holds")]
    Interrupted,
}
