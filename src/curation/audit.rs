//! What is known of an entry: where it came from, what holds of it, and since when that is in force.
//!
//! Owns [`AuditRecord`]. Since when something is in force is told by the ledger; refused here is to
//! change any of it.

use crate::bank::{Changed, ContentId, ContentItem, ContentState, OpaqueSignal, Provenance};
use crate::clock;
use crate::curation::Workspace;
use crate::curation::entries::{self, EntryName};
#[cfg(feature = "exchange")]
use crate::curation::exchange::Feedback;
use crate::curation::exchange::{ExchangeError, FetchRecord};
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
    /// Which fetches of an exchange brought its records, and which changed its state; left out where none did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetches: Vec<AuditFetch>,
    /// What the exchange was told about it, or is to be told; left out where that is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<AuditTold>,
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

/// A fetch of an exchange that brought a record of an entry, or changed the entry's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditFetch {
    /// The exchange, as the entry's source is called: `exchange:NAME`.
    pub source: String,
    /// The fetch's number.
    pub number: u64,
    /// When it began: seconds since 1970-01-01 UTC.
    pub began_at: u64,
    /// What it did: `brought` or `changed`.
    pub what: String,
}

/// An opinion about an entry that goes back to the exchange which it came from. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditTold {
    /// Its number among those of the exchange.
    pub number: u64,
    /// `seen`, `true` or `false`.
    pub opinion: String,
    /// The record that it is about, by its id at the exchange.
    pub record: String,
    /// The type of the hash that it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// Why.
    pub reasons: Vec<String>,
    /// Who said it.
    pub by: String,
    /// When.
    pub at: u64,
    /// How far it is: `waiting`, `sending`, `sent`, `refused`, `uncertain` or `dropped`.
    pub state: String,
    /// Since when.
    pub state_at: u64,
    /// Who settled it by hand, if somebody did.
    pub settled_by: Option<String>,
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

    /// The fetches that an entry's times are those of.
    fn fetches(&self, item: &ContentItem) -> Result<Vec<AuditFetch>, AuditError> {
        let of_exchange = |from: &&Provenance| from.source.starts_with("exchange:");
        let Some(own) = item.sources().find(of_exchange) else {
            return Ok(Vec::new());
        };
        let fetches = match FetchRecord::all(&self.store, item.bank) {
            Ok(fetches) => fetches,
            Err(ExchangeError::Store(error)) => return Err(error.into()),
            // What is damaged there is told by the exchange's status.
            Err(_) => return Ok(Vec::new()),
        };
        let mut told = Vec::new();
        for fetch in fetches {
            let did = |source: &str, what: &str| AuditFetch {
                source: source.to_owned(),
                number: fetch.number,
                began_at: fetch.began_at,
                what: what.to_owned(),
            };
            let brought = item.sources().filter(of_exchange);
            let brought = brought.filter(|from| from.added_at == fetch.began_at);
            told.extend(brought.map(|from| did(&from.source, "brought")));
            if item
                .changed
                .is_some_and(|changed| changed.at == fetch.began_at)
            {
                told.push(did(&own.source, "changed"));
            }
        }
        told.dedup();
        Ok(told)
    }

    /// What the exchange was told about an entry.
    #[cfg(feature = "exchange")]
    fn told(&self, item: &ContentItem) -> Result<Vec<AuditTold>, AuditError> {
        let all = match Feedback::all(&self.store, item.bank) {
            Ok(all) => all,
            Err(ExchangeError::Store(error)) => return Err(error.into()),
            // What is damaged there is told by the exchange's status.
            Err(_) => return Ok(Vec::new()),
        };
        let own = all.into_iter().filter(|one| one.content_id == item.id.0);
        let told = own.map(|one| AuditTold {
            number: one.number,
            opinion: one.said.opinion.to_string(),
            record: one.said.record,
            kind: one.said.kind,
            reasons: one.said.reasons,
            by: one.by,
            at: one.at,
            state: one.state.to_string(),
            state_at: one.state_at,
            settled_by: one.settled_by,
        });
        Ok(told.collect())
    }

    #[cfg(not(feature = "exchange"))]
    fn told(&self, _item: &ContentItem) -> Result<Vec<AuditTold>, AuditError> {
        Ok(Vec::new())
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
            fetches: self.fetches(item)?,
            told: self.told(item)?,
            remarks: (remarks != Remarks::default()).then_some(remarks),
            agreeing: item.agreeing(),
            positive: votes.positive,
            negative: votes.negative,
            seed: votes.seed,
        })
    }
}
