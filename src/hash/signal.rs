//! A hash of any kind, with its kind.

use crate::hash::{
    Hash64, HexError, Md5Digest, PdqHash, Sha1Digest, Sha256Digest, SignalType, UnknownSignalType,
    hex,
};
use std::fmt;
use std::str::FromStr;

/// A hash together with its signal type.
///
/// Written as `type:hex`. Read as `type:hex`, `type hex` or, where the length says the type, as
/// bare hex: 64 digits are `pdq`, 32 `md5`, 40 `sha1` (`sha256` and the 64-bit hashes must be named).
///
/// ```
/// use hashgate::hash::{Signal, SignalType};
/// let signal: Signal = "phash:8f373714acfcf4d0".parse()?;
/// assert_eq!(signal.signal_type(), SignalType::Phash);
/// assert_eq!(signal.to_string(), "phash:8f373714acfcf4d0");
/// let bare: Signal = "d41d8cd98f00b204e9800998ecf8427e".parse()?;
/// assert_eq!(bare.signal_type(), SignalType::Md5);
/// # Ok::<(), hashgate::hash::SignalError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal {
    signal_type: SignalType,
    /// The value in its first `byte_len` bytes, zeros behind.
    bytes: [u8; 32],
}

/// Why a text is not a signal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The type before the colon is unknown.
    #[error(transparent)]
    Type(#[from] UnknownSignalType),
    /// The value is not the hexadecimal form of that type.
    #[error("not a {signal_type} hash: {source}")]
    Value {
        /// The type that the value was read as.
        signal_type: SignalType,
        /// What is wrong with it.
        source: HexError,
    },
    /// A bare value of this length could be of several types, or of none.
    #[error(
        "{digits} characters without a type: only pdq (64), md5 (32) and sha1 (40) go without; \
         write TYPE:HEX, for example phash:8f373714acfcf4d0"
    )]
    Ambiguous {
        /// Characters of the bare value.
        digits: usize,
    },
    /// The number of bytes is not that of the type.
    #[error("a {signal_type} hash has {expected} bytes, got {got}")]
    Bytes {
        /// The type asked for.
        signal_type: SignalType,
        /// Bytes that the type has.
        expected: usize,
        /// Bytes that were given.
        got: usize,
    },
}

impl Signal {
    /// A signal from the raw bytes of its value, most significant first.
    ///
    /// # Errors
    /// [`SignalError::Bytes`] where their number is not that of the type.
    pub fn from_bytes(signal_type: SignalType, value: &[u8]) -> Result<Self, SignalError> {
        let mut bytes = [0u8; 32];
        match bytes.get_mut(..value.len()) {
            Some(front) if value.len() == signal_type.byte_len() => front.copy_from_slice(value),
            _ => {
                return Err(SignalError::Bytes {
                    signal_type,
                    expected: signal_type.byte_len(),
                    got: value.len(),
                });
            }
        }
        Ok(Self { signal_type, bytes })
    }

    /// A signal from the hexadecimal text of its value.
    ///
    /// # Errors
    /// [`SignalError::Value`] where the text is not of that type.
    pub fn from_hex(signal_type: SignalType, text: &str) -> Result<Self, SignalError> {
        let value = |source| SignalError::Value {
            signal_type,
            source,
        };
        Ok(match signal_type {
            SignalType::Pdq => PdqHash(hex::decode(text).map_err(value)?).into(),
            SignalType::Md5 => Md5Digest(hex::decode(text).map_err(value)?).into(),
            SignalType::Sha1 => Sha1Digest(hex::decode(text).map_err(value)?).into(),
            SignalType::Sha256 => Sha256Digest(hex::decode(text).map_err(value)?).into(),
            _ => Self::from_hash64(signal_type, text.parse().map_err(value)?),
        })
    }

