//! Hashes of past uploads, kept for a time where that was asked for: what arrives later can be held
//! against them.
//!
//! A database of its own beside the store of record, in the folder `history` of a home: a scan that
//! remembers runs for hours, and must not keep imports and withdrawals waiting for the store's one
//! writer. Nothing of a picture is in it, no list, and no decision about anything; it can be
//! removed by itself. This room keeps and forgets; it refuses to search.
//!
//! | column family | key | value |
//! | --- | --- | --- |
//! | `meta` | `schema` | schema version, a big-endian `u32` |
//! | | `settings` | for how many days, how many hashes an upload, names or not |
//! | | `state` | the next number; from which revision of the store on entries are news |
//! | `uploads` | time in seconds, number, both big-endian `u64` | the upload |
//!
//! From the second at which it expires, an upload is not read any more, even if it is still on the disk.
//! [`History::purge`] deletes expired uploads and has RocksDB rewrite the files that held them.
//! [`History::open`] begins with it.
//!
//! Each [`History::remember`] is one batch, synced. A write-ahead log that is damaged anywhere but at its
//! end is refused. If it lost its end, that cannot be told from a write that was cut off (the store can
//! tell, because its revision is noted beside it). The worst that follows is an upload that is not
//! looked at again.

mod error;
pub(super) mod families;
mod record;
mod upload;

pub use error::HistoryError;
pub use upload::{Base, Settings, Upload, UploadHash};

use crate::files::{FolderError, Lock, LockError, check_private, create_folder};
use crate::store::options::{self, Access, Recovery};
use families::{FAMILIES, META, UPLOADS};
use rocksdb::{ColumnFamily, DB, DBRawIteratorWithThreadMode, WriteBatch};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const SCHEMA_KEY: &[u8] = b"schema";
const SETTINGS_KEY: &[u8] = b"settings";
const STATE_KEY: &[u8] = b"state";
const SCHEMA: u32 = 1;
const LOCK_FILE: &str = "hashgate.lock";

/// The kept hashes, open.
pub struct History {
    /// Closed before the lock below is let go.
    db: DB,
    folder: PathBuf,
    settings: Settings,
    state: Mutex<(u64, Option<Base>)>,
    _lock: Option<Lock>,
}

impl History {
    /// Begins to keep uploads, or changes for how long and how much.
    ///
    /// # Errors
    /// [`HistoryError::Setting`]; as [`History::open`].
    pub fn begin(folder: &Path, settings: Settings) -> Result<Self, HistoryError> {
        settings.check()?;
        make_folder(folder)?;
        let mut history = Self::open_to_write(folder, true)?;
        let mut batch = WriteBatch::default();
        let meta = history.family(META)?;
        batch.put_cf(meta, SCHEMA_KEY, SCHEMA.to_be_bytes());
        batch.put_cf(meta, SETTINGS_KEY, record::encode_settings(&settings));
        history.write(batch)?;
        history.settings = settings;
        Ok(history)
    }

    /// Opens what is kept, to add to it, and purges what is expired `now`; one process at a time.
    ///
    /// # Errors
    /// [`HistoryError::Off`] where nothing is kept, [`HistoryError::Locked`],
    /// [`HistoryError::Permissions`]; where it is damaged.
    pub fn open(folder: impl AsRef<Path>, now: u64) -> Result<Self, HistoryError> {
        let folder = folder.as_ref();
        if !is_begun(folder)? {
            return Err(HistoryError::Off {
                folder: folder.to_owned(),
            });
        }
        let history = Self::open_to_write(folder, false)?;
        history.purge(now, false)?;
        Ok(history)
    }

    /// As [`History::open`], and purges all where `all`; says how many uploads it deleted.
    ///
    /// # Errors
    /// As [`History::open`].
    pub fn open_purging(
        folder: impl AsRef<Path>,
        now: u64,
        all: bool,
    ) -> Result<(Self, u64), HistoryError> {
        let folder = folder.as_ref();
        // At no time nothing is expired yet.
        let history = Self::open(folder, 0)?;
        let purged = history.purge(now, all)?;
        Ok((history, purged))
    }

