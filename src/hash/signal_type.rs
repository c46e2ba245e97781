//! The kinds of hash, and the one name each goes by everywhere.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a kind of hash is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// 256-bit PDQ hashes, by Hamming distance.
    Pdq,
    /// 64-bit perceptual hashes, by Hamming distance within one signal type.
    Hash64,
    /// Cryptographic digests, by equality.
    Digest,
}

/// The kind of a hash. The name is what users type and what lists, files and JSON carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
#[repr(u8)]
pub enum SignalType {
    /// `pdq`: 256 bits, of the picture's pixels.
    Pdq = 1,
    /// `md5`: digest of the file's bytes.
    Md5 = 2,
    /// `sha1`: digest of the file's bytes.
    Sha1 = 3,
    /// `sha256`: digest of the file's bytes.
    Sha256 = 4,
    /// `ahash`: 64-bit average hash, equal to Python imagehash's `average_hash`.
    Ahash = 5,
    /// `dhash`: 64-bit difference hash, equal to Python imagehash's `dhash`.
    Dhash = 6,
    /// `phash`: 64-bit DCT hash, equal to Python imagehash's `phash`.
    Phash = 7,
    /// `blockhash`: 64-bit block hash of the crate `image_hasher`.
    Blockhash = 8,
    /// `imghash_mean`: 64-bit mean hash of the crate `image_hasher`.
    #[serde(rename = "imghash_mean")]
    ImghashMean = 9,
    /// `imghash_gradient`: 64-bit gradient hash of the crate `image_hasher`.
    #[serde(rename = "imghash_gradient")]
    ImghashGradient = 10,
    /// `imghash_dct`: 64-bit median hash after a DCT, of the crate `image_hasher`.
    #[serde(rename = "imghash_dct")]
    ImghashDct = 11,
}

/// A name that no signal type goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a signal type; known are {}", SignalType::names())]
pub struct UnknownSignalType {
    /// What was given.
    pub given: String,
}

impl SignalType {
    /// Every signal type, in the order of their codes.
    pub const ALL: [Self; 11] = [
        Self::Pdq,
        Self::Md5,
        Self::Sha1,
        Self::Sha256,
        Self::Ahash,
        Self::Dhash,
        Self::Phash,
        Self::Blockhash,
        Self::ImghashMean,
        Self::ImghashGradient,
        Self::ImghashDct,
    ];

    /// The name, as typed and written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdq => "pdq",
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Ahash => "ahash",
            Self::Dhash => "dhash",
            Self::Phash => "phash",
            Self::Blockhash => "blockhash",
            Self::ImghashMean => "imghash_mean",
            Self::ImghashGradient => "imghash_gradient",
            Self::ImghashDct => "imghash_dct",
        }
    }

    /// The code in files: stable for ever, 1–255.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type with this code in files.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// How hashes of this type are compared.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Pdq => Family::Pdq,
            Self::Md5 | Self::Sha1 | Self::Sha256 => Family::Digest,
            _ => Family::Hash64,
        }
    }

    /// Length of a value in bytes.
    #[must_use]
    pub const fn byte_len(self) -> usize {
        match self {
            Self::Pdq | Self::Sha256 => 32,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            _ => 8,
        }
    }

    /// The largest distance that two values of this type can have, in bits; 0 for digests.
    #[must_use]
    pub const fn max_distance(self) -> u16 {
        match self.family() {
            Family::Pdq => 256,
            Family::Hash64 => 64,
            Family::Digest => 0,
        }
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl FromStr for SignalType {
    type Err = UnknownSignalType;
    fn from_str(text: &str) -> Result<Self, UnknownSignalType> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownSignalType {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for SignalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_codes_and_json_agree() {
        for kind in SignalType::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(SignalType::from_code(kind.code()), Some(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(json, format!("{:?}", kind.name()));
        }
        assert_eq!(SignalType::from_code(0), None);
    }
}
