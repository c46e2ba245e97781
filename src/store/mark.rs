//! Marks: numbers that tell one change from all others.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// A number that no other change has, but for chance (1 in 2⁶⁴ for any two).
pub(super) fn new_mark() -> u64 {
    // Keyed by random numbers of the system.
    RandomState::new().hash_one((SystemTime::now(), std::process::id()))
}
