//! How an evaluation, a calibration and derived limits are written: one format, one file.
//!
//! Owned here: text, Markdown, CSV and pages, all from the reports alone. Their JSON is the reports
//! themselves. Refused: to open files.

mod calibration_page;
mod calibration_rows;
mod calibration_text;
mod csv;
mod derived;
mod markdown;
mod page;
mod rows;
mod strangers;
mod text;

pub use calibration_page::calibration_page;
pub use calibration_text::write_calibration_text;
pub use csv::write_csv;
pub use derived::{write_derived_text, write_rows_csv};
pub use markdown::write_markdown;
pub use page::page;
pub use strangers::{write_pairs_csv, write_strangers_jsonl, write_strangers_text};
pub use text::write_text;
