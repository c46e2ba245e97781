//! What takes long, where a node keeps banks: lists that are looked at and brought in, and looks for what is doubtful.
//!
//! One thread does one such thing after the other, beside the one that holds the store: the two take turns at the store, so
//! that a withdrawal waits for one batch of a list, and not for its end. Owned here: which jobs there are, for how long one
//! is known, and that all of them stop with the service. Refuses to know what a job does.

use crate::curation::{Notice, Observer, Progress};
use crate::service::caller::Caller;
use crate::service::fault::{Fault, cut};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Most jobs that are known at one time, those that are done too.
const MOST_KNOWN: usize = 64;
/// How long a job is known after its last change.
const KNOWN_FOR: Duration = Duration::from_secs(15 * 60);
/// Most lines of what a job tells.
const MOST_LINES: usize = 100;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// Others come first.
    Waiting,
    /// It is being done.
    Working,
    /// A list was looked at, and nothing is changed: it can be brought in.
    Looked,
    /// It is done.
    Done,
    /// It was stopped on the way. What of a list was read before is in the bank.
    Stopped,
    /// It failed: `error` says why.
    Failed,
}

impl Step {
    /// Whether nothing more comes of it by itself.
    pub(crate) const fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Working)
    }
}

/// What is told of a job.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct Told {
    /// What it is asked for by.
    pub(crate) job: String,
    /// `import` or `lint`.
    pub(crate) what: String,
    /// The bank, where it is about one.
    pub(crate) bank: Option<String>,
    /// Where it stands.
    pub(crate) step: Step,
    /// Bytes of the list, or entries, that were read.
    pub(crate) done: u64,
    /// Of how many; null where that is not known.
    pub(crate) total: Option<u64>,
    /// Of an import: what would be changed, or was (as the page on the output has it).
    pub(crate) outcome: Option<Value>,
    /// Of a look at a list: why it would be refused unless that is accepted.
    pub(crate) refused: Option<String>,
    /// Of a lint: what was found.
    pub(crate) report: Option<Value>,
    /// Rows that were left out, and what is doubtful: 100 at most.
    pub(crate) notes: Vec<String>,
    /// Why it failed.
    pub(crate) error: Option<String>,
}

struct Job {
    told: Told,
    changed: Instant,
    watch: Arc<Watch>,
    ahead: Ahead,
}

/// What is to be done, or may be done, of a job. It goes with the job, and so do its list and that list's place.
#[derive(Default)]
enum Ahead {
    #[default]
    Nothing,
    /// It waits for the thread.
    First(Box<dyn FnOnce(&Watch) -> Came + Send>),
    /// It waits for somebody to ask for it.
    Offered(Next),
    /// It was asked for, and waits for the thread.
    Asked(Next, Caller, bool),
}

/// What a job under way looks at and tells by.
#[derive(Default)]
pub(super) struct Watch {
    is_stopped: AtomicBool,
    ending: Arc<AtomicBool>,
    done: AtomicU64,
    total: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl Watch {
    /// A line for whoever asks.
    pub(super) fn note(&self, line: &str) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MOST_LINES {
            notes.push(cut(line));
        }
    }
}

impl Observer for Watch {
    fn progress(&self, at: Progress<'_>) {
        self.done.store(at.done, Ordering::Relaxed);
        self.total.store(at.total.unwrap_or(0), Ordering::Relaxed);
    }

    fn notice(&self, notice: Notice<'_>) {
        self.note(&notice.to_string());
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || self.ending.load(Ordering::Relaxed)
    }
}

/// What may be done with a job that is over: by whom, and whether what it was refused for is accepted.
pub(super) type Next = Box<dyn FnOnce(Caller, bool, &Watch) -> Came + Send>;

/// What came of a job.
pub(super) struct Came {
    pub(super) step: Step,
    pub(super) outcome: Option<Value>,
    pub(super) refused: Option<String>,
    pub(super) report: Option<Value>,
    pub(super) error: Option<String>,
    /// What may be done next.
    pub(super) next: Option<Next>,
}

