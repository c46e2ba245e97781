//! JSON Lines: one object for each file, then the summary.

use crate::scan::{FileRecord, Sink, Summary};
use serde::Serialize;
use std::io::{self, Write};

/// Writes one [`FileRecord`] a line and `{"summary": …}` as the last.
pub struct JsonLinesSink<W: Write> {
    out: W,
}

#[derive(Serialize)]
struct LastLine<'a> {
    summary: &'a Summary,
}

impl<W: Write> JsonLinesSink<W> {
    /// Writes to `out`; give it a buffer.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Sink for JsonLinesSink<W> {
    fn record(&mut self, record: &FileRecord) -> io::Result<()> {
        self.line(record)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.line(&LastLine { summary })?;
        self.out.flush()
    }
}
