//! The values of the store, byte for byte.
//!
//! A value is a version byte and then the postcard form of a record type of that version. A record
//! type that was once released is never changed: a change is a new version beside it, old
//! versions are read for ever, and the tests keep the bytes of each.
//!
//! An item's signals are packed into one run of bytes: see `packed`.

mod bank;
mod coding;
mod content;
mod packed;
mod remarks;
mod standing;

pub(super) use bank::{decode_bank, encode_bank};
pub(super) use content::Content;
pub(super) use remarks::{decode_remarks, encode_remarks};

use coding::{
    Packed, V1, V2, V3, V4, corrupt, decode, decode_front, decode_whole, encode, encode_as,
    encode_into, kind, state, state_code, version,
};

use crate::bank::{BankId, ContentId, ContentItem, ContentSignal, ContentState, Provenance};
use crate::store::{BankCounts, StoreError};
use serde::{Deserialize, Serialize};

/// Next numbers and the revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) next_bank: u32,
    pub(super) next_content: u64,
    pub(super) revision: u64,
}

/// What a change touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Touched {
    /// Nobody knows: the log of changes begins behind this one.
    Unknown,
    /// A bank was made, renamed or deleted with all its items, or has another policy.
    Bank(BankId),
    /// New items in a bank: so many numbers from `first` on.
    Added {
        bank: BankId,
        first: ContentId,
        items: u64,
    },
    /// An item was withdrawn, reinstated or deleted.
    Item(BankId, ContentId),
    /// New items in a bank, perhaps none, and more hashes or words for some that were there.
    Updated {
        bank: BankId,
        first: ContentId,
        items: u64,
        /// Runs of numbers, in growing order: the first of each and how many.
        updated: Vec<(u64, u64)>,
    },
}

impl Touched {
    /// How many items a change may update and still name them.
    pub(super) const MOST_UPDATED: usize = 1 << 24;
}

/// A change, as the log keeps it under the revision that it led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// Drawn by chance: what else has this revision, in another store or in a copy of this one
    /// that went its own way, has another mark.
    pub(super) mark: u64,
    pub(super) touched: Touched,
}

#[derive(Serialize, Deserialize)]
struct ChangeV1 {
    mark: [u8; 8],
    kind: u8,
    bank: u32,
    first: u64,
    items: u64,
}

#[derive(Serialize, Deserialize)]
struct ChangeV2 {
    mark: [u8; 8],
    bank: u32,
    first: u64,
    items: u64,
    /// For each run how many numbers lie between it and the one before, and how many it has.
    updated: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct CountsV1 {
    active: u64,
    withdrawn: u64,
    /// Codes of signal types and how many there are of each.
    signals: Vec<(u8, u64)>,
}

#[derive(Serialize, Deserialize)]
struct CountsV2<'a> {
    active: u64,
    withdrawn: u64,
    disputed: u64,
    signals: Vec<(u8, u64)>,
    /// Kinds of opaque signals and how many there are of each.
    #[serde(borrow)]
    opaque: Vec<(&'a str, u64)>,
}

#[derive(Serialize, Deserialize)]
struct CountsV3<'a> {
    active: u64,
    withdrawn: u64,
    disputed: u64,
    signals: Vec<(u8, u64)>,
    #[serde(borrow)]
    opaque: Vec<(&'a str, u64)>,
    calibrated: u64,
}

/// The beginning of an item of every version: what an index needs.
#[derive(Deserialize)]
struct ContentHeadV1<'a> {
    state: u8,
    #[serde(borrow)]
    signals: Packed<'a>,
}

#[derive(Serialize, Deserialize)]
struct ContentV1<'a> {
    state: u8,
    #[serde(borrow)]
    signals: Packed<'a>,
    labels: Vec<&'a str>,
    source: &'a str,
    record: Option<&'a str>,
    metadata: Option<&'a str>,
    added_at: u64,
}

#[derive(Serialize, Deserialize)]
struct ContentV2<'a> {
    state: u8,
    #[serde(borrow)]
    signals: Packed<'a>,
    labels: Vec<&'a str>,
    sources: Vec<SourceV2<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SourceV2<'a> {
    source: &'a str,
    record: Option<&'a str>,
    metadata: Option<&'a str>,
    added_at: u64,
}

impl State {
    pub(super) const FIRST: Self = Self {
        next_bank: 1,
        next_content: 1,
        revision: 0,
    };

    pub(super) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        decode(bytes).map_err(corrupt("state", "of the store"))
    }
}

