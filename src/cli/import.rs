//! `hashgate import`: hash lists into a bank.

use crate::bank::{BankName, Provenance};
use crate::cli::bank::{PUBLISH_HINT, now, say_withdrawn};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress, publish, stop};
use crate::hash::{Quality, SignalType};
use crate::hashset::{self, BadLine, DetectError, ListFormat, ListRecord};
use crate::scan::escaped;
use crate::store::{BankStore, NewItem};
use anyhow::{Context, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Items that go into the store together: one synced write.
const BATCH: usize = 10_000;
/// Bad lines of one list that are printed; the rest are counted.
const BAD_LINES_SHOWN: u64 = 100;
/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;
/// How much of a list is read at once.
const READ_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Name of the bank; it must exist
    #[arg(long, value_name = "NAME")]
    bank: BankName,

    /// Format of the lists: pdq, tx, csv, md5, sha1, sha256 [default: told from the content]
    #[arg(long)]
    format: Option<ListFormat>,

    /// A label for every entry; may be given several times
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,

    /// Publish the index afterwards
    #[arg(long)]
    publish: bool,

    /// Lists to read; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Default)]
struct Summary {
    added: u64,
    updated: u64,
    already_there: u64,
    withdrawn: u64,
    rejected: u64,
    interrupted: bool,
    /// The format it was read as.
    format: &'static str,
    /// Hashes read.
    signals: BTreeMap<SignalType, u64>,
    /// Entries whose listed quality is under the bank's minimum.
    low_quality: u64,
}

impl Summary {
    fn count(&mut self, record: &ListRecord, minimum: Quality) {
        for entry in &record.signals {
            *self.signals.entry(entry.signal.signal_type()).or_default() += 1;
        }
        let low = |quality: Quality| quality < minimum;
        let qualities = record.signals.iter().filter_map(|entry| entry.quality);
        self.low_quality += u64::from(qualities.into_iter().any(low));
    }

    fn write(&self, out: &mut impl Write, list: &str, minimum: Quality) -> io::Result<()> {
        let signals: Vec<String> = self
            .signals
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let signals = match signals.is_empty() {
            true => "no hashes".to_owned(),
            false => signals.join(", "),
        };
        write!(
            out,
            "{list}: read as {}: {signals}; {} added, {} updated, {} already there, {} rejected",
            self.format, self.added, self.updated, self.already_there, self.rejected
        )?;
        if self.low_quality > 0 {
            write!(
                out,
                "; {} under the bank's minimum quality of {minimum}: they will not match by pdq",
                self.low_quality
            )?;
        }
        writeln!(out)
    }
}

pub(crate) fn run(args: ImportArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let bank = store.bank(&args.bank)?;
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    let mut total = Summary::default();
    let mut failed = false;
    for file in &args.files {
        let list = List {
            store: &store,
            bank: bank.id,
            min_quality: bank.policy.min_quality,
            args: &args,
            stop: &stop,
        };
        match list.import(file) {
            Ok(one) => {
                one.write(
                    &mut out,
                    &file.display().to_string(),
                    bank.policy.min_quality,
                )?;
                say_withdrawn(one.withdrawn, &mut out)?;
                total.added += one.added;
                total.updated += one.updated;
                total.rejected += one.rejected;
                total.interrupted |= one.interrupted;
            }
            Err(error) if output::is_broken_pipe(&error) => return Err(error),
            Err(error) => {
                // The other lists are read all the same.
                output::warn(format_args!(
                    "hashgate: error: {}: {error:#}",
                    file.display()
                ));
                failed = true;
            }
        }
        if total.interrupted {
            writeln!(out, "interrupted: run it again for the rest")?;
            break;
        }
    }
    if total.added + total.updated > BATCH as u64
        && let Err(error) = store.flush()
    {
        // What was added is on the disk all the same.
        tracing::warn!(%error, "opening the store next will take longer");
    }
    drop(store);
    if args.publish && !total.interrupted && !failed {
        out.flush()?;
        publish::publish(home, false, None, &mut out)?;
    } else if total.added + total.updated > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        failed || total.rejected > 0 || total.interrupted,
    ))
}

/// A list's bytes as they come: counts them, to show how far it is, and fails once the process is
/// asked to stop.
struct Input<R> {
    inner: R,
    position: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn stopped() -> io::Error {
    io::Error::other("asked to stop")
}

/// Standard input, which may be quiet for long: waits for it in pieces and looks whether the
/// process is asked to stop in between.
struct Stdin {
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "there is no waiting in pieces there")
    )]
    stop: Arc<AtomicBool>,
}

