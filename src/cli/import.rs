//! `hashgate import`: hash lists into a bank.

use crate::bank::{BankName, Provenance};
use crate::cli::bank::{PUBLISH_HINT, now, say_withdrawn};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress, publish, stop};
use crate::hashset::{self, BadLine, ListFormat, ListRecord};
use crate::scan::escaped;
use crate::store::{BankStore, NewItem};
use anyhow::{Context, bail};
use clap::Args;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Items that go into the store together: one synced write.
const BATCH: usize = 10_000;
/// Bad lines of one list that are printed; the rest are counted.
const BAD_LINES_SHOWN: u64 = 100;
/// How much of a list is looked at to tell its format.
const DETECT_BYTES: usize = 64 * 1024;

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
}

pub(crate) fn run(args: ImportArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open(&home.store())?;
    let bank = store.bank(&args.bank)?;
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    let mut total = Summary::default();
    let mut failed = false;
    for file in &args.files {
        let list = List {
            store: &store,
            bank: bank.id,
            args: &args,
            stop: &stop,
        };
        match list.import(file) {
            Ok(one) => {
                writeln!(
                    out,
                    "{}: {} added, {} updated, {} already there, {} rejected",
                    file.display(),
                    one.added,
                    one.updated,
                    one.already_there,
                    one.rejected
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
                eprintln!("hashgate: error: {}: {error:#}", file.display());
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
        publish::publish(home, false, &mut out)?;
    } else if total.added + total.updated > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        failed || total.rejected > 0 || total.interrupted,
    ))
}

/// Counts what has been read of a list, for showing how far it is.
struct Counting<R> {
    inner: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

struct List<'a> {
    store: &'a BankStore,
    bank: crate::bank::BankId,
    args: &'a ImportArgs,
    stop: &'a AtomicBool,
}

impl List<'_> {
    fn import(&self, path: &Path) -> anyhow::Result<Summary> {
        let from_stdin = path.as_os_str() == "-";
        let (inner, bytes): (Box<dyn Read>, u64) = if from_stdin {
            (Box::new(io::stdin().lock()), 0)
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
        let counting = Counting {
            inner,
            position: Arc::clone(&position),
        };
        let mut input = BufReader::with_capacity(DETECT_BYTES, counting);
        let format = match self.args.format {
            Some(format) => format,
            None => match hashset::detect(input.fill_buf()?) {
                Some(format) => format,
                None if input.fill_buf()?.is_empty() => bail!("the list is empty"),
                None => bail!(
                    "what format this list has cannot be told from its content: say --format ({})",
                    ListFormat::ALL.map(ListFormat::name).join(", ")
                ),
            },
        };
        tracing::info!("{source}: read as {}", format.name());
        let progress = Progress::of_bytes(bytes, source.clone());
        let mut summary = Summary::default();
        let mut batch = Vec::with_capacity(BATCH);
        let mut failure = None;
        hashset::read(input, format, &mut |line| {
            match line {
                Ok(record) => batch.push(self.item(record, &source)),
                Err(bad) => {
                    summary.rejected += 1;
                    show(&bad, &source, summary.rejected, &progress);
                }
            }
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            progress.set_bytes(position.load(Ordering::Relaxed));
            if let Err(error) = self.flush(&mut batch, &mut summary, &progress) {
                failure = Some(error);
                return ControlFlow::Break(());
            }
            if self.stop.load(Ordering::Relaxed) {
                summary.interrupted = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if let Some(error) = failure {
            return Err(error)
                .context("what came before it is in the bank; run it again for the rest");
        }
        self.flush(&mut batch, &mut summary, &progress)?;
        if summary.rejected > BAD_LINES_SHOWN {
            let hidden = summary.rejected - BAD_LINES_SHOWN;
            progress.line(&format!("{source}: and {hidden} bad lines more"));
        }
        Ok(summary)
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
