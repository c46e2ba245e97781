//! The ledger: what was published when, one JSON line for each publication in `published.jsonl`.
//!
//! Owns the lines and the questions that are asked of them: since when a revision of the store is in
//! force, and which revision a generation shows. Refuses to publish.

use crate::curation::Workspace;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// One publication.
///
/// ```
/// use hashgate::curation::ledger::LedgerEntry;
/// let line = r#"{"generation":7,"revision":12,"at":1798675200}"#;
/// let entry: LedgerEntry = serde_json::from_str(line)?;
/// assert_eq!((entry.generation, entry.revision), (7, 12));
/// assert_eq!(serde_json::to_string(&entry)?, line);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// The generation of the index.
    pub generation: u64,
    /// The store's revision that it shows.
    pub revision: u64,
    /// When: seconds since 1970-01-01 UTC.
    pub at: u64,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
#[non_exhaustive]
pub struct LedgerError {
    /// What was tried: `read` or `write to`.
    pub doing: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The ledger of a workspace. Its file is made with the first entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    path: PathBuf,
}

impl Ledger {
    /// The ledger of a workspace.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        Self {
            path: workspace.published(),
        }
    }

    /// Notes a publication. When it returns, the entry is on disk.
    ///
    /// # Errors
    /// [`LedgerError`] where it cannot be written. What was published is in force all the same.
    pub fn note(&self, entry: LedgerEntry) -> Result<(), LedgerError> {
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = (options.create(true).read(true).append(true)).open(&self.path)?;
            let mut line = Vec::new();
            if file.seek(SeekFrom::End(0))? > 0 {
                let mut last = [0];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    // A full disk cut off the last line: the new one must not be joined to it.
                    line.push(b'\n');
                }
            }
            serde_json::to_writer(&mut line, &entry)?;
            line.push(b'\n');
            file.write_all(&line)?;
            file.sync_data()
        };
        write().map_err(|source| self.failed("write to", source))
    }

    /// The first publication that shows a revision of the store: since then it is in force.
    ///
    /// # Errors
    /// [`LedgerError`] where the file is there and cannot be read.
    pub fn first_with(&self, revision: u64) -> Result<Option<LedgerEntry>, LedgerError> {
        self.first(|entry| entry.revision >= revision)
    }

    /// The store's revision that a generation shows, where it was noted.
    ///
    /// # Errors
    /// [`LedgerError`] where the file is there and cannot be read.
    pub fn revision_of(&self, generation: u64) -> Result<Option<u64>, LedgerError> {
        let found = self.first(|entry| entry.generation == generation)?;
        Ok(found.map(|entry| entry.revision))
    }

    /// The first publication of a kind.
    fn first(
        &self,
        is_one: impl Fn(&LedgerEntry) -> bool,
    ) -> Result<Option<LedgerEntry>, LedgerError> {
        let failed = |source| self.failed("read", source);
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        for line in BufReader::new(file).lines() {
            // A line that a full disk cut off is none.
            if let Ok(entry) = serde_json::from_str(&line.map_err(failed)?)
                && is_one(&entry)
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> LedgerError {
        LedgerError {
            doing,
            path: self.path.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path().join("home")).unwrap();
        workspace.create().unwrap();
        let ledger = Ledger::of(&workspace);
        assert_eq!(
            ledger.first_with(0).unwrap(),
            None,
            "nothing was published yet"
        );
        let entry = |generation, revision| LedgerEntry {
            generation,
            revision,
            at: 1_798_675_200,
        };
        ledger.note(entry(1, 4)).unwrap();
        let mut file = OpenOptions::new()
            .append(true)
            .open(workspace.published())
            .unwrap();
        file.write_all(b"{\"generation\":2,\"revi").unwrap();
        ledger.note(entry(3, 9)).unwrap();
        assert_eq!(ledger.first_with(4).unwrap(), Some(entry(1, 4)));
        assert_eq!(ledger.first_with(5).unwrap(), Some(entry(3, 9)));
        assert_eq!(ledger.first_with(10).unwrap(), None);
        assert_eq!(ledger.revision_of(3).unwrap(), Some(9));
        assert_eq!(ledger.revision_of(2).unwrap(), None, "it was cut off");
    }

    #[test]
    fn a_ledger_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path().join("home")).unwrap();
        std::fs::create_dir_all(workspace.published()).unwrap();
        let ledger = Ledger::of(&workspace);
        let entry = LedgerEntry {
            generation: 1,
            revision: 1,
            at: 0,
        };
        let refused = ledger.note(entry).unwrap_err();
        assert!(refused.to_string().contains("published.jsonl"), "{refused}");
        assert!(ledger.first_with(0).is_err(), "a folder is no ledger");
    }
}
