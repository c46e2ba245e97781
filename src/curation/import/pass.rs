//! One pass over a list: read from its beginning to its end, and put into the bank or only counted.
//!
//! It refuses to decide whether that may be done: that is `guard`.

use crate::bank::{Bank, ContentId, Provenance, SourceStatus};
use crate::curation::import::error::ImportError;
use crate::curation::import::lane::Lane;
use crate::curation::import::options::ImportOptions;
use crate::curation::import::outcome::ImportOutcome;
use crate::curation::import::plan::Plan;
use crate::curation::import::row::LeftOutRow;
use crate::curation::import::source::ListSource;
use crate::curation::{Observer, Progress};
use crate::hashset::{self, BadLine, ListRecord};
use crate::store::{ArrivalSummary, BankStore, NewItem, Preview, StoreError, TooMany};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::thread::Scope;

/// How much of a list is read at once.
const READ_BYTES: usize = 64 * 1024;
/// Most characters of a record's id that an observer is told.
const ID_SHOWN: usize = 40;

/// One pass over a list.
pub(super) struct Pass<'a> {
    pub(super) store: &'a BankStore,
    pub(super) bank: &'a Bank,
    pub(super) options: &'a ImportOptions,
    pub(super) plan: &'a Plan,
    pub(super) observer: &'a dyn Observer,
    /// When the import began: seconds since 1970-01-01 UTC.
    pub(super) now: u64,
    /// Nothing is written.
    pub(super) is_preview: bool,
    /// Who is told of rows that are left out: nobody where the list is read again anyway.
    pub(super) rows: Option<&'a dyn Fn(LeftOutRow<'_>)>,
}

/// What is gathered while a list is read.
struct Work {
    /// Items that go into the store together: one synced write.
    batch: Vec<NewItem>,
    /// Where items go instead that are only to be added.
    lane: Option<Lane>,
    preview: Preview,
    /// What stands of the source, where the list is all that it has.
    standing: Vec<ContentId>,
    outcome: ImportOutcome,
}

