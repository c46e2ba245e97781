//! Lists in JSON: what their formats have in common.
//!
//! Owned here: the way from a record's text to a [`ListRecord`], and what is kept of fields that a
//! format does not name. Each format is a file of its own beside this folder and says which arrays
//! hold its records and what a record means. Where a record begins and ends: `elements`.

mod elements;
mod entry;
mod fields;

pub(super) use entry::{Entry, Place};
pub(super) use fields::{Fields, note, plain};

use crate::hashset::HashsetError;
use crate::hashset::record::{Sink, Tally};
use std::io::BufRead;
use std::ops::ControlFlow;

/// What a format is made of.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    /// The arrays that hold records.
    pub(super) arrays: &'a [&'a str],
    /// Whether a record is the list's frame, and no entry.
    pub(super) is_frame: fn(&[u8]) -> bool,
    /// Whether the value of this name is passed over unread, whatever its length.
    pub(super) is_skipped: fn(&[u8]) -> bool,
}

impl<'a> Shape<'a> {
    /// A format whose records stand in these arrays.
    pub(super) const fn of(arrays: &'a [&'a str]) -> Self {
        Self {
            arrays,
            is_frame: |_| false,
            is_skipped: |_| false,
        }
    }
}

/// Reads a list whose records are JSON objects.
pub(super) fn read(
    input: impl BufRead,
    shape: Shape<'_>,
    parse: impl Fn(Fields) -> Result<Entry, String>,
    sink: &mut Sink<'_>,
) -> Result<Tally, HashsetError> {
    let mut tally = Tally::default();
    let walk = elements::Walk::new(shape.arrays, shape.is_skipped);
    let end = elements::read(input, walk, &mut |element| {
        if element.fault.is_none() && (shape.is_frame)(element.bytes) {
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
        let entry = entry.map(|mut entry| {
            entry.faults.extend(element.left_out);
            entry
        });
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
