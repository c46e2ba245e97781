//! The format `jsonl`: an object a record, one a line or in an array.
//!
//! Its fields mean what the columns of a CSV list of these names mean (see `csv`), and a column
//! mapping holds for both. Beside them, as `export` writes: `signals`, a list of `type:hex`, with
//! `qualities` and `forms` beside it; `opaque`, a list of `kind:value`; `labels`, a list; `opinions`, a list of
//! `{"owner":…,"view":"positive"|"negative"|"seed"}`, of the record or of each of its `sources` that
//! still has it.

use crate::bank::{Opinion, SourceStatus};
use crate::hash::{Form, Quality, Signal};
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
    let (mut kind, mut bare, mut quality) = (None, None, None);
    let mut named = Vec::new();
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
            (Column::Type, Some(text)) => kind = Some(text),
            (Column::Value, Some(text)) => bare = Some(text),
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
    for (kind, text) in named {
        entry.hash(kind, &text, quality);
    }
    match (kind, bare) {
        (Some(kind), Some(text)) => entry.signal(&kind, &text, quality),
        (None, Some(text)) => match value::bare(&text) {
            Ok(signal) => entry.keep(signal, quality),
            Err(reason) => entry.faults.push(reason),
        },
        _ => {}
    }
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
}