    /// Opens what is kept, to read it. Takes the lock too: a writer replaces files under a reader.
    ///
    /// # Errors
    /// As [`History::open`].
    pub fn open_read_only(folder: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let folder = folder.as_ref();
        if !is_begun(folder)? {
            return Err(HistoryError::Off {
                folder: folder.to_owned(),
            });
        }
        check_permissions(folder)?;
        let lock = lock(folder)?;
        let options = options::database(Access::Read, Recovery::UpToCut);
        let families = options::history_families();
        let db = DB::open_cf_descriptors_read_only(&options, folder, families, false);
        Self::load(
            db.map_err(|source| failed("open", folder, source))?,
            folder,
            lock,
            false,
        )
    }

    fn open_to_write(folder: &Path, begin: bool) -> Result<Self, HistoryError> {
        check_permissions(folder)?;
        let lock = lock(folder)?;
        let options = options::database(Access::Write, Recovery::UpToCut);
        let db = DB::open_cf_descriptors(&options, folder, options::history_families());
        Self::load(
            db.map_err(|source| failed("open", folder, source))?,
            folder,
            lock,
            begin,
        )
    }

    fn load(db: DB, folder: &Path, lock: Lock, begin: bool) -> Result<Self, HistoryError> {
        let mut history = Self {
            db,
            folder: folder.to_owned(),
            settings: Settings {
                days: 1,
                hashes: 1,
                names: false,
            },
            state: Mutex::new((1, None)),
            _lock: Some(lock),
        };
        match history.get(SCHEMA_KEY)?.as_deref().map(<[u8; 4]>::try_from) {
            None if begin => return Ok(history),
            None => {
                return Err(HistoryError::Off {
                    folder: folder.to_owned(),
                });
            }
            Some(Ok(bytes)) if u32::from_be_bytes(bytes) == SCHEMA => {}
            Some(Ok(bytes)) if u32::from_be_bytes(bytes) > SCHEMA => {
                return Err(HistoryError::NewerSchema {
                    folder: folder.to_owned(),
                    found: u32::from_be_bytes(bytes),
                    known: SCHEMA,
                });
            }
            Some(_) => return Err(history.corrupt("schema", "it is no version".to_owned())),
        }
        let settings = history.get(SETTINGS_KEY)?.unwrap_or_default();
        history.settings = record::decode_settings(&settings)
            .map_err(|reason| history.corrupt("record of settings", reason))?;
        if let Some(state) = history.get(STATE_KEY)? {
            let state = record::decode_state(&state)
                .map_err(|reason| history.corrupt("record of the state", reason))?;
            history.state = Mutex::new(state);
        }
        Ok(history)
    }

