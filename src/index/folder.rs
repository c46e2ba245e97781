//! The index folder: private, locked by one publisher, and tidy.

use crate::index::manifest::{MANIFEST_FILE, is_segment_name};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The lock's file name in the index folder.
pub(super) const LOCK_FILE: &str = "lock";
/// What the names of files that are still being written end with.
pub(super) const TEMPORARY: &str = ".tmp";

/// What tells one manifest file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let metadata = fs::metadata(folder.join(MANIFEST_FILE)).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode,
        })
    }
}

/// What a file in the index folder is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Manifest,
    Lock,
    Segment,
    /// Left over from a publisher that was stopped.
    Temporary,
    Foreign,
}

pub(super) fn kind_of(name: &str) -> Kind {
    match name {
        MANIFEST_FILE => Kind::Manifest,
        LOCK_FILE => Kind::Lock,
        _ if is_segment_name(name) => Kind::Segment,
        _ => match name.strip_suffix(TEMPORARY) {
            Some(MANIFEST_FILE) => Kind::Temporary,
            Some(rest) if is_segment_name(rest) => Kind::Temporary,
            _ => Kind::Foreign,
        },
    }
}

/// The names in the folder with their kinds; names that are not UTF-8 are foreign.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(PathBuf, String, Kind)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, kind) = match entry.file_name().into_string() {
            Ok(name) => {
                let kind = kind_of(&name);
                (name, kind)
            }
            Err(name) => (name.to_string_lossy().into_owned(), Kind::Foreign),
        };
        files.push((entry.path(), name, kind));
    }
    files.sort();
    Ok(files)
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}

/// Removes segments that the manifest does not name, and what stopped publishers left. Readers
/// keep the maps that they have. A file that cannot be removed now is removed by the next one.
pub(super) fn tidy(folder: &Path, keep: &[String]) -> io::Result<()> {
    for (path, name, kind) in list(folder)? {
        let stale = match kind {
            Kind::Temporary => true,
            Kind::Segment => !keep.contains(&name),
            _ => false,
        };
        if stale && let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a stale index file stays");
        }
    }
    Ok(())
}
