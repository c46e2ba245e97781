//! A reader that follows what is published.

use crate::index::folder::Stamp;
use crate::index::{Index, IndexError, Memory};
use arc_swap::ArcSwap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The newest generation, for threads that search while others publish.
///
/// [`load`](IndexHandle::load) takes no lock. Whoever holds an `Arc<Index>` keeps searching that
/// generation; its files go when nobody holds it any more.
pub struct IndexHandle {
    current: ArcSwap<Index>,
    refreshing: Mutex<()>,
}

impl IndexHandle {
    /// Opens the generation in force.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        Index::open(folder).map(Self::new)
    }

    /// As [`IndexHandle::open`], with the segments' bytes held as `memory` says.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open_with(folder: impl AsRef<Path>, memory: Memory) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        Index::open_with(folder, memory).map(Self::new)
    }

    /// Follows on from an open index.
    #[must_use]
    pub fn new(index: Index) -> Self {
        Self {
            current: ArcSwap::from_pointee(index),
            refreshing: Mutex::new(()),
        }
    }

    /// The newest generation that [`refresh`](IndexHandle::refresh) has seen.
    #[must_use]
    pub fn load(&self) -> Arc<Index> {
        self.current.load_full()
    }

    /// Looks for a new generation and opens it; `false` where there is none. Costs one look at
    /// the manifest's metadata where nothing has changed. Segments that both generations share
    /// are not opened again.
    ///
    /// # Errors
    /// As [`Index::open`]; the generation that was in force stays.
    pub fn refresh(&self) -> Result<bool, IndexError> {
        let _one_at_a_time = self
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let current = self.load();
        if current.is_in_memory() {
            return Ok(false);
        }
        let stamp = Stamp::of(&current.folder);
        if stamp.is_some() && stamp == current.stamp {
            return Ok(false);
        }
        let Index {
            folder,
            segments,
            kernel,
            memory,
            ..
        } = &*current;
        let next = Index::open_reusing(folder, *memory, *kernel, segments)?;
        let next = next.with_strategy(current.strategy);
        let changed = next.manifest != current.manifest;
        self.current.store(Arc::new(next));
        Ok(changed)
    }
}
