//! What the columns of a CSV list mean.

use crate::bank::{ContentSignal, OpaqueSignal};
use crate::hash::{Quality, Signal, SignalType};
use crate::hashset::algorithm::{self, Algorithm, Said};
use crate::hashset::columns::{Column, ColumnMap};
use crate::hashset::{ListRecord, value};

/// The columns of a list.
#[derive(Debug)]
pub(super) struct Columns {
    columns: Vec<Column>,
    /// Fewest fields of a row: columns without a name at the end of the header may be missing.
    fewest: usize,
}

impl Columns {
    /// The columns that a header names; the reason where they hold no hash, or hold it twice, or
    /// one that the user named is not there.
    pub(super) fn new(header: &[&str], map: &ColumnMap<'_>) -> Result<Self, String> {
        if let Some(missing) = map.missing(header) {
            return Err(format!("there is no column {missing:?}"));
        }
        let is_hash = |name: &&&str| value::bare_type(unquoted(name)).is_some();
        if let Some(hash) = header.iter().find(is_hash) {
            return Err(format!("it holds the hash {:.24?}", unquoted(hash)));
        }
        let named = header.iter().map(|name| map.column(unquoted(name)));
        let columns = settled(named.collect());
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
        let last = header.iter().rposition(|name| !name.trim().is_empty());
        Ok(Self {
            columns,
            fewest: last.map_or(0, |last| last + 1),
        })
    }

    /// The value of a row whose type nothing but its length says; `None` where there is none, or
    /// where a column speaks of PDQ hashes.
    pub(super) fn bare<'a>(&self, fields: &[&'a str]) -> Option<&'a str> {
        let says_pdq =
            |column: &Column| matches!(column, Column::Quality | Column::Named(SignalType::Pdq));
        if self.columns.iter().any(says_pdq) {
            return None;
        }
        let mut bare = None;
        for (column, field) in self.columns.iter().zip(fields) {
            match column {
                Column::Value => bare = Some(unquoted(field)),
                Column::Type { .. } if Algorithm::named(field).is_some() => return None,
                _ => {}
            }
        }
        bare
    }

    /// The record of a row; the reason where it cannot be used. Empty fields beyond the last column
    /// are no fault: some exports end each row with a separator, and not the header.
    pub(super) fn record(&self, line: u64, fields: &[&str]) -> Result<ListRecord, String> {
        let beyond = fields.get(self.columns.len()..).unwrap_or_default();
        if fields.len() < self.fewest || beyond.iter().any(|field| !field.trim().is_empty()) {
            return Err(format!(
                "expected {} fields as in the header, got {}",
                self.columns.len(),
                fields.len()
            ));
        }
        let mut row = Row::default();
        for (column, field) in self.columns.iter().zip(fields) {
            let field = unquoted(field);
            if !field.is_empty() {
                row.take(column, field)?;
            }
        }
        row.finish(line)
    }
}

/// A field without blanks, and without the marks that stand around it where a blank stood before
/// them (`a, "b"`) or where they keep Excel from reading a number (`="00e1"`).
fn unquoted(field: &str) -> &str {
    let field = field.trim();
    let inner = field.strip_prefix('=').unwrap_or(field);
    match inner
        .strip_prefix('"')
        .and_then(|inner| inner.strip_suffix('"'))
    {
        Some(inner) => inner.trim(),
        None => field,
    }
}

/// The columns, once it is settled whether one that may hold hashes does.
fn settled(mut columns: Vec<Column>) -> Vec<Column> {
    let holds_hashes = |column: &Column| matches!(column, Column::Value | Column::Named(_));
    let mut is_needed = !columns.iter().any(holds_hashes);
    for column in &mut columns {
        if let Column::MayBeValue(name) = column {
            *column = match is_needed {
                true => Column::Value,
                false => Column::Metadata(std::mem::take(name)),
            };
            is_needed = false;
        }
    }
    columns
}

/// A row while its fields are read.
#[derive(Default)]
struct Row<'a> {
    said: Vec<Said<'a>>,
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
    fn take(&mut self, column: &'a Column, field: &'a str) -> Result<(), String> {
        match column {
            Column::Type { name, is_sure } => self.said.push(Said {
                column: name,
                is_sure: *is_sure,
                text: field,
            }),
            Column::Value => self.value = Some(field),
            Column::Named(_) | Column::Opaque(_) if value::is_nothing(field) => {}
            Column::Named(kind) => self.keep(value::value(*kind, field)?),
            Column::Quality => self.quality = Some(value::quality(field)?),
            Column::Label => self.label(field),
            Column::Labels(split) => split.labels(field, |label| self.label(label)),
            Column::Opaque(kind) => self.opaque(kind, field),
            Column::RecordId => self.record_id = Some(field.to_owned()),
            Column::MayBeValue(name) | Column::Metadata(name) => self.note(name, field),
        }
        Ok(())
    }

    /// Keeps a hash, once where two columns hold the same.
    fn keep(&mut self, signal: Signal) {
        if !self.signals.contains(&signal) {
            self.signals.push(signal);
        }
    }

    fn opaque(&mut self, kind: &str, value: &str) {
        self.opaque.push(OpaqueSignal {
            kind: kind.to_owned(),
            value: value.to_owned(),
        });
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

    /// Reads the value as what the row names.
    fn read_value(&mut self) -> Result<(), String> {
        let said = std::mem::take(&mut self.said);
        let Some(text) = self.value else {
            let held: Vec<SignalType> = (self.signals.iter())
                .map(|signal| signal.signal_type())
                .collect();
            if let Some(reason) = algorithm::contradicts(&said, &held) {
                return Err(reason);
            }
            for said in said {
                self.note(said.column, said.text);
            }
            return Ok(());
        };
        let agreed = algorithm::agreed(&said)?;
        match agreed.algorithm {
            Some(Algorithm::Known(kind)) => self.keep(value::value(kind, text)?),
            Some(Algorithm::PhotoDna) => self.opaque("photodna", text),
            Some(Algorithm::Foreign) | None => self.keep(value::bare(text)?),
        }
        for (column, text) in agreed.notes {
            self.note(column, text);
        }
        Ok(())
    }

    fn finish(mut self, line: u64) -> Result<ListRecord, String> {
        self.read_value()?;
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
