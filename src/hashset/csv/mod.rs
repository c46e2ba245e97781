//! The format `csv`: columns named by a header line.
//!
//! Rows are cut into fields by `csv-core` (RFC 4180 quoting), within [`MAX_LINE`] bytes a row,
//! however many lines the row spans. The separator is the one that Excel's line `sep=;` before the
//! header says, or else that of `,`, `;`, tab and `|` which the header has most of and which makes
//! a header of it. A quotation mark that is never closed would swallow the rest of a list: where a row
//! of several lines cannot be used, only its first line is bad, and reading goes on with its
//! second. For the same reason a row of several lines must be quoted to the letter, while within one
//! line stray marks are taken as they stand.
//!
//! What is no UTF-8 is read as Windows-1252 (see `legacy`): a note in an old code page costs no hash.
//!
//! Comments stand before the header only. Below it a line that begins with `#` is a row like any
//! other: RFC 4180 knows no comments, and `#1,…` may well be an entry.

mod columns;

use crate::hash::SignalType;
use crate::hashset::columns::ColumnMap;
use crate::hashset::lines::{Line, Lines};
use crate::hashset::record::{Sink, Tally};
use crate::hashset::{BadLine, HashsetError, MAX_LINE, value};
use columns::Columns;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use std::io::BufRead;

/// Most columns of a header.
const MAX_COLUMNS: usize = 1024;

/// The separators that a header may use; the first wins a tie.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Whether a list begins with a header that can be used.
pub(super) fn begins(list: &[u8]) -> bool {
    header(
        &mut Lines::new(list),
        &mut Tally::default(),
        &ColumnMap::default(),
    )
    .is_ok()
}

/// The values of 64 digits in the first rows of a list whose type nothing but their length says.
pub(super) fn bare_values(list: &[u8]) -> Vec<String> {
    let mut lines = Lines::new(list);
    let Ok((columns, mut cutter)) =
        header(&mut lines, &mut Tally::default(), &ColumnMap::default())
    else {
        return Vec::new();
    };
    let mut values = Vec::new();
    // Rows of several lines are passed over: they are few, and this is a sample.
    while let Ok(true) = lines.advance() {
        if let Fed::Whole = cutter.feed(&lines.current().bytes)
            && let Ok(fields) = cutter.fields()
            && let Some(field) = columns.bare(&fields)
            && value::bare_type(field) == Some(SignalType::Pdq)
        {
            values.push(field.to_owned());
        }
        cutter.reset();
    }
    values
}

pub(super) fn read(
    input: impl BufRead,
    map: &ColumnMap<'_>,
    sink: &mut Sink<'_>,
) -> Result<Tally, HashsetError> {
    let mut lines = Lines::new(input);
    let mut tally = Tally::default();
    let (columns, mut cutter) = header(&mut lines, &mut tally, map)?;
    let mut taken = Vec::new();
    while lines.advance()? {
        tally.lines = lines.read();
        if lines.current().is_blank() {
            tally.skipped += 1;
            continue;
        }
        let number = lines.current().number;
        let cut = cut_row(&mut lines, &mut cutter, &mut taken)?;
        let row = cut.and_then(|()| columns.record(number, &cutter.fields()?));
        tally.lines = lines.read();
        let row = match row {
            Ok(record) => {
                tally.used += taken.len().max(1) as u64;
                taken.clear();
                Ok(record)
            }
            Err(reason) => {
                tally.bad += 1;
                cutter.reset();
                let mut row = taken.drain(..);
                let first = row.next().unwrap_or_else(|| lines.take());
                lines.give_back(row);
                Err(BadLine::new(number, reason, &first.bytes))
            }
        };
        if sink(row).is_break() {
            break;
        }
    }
    Ok(tally)
}

