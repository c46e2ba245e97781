//! 64-bit perceptual hashes.

use crate::hash::hex::{self, HexError};
use std::fmt;
use std::str::FromStr;

/// A 64-bit perceptual hash, most significant bit first: bit 63 is the first bit of the first row.
///
/// ```
/// use hashgate::hash::Hash64;
/// let hash: Hash64 = "8f373714acfcf4d0".parse()?;
/// assert_eq!(hash.to_string(), "8f373714acfcf4d0");
/// # Ok::<(), hashgate::hash::HexError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct Hash64(pub u64);

impl Hash64 {
    /// Number of bits.
    pub const BITS: u16 = 64;
}

impl FromStr for Hash64 {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::decode(text).map(|bytes| Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for Hash64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Hash64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash64({self})")
    }
}
