//! Reading all of the store, to see that all of it can be read and agrees with itself.

use crate::bank::{Bank, ContentItem};
use crate::store::acknowledged::{self, Said};
use crate::store::item::{identity, once, other_keys};
use crate::store::sync::record_keys;
use crate::store::{BankCounts, BankStore, Snapshot, StoreError, keys, options, record};
use rocksdb::ReadOptions;

impl BankStore {
    /// Reads every bank and every item as they are at this moment, holds the names, the counts and
    /// the entries by hash against them, reads the log of changes, what people wrote about items and the
    /// file with the acknowledged revision, and says how many items there are.
    /// RocksDB checks the checksum of each block that is read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] at the first record that cannot be read or that does not agree with
    /// the others, [`StoreError::Database`] where RocksDB finds a block damaged,
    /// [`StoreError::Unacknowledged`] where that file is missing or damaged.
    pub fn verify(&self) -> Result<u64, StoreError> {
        self.verify_acknowledged()?;
        let snapshot = self.snapshot()?;
        self.verify_log(&snapshot)?;
        self.verify_remarks(&snapshot)?;
        self.verify_names(&snapshot)?;
        let look_up = snapshot.look_up();
        let mut items = 0;
        let mut entries = 0;
        for bank in &snapshot.banks {
            let mut found = BankCounts::default();
            for item in snapshot.items(bank.id) {
                let item = item?;
                found.add(item.state, item.signals.iter())?;
                found.add_opaque(item.opaque.iter())?;
                entries += self.verify_entries(&look_up, &item)?;
            }
            self.verify_counts(&look_up, bank, &found)?;
            items += found.items;
        }
        let kept = self.count_entries(&snapshot)?;
        if kept != entries {
            return Err(StoreError::Corrupt {
                what: "index by hash",
                key: "of the store".to_owned(),
                reason: format!("it has {kept} entries, the items have {entries}"),
            });
        }
        Ok(items)
    }

    /// Sees that the file with the acknowledged revision is whole.
    fn verify_acknowledged(&self) -> Result<(), StoreError> {
        let reason = match acknowledged::read(self.folder())? {
            Said::Revision { whole: true, .. } => return Ok(()),
            Said::Nothing => "it is missing",
            _ => "its checksum does not hold",
        };
        Err(StoreError::Unacknowledged {
            path: self.folder().join(acknowledged::FILE),
            reason,
        })
    }

    /// Looks each bank up by its name, and reads which numbers went to which bank.
    fn verify_names(&self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        let damaged = |what, key, reason: &str| StoreError::Corrupt {
            what,
            key,
            reason: reason.to_owned(),
        };
        for bank in &snapshot.banks {
            let key = bank.name.as_str();
            let names = self.family(keys::BANK_NAMES)?;
            let value = self.db.get_pinned_cf_opt(names, key, &snapshot.look_up());
            let value = value.map_err(|source| self.failed("read", source))?;
            if value.and_then(|value| keys::parse_u32(&value)) != Some(bank.id.0) {
                let key = bank.name.to_string();
                return Err(damaged(
                    "name of bank",
                    key,
                    "it names another bank or none",
                ));
            }
        }
        let mut options = options::scan();
        snapshot.set(&mut options);
        let family = self.family(keys::EXTENTS)?;
        let mut extents = self.db.raw_iterator_cf_opt(family, options);
        extents.seek_to_first();
        while let Some((key, value)) = extents.item() {
            if keys::parse_u64(key).is_none() || keys::parse_u32(value).is_none() {
                let key = format!("{key:02x?}");
                return Err(damaged(
                    "bank of the items from",
                    key,
                    "it has a wrong length",
                ));
            }
            extents.next();
        }
        extents
            .status()
            .map_err(|source| self.failed("read", source))
    }

