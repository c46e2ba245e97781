//! Many new items at once, as tables that RocksDB takes in whole.
//!
//! Owned here: which of the [gathered](super::gathered) items are new, the tables that hold them, and
//! that they are in the store wholly or not at all. Not owned: what becomes of an item that is there
//! already: that is `add`.
//!
//! # How does an arrival become one change?
//!
//! RocksDB takes a table into one column family at a time. So:
//!
//! 1. Both tables are written beside its own files, and synced.
//! 2. `meta` says under `arriving`, synced, which numbers they bring. The schema says so too, for
//!    programs that do not know that key.
//! 3. RocksDB takes in the table of `content`, then that of `by_signal`. It syncs both, and its manifest.
//! 4. One synced batch brings the counts, the next number and the revision, and deletes `arriving`. Then
//!    the revision is written to the file `acknowledged`, as that of any other change.
//!
//! What is killed before step 3 leaves files that nobody names. What is killed before step 4 leaves
//! `arriving`, and whoever next opens the store to write deletes each item with these numbers, by the item itself each
//! of its entries by hash. In the process that writes, nobody begins to look between steps 3 and 4.

mod bloom;

pub(super) use bloom::Arrived;

use crate::bank::{BankId, ContentId, ContentState};
use crate::store::add::NewNumbers;
use crate::store::gathered::{Gathered, Key};
use crate::store::item::NewItem;
use crate::store::merge::TooMany;
use crate::store::open::{SCHEMA, SCHEMA_ARRIVING};
use crate::store::record::{State, decode_content};
use crate::store::sync::keys_of;
use crate::store::{AddSummary, BankCounts, BankStore, StoreError, Writer, keys, options};
use rocksdb::{IngestExternalFileOptions, ReadOptions, SstFileWriter, WriteBatch};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What is written of `content` and of `by_signal` before RocksDB has it.
const CONTENT_FILE: &str = "arriving.content";
const BY_SIGNAL_FILE: &str = "arriving.by_signal";

/// Fewer new items than this are quicker written one by one.
const FEWEST: usize = 5_000;

/// Keys that are copied together before they are written.
const FETCHED: usize = 64;

/// Keys that are looked up together.
const LOOK_UP: usize = 4_096;

/// What became of gathered items.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArrivalSummary {
    /// Items that are new in the bank.
    pub added: u64,
    /// As [`AddSummary::updated`].
    pub updated: u64,
    /// As [`AddSummary::already_there`].
    pub already_there: u64,
    /// As [`AddSummary::withdrawn`].
    pub withdrawn: u64,
    /// Items that would hold more than an item may, each by its source's own id of it, where it has one.
    /// Nothing of them was taken.
    pub refused: Vec<(Option<String>, TooMany)>,
}

impl BankStore {
    /// Adds the items that were gathered, and empties what gathered them. It comes to the same as
    /// [`BankStore::add`] with these items in their order, and costs a fraction of it where many are new.
    /// When it returns, they are on disk. Where it fails, some of them may be; giving all of them again
    /// ends the same.
    ///
    /// ```
    /// use hashgate::bank::{Action, ContentSignal, Policy};
    /// use hashgate::store::{BankStore, Gathered, NewItem};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = BankStore::open(&folder.path().join("store"))?;
    /// let bank = store.create_bank(&"mine".parse()?, Policy::new(Action::Block))?;
    /// let mut gathered = Gathered::new(bank.id);
    /// for digest in ["md5:d41d8cd98f00b204e9800998ecf8427e", "md5:0cc175b9c0f1b6a831c399e269772661"] {
    ///     let signals = vec![ContentSignal::new(digest.parse()?, None)];
    ///     gathered.push(NewItem { signals, ..NewItem::default() })?;
    /// }
    /// assert_eq!(store.add_gathered(&mut gathered)?.added, 2);
    /// assert!(gathered.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`BankStore::add`].
    pub fn add_gathered(&self, gathered: &mut Gathered) -> Result<ArrivalSummary, StoreError> {
        let mut summary = ArrivalSummary::default();
        let all = gathered.packed() as u32;
        if gathered.packed() < FEWEST {
            self.add_singly(gathered, 0..all, &mut summary)?;
        } else {
            let known = self.add_tables(gathered, &mut summary)?;
            let known = (0..all).zip(&known).filter(|&(_, &is_known)| is_known);
            self.add_singly(gathered, known.map(|(item, _)| item), &mut summary)?;
        }
        for items in gathered.others.chunks(Self::BATCH) {
            summary.take(self.add(gathered.bank, items)?, items);
        }
        gathered.clear();
        Ok(summary)
    }

