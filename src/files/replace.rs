//! Replacing a file as a whole: after a stop at any moment there is the old one or the new one.
//!
//! The new one is written beside the old one, synced, renamed, and then the folder is synced. Refused:
//! writing in place, and reporting success before the folder is on the disk.

use super::{create_new, sync_folder};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a file was not replaced. The old one, where there was one, is still there.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct ReplaceError {
    /// The file that could not be written: the one beside it, or the one itself.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Replaces the file at `path`, or makes it, for its owner only (0600), by what `write` writes.
/// The new file is on the disk when this returns. A name that is free is chosen for it meanwhile.
///
/// # Errors
/// [`ReplaceError`]: what `write` or the system said.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), ReplaceError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{count}.new", std::process::id()));
    replace_by(&path.with_file_name(name), path, true, write)
}

/// As [`replace`], where the name of the new file meanwhile is given: it must be in the same folder. What a
/// writer that was stopped left of that name is removed, so that there may be only one writer at a time.
///
/// Where not `sync`, nothing waits for the disk: what was written survives the process, and not a power
/// cut.
///
/// # Errors
/// As [`replace`].
pub fn replace_by(
    new: &Path,
    path: &Path,
    sync: bool,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), ReplaceError> {
    let failed = |path: &Path, source| {
        // It is of no use to anyone, and would take the place that may have been missing.
        let _ = fs::remove_file(new);
        let path = path.to_owned();
        ReplaceError { path, source }
    };
    let written = || {
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_new(new)?;
        write(&mut file)?;
        if sync { file.sync_all() } else { Ok(()) }
    };
    written().map_err(|source| failed(new, source))?;
    let renamed = match sync {
        true => rename(new, path),
        false => fs::rename(new, path),
    };
    renamed.map_err(|source| failed(path, source))
}

/// Gives a file another name in its folder, in the place of what had that name, and waits until the
/// folder is on the disk. The file itself must have been synced.
///
/// # Errors
/// What the system says.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("note");
        for text in ["first, which is longer", "second"] {
            replace(&path, |file| file.write_all(text.as_bytes())).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert_eq!(names(home.path()), ["note"]);
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("note");
        fs::write(&path, "old").unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"half")?;
            // What is there is the old one until the new one is whole.
            assert_eq!(fs::read_to_string(&path).unwrap(), "old");
            Err(io::Error::other("full"))
        });
        assert!(failed.unwrap_err().to_string().ends_with("full"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(home.path()), ["note"]);
    }

    #[test]
    fn what_a_stopped_writer_left_does_not_stop_the_next_one() {
        let home = tempfile::tempdir().unwrap();
        let (new, path) = (home.path().join("note.new"), home.path().join("note"));
        for sync in [true, false] {
            fs::write(&new, "left over, and longer than what comes").unwrap();
            replace_by(&new, &path, sync, |file| file.write_all(b"whole")).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
            assert_eq!(names(home.path()), ["note"]);
        }
    }

    #[test]
    fn the_error_names_the_file_that_could_not_be_written() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("note");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("in"), "").unwrap();
        let new = home.path().join("note.new");
        let failed = replace_by(&new, &path, true, |_| Ok(())).unwrap_err();
        assert_eq!(failed.path, path, "{failed}");
        assert_eq!(names(home.path()), ["note"]);
        let nowhere = home.path().join("none/note.new");
        let failed = replace_by(&nowhere, &path, true, |_| Ok(())).unwrap_err();
        assert_eq!(failed.path, nowhere, "{failed}");
    }

    #[cfg(unix)]
    #[test]
    fn the_new_file_is_closed_to_other_users() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("note");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        replace(&path, |file| file.write_all(b"new")).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
