//! One list: read, and put into the bank or only looked at.

use super::input::Source;
use super::{BAD_LINES_SHOWN, BATCH, DETECT_BYTES, ImportArgs, READ_BYTES, Summary};
use crate::bank::{Bank, ContentId, Provenance, SourceStatus};
use crate::cli::{output, progress::Progress};
use crate::hashset::{self, BadLine, Compression, DetectError, ListFormat, ListRecord};
use crate::scan::escaped;
use crate::store::{BankStore, NewItem, Preview};
use anyhow::{Context, bail};
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A list on its way into a bank.
pub(super) struct List<'a> {
    pub(super) store: &'a BankStore,
    pub(super) bank: &'a Bank,
    pub(super) args: &'a ImportArgs,
    pub(super) stop: &'a Arc<AtomicBool>,
    /// When the import began: seconds since 1970-01-01 UTC.
    pub(super) now: u64,
}

/// How a list is read.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    pub(super) format: ListFormat,
    /// What the list calls its source.
    pub(super) named: Option<&'a str>,
    /// Nothing is written.
    pub(super) is_preview: bool,
    /// Bad lines are shown: left away where the list is read again anyway.
    pub(super) show_bad: bool,
}

/// What is gathered while a list is read.
struct Work<'a> {
    batch: Vec<NewItem>,
    /// Writes nothing.
    is_preview: bool,
    /// Whether the list is all that its source has.
    is_complete: bool,
    /// Whether the list's records are brought in by their ids.
    is_sync: bool,
    source: &'a str,
    preview: Preview,
    /// What stands of the source, where the list is all that it has.
    standing: Vec<ContentId>,
    summary: Summary,
}

