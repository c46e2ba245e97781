//! The first half of the gate: bytes to hashes, and what else deciding needs of an input. No index is asked here.
//!
//! From the bottom up: `read.rs`, `memory.rs` and `mode.rs` (what looking is given), `beside.rs` (digests on a thread of
//! their own), `collected.rs` (the queries of one
//! input), `pictures.rs` (what is held of it), `extract.rs` (all of it), `at_hand.rs` and `seen.rs` (the two that
//! deciding can ask again), `apart.rs` and `locked.rs` (looking in a process of its own), `looker.rs` (looking by itself), `known.rs` (a
//! picture for a bank).

#[cfg(all(feature = "isolated", target_os = "linux"))]
pub(crate) mod apart;
#[cfg(feature = "decode")]
pub(crate) mod at_hand;
#[cfg(feature = "decode")]
mod beside;
#[cfg(feature = "decode")]
mod collected;
#[cfg(feature = "decode")]
pub(crate) mod extract;
#[cfg(feature = "decode")]
pub(crate) mod known;
#[cfg(all(feature = "isolated", target_os = "linux"))]
pub(crate) mod locked;
#[cfg(feature = "decode")]
pub(crate) mod looker;
#[cfg(feature = "decode")]
pub(crate) mod memory;
#[cfg(feature = "decode")]
pub(crate) mod mode;
pub(crate) mod pictures;
#[cfg(feature = "decode")]
pub(crate) mod read;
pub(crate) mod seen;
