//! What is done about an upload of which a part was not looked at.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a gate does about an upload that passes, where a part of it was not looked at.
///
/// Phones append a clip to many of their pictures (Motion Photos): whoever reviews them all must have the people for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadPolicy {
    /// It passes; the verdict says what was not looked at.
    #[default]
    Pass,
    /// People look at it: the action is `review`, unless a bank allows it or asks for more.
    Review,
}

/// A text that names no [`UnreadPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not pass or review")]
pub struct UnreadPolicyError {
    /// What was given.
    pub given: String,
}

impl UnreadPolicy {
    /// The name, as it is written on a command line and in a policy file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Review => "review",
        }
    }
}

impl fmt::Display for UnreadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for UnreadPolicy {
    type Err = UnreadPolicyError;

    fn from_str(text: &str) -> Result<Self, UnreadPolicyError> {
        let all = [Self::Pass, Self::Review].into_iter();
        let mut named = all.filter(|one| one.name() == text);
        named.next().ok_or_else(|| UnreadPolicyError {
            given: text.to_owned(),
        })
    }
}
