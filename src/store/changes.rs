//! The log of changes: what has changed between a revision and a snapshot.
//!
//! The log says which items were touched, never what became of them: that is read from the
//! snapshot. It refuses to guess: where an entry is missing, or the revision asked about is one of
//! another history, there is no answer, and everything counts as changed.

use crate::bank::{BankId, ContentId};
use crate::index::Carried;
use crate::store::record::{Change, Touched};
use crate::store::snapshot::{Entries, FactRecords, Snapshot};
use crate::store::{BankStore, Records, StoreError, keys, options};
use rocksdb::ReadOptions;
use std::collections::BTreeSet;

/// From how many items on they are read as one reads much.
const MANY: u64 = 10_000;

/// Numbers of one bank: from the first on, up to the last but not including it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    bank: BankId,
    first: u64,
    end: u64,
}

/// What has changed since a revision: see [`Snapshot::changes_since`].
pub struct Changes<'a> {
    snapshot: &'a Snapshot<'a>,
    /// In order, and none touches the next.
    ranges: Vec<Range>,
    replaced: BTreeSet<(BankId, ContentId)>,
}

impl Snapshot<'_> {
    /// What has changed since a revision of this store, which its mark tells from the same
    /// revision of any other: exactly the items that were added, updated, withdrawn, reinstated or deleted.
    ///
    /// `None` where that cannot be said: the log does not reach back so far (see
    /// [`BankStore::CHANGES_KEPT`]), the revision is not there yet, or it belongs to another store
    /// or to another copy of this one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn changes_since(
        &self,
        revision: u64,
        mark: u64,
    ) -> Result<Option<Changes<'_>>, StoreError> {
        let behind = self.revision.checked_sub(revision);
        if behind.is_none_or(|behind| behind > BankStore::CHANGES_KEPT) {
            return Ok(None);
        }
        let mut options = ReadOptions::default();
        self.set(&mut options);
        options.set_iterate_lower_bound(keys::change(revision));
        options.set_iterate_upper_bound([&keys::change(self.revision)[..], &[0]].concat());
        let store = self.store;
        let mut log = store
            .db
            .raw_iterator_cf_opt(store.family(keys::META)?, options);
        let mut added = Vec::new();
        let mut single = BTreeSet::new();
        let mut next = revision;
        log.seek_to_first();
        while let Some((key, value)) = log.item() {
            if keys::parse_change(key) != Some(next) {
                return Ok(None);
            }
            let Some(change) = readable(next, value) else {
                return Ok(None);
            };
            if next == revision {
                // What led to it is in it already.
                if change.mark != mark {
                    return Ok(None);
                }
            } else {
                match change.touched {
                    Touched::Unknown => return Ok(None),
                    Touched::Bank(_) => {}
                    Touched::Added { bank, first, items } => added.push(Range {
                        bank,
                        first: first.0,
                        end: first.0.saturating_add(items),
                    }),
                    Touched::Item(bank, id) => {
                        single.insert((bank, id));
                    }
                    Touched::Updated {
                        bank,
                        first,
                        items,
                        updated,
                    } => {
                        for (from, count) in updated {
                            let end = from.saturating_add(count);
                            single.extend((from..end).map(|id| (bank, ContentId(id))));
                        }
                        if items > 0 {
                            added.push(Range {
                                bank,
                                first: first.0,
                                end: first.0.saturating_add(items),
                            });
                        }
                    }
                }
            }
            next = next.saturating_add(1);
            log.next();
        }
        log.status()
            .map_err(|source| store.failed("read", source))?;
        if next.checked_sub(1) != Some(self.revision) {
            return Ok(None);
        }
        Ok(Some(Changes::new(self, added, single)))
    }

    /// The mark of the snapshot's revision; `None` where the store was never opened for writing by
    /// a program that keeps a log of changes.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn mark(&self) -> Result<Option<u64>, StoreError> {
        self.mark_of(self.revision)
    }

    /// The mark of an earlier revision; `None` where the log does not reach back to it.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn mark_of(&self, revision: u64) -> Result<Option<u64>, StoreError> {
        let store = self.store;
        let meta = store.family(keys::META)?;
        let key = keys::change(revision);
        let value = store.db.get_pinned_cf_opt(meta, key, &self.look_up());
        let value = value.map_err(|source| store.failed("read", source))?;
        let change = value.and_then(|value| readable(revision, &value));
        Ok(change.map(|change| change.mark))
    }
}

