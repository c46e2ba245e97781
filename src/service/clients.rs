//! What is answered otherwise on the paths of Hasher-Matcher-Actioner, for clients that break on what it answers.
//!
//! Owns the words of these settings. By default each is as there.

use serde::Deserialize;

/// What a match by a digest has for a distance, on the paths of Hasher-Matcher-Actioner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[non_exhaustive]
pub enum ExactDistance {
    /// `"-"`, as there.
    #[default]
    #[serde(rename = "-")]
    Dash,
    /// `"0"`, for clients that read a number.
    #[serde(rename = "0")]
    Zero,
}

impl ExactDistance {
    /// As it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Dash => "-",
            Self::Zero => "0",
        }
    }
}

/// What `/h/hash` says of a picture with too little in it (PDQ quality below 50).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum LowQuality {
    /// An empty text, as Hasher-Matcher-Actioner does: whoever looks it up gets 400.
    #[default]
    Empty,
    /// Nothing: the key is left out.
    Omit,
}

/// What becomes of the metadata of an entry that Hasher-Matcher-Actioner has no place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HmaMetadata {
    /// It is refused, as there.
    #[default]
    Strict,
    /// It is kept in `json`: one client sends what belongs into `json` as the metadata itself.
    Any,
}
