//! A generation that is copied from elsewhere: what it consists of, and how a copy comes into force.
//!
//! ```text
//! take the lock; remove what stopped copies left
//! bring each segment that is missing under a temporary name; rename it; sync the folder
//! write the manifest under a temporary name; sync it; rename it over the old one; sync the folder
//! remove the segments that the manifest no longer names
//! ```
//! Stopped anywhere, the folder holds the generation of before or the copied one.

use crate::files::{Lock, LockError, ReplaceError, create_folder, rename, replace_by};
use crate::index::IndexError;
use crate::index::folder::{self, Kind, LOCK_FILE, TEMPORARY};
use crate::index::manifest::{MANIFEST_FILE, Manifest};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What a generation consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parts {
    /// Its number.
    pub generation: u64,
    /// What tells the store's revision that it is of from every other; `None` where nobody said.
    pub store_mark: Option<u64>,
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The names of the segments' files with their lengths in bytes, oldest first.
    pub segments: Vec<(String, u64)>,
}

impl Parts {
    /// Of the generation in force in a folder.
    ///
    /// # Errors
    /// [`IndexError`]: there is none, or its manifest cannot be read.
    pub fn read(folder: &Path) -> Result<Self, IndexError> {
        let path = folder.join(MANIFEST_FILE);
        let bytes = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => IndexError::NotPublished {
                folder: folder.to_owned(),
            },
            _ => IndexError::Io {
                path: path.clone(),
                source,
            },
        })?;
        Self::of(&path, bytes)
    }

    /// Of a manifest's bytes. The path is what errors name.
    ///
    /// # Errors
    /// [`IndexError::Manifest`] and [`IndexError::Version`].
    pub fn of(path: &Path, manifest: Vec<u8>) -> Result<Self, IndexError> {
        let read = Manifest::from_bytes(path, &manifest)?;
        let segments = read.segments.into_iter();
        Ok(Self {
            generation: read.generation,
            store_mark: read.store_mark,
            manifest,
            segments: segments.map(|part| (part.file, part.bytes)).collect(),
        })
    }
}

/// Why a copy did not come into force; what was in force still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError<E> {
    /// A segment could not be brought.
    #[error(transparent)]
    Bring(E),
    /// Somebody else writes into the folder.
    #[error("{} is held by another process that publishes or copies into this folder", lock.display())]
    Busy {
        /// The lock.
        lock: PathBuf,
    },
    /// What was brought has not the length that the manifest says.
    #[error("{}: {got} bytes, and the manifest says {expected}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: u64,
        /// What there is.
        got: u64,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Puts a copied generation in force, and gives how many segments were brought. `bring` writes the segment of this name into a new file of
/// this path, and syncs it; it vouches for what is in it, and for segments of these names that are there.
/// The folder is made where it is missing. Readers that are open keep their generation.
///
/// # Errors
/// [`AdoptError`].
pub fn adopt<E>(
    folder: &Path,
    parts: &Parts,
    mut bring: impl FnMut(&str, &Path) -> Result<(), E>,
) -> Result<usize, AdoptError<E>> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| AdoptError::Io { path, source }
    };
    create_folder(folder).map_err(io(folder))?;
    let _lock = Lock::take(&folder.join(LOCK_FILE)).map_err(|error| match error {
        LockError::Busy { path } => AdoptError::Busy { lock: path },
        LockError::Open { path, source } | LockError::Lock { path, source } => {
            AdoptError::Io { path, source }
        }
    })?;
    for (path, _, kind) in folder::list(folder).map_err(io(folder))? {
        if kind == Kind::Temporary {
            fs::remove_file(&path).map_err(io(&path))?;
        }
    }
    let mut brought = 0;
    for (name, expected) in &parts.segments {
        let path = folder.join(name);
        let length = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
        let got = match length(&path) {
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let temporary = folder.join(format!("{name}{TEMPORARY}"));
                // A disk that is full must not stay so for the sake of half a file.
                let clean = |_: &_| {
                    let _ = fs::remove_file(&temporary);
                };
                let done = bring(name, &temporary).map_err(AdoptError::Bring);
                done.inspect_err(clean)?;
                let got = length(&temporary).map_err(io(&temporary))?;
                if got == *expected {
                    rename(&temporary, &path)
                        .map_err(io(&path))
                        .inspect_err(clean)?;
                    brought += 1;
                }
                got
            }
            Err(source) => return Err(AdoptError::Io { path, source }),
        };
        if got != *expected {
            let expected = *expected;
            return Err(AdoptError::Length {
                path,
                expected,
                got,
            });
        }
    }
    let temporary = folder.join(format!("{MANIFEST_FILE}{TEMPORARY}"));
    replace_by(&temporary, &folder.join(MANIFEST_FILE), true, |file| {
        file.write_all(&parts.manifest)
    })
    .map_err(|ReplaceError { path, source, .. }| AdoptError::Io { path, source })?;
    let keep: Vec<String> = parts
        .segments
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    if let Err(error) = folder::tidy(folder, &keep) {
        tracing::warn!(folder = %folder.display(), %error, "stale index files stay");
    }
    Ok(brought)
}
