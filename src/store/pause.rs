//! Entries that match nothing until a time.
//!
//! They are kept with their bank's policy and published with it, so that they come back where
//! nobody publishes again.

use crate::bank::{ContentId, Paused};
use crate::store::record::Touched;
use crate::store::{BankStore, StoreError};
use rocksdb::WriteBatch;

impl BankStore {
    /// Takes an item out of matching until a time, or (`None`) takes that back; false where it is so
    /// already. `at`: the time now; both in seconds since 1970-01-01 UTC. Items whose time has come
    /// are forgotten here.
    ///
    /// # Errors
    /// [`StoreError::NoSuchItem`]; [`StoreError::PolicyRange`] where more than
    /// [`Policy::MAX_PAUSED`](crate::bank::Policy::MAX_PAUSED) items of the bank would be out.
    pub fn pause(&self, id: ContentId, until: Option<u64>, at: u64) -> Result<bool, StoreError> {
        let mut writer = self.writer()?;
        let item = self.item(id)?.ok_or(StoreError::NoSuchItem { id })?;
        let mut bank = self.bank_by_id(item.bank)?;
        let before = bank.policy.paused.clone();
        let paused = &mut bank.policy.paused;
        let is_so = |one: &Paused| one.content == id && Some(one.until) == until;
        let was_out = paused.iter().any(|one| one.content == id && one.until > at);
        if paused.iter().any(is_so) || (until.is_none() && !was_out) {
            return Ok(false);
        }
        paused.retain(|one| one.content != id && one.until > at);
        if let Some(until) = until {
            let place = paused.partition_point(|one| one.content < id);
            paused.insert(place, Paused { content: id, until });
        }
        bank.policy.check()?;
        if bank.policy.paused != before {
            let mut batch = WriteBatch::default();
            self.put_bank(&mut batch, &bank)?;
            let state = writer.state;
            self.commit(&mut writer, batch, state, Touched::Bank(bank.id))?;
        }
        Ok(true)
    }
}
