//! `hashgate verify`: every byte of the index, and every record of the store, of the history of
//! uploads and of the log of decisions.

use crate::cli::advice::Advised;
use crate::cli::bank::now;
use crate::cli::{decisions, exit::Exit, home::Home, output, progress::Progress};
use crate::index::{self, IndexError};
use crate::store::{BankStore, History, HistoryError, StoreError};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Check only this index folder, for example a copy on an upload server
    #[arg(long, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
}

pub(crate) fn run(args: VerifyArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let mut damaged = false;
    let copy = args.index.is_some();
    if !copy {
        damaged |= !store(home, &mut out)?;
    }
    let folder = args.index.unwrap_or_else(|| home.index());
    let progress = Progress::of_work("checking the index");
    match index::verify(&folder) {
        Ok(report) => {
            drop(progress);
            damaged |= !report.is_sound();
            for (path, error) in &report.damaged {
                writeln!(out, "index: DAMAGED: {}: {error}", path.display())?;
            }
            if report.is_sound() {
                writeln!(
                    out,
                    "index: generation {}, {}, {} bytes: every checksum holds",
                    report.generation,
                    output::plural(report.segments as u64, "segment"),
                    report.bytes
                )?;
            }
            if !report.stale.is_empty() {
                let stale = output::plural(report.stale.len() as u64, "file");
                writeln!(
                    out,
                    "index: {stale} of older generations, which the next publish removes"
                )?;
            }
            for foreign in &report.foreign {
                writeln!(out, "index: {} does not belong here", foreign.display())?;
            }
        }
        // Only a home where nothing was published yet is sound without a manifest: a copy, or
        // segments that nothing names, has lost it.
        Err(IndexError::NotPublished { .. }) if !copy && is_empty(&folder) => {
            drop(progress);
            writeln!(out, "index: none yet: hashgate publish")?;
        }
        Err(error) => {
            drop(progress);
            damaged = true;
            let error = anyhow::Error::from(error);
            writeln!(out, "index: DAMAGED: {error:#}")?;
        }
    }
    if !copy {
        damaged |= !history(home, &mut out)?;
        damaged |= !decisions::check_log(&home.decisions(), &mut out)?;
    }
    out.flush()?;
    Ok(Exit::of(false, damaged))
}

/// Reads every kept upload; says whether all could be read. A home that keeps none is sound.
fn history(home: &Home, out: &mut impl Write) -> anyhow::Result<bool> {
    let progress = Progress::of_work("checking the history of uploads");
    let checked =
        History::open_read_only(&home.history()).and_then(|history| history.verify(now()));
    drop(progress);
    match checked {
        Ok(uploads) => {
            let uploads = output::plural(uploads, "upload");
            writeln!(out, "history: {uploads}: every record can be read")?;
            Ok(true)
        }
        Err(HistoryError::Off { .. }) => Ok(true),
        Err(error) => {
            let error = anyhow::Error::from(error);
            writeln!(out, "history: DAMAGED: {}", Advised(&error))?;
            Ok(false)
        }
    }
}

fn is_empty(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Reads every record of the store; says whether all could be read.
fn store(home: &Home, out: &mut impl Write) -> anyhow::Result<bool> {
    let store = match BankStore::open_read_only(&home.store()) {
        Ok(store) => store,
        Err(StoreError::Missing { .. }) => {
            writeln!(
                out,
                "store: none yet: hashgate bank create NAME --action block"
            )?;
            return Ok(true);
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            writeln!(out, "store: DAMAGED: {error:#}")?;
            return Ok(false);
        }
    };
    let progress = Progress::of_work("checking the store");
    let checked = store.verify();
    drop(progress);
    match checked {
        Ok(items) => {
            writeln!(
                out,
                "store: revision {}, {items} entries: every record can be read and the counts agree",
                store.revision()
            )?;
            Ok(true)
        }
        Err(error) => {
            let error = anyhow::Error::from(error);
            writeln!(out, "store: DAMAGED: {error:#}")?;
            Ok(false)
        }
    }
}
