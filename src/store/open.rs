//! Opening the store: its folder, its lock, its schema.

use crate::files::{FolderError, Lock, LockError, check_private, create_folder};
use crate::store::acknowledged::{self, Acknowledged, Said};
use crate::store::options::{self, Access, Recovery};
use crate::store::record::{Change, State, Touched};
use crate::store::wal::{self, Damage};
use crate::store::{BankStore, StoreError, Writer, keys, mark};
use rocksdb::{DB, Options, WriteBatch};
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, RwLock};
use std::time::Duration;

/// The newest schema that this program reads and writes.
pub(super) const SCHEMA: u32 = 1;
/// The schema while tables come in that nobody has acknowledged: a program that does not know how to take
/// them out again must not open the store then.
pub(super) const SCHEMA_ARRIVING: u32 = 2;

/// The file whose lock the one writer holds.
const LOCK_FILE: &str = "hashgate.lock";

/// What RocksDB keeps when a folder has a database in it.
const CURRENT: &str = "CURRENT";

/// How often a reader tries while a writer changes the files under it, and how long it waits
/// between.
const READ_TRIES: u32 = 40;
const READ_PAUSE: Duration = Duration::from_millis(50);

impl BankStore {
    /// Opens the store in a folder to write to it, and makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where there is a writer already, [`StoreError::Permissions`] where
    /// others may enter the folder, [`StoreError::NotAStore`] where it holds something else,
    /// [`StoreError::NewerSchema`]; [`StoreError::Lost`], [`StoreError::DamagedLog`] and
    /// [`StoreError::Database`] where it is damaged.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        make_folder(folder)?;
        check_permissions(folder)?;
        let lock = lock(folder)?;
        let said = acknowledged::read(folder)?;
        let recovery = recovery(said);
        let damage = if has_database(folder)? {
            let damage = wal::check(folder)?;
            check_families(folder)?;
            // Before anything is written: opening replaces the logs by what can be read of them.
            if !wal::logs(folder)?.is_empty() {
                let found = revision_to_be_read(folder, recovery)?;
                check_acknowledged(folder, said, found, damage.as_ref())?;
            }
            damage
        } else {
            check_acknowledged(folder, said, None, None)?;
            check_unused(folder)?;
            None
        };
        let options = options::database(Access::Write, recovery);
        let db = DB::open_cf_descriptors(&options, folder, options::families())
            .map_err(|source| StoreError::database("open", folder, source))?;
        let mut store = Self {
            db,
            folder: folder.to_owned(),
            revision: AtomicU64::new(0),
            writer: None,
            arriving: RwLock::new(()),
            _lock: Some(lock),
        };
        let found = stored_revision(&store.db, folder)?;
        check_acknowledged(folder, said, found, damage.as_ref())?;
        let state = match store.schema()? {
            Some(()) => store.state()?,
            None => store.begin()?,
        };
        store.remove_unfinished(&state)?;
        store.begin_log(&state)?;
        let acknowledged = Acknowledged::open(folder, said, state.revision)?;
        let newest_extent = store.newest_extent()?;
        store.revision = AtomicU64::new(state.revision);
        store.writer = Some(Mutex::new(Writer {
            state,
            newest_extent,
            acknowledged,
            changes_kept: Self::CHANGES_KEPT,
            is_unfinished: false,
            arrived: None,
        }));
        Ok(store)
    }

    /// As [`BankStore::open`], for a store that is there: makes nothing where there is none.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no store, and else as [`BankStore::open`].
    pub fn open_existing(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        if has_database(folder)? {
            Self::open(folder)
        } else {
            Err(StoreError::Missing {
                folder: folder.to_owned(),
            })
        }
    }

    /// Opens the store in a folder to read it as it is now; another process may go on writing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no store, [`StoreError::Busy`] where the writer
    /// changes the files all the time, and else as [`BankStore::open`].
    pub fn open_read_only(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        if !has_database(folder)? {
            check_acknowledged(folder, acknowledged::read(folder)?, None, None)?;
            return Err(StoreError::Missing {
                folder: folder.to_owned(),
            });
        }
        check_permissions(folder)?;
        let mut failure = None;
        for tried in 0..READ_TRIES {
            if tried > 0 {
                std::thread::sleep(READ_PAUSE);
            }
            // RocksDB reads its manifest and then the logs that it names. Where the writer moves
            // on between the two, records may be missing: then what was opened is not used.
            let before = manifest(folder)?;
            let opened = Self::try_read_only(folder);
            let steady = before.is_some() && before == manifest(folder)?;
            if let Ok(store) = &opened
                && store.has_unfinished()?
            {
                // Tables are coming in: soon they are acknowledged. If nobody is at it any more, opening
                // the store to write takes them out again.
                drop(opened);
                failure = None;
                match Self::open(folder) {
                    Ok(_) | Err(StoreError::Locked { .. }) => continue,
                    Err(error) => return Err(error),
                }
            }
            match opened {
                Ok(store) if steady => return Ok(store),
                Err(error) if steady => failure = Some(error),
                _ => failure = None,
            }
            if failure.is_some() && tried > 2 {
                break;
            }
        }
        if let Some(StoreError::Database { .. }) = failure {
            check_families(folder)?;
        }
        Err(failure.unwrap_or_else(|| StoreError::Busy {
            folder: folder.to_owned(),
            tries: READ_TRIES,
        }))
    }

    fn try_read_only(folder: &Path) -> Result<Self, StoreError> {
        // In this order: what a writer adds meanwhile is then more than what was acknowledged.
        let said = acknowledged::read(folder)?;
        let damage = wal::check(folder)?;
        let options = options::database(Access::Read, recovery(said));
        let db = DB::open_cf_descriptors_read_only(&options, folder, options::families(), false)
            .map_err(|source| StoreError::database("open", folder, source))?;
        let found = stored_revision(&db, folder)?;
        check_acknowledged(folder, said, found, damage.as_ref())?;
        Self::read_only(db, folder)
    }

    fn read_only(db: DB, folder: &Path) -> Result<Self, StoreError> {
        let mut store = Self {
            db,
            folder: folder.to_owned(),
            revision: AtomicU64::new(0),
            writer: None,
            arriving: RwLock::new(()),
            _lock: None,
        };
        if store.schema()?.is_none() {
            return Err(StoreError::Missing {
                folder: folder.to_owned(),
            });
        }
        store.revision = AtomicU64::new(store.state()?.revision);
        Ok(store)
    }

    /// Checks the schema; `None` where the store was not begun.
    fn schema(&self) -> Result<Option<()>, StoreError> {
        read_schema(&self.db, &self.folder)
    }

    fn state(&self) -> Result<State, StoreError> {
        let bytes = self
            .db
            .get_cf(self.family(keys::META)?, keys::STATE)
            .map_err(|source| self.failed("read", source))?;
        State::decode(&bytes.unwrap_or_default())
    }

    /// Writes what a new store begins with.
    fn begin(&self) -> Result<State, StoreError> {
        for name in [keys::META, keys::BANKS, keys::CONTENT] {
            let mut keys = self.db.raw_iterator_cf(self.family(name)?);
            keys.seek_to_first();
            if keys.valid() {
                return Err(StoreError::Corrupt {
                    what: "schema",
                    key: "of the store".to_owned(),
                    reason: format!("it is missing, but {name} is not empty"),
                });
            }
        }
        let meta = self.family(keys::META)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(meta, keys::SCHEMA, SCHEMA.to_be_bytes());
        batch.put_cf(meta, keys::STATE, State::FIRST.encode());
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| self.failed("begin", source))?;
        Ok(State::FIRST)
    }

    /// Sees that the log of changes has the newest one: a program that kept no log wrote it, or the
    /// store is new.
    fn begin_log(&self, state: &State) -> Result<(), StoreError> {
        let meta = self.family(keys::META)?;
        let key = keys::change(state.revision);
        let found = self.db.get_pinned_cf(meta, key);
        if found
            .map_err(|source| self.failed("read", source))?
            .is_some()
        {
            return Ok(());
        }
        let change = Change {
            mark: mark::new_mark(),
            touched: Touched::Unknown,
        };
        let mut batch = WriteBatch::default();
        batch.put_cf(meta, key, change.encode());
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| self.failed("write to", source))
    }

    /// The bank that the newest content number went to.
    fn newest_extent(&self) -> Result<Option<u32>, StoreError> {
        let mut extents = self.db.raw_iterator_cf(self.family(keys::EXTENTS)?);
        extents.seek_to_last();
        extents
            .status()
            .map_err(|source| self.failed("read", source))?;
        Ok(extents.value().and_then(keys::parse_u32))
    }
}

