//! The banks, where this node keeps them: one thread holds the store, makes each change, and publishes.
//!
//! Owns the order of changes, when they are published, and the record of who made them (`curation.jsonl`). A change is on
//! disk before it is answered. It is published within two seconds; what takes something out of matching, before the
//! answer. Refuses to do any of it on the threads that talk to callers.

use crate::clock;
use crate::curation::Workspace;
use crate::curation::publish::{PublishOutcome, PublishPlan, publish_from};
use crate::files;
use crate::guard::catch_unwind;
use crate::service::caller::Caller;
use crate::service::fault::Fault;
use crate::service::follow::Follower;
use crate::service::settings::Settings;
use crate::store::{BankStore, StoreError};
use crate::watch::Silent;
use axum::http::StatusCode;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Most calls that wait for the one writer.
const MOST_WAITING: usize = 256;
/// A change is published at the latest so long after it, however many follow.
const AT_MOST: Duration = Duration::from_secs(2);
/// How long after a publish that failed the next is tried.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the writer waits for a call where there is nothing to publish.
const IDLE: Duration = Duration::from_secs(60);

/// A call: what it does to the banks, and to whom that is told.
type Job = Box<dyn FnOnce(&mut Desk) + Send>;

/// What is written of a call.
#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    at: u64,
    request: &'a str,
    /// The key's name; null where there are no keys, or the caller brought none.
    key: Option<&'a str>,
    what: &'a str,
    bank: &'a str,
    /// The entry, where one is meant or was made.
    entry: Option<u64>,
    /// `done`; of a call that failed `partly` where something was changed all the same, else `refused`.
    outcome: &'a str,
}

/// What the one writer has.
pub(super) struct Desk {
    pub(super) workspace: Workspace,
    pub(super) store: Arc<BankStore>,
    /// The entry that the call under way is about.
    pub(super) entry: Option<u64>,
    follower: Arc<Follower>,
    record: File,
    publish_after: Duration,
    /// The first change and the last one that are not published.
    pending: Option<(Instant, Instant)>,
    /// When a publish failed.
    failed: Option<Instant>,
}

/// The thread that holds the store; it publishes what is pending, and ends, by [`Curator::close`].
pub(super) struct Curator {
    calls: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    workspace: Workspace,
    /// Wakes whoever fetches from exchanges.
    fetch: Notify,
    store: Arc<BankStore>,
}

/// What is written of how a call ended, by whether the store's revision moved meanwhile.
pub(super) const fn outcome(is_done: bool, is_moved: bool) -> &'static str {
    match (is_done, is_moved) {
        (true, _) => "done",
        (false, true) => "partly",
        (false, false) => "refused",
    }
}

