//! Entries that arrived later, held against kept hashes of uploads.
//!
//! What is news becomes a small index of its own; the kept hashes are streamed through it in
//! batches. Only uploads that meet something there are decided anew, by the index in force and its
//! policies. Where too much is news, or the store's log of changes does not reach back, they are
//! streamed through the index in force itself. Memory depends on the batch alone.

use crate::bank::{Action, Bank};
use crate::clock::Clock;
use crate::gate::{self, Evidence, Extraction, Gate, GateOptions, Match, Outcome, Query, Told};
use crate::gate::{GateError, Verdict};
use crate::hash::{Distance, Family, Signal};
use crate::index::{Index, Memory};
use crate::retrospect::news::{Indexed, remove_left_over};
use crate::retrospect::remember::base_of;
use crate::retrospect::{News, RetroError, Since, WhyAll};
use crate::signal::pdq::Confidence;
use crate::store::{BankStore, History, HistoryBase, Upload};
use crate::watch::Observer;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Uploads that are looked at together.
const BATCH: usize = 8_192;

/// Where everything is, and what counts as news.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetroOptions<'a> {
    /// The kept hashes of uploads.
    pub history: PathBuf,
    /// The store of record.
    pub store: PathBuf,
    /// The index in force.
    pub index: PathBuf,
    /// A folder for what is needed meanwhile; what an earlier one left there is removed.
    pub scratch: PathBuf,
    /// From when on entries are news.
    pub since: Since<'a>,
    /// Tell of uploads too that were decided as strictly then.
    pub all: bool,
    /// How the index is held in memory.
    pub index_memory: Memory,
    /// By which uploads expire and policies are in force.
    pub clock: Clock,
}

impl<'a> RetroOptions<'a> {
    /// What came since the last time, and only uploads that would be stopped now and were not.
    #[must_use]
    pub fn new(
        history: impl Into<PathBuf>,
        store: impl Into<PathBuf>,
        index: impl Into<PathBuf>,
        scratch: impl Into<PathBuf>,
    ) -> Self {
        Self {
            history: history.into(),
            store: store.into(),
            index: index.into(),
            scratch: scratch.into(),
            since: Since::LastTime,
            all: false,
            index_memory: Memory::Mmap,
            clock: Clock::system(),
        }
    }

    /// From when on entries are news.
    #[must_use]
    pub fn since(mut self, since: Since<'a>) -> Self {
        self.since = since;
        self
    }

    /// Whether to tell of uploads too that were decided as strictly then.
    #[must_use]
    pub fn all(mut self, all: bool) -> Self {
        self.all = all;
        self
    }

    /// How the index is held in memory.
    #[must_use]
    pub fn index_memory(mut self, memory: Memory) -> Self {
        self.index_memory = memory;
        self
    }

    /// With a clock of one's own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Why the outcome may say less than people expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The index in force was not published from this store, or so long ago that the store does not
    /// know: every entry of it is held against the uploads.
    OtherStore,
    /// The store has changes that are not published, and so not in force.
    NotPublished,
}

/// An upload that meets an entry, and what would be decided of it today. It is written as one JSON object:
/// `upload` (its number), `name`, `name_hex`, `at`, `bytes`, `digests`, `then` and `now` (each `outcome`,
/// `action`, `generation`), and `matches` as a scan has them.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Found<'a> {
    /// What was kept of it.
    pub upload: &'a Upload,
    /// What would be decided of it by the index in force.
    pub verdict: &'a Verdict,
    /// Whether it would be stopped now, and more strictly than it was.
    pub is_stopped: bool,
}

impl Found<'_> {
    /// The digests of the file that were kept.
    pub fn digests(&self) -> impl DoubleEndedIterator<Item = &Signal> {
        let signals = self.upload.hashes.iter().map(|hash| &hash.signal);
        signals.filter(|signal| signal.signal_type().family() == Family::Digest)
    }
}

#[derive(Serialize)]
struct FoundRecord<'a> {
    upload: u64,
    name: Option<&'a str>,
    name_hex: Option<&'a str>,
    at: u64,
    bytes: u64,
    digests: BTreeMap<&'static str, String>,
    then: Decided<'a>,
    now: Decided<'a>,
    matches: &'a [Match],
}

#[derive(Serialize)]
struct Decided<'a> {
    outcome: &'a str,
    action: &'a str,
    generation: u64,
}

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (upload, verdict) = (self.upload, self.verdict);
        let digests = self.digests();
        let record = FoundRecord {
            upload: upload.number,
            name: upload.name.as_deref(),
            name_hex: upload.name_hex.as_deref(),
            at: upload.at,
            bytes: upload.bytes,
            digests: digests
                .map(|signal| (signal.signal_type().name(), signal.hex()))
                .collect(),
            then: Decided {
                outcome: &upload.outcome,
                action: upload.action.map_or("none", Action::name),
                generation: upload.generation,
            },
            now: Decided {
                outcome: verdict.outcome.name(),
                action: verdict.action_name(),
                generation: verdict.generation,
            },
            matches: &verdict.matches,
        };
        record.serialize(serializer)
    }
}

