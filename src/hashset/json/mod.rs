//! Lists in JSON: what their formats have in common.
//!
//! Owned here: the way from a record's text to a [`ListRecord`], and what is kept of fields that a
//! format does not name. Each format is a file of its own beside this folder and says which arrays
//! hold its records and what a record means. Where a record begins and ends: `elements`.

mod elements;
mod entry;
mod fields;

pub(super) use entry::{Entry, Place, opaque_kind};
pub(super) use fields::{Fields, note, plain};

use crate::hashset::HashsetError;
use crate::hashset::record::{Sink, Tally};
use std::io::BufRead;
use std::ops::ControlFlow;

/// Reads a list whose records are JSON objects, but for those that are the list's frame.
pub(super) fn read(
    input: impl BufRead,
    arrays: &[&str],
    parse: impl Fn(Fields) -> Result<Entry, String>,
    is_frame: impl Fn(&[u8]) -> bool,
    sink: &mut Sink<'_>,
) -> Result<Tally, HashsetError> {
    let mut tally = Tally::default();
    let end = elements::read(input, arrays, &mut |element| {
        if element.fault.is_none() && is_frame(element.bytes) {
            return ControlFlow::Continue(());
        }
        let place = Place {
            line: element.line,
            number: element.number,
            bytes: element.bytes,
        };
        let entry = match element.fault {
            Some(fault) => Err(fault),
            None => Fields::parse(element.bytes).and_then(&parse),
        };
        match entry {
            Ok(entry) => entry.give(place, &mut tally, sink),
            Err(reason) => {
                tally.bad += 1;
                place.bad(reason, sink)
            }
        }
    })?;
    tally.lines = end.lines;
    tally.has_more = end.has_more;
    Ok(tally)
}