/// What the log says of an error, with its causes.
fn said(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The store could not be used. What happened stands in the log: it names folders.
pub(super) fn store_failed(error: &StoreError) -> Fault {
    log_and_hide("store", error)
}

/// What is kept under this name could not be used. What happened stands in the log: it names folders.
pub(super) fn log_and_hide(what: &'static str, error: &dyn std::error::Error) -> Fault {
    tracing::warn!("{what}: {}", said(error));
    let detail = format!("the {what} cannot be used now: see the node's log");
    Fault::later("store", detail)
}

impl Curator {
    /// Opens the store of the home folder, publishes what it holds, and begins to take calls.
    ///
    /// # Errors
    /// Why the store, or the record of calls, cannot be used, in words.
    pub(super) fn begin(settings: &Settings, follower: Arc<Follower>) -> Result<Self, String> {
        let home = settings.home.clone().unwrap_or_default();
        let open = || -> Result<_, Box<dyn std::error::Error>> {
            let workspace = Workspace::at(home)?;
            workspace.create()?;
            let store = BankStore::open(workspace.store())?;
            let record = open_record(&workspace)?;
            Ok((workspace, store, record))
        };
        let (workspace, store, record) = open().map_err(|error| said(&*error))?;
        let store = Arc::new(store);
        let mut desk = Desk {
            workspace: workspace.clone(),
            store: Arc::clone(&store),
            entry: None,
            follower,
            record,
            publish_after: settings.publish_after,
            pending: None,
            failed: None,
        };
        // What was acknowledged before this process ended, and not published.
        desk.publish()?;
        let (calls, waiting) = sync_channel::<Job>(MOST_WAITING);
        let thread = std::thread::Builder::new().name("curate".to_owned());
        let thread = thread.spawn(move || desk.work(&waiting));
        Ok(Self {
            calls: Mutex::new(Some(calls)),
            thread: Mutex::new(Some(thread.map_err(|error| error.to_string())?)),
            workspace,
            store,
            fetch: Notify::new(),
        })
    }

    /// Says that exchanges were changed, and are to be fetched.
    pub(super) fn fetch_soon(&self) {
        self.fetch.notify_one();
    }

    /// Waits until somebody says so.
    pub(super) async fn asked_to_fetch(&self) {
        self.fetch.notified().await;
    }

    /// The home folder, whose banks are kept.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The store, for whoever reads it, or writes to it for long: others write between two batches.
    pub(super) fn store(&self) -> &Arc<BankStore> {
        &self.store
    }

    /// Has the writer note the end of what another thread did to the store, and publish it. Waits for a place, and for
    /// nothing else. Not for threads that talk to callers.
    pub(super) fn ended(
        &self,
        caller: &Caller,
        (what, bank): (&'static str, String),
        outcome: &'static str,
    ) {
        let (request, key) = (Arc::clone(&caller.request), caller.key.clone());
        self.note_end((&request, key.as_deref()), (what, bank), outcome);
    }

    /// As [`Curator::ended`], of what the node did by itself.
    pub(super) fn ended_by_itself(&self, what: (&'static str, String), outcome: &'static str) {
        self.note_end(("", None), what, outcome);
    }

    fn note_end(
        &self,
        (request, key): (&str, Option<&str>),
        (what, bank): (&'static str, String),
        outcome: &'static str,
    ) {
        let (request, key) = (request.to_owned(), key.map(str::to_owned));
        self.wait_to_send(Box::new(move |desk| {
            desk.set_pending();
            let line = Line {
                at: clock::now_ms(),
                request: &request,
                key: key.as_deref(),
                what,
                bank: &bank,
                entry: None,
                outcome,
            };
            // Where it cannot be written, the log says so.
            let _ = desk.note(&line);
        }));
    }

    /// Has the writer publish what another thread did to the store. Not for threads that talk to callers.
    pub(super) fn publish_soon(&self) {
        self.wait_to_send(Box::new(|desk| {
            desk.set_pending();
            // Where it fails, the log says so, and it is tried again.
            let _ = desk.publish_now();
        }));
    }

    fn wait_to_send(&self, job: Job) {
        let calls = self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(calls) = calls {
            // Fails where the writer has ended, and then nobody is there to do it.
            let _ = calls.send(job);
        }
    }

    /// Writes down for other programs who holds the store.
    pub(super) fn tell(&self, listening: &[String]) {
        let holder = serde_json::json!({ "process": std::process::id(), "listening": listening });
        let written = files::replace(&self.workspace.curator(), |to| {
            to.write_all(holder.to_string().as_bytes())
        });
        if let Err(error) = written {
            tracing::warn!("other programs will not know who holds the store: {error}");
        }
    }

    /// Has the writer look something up.
    pub(super) async fn ask<T: Send + 'static, E: From<Fault> + Send + 'static>(
        &self,
        question: impl FnOnce(&Desk) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.run(move |desk| question(desk)).await
    }

    /// Has the writer do something, and writes down that it was asked to. `Ok` is on disk, and so is its line.
    pub(super) async fn call<T: Send + 'static, E: From<Fault> + Send + 'static>(
        &self,
        caller: &Caller,
        (what, bank): (&'static str, String),
        job: impl FnOnce(&mut Desk) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (request, key) = (Arc::clone(&caller.request), caller.key.clone());
        self.run(move |desk| {
            let before = desk.begin();
            let done = job(desk);
            desk.changed_since(before);
            let outcome = outcome(done.is_ok(), desk.store.revision() != before);
            let noted = desk.note_call((&request, key.as_deref()), (what, &bank), outcome);
            done.and_then(|done| noted.map(|()| done).map_err(E::from))
        })
        .await
    }

    async fn run<T: Send + 'static, E: From<Fault> + Send + 'static>(
        &self,
        job: impl FnOnce(&mut Desk) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |desk| {
            // Who has left hears nothing.
            let _ = answer.send(job(desk));
        });
        match self.send(job) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => {
                let detail = "too many calls wait for the one that keeps the banks";
                return Err(Fault::busy(detail).into());
            }
            _ => return Err(Fault::busy("this node is ending").into()),
        }
        answered.await.unwrap_or_else(|_| {
            let detail = "this program failed at it: a defect; please report it";
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Err(Fault::new(status, "defect", detail).into())
        })
    }

    fn send(&self, job: Job) -> Option<Result<(), TrySendError<Job>>> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.as_ref().map(|calls| calls.try_send(job))
    }

    /// Publishes what is pending, closes the store and ends the thread.
    pub(super) fn close(&self) {
        let calls = self
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(calls);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic in it was told when it happened.
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(self.workspace.curator());
    }
}

/// The record of calls, closed to other users, at a line's beginning.
fn open_record(workspace: &Workspace) -> io::Result<File> {
    let mut file = files::append(&workspace.curation_record())?;
    if file.seek(SeekFrom::End(0))? > 0 {
        // A line that was cut off must not be joined to the next; an empty one harms nobody.
        file.write_all(b"\n")?;
    }
    Ok(file)
}

impl Desk {
    /// Takes calls until nobody can make any, and publishes between them.
    fn work(mut self, waiting: &Receiver<Job>) {
        loop {
            match waiting.recv_timeout(self.due()) {
                Ok(job) => {
                    // A panic was told when it happened; its caller is told of a defect.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut self)));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.pending.is_some() && self.due().is_zero() {
                self.publish_and_tell();
            }
        }
        if self.pending.is_some() {
            self.publish_and_tell();
        }
        if let Err(error) = self.store.flush() {
            tracing::warn!("the store's log stays as it is: {}", said(&error));
        }
    }

    /// In what time there is something to publish.
    fn due(&self) -> Duration {
        let Some((first, last)) = self.pending else {
            return IDLE;
        };
        let at = (last + self.publish_after).min(first + AT_MOST);
        let at = self.failed.map_or(at, |failed| at.max(failed + AGAIN));
        at.saturating_duration_since(Instant::now())
    }

    /// Begins a call: the revision before it.
    fn begin(&mut self) -> u64 {
        self.entry = None;
        self.store.revision()
    }

    fn changed_since(&mut self, revision: u64) {
        if self.store.revision() != revision {
            self.set_pending();
        }
    }

    /// Sees that what has changed is published.
    fn set_pending(&mut self) {
        if !self.is_published() {
            let now = Instant::now();
            let first = self.pending.map_or(now, |(first, _)| first);
            self.pending = Some((first, now));
        }
    }

    /// Whether the index in force shows all of the store.
    fn is_published(&self) -> bool {
        let gate = self.follower.gate();
        gate.is_some_and(|gate| gate.index().stats().store_revision == self.store.revision())
    }

    fn publish_and_tell(&mut self) {
        if let Err(why) = self.publish() {
            tracing::warn!("not published, and tried again: {why}");
        }
    }

    fn publish(&mut self) -> Result<(), String> {
        self.publish_by(&PublishPlan::default()).map(|_| ())
    }

    /// Publishes, and puts in force here what was published.
    pub(super) fn publish_by(&mut self, plan: &PublishPlan) -> Result<PublishOutcome, String> {
        let published = publish_from(&self.workspace, &self.store, plan, &Silent);
        let looked = published.map_err(|error| said(&error)).and_then(|outcome| {
            if let Some(error) = &outcome.not_noted {
                tracing::warn!("{}", said(error));
            }
            let looked = self.follower.look();
            looked.map(|()| outcome).map_err(|error| said(&error))
        });
        match &looked {
            Ok(_) => (self.pending, self.failed) = (None, None),
            Err(_) => {
                let now = Instant::now();
                self.failed = Some(now);
                self.pending.get_or_insert((now, now));
            }
        }
        looked
    }

    /// Publishes at once what takes something out of matching.
    ///
    /// # Errors
    /// It stands in the store, and matches until a publish succeeds, which is tried again.
    pub(super) fn publish_now(&mut self) -> Result<(), Fault> {
        self.publish().map_err(|why| {
            tracing::warn!("not published, and tried again: {why}");
            let detail = "the change is kept, but could not be published yet: it is tried again; see the node's log";
            Fault::later("not-published", detail)
        })
    }

    /// Publishes at once where the index in force does not show all of the store. Asked before it is answered that there
    /// is nothing to change: what takes an entry out of matching may have been kept by a call before, and not published.
    ///
    /// # Errors
    /// As [`Desk::publish_now`].
    pub(super) fn publish_what_is_left(&mut self) -> Result<(), Fault> {
        match self.is_published() {
            true => Ok(()),
            false => self.publish_now(),
        }
    }

    /// Writes the line of the call under way.
    fn note_call(
        &mut self,
        (request, key): (&str, Option<&str>),
        (what, bank): (&str, &str),
        outcome: &str,
    ) -> Result<(), Fault> {
        self.note(&Line {
            at: clock::now_ms(),
            request,
            key,
            what,
            bank,
            entry: self.entry,
            outcome,
        })
    }

    /// Writes a line.
    fn note(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        let Line {
            what,
            bank,
            entry,
            outcome,
            key,
            request,
            ..
        } = line;
        tracing::info!(what, bank, entry, outcome, key, request, "curation");
        let mut text = serde_json::to_vec(line).unwrap_or_default();
        text.push(b'\n');
        let written = (self.record.write_all(&text)).and_then(|()| self.record.sync_data());
        written.map_err(|error| {
            tracing::warn!("the record of curation cannot be written: {error}");
            let detail =
                "what was done could not be written down (`curation.jsonl`): see the node's log";
            Fault::later("not-recorded", detail)
        })
    }
}
