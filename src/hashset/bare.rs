//! Whether bare values of 64 digits are PDQ hashes or SHA-256 digests: their bits tell.
//!
//! A PDQ bit says whether a coefficient is greater than the median of all 256, so exactly 128 are
//! set unless coefficients are equal, as in flat pictures. Of 17,100 hashes of benign pictures of
//! many kinds, 99.8 % have 128; among any 16 that follow one another, 8 at least. Of ThreatExchange's
//! published examples, of which many are real hashes with bits flipped, 80 % (`haystack.txt`)
//! and 57 % (`needles.txt`).
//!
//! Of a digest's bits each is set with probability 1/2, so 128 are with C(256, 128) / 2^256 =
//! 4.98 %. So a third of the values having 128 parts the two: of 16 digests 6 or more have them once
//! in 12,600 lists, of 32 digests 11 or more once in 4.4 million.

use crate::hash::{Signal, SignalType};
use crate::hashset::{DetectError, ListFormat};

/// Fewer values than this say too little by their bits.
const ENOUGH: usize = 16;
/// Bits that are set in a PDQ hash.
const PDQ_BITS: u32 = 128;
/// The share of values with just so many, as one in so many, from which they are PDQ hashes.
const SHARE: usize = 3;

/// What bare values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// PDQ hashes, as far as can be told.
    Pdq,
    /// SHA-256 digests.
    Sha256,
    /// One or the other.
    Unclear,
}

/// What is counted of bare values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bare {
    values: usize,
    /// With as many bits set as a PDQ hash has.
    balanced: usize,
    /// Standing as `sha256sum` prints them.
    summed: usize,
}

impl Bare {
    /// Counts values, each with whether it stands as `sha256sum` prints it.
    pub(super) fn of<'a>(values: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let mut bare = Self {
            values: 0,
            balanced: 0,
            summed: 0,
        };
        for (hex, summed) in values {
            let Ok(signal) = Signal::from_hex(SignalType::Pdq, hex) else {
                continue;
            };
            let bits: u32 = signal.as_bytes().iter().map(|byte| byte.count_ones()).sum();
            bare.values += 1;
            bare.balanced += usize::from(bits == PDQ_BITS);
            bare.summed += usize::from(summed);
        }
        bare
    }

    pub(super) fn kind(&self) -> Kind {
        let like_pdq = self.balanced * SHARE >= self.values;
        let all_summed = self.values > 0 && self.summed == self.values;
        match (self.values >= ENOUGH, like_pdq, all_summed) {
            (true, true, _) | (false, _, false) => Kind::Pdq,
            (_, false, true) => Kind::Sha256,
            // As `sha256sum` prints, and by their bits PDQ hashes; or by their bits digests.
            (false, true, true) | (true, false, false) => Kind::Unclear,
        }
    }

    pub(super) fn unclear(&self, format: ListFormat) -> DetectError {
        DetectError::Unclear {
            format,
            values: self.values,
            balanced: self.balanced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_with_128_bits_makes_them_pdq() {
        let (balanced, odd) = ("0f".repeat(32), "01".repeat(32));
        let kind = |values: usize, of_them: usize, summed: bool| {
            let hex = |at| if at < of_them { &balanced } else { &odd };
            Bare::of((0..values).map(|at| (hex(at).as_str(), summed))).kind()
        };
        assert_eq!(kind(0, 0, false), Kind::Pdq);
        assert_eq!(kind(15, 0, false), Kind::Pdq);
        assert_eq!(kind(16, 5, false), Kind::Unclear);
        assert_eq!(kind(16, 6, false), Kind::Pdq);
        assert_eq!(kind(16, 5, true), Kind::Sha256);
        assert_eq!(kind(16, 6, true), Kind::Pdq);
        assert_eq!(kind(1, 0, true), Kind::Sha256);
        assert_eq!(kind(1, 1, true), Kind::Unclear);
    }
}
