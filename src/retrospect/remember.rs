//! Uploads on their way into the history: taken down one by one, kept by groups.

use crate::decisions::Input;
use crate::gate::Verdict;
use crate::index::Index;
use crate::retrospect::kept::kept_hashes;
use crate::store::{History, HistoryBase, HistoryError, Upload};
use std::path::Path;

/// Which state of the store an index shows.
pub(super) fn base_of(index: &Index) -> HistoryBase {
    let stats = index.stats();
    HistoryBase {
        revision: stats.store_revision,
        mark: stats.store_mark,
    }
}

/// The history, open, and what is to go into it next.
pub(super) struct Remember {
    history: History,
    judged_by: HistoryBase,
    waiting: Vec<Upload>,
}

impl Remember {
    /// # Errors
    /// As [`History::open`].
    pub(super) fn open(folder: &Path, now: u64) -> Result<Self, HistoryError> {
        Ok(Self {
            history: History::open(folder, now)?,
            judged_by: HistoryBase {
                revision: 0,
                mark: None,
            },
            waiting: Vec::new(),
        })
    }

    /// Says which index judges from here on. Those that an earlier one judged must be kept before.
    pub(super) fn set_index(&mut self, index: &Index) {
        self.judged_by = base_of(index);
    }

    /// Takes down an upload, where it has hashes.
    pub(super) fn note(&mut self, verdict: &Verdict, input: &Input, now: u64) {
        if verdict.queries.is_empty() {
            return;
        }
        self.waiting.push(Upload {
            at: now,
            number: 0,
            name: input.name.clone(),
            name_hex: input.name_hex.clone(),
            bytes: input.bytes.unwrap_or_default(),
            generation: verdict.generation,
            revision: self.judged_by.revision,
            outcome: verdict.outcome.name().to_owned(),
            action: verdict.action,
            hashes: kept_hashes(verdict),
            left_out: 0,
        });
    }

    /// How many uploads wait to be kept.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Keeps those that wait, and returns when they are on the disk.
    pub(super) fn commit(&mut self) -> Result<(), HistoryError> {
        self.history.remember(self.judged_by, &self.waiting)?;
        self.waiting.clear();
        Ok(())
    }
}
