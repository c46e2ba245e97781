//! What of an upload is looked at in a process of its own, by name.

use std::fmt;
use std::str::FromStr;

/// What of an upload is looked at in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Isolation {
    /// What decoders work on that have much code whose memory safety no compiler has checked: AVIF.
    #[default]
    Unchecked,
    /// The whole upload. Its bytes are read by nothing but digests in the process that asks, save that of a JPEG its
    /// header is looked at. Each upload costs a process of its own, and the memory that its decoder may take is
    /// reserved whole where there is a budget.
    Everything,
}

/// A text that names no [`Isolation`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not unchecked or everything")]
pub struct IsolationError {
    /// What was given.
    pub given: String,
}

impl Isolation {
    /// The name, as it is written on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Everything => "everything",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isolation {
    type Err = IsolationError;

    fn from_str(text: &str) -> Result<Self, IsolationError> {
        let all = [Self::Unchecked, Self::Everything].into_iter();
        let mut named = all.filter(|one| one.name() == text);
        named.next().ok_or_else(|| IsolationError {
            given: text.to_owned(),
        })
    }
}
