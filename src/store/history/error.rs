//! What can go wrong with the hashes of past uploads.

use std::path::{Path, PathBuf};

/// Why the history refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
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
    /// Nothing is kept: that must be asked for.
    #[error("no hashes of uploads are kept in {}", folder.display())]
    Off {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error("{} is no history of hashgate: move it away, or give another home folder", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Other users may enter the folder.
    #[error(
        "other users may enter {} (mode {mode:o}), and hashes of uploads are sensitive: run chmod 700 {}",
        folder.display(), folder.display()
    )]
    Permissions {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process writes to it.
    #[error(
        "{} is in use by another process: wait until that scan or retro has ended, then run this again",
        folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// A newer hashgate wrote it.
    #[error(
        "{} was written by a newer hashgate: its schema is {found}, this program knows up to {known}; \
         use the newer program", folder.display()
    )]
    NewerSchema {
        /// The folder.
        folder: PathBuf,
        /// The schema found.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// RocksDB refused or failed; nothing of the change was acknowledged.
    #[error("cannot {doing} the hashes of uploads in {}: {source}", folder.display())]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What RocksDB said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value is not what was once written.
    #[error("the {what} in {} is damaged: {reason}", folder.display())]
    Corrupt {
        /// The kind of value.
        what: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is out of its bounds.
    #[error("{given} is no {what}: it may be {least} to {most}")]
    Setting {
        /// Which one.
        what: &'static str,
        /// What was given.
        given: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
}

impl HistoryError {
    pub(super) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
