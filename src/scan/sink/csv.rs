//! CSV: one row for each file, with its nearest match.

use crate::scan::{FileRecord, Sink, Summary};
use std::io::{self, Write};

/// Writes a header and one row a file (RFC 4180): `path, outcome, action, quality, pdq, matches`
/// (their number) `, bank, content_id, signal_type, hash, distance, variant` (of the nearest)
/// `, bytes, error, kind, score, entry_form, reach`. There is no summary row.
pub struct CsvSink<W: Write> {
    out: csv::Writer<W>,
    begun: bool,
    sources: bool,
}

const HEADER: [&str; 18] = [
    "path",
    "outcome",
    "action",
    "quality",
    "pdq",
    "matches",
    "bank",
    "content_id",
    "signal_type",
    "hash",
    "distance",
    "variant",
    "bytes",
    "error",
    "kind",
    "score",
    "entry_form",
    "reach",
];

impl<W: Write> CsvSink<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out: csv::Writer::from_writer(out),
            begun: false,
            sources: false,
        }
    }

    /// With a last column `source`: where the nearest match's entry came from, for a scan against lists
    /// and pictures of its own.
    #[must_use]
    pub fn with_sources(mut self) -> Self {
        self.sources = true;
        self
    }

    fn begin(&mut self) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            let source = self.sources.then_some("source");
            self.out.write_record(HEADER.into_iter().chain(source))?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for CsvSink<W> {
    fn record(&mut self, record: &FileRecord) -> io::Result<()> {
        self.begin()?;
        let matches = record.matches.len() as u64 + record.matches_left_out;
        let mut row = vec![
            record.path.clone(),
            record.outcome.to_string(),
            record.action.to_owned(),
            record.quality.map_or_else(String::new, |q| q.to_string()),
            record.signals.get("pdq").cloned().unwrap_or_default(),
            matches.to_string(),
        ];
        match record.matches.first() {
            Some(nearest) => row.extend([
                nearest.bank.to_string(),
                nearest.content_id.to_string(),
                nearest.entry.signal_type().to_string(),
                nearest.entry.hex(),
                nearest.distance.to_string(),
                nearest.variant.to_string(),
            ]),
            None => row.extend((0..6).map(|_| String::new())),
        }
        row.push(record.bytes.to_string());
        row.push(record.error.clone().unwrap_or_default());
        let nearest = record.matches.first();
        row.push(nearest.map_or_else(String::new, |nearest| nearest.kind.name().to_owned()));
        let score = nearest.and_then(|nearest| nearest.score);
        row.push(score.map_or_else(String::new, |score| score.to_string()));
        let form = nearest.and_then(|nearest| nearest.entry_form);
        row.push(form.map_or_else(String::new, |form| form.to_string()));
        let reach = nearest.and_then(|nearest| nearest.reach);
        row.push(reach.map_or_else(String::new, |reach| reach.to_string()));
        if self.sources {
            let source = nearest.and_then(|nearest| record.sources.get(&nearest.content_id));
            row.push(source.cloned().unwrap_or_default());
        }
        self.out.write_record(&row)?;
        Ok(())
    }

    fn finish(&mut self, _summary: &Summary) -> io::Result<()> {
        self.begin()?;
        self.out.flush()
    }
}
