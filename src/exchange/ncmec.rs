//! NCMEC's hash sharing, version 2 (XML, HTTP Basic).
//!
//! `GET /v2/entries?from=…&to=…` gives what changed in a range of time: later than `from`, up to `to`. Its entries are in no
//! order of time, so nothing is known of a range until all its pages are read. Then the range counts as read, and the next
//! begins at its end.
//!
//! - A range of more than [`MOST`] entries is asked for in quarters. After ranges of fewer than [`FEW`] the next is four
//!   times as long.
//! - Within a range the address of the next page is kept with the records of the page before, and good for [`GOOD_FOR`].
//!   Then the range begins again.
//! - An entry that changes while a range is read leaves it, and all behind it move up: one of another page would be missed.
//!   So where a range had several pages, its first is asked for again, and if it tells another number of entries, the range
//!   is read again.
//! - Where a page cannot be read, its range is halved down to one second. What of that second cannot be read is left out.

use crate::clock;
use crate::exchange::page::{self, Page, PageError};
use crate::exchange::{Source, WayOn};
use crate::hashset::ListFormat;
use crate::web::{Answer, Ask, Base};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Most entries of a range.
const MOST: u64 = 100_000;
/// After a range of fewer the next is longer.
const FEW: u64 = 2_000;
/// How long the address of a page is good: seconds.
const GOOD_FOR: u64 = 11 * 3_600;
/// Entries of the last seconds may still come: seconds.
const SETTLED: u64 = 5;
/// How often a range whose entries move is read again before it is halved.
const WALKS: u8 = 3;
/// Most bytes of the address of a page.
const MOST_ADDRESS: usize = 4_096;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// All up to this time was read.
    upto: u64,
    /// Where the range ends that is being read; `upto` where none is.
    until: u64,
    /// How long the next range is; 0: up to now.
    span: u64,
    /// The next page of the range, from its second on.
    next: Option<String>,
    /// When that was told.
    told_at: u64,
    /// How many entries of the range were read.
    read: u64,
    /// How many entries the range had when it was begun, where it has several pages.
    entries: Option<u64>,
    /// All pages were read, and the first is asked for again.
    is_checked: bool,
    /// How often the range was read.
    walks: u8,
}

/// NCMEC's hash sharing, version 2.
pub struct Ncmec {
    base: Base,
    user: String,
    password: String,
    members: BTreeSet<u64>,
    at: Position,
    /// Up to when is read: set by the first question.
    target: Option<u64>,
    /// Something up to here could not be read: ranges stay short until it is behind.
    trouble: Option<u64>,
    /// The last answer could not be read.
    is_wary: bool,
}

/// Fails where an answer that is no list is not whole.
pub(super) fn check_whole(answer: &Answer) -> Result<(), String> {
    is_well_formed(&answer.body)
}

impl Ncmec {
    /// A source at this environment, `https://report.cybertip.org/hashsharing` for instance, that goes on from a position. `members`: those
    /// whose entries are wanted; none: all.
    #[must_use]
    pub fn new(
        base: Base,
        (user, password): (String, String),
        members: impl IntoIterator<Item = u64>,
        position: Option<&Value>,
    ) -> Self {
        Self {
            base,
            user,
            password,
            members: members.into_iter().collect(),
            at: page::position(position),
            target: None,
            trouble: None,
            is_wary: false,
        }
    }

    fn begin_again(&mut self) {
        let at = &mut self.at;
        (at.next, at.entries, at.read, at.is_checked) = (None, None, 0, false);
    }

    /// Makes the range that is being read shorter.
    fn shorten(&mut self, parts: u64) {
        let at = &mut self.at;
        at.span = ((at.until - at.upto) / parts).max(1);
        at.until = at.upto + at.span;
        at.walks = 0;
        self.begin_again();
    }

    /// The range was read.
    fn end_range(&mut self) {
        let at = &mut self.at;
        let length = at.until.saturating_sub(at.upto);
        at.upto = at.until;
        match self.trouble {
            // The trouble lies in what is left: halve that.
            Some(until) if at.upto < until => at.span = ((until - at.upto) / 2).max(1),
            _ => {
                self.trouble = None;
                if at.read < FEW {
                    at.span = length.saturating_mul(4).max(1);
                }
            }
        }
        at.walks = 0;
        self.begin_again();
    }
}