    /// What is kept, and for how long.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From which revision of the store on entries are news; `None` before the first upload.
    #[must_use]
    pub fn base(&self) -> Option<Base> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// Keeps uploads that an index of this revision has judged, in one synced batch. Their numbers
    /// are given here; of each at most [`Settings::hashes`] hashes are kept, and its name only where
    /// [`Settings::names`] says so.
    ///
    /// # Errors
    /// Where it cannot be written: a full disk for one. Nothing of the batch is kept then.
    pub fn remember(&self, judged_by: Base, uploads: &[Upload]) -> Result<(), HistoryError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut next, mut base) = *state;
        if base.is_none_or(|base| judged_by.revision < base.revision) {
            base = Some(judged_by);
        }
        let family = self.family(UPLOADS)?;
        let mut batch = WriteBatch::default();
        let most = self.settings.hashes as usize;
        for upload in uploads {
            let mut kept = upload.clone();
            if kept.hashes.len() > most {
                let beyond = (kept.hashes.len() - most) as u64;
                kept.left_out = kept
                    .left_out
                    .saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX));
                kept.hashes.truncate(most);
            }
            if !self.settings.names {
                (kept.name, kept.name_hex) = (None, None);
            }
            batch.put_cf(family, key(kept.at, next), record::encode_upload(&kept));
            next = next.saturating_add(1);
        }
        batch.put_cf(
            self.family(META)?,
            STATE_KEY,
            record::encode_state(next, base),
        );
        self.write(batch)?;
        *state = (next, base);
        Ok(())
    }

    /// Says that all kept uploads have been held against the entries up to this revision.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn set_base(&self, base: Base) -> Result<(), HistoryError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = WriteBatch::default();
        let encoded = record::encode_state(state.0, Some(base));
        batch.put_cf(self.family(META)?, STATE_KEY, encoded);
        self.write(batch)?;
        state.1 = Some(base);
        Ok(())
    }

    /// The uploads that are not expired at a time (seconds since 1970-01-01 UTC), oldest first.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn uploads(&self, now: u64) -> Result<Uploads<'_>, HistoryError> {
        let mut inner = self
            .db
            .raw_iterator_cf_opt(self.family(UPLOADS)?, options::scan());
        match self.settings.expired_up_to(now) {
            Some(last) => inner.seek(key(last.saturating_add(1), 0)),
            None => inner.seek_to_first(),
        }
        Ok(Uploads {
            history: self,
            inner,
            ended: false,
        })
    }

    /// Whether an upload is expired at a time.
    #[must_use]
    pub fn is_expired(&self, upload: &Upload, now: u64) -> bool {
        let last = self.settings.expired_up_to(now);
        last.is_some_and(|last| upload.at <= last)
    }

    /// Deletes what is expired at a time, and all that was kept where `all`; says how many uploads
    /// that were. The files that held them are rewritten before this returns.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn purge(&self, now: u64, all: bool) -> Result<u64, HistoryError> {
        let until = match (all, self.settings.expired_up_to(now)) {
            (true, _) => u64::MAX,
            (false, Some(last)) => last.saturating_add(1),
            (false, None) => return Ok(0),
        };
        let family = self.family(UPLOADS)?;
        let (from, to) = (key(0, 0), key(until, if all { u64::MAX } else { 0 }));
        let mut count = 0;
        let mut keys = self.db.raw_iterator_cf_opt(family, options::scan());
        keys.seek_to_first();
        while keys.key().is_some_and(|key| key < &to[..]) {
            count += 1;
            keys.next();
        }
        keys.status()
            .map_err(|source| failed("read", &self.folder, source))?;
        drop(keys);
        if count == 0 {
            return Ok(0);
        }
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(family, from, to);
        self.write(batch)?;
        let failed = |source| failed("purge", &self.folder, source);
        // The write-ahead log and the tables had them.
        for name in FAMILIES {
            self.db.flush_cf(self.family(name)?).map_err(failed)?;
        }
        self.db
            .delete_file_in_range_cf(family, from, to)
            .map_err(failed)?;
        self.db
            .compact_range_cf_opt(family, Some(from), Some(to), &options::rewrite_all());
        Ok(count)
    }

    /// Reads all that is kept, the expired too; says how many uploads are not expired at a time.
    ///
    /// # Errors
    /// At the first record that cannot be read.
    pub fn verify(&self, now: u64) -> Result<u64, HistoryError> {
        let mut count = 0;
        for upload in self.uploads(0)? {
            count += u64::from(!self.is_expired(&upload?, now));
        }
        Ok(count)
    }

    /// Deletes all that is kept, the settings too. Does nothing where nothing is.
    ///
    /// # Errors
    /// [`HistoryError::Locked`]; where it cannot be deleted.
    pub fn end(folder: &Path) -> Result<bool, HistoryError> {
        if !is_begun(folder)? {
            return Ok(false);
        }
        let lock = lock(folder)?;
        DB::destroy(&options::database(Access::Write, Recovery::UpToCut), folder)
            .map_err(|source| failed("delete", folder, source))?;
        fs::remove_dir_all(folder)
            .map_err(|source| HistoryError::io("delete the folder", folder, source))?;
        drop(lock);
        Ok(true)
    }

    fn write(&self, batch: WriteBatch) -> Result<(), HistoryError> {
        self.db
            .write_opt(batch, &options::synced())
            .map_err(|source| failed("write to", &self.folder, source))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryError> {
        self.db
            .get_cf(self.family(META)?, key)
            .map_err(|source| failed("read", &self.folder, source))
    }

    fn family(&self, name: &'static str) -> Result<&ColumnFamily, HistoryError> {
        let family = self.db.cf_handle(name);
        family.ok_or_else(|| self.corrupt("column family", format!("{name} is missing")))
    }

    fn corrupt(&self, what: &'static str, reason: String) -> HistoryError {
        HistoryError::Corrupt {
            what,
            folder: self.folder.clone(),
            reason,
        }
    }
}