/// Counts over all uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RetroSummary {
    /// Uploads that were held against the entries.
    pub uploads: u64,
    /// Their hashes.
    pub hashes: u64,
    /// What they were held against. In JSON, `new_hashes`: how many hashes have come, `null` where
    /// all entries were asked about.
    #[serde(rename = "new_hashes", serialize_with = "new_hashes")]
    pub news: News,
    /// Uploads that match.
    pub matched: u64,
    /// Uploads that would be stopped now, and more strictly than they were.
    pub stopped_now: u64,
    /// The generation of the index in force.
    pub generation: u64,
    /// Whether it was stopped before the end.
    pub interrupted: bool,
}

fn new_hashes<S: Serializer>(news: &News, serializer: S) -> Result<S::Ok, S::Error> {
    match news {
        News::Nothing => serializer.serialize_some(&0u64),
        News::Hashes(hashes) => serializer.serialize_some(hashes),
        News::All(_) => serializer.serialize_none(),
    }
}

/// Everything opened that is needed to hold later entries against kept uploads.
pub struct Retro<'a> {
    options: RetroOptions<'a>,
    history: History,
    index: Arc<Index>,
    store: BankStore,
    in_force: HistoryBase,
    doubt: Option<Doubt>,
}

impl<'a> Retro<'a> {
    /// Opens the history, the index and the store.
    ///
    /// # Errors
    /// Where nothing is kept, another process has the history open, or there is no store or no index.
    pub fn open(options: RetroOptions<'a>) -> Result<Self, RetroError> {
        // In this order: no scan that remembers runs meanwhile, so every kept upload was judged by the
        // index that is opened then, or by an older one.
        let history = History::open(&options.history, options.clock.now())?;
        remove_left_over(&options.scratch)?;
        if !options.store.exists() {
            return Err(RetroError::NoStore {
                store: options.store,
            });
        }
        let index = open_index(&options)?;
        let store = BankStore::open_read_only(&options.store)?;
        let in_force = base_of(&index);
        let snapshot = store.snapshot()?;
        let mark = snapshot.mark_of(in_force.revision)?;
        let doubt = if mark.is_none() || mark != in_force.mark {
            Some(Doubt::OtherStore)
        } else if snapshot.revision != in_force.revision {
            Some(Doubt::NotPublished)
        } else {
            None
        };
        drop(snapshot);
        Ok(Self {
            options,
            history,
            index,
            store,
            in_force,
            doubt,
        })
    }

