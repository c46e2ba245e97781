//! Files of this machine, on either side: what was seen or sent, and what is in it.

use crate::files::{self, LockError};
use crate::fleet::FleetError;
use crate::hash::hex;
use crate::index::AdoptError;
use crate::watch::{Observer, Progress};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The file beside a folder whose name has this at its end.
pub(super) fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    folder.with_file_name(name)
}

pub(super) fn read_note<T: Default + for<'a> Deserialize<'a>>(
    path: &Path,
) -> Result<T, FleetError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|source| FleetError::Note {
            path: path.to_owned(),
            source,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(of_file(path)(error)),
    }
}

pub(super) fn write_note(path: &Path, note: &impl Serialize) -> Result<(), FleetError> {
    let written = files::replace(path, |new| Ok(serde_json::to_writer(new, note)?));
    written.map_err(|error| of_file(path)(error.source))
}

pub(super) fn of_file(path: &Path) -> impl Fn(io::Error) -> FleetError {
    move |source| FleetError::File {
        path: path.to_owned(),
        source,
    }
}

/// The SHA-256 of a file's content, 64 hexadecimal digits.
pub(super) fn digest(
    file: &mut File,
    path: &Path,
    observer: &dyn Observer,
) -> Result<String, FleetError> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let total = file.metadata().map_err(of_file(path))?.len();
    let mut done = 0;
    file.seek(SeekFrom::Start(0)).map_err(of_file(path))?;
    loop {
        if observer.is_stopped() {
            return Err(FleetError::Interrupted);
        }
        let read = file.read(&mut buffer).map_err(of_file(path))?;
        let Some(read) = buffer.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(hex::encode(&hasher.finalize()));
        };
        hasher.update(read);
        done += read.len() as u64;
        observer.progress(Progress::bytes("digesting", done, total));
    }
}

pub(super) fn locked(error: LockError) -> FleetError {
    match error {
        LockError::Busy { path } => FleetError::Adopt(AdoptError::Busy { lock: path }),
        LockError::Open { path, source } | LockError::Lock { path, source } => {
            FleetError::File { path, source }
        }
    }
}