/// How to read the logs, given what is known to be acknowledged.
fn recovery(said: Said) -> Recovery {
    match said {
        Said::Revision { .. } => Recovery::UpToDamage,
        Said::Nothing | Said::Damaged => Recovery::UpToCut,
    }
}

/// Refuses a store that holds less than what was acknowledged.
fn check_acknowledged(
    folder: &Path,
    said: Said,
    found: Option<u64>,
    damage: Option<&Damage>,
) -> Result<(), StoreError> {
    match said.revision() {
        Some(acknowledged) if found.is_none_or(|found| found < acknowledged) => {
            let damage = match damage {
                Some(Damage {
                    path,
                    position,
                    reason,
                    ..
                }) => format!("{} is damaged at byte {position}: {reason}", path.display()),
                None => "a file of it is cut off or gone".to_owned(),
            };
            Err(StoreError::Lost {
                folder: folder.to_owned(),
                acknowledged,
                found,
                damage,
            })
        }
        _ => Ok(()),
    }
}

/// The revision that a database is at; `None` where it was not begun.
fn stored_revision(db: &DB, folder: &Path) -> Result<Option<u64>, StoreError> {
    if read_schema(db, folder)?.is_none() {
        return Ok(None);
    }
    let Some(meta) = db.cf_handle(keys::META) else {
        return Ok(None);
    };
    let state = db.get_cf(meta, keys::STATE);
    let state = state.map_err(|source| StoreError::database("read", folder, source))?;
    Ok(Some(State::decode(&state.unwrap_or_default())?.revision))
}

