//! Which workspace the command works on: `--home`, else `$HASHGATE_HOME`, else the platform's data folder.

use crate::curation::Workspace;
use anyhow::{Context, bail};
use std::path::Path;

/// The workspace, as the command calls it.
pub(crate) type Home = Workspace;

/// `--home` or `$HASHGATE_HOME` (`given`), else the platform's data folder.
pub(crate) fn locate(given: Option<&Path>) -> anyhow::Result<Home> {
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
    Ok(Home::at(folder)?)
}