/// Reads up to the header and makes the columns of it.
fn header(
    lines: &mut Lines<impl BufRead>,
    tally: &mut Tally,
    map: &ColumnMap<'_>,
) -> Result<(Columns, Cutter), HashsetError> {
    let mut separator = None;
    loop {
        if !lines.advance()? {
            return Err(HashsetError::Header {
                line: lines.read(),
                reason: "the list ends before it".to_owned(),
            });
        }
        tally.lines = lines.read();
        tally.skipped += 1;
        let line = lines.current();
        if line.is_skipped() {
            continue;
        }
        let text = line.any_text();
        if separator.is_none()
            && let Ok(text) = &text
            && let Some(said) = declared(text)
        {
            separator = Some(said);
            continue;
        }
        return text
            .and_then(|text| columns(&text, separator, map))
            .map_err(|reason| HashsetError::Header {
                line: line.number,
                reason,
            });
    }
}

/// The columns of a header, and what cuts the rows below it. Of the separators that it may have, the
/// first counts that makes a header of it; where none does, the reason is that of the likeliest.
fn columns(
    header: &str,
    said: Option<u8>,
    map: &ColumnMap<'_>,
) -> Result<(Columns, Cutter), String> {
    let mut likely = SEPARATORS;
    likely.sort_by_key(|&one| std::cmp::Reverse(count(header, one)));
    let mut reason = None;
    for separator in said.into_iter().chain(likely) {
        let mut cutter = Cutter::new(separator);
        let columns = match cutter.feed(header.as_bytes()) {
            Fed::Whole => cutter
                .fields()
                .and_then(|fields| Columns::new(&fields, map)),
            Fed::Open => Err("a quotation mark is opened and not closed".to_owned()),
            Fed::TooMany => Err(format!("more than {MAX_COLUMNS} columns")),
        };
        match columns {
            Ok(columns) => return Ok((columns, cutter)),
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    Err(reason.unwrap_or_default())
}

/// The separator that a line before the header says, as Excel does: `sep=;`. A program that filled
/// the line up has more of them, and quotation marks, behind it.
fn declared(line: &str) -> Option<u8> {
    let said = line.trim_start().trim_start_matches('"').as_bytes();
    let (name, said) = said.split_at_checked(4)?;
    let (&separator, filled) = said.split_first()?;
    let is_separator = separator == b'\t' || separator.is_ascii_punctuation() && separator != b'"';
    let is_filled = |&byte: &u8| byte == separator || byte == b'"' || byte.is_ascii_whitespace();
    (name.eq_ignore_ascii_case(b"sep=") && is_separator && filled.iter().all(is_filled))
        .then_some(separator)
}

/// Cuts the row that begins on the current line. Where it spans several, all of them are in
/// `taken`; where it does not, `taken` is empty and the line is still the current one.
fn cut_row(
    lines: &mut Lines<impl BufRead>,
    cutter: &mut Cutter,
    taken: &mut Vec<Line>,
) -> Result<Result<(), String>, HashsetError> {
    let mut bytes = 0;
    loop {
        let fed = match lines.current().any_text() {
            Ok(text) => {
                bytes += text.len() + 1;
                if bytes > MAX_LINE + 1 {
                    taken.push(lines.take());
                    return Ok(Err(format!(
                        "a quotation mark is opened and not closed within {MAX_LINE} bytes"
                    )));
                }
                cutter.feed(text.as_bytes())
            }
            Err(reason) => {
                if !taken.is_empty() {
                    taken.push(lines.take());
                }
                return Ok(Err(reason));
            }
        };
        if !taken.is_empty() || matches!(fed, Fed::Open) {
            taken.push(lines.take());
        }
        match fed {
            Fed::Whole if is_well_quoted(taken, cutter.separator) => return Ok(Ok(())),
            Fed::Whole => {
                return Ok(Err(
                    "a quotation mark is opened and not closed before other text".to_owned(),
                ));
            }
            Fed::TooMany => return Ok(Err(format!("more than {MAX_COLUMNS} fields"))),
            Fed::Open => {
                if !lines.advance()? {
                    return Ok(Err("a quotation mark is opened and not closed".to_owned()));
                }
            }
        }
    }
}

/// Whether every quotation mark of a row stands at the beginning or the end of a field, or twice
/// within one.
fn is_well_quoted(row: &[Line], separator: u8) -> bool {
    enum At {
        Begin,
        Plain,
        Quoted,
        Mark,
    }
    let mut at = At::Begin;
    for line in row {
        for byte in line.bytes.iter().copied().chain([b'\n']) {
            let is_end = byte == separator || byte == b'\n';
            at = match (at, byte) {
                (At::Begin | At::Mark, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::Mark,
                (At::Quoted, _) => At::Quoted,
                (At::Plain, b'"') => return false,
                (At::Begin | At::Plain | At::Mark, _) if is_end => At::Begin,
                (At::Mark, _) => return false,
                (At::Begin | At::Plain, _) => At::Plain,
            };
        }
    }
    true
}

/// How many of a separator a header has.
fn count(header: &str, separator: u8) -> usize {
    header.bytes().filter(|&byte| byte == separator).count()
}

/// What a line did to a row.
enum Fed {
    /// The row is whole.
    Whole,
    /// A quotation mark is open: the row goes on with the next line.
    Open,
    /// The row has more than [`MAX_COLUMNS`] fields.
    TooMany,
}

/// Cuts rows into fields, in buffers that never grow.
struct Cutter {
    separator: u8,
    reader: Reader,
    output: Box<[u8]>,
    ends: Box<[usize]>,
    /// How much of the buffers the row has filled.
    written: usize,
    ended: usize,
    /// Whether the next line begins a row.
    fresh: bool,
}

impl Cutter {
    fn new(separator: u8) -> Self {
        let mut cutter = Self {
            separator,
            reader: ReaderBuilder::new()
                .delimiter(separator)
                .terminator(Terminator::Any(b'\n'))
                .build(),
            // A row is at most `MAX_LINE` bytes and each field of it a separator or a line end.
            output: vec![0; MAX_LINE + 2].into_boxed_slice(),
            ends: vec![0; MAX_COLUMNS + 1].into_boxed_slice(),
            written: 0,
            ended: 0,
            fresh: true,
        };
        cutter.reset();
        cutter
    }

    /// Forgets the row that was begun.
    fn reset(&mut self) {
        self.reader.reset();
        // A byte-order mark is text everywhere but at the beginning of a list, where it is gone
        // already; only the first bytes that a reader is fed are searched for one.
        self.reader
            .read_record(b"\n", &mut self.output, &mut self.ends);
        self.fresh = true;
    }

    /// Adds a line, given without its end.
    fn feed(&mut self, line: &[u8]) -> Fed {
        if self.fresh {
            self.written = 0;
            self.ended = 0;
            self.fresh = false;
        }
        for mut input in [line, b"\n"] {
            while !input.is_empty() {
                let (result, read, written, ended) = self.reader.read_record(
                    input,
                    self.output.get_mut(self.written..).unwrap_or_default(),
                    self.ends.get_mut(self.ended..).unwrap_or_default(),
                );
                self.written += written;
                self.ended += ended;
                input = input.get(read..).unwrap_or_default();
                match result {
                    ReadRecordResult::InputEmpty => {}
                    ReadRecordResult::Record => {
                        self.fresh = true;
                        return Fed::Whole;
                    }
                    ReadRecordResult::OutputFull
                    | ReadRecordResult::OutputEndsFull
                    | ReadRecordResult::End => return Fed::TooMany,
                }
            }
        }
        Fed::Open
    }

    /// The fields of the row that was cut last.
    fn fields(&self) -> Result<Vec<&str>, String> {
        let ends = self.ends.get(..self.ended).unwrap_or_default();
        let text = std::str::from_utf8(self.output.get(..self.written).unwrap_or_default())
            .map_err(|error| error.to_string())?;
        let mut fields = Vec::with_capacity(ends.len());
        let mut begin = 0;
        for &end in ends {
            fields.push(text.get(begin..end).ok_or("fields out of order")?);
            begin = end;
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
