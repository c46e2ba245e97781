//! The folder of the log: which files it has, closed to other users, locked by one writer.

use crate::decisions::DecisionError;
use crate::files::{FolderError, Lock, LockError, check_private, create_folder, sync_folder};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file whose lock the one writer holds.
const LOCK_FILE: &str = "lock";
/// The note of the log's end.
pub(super) const HEAD_FILE: &str = "HEAD";
/// The same while it is made.
pub(super) const HEAD_NEW: &str = "HEAD.new";
const FRONT: &str = "decisions-";
const END: &str = ".jsonl";
/// What the names of tails that were set aside have behind the name of their file.
const TORN: &str = ".torn-";

/// The path of a file of records, by its number, from 1 on.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(name(number))
}

/// The name of a file of records.
pub(super) fn name(number: u64) -> String {
    format!("{FRONT}{number:08}{END}")
}

/// The number in a name, where it is the name of a file of records.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix(FRONT)?.strip_suffix(END)?;
    let number = digits.parse().ok()?;
    (name(number) == text && number > 0).then_some(number)
}

/// What stands in a folder.
pub(super) struct Listing {
    /// The numbers of the files of records, in growing order.
    pub(super) numbers: Vec<u64>,
    /// What does not belong there.
    pub(super) foreign: Vec<PathBuf>,
}

/// Looks through the folder. Tails that were set aside belong there.
pub(super) fn list(folder: &Path) -> Result<Listing, DecisionError> {
    let failed = |source| DecisionError::io("list", folder, source);
    let mut listing = Listing {
        numbers: Vec::new(),
        foreign: Vec::new(),
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_torn = name
            .split_once(TORN)
            .is_some_and(|(file, _)| number(file).is_some());
        match number(&name) {
            Some(number) => listing.numbers.push(number),
            None if is_torn || [LOCK_FILE, HEAD_FILE, HEAD_NEW].contains(&&*name) => {}
            None => listing.foreign.push(entry.path()),
        }
    }
    listing.numbers.sort_unstable();
    listing.foreign.sort_unstable();
    Ok(listing)
}

/// Makes the folder and those above it that are missing, open to their owner alone.
pub(super) fn create(folder: &Path) -> Result<(), DecisionError> {
    create_folder(folder).map_err(|source| DecisionError::io("create the folder", folder, source))
}

/// Refuses a folder that others may enter.
pub(super) fn check_permissions(folder: &Path) -> Result<(), DecisionError> {
    check_private(folder).map_err(|error| match error {
        FolderError::Open { folder, mode } => DecisionError::Permissions { folder, mode },
        FolderError::Io { folder, source } => DecisionError::io("look at", &folder, source),
        FolderError::NotAFolder { folder } => {
            DecisionError::io("look at", &folder, io::ErrorKind::NotADirectory.into())
        }
    })
}

/// Waits, where that is wanted, until the folder's entries are on the disk.
pub(super) fn sync(folder: &Path, wanted: bool) -> io::Result<()> {
    if wanted { sync_folder(folder) } else { Ok(()) }
}

/// Waits, where that is wanted, until a file's bytes are on the disk.
pub(super) fn sync_file(file: &File, wanted: bool) -> io::Result<()> {
    if wanted { file.sync_data() } else { Ok(()) }
}

/// A path that is not taken for the tail of a file of records.
pub(super) fn torn_path(folder: &Path, number: u64) -> PathBuf {
    let at = |count: u64| folder.join(format!("{}{TORN}{count}", name(number)));
    let mut count = 1;
    while at(count).exists() {
        count += 1;
    }
    at(count)
}

/// Takes the lock of the one writer.
pub(super) fn lock(folder: &Path) -> Result<Lock, DecisionError> {
    Lock::take(&folder.join(LOCK_FILE)).map_err(|error| match error {
        LockError::Busy { .. } => DecisionError::Locked {
            folder: folder.to_owned(),
        },
        LockError::Open { path, source } => DecisionError::io("open", &path, source),
        LockError::Lock { path, source } => DecisionError::io("lock", &path, source),
    })
}

/// Whether a writer has the log open now.
pub(super) fn is_locked(folder: &Path) -> bool {
    Lock::is_held(&folder.join(LOCK_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        assert_eq!(name(3), "decisions-00000003.jsonl");
        assert_eq!(number(&name(123_456_789)), Some(123_456_789));
        for other in [
            "decisions-3.jsonl",
            "decisions-00000000.jsonl",
            "decisions-+0000003.jsonl",
            "decisions-00000003.jsonl.gz",
            "HEAD",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
