//! Banks: made, listed, shown, changed, deleted.
//!
//! Owns these operations and [`BankRecord`] and [`EntryRecord`], by which banks and their entries are
//! told to others. Refuses to keep them (that is `store`).

use crate::bank::{
    Bank, BankName, Changed, ContentId, ContentItem, ContentState, OpaqueSignal, Policy,
    Provenance, Setting,
};
use crate::clock;
use crate::curation::policy::{self, Policies, PolicyFileError};
use crate::curation::{Workspace, WorkspaceError};
use crate::hash::{Form, Quality, Reach, SignalType};
use crate::policy::PolicyFile;
use crate::store::{BankCounts, BankStore, StoreError};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::Path;

/// Why something cannot be done to a bank.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BankError {
    /// The workspace cannot be made.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The policy file cannot be put in force, or it outweighs what was to be set.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bank that is to be deleted has entries.
    #[error("bank {bank} has entries ({entries})")]
    HasEntries {
        /// The bank.
        bank: BankName,
        /// How many.
        entries: u64,
    },
}

/// A bank and how much it holds, as `bank list --format jsonl` writes it.
///
/// ```
/// use hashgate::curation::banks::BankRecord;
/// use hashgate::hash::SignalType;
/// let line = r#"{"bank":"known","action":"block","threshold":31,"threshold64":8,"min_quality":50,
///     "enabled":true,"items":2,"active":1,"withdrawn":1,"disputed":0,"signals":{"md5":2,"pdq":2},
///     "opaque":{}}"#;
/// let record: BankRecord = serde_json::from_str(line)?;
/// assert_eq!((record.items, record.signals[&SignalType::Pdq], record.calibrated), (2, 2, None));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BankRecord {
    /// Its name.
    pub bank: BankName,
    /// Its policy, as the store has it; its keys stand beside the others.
    #[serde(flatten)]
    pub policy: Policy,
    /// Entries: the active, the withdrawn and the disputed.
    pub items: u64,
    /// Entries that take part in matching.
    pub active: u64,
    /// Entries that were taken back.
    pub withdrawn: u64,
    /// Entries that somebody says are not what they are said to be.
    pub disputed: u64,
    /// Hashes of all entries by their type; types without any are left out. Written in the order of the
    /// types' names.
    #[serde(serialize_with = "by_name")]
    pub signals: BTreeMap<SignalType, u64>,
    /// How many of these hashes have a reach; left out where none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<u64>,
    /// Signals that cannot be computed here, by their kind.
    pub opaque: BTreeMap<String, u64>,
}

impl BankRecord {
    /// A bank with what the store counted in it.
    #[must_use]
    pub fn of(bank: &Bank, counts: &BankCounts) -> Self {
        Self {
            bank: bank.name.clone(),
            policy: bank.policy.clone(),
            items: counts.items,
            active: counts.active,
            withdrawn: counts.withdrawn,
            disputed: counts.disputed,
            signals: counts.signals.clone(),
            calibrated: (counts.calibrated > 0).then_some(counts.calibrated),
            opaque: counts.opaque.clone(),
        }
    }
}

fn by_name<S: Serializer>(
    signals: &BTreeMap<SignalType, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let names = signals.iter().map(|(kind, count)| (kind.name(), count));
    serializer.collect_map(names.collect::<BTreeMap<_, _>>())
}

/// An entry of a bank, as `bank show --format jsonl` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryRecord {
    /// Its number.
    pub content_id: ContentId,
    /// Its hashes, as `TYPE:HEX`.
    pub signals: Vec<String>,
    /// The PDQ quality of each hash, where known.
    pub qualities: Vec<Option<Quality>>,
    /// Of which form of the entry each hash is; left out where all are of the entry as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forms: Option<Vec<Option<Form>>>,
    /// How far out each hash may safely reach; left out where none was calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaches: Option<Vec<Option<Reach>>>,
    /// What its sources call it.
    pub labels: Vec<String>,
    /// Whether it takes part in matching.
    pub state: ContentState,
    /// Whether people here withdrew it.
    pub by_hand: bool,
    /// When its state was changed last, where that is known.
    pub changed: Option<Changed>,
    /// Its signals of kinds that cannot be computed here.
    pub opaque: Vec<OpaqueSignal>,
    /// How many agree that it is what it is said to be.
    pub agreeing: usize,
    /// Where it came from first.
    pub provenance: Provenance,
    /// Where something of it came from later.
    pub later_provenance: Vec<Provenance>,
}

impl From<ContentItem> for EntryRecord {
    fn from(item: ContentItem) -> Self {
        let signals = &item.signals;
        let forms: Vec<_> = signals.iter().map(|entry| entry.form).collect();
        let reaches: Vec<_> = signals.iter().map(|entry| entry.reach).collect();
        Self {
            content_id: item.id,
            qualities: signals.iter().map(|entry| entry.quality).collect(),
            forms: forms.iter().any(Option::is_some).then_some(forms),
            reaches: reaches.iter().any(Option::is_some).then_some(reaches),
            agreeing: item.agreeing(),
            signals: (signals.iter())
                .map(|entry| entry.signal.to_string())
                .collect(),
            labels: item.labels,
            state: item.state,
            by_hand: item.by_hand,
            changed: item.changed,
            opaque: item.opaque,
            provenance: item.provenance,
            later_provenance: item.later,
        }
    }
}

/// Makes an empty bank, and the workspace where it is missing.
///
/// # Errors
/// [`BankError`]; [`StoreError::BankExists`] where the name is taken.
pub fn create(workspace: &Workspace, name: &BankName, policy: Policy) -> Result<Bank, BankError> {
    workspace.create()?;
    let store = BankStore::open(workspace.store())?;
    Ok(store.create_bank(name, policy)?)
}

