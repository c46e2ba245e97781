//! Reading all of the store, to see that all of it can be read.

use crate::bank::ContentState;
use crate::store::{BankCounts, BankStore, StoreError};

impl BankStore {
    /// Reads every bank and every item, holds the counts that are kept against what is there, and
    /// says how many items there are. RocksDB checks the checksum of each block that is read.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] at the first record that cannot be read, and where a bank's counts
    /// are not those of its items.
    pub fn verify(&self) -> Result<u64, StoreError> {
        let snapshot = self.snapshot()?;
        let mut items = 0;
        for bank in &snapshot.banks {
            let mut found = BankCounts::default();
            for item in snapshot.items(bank.id) {
                let item = item?;
                found.items += 1;
                match item.state {
                    ContentState::Active => found.active += 1,
                    ContentState::Withdrawn => found.withdrawn += 1,
                }
                for held in &item.signals {
                    *found.signals.entry(held.signal.signal_type()).or_default() += 1;
                }
            }
            let kept = self.counts(bank.id)?;
            // Another process may have added items since the snapshot was taken.
            let unchanged = snapshot.revision == self.revision();
            if unchanged && kept != found {
                return Err(StoreError::Corrupt {
                    what: "counts of bank",
                    key: bank.name.to_string(),
                    reason: format!("kept are {kept:?}, found are {found:?}"),
                });
            }
            items += found.items;
        }
        Ok(items)
    }
}
