//! The format `stopncii`: what StopNCII.org's API answers.
//!
//! A page is an object with `hashRecords`; pages may follow one another. A record replaces what
//! was known of its signal type and hash.
//!
//! | field | read as |
//! | --- | --- |
//! | `signalType`, `hashValue` | the hash: `ImagePDQ`, `VideoMD5`; other types are kept and not matched. Both together are the record's id |
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
    match kind.to_ascii_lowercase().as_str() {
        "imagepdq" => entry.hash(SignalType::Pdq, &value, None),
        "videomd5" | "imagemd5" => entry.hash(SignalType::Md5, &value, None),
        other => entry.opaque(other, &value),
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