    /// Adds some of the items as if nobody had gathered them.
    fn add_singly(
        &self,
        gathered: &Gathered,
        items: impl Iterator<Item = u32>,
        summary: &mut ArrivalSummary,
    ) -> Result<(), StoreError> {
        let mut items = items.peekable();
        let mut batch = Vec::new();
        while let Some(item) = items.next() {
            batch.push(gathered.item(item)?);
            if batch.len() >= Self::BATCH || items.peek().is_none() {
                summary.take(self.add(gathered.bank, &batch)?, &batch);
                batch.clear();
            }
        }
        Ok(())
    }

    /// Brings the items in that are new; says of each whether it is left for [`BankStore::add`].
    fn add_tables(
        &self,
        gathered: &Gathered,
        summary: &mut ArrivalSummary,
    ) -> Result<Vec<bool>, StoreError> {
        let order = in_order(&gathered.keys);
        let mut writer = self.writer()?;
        let mut counts = self.counts(gathered.bank)?;
        let revision = writer.state.revision;
        // It is good for this very revision; whatever else happens, it is made no use of again.
        let arrived = writer.arrived.take();
        let mut arrived = match counts.items {
            0 => Some(Arrived::in_empty(gathered.bank, revision)),
            _ => arrived.filter(|arrived| arrived.are_all(gathered.bank, revision)),
        };
        let is_left = self.choose(gathered, &order, arrived.as_ref())?;
        let items = is_left.iter().filter(|&&is_left| !is_left).count() as u64;
        if items < FEWEST as u64 {
            return Ok(vec![true; is_left.len()]);
        }
        counts.add_all(&counts_of_new(gathered, &is_left)?)?;
        let bank = gathered.bank;
        let first = ContentId(writer.state.next_content);
        let numbers = NewNumbers { bank, first, items };
        let files = Files::new(self.folder());
        self.write_tables(&files, gathered, &order, &ids(first, &is_left))?;
        self.begin_arrival(&mut writer, &numbers)?;
        let nobody_looks = self.arriving.write();
        self.take_in(keys::CONTENT, &files.content)?;
        self.take_in(keys::BY_SIGNAL, &files.by_signal)?;
        self.acknowledge_arrival(&mut writer, numbers, &counts)?;
        drop(nobody_looks);
        if let Some(arrived) = &mut arrived {
            let is_new = |key: &&Key| is_left.get(key.item as usize) == Some(&false);
            for key in gathered.keys.iter().filter(|key| key.is_own).filter(is_new) {
                arrived.note(&key.key);
            }
            arrived.at(writer.state.revision);
        }
        writer.arrived = arrived;
        summary.added += items;
        Ok(is_left)
    }

    /// Says of each item whether it is left for [`BankStore::add`]: its identity came before, or is in the
    /// store.
    fn choose(
        &self,
        gathered: &Gathered,
        order: &[Place],
        arrived: Option<&Arrived>,
    ) -> Result<Vec<bool>, StoreError> {
        let mut is_left = vec![false; gathered.packed()];
        // In the order in which the keys lie in memory.
        let own = gathered.keys.iter().filter(|key| key.is_own);
        let may_be_there: Vec<bool> = own
            .map(|key| arrived.is_none_or(|arrived| arrived.may_have(&key.key)))
            .collect();
        let key = |place: &Place| gathered.keys.get(place.at as usize).map(|key| key.key);
        let mut asked = Vec::new();
        let mut before: Option<&Place> = None;
        for place in order.iter().filter(|place| place.is_own()) {
            let is_again = before
                .is_some_and(|before| before.front == place.front && key(before) == key(place));
            match is_again {
                true => leave(&mut is_left, place.item()),
                false if may_be_there.get(place.item() as usize) == Some(&false) => {}
                false => asked.push(*place),
            }
            before = Some(place);
        }
        self.leave_known(gathered, &asked, &mut is_left)?;
        Ok(is_left)
    }

