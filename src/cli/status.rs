//! `hashgate status`: what is in the home folder, and whether the index is up to date.

use crate::cli::bank::calibrated;
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::status::{PolicyStatus, Status, status};
use crate::hash::SignalType;
use clap::{Args, ValueEnum};
use std::io::{self, Write};

/// How the status is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// How to write the status
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: StatusArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let told = remote::status(&node)?;
        match args.format {
            Format::Jsonl => output::json_line(&mut out, &told)?,
            Format::Text => {
                writeln!(out, "node     {}", node.address())?;
                remote::say_status(&told, &mut out)?;
            }
        }
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let status = status(home)?;
    match args.format {
        Format::Jsonl => output::json_line(&mut out, &status)?,
        Format::Text => describe(status, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn describe(status: Status, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "home     {}", status.folder.display())?;
    match &status.store {
        Some(store) => {
            let items: u64 = status.banks.iter().map(|bank| bank.items).sum();
            writeln!(
                out,
                "store    revision {}, {}, {items} entries",
                store.revision,
                output::plural(status.banks.len() as u64, "bank")
            )?;
            let with_reach = status.banks.iter().map(|bank| bank.calibrated).sum();
            let pdq = (status.banks.iter())
                .filter_map(|bank| bank.signals.get(&SignalType::Pdq))
                .sum();
            if let Some(text) = calibrated(with_reach, pdq) {
                writeln!(out, "         {text}")?;
            }
        }
        None => writeln!(
            out,
            "store    none yet: hashgate bank create NAME --action block"
        )?,
    }
    match &status.index {
        Some(index) => {
            writeln!(
                out,
                "index    generation {}, {}, {} bytes",
                index.generation,
                output::plural(index.segments as u64, "segment"),
                index.bytes
            )?;
            for (kind, hashes) in &index.hashes {
                writeln!(out, "           {kind:<16} {hashes} distinct")?;
            }
            let state = if status.up_to_date {
                "up to date with the store"
            } else {
                "older than the store, or of another one: hashgate publish"
            };
            writeln!(out, "         {state}")?;
        }
        None => writeln!(out, "index    none yet: hashgate publish")?,
    }
    let policy = match status.policy {
        PolicyStatus::InForce => "in force".to_owned(),
        PolicyStatus::Changed => {
            "changed since the index was published: hashgate publish".to_owned()
        }
        PolicyStatus::Faulty(error) => {
            format!("cannot be put in force: {:#}", anyhow::Error::from(error))
        }
    };
    writeln!(out, "policy   {policy}")?;
    writeln!(out, "kernel   {}", status.kernel)?;
    writeln!(out, "version  {}", status.program_version)
}
