//! Cryptographic digests of a file's bytes. They match exactly or not at all.

use crate::hash::hex::{self, HexError};
use std::fmt;
use std::str::FromStr;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(transparent)]
        pub struct $name(pub [u8; $bytes]);

        impl FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                hex::decode(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digest!(
    /// An MD5 digest (RFC 1321): 16 bytes.
    Md5Digest,
    16
);
digest!(
    /// A SHA-1 digest (FIPS 180-4): 20 bytes.
    Sha1Digest,
    20
);
digest!(
    /// A SHA-256 digest (FIPS 180-4): 32 bytes.
    Sha256Digest,
    32
);
