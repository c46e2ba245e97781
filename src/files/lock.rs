//! The lock of the one writer of a folder.
//!
//! Owned here: taking it, letting it go, asking whether it is held. It is advice between programs
//! that ask for it, and no protection from those that do not.

use super::private;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a lock was not to be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another holds it.
    #[error("another writer holds {}: wait until it has ended", path.display())]
    Busy {
        /// The lock's file.
        path: PathBuf,
    },
    /// The lock's file cannot be opened or made.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system cannot lock it, as some network file systems cannot.
    #[error("cannot lock {}: {source}", path.display())]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The lock of the one writer, held until it is dropped. The system lets it go when the process
/// ends, however it ends. The lock's file stays where it is.
///
/// Dropping unlocks, and does not only close the file. The lock belongs to the open file description,
/// not to the process or to the number of the descriptor. A child process that another thread is just
/// starting inherits that description: between its `fork` and its `exec` it holds the file open too,
/// and closing our copy would leave the lock held until then.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, without waiting. Makes its file where it is missing, for its owner only.
    ///
    /// # Errors
    /// [`LockError::Busy`] where it is held, by this process or another; [`LockError::Open`] and
    /// [`LockError::Lock`] where the file cannot be used.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut options = private();
        let file = options.write(true).create(true).truncate(false).open(path);
        let path = path.to_owned();
        let file = match file {
            Ok(file) => file,
            Err(source) => return Err(LockError::Open { path, source }),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path }),
            Err(TryLockError::WouldBlock) => Err(LockError::Busy { path }),
            Err(TryLockError::Error(source)) => Err(LockError::Lock { path, source }),
        }
    }

    /// Whether somebody holds the lock right now. It may be taken or let go the moment after: good
    /// for a message, not for a decision. A writer that asks for the lock during this question may
    /// be refused.
    #[must_use]
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        match file.try_lock_shared() {
            Ok(()) => {
                unlock(&file, path);
                false
            }
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(_)) => false,
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        unlock(&self.file, &self.path);
    }
}

fn unlock(file: &File, path: &Path) {
    if let Err(error) = file.unlock() {
        tracing::debug!(path = %path.display(), %error, "the lock goes when the process ends");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock_file() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        (home, path)
    }

    #[test]
    fn one_holds_it_and_the_next_one_is_refused() {
        let (_home, path) = lock_file();
        assert!(!Lock::is_held(&path));
        let lock = Lock::take(&path).unwrap();
        assert!(Lock::is_held(&path));
        let refused = Lock::take(&path).unwrap_err();
        assert!(matches!(&refused, LockError::Busy { path: at } if *at == path));
        drop(lock);
        assert!(!Lock::is_held(&path));
        drop(Lock::take(&path).unwrap());
        assert!(path.exists());
    }

    #[test]
    fn it_is_let_go_while_a_copy_of_its_descriptor_lives() {
        let (_home, path) = lock_file();
        let lock = Lock::take(&path).unwrap();
        // As a child has it between its `fork` and its `exec`: the same open file description.
        let inherited = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(!Lock::is_held(&path));
        drop(Lock::take(&path).unwrap());
        drop(inherited);
    }

    #[cfg(unix)]
    #[test]
    fn it_is_let_go_while_a_child_lives_that_has_it() {
        use std::process::{Command, Stdio};
        let (_home, path) = lock_file();
        let lock = Lock::take(&path).unwrap();
        let inherited = lock.file.try_clone().unwrap();
        // `cat` waits for the end of its input, and writes to the lock's file, which stays open.
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::from(inherited))
            .spawn()
            .unwrap();
        assert!(Lock::is_held(&path));
        drop(lock);
        let taken = Lock::take(&path);
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        taken.unwrap();
    }

    #[test]
    fn where_no_file_can_be_there_is_no_lock() {
        let (_home, path) = lock_file();
        let refused = Lock::take(&path.join("below")).unwrap_err();
        assert!(matches!(refused, LockError::Open { .. }), "{refused}");
        assert!(!Lock::is_held(&path.join("below")));
    }

    #[cfg(unix)]
    #[test]
    fn its_file_is_closed_to_other_users() {
        use std::os::unix::fs::PermissionsExt;
        let (_home, path) = lock_file();
        let _lock = Lock::take(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
