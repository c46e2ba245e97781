//! Why an evaluation could not be made.

use crate::gate::GateError;
use crate::index::{IndexError, PublishError};
use std::path::PathBuf;

/// Why an evaluation could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// No picture of the corpus can be used.
    #[error(
        "none of the {given} files of the corpus is a picture that can be evaluated; the first: {first}"
    )]
    NoPictures {
        /// Files that were looked at.
        given: usize,
        /// The first file and why it was left out.
        first: String,
    },
    /// A picture was changed while the evaluation ran.
    #[error(
        "{path} is not what it was when the evaluation began: leave the corpus alone meanwhile"
    )]
    Changed {
        /// The picture.
        path: PathBuf,
    },
    /// A modified copy could not be made: a defect of the modification.
    #[error("{modification} of {path} cannot be made: {reason}")]
    Copy {
        /// The picture.
        path: PathBuf,
        /// The modification.
        modification: String,
        /// Why.
        reason: String,
    },
    /// The temporary index could not be written.
    #[error("the index of the evaluation cannot be written: {0}")]
    Publish(#[from] PublishError<std::convert::Infallible>),
    /// The temporary index could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The temporary index could not be opened.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The temporary folder could not be made.
    #[error("no temporary folder: {0}")]
    Temporary(#[from] std::io::Error),
    /// The worker threads could not be started.
    #[error("the worker threads cannot be started: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// The table of limits cannot be read.
    #[error(transparent)]
    Rules(#[from] crate::rules::RulesError),
    /// It was asked to stop.
    #[error("stopped before it was done: there is no result")]
    Stopped,
}
