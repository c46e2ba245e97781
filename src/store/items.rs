//! Single items: looking them up, taking them back, deleting them.

use crate::bank::{BankId, Changed, ContentId, ContentItem};
use crate::hash::Signal;
use crate::store::item::{given, identity, once, other_keys};
use crate::store::keys::SignalKey;
use crate::store::record::{self, Content, ContentEncoder, Touched};
use crate::store::sync::record_keys;
use crate::store::{BankStore, NewItem, StoreError, keys};
use rocksdb::{ReadOptions, WriteBatch};

impl BankStore {
    /// The item with this number; `None` where it was deleted or never added.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn item(&self, id: ContentId) -> Result<Option<ContentItem>, StoreError> {
        let Some(bank) = self.bank_of(id)? else {
            return Ok(None);
        };
        let value = self
            .db
            .get_pinned_cf(self.family(keys::CONTENT)?, keys::content(bank, id))
            .map_err(|source| self.failed("read", source))?;
        value
            .map(|value| record::decode_content(bank, id, &value))
            .transpose()
    }

    /// The item of a bank that has this one's identity: what [`BankStore::add`] makes of it or finds.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn same_as(&self, bank: BankId, item: &NewItem) -> Result<Option<ContentId>, StoreError> {
        let key = identity(bank, &given(&item.signals), &item.opaque);
        let value = (self.db).get_pinned_cf(self.family(keys::BY_SIGNAL)?, key);
        let value = value.map_err(|source| self.failed("read", source))?;
        let number = |value: &[u8]| {
            keys::parse_u64(value).ok_or_else(|| StoreError::Corrupt {
                what: "index by hash",
                key: format!("of bank {}", bank.0),
                reason: format!("expected a number of 8 bytes, got {}", value.len()),
            })
        };
        value.map(|value| number(&value).map(ContentId)).transpose()
    }

    /// Every item of every bank that has this very hash, the withdrawn too, in growing order.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn find(&self, signal: &Signal) -> Result<Vec<ContentId>, StoreError> {
        let _settled = self.settled();
        let mut found = Vec::new();
        for bank in self.banks()? {
            let key = SignalKey::signal(bank.id, signal);
            let mut options = ReadOptions::default();
            options.set_iterate_lower_bound(key.as_bytes());
            options.set_iterate_upper_bound(key.after());
            let mut entries = self
                .db
                .raw_iterator_cf_opt(self.family(keys::BY_SIGNAL)?, options);
            entries.seek_to_first();
            while let Some((entry, value)) = entries.item() {
                let behind = entry.strip_prefix(key.as_bytes()).unwrap_or_default();
                let number = if behind.is_empty() { value } else { behind };
                let id = keys::parse_u64(number).ok_or_else(|| StoreError::Corrupt {
                    what: "entry of the hash",
                    key: signal.short(),
                    reason: format!("expected a number of 8 bytes, got {}", number.len()),
                })?;
                found.push(ContentId(id));
                entries.next();
            }
            entries
                .status()
                .map_err(|source| self.failed("read", source))?;
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Takes an item out of matching by hand but keeps it for the record; false where people took
    /// it out already. No source brings it back. `at`: the time now, in seconds since 1970-01-01
    /// UTC.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`].
    pub fn withdraw(&self, id: ContentId, at: u64) -> Result<bool, StoreError> {
        self.turn(id, true, at)
    }

    /// Takes back that people took an item out of matching; false where they did not. It matches
    /// again unless its sources took it back too, or it is disputed.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`].
    pub fn reinstate(&self, id: ContentId, at: u64) -> Result<bool, StoreError> {
        self.turn(id, false, at)
    }

    /// Deletes an item, with everything that is known of it, and returns what it was. Its number
    /// is never given out again.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`].
    pub fn delete_item(&self, id: ContentId) -> Result<ContentItem, StoreError> {
        let mut writer = self.writer()?;
        let item = self.item(id)?.ok_or(StoreError::NoSuchItem { id })?;
        let mut counts = self.counts(item.bank)?;
        counts.remove(item.state, item.signals.iter())?;
        counts.remove_opaque(item.opaque.iter())?;
        let by_signal = self.family(keys::BY_SIGNAL)?;
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(keys::CONTENT)?, keys::content(item.bank, id));
        let known = once(&item.signals);
        let identity = identity(item.bank, &known, &item.opaque);
        batch.delete_cf(by_signal, identity);
        for key in other_keys(item.bank, &known, &identity) {
            batch.delete_cf(by_signal, key.with(id));
        }
        for key in record_keys(&item) {
            batch.delete_cf(by_signal, key.with(id));
        }
        batch.delete_cf(self.family(keys::META)?, keys::remarks(item.bank, id));
        self.put_counts(&mut batch, item.bank, &counts)?;
        let state = writer.state;
        let touched = Touched::Item(item.bank, id);
        self.commit(&mut writer, batch, state, touched)?;
        Ok(item)
    }

    fn turn(&self, id: ContentId, by_hand: bool, at: u64) -> Result<bool, StoreError> {
        let mut writer = self.writer()?;
        let mut item = self.item(id)?.ok_or(StoreError::NoSuchItem { id })?;
        if item.by_hand == by_hand {
            return Ok(false);
        }
        let before = item.state;
        item.by_hand = by_hand;
        item.state = item.due_state();
        let state = writer.state;
        if item.state != before {
            let revision = state.revision + 1;
            item.changed = Some(Changed { at, revision });
        }
        let mut counts = self.counts(item.bank)?;
        counts.turn(before, item.state)?;
        let mut encoder = ContentEncoder::default();
        let value = encoder.encode(&Content::of(&item));
        let mut batch = WriteBatch::default();
        batch.put_cf(
            self.family(keys::CONTENT)?,
            keys::content(item.bank, id),
            value,
        );
        self.put_counts(&mut batch, item.bank, &counts)?;
        let touched = Touched::Item(item.bank, id);
        self.commit(&mut writer, batch, state, touched)?;
        Ok(true)
    }

    /// The bank that a content number was given to.
    fn bank_of(&self, id: ContentId) -> Result<Option<BankId>, StoreError> {
        let mut extents = self.db.raw_iterator_cf(self.family(keys::EXTENTS)?);
        extents.seek_for_prev(id.0.to_be_bytes());
        extents
            .status()
            .map_err(|source| self.failed("read", source))?;
        let Some(value) = extents.value() else {
            return Ok(None);
        };
        match keys::parse_u32(value) {
            Some(bank) => Ok(Some(BankId(bank))),
            None => Err(StoreError::Corrupt {
                what: "bank of content item",
                key: id.to_string(),
                reason: format!("expected 4 bytes, got {}", value.len()),
            }),
        }
    }
}
