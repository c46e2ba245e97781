//! Going through the whole log, line by line, with every fault of its chain.
//!
//! After a fault the walk goes on from what the next line says of itself, so that one changed line
//! is one fault and not a thousand. It refuses to repair.

use crate::decisions::chain::{self, LineHash, LineKind, Link};
use crate::decisions::head::{self, Head, Said};
use crate::decisions::lines::{Lines, Piece};
use crate::decisions::{Decision, DecisionError, files};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What is wrong at a place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A line's bytes are not what its hash was made of, or it is no line of a log.
    Edited {
        /// What is wrong with it.
        reason: String,
    },
    /// A line does not follow the one before it: lines between them were removed, or some were
    /// inserted, repeated or put into another order.
    Broken {
        /// The line that should come: its number.
        expected: u64,
        /// The number that it has.
        got: u64,
    },
    /// A file is not there.
    MissingFile,
    /// What stands behind the last line is no whole line: a write that was cut off. The next writer
    /// sets it aside.
    TornTail,
    /// The log ends before the line that the note `HEAD` says was the last one acknowledged.
    Truncated {
        /// Lines that were acknowledged.
        acknowledged: u64,
        /// Lines that are there.
        found: u64,
    },
    /// The line that the note `HEAD` names is there with another hash: the log was written anew, or
    /// the note was.
    Rewritten {
        /// The line.
        n: u64,
    },
    /// The note `HEAD` is missing or damaged: whether the log's end is there cannot be told.
    NoHead,
    /// A file that is no part of a log.
    Foreign,
}

impl Fault {
    /// Its name, as JSON carries it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Edited { .. } => "edited",
            Self::Broken { .. } => "broken",
            Self::MissingFile => "missing_file",
            Self::TornTail => "torn_tail",
            Self::Truncated { .. } => "truncated",
            Self::Rewritten { .. } => "rewritten",
            Self::NoHead => "no_head",
            Self::Foreign => "foreign",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited { reason } => write!(f, "this line was changed: {reason}"),
            Self::Broken { expected, got } => write!(
                f,
                "line {got} stands where line {expected} of the chain should: lines were removed, \
                 inserted or put into another order"
            ),
            Self::MissingFile => f.write_str("this file is missing"),
            Self::TornTail => f.write_str(
                "the end is no whole line: a write was cut off; the next writer sets it aside",
            ),
            Self::Truncated {
                acknowledged,
                found,
            } => write!(
                f,
                "{acknowledged} lines were acknowledged, the log ends with line {found}: its end was cut off"
            ),
            Self::Rewritten { n } => write!(
                f,
                "line {n} is not the one that was acknowledged last: the log was written anew"
            ),
            Self::NoHead => f.write_str(
                "it is missing or damaged: whether the end of the log is there cannot be told",
            ),
            Self::Foreign => f.write_str("it does not belong here"),
        }
    }
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// The line in the file, from 1 on; 0 where it is about the file.
    pub line: u64,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path.display(), self.fault),
            line => write!(f, "{}:{line}: {}", self.path.display(), self.fault),
        }
    }
}

/// As one JSON object: `file`, `line`, `fault` (its name) and `detail`.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Finding", 4)?;
        object.serialize_field("file", &self.path.to_string_lossy())?;
        object.serialize_field("line", &self.line)?;
        object.serialize_field("fault", self.fault.name())?;
        object.serialize_field("detail", &self.fault.to_string())?;
        object.end()
    }
}

/// A line of the log that is about a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place in the chain.
    pub link: Link,
    /// What it says.
    pub decision: Decision,
}

/// What a walk comes upon.
pub(super) enum Met<'a> {
    /// A decision with its line as it is written.
    Entry(Box<Entry>, &'a [u8]),
    /// Another line of the log.
    Other,
    Fault(Finding),
}

/// What was seen of a log.
pub(super) struct Walked {
    pub(super) head: Option<Head>,
    pub(super) files: u64,
    pub(super) last: Link,
    /// Whether one of the lines has the hash that was asked for, and which.
    pub(super) expected: Option<u64>,
}

#[derive(Deserialize)]
struct FileLine {
    log: String,
    file: u64,
}

/// Reads the log from a file on. `decode` says whether decisions are wanted: else only the chain is
/// looked at.
pub(super) fn walk(
    folder: &Path,
    first: u64,
    expect: Option<LineHash>,
    decode: bool,
    mut meet: impl FnMut(Met<'_>) -> ControlFlow<()>,
) -> Result<Walked, DecisionError> {
    if !folder.is_dir() {
        return Err(DecisionError::Missing {
            folder: folder.to_owned(),
        });
    }
    files::check_permissions(folder)?;
    // In this order: what a writer adds meanwhile is then more than the note says.
    let is_written = files::is_locked(folder);
    let said = head::read(folder)?;
    let listing = files::list(folder)?;
    if said == Said::Nothing && listing.numbers.is_empty() {
        return Err(DecisionError::Missing {
            folder: folder.to_owned(),
        });
    }
    let head = match said {
        Said::Head { head, .. } => Some(head),
        _ => None,
    };
    let mut walk = Walk {
        folder,
        head,
        before: (first <= 1).then(Link::default),
        last: Link::default(),
        expect,
        expected: None,
        decode,
    };
    let files = walk.files(first, &listing, is_written, &mut meet)?;
    Ok(Walked {
        head: walk.head,
        files,
        last: walk.last,
        expected: walk.expected,
    })
}

struct Walk<'a> {
    folder: &'a Path,
    head: Option<Head>,
    /// The line before, where that is known.
    before: Option<Link>,
    /// The last line that was read.
    last: Link,
    expect: Option<LineHash>,
    expected: Option<u64>,
    decode: bool,
}

