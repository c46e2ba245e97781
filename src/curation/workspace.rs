//! The workspace: one folder with the store, the index, the policy file and what is recorded.
//!
//! Owns where each of these stands, and that the folder is closed to other users. Refuses to open
//! them.

use crate::files::{self, FolderError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a workspace folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkspaceError {
    /// It cannot be looked at or made.
    #[error("cannot {what} the home folder {}", folder.display())]
    Io {
        /// What failed: `make` or `look at`.
        what: &'static str,
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something else of this name.
    #[error("the home folder {} is not a folder", folder.display())]
    NotAFolder {
        /// What was given as the folder.
        folder: PathBuf,
    },
    /// Other users may enter it.
    #[error(
        "the home folder {0} is open to other users (mode {mode:o}), and hash lists are sensitive: \
         close it with `chmod 700 {0}`",
        folder.display()
    )]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// The folder that holds the store, the index, the policy file and what is recorded. It is made when
/// something is first written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    /// The workspace in a folder, which need not be there yet.
    ///
    /// # Errors
    /// [`WorkspaceError::Open`] where others may enter a folder that holds something; an empty one is
    /// closed. [`WorkspaceError::NotAFolder`] and [`WorkspaceError::Io`].
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self, WorkspaceError> {
        let folder = folder.into();
        if folder.exists() {
            files::close_or_refuse(&folder)?;
        }
        Ok(Self { folder })
    }

    /// A workspace without a folder: for an operation that is told where its index is and needs nothing else.
    #[must_use]
    pub fn nowhere() -> Self {
        Self {
            folder: PathBuf::new(),
        }
    }

    /// Makes the folder where it is missing, closed to other users.
    ///
    /// # Errors
    /// [`WorkspaceError::Io`] where it cannot be made.
    pub fn create(&self) -> Result<(), WorkspaceError> {
        if self.folder.exists() {
            return Ok(());
        }
        files::create_folder(&self.folder).map_err(|source| WorkspaceError::Io {
            what: "make",
            folder: self.folder.clone(),
            source,
        })
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store of record.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The ledger: what was published when.
    #[must_use]
    pub fn published(&self) -> PathBuf {
        self.folder.join("published.jsonl")
    }

    /// Which hash set bundles were taken last.
    #[must_use]
    pub fn bundles(&self) -> PathBuf {
        self.folder.join("bundles.json")
    }

    /// What was sent of each feed.
    #[must_use]
    pub fn feeds(&self) -> PathBuf {
        self.folder.join("feeds.json")
    }

    /// The policy file, which need not be there.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// Who holds the store, where a service keeps the banks.
    #[must_use]
    pub fn curator(&self) -> PathBuf {
        self.folder.join("curator.json")
    }

    /// What was done to banks over HTTP, by whom.
    #[must_use]
    pub fn curation_record(&self) -> PathBuf {
        self.folder.join("curation.jsonl")
    }

    /// Which exchanges there are.
    #[must_use]
    pub fn exchanges(&self) -> PathBuf {
        self.folder.join("exchanges.json")
    }

    /// What proves to exchanges who asks: secrets.
    #[must_use]
    pub fn exchange_credentials(&self) -> PathBuf {
        self.folder.join("exchange-credentials.json")
    }

    /// Which kinds of hash a node is asked about on the paths of Hasher-Matcher-Actioner, where that was set.
    #[must_use]
    pub fn signal_types(&self) -> PathBuf {
        self.folder.join("signal_types.json")
    }

    /// The log of decisions.
    #[must_use]
    pub fn decisions(&self) -> PathBuf {
        self.folder.join("decisions")
    }

    /// Hashes of past uploads, where they are kept.
    #[must_use]
    pub fn history(&self) -> PathBuf {
        self.folder.join("history")
    }

    /// The published index: this folder alone can be copied to upload servers.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.folder.join("index")
    }
}

impl From<FolderError> for WorkspaceError {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Open { folder, mode } => Self::Open { folder, mode },
            FolderError::NotAFolder { folder } => Self::NotAFolder { folder },
            FolderError::Io { folder, source } => Self::Io {
                what: "look at",
                folder,
                source,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn an_empty_open_folder_is_closed_and_a_full_one_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().expect("a folder");
        let folder = outer.path().join("home");
        std::fs::create_dir(&folder).expect("a folder");
        let open = || std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755));
        let mode = || {
            std::fs::metadata(&folder)
                .expect("facts")
                .permissions()
                .mode()
                & 0o777
        };
        open().expect("permissions");
        Workspace::at(&folder).expect("an empty folder is closed");
        assert_eq!(mode(), 0o700);
        std::fs::write(folder.join("something"), "").expect("a file");
        open().expect("permissions");
        let refused = Workspace::at(&folder).expect_err("it is open, and holds something");
        assert!(matches!(refused, WorkspaceError::Open { mode: 0o755, .. }));
        assert!(refused.to_string().contains("chmod 700"));
    }

    #[test]
    fn a_file_is_no_workspace() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let refused = Workspace::at(file.path()).expect_err("it is a file");
        assert!(matches!(refused, WorkspaceError::NotAFolder { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_workspace_is_closed() {
        use std::os::unix::fs::PermissionsExt;
        let outer = tempfile::tempdir().expect("a folder");
        let workspace = Workspace::at(outer.path().join("a/b")).expect("it is not there yet");
        workspace.create().expect("it can be made");
        let mode = std::fs::metadata(workspace.folder())
            .expect("facts")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
