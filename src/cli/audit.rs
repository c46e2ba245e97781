//! `hashgate audit`: what is known of an entry, where it came from, and since when what holds.

use crate::bank::ContentState;
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{exit::Exit, home::Home, output};
pub(crate) use crate::clock::time;
use crate::curation::audit::{Audit, AuditRecord};
use crate::scan::escaped;
use clap::{Args, ValueEnum};
use std::io::{self, Write};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object an entry
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Entries: their numbers, as scan and bank show print them, or hashes (pdq:HEX, md5:HEX, …)
    #[arg(required = true, value_name = "ID|SIGNAL")]
    entries: Vec<String>,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &AuditArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let mut tell = |record: &AuditRecord| match args.format {
        Format::Text => describe(record, &mut out),
        Format::Jsonl => output::json_line(&mut out, record),
    };
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        for record in remote::audit(&node, &args.entries)? {
            tell(&record)?;
        }
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let audit = Audit::open(home)?;
    for text in &args.entries {
        for record in audit.of(&text.parse()?)? {
            tell(&record)?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn describe(record: &AuditRecord, out: &mut impl Write) -> io::Result<()> {
    let matches = match record.state {
        ContentState::Active => "",
        ContentState::Withdrawn | ContentState::Disputed => ", matches nothing",
    };
    let by_hand = if record.by_hand { " by hand" } else { "" };
    writeln!(
        out,
        "#{} in bank {}: {}{by_hand}{matches}",
        record.content_id,
        record.bank,
        record.state.name()
    )?;
    if let Some(until) = record.paused_until {
        writeln!(out, "  matches nothing until {}", time(until))?;
    }
    if let Some(changed) = record.changed {
        writeln!(
            out,
            "  {} since {} in the store (revision {})",
            record.state.name(),
            time(changed.at),
            changed.revision
        )?;
        match record.in_force {
            Some(published) => writeln!(
                out,
                "  in force since {} (generation {})",
                time(published.at),
                published.generation
            )?,
            None => writeln!(out, "  not in force yet: run hashgate publish")?,
        }
    }
    for signal in &record.signals {
        writeln!(out, "  {signal}")?;
    }
    for opaque in &record.opaque {
        writeln!(out, "  {}: kept, not matched", opaque.kind)?;
    }
    if !record.labels.is_empty() {
        writeln!(out, "  labels: {}", record.labels.join(", "))?;
    }
    for source in &record.sources {
        let id = source.record.as_deref();
        let id = id.map_or_else(String::new, |id| format!(" record {id}"));
        writeln!(
            out,
            "  from {}{id}, since {}: {}",
            source.source,
            time(source.added_at),
            source.status.name()
        )?;
        for opinion in &source.opinions {
            writeln!(out, "    {}: {}", opinion.owner, opinion.view.name())?;
        }
        if let Some(metadata) = &source.metadata {
            writeln!(out, "    {metadata}")?;
        }
    }
    for fetch in &record.fetches {
        writeln!(
            out,
            "  {} by fetch {} of {}, at {}",
            fetch.what,
            fetch.number,
            fetch.source.trim_start_matches("exchange:"),
            time(fetch.began_at)
        )?;
    }
    for told in &record.told {
        let because = match told.reasons.is_empty() {
            true => String::new(),
            false => format!(" because of {}", told.reasons.join(", ")),
        };
        let settled =
            (told.settled_by.as_ref()).map_or_else(String::new, |by| format!(", settled by {by}"));
        writeln!(
            out,
            "  opinion {}: {} about {} of record {}{}, by {} at {}: {} since {}{}",
            told.number,
            told.opinion,
            escaped(&told.kind),
            escaped(&told.record),
            escaped(&because),
            escaped(&told.by),
            time(told.at),
            told.state,
            time(told.state_at),
            escaped(&settled)
        )?;
    }
    if let Some(remarks) = &record.remarks {
        let said = [
            ("note", &remarks.note),
            ("content_id", &remarks.content_id),
            ("content_uri", &remarks.content_uri),
            ("metadata", &remarks.json),
        ];
        for (name, text) in said {
            if let Some(text) = text {
                writeln!(out, "  {name}: {}", escaped(text))?;
            }
        }
    }
    writeln!(
        out,
        "  {} agree; {} positive, {} negative, {} seed",
        record.agreeing, record.positive, record.negative, record.seed
    )
}
