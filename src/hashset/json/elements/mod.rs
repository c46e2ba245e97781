//! The records of a JSON document, one at a time, whatever the document's size.
//!
//! Owned here: where a record begins and ends. A document is walked byte by byte; nothing is
//! understood of it but brackets, strings and the names that stand before arrays. Whoever parses a
//! record's text finds out what it holds, and whether it is JSON at all.
//!
//! This is not left to a streaming parser, because such a parser ends at the first fault: here a
//! fault costs the record that it stands in, and the ones behind it are read.
//!
//! What counts as a record: an object that stands in an array of records, or at the top of the
//! document. An array of records is one at the top, or one behind a name that the format gives
//! (`hashRecords`); the object around it is no record then. Several documents, one after the
//! other, are read as one: pages that were saved into one file, or one object a line.

use crate::hashset::HashsetError;
use std::io::{BufRead, ErrorKind};
use std::ops::ControlFlow;

/// Most bytes of a record, without what is skipped of it: 1 MiB.
const MAX_RECORD: usize = 1 << 20;
/// Most bytes of one text. A longer one is left out and named, and its record is read.
const MAX_TEXT: usize = MAX_RECORD / 2;
/// Most brackets open at once.
const MAX_DEPTH: usize = 128;
/// Most bytes of a name that are kept.
const MAX_NAME: usize = 64;

/// Something that stands where a record is to stand.
pub(super) struct Element<'a> {
    /// Its line, from 1.
    pub(super) line: u64,
    /// Its number, from 1.
    pub(super) number: u64,
    /// Its text; of a fault the beginning.
    pub(super) bytes: &'a [u8],
    /// What is wrong with it, where it is no whole object.
    pub(super) fault: Option<String>,
    /// What is left out of it although it should be read.
    pub(super) left_out: Option<String>,
}

/// What the document says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    pub(super) lines: u64,
    /// `"hasMoreRecords": true`, or `"next"` with a text.
    pub(super) has_more: bool,
}

type Each<'a> = dyn FnMut(Element<'_>) -> ControlFlow<()> + 'a;

/// Reads a document to its end, or until `each` breaks off.
pub(super) fn read(
    mut input: impl BufRead,
    mut walk: Walk<'_>,
    each: &mut Each<'_>,
) -> Result<End, HashsetError> {
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(HashsetError::Io {
                    line: walk.line,
                    source,
                });
            }
        };
        if buffer.is_empty() {
            break;
        }
        let flow = walk.feed(buffer, each);
        let used = buffer.len();
        input.consume(used);
        if flow.is_break() {
            return Ok(walk.end());
        }
    }
    let _ = walk.finish(each);
    Ok(walk.end())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Object,
    Array,
}

/// What an open bracket is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Holds arrays of records, or is one.
    Holds,
    /// Part of a record, or of what is passed over.
    Within,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    No,
    Yes,
    /// Behind a backslash.
    Escaped,
}

/// The way through a document.
pub(super) struct Walk<'a> {
    arrays: &'a [&'a str],
    /// Whether the value of this name, within a record, is passed over.
    is_skipped: fn(&[u8]) -> bool,
    /// While such a value passes: how many brackets are open around it.
    skip: Option<usize>,
    open: Vec<(Bracket, Role)>,
    /// How many brackets were open before that of the record.
    base: Option<usize>,
    text: Text,
    /// Whether the text is a name, to be kept.
    is_name: bool,
    /// Whether the text says where the next page is.
    is_next: bool,
    /// Whether a name comes next in the innermost object.
    name_next: bool,
    name: Vec<u8>,
    /// How many brackets were open around the name.
    name_depth: usize,
    record: Vec<u8>,
    record_line: u64,
    is_long: bool,
    /// Where in the record the text that is being read begins; `None` once it is too long.
    text_start: Option<usize>,
    left_out: Option<String>,
    /// Within something that stands where a record should and is no object.
    scalar: bool,
    /// After a fault: nothing counts until an object begins where one may.
    lost: bool,
    /// The last byte that was no blank.
    before: u8,
    is_line_start: bool,
    line: u64,
    number: u64,
    has_more: bool,
}

