//! What a match beyond the threshold does, which further evidence speaks for.
//!
//! Owned here: the value and how it is written. Not owned: which evidence speaks for a match (that is
//! `gate`).

use crate::bank::Action;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a match beyond the threshold does, which further evidence speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verified {
    /// It is reviewed, or does what the bank's other matches do where that is milder.
    #[default]
    Milder,
    /// There is none: only distance counts.
    Off,
    /// It does this.
    Act(Action),
}

impl Verified {
    /// What a verified match does in a bank, or by a rule, whose other matches do this.
    #[must_use]
    pub fn action(self, other: Action) -> Option<Action> {
        match self {
            Self::Off => None,
            Self::Act(action) if other != Action::Allow => Some(action),
            Self::Act(_) | Self::Milder => Some(other.min(Action::Review)),
        }
    }
}

/// A text that names nothing that a verified match could do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is nothing that a verified match does; give default, off, block, review or report"
)]
pub struct UnknownVerified {
    /// What was given.
    pub given: String,
}

impl FromStr for Verified {
    type Err = UnknownVerified;
    fn from_str(text: &str) -> Result<Self, UnknownVerified> {
        match text {
            "default" => Ok(Self::Milder),
            "off" => Ok(Self::Off),
            _ => match text.parse() {
                Ok(action) if action != Action::Allow => Ok(Self::Act(action)),
                _ => Err(UnknownVerified {
                    given: text.to_owned(),
                }),
            },
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Milder => f.pad("default"),
            Self::Off => f.pad("off"),
            Self::Act(action) => action.fmt(f),
        }
    }
}
