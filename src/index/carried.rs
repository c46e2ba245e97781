//! What an index carries about its entries besides hashes, so that policy can ask about it.
//!
//! Labels are carried as bits, and only those that are listed here: rules name few, and lists have
//! many. The list stands in the manifest and is the same for all segments of a generation.

use crate::bank::{Bank, Policy};
use crate::index::IndexRecord;
use crate::segment::{Facts, HashFacts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What an index carries of its entries besides hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Carried {
    /// Labels, ascending: at most [`Carried::MAX_LABELS`]. An entry's other labels stay in the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Whether it says how many sources agree.
    #[serde(default)]
    pub sources: bool,
}

/// More labels than an index carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{got} labels are too many: an index carries {}; let rules name fewer",
    Carried::MAX_LABELS
)]
pub struct TooManyLabels {
    /// How many.
    pub got: usize,
}

impl Carried {
    /// Most labels of one index.
    pub const MAX_LABELS: usize = 64;

    /// What the policies of these banks ask for, with these labels besides, and `sources` where
    /// that is wanted in any case.
    ///
    /// # Errors
    /// [`TooManyLabels`].
    pub fn by(banks: &[Bank], labels: &[String], sources: bool) -> Result<Self, TooManyLabels> {
        let mut all: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
        all.extend(banks.iter().flat_map(|bank| bank.policy.labels()));
        if all.len() > Self::MAX_LABELS {
            return Err(TooManyLabels { got: all.len() });
        }
        Ok(Self {
            labels: all.into_iter().map(str::to_owned).collect(),
            sources: sources || banks.iter().any(|bank| bank.policy.counts_sources()),
        })
    }

    /// Whether it carries nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && !self.sources
    }

    /// What it carries of an entry with these labels, of which so many agree.
    pub fn facts<'a>(&self, labels: impl IntoIterator<Item = &'a str>, sources: usize) -> Facts {
        let bits = labels.into_iter().filter_map(|label| self.bit(label));
        Facts {
            labels: bits.fold(0, |all, bit| all | bit),
            sources: match self.sources {
                true => u32::try_from(sources).unwrap_or(u32::MAX),
                false => Facts::PLAIN.sources,
            },
        }
    }

    /// Whether facts say that an entry has this label.
    #[must_use]
    pub fn has(&self, facts: Facts, label: &str) -> bool {
        facts.labels != 0 && self.bit(label).is_some_and(|bit| facts.labels & bit != 0)
    }

    /// The labels that facts tell of.
    pub fn labels_of(&self, facts: Facts) -> impl Iterator<Item = &str> {
        let labels = self.labels.iter().map(String::as_str);
        labels.filter(move |label| self.has(facts, label))
    }

    fn bit(&self, label: &str) -> Option<u64> {
        let place = (self.labels)
            .binary_search_by(|one| one.as_str().cmp(label))
            .ok()?;
        1_u64.checked_shl(u32::try_from(place).ok()?)
    }

    /// What a policy asks for and is not carried: a label, or how many sources agree.
    #[must_use]
    pub fn lacks(&self, policy: &Policy) -> Option<String> {
        let unknown = |label: &&str| self.bit(label).is_none();
        if let Some(label) = policy.labels().find(unknown) {
            return Some(format!("the label {label:?}"));
        }
        (policy.counts_sources() && !self.sources).then(|| "how many sources agree".to_owned())
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let good = |label: &String| !label.is_empty() && label.len() <= Policy::MAX_LABEL;
        let sorted = self.labels.is_sorted_by(|a, b| a < b);
        match self.labels.len() <= Self::MAX_LABELS && sorted && self.labels.iter().all(good) {
            true => Ok(()),
            false => Err("its list of labels is out of order or too long".to_owned()),
        }
    }
}

/// One hash of one content item, with what is carried of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactRecord {
    /// The hash.
    pub record: IndexRecord,
    /// What is carried: the same for all hashes of the item.
    pub facts: Facts,
    /// What is known of the hash, where it is a PDQ hash.
    pub of_hash: HashFacts,
}

impl From<IndexRecord> for FactRecord {
    fn from(record: IndexRecord) -> Self {
        Self {
            record,
            facts: Facts::PLAIN,
            of_hash: HashFacts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bits_in_their_order() {
        let names = ["b", "a", "c"].map(str::to_owned);
        let carried = Carried::by(&[], &names, false).unwrap();
        let facts = carried.facts(["c", "unknown", "a"], 7);
        assert_eq!(
            (facts.labels, facts.sources),
            (0b101, 1),
            "sources are not carried"
        );
        assert_eq!(carried.labels_of(facts).collect::<Vec<_>>(), ["a", "c"]);
        assert!(!carried.has(facts, "b") && !carried.has(facts, "unknown"));
        assert!(carried.check().is_ok());
        let many: Vec<String> = (0..65).map(|number| number.to_string()).collect();
        assert_eq!(
            Carried::by(&[], &many, false),
            Err(TooManyLabels { got: 65 })
        );
        let full = Carried::by(&[], &many[..64], true).unwrap();
        assert_eq!(
            full.facts(full.labels.iter().map(String::as_str), 0).labels,
            u64::MAX
        );
    }
}
