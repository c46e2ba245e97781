//! Publishing: what the store holds now becomes the next generation of the index.
//!
//! ```text
//! read the policy file
//! read what is in force in the index folder      in this order: a generation that another process
//! take a snapshot of the store                    publishes in between looks foreign otherwise
//! lay the policy file over the snapshot's banks
//! publish; begin again where another process was faster
//! note in the ledger which revision is in force since when
//! ```
//!
//! Owns this order. How a generation is written is `index`'s, and what of the store to write is `store`'s.

use crate::clock;
use crate::curation::ledger::{Ledger, LedgerEntry, LedgerError};
use crate::curation::policy::{self, PolicyFileError};
use crate::curation::{Observer, Progress, Unit, Workspace};
use crate::index::{self, Base, PublishError, PublishOptions, Stage};
use crate::policy::PolicyFile;
use crate::store::{BankStore, StoreError};

pub use crate::store::Publication;

/// How often publishing is tried where other processes publish at the same time.
const TRIES: u32 = 3;

/// How to publish.
///
/// ```
/// use hashgate::curation::publish::PublishPlan;
/// let plan = PublishPlan::default().in_full(true).within_memory(2 << 30);
/// assert!(plan.in_full);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PublishPlan {
    /// Write the whole index anew, also where writing what has changed would do.
    pub in_full: bool,
    /// Bytes of memory to build in, 6.7 GB unless set. An index that needs more becomes several
    /// segments.
    pub memory: Option<u64>,
}

impl PublishPlan {
    /// Whether to write the whole index anew.
    #[must_use]
    pub const fn in_full(mut self, in_full: bool) -> Self {
        self.in_full = in_full;
        self
    }

    /// Builds in so many bytes of memory.
    #[must_use]
    pub const fn within_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }
}

/// What was published.
#[derive(Debug)]
#[non_exhaustive]
pub struct PublishOutcome {
    /// The generation that is in force now, and how it came about.
    pub publication: Publication,
    /// How many banks it has.
    pub banks: usize,
    /// The revision of the store that it shows.
    pub revision: u64,
    /// Why the publication is not in the ledger. The index is in force all the same, but an audit will
    /// not know since when.
    pub not_noted: Option<LedgerError>,
}

impl PublishOutcome {
    /// What is in force now.
    #[must_use]
    pub const fn published(&self) -> &index::Published {
        match &self.publication {
            Publication::Unchanged(published)
            | Publication::Change { published, .. }
            | Publication::All { published, .. } => published,
        }
    }

    /// Whether a new generation was written.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        !matches!(self.publication, Publication::Unchanged(_))
    }
}

/// Why nothing was published. What was in force before still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishingError {
    /// The policy file cannot be put in force.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be written.
    #[error(transparent)]
    Index(PublishError<StoreError>),
}

impl From<PublishError<StoreError>> for PublishingError {
    fn from(error: PublishError<StoreError>) -> Self {
        match error {
            PublishError::Source(error) => Self::Store(error),
            error => Self::Index(error),
        }
    }
}

/// Publishes what the store of a workspace holds now, by its policy file. It goes on to its end however
/// the observer answers: stopped processes leave what was in force before.
///
/// # Errors
/// [`PublishingError`].
pub fn publish(
    workspace: &Workspace,
    plan: &PublishPlan,
    observer: &dyn Observer,
) -> Result<PublishOutcome, PublishingError> {
    publish_by(workspace, None, plan, observer)
}

/// As [`publish`], for whoever holds the workspace's store open.
///
/// # Errors
/// [`PublishingError`].
pub fn publish_from(
    workspace: &Workspace,
    store: &BankStore,
    plan: &PublishPlan,
    observer: &dyn Observer,
) -> Result<PublishOutcome, PublishingError> {
    publish_by(workspace, Some(store), plan, observer)
}

fn publish_by(
    workspace: &Workspace,
    store: Option<&BankStore>,
    plan: &PublishPlan,
    observer: &dyn Observer,
) -> Result<PublishOutcome, PublishingError> {
    let file = policy::load(workspace)?;
    let mut tries = 1..TRIES;
    let mut outcome = loop {
        match publish_once((workspace, store), &file, plan, observer) {
            Err(PublishingError::Index(PublishError::OtherBase { .. }))
                if tries.next().is_some() => {}
            done => break done?,
        }
    };
    if outcome.is_new() {
        let entry = LedgerEntry {
            generation: outcome.published().generation,
            revision: outcome.revision,
            at: clock::now(),
        };
        outcome.not_noted = Ledger::of(workspace).note(entry).err();
    }
    Ok(outcome)
}

fn publish_once(
    (workspace, store): (&Workspace, Option<&BankStore>),
    file: &PolicyFile,
    plan: &PublishPlan,
    observer: &dyn Observer,
) -> Result<PublishOutcome, PublishingError> {
    // In this order: see `Snapshot::publish`.
    let base = Base::read(&workspace.index());
    let opened;
    let store = match store {
        Some(store) => store,
        None => {
            opened = BankStore::open_read_only(workspace.store())?;
            &opened
        }
    };
    let mut snapshot = store.snapshot()?;
    let carried = policy::lay_over(file, &mut snapshot.banks)?;
    observer.progress(Progress::step("reading the store"));
    let tell = |at: index::Progress| observer.progress(progress(at));
    let default = PublishOptions::default();
    let options = PublishOptions {
        carried: Some(&carried),
        unread: file.unread,
        progress: Some(&tell),
        segment_records: (plan.memory).map_or(default.segment_records, PublishOptions::records_in),
        ..default
    };
    let publication = snapshot.publish(&workspace.index(), base, plan.in_full, &options)?;
    Ok(PublishOutcome {
        publication,
        banks: snapshot.banks.len(),
        revision: snapshot.revision,
        not_noted: None,
    })
}

const fn progress(at: index::Progress) -> Progress<'static> {
    Progress {
        what: match at.stage {
            Stage::Reading => "reading the store",
            _ => "building the index",
        },
        done: at.done,
        total: at.total,
        unit: Unit::Items,
    }
}
