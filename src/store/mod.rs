//! Floor 4: the store of record. RocksDB holds every bank, its policy and its content.
//!
//! What [`BankStore`] has acknowledged is on disk: each change is one atomic batch, synced before
//! the call returns, so that a process killed at any point leaves the store as it was before the
//! change or after it. Counts, next numbers and the revision go into the same batch. A second
//! writer is refused; any number of readers may look on.
//!
//! This room refuses to read lists (that is `hashset`), to search (that is `index`), and to be
//! linked by an upload service: only the machine that imports lists needs RocksDB.
//!
//! # Where is what?
//!
//! | column family | key | value |
//! | --- | --- | --- |
//! | `meta` | `schema`; `state`; `counts` + bank | schema version; next numbers and the revision; counts of a bank |
//! | | `arriving` | bank, first number and how many: what new tables bring and is not acknowledged yet |
//! | | `change` + revision | what the change touched that led to this revision, and the revision's mark |
//! | | `remarks` + bank, content | what people here wrote about an item |
//! | | `fact` + bank, name | what whoever fills the bank keeps beside it (`kept.rs`) |
//! | `banks` | bank | name and policy |
//! | `bank_names` | name | bank |
//! | `content` | bank, content | the item |
//! | `extents` | content | bank that the numbers from this one on went to |
//! | `by_signal` | bank, type, value | content: the item whose *identity* this hash is |
//! | | bank, type, value, content | nothing: another item that has this hash |
//! | | bank, 0, SHA-256 of the set of signals | content: the item whose identity this set is |
//! | | bank, 255, SHA-256 of a source and its id of a record, content | nothing: an item that has this record |
//!
//! Numbers in keys are big-endian. Values are a version byte and then [postcard] of a record type
//! that is never changed again (see `record.rs`), but for bare numbers, which are big-endian too.
//!
//! # When is an item already there?
//!
//! Each item has one identity within its bank: where it has exactly one SHA-256 digest, that
//! digest; else the set of all its signals. An item whose identity is in the bank gets what a new
//! source brings that it lacks: signals, better qualities, labels, and then that source beside its
//! own. In whatever order the sources come, it ends with the same signals. What brings nothing new
//! changes nothing: so importing a list a second time does not.
//!
//! An item that people here withdrew takes it in too, but stays withdrawn until [`BankStore::reinstate`]
//! is called. A list cannot undo a decision of people.
//!
//! # What if a source takes something back, or others disagree with it?
//!
//! [`BankStore::sync`] takes records that have their source's own ids. An item is active while one
//! of its sources still has it, nobody says that it is not what it is said to be, and people here
//! have not withdrawn it ([`ContentItem::due_state`](crate::bank::ContentItem::due_state)).
//!
//! # What if a file is damaged?
//!
//! RocksDB checks a checksum of each block that it reads, and the file `acknowledged` says up to
//! which revision the store must reach: damage at the end of a write-ahead log looks like a write
//! that was cut off. Whoever opens a store that holds less is refused ([`StoreError::Lost`]).
//!
//! # What has changed since?
//!
//! Each change writes down in its own batch which items or which bank it touched, for new items
//! only the range of their numbers. The last [`BankStore::CHANGES_KEPT`] changes are kept, whoever
//! has asked for them: so [`Snapshot::publish`] serves any number of index folders. Where the log
//! does not reach back, or belongs to another history than the folder, all is published.
//!
//! # Who can read the files?
//!
//! The folder is closed to other users (0700) and refused where it is not. RocksDB makes its files
//! with the modes that the process's umask leaves; the command sets that to 077.
//!
//! [postcard]: https://postcard.jamesmunns.com/

mod acknowledged;
mod add;
mod arrive;
mod banks;
mod changes;
mod counts;
mod error;
mod gathered;
mod history;
mod item;
mod items;
mod kept;
mod keys;
mod mark;
mod merge;
mod open;
mod options;
mod pause;
mod preview;
mod publish;
mod reach;
mod record;
mod remark;
mod remarks;
mod snapshot;
mod sync;
mod verify;
mod wal;

pub use add::AddSummary;
pub use arrive::ArrivalSummary;
pub use changes::Changes;
pub use counts::BankCounts;
pub use error::StoreError;
pub use gathered::Gathered;
pub use history::{Base as HistoryBase, History, HistoryError, Settings as HistorySettings};
pub use history::{Upload, UploadHash, Uploads};
pub use item::NewItem;
pub use kept::{Facts, NamedFact};
pub use merge::TooMany;
pub use preview::Preview;
pub use publish::{Publication, WhyAll};
pub use reach::NewReach;
pub use remarks::Remarks;
pub use snapshot::{FactRecords, Items, Records, Snapshot};
pub use sync::SyncSummary;

use crate::files::Lock;
use acknowledged::Acknowledged;
use arrive::Arrived;
use record::{Change, State, Touched};
use rocksdb::{ColumnFamily, DB, WriteBatch};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

