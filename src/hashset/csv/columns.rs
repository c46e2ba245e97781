//! What the columns of a CSV list mean.

use crate::bank::{ContentSignal, OpaqueSignal};
use crate::hash::{Quality, Signal, SignalType};
use crate::hashset::columns::{Column, ColumnMap};
use crate::hashset::{ListRecord, json, value};

/// The columns of a list.
#[derive(Debug)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// The columns that a header names; the reason where they hold no hash, or hold it twice, or
    /// one that the user named is not there.
    pub(super) fn new(header: &[&str], map: &ColumnMap<'_>) -> Result<Self, String> {
        if let Some(missing) = map.missing(header) {
            return Err(format!("there is no column {missing:?}"));
        }
        let columns: Vec<Column> = header.iter().map(|name| map.column(name.trim())).collect();
        let count = |wanted: &Column| columns.iter().filter(|&column| column == wanted).count();
        let named = columns
            .iter()
            .any(|column| matches!(column, Column::Named(_) | Column::Opaque(_)));
        let shown = || {
            let shown: Vec<String> = header
                .iter()
                .take(8)
                .map(|name| format!("{name:.24?}"))
                .collect();
            let more = if header.len() > shown.len() {
                ", …"
            } else {
                ""
            };
            format!("{}{more}", shown.join(", "))
        };
        for (column, what) in [
            (Column::Type, "the signal type"),
            (Column::Value, "the hash"),
            (Column::Quality, "the quality"),
            (Column::RecordId, "the record's id"),
        ] {
            if count(&column) > 1 {
                return Err(format!("several columns hold {what} among {}", shown()));
            }
        }
        if !named && count(&Column::Value) == 0 {
            return Err(format!("no column holds a hash among {}", shown()));
        }
        Ok(Self(columns))
    }

    /// The column of hashes whose type nothing but their length says; `None` where there is none,
    /// or where another column speaks of PDQ hashes.
    pub(super) fn bare(&self) -> Option<usize> {
        let says_type = |column: &Column| {
            matches!(
                column,
                Column::Type | Column::Quality | Column::Named(SignalType::Pdq)
            )
        };
        if self.0.iter().any(says_type) {
            return None;
        }
        self.0.iter().position(|column| *column == Column::Value)
    }

    /// The record of a row; the reason where it cannot be used.
    pub(super) fn record(&self, line: u64, fields: &[&str]) -> Result<ListRecord, String> {
        if fields.len() != self.0.len() {
            return Err(format!(
                "expected {} fields as in the header, got {}",
                self.0.len(),
                fields.len()
            ));
        }
        let mut row = Row::default();
        for (column, field) in self.0.iter().zip(fields) {
            let field = field.trim();
            if !field.is_empty() {
                row.take(column, field)?;
            }
        }
        row.finish(line)
    }
}

/// A row while its fields are read.
#[derive(Default)]
struct Row<'a> {
    kind: Option<&'a str>,
    value: Option<&'a str>,
    signals: Vec<Signal>,
    opaque: Vec<OpaqueSignal>,
    quality: Option<Quality>,
    labels: Vec<String>,
    record_id: Option<String>,
    metadata: String,
}

impl<'a> Row<'a> {
    /// Takes a field that is not empty.
    fn take(&mut self, column: &Column, field: &'a str) -> Result<(), String> {
        match column {
            Column::Type => self.kind = Some(field),
            Column::Value => self.value = Some(field),
            Column::Named(kind) => self.signals.push(value::value(*kind, field)?),
            Column::Quality => self.quality = Some(value::quality(field)?),
            Column::Label => self.label(field),
            Column::Labels(split) => split.labels(field, |label| self.label(label)),
            Column::Opaque(kind) => self.opaque.push(OpaqueSignal {
                kind: kind.clone(),
                value: field.to_owned(),
            }),
            Column::RecordId => self.record_id = Some(field.to_owned()),
            Column::Metadata(name) => self.note(name, field),
        }
        Ok(())
    }

    fn label(&mut self, label: &str) {
        if !label.is_empty() && !self.labels.iter().any(|known| known == label) {
            self.labels.push(label.to_owned());
        }
    }

    fn note(&mut self, name: &str, field: &str) {
        if !self.metadata.is_empty() {
            self.metadata.push_str("; ");
        }
        self.metadata.push_str(name);
        self.metadata.push('=');
        self.metadata.push_str(field);
    }

    fn finish(mut self, line: u64) -> Result<ListRecord, String> {
        match (self.kind, self.value) {
            (Some(name), Some(hex)) => {
                match value::signal_type(name) {
                    Some(kind) => self.signals.push(value::value(kind, hex)?),
                    // Known by name, and not to be computed here.
                    None if json::opaque_kind(name) == "photodna" => {
                        self.opaque.push(OpaqueSignal {
                            kind: "photodna".to_owned(),
                            value: hex.to_owned(),
                        });
                    }
                    None => {
                        let kind: SignalType = name
                            .parse()
                            .map_err(|error: crate::hash::UnknownSignalType| error.to_string())?;
                        self.signals.push(value::value(kind, hex)?);
                    }
                }
            }
            (None, Some(hex)) => {
                self.signals.push(value::bare(hex)?);
            }
            (_, None) => {}
        }
        if self.signals.is_empty() && self.opaque.is_empty() {
            return Err("the row has no hash".to_owned());
        }
        if let Some(quality) = self.quality
            && !self.signals.iter().any(|signal| signal.as_pdq().is_some())
        {
            // It is about no hash of this row, and nothing that a list says is dropped.
            self.note("quality", &quality.to_string());
        }
        let quality = self.quality;
        let signals = self.signals.into_iter().map(|signal| {
            ContentSignal::new(signal, quality.filter(|_| signal.as_pdq().is_some()))
        });
        Ok(ListRecord {
            line,
            signals: signals.collect(),
            opaque: self.opaque,
            labels: self.labels,
            metadata: value::text(&self.metadata),
            record_id: self.record_id,
            ..ListRecord::default()
        })
    }
}
