//! Lists out: content items in the forms that others read.
//!
//! Owned here: what each form can say of an item, and a count of what it cannot. Not owned: which
//! items go out (the caller gives them one by one) and where to.
//!
//! | `--format` | of each item |
//! | --- | --- |
//! | `tx` | a line `type hex` for each hash: python-threatexchange's local file |
//! | `csv` | a row for each hash: `signal_type,signal_str,quality,id,tags`, with the names of a python-threatexchange dataset |
//! | `jsonl` | an object with all its hashes and their forms, labels and provenance; `import` reads it back. Only the reach of its hashes is left out, because each calibrates for itself |
//! | `vics` | a record of VICS 2.0 with its MD5, SHA-1 and PhotoDNA; items with none of them are left out |
//! | `stopncii` | feedback on its PDQ hashes and MD5 digests, as StopNCII.org takes it |

use crate::bank::{ContentItem, ContentState, SourceStatus};
use crate::hash::SignalType;
use crate::hashset::UnknownListFormat;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// A form of lists that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ExportFormat {
    /// `tx`: `type hex` a line.
    Typed,
    /// `csv`: columns named by a header line.
    Csv,
    /// `jsonl`: a JSON object an item.
    JsonLines,
    /// `vics`: VICS 2.0.
    Vics,
    /// `stopncii`: feedback for StopNCII.org.
    StopNciiFeedback,
}

impl ExportFormat {
    /// Every form.
    pub const ALL: [Self; 5] = [
        Self::Typed,
        Self::Csv,
        Self::JsonLines,
        Self::Vics,
        Self::StopNciiFeedback,
    ];

    /// The name, as typed on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typed => "tx",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Vics => "vics",
            Self::StopNciiFeedback => "stopncii",
        }
    }
}

impl ExportFormat {
    /// Whether the form says of an item that it matches nothing. Give others only items that are
    /// active: they would come back as such.
    #[must_use]
    pub const fn has_state(self) -> bool {
        matches!(self, Self::JsonLines)
    }
}

impl FromStr for ExportFormat {
    type Err = UnknownListFormat;
    fn from_str(text: &str) -> Result<Self, UnknownListFormat> {
        UnknownListFormat::or_named(&Self::ALL, Self::name, text)
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Items of which something was written.
    pub items: u64,
    /// Lines, rows or records that were written.
    pub records: u64,
    /// Items of which the form can say nothing.
    pub left_out: u64,
}

/// Writes one list.
///
/// ```
/// use hashgate::hashset::{ExportFormat, ListWriter};
/// let mut list = Vec::new();
/// let writer = ListWriter::new(&mut list, ExportFormat::Csv, "Blocked")?;
/// assert_eq!(writer.finish()?.items, 0);
/// assert_eq!(list, b"signal_type,signal_str,quality,id,tags\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ListWriter<'a, W> {
    out: W,
    format: ExportFormat,
    feedback: &'a str,
    done: Exported,
}

/// The data model that VICS 2.0 lists name.
const VICS: &str =
    "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media";

impl<'a, W: Write> ListWriter<'a, W> {
    /// Begins a list. `feedback` is what StopNCII.org is told of every hash: `Blocked`,
    /// `NotBlocked`, `PendingReview`, …; other forms do not use it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn new(mut out: W, format: ExportFormat, feedback: &'a str) -> io::Result<Self> {
        match format {
            ExportFormat::Typed | ExportFormat::JsonLines => {}
            ExportFormat::Csv => writeln!(out, "signal_type,signal_str,quality,id,tags")?,
            ExportFormat::Vics => write!(out, "{{\"@odata.context\":{},\"value\":[", json!(VICS))?,
            ExportFormat::StopNciiFeedback => write!(out, "{{\"hashFeedbacks\":[")?,
        }
        Ok(Self {
            out,
            format,
            feedback,
            done: Exported::default(),
        })
    }

    /// Writes what the form can say of an item.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn item(&mut self, item: &ContentItem) -> io::Result<()> {
        let before = self.done.records;
        match self.format {
            ExportFormat::Typed => {
                for entry in &item.signals {
                    let (kind, hex) = (entry.signal.signal_type(), entry.signal.hex());
                    writeln!(self.out, "{kind} {hex}")?;
                    self.done.records += 1;
                }
            }
            ExportFormat::Csv => self.rows(item)?,
            ExportFormat::JsonLines => {
                writeln!(self.out, "{}", object(item))?;
                self.done.records += 1;
            }
            ExportFormat::Vics => self.record(media(item))?,
            ExportFormat::StopNciiFeedback => {
                for entry in &item.signals {
                    if matches!(
                        entry.signal.signal_type(),
                        SignalType::Pdq | SignalType::Md5
                    ) {
                        self.record(Some(json!({
                            "tags": item.labels,
                            "feedbackValue": self.feedback,
                            "hashValue": entry.signal.hex(),
                        })))?;
                    }
                }
            }
        }
        match self.done.records == before {
            true => self.done.left_out += 1,
            false => self.done.items += 1,
        }
        Ok(())
    }

    /// Ends the list.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<Exported> {
        match self.format {
            ExportFormat::Typed | ExportFormat::Csv | ExportFormat::JsonLines => {}
            ExportFormat::Vics => writeln!(self.out, "\n]}}")?,
            ExportFormat::StopNciiFeedback => {
                writeln!(self.out, "\n],\"count\":{}}}", self.done.records)?;
            }
        }
        self.out.flush()?;
        Ok(self.done)
    }

    /// A record of an array.
    fn record(&mut self, record: Option<Value>) -> io::Result<()> {
        let Some(record) = record else {
            return Ok(());
        };
        let comma = if self.done.records == 0 { "" } else { "," };
        self.done.records += 1;
        write!(self.out, "{comma}\n{record}")
    }

    fn rows(&mut self, item: &ContentItem) -> io::Result<()> {
        let tags: Vec<String> = item.labels.iter().map(|label| tag(label)).collect();
        for entry in &item.signals {
            let quality = entry
                .quality
                .map_or_else(String::new, |quality| quality.to_string());
            let (kind, hex) = (entry.signal.signal_type(), entry.signal.hex());
            writeln!(
                self.out,
                "{kind},{hex},{quality},{},{}",
                item.id,
                quoted(&tags.join(" "))
            )?;
            self.done.records += 1;
        }
        Ok(())
    }
}