impl Source for Ncmec {
    fn next(&mut self, now: u64) -> Result<Option<Ask>, PageError> {
        let settled = now.saturating_sub(SETTLED);
        let target = *self.target.get_or_insert(settled);
        if self.at.until <= self.at.upto {
            let end = match self.at.span {
                0 => target,
                span => target.min(self.at.upto.saturating_add(span)),
            };
            if end <= self.at.upto {
                return Ok(None);
            }
            self.at.until = end;
            self.begin_again();
        }
        let is_old = now < self.at.told_at || now - self.at.told_at > GOOD_FOR;
        if self.at.next.is_some() && is_old {
            self.begin_again();
        }
        let path = match &self.at.next {
            Some(next) => next.clone(),
            None => {
                let (from, to) = (clock::time(self.at.upto), clock::time(self.at.until));
                format!("/v2/entries?from={from}&to={to}")
            }
        };
        let at = self.base.join(&path).map_err(|error| PageError::Stuck {
            problem: error.to_string(),
        })?;
        Ok(Some(Ask::get(at).user(&self.user, &self.password)))
    }

    fn take(&mut self, answer: &Answer, now: u64) -> Result<Page, PageError> {
        if !answer.is_good() {
            let is_gone = matches!(answer.status, 400 | 404 | 410);
            if is_gone && self.at.next.is_some() {
                self.begin_again();
                let status = answer.status;
                return Err(PageError::Expired { status });
            }
            let (user, password) = (&self.user, &self.password);
            let both = format!("{user}:{password}");
            return Err(PageError::refused(answer, &[password, &both]));
        }
        let page = page::records(&answer.body, ListFormat::Ncmec)?;
        // Records are read from what is not quite XML too. But if tags are missing, whole entries may be.
        if let Err(problem) = is_well_formed(&answer.body) {
            return Err(PageError::corrupt(problem, page));
        }
        let next = match next_page(&answer.body) {
            Ok(next) => next,
            Err(problem) => return Err(PageError::corrupt(problem, page)),
        };
        self.is_wary = false;
        let total = next.as_deref().and_then(|next| parameter(next, "max"));
        let is_first = self.at.next.is_none();
        if next.is_some() && next == self.at.next {
            return Err(PageError::corrupt("it names itself as the next page", page));
        }
        let is_long = self.at.until - self.at.upto > 1;
        if self.at.is_checked {
            let same = total == self.at.entries && next.is_some() == self.at.entries.is_some();
            self.at.is_checked = false;
            if same {
                self.end_range();
                return Ok(page);
            }
            self.at.walks += 1;
            if self.at.walks >= WALKS && is_long {
                self.shorten(2);
                return Ok(page);
            }
            self.at.read = 0;
        }
        let count = page.records.len() as u64 + page.bad_count;
        self.at.read = self.at.read.saturating_add(count);
        if is_first {
            if total.is_some_and(|total| total > MOST) && is_long {
                self.shorten(4);
                return Ok(page);
            }
            self.at.entries = next.as_ref().map(|_| total.unwrap_or_default());
        }
        match next {
            Some(next) => (self.at.next, self.at.told_at) = (Some(next), now),
            None if is_first => self.end_range(),
            // Within one second there is nothing to halve: after some walks it is as it is.
            None if self.at.walks >= WALKS => self.end_range(),
            None => (self.at.next, self.at.is_checked) = (None, true),
        }
        if self.at.is_checked && self.at.entries == Some(0) {
            // It tells no number: nothing to compare.
            self.end_range();
        }
        Ok(page)
    }

    fn way_on(&mut self, _now: u64) -> WayOn {
        self.trouble = Some(self.at.until);
        self.is_wary = true;
        if self.at.until - self.at.upto > 1 {
            self.shorten(2);
            return WayOn::Less;
        }
        let second = clock::time(self.at.until);
        let behind = self.at.next.as_deref().and_then(page_behind);
        match behind {
            Some((next, first, last)) => {
                self.at.next = Some(next);
                WayOn::LeaveOut(format!("entries {first} to {last} of {second}"))
            }
            None => {
                let what = match &self.at.next {
                    Some(_) => format!("the last entries of {second}"),
                    None => format!("the entries of {second}"),
                };
                self.end_range();
                WayOn::LeaveOut(what)
            }
        }
    }

    fn position(&self) -> Value {
        serde_json::to_value(&self.at).unwrap_or_default()
    }

    fn read_up_to(&self) -> Option<u64> {
        Some(self.at.upto)
    }

    fn is_smallest(&self) -> bool {
        self.at.until.saturating_sub(self.at.upto) <= 1
    }

