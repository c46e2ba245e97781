//! Taking entries out of matching by hand, for good or until a time, and bringing them back.
//!
//! Owns that nothing is changed where one of the entries is not there. What a withdrawal means is said
//! by `bank`, and kept by `store`.

use crate::bank::{BankName, ContentId, ContentItem, ContentState};
use crate::clock::{self, time};
use crate::curation::Workspace;
use crate::curation::entries::{self, EntryName};
use crate::store::{BankStore, StoreError};
use serde::{Deserialize, Serialize};

/// What is to become of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Turn {
    /// They are withdrawn: they match nothing, and no list brings them back.
    Withdraw,
    /// They match nothing until this time, in seconds since 1970-01-01 UTC, and then again by
    /// themselves.
    PauseUntil(u64),
    /// A withdrawal by hand, or a pause, is undone.
    Reinstate,
}

/// What became of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Turned {
    /// The entry.
    pub id: ContentId,
    /// Whether a withdrawal by hand was begun or undone, or a pause set. `false` where it was so before.
    pub is_changed: bool,
    /// Whether a pause was ended by bringing the entry back.
    pub is_pause_ended: bool,
    /// Its state now, by its sources and by hand.
    pub state: ContentState,
}

/// Why entries were not withdrawn or brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TurnError {
    /// An entry is not in the bank.
    #[error("bank {bank} has no entry {entry}: nothing is changed")]
    NoSuchEntry {
        /// The bank.
        bank: BankName,
        /// The entry, as it was named.
        entry: EntryName,
    },
    /// The time of a pause is over.
    #[error("{} is not to come any more: nothing is changed", time(*until))]
    Past {
        /// The time, in seconds since 1970-01-01 UTC.
        until: u64,
    },
    /// The store failed before anything was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store failed on the way.
    #[error("the store failed after {} of the entries were changed", done.len())]
    Partly {
        /// What became of those before.
        done: Vec<Turned>,
        /// Why no more was done.
        source: StoreError,
    },
}

/// Withdraws entries of a bank, pauses them, or brings them back. Says of each what became of it, in the
/// order of the names. Matching changes with the next publication.
///
/// # Errors
/// [`TurnError`]. Only after [`TurnError::Partly`] is anything changed.
pub fn turn(
    workspace: &Workspace,
    bank: &BankName,
    names: &[EntryName],
    turn: Turn,
) -> Result<Vec<Turned>, TurnError> {
    let check = || match turn {
        Turn::PauseUntil(until) if until <= clock::now() => Err(TurnError::Past { until }),
        _ => Ok(()),
    };
    // Before the store is opened, which takes longer.
    check()?;
    turn_in(
        &BankStore::open_existing(workspace.store())?,
        bank,
        names,
        turn,
    )
}

/// As [`turn`], for whoever holds the store open.
///
/// # Errors
/// [`TurnError`], as there.
pub fn turn_in(
    store: &BankStore,
    bank: &BankName,
    names: &[EntryName],
    turn: Turn,
) -> Result<Vec<Turned>, TurnError> {
    let now = clock::now();
    if let Turn::PauseUntil(until) = turn
        && until <= now
    {
        return Err(TurnError::Past { until });
    }
    let mut done = Vec::new();
    for item in named(store, bank, names)? {
        match turn_one(store, &item, turn, now) {
            Ok(turned) => done.push(turned),
            Err(source) => return Err(TurnError::Partly { done, source }),
        }
    }
    Ok(done)
}

fn turn_one(
    store: &BankStore,
    item: &ContentItem,
    turn: Turn,
    now: u64,
) -> Result<Turned, StoreError> {
    let (is_changed, is_pause_ended) = match turn {
        Turn::Withdraw => (store.withdraw(item.id, now)?, false),
        Turn::PauseUntil(until) => (store.pause(item.id, Some(until), now)?, false),
        Turn::Reinstate => {
            let is_changed = store.reinstate(item.id, now)?;
            // Whoever brings an entry back means at once.
            (is_changed, store.pause(item.id, None, now)?)
        }
    };
    Ok(Turned {
        id: item.id,
        is_changed,
        is_pause_ended,
        state: store.item(item.id)?.map_or(item.state, |item| item.state),
    })
}

/// The entries of a bank that are named.
fn named(
    store: &BankStore,
    name: &BankName,
    names: &[EntryName],
) -> Result<Vec<ContentItem>, TurnError> {
    let bank = store.bank(name)?;
    let mut entries = Vec::new();
    for entry in names {
        let mut found = entries::find(store, entry)?;
        found.retain(|item| item.bank == bank.id);
        if found.is_empty() {
            return Err(TurnError::NoSuchEntry {
                bank: name.clone(),
                entry: entry.clone(),
            });
        }
        entries.extend(found);
    }
    Ok(entries)
}