    /// Looks an item up by each of its hashes; how many entries it has.
    fn verify_entries(&self, look_up: &ReadOptions, item: &ContentItem) -> Result<u64, StoreError> {
        let damaged = |reason: &str| StoreError::Corrupt {
            what: "entry by hash of content item",
            key: item.id.to_string(),
            reason: reason.to_owned(),
        };
        let by_signal = self.family(keys::BY_SIGNAL)?;
        let get = |key: &[u8]| {
            let value = self.db.get_pinned_cf_opt(by_signal, key, look_up);
            value.map_err(|source| self.failed("read", source))
        };
        let signals = once(&item.signals);
        let identity = identity(item.bank, &signals, &item.opaque);
        let holder = get(identity.as_bytes())?.ok_or_else(|| damaged("it is missing"))?;
        if keys::parse_u64(&holder) != Some(item.id.0) {
            return Err(damaged("it names another item"));
        }
        let mut entries = 1;
        for key in other_keys(item.bank, &signals, &identity) {
            get(&key.with(item.id))?.ok_or_else(|| damaged("one is missing"))?;
            entries += 1;
        }
        for key in record_keys(item) {
            get(&key.with(item.id))?.ok_or_else(|| damaged("one by a source's id is missing"))?;
            entries += 1;
        }
        Ok(entries)
    }

    fn verify_counts(
        &self,
        look_up: &ReadOptions,
        bank: &Bank,
        found: &BankCounts,
    ) -> Result<(), StoreError> {
        let value = self
            .db
            .get_pinned_cf_opt(self.family(keys::META)?, keys::counts(bank.id), look_up)
            .map_err(|source| self.failed("read", source))?;
        let kept = record::decode_counts(bank.id, value.as_deref().unwrap_or_default())?;
        if kept == *found {
            return Ok(());
        }
        Err(StoreError::Corrupt {
            what: "counts of bank",
            key: bank.name.to_string(),
            reason: format!("they say {}, there are {}", text(&kept), text(found)),
        })
    }

    /// Reads every change that the log keeps.
    fn verify_log(&self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        let mut options = options::scan();
        snapshot.set(&mut options);
        options.set_iterate_lower_bound(keys::change(0));
        options.set_iterate_upper_bound([&keys::change(u64::MAX)[..], &[0]].concat());
        let mut log = self
            .db
            .raw_iterator_cf_opt(self.family(keys::META)?, options);
        log.seek_to_first();
        while let Some((key, value)) = log.item() {
            let revision = keys::parse_change(key).unwrap_or(u64::MAX);
            record::Change::decode(revision, value)?;
            if revision > snapshot.revision {
                return Err(StoreError::Corrupt {
                    what: "change with revision",
                    key: revision.to_string(),
                    reason: format!("the store is at revision {}", snapshot.revision),
                });
            }
            log.next();
        }
        log.status().map_err(|source| self.failed("read", source))
    }

    /// Reads what people wrote about items. It may be about one that is gone: a program that knows nothing of
    /// remarks deleted it.
    fn verify_remarks(&self, snapshot: &Snapshot<'_>) -> Result<(), StoreError> {
        let mut options = options::scan();
        snapshot.set(&mut options);
        let (from, to) = keys::all_remarks();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(to);
        let mut remarks = self
            .db
            .raw_iterator_cf_opt(self.family(keys::META)?, options);
        remarks.seek_to_first();
        while let Some((key, value)) = remarks.item() {
            let (_, id) = keys::parse_remarks(key).ok_or_else(|| StoreError::Corrupt {
                what: "key of remarks",
                key: format!("{key:02x?}"),
                reason: format!("it has {} bytes", key.len()),
            })?;
            record::decode_remarks(id, value)?;
            remarks.next();
        }
        remarks
            .status()
            .map_err(|source| self.failed("read", source))
    }

    fn count_entries(&self, snapshot: &Snapshot<'_>) -> Result<u64, StoreError> {
        let mut options = options::scan();
        snapshot.set(&mut options);
        let mut entries = self
            .db
            .raw_iterator_cf_opt(self.family(keys::BY_SIGNAL)?, options);
        let mut count = 0;
        entries.seek_to_first();
        while entries.valid() {
            count += 1;
            entries.next();
        }
        entries
            .status()
            .map_err(|source| self.failed("read", source))?;
        Ok(count)
    }
}

fn text(counts: &BankCounts) -> String {
    let mut text = format!(
        "{} active and {} withdrawn",
        counts.active, counts.withdrawn
    );
    if counts.disputed > 0 {
        text.push_str(&format!(" and {} disputed", counts.disputed));
    }
    for (kind, count) in &counts.signals {
        text.push_str(&format!(", {count} {kind}"));
    }
    if counts.calibrated > 0 {
        text.push_str(&format!(", {} calibrated", counts.calibrated));
    }
    for (kind, count) in &counts.opaque {
        text.push_str(&format!(", {count} {kind}"));
    }
    text
}
