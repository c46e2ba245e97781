//! `hashgate retro`: entries that arrived later, held against kept hashes of uploads.
//!
//! Exit codes: 0 where no upload would be stopped that was not, 1 where some would, 2 where
//! something failed.

use crate::cli::{exit::Exit, home::Home, inputs::MemoryMode, output};
use crate::cli::{progress::Progress, stop};
use crate::clock::time;
use crate::curation::ledger::Ledger;
use crate::retrospect::{Doubt, Found, Retro, RetroOptions, RetroSummary, Since};
use crate::scan::escaped;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::{self, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each upload, then the summary
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct RetroArgs {
    /// Hold all that came after this generation against the uploads [default: what came after the
    /// last retro, or after the index that judged them]
    #[arg(long, value_name = "N")]
    since_generation: Option<u64>,

    /// Hold all entries against the uploads, old ones too
    #[arg(long, conflicts_with = "since_generation")]
    all_entries: bool,

    /// Uploads too that were decided as strictly then
    #[arg(long)]
    all: bool,

    /// How to write them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// How the index is held in memory
    #[arg(long, value_enum, value_name = "MODE", default_value = "mmap")]
    index_memory: MemoryMode,
}

pub(crate) fn run(args: &RetroArgs, home: &Home) -> anyhow::Result<Exit> {
    let revision_of = |generation| audit::revision_of(home, generation).map_err(Into::into);
    let since = match (args.since_generation, args.all_entries) {
        (Some(generation), _) => Since::Generation {
            generation,
            revision_of: &revision_of,
        },
        (None, true) => Since::Everything,
        (None, false) => Since::LastTime,
    };
    let options = RetroOptions::new(home.history(), home.store(), home.index(), home.folder())
        .since(since)
        .all(args.all)
        .index_memory(args.index_memory.memory());
    let retro = Retro::open(options)?;
    match retro.doubt() {
        Some(Doubt::OtherStore) => output::warn(
            "hashgate: warning: the index in force is not of this home's store, or of long ago: every \
             entry of it is held against the uploads",
        ),
        Some(Doubt::NotPublished) => output::warn(
            "hashgate: warning: the store has changes that are not published: run hashgate publish, \
             then this again",
        ),
        None => {}
    }
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    let progress = Progress::of_work("going through the uploads");
    let held = retro.hold(&*stop, |found| -> anyhow::Result<()> {
        match args.format {
            Format::Text => describe(found, &mut out)?,
            // By way of a value: its keys are sorted.
            Format::Jsonl => writeln!(out, "{}", serde_json::to_value(found)?)?,
        }
        Ok(())
    });
    drop(progress);
    let held = held?;
    match args.format {
        Format::Text => summarize(&held.summary, &mut out)?,
        Format::Jsonl => writeln!(out, "{}", json!({ "summary": held.summary }))?,
    }
    out.flush()?;
    let summary = held.settle()?;
    Ok(Exit::of(summary.stopped_now > 0, summary.interrupted))
}

fn summarize(summary: &RetroSummary, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{} held against generation {} ({}): {} match, {} would be stopped now",
        output::plural(summary.uploads, "upload"),
        summary.generation,
        summary.news,
        summary.matched,
        summary.stopped_now
    )
}

fn describe(found: &Found<'_>, out: &mut impl Write) -> io::Result<()> {
    let (upload, verdict) = (found.upload, found.verdict);
    let name = match &upload.name {
        Some(name) => escaped(name).into_owned(),
        None => found.digests().next_back().map_or_else(
            || format!("upload {}", upload.number),
            |signal| signal.to_string(),
        ),
    };
    let action = verdict.action_name().to_uppercase();
    let was = match upload.action {
        Some(action) => action.name(),
        None => &upload.outcome,
    };
    write!(out, "{action:<7} {name}  of {}, was {was}", time(upload.at))?;
    if let Some(nearest) = verdict.matches.first() {
        write!(
            out,
            "  {} #{}, {} distance {}",
            nearest.bank,
            nearest.content_id,
            nearest.entry.signal_type(),
            nearest.distance
        )?;
    }
    writeln!(out)
}
