//! What can go wrong between a bucket and a folder.

use crate::clock;
use crate::index::{AdoptError, IndexError};
use crate::trust::KeyError;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;

/// Why a generation did not go out, or did not come in. What was in force still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The address names no object store that is known here.
    #[error(
        "{address:?} is no address of an object store: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX"
    )]
    Address {
        /// What was given.
        address: String,
        /// Why.
        source: Option<object_store::Error>,
    },
    /// The store failed or refused.
    #[error("{object}: the object store says")]
    Store {
        /// The object.
        object: String,
        /// What it said.
        source: object_store::Error,
    },
    /// The store did not answer in time.
    #[error("{object}: no answer from the object store for {seconds} seconds")]
    Silent {
        /// The object.
        object: String,
        /// How long.
        seconds: u64,
    },
    /// The store takes a condition and does not keep it.
    #[error(
        "this store does not keep conditions ({what}): two publishers would overwrite each other in silence, so it \
         cannot be used"
    )]
    NoConditions {
        /// What it did.
        what: &'static str,
    },
    /// The stop was asked for.
    #[error("interrupted: run it again")]
    Interrupted,
    /// There is no `HEAD`.
    #[error("nothing has been published to this address yet")]
    Empty,
    /// `HEAD` is not one.
    #[error("HEAD cannot be read: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// `HEAD` is signed by no key that is trusted.
    #[error("HEAD is not signed by a key that is trusted here, or was changed")]
    Untrusted,
    /// `HEAD` is older than one that was seen.
    #[error("HEAD is older than what was seen: its sequence is {sequence}, that was {seen}")]
    Older {
        /// Its sequence.
        sequence: u64,
        /// The one that was seen.
        seen: u64,
    },
    /// Two different objects `HEAD` have one sequence.
    #[error(
        "there are two different objects HEAD of the sequence {sequence}: their key signs for two publishers"
    )]
    Twofold {
        /// The sequence.
        sequence: u64,
    },
    /// `HEAD` was expired when it was first seen.
    #[error("HEAD expired at {}: publish again", clock::time(*at))]
    Expired {
        /// When: seconds since 1970-01-01 UTC.
        at: u64,
    },
    /// Somebody else published meanwhile.
    #[error(
        "somebody else published meanwhile: look at what is there now (sequence {sequence}) before you publish again"
    )]
    Overtaken {
        /// The sequence that is there now.
        sequence: u64,
    },
    /// A file has another content than was signed.
    #[error("{object}: its content is not what was signed")]
    Content {
        /// The object.
        object: String,
    },
    /// A segment of this name and another content is there.
    #[error(
        "{}: there is another segment of this name, so this folder was filled by another publisher: follow into an empty \
         folder", path.display()
    )]
    OtherSegment {
        /// The file.
        path: PathBuf,
    },
    /// A file of this machine.
    #[error("{}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What is known of what was seen cannot be understood.
    #[error("{} is damaged: it says which HEAD was seen last; mend it, or remove it if you know that HEAD is good", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Signing failed.
    #[error("cannot sign")]
    Sign {
        /// What minisign said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The index folder.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The copy did not come into force.
    #[error(transparent)]
    Adopt(AdoptError<Infallible>),
    /// The runtime for the network could not begin.
    #[error("the network cannot be used")]
    Runtime {
        /// What the system said.
        source: io::Error,
    },
}