impl Came {
    pub(super) fn at(step: Step) -> Self {
        Self {
            step,
            outcome: None,
            refused: None,
            report: None,
            error: None,
            next: None,
        }
    }

    pub(super) fn failed(why: impl Into<String>) -> Self {
        Self {
            error: Some(why.into()),
            ..Self::at(Step::Failed)
        }
    }
}

type Errand = Box<dyn FnOnce() + Send>;

/// The jobs of a node.
pub(super) struct Jobs {
    known: Arc<Mutex<BTreeMap<String, Job>>>,
    errands: Mutex<Option<SyncSender<Errand>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    ending: Arc<AtomicBool>,
    /// Told of whatever changes.
    news: Arc<Notify>,
}

impl Jobs {
    pub(super) fn begin() -> io::Result<Self> {
        let (errands, waiting) = sync_channel::<Errand>(MOST_KNOWN);
        let thread = std::thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || {
                for errand in waiting {
                    // It tells of its own panic; the next one is done all the same.
                    let errand = std::panic::AssertUnwindSafe(errand);
                    let _ = crate::guard::catch_unwind(errand);
                }
            })?;
        Ok(Self {
            known: Arc::default(),
            errands: Mutex::new(Some(errands)),
            thread: Mutex::new(Some(thread)),
            ending: Arc::default(),
            news: Arc::default(),
        })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, job| !job.told.step.is_over() || job.changed.elapsed() < KNOWN_FOR);
        known
    }

    /// Forgets jobs that have been over for long, and what they keep.
    pub(super) fn forget_old(&self) {
        drop(self.known());
    }

    /// Begins a job, and gives the name that it is asked for by.
    pub(super) fn start(
        &self,
        (what, bank): (&'static str, Option<String>),
        work: impl FnOnce(&Watch) -> Came + Send + 'static,
    ) -> Result<String, Fault> {
        let mut drawn = [0; 16];
        getrandom::fill(&mut drawn)
            .map_err(|_| Fault::busy("the system gives no random numbers"))?;
        let name: String = drawn.iter().map(|byte| format!("{byte:02x}")).collect();
        let told = Told {
            job: name.clone(),
            what: what.to_owned(),
            bank,
            step: Step::Waiting,
            done: 0,
            total: None,
            outcome: None,
            refused: None,
            report: None,
            notes: Vec::new(),
            error: None,
        };
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            return Err(Fault::busy(
                "too many jobs are known: delete those that are done",
            ));
        }
        let job = Job {
            told,
            changed: Instant::now(),
            watch: self.watch(),
            ahead: Ahead::First(Box::new(work)),
        };
        self.send(&name)?;
        // The thread finds it once this lock is let go.
        known.insert(name.clone(), job);
        drop(known);
        Ok(name)
    }

    fn watch(&self) -> Arc<Watch> {
        Arc::new(Watch {
            ending: Arc::clone(&self.ending),
            ..Watch::default()
        })
    }

    /// Has the thread do what is ahead of a job. Its caller has the lock of what is known.
    fn send(&self, name: &str) -> Result<(), Fault> {
        let (known, news) = (Arc::clone(&self.known), Arc::clone(&self.news));
        let of_job = name.to_owned();
        let errand: Errand = Box::new(move || {
            let change = |change: &mut dyn FnMut(&mut Job)| {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(job) = known.get_mut(&of_job) {
                    change(job);
                    job.changed = Instant::now();
                }
                drop(known);
                news.notify_waiters();
            };
            let mut begun = None;
            change(&mut |job| {
                job.told.step = Step::Working;
                begun = Some((std::mem::take(&mut job.ahead), Arc::clone(&job.watch)));
            });
            // It was deleted while it waited.
            let Some((ahead, watch)) = begun else { return };
            let work = || match ahead {
                Ahead::First(work) => work(&watch),
                Ahead::Asked(next, caller, accepts) => next(caller, accepts, &watch),
                Ahead::Nothing | Ahead::Offered(_) => Came::failed("nothing was asked for"),
            };
            let done = crate::guard::catch_unwind(std::panic::AssertUnwindSafe(work));
            let mut came = done.unwrap_or_else(|_| {
                Came::failed("this program failed at it: a defect; please report it")
            });
            change(&mut |job| {
                job.told.step = came.step;
                job.told.outcome = came.outcome.take();
                job.told.refused = came.refused.take();
                job.told.report = came.report.take();
                job.told.error = came.error.take();
                job.ahead = came.next.take().map_or(Ahead::Nothing, Ahead::Offered);
            });
        });
        let errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = errands.as_ref().map(|errands| errands.try_send(errand));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Fault::busy("this node is ending, or too much waits")),
        }
    }

    /// Goes on with a list that was looked at. Where that cannot be now, it can be asked for again.
    pub(super) fn go_on(&self, name: &str, (caller, accepts): (Caller, bool)) -> Result<(), Fault> {
        let mut known = self.known();
        let job = known.get_mut(name).ok_or_else(no_job)?;
        if job.told.step != Step::Looked || !matches!(job.ahead, Ahead::Offered(_)) {
            return Err(no_list());
        }
        self.send(name)?;
        // The thread finds it once this lock is let go.
        if let Ahead::Offered(next) = std::mem::take(&mut job.ahead) {
            job.ahead = Ahead::Asked(next, caller, accepts);
        }
        job.told.step = Step::Waiting;
        job.watch = self.watch();
        job.changed = Instant::now();
        drop(known);
        Ok(())
    }

    /// How a job stands, at the latest after `wait`.
    pub(super) async fn told(&self, name: &str, wait: Duration) -> Result<Told, Fault> {
        let until = tokio::time::Instant::now() + wait;
        loop {
            let news = self.news.notified();
            let mut news = std::pin::pin!(news);
            news.as_mut().enable();
            let told = self.known().get(name).map(Job::told);
            let told = told.ok_or_else(no_job)?;
            if told.step.is_over() || tokio::time::timeout_at(until, news).await.is_err() {
                return Ok(told);
            }
        }
    }

    /// All jobs that are known.
    pub(super) fn all(&self) -> Vec<Told> {
        self.known().values().map(Job::told).collect()
    }

    /// Stops a job, and forgets it where it is over.
    pub(super) fn stop(&self, name: &str) -> Result<Told, Fault> {
        let mut known = self.known();
        let job = known.get_mut(name).ok_or_else(no_job)?;
        job.watch.is_stopped.store(true, Ordering::Relaxed);
        let told = job.told();
        if told.step != Step::Working {
            known.remove(name);
        }
        Ok(told)
    }

    /// Stops what is under way, and waits for its end.
    pub(super) fn close(&self) {
        self.ending.store(true, Ordering::Relaxed);
        let errands = self
            .errands
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(errands);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic in it was told when it happened.
            let _ = thread.join();
        }
    }
}

pub(super) fn no_list() -> Fault {
    let detail = "there is no list here that was looked at and could be brought in";
    Fault::new(StatusCode::CONFLICT, "no-list", detail)
}

fn no_job() -> Fault {
    let detail = "no such job is known: it was deleted, or is over for more than 15 minutes";
    Fault::new(StatusCode::NOT_FOUND, "no-such-job", detail)
}

impl Job {
    fn told(&self) -> Told {
        let total = self.watch.total.load(Ordering::Relaxed);
        let notes = self
            .watch
            .notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Told {
            done: self.watch.done.load(Ordering::Relaxed),
            total: (total > 0).then_some(total),
            notes: notes.clone(),
            ..self.told.clone()
        }
    }
}
