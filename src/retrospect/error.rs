//! What can go wrong while uploads are recorded, or held against later entries.

use crate::decisions::DecisionError;
#[cfg(feature = "store")]
use crate::store::HistoryError;
#[cfg(feature = "curation")]
use crate::{
    gate::GateError,
    index::{IndexError, PublishError},
    store::StoreError,
};
#[cfg(feature = "curation")]
use std::{io, path::PathBuf};

/// Why something could not be recorded. What was not recorded must not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The log of decisions refused or failed.
    #[error(transparent)]
    Decisions(#[from] DecisionError),
    /// The hashes of uploads could not be kept.
    #[cfg(feature = "store")]
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// Why later entries could not be held against the kept uploads.
#[cfg(feature = "curation")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetroError {
    /// The kept hashes could not be opened or read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index in force could not be opened.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The small index of what has come could not be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The small index of what has come could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError<StoreError>),
    /// A file or folder could not be used.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no store: this is no place where lists are imported.
    #[error("there is no store in this home: retro runs where lists are imported")]
    NoStore {
        /// Where it was looked for.
        store: PathBuf,
    },
    /// Nobody noted when the generation was published.
    #[error("nobody noted when generation {generation} was published (published.jsonl)")]
    NotNoted {
        /// The generation.
        generation: u64,
    },
    /// The note of what was published when could not be read.
    #[error(transparent)]
    Ledger(Box<dyn std::error::Error + Send + Sync>),
}