impl List<'_> {
    /// Reads the list and brings it in.
    pub(super) fn import(&self, list: &Source, how: How<'_>) -> anyhow::Result<Summary> {
        let How {
            format,
            named,
            is_preview,
            show_bad,
        } = how;
        // A bundle is all that its maker has.
        let is_complete = self.args.complete || format == ListFormat::Bundle;
        let mut work = Work {
            batch: Vec::with_capacity(BATCH),
            is_preview,
            is_complete,
            is_sync: false,
            source: &list.name,
            preview: Preview::default(),
            standing: Vec::new(),
            summary: Summary::default(),
        };
        let (input, bytes, position) = list.open()?;
        work.summary.format = format.name();
        work.is_sync = self.args.sync || self.args.complete || format.is_exchange();
        let named = self.args.source.as_deref().or(named);
        work.source = match format.is_exchange() {
            true => named.unwrap_or(format.name()),
            false => named.unwrap_or(&list.name),
        };
        let input = hashset::decompress(input)?;
        let input = BufReader::with_capacity(READ_BYTES, input);
        let progress = Progress::of_bytes(bytes, list.name.clone());
        let mut failure = None;
        let mut take = |row: Result<ListRecord, BadLine>| {
            let bad = match row {
                Ok(record) => match self.item(record, &mut work) {
                    Ok(item) => {
                        work.batch.push(item);
                        None
                    }
                    Err(bad) => Some(bad),
                },
                Err(bad) => Some(bad),
            };
            if let Some(bad) = bad {
                work.summary.rejected += 1;
                if show_bad && work.summary.rejected <= BAD_LINES_SHOWN {
                    show(&bad, &list.name, &progress);
                }
            }
            if self.is_stopped() {
                return ControlFlow::Break(());
            }
            if work.batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            progress.set_bytes(position.load(Ordering::Relaxed));
            if let Err(error) = self.flush(&mut work, &progress) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let read = hashset::read_mapped(input, format, &self.args.column, &mut take);
        work.summary.interrupted = self.is_stopped();
        match failure {
            Some(error) => Err(error),
            None => self.flush(&mut work, &progress),
        }
        .context("what came before it is in the bank; run it again for the rest")?;
        if !work.summary.interrupted {
            work.summary.has_more = read?.has_more;
            if is_complete {
                work.summary.not_whole = work.summary.why_not_whole();
                if work.summary.not_whole.is_none() {
                    self.complete(&mut work)?;
                }
            }
        }
        if show_bad && work.summary.rejected > BAD_LINES_SHOWN {
            let hidden = work.summary.rejected - BAD_LINES_SHOWN;
            progress.line(&format!("{}: and {hidden} bad lines more", list.name));
        }
        Ok(work.summary)
    }

    /// The format of the list: the one that the user names, or what its beginning tells. `None`
    /// where the process is asked to stop before that is known.
    pub(super) fn format(&self, list: &mut Source) -> anyhow::Result<Option<ListFormat>> {
        let front = match list.front(DETECT_BYTES) {
            Err(_) if self.is_stopped() => return Ok(None),
            front => front?,
        };
        let format = match self.args.format {
            Some(format) => format,
            None if front.is_empty() => bail!("the list is empty"),
            None => Self::detect(&front, &list.name)?,
        };
        if !self.args.column.is_empty() && !format.has_columns() {
            bail!("a list of the format {format} has no columns: leave --column away");
        }
        Ok(Some(format))
    }

    /// The format that the list's first bytes tell, unpacked where they are compressed.
    fn detect(front: &[u8], name: &str) -> anyhow::Result<ListFormat> {
        let mut unpacked = Vec::new();
        let text = match Compression::of(front) {
            Compression::None => front,
            _ => {
                // The front is cut somewhere: what comes out before that is enough.
                let mut input = hashset::decompress(front)?.take(DETECT_BYTES);
                let _ = input.read_to_end(&mut unpacked);
                &unpacked
            }
        };
        match hashset::detect(text) {
            // A list of PDQ hashes is what bare values of this length stand for; who gave
            // something else must be told, for it could never match.
            Err(unclear @ DetectError::Unclear { format, .. }) => {
                output::warn(format_args!(
                    "hashgate: warning: {name}: read as {format}, but {unclear}"
                ));
                Ok(format)
            }
            told => Ok(told?),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn flush(&self, work: &mut Work<'_>, progress: &Progress) -> anyhow::Result<()> {
        let Work {
            batch,
            summary,
            preview,
            ..
        } = work;
        let refused = match work.is_sync {
            true => {
                let done = match work.is_preview {
                    true => self.store.preview_sync(self.bank.id, batch, preview)?,
                    false => self.store.sync(self.bank.id, batch)?,
                };
                summary.added += done.added;
                summary.updated += done.updated;
                summary.already_there += done.unchanged;
                summary.taken_back += done.taken_back;
                summary.not_there += done.not_there;
                summary.given_again += done.given_again;
                summary.withdrawn += done.withdrawn;
                summary.stopped += done.stopped;
                summary.restored += done.restored;
                if work.is_complete {
                    work.standing.extend(done.items);
                }
                done.refused
            }
            false => {
                let done = match work.is_preview {
                    true => self.store.preview_add(self.bank.id, batch, preview)?,
                    false => self.store.add(self.bank.id, batch)?,
                };
                summary.added += done.added;
                summary.updated += done.updated;
                summary.already_there += done.already_there;
                summary.withdrawn += done.withdrawn;
                done.refused
            }
        };
        for (position, error) in refused {
            summary.rejected += 1;
            let from = batch.get(position).map(|item| &item.provenance);
            let Some(from) = from.filter(|_| summary.rejected <= BAD_LINES_SHOWN) else {
                continue;
            };
            let record = from.record.as_deref().unwrap_or_default();
            progress.line(&format!(
                "{}:{}: not imported: {error}",
                escaped(&from.source),
                escaped(record)
            ));
        }
        batch.clear();
        Ok(())
    }

    /// What the source has no longer is taken back.
    fn complete(&self, work: &mut Work<'_>) -> anyhow::Result<()> {
        let is_preview = work.is_preview;
        let standing = &mut work.standing;
        standing.sort_unstable();
        standing.dedup();
        let source = work.source;
        let (bank, now) = (self.bank.id, self.now);
        let done = (self.store).take_back_others(bank, source, standing, now, is_preview)?;
        work.summary.taken_back += done.taken_back;
        work.summary.stopped += done.stopped;
        Ok(())
    }

    fn item(&self, record: ListRecord, work: &mut Work<'_>) -> Result<NewItem, BadLine> {
        work.summary.count(&record, self.bank.policy.min_quality);
        if !work.is_sync && record.status != SourceStatus::Active {
            return Err(BadLine {
                line: record.line,
                number: record.number,
                reason: format!(
                    "it is {} by its source, which --sync --source NAME brings in",
                    record.status.name()
                ),
                excerpt: record
                    .record_id
                    .unwrap_or_default()
                    .chars()
                    .take(40)
                    .collect(),
            });
        }
        let mut labels = record.labels;
        labels.extend(self.args.label.iter().cloned());
        // By its own id where the source has one; a line's number is none, so it says only where
        // the record was found.
        let place = || record.number.unwrap_or(record.line).to_string();
        let id = match work.is_sync {
            true => record.record_id,
            false => Some(record.record_id.unwrap_or_else(place)),
        };
        Ok(NewItem {
            signals: record.signals,
            opaque: record.opaque,
            is_partial: record.is_partial,
            labels,
            provenance: Provenance {
                source: work.source.to_owned(),
                record: id,
                metadata: record.metadata,
                added_at: self.now,
                status: record.status,
                synced: false,
                opinions: record.opinions,
            },
        })
    }
}

fn show(bad: &BadLine, source: &str, progress: &Progress) {
    let place = match bad.number {
        Some(number) => format!("record {number}, line {}", bad.line),
        None => bad.line.to_string(),
    };
    progress.line(&format!(
        "{source}:{place}: not imported: {}: {}",
        bad.reason, bad.excerpt
    ));
}
