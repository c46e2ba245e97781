//! What a fetch does: what the other side has, brought into the exchange's bank.
//!
//! Each page goes into the store in batches. How far the other side was read is in the batch with the last records of the page. So
//! a fetch that is killed goes on where it was, and loses and doubles nothing. What the other side takes back by name
//! leaves with its page, however much it is, and is told at once to whoever publishes. What merely no longer appears is taken back when
//! all was read anew, and only within the limit that holds for lists too.

use crate::bank::{BankId, BankName, ContentSignal, Provenance};
use crate::clock::Clock;
use crate::curation::exchange::state::Progress;
use crate::curation::exchange::{Exchange, ExchangeError, FetchRecord, FetchState, sample};
use crate::curation::import::ImportOptions;
use crate::curation::{Notice, Observer};
use crate::hash::Signal;
use crate::hashset::ListRecord;
use crate::store::{BankStore, Facts, NewItem, SyncSummary};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So many entries may always leave a bank.
const ALWAYS: u64 = 10;

/// What the source of an exchange's entries is called.
#[must_use]
pub fn source_name(name: &BankName) -> String {
    format!("exchange:{name}")
}

/// How a fetch is done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FetchOptions {
    /// Everything is read anew, and what no longer appears is taken back at the end.
    pub anew: bool,
    /// What no longer appears is taken back however much it is.
    pub accept_shrink: bool,
    /// The largest share of the bank's entries, in per cent, that may be taken back because it no longer appears.
    pub max_shrink: u8,
    /// How long the fetch may take. What is left is fetched by the next one.
    pub time: Duration,
    /// It is fetched even if the other side asked not to be asked yet.
    pub at_once: bool,
    /// Where the time comes from that the other side is asked with, and entries are noted with.
    pub clock: Clock,
}

impl Default for FetchOptions {
    /// What is new; at most a tenth may leave; for six hours.
    fn default() -> Self {
        Self {
            anew: false,
            accept_shrink: false,
            max_shrink: ImportOptions::MAX_SHRINK,
            time: Duration::from_secs(6 * 3_600),
            at_once: false,
            clock: Clock::system(),
        }
    }
}

/// Who is told of a fetch while it goes on.
pub struct FetchWatch<'a> {
    /// Hears of it, and may stop it: what was read is kept, and the next fetch goes on from there.
    pub observer: &'a dyn Observer,
    /// Is called each time that entries no longer match, so that they can be published at once.
    pub stopped: &'a mut dyn FnMut(),
}

/// The store, the bank of an exchange, and what is done with it.
type Doing = (PathBuf, BankId, &'static str);

/// An exchange that is fetched, or told something, so that nobody else does the same meanwhile.
pub(super) struct Running(Doing);

static RUNNING: Mutex<BTreeSet<Doing>> = Mutex::new(BTreeSet::new());

impl Running {
    pub(super) fn begin(store: &BankStore, bank: BankId, what: &'static str) -> Option<Self> {
        let key = (store.folder().to_owned(), bank, what);
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.insert(key.clone()).then_some(Self(key))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.0);
    }
}

/// A fetch while it goes on.
pub(super) struct Work<'a, 'b> {
    pub(super) store: &'a BankStore,
    pub(super) exchange: &'a Exchange,
    pub(super) bank: BankId,
    pub(super) options: &'a FetchOptions,
    pub(super) watch: &'a mut FetchWatch<'b>,
    pub(super) progress: Progress,
    pub(super) state: FetchState,
    pub(super) record: FetchRecord,
}

