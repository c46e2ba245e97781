//! What can go wrong with an index folder.

use crate::bank::BankId;
use crate::hamming::KernelError;
use crate::segment::{BuildError, SegmentError};
use std::io;
use std::path::PathBuf;

/// Why an index cannot be opened or is damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The folder holds no index.
    #[error("{}: no index has been published here yet; run `hashgate publish`", folder.display())]
    NotPublished {
        /// The folder.
        folder: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is damaged or not one.
    #[error("{}: {problem}; copy the index folder again, or run `hashgate publish`", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another version wrote the manifest.
    #[error(
        "{}: manifest format {got}, this program reads 1 to {expected}; upgrade hashgate, or run \
         `hashgate publish` with this version", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The newest format that this program reads.
        expected: u32,
        /// The format that the file states.
        got: u32,
    },
    /// A segment is damaged.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A segment is not the one that the manifest means.
    #[error(
        "{}: not the segment that the manifest means ({what} is {got}, expected {expected}); copy \
         the index folder again, or run `hashgate publish`", path.display()
    )]
    Mismatch {
        /// The segment's file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the manifest says.
        expected: u64,
        /// What the segment says.
        got: u64,
    },
    /// `HASHGATE_KERNEL` cannot be followed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Why a generation could not be published; what was published before is still in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<E> {
    /// The records could not be read.
    #[error("reading the records to publish: {0}")]
    Source(#[source] E),
    /// A record names a bank that is not among the banks to publish.
    #[error("a record refers to bank number {}, which is not among the banks to publish", bank.0)]
    UnknownBank {
        /// The bank.
        bank: BankId,
    },
    /// Another process publishes into the folder right now.
    #[error(
        "{}: another process is publishing here (it holds the lock); wait for it and run \
         `hashgate publish` again", lock.display()
    )]
    Busy {
        /// The lock file.
        lock: PathBuf,
    },
    /// Another generation than the one that was to be built upon is in force.
    #[error(
        "{}: generation {got} is in force, expected {expected}: another process has published \
         here meanwhile; run `hashgate publish` again", folder.display()
    )]
    OtherBase {
        /// The index folder.
        folder: PathBuf,
        /// The generation that [`PublishOptions::base`](crate::index::PublishOptions::base) names.
        expected: u64,
        /// The generation in force; 0 where there is none that can be read.
        got: u64,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A segment could not be written.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The records carry something else than the generation that the new one would stand on.
    #[error(
        "{}: the generation in force carries other labels or facts of its entries; publish all \
         records", folder.display()
    )]
    OtherFacts {
        /// The index folder.
        folder: PathBuf,
    },
    /// The banks' policies cannot stand in an index.
    #[error("{0}")]
    Policies(String),
    /// The generation in force, on which the new one would stand, cannot be read.
    #[error("the generation in force cannot be built upon: {0}")]
    Base(#[source] IndexError),
}
