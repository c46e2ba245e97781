//! Adding items, each once.

use crate::bank::{
    BankId, Changed, ContentId, ContentItem, ContentSignal, ContentState, OpaqueSignal,
};
use crate::hash::Signal;
use crate::store::item::{NewItem, given, identity, other_keys};
use crate::store::keys::SignalKey;
use crate::store::merge::{Merged, TooMany};
use crate::store::preview::Preview;
use crate::store::record::{Content, ContentEncoder, State, Touched, decode_content};
use crate::store::{BankStore, StoreError, Writer, keys};
use rocksdb::WriteBatch;
use std::borrow::Cow;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddSummary {
    /// Items that are new in the bank.
    pub added: u64,
    /// Items whose identity was in the bank already, or came earlier in the batch, and that brought
    /// it a hash, a better quality or a label that it did not have.
    pub updated: u64,
    /// Items whose identity was in the bank already, or came earlier in the batch, and that brought
    /// nothing new.
    pub already_there: u64,
    /// Of those that were in the bank already: items that are withdrawn and stay so.
    pub withdrawn: u64,
    /// Items that would hold more than an item may, by their positions in the batch, from 0 and in
    /// growing order. Nothing of them was taken.
    pub refused: Vec<(usize, TooMany)>,
}

/// An item of a batch with its identity.
struct Candidate<'a> {
    item: &'a NewItem,
    signals: Cow<'a, [ContentSignal]>,
    identity: SignalKey,
}

/// What a batch makes of one item.
struct Outcome<'a> {
    identity: SignalKey,
    kept: Option<Kept>,
    merged: Merged<'a>,
}

/// The numbers that a change gives to new items: so many from the first on.
pub(super) struct NewNumbers {
    pub(super) bank: BankId,
    pub(super) first: ContentId,
    pub(super) items: u64,
}

/// An item that was there, as it was.
struct Kept {
    id: ContentId,
    state: ContentState,
    by_hand: bool,
    changed: Option<Changed>,
    signals: Vec<ContentSignal>,
    opaque: Vec<OpaqueSignal>,
}

impl BankStore {
    /// The most hashes that an item may have.
    pub const MAX_SIGNALS: usize = 256;
    /// The most labels that an item may have.
    pub const MAX_LABELS: usize = 256;
    /// The most sources that an item may have something from.
    pub const MAX_SOURCES: usize = 256;

    /// Adds items to a bank: all of them, or none where it fails. When it returns, they are on
    /// disk.
    ///
    /// An item that is already there (see the [room](crate::store)) gets what it lacks, and stays
    /// withdrawn where it was. Give [`BankStore::BATCH`] items at a time: memory grows with the
    /// batch.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBankId`], [`StoreError::NoSignals`], and [`StoreError::Database`] where
    /// the disk is full; what was acknowledged before stays.
    pub fn add(&self, bank: BankId, items: &[NewItem]) -> Result<AddSummary, StoreError> {
        let mut writer = self.writer()?;
        let mut counts = self.counts(bank)?;
        let candidates = candidates(bank, items)?;
        let mut summary = AddSummary::default();
        let outcomes = self.merge(bank, &candidates, &mut summary)?;
        if outcomes.is_empty() {
            return Ok(summary);
        }

        let mut state = writer.state;
        let first = ContentId(state.next_content);
        let content = self.family(keys::CONTENT)?;
        let mut entries = Vec::with_capacity(outcomes.len());
        let mut updated = Vec::new();
        let mut encoder = ContentEncoder::default();
        let mut batch = WriteBatch::default();
        for Outcome {
            identity,
            kept,
            merged,
        } in outcomes.iter().flatten()
        {
            let id = match kept {
                Some(Kept {
                    id,
                    signals: before,
                    opaque,
                    ..
                }) => {
                    updated.push(id.0);
                    let had = |signal: &Signal| {
                        let found = before.binary_search_by(|entry| entry.signal.cmp(signal));
                        found.is_ok()
                    };
                    counts
                        .add_opaque((merged.opaque.iter()).filter(|one| !opaque.contains(one)))?;
                    let more = (merged.signals.iter()).filter(|entry| !had(&entry.signal));
                    counts.add_signals(more.clone())?;
                    let keys = more.map(|entry| SignalKey::signal(bank, &entry.signal));
                    entries.extend(keys.map(|key| (key, *id, false)));
                    *id
                }
                None => {
                    let id = ContentId(state.next_content);
                    state.next_content =
                        id.0.checked_add(1)
                            .ok_or(StoreError::Exhausted { what: "content" })?;
                    entries.push((*identity, id, true));
                    let others = other_keys(bank, &merged.signals, identity);
                    entries.extend(others.map(|key| (key, id, false)));
                    counts.add(ContentState::Active, merged.signals.iter())?;
                    counts.add_opaque(merged.opaque.iter())?;
                    id
                }
            };
            let by_hand = kept.as_ref().is_some_and(|kept| kept.by_hand);
            let due = merged.due(by_hand);
            let mut changed = kept.as_ref().and_then(|kept| kept.changed);
            let was = kept
                .as_ref()
                .map_or(ContentState::Active, |kept| kept.state);
            if was != due {
                counts.turn(was, due)?;
                changed = kept.as_ref().map(|_| Changed {
                    at: merged.latest(),
                    revision: state.revision + 1,
                });
            }
            let value = encoder.encode(&Content {
                state: due,
                by_hand,
                changed,
                opaque: &merged.opaque,
                signals: &merged.signals,
                labels: &merged.labels,
                provenance: &merged.provenance,
                later: &merged.later,
            });
            batch.put_cf(content, keys::content(bank, id), value);
        }
        self.put_entries(&mut batch, entries)?;
        self.put_counts(&mut batch, bank, &counts)?;
        let new = NewNumbers {
            bank,
            first,
            items: summary.added,
        };
        self.commit_items(&mut writer, batch, state, new, updated)?;
        Ok(summary)
    }

