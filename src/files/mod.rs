//! Floor 0: files and folders that only their owner can read, written so that a stop harms nothing.
//!
//! | what | by |
//! | --- | --- |
//! | a folder closed to other users, 0700 | [`create_folder`], [`check_private`], [`close_or_refuse`] |
//! | the lock of the one writer | [`Lock`] |
//! | a file that is there whole or not at all | [`replace`], [`replace_by`], [`rename`] |
//! | a new file closed to other users, 0600 | [`create_new`], [`create`], [`append`] |
//! | a folder's entries on the disk | [`sync_folder`] |
//!
//! Each of these exists here and nowhere else: what exists twice comes to differ. This room knows no
//! format and no name of a file, and it refuses to log what is in them.
//!
//! ```
//! use hashgate::files::{self, Lock, LockError};
//! # let home = tempfile::tempdir()?;
//! let folder = home.path().join("state");
//! files::create_folder(&folder)?;
//! files::check_private(&folder)?;
//! let lock = Lock::take(&folder.join("lock"))?;
//! assert!(matches!(Lock::take(&folder.join("lock")), Err(LockError::Busy { .. })));
//! files::replace(&folder.join("note"), |file| std::io::Write::write_all(file, b"17"))?;
//! assert_eq!(std::fs::read(folder.join("note"))?, b"17");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod folder;
mod lock;
mod replace;

pub use folder::{FolderError, check_private, close_or_refuse, create_folder, sync_folder};
pub use lock::{Lock, LockError};
pub use replace::{ReplaceError, rename, replace, replace_by};

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file that only its owner can read (0600). It must not be there yet.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`] where there is one of this name.
pub fn create_new(path: &Path) -> io::Result<File> {
    private().write(true).create_new(true).open(path)
}

/// Opens a file to write it from its beginning. Where it is missing it is made, for its owner only
/// (0600); what a file of this name held is gone.
///
/// # Errors
/// What the system says.
pub fn create(path: &Path) -> io::Result<File> {
    private().write(true).create(true).truncate(true).open(path)
}

/// Opens a file to write behind its end. Where it is missing it is made, for its owner only (0600).
///
/// # Errors
/// What the system says.
pub fn append(path: &Path) -> io::Result<File> {
    private().append(true).create(true).open(path)
}

/// Options that give a file that they make to its owner alone.
fn private() -> OpenOptions {
    #[cfg_attr(
        not(unix),
        expect(unused_mut, reason = "other platforms have no such bits")
    )]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[cfg(unix)]
    #[test]
    fn new_files_are_closed_to_other_users() {
        let home = tempfile::tempdir().unwrap();
        for (name, open) in [("a", create_new as fn(&Path) -> _), ("b", create)] {
            let path = home.path().join(name);
            open(&path).unwrap();
            assert_eq!(mode(&path), 0o600, "{name}");
        }
    }

    #[test]
    fn a_new_file_replaces_none_and_an_opened_one_is_emptied() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        create_new(&path).unwrap().write_all(b"old").unwrap();
        let refused = create_new(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        create(&path).unwrap().write_all(b"n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"n");
    }
}
