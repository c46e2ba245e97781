//! What a row of a list becomes.

use crate::bank::{ContentSignal, OpaqueSignal, Opinion, SourceStatus};
use std::ops::ControlFlow;

/// One row that could be used: one content item, or what became of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListRecord {
    /// Where the row begins: its line, from 1.
    pub line: u64,
    /// Which record of the list it is, from 1, in formats whose records are no lines.
    pub number: Option<u64>,
    /// Its hashes: at least one, unless there are opaque signals, or the source takes back what
    /// it knows by its id.
    pub signals: Vec<ContentSignal>,
    /// Its signals of kinds that cannot be computed here.
    pub opaque: Vec<OpaqueSignal>,
    /// What the list calls it.
    pub labels: Vec<String>,
    /// What else the row says, as text.
    pub metadata: Option<String>,
    /// The source's own id of the record.
    pub record_id: Option<String>,
    /// Whether the source still has it.
    pub status: SourceStatus,
    /// What is thought of it.
    pub opinions: Vec<Opinion>,
    /// Something of the row could not be read and came as a [`BadLine`] before it: what it lacks
    /// here its source may still stand by.
    pub is_partial: bool,
}

/// What a list says of itself, beside its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListEnd {
    /// It is one page, and its source has more.
    pub has_more: bool,
}

/// One line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}: {excerpt:?}", self.place())]
pub struct BadLine {
    /// Its number, from 1.
    pub line: u64,
    /// Which record of the list it is, from 1, in formats whose records are no lines.
    pub number: Option<u64>,
    /// What was expected and what stands there.
    pub reason: String,
    /// The beginning of the line: at most [`BadLine::EXCERPT`] characters, control characters
    /// escaped, so that it can be shown on a terminal.
    pub excerpt: String,
}

impl BadLine {
    /// Most characters of the excerpt, the ellipsis not counted.
    pub const EXCERPT: usize = 40;

    pub(super) fn new(line: u64, reason: String, bytes: &[u8]) -> Self {
        // Four bytes a character at most, so that a long line costs no more than a short one.
        let front = bytes.get(..4 * Self::EXCERPT + 4).unwrap_or(bytes);
        let text = String::from_utf8_lossy(front);
        let mut excerpt = String::new();
        let mut used = 0;
        for character in text.chars() {
            let escaped: String = if character.is_control() || is_bidirectional(character) {
                character.escape_default().collect()
            } else {
                character.to_string()
            };
            used += escaped.chars().count();
            if used > Self::EXCERPT {
                excerpt.push('…');
                break;
            }
            excerpt.push_str(&escaped);
        }
        Self {
            line,
            number: None,
            reason,
            excerpt,
        }
    }

    /// Where it is: `line 3`, or `record 7 (line 1)`.
    #[must_use]
    pub fn place(&self) -> String {
        match self.number {
            Some(number) => format!("record {number} (line {})", self.line),
            None => format!("line {}", self.line),
        }
    }
}

/// Characters that turn the direction of what a terminal shows after them.
fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where rows go.
pub(super) type Sink<'a> = dyn FnMut(Result<ListRecord, BadLine>) -> ControlFlow<()> + 'a;

/// What became of the lines of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Lines read.
    pub(super) lines: u64,
    /// Lines that are part of a record.
    pub(super) used: u64,
    /// Bad lines.
    pub(super) bad: u64,
    /// Blank lines, comments and the header.
    pub(super) skipped: u64,
    /// The list is one page, and its source has more.
    pub(super) has_more: bool,
}
