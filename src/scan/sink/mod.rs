//! Where a scan's records go: one output format, one file.

mod csv;
mod json_lines;
mod text;

pub use csv::CsvSink;
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
