//! Floor 5: how much is found of what people do to pictures, and how much is flagged wrongly.
//!
//! This room makes modified copies of pictures in memory, asks a real [`Gate`](crate::gate::Gate)
//! about their bytes as about any upload, and counts: [`evaluate`]. The bank knows the one hash of
//! each original. Everything follows from a seed: the same pictures, modifications and seed give
//! the same [`Report`], whatever the number of threads.
//!
//! It also judges a bank by a benign sample: [`calibrate`]. It refuses to draw pages, to know of
//! terminals (that is `cli`), and to keep any picture or copy beyond the question.

mod calibrate;
mod catalogue;
mod coding;
mod copies;
mod corpus;
mod error;
mod geometry;
mod guesses;
mod modification;
mod overlay;
pub(crate) mod random;
mod reach;
mod report;
mod run;
mod statistics;
mod tally;
mod tone;

pub use crate::hashset::BenignEntry;
pub use calibrate::{
    BankRates, Calibration, HarmlessUpload, NoisyEntry, REACH_MARGIN, Reaches, ScanAt, ScanChange,
    ScannedFile, ThresholdRate, WIDEST_REACH, calibrate, safe_reach,
};
pub use corpus::{CorpusFile, LookedAt};
pub use error::EvaluateError;
pub use guesses::{GuessRate, Guessed};
pub use modification::{Modification, Modifications, ModificationsError};
pub use report::{
    AtThreshold, BenignFacts, CorpusFacts, FalseFlag, FalseFlags, Histograms, LeftOut,
    ModificationFacts, PictureRecall, Recall, Report, Results, SameByEye,
};
pub use run::{Plan, Thumbnail, Watch, evaluate, thumbnails};
pub use statistics::Estimate;
