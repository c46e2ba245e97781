//! What can go wrong with the log of decisions.

use std::path::{Path, PathBuf};

/// Why the log refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// A file or folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Other users may enter the folder.
    #[error(
        "other users may enter {} (mode {mode:o}), and decisions are about people: run chmod 700 {}",
        folder.display(), folder.display()
    )]
    Permissions {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process writes to the log.
    #[error(
        "another process writes to the log of decisions in {}: wait until it has ended, or give this \
         one a folder of its own", folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no log in the folder.
    #[error("there is no log of decisions in {}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The note of the log's end is missing or damaged while there are records.
    #[error(
        "{} {reason}, and without it nobody can tell whether the log of decisions is whole",
        path.display()
    )]
    Head {
        /// The note.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Records that were acknowledged are not there, or not as they were.
    #[error("the log of decisions in {} is not what it was: {reason}", folder.display())]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// What is missing or changed.
        reason: String,
    },
    /// A record is longer than a line may be.
    #[error(
        "a record of {bytes} bytes is too long for the log of decisions, whose lines have {most} at most: the name of the input is too long"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// An earlier write failed: nothing is written after a gap.
    #[error(
        "the log of decisions takes no more records since a write failed: {reason}; open it anew"
    )]
    Failed {
        /// How the write failed.
        reason: String,
    },
    /// A record cannot be written as JSON.
    #[error("a decision cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
}

impl DecisionError {
    pub(super) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