/// The revision that opening the database would find, without writing anything.
fn revision_to_be_read(folder: &Path, recovery: Recovery) -> Result<Option<u64>, StoreError> {
    let options = options::database(Access::Read, recovery);
    let db = DB::open_cf_for_read_only(&options, folder, [keys::META], false)
        .map_err(|source| StoreError::database("open", folder, source))?;
    stored_revision(&db, folder)
}

fn read_schema(db: &DB, folder: &Path) -> Result<Option<()>, StoreError> {
    let meta = db.cf_handle(keys::META);
    let Some(meta) = meta else {
        return Ok(None);
    };
    let bytes = db
        .get_cf(meta, keys::SCHEMA)
        .map_err(|source| StoreError::database("read", folder, source))?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let is_arriving = || {
        let note = db.get_pinned_cf(meta, keys::ARRIVING);
        let note = note.map_err(|source| StoreError::database("read", folder, source))?;
        Ok::<bool, StoreError>(note.is_some())
    };
    match keys::parse_u32(&bytes) {
        Some(SCHEMA) => Ok(Some(())),
        Some(SCHEMA_ARRIVING) if is_arriving()? => Ok(Some(())),
        Some(found) if found > SCHEMA => Err(StoreError::NewerSchema {
            folder: folder.to_owned(),
            found,
            known: SCHEMA,
        }),
        _ => Err(StoreError::Corrupt {
            what: "schema",
            key: "of the store".to_owned(),
            reason: format!("expected {SCHEMA} in 4 bytes, got {} bytes", bytes.len()),
        }),
    }
}

/// Refuses column families that are not ours: those of a newer schema or of another program.
fn check_families(folder: &Path) -> Result<(), StoreError> {
    let found = DB::list_cf(&Options::default(), folder)
        .map_err(|source| StoreError::database("open", folder, source))?;
    let ours: HashSet<&str> = keys::FAMILIES.into_iter().chain(["default"]).collect();
    let Some(foreign) = found.iter().find(|name| !ours.contains(name.as_str())) else {
        return Ok(());
    };
    if found.iter().any(|name| name == keys::META) {
        let options = options::database(Access::Read, Recovery::UpToCut);
        let db = DB::open_cf_for_read_only(&options, folder, [keys::META], false)
            .map_err(|source| StoreError::database("open", folder, source))?;
        read_schema(&db, folder)?;
    }
    Err(StoreError::NotAStore {
        folder: folder.to_owned(),
        found: foreign.clone(),
    })
}

/// Makes the folder and those above it that are missing, open to their owner alone.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    create_folder(folder).map_err(|source| StoreError::io("create the folder", folder, source))
}

/// Refuses a folder that others may enter.
fn check_permissions(folder: &Path) -> Result<(), StoreError> {
    check_private(folder).map_err(|error| match error {
        FolderError::Open { folder, mode } => StoreError::Permissions { folder, mode },
        FolderError::Io { folder, source } => StoreError::io("look at", &folder, source),
        FolderError::NotAFolder { folder } => {
            StoreError::io("look at", &folder, ErrorKind::NotADirectory.into())
        }
    })
}

/// Takes the lock of the one writer.
fn lock(folder: &Path) -> Result<Lock, StoreError> {
    Lock::take(&folder.join(LOCK_FILE)).map_err(|error| match error {
        LockError::Busy { .. } => StoreError::Locked {
            folder: folder.to_owned(),
        },
        LockError::Open { path, source } => StoreError::io("open", &path, source),
        LockError::Lock { path, source } => StoreError::io("lock", &path, source),
    })
}

fn has_database(folder: &Path) -> Result<bool, StoreError> {
    let path = folder.join(CURRENT);
    path.try_exists()
        .map_err(|source| StoreError::io("look at", &path, source))
}

/// Refuses a folder with files in it that are neither ours nor what an interrupted beginning of a
/// store leaves.
fn check_unused(folder: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::io("list", folder, source);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy();
        let known = matches!(&*name, LOCK_FILE | "LOCK" | "LOG" | "IDENTITY")
            || acknowledged::is_unfinished(&name)
            || ["LOG.old.", "MANIFEST-", "OPTIONS-"]
                .iter()
                .any(|front| name.starts_with(front))
            || [".dbtmp", ".log"].iter().any(|end| name.ends_with(end));
        if !known {
            return Err(StoreError::NotAStore {
                folder: folder.to_owned(),
                found: name.into_owned(),
            });
        }
    }
    Ok(())
}

/// The name and length of the manifest: both stay the same as long as no table and no log comes
/// or goes. `None` where the writer is replacing it.
fn manifest(folder: &Path) -> Result<Option<(String, u64)>, StoreError> {
    let path = folder.join(CURRENT);
    let name = fs::read_to_string(&path).map_err(|source| StoreError::io("read", &path, source))?;
    match fs::metadata(folder.join(name.trim_end())) {
        Ok(data) => Ok(Some((name, data.len()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::io("look at the manifest in", folder, source)),
    }
}
