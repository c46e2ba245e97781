//! The format `tat`: the hash list of Tech Against Terrorism.
//!
//! A page is an object with `results`, a whole list an array.
//!
//! | field | read as |
//! | --- | --- |
//! | `hash_digest`, `algorithm` | the hash (`MD5`, `PDQ`, `SHA256`, …); other algorithms are kept and not matched |
//! | `id` | the record's id; without it, the hash |
//! | `deleted` | taken back |
//! | `ideology` | a label |

use crate::bank::{SourceStatus, View};
use crate::hashset::json::{Entry, Fields};

/// The array that holds a page's records.
pub(super) const ARRAYS: [&str; 1] = ["results"];

const OWNER: &str = "Tech Against Terrorism";

pub(super) fn parse(mut fields: Fields) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let digest = fields.text("hash_digest").ok_or("hash_digest is missing")?;
    let algorithm = fields.text("algorithm").ok_or("algorithm is missing")?;
    let id = fields.text("id");
    let by_hash = || format!("{algorithm}:{}", digest.to_ascii_lowercase());
    entry.record_id = Some(id.unwrap_or_else(by_hash));
    entry.signal(&algorithm, &digest, None);
    if fields.flag("deleted") == Some(true) {
        entry.status = SourceStatus::Deleted;
    }
    entry.opinion(OWNER, View::Positive);
    if let Some(ideology) = fields.text("ideology") {
        entry.label(&ideology);
    }
    fields.rest(&mut entry);
    Ok(entry)
}