impl Change {
    const UNKNOWN: u8 = 0;
    const BANK: u8 = 1;
    const ADDED: u8 = 2;
    const ITEM: u8 = 3;

    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, bank, first, items) = match &self.touched {
            Touched::Unknown => (Self::UNKNOWN, BankId(0), ContentId(0), 0),
            &Touched::Bank(bank) => (Self::BANK, bank, ContentId(0), 0),
            &Touched::Added { bank, first, items } => (Self::ADDED, bank, first, items),
            &Touched::Item(bank, id) => (Self::ITEM, bank, id, 1),
            Touched::Updated {
                bank,
                first,
                items,
                updated,
            } => {
                let mut end = 0;
                let gaps = updated.iter().map(|&(from, count)| {
                    let gap = from.saturating_sub(end);
                    end = from.saturating_add(count);
                    (gap, count)
                });
                let change = ChangeV2 {
                    mark: self.mark.to_be_bytes(),
                    bank: bank.0,
                    first: first.0,
                    items: *items,
                    updated: gaps.collect(),
                };
                return encode_as(V2, &change);
            }
        };
        encode(&ChangeV1 {
            mark: self.mark.to_be_bytes(),
            kind,
            bank: bank.0,
            first: first.0,
            items,
        })
    }

    pub(super) fn decode(revision: u64, bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || match version(bytes, V2)? {
            V1 => Self::decode_v1(bytes),
            _ => Self::decode_v2(bytes),
        };
        read().map_err(corrupt("change with revision", revision))
    }

    fn decode_v1(bytes: &[u8]) -> Result<Self, String> {
        let change: ChangeV1 = decode_whole(bytes)?;
        let (bank, first) = (BankId(change.bank), ContentId(change.first));
        let touched = match (change.kind, change.items) {
            (Self::UNKNOWN, _) => Touched::Unknown,
            (Self::BANK, _) => Touched::Bank(bank),
            (Self::ITEM, 1) => Touched::Item(bank, first),
            (Self::ADDED, items @ 1..) if first.0.checked_add(items).is_some() => {
                Touched::Added { bank, first, items }
            }
            (kind, items) => return Err(format!("{items} items of kind {kind}")),
        };
        let mark = u64::from_be_bytes(change.mark);
        Ok(Self { mark, touched })
    }

    fn decode_v2(bytes: &[u8]) -> Result<Self, String> {
        let change: ChangeV2 = decode_whole(bytes)?;
        let beyond = || "more items than there are numbers".to_owned();
        (change.first.checked_add(change.items)).ok_or_else(beyond)?;
        let mut updated = change.updated;
        let (mut end, mut sum) = (0_u64, 0_u64);
        for run in &mut updated {
            let from = end.checked_add(run.0).ok_or_else(beyond)?;
            // Every item that was there has a lower number than those that were added.
            end = from.checked_add(run.1).ok_or_else(beyond)?;
            sum = sum.saturating_add(run.1);
            if run.1 == 0 || end > change.first || sum > Touched::MOST_UPDATED as u64 {
                return Err(format!("it updates {} items from {from} on", run.1));
            }
            run.0 = from;
        }
        Ok(Self {
            mark: u64::from_be_bytes(change.mark),
            touched: Touched::Updated {
                bank: BankId(change.bank),
                first: ContentId(change.first),
                items: change.items,
                updated,
            },
        })
    }
}

pub(super) fn encode_counts(counts: &BankCounts) -> Vec<u8> {
    let signals = counts.signals.iter();
    let signals = signals.map(|(kind, &count)| (kind.code(), count)).collect();
    if counts.disputed == 0 && counts.opaque.is_empty() && counts.calibrated == 0 {
        return encode(&CountsV1 {
            active: counts.active,
            withdrawn: counts.withdrawn,
            signals,
        });
    }
    let opaque = counts.opaque.iter();
    let opaque = opaque.map(|(kind, &count)| (&**kind, count)).collect();
    if counts.calibrated == 0 {
        return encode_as(
            V2,
            &CountsV2 {
                active: counts.active,
                withdrawn: counts.withdrawn,
                disputed: counts.disputed,
                signals,
                opaque,
            },
        );
    }
    encode_as(
        V3,
        &CountsV3 {
            active: counts.active,
            withdrawn: counts.withdrawn,
            disputed: counts.disputed,
            signals,
            opaque,
            calibrated: counts.calibrated,
        },
    )
}

