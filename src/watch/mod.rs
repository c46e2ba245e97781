//! Floor 5: who watches a long operation: is told how far it has come, and may stop it.
//!
//! Owns the one interface that a terminal, a service and a test implement. Refuses to know how any of them
//! shows it.

use crate::gate::Problem;
use crate::hashset::{DetectError, ListFormat};
use crate::pages::name::escaped;
use std::fmt::Display;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the numbers of a [`Progress`] count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Bytes that were read.
    Bytes,
    /// Things of one kind: entries, files, uploads.
    Items,
    /// Steps: the numbers mean nothing, only that the work goes on.
    Steps,
}

/// How far an operation has come.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What is done right now, in words for people: `reading the store`, or the name of a list.
    pub what: &'a str,
    /// How much is done.
    pub done: u64,
    /// How much there is in all, where that is known.
    pub total: Option<u64>,
    /// What the two count.
    pub unit: Unit,
}

impl<'a> Progress<'a> {
    /// Work whose length is not known.
    #[must_use]
    pub const fn step(what: &'a str) -> Self {
        Self {
            what,
            done: 0,
            total: None,
            unit: Unit::Steps,
        }
    }

    /// So many of so many bytes; `total` is 0 where it is not known, as of a pipe.
    #[must_use]
    pub const fn bytes(what: &'a str, done: u64, total: u64) -> Self {
        Self {
            what,
            done,
            total: if total == 0 { None } else { Some(total) },
            unit: Unit::Bytes,
        }
    }

    /// So many of so many things.
    #[must_use]
    pub const fn items(what: &'a str, done: u64, total: u64) -> Self {
        Self {
            what,
            done,
            total: Some(total),
            unit: Unit::Items,
        }
    }
}

/// Something that people should hear while the operation goes on. It fails nothing, and the outcome
/// counts it too.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// A part of the input was left out: a bad row of a list, a file that is no picture.
    LeftOut(&'a dyn Display),
    /// A file was left out.
    File(&'a FileLeftOut<'a>),
    /// The input was read, but it may not be what it is taken for.
    Doubt(&'a dyn Display),
    /// A list was read, but its values may not be what they are taken for.
    ListFormat {
        /// What messages call the list.
        list: &'a str,
        /// What it was read as.
        format: ListFormat,
        /// Why it may be something else.
        doubt: &'a DetectError,
    },
}

/// A file that was left out, and why.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FileLeftOut<'a> {
    /// What was not done with it: `not added`.
    pub what: &'a str,
    /// The file.
    pub path: &'a Path,
    /// Whether its outcome as an upload is told too.
    pub tells_outcome: bool,
    /// Why.
    pub problem: &'a Problem,
}

impl FileLeftOut<'_> {
    /// In one line, with these words for the problem.
    #[must_use]
    pub fn line(&self, why: &str) -> String {
        let path = self.path.to_string_lossy();
        let (what, path, why) = (self.what, escaped(&path), escaped(why));
        match self.tells_outcome {
            true => format!("{what}: {path}: {}: {why}", self.problem.outcome),
            false => format!("{what}: {path}: {why}"),
        }
    }
}

impl Display for Notice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LeftOut(what) | Self::Doubt(what) => what.fmt(f),
            Self::File(file) => f.write_str(&file.line(&file.problem.message)),
            Self::ListFormat {
                list,
                format,
                doubt,
            } => write!(f, "{list}: read as {format}, but {doubt}"),
        }
    }
}

/// Who watches an operation. All methods may be called from any thread, and often: be quick.
pub trait Observer: Sync {
    /// How far the operation has come.
    fn progress(&self, progress: Progress<'_>) {
        let _ = progress;
    }

    /// Something that people should hear now.
    fn notice(&self, notice: Notice<'_>) {
        let _ = notice;
    }

    /// Whether the operation is to stop. It stops at the next place where everything on disk is
    /// consistent, and its outcome says that it was interrupted. Once this is true it must stay true.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// A flag that stops the operation once it is true; nothing else is told.
impl Observer for AtomicBool {
    fn is_stopped(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_stops_what_it_watches() {
        let flag = AtomicBool::new(false);
        assert!(!flag.is_stopped());
        flag.store(true, Ordering::Relaxed);
        assert!(flag.is_stopped());
        assert!(!Silent.is_stopped());
    }

    #[test]
    fn bytes_of_unknown_length_have_no_total() {
        assert_eq!(Progress::bytes("a pipe", 5, 0).total, None);
        assert_eq!(Progress::bytes("a file", 5, 9).total, Some(9));
    }
}
