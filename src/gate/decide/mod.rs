//! The second half of the gate: what was seen, an index and its policies, to a verdict. No picture is decoded here.
//!
//! From the bottom up: `judge.rs` (one hit), `near.rs` and `nearly.rs` (what is noted besides), `action.rs` (what
//! matches decide), `matches.rs` (all of one input), `fit.rs`, `second.rs` and `doubts.rs` (which ask once more),
//! `conclude.rs` (the verdict), `within.rs` (how far out anything could count).

pub(crate) mod action;
pub(crate) mod conclude;
mod doubts;
pub(crate) mod eyes;
pub(crate) mod fit;
pub(crate) mod judge;
pub(crate) mod matches;
mod near;
mod nearly;
pub(crate) mod second;
#[cfg(feature = "decode")]
pub(crate) mod within;