/// The store of record: banks and their content in one folder.
///
/// ```
/// use hashgate::bank::{Action, ContentSignal, Policy, Provenance};
/// use hashgate::store::{BankStore, NewItem};
/// # let folder = tempfile::tempdir()?;
/// let store = BankStore::open(&folder.path().join("store"))?;
/// let bank = store.create_bank(&"mine".parse()?, Policy::new(Action::Block))?;
/// let item = NewItem {
///     signals: vec![ContentSignal::new("md5:d41d8cd98f00b204e9800998ecf8427e".parse()?, None)],
///     labels: vec!["sample".into()],
///     provenance: Provenance::default(),
///     ..NewItem::default()
/// };
/// assert_eq!(store.add(bank.id, &[item.clone()])?.added, 1);
/// assert_eq!(store.add(bank.id, &[item])?.already_there, 1);
/// assert_eq!(store.records()?.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BankStore {
    /// Closed before the lock below is let go.
    db: DB,
    folder: PathBuf,
    revision: AtomicU64,
    /// `None` where the store is open for reading only.
    writer: Option<Mutex<Writer>>,
    /// Held by who brings tables in, until what they hold is acknowledged: nobody begins to look meanwhile.
    arriving: RwLock<()>,
    _lock: Option<Lock>,
}

/// What one writer at a time holds.
struct Writer {
    state: State,
    /// The bank that the newest content number went to.
    newest_extent: Option<u32>,
    acknowledged: Acknowledged,
    /// How many changes the log keeps.
    changes_kept: u64,
    /// Tables may have come in of which nothing was acknowledged.
    is_unfinished: bool,
    /// What has arrived in a bank that was empty.
    arrived: Option<Arrived>,
}

impl BankStore {
    /// How many items a call of [`BankStore::add`] is best given: each call costs one sync.
    pub const BATCH: usize = 10_000;

    /// How many changes the log keeps, some 30 bytes each.
    pub const CHANGES_KEPT: u64 = 65_536;

    /// The number of changes acknowledged so far; it grows by one with each.
    ///
    /// Of a store that is open for reading only: as of its opening.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// The folder that the store is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes what stands only in the write-ahead log into tables, as is best done once at the end
    /// of a large import: else whoever opens the store next reads the log back, which takes up to
    /// some seconds. What was acknowledged is safe either way.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and [`StoreError::Database`] where the disk is full.
    pub fn flush(&self) -> Result<(), StoreError> {
        let _writer = self.writer()?;
        for name in keys::FAMILIES {
            self.db
                .flush_cf(self.family(name)?)
                .map_err(|source| self.failed("flush", source))?;
        }
        Ok(())
    }

    /// Rewrites the store's files so that what was deleted leaves the disk. Without it that
    /// happens too, but some time after. It takes about as long as copying the store.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], and [`StoreError::Database`] where the disk is full.
    pub fn compact(&self) -> Result<(), StoreError> {
        let _writer = self.writer()?;
        let failed = |source| self.failed("compact", source);
        for name in keys::FAMILIES {
            let family = self.family(name)?;
            self.db.flush_cf(family).map_err(failed)?;
            self.db.compact_range_cf_opt::<&[u8], &[u8]>(
                family,
                None,
                None,
                &options::rewrite_all(),
            );
        }
        Ok(())
    }

    /// The one writer.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(|| StoreError::ReadOnly {
            folder: self.folder.clone(),
        })?;
        // A panic of another thread left it as it was: it is changed only after a commit.
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.is_unfinished {
            self.remove_unfinished(&writer.state)?;
            writer.is_unfinished = false;
        }
        Ok(writer)
    }

    /// Gives the memory back of what is noted to have arrived, unless somebody writes now. Whoever writes next asks the store.
    fn forget_arrived(&self) {
        let writer = self.writer.as_ref().map(Mutex::try_lock);
        if let Some(Ok(mut writer)) = writer {
            writer.arrived = None;
        }
    }

    /// Waits until no tables are coming in.
    fn settled(&self) -> RwLockReadGuard<'_, ()> {
        (self.arriving.read()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a change with the state that follows from it and its place in the log, and syncs it.
    fn commit(
        &self,
        writer: &mut Writer,
        mut batch: WriteBatch,
        mut state: State,
        touched: Touched,
    ) -> Result<(), StoreError> {
        state.revision += 1;
        let meta = self.family(keys::META)?;
        batch.put_cf(meta, keys::STATE, state.encode());
        let mark = mark::new_mark();
        let change = Change { mark, touched };
        batch.put_cf(meta, keys::change(state.revision), change.encode());
        if let Some(old) = state.revision.checked_sub(writer.changes_kept) {
            batch.delete_cf(meta, keys::change(old));
        }
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| self.failed("write to", source))?;
        writer.state = state;
        self.revision.store(state.revision, Ordering::Release);
        writer.acknowledged.set(state.revision)
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| StoreError::Corrupt {
            what: "column family",
            key: name.to_owned(),
            reason: "it is missing".to_owned(),
        })
    }

    fn failed(&self, doing: &'static str, source: rocksdb::Error) -> StoreError {
        StoreError::database(doing, &self.folder, source)
    }
}

impl std::fmt::Debug for BankStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BankStore")
            .field("folder", &self.folder)
            .field("revision", &self.revision())
            .field("read_only", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}