    fn is_narrowed(&self) -> bool {
        self.is_wary || self.trouble.is_some()
    }

    fn wants(&self, record: &str) -> bool {
        let member = record.split_once('/').map(|(member, _)| member);
        let member = member.and_then(|member| member.parse().ok());
        self.members.is_empty() || member.is_some_and(|member| self.members.contains(&member))
    }
}

/// The number that an address gives to a parameter of its query.
fn parameter(address: &str, name: &str) -> Option<u64> {
    let (_, query) = address.split_once('?')?;
    let mut given = query.split('&').filter_map(|part| part.split_once('='));
    given.find(|(given, _)| *given == name)?.1.parse().ok()
}

/// The page behind one, by the numbers in its address; and which entries lie on the one.
fn page_behind(address: &str) -> Option<(String, u64, u64)> {
    let number = |name| parameter(address, name);
    let (start, size, most) = (number("start")?, number("size")?, number("max")?);
    let behind = start.checked_add(size.max(1))?;
    if behind > most {
        return None;
    }
    let (path, query) = address.split_once('?')?;
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some(("start", _)) => format!("start={behind}"),
        _ => part.to_owned(),
    });
    let query = parts.collect::<Vec<_>>().join("&");
    Some((format!("{path}?{query}"), start, behind - 1))
}

/// Fails where there is no element at all, or one that is not closed: an answer that breaks off, wherever it does. And where there are
/// characters that XML 1.0 does not have (section 2.2): it was written over on its way.
fn is_well_formed(body: &[u8]) -> Result<(), String> {
    let is_none = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    if let Some(at) = body.iter().position(is_none) {
        return Err(format!("it is no XML at byte {at}"));
    }
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut open, mut has_any) = (Vec::new(), 0_u64, false);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(_)) => (open, has_any) = (open + 1, true),
            Ok(Event::Empty(_)) => has_any = true,
            Ok(Event::End(_)) => open = open.saturating_sub(1),
            Ok(Event::Eof) if open > 0 => {
                return Err("it ends before its last element is closed".to_owned());
            }
            Ok(Event::Eof) if has_any => return Ok(()),
            Ok(Event::Eof) => return Err("there is no element in it".to_owned()),
            Ok(_) => {}
            Err(_) => {
                let at = reader.buffer_position();
                return Err(format!("it is no XML at byte {at}"));
            }
        }
    }
}

/// The address of the next page, as the page tells it.
fn next_page(body: &[u8]) -> Result<Option<String>, String> {
    let broken = || "its paging cannot be read".to_owned();
    // The paging stands behind all entries.
    let begins = memchr::memmem::rfind(body, b"paging>");
    let Some(begins) = begins.and_then(|at| memchr::memmem::rfind(body.get(..at)?, b"paging"))
    else {
        return Ok(None);
    };
    let from = body
        .get(..begins)
        .and_then(|before| memchr::memrchr(b'<', before));
    let part = body.get(from.unwrap_or_default()..).unwrap_or_default();
    let mut reader = Reader::from_reader(part);
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().check_end_names = false;
    let (mut buffer, mut text, mut is_next) = (Vec::new(), String::new(), false);
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| broken())? {
            Event::Start(start) => is_next |= start.local_name().as_ref() == "next",
            Event::Text(more) if is_next => text.push_str(&more),
            Event::CData(more) if is_next => text.push_str(&more),
            Event::GeneralRef(entity) if is_next => match &*entity {
                "amp" => text.push('&'),
                _ => return Err(broken()),
            },
            Event::End(end) if is_next && end.local_name().as_ref() == "next" => break,
            Event::Eof => break,
            _ => {}
        }
        if text.len() > MOST_ADDRESS {
            return Err(broken());
        }
    }
    match text.trim() {
        "" => Ok(None),
        next if next.starts_with("/v2/entries?") && !next.contains(char::is_whitespace) => {
            Ok(Some(next.to_owned()))
        }
        _ => Err("the address of its next page is none of this interface".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_breaks_off_anywhere_is_not_whole() {
        let whole = "<?xml version=\"1.0\"?>\n<a><b>1</b><c/></a>";
        assert_eq!(is_well_formed(whole.as_bytes()), Ok(()));
        for end in 0..whole.len() {
            let cut = whole.as_bytes().get(..end).unwrap();
            assert!(is_well_formed(cut).is_err(), "{:?}", &whole[..end]);
        }
        assert!(is_well_formed(b"<a>\x1b</a>").is_err());
    }
}
