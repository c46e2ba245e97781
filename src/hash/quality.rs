//! PDQ's measure of how much there is in a picture to hash.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// PDQ's quality: 0 (flat) to 100.
///
/// ```
/// use hashgate::hash::Quality;
/// assert!(Quality::new(101).is_none());
/// assert!(Quality::new(49).unwrap() < Quality::DEFAULT_MINIMUM);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(u8);

/// A number that is not a quality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a quality; a quality is a whole number from 0 to 100")]
pub struct QualityError {
    /// What was given.
    pub given: String,
}

impl Quality {
    /// The least: a flat picture.
    pub const MIN: Self = Self(0);
    /// The most.
    pub const MAX: Self = Self(100);
    /// 50: below it the field (python-threatexchange, HMA) does not trust a PDQ hash.
    pub const DEFAULT_MINIMUM: Self = Self(50);

    /// A quality from a number of 0–100; `None` above.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 100 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The number, 0–100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Quality {
    type Error = QualityError;
    fn try_from(value: u8) -> Result<Self, QualityError> {
        Self::new(value).ok_or_else(|| QualityError {
            given: value.to_string(),
        })
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

impl FromStr for Quality {
    type Err = QualityError;
    fn from_str(text: &str) -> Result<Self, QualityError> {
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| QualityError {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