/// Brings the bank of an exchange to what the other side has now, and writes down how that went.
///
/// # Errors
/// [`ExchangeError`]: what was taken in before stays.
pub(super) fn run(
    store: &BankStore,
    (exchange, bank): (&Exchange, BankId),
    options: &FetchOptions,
    watch: &mut FetchWatch<'_>,
    read: impl FnOnce(&mut Work<'_, '_>) -> Result<(), ExchangeError>,
) -> Result<FetchRecord, ExchangeError> {
    let name = &exchange.name;
    let Some(_running) = Running::begin(store, bank, "fetch") else {
        return Err(ExchangeError::Running { name: name.clone() });
    };
    let mut state = FetchState::of(store, bank)?;
    let now = options.clock.now();
    if let Some(until) = state.waits_until(now).filter(|_| !options.at_once) {
        return Err(ExchangeError::TooSoon {
            name: name.clone(),
            until,
        });
    }
    // No two begin in the same second, whatever the clock does: entries are told by it which fetch brought them.
    let began = now.max(state.began_at.map_or(0, |before| before + 1));
    state.began_at = Some(began);
    state.fetches += 1;
    state.not_before = None;
    store.keep(bank, &state.keep(Facts::default()))?;
    let mut work = Work {
        progress: Progress::of(store, bank)?,
        record: FetchRecord {
            number: state.fetches,
            began_at: began,
            ..FetchRecord::default()
        },
        store,
        exchange,
        bank,
        options,
        watch,
        state,
    };
    let fetched = read(&mut work);
    let Work {
        mut state,
        mut record,
        ..
    } = work;
    let ended = options.clock.now().max(began);
    (record.ended_at, state.ended_at) = (ended, Some(ended));
    record.problem = fetched.as_ref().err().map(ToString::to_string);
    state.problem.clone_from(&record.problem);
    state.succeeded = Some(fetched.is_ok());
    state.is_up_to_date = fetched.is_ok();
    state.leave_out(&record.left_out);
    match &fetched {
        Ok(()) => (state.succeeded_at, state.failures) = (Some(ended), 0),
        Err(ExchangeError::Stopped { .. } | ExchangeError::More { .. }) => {}
        Err(_) => state.failures += 1,
    }
    if let Err(ExchangeError::Later { until, .. }) = &fetched {
        state.not_before = Some(*until);
    }
    store.keep(bank, &record.keep(state.keep(Facts::default())))?;
    fetched.map(|()| record)
}

impl Work<'_, '_> {
    #[cfg(feature = "exchange")]
    pub(super) fn is_stopped(&self) -> bool {
        self.watch.observer.is_stopped()
    }

    /// Something that somebody should look at.
    pub(super) fn alarm(&mut self, what: String) {
        tracing::warn!(exchange = self.exchange.name.as_str(), "{what}");
        self.watch.observer.notice(Notice::Doubt(&what));
        if self.state.alarms.len() < 20 && !self.state.alarms.contains(&what) {
            self.state.alarms.push(what);
        }
    }

    /// Begins to read all anew, where that is asked for or nothing less would do: `of` is what is asked and for what, and
    /// `stale_after` how long a pause loses what was taken back meanwhile.
    pub(super) fn begin(
        &mut self,
        of: &str,
        stale_after: Option<u64>,
    ) -> Result<(), ExchangeError> {
        self.state.alarms.clear();
        let now = self.record.began_at;
        let progress = &mut self.progress;
        let is_first = progress.position.is_none() && progress.done_at.is_none();
        let is_stale = match (progress.done_at, stale_after) {
            (Some(done), Some(after)) => now.saturating_sub(done) > after,
            _ => false,
        };
        let is_under_way = progress.anew_since.is_some() && progress.of == of;
        let is_wanted = self.options.anew || is_stale || progress.of != of;
        if is_first && progress.of.is_empty() {
            of.clone_into(&mut progress.of);
        } else if is_wanted && (!is_under_way || self.options.anew) {
            progress.begin_anew((self.store, self.bank), of, now)?;
        }
        Ok(())
    }

    /// Takes records in, and with the last of them how far the other side was read.
    pub(super) fn take(
        &mut self,
        records: Vec<ListRecord>,
        is_position: bool,
    ) -> Result<(), ExchangeError> {
        let source = source_name(&self.exchange.name);
        let began = self.record.began_at;
        let items: Vec<NewItem> = (records.into_iter())
            .map(|record| NewItem {
                signals: record.signals,
                opaque: record.opaque,
                is_partial: record.is_partial,
                labels: record.labels,
                provenance: Provenance {
                    source: source.clone(),
                    record: record.record_id,
                    metadata: record.metadata,
                    added_at: began,
                    status: record.status,
                    synced: false,
                    opinions: record.opinions,
                },
            })
            .collect();
        self.take_items(&items, is_position)
    }

