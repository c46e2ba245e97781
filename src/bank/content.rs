//! One entry of a bank.

use crate::bank::{BankId, OpaqueSignal, Opinion, SourceStatus, Votes};
use crate::hash::{Form, Quality, Reach, Signal};
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
    /// Its sources took it back, or people here did: kept for the record, matches nothing.
    Withdrawn,
    /// Somebody says that it is not what its source says: kept, matches nothing.
    Disputed,
}

impl ContentState {
    /// The state that follows from what people here and the sources of an item say.
    ///
    /// Withdrawn: people here, or all of its sources, took it back. Disputed: a source that still has it
    /// reports somebody who says that it is not what it is said to be. Active: neither.
    pub fn due<'a>(by_hand: bool, sources: impl Iterator<Item = &'a Provenance>) -> Self {
        let mut standing = sources
            .filter(|source| is_active(&source.status))
            .peekable();
        if by_hand || standing.peek().is_none() {
            Self::Withdrawn
        } else if Votes::of(standing.flat_map(|source| &source.opinions)).is_disputed() {
            Self::Disputed
        } else {
            Self::Active
        }
    }

    /// The name, as written everywhere.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Withdrawn => "withdrawn",
            Self::Disputed => "disputed",
        }
    }
}

/// When something was changed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// The store's revision that the change led to.
    pub revision: u64,
}

/// One hash of a content item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentSignal {
    /// The hash.
    pub signal: Signal,
    /// Its PDQ quality, where known; lists seldom carry it.
    pub quality: Option<Quality>,
    /// Which form of the item it is of, where that is known; `None` for the item as it was given.
    pub form: Option<Form>,
    /// How far out it may safely reach, where it was calibrated here.
    pub reach: Option<Reach>,
}

impl ContentSignal {
    /// A hash of an item as it was given, which was not calibrated.
    #[must_use]
    pub const fn new(signal: Signal, quality: Option<Quality>) -> Self {
        Self {
            signal,
            quality,
            form: None,
            reach: None,
        }
    }
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
    /// Whether the source still has it.
    #[serde(default, skip_serializing_if = "is_active")]
    pub status: SourceStatus,
    /// Whether the record is known by the source's own id, by which the source can take it back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub synced: bool,
    /// What is thought of it, as the source says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<Opinion>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_active(status: &SourceStatus) -> bool {
    *status == SourceStatus::Active
}

/// One entry of a bank, with one or more signals, labels and provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentItem {
    /// Its number.
    pub id: ContentId,
    /// The bank that it is in.
    pub bank: BankId,
    /// Its hashes: at least one, unless there are opaque signals.
    pub signals: Vec<ContentSignal>,
    /// Its signals of kinds that cannot be computed here.
    pub opaque: Vec<OpaqueSignal>,
    /// What its source or its owner calls it.
    pub labels: Vec<String>,
    /// Where it came from first.
    pub provenance: Provenance,
    /// Where something of it came from later, in the order in which it came.
    pub later: Vec<Provenance>,
    /// Whether it takes part in matching.
    pub state: ContentState,
    /// Whether people here took it back: no source undoes that.
    pub by_hand: bool,
    /// When its state was changed last, where that is known.
    pub changed: Option<Changed>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl ContentItem {
    /// Every source of it, the first one first.
    pub fn sources(&self) -> impl Iterator<Item = &Provenance> {
        std::iter::once(&self.provenance).chain(&self.later)
    }

    /// The opinions of the sources that still have it.
    #[must_use]
    pub fn votes(&self) -> Votes {
        let standing = self.sources().filter(|source| is_active(&source.status));
        Votes::of(standing.flat_map(|source| &source.opinions))
    }

    /// How many agree that it is what it is said to be: those who say so, and each source that
    /// still has it and reports no opinions.
    #[must_use]
    pub fn agreeing(&self) -> usize {
        let standing = self.sources().filter(|source| is_active(&source.status));
        let silent: std::collections::BTreeSet<&str> = standing
            .filter(|source| source.opinions.is_empty())
            .map(|source| source.source.as_str())
            .collect();
        self.votes().positive + silent.len()
    }

    /// The state that follows from what people here and the sources say: see
    /// [`ContentState::due`].
    #[must_use]
    pub fn due_state(&self) -> ContentState {
        ContentState::due(self.by_hand, self.sources())
    }
}
