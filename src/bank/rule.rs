//! Which of several things that policy says wins: the one written rule.
//!
//! A [`Rule`] says things of some entries only: of those with a label, of hashes of a type, or both.
//! What is more specific wins, for each setting by itself:
//!
//! ```text
//! label + bank + type  >  label + bank  >  label + type  >  label
//!     >  bank + type  >  bank  >  type  >  defaults  >  the store's policy of the bank
//! ```
//!
//! Where two labels of one entry say different things with the same rank, the one that catches more
//! wins: the stricter action, the wider threshold; of an entry that allows, the one that
//! allows less.

use crate::bank::Setting;
use crate::hash::SignalType;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that is said, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What.
    pub set: Setting,
    /// The line of the policy file.
    pub line: u32,
}

/// Of what something is said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Scope {
    /// Of one bank, and not of all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub of_bank: bool,
    /// Of entries with this label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Of hashes of this type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_type: Option<SignalType>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Scope {
    /// How specific it is: what is greater wins.
    #[must_use]
    pub fn rank(&self) -> u8 {
        4 * u8::from(self.label.is_some())
            + 2 * u8::from(self.of_bank)
            + u8::from(self.signal_type.is_some())
    }

    /// Whether it speaks of hashes of this type of an entry whose labels `has` knows.
    pub fn covers(&self, kind: SignalType, has: impl Fn(&str) -> bool) -> bool {
        self.signal_type.is_none_or(|one| one == kind) && self.label.as_deref().is_none_or(has)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.label.as_ref().map(|label| format!("label {label}")),
            self.of_bank.then(|| "bank".to_owned()),
            self.signal_type.map(|kind| format!("type {kind}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match &parts[..] {
            [] => f.write_str("defaults"),
            parts => f.write_str(&parts.join(" + ")),
        }
    }
}

/// What is said of some entries of a bank, or of hashes of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Of what it speaks: of a label, a type, or both.
    #[serde(flatten)]
    pub scope: Scope,
    /// What it says: each setting at most once.
    pub say: Vec<Said>,
}

/// What the policy file says, laid over the policy that the store has of a bank.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layer {
    /// The file's name, for people.
    pub file: String,
    /// Which of the policy's own settings come from the file, of what they are said there.
    pub over: Vec<Over>,
    /// What it says of labels and types, the least specific first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// A setting of the bank's own policy that comes from the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Over {
    /// What the store has.
    pub own: Setting,
    /// Whether the file says it of this bank, and not of all.
    pub of_bank: bool,
    /// The line of the file.
    pub line: u32,
}
