//! Bringing a bank to what a source says now: record by record, by the source's own ids.
//!
//! Owned here: what a record that comes again, changed, taken back or given anew, makes of the
//! items that are there. Not owned: reading lists (`hashset`), and when a change is too large to be
//! taken (whoever imports).
//!
//! # What does a record do?
//!
//! A record is known by its source's name and the source's own id.
//!
//! - *The source gives it.* The item with its hashes gets the record; if there is no such item, a new
//!   one does. Any other item that had the record before, with other hashes, loses it. (If only a part of
//!   the record could be read, no item loses it.)
//! - *The source takes it back.* Every item that has the record loses it.
//! - *An item loses its last record.* It is withdrawn. It matches again when a source gives a record of
//!   it again.
//! - *People here withdrew it.* It stays withdrawn. If the record then changes its hashes, the item that
//!   takes its place is withdrawn too.
//!
//! An item of several sources matches with all its hashes while one of them still has it.
//!
//! The records of a call are taken in their order and written in one synced batch, so that a call
//! that is cut off has done all or nothing, and the same records again change nothing.

use crate::bank::{
    BankId, Changed, ContentId, ContentItem, ContentState, OpaqueSignal, Provenance, SourceStatus,
};
use crate::store::add::NewNumbers;
use crate::store::item::{NewItem, given, identity, once, other_keys};
use crate::store::keys::SignalKey;
use crate::store::merge::{TooMany, check};
use crate::store::preview::Preview;
use crate::store::record::{Content, ContentEncoder, decode_content};
use crate::store::{BankCounts, BankStore, Facts, StoreError, Writer, keys};
use rocksdb::{ReadOptions, WriteBatch};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What became of the records of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncSummary {
    /// Records that made a new item.
    pub added: u64,
    /// Records that changed something of an item: hashes, labels, opinions, notes.
    pub updated: u64,
    /// Records that changed nothing.
    pub unchanged: u64,
    /// Records that stand again after they were taken back.
    pub given_again: u64,
    /// Records that were taken back.
    pub taken_back: u64,
    /// Records that were taken back and were not there.
    pub not_there: u64,
    /// Records that stand by an item which people here withdrew, or that takes the place of such a
    /// one: it stays so.
    pub withdrawn: u64,
    /// Items that no longer match, and did before.
    pub stopped: u64,
    /// Items that match again, and did not before.
    pub restored: u64,
    /// Records whose item would hold more than an item may, by their positions in the batch, from 0
    /// and in growing order. Nothing of them was taken.
    pub refused: Vec<(usize, TooMany)>,
    /// The items that hold the records that stand, where they are kept.
    pub items: Vec<ContentId>,
}

/// The keys by which the records of an item's sources are found.
pub(super) fn record_keys(item: &ContentItem) -> impl Iterator<Item = SignalKey> {
    let keys: BTreeSet<SignalKey> = (item.sources())
        .filter(|source| source.synced)
        .filter_map(|source| record_key(item.bank, source))
        .collect();
    keys.into_iter()
}

fn record_key(bank: BankId, source: &Provenance) -> Option<SignalKey> {
    let record = source.record.as_deref()?;
    let mut digest = Sha256::new();
    // The length parts the two names.
    digest.update((source.source.len() as u64).to_be_bytes());
    digest.update(&source.source);
    digest.update(record);
    Some(SignalKey::record(bank, &digest.finalize().into()))
}

/// An item while the records of a call are taken.
struct Work {
    item: ContentItem,
    /// As it is in the store; `None` of a new one.
    before: Option<ContentItem>,
}

/// What of the bank a call has looked at.
struct Desk<'a> {
    store: &'a BankStore,
    bank: BankId,
    items: BTreeMap<ContentId, Work>,
    by_identity: BTreeMap<SignalKey, Option<ContentId>>,
    by_record: BTreeMap<SignalKey, BTreeSet<ContentId>>,
    next: u64,
}

impl BankStore {
    /// Brings a bank to what a source's records say (see the [room](crate::store) and this file's
    /// beginning): all of them, or none where it fails. When it returns, it is on disk.
    ///
    /// Give [`BankStore::BATCH`] records at a time: memory grows with the batch.
    ///
    /// # Errors
    /// As [`BankStore::add`].
    pub fn sync(&self, bank: BankId, records: &[NewItem]) -> Result<SyncSummary, StoreError> {
        self.sync_keeping(bank, records, &Facts::default())
    }

