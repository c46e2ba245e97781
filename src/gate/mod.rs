//! Floor 4: bytes in, [`Verdict`] out. What upload services link.
//!
//! This room turns an upload into queries (its digests, the PDQ hashes of its pixels and of their
//! [variants](crate::hash::Variant)), asks the index, and holds the hits against the banks'
//! policies. It refuses to know where banks are kept: it reads published index folders only.
//!
//! # Two halves
//! [`Gate::check`] does all of it. It can also be done in two places: `look` needs the bytes and no index, and gives
//! a [`Seen`], which serialises; [`Gate::decide`] needs the index and no picture. So a sandbox can decode, and a process
//! that never meets hostile bytes can decide. The verdict is the same.
//!
//! # From async code
//! Nothing here is `async`: checking is work for a processor, not waiting. Call it where blocking is allowed:
//!
//! ```ignore
//! let gate = Arc::clone(&gate); // Send + Sync: one for the whole service
//! let verdict = tokio::task::spawn_blocking(move || gate.check(&upload)).await?;
//! ```
//!
//! What blocks, and for how long:
//! - `check`, `check_with` and `look` decode and hash: some milliseconds for a photo, seconds for the largest that the
//!   `Limits` admit (many frames, many pixels). Lower the limits to bound it. A task that is dropped does not stop it.
//! - With a `MemoryBudget` a check waits until memory is free, as long as those before it take. Bound how many checks
//!   run at once (a semaphore, as many as there are cores), or threads that wait fill the pool of blocking threads.
//! - [`Gate::match_signal`] and [`Gate::decide`] ask the index: microseconds to a few milliseconds, longer while its
//!   pages are read from the disk for the first time.
//! - [`Gate::match_signals`] uses the threads of rayon, and waits for them.
//! - [`Gate::open`] and [`Gate::refresh`] read files; `refresh` is one look at a file where nothing is new. Checks under
//!   way are not held up.
//!
//! Keep a `Worker` for each blocking thread (a `thread_local`, say): it saves the scratch memory of each check.
//!
//! # Threads
//! `check` computes the digests of a file of 256 KiB and more on a thread of its own, beside decoding, while the
//! process has a processor free: checks and such threads together are never more than there are processors, but for
//! the checks themselves. Where the system refuses a thread, the digests are computed first. `look` begins no thread: it
//! can run where that is forbidden.
//!
//! # With `panic = "abort"`
//! Decoders and hashers run inside `catch_unwind`: where one panics, that one upload is `undecodable`, and the service
//! goes on. A program that is built with `panic = "abort"` has no such net: one panic in a decoder ends the process, and
//! an upload that causes it does so again after each restart. Build services with `panic = "unwind"`, the default, or
//! `look` in a process of its own that may end.

mod batch;
mod bounded;
mod check;
#[cfg(feature = "decode")]
pub mod compare;
mod decide;
mod evidence;
mod explain;
#[cfg(all(feature = "isolated", target_os = "linux"))]
pub mod isolated;
#[cfg(feature = "decode")]
mod isolation;
mod look;
mod nearest;
#[cfg(feature = "decode")]
mod only;
mod outcome;
#[cfg(feature = "decode")]
mod pooled;
mod quarantine;
mod query;
mod replay;
#[cfg(feature = "evaluate")]
mod sample;
mod shadow;
mod terms;
mod unread;
mod unsettled;
mod verdict;
#[cfg(feature = "decode")]
mod wanted;

pub use crate::bank::{UnreadPolicy, UnreadPolicyError};
#[cfg(feature = "decode")]
pub use crate::signal::variants::{VariantSet, VariantSetError};
pub use check::{Gate, GateError};
#[cfg(feature = "decode")]
pub use check::{GateOptions, Worker};
pub use decide::action::decide;
#[cfg(feature = "evaluate")]
pub(crate) use decide::fit::liberties;
#[cfg(feature = "evaluate")]
pub(crate) use evidence::Limits;
pub use evidence::{Evidence, Score};
pub use explain::{Considered, Explanation};
#[cfg(feature = "decode")]
pub use isolation::{Isolation, IsolationError};
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
#[cfg(feature = "decode")]
pub use only::Answer;
pub use outcome::{Outcome, Problem, ProblemKind};
#[cfg(feature = "decode")]
pub use pooled::{Looked, Pooled};
pub use query::{Extraction, Query};
pub use replay::{Told, refusal, replay};
#[cfg(feature = "evaluate")]
pub(crate) use sample::{Scored, fitted_without_reach, scored};
pub use shadow::{Shadow, ShadowError};
pub use terms::Refusal;
#[cfg(feature = "evaluate")]
pub(crate) use terms::{held, widest};
pub use unread::Unread;
pub use unsettled::{Checked, Unsettled};
pub use verdict::{Match, MatchKind, Verdict};
