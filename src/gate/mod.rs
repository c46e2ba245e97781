//! Floor 4: bytes in, [`Verdict`] out. What upload services link.
//!
//! This room turns an upload into queries (its digests, the PDQ hashes of its pixels and of their
//! [variants](crate::hash::Variant)), asks the index, and holds the hits against the banks'
//! policies. It refuses to know where banks are kept: it reads published index folders only.

mod batch;
mod bounded;
mod check;
mod decide;
mod evidence;
mod explain;
mod look;
mod nearest;
mod outcome;
mod quarantine;
mod query;
mod replay;
#[cfg(feature = "evaluate")]
mod sample;
mod shadow;
mod terms;
mod unsettled;
#[cfg(feature = "decode")]
mod variants;
mod verdict;

pub use check::{Gate, GateError};
#[cfg(feature = "decode")]
pub use check::{GateOptions, Worker};
pub use decide::action::decide;
pub use evidence::{Evidence, Score};
pub use explain::{Considered, Explanation};
#[cfg(feature = "decode")]
pub(crate) use look::at_hand::{AtHand, Looking};
#[cfg(feature = "decode")]
pub use look::extract::{Extract, Extractor};
#[cfg(feature = "decode")]
pub use look::known::{Forms, FormsError, Known};
#[cfg(feature = "decode")]
pub use look::looker::{LookOptions, look, look_with};
#[cfg(feature = "decode")]
pub use look::memory::{MemoryBudget, Reservation};
#[cfg(feature = "decode")]
pub use look::mode::{Mode, ModeError};
#[cfg(feature = "decode")]
pub use look::read::read_file;
pub use look::seen::Seen;
pub use nearest::Nearest;
pub use outcome::{Outcome, Problem, ProblemKind};
pub use query::{Extraction, Query};
pub use replay::{Told, refusal, replay};
#[cfg(feature = "evaluate")]
pub(crate) use sample::fitted_without_reach;
pub use shadow::{Shadow, ShadowError};
pub use terms::Refusal;
#[cfg(feature = "evaluate")]
pub(crate) use terms::widest;
pub use unsettled::{Checked, Unsettled};
#[cfg(feature = "decode")]
pub use variants::{VariantSet, VariantSetError};
pub use verdict::{Match, MatchKind, Verdict};