    /// A 64-bit hash of the given type.
    ///
    /// # Panics
    /// Where the type is not of the family [`Family::Hash64`](crate::hash::Family::Hash64).
    #[must_use]
    pub fn from_hash64(signal_type: SignalType, hash: Hash64) -> Self {
        assert_eq!(signal_type.byte_len(), 8, "{signal_type} has no 64 bits");
        let mut bytes = [0u8; 32];
        bytes[..8].copy_from_slice(&hash.0.to_be_bytes());
        Self { signal_type, bytes }
    }

    /// The kind of hash.
    #[must_use]
    pub const fn signal_type(&self) -> SignalType {
        self.signal_type
    }

    /// The value's bytes, most significant first; as many as the type has.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.signal_type.byte_len()]
    }

    /// The PDQ hash, where it is one.
    #[must_use]
    pub fn as_pdq(&self) -> Option<PdqHash> {
        (self.signal_type == SignalType::Pdq).then_some(PdqHash(self.bytes))
    }

    /// The 64-bit hash, where it is one.
    #[must_use]
    pub fn as_hash64(&self) -> Option<Hash64> {
        let value = self.as_bytes().try_into().ok()?;
        Some(Hash64(u64::from_be_bytes(value)))
    }

    /// The value alone, as lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The first eight digits of the value and an ellipsis: what logs may show.
    #[must_use]
    pub fn short(&self) -> String {
        format!(
            "{}:{}…",
            self.signal_type,
            hex::encode(&self.as_bytes()[..4])
        )
    }
}

macro_rules! from_value {
    ($($value:ty => $kind:ident, $len:literal;)*) => {$(
        impl From<$value> for Signal {
            fn from(value: $value) -> Self {
                let mut bytes = [0u8; 32];
                bytes[..$len].copy_from_slice(&value.0);
                Self { signal_type: SignalType::$kind, bytes }
            }
        }
    )*};
}
from_value! {
    PdqHash => Pdq, 32;
    Md5Digest => Md5, 16;
    Sha1Digest => Sha1, 20;
    Sha256Digest => Sha256, 32;
}

impl FromStr for Signal {
    type Err = SignalError;
    fn from_str(text: &str) -> Result<Self, SignalError> {
        let text = text.trim();
        let between = memchr::memchr3(b':', b' ', b'\t', text.as_bytes());
        if let Some((kind, value)) = between.and_then(|at| text.split_at_checked(at)) {
            let value = value.get(1..).unwrap_or_default();
            return Self::from_hex(kind.trim().parse()?, value.trim());
        }
        let kind = match text.len() {
            64 => SignalType::Pdq,
            32 => SignalType::Md5,
            40 => SignalType::Sha1,
            _ => {
                return Err(SignalError::Ambiguous {
                    digits: text.chars().count(),
                });
            }
        };
        Self::from_hex(kind, text)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.signal_type, self.hex())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_for_every_type() {
        for kind in SignalType::ALL {
            let value: Vec<u8> = (1..=kind.byte_len() as u8).collect();
            let signal = Signal::from_bytes(kind, &value).unwrap();
            assert_eq!(signal.as_bytes(), value);
            assert_eq!(signal.to_string().parse(), Ok(signal));
            assert_eq!(
                signal.to_string().to_uppercase().parse(),
                Ok(signal),
                "case does not matter"
            );
            assert_eq!(signal.to_string().replace(':', " ").parse(), Ok(signal));
            assert!(Signal::from_bytes(kind, &value[1..]).is_err());
            assert!(signal.short().len() < signal.to_string().len());
        }
    }

    #[test]
    fn what_is_no_signal_says_how_to_repair_it() {
        let message = |text: &str| text.parse::<Signal>().unwrap_err().to_string();
        assert!(message("8f373714acfcf4d0").contains("TYPE:HEX"));
        assert!(message("nope:00").contains("known are pdq, md5"));
        assert!(message("pdq:00").contains("expected 64"));
        assert!(message("").contains("0 characters"));
        let wide = "é".repeat(16);
        assert!(wide.parse::<Signal>().is_err(), "32 bytes that are no md5");
    }
}
