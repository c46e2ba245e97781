//! `hashgate history …`: whether hashes of uploads are kept, for how long, and what is.

use crate::cli::{exit::Exit, home::Home, output};
use crate::clock::{now, time};
use crate::retrospect::history;
use crate::store::HistorySettings;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::io::Write;

#[derive(Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Let `scan --remember` keep hashes of uploads, for so many days
    On(OnArgs),
    /// Show what is kept
    Show(ShowArgs),
    /// Delete what is expired, or all
    Purge(PurgeArgs),
    /// Keep nothing any more, and delete all that is kept
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct OnArgs {
    /// Days after which an upload is forgotten, 1 to 3650; holds for those that are kept already too
    #[arg(long, value_name = "N")]
    days: u32,

    /// Most hashes of one upload, 1 to 2048: digests first, then the picture as it is, turned and
    /// mirrored, then guesses at its original
    #[arg(long, value_name = "N", default_value_t = history::USUAL_HASHES)]
    hashes: u32,

    /// Keep no names: digests say which upload it was
    #[arg(long)]
    no_names: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Everything, expired or not
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(command: HistoryCommand, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let folder = home.history();
    match command {
        HistoryCommand::On(args) => {
            home.create()?;
            let settings = HistorySettings {
                days: args.days,
                hashes: args.hashes,
                names: !args.no_names,
            };
            let purged = history::begin(&folder, settings, now())?;
            let hashes = settings.hashes;
            let rest = how(settings.days, settings.names);
            writeln!(
                out,
                "scan --remember keeps up to {hashes} hashes of each upload for {rest}"
            )?;
            if purged > 0 {
                let purged = output::plural(purged, "upload");
                writeln!(out, "{purged} expired and deleted")?;
            }
        }
        HistoryCommand::Show(args) => show(&args, home, &mut out)?,
        HistoryCommand::Purge(args) => {
            let purged = history::purge(&folder, args.all, now())?;
            writeln!(out, "{} deleted", output::plural(purged, "upload"))?;
        }
        HistoryCommand::Off => {
            let said = match history::end(&folder)? {
                true => "all hashes of uploads are deleted, and no more are kept",
                false => "no hashes of uploads were kept",
            };
            writeln!(out, "{said}")?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// For how long, and with which names.
fn how(days: u32, names: bool) -> String {
    let days = output::plural(u64::from(days), "day");
    let names = if names { "with" } else { "without" };
    format!("{days}, {names} its name")
}

fn show(args: &ShowArgs, home: &Home, out: &mut impl Write) -> anyhow::Result<()> {
    let Some(kept) = history::show(&home.history(), now())? else {
        let said = match args.format {
            Format::Text => {
                "off: no hashes of uploads are kept (hashgate history on --days N)".to_owned()
            }
            Format::Jsonl => json!({ "on": false }).to_string(),
        };
        writeln!(out, "{said}")?;
        return Ok(());
    };
    if args.format == Format::Jsonl {
        let mut record = serde_json::to_value(&kept)?;
        record["on"] = true.into();
        writeln!(out, "{record}")?;
        return Ok(());
    }
    let (most, rest) = (kept.most_hashes, how(kept.days, kept.names));
    writeln!(
        out,
        "on: up to {most} hashes of each upload are kept for {rest}"
    )?;
    let uploads = output::plural(kept.uploads, "upload");
    writeln!(out, "{uploads}, {} hashes", kept.hashes)?;
    if let (Some(oldest), Some(newest)) = (kept.oldest, kept.newest) {
        writeln!(out, "from {} to {}", time(oldest), time(newest))?;
    }
    if let Some(base) = kept.base_revision {
        writeln!(out, "held against all entries up to revision {base}")?;
    }
    Ok(())
}
