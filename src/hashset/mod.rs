//! Floor 3: hash lists as files, one format a file.
//!
//! This room reads the formats in which organisations hand hash lists to each other. It streams:
//! whatever the list's size, it holds one row of at most [`MAX_LINE`] bytes, or one record of JSON
//! or XML of at most 1 MiB, without the pictures that VICS embeds. A row that cannot be
//! used never stops the reading and is never dropped in silence: it comes back as a [`BadLine`]
//! with its number and the reason, and every line of the input is part of a record, bad, blank or
//! a comment.
//!
//! It refuses to guess what a row means, to open files (the caller names them in messages) and to
//! keep anything (that is `store`).
//!
//! What each format looks like, with samples: `hashsets/README.md`.
//!
//! ```
//! use hashgate::hashset::{self, ListFormat};
//! use std::ops::ControlFlow;
//! let list = b"md5 d41d8cd98f00b204e9800998ecf8427e\nmd5 oops\n".as_slice();
//! let (mut good, mut bad) = (0, 0);
//! hashset::read(list, ListFormat::Typed, &mut |row| {
//!     match row {
//!         Ok(_) => good += 1,
//!         Err(line) => {
//!             assert_eq!(line.line, 2);
//!             bad += 1;
//!         }
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! assert_eq!((good, bad), (1, 1));
//! # Ok::<(), hashset::HashsetError>(())
//! ```

mod algorithm;
mod bare;
mod bundle;
mod columns;
mod compressed;
mod csv;
mod detect;
mod digest_lines;
mod error;
mod export;
mod format;
mod json;
mod json_lines;
mod legacy;
mod lines;
mod ncmec;
mod pdq_lines;
mod record;
mod sample;
mod seen;
mod stopncii;
mod tech_against_terrorism;
mod text;
mod threatexchange;
mod typed;
mod value;
mod vics;

pub use bundle::{
    Bundle, BundleEnd, BundleError, BundleHead, BundleWriter, inspect as inspect_bundle,
    signature_line,
};
pub use columns::ColumnMapping;
pub use compressed::{Compression, MAX_RATIO, decompress};
pub use detect::detect;
pub use error::{DetectError, HashsetError, UnknownColumn};
pub use export::{ExportFormat, Exported, ListWriter};
pub use format::{ListFormat, UnknownListFormat};
pub use lines::MAX_LINE;
pub use record::{BadLine, ListEnd, ListRecord};
pub use sample::{BenignEntry, Sample, SampleError};

use crate::hash::SignalType;
use columns::ColumnMap;
use json::Shape;
use record::{Sink, Tally};
use std::io::BufRead;
use std::ops::ControlFlow;

/// Reads a list from its beginning to its end, or until the sink breaks off.
///
/// Each row goes to the sink in the order of the list, as a record or as a bad line.
///
/// # Errors
/// [`HashsetError::Io`] where the input cannot be read further, [`HashsetError::Broken`] where XML
/// cannot be followed further, and [`HashsetError::Header`] where a CSV list has no header that
/// says which column holds the hashes. Nothing that stands in a row
/// is an error.
pub fn read(
    input: impl BufRead,
    format: ListFormat,
    sink: &mut dyn FnMut(Result<ListRecord, BadLine>) -> ControlFlow<()>,
) -> Result<ListEnd, HashsetError> {
    read_mapped(input, format, &[], sink)
}

/// [`read`], with what the user says of columns; of use where
/// [`ListFormat::has_columns`] says so.
///
/// # Errors
/// As [`read`]; [`HashsetError::Header`] too where a named column of a CSV list is not there.
pub fn read_mapped(
    input: impl BufRead,
    format: ListFormat,
    columns: &[ColumnMapping],
    sink: &mut dyn FnMut(Result<ListRecord, BadLine>) -> ControlFlow<()>,
) -> Result<ListEnd, HashsetError> {
    let tally = read_tallied(text::reader(input), format, &ColumnMap(columns), sink)?;
    Ok(ListEnd {
        has_more: tally.has_more,
    })
}

/// [`read_mapped`] of a list as `text` gives it, with what became of each line.
fn read_tallied(
    input: impl BufRead,
    format: ListFormat,
    columns: &ColumnMap<'_>,
    sink: &mut Sink<'_>,
) -> Result<Tally, HashsetError> {
    match format {
        ListFormat::PdqLines => lines::read(input, pdq_lines::parse, sink),
        ListFormat::Typed => lines::read(input, typed::parse, sink),
        ListFormat::Csv => csv::read(input, columns, sink),
        ListFormat::Md5Lines => lines::read(input, digest_lines::parse(SignalType::Md5), sink),
        ListFormat::Sha1Lines => lines::read(input, digest_lines::parse(SignalType::Sha1), sink),
        ListFormat::Sha256Lines => {
            lines::read(input, digest_lines::parse(SignalType::Sha256), sink)
        }
        ListFormat::JsonLines => {
            let parse = |fields| json_lines::parse(fields, columns);
            json::read(input, Shape::of(&[]), parse, sink)
        }
        ListFormat::Bundle => {
            let shape = Shape {
                is_frame: bundle::is_frame,
                ..Shape::of(&[])
            };
            json::read(
                input,
                shape,
                |fields| json_lines::parse(fields, columns),
                sink,
            )
        }
        ListFormat::Ncmec => ncmec::read(input, sink),
        ListFormat::StopNcii => {
            json::read(input, Shape::of(&["hashRecords"]), stopncii::parse, sink)
        }
        ListFormat::ThreatExchange => {
            let shape = Shape::of(&threatexchange::ARRAYS);
            json::read(input, shape, threatexchange::parse, sink)
        }
        ListFormat::TechAgainstTerrorism => {
            let shape = Shape::of(&tech_against_terrorism::ARRAYS);
            json::read(input, shape, tech_against_terrorism::parse, sink)
        }
        ListFormat::Vics => {
            let shape = Shape {
                is_skipped: vics::is_picture,
                ..Shape::of(&vics::ARRAYS)
            };
            json::read(input, shape, vics::parse, sink)
        }
    }
}

#[cfg(test)]
mod tests;
