//! Keeping what people here wrote about an item.
//!
//! Owned here: that it goes with its item and its bank, and that no item is touched by it. It stays in this store: an
//! index, an export and a list have none of it. A program that knows nothing of it reads the store as before.

use crate::bank::{BankId, ContentId};
use crate::store::record::{self, Touched};
use crate::store::{BankStore, Remarks, StoreError, keys};
use rocksdb::WriteBatch;

impl BankStore {
    /// What people here wrote about an item; nothing where there is no such item.
    ///
    /// # Errors
    /// Where the store cannot be read or is damaged.
    pub fn remarks(&self, id: ContentId) -> Result<Remarks, StoreError> {
        match self.item(id)? {
            Some(item) => self.remarks_in(item.bank, id),
            None => Ok(Remarks::default()),
        }
    }

    fn remarks_in(&self, bank: BankId, id: ContentId) -> Result<Remarks, StoreError> {
        let value = (self.db).get_pinned_cf(self.family(keys::META)?, keys::remarks(bank, id));
        let value = value.map_err(|source| self.failed("read", source))?;
        value.map_or_else(
            || Ok(Remarks::default()),
            |value| record::decode_remarks(id, &value),
        )
    }

    /// Writes this about an item in the place of what was written before; false where that was the same. What
    /// matches stays as it is.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`], [`StoreError::TooLong`].
    pub fn set_remarks(&self, id: ContentId, remarks: &Remarks) -> Result<bool, StoreError> {
        remarks.check()?;
        let mut writer = self.writer()?;
        let bank = self.item(id)?.ok_or(StoreError::NoSuchItem { id })?.bank;
        if self.remarks_in(bank, id)? == *remarks {
            return Ok(false);
        }
        let (meta, key) = (self.family(keys::META)?, keys::remarks(bank, id));
        let mut batch = WriteBatch::default();
        match *remarks == Remarks::default() {
            true => batch.delete_cf(meta, key),
            false => batch.put_cf(meta, key, record::encode_remarks(remarks)),
        }
        let state = writer.state;
        // No item is touched: what is published stays the same.
        let touched = Touched::Updated {
            bank,
            first: ContentId(state.next_content),
            items: 0,
            updated: Vec::new(),
        };
        self.commit(&mut writer, batch, state, touched)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_found_and_never_read_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = BankStore::open(folder.path().join("store")).unwrap();
        let policy = crate::bank::Policy::new(crate::bank::Action::Review);
        let bank = store.create_bank(&"mine".parse().unwrap(), policy).unwrap();
        let signal = "md5:0cc175b9c0f1b6a831c399e269772661".parse().unwrap();
        let item = crate::store::NewItem {
            signals: vec![crate::bank::ContentSignal::new(signal, None)],
            ..crate::store::NewItem::default()
        };
        store.add(bank.id, std::slice::from_ref(&item)).unwrap();
        let id = store.same_as(bank.id, &item).unwrap().unwrap();
        let meta = store.family(keys::META).unwrap();
        let key = keys::remarks(bank.id, id);
        store.db.put_cf(meta, key, b"\x01\x01\xff").unwrap();
        assert!(matches!(store.remarks(id), Err(StoreError::Corrupt { .. })));
        assert!(matches!(store.verify(), Err(StoreError::Corrupt { .. })));
        let remarks = Remarks {
            note: Some("a".to_owned()),
            ..Remarks::default()
        };
        let bytes = record::encode_remarks(&remarks);
        store.db.put_cf(meta, key, bytes).unwrap();
        assert_eq!(store.remarks(id).unwrap(), remarks);
        store.verify().unwrap();
    }
}
