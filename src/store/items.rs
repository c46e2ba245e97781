//! Single items: looking them up, taking them back, deleting them.

use crate::bank::{BankId, ContentId, ContentItem, ContentState};
use crate::hash::Signal;
use crate::store::add::{identity, once, other_keys};
use crate::store::keys::SignalKey;
use crate::store::record::{self, Content, ContentEncoder, Touched};
use crate::store::{BankStore, StoreError, keys};
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

    /// Every item of every bank that has this very hash, the withdrawn too, in growing order.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn find(&self, signal: &Signal) -> Result<Vec<ContentId>, StoreError> {
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

    /// Takes an item out of matching but keeps it for the record; false where it is out already.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`].
    pub fn withdraw(&self, id: ContentId) -> Result<bool, StoreError> {
        self.turn(id, ContentState::Withdrawn)
    }

    /// Lets a withdrawn item take part in matching again; false where it does already.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`].
    pub fn reinstate(&self, id: ContentId) -> Result<bool, StoreError> {
        self.turn(id, ContentState::Active)
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
        let signals = item.signals.iter().map(|entry| &entry.signal);
        counts.remove(item.state, signals)?;
        let by_signal = self.family(keys::BY_SIGNAL)?;
        let mut batch = WriteBatch::default();
        batch.delete_cf(self.family(keys::CONTENT)?, keys::content(item.bank, id));
        let known = once(&item.signals);
        let identity = identity(item.bank, &known);
        batch.delete_cf(by_signal, identity);
        for key in other_keys(item.bank, &known, &identity) {
            batch.delete_cf(by_signal, key.with(id));
        }
        self.put_counts(&mut batch, item.bank, &counts)?;
        let state = writer.state;
        let touched = Touched::Item(item.bank, id);
        self.commit(&mut writer, batch, state, touched)?;
        Ok(item)
    }

    fn turn(&self, id: ContentId, to: ContentState) -> Result<bool, StoreError> {
        let mut writer = self.writer()?;
        let item = self.item(id)?.ok_or(StoreError::NoSuchItem { id })?;
        if item.state == to {
            return Ok(false);
        }
        let mut counts = self.counts(item.bank)?;
        counts.turn(item.state, to)?;
        let mut encoder = ContentEncoder::default();
        let value = encoder.encode(&Content {
            state: to,
            ..Content::of(&item)
        });
        let mut batch = WriteBatch::default();
        batch.put_cf(
            self.family(keys::CONTENT)?,
            keys::content(item.bank, id),
            value,
        );
        self.put_counts(&mut batch, item.bank, &counts)?;
        let state = writer.state;
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