#[cfg(unix)]
impl Read for Stdin {
    /// Reads the descriptor itself: in the buffer of [`io::stdin`] there may be bytes of which
    /// waiting knows nothing.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        const PIECE: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let stdin = io::stdin();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(stopped());
            }
            let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut waiting, Some(&PIECE)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&stdin, &mut *buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(unix))]
impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}

struct List<'a> {
    store: &'a BankStore,
    bank: crate::bank::BankId,
    min_quality: Quality,
    args: &'a ImportArgs,
    stop: &'a Arc<AtomicBool>,
}

impl List<'_> {
    fn import(&self, path: &Path) -> anyhow::Result<Summary> {
        let from_stdin = path.as_os_str() == "-";
        let (inner, bytes): (Box<dyn Read>, u64) = if from_stdin {
            let stop = Arc::clone(self.stop);
            (Box::new(Stdin { stop }), 0)
        } else {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            (Box::new(file), bytes)
        };
        let source = if from_stdin {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let position = Arc::new(AtomicU64::new(0));
        let mut input = Input {
            inner,
            position: Arc::clone(&position),
            stop: Arc::clone(self.stop),
        };
        let mut summary = Summary::default();
        let mut front = Vec::new();
        let format = match self.args.format {
            Some(format) => format,
            None => {
                // All that there is to tell it by: a pipe gives its bytes as they come.
                let read = (&mut input).take(DETECT_BYTES).read_to_end(&mut front);
                if read.is_err() && self.is_stopped() {
                    summary.interrupted = true;
                    summary.format = "nothing yet";
                    return Ok(summary);
                }
                if read? == 0 {
                    bail!("the list is empty");
                }
                match hashset::detect(&front) {
                    // A list of PDQ hashes is what bare values of this length stand for; who gave
                    // something else must be told, for it could never match.
                    Err(unclear @ DetectError::Unclear { format, .. }) => {
                        output::warn(format_args!(
                            "hashgate: warning: {source}: read as {format}, but {unclear}"
                        ));
                        format
                    }
                    told => told?,
                }
            }
        };
        summary.format = format.name();
        let input = BufReader::with_capacity(READ_BYTES, Cursor::new(front).chain(input));
        let progress = Progress::of_bytes(bytes, source.clone());
        let mut batch = Vec::with_capacity(BATCH);
        let mut failure = None;
        let read = hashset::read(input, format, &mut |line| {
            match line {
                Ok(record) => {
                    summary.count(&record, self.min_quality);
                    batch.push(self.item(record, &source));
                }
                Err(bad) => {
                    summary.rejected += 1;
                    show(&bad, &source, summary.rejected, &progress);
                }
            }
            if self.is_stopped() {
                return ControlFlow::Break(());
            }
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            progress.set_bytes(position.load(Ordering::Relaxed));
            if let Err(error) = self.flush(&mut batch, &mut summary, &progress) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        summary.interrupted = self.is_stopped();
        match failure {
            Some(error) => Err(error),
            None => self.flush(&mut batch, &mut summary, &progress),
        }
        .context("what came before it is in the bank; run it again for the rest")?;
        if !summary.interrupted {
            read?;
        }
        if summary.rejected > BAD_LINES_SHOWN {
            let hidden = summary.rejected - BAD_LINES_SHOWN;
            progress.line(&format!("{source}: and {hidden} bad lines more"));
        }
        Ok(summary)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn flush(
        &self,
        batch: &mut Vec<NewItem>,
        summary: &mut Summary,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let added = self.store.add(self.bank, batch)?;
        summary.added += added.added;
        summary.updated += added.updated;
        summary.already_there += added.already_there;
        summary.withdrawn += added.withdrawn;
        for (position, error) in added.refused {
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

    fn item(&self, record: ListRecord, source: &str) -> NewItem {
        let mut labels = record.labels;
        labels.extend(self.args.label.iter().cloned());
        NewItem {
            signals: record.signals,
            labels,
            provenance: Provenance {
                source: source.to_owned(),
                record: Some(record.record_id.unwrap_or_else(|| record.line.to_string())),
                metadata: record.metadata,
                added_at: now(),
            },
        }
    }
}

fn show(bad: &BadLine, source: &str, number: u64, progress: &Progress) {
    if number <= BAD_LINES_SHOWN {
        progress.line(&format!(
            "{source}:{}: not imported: {}: {}",
            bad.line, bad.reason, bad.excerpt
        ));
    }
}
