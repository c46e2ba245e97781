//! The format `ncmec`: what NCMEC's hash-sharing API, version 2, answers (XML).
//!
//! A page is a `queryResult` with `images` and `videos`; pages may follow one another.
//!
//! | element | read as |
//! | --- | --- |
//! | `image`, `video` | a record |
//! | `deletedImage`, `deletedVideo` | the record with this id is taken back; it has no hashes |
//! | `member@id` and `id`, together | the record's id |
//! | `fingerprints` | a hash each: `md5`, `sha1`, `pdq`; `pdna` and other kinds are kept and not matched |
//! | `classification` | a label |
//! | `feedback` | opinions of members: `affirmativeFeedback` is positive, `negativeFeedback` negative; the member that gave the hashes is positive |
//! | `paging/next` | there are more pages |
//!
//! Namespaces are passed over. No entity is expanded but the five of XML and characters by number,
//! no document type is read, and no element may exceed 1 MiB.

use crate::bank::{SourceStatus, View};
use crate::hashset::HashsetError;
use crate::hashset::json::{Entry, Place};
use crate::hashset::record::{Sink, Tally};
use quick_xml::Reader;
use quick_xml::errors::Error;
use quick_xml::events::{BytesStart, Event};
use std::cell::Cell;
use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

/// Most bytes of one tag or one run of text.
const MAX_EVENT: usize = 1 << 20;
/// Most bytes of the texts of one record.
const MAX_RECORD: usize = 1 << 20;
/// Most elements within one another.
const MAX_DEPTH: usize = 64;
/// Most elements open at once: those beyond [`MAX_DEPTH`] are passed over, up to here.
const MAX_OPEN: usize = 16 * MAX_DEPTH;

/// Counts lines, and fails where the parser asks for more than one event may have.
struct Bounded<R> {
    inner: R,
    seen: Rc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Bytes since the last event.
    bytes: Cell<usize>,
    lines: Cell<u64>,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = {
            let mut available = self.fill_buf()?;
            available.read(buffer)?
        };
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.seen.bytes.get() > MAX_EVENT {
            return Err(std::io::Error::other(format!(
                "an element or a text is longer than {MAX_EVENT} bytes"
            )));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, used: usize) {
        if let Ok(buffer) = self.inner.fill_buf() {
            let part = buffer.get(..used).unwrap_or(buffer);
            let lines = memchr::memchr_iter(b'\n', part).count() as u64;
            self.seen.lines.set(self.seen.lines.get() + lines);
        }
        self.seen
            .bytes
            .set(self.seen.bytes.get().saturating_add(used));
        self.inner.consume(used);
    }
}

/// A record while its elements are read.
struct Open {
    entry: Entry,
    line: u64,
    number: u64,
    /// How many elements were open around it.
    depth: usize,
    name: String,
    member: Option<String>,
    id: Option<String>,
    /// Whose opinion the members are that are named next.
    view: Option<View>,
    bytes: usize,
}

