//! Folders that are closed to other users, and whose entries are on the disk.
//!
//! Owned here: making such a folder, looking whether it is one, closing it. Refused: closing a folder
//! that holds something. Others may have read it already, and its owner has to know that.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// It cannot be looked at.
    #[error("cannot look at {}: {source}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is something else of this name.
    #[error("{} is not a folder: give another name", folder.display())]
    NotAFolder {
        /// What was given as the folder.
        folder: PathBuf,
    },
    /// Other users may enter it.
    #[error(
        "other users may enter {} (mode {mode:o}): run chmod 700 {}",
        folder.display(), folder.display()
    )]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes a folder and those above it that are missing, for their owner only (0700). One that is
/// there stays as it is: [`check_private`] tells whether it is closed.
///
/// # Errors
/// What the system says.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Refuses a folder that other users may enter. Platforms without permission bits refuse none.
///
/// # Errors
/// [`FolderError::Open`], [`FolderError::NotAFolder`]; [`FolderError::Io`] where it is missing or
/// cannot be looked at.
pub fn check_private(folder: &Path) -> Result<(), FolderError> {
    let facts = fs::metadata(folder).map_err(|source| FolderError::Io {
        folder: folder.to_owned(),
        source,
    })?;
    if !facts.is_dir() {
        return Err(FolderError::NotAFolder {
            folder: folder.to_owned(),
        });
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = facts.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FolderError::Open {
                folder: folder.to_owned(),
                mode,
            });
        }
    }
    Ok(())
}

/// As [`check_private`], but an open folder that is still empty is closed, as if it had been made
/// here: there is nothing in it yet that anyone could have read.
///
/// # Errors
/// As [`check_private`]; [`FolderError::Open`] too where an empty one cannot be closed.
pub fn close_or_refuse(folder: &Path) -> Result<(), FolderError> {
    match check_private(folder) {
        Err(FolderError::Open { .. }) if is_empty(folder) && close(folder) => Ok(()),
        checked => checked,
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(unix)]
fn close(folder: &Path) -> bool {
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).is_ok()
}

/// This platform has no permission bits to close it by.
#[cfg(not(unix))]
fn close(_: &Path) -> bool {
    false
}

/// Waits until a folder's entries are on the disk: which names it has, and what they name. Syncing a
/// file does not do that. Platforms that cannot sync a folder wait for nothing.
///
/// # Errors
/// What the system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(folder: &Path) -> u32 {
        fs::metadata(folder).unwrap().permissions().mode() & 0o777
    }

    fn open_up(folder: &Path, mode: u32) {
        fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_new_folder_and_those_above_it_are_closed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        create_folder(&folder).unwrap();
        assert_eq!([mode(&folder), mode(&home.path().join("a"))], [0o700; 2]);
        check_private(&folder).unwrap();
        create_folder(&folder).unwrap();
        sync_folder(&folder).unwrap();
    }

    #[test]
    fn an_open_folder_is_refused_with_the_repair() {
        let home = tempfile::tempdir().unwrap();
        for open in [0o701, 0o710, 0o755, 0o777] {
            open_up(home.path(), open);
            let refused = check_private(home.path()).unwrap_err();
            let FolderError::Open { folder, mode } = &refused else {
                panic!("{refused}");
            };
            assert_eq!((folder.as_path(), *mode), (home.path(), open));
            let repair = format!("chmod 700 {}", home.path().display());
            assert!(refused.to_string().ends_with(&repair), "{refused}");
            assert_eq!(super::tests::mode(home.path()), open, "left as it was");
        }
    }

    #[test]
    fn an_empty_open_folder_is_closed_and_a_full_one_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path();
        open_up(folder, 0o755);
        close_or_refuse(folder).unwrap();
        assert_eq!(mode(folder), 0o700);
        fs::write(folder.join("something"), b"").unwrap();
        close_or_refuse(folder).unwrap();
        open_up(folder, 0o750);
        let refused = close_or_refuse(folder).unwrap_err();
        assert!(matches!(refused, FolderError::Open { mode: 0o750, .. }));
        assert_eq!(mode(folder), 0o750, "left as it was");
    }

    #[test]
    fn what_is_no_folder_and_what_is_missing_are_told_apart() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, b"").unwrap();
        for check in [check_private, close_or_refuse] {
            assert!(matches!(check(&file), Err(FolderError::NotAFolder { .. })));
            let missing = check(&home.path().join("none")).unwrap_err();
            assert!(matches!(missing, FolderError::Io { .. }), "{missing}");
        }
    }
}
