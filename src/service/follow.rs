//! The published index, followed: opened as soon as it is there, and the newest generation within a second.
//!
//! Owns the one thread that looks at the index folder, and what is known of the folder's age. Refuses to answer for an
//! index that it could not look at for too long.

use crate::gate::{Gate, GateOptions};
use crate::guard::catch_unwind;
use crate::index::{Index, MANIFEST_FILE};
use crate::media::Limits;
use crate::service::settings::Settings;
use arc_swap::ArcSwapOption;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How often the folder is looked at: several times a second, so that a publish is seen within one.
const EVERY: Duration = Duration::from_millis(200);

/// How far ahead a manifest's time may lie: clocks of two machines differ.
const CLOCKS_APART: Duration = Duration::from_secs(300);

/// Why this node is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotReady {
    /// No index could be opened yet.
    Missing,
    /// The folder could not be looked at for too long.
    Stale,
    /// What is published is older than it may be.
    Old,
}

impl NotReady {
    /// The reason in words.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => {
                "no index has been opened yet: publish one to the index folder, or copy one there"
            }
            Self::Stale => "the index folder could not be looked at for too long: see the log",
            Self::Old => "the index was published longer ago than `max_index_age` allows",
        }
    }
}

/// Why nothing can match by this index, where that is so: mostly a bank that was forgotten, or a first publish.
pub(super) fn warning(index: &Index) -> Option<&'static str> {
    if !index.banks().iter().any(|bank| bank.policy.enabled) {
        return Some("no bank of the index is enabled: nothing can match");
    }
    let mut types = index.signal_types().into_iter();
    (!types.any(|held| held.hashes > 0)).then_some("the index has no hashes: nothing can match")
}

/// What is known of the folder.
#[derive(Default)]
struct Seen {
    /// When it was last looked at without an error.
    looked: Option<Instant>,
    /// When the manifest in force was written.
    published: Option<SystemTime>,
    /// The last error that was logged, so that it is said once.
    error: Option<String>,
}

/// The gate over the newest generation.
pub(super) struct Follower {
    folder: PathBuf,
    options: GateOptions,
    max_stale: Duration,
    max_age: Option<Duration>,
    gate: ArcSwapOption<Gate>,
    seen: Mutex<Seen>,
}

impl Follower {
    pub(super) fn new(settings: &Settings) -> Self {
        let limits = Limits {
            max_file_bytes: settings.max_body,
            ..Limits::default()
        };
        let options = GateOptions::default()
            .limits(limits)
            .variants(settings.variants)
            .isolation(settings.isolation)
            // An entry of tomorrow may bring one of them without the others.
            .all_digests(settings.remember.is_some())
            .index_memory(settings.index_memory);
        Self {
            folder: settings.index.clone(),
            options,
            max_stale: settings.max_stale,
            max_age: settings.max_index_age,
            gate: ArcSwapOption::empty(),
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the folder once.
    ///
    /// # Errors
    /// Why there is no index, or no newer one: what was in force stays.
    pub(super) fn look(&self) -> Result<(), crate::gate::GateError> {
        // Read first: what is published meanwhile is seen by the next look.
        let manifest = std::fs::metadata(self.folder.join(MANIFEST_FILE));
        match &*self.gate.load() {
            Some(gate) => {
                let before = gate.index().generation();
                if gate.refresh()? {
                    let now = gate.index().generation();
                    match now < before {
                        true => {
                            tracing::warn!("generation {now} is in force: {before} was rolled back")
                        }
                        false => tracing::info!("generation {now} is in force"),
                    }
                }
            }
            None => {
                let gate = Gate::open_with(&self.folder, self.options.clone())?;
                tracing::info!("generation {} is in force", gate.index().generation());
                self.gate.store(Some(Arc::new(gate)));
            }
        }
        let mut seen = self.seen();
        seen.looked = Some(Instant::now());
        seen.published = manifest.and_then(|manifest| manifest.modified()).ok();
        seen.error = None;
        Ok(())
    }

    /// Looks, and logs an error once.
    fn look_and_tell(&self) {
        if let Err(error) = self.look() {
            let said = error.to_string();
            let mut seen = self.seen();
            if seen.error.as_ref() != Some(&said) {
                tracing::warn!("{said}");
                seen.error = Some(said);
            }
        }
    }

    /// The gate, where there is an index.
    pub(super) fn gate(&self) -> Option<Arc<Gate>> {
        self.gate.load_full()
    }

    /// How long ago the index in force was published; `None` where that is not known.
    pub(super) fn age(&self) -> Option<Duration> {
        match self.published()?.elapsed() {
            Ok(age) => Some(age),
            Err(ahead) => (ahead.duration() <= CLOCKS_APART).then_some(Duration::ZERO),
        }
    }

    /// When the index in force was published, by its manifest's time of change.
    pub(super) fn published(&self) -> Option<SystemTime> {
        self.seen().published
    }

    /// The gate, if its index may be relied on.
    pub(super) fn ready(&self) -> Result<Arc<Gate>, NotReady> {
        let gate = self.gate().ok_or(NotReady::Missing)?;
        let looked = self.seen().looked;
        let is_stale = looked.is_none_or(|looked| looked.elapsed() > self.max_stale);
        if !self.max_stale.is_zero() && is_stale {
            return Err(NotReady::Stale);
        }
        match (self.max_age, self.age()) {
            (Some(most), Some(age)) if age > most => Err(NotReady::Old),
            (Some(_), None) => Err(NotReady::Old),
            _ => Ok(gate),
        }
    }
}

/// The thread that looks; it ends when this is dropped.
pub(super) struct Following {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Following {
    /// Begins to look, and to call `also` as often.
    pub(super) fn begin(
        follower: Arc<Follower>,
        also: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        follower.look_and_tell();
        let thread = std::thread::Builder::new().name("follow".to_owned());
        let thread = thread.spawn(move || {
            while !told.load(Ordering::Relaxed) {
                // A panic was told when it happened; whoever looks must go on looking.
                let looked = catch_unwind(AssertUnwindSafe(|| {
                    follower.look_and_tell();
                    also();
                }));
                drop(looked);
                std::thread::park_timeout(EVERY);
            }
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It ends by itself; a panic in it was told when it happened.
            let _ = thread.join();
        }
    }
}