/// A change of the log, if it can be read: one that cannot is as good as none.
fn readable(revision: u64, value: &[u8]) -> Option<Change> {
    let change = Change::decode(revision, value);
    if let Err(error) = &change {
        tracing::warn!(%error, "everything counts as changed");
    }
    change.ok()
}

impl<'a> Changes<'a> {
    fn new(
        snapshot: &'a Snapshot<'a>,
        mut added: Vec<Range>,
        single: BTreeSet<(BankId, ContentId)>,
    ) -> Self {
        join(&mut added);
        let known: BTreeSet<BankId> = snapshot.banks.iter().map(|bank| bank.id).collect();
        added.retain(|range| known.contains(&range.bank));
        let mut replaced = single;
        replaced.retain(|&(bank, id)| known.contains(&bank) && !covers(&added, bank, id));
        let mut ranges = added;
        ranges.extend(replaced.iter().map(|&(bank, id)| Range {
            bank,
            first: id.0,
            end: id.0.saturating_add(1),
        }));
        join(&mut ranges);
        Self {
            snapshot,
            ranges,
            replaced,
        }
    }

    /// How many items were touched, those that are gone again included.
    #[must_use]
    pub fn items(&self) -> u64 {
        let items = self.ranges.iter().map(|range| range.end - range.first);
        items.fold(0, u64::saturating_add)
    }

    /// Every item that was there at the revision and was touched since, in order: what an index
    /// had of it no longer holds. Items of banks that are gone are left out.
    pub fn replaced(&self) -> impl Iterator<Item = (BankId, ContentId)> + '_ {
        self.replaced.iter().copied()
    }

    /// Whether an item was there at the revision and was touched since.
    pub(super) fn has_replaced(&self, bank: BankId, content: ContentId) -> bool {
        self.replaced.contains(&(bank, content))
    }

    /// Every hash of every touched item that is active now: by bank, by item, by type and value.
    ///
    /// # Errors
    /// As [`BankStore::records`].
    pub fn records(&self) -> Result<Records<'_>, StoreError> {
        Ok(Records::of(self.entries()?))
    }

    /// As [`Changes::records`], each with what an index carries of its item.
    ///
    /// # Errors
    /// As there.
    pub fn fact_records(&self, carried: &Carried) -> Result<FactRecords<'_>, StoreError> {
        Ok(FactRecords::of(self.entries()?, carried))
    }

    fn entries(&self) -> Result<Entries<'_>, StoreError> {
        let mut read = match self.items() {
            ..MANY => ReadOptions::default(),
            _ => options::scan(),
        };
        self.snapshot.set(&mut read);
        let ranges: Vec<_> = (self.ranges.iter())
            .map(|range| {
                let key = |number| keys::content(range.bank, ContentId(number));
                (key(range.first), key(range.end))
            })
            .collect();
        Entries::within(self.snapshot.store, read, ranges)
    }
}

/// Sorts ranges, and makes one of those that touch.
fn join(ranges: &mut Vec<Range>) {
    ranges.sort_unstable();
    ranges.dedup_by(|later, kept| {
        let touch = later.bank == kept.bank && later.first <= kept.end;
        if touch {
            kept.end = kept.end.max(later.end);
        }
        touch
    });
}

/// Whether one of the ranges, which are in order, has this item.
fn covers(ranges: &[Range], bank: BankId, id: ContentId) -> bool {
    let after = ranges.partition_point(|range| (range.bank, range.first) <= (bank, id.0));
    after
        .checked_sub(1)
        .and_then(|last| ranges.get(last))
        .is_some_and(|range| range.bank == bank && id.0 < range.end)
}

#[cfg(test)]
mod tests;
