//! What of a snapshot to publish: nothing, what has changed, or all.

use crate::bank::UnreadPolicy;
use crate::index::{
    self, Base, Carried, FactRecord, Index, IndexError, IndexRecord, PublishError, PublishOptions,
};
use crate::index::{Published, publish, publish_delta};
use crate::store::{Changes, Snapshot, StoreError};
use std::fmt;
use std::path::Path;
use std::sync::mpsc::sync_channel;

/// All is published where more than one in so many items has changed: the index would be merged
/// nearly whole anyway.
const LARGE_SHARE: u64 = 4;

/// What was published, and how it came about.
#[derive(Debug)]
#[non_exhaustive]
pub enum Publication {
    /// Nothing has changed: the generation that was in force stays.
    Unchanged(Published),
    /// What has changed, on top of the generation that was in force.
    Change {
        /// The new generation.
        published: Published,
        /// Items that were added, or changed and are active.
        added: u64,
        /// Items that were withdrawn or deleted.
        removed: u64,
    },
    /// All of the store.
    All {
        /// The new generation.
        published: Published,
        /// Why not the change alone.
        why: WhyAll,
    },
}

/// Why all of the store was published.
#[derive(Debug)]
#[non_exhaustive]
pub enum WhyAll {
    /// It was asked for.
    Asked,
    /// Nothing was published before.
    First,
    /// The generation in force cannot be read.
    Damaged(IndexError),
    /// The log of changes does not lead from the generation in force to the snapshot: see
    /// [`Snapshot::changes_since`].
    Unconnected,
    /// The policies name other labels of entries, or ask for how many sources agree for the
    /// first time: the generation in force does not carry that.
    OtherFacts,
    /// Too much has changed.
    Large {
        /// Items that were touched.
        changed: u64,
        /// Items that are active now.
        active: u64,
    },
}

impl fmt::Display for WhyAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("as asked"),
            Self::First => f.write_str("the first"),
            Self::Damaged(error) => write!(f, "the one before is damaged: {error}"),
            Self::Unconnected => {
                f.write_str("the store's log of changes does not lead on from the one before")
            }
            Self::OtherFacts => f.write_str("its policy asks for other labels or facts of entries"),
            Self::Large { changed, active } => {
                write!(
                    f,
                    "{changed} entries have changed, and {active} are there now"
                )
            }
        }
    }
}

/// What there is to do.
enum Plan<'a> {
    Nothing(Index),
    Change(Changes<'a>),
    All(WhyAll),
}

impl Snapshot<'_> {
    /// Puts the snapshot in force in an index folder, with as little writing as may be.
    ///
    /// `base` is what [`Base::read`] says of the folder. Read it *before* the snapshot is taken
    /// (and before a store is opened for reading only): else a generation that another process
    /// publishes in between looks like one of a foreign store. `all` publishes all in any case.
    /// The options' revision, mark and base are set here. The policies that are put in force are
    /// those of [`Snapshot::banks`], which may be changed before.
    ///
    /// ```
    /// use hashgate::bank::{Action, Policy};
    /// use hashgate::index::{Base, PublishError, PublishOptions};
    /// use hashgate::store::{BankStore, Publication};
    /// # let home = tempfile::tempdir()?;
    /// let folder = home.path().join("index");
    /// let store = BankStore::open(&home.path().join("store"))?;
    /// let publish = || {
    ///     let base = Base::read(&folder);
    ///     let snapshot = store.snapshot().map_err(PublishError::Source)?;
    ///     snapshot.publish(&folder, base, false, &PublishOptions::default())
    /// };
    /// assert!(matches!(publish()?, Publication::All { .. }));
    /// assert!(matches!(publish()?, Publication::Unchanged(_)));
    /// store.create_bank(&"mine".parse()?, Policy::new(Action::Block))?;
    /// assert!(matches!(publish()?, Publication::Change { added: 0, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`PublishError`]; the generation that was in force stays.
    /// [`PublishError::OtherBase`]: another process was faster; begin again with [`Base::read`].
    pub fn publish(
        &self,
        folder: &Path,
        base: Result<Base, IndexError>,
        all: bool,
        options: &PublishOptions<'_>,
    ) -> Result<Publication, PublishError<StoreError>> {
        let carried = options.carried.cloned().unwrap_or_default();
        let options = PublishOptions {
            store_revision: self.revision,
            store_mark: self.mark().map_err(PublishError::Source)?,
            // What cannot be read counts as number 0.
            base: Some(base.as_ref().map_or(0, |base| base.generation)),
            ..*options
        };
        let why = match self.plan(folder, base, all, (&carried, options.unread))? {
            Plan::Nothing(index) => return Ok(Publication::Unchanged(published(&index))),
            Plan::Change(changes) => {
                match self.publish_changes(folder, &changes, &carried, &options) {
                    Err(PublishError::Base(error)) => WhyAll::Damaged(error),
                    done => return done,
                }
            }
            Plan::All(why) => why,
        };
        // All of it at once takes much memory.
        self.store.forget_arrived();
        let records = self.fact_records(&carried).map_err(PublishError::Source)?;
        let published = read_ahead(records, |records| {
            publish(folder, &self.banks, records, &options)
        })?;
        Ok(Publication::All { published, why })
    }

    fn plan(
        &self,
        folder: &Path,
        base: Result<Base, IndexError>,
        all: bool,
        (carried, unread): (&Carried, Option<UnreadPolicy>),
    ) -> Result<Plan<'_>, PublishError<StoreError>> {
        if all {
            return Ok(Plan::All(WhyAll::Asked));
        }
        let base = match base {
            Ok(base) => base,
            Err(IndexError::NotPublished { .. }) => return Ok(Plan::All(WhyAll::First)),
            Err(error) => return Ok(Plan::All(WhyAll::Damaged(error))),
        };
        let changes = match base.store_mark {
            Some(mark) => self.changes_since(base.store_revision, mark),
            None => Ok(None),
        };
        let Some(changes) = changes.map_err(PublishError::Source)? else {
            return Ok(Plan::All(WhyAll::Unconnected));
        };
        if base.carried != *carried {
            return Ok(Plan::All(WhyAll::OtherFacts));
        }
        let are_same = base.banks == self.banks && base.unread == unread;
        if base.store_revision == self.revision && are_same {
            return match Index::open(folder) {
                Ok(index) => Ok(Plan::Nothing(index)),
                // No fault of the index.
                Err(error @ IndexError::Kernel(_)) => Err(PublishError::Base(error)),
                Err(error) => Ok(Plan::All(WhyAll::Damaged(error))),
            };
        }
        let (changed, active) = (changes.items(), self.active_items()?);
        if changed.saturating_mul(LARGE_SHARE) > active {
            return Ok(Plan::All(WhyAll::Large { changed, active }));
        }
        Ok(Plan::Change(changes))
    }

    fn publish_changes(
        &self,
        folder: &Path,
        changes: &Changes<'_>,
        carried: &Carried,
        options: &PublishOptions<'_>,
    ) -> Result<Publication, PublishError<StoreError>> {
        let (mut added, mut replaced) = (0, 0);
        let mut last = None;
        let records = changes
            .fact_records(carried)
            .map_err(PublishError::Source)?;
        let counting = records.inspect(|record| {
            let Ok(FactRecord { record, .. }) = record else {
                return;
            };
            let IndexRecord { bank, content, .. } = *record;
            // The hashes of an item come one after the other.
            if last.replace((bank, content)) != Some((bank, content)) {
                added += 1;
                replaced += u64::from(changes.has_replaced(bank, content));
            }
        });
        let published = publish_delta(folder, &self.banks, counting, changes.replaced(), options)?;
        Ok(Publication::Change {
            published,
            added,
            removed: changes.replaced().count() as u64 - replaced,
        })
    }

    /// How many items of all banks are active.
    fn active_items(&self) -> Result<u64, PublishError<StoreError>> {
        let count = || {
            let mut active = 0u64;
            for bank in &self.banks {
                active = active.saturating_add(self.counts(bank.id)?.active);
            }
            Ok(active)
        };
        count().map_err(PublishError::Source)
    }
}

