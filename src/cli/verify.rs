//! `hashgate verify`: every byte of the index, and every record of the store, of the history of
//! uploads and of the log of decisions.

#[cfg(feature = "curation")]
use crate::cli::{decisions, observer::Terminal};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress};
#[cfg(feature = "curation")]
use crate::curation::verify::{DecisionsCheck, HistoryCheck, StoreCheck, verify};
use crate::curation::verify::{IndexCheck, check_index};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Check only this index folder, for example a copy on an upload server
    #[arg(long, value_name = "DIR")]
    pub(crate) index: Option<PathBuf>,
}

pub(crate) fn run(args: VerifyArgs, home: &Home) -> anyhow::Result<Exit> {
    let sound = match &args.index {
        Some(folder) => copy(folder)?,
        #[cfg(feature = "curation")]
        None => whole(home)?,
        // The small command has no store and no history of uploads.
        #[cfg(not(feature = "curation"))]
        None => copy(&home.index())?,
    };
    Ok(Exit::of(false, !sound))
}

/// Checks a copy of an index; says whether there is one and it is sound.
fn copy(folder: &Path) -> io::Result<bool> {
    let mut out = output::stdout();
    let progress = Progress::of_work("checking the index");
    let found = check_index(folder);
    drop(progress);
    let is_there = !matches!(found, IndexCheck::NotPublished);
    let is_sound = is_there && found.is_sound();
    match is_there {
        true => index(found, &mut out)?,
        false => writeln!(
            out,
            "index: nothing is published in {}: copy an index folder there",
            folder.display()
        )?,
    }
    out.flush()?;
    Ok(is_sound)
}

/// Checks all of a home folder; says whether it is sound. What is not there yet is.
#[cfg(feature = "curation")]
fn whole(home: &Home) -> io::Result<bool> {
    let mut out = output::stdout();
    let terminal = Terminal::of_work("checking the store");
    let found = verify(home, &terminal);
    drop(terminal);
    let is_sound = found.is_sound();
    match found.store {
        StoreCheck::Missing => writeln!(
            out,
            "store: none yet: hashgate bank create NAME --action block"
        )?,
        StoreCheck::Sound { revision, entries } => writeln!(
            out,
            "store: revision {revision}, {entries} entries: every record can be read and the counts agree"
        )?,
        StoreCheck::Damaged(error) => damaged("store", error.into(), &mut out)?,
    }
    index(found.index, &mut out)?;
    match found.history {
        HistoryCheck::Off => {}
        HistoryCheck::Sound { uploads } => {
            let uploads = output::plural(uploads, "upload");
            writeln!(out, "history: {uploads}: every record can be read")?;
        }
        HistoryCheck::Damaged(error) => damaged("history", error.into(), &mut out)?,
    }
    match found.decisions {
        DecisionsCheck::Off => {}
        DecisionsCheck::Read(report) => decisions::describe(&report, &mut out)?,
        DecisionsCheck::Damaged(error) => damaged("decisions", error.into(), &mut out)?,
    }
    out.flush()?;
    Ok(is_sound)
}

fn index(found: IndexCheck, out: &mut impl Write) -> io::Result<()> {
    let report = match found {
        IndexCheck::NotPublished => {
            return writeln!(out, "index: nothing is published yet: hashgate publish");
        }
        IndexCheck::Damaged(error) => return damaged("index", error.into(), out),
        IndexCheck::Read(report) => report,
    };
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
    Ok(())
}

fn damaged(what: &str, error: anyhow::Error, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{what}: DAMAGED: {error:#}")
}