    /// [`BankStore::sync`], which also changes facts that are kept beside the bank: in the same batch, so that the one is
    /// on disk if and only if the other is.
    ///
    /// # Errors
    /// As [`BankStore::sync`], and as [`BankStore::keep`].
    pub fn sync_keeping(
        &self,
        bank: BankId,
        records: &[NewItem],
        facts: &Facts,
    ) -> Result<SyncSummary, StoreError> {
        let mut writer = self.writer()?;
        let mut desk = Desk::new(self, bank, writer.state.next_content);
        let mut summary = SyncSummary::default();
        for (position, record) in records.iter().enumerate() {
            desk.take(position, record, &mut summary, None)?;
        }
        let at = records
            .iter()
            .map(|record| record.provenance.added_at)
            .max();
        let at = at.unwrap_or_default();
        self.write(&mut writer, desk, at, facts, &mut summary)?;
        Ok(summary)
    }

    /// What [`BankStore::sync`] would do, without doing it. Give the records of one list in their
    /// order, with the same preview.
    ///
    /// # Errors
    /// As [`BankStore::sync`].
    pub fn preview_sync(
        &self,
        bank: BankId,
        records: &[NewItem],
        preview: &mut Preview,
    ) -> Result<SyncSummary, StoreError> {
        let mut desk = Desk::new(self, bank, u64::MAX / 2);
        let mut summary = SyncSummary::default();
        for (position, record) in records.iter().enumerate() {
            desk.take(position, record, &mut summary, Some(preview))?;
        }
        for work in desk.items.values_mut() {
            work.item.state = work.item.due_state();
            summary.count_states(work);
        }
        Ok(summary)
    }

    /// Takes back every record of a source that stands by an item other than these, which are in
    /// growing order: of a list that is all that its source has. Items that people here withdrew
    /// are gone through too. `at`: the time now, in seconds since 1970-01-01 UTC. With `is_preview`
    /// nothing is written.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged; what was acknowledged before stays.
    pub fn take_back_others(
        &self,
        bank: BankId,
        source: &str,
        items: &[ContentId],
        at: u64,
        is_preview: bool,
    ) -> Result<SyncSummary, StoreError> {
        let mut total = SyncSummary::default();
        let mut gone = Vec::new();
        let has = |from: &Provenance| from.source == source && from.status == SourceStatus::Active;
        let mut take_back = |gone: &mut Vec<ContentId>| -> Result<(), StoreError> {
            let mut writer = match is_preview {
                true => None,
                false => Some(self.writer()?),
            };
            let mut desk = Desk::new(self, bank, 0);
            let mut summary = SyncSummary::default();
            for id in gone.drain(..) {
                // Once more, now that nobody else changes it.
                desk.load(id)?;
                let Some(work) = desk.items.get_mut(&id) else {
                    continue;
                };
                let sources = std::iter::once(&mut work.item.provenance);
                for from in sources.chain(&mut work.item.later) {
                    if has(from) {
                        from.status = SourceStatus::Withdrawn;
                        summary.taken_back += 1;
                    }
                }
            }
            match &mut writer {
                Some(writer) => self.write(writer, desk, at, &Facts::default(), &mut summary)?,
                None => {
                    for work in desk.items.values_mut() {
                        work.item.state = work.item.due_state();
                        summary.count_states(work);
                    }
                }
            }
            total.taken_back += summary.taken_back;
            total.stopped += summary.stopped;
            Ok(())
        };
        for item in self.items(bank) {
            let item = item?;
            if item.sources().any(has) && items.binary_search(&item.id).is_err() {
                gone.push(item.id);
            }
            if gone.len() >= Self::BATCH {
                take_back(&mut gone)?;
            }
        }
        if !gone.is_empty() {
            take_back(&mut gone)?;
        }
        Ok(total)
    }