    fn take_items(&mut self, items: &[NewItem], is_position: bool) -> Result<(), ExchangeError> {
        let mut batches = items.chunks(BankStore::BATCH).peekable();
        if batches.peek().is_none() && is_position {
            let facts = self.progress.keep(Facts::default());
            self.store.keep(self.bank, &facts)?;
        }
        while let Some(batch) = batches.next() {
            let mut facts = self.progress.note_standing(Facts::default());
            if batches.peek().is_none() && is_position {
                facts = self.progress.keep(facts);
            }
            let summary = self.store.sync_keeping(self.bank, batch, &facts)?;
            self.count(&summary);
        }
        Ok(())
    }

    fn count(&mut self, summary: &SyncSummary) {
        let record = &mut self.record;
        record.added += summary.added;
        record.updated += summary.updated;
        record.unchanged += summary.unchanged;
        record.given_again += summary.given_again;
        record.taken_back += summary.taken_back;
        record.not_there += summary.not_there;
        record.stopped += summary.stopped;
        record.restored += summary.restored;
        record.rejected += summary.refused.len() as u64;
        for (position, error) in &summary.refused {
            let what = format!("record {} of a page was not taken: {error}", position + 1);
            self.watch.observer.notice(Notice::LeftOut(&what));
        }
        if summary.stopped > 0 {
            (self.watch.stopped)();
        }
    }

    /// Most entries that may leave because they no longer appear, or leave by name without an alarm.
    fn most(&self, active: u64) -> u64 {
        ALWAYS.max(active.saturating_mul(u64::from(self.options.max_shrink)) / 100)
    }

    /// All that the other side has was read.
    pub(super) fn end(&mut self) -> Result<(), ExchangeError> {
        let by_name = self.record.stopped;
        let active = self.store.counts(self.bank)?.active;
        if by_name > self.most(active.saturating_add(by_name)) {
            self.alarm(format!(
                "the other side took back {by_name} entries by name, which is much of the bank: they no longer match"
            ));
        }
        self.progress.done_at = Some(self.record.began_at);
        if self.progress.anew_since.is_none() {
            let facts = self.progress.keep(Facts::default());
            return Ok(self.store.keep(self.bank, &facts)?);
        }
        self.record.is_complete = true;
        let mut refused = None;
        if self.progress.has_holes {
            self.alarm(
                "something could not be read, so nothing was taken back that no longer appears: read all anew when the other side has \
                 mended it"
                    .to_owned(),
            );
        } else {
            refused = self.take_back_others(active)?;
        }
        match refused {
            None => self.progress.end_anew(self.store, self.bank),
            Some(gone) => {
                let facts = self.progress.keep(Facts::default());
                self.store.keep(self.bank, &facts)?;
                let max_shrink = self.options.max_shrink;
                let name = self.exchange.name.clone();
                Err(ExchangeError::Shrinks {
                    name,
                    gone,
                    active,
                    max_shrink,
                })
            }
        }
    }

    /// Takes back what no longer appears; how much that would be, where it is too much.
    fn take_back_others(&mut self, active: u64) -> Result<Option<u64>, ExchangeError> {
        let standing = Progress::standing(self.store, self.bank)?;
        let source = source_name(&self.exchange.name);
        let at = self.record.began_at;
        let take_back = |is_preview| {
            (self.store).take_back_others(self.bank, &source, &standing, at, is_preview)
        };
        if !self.options.accept_shrink {
            let gone = take_back(true)?.stopped;
            if gone > self.most(active) {
                return Ok(Some(gone));
            }
        }
        let summary = take_back(false)?;
        self.count(&summary);
        Ok(None)
    }

    /// What the kind `sample` has.
    pub(super) fn samples(&mut self) -> Result<(), ExchangeError> {
        let of = |(record, signal): (String, Signal)| ListRecord {
            signals: vec![ContentSignal::new(signal, None)],
            record_id: Some(record),
            ..ListRecord::default()
        };
        self.begin("sample", None)?;
        self.take(sample::records().map(of).collect(), true)?;
        self.end()
    }
}
