//! Facts that whoever fills a bank keeps beside it: how far its source has been read, what it has given so far.
//!
//! Owned here: that such a fact is written in the batch with the records that it speaks of, and goes with its bank. What
//! the facts say is not known here: names and values are bytes. They are in no index, export or list, and a program that
//! knows nothing of them reads the store as before.
//!
//! A change of facts alone is synced, and gives the store no new revision: nothing that matches has changed.

use crate::bank::{BankId, ContentId};
use crate::store::{BankStore, StoreError, keys, options};
use rocksdb::WriteBatch;

/// Changes of facts that are kept beside a bank, to be written together with records or alone.
///
/// ```
/// use hashgate::bank::{Action, Policy};
/// use hashgate::store::{BankStore, Facts};
/// # let folder = tempfile::tempdir()?;
/// let store = BankStore::open(&folder.path().join("store"))?;
/// let bank = store.create_bank(&"mine".parse()?, Policy::new(Action::Block))?;
/// store.keep(bank.id, &Facts::default().put(b"position", b"page 7"))?;
/// assert_eq!(store.fact(bank.id, b"position")?.as_deref(), Some(&b"page 7"[..]));
/// store.keep(bank.id, &Facts::default().remove(b"position"))?;
/// assert_eq!(store.fact(bank.id, b"position")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    standing: Option<Vec<u8>>,
}

impl Facts {
    /// Most bytes of a name.
    pub const MAX_NAME: usize = 128;
    /// Most bytes of a value.
    pub const MAX_VALUE: usize = 1 << 20;

    /// Writes a value under a name, in the place of the one before.
    #[must_use]
    pub fn put(mut self, name: &[u8], value: &[u8]) -> Self {
        self.changes.push((name.to_vec(), Some(value.to_vec())));
        self
    }

    /// Removes what is kept under a name, if anything is.
    #[must_use]
    pub fn remove(mut self, name: &[u8]) -> Self {
        self.changes.push((name.to_vec(), None));
        self
    }

    /// Writes under this name which items hold the records of the call that stand: see
    /// [`BankStore::standing_under`].
    #[must_use]
    pub fn standing(mut self, name: &[u8]) -> Self {
        self.standing = Some(name.to_vec());
        self
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.standing.is_none()
    }

    fn check(&self) -> Result<(), StoreError> {
        let names = self.changes.iter().map(|(name, _)| name);
        let longest = names.chain(&self.standing).map(Vec::len).max();
        let values = self.changes.iter().filter_map(|(_, value)| value.as_ref());
        let largest = values.map(Vec::len).max();
        let too_long = |what, most, given| StoreError::TooLong {
            what,
            unit: "bytes",
            given,
            most,
        };
        match (longest, largest) {
            (Some(len), _) if len > Self::MAX_NAME => {
                Err(too_long("the name of a fact", Self::MAX_NAME, len))
            }
            (_, Some(len)) if len > Self::MAX_VALUE => {
                Err(too_long("a fact", Self::MAX_VALUE, len))
            }
            _ => Ok(()),
        }
    }
}

/// A fact: its name and its value.
pub type NamedFact = (Vec<u8>, Vec<u8>);

