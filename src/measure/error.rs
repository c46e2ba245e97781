//! Why there are no figures.

use crate::bank::BankNameError;
use crate::gate::GateError;
use crate::hamming::KernelError;
use crate::hash::{SignalError, SignalType};
use crate::index::{IndexError, PublishError};
use std::io;
use std::path::PathBuf;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
    /// An answer was wrong, or two runs came to different outcomes: a defect of this program.
    #[error("{0}; please report this")]
    Wrong(String),
    /// A digest was to be searched for within a radius.
    #[error("{0} is a digest and has no distances: give pdq or a 64-bit type")]
    Digest(SignalType),
    /// A radius is larger than any distance.
    #[error("a radius of {radius} is more than the {} bits of a {kind} hash", kind.max_distance())]
    Radius {
        /// The radius, in bits.
        radius: u16,
        /// The type of the hashes.
        kind: SignalType,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of a list is no hash of the type.
    #[error("{}, line {line}", path.display())]
    BadLine {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        source: SignalError,
    },
    /// A list holds no hash.
    #[error("{} holds no hash", path.display())]
    NoHash {
        /// The list.
        path: PathBuf,
    },
    /// A file cannot be created.
    #[error("cannot write to {}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder cannot be made.
    #[error("cannot make the folder {}", path.display())]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No temporary folder can be made.
    #[error("no temporary folder in {}", path.display())]
    Temporary {
        /// Where it was to be.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path of the files to measure cannot be reached.
    #[error("{}: {reason}", path.display())]
    Unreachable {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing to measure.
    #[error("there is no file below the given paths")]
    NoFile,
    /// The worker threads cannot be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The distance kernel that was asked for is not to be had.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The bank of the temporary index has no name: a defect of this program.
    #[error(transparent)]
    Bank(#[from] BankNameError),
    /// The temporary index cannot be written.
    #[error(transparent)]
    Publish(#[from] PublishError<Stopped>),
    /// The temporary index cannot be opened.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The temporary index cannot be asked.
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// Asked to stop while records were read.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;
