//! How far entries may reach: written into the store from a calibration, or taken out of it, a batch at a
//! time.
//!
//! Owns which entries get a reach, and what becomes of those that were not judged. Refuses to judge (that
//! is `evaluate`).

use crate::bank::{Bank, BankId, ContentId, ContentItem, ContentSignal};
use crate::curation::{Observer, Workspace};
use crate::evaluate::Reaches;
use crate::hash::{Distance, Reach, Signal};
use crate::index::Index;
use crate::store::{BankStore, NewReach, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What became of the PDQ hashes of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReachOutcome {
    /// Those that have one now and had none.
    pub set: u64,
    /// Those that have another one now.
    pub changed: u64,
    /// Those that have what they had.
    pub unchanged: u64,
    /// Those that had one and were not judged now: what they had is taken away.
    pub cleared: u64,
    /// Those that were not judged, and had none.
    pub without: u64,
    /// Whether it was asked to stop before the end: some have theirs, the others what they had. Doing the
    /// same again gives the rest theirs.
    pub is_interrupted: bool,
}

impl ReachOutcome {
    /// How many hashes are other than before.
    #[must_use]
    pub const fn differing(&self) -> u64 {
        self.set + self.changed + self.cleared
    }
}

/// Fails where reaches could not be written now: there is no store, or another program writes to it. To be
/// asked before a calibration, which takes long.
///
/// # Errors
/// [`StoreError`].
pub fn can_be_set(workspace: &Workspace) -> Result<(), StoreError> {
    BankStore::open_existing(workspace.store()).map(drop)
}

/// Writes the reach of every entry that was judged, and takes away the reach of every other. Matching changes
/// with the next publication.
///
/// # Errors
/// [`StoreError`].
pub fn set(
    workspace: &Workspace,
    index: &Index,
    reaches: &Reaches,
    observer: &dyn Observer,
) -> Result<ReachOutcome, StoreError> {
    let store = BankStore::open_existing(workspace.store())?;
    let mut outcome = ReachOutcome::default();
    let is_whole = each_batch(&store, observer, |bank, items| {
        let is_same = index
            .bank(bank.id)
            .is_some_and(|held| held.name == bank.name);
        let held = match is_same {
            true => held(index, bank.id, items),
            false => BTreeSet::new(),
        };
        let mut new = Vec::new();
        for (content, entry) in hashes(items) {
            let reach = held
                .contains(&(entry.signal, content))
                .then(|| reaches.of(bank.id, content, &entry.signal))
                .flatten();
            match (reach, entry.reach) {
                (None, None) => outcome.without += 1,
                (None, Some(_)) => {
                    outcome.cleared += 1;
                    new.push(change(content, entry.signal, None));
                }
                (Some(reach), Some(had)) if reach == had => outcome.unchanged += 1,
                (Some(reach), had) => {
                    match had {
                        None => outcome.set += 1,
                        Some(_) => outcome.changed += 1,
                    }
                    new.push(change(content, entry.signal, Some(reach)));
                }
            }
        }
        store.set_reaches(bank.id, &new).map(drop)
    })?;
    outcome.is_interrupted = !is_whole;
    Ok(outcome)
}

/// Takes every reach away. Matching changes with the next publication.
///
/// # Errors
/// [`StoreError`].
pub fn clear(workspace: &Workspace, observer: &dyn Observer) -> Result<ReachOutcome, StoreError> {
    let store = BankStore::open_existing(workspace.store())?;
    let mut outcome = ReachOutcome::default();
    let is_whole = each_batch(&store, observer, |bank, items| {
        let (with, without): (Vec<_>, Vec<_>) =
            hashes(items).partition(|(_, entry)| entry.reach.is_some());
        let new: Vec<_> = (with.into_iter())
            .map(|(content, entry)| change(content, entry.signal, None))
            .collect();
        outcome.without += without.len() as u64;
        outcome.cleared += store.set_reaches(bank.id, &new)?;
        Ok(())
    })?;
    outcome.is_interrupted = !is_whole;
    Ok(outcome)
}

const fn change(content: ContentId, signal: Signal, reach: Option<Reach>) -> NewReach {
    NewReach {
        content,
        signal,
        reach,
    }
}

/// Goes through all items of all banks; says whether it came to the end.
fn each_batch(
    store: &BankStore,
    observer: &dyn Observer,
    mut each: impl FnMut(&Bank, &[ContentItem]) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    for bank in store.banks()? {
        let mut first = ContentId(0);
        loop {
            let items = store.items_from(bank.id, first, BankStore::BATCH)?;
            let Some(last) = items.last() else { break };
            if observer.is_stopped() {
                return Ok(false);
            }
            first = ContentId(last.id.0.saturating_add(1));
            each(&bank, &items)?;
        }
    }
    Ok(true)
}

/// The PDQ hashes of items.
fn hashes(items: &[ContentItem]) -> impl Iterator<Item = (ContentId, &ContentSignal)> {
    let all = items
        .iter()
        .flat_map(|item| item.signals.iter().map(move |entry| (item.id, entry)));
    all.filter(|(_, entry)| entry.signal.as_pdq().is_some())
}

/// Which of the hashes an index holds of the very items. A hash that many items share is looked up once.
fn held(index: &Index, bank: BankId, items: &[ContentItem]) -> BTreeSet<(Signal, ContentId)> {
    let mut wanted: BTreeMap<Signal, BTreeSet<ContentId>> = BTreeMap::new();
    for (content, entry) in hashes(items) {
        wanted.entry(entry.signal).or_default().insert(content);
    }
    let mut held = BTreeSet::new();
    for (signal, contents) in wanted {
        index.visit(&signal, Distance::ZERO, |hit| {
            if hit.bank == bank && contents.contains(&hit.content) {
                held.insert((signal, hit.content));
            }
        });
    }
    held
}
