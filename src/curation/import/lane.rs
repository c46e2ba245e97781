//! Writing to the store while the list is read on: a thread of its own, and two loads that go to and fro.
//!
//! Owned here: how much is gathered before it is handed over. It refuses to read lists, and to judge what
//! became of a load.

use crate::bank::BankId;
use crate::store::{ArrivalSummary, BankStore, Gathered, NewItem, StoreError};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

/// Items of the first load; each further one has twice as many, up to [`Gathered::MOST`]. So the store has
/// something to do soon, and a long list makes few tables.
const FIRST_LOAD: usize = 1 << 16;

/// What comes back of a load: what became of it, and the memory that it was in.
type Done = Result<(ArrivalSummary, Gathered), StoreError>;

/// The way of items into a bank.
pub(super) struct Lane {
    load: Gathered,
    /// The other load, while it is not on its way.
    other: Option<Gathered>,
    /// How many items the load may have.
    most: usize,
    to: SyncSender<Gathered>,
    from: Receiver<Done>,
}

impl Lane {
    /// Starts the thread, which ends when this is dropped.
    pub(super) fn start<'s>(scope: &'s Scope<'s, '_>, store: &'s BankStore, bank: BankId) -> Self {
        let (to, loads) = sync_channel::<Gathered>(1);
        let (back, from) = sync_channel::<Done>(1);
        scope.spawn(move || {
            for mut load in loads {
                let done = store.add_gathered(&mut load);
                let is_over = done.is_err();
                if back.send(done.map(|done| (done, load))).is_err() || is_over {
                    return;
                }
            }
        });
        Self {
            load: Gathered::new(bank),
            other: Some(Gathered::new(bank)),
            most: FIRST_LOAD,
            to,
            from,
        }
    }

    pub(super) fn push(&mut self, item: NewItem) -> Result<(), StoreError> {
        self.load.push(item)
    }

    /// Whether it is time to hand the load over.
    pub(super) fn is_full(&self) -> bool {
        self.load.len() >= self.most || self.load.is_full()
    }

    /// Hands the load over as soon as the one before is in the store, and says what became of that.
    pub(super) fn hand_over(&mut self) -> Result<Option<ArrivalSummary>, StoreError> {
        let done = self.wait()?;
        if let Some(empty) = self.other.take() {
            let load = std::mem::replace(&mut self.load, empty);
            self.most = (2 * self.most).min(Gathered::MOST);
            // It fails only if the thread has panicked, and then the scope does.
            let _ = self.to.send(load);
        }
        Ok(done)
    }

    /// Waits until the load that is on its way, if any, is in the store, and says what became of it.
    pub(super) fn wait(&mut self) -> Result<Option<ArrivalSummary>, StoreError> {
        if self.other.is_some() {
            return Ok(None);
        }
        match self.from.recv() {
            Ok(done) => {
                let (done, empty) = done?;
                self.other = Some(empty);
                Ok(Some(done))
            }
            // The thread has panicked, and the scope will.
            Err(_) => Ok(None),
        }
    }
}
