//! What people here wrote about an item: for people, and never for matching.
//!
//! Owned here: what it is, and its bounds. Not owned: how it is kept (`remark`).

use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What people here wrote about an item. It tells nothing of itself to a log.
///
/// ```
/// use hashgate::bank::{Action, ContentSignal, Policy};
/// use hashgate::store::{BankStore, NewItem, Remarks};
/// # let folder = tempfile::tempdir()?;
/// let store = BankStore::open(folder.path().join("store"))?;
/// let bank = store.create_bank(&"mine".parse()?, Policy::new(Action::Block))?;
/// let item = NewItem {
///     signals: vec![ContentSignal::new("md5:0cc175b9c0f1b6a831c399e269772661".parse()?, None)],
///     ..NewItem::default()
/// };
/// store.add(bank.id, &[item.clone()])?;
/// let id = store.same_as(bank.id, &item)?.expect("it was added");
/// let remarks = Remarks { note: Some("seen on Monday".into()), ..Remarks::default() };
/// assert!(store.set_remarks(id, &remarks)?);
/// assert_eq!(store.remarks(id)?, remarks);
/// store.delete_item(id)?;
/// assert_eq!(store.remarks(id)?, Remarks::default(), "it goes with its item");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remarks {
    /// A note: 1 to [`Remarks::MAX_NOTE`] characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Where its owner keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_uri: Option<String>,
    /// What else its owner knows of it: a JSON object, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// From when on it was said to match, in seconds since 1970-01-01 UTC, where that was said as a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_from: Option<u64>,
}

impl Remarks {
    /// Most characters of a note.
    pub const MAX_NOTE: usize = 255;

    /// Most bytes of all of it.
    pub const MAX_BYTES: usize = 16 * 1024;

    fn texts(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("note", self.note.as_deref()),
            ("content_id", self.content_id.as_deref()),
            ("content_uri", self.content_uri.as_deref()),
            ("json", self.json.as_deref()),
        ]
    }

    /// Whether it is within its bounds.
    ///
    /// # Errors
    /// [`StoreError::TooLong`].
    pub fn check(&self) -> Result<(), StoreError> {
        let note = self.note.as_deref().map_or(0, |note| note.chars().count());
        if note > Self::MAX_NOTE {
            return Err(StoreError::TooLong {
                what: "a note",
                unit: "characters",
                given: note,
                most: Self::MAX_NOTE,
            });
        }
        let texts = self.texts().into_iter();
        let bytes = texts.filter_map(|(_, text)| text.map(str::len)).sum();
        if bytes > Self::MAX_BYTES {
            return Err(StoreError::TooLong {
                what: "what is written about an item",
                unit: "bytes",
                given: bytes,
                most: Self::MAX_BYTES,
            });
        }
        Ok(())
    }
}

/// What there is, and how long it is.
impl fmt::Debug for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Remarks");
        for (name, text) in self.texts() {
            if let Some(text) = text {
                told.field(name, &format_args!("{} bytes", text.len()));
            }
        }
        told.field("enabled_from", &self.enabled_from).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_told_no_word_of_it() {
        let remarks = Remarks {
            note: Some("secret".to_owned()),
            json: Some("{\"a\":1}".to_owned()),
            ..Remarks::default()
        };
        let told = format!("{remarks:?}");
        assert!(
            !told.contains("secret") && told.contains("6 bytes"),
            "{told}"
        );
    }

    #[test]
    fn it_is_bounded() {
        let note = |count| Remarks {
            note: Some("é".repeat(count)),
            ..Remarks::default()
        };
        assert!(note(255).check().is_ok());
        assert!(matches!(
            note(256).check(),
            Err(StoreError::TooLong { given: 256, .. })
        ));
        let uri = |count| Remarks {
            content_uri: Some("u".repeat(count)),
            content_id: Some("i".to_owned()),
            ..Remarks::default()
        };
        assert!(uri(Remarks::MAX_BYTES - 1).check().is_ok());
        assert!(uri(Remarks::MAX_BYTES).check().is_err());
    }
}
