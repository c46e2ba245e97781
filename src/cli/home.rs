//! The home folder: where the store and the index are.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// A home folder's path; made when something is first written to it.
pub(crate) struct Home {
    folder: PathBuf,
}

impl Home {
    /// `--home` or `$HASHGATE_HOME` (`given`), else the platform's data folder.
    pub(crate) fn locate(given: Option<&Path>) -> anyhow::Result<Self> {
        let folder = match given {
            Some(folder) if folder.as_os_str().is_empty() => {
                bail!("--home (or $HASHGATE_HOME) is empty: give a folder")
            }
            Some(folder) => folder.to_path_buf(),
            None => directories::ProjectDirs::from("", "", "hashgate")
                .context("this user has no home folder: give one by --home DIR")?
                .data_dir()
                .to_path_buf(),
        };
        if folder.exists() {
            check_private(&folder)?;
        }
        Ok(Self { folder })
    }

    /// For a command that is told where its index is.
    pub(crate) fn unneeded() -> Self {
        Self {
            folder: PathBuf::new(),
        }
    }

    /// Makes the folder where it is missing, closed to other users.
    pub(crate) fn create(&self) -> anyhow::Result<()> {
        if self.folder.exists() {
            return Ok(());
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.folder)
            .with_context(|| format!("cannot make the home folder {}", self.folder.display()))
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store of record.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// What was published when.
    pub(crate) fn published(&self) -> PathBuf {
        self.folder.join("published.jsonl")
    }

    /// Which hash set bundles were taken last.
    pub(crate) fn bundles(&self) -> PathBuf {
        self.folder.join("bundles.json")
    }

    /// The policy file, which need not be there.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// The log of decisions.
    pub(crate) fn decisions(&self) -> PathBuf {
        self.folder.join("decisions")
    }

    /// Hashes of past uploads, where they are kept.
    pub(crate) fn history(&self) -> PathBuf {
        self.folder.join("history")
    }

    /// The published index: this folder alone can be copied to upload servers.
    pub(crate) fn index(&self) -> PathBuf {
        self.folder.join("index")
    }
}

/// Sees that a folder is closed to other users: closes an empty one, refuses one that holds something.
fn check_private(folder: &Path) -> anyhow::Result<()> {
    let facts = std::fs::metadata(folder)
        .with_context(|| format!("cannot look at the home folder {}", folder.display()))?;
    if !facts.is_dir() {
        bail!("the home folder {} is not a folder", folder.display());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = facts.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        // Nothing in it yet that anyone could have read: close it, as if it were made here.
        let empty = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
        let closed = || std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).is_ok();
        if !(empty && closed()) {
            bail!(
                "the home folder {} is open to other users (mode {mode:o}), and hash lists are \
                 sensitive: close it with `chmod 700 {}`",
                folder.display(),
                folder.display()
            );
        }
    }
    Ok(())
}
