//! The format `stopncii`: what StopNCII.org's API answers.
//!
//! A page is an object with `hashRecords`; pages may follow one another. A record replaces what
//! was known of its signal type and hash.
//!
//! | field | read as |
//! | --- | --- |
//! | `signalType`, `hashValue` | the hash: `ImagePDQ`, `VideoMD5`; other types are kept and not matched. Both together are the record's id; how the hash is written is a note, where that is not in small letters |
//! | `hashStatus` | `Received`, `Active`, and any value not known here: it stands; `Withdrawn`, `Deleted`: taken back |
//! | `CSPFeedbacks` | opinions of platforms: `Blocked` is positive, `NotBlocked` negative, anything else says that it is worth looking into; their tags are labels |
//! | `caseNumbers` | notes; somebody asked for it: a seed |

use crate::bank::{SourceStatus, View};
use crate::hash::SignalType;
use crate::hashset::json::{Entry, Fields};

/// Whose the hashes are that people gave.
const PEOPLE: &str = "StopNCII.org";

pub(super) fn parse(mut fields: Fields) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let value = fields.text("hashValue").ok_or("hashValue is missing")?;
    let kind = fields.text("signalType").ok_or("signalType is missing")?;
    entry.record_id = Some(format!("{kind}:{}", value.to_ascii_lowercase()));
    let known = match kind.to_ascii_lowercase().as_str() {
        "imagepdq" => Some(SignalType::Pdq),
        "videomd5" | "imagemd5" => Some(SignalType::Md5),
        other => {
            entry.opaque(other, &value);
            None
        }
    };
    if let Some(known) = known {
        entry.hash(known, &value, None);
        // As it is written there: by it the exchange is told something about the hash.
        if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            entry.metadata.add("hashValue", &value);
        }
    }
    let status = fields.text("hashStatus").unwrap_or_default();
    entry.status = match status.to_ascii_lowercase().as_str() {
        "withdrawn" => SourceStatus::Withdrawn,
        "deleted" => SourceStatus::Deleted,
        _ => SourceStatus::Active,
    };
    entry.metadata.add("hashStatus", &status);
    entry.opinion(PEOPLE, View::Seed);
    for mut feedback in fields.objects("CSPFeedbacks") {
        let owner = feedback.text("source").unwrap_or_default();
        let said = feedback.text("feedbackValue").unwrap_or_default();
        for tag in feedback.texts("tags") {
            entry.label(tag.trim());
        }
        let view = match said.to_ascii_lowercase().as_str() {
            "blocked" => View::Positive,
            "notblocked" => View::Negative,
            _ => View::Seed,
        };
        entry.metadata.add(&format!("feedback {owner}"), &said);
        entry.opinion(owner, view);
        feedback.rest(&mut entry);
    }
    fields.rest(&mut entry);
    Ok(entry)
}
