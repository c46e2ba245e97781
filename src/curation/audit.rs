//! What is known of an entry: where it came from, what holds of it, and since when that is in force.
//!
//! Owns [`AuditRecord`]. Since when something is in force is told by the ledger; refused here is to
//! change any of it.

use crate::bank::{Changed, ContentId, ContentItem, ContentState, OpaqueSignal, Provenance};
use crate::clock;
use crate::curation::Workspace;
use crate::curation::entries::{self, EntryName};
use crate::curation::ledger::{Ledger, LedgerEntry, LedgerError};
use crate::store::{BankStore, Remarks, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is known of one entry, as `audit --format jsonl` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Its number.
    pub content_id: ContentId,
    /// Its bank.
    pub bank: String,
    /// Whether it takes part in matching.
    pub state: ContentState,
    /// Whether people here withdrew it.
    pub by_hand: bool,
    /// Until when it matches nothing though it is active: seconds since 1970-01-01 UTC.
    pub paused_until: Option<u64>,
    /// When its state was changed last, where that is known.
    pub changed: Option<Changed>,
    /// The first publication that shows that change; `None` where it is not in force yet.
    pub in_force: Option<LedgerEntry>,
    /// Its hashes, as `TYPE:HEX`.
    pub signals: Vec<String>,
    /// Its signals of kinds that cannot be computed here.
    pub opaque: Vec<OpaqueSignal>,
    /// What its sources call it.
    pub labels: Vec<String>,
    /// Where it came from, the first source first.
    pub sources: Vec<Provenance>,
    /// What people here wrote about it; left out where they wrote nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remarks: Option<Remarks>,
    /// How many agree that it is what it is said to be.
    pub agreeing: usize,
    /// How many owners say that it is.
    pub positive: usize,
    /// How many owners say that it is not.
    pub negative: usize,
    /// How many owners only say that it is worth looking into.
    pub seed: usize,
}

/// Why nothing can be told of an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// It is not there.
    #[error("there is no entry {entry}: it was never added, or it was deleted")]
    NoSuchEntry {
        /// The entry, as it was named.
        entry: EntryName,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A workspace that is asked about its entries.
#[derive(Debug)]
pub struct Audit {
    store: Arc<BankStore>,
    ledger: Ledger,
}

impl Audit {
    /// Opens a workspace to ask about its entries: the store as it is now.
    ///
    /// # Errors
    /// [`AuditError::Store`].
    pub fn open(workspace: &Workspace) -> Result<Self, AuditError> {
        let store = BankStore::open_read_only(workspace.store())?;
        Ok(Self::on(workspace, Arc::new(store)))
    }

    /// As [`open`](Self::open), for whoever holds the store open.
    #[must_use]
    pub fn on(workspace: &Workspace, store: Arc<BankStore>) -> Self {
        Self {
            store,
            ledger: Ledger::of(workspace),
        }
    }

    /// What is known of the entries that a name means; at least one.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn of(&self, entry: &EntryName) -> Result<Vec<AuditRecord>, AuditError> {
        let items = entries::find(&self.store, entry)?;
        if items.is_empty() {
            return Err(AuditError::NoSuchEntry {
                entry: entry.clone(),
            });
        }
        items.iter().map(|item| self.record(item)).collect()
    }

    fn record(&self, item: &ContentItem) -> Result<AuditRecord, AuditError> {
        let in_force = match item.changed {
            Some(changed) => self.ledger.first_with(changed.revision)?,
            None => None,
        };
        let banks = self.store.banks()?;
        let bank = banks.iter().find(|bank| bank.id == item.bank);
        let votes = item.votes();
        let remarks = self.store.remarks(item.id)?;
        Ok(AuditRecord {
            content_id: item.id,
            bank: bank.map_or_else(String::new, |bank| bank.name.to_string()),
            state: item.state,
            by_hand: item.by_hand,
            paused_until: bank.and_then(|bank| bank.policy.paused_until(item.id, clock::now())),
            changed: item.changed,
            in_force,
            signals: (item.signals.iter())
                .map(|entry| entry.signal.to_string())
                .collect(),
            opaque: item.opaque.clone(),
            labels: item.labels.clone(),
            sources: item.sources().cloned().collect(),
            remarks: (remarks != Remarks::default()).then_some(remarks),
            agreeing: item.agreeing(),
            positive: votes.positive,
            negative: votes.negative,
            seed: votes.seed,
        })
    }
}