impl Walk<'_> {
    fn files(
        &mut self,
        first: u64,
        listing: &files::Listing,
        is_written: bool,
        meet: &mut impl FnMut(Met<'_>) -> ControlFlow<()>,
    ) -> Result<u64, DecisionError> {
        let fault = |path: PathBuf, fault| {
            Met::Fault(Finding {
                path,
                line: 0,
                fault,
            })
        };
        let mut count = 0;
        for foreign in &listing.foreign {
            if meet(fault(foreign.clone(), Fault::Foreign)).is_break() {
                return Ok(count);
            }
        }
        let named = self.head.as_ref().map_or(0, |head| head.file);
        let last = listing.numbers.last().copied().unwrap_or(0).max(named);
        let mut numbers = listing.numbers.iter().copied().peekable();
        let mut expected = first.max(1);
        // Gaps are named by their first file: a name may claim any number.
        while let Some(number) = numbers.next() {
            if number < expected {
                continue;
            }
            if number > expected {
                self.before = None;
                let path = files::path(self.folder, expected);
                if meet(fault(path, Fault::MissingFile)).is_break() {
                    return Ok(count);
                }
            }
            let is_last = numbers.peek().is_none();
            count += 1;
            if self
                .file(number, is_last && is_written, is_last, meet)?
                .is_break()
            {
                return Ok(count);
            }
            expected = number.saturating_add(1);
        }
        if expected <= last {
            let path = files::path(self.folder, expected);
            if meet(fault(path, Fault::MissingFile)).is_break() {
                return Ok(count);
            }
        }
        let path = self.folder.join(files::HEAD_FILE);
        let about_end = match &self.head {
            None => Some(Fault::NoHead),
            Some(head) if head.link.n > self.last.n => Some(Fault::Truncated {
                acknowledged: head.link.n,
                found: self.last.n,
            }),
            Some(_) => None,
        };
        if let Some(about_end) = about_end {
            let _ = meet(fault(path, about_end));
        }
        Ok(count)
    }

    fn file(
        &mut self,
        number: u64,
        is_written: bool,
        is_last: bool,
        meet: &mut impl FnMut(Met<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, DecisionError> {
        let path = files::path(self.folder, number);
        let failed = |source| DecisionError::io("read", &path, source);
        let mut lines = Lines::open(&path).map_err(failed)?;
        let mut line_number = 0;
        loop {
            line_number += 1;
            let mut faults = Vec::new();
            let mut edited = |reason: String| faults.push(Fault::Edited { reason });
            let mut entry = None;
            let mut text: &[u8] = &[];
            match lines.next().map_err(failed)? {
                None => break,
                Some(Piece::Tail) if is_written => break,
                Some(Piece::Tail) if is_last => {
                    faults.push(Fault::TornTail);
                }
                Some(Piece::Tail) => edited("it has no end".to_owned()),
                Some(Piece::Overlong) => {
                    edited("it is longer than any line of a log".to_owned());
                    self.before = None;
                }
                Some(Piece::Line(line)) => {
                    text = line;
                    self.line(line, number, line_number, &mut faults, &mut entry);
                }
            }
            let is_sound = faults.is_empty();
            for fault in faults {
                let finding = Finding {
                    path: path.clone(),
                    line: line_number,
                    fault,
                };
                if meet(Met::Fault(finding)).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            let met = match entry {
                Some(entry) => Met::Entry(entry, text),
                None if is_sound => Met::Other,
                None => continue,
            };
            if meet(met).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Holds a line against the one before it.
    fn line(
        &mut self,
        text: &[u8],
        file: u64,
        line_number: u64,
        faults: &mut Vec<Fault>,
        entry: &mut Option<Box<Entry>>,
    ) {
        let line = match chain::parse(text) {
            Ok(line) => line,
            Err(reason) => {
                faults.push(Fault::Edited { reason });
                self.before = None;
                return;
            }
        };
        let mut edited = |reason: &str| {
            faults.push(Fault::Edited {
                reason: reason.to_owned(),
            });
        };
        if !line.is_sealed {
            edited("its hash is not that of its bytes");
        }
        if (line_number == 1) != (line.kind == LineKind::File) {
            edited("only the first line of a file says which file it is");
        }
        if line.is_sealed && line.kind == LineKind::File {
            let is_this = serde_json::from_slice::<FileLine>(text).is_ok_and(|read| {
                read.file == file && self.head.as_ref().is_none_or(|head| head.log == read.log)
            });
            if !is_this {
                edited("it belongs to another file or to another log");
            }
        }
        if let Some(before) = self.before {
            let follows = line.link.n == before.n.saturating_add(1) && line.prev == before.sha256;
            // Of a line that was changed, what it says of its place may be what was changed.
            if !follows && line.is_sealed {
                faults.push(Fault::Broken {
                    expected: before.n.saturating_add(1),
                    got: line.link.n,
                });
            }
        }
        if let Some(head) = &self.head
            && head.link.n == line.link.n
            && head.link.sha256 != line.link.sha256
        {
            faults.push(Fault::Rewritten { n: line.link.n });
        }
        if line.is_sealed && self.expect == Some(line.link.sha256) {
            self.expected = Some(line.link.n);
        }
        self.before = Some(line.link);
        self.last = line.link;
        if self.decode && line.kind == LineKind::Decision && line.is_sealed {
            match serde_json::from_slice(text) {
                Ok(decision) => {
                    *entry = Some(Box::new(Entry {
                        link: line.link,
                        decision,
                    }));
                }
                Err(error) => faults.push(Fault::Edited {
                    reason: format!("it cannot be read: {error}"),
                }),
            }
        }
    }
}
