//! The name of a bank.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of a bank: 1–255 characters of `A-Z a-z 0-9 . _ -`, the first a letter, a digit or `_`.
///
/// ```
/// use hashgate::bank::BankName;
/// assert!("ncmec-2026".parse::<BankName>().is_ok());
/// assert!("_OF_HMA".parse::<BankName>().is_ok());
/// assert!("../etc".parse::<BankName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BankName(String);

/// A text that cannot name a bank.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} cannot name a bank: use 1 to 255 of the characters A-Z a-z 0-9 . _ - and begin \
     with a letter, a digit or _"
)]
pub struct BankNameError {
    /// What was given.
    pub given: String,
}

impl BankName {
    /// Most characters of a name.
    pub const MAX_LEN: usize = 255;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BankName {
    type Err = BankNameError;
    fn from_str(text: &str) -> Result<Self, BankNameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let good = text.len() <= Self::MAX_LEN
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.chars().all(allowed);
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(BankNameError {
                given: text.chars().take(Self::MAX_LEN + 1).collect(),
            })
        }
    }
}

impl TryFrom<String> for BankName {
    type Error = BankNameError;
    fn try_from(text: String) -> Result<Self, BankNameError> {
        text.parse()
    }
}

impl From<BankName> for String {
    fn from(name: BankName) -> Self {
        name.0
    }
}

impl fmt::Display for BankName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
