//! What sources say of a content item besides its hashes: whether they still have it, and what
//! others think of it.
//!
//! Owned here: the words, and the one rule by which they make an item match or not. Not owned: how
//! a list spells them (that is `hashset`), and keeping them (that is `store`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a source still has its record of an item.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SourceStatus {
    /// It does.
    #[default]
    Active,
    /// It took the record back.
    Withdrawn,
    /// It deleted the record.
    Deleted,
}

impl SourceStatus {
    /// The name, as written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
        }
    }
}

/// What somebody thinks of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// It is what the source says that it is.
    Positive,
    /// It is not.
    Negative,
    /// It is worth looking into; nobody has said that it is.
    Seed,
}

impl View {
    /// The name, as written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Seed => "seed",
        }
    }
}

/// Who thinks what of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Opinion {
    /// Whose opinion it is, as the source names them.
    pub owner: String,
    /// What they think.
    pub view: View,
}

/// A signal that cannot be computed here, as PhotoDNA: kept and counted, and never matched.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpaqueSignal {
    /// The kind, in lower case: `photodna`, `tmk-pdqf`, …
    pub kind: String,
    /// The value as the source writes it.
    pub value: String,
}

/// What the opinions of an item come to: each owner counts once, with what they said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Votes {
    /// Owners that say it is what it is said to be.
    pub positive: usize,
    /// Owners that say it is not.
    pub negative: usize,
    /// Owners that only say it is worth looking into.
    pub seed: usize,
}

impl Votes {
    /// Counts opinions.
    ///
    /// ```
    /// use hashgate::bank::{Opinion, View, Votes};
    /// let say = |owner: &str, view| Opinion { owner: owner.into(), view };
    /// let said = [say("a", View::Seed), say("b", View::Positive), say("a", View::Positive)];
    /// let votes = Votes::of(&said);
    /// assert_eq!((votes.positive, votes.seed), (2, 0));
    /// assert!(!votes.is_disputed());
    /// ```
    pub fn of<'a>(opinions: impl IntoIterator<Item = &'a Opinion>) -> Self {
        let mut owners = BTreeMap::new();
        for Opinion { owner, view } in opinions {
            owners.insert(owner, *view);
        }
        let mut votes = Self::default();
        for view in owners.into_values() {
            match view {
                View::Positive => votes.positive += 1,
                View::Negative => votes.negative += 1,
                View::Seed => votes.seed += 1,
            }
        }
        votes
    }

    /// Whether somebody says that it is not what it is said to be: it matches nothing then.
    #[must_use]
    pub const fn is_disputed(&self) -> bool {
        self.negative > 0
    }
}