pub(super) fn read(input: impl BufRead, sink: &mut Sink<'_>) -> Result<Tally, HashsetError> {
    let seen = Rc::new(Seen::default());
    let bounded = Bounded {
        inner: input,
        seen: Rc::clone(&seen),
    };
    let mut reader = Reader::from_reader(bounded);
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().check_end_names = false;
    let mut walk = Walk {
        tally: Tally::default(),
        path: Vec::new(),
        open: None,
        text: String::new(),
        number: 0,
        is_list: false,
    };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        seen.bytes.set(0);
        let line = seen.lines.get() + 1;
        walk.tally.lines = line;
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(Error::Io(source)) => {
                return Err(HashsetError::Io {
                    line: seen.lines.get(),
                    source: std::io::Error::new(source.kind(), source.to_string()),
                });
            }
            Err(error) => {
                return Err(HashsetError::Broken {
                    line,
                    records: walk.tally.used,
                    reason: error.to_string(),
                });
            }
        };
        let flow = match event {
            Event::Start(start) => walk.start(&start, line, sink),
            Event::Empty(start) => match walk.start(&start, line, sink) {
                ControlFlow::Continue(()) => walk.end(name(start.local_name().as_ref()), sink),
                stop => stop,
            },
            Event::End(end) => walk.end(name(end.local_name().as_ref()), sink),
            Event::Text(text) => {
                walk.text(&text);
                ControlFlow::Continue(())
            }
            Event::CData(text) => {
                walk.text(&text);
                ControlFlow::Continue(())
            }
            Event::GeneralRef(entity) => {
                walk.entity(&entity);
                ControlFlow::Continue(())
            }
            Event::Eof => break,
            _ => ControlFlow::Continue(()),
        };
        if walk.path.len() > MAX_OPEN {
            // What follows could not be told from what is passed over.
            return Err(HashsetError::Broken {
                line,
                records: walk.tally.used,
                reason: format!("more than {MAX_OPEN} elements are open at once"),
            });
        }
        if flow.is_break() {
            return Ok(walk.tally);
        }
    }
    if walk.open.is_some() {
        let _ = walk.fault("the list ends within it", sink);
    } else if !walk.path.is_empty() {
        return Err(HashsetError::Broken {
            line: walk.tally.lines,
            records: walk.tally.used,
            reason: "the list ends before its last element is closed".to_owned(),
        });
    }
    if !walk.is_list {
        return Err(HashsetError::Broken {
            line: walk.tally.lines,
            records: 0,
            reason: "there is no queryResult".to_owned(),
        });
    }
    Ok(walk.tally)
}

/// A name, cut to the length of the longest that is known.
fn name(text: &str) -> String {
    text.chars().take(64).collect()
}

struct Walk {
    tally: Tally,
    path: Vec<String>,
    open: Option<Open>,
    text: String,
    number: u64,
    is_list: bool,
}

impl Walk {
    fn text(&mut self, text: &str) {
        let Some(open) = &mut self.open else {
            // Outside of records only whether there is a text matters.
            if self.text.len() < 64 {
                self.text.extend(text.trim().chars().take(64));
            }
            return;
        };
        open.bytes = open.bytes.saturating_add(text.len());
        if open.bytes <= MAX_RECORD {
            self.text.push_str(text);
        }
    }

