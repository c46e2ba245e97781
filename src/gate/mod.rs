//! Floor 4: bytes in, [`Verdict`] out. What upload services link.
//!
//! This room turns an upload into queries (its digests, the PDQ hashes of its pixels and of their
//! [variants](crate::hash::Variant)), asks the index, and holds the hits against the banks'
//! policies. It refuses to know where banks are kept: it reads published index folders only.

mod batch;
mod check;
#[cfg(feature = "decode")]
mod collected;
#[cfg(feature = "decode")]
pub mod compare;
mod decide;
#[cfg(feature = "decode")]
mod doubts;
mod evidence;
mod explain;
#[cfg(feature = "decode")]
mod extract;
mod fitting;
#[cfg(feature = "decode")]
mod known;
#[cfg(feature = "decode")]
mod memory;
#[cfg(feature = "decode")]
mod mode;
mod outcome;
mod quarantine;
#[cfg(feature = "decode")]
mod read;
mod replay;
#[cfg(feature = "evaluate")]
mod sample;
mod second;
mod shadow;
mod terms;
#[cfg(feature = "decode")]
mod variants;
mod verdict;

pub use check::{Gate, GateError};
#[cfg(feature = "decode")]
pub use check::{GateOptions, Worker};
pub use decide::{Extraction, Query, decide};
pub use evidence::{Evidence, Score};
pub use explain::{Considered, Explanation};
#[cfg(feature = "decode")]
pub use extract::{Extract, Extractor};
#[cfg(feature = "decode")]
pub use known::{Forms, FormsError, Known};
#[cfg(feature = "decode")]
pub use memory::{MemoryBudget, Reservation};
#[cfg(feature = "decode")]
pub use mode::{Mode, ModeError};
pub use outcome::{Outcome, Problem};
#[cfg(feature = "decode")]
pub use read::read_file;
pub use replay::{Told, refusal, replay};
#[cfg(feature = "evaluate")]
pub(crate) use sample::fitted_without_reach;
pub use shadow::{Shadow, ShadowError};
pub use terms::Refusal;
#[cfg(feature = "evaluate")]
pub(crate) use terms::widest;
#[cfg(feature = "decode")]
pub use variants::{VariantSet, VariantSetError};
pub use verdict::{Match, MatchKind, Verdict};
