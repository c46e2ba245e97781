//! The format `jsonl`: an object a record, one a line or in an array.
//!
//! Its fields mean what the columns of a CSV list of these names mean (see `csv`), and a column
//! mapping holds for both. Beside them, as `export` writes: `signals`, a list of `type:hex`, with
//! `qualities` beside it; `opaque`, a list of `kind:value`; `labels`, a list.

use crate::bank::SourceStatus;
use crate::hash::{Quality, Signal};
use crate::hashset::columns::{Column, ColumnMap};
use crate::hashset::json::{Entry, Fields, note, plain};
use crate::hashset::value;
use serde_json::Value;

pub(super) fn parse(mut fields: Fields, columns: &ColumnMap) -> Result<Entry, String> {
    let mut entry = Entry::default();
    let qualities = fields.take("qualities");
    let quality_at = |at: usize| -> Option<Quality> {
        let number = qualities.as_ref()?.get(at)?.as_u64()?;
        u8::try_from(number).ok().and_then(Quality::new)
    };
    if let Some(Value::Array(signals)) = fields.take("signals") {
        for (at, signal) in signals.iter().enumerate() {
            match plain(signal).unwrap_or_default().parse::<Signal>() {
                Ok(signal) => entry.keep(signal, quality_at(at)),
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