    fn entity(&mut self, entity: &quick_xml::events::BytesRef<'_>) {
        let resolved = match entity.resolve_char_ref() {
            Ok(Some(character)) => Some(character),
            _ => match &**entity {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => None,
            },
        };
        let mut buffer = [0; 4];
        if let Some(character) = resolved {
            let text: &str = character.encode_utf8(&mut buffer);
            let text = text.to_owned();
            self.text(&text);
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, line: u64, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let tag = name(start.local_name().as_ref());
        self.text.clear();
        self.is_list |= tag == "queryResult";
        if self.path.len() >= MAX_DEPTH {
            // What is deeper is not looked at; its end is passed over likewise.
            self.path.push(tag);
            return ControlFlow::Continue(());
        }
        let is_record = matches!(&*tag, "image" | "video" | "deletedImage" | "deletedVideo");
        if is_record {
            if self.open.is_some() {
                self.fault("it is not closed before the next one", sink)?;
            }
            self.number += 1;
            let mut entry = Entry::default();
            if tag.starts_with("deleted") {
                entry.status = SourceStatus::Deleted;
            }
            self.open = Some(Open {
                entry,
                line,
                number: self.number,
                depth: self.path.len(),
                name: tag.clone(),
                member: None,
                id: None,
                view: None,
                bytes: 0,
            });
        } else if let Some(open) = &mut self.open {
            let attribute = |wanted: &str| {
                let found = start.attributes().flatten();
                let mut found = found.filter(|one| one.key.local_name().as_ref() == wanted);
                let value = found.next().map(|one| one.value.trim().to_owned());
                value.filter(|value| !value.is_empty())
            };
            let level = self.path.len() - open.depth;
            match (&*tag, level) {
                ("member", 1) => open.member = attribute("id"),
                ("affirmativeFeedback", _) => open.view = Some(View::Positive),
                ("negativeFeedback", _) => open.view = Some(View::Negative),
                ("reason", _) => {
                    let reason = attribute("name").unwrap_or_default();
                    open.entry.metadata.add("negativeFeedback", &reason);
                }
                ("member", _) => {
                    if let (Some(view), Some(owner)) = (open.view, attribute("id")) {
                        open.entry.opinion(owner, view);
                    }
                }
                (kind, 2) if self.path.last().is_some_and(|last| last == "fingerprints") => {
                    // Large fingerprints are named by where they are.
                    if let Some(place) = attribute("href") {
                        open.entry.opaque(kind, &place);
                    }
                }
                _ => {}
            }
        }
        self.path.push(tag);
        ControlFlow::Continue(())
    }

    fn end(&mut self, tag: String, sink: &mut Sink<'_>) -> ControlFlow<()> {
        if self.path.last() != Some(&tag) {
            // Of elements that are not closed in their order: the nearest of this name, if any.
            let Some(at) = self.path.iter().rposition(|open| *open == tag) else {
                return ControlFlow::Continue(());
            };
            let within = self.open.as_ref().is_some_and(|open| at < open.depth);
            if within {
                self.fault("it is not closed before what is around it", sink)?;
            }
            self.path.truncate(at + 1);
        }
        self.path.pop();
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let Some(open) = &mut self.open else {
            if tag == "next" && self.path.last().is_some_and(|last| last == "paging") {
                self.tally.has_more |= !text.is_empty();
            }
            return ControlFlow::Continue(());
        };
        if self.path.len() == open.depth {
            return self.finish(sink);
        }
        let level = self.path.len() - open.depth;
        let parent = self.path.last().map(String::as_str).unwrap_or_default();
        match (&*tag, level) {
            ("id", 1) => open.id = Some(text.to_owned()).filter(|id| !id.is_empty()),
            ("member", 1) => open.entry.metadata.add("member", text),
            ("classification", 1) => open.entry.label(text),
            ("affirmativeFeedback" | "negativeFeedback", _) => open.view = None,
            (kind, 2) if parent == "fingerprints" => {
                // The list names its kinds in small letters.
                open.entry.signal(kind, text, None);
            }
            ("fingerprints" | "feedback", 1) => {}
            (_, 1) => open.entry.metadata.add(&tag, text),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// The record is closed.
    fn finish(&mut self, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let Some(open) = self.open.take() else {
            return ControlFlow::Continue(());
        };
        let mut entry = open.entry;
        let shown = format!("<{}> {}", open.name, open.id.as_deref().unwrap_or_default());
        let place = Place {
            line: open.line,
            number: open.number,
            bytes: shown.as_bytes(),
        };
        if open.bytes > MAX_RECORD {
            self.tally.bad += 1;
            return place.bad(format!("longer than {MAX_RECORD} bytes"), sink);
        }
        let (Some(member), Some(id)) = (open.member, open.id) else {
            self.tally.bad += 1;
            return place.bad("its member's id or its id is missing".to_owned(), sink);
        };
        entry.record_id = Some(format!("{member}/{id}"));
        if entry.status == SourceStatus::Active {
            entry.opinion(member, View::Positive);
        }
        entry.opinions.sort();
        entry.opinions.dedup();
        entry.give(place, &mut self.tally, sink)
    }

    /// Ends the record that is being read as a bad one.
    fn fault(&mut self, reason: &str, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let Some(open) = self.open.take() else {
            return ControlFlow::Continue(());
        };
        self.path.truncate(open.depth);
        self.tally.bad += 1;
        let shown = format!("<{}>", open.name);
        let place = Place {
            line: open.line,
            number: open.number,
            bytes: shown.as_bytes(),
        };
        place.bad(reason.to_owned(), sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashset::{BadLine, ListRecord};

    const MD5: &str = "<fingerprints><md5>D41D8CD98F00B204E9800998ECF8427E</md5></fingerprints>";

    fn rows(list: &str) -> Result<(Tally, Vec<ListRecord>, Vec<BadLine>), HashsetError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let input = std::io::BufReader::with_capacity(11, list.as_bytes());
        let tally = read(input, &mut |row| {
            match row {
                Ok(record) => good.push(record),
                Err(line) => bad.push(line),
            }
            ControlFlow::Continue(())
        })?;
        Ok((tally, good, bad))
    }

    fn page(images: &str) -> String {
        format!("<queryResult xmlns='x'><images count='1'>\n{images}\n</images></queryResult>")
    }

    #[test]
    fn one_faulty_record_of_any_kind_costs_that_record() {
        let good = format!("<image><member id='4'>M</member><id>ok</id>{MD5}</image>");
        for (bad, words) in [
            ("<image><id>x</id></image>", "member's id"),
            ("<image><member id='4'/></image>", "its id is missing"),
            ("<image><member id='4'/><id>x</id></image>", "no hash"),
            (
                "<image><member id='4'/><id>x</id><fingerprints><md5>zz</md5></fingerprints></image>",
                "expected 32",
            ),
            (
                "<image><member id='4'/><id>x</id>",
                "not closed before the next",
            ),
            (
                &format!(
                    "<image><id>{}</id></image>",
                    "<b>xxxxxxxxxx</b>".repeat(200_000)
                ),
                "longer than",
            ),
        ] {
            let (tally, records, faults) = rows(&page(&format!("{bad}\n{good}"))).unwrap();
            assert_eq!(
                (records.len(), faults.len()),
                (1, 1),
                "{bad:.60}: {faults:?}"
            );
            assert!(faults[0].reason.contains(words), "{}", faults[0]);
            assert_eq!((faults[0].line, faults[0].number), (2, Some(1)));
            assert_eq!((tally.used, tally.bad), (1, 1));
            assert_eq!(records[0].record_id.as_deref(), Some("4/ok"));
            assert_eq!(records[0].number, Some(2));
        }
    }

    #[test]
    fn a_hash_that_cannot_be_read_costs_no_other() {
        let list = page(&format!(
            "<image><member id='4'/><id>x</id>{}</image>",
            MD5.replace("</f", "<sha1>12</sha1><new>7</new></f")
        ));
        let (_, records, faults) = rows(&list).unwrap();
        assert_eq!(records[0].signals.len(), 1);
        assert_eq!(records[0].opaque[0].kind, "new");
        assert!(records[0].is_partial);
        assert!(
            faults[0].reason.contains("what else it holds is read"),
            "{}",
            faults[0]
        );
    }

    #[test]
    fn what_is_no_list_is_an_error_and_not_empty() {
        let words = |list: &str| rows(list).map(drop).unwrap_err().to_string();
        assert!(words("<html/>").contains("no queryResult"));
        assert!(words("").contains("no queryResult"));
        assert!(words("<queryResult><images>").contains("before its last element"));
        assert!(words("<queryResult><!-- ").contains("cannot be read further"));
        let long = format!("<queryResult>{}", "x".repeat(3 * MAX_EVENT));
        assert!(
            words(&long).contains("longer than 1048576"),
            "{}",
            words(&long)
        );
        let good = format!("<image><member id='4'/><id>x</id>{MD5}</image>");
        let deep = |levels| page(&format!("{}{good}", "<a>".repeat(levels)));
        assert!(words(&deep(MAX_OPEN)).contains("more than 1024 elements are open at once"));
        assert!(words(&deep(100_000)).contains("more than 1024 elements are open at once"));
        let closed = "<a>".repeat(1000) + &"</a>".repeat(1000);
        let (_, records, _) = rows(&page(&format!("{closed}{good}"))).unwrap();
        assert_eq!(
            records.len(),
            1,
            "what is closed again costs nothing behind it"
        );
    }

    #[test]
    fn entities_are_characters_and_nothing_else() {
        let list = page(&format!(
            "<image><member id='4'>A &amp; B &#x41; &evil;</member><id>x</id>{MD5}</image>"
        ));
        let (_, records, _) = rows(&list).unwrap();
        assert_eq!(records[0].metadata.as_deref(), Some("member=A & B A"));
    }
}
