//! Where a scan's records go: one output format, one file.

mod csv;
mod html;
mod json_lines;
mod text;

pub use csv::CsvSink;
pub use html::{Asked, HtmlSink};
pub use json_lines::JsonLinesSink;
pub use text::TextSink;

use crate::scan::{FileRecord, Summary};
use std::io;

/// Takes the records of a scan, one by one, and its summary at the end.
pub trait Sink {
    /// One file.
    ///
    /// # Errors
    /// What writing fails with.
    fn record(&mut self, record: &FileRecord) -> io::Result<()>;

    /// The end; flushes.
    ///
    /// # Errors
    /// What writing fails with.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// Two sinks that both get everything.
pub struct Both(pub Box<dyn Sink>, pub Box<dyn Sink>);

impl Sink for Both {
    fn record(&mut self, record: &FileRecord) -> io::Result<()> {
        self.0.record(record)?;
        self.1.record(record)
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        // A reader of the first that has left takes nothing from the second.
        let first = self.0.finish(summary);
        self.1.finish(summary)?;
        first
    }
}
