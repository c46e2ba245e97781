//! Which entries of a bank people mean: by a number, or by a hash.
//!
//! Owns how an entry is named and how the store is asked for it. Refuses to change anything.

use crate::bank::{ContentId, ContentItem};
use crate::hash::{Signal, SignalError};
use crate::store::{BankStore, StoreError};
use std::fmt;
use std::str::FromStr;

/// An entry as people name it: its number (`17`, `#17`), or a hash that it has (`pdq:HEX`, `md5:HEX`, …).
///
/// ```
/// use hashgate::curation::entries::EntryName;
/// let name: EntryName = "#17".parse()?;
/// assert_eq!(name.to_string(), "#17");
/// assert!("picture.jpg".parse::<EntryName>().is_err());
/// # Ok::<(), hashgate::curation::entries::EntryNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName {
    given: String,
    which: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Id(ContentId),
    Signal(Signal),
}

/// A text that names no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no entry's number and no hash")]
pub struct EntryNameError {
    /// What was given.
    pub given: String,
    /// Why it is no hash.
    pub source: SignalError,
}

impl FromStr for EntryName {
    type Err = EntryNameError;
    fn from_str(text: &str) -> Result<Self, EntryNameError> {
        let which = match text.strip_prefix('#').unwrap_or(text).parse() {
            Ok(id) => Which::Id(ContentId(id)),
            Err(_) => Which::Signal(text.parse().map_err(|source| EntryNameError {
                given: text.to_owned(),
                source,
            })?),
        };
        Ok(Self {
            given: text.to_owned(),
            which,
        })
    }
}

impl From<ContentId> for EntryName {
    fn from(id: ContentId) -> Self {
        Self {
            given: id.to_string(),
            which: Which::Id(id),
        }
    }
}

impl From<Signal> for EntryName {
    fn from(signal: Signal) -> Self {
        Self {
            given: signal.to_string(),
            which: Which::Signal(signal),
        }
    }
}

/// As it was given.
impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.given)
    }
}

/// The entries of all banks that a name means: one by its number, or all that have the hash.
///
/// # Errors
/// Where the store cannot be read or is damaged.
pub fn find(store: &BankStore, name: &EntryName) -> Result<Vec<ContentItem>, StoreError> {
    let ids = match &name.which {
        Which::Id(id) => vec![*id],
        Which::Signal(signal) => store.find(signal)?,
    };
    let mut items = Vec::new();
    for id in ids {
        items.extend(store.item(id)?);
    }
    Ok(items)
}
