//! What policy says to do with a match.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What to do with an upload that matches a bank; ordered from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Known to be harmless: a match here overrules farther matches in other banks.
    Allow,
    /// Let pass, and report the match.
    Report,
    /// Hold for a person to look at.
    Review,
    /// Stop before anyone else sees it.
    Block,
}

/// A name that no action goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not an action; known are block, review, report, allow")]
pub struct UnknownAction {
    /// What was given.
    pub given: String,
}

impl Action {
    /// Every action, from the mildest to the strictest.
    pub const ALL: [Self; 4] = [Self::Allow, Self::Report, Self::Review, Self::Block];

    /// The name, as typed and written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Report => "report",
            Self::Review => "review",
            Self::Block => "block",
        }
    }
}

impl FromStr for Action {
    type Err = UnknownAction;
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .into_iter()
            .find(|action| action.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownAction {
                given: text.to_owned(),
            })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
