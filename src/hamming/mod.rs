//! Floor 1: how many bits lie between two hashes, and the vector kernels that count them.
//!
//! This room owns the naive oracle ([`naive`]), the distance of two single hashes, and the
//! [`Kernel`]s (scalar, AVX2, AVX-512, NEON) that the index runs over whole columns of hashes. It
//! refuses to know what an index, a bank or a file is.
//!
//! ```
//! use hashgate::hamming::{Kernel, distance};
//! use hashgate::hash::{Distance, Signal};
//! let a: Signal = "phash:8f373714acfcf4d0".parse()?;
//! let b: Signal = "phash:8f373714acfcf4d7".parse()?;
//! assert_eq!(distance(&a, &b), Some(Distance(3)));
//! assert!(Kernel::available().contains(&Kernel::Scalar));
//! # Ok::<(), hashgate::hash::SignalError>(())
//! ```

// Public for tests and benches, which reach every kernel: no part of the interface.
#[doc(hidden)]
pub mod kernel;
#[doc(hidden)]
pub mod naive;

pub use kernel::{Kernel, KernelError};

use crate::hash::{Distance, Family, Hash64, PdqHash, Signal};

/// The distance of two PDQ hashes: 0–256 bits.
#[must_use]
pub fn distance_pdq(a: &PdqHash, b: &PdqHash) -> Distance {
    let mut bits = 0;
    for (left, right) in a.0.chunks_exact(8).zip(b.0.chunks_exact(8)) {
        let (mut x, mut y) = ([0; 8], [0; 8]);
        x.copy_from_slice(left);
        y.copy_from_slice(right);
        bits += (u64::from_ne_bytes(x) ^ u64::from_ne_bytes(y)).count_ones();
    }
    Distance(bits as u16)
}

/// The distance of two 64-bit hashes: 0–64 bits.
#[must_use]
pub fn distance64(a: Hash64, b: Hash64) -> Distance {
    Distance((a.0 ^ b.0).count_ones() as u16)
}

/// The distance of two signals.
///
/// `None` for signals of different types, which cannot be compared, and for digests that differ,
/// which have no distance: a digest matches or does not.
#[must_use]
pub fn distance(a: &Signal, b: &Signal) -> Option<Distance> {
    if a.signal_type() != b.signal_type() {
        return None;
    }
    match a.signal_type().family() {
        Family::Pdq => Some(distance_pdq(&a.as_pdq()?, &b.as_pdq()?)),
        Family::Hash64 => Some(distance64(a.as_hash64()?, b.as_hash64()?)),
        Family::Digest => (a == b).then_some(Distance::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Md5Digest, SignalType};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_equal_the_oracle(a: [u8; 32], b: [u8; 32], x: u64, y: u64) {
            let expected = naive::distance(&a, &b);
            prop_assert_eq!(u32::from(distance_pdq(&PdqHash(a), &PdqHash(b)).0), expected);
            let expected = naive::distance(&x.to_be_bytes(), &y.to_be_bytes());
            prop_assert_eq!(u32::from(distance64(Hash64(x), Hash64(y)).0), expected);
        }

        #[test]
        fn distance_is_a_metric(a: [u8; 32], b: [u8; 32], c: [u8; 32]) {
            let d = |x: &[u8; 32], y: &[u8; 32]| distance_pdq(&PdqHash(*x), &PdqHash(*y)).0;
            prop_assert_eq!(d(&a, &a), 0);
            prop_assert_eq!(d(&a, &b), d(&b, &a));
            prop_assert!(d(&a, &c) <= d(&a, &b) + d(&b, &c));
        }
    }

    #[test]
    fn types_do_not_mix_and_digests_match_or_do_not() {
        let ahash = Signal::from_hash64(SignalType::Ahash, Hash64(1));
        let phash = Signal::from_hash64(SignalType::Phash, Hash64(1));
        assert_eq!(distance(&ahash, &phash), None);
        assert_eq!(distance(&ahash, &ahash), Some(Distance::ZERO));
        let (a, b) = (
            Signal::from(Md5Digest([1; 16])),
            Signal::from(Md5Digest([2; 16])),
        );
        assert_eq!(distance(&a, &a), Some(Distance::ZERO));
        assert_eq!(distance(&a, &b), None);
    }
}