    /// Puts entries by hash into a batch: keys with their items, and whether each is the item's
    /// identity.
    pub(super) fn put_entries(
        &self,
        batch: &mut WriteBatch,
        mut entries: Vec<(SignalKey, ContentId, bool)>,
    ) -> Result<(), StoreError> {
        // In the order of their keys, each finds its place in RocksDB's memory near the one before:
        // random keys cost several times as much.
        entries.sort_unstable();
        let by_signal = self.family(keys::BY_SIGNAL)?;
        for (key, id, is_identity) in entries {
            if is_identity {
                batch.put_cf(by_signal, key, id.0.to_be_bytes());
            } else {
                batch.put_cf(by_signal, key.with(id), []);
            }
        }
        Ok(())
    }

    /// Commits a batch with new items and with items that were there, these in growing order.
    pub(super) fn commit_items(
        &self,
        writer: &mut Writer,
        mut batch: WriteBatch,
        state: State,
        new: NewNumbers,
        updated: Vec<u64>,
    ) -> Result<(), StoreError> {
        let NewNumbers { bank, first, items } = new;
        if items > 0 && writer.newest_extent != Some(bank.0) {
            let first = first.0.to_be_bytes();
            batch.put_cf(self.family(keys::EXTENTS)?, first, bank.0.to_be_bytes());
        }
        let touched = touched(bank, first, items, updated);
        // Where the change cannot be acknowledged, nobody knows whether it is there.
        let newest_extent = writer.newest_extent.take();
        self.commit(writer, batch, state, touched)?;
        writer.newest_extent = match items {
            0 => newest_extent,
            _ => Some(bank.0),
        };
        Ok(())
    }

    /// What [`BankStore::add`] would do, without doing it. Give the items of one list in their order,
    /// with the same preview.
    ///
    /// # Errors
    /// As [`BankStore::add`].
    pub fn preview_add(
        &self,
        bank: BankId,
        items: &[NewItem],
        preview: &mut Preview,
    ) -> Result<AddSummary, StoreError> {
        let candidates = candidates(bank, items)?;
        let mut summary = AddSummary::default();
        for outcome in self
            .merge(bank, &candidates, &mut summary)?
            .iter()
            .flatten()
        {
            if outcome.kept.is_none() && !preview.is_first(&outcome.identity) {
                summary.added -= 1;
                summary.already_there += 1;
            }
        }
        Ok(summary)
    }

