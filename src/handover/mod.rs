//! Floor 5: matches handed over to those who act on them.
//!
//! This room owns the hand-over report ([`Report`]: hashes, times, facts of files, the chain of custody),
//! the table of channels by country ([`Channel`], [`Place`]), and the text that an uploader is shown when
//! an upload is stopped ([`uploader_text`]). It refuses to send anything, and no report holds media. It needs
//! no store.
//!
//! The table and the texts are data (`channels.json`, `uploader.*.txt`). Whoever has further channels adds
//! a table in the same form; its entries come first. A field that could not be verified is empty, and the
//! channel's note says so.

mod channels;
mod error;
mod report;
mod uploader;

pub use channels::{Channel, Place};
pub use error::HandoverError;
pub use report::{Custody, FileNow, Item, Report, ReportOptions};
pub use uploader::{Language, uploader_text};
