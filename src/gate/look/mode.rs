//! Whether a picture is hashed from its pixels or from a JPEG's coefficients.

use std::fmt;
use std::str::FromStr;

/// How the PDQ hashes of an upload are computed. The verdict on the picture itself is the same
/// in every mode; see [`Mode::Auto`] for why, and for guesses at the original.
///
/// Only PDQ of a plain JPEG of 400 pixels and more along its shorter side can be read from its
/// coefficients, up to some 3 times as fast. All other pictures, and all pictures where a hash of another
/// kind is wanted, are decoded in every mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// From pixels: the reference's hash, bit for bit. Banks are filled so.
    Exact,
    /// From coefficients wherever possible: a hash that is a few bits off at most, and a verdict by
    /// it. Near a threshold that can be another verdict than by the pixels.
    Fast,
    /// From coefficients where that is cheaper (progressive JPEGs, and those of 800 pixels and more
    /// along the shorter side), and once more from pixels wherever the difference could matter: where an
    /// entry lies within 8 bits of its bank's threshold to either side, where the quality is near a
    /// bank's minimum, where an entry of an `allow` bank has a say, and where a guess at the original
    /// meets an entry. Which guesses are made (where a border ends, say) can hang on single steps of
    /// brightness: once in some hundreds of framed copies pixels lead to one that coefficients do not.
    #[default]
    Auto,
}

/// A text that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no mode; give exact, fast or auto")]
pub struct ModeError {
    /// What was given.
    pub given: String,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Exact, Self::Fast, Self::Auto];

    /// The name, as typed and as reports carry it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Fast => "fast",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let named = Self::ALL.into_iter().find(|mode| mode.name() == text);
        named.ok_or_else(|| ModeError {
            given: text.to_owned(),
        })
    }
}