    /// Writes what a call has changed.
    fn write(
        &self,
        writer: &mut Writer,
        desk: Desk<'_>,
        at: u64,
        facts: &Facts,
        summary: &mut SyncSummary,
    ) -> Result<(), StoreError> {
        let bank = desk.bank;
        let mut counts = self.counts(bank)?;
        let mut state = writer.state;
        let first = ContentId(state.next_content);
        let (mut entries, mut updated) = (Vec::new(), Vec::new());
        let content = self.family(keys::CONTENT)?;
        let mut batch = WriteBatch::default();
        let mut encoder = ContentEncoder::default();
        let mut new = 0;
        for (id, mut work) in desk.items {
            work.item.state = work.item.due_state();
            let was = work.before.as_ref().map(|before| before.state);
            if was.is_some_and(|was| was != work.item.state) {
                let revision = state.revision + 1;
                work.item.changed = Some(Changed { at, revision });
            }
            if work.before.as_ref() == Some(&work.item) {
                continue;
            }
            summary.count_states(&work);
            count(&mut counts, &work)?;
            match work.before {
                Some(_) => updated.push(id.0),
                None => new += 1,
            }
            let all = keys_of(&work.item);
            let had = work.before.as_ref().map(keys_of).unwrap_or_default();
            entries.extend(
                all.difference(&had)
                    .copied()
                    .map(|(key, own)| (key, id, own)),
            );
            let value = encoder.encode(&Content::of(&work.item));
            batch.put_cf(content, keys::content(bank, id), value);
        }
        self.put_facts(&mut batch, bank, facts, &summary.items)?;
        if new == 0 && updated.is_empty() {
            return match facts.is_empty() {
                true => Ok(()),
                false => self.write_facts(batch),
            };
        }
        state.next_content += new;
        self.put_entries(&mut batch, entries)?;
        self.put_counts(&mut batch, bank, &counts)?;
        let new = NewNumbers {
            bank,
            first,
            items: new,
        };
        self.commit_items(writer, batch, state, new, updated)
    }
}

/// Every key by which an item is found, and whether it is its identity.
pub(super) fn keys_of(item: &ContentItem) -> BTreeSet<(SignalKey, bool)> {
    let signals = once(&item.signals);
    let own = identity(item.bank, &signals, &item.opaque);
    let others = other_keys(item.bank, &signals, &own).map(|key| (key, false));
    let mut all: BTreeSet<_> = others.collect();
    all.extend(record_keys(item).map(|key| (key, false)));
    all.insert((own, true));
    all
}

/// Brings the counts of a bank to what an item is now.
fn count(counts: &mut BankCounts, work: &Work) -> Result<(), StoreError> {
    if let Some(before) = &work.before {
        counts.remove(before.state, before.signals.iter())?;
        counts.remove_opaque(before.opaque.iter())?;
    }
    counts.add(work.item.state, work.item.signals.iter())?;
    counts.add_opaque(work.item.opaque.iter())
}

impl SyncSummary {
    fn count_states(&mut self, work: &Work) {
        let matched = |state: ContentState| state == ContentState::Active;
        match work.before.as_ref().map(|before| matched(before.state)) {
            Some(true) if !matched(work.item.state) => self.stopped += 1,
            Some(false) if matched(work.item.state) => self.restored += 1,
            _ => {}
        }
    }
}

impl<'a> Desk<'a> {
    fn new(store: &'a BankStore, bank: BankId, next: u64) -> Self {
        Self {
            store,
            bank,
            items: BTreeMap::new(),
            by_identity: BTreeMap::new(),
            by_record: BTreeMap::new(),
            next,
        }
    }