impl Pass<'_> {
    /// Reads the list and brings it in.
    pub(super) fn run(&self, list: &mut ListSource<'_>) -> Result<ImportOutcome, ImportError> {
        std::thread::scope(|scope| self.run_within(scope, list))
    }

    fn run_within<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        list: &mut ListSource<'_>,
    ) -> Result<ImportOutcome, ImportError> {
        let is_added = !self.plan.is_sync && !self.is_preview;
        let mut work = Work {
            batch: Vec::new(),
            lane: is_added.then(|| Lane::start(scope, self.store, self.bank.id)),
            preview: Preview::default(),
            standing: Vec::new(),
            outcome: ImportOutcome {
                format: Some(self.plan.format),
                preview: self.is_preview,
                min_quality: Some(self.bank.policy.min_quality),
                ..ImportOutcome::default()
            },
        };
        let name = list.name().to_owned();
        let opened = list.open(self.observer)?;
        let (bytes, position) = (opened.bytes, opened.position);
        let tell_progress = || {
            let done = position.load(Ordering::Relaxed);
            self.observer.progress(Progress::bytes(&name, done, bytes));
        };
        tell_progress();
        // It reads the first bytes: who is asked to stop there has been interrupted, and has not failed.
        let input = match hashset::decompress(opened.input) {
            Err(_) if self.observer.is_stopped() => {
                work.outcome.interrupted = true;
                return Ok(work.outcome);
            }
            input => input?,
        };
        let input = BufReader::with_capacity(READ_BYTES, input);
        let mut failure = None;
        let mut rows = 0usize;
        let mut take = |row: Result<ListRecord, BadLine>| {
            let taken = match row {
                Ok(record) => self.take(record, &name, &mut work),
                Err(line) => {
                    let list = &name;
                    self.leave_out(LeftOutRow::Bad { list, line: &line }, &mut work.outcome);
                    Ok(())
                }
            };
            if self.observer.is_stopped() {
                return ControlFlow::Break(());
            }
            rows += 1;
            if rows.is_multiple_of(BankStore::BATCH) {
                tell_progress();
            }
            if let Err(error) = taken.and_then(|()| self.flush_full(&mut work)) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let columns = &self.options.columns;
        let read = hashset::read_mapped(input, self.plan.format, columns, &mut take);
        work.outcome.interrupted = self.observer.is_stopped();
        match failure {
            Some(error) => Err(error),
            None => self.flush_all(&mut work),
        }
        .map_err(|source| ImportError::Partly { source })?;
        if !work.outcome.interrupted {
            work.outcome.has_more = read?.has_more;
            if self.plan.is_complete {
                work.outcome.not_whole = work.outcome.why_not_whole();
                if work.outcome.not_whole.is_none() {
                    self.complete(&mut work)?;
                }
            }
        }
        Ok(work.outcome)
    }

    fn leave_out(&self, row: LeftOutRow<'_>, outcome: &mut ImportOutcome) {
        outcome.rejected += 1;
        if let Some(tell) = self
            .rows
            .filter(|_| outcome.rejected <= self.options.rows_told)
        {
            tell(row);
        }
    }

    /// Takes one record into the batch.
    fn take(&self, record: ListRecord, list: &str, work: &mut Work) -> Result<(), StoreError> {
        work.outcome.count(&record);
        if !self.plan.is_sync && record.status != SourceStatus::Active {
            let id: String = record.record_id.unwrap_or_default();
            let id: String = id.chars().take(ID_SHOWN).collect();
            let row = LeftOutRow::TakenBack {
                list,
                line: record.line,
                number: record.number,
                status: record.status,
                id: &id,
            };
            self.leave_out(row, &mut work.outcome);
            return Ok(());
        }
        let mut labels = record.labels;
        labels.extend(self.options.labels.iter().cloned());
        // By its own id where the source has one; a line's number is none, so it says only where
        // the record was found.
        let place = || record.number.unwrap_or(record.line).to_string();
        let id = match self.plan.is_sync {
            true => record.record_id,
            false => Some(record.record_id.unwrap_or_else(place)),
        };
        let item = NewItem {
            signals: record.signals,
            opaque: record.opaque,
            is_partial: record.is_partial,
            labels,
            provenance: Provenance {
                source: self.plan.source.clone(),
                record: id,
                metadata: record.metadata,
                added_at: self.now,
                status: record.status,
                synced: false,
                opinions: record.opinions,
            },
        };
        match &mut work.lane {
            Some(lane) => lane.push(item),
            None => {
                work.batch.push(item);
                Ok(())
            }
        }
    }

    /// Brings what was gathered into the bank, where it is enough.
    fn flush_full(&self, work: &mut Work) -> Result<(), StoreError> {
        match &mut work.lane {
            Some(lane) if lane.is_full() => {
                if let Some(done) = lane.hand_over()? {
                    self.count(done, &mut work.outcome);
                }
                Ok(())
            }
            None if work.batch.len() >= BankStore::BATCH => self.flush(work),
            _ => Ok(()),
        }
    }

    /// Brings everything into the bank.
    fn flush_all(&self, work: &mut Work) -> Result<(), StoreError> {
        let Some(lane) = &mut work.lane else {
            return self.flush(work);
        };
        // What was handed over, then what was gathered since.
        for done in [lane.hand_over()?, lane.wait()?].into_iter().flatten() {
            self.count(done, &mut work.outcome);
        }
        Ok(())
    }

    /// Counts what became of items that were gathered.
    fn count(&self, done: ArrivalSummary, outcome: &mut ImportOutcome) {
        outcome.added += done.added;
        outcome.updated += done.updated;
        outcome.already_there += done.already_there;
        outcome.withdrawn += done.withdrawn;
        for (record, reason) in done.refused {
            self.refuse(record.as_deref(), &reason, outcome);
        }
    }

    fn refuse(&self, record: Option<&str>, reason: &TooMany, outcome: &mut ImportOutcome) {
        let row = LeftOutRow::Refused {
            source: &self.plan.source,
            record: record.unwrap_or_default(),
            reason,
        };
        self.leave_out(row, outcome);
    }

    /// Brings the batch into the bank, or counts what that would do.
    fn flush(&self, work: &mut Work) -> Result<(), StoreError> {
        let Work {
            batch,
            preview,
            standing,
            outcome,
            lane: _,
        } = work;
        let bank = self.bank.id;
        let refused = match self.plan.is_sync {
            true => {
                let done = match self.is_preview {
                    true => self.store.preview_sync(bank, batch, preview)?,
                    false => self.store.sync(bank, batch)?,
                };
                outcome.added += done.added;
                outcome.updated += done.updated;
                outcome.already_there += done.unchanged;
                outcome.taken_back += done.taken_back;
                outcome.not_there += done.not_there;
                outcome.given_again += done.given_again;
                outcome.withdrawn += done.withdrawn;
                outcome.stopped += done.stopped;
                outcome.restored += done.restored;
                if self.plan.is_complete {
                    standing.extend(done.items);
                }
                done.refused
            }
            false => {
                let done = self.store.preview_add(bank, batch, preview)?;
                outcome.added += done.added;
                outcome.updated += done.updated;
                outcome.already_there += done.already_there;
                outcome.withdrawn += done.withdrawn;
                done.refused
            }
        };
        for (position, reason) in refused {
            let from = batch.get(position).map(|item| &item.provenance);
            let record = from.and_then(|from| from.record.as_deref());
            self.refuse(record, &reason, outcome);
        }
        batch.clear();
        Ok(())
    }

    /// What the source has no longer is taken back.
    fn complete(&self, work: &mut Work) -> Result<(), StoreError> {
        let standing = &mut work.standing;
        standing.sort_unstable();
        standing.dedup();
        let (bank, source) = (self.bank.id, &self.plan.source);
        let done =
            (self.store).take_back_others(bank, source, standing, self.now, self.is_preview)?;
        work.outcome.taken_back += done.taken_back;
        work.outcome.stopped += done.stopped;
        Ok(())
    }
}
