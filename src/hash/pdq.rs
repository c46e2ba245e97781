//! The 256-bit PDQ hash.

use crate::hash::hex::{self, HexError};
use std::fmt;
use std::str::FromStr;

/// A PDQ hash: 256 bits, kept in the order of its text form.
///
/// The reference numbers the bit of DCT row `i` and column `j` as `16 * i + j` and prints the
/// most significant 16-bit word first, so bit number `n` here is bit `n % 8` of byte
/// `31 - n / 8`. Source: <https://github.com/facebook/ThreatExchange/tree/main/pdq>, `hashing.pdf`.
///
/// ```
/// use hashgate::hash::PdqHash;
/// let hash: PdqHash = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22".parse()?;
/// assert_eq!(hash.bit(1), true);
/// assert_eq!(hash.bit(0), false);
/// # Ok::<(), hashgate::hash::HexError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct PdqHash(pub [u8; 32]);

impl PdqHash {
    /// Number of bits.
    pub const BITS: u16 = 256;
    /// The hash of all zeros, which the reference gives to pictures with a side under 5 pixels.
    pub const ZERO: Self = Self([0; 32]);

    /// Bit number `n` in the reference's numbering.
    ///
    /// # Panics
    /// Where `n` is above 255.
    #[must_use]
    pub fn bit(&self, n: usize) -> bool {
        (self.0[31 - n / 8] >> (n % 8)) & 1 == 1
    }

    /// Sets bit number `n` in the reference's numbering.
    ///
    /// # Panics
    /// Where `n` is above 255.
    pub fn set_bit(&mut self, n: usize) {
        self.0[31 - n / 8] |= 1 << (n % 8);
    }
}

impl FromStr for PdqHash {
    type Err = HexError;
    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::decode(text).map(Self)
    }
}

impl fmt::Display for PdqHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for PdqHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PdqHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_prints_the_most_significant_word_first() {
        let mut hash = PdqHash::ZERO;
        hash.set_bit(255);
        hash.set_bit(0);
        let text = hash.to_string();
        assert!(text.starts_with("8000") && text.ends_with("0001"), "{text}");
        assert_eq!(text.parse(), Ok(hash));
        assert!(hash.bit(255) && hash.bit(0) && !hash.bit(1));
    }
}