    /// Takes one record.
    fn take(
        &mut self,
        position: usize,
        record: &NewItem,
        summary: &mut SyncSummary,
        preview: Option<&mut Preview>,
    ) -> Result<(), StoreError> {
        let key = record_key(self.bank, &record.provenance);
        let holders = self.holders(key.as_ref())?;
        if record.provenance.status != SourceStatus::Active {
            return self.take_back(record, &holders, summary);
        }
        if record.signals.is_empty() && record.opaque.is_empty() {
            return Err(StoreError::NoSignals { position });
        }
        let signals = given(&record.signals);
        let own = identity(self.bank, &signals, &record.opaque);
        let target = match self.holder(own)? {
            Some(id) => id,
            None => {
                if let Err(error) = check(signals.len(), record.labels.len(), 1) {
                    summary.refused.push((position, error));
                    return Ok(());
                }
                let is_first = preview.is_none_or(|preview| preview.is_first(&own));
                // What moves from one item to another is a change of the record.
                match (is_first, holders.is_empty()) {
                    (true, true) => summary.added += 1,
                    (true, false) => summary.updated += 1,
                    (false, _) => summary.unchanged += 1,
                }
                let by_hand = self.was_withdrawn(&holders, record, true);
                summary.withdrawn += u64::from(by_hand);
                let id = ContentId(self.next);
                self.next =
                    (self.next.checked_add(1)).ok_or(StoreError::Exhausted { what: "content" })?;
                self.items.insert(
                    id,
                    Work {
                        item: ContentItem {
                            id,
                            bank: self.bank,
                            signals: signals.into_owned(),
                            opaque: sorted(&record.opaque),
                            labels: record.labels.clone(),
                            provenance: said(record),
                            later: Vec::new(),
                            state: ContentState::Active,
                            by_hand,
                            changed: None,
                        },
                        before: None,
                    },
                );
                self.by_identity.insert(own, Some(id));
                self.hold(key, id);
                summary.items.push(id);
                self.lose(&holders, id, record, summary);
                return Ok(());
            }
        };
        let mut others = holders.clone();
        others.remove(&target);
        let by_hand = self.was_withdrawn(&others, record, false);
        let Some(work) = self.items.get_mut(&target) else {
            return Ok(());
        };
        let was = work.item.clone();
        if let Err(error) = merge(&mut work.item, record) {
            work.item = was;
            summary.refused.push((position, error));
            return Ok(());
        }
        let stood = |item: &ContentItem| {
            let mut sources = item.sources();
            sources.any(|from| is_record(from, record) && from.status == SourceStatus::Active)
        };
        let was_there = was.sources().any(|from| is_record(from, record));
        // An item that no source stood by is as good as a new one.
        let stood_by = |from: &Provenance| from.status == SourceStatus::Active;
        work.item.by_hand |= by_hand && !was.sources().any(stood_by);
        if work.item.by_hand {
            summary.withdrawn += 1;
        }
        if was_there && !stood(&was) {
            summary.given_again += 1;
        } else if work.item != was {
            summary.updated += 1;
        } else {
            summary.unchanged += 1;
        }
        summary.items.push(target);
        self.hold(key, target);
        self.lose(&holders, target, record, summary);
        Ok(())
    }

    /// Whether people here withdrew what has the record: of these items those that it stands by,
    /// and with `or_any`, where there is none, any that had it.
    fn was_withdrawn(&self, holders: &BTreeSet<ContentId>, record: &NewItem, or_any: bool) -> bool {
        let stands = |item: &ContentItem| {
            let mut sources = item.sources();
            sources.any(|from| is_record(from, record) && from.status == SourceStatus::Active)
        };
        let items = || {
            let works = holders.iter().filter_map(|id| self.items.get(id));
            works.map(|work| &work.item)
        };
        match items().any(stands) {
            true => items().any(|item| stands(item) && item.by_hand),
            false => or_any && items().any(|item| item.by_hand),
        }
    }

    /// A record is taken back.
    fn take_back(
        &mut self,
        record: &NewItem,
        holders: &BTreeSet<ContentId>,
        summary: &mut SyncSummary,
    ) -> Result<(), StoreError> {
        let mut ids = holders.clone();
        if record.provenance.record.is_none() && !record.signals.is_empty() {
            let own = identity(self.bank, &once(&record.signals), &record.opaque);
            ids.extend(self.holder(own)?);
        }
        let (mut is_there, mut is_changed) = (false, false);
        for id in ids {
            let Some(work) = self.items.get_mut(&id) else {
                continue;
            };
            let first = std::iter::once(&mut work.item.provenance);
            for from in first.chain(&mut work.item.later) {
                if is_record(from, record) {
                    is_there = true;
                    is_changed |= from.status == SourceStatus::Active;
                    from.status = record.provenance.status;
                }
            }
        }
        match (is_there, is_changed) {
            (true, true) => summary.taken_back += 1,
            (true, false) => summary.unchanged += 1,
            (false, _) => summary.not_there += 1,
        }
        Ok(())
    }

    /// Items that had the record and have other hashes lose it, unless it is known in part only:
    /// then they hold what stands too.
    fn lose(
        &mut self,
        holders: &BTreeSet<ContentId>,
        target: ContentId,
        record: &NewItem,
        summary: &mut SyncSummary,
    ) {
        if record.is_partial {
            summary.items.extend(holders);
            return;
        }
        for id in holders.iter().filter(|&&id| id != target) {
            let Some(work) = self.items.get_mut(id) else {
                continue;
            };
            let first = std::iter::once(&mut work.item.provenance);
            for from in first.chain(&mut work.item.later) {
                if is_record(from, record) && from.status == SourceStatus::Active {
                    from.status = SourceStatus::Withdrawn;
                }
            }
        }
    }