/// A label without what parts labels.
fn tag(label: &str) -> String {
    let parts = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|');
    label.replace(parts, "_")
}

/// A field of a CSV row.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r', ';', '\t']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// All that is known of an item, as `import --format jsonl` reads it.
fn object(item: &ContentItem) -> Value {
    let signals: Vec<String> = item
        .signals
        .iter()
        .map(|entry| entry.signal.to_string())
        .collect();
    let qualities: Vec<_> = item.signals.iter().map(|entry| entry.quality).collect();
    let opaque = item.opaque.iter();
    let opaque: Vec<String> = opaque
        .map(|one| format!("{}:{}", one.kind, one.value))
        .collect();
    let mut object = json!({
        "id": item.id.to_string(),
        "signals": signals,
        "qualities": qualities,
        "labels": item.labels,
        "sources": item.sources().collect::<Vec<_>>(),
    });
    if let Value::Object(fields) = &mut object {
        if !opaque.is_empty() {
            fields.insert("opaque".to_owned(), json!(opaque));
        }
        if item.signals.iter().any(|entry| entry.form.is_some()) {
            let forms: Vec<_> = item.signals.iter().map(|entry| entry.form).collect();
            fields.insert("forms".to_owned(), json!(forms));
        }
        // A disputed one too: one who knows nothing of opinions would take it for one that matches.
        if item.state != ContentState::Active {
            fields.insert("status".to_owned(), json!(SourceStatus::Withdrawn));
        }
    }
    object
}

