//! Floor 4: bytes in, [`Verdict`] out. What upload services link.
//!
//! This room turns an upload into queries (its digests, the PDQ hashes of its pixels and of their
//! [variants](crate::hash::Variant)), asks the index, and holds the hits against the banks'
//! policies. It refuses to know where banks are kept: it reads published index folders only.

mod batch;
mod check;
mod decide;
#[cfg(feature = "decode")]
mod extract;
#[cfg(feature = "decode")]
mod known;
#[cfg(feature = "decode")]
mod memory;
#[cfg(feature = "decode")]
mod mode;
mod outcome;
#[cfg(feature = "decode")]
mod read;
mod verdict;

pub use check::{Gate, GateError};
#[cfg(feature = "decode")]
pub use check::{GateOptions, Worker};
pub use decide::{Extraction, Query, decide};
#[cfg(feature = "decode")]
pub use extract::{Extract, Extractor, VariantSet, VariantSetError};
#[cfg(feature = "decode")]
pub use known::Known;
#[cfg(feature = "decode")]
pub use memory::{MemoryBudget, Reservation};
#[cfg(feature = "decode")]
pub use mode::{Mode, ModeError};
pub use outcome::{Outcome, Problem};
#[cfg(feature = "decode")]
pub use read::read_file;
pub use verdict::{Match, Verdict};
