//! Hamming distances, and the thresholds that they are compared with.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A Hamming distance in bits: 0–256 for PDQ, 0–64 for 64-bit hashes, 0 for equal digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Distance(pub u16);

impl Distance {
    /// The distance between equal values.
    pub const ZERO: Self = Self(0);

    /// Whether this distance is within `threshold`, which is inclusive.
    #[must_use]
    pub const fn is_within(self, threshold: Threshold) -> bool {
        self.0 <= threshold.0
    }
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The largest distance, in bits, that still counts as a match (inclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Threshold(pub u16);

impl Threshold {
    /// Only equal values match.
    pub const EXACT: Self = Self(0);
    /// 31 bits: what the field uses for PDQ (python-threatexchange, HMA).
    pub const PDQ_DEFAULT: Self = Self(31);
    /// 4 bits: a cautious value for 64-bit hashes, which collide far sooner than PDQ.
    pub const HASH64_DEFAULT: Self = Self(4);
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
