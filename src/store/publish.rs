//! What of a snapshot to publish: nothing, what has changed, or all.

use crate::bank::UnreadPolicy;
use crate::index::{
    self, Base, Carried, FactRecord, Index, IndexError, IndexRecord, PublishError, PublishOptions,
};
use crate::index::{Published, publish, publish_delta};
use crate::store::{Changes, Snapshot, StoreError};
use std::fmt;
use std::path::Path;

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
        let records = self.fact_records(&carried).map_err(PublishError::Source)?;
        let published = publish(folder, &self.banks, records, &options)?;
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