    /// Why the outcome may say less than people expect.
    #[must_use]
    pub const fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// Holds what has come against every kept upload, and gives `each` those that match: such as would be
    /// stopped now and were not, or all where the options say so. Stops after a batch where `observer` says
    /// so.
    ///
    /// Next time the same is news again, unless [`Held::settle`] is called.
    ///
    /// # Errors
    /// Where the history, the store or the index cannot be read; what `each` says.
    pub fn hold<E: From<RetroError>>(
        self,
        observer: &dyn Observer,
        mut each: impl FnMut(&Found<'_>) -> Result<(), E>,
    ) -> Result<Held, E> {
        let indexed = self.news()?;
        tracing::info!("{}", indexed.news);
        let mut summary = RetroSummary {
            uploads: 0,
            hashes: 0,
            news: indexed.news,
            matched: 0,
            stopped_now: 0,
            generation: self.index.generation(),
            interrupted: false,
        };
        match (&indexed.index, indexed.news) {
            (Some(asked), _) => self.look(asked, observer, &mut summary, &mut each)?,
            (None, News::All(_)) => self.look(&self.index, observer, &mut summary, &mut each)?,
            (None, _) => {}
        }
        summary.interrupted = observer.is_stopped();
        let is_next = matches!(self.options.since, Since::LastTime | Since::Everything);
        Ok(Held {
            is_new_base: is_next && !summary.interrupted,
            summary,
            history: self.history,
            in_force: self.in_force,
        })
    }

    fn news(&self) -> Result<Indexed, RetroError> {
        if self.doubt == Some(Doubt::OtherStore) {
            return Ok(Indexed::bare(News::All(WhyAll::OtherStore)));
        }
        let snapshot = self.store.snapshot()?;
        let base = self.history.base();
        Indexed::of(self.options.since, base, &snapshot, &self.options.scratch)
    }

    /// Holds every upload against `asked`, and decides those anew that meet something.
    fn look<E: From<RetroError>>(
        &self,
        asked: &Index,
        observer: &dyn Observer,
        summary: &mut RetroSummary,
        each: &mut impl FnMut(&Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let clock = self.options.clock;
        let radii = radii(self.index.banks());
        let mut batch: Vec<Upload> = Vec::with_capacity(BATCH);
        let mut uploads = self
            .history
            .uploads(clock.now())
            .map_err(RetroError::from)?;
        loop {
            batch.clear();
            for upload in uploads.by_ref().take(BATCH) {
                batch.push(upload.map_err(RetroError::from)?);
            }
            if batch.is_empty() || observer.is_stopped() {
                return Ok(());
            }
            summary.uploads += batch.len() as u64;
            let meets = meets(&batch, asked, &radii, &mut summary.hashes);
            for (upload, _) in batch.iter().zip(meets).filter(|(_, meets)| *meets) {
                // This may take long: one may have expired since it was read.
                if self.history.is_expired(upload, clock.now()) {
                    continue;
                }
                let verdict = decide(upload, &self.index, clock.now());
                if verdict.outcome != Outcome::Match || verdict.action == Some(Action::Allow) {
                    continue;
                }
                let is_stopped =
                    verdict.action > Some(Action::Allow) && verdict.action > upload.action;
                summary.matched += 1;
                summary.stopped_now += u64::from(is_stopped);
                if is_stopped || self.options.all {
                    each(&Found {
                        upload,
                        verdict: &verdict,
                        is_stopped,
                    })?;
                }
            }
        }
    }
}

/// What came of holding later entries against the uploads.
#[must_use = "until it is settled, the same entries are news again next time"]
pub struct Held {
    /// The counts.
    pub summary: RetroSummary,
    is_new_base: bool,
    history: History,
    in_force: HistoryBase,
}

impl Held {
    /// Says that people were told of what was found: next time, only what comes from now on is news.
    /// Changes nothing where it was interrupted, or held from a generation that was named.
    ///
    /// # Errors
    /// Where the history cannot be written.
    pub fn settle(self) -> Result<RetroSummary, RetroError> {
        if self.is_new_base && self.history.base().is_some() {
            self.history.set_base(self.in_force)?;
        }
        Ok(self.summary)
    }
}

fn open_index(options: &RetroOptions<'_>) -> Result<Arc<Index>, GateError> {
    let gate = GateOptions {
        index_memory: options.index_memory,
        ..GateOptions::default()
    };
    Ok(Gate::open_with(&options.index, gate)?.index())
}

/// The widest radius of each kind of hash that an enabled bank's policy has.
fn radii(banks: &[Bank]) -> BTreeMap<Family, Distance> {
    let mut radii = BTreeMap::new();
    for bank in banks.iter().filter(|bank| bank.policy.enabled) {
        for (family, threshold) in [
            (Family::Pdq, bank.policy.threshold),
            (Family::Hash64, bank.policy.threshold64),
        ] {
            let radius = radii.entry(family).or_insert(Distance::ZERO);
            *radius = Distance(threshold.0).max(*radius);
        }
        radii.insert(Family::Digest, Distance::ZERO);
    }
    radii
}

/// Which of the uploads have a hash within reach of an entry. Counts the hashes.
fn meets(
    batch: &[Upload],
    asked: &Index,
    radii: &BTreeMap<Family, Distance>,
    hashes: &mut u64,
) -> Vec<bool> {
    let mut meets = vec![false; batch.len()];
    for (family, &radius) in radii {
        let mut owners = Vec::new();
        let mut signals: Vec<Signal> = Vec::new();
        for (owner, upload) in batch.iter().enumerate() {
            for hash in &upload.hashes {
                if hash.signal.signal_type().family() == *family {
                    owners.push(owner);
                    signals.push(hash.signal);
                }
            }
        }
        *hashes += signals.len() as u64;
        let answers = asked.search_batch_limited(&signals, radius, 1);
        for (owner, answer) in owners.into_iter().zip(answers) {
            if let Some(meets) = meets.get_mut(owner) {
                *meets |= !answer.hits.is_empty();
            }
        }
    }
    meets
}

/// What an index says of an upload's kept hashes.
fn decide(upload: &Upload, index: &Index, at: u64) -> Verdict {
    let queries: Vec<Query> = (upload.hashes.iter())
        .map(|hash| Query {
            signal: hash.signal,
            quality: hash.quality,
            variant: hash.variant,
            evidence: hash.flatness.map(|flatness| Evidence {
                confidence: Confidence::NONE,
                flatness,
                is_small: hash.is_small,
                is_minor: hash.is_minor,
                fitted_from: None,
                is_guess: hash.is_guess,
                inverted: hash.inverted,
            }),
        })
        .collect();
    let extraction = Extraction {
        queries,
        ..Extraction::default()
    };
    gate::replay(index, at, extraction, &Told::default())
}