/// An item in VICS 2.0; `None` where it has nothing that VICS has a field for.
fn media(item: &ContentItem) -> Option<Value> {
    let mut record = serde_json::Map::new();
    record.insert("MediaID".to_owned(), json!(item.id));
    let category = item
        .labels
        .iter()
        .find_map(|label| label.strip_prefix("category:"));
    if let Some(category) = category {
        let number = category
            .parse::<i64>()
            .map_or_else(|_| json!(category), |n| json!(n));
        record.insert("Category".to_owned(), number);
    }
    let is_category = |label: &&&str| label.starts_with("category:");
    let tags: Vec<&str> = item.labels.iter().map(String::as_str).collect();
    let tags: Vec<&str> = tags
        .iter()
        .filter(|label| !is_category(label))
        .copied()
        .collect();
    if !tags.is_empty() {
        record.insert("Tags".to_owned(), json!(tags.join(", ")));
    }
    let mut has_hash = false;
    for (kind, name) in [(SignalType::Md5, "MD5"), (SignalType::Sha1, "SHA1")] {
        let found = item
            .signals
            .iter()
            .find(|entry| entry.signal.signal_type() == kind);
        if let Some(found) = found {
            let hex = found.signal.hex().to_ascii_uppercase();
            has_hash |= record.insert(name.to_owned(), json!(hex)).is_none();
        }
    }
    let photodna = item.opaque.iter().find(|one| one.kind == "photodna");
    if let Some(photodna) = photodna {
        has_hash |= record
            .insert("PhotoDNA".to_owned(), json!(photodna.value))
            .is_none();
    }
    has_hash.then_some(Value::Object(record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{BankId, ContentId, ContentSignal, OpaqueSignal, Opinion, Provenance, View};
    use crate::hash::{Quality, Signal};
    use crate::hashset::{ListFormat, ListRecord, detect, read};
    use std::ops::ControlFlow;

    fn item(id: u64, kinds: &[SignalType]) -> ContentItem {
        let entry = |&kind: &SignalType| {
            ContentSignal::new(
                Signal::from_bytes(kind, &vec![id as u8 + kind.code(); kind.byte_len()]).unwrap(),
                (kind == SignalType::Pdq)
                    .then(|| Quality::new(80))
                    .flatten(),
            )
        };
        ContentItem {
            id: ContentId(id),
            bank: BankId(1),
            signals: kinds.iter().map(entry).collect(),
            opaque: Vec::new(),
            labels: vec!["category:2".into(), "two words, \"quoted\"".into()],
            provenance: Provenance {
                source: "list".into(),
                opinions: vec![Opinion {
                    owner: "x".into(),
                    view: View::Positive,
                }],
                ..Provenance::default()
            },
            later: Vec::new(),
            state: ContentState::Active,
            by_hand: false,
            changed: None,
        }
    }

    fn items() -> [ContentItem; 3] {
        let mut opaque = item(3, &[]);
        opaque.opaque.push(OpaqueSignal {
            kind: "photodna".into(),
            value: "1,2".into(),
        });
        [
            item(1, &[SignalType::Pdq, SignalType::Md5, SignalType::Sha256]),
            item(2, &[SignalType::Pdq]),
            opaque,
        ]
    }

    fn write(format: ExportFormat) -> (String, Exported) {
        let mut list = Vec::new();
        let mut writer = ListWriter::new(&mut list, format, "Blocked").unwrap();
        for item in &items() {
            writer.item(item).unwrap();
        }
        let done = writer.finish().unwrap();
        (String::from_utf8(list).unwrap(), done)
    }

    fn read_back(list: &str, format: ListFormat) -> Vec<ListRecord> {
        assert_eq!(detect(list.as_bytes()), Ok(format), "{list}");
        let mut records = Vec::new();
        read(list.as_bytes(), format, &mut |row| {
            records.push(row.unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
        records
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (list, done) = write(ExportFormat::JsonLines);
        assert_eq!((done.items, done.records, done.left_out), (3, 3, 0));
        for (record, item) in read_back(&list, ListFormat::JsonLines).iter().zip(items()) {
            assert_eq!(record.signals, item.signals);
            assert_eq!(record.opaque, item.opaque);
            assert_eq!(record.labels, item.labels);
            assert_eq!(record.record_id, Some(item.id.to_string()));
        }
        let (list, done) = write(ExportFormat::Typed);
        assert_eq!((done.items, done.records, done.left_out), (2, 4, 1));
        let hashes = |records: &[ListRecord]| -> Vec<Signal> {
            let entries = records.iter().flat_map(|record| &record.signals);
            entries.map(|entry| entry.signal).collect()
        };
        let want: Vec<Signal> = items()
            .iter()
            .flat_map(|item| item.signals.iter().map(|entry| entry.signal))
            .collect();
        assert_eq!(hashes(&read_back(&list, ListFormat::Typed)), want);
        let (list, done) = write(ExportFormat::Csv);
        assert_eq!((done.items, done.records, done.left_out), (2, 4, 1));
        let records = read_back(&list, ListFormat::Csv);
        assert_eq!(hashes(&records), want);
        assert_eq!(records[0].signals[0].quality, Quality::new(80));
        assert_eq!(records[0].labels, ["category:2", "two_words__\"quoted\""]);
    }

    #[test]
    fn vics_and_feedback_have_their_forms() {
        let (list, done) = write(ExportFormat::Vics);
        assert_eq!((done.items, done.records, done.left_out), (2, 2, 1));
        let records = read_back(&list, ListFormat::Vics);
        assert_eq!(records[0].signals[0].signal, items()[0].signals[1].signal);
        assert_eq!(records[1].opaque, items()[2].opaque);
        assert_eq!(records[0].labels[0], "category:2");
        let (list, done) = write(ExportFormat::StopNciiFeedback);
        assert_eq!((done.items, done.records, done.left_out), (2, 3, 1));
        let feedback: Value = serde_json::from_str(&list).unwrap();
        assert_eq!(feedback["count"], 3);
        let first = &feedback["hashFeedbacks"][0];
        assert_eq!(first["feedbackValue"], "Blocked");
        assert_eq!(first["hashValue"], items()[0].signals[0].signal.hex());
    }

    #[test]
    fn what_matches_nothing_is_not_read_back_as_active() {
        for state in [ContentState::Withdrawn, ContentState::Disputed] {
            let mut list = Vec::new();
            let mut writer =
                ListWriter::new(&mut list, ExportFormat::JsonLines, "Blocked").unwrap();
            let mut item = item(1, &[SignalType::Pdq]);
            item.state = state;
            writer.item(&item).unwrap();
            writer.finish().unwrap();
            let list = String::from_utf8(list).unwrap();
            let records = read_back(&list, ListFormat::JsonLines);
            assert_eq!(records[0].status, SourceStatus::Withdrawn, "{state:?}");
        }
        assert!(ExportFormat::JsonLines.has_state() && !ExportFormat::Csv.has_state());
    }

    #[test]
    fn names_round_trip() {
        for format in ExportFormat::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "xls".parse::<ExportFormat>().unwrap_err().to_string();
        assert!(error.contains("tx, csv, jsonl, vics, stopncii"), "{error}");
    }
}
