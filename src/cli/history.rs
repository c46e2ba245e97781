//! `hashgate history …`: whether hashes of uploads are kept, for how long, and what is.

use crate::cli::bank::now;
use crate::cli::{audit::time, exit::Exit, home::Home, output};
use crate::store::{History, HistoryError, HistorySettings};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::io::Write;

/// Hashes of an upload that are kept unless more are asked for: its digests, and the picture as
/// stored, displayed, turned and mirrored.
const HASHES: u32 = 16;

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
    #[arg(long, value_name = "N", default_value_t = HASHES)]
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
    match command {
        HistoryCommand::On(args) => {
            home.create()?;
            let settings = HistorySettings {
                days: args.days,
                hashes: args.hashes,
                names: !args.no_names,
            };
            let history = History::begin(&home.history(), settings)?;
            let purged = history.purge(now(), false)?;
            writeln!(
                out,
                "scan --remember keeps up to {} hashes of each upload for {}, {}",
                settings.hashes,
                output::plural(u64::from(settings.days), "day"),
                match settings.names {
                    true => "with its name",
                    false => "without its name",
                }
            )?;
            if purged > 0 {
                writeln!(
                    out,
                    "{} expired and deleted",
                    output::plural(purged, "upload")
                )?;
            }
        }
        HistoryCommand::Show(args) => show(&args, home, &mut out)?,
        HistoryCommand::Purge(args) => {
            let (_, purged) = History::open_purging(&home.history(), now(), args.all)?;
            writeln!(out, "{} deleted", output::plural(purged, "upload"))?;
        }
        HistoryCommand::Off => {
            let said = match History::end(&home.history())? {
                true => "all hashes of uploads are deleted, and no more are kept",
                false => "no hashes of uploads were kept",
            };
            writeln!(out, "{said}")?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn show(args: &ShowArgs, home: &Home, out: &mut impl Write) -> anyhow::Result<()> {
    let history = match History::open(&home.history(), now()) {
        Ok(history) => Some(history),
        Err(HistoryError::Off { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(history) = history else {
        let said = match args.format {
            Format::Text => {
                "off: no hashes of uploads are kept (hashgate history on --days N)".to_owned()
            }
            Format::Jsonl => json!({ "on": false }).to_string(),
        };
        writeln!(out, "{said}")?;
        return Ok(());
    };
    let settings = history.settings();
    let (mut uploads, mut hashes) = (0u64, 0u64);
    let (mut oldest, mut newest) = (None, None);
    for upload in history.uploads(now())? {
        let upload = upload?;
        uploads += 1;
        hashes += upload.hashes.len() as u64;
        oldest = oldest.or(Some(upload.at));
        newest = Some(upload.at);
    }
    let base = history.base().map(|base| base.revision);
    match args.format {
        Format::Text => {
            writeln!(
                out,
                "on: up to {} hashes of each upload are kept for {}, {}",
                settings.hashes,
                output::plural(u64::from(settings.days), "day"),
                if settings.names {
                    "with its name"
                } else {
                    "without its name"
                }
            )?;
            writeln!(
                out,
                "{}, {} hashes",
                output::plural(uploads, "upload"),
                hashes
            )?;
            if let (Some(oldest), Some(newest)) = (oldest, newest) {
                writeln!(out, "from {} to {}", time(oldest), time(newest))?;
            }
            if let Some(base) = base {
                writeln!(out, "held against all entries up to revision {base}")?;
            }
        }
        Format::Jsonl => {
            let record = json!({
                "on": true,
                "days": settings.days,
                "hashes_an_upload": settings.hashes,
                "names": settings.names,
                "uploads": uploads,
                "hashes": hashes,
                "oldest": oldest,
                "newest": newest,
                "base_revision": base,
            });
            writeln!(out, "{record}")?;
        }
    }
    Ok(())
}
