//! Whether what a workspace holds is whole: the store, the index, the history of uploads, the log of
//! decisions.
//!
//! Owns what counts as damage, and what is only not there yet. Each part is read by its own room. An index
//! folder alone, as on an upload server, is checked without a store: [`check_index`].

use crate::index::{self, IndexError, VerifyReport};
use std::path::Path;

#[cfg(feature = "curation")]
use crate::{
    clock,
    curation::{Observer, Progress, Workspace},
    decisions::{self, DecisionError},
    store::{BankStore, History, HistoryError, StoreError},
};

/// What was found of an index.
#[derive(Debug)]
#[non_exhaustive]
pub enum IndexCheck {
    /// Nothing was published in the folder yet.
    NotPublished,
    /// It was read: the report says what is damaged, if anything is.
    Read(VerifyReport),
    /// It cannot be read.
    Damaged(IndexError),
}

impl IndexCheck {
    /// Whether nothing is damaged. A folder in which nothing was published yet is not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            Self::NotPublished => true,
            Self::Read(report) => report.is_sound(),
            Self::Damaged(_) => false,
        }
    }
}

/// Reads every byte of an index folder.
#[must_use]
pub fn check_index(folder: &Path) -> IndexCheck {
    match index::verify(folder) {
        Ok(report) => IndexCheck::Read(report),
        Err(IndexError::NotPublished { .. }) if index::is_unpublished(folder) => {
            IndexCheck::NotPublished
        }
        Err(error) => IndexCheck::Damaged(error),
    }
}

/// What was found of a store.
#[cfg(feature = "curation")]
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreCheck {
    /// There is none yet.
    Missing,
    /// Every record can be read and the counts agree.
    Sound {
        /// Its revision.
        revision: u64,
        /// Its entries.
        entries: u64,
    },
    /// Something cannot be read.
    Damaged(StoreError),
}

/// What was found of the history of uploads.
#[cfg(feature = "curation")]
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryCheck {
    /// None is kept.
    Off,
    /// Every record can be read.
    Sound {
        /// Uploads that it keeps.
        uploads: u64,
    },
    /// Something cannot be read.
    Damaged(HistoryError),
}

/// What was found of the log of decisions.
#[cfg(feature = "curation")]
#[derive(Debug)]
#[non_exhaustive]
pub enum DecisionsCheck {
    /// None is kept.
    Off,
    /// It was read: the report says what is wrong with it, if anything is.
    Read(Box<decisions::Report>),
    /// It cannot be read.
    Damaged(DecisionError),
}

/// What was found of a workspace.
#[cfg(feature = "curation")]
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkspaceCheck {
    /// The store.
    pub store: StoreCheck,
    /// The index.
    pub index: IndexCheck,
    /// The history of uploads.
    pub history: HistoryCheck,
    /// The log of decisions.
    pub decisions: DecisionsCheck,
}

#[cfg(feature = "curation")]
impl WorkspaceCheck {
    /// Whether nothing is damaged. What is not there yet is not.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let decisions = match &self.decisions {
            DecisionsCheck::Off => true,
            DecisionsCheck::Read(report) => report.is_sound(),
            DecisionsCheck::Damaged(_) => false,
        };
        self.index.is_sound()
            && decisions
            && !matches!(self.store, StoreCheck::Damaged(_))
            && !matches!(self.history, HistoryCheck::Damaged(_))
    }
}

/// Reads all that a workspace holds. What is damaged is in the outcome; it goes on to its end however the
/// observer answers.
#[cfg(feature = "curation")]
#[must_use]
pub fn verify(workspace: &Workspace, observer: &dyn Observer) -> WorkspaceCheck {
    observer.progress(Progress::step("checking the store"));
    let store = check_store(workspace);
    observer.progress(Progress::step("checking the index"));
    let index = check_index(&workspace.index());
    observer.progress(Progress::step("checking the history of uploads"));
    let history = check_history(workspace);
    observer.progress(Progress::step("checking the log of decisions"));
    WorkspaceCheck {
        store,
        index,
        history,
        decisions: check_decisions(workspace),
    }
}

#[cfg(feature = "curation")]
fn check_store(workspace: &Workspace) -> StoreCheck {
    let store = match BankStore::open_read_only(workspace.store()) {
        Ok(store) => store,
        Err(StoreError::Missing { .. }) => return StoreCheck::Missing,
        Err(error) => return StoreCheck::Damaged(error),
    };
    match store.verify() {
        Ok(entries) => StoreCheck::Sound {
            revision: store.revision(),
            entries,
        },
        Err(error) => StoreCheck::Damaged(error),
    }
}

#[cfg(feature = "curation")]
fn check_history(workspace: &Workspace) -> HistoryCheck {
    let checked = History::open_read_only(workspace.history())
        .and_then(|history| history.verify(clock::now()));
    match checked {
        Ok(uploads) => HistoryCheck::Sound { uploads },
        Err(HistoryError::Off { .. }) => HistoryCheck::Off,
        Err(error) => HistoryCheck::Damaged(error),
    }
}

#[cfg(feature = "curation")]
fn check_decisions(workspace: &Workspace) -> DecisionsCheck {
    let folder = workspace.decisions();
    if !folder.exists() {
        return DecisionsCheck::Off;
    }
    match decisions::verify(&folder, decisions::VerifyOptions::default()) {
        Ok(report) => DecisionsCheck::Read(Box::new(report)),
        Err(error) => DecisionsCheck::Damaged(error),
    }
}
