//! What can go wrong with the store.

use crate::bank::{BankId, BankName, ContentId, PolicyError};
use std::path::{Path, PathBuf};

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no store in the folder.
    #[error("there is no store in {}, and no bank: make the first with `hashgate bank create`, or give another home folder", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error(
        "{} is not a store of hashgate (it holds {found:?}): give an empty folder or one that does \
         not exist", folder.display()
    )]
    NotAStore {
        /// The folder.
        folder: PathBuf,
        /// Something that does not belong to a store.
        found: String,
    },
    /// Other users may enter the folder.
    #[error(
        "other users may enter {} (mode {mode:o}), and hashes are sensitive: run chmod 700 {}",
        folder.display(), folder.display()
    )]
    Permissions {
        /// The folder.
        folder: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process, or another part of this one, writes to the store.
    #[error(
        "{} is in use by another writer: wait until that import or command has ended, then run \
         this again", folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The writer changed the store's files during every try to open it for reading.
    #[error(
        "{} changed during each of {tries} tries to open it for reading: run this again when the \
         import has ended", folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
        /// Tries.
        tries: u32,
    },
    /// The store was written by a newer hashgate.
    #[error(
        "{} was written by a newer hashgate: its schema is {found}, this program knows up to \
         {known}; use the newer program", folder.display()
    )]
    NewerSchema {
        /// The folder.
        folder: PathBuf,
        /// The schema of the store.
        found: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// Changes that were acknowledged are not there any more.
    #[error(
        "the store in {} has lost what was acknowledged: revision {acknowledged} was, {}; {damage}; \
         restore the store from a copy, or import the lists into a new one",
        folder.display(), can_be_read(*found)
    )]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// The last acknowledged revision.
        acknowledged: u64,
        /// The last revision that can be read, if any.
        found: Option<u64>,
        /// Where the damage lies, as far as that can be told.
        damage: String,
    },
    /// The file with the acknowledged revision cannot be relied on; nothing else is damaged by that.
    #[error(
        "{} is damaged: {reason}; whatever next changes the store makes it anew, for example \
         hashgate bank set", path.display()
    )]
    Unacknowledged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A write-ahead log is damaged so that it cannot be told what came behind.
    #[error(
        "{} is damaged at byte {position}: {reason}; restore the store from a copy, or import the \
         lists into a new one", path.display()
    )]
    DamagedLog {
        /// The log.
        path: PathBuf,
        /// Where, in bytes from its beginning.
        position: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// RocksDB refused or failed; nothing of the change was acknowledged.
    #[error("cannot {doing} the store in {}: {source}{}", folder.display(), repair(source.as_ref()))]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What RocksDB said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value in the store is not what was once written.
    #[error(
        "the {what} {key} in the store is damaged: {reason}; restore the store from a copy, or \
         import the lists into a new one"
    )]
    Corrupt {
        /// The kind of value.
        what: &'static str,
        /// Which one.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store was opened for reading only.
    #[error("the store in {} is open for reading only", folder.display())]
    ReadOnly {
        /// The folder.
        folder: PathBuf,
    },
    /// The name is taken.
    #[error("there is a bank {name} already: choose another name, or change its policy instead")]
    BankExists {
        /// The name.
        name: BankName,
    },
    /// No bank goes by the name.
    #[error("there is no bank {name}: {}", known_banks(known))]
    NoSuchBank {
        /// The name.
        name: BankName,
        /// Names of banks there are, the most alike first.
        known: Vec<BankName>,
    },
    /// No bank has the number.
    #[error("there is no bank number {}: it was deleted or never made", id.0)]
    NoSuchBankId {
        /// The number.
        id: BankId,
    },
    /// No content item has the number.
    #[error("there is no content item {id}: it was deleted or never added")]
    NoSuchItem {
        /// The number.
        id: ContentId,
    },
    /// An item to add has no hash.
    #[error("item {position} of the batch has no signal: every item needs at least one hash")]
    NoSignals {
        /// Its position in the batch, from 0.
        position: usize,
    },
    /// A policy is out of its bounds.
    #[error(transparent)]
    PolicyRange(#[from] PolicyError),
    /// A text is longer than it may be.
    #[error("{what} has {given} {unit}, and may have {most}")]
    TooLong {
        /// The text.
        what: &'static str,
        /// What is counted.
        unit: &'static str,
        /// How many there are.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// All numbers of a kind are given out.
    #[error("no {what} numbers are left in this store: begin a new one")]
    Exhausted {
        /// The kind.
        what: &'static str,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn database(doing: &'static str, folder: &Path, source: rocksdb::Error) -> Self {
        Self::Database {
            doing,
            folder: folder.to_owned(),
            source: Box::new(source),
        }
    }

    pub(super) fn no_such_bank(name: &BankName, mut known: Vec<BankName>) -> Self {
        known.sort_by_cached_key(|other| {
            (edit_distance(name.as_str(), other.as_str()), other.clone())
        });
        Self::NoSuchBank {
            name: name.clone(),
            known,
        }
    }
}

fn can_be_read(revision: Option<u64>) -> String {
    match revision {
        Some(revision) => format!("and only revision {revision} can be read"),
        None => "and nothing can be read".to_owned(),
    }
}

/// What helps where RocksDB finds a file damaged.
fn repair(source: &(dyn std::error::Error + Send + Sync + 'static)) -> &'static str {
    let kind = source.downcast_ref().map(rocksdb::Error::kind);
    if kind == Some(rocksdb::ErrorKind::Corruption) {
        "; restore the store from a copy, or import the lists into a new one"
    } else {
        ""
    }
}

fn known_banks(known: &[BankName]) -> String {
    const SHOWN: usize = 8;
    if known.is_empty() {
        return "the store has no banks yet".to_owned();
    }
    let shown: Vec<&str> = known.iter().take(SHOWN).map(BankName::as_str).collect();
    let more = known.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("there are {}{more}", shown.join(", "))
}

/// Characters to add, drop or change on the way from one name to the other, case aside.
fn edit_distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, a) in from.bytes().enumerate() {
        let mut next = vec![line + 1];
        let mut left = line + 1;
        for ((b, &above), diagonal) in to.bytes().zip(row.iter().skip(1)).zip(&row) {
            let change = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            left = change.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bank_most_alike_is_named_first() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
        let names = ["zebra", "ncmec", "stopncii"].map(|name| name.parse().unwrap());
        let error = StoreError::no_such_bank(&"NCMECC".parse().unwrap(), names.to_vec());
        assert_eq!(
            error.to_string(),
            "there is no bank NCMECC: there are ncmec, zebra, stopncii"
        );
        let error = StoreError::no_such_bank(&"x".parse().unwrap(), Vec::new());
        assert!(error.to_string().ends_with("no banks yet"));
    }
}
