//! What a fetch does: what the other side has, brought into the exchange's bank.

use crate::bank::{BankId, Provenance};
use crate::bank::{BankName, ContentSignal};
use crate::clock;
use crate::curation::exchange::sample;
use crate::store::{BankStore, NewItem, StoreError, SyncSummary};

/// What the source of an exchange's entries is called.
pub(super) fn source(name: &BankName) -> String {
    format!("exchange:{name}")
}

/// Brings a bank to what the samples are.
pub(super) fn of_samples(
    store: &BankStore,
    bank: BankId,
    name: &BankName,
) -> Result<SyncSummary, StoreError> {
    let now = clock::now();
    let items: Vec<NewItem> = sample::records()
        .map(|(record, signal)| NewItem {
            signals: vec![ContentSignal::new(signal, None)],
            provenance: Provenance {
                source: source(name),
                record: Some(record),
                added_at: now,
                synced: true,
                ..Provenance::default()
            },
            ..NewItem::default()
        })
        .collect();
    store.sync(bank, &items)
}
