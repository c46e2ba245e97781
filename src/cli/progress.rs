//! How far long work has come: on a terminal, and nowhere else.

use crate::cli::output;
use crate::scan::{Counted, WalkOptions, count};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A line on standard error that tells how far the work has come.
pub(crate) struct Progress {
    bar: ProgressBar,
    counted: Option<Arc<Counted>>,
    files: u64,
    stop_counting: Arc<AtomicBool>,
}

impl Progress {
    /// For going through files: counts them beside the work, to know the time left.
    pub(crate) fn of_files(paths: &[PathBuf], options: WalkOptions) -> Self {
        let stop_counting = Arc::new(AtomicBool::new(false));
        let mut progress = Self {
            bar: bar("{spinner} {msg}  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
            counted: None,
            files: 0,
            stop_counting,
        };
        if !progress.bar.is_hidden() {
            let counted = Arc::new(Counted::default());
            let (shared, stop) = (Arc::clone(&counted), Arc::clone(&progress.stop_counting));
            let paths = paths.to_vec();
            std::thread::spawn(move || count(&paths, options, &shared, &stop));
            progress.counted = Some(counted);
        }
        progress
    }

    fn with(bar: ProgressBar) -> Self {
        Self {
            bar,
            counted: None,
            files: 0,
            stop_counting: Arc::new(AtomicBool::new(false)),
        }
    }

    /// For reading `bytes` of input.
    pub(crate) fn of_bytes(bytes: u64, what: String) -> Self {
        let bar = bar("{spinner} {msg}  {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
        bar.set_length(bytes);
        bar.set_message(what);
        Self::with(bar)
    }

    /// For work whose end is not known.
    pub(crate) fn of_work(what: &'static str) -> Self {
        let bar = bar("{spinner} {msg}");
        bar.set_message(what);
        Self::with(bar)
    }

    /// For doing so many pieces of one kind, `copies` for example: [`Progress::set`] says how many.
    pub(crate) fn of_items(what: &'static str) -> Self {
        let bar = bar("{spinner} {pos} of {len} {msg}, {eta} left");
        bar.set_message(what);
        Self::with(bar)
    }

    /// So many of so many pieces are done; from any thread.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// One file more is done.
    pub(crate) fn file_done(&mut self, bytes: u64, matches: u64) {
        self.files += 1;
        let Some(counted) = &self.counted else {
            return;
        };
        let total = counted.files.load(Ordering::Relaxed).max(self.files);
        let counting = if counted.complete.load(Ordering::Acquire) {
            ""
        } else {
            "+"
        };
        self.bar.set_length(counted.bytes.load(Ordering::Relaxed));
        self.bar.inc(bytes);
        let files = self.files;
        self.bar.set_message(format!(
            "{files} of {total}{counting} files, {matches} matched"
        ));
    }

    /// So many bytes of input are read.
    pub(crate) fn set_bytes(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Says how far work without a known end has come.
    pub(crate) fn say(&self, what: String) {
        self.bar.set_message(what);
    }

    /// Prints a line above the progress.
    pub(crate) fn line(&self, text: &str) {
        self.bar.suspend(|| output::warn(text));
    }

    /// Runs a piece of output without the progress line getting into it.
    pub(crate) fn suspended<T>(&self, write: impl FnOnce() -> T) -> T {
        if self.bar.is_hidden() {
            write()
        } else {
            self.bar.suspend(write)
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop_counting.store(true, Ordering::Relaxed);
        self.bar.finish_and_clear();
    }
}

fn bar(template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
