//! One entry of a bank.

use crate::bank::BankId;
use crate::hash::{Quality, Signal};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of a content item: given once by the store, unique over all banks, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentId(pub u64);

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a content item takes part in matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentState {
    /// It matches.
    Active,
    /// Its source took it back: kept for the record, matches nothing.
    Withdrawn,
}

/// One hash of a content item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentSignal {
    /// The hash.
    pub signal: Signal,
    /// Its PDQ quality, where known; lists seldom carry it.
    pub quality: Option<Quality>,
}

/// Where a content item came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Provenance {
    /// The list or file that it was read from, as the user named it.
    pub source: String,
    /// The record in that source: a line number or the source's own id.
    pub record: Option<String>,
    /// What else the source said, as text.
    pub metadata: Option<String>,
    /// When it came in: seconds since 1970-01-01 UTC.
    pub added_at: u64,
}

/// One entry of a bank, with one or more signals, labels and provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentItem {
    /// Its number.
    pub id: ContentId,
    /// The bank that it is in.
    pub bank: BankId,
    /// Its hashes: at least one.
    pub signals: Vec<ContentSignal>,
    /// What its source or its owner calls it.
    pub labels: Vec<String>,
    /// Where it came from first.
    pub provenance: Provenance,
    /// Where something of it came from later, in the order in which it came.
    pub later: Vec<Provenance>,
    /// Whether it takes part in matching.
    pub state: ContentState,
}