pub(super) fn decode_counts(bank: BankId, bytes: &[u8]) -> Result<BankCounts, StoreError> {
    let read = || {
        let counts = match version(bytes, V3)? {
            V1 => {
                let counts: CountsV1 = decode_whole(bytes)?;
                CountsV3 {
                    active: counts.active,
                    withdrawn: counts.withdrawn,
                    disputed: 0,
                    signals: counts.signals,
                    opaque: Vec::new(),
                    calibrated: 0,
                }
            }
            V2 => {
                let counts: CountsV2<'_> = decode_whole(bytes)?;
                CountsV3 {
                    active: counts.active,
                    withdrawn: counts.withdrawn,
                    disputed: counts.disputed,
                    signals: counts.signals,
                    opaque: counts.opaque,
                    calibrated: 0,
                }
            }
            _ => decode_whole(bytes)?,
        };
        let mut signals = std::collections::BTreeMap::new();
        for (code, count) in counts.signals {
            signals.insert(kind(code)?, count);
        }
        let opaque = counts.opaque.into_iter();
        Ok(BankCounts {
            items: counts
                .active
                .checked_add(counts.withdrawn)
                .and_then(|items| items.checked_add(counts.disputed))
                .ok_or("more items than there are numbers")?,
            active: counts.active,
            withdrawn: counts.withdrawn,
            disputed: counts.disputed,
            calibrated: counts.calibrated,
            signals,
            opaque: opaque
                .map(|(kind, count)| (kind.to_owned(), count))
                .collect(),
        })
    };
    read().map_err(corrupt("counts of bank", bank.0))
}

/// Writes items, again and again into the same memory.
#[derive(Default)]
pub(super) struct ContentEncoder {
    packed: Vec<u8>,
    buffer: Vec<u8>,
}

impl ContentEncoder {
    pub(super) fn encode(&mut self, content: &Content<'_>) -> &[u8] {
        let is_marked = packed::pack(content.signals, &mut self.packed);
        let state = state_code(content.state);
        let signals = Packed(&self.packed);
        let labels = content.labels.iter().map(String::as_str).collect();
        if is_marked || standing::is_needed(content) {
            let version = if is_marked { V4 } else { V3 };
            let len = standing::encode(version, content, state, signals, labels, &mut self.buffer);
            return self.buffer.get(..len).unwrap_or_default();
        }
        let source = source(content.provenance);
        let len = if content.later.is_empty() {
            let value = ContentV1 {
                state,
                signals,
                labels,
                source: source.source,
                record: source.record,
                metadata: source.metadata,
                added_at: source.added_at,
            };
            encode_into(V1, &value, &mut self.buffer)
        } else {
            let later = content.later.iter().map(self::source);
            let value = ContentV2 {
                state,
                signals,
                labels,
                sources: std::iter::once(source).chain(later).collect(),
            };
            encode_into(V2, &value, &mut self.buffer)
        };
        self.buffer.get(..len).unwrap_or_default()
    }
}

fn source(provenance: &Provenance) -> SourceV2<'_> {
    SourceV2 {
        source: &provenance.source,
        record: provenance.record.as_deref(),
        metadata: provenance.metadata.as_deref(),
        added_at: provenance.added_at,
    }
}

fn provenance(source: &SourceV2<'_>) -> Provenance {
    Provenance {
        source: source.source.to_owned(),
        record: source.record.map(str::to_owned),
        metadata: source.metadata.map(str::to_owned),
        added_at: source.added_at,
        ..Provenance::default()
    }
}

pub(super) fn decode_content(
    bank: BankId,
    id: ContentId,
    bytes: &[u8],
) -> Result<ContentItem, StoreError> {
    let read = || {
        let version = version(bytes, V4)?;
        let content = match version {
            V3 | V4 => return standing::decode(version, bank, id, bytes),
            V1 => {
                let content: ContentV1<'_> = decode_whole(bytes)?;
                ContentV2 {
                    state: content.state,
                    signals: content.signals,
                    labels: content.labels,
                    sources: vec![SourceV2 {
                        source: content.source,
                        record: content.record,
                        metadata: content.metadata,
                        added_at: content.added_at,
                    }],
                }
            }
            _ => decode_whole(bytes)?,
        };
        let mut signals = Vec::new();
        packed::unpack(version, content.signals.0, |signal| signals.push(signal))?;
        let (first, later) = (content.sources.split_first()).ok_or("it has no source")?;
        Ok(ContentItem {
            id,
            bank,
            signals,
            labels: content.labels.into_iter().map(str::to_owned).collect(),
            provenance: provenance(first),
            later: later.iter().map(provenance).collect(),
            state: state(content.state, V2)?,
            // In these versions people withdrew it, since no source could.
            by_hand: state(content.state, V2)? == ContentState::Withdrawn,
            opaque: Vec::new(),
            changed: None,
        })
    };
    read().map_err(corrupt("content item", id))
}

/// The state of an item, and its signals one by one; the rest is left unread.
pub(super) fn decode_head(
    id: ContentId,
    bytes: &[u8],
    mut each: impl FnMut(ContentSignal),
) -> Result<ContentState, StoreError> {
    let mut read = || {
        let version = version(bytes, V4)?;
        let (head, _): (ContentHeadV1<'_>, _) = decode_front(bytes)?;
        let state = state(head.state, version)?;
        packed::unpack(version, head.signals.0, &mut each)?;
        Ok(state)
    };
    read().map_err(corrupt("content item", id))
}

#[cfg(test)]
mod tests;
