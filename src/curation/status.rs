//! What is in a workspace, and whether its index is up to date with its store and its policy file.
//!
//! Owns [`Status`]. Refuses to change anything, and to read more than counts.

use crate::bank::{Bank, BankName, Policy};
use crate::curation::Workspace;
use crate::curation::policy::{self, PolicyFileError};
use crate::hamming::{Kernel, KernelError};
use crate::hash::SignalType;
use crate::index::{Index, IndexError};
use crate::store::{BankStore, StoreError};
use serde::ser::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is in a workspace, as `status --format jsonl` writes it.
#[derive(Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The workspace's folder, as text.
    pub home: String,
    /// The workspace's folder.
    #[serde(skip)]
    pub folder: PathBuf,
    /// The store; `None` where there is none yet.
    pub store: Option<StoreStatus>,
    /// Its banks, in the order in which they were made.
    pub banks: Vec<BankStatus>,
    /// The index; `None` where nothing was published yet.
    pub index: Option<IndexStatus>,
    /// Whether the index shows the store as it is now, by the policy file as it is now.
    pub up_to_date: bool,
    /// How the policy file and the index go together.
    pub policy: PolicyStatus,
    /// The distance kernel that this machine searches by.
    pub kernel: String,
    /// The version of this program.
    pub program_version: String,
}

/// What is said of a store.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct StoreStatus {
    /// How many changes it has acknowledged.
    pub revision: u64,
}

/// What is said of a bank.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BankStatus {
    /// Its name.
    pub bank: BankName,
    /// Its policy, as the store has it.
    pub policy: Policy,
    /// Its entries.
    pub items: u64,
    /// How many of its hashes have a reach.
    pub calibrated: u64,
    /// Hashes of all its entries, by their type.
    #[serde(skip)]
    pub signals: BTreeMap<SignalType, u64>,
}

/// What is said of an index.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct IndexStatus {
    /// The generation that is in force.
    pub generation: u64,
    /// Its segments.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// How many distinct hashes it has, by their type.
    #[serde(serialize_with = "by_name")]
    pub hashes: Vec<(SignalType, u64)>,
    /// The revision of the store that it shows.
    pub store_revision: u64,
}

fn by_name<S: Serializer>(hashes: &[(SignalType, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(hashes.iter().map(|(kind, count)| (kind.name(), count)))
}

/// How the policy file and the index in force go together.
#[derive(Debug)]
#[non_exhaustive]
pub enum PolicyStatus {
    /// What the file says is in force.
    InForce,
    /// The next publication puts in force what it says.
    Changed,
    /// It cannot be put in force.
    Faulty(PolicyFileError),
}

impl PolicyStatus {
    /// The name, as JSON carries it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Changed => "changed",
            Self::Faulty(_) => "faulty",
        }
    }
}

impl Serialize for PolicyStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why it cannot be told what is in a workspace.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// `HASHGATE_KERNEL` cannot be followed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Says what is in a workspace, which need not be there.
///
/// # Errors
/// [`StatusError`]. What is wrong with the policy file is in the status.
pub fn status(workspace: &Workspace) -> Result<Status, StatusError> {
    let store = match BankStore::open_read_only(workspace.store()) {
        Ok(store) => Some(store),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    status_by(workspace, store.as_ref())
}

/// As [`status`], for whoever holds the workspace's store open.
///
/// # Errors
/// As [`status`].
pub fn status_from(workspace: &Workspace, store: &BankStore) -> Result<Status, StatusError> {
    status_by(workspace, Some(store))
}

fn status_by(workspace: &Workspace, store: Option<&BankStore>) -> Result<Status, StatusError> {
    let index = match Index::open(workspace.index()) {
        Ok(index) => Some(index),
        Err(IndexError::NotPublished { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let banks = match store {
        Some(store) => store.banks()?,
        None => Vec::new(),
    };
    let policy = policy_status(workspace, &banks, index.as_ref());
    let up_to_date = match (store, &index) {
        (Some(store), Some(index)) => {
            let (snapshot, stats) = (store.snapshot()?, index.stats());
            snapshot.revision == stats.store_revision
                && snapshot.mark()? == stats.store_mark
                && matches!(policy, PolicyStatus::InForce)
        }
        (None, None) => true,
        _ => false,
    };
    Ok(Status {
        folder: workspace.folder().to_owned(),
        home: workspace.folder().to_string_lossy().into_owned(),
        banks: match store {
            Some(store) => (banks.into_iter())
                .map(|bank| bank_status(store, bank))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
        store: store.map(|store| StoreStatus {
            revision: store.revision(),
        }),
        index: index.as_ref().map(index_status),
        up_to_date,
        policy,
        kernel: Kernel::detect()?.name().to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

fn policy_status(workspace: &Workspace, banks: &[Bank], index: Option<&Index>) -> PolicyStatus {
    let mut banks = banks.to_vec();
    let laid = policy::load(workspace)
        .and_then(|file| Ok((policy::lay_over(&file, &mut banks)?, file.unread)));
    match (laid, index) {
        (Err(error), _) => PolicyStatus::Faulty(error),
        (Ok((carried, unread)), Some(index))
            if index.banks() == banks
                && *index.carried() == carried
                && index.unread() == unread =>
        {
            PolicyStatus::InForce
        }
        (Ok(_), None) if banks.is_empty() => PolicyStatus::InForce,
        _ => PolicyStatus::Changed,
    }
}

fn bank_status(store: &BankStore, bank: Bank) -> Result<BankStatus, StoreError> {
    let counts = store.counts(bank.id)?;
    Ok(BankStatus {
        bank: bank.name,
        policy: bank.policy,
        items: counts.items,
        calibrated: counts.calibrated,
        signals: counts.signals,
    })
}

fn index_status(index: &Index) -> IndexStatus {
    let stats = index.stats();
    IndexStatus {
        generation: index.generation(),
        segments: stats.segments,
        bytes: stats.bytes,
        hashes: (stats.types.iter())
            .map(|held| (held.signal_type, held.hashes))
            .collect(),
        store_revision: stats.store_revision,
    }
}