impl BankStore {
    /// What is kept beside a bank under a name.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn fact(&self, bank: BankId, name: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self
            .db
            .get_cf(self.family(keys::META)?, keys::fact(bank, name));
        value.map_err(|source| self.failed("read", source))
    }

    /// What is kept beside a bank under names that begin so, in the order of the names: at most so many.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn facts(
        &self,
        bank: BankId,
        beginning: &[u8],
        most: usize,
    ) -> Result<Vec<NamedFact>, StoreError> {
        let mut found = Vec::new();
        self.each_fact(bank, beginning, |name, value| {
            found.push((name.to_vec(), value.to_vec()));
            Ok(found.len() < most)
        })?;
        Ok(found)
    }

    fn each_fact(
        &self,
        bank: BankId,
        beginning: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut options = options::scan();
        let from = keys::fact(bank, beginning);
        options.set_iterate_upper_bound([&from[..], &[0xff; Facts::MAX_NAME + 1]].concat());
        options.set_iterate_lower_bound(from);
        let family = self.family(keys::META)?;
        let mut facts = self.db.raw_iterator_cf_opt(family, options);
        facts.seek_to_first();
        while let Some((key, value)) = facts.item() {
            let name = keys::parse_fact(key).unwrap_or_default();
            if !take(name, value)? {
                break;
            }
            facts.next();
        }
        facts.status().map_err(|source| self.failed("read", source))
    }

    /// Changes what is kept beside a bank. When it returns, that is on disk.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBankId`], [`StoreError::TooLong`], [`StoreError::ReadOnly`].
    pub fn keep(&self, bank: BankId, facts: &Facts) -> Result<(), StoreError> {
        let _writer = self.writer()?;
        self.bank_by_id(bank)?;
        let mut batch = WriteBatch::default();
        self.put_facts(&mut batch, bank, facts, &[])?;
        self.write_facts(batch)
    }

    /// Writes a batch that changes facts only.
    pub(super) fn write_facts(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let written = self.db.write_opt(batch, &options::synced());
        written.map_err(|source| self.failed("write to", source))
    }

    /// Puts changes of facts into a batch whose records that stand are held by these items.
    pub(super) fn put_facts(
        &self,
        batch: &mut WriteBatch,
        bank: BankId,
        facts: &Facts,
        items: &[ContentId],
    ) -> Result<(), StoreError> {
        facts.check()?;
        let meta = self.family(keys::META)?;
        for (name, value) in &facts.changes {
            let key = keys::fact(bank, name);
            match value {
                Some(value) => batch.put_cf(meta, key, value),
                None => batch.delete_cf(meta, key),
            }
        }
        if let Some(name) = &facts.standing
            && !items.is_empty()
        {
            let mut items = items.to_vec();
            items.sort_unstable();
            items.dedup();
            let value: Vec<u8> = items.iter().flat_map(|id| id.0.to_be_bytes()).collect();
            batch.put_cf(meta, keys::fact(bank, name), value);
        }
        Ok(())
    }

    /// The items that were written down by [`Facts::standing`] under names that begin so, in growing order, each once.
    /// They take 8 bytes of memory each.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where such a fact is no list of items; where the store cannot be read.
    pub fn standing_under(
        &self,
        bank: BankId,
        beginning: &[u8],
    ) -> Result<Vec<ContentId>, StoreError> {
        let mut items = Vec::new();
        self.each_fact(bank, beginning, |name, value| {
            let (ids, rest) = value.as_chunks::<8>();
            if !rest.is_empty() {
                return Err(StoreError::Corrupt {
                    what: "list of items",
                    key: format!("{name:02x?} of bank {}", bank.0),
                    reason: format!("it has {} bytes, which is no multiple of 8", value.len()),
                });
            }
            items.extend(ids.iter().map(|id| ContentId(u64::from_be_bytes(*id))));
            Ok(true)
        })?;
        items.sort_unstable();
        items.dedup();
        Ok(items)
    }

    /// Removes all that is kept beside a bank under names that begin so. When it returns, that is on disk.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and where the store cannot be written.
    pub fn forget(&self, bank: BankId, beginning: &[u8]) -> Result<(), StoreError> {
        let _writer = self.writer()?;
        let from = keys::fact(bank, beginning);
        let to = [&from[..], &[0xff; Facts::MAX_NAME + 1]].concat();
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(self.family(keys::META)?, from, to);
        self.write_facts(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{Action, ContentSignal, Policy, Provenance};
    use crate::store::NewItem;

    fn record(number: u64) -> NewItem {
        let signal = format!("md5:{number:032x}").parse().unwrap();
        NewItem {
            signals: vec![ContentSignal::new(signal, None)],
            provenance: Provenance {
                source: "there".to_owned(),
                record: Some(number.to_string()),
                synced: true,
                ..Provenance::default()
            },
            ..NewItem::default()
        }
    }

    #[test]
    fn facts_go_with_their_records_and_with_their_bank() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("store");
        let store = BankStore::open(&folder).unwrap();
        let policy = || Policy::new(Action::Review);
        let bank = store
            .create_bank(&"a".parse().unwrap(), policy())
            .unwrap()
            .id;
        let other = store
            .create_bank(&"b".parse().unwrap(), policy())
            .unwrap()
            .id;
        store
            .keep(other, &Facts::default().put(b"p", b"other"))
            .unwrap();
        let page = |facts: Facts, numbers: std::ops::Range<u64>| {
            let records: Vec<NewItem> = numbers.map(record).collect();
            store.sync_keeping(bank, &records, &facts).unwrap()
        };
        page(Facts::default().put(b"p", b"1").standing(b"seen1"), 0..3);
        // Nothing new, and still the position and what stands are written.
        let before = store.revision();
        page(Facts::default().put(b"p", b"2").standing(b"seen2"), 2..3);
        assert_eq!(store.revision(), before);
        page(Facts::default().put(b"p", b"3").standing(b"seen3"), 3..5);
        assert_eq!(store.fact(bank, b"p").unwrap().unwrap(), b"3");
        let seen = |store: &BankStore| store.standing_under(bank, b"seen").unwrap();
        assert_eq!(seen(&store).len(), 5);
        assert_eq!(store.standing_under(bank, b"seen2").unwrap().len(), 1);
        let named = store.facts(bank, b"seen", 2).unwrap();
        assert_eq!(
            named.iter().map(|one| &one.0[..]).collect::<Vec<_>>(),
            [b"seen1", b"seen2"]
        );
        store.verify().unwrap();
        drop(store);
        let store = BankStore::open(&folder).unwrap();
        assert_eq!(
            (seen(&store).len(), store.fact(bank, b"p").unwrap().unwrap()),
            (5, b"3".to_vec())
        );
        store.forget(bank, b"seen").unwrap();
        assert!(seen(&store).is_empty() && store.fact(bank, b"p").unwrap().is_some());
        store.delete_bank(&"a".parse().unwrap()).unwrap();
        assert_eq!(store.fact(bank, b"p").unwrap(), None);
        assert_eq!(store.fact(other, b"p").unwrap().unwrap(), b"other");
        let refused = store.keep(bank, &Facts::default().put(b"p", b"1"));
        assert!(matches!(refused, Err(StoreError::NoSuchBankId { .. })));
        let long = Facts::default().put(&[1; Facts::MAX_NAME + 1], b"");
        assert!(matches!(
            store.keep(other, &long),
            Err(StoreError::TooLong { .. })
        ));
    }
}
