//! Floor 5: the log of decisions: every match with all that explains it, in a chain of hashes.
//!
//! This room owns the log's files ([`DecisionLog`] writes them, [`verify`] and [`for_each`] read
//! them), what a record says ([`Decision`]), and what would be decided today ([`replay`]). It
//! refuses to decide anything itself (that is `gate`), to know where banks are kept, and to write
//! behind something that is not whole. It needs no store: an upload service links it.
//!
#![doc = include_str!("FORMAT.md")]

mod again;
mod chain;
mod choice;
mod error;
mod files;
mod head;
mod lines;
mod log;
mod record;
mod replay;
mod resume;
mod verify;
mod walk;

pub use again::{DecidedAnew, ReplaySummary, replay_log};
pub use chain::{LineHash, LineKind, Link};
pub use choice::Choice;
pub use error::DecisionError;
pub use head::Head;
pub use log::{DecisionLog, LogOptions};
pub use record::{Decision, Input, RecordedMatch, SourceRecord};
pub use replay::{Became, Change, Replayed, Why, replay};
pub use resume::Torn;
pub use verify::{Report, VerifyOptions, for_each, head, verify};
pub use walk::{Entry, Fault, Finding};
