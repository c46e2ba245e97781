//! The format `threatexchange`: what ThreatExchange's `threat_updates` and `threat_descriptors`
//! answer.
//!
//! A page is an object with `data`; pages may follow one another, and a bare array of indicators is
//! read too.
//!
//! | field | read as |
//! | --- | --- |
//! | `indicator`, `type` | the hash (`HASH_PDQ`, `HASH_MD5`, `HASH_VIDEO_MD5`, `HASH_SHA1`, `HASH_SHA256`); other types are kept and not matched |
//! | `id` | the record's id; without it, type and indicator |
//! | `should_delete` | taken back; so is an update without `descriptors`, which is how the API tells of the last one that is gone |
//! | `descriptors` | if none of them has an owner: taken back. Of each owner: `status` `MALICIOUS` is positive, `NON_MALICIOUS` negative, anything else a seed; `tags` are labels |
//! | `reactions` | `HELPFUL` is positive, `DISAGREE_WITH_TAGS` negative, of those who have no descriptor of their own |

use crate::bank::{SourceStatus, View};
use crate::hashset::json::{Entry, Fields};
use std::collections::BTreeMap;

/// The array that holds a page's records.
pub(super) const ARRAYS: [&str; 1] = ["data"];

pub(super) fn parse(mut fields: Fields) -> Result<Entry, String> {
    let mut entry = Entry::default();
    // A descriptor that was asked for by itself calls the hash `raw_indicator`.
    let indicator = fields
        .text("indicator")
        .or_else(|| fields.text("raw_indicator"));
    let kind = fields.text("type");
    let id = fields.text("id");
    // Asked before the flag is taken out.
    let is_update = fields.has("should_delete") || fields.has("last_updated");
    let is_gone = fields.flag("should_delete").unwrap_or(false)
        || is_update && !fields.has("descriptors") && !fields.has("status");
    if is_gone {
        entry.status = SourceStatus::Deleted;
    }
    entry.record_id = match (&id, &kind, &indicator) {
        (Some(id), ..) => Some(id.clone()),
        (None, Some(kind), Some(indicator)) => Some(format!("{kind}:{indicator}")),
        _ => None,
    };
    match (indicator, kind) {
        (Some(indicator), Some(kind)) => entry.signal(&kind, &indicator, None),
        _ if is_gone && entry.record_id.is_some() => {}
        (None, _) => return Err("indicator is missing".to_owned()),
        (_, None) => return Err("type is missing".to_owned()),
    }
    let mut said = BTreeMap::new();
    let mut reacted = BTreeMap::new();
    if fields.has("descriptors") {
        for mut page in fields.objects("descriptors") {
            let mut descriptors = page.objects("data");
            if descriptors.is_empty() {
                descriptors.push(page);
            }
            for descriptor in descriptors {
                self::descriptor(descriptor, &mut entry, &mut said, &mut reacted);
            }
        }
    } else if fields.has("status") {
        descriptor(fields, &mut entry, &mut said, &mut reacted);
        return Ok(with_opinions(entry, said, reacted));
    }
    if is_update && said.is_empty() && entry.status == SourceStatus::Active {
        // Nobody who may be asked stands by it.
        entry.status = SourceStatus::Deleted;
    }
    for tag in tags(&mut fields) {
        entry.label(&tag);
    }
    fields.rest(&mut entry);
    Ok(with_opinions(entry, said, reacted))
}

type Views = BTreeMap<String, View>;

fn descriptor(mut fields: Fields, entry: &mut Entry, said: &mut Views, reacted: &mut Views) {
    let owner = fields.objects("owner").into_iter().next();
    let owner = owner.and_then(|mut owner| owner.text("id").or_else(|| owner.text("name")));
    let status = fields.text("status").unwrap_or_default();
    for tag in tags(&mut fields) {
        entry.label(&tag);
    }
    let view = match status.to_ascii_uppercase().as_str() {
        "MALICIOUS" => View::Positive,
        "NON_MALICIOUS" => View::Negative,
        _ => View::Seed,
    };
    entry.metadata.add("status", &status);
    let has_owner = owner.is_some();
    if let Some(owner) = owner {
        said.insert(owner, view);
    }
    for mut reaction in fields.objects("reactions") {
        let key = reaction.text("key").unwrap_or_default();
        let owners = reaction.text("value").unwrap_or_default();
        for owner in owners
            .split(',')
            .map(str::trim)
            .filter(|owner| !owner.is_empty())
        {
            match key.as_str() {
                "HELPFUL" => {
                    reacted.insert(owner.to_owned(), View::Positive);
                }
                "DISAGREE_WITH_TAGS" => {
                    reacted.entry(owner.to_owned()).or_insert(View::Negative);
                }
                _ => entry.metadata.add(&format!("reaction {owner}"), &key),
            }
        }
    }
    // By it the descriptor's owner can be answered.
    if let Some(id) = fields.text("id")
        && has_owner
    {
        entry.metadata.add("descriptor", &id);
    }
    fields.rest(entry);
}

/// Tags, as texts or as `{"data": [{"text": …}]}`.
fn tags(fields: &mut Fields) -> Vec<String> {
    let mut found = Vec::new();
    for mut tag in fields.objects_or_texts("tags", &mut found) {
        for mut one in tag.objects("data") {
            found.extend(one.text("text").or_else(|| one.text("name")));
        }
        found.extend(tag.text("text"));
    }
    found
}

fn with_opinions(mut entry: Entry, said: Views, reacted: Views) -> Entry {
    for (owner, view) in reacted {
        if !said.contains_key(&owner) {
            entry.opinion(owner, view);
        }
    }
    for (owner, view) in said {
        entry.opinion(owner, view);
    }
    entry.opinions.sort();
    entry
}

#[cfg(test)]
mod tests {
    use crate::bank::SourceStatus;
    use crate::hashset::{ListFormat, read};
    use std::ops::ControlFlow;

    #[test]
    fn an_update_without_descriptors_is_gone_whatever_its_flag() {
        let status = |more: &str| {
            let md5 = "d41d8cd98f00b204e9800998ecf8427e";
            let list =
                format!(r#"{{"data":[{{"id":"1","type":"HASH_MD5","indicator":"{md5}"{more}}}]}}"#);
            let mut found = None;
            read(list.as_bytes(), ListFormat::ThreatExchange, &mut |row| {
                found = Some(row.unwrap().status);
                ControlFlow::Continue(())
            })
            .unwrap();
            found.unwrap()
        };
        let there = r#","descriptors":{"data":[{"status":"MALICIOUS","owner":{"id":"7"}}]}"#;
        let no_owner = r#","should_delete":false,"descriptors":{"data":[{"status":"MALICIOUS"}]}"#;
        for (more, want) in [
            (r#","should_delete":false"#, SourceStatus::Deleted),
            (r#","should_delete":true"#, SourceStatus::Deleted),
            (r#","last_updated":7"#, SourceStatus::Deleted),
            ("", SourceStatus::Active),
            (no_owner, SourceStatus::Deleted),
            (
                &format!(r#","should_delete":false{there}"#),
                SourceStatus::Active,
            ),
            (
                &format!(r#","should_delete":true{there}"#),
                SourceStatus::Deleted,
            ),
        ] {
            assert_eq!(status(more), want, "{more}");
        }
    }
}
