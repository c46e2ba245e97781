//! How far out hashes may safely reach: written by calibration, a batch at a time.

use crate::bank::{BankId, ContentId, ContentItem};
use crate::hash::{Reach, Signal};
use crate::store::add::NewNumbers;
use crate::store::record::{Content, ContentEncoder, decode_content};
use crate::store::snapshot::Items;
use crate::store::{BankStore, StoreError, keys, options};
use rocksdb::WriteBatch;

/// What a hash's reach is to be: `None` takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewReach {
    /// The item.
    pub content: ContentId,
    /// Its hash.
    pub signal: Signal,
    /// The reach.
    pub reach: Option<Reach>,
}

impl BankStore {
    /// Sets how far out hashes of a bank's items may safely reach: all of these, or none where it
    /// fails. When it returns, they are on disk. Says how many hashes have another reach now; where
    /// none has, nothing is written. Items and hashes that are not there are passed over.
    ///
    /// Give those of [`BankStore::BATCH`] items at a time: memory grows with the batch.
    ///
    /// # Errors
    /// Where the bank is not there, or the store cannot be read or written.
    pub fn set_reaches(&self, bank: BankId, reaches: &[NewReach]) -> Result<u64, StoreError> {
        let mut writer = self.writer()?;
        let mut counts = self.counts(bank)?;
        let state = writer.state;
        let content = self.family(keys::CONTENT)?;
        let mut encoder = ContentEncoder::default();
        let mut batch = WriteBatch::default();
        let mut updated = Vec::new();
        let mut changed = 0;
        let mut reaches = reaches.to_vec();
        reaches.sort_by_key(|new| new.content);
        for of_item in reaches.chunk_by(|a, b| a.content == b.content) {
            let Some(id) = of_item.first().map(|first| first.content) else {
                continue;
            };
            let key = keys::content(bank, id);
            let value = self.db.get_pinned_cf(content, key);
            let Some(value) = value.map_err(|source| self.failed("read", source))? else {
                continue;
            };
            let mut item = decode_content(bank, id, &value)?;
            let before = changed;
            for new in of_item {
                for entry in &mut item.signals {
                    if entry.signal != new.signal || entry.reach == new.reach {
                        continue;
                    }
                    counts.calibrate(
                        i64::from(new.reach.is_some()) - i64::from(entry.reach.is_some()),
                    )?;
                    entry.reach = new.reach;
                    changed += 1;
                }
            }
            if changed > before {
                batch.put_cf(content, key, encoder.encode(&Content::of(&item)));
                updated.push(id.0);
            }
        }
        if updated.is_empty() {
            return Ok(0);
        }
        self.put_counts(&mut batch, bank, &counts)?;
        let new = NewNumbers {
            bank,
            first: ContentId(state.next_content),
            items: 0,
        };
        self.commit_items(&mut writer, batch, state, new, updated)?;
        Ok(changed)
    }

    /// The first `most` items of a bank from a number on, the withdrawn too, as they are now.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn items_from(
        &self,
        bank: BankId,
        first: ContentId,
        most: usize,
    ) -> Result<Vec<ContentItem>, StoreError> {
        Items::from(self, bank, first, options::scan())
            .take(most)
            .collect()
    }
}
