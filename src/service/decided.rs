//! Decisions that are written to the log before their answers are given.
//!
//! Owns the one thread that writes: who comes while it waits for the disk is written in the next group, so that many
//! requests share a sync. Where the log cannot be written nothing that it would have is answered, and it is opened anew,
//! once a second at most: a disk that has room again needs no new start. Refuses to decide what is recorded.

use crate::decisions::{Decision, DecisionError, DecisionLog, LogOptions};
use crate::guard::catch_unwind;
use crate::service::fault::Fault;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Requests whose decisions wait; beyond them the answer is that it is busy.
const MOST_WAITING: usize = 1_024;
/// Most requests of one group.
const MOST_TOGETHER: usize = 256;
/// After how long a log that failed is opened anew.
const ANEW: Duration = Duration::from_secs(1);

/// The decisions of one request, and who waits for them.
struct Job {
    decisions: Vec<Decision>,
    /// Whether they are on the disk.
    written: oneshot::Sender<bool>,
}

/// The log, and the thread that writes it. It ends when this is dropped: what was handed over is written first.
pub(super) struct Decided {
    jobs: Option<SyncSender<Job>>,
    has_failed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Decided {
    /// Opens the log in a folder, or begins one.
    ///
    /// # Errors
    /// As [`DecisionLog::open`]; where the system gives no thread.
    pub(super) fn open(folder: &Path) -> Result<Self, DecisionError> {
        let log = open(folder)?;
        let (jobs, waiting) = sync_channel(MOST_WAITING);
        let has_failed = Arc::new(AtomicBool::new(false));
        let mut writer = Writer {
            folder: folder.to_owned(),
            log: Some(log),
            failed: None,
            has_failed: Arc::clone(&has_failed),
        };
        let thread = std::thread::Builder::new().name("decide".to_owned());
        let thread = thread
            .spawn(move || writer.run(&waiting))
            .map_err(|source| DecisionError::Io {
                doing: "begin a thread that writes to",
                path: folder.to_owned(),
                source,
            })?;
        Ok(Self {
            jobs: Some(jobs),
            has_failed,
            thread: Some(thread),
        })
    }

    /// Whether the last group could not be written.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Writes decisions, and comes back when they are on the disk.
    ///
    /// # Errors
    /// 503 where they are not: then nothing may be answered by them.
    pub(super) async fn write(
        &self,
        decisions: Vec<Decision>,
        wait: Duration,
    ) -> Result<(), Fault> {
        if decisions.is_empty() {
            return Ok(());
        }
        let (written, told) = oneshot::channel();
        let job = Job { decisions, written };
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send(job));
        if !matches!(sent, Some(Ok(()))) {
            return Err(Fault::busy("too many decisions wait for the disk"));
        }
        match tokio::time::timeout(wait, told).await {
            Ok(Ok(true)) => Ok(()),
            Ok(_) => Err(Fault::unrecorded()),
            Err(_) => Err(Fault::busy("the disk did not take the decision in time")),
        }
    }
}

impl Drop for Decided {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in it was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Opens the log, and says what of it was set aside.
fn open(folder: &Path) -> Result<DecisionLog, DecisionError> {
    let log = DecisionLog::open(folder, LogOptions::default())?;
    for torn in log.torn() {
        tracing::warn!(
            "{} bytes behind the last whole decision were never acknowledged, and are kept as {}",
            torn.bytes,
            torn.kept_as.display()
        );
    }
    Ok(log)
}

struct Writer {
    folder: PathBuf,
    /// `None` since it failed.
    log: Option<DecisionLog>,
    failed: Option<Instant>,
    has_failed: Arc<AtomicBool>,
}

impl Writer {
    fn run(&mut self, waiting: &Receiver<Job>) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(MOST_TOGETHER - 1));
            let done = catch_unwind(AssertUnwindSafe(|| self.write(&group)));
            let is_written = done.unwrap_or_else(|_| {
                self.fail();
                false
            });
            self.has_failed.store(!is_written, Ordering::Relaxed);
            for job in group {
                // Who has left hears nothing.
                let _ = job.written.send(is_written);
            }
        }
    }

    /// Whether the group is on the disk, all of it.
    fn write(&mut self, group: &[Job]) -> bool {
        let is_soon = self.failed.is_some_and(|failed| failed.elapsed() < ANEW);
        if self.log.is_none() && is_soon {
            return false;
        }
        let written = self.log().and_then(|log| {
            for decision in group.iter().flat_map(|job| &job.decisions) {
                log.push(decision)?;
            }
            log.commit()
        });
        if let Err(error) = &written {
            tracing::error!("decisions are not answered, as they cannot be written: {error}");
            self.fail();
        }
        written.is_ok()
    }

    /// Gives the log up, to open it anew later.
    fn fail(&mut self) {
        self.log = None;
        self.failed = Some(Instant::now());
    }

    fn log(&mut self) -> Result<&DecisionLog, DecisionError> {
        let log = match self.log.take() {
            Some(log) => log,
            None => open(&self.folder)?,
        };
        Ok(self.log.insert(log))
    }
}
