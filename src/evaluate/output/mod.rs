//! How an evaluation and a calibration are written: one format, one file.
//!
//! Owned here: text, Markdown, CSV and pages, all from the reports alone. Their JSON is the reports
//! themselves. Refused: to open files.

mod calibration_page;
mod calibration_rows;
mod calibration_text;
mod csv;
mod markdown;
mod page;
mod rows;
mod text;

pub use calibration_page::calibration_page;
pub use calibration_text::write_calibration_text;
pub use csv::write_csv;
pub use markdown::write_markdown;
pub use page::page;
pub use text::write_text;