/// Kept uploads, one after the other: see [`History::uploads`].
pub struct Uploads<'a> {
    history: &'a History,
    inner: DBRawIteratorWithThreadMode<'a, DB>,
    ended: bool,
}

impl Iterator for Uploads<'_> {
    type Item = Result<Upload, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let Some((key, value)) = self.inner.item() else {
            self.ended = true;
            let status = self.inner.status();
            return status
                .err()
                .map(|source| Err(failed("read", &self.history.folder, source)));
        };
        let read = match <[u8; 16]>::try_from(key).map(u128::from_be_bytes) {
            Ok(key) => record::decode_upload((key >> 64) as u64, key as u64, value),
            Err(_) => Err(format!("a key has {} bytes", key.len())),
        };
        self.inner.next();
        Some(read.map_err(|reason| self.history.corrupt("record of an upload", reason)))
    }
}

fn key(at: u64, number: u64) -> [u8; 16] {
    (u128::from(at) << 64 | u128::from(number)).to_be_bytes()
}

fn failed(doing: &'static str, folder: &Path, source: rocksdb::Error) -> HistoryError {
    HistoryError::Database {
        doing,
        folder: folder.to_owned(),
        source: Box::new(source),
    }
}

fn is_begun(folder: &Path) -> Result<bool, HistoryError> {
    let path = folder.join("CURRENT");
    path.try_exists()
        .map_err(|source| HistoryError::io("look at", &path, source))
}

/// Makes the folder, open to its owner alone; refuses one that holds something else.
fn make_folder(folder: &Path) -> Result<(), HistoryError> {
    let io = |source| HistoryError::io("make the folder", folder, source);
    create_folder(folder).map_err(io)?;
    let mut entries = fs::read_dir(folder).map_err(io)?;
    // What an interrupted beginning leaves has the lock.
    if entries.next().is_some() && !is_begun(folder)? && !folder.join(LOCK_FILE).exists() {
        return Err(HistoryError::Foreign {
            folder: folder.to_owned(),
        });
    }
    Ok(())
}

fn check_permissions(folder: &Path) -> Result<(), HistoryError> {
    check_private(folder).map_err(|error| match error {
        FolderError::Open { folder, mode } => HistoryError::Permissions { folder, mode },
        FolderError::Io { folder, source } => HistoryError::io("look at", &folder, source),
        FolderError::NotAFolder { folder } => {
            HistoryError::io("look at", &folder, ErrorKind::NotADirectory.into())
        }
    })
}

/// Takes the lock of the one process.
fn lock(folder: &Path) -> Result<Lock, HistoryError> {
    Lock::take(&folder.join(LOCK_FILE)).map_err(|error| match error {
        LockError::Busy { .. } => HistoryError::Locked {
            folder: folder.to_owned(),
        },
        LockError::Open { path, source } => HistoryError::io("open", &path, source),
        LockError::Lock { path, source } => HistoryError::io("lock", &path, source),
    })
}