impl<'a> Walk<'a> {
    /// At the beginning of a document: which arrays hold records, and which names in these have values
    /// that are passed over.
    pub(super) fn new(arrays: &'a [&'a str], is_skipped: fn(&[u8]) -> bool) -> Self {
        Self {
            arrays,
            is_skipped,
            skip: None,
            open: Vec::new(),
            base: None,
            text: Text::No,
            is_name: false,
            is_next: false,
            name_next: false,
            name: Vec::new(),
            name_depth: 0,
            record: Vec::new(),
            record_line: 0,
            is_long: false,
            text_start: None,
            left_out: None,
            scalar: false,
            lost: false,
            before: b'[',
            is_line_start: true,
            line: 1,
            number: 0,
            has_more: false,
        }
    }

    fn end(&self) -> End {
        End {
            lines: self.line,
            has_more: self.has_more,
        }
    }

    fn feed(&mut self, bytes: &[u8], each: &mut Each<'_>) -> ControlFlow<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.text {
                Text::No => self.structure(rest, each)?,
                _ => self.string(rest, each)?,
            };
        }
        ControlFlow::Continue(())
    }

    /// Goes through a string; the bytes behind what was used.
    fn string<'b>(&mut self, bytes: &'b [u8], each: &mut Each<'_>) -> ControlFlow<(), &'b [u8]> {
        if self.text == Text::Escaped {
            let (one, rest) = bytes.split_at(1);
            self.keep(one);
            self.text = Text::Yes;
            return ControlFlow::Continue(rest);
        }
        let Some(at) = memchr::memchr3(b'"', b'\\', b'\n', bytes) else {
            self.keep(bytes);
            return ControlFlow::Continue(&[]);
        };
        let (front, rest) = bytes.split_at(at);
        self.keep(front);
        let (one, rest) = rest.split_at(1);
        match one {
            b"\n" => {
                self.text = Text::No;
                self.fault("a text is opened and not closed on its line", each)?;
                // The line's end is looked at once more, as one outside of a text.
                return ControlFlow::Continue(bytes.get(at..).unwrap_or_default());
            }
            b"\\" => {
                self.keep(one);
                self.text = Text::Escaped;
            }
            _ => {
                if self.base.is_some() {
                    self.push(one);
                }
                self.text = Text::No;
                self.is_name = false;
            }
        }
        ControlFlow::Continue(rest)
    }

    /// Keeps part of a string.
    fn keep(&mut self, part: &[u8]) {
        if self.is_name {
            let room = MAX_NAME.saturating_sub(self.name.len());
            self.name.extend(part.iter().take(room));
        }
        self.has_more |= self.is_next && !part.is_empty();
        if self.base.is_none() || self.skip.is_some() {
            return;
        }
        let Some(start) = self.text_start else {
            return;
        };
        let length = self.record.len().saturating_sub(start) + part.len();
        if length > MAX_TEXT && !self.is_long {
            self.record.truncate(start);
            self.text_start = None;
            let name = String::from_utf8_lossy(&self.name);
            let reason = || format!("{name:?}: a text longer than {MAX_TEXT} bytes is left out");
            self.left_out.get_or_insert_with(reason);
            return;
        }
        self.push(part);
    }

    fn push(&mut self, part: &[u8]) {
        if self.skip.is_some() {
            return;
        }
        if self.is_long || self.record.len() + part.len() > MAX_RECORD {
            self.is_long = true;
        } else {
            self.record.extend_from_slice(part);
        }
    }

    /// Goes on outside of strings up to the next one.
    fn structure<'b>(&mut self, bytes: &'b [u8], each: &mut Each<'_>) -> ControlFlow<(), &'b [u8]> {
        for (at, &byte) in bytes.iter().enumerate() {
            let was_line_start = self.is_line_start;
            match byte {
                b'\n' => {
                    self.line += 1;
                    self.is_line_start = true;
                }
                b' ' | b'\t' | b'\r' => {}
                _ => self.is_line_start = false,
            }
            if self.lost {
                let may_begin = was_line_start || matches!(self.before, b',' | b'[');
                if byte == b'{' && may_begin {
                    self.lost = false;
                } else {
                    if !byte.is_ascii_whitespace() {
                        self.before = byte;
                    }
                    continue;
                }
            }
            match byte {
                b'{' => self.object(each)?,
                b'[' => self.array(each)?,
                b'}' => self.close(Bracket::Object, byte, each)?,
                b']' => self.close(Bracket::Array, byte, each)?,
                b',' => {
                    self.end_skip();
                    self.name_next = matches!(self.open.last(), Some((Bracket::Object, _)));
                    self.scalar = false;
                    self.also(byte);
                }
                b':' => {
                    self.name_next = false;
                    self.also(byte);
                    self.begin_skip();
                }
                b' ' | b'\t' | b'\r' | b'\n' => {
                    if self.open.is_empty() {
                        self.scalar = false;
                    }
                    self.also(byte);
                }
                b'"' => {
                    self.quote(byte, each)?;
                    self.before = byte;
                    return ControlFlow::Continue(bytes.get(at + 1..).unwrap_or_default());
                }
                _ => {
                    if byte == b't' && self.before == b':' && self.name == b"hasMoreRecords" {
                        self.has_more |= self.is_about_document();
                    }
                    self.scalar(byte, each)?;
                }
            }
            if !byte.is_ascii_whitespace() {
                self.before = byte;
            }
        }
        ControlFlow::Continue(&[])
    }

    /// Behind a name: passes its value over where that is to be skipped.
    fn begin_skip(&mut self) {
        let is_behind_name = self.before == b'"' && self.name_depth == self.open.len();
        if self.base.is_some()
            && self.skip.is_none()
            && is_behind_name
            && (self.is_skipped)(&self.name)
        {
            self.push(b"null");
            self.skip = Some(self.open.len());
        }
    }

    /// Where a value ends: goes on reading if it was one that is skipped.
    fn end_skip(&mut self) {
        if self.skip == Some(self.open.len()) {
            self.skip = None;
        }
    }

    /// Whether the last name is one of the document itself.
    fn is_about_document(&self) -> bool {
        match self.base {
            None => true,
            Some(base) => base == 0 && self.open.len() == 1,
        }
    }

    fn also(&mut self, byte: u8) {
        if self.base.is_some() {
            self.push(&[byte]);
        }
    }

    fn record_may_begin(&self) -> bool {
        self.base.is_none()
            && matches!(self.open.last(), None | Some((Bracket::Array, Role::Holds)))
    }

    fn quote(&mut self, byte: u8, each: &mut Each<'_>) -> ControlFlow<()> {
        if self.record_may_begin() {
            self.scalar(byte, each)?;
        }
        let is_outer = match self.base {
            Some(base) => self.open.len() == base + 1,
            None => matches!(self.open.last(), Some((Bracket::Object, Role::Holds))),
        };
        self.is_name = (is_outer || self.base.is_some()) && self.name_next;
        if self.is_name {
            self.name.clear();
            self.name_depth = self.open.len();
        }
        self.is_next =
            is_outer && !self.name_next && self.name == b"next" && self.is_about_document();
        self.text = Text::Yes;
        self.also(byte);
        self.text_start = Some(self.record.len());
        ControlFlow::Continue(())
    }

    fn scalar(&mut self, byte: u8, each: &mut Each<'_>) -> ControlFlow<()> {
        if self.record_may_begin() && !self.scalar {
            self.scalar = true;
            self.number += 1;
            self.say(
                self.line,
                self.number,
                &[byte],
                Some("expected an object".into()),
                each,
            )?;
        }
        self.also(byte);
        ControlFlow::Continue(())
    }

    fn object(&mut self, each: &mut Each<'_>) -> ControlFlow<()> {
        if self.base.is_some() && self.name_next {
            // Where a name must stand: the bracket that closes this record is missing.
            self.fault("a bracket is opened and not closed", each)?;
            self.lost = false;
        }
        if self.open.len() >= MAX_DEPTH {
            return self.fault("too many brackets within one another", each);
        }
        if self.record_may_begin() {
            self.base = Some(self.open.len());
            self.record.clear();
            self.is_long = false;
            self.skip = None;
            self.left_out = None;
            self.record_line = self.line;
            self.number += 1;
            self.name.clear();
        }
        let role = match (self.base, self.open.last()) {
            (None, Some((Bracket::Object, Role::Holds))) => Role::Holds,
            _ => Role::Within,
        };
        self.open.push((Bracket::Object, role));
        self.name_next = true;
        self.also(b'{');
        ControlFlow::Continue(())
    }

    fn array(&mut self, each: &mut Each<'_>) -> ControlFlow<()> {
        if self.open.len() >= MAX_DEPTH {
            return self.fault("too many brackets within one another", each);
        }
        let is_named = self.arrays.iter().any(|name| name.as_bytes() == self.name);
        let role = match (self.base, self.open.last()) {
            (Some(base), Some((Bracket::Object, _)))
                if self.open.len() == base + 1 && is_named && !self.name_next =>
            {
                // What began as a record holds records.
                self.base = None;
                self.number = self.number.saturating_sub(1);
                if let Some(last) = self.open.last_mut() {
                    last.1 = Role::Holds;
                }
                Role::Holds
            }
            (Some(_), _) => Role::Within,
            (None, None | Some((Bracket::Array, Role::Holds))) => Role::Holds,
            (None, Some((Bracket::Object, Role::Holds))) if is_named => Role::Holds,
            (None, _) => Role::Within,
        };
        self.open.push((Bracket::Array, role));
        self.name_next = false;
        self.also(b'[');
        ControlFlow::Continue(())
    }

    fn close(&mut self, bracket: Bracket, byte: u8, each: &mut Each<'_>) -> ControlFlow<()> {
        self.scalar = false;
        self.name_next = false;
        self.end_skip();
        if let Some(base) = self.base
            && self.open.len() > base
        {
            let (last, _) = self.open.pop().unwrap_or((bracket, Role::Within));
            if last != bracket {
                self.open.truncate(base);
                self.fault("a bracket is opened and not closed", each)?;
                self.lost = false;
                return match bracket {
                    // It was to close the record.
                    Bracket::Object => ControlFlow::Continue(()),
                    Bracket::Array => self.close(bracket, byte, each),
                };
            }
            self.also(byte);
            if self.open.len() > base {
                return ControlFlow::Continue(());
            }
            self.base = None;
            let fault = self
                .is_long
                .then(|| format!("longer than {MAX_RECORD} bytes"));
            let record = std::mem::take(&mut self.record);
            let flow = self.say(self.record_line, self.number, &record, fault, each);
            self.record = record;
            return flow;
        }
        match self.open.pop() {
            Some((last, _)) if last == bracket => {}
            other => {
                self.open.extend(other);
                self.number += 1;
                let reason = Some("a bracket is closed that was not opened".to_owned());
                self.say(self.line, self.number, &[byte], reason, each)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Ends the record that is being read, if any, as a bad one.
    fn fault(&mut self, reason: &str, each: &mut Each<'_>) -> ControlFlow<()> {
        self.lost = true;
        self.skip = None;
        self.left_out = None;
        self.before = b' ';
        self.scalar = false;
        let (line, record) = match self.base.take() {
            Some(base) => {
                self.open.truncate(base);
                (self.record_line, std::mem::take(&mut self.record))
            }
            None => {
                self.number += 1;
                (self.line, Vec::new())
            }
        };
        let reason = Some(reason.to_owned());
        self.say(line, self.number, &record, reason, each)
    }

    fn finish(&mut self, each: &mut Each<'_>) -> ControlFlow<()> {
        if self.base.is_some() || self.text != Text::No {
            self.fault("the list ends within it", each)?;
        } else if !self.open.is_empty() && !self.lost {
            self.number += 1;
            let reason = Some("the list ends before its last bracket is closed".to_owned());
            self.say(self.line, self.number, &[], reason, each)?;
        }
        ControlFlow::Continue(())
    }

    fn say(
        &mut self,
        line: u64,
        number: u64,
        bytes: &[u8],
        fault: Option<String>,
        each: &mut Each<'_>,
    ) -> ControlFlow<()> {
        each(Element {
            line,
            number,
            bytes,
            fault,
            left_out: self.left_out.take(),
        })
    }
}

#[cfg(test)]
mod tests;