    fn hold(&mut self, key: Option<SignalKey>, id: ContentId) {
        if let Some(key) = key {
            self.by_record.entry(key).or_default().insert(id);
        }
    }

    /// The items that have a record.
    fn holders(&mut self, key: Option<&SignalKey>) -> Result<BTreeSet<ContentId>, StoreError> {
        let Some(key) = key else {
            return Ok(BTreeSet::new());
        };
        if let Some(known) = self.by_record.get(key) {
            return Ok(known.clone());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(key.as_bytes());
        options.set_iterate_upper_bound(key.after());
        let store = self.store;
        let family = store.family(keys::BY_SIGNAL)?;
        let mut entries = store.db.raw_iterator_cf_opt(family, options);
        let mut found = BTreeSet::new();
        entries.seek_to_first();
        while let Some(entry) = entries.key() {
            let behind = entry.strip_prefix(key.as_bytes()).unwrap_or_default();
            found.extend(keys::parse_u64(behind).map(ContentId));
            entries.next();
        }
        entries
            .status()
            .map_err(|source| store.failed("read", source))?;
        drop(entries);
        for &id in &found {
            self.load(id)?;
        }
        self.by_record.insert(*key, found.clone());
        Ok(found)
    }

    /// The item with an identity.
    fn holder(&mut self, own: SignalKey) -> Result<Option<ContentId>, StoreError> {
        if let Some(known) = self.by_identity.get(&own) {
            return Ok(*known);
        }
        let store = self.store;
        let value = store.db.get_pinned_cf(store.family(keys::BY_SIGNAL)?, own);
        let value = value.map_err(|source| store.failed("read", source))?;
        let id = match value {
            None => None,
            Some(value) => {
                let id = keys::parse_u64(&value).ok_or_else(|| StoreError::Corrupt {
                    what: "index by hash",
                    key: format!("of bank {}", self.bank.0),
                    reason: format!("expected a number of 8 bytes, got {}", value.len()),
                })?;
                self.load(ContentId(id))?;
                Some(ContentId(id))
            }
        };
        self.by_identity.insert(own, id);
        Ok(id)
    }

    fn load(&mut self, id: ContentId) -> Result<(), StoreError> {
        if self.items.contains_key(&id) {
            return Ok(());
        }
        let store = self.store;
        let key = keys::content(self.bank, id);
        let value = store.db.get_pinned_cf(store.family(keys::CONTENT)?, key);
        let value = value.map_err(|source| store.failed("read", source))?;
        let value = value.ok_or_else(|| StoreError::Corrupt {
            what: "content item",
            key: id.to_string(),
            reason: "it is missing, but a hash names it".to_owned(),
        })?;
        let item = decode_content(self.bank, id, &value)?;
        self.items.insert(
            id,
            Work {
                before: Some(item.clone()),
                item,
            },
        );
        Ok(())
    }
}

/// Whether a source of an item is the record: by its id, and where it has none, by the source.
fn is_record(from: &Provenance, record: &NewItem) -> bool {
    from.source == record.provenance.source && from.record == record.provenance.record
}

/// The record as the source that an item has it from.
fn said(record: &NewItem) -> Provenance {
    Provenance {
        synced: record.provenance.record.is_some(),
        ..record.provenance.clone()
    }
}

fn sorted(opaque: &[OpaqueSignal]) -> Vec<OpaqueSignal> {
    let all: BTreeSet<&OpaqueSignal> = opaque.iter().collect();
    all.into_iter().cloned().collect()
}

/// Puts what a record says now into its item.
fn merge(item: &mut ContentItem, record: &NewItem) -> Result<(), TooMany> {
    let given = given(&record.signals);
    item.signals = once(&[&item.signals[..], &given].concat()).into_owned();
    item.opaque = sorted(&[&item.opaque[..], &record.opaque].concat());
    for label in &record.labels {
        if !item.labels.contains(label) {
            item.labels.push(label.clone());
        }
    }
    let mut sources = std::iter::once(&mut item.provenance).chain(&mut item.later);
    match sources.find(|from| is_record(from, record)) {
        Some(from) => {
            *from = Provenance {
                added_at: from.added_at,
                ..said(record)
            };
        }
        None => item.later.push(said(record)),
    }
    check(item.signals.len(), item.labels.len(), 1 + item.later.len())?;
    crate::store::merge::check_opaque(item.opaque.len())
}
