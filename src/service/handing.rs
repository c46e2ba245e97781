//! The way of hashes of judged uploads to the node that keeps the banks: a bounded queue, and a thread that sends.
//!
//! Owned here: what waits at most, when it is tried again, and what is dropped. An answer to an upload never waits for any of
//! it. Refuses to write anything to a disk: what is in the queue when the process dies is lost.

use crate::service::client::{Client, ClientError};
use crate::service::uploads::{Handed, HandedUpload, MOST_UPLOADS};
use axum::body::Body;
use axum::http::Method;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Most uploads that wait.
const MOST_WAITING: usize = 16_384;
/// Most bytes of them, about.
const MOST_BYTES: usize = 32 << 20;
/// Bytes of a request, about: the other end takes 1 MiB.
const AT_ONCE: usize = 640 << 10;
/// How long the first upload of a request waits for others.
const GATHER: Duration = Duration::from_secs(1);
/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is waited at most before it is tried again.
const LONGEST: Duration = Duration::from_secs(30);
/// How often a failure is told.
const TELL: Duration = Duration::from_secs(60);
/// How often a thread that waits looks whether to end.
const LOOK: Duration = Duration::from_millis(50);

/// What became of uploads.
#[derive(Default)]
struct Counts {
    bytes: AtomicUsize,
    waiting: AtomicU64,
    handed: AtomicU64,
    dropped: AtomicU64,
    is_ending: AtomicBool,
}

/// The queue and its thread.
pub(super) struct Handing {
    queue: Mutex<Option<SyncSender<HandedUpload>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    counts: Arc<Counts>,
}

/// How many uploads wait, were handed on, and were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) waiting: u64,
    pub(super) handed: u64,
    pub(super) dropped: u64,
}

impl Handing {
    pub(super) fn begin(client: Client) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (queue, waiting) = sync_channel(MOST_WAITING);
        let counts = Arc::new(Counts::default());
        let mut sender = Sender {
            client,
            runtime,
            counts: Arc::clone(&counts),
            told: None,
            has_given_up: false,
        };
        let thread = std::thread::Builder::new().name("hand".to_owned());
        let thread = thread.spawn(move || sender.run(&waiting))?;
        Ok(Self {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            counts,
        })
    }

    /// Takes an upload, where there is room for it; never waits.
    pub(super) fn take(&self, upload: HandedUpload) {
        let size = upload.size();
        let counts = &self.counts;
        if counts.bytes.load(Ordering::Relaxed).saturating_add(size) > MOST_BYTES {
            counts.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        counts.bytes.fetch_add(size, Ordering::Relaxed);
        counts.waiting.fetch_add(1, Ordering::Relaxed);
        let taken = queue
            .as_ref()
            .is_some_and(|queue| queue.try_send(upload).is_ok());
        if !taken {
            counts.bytes.fetch_sub(size, Ordering::Relaxed);
            counts.waiting.fetch_sub(1, Ordering::Relaxed);
            counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Standing {
            waiting: of(&self.counts.waiting),
            handed: of(&self.counts.handed),
            dropped: of(&self.counts.dropped),
        }
    }

    /// Sends what waits, once more, and ends the thread.
    pub(super) fn close(&self) {
        self.counts.is_ending.store(true, Ordering::Relaxed);
        let queue = self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(queue);
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

/// What the thread has.
struct Sender {
    client: Client,
    runtime: tokio::runtime::Runtime,
    counts: Arc<Counts>,
    /// When a failure was told last.
    told: Option<Instant>,
    /// The service ends, and the other node was tried once more in vain.
    has_given_up: bool,
}

impl Sender {
    fn run(&mut self, waiting: &Receiver<HandedUpload>) {
        let mut over = None;
        loop {
            let first = match over.take() {
                Some(first) => first,
                None => match waiting.recv() {
                    Ok(first) => first,
                    Err(_) => return,
                },
            };
            let mut bytes = first.size();
            let mut uploads = vec![first];
            let until = Instant::now() + GATHER;
            while uploads.len() < MOST_UPLOADS {
                match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(next) if bytes + next.size() > AT_ONCE => {
                        over = Some(next);
                        break;
                    }
                    Ok(next) => {
                        bytes += next.size();
                        uploads.push(next);
                    }
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            self.hand(uploads, bytes);
        }
    }

    /// Sends uploads until they are taken, or refused for good.
    fn hand(&mut self, uploads: Vec<HandedUpload>, bytes: usize) {
        let count = uploads.len() as u64;
        let body = serde_json::to_vec(&Handed { uploads }).unwrap_or_default();
        let mut pause = Duration::from_secs(1);
        let taken = loop {
            if self.has_given_up {
                break false;
            }
            let body = Body::from(body.clone());
            let kind = Some("application/json");
            let at = (Method::POST, "/v1/uploads");
            let Err(error) = self.runtime.block_on(self.client.send(at, kind, body)) else {
                break true;
            };
            self.tell(&error);
            let is_ending = self.counts.is_ending.load(Ordering::Relaxed);
            self.has_given_up = is_ending;
            if is_ending || is_for_good(&error) {
                break false;
            }
            let until = Instant::now() + pause;
            while Instant::now() < until && !self.counts.is_ending.load(Ordering::Relaxed) {
                std::thread::sleep(LOOK);
            }
            pause = (2 * pause).min(LONGEST);
        };
        let counts = &self.counts;
        counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
        counts.waiting.fetch_sub(count, Ordering::Relaxed);
        let counted = if taken {
            &counts.handed
        } else {
            &counts.dropped
        };
        counted.fetch_add(count, Ordering::Relaxed);
    }

    fn tell(&mut self, error: &ClientError) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL) {
            tracing::warn!("hashes of uploads are not remembered: {error}");
            self.told = Some(Instant::now());
        }
    }
}

/// Whether the same would be refused again: there is no history, or it is nothing that can be understood there.
fn is_for_good(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { status, word, .. } => {
            matches!(*status, 400 | 413 | 415 | 422) || word == "history-off"
        }
        _ => false,
    }
}
