//! Floor 5: how much is found of what people do to pictures, and how much is flagged wrongly.
//!
//! This room makes modified copies of pictures in memory, asks a real [`Gate`](crate::gate::Gate)
//! about their bytes as about any upload, and counts: [`evaluate`]. The bank knows the one hash of
//! each original. Everything follows from a seed: the same pictures, modifications and seed give
//! the same [`Report`], whatever the number of threads.
//!
//! It also judges a bank by a benign sample: [`calibrate`]; derives the limits of evidence again: [`derive()`]; and
//! counts wrong flags at the size of real lists: [`strangers()`]. How both are written for people
//! and programs is in [`output`]. It refuses to open files for its reports, to know of terminals (that is
//! `cli`), and to keep any picture or copy beyond the question.

mod calibrate;
mod catalogue;
mod coding;
mod copies;
mod corpus;
mod derive;
mod error;
mod geometry;
mod guesses;
mod looked_at;
mod modification;
mod modifications;
pub mod output;
mod overlay;
mod plan;
pub(crate) mod random;
mod reach;
mod report;
mod run;
mod statistics;
mod strangers;
mod tally;
mod tone;

pub use crate::hashset::BenignEntry;
pub use calibrate::{
    BankRates, Calibration, HarmlessUpload, NoisyEntry, REACH_MARGIN, Reaches, ScanAt, ScanChange,
    ScannedFile, ThresholdRate, WIDEST_REACH, calibrate, safe_reach,
};
pub use corpus::{CorpusFile, LeftOut};
pub use derive::{
    DerivePlan, Derived, DerivedLimit, Held, Kind, Listed, MARGIN_BITS, MARGIN_SCORE,
    MadeElsewhere, Manifest, ManifestError, ScoreRow, Split, Verdict as LimitVerdict, derive,
};
pub use error::EvaluateError;
pub use guesses::{GuessRate, Guessed};
pub use looked_at::{LookedAtError, PairError, read_looked_at};
pub use modification::Modification;
pub use modifications::{Modifications, ModificationsError};
pub use plan::{LookedAt, Plan, Watch};
pub use report::{
    AtThreshold, BenignFacts, CorpusFacts, FalseFlag, FalseFlags, Histograms, ModificationFacts,
    PictureRecall, Recall, Report, Results, SameByEye,
};
pub use run::{Thumbnail, evaluate, thumbnails};
pub use statistics::Estimate;
pub use strangers::{How, Strangers, StrangersPlan, WrongCount, WrongPair, strangers};
