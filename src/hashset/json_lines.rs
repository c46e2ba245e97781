//! The format `jsonl`: an object a record, one a line or in an array.
//!
//! Its fields mean what the columns of a CSV list of these names mean (see `csv`), and a column
//! mapping holds for both. Beside them, as `export` writes: `signals`, a list of `type:hex`, with
//! `qualities` and `forms` beside it; `opaque`, a list of `kind:value`; `labels`, a list; `opinions`, a list of
//! `{"owner":…,"view":"positive"|"negative"|"seed"}`, of the record or of each of its `sources` that
//! still has it.

use crate::bank::{Opinion, SourceStatus};
use crate::hash::{Form, Quality, Signal};
use crate::hashset::algorithm::{self, Algorithm, Said};
use crate::hashset::columns::{Column, ColumnMap};
use crate::hashset::json::{Entry, Fields, note, plain};
use crate::hashset::value;
use serde::Deserialize;
use serde_json::Value;

/// Takes a list of opinions; says whether all could be read.
fn read_opinions(field: &Value, entry: &mut Entry) -> bool {
    let Some(opinions) = field.as_array() else {
        return false;
    };
    let mut all = true;
    for opinion in opinions {
        match Opinion::deserialize(opinion) {
            Ok(opinion) if !entry.opinions.contains(&opinion) => entry.opinions.push(opinion),
            Ok(_) => {}
            Err(_) => all = false,
        }
    }
    all
}

