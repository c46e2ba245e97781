//! Where entries come from, as the store knows.

use crate::bank::ContentId;
use crate::decisions::SourceRecord;
use crate::index::Index;
use crate::retrospect::remember::base_of;
use crate::store::{BankStore, StoreError};
use std::collections::HashMap;
use std::path::Path;

/// Entries whose sources are remembered.
const MOST_SOURCES: usize = 10_000;
/// Most sources of an entry that are recorded.
const MOST_OF_AN_ENTRY: usize = 8;

/// Why decisions are recorded without the sources of the entries that matched. They are recorded
/// all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoSources {
    /// The index was not published from this store, or so long ago that the store does not know.
    #[error(
        "the index is not of this home's store, or of long ago: decisions are recorded without the \
         entries' sources"
    )]
    OtherStore,
    /// The store cannot be read.
    #[error("decisions are recorded without the entries' sources")]
    Unreadable(#[source] StoreError),
}

/// The store, and the sources that were asked for last.
pub(super) struct Sources {
    store: BankStore,
    known: HashMap<ContentId, Option<Vec<SourceRecord>>>,
}

impl Sources {
    /// Those of a store that the index was published from.
    pub(super) fn of(store: &Path, index: &Index) -> Result<Self, NoSources> {
        let base = base_of(index);
        let open = || -> Result<Option<BankStore>, StoreError> {
            let store = BankStore::open_read_only(store)?;
            let mark = store.snapshot()?.mark_of(base.revision)?;
            Ok((mark.is_some() && mark == base.mark).then_some(store))
        };
        match open() {
            Ok(Some(store)) => Ok(Self {
                store,
                known: HashMap::new(),
            }),
            Ok(None) => Err(NoSources::OtherStore),
            Err(error) => Err(NoSources::Unreadable(error)),
        }
    }

    /// Where an entry comes from; `None` where that cannot be told.
    pub(super) fn look_up(&mut self, id: ContentId) -> Option<Vec<SourceRecord>> {
        if self.known.len() >= MOST_SOURCES {
            self.known.clear();
        }
        let store = &self.store;
        let read = || match store.item(id) {
            Ok(item) => item.map(|item| {
                let sources = item.sources().take(MOST_OF_AN_ENTRY);
                sources.map(SourceRecord::of).collect()
            }),
            Err(error) => {
                tracing::warn!(%error, "an entry's sources cannot be read");
                None
            }
        };
        self.known.entry(id).or_insert_with(read).clone()
    }
}
