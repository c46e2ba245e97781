//! Digests of a file's bytes, by the RustCrypto implementations.
//!
//! A digest says whether two files are the same, and nothing else: it needs no pixels, and one
//! changed byte changes it wholly. This module refuses to read files.

use crate::hash::{Md5Digest, Sha1Digest, Sha256Digest, Signal, SignalType};
use sha2::Digest as _;

/// The MD5 digest of `bytes` (RFC 1321).
#[must_use]
pub fn md5(bytes: &[u8]) -> Md5Digest {
    Md5Digest(md5::Md5::digest(bytes).into())
}

/// The SHA-1 digest of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha1(bytes: &[u8]) -> Sha1Digest {
    Sha1Digest(sha1::Sha1::digest(bytes).into())
}

/// The SHA-256 digest of `bytes` (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest(sha2::Sha256::digest(bytes).into())
}

/// The digests of `bytes` that are wanted, in that order; types that are not digests are passed
/// over.
///
/// ```
/// use hashgate::hash::SignalType;
/// use hashgate::signal::digests;
/// let signals = digests(b"", &[SignalType::Pdq, SignalType::Md5]);
/// assert_eq!(signals.len(), 1);
/// assert_eq!(signals[0].to_string(), "md5:d41d8cd98f00b204e9800998ecf8427e");
/// ```
#[must_use]
pub fn digests(bytes: &[u8], wanted: &[SignalType]) -> Vec<Signal> {
    let digest = |kind: &SignalType| match kind {
        SignalType::Md5 => Some(md5(bytes).into()),
        SignalType::Sha1 => Some(sha1(bytes).into()),
        SignalType::Sha256 => Some(sha256(bytes).into()),
        _ => None,
    };
    wanted.iter().filter_map(digest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321 appendix A.5 and the examples that NIST publishes for FIPS 180-4.
    #[test]
    fn the_standards_examples() {
        assert_eq!(
            md5(b"message digest").to_string(),
            "f96b697d7cb7938d525a2f31aaf161d0"
        );
        assert_eq!(
            sha1(b"abc").to_string(),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(
            sha256(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(
            sha1(two_blocks).to_string(),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        );
        assert_eq!(
            sha256(two_blocks).to_string(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }

    #[test]
    fn only_what_is_wanted_in_the_order_asked() {
        use SignalType::{Ahash, Md5, Pdq, Sha1, Sha256};
        let kinds = |wanted: &[SignalType]| -> Vec<SignalType> {
            digests(b"abc", wanted)
                .iter()
                .map(Signal::signal_type)
                .collect()
        };
        assert_eq!(kinds(&[Sha256, Pdq, Md5, Ahash, Sha1]), [Sha256, Md5, Sha1]);
        assert_eq!(kinds(&[Pdq]), []);
        assert_eq!(kinds(&[]), []);
    }
}