/// Reads the value of a record as what the record names.
fn read_value(entry: &mut Entry, said: &[Said<'_>], value: Option<&str>, quality: Option<Quality>) {
    let Some(text) = value else {
        let held = entry.signals.iter().map(|one| one.signal.signal_type());
        let held: Vec<_> = held.collect();
        if let Some(reason) = algorithm::contradicts(said, &held) {
            entry.signals.clear();
            entry.faults.push(reason);
        }
        for said in said {
            entry.metadata.add(said.column, said.text);
        }
        return;
    };
    let agreed = match algorithm::agreed(said) {
        Ok(agreed) => agreed,
        Err(reason) => return entry.faults.push(reason),
    };
    match agreed.algorithm {
        Some(Algorithm::Known(kind)) => entry.hash(kind, text, quality),
        Some(Algorithm::PhotoDna) => entry.opaque("photodna", text),
        Some(Algorithm::Foreign) | None => match value::bare(text) {
            Ok(signal) => entry.keep(signal, quality),
            Err(reason) => entry.faults.push(reason),
        },
    }
    for (column, text) in agreed.notes {
        entry.metadata.add(column, text);
    }
}

pub(super) fn parse(mut fields: Fields, columns: &ColumnMap) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let qualities = fields.take("qualities");
    let quality_at = |at: usize| -> Option<Quality> {
        let number = qualities.as_ref()?.get(at)?.as_u64()?;
        u8::try_from(number).ok().and_then(Quality::new)
    };
    let forms = fields.take("forms");
    // A form that nobody here knows is as good as none.
    let form_at = |at: usize| -> Option<Form> { forms.as_ref()?.get(at)?.as_str()?.parse().ok() };
    if let Some(Value::Array(signals)) = fields.take("signals") {
        for (at, signal) in signals.iter().enumerate() {
            match plain(signal).unwrap_or_default().parse::<Signal>() {
                Ok(signal) => entry.keep_form(signal, quality_at(at), form_at(at)),
                Err(error) => entry.faults.push(error.to_string()),
            }
        }
    }
    for text in fields.texts("opaque") {
        match text.split_once(':') {
            Some((kind, text)) => entry.opaque(kind, text),
            None => entry
                .faults
                .push(format!("opaque: expected KIND:VALUE, got {text:.40?}")),
        }
    }
    for label in fields.texts("labels") {
        entry.label(label.trim());
    }
    let (mut bare, mut quality) = (None, None);
    let (mut kinds, mut may_be, mut named) = (Vec::new(), Vec::new(), Vec::new());
    for (name, field) in fields.drain() {
        let column = columns.column(&name);
        let text = plain(&field).map(|text| text.trim().to_owned());
        match (column, text) {
            (_, Some(text)) if text.is_empty() => {}
            (Column::Labels(split), None) => {
                let texts = field.as_array().into_iter().flatten().filter_map(plain);
                texts.for_each(|text| split.labels(&text, |label| entry.label(label)));
            }
            (Column::Metadata(_), _) if name == "status" => {
                let status = plain(&field).unwrap_or_default();
                let known = [SourceStatus::Withdrawn, SourceStatus::Deleted];
                let found = known.into_iter().find(|known| known.name() == status);
                entry.status = found.unwrap_or_default();
                if found.is_none() {
                    note(&mut entry.metadata, &name, &field);
                }
            }
            (Column::Metadata(_), _) if name == "opinions" => {
                if !read_opinions(&field, &mut entry) {
                    note(&mut entry.metadata, &name, &field);
                }
            }
            (Column::Metadata(_), _) if name == "sources" => {
                for source in field.as_array().into_iter().flatten() {
                    // The opinions of a source that took it back do not count.
                    if source.get("status").is_none_or(|status| status == "active")
                        && let Some(opinions) = source.get("opinions")
                    {
                        read_opinions(opinions, &mut entry);
                    }
                }
                note(&mut entry.metadata, &name, &field);
            }
            (Column::Metadata(_), _) | (_, None) => note(&mut entry.metadata, &name, &field),
            (Column::Type { is_sure, .. }, Some(text)) => kinds.push((name, is_sure, text)),
            (Column::Value, Some(text)) => bare = Some(text),
            (Column::MayBeValue(_), Some(text)) => may_be.push((name, text)),
            (Column::Named(kind), Some(text)) => named.push((kind, text)),
            (Column::Opaque(kind), Some(text)) => entry.opaque(&kind, &text),
            (Column::Quality, Some(text)) => match value::quality(&text) {
                Ok(known) => quality = Some(known),
                Err(reason) => entry.faults.push(format!("quality: {reason}")),
            },
            (Column::Label, Some(text)) => entry.label(&text),
            (Column::Labels(split), Some(text)) => {
                split.labels(&text, |label| entry.label(label));
            }
            (Column::RecordId, Some(text)) => entry.record_id = Some(text),
        }
    }
    for (name, text) in may_be {
        match bare.is_none() && named.is_empty() {
            true => bare = Some(text),
            false => entry.metadata.add(&name, &text),
        }
    }
    for (kind, text) in named {
        entry.hash(kind, &text, quality);
    }
    let said: Vec<Said<'_>> = (kinds.iter())
        .map(|(column, is_sure, text)| Said {
            column,
            is_sure: *is_sure,
            text,
        })
        .collect();
    read_value(&mut entry, &said, bare.as_deref(), quality);
    if let Some(quality) = quality
        && !entry
            .signals
            .iter()
            .any(|entry| entry.signal.as_pdq().is_some())
    {
        entry.metadata.add("quality", &quality.to_string());
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use crate::bank::{Opinion, View};
    use crate::hashset::{ListFormat, ListRecord, read};
    use std::ops::ControlFlow;

    #[test]
    fn forms_stand_beside_their_hashes() {
        let pdq = |digit: &str| format!("pdq:{}", digit.repeat(64));
        let (a, b, c) = (pdq("1"), pdq("2"), pdq("3"));
        let read = record(&format!(
            r#"{{"signals":["{a}","{b}","{c}"],"forms":[null,"half_size","folded"]}}"#
        ));
        let forms: Vec<_> = read.signals.iter().map(|entry| entry.form).collect();
        assert_eq!(forms, [None, Some(crate::hash::Form::HALF_SIZE), None]);
    }

    fn record(line: &str) -> ListRecord {
        let mut found = None;
        read(line.as_bytes(), ListFormat::JsonLines, &mut |row| {
            found = Some(row.unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
        found.unwrap()
    }

    #[test]
    fn opinions_are_read_as_they_are_written() {
        let opinion = |owner: &str, view| Opinion {
            owner: owner.into(),
            view,
        };
        let hash = "d41d8cd98f00b204e9800998ecf8427e";
        let read = record(&format!(
            r#"{{"signals":["md5:{hash}"],"opinions":[{{"owner":"a","view":"positive"}},
            {{"owner":"b","view":"negative"}}],"sources":[
            {{"source":"x","opinions":[{{"owner":"a","view":"positive"}},{{"owner":"c","view":"seed"}}]}},
            {{"source":"y","status":"withdrawn","opinions":[{{"owner":"d","view":"negative"}}]}}]}}"#
        ));
        assert_eq!(
            read.opinions,
            [
                opinion("a", View::Positive),
                opinion("b", View::Negative),
                opinion("c", View::Seed)
            ]
        );
        // A view that nobody knows loses neither the record nor its words.
        let read = record(&format!(
            r#"{{"md5":"{hash}","opinions":[{{"owner":"a","view":"unsure"}}]}}"#
        ));
        assert_eq!(read.opinions, []);
        assert!(read.metadata.unwrap().contains("unsure"));
    }

    #[test]
    fn a_record_that_names_its_algorithm_is_read_as_that_or_not_at_all() {
        let digits = "0f".repeat(32);
        for (line, want) in [
            (
                format!(r#"{{"algorithm":"SHA-256","hash":"{digits}"}}"#),
                Ok("sha256"),
            ),
            (
                format!(r#"{{"Hash Type":"sha256","Digest":"{digits}"}}"#),
                Ok("sha256"),
            ),
            (
                format!(r#"{{"kind":"image","hash":"{digits}"}}"#),
                Ok("pdq"),
            ),
            (
                format!(r#"{{"SHA-256":"{digits}","type":"image"}}"#),
                Ok("sha256"),
            ),
            (
                format!(r#"{{"type":"SHA-512","hash":"{digits}"}}"#),
                Err("SHA-512"),
            ),
            (
                format!(r#"{{"algo":"md5","hash":"{digits}"}}"#),
                Err("not a md5 hash"),
            ),
            (
                format!(r#"{{"md5":"{}","type":"SHA-1"}}"#, &digits[..32]),
                Err("SHA-1"),
            ),
        ] {
            let mut found = None;
            read(line.as_bytes(), ListFormat::JsonLines, &mut |row| {
                assert!(found.is_none(), "{line}");
                found = Some(match row {
                    Ok(record) => Ok(record.signals[0].signal.signal_type().name()),
                    Err(bad) => Err(bad.reason),
                });
                ControlFlow::Continue(())
            })
            .unwrap();
            match (found.unwrap(), want) {
                (Err(reason), Err(words)) => assert!(reason.contains(words), "{reason}"),
                (found, want) => assert_eq!(found, want.map_err(str::to_owned), "{line}"),
            }
        }
    }
}