/// Every bank, in the order in which they were made.
///
/// # Errors
/// [`BankError::Store`].
pub fn list(workspace: &Workspace) -> Result<Vec<BankRecord>, BankError> {
    let store = BankStore::open_read_only(workspace.store())?;
    let record = |bank: Bank| Ok(BankRecord::of(&bank, &store.counts(bank.id)?));
    store.banks()?.into_iter().map(record).collect()
}

/// One bank, to look at it and its entries.
#[derive(Debug)]
pub struct BankView {
    store: BankStore,
    /// The bank, with its policy as the store has it.
    bank: Bank,
    counts: BankCounts,
    is_in_policy_file: bool,
}

impl BankView {
    /// Opens a bank of a workspace, as it is now.
    ///
    /// # Errors
    /// [`BankError::Store`].
    pub fn open(workspace: &Workspace, name: &BankName) -> Result<Self, BankError> {
        let store = BankStore::open_read_only(workspace.store())?;
        let bank = store.bank(name)?;
        let counts = store.counts(bank.id)?;
        let file = policy::load(workspace);
        Ok(Self {
            is_in_policy_file: file.is_ok_and(|file| policy::speaks_of(&file, &bank)),
            store,
            bank,
            counts,
        })
    }

    /// The bank, with its policy as the store has it.
    #[must_use]
    pub const fn bank(&self) -> &Bank {
        &self.bank
    }

    /// Whether the workspace's policy file says more of it.
    #[must_use]
    pub const fn is_in_policy_file(&self) -> bool {
        self.is_in_policy_file
    }

    /// The bank and how much it holds.
    #[must_use]
    pub fn record(&self) -> BankRecord {
        BankRecord::of(&self.bank, &self.counts)
    }

    /// Its entries, the withdrawn too, in the order of their numbers. An [`EntryRecord`] tells each to
    /// others.
    pub fn entries(&self) -> impl Iterator<Item = Result<ContentItem, BankError>> + '_ {
        (self.store.items(self.bank.id)).map(|item| item.map_err(BankError::from))
    }

    /// Until when an entry matches nothing though it is active, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn paused_until(&self, entry: ContentId) -> Option<u64> {
        self.bank.policy.paused_until(entry, clock::now())
    }
}

/// What came of changing a bank's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyChange {
    /// The bank, with its policy as the store has it now.
    pub bank: Bank,
    /// Whether that differs from what it was.
    pub is_changed: bool,
}

/// Changes a bank's policy in the store. Matching changes with the next publication.
///
/// # Errors
/// [`BankError`]; [`PolicyFileError::Outweighs`] where the policy file sets the same, so that it would
/// have no effect.
pub fn set_policy(
    workspace: &Workspace,
    name: &BankName,
    settings: &[Setting],
) -> Result<PolicyChange, BankError> {
    let store = BankStore::open_existing(workspace.store())?;
    let bank = store.bank(name)?;
    let names: Vec<&'static str> = settings.iter().map(|setting| setting.name()).collect();
    policy::must_not_set(workspace, &bank, &names)?;
    let mut policy = bank.policy.clone();
    for &setting in settings {
        policy.set(setting);
    }
    if policy == bank.policy {
        return Ok(PolicyChange {
            bank,
            is_changed: false,
        });
    }
    Ok(PolicyChange {
        bank: store.set_policy(name, policy)?,
        is_changed: true,
    })
}

/// Deletes a bank, and says how many entries went with it. Matching changes with the next publication.
///
/// # Errors
/// [`BankError::HasEntries`] where it has entries and `with_entries` is false; [`BankError::Store`].
pub fn delete(
    workspace: &Workspace,
    name: &BankName,
    with_entries: bool,
) -> Result<u64, BankError> {
    let store = BankStore::open_existing(workspace.store())?;
    let bank = store.bank(name)?;
    let entries = store.counts(bank.id)?.items;
    if entries > 0 && !with_entries {
        return Err(BankError::HasEntries {
            bank: bank.name,
            entries,
        });
    }
    Ok(store.delete_bank(name)?)
}

/// What the next publication puts in force: the store's banks with the policy file laid over them.
///
/// # Errors
/// [`BankError`].
pub fn policies(workspace: &Workspace) -> Result<Policies, BankError> {
    let file = policy::load(workspace)?;
    let mut banks = BankStore::open_read_only(workspace.store())?.banks()?;
    let carried = policy::lay_over(&file, &mut banks)?;
    Ok(Policies {
        banks,
        unread: file.unread,
        carried,
    })
}

/// A policy file that was held against its words and the banks there are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedPolicy {
    /// What it says.
    pub file: PolicyFile,
    /// Settings that it has.
    pub settings: usize,
    /// How many of the banks it speaks of; `None` where there is no store yet.
    pub banks: Option<usize>,
}

/// Checks a policy file without putting it in force.
///
/// # Errors
/// [`BankError`]: what is wrong with it.
pub fn check_policy(workspace: &Workspace, path: &Path) -> Result<CheckedPolicy, BankError> {
    let file = policy::read(path)?;
    let banks = match BankStore::open_read_only(workspace.store()) {
        Ok(store) => Some(store.banks()?),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let banks = match banks {
        Some(mut banks) => {
            policy::lay_over(&file, &mut banks)?;
            let laid = banks.iter().filter(|bank| bank.policy.layer.is_some());
            Some(laid.count())
        }
        None => None,
    };
    Ok(CheckedPolicy {
        settings: policy::settings(&file),
        file,
        banks,
    })
}