/// An open generation as if it had just been published.
fn published(index: &Index) -> Published {
    let stats = index.stats();
    let sum = |of: fn(&index::TypeStats) -> u64| stats.types.iter().map(of).sum();
    Published {
        generation: stats.generation,
        hashes: sum(|part| part.hashes),
        postings: sum(|part| part.postings),
        bytes: stats.bytes,
        segments: stats.segments,
    }
}

/// Records that are read together on the thread that reads ahead.
const AHEAD: usize = 1_024;

/// Uses records that a thread of their own reads ahead.
///
/// # Panics
/// Where the records do, before anybody could take those that came for all.
fn read_ahead<T: Send, R>(
    mut records: impl Iterator<Item = T> + Send,
    take: impl FnOnce(&mut dyn Iterator<Item = T>) -> R,
) -> R {
    std::thread::scope(|scope| {
        // An empty one is the end.
        let (to, from) = sync_channel::<Vec<T>>(4);
        let mut reader = Some(scope.spawn(move || {
            loop {
                let some: Vec<T> = records.by_ref().take(AHEAD).collect();
                let is_end = some.is_empty();
                // Where nobody takes any more, it failed.
                if to.send(some).is_err() || is_end {
                    return;
                }
            }
        }));
        let mut is_end = false;
        let mut all = std::iter::from_fn(|| {
            if is_end {
                return None;
            }
            let some = from.recv().unwrap_or_default();
            is_end = some.is_empty();
            if is_end
                && let Some(reader) = reader.take()
                && let Err(panic) = reader.join()
            {
                std::panic::resume_unwind(panic);
            }
            Some(some)
        })
        .flatten();
        let taken = take(&mut all);
        drop(all);
        // A reader that waits to send would wait for ever.
        drop(from);
        taken
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_ahead_is_all_in_its_order() {
        for count in [0, 1, AHEAD, 5 * AHEAD + 7, 40 * AHEAD] {
            let all = read_ahead(0..count, |records| records.collect::<Vec<_>>());
            assert!(all.into_iter().eq(0..count), "{count}");
        }
        // Who has enough of it does not wait for the rest.
        let some = read_ahead(0.., |records| records.take(3).collect::<Vec<usize>>());
        assert_eq!(some, [0, 1, 2]);
    }

    #[test]
    fn a_reader_that_panics_is_no_end() {
        let records = (0..5 * AHEAD).inspect(|&at| assert!(at < 4 * AHEAD));
        let mut ended = false;
        let used = std::panic::AssertUnwindSafe(|| {
            read_ahead(records, |records| {
                records.for_each(drop);
                ended = true;
            });
        });
        assert!(std::panic::catch_unwind(used).is_err());
        assert!(!ended);
    }
}