    /// Writes both tables beside RocksDB's files.
    fn write_tables(
        &self,
        files: &Files,
        gathered: &Gathered,
        order: &[Place],
        ids: &[Option<ContentId>],
    ) -> Result<(), StoreError> {
        files.remove()?;
        let written = std::thread::scope(|scope| {
            let by_signal = scope.spawn(|| self.write_by_signal(files, gathered, order, ids));
            let content = self.write_content(files, gathered, ids);
            let by_signal = by_signal.join();
            content.and(by_signal.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        written.inspect_err(|_| {
            // The disk may be full: these files must not keep it so.
            let _ = files.remove();
        })
    }

    /// Says which numbers are coming in.
    fn begin_arrival(&self, writer: &mut Writer, new: &NewNumbers) -> Result<(), StoreError> {
        let meta = self.family(keys::META)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(meta, keys::SCHEMA, SCHEMA_ARRIVING.to_be_bytes());
        batch.put_cf(meta, keys::ARRIVING, arriving(new));
        writer.is_unfinished = true;
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| self.failed("write to", source))
    }

    /// Makes one change of what has come in.
    fn acknowledge_arrival(
        &self,
        writer: &mut Writer,
        new: NewNumbers,
        counts: &BankCounts,
    ) -> Result<(), StoreError> {
        let meta = self.family(keys::META)?;
        let mut state = writer.state;
        state.next_content = (new.first.0.checked_add(new.items))
            .ok_or(StoreError::Exhausted { what: "content" })?;
        let mut batch = WriteBatch::default();
        self.put_counts(&mut batch, new.bank, counts)?;
        batch.put_cf(meta, keys::SCHEMA, SCHEMA.to_be_bytes());
        batch.delete_cf(meta, keys::ARRIVING);
        self.commit_items(writer, batch, state, new, Vec::new())?;
        writer.is_unfinished = false;
        Ok(())
    }

    /// Leaves out the items whose identity is in the store.
    fn leave_known(
        &self,
        gathered: &Gathered,
        asked: &[Place],
        is_left: &mut [bool],
    ) -> Result<(), StoreError> {
        let by_signal = self.family(keys::BY_SIGNAL)?;
        for places in asked.chunks(LOOK_UP) {
            let keys = places.iter().filter_map(|place| {
                let key = gathered.keys.get(place.at as usize)?;
                Some(key.key.as_bytes())
            });
            let found = self.db.batched_multi_get_cf(by_signal, keys, true);
            for (place, found) in places.iter().zip(found) {
                let found = found.map_err(|source| self.failed("read", source))?;
                if found.is_some() {
                    leave(is_left, place.item());
                }
            }
        }
        Ok(())
    }

    fn write_content(
        &self,
        files: &Files,
        gathered: &Gathered,
        ids: &[Option<ContentId>],
    ) -> Result<(), StoreError> {
        self.write_table(keys::CONTENT, &files.content, |table| {
            for (item, id) in (0..).zip(ids) {
                if let Some(id) = *id {
                    let key = keys::content(gathered.bank, id);
                    table.put(key, gathered.value(item))?;
                }
            }
            Ok(())
        })
    }

    fn write_by_signal(
        &self,
        files: &Files,
        gathered: &Gathered,
        order: &[Place],
        ids: &[Option<ContentId>],
    ) -> Result<(), StoreError> {
        self.write_table(keys::BY_SIGNAL, &files.by_signal, |table| {
            // The keys lie anywhere in memory: so many are fetched together, not one after the other.
            let mut together = Vec::with_capacity(FETCHED);
            for places in order.chunks(FETCHED) {
                together.clear();
                let at = |place: &Place| gathered.keys.get(place.at as usize).copied();
                together.extend(places.iter().filter_map(at));
                for key in &together {
                    match ids.get(key.item as usize).copied().flatten() {
                        Some(id) if key.is_own => table.put(key.key, id.0.to_be_bytes())?,
                        Some(id) => table.put(key.key.with(id), [])?,
                        None => {}
                    }
                }
            }
            Ok(())
        })
    }

    /// Writes a table with keys in growing order, and syncs it.
    fn write_table(
        &self,
        family: &'static str,
        path: &Path,
        fill: impl FnOnce(&mut SstFileWriter<'_>) -> Result<(), rocksdb::Error>,
    ) -> Result<(), StoreError> {
        let options = options::table(family);
        let mut table = SstFileWriter::create(&options);
        table
            .open(path)
            .and_then(|()| fill(&mut table))
            .and_then(|()| table.finish())
            .map_err(|source| self.failed("write to", source))
    }

    /// Hands a table over to RocksDB.
    fn take_in(&self, family: &'static str, path: &Path) -> Result<(), StoreError> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db
            .ingest_external_file_cf_opts(self.family(family)?, &options, vec![path])
            .map_err(|source| self.failed("write to", source))
    }

    /// Whether tables may have come in of which nothing was acknowledged.
    pub(super) fn has_unfinished(&self) -> Result<bool, StoreError> {
        let value = self
            .db
            .get_pinned_cf(self.family(keys::META)?, keys::ARRIVING);
        Ok(value
            .map_err(|source| self.failed("read", source))?
            .is_some())
    }

    /// Takes out again what tables have brought of which nothing was acknowledged.
    pub(super) fn remove_unfinished(&self, state: &State) -> Result<(), StoreError> {
        Files::new(self.folder()).remove()?;
        let meta = self.family(keys::META)?;
        let value = self.db.get_cf(meta, keys::ARRIVING);
        let Some(value) = value.map_err(|source| self.failed("read", source))? else {
            return Ok(());
        };
        let corrupt = |reason: &str| StoreError::Corrupt {
            what: "note of what is",
            key: "arriving".to_owned(),
            reason: reason.to_owned(),
        };
        let (bank, first, after) =
            parse_arriving(&value).ok_or_else(|| corrupt("expected 20 bytes"))?;
        if first.0 < state.next_content {
            return Err(corrupt("its numbers were given out"));
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(keys::content(bank, first));
        options.set_iterate_upper_bound(keys::content(bank, after));
        let (content, by_signal) = (self.family(keys::CONTENT)?, self.family(keys::BY_SIGNAL)?);
        let mut items = self.db.raw_iterator_cf_opt(content, options);
        let mut batch = WriteBatch::default();
        items.seek_to_first();
        while let Some((key, value)) = items.item() {
            let (_, id) =
                keys::parse_content(key).ok_or_else(|| corrupt("a key has not 12 bytes"))?;
            let item = decode_content(bank, id, value)?;
            batch.delete_cf(content, key);
            for (key, is_own) in keys_of(&item) {
                match is_own {
                    true => batch.delete_cf(by_signal, key),
                    false => batch.delete_cf(by_signal, key.with(id)),
                }
            }
            if batch.len() >= 2 * Self::BATCH {
                // Cut off here, the rest is taken out by whoever opens the store next.
                self.db
                    .write(std::mem::take(&mut batch))
                    .map_err(|source| self.failed("write to", source))?;
            }
            items.next();
        }
        items
            .status()
            .map_err(|source| self.failed("read", source))?;
        batch.put_cf(meta, keys::SCHEMA, SCHEMA.to_be_bytes());
        batch.delete_cf(meta, keys::ARRIVING);
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| self.failed("write to", source))
    }
}

impl ArrivalSummary {
    /// Counts what became of a batch.
    fn take(&mut self, done: AddSummary, items: &[NewItem]) {
        self.added += done.added;
        self.updated += done.updated;
        self.already_there += done.already_there;
        self.withdrawn += done.withdrawn;
        self.refused
            .extend(done.refused.into_iter().map(|(position, reason)| {
                let item = items.get(position);
                (item.and_then(|item| item.provenance.record.clone()), reason)
            }));
    }
}

/// The tables that are on their way.
struct Files {
    content: PathBuf,
    by_signal: PathBuf,
}

impl Files {
    fn new(folder: &Path) -> Self {
        Self {
            content: folder.join(CONTENT_FILE),
            by_signal: folder.join(BY_SIGNAL_FILE),
        }
    }

    /// Removes what somebody who was stopped has left of them.
    fn remove(&self) -> Result<(), StoreError> {
        for path in [&self.content, &self.by_signal] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Where a key has its place in a table. Most are told apart by their first eight bytes behind the bank, which lie side by side here: the keys
/// themselves lie anywhere in memory.
#[derive(Clone, Copy)]
struct Place {
    front: u64,
    /// Which of the keys.
    at: u32,
    /// Which of the items, twice, and one more where it is not the item's identity.
    of: u32,
}

impl Place {
    fn item(self) -> u32 {
        self.of / 2
    }

    fn is_own(self) -> bool {
        self.of.is_multiple_of(2)
    }
}

/// The keys in the order in which they stand in a table.
fn in_order(keys: &[Key]) -> Vec<Place> {
    let place = |(at, key): (u32, &Key)| Place {
        front: key.key.front(),
        at,
        of: 2 * key.item + u32::from(!key.is_own),
    };
    let mut order: Vec<Place> = (0..).zip(keys).map(place).collect();
    let key = |place: &Place| keys.get(place.at as usize).map(|key| key.key);
    order.sort_unstable_by(|a, b| {
        let whole = || (key(a), !a.is_own(), a.of).cmp(&(key(b), !b.is_own(), b.of));
        a.front.cmp(&b.front).then_with(whole)
    });
    order
}

fn leave(is_left: &mut [bool], item: u32) {
    if let Some(is_left) = is_left.get_mut(item as usize) {
        *is_left = true;
    }
}

/// What the items bring that are not left out.
fn counts_of_new(gathered: &Gathered, is_left: &[bool]) -> Result<BankCounts, StoreError> {
    let mut counts = gathered.counts.clone();
    for (item, _) in (0..).zip(is_left).filter(|&(_, &is_left)| is_left) {
        let item = gathered.item(item)?;
        counts.remove(ContentState::Active, item.signals.iter())?;
        counts.remove_opaque(item.opaque.iter())?;
    }
    Ok(counts)
}

/// The number of each item, those that are left out without.
fn ids(first: ContentId, is_left: &[bool]) -> Vec<Option<ContentId>> {
    let mut next = first.0;
    let number = |&is_left: &bool| {
        let id = (!is_left).then_some(ContentId(next));
        next += u64::from(!is_left);
        id
    };
    is_left.iter().map(number).collect()
}

/// What `meta` says of numbers that are coming in.
fn arriving(new: &NewNumbers) -> [u8; 20] {
    let mut value = [0; 20];
    value[..4].copy_from_slice(&new.bank.0.to_be_bytes());
    value[4..12].copy_from_slice(&new.first.0.to_be_bytes());
    value[12..].copy_from_slice(&new.items.to_be_bytes());
    value
}

/// The bank, the first number and the one behind the last.
fn parse_arriving(value: &[u8]) -> Option<(BankId, ContentId, ContentId)> {
    let (bank, numbers) = value.split_first_chunk::<4>()?;
    let (first, items) = numbers.split_first_chunk::<8>()?;
    let first = u64::from_be_bytes(*first);
    let after = first.checked_add(keys::parse_u64(items)?)?;
    let bank = BankId(u32::from_be_bytes(*bank));
    Some((bank, ContentId(first), ContentId(after)))
}

#[cfg(test)]
mod tests;