    /// What the candidates make of the items of the bank, without those that stay as they are: new
    /// items in the order of the batch, behind them those that were there; no place is empty.
    fn merge<'a>(
        &self,
        bank: BankId,
        candidates: &'a [Candidate<'a>],
        summary: &mut AddSummary,
    ) -> Result<Vec<Option<Outcome<'a>>>, StoreError> {
        let mut order: Vec<(SignalKey, usize)> = (candidates.iter().enumerate())
            .map(|(position, candidate)| (candidate.identity, position))
            .collect();
        order.sort_unstable();
        let groups: Vec<&[(SignalKey, usize)]> = order.chunk_by(|a, b| a.0 == b.0).collect();
        let mut known = self.known(bank, &groups)?;
        let (mut added, mut updated) = (Vec::new(), Vec::new());
        added.resize_with(candidates.len(), || None);
        for (group, known) in groups.iter().zip(&mut known) {
            let mut before = None;
            let mut merged = None;
            if let Some(item) = known.take() {
                let (id, state) = (item.id, item.state);
                let (by_hand, changed) = (item.by_hand, item.changed);
                let kept = Merged::kept(item);
                before = Some(Kept {
                    id,
                    state,
                    by_hand,
                    changed,
                    signals: kept.signals.to_vec(),
                    opaque: kept.opaque.to_vec(),
                });
                merged = Some(kept);
            }
            let (mut is_changed, mut position) = (false, 0);
            for &(_, at) in *group {
                let Some(Candidate { item, signals, .. }) = candidates.get(at) else {
                    continue;
                };
                // What every source took back has a source again.
                let is_given_again = (before.as_ref())
                    .is_some_and(|kept| kept.state == ContentState::Withdrawn && !kept.by_hand);
                let taken = match &mut merged {
                    Some(merged) => merged.take(item, signals, is_given_again),
                    None => Merged::new(item, signals).map(|new| {
                        (merged, position) = (Some(new), at);
                        summary.added += 1;
                        true
                    }),
                };
                let is_first = before.is_none() && position == at;
                let is_withdrawn = before.as_ref().is_some_and(|kept| kept.by_hand);
                summary.withdrawn += u64::from(is_withdrawn && taken.is_ok());
                is_changed |= matches!(taken, Ok(true));
                match taken {
                    Ok(true) if is_first => {}
                    Ok(true) => summary.updated += 1,
                    Ok(false) => summary.already_there += 1,
                    Err(error) => summary.refused.push((at, error)),
                }
            }
            let Some(merged) = merged.filter(|_| is_changed) else {
                continue;
            };
            let identity = group.first().map(|&(identity, _)| identity);
            let Some(identity) = identity else { continue };
            let id = before.as_ref().map(|kept| kept.id);
            let outcome = Outcome {
                identity,
                kept: before,
                merged,
            };
            match (id, added.get_mut(position)) {
                (Some(id), _) => updated.push((id, outcome)),
                (None, Some(place)) => *place = Some(outcome),
                (None, None) => {}
            }
        }
        summary.refused.sort_by_key(|&(position, _)| position);
        updated.sort_unstable_by_key(|&(id, _)| id);
        added.extend(updated.into_iter().map(|(_, outcome)| Some(outcome)));
        added.retain(Option::is_some);
        Ok(added)
    }

    /// For each group of candidates with one identity the item that is there, in the same order.
    fn known(
        &self,
        bank: BankId,
        groups: &[&[(SignalKey, usize)]],
    ) -> Result<Vec<Option<ContentItem>>, StoreError> {
        let identities = groups.iter().filter_map(|group| group.first());
        let found = self.db.batched_multi_get_cf(
            self.family(keys::BY_SIGNAL)?,
            identities.map(|(identity, _)| identity.as_bytes()),
            true,
        );
        let mut known: Vec<Option<ContentItem>> = Vec::new();
        known.resize_with(groups.len(), || None);
        let mut there = Vec::new();
        for (group, found) in found.into_iter().enumerate() {
            let Some(value) = found.map_err(|source| self.failed("read", source))? else {
                continue;
            };
            let id = keys::parse_u64(&value).ok_or_else(|| StoreError::Corrupt {
                what: "index by hash",
                key: format!("of bank {}", bank.0),
                reason: format!("expected a number of 8 bytes, got {}", value.len()),
            })?;
            there.push((keys::content(bank, ContentId(id)), ContentId(id), group));
        }
        there.sort_unstable();
        let content = self.family(keys::CONTENT)?;
        let keys = there.iter().map(|(key, ..)| key);
        let values = self.db.batched_multi_get_cf(content, keys, true);
        for (&(_, id, group), value) in there.iter().zip(values) {
            let value = value.map_err(|source| self.failed("read", source))?;
            let value = value.ok_or_else(|| StoreError::Corrupt {
                what: "content item",
                key: id.to_string(),
                reason: "it is missing, but a hash names it".to_owned(),
            })?;
            if let Some(place) = known.get_mut(group) {
                *place = Some(decode_content(bank, id, &value)?);
            }
        }
        Ok(known)
    }
}

/// The items of a batch with their identities.
fn candidates(bank: BankId, items: &[NewItem]) -> Result<Vec<Candidate<'_>>, StoreError> {
    let is_empty = |item: &NewItem| item.signals.is_empty() && item.opaque.is_empty();
    if let Some(position) = items.iter().position(is_empty) {
        return Err(StoreError::NoSignals { position });
    }
    let all = items.iter().map(|item| {
        let signals = given(&item.signals);
        let identity = identity(bank, &signals, &item.opaque);
        Candidate {
            item,
            signals,
            identity,
        }
    });
    Ok(all.collect())
}

/// What a batch touched: new items from `first` on, and items that were there, in growing order.
fn touched(bank: BankId, first: ContentId, items: u64, ids: Vec<u64>) -> Touched {
    if ids.is_empty() {
        return Touched::Added { bank, first, items };
    }
    if ids.len() > Touched::MOST_UPDATED {
        return Touched::Unknown;
    }
    let mut updated: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match updated.last_mut() {
            Some((from, count)) if from.saturating_add(*count) == id => *count += 1,
            _ => updated.push((id, 1)),
        }
    }
    Touched::Updated {
        bank,
        first,
        items,
        updated,
    }
}
