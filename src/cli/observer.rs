//! A terminal that watches an operation: how far it has come goes to the line on standard error, and what
//! people should hear goes above it.

use crate::cli::advice;
use crate::cli::progress::Progress;
use crate::curation::{self, Notice, Observer, Unit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A terminal, and the request to stop.
pub(crate) struct Terminal {
    shown: Mutex<Shown>,
    how: How,
    stop: Option<Arc<AtomicBool>>,
    /// What stands before each notice.
    before: &'static str,
}

struct Shown {
    progress: Progress,
    /// Bytes of files that were told of so far.
    bytes: u64,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// In words: what is done, and how much of it.
    Words,
    /// As numbers of a line that has its words.
    Numbers,
    /// Each report is one file more.
    Files,
}

impl Terminal {
    fn new(progress: Progress, how: How) -> Self {
        Self {
            shown: Mutex::new(Shown { progress, bytes: 0 }),
            how,
            stop: None,
            before: "",
        }
    }

    /// Shows what is done in words, from these words on.
    pub(crate) fn of_work(what: &'static str) -> Self {
        Self::new(Progress::of_work(what), How::Words)
    }

    /// Shows how many of so many pieces of one kind are done.
    pub(crate) fn of_items(what: &'static str) -> Self {
        Self::new(Progress::of_items(what), How::Numbers)
    }

    /// Shows how many files are done; each report is of one more, with the bytes of all.
    pub(crate) fn of_files(progress: Progress) -> Self {
        Self::new(progress, How::Files)
    }

    /// Stops the operation once this is true.
    pub(crate) fn stop_on(mut self, stop: &Arc<AtomicBool>) -> Self {
        self.stop = Some(Arc::clone(stop));
        self
    }

    /// Prints notices as warnings.
    pub(crate) const fn with_warnings(mut self) -> Self {
        self.before = "hashgate: warning: ";
        self
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Terminal {
    fn progress(&self, at: curation::Progress<'_>) {
        let mut shown = self.shown();
        match self.how {
            How::Words => shown.progress.say(words(at)),
            How::Numbers => shown.progress.set(at.done, at.total.unwrap_or(0)),
            How::Files => {
                let more = at.done.saturating_sub(shown.bytes);
                shown.bytes = at.done;
                shown.progress.file_done(more, 0);
            }
        }
    }

    fn notice(&self, notice: Notice<'_>) {
        let text = match notice {
            Notice::File(file) => file.line(&advice::problem(file.problem)),
            notice => notice.to_string(),
        };
        let text = format!("{}{text}", self.before);
        self.shown().progress.line(&text);
    }

    fn is_stopped(&self) -> bool {
        let stop = self.stop.as_ref();
        stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

fn words(at: curation::Progress<'_>) -> String {
    match (at.unit, at.total) {
        (Unit::Items | Unit::Bytes, Some(total)) => format!("{}: {} of {total}", at.what, at.done),
        (Unit::Items | Unit::Bytes, None) => format!("{}: {}", at.what, at.done),
        (Unit::Steps, _) => at.what.to_owned(),
    }
}
