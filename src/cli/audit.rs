//! `hashgate audit`: what is known of an entry, where it came from, and since when what holds.
//!
//! When something took effect is told by the file `published.jsonl` of the home folder: each
//! publication adds a line with its generation, the store's revision and the time.

use crate::bank::{ContentItem, ContentState};
use crate::cli::bank::now;
use crate::cli::{bank, exit::Exit, home::Home, output};
pub(crate) use crate::policy::time;
use crate::store::BankStore;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

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
}

/// One publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    /// The generation of the index.
    pub(crate) generation: u64,
    /// The store's revision that it shows.
    pub(crate) revision: u64,
    /// When: seconds since 1970-01-01 UTC.
    pub(crate) at: u64,
}

/// Notes a publication.
pub(crate) fn note(home: &Home, published: Published) -> anyhow::Result<()> {
    let path = home.published();
    let write = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).read(true).append(true).open(&path)?;
        let mut line = Vec::new();
        if file.seek(SeekFrom::End(0))? > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // A line that a full disk cut off takes no other with it.
                line.push(b'\n');
            }
        }
        serde_json::to_writer(&mut line, &published)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()
    };
    write().with_context(|| format!("cannot write to {}", path.display()))
}

/// The first publication that shows a revision.
fn first_with(home: &Home, revision: u64) -> anyhow::Result<Option<Published>> {
    first(home, |published| published.revision >= revision)
}

/// The store's revision that a generation shows, where it was noted.
pub(crate) fn revision_of(home: &Home, generation: u64) -> anyhow::Result<Option<u64>> {
    let found = first(home, |published| published.generation == generation)?;
    Ok(found.map(|published| published.revision))
}

/// The first publication of a kind.
fn first(home: &Home, is_one: impl Fn(&Published) -> bool) -> anyhow::Result<Option<Published>> {
    let path = home.published();
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("cannot read {}", path.display()))?,
    };
    for line in BufReader::new(file).lines() {
        let line = line.with_context(|| format!("cannot read {}", path.display()))?;
        // A line that a full disk cut off is none.
        if let Ok(published) = serde_json::from_str::<Published>(&line)
            && is_one(&published)
        {
            return Ok(Some(published));
        }
    }
    Ok(None)
}

pub(crate) fn run(args: &AuditArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_read_only(&home.store())?;
    let mut out = output::stdout();
    for text in &args.entries {
        let items = bank::named(&store, text)?;
        if items.is_empty() {
            bail!("there is no entry {text}: it was never added, or it was deleted");
        }
        for item in items {
            let in_force = match item.changed {
                Some(changed) => first_with(home, changed.revision)?,
                None => None,
            };
            let bank = store.banks()?.into_iter().find(|bank| bank.id == item.bank);
            let name = (bank.as_ref()).map_or_else(String::new, |bank| bank.name.to_string());
            let paused = bank.and_then(|bank| bank.policy.paused_until(item.id, now()));
            match args.format {
                Format::Text => describe(&item, &name, (paused, in_force), &mut out)?,
                Format::Jsonl => {
                    let hashes: Vec<_> = item
                        .signals
                        .iter()
                        .map(|entry| entry.signal.to_string())
                        .collect();
                    let sources: Vec<_> = item.sources().collect();
                    let votes = item.votes();
                    let record = serde_json::json!({
                        "content_id": item.id,
                        "bank": name,
                        "state": item.state,
                        "by_hand": item.by_hand,
                        "paused_until": paused,
                        "changed": item.changed,
                        "in_force": in_force,
                        "signals": hashes,
                        "opaque": item.opaque,
                        "labels": item.labels,
                        "sources": sources,
                        "agreeing": item.agreeing(),
                        "positive": votes.positive,
                        "negative": votes.negative,
                        "seed": votes.seed,
                    });
                    writeln!(out, "{record}")?;
                }
            }
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn describe(
    item: &ContentItem,
    bank: &str,
    (paused, in_force): (Option<u64>, Option<Published>),
    out: &mut impl Write,
) -> io::Result<()> {
    let matches = match item.state {
        ContentState::Active => "",
        ContentState::Withdrawn | ContentState::Disputed => ", matches nothing",
    };
    let by_hand = if item.by_hand { " by hand" } else { "" };
    writeln!(
        out,
        "#{} in bank {bank}: {}{by_hand}{matches}",
        item.id,
        item.state.name()
    )?;
    if let Some(until) = paused {
        writeln!(out, "  matches nothing until {}", time(until))?;
    }
    if let Some(changed) = item.changed {
        writeln!(
            out,
            "  {} since {} in the store (revision {})",
            item.state.name(),
            time(changed.at),
            changed.revision
        )?;
        match in_force {
            Some(published) => writeln!(
                out,
                "  in force since {} (generation {})",
                time(published.at),
                published.generation
            )?,
            None => writeln!(out, "  not in force yet: run hashgate publish")?,
        }
    }
    for entry in &item.signals {
        writeln!(out, "  {}", entry.signal)?;
    }
    for opaque in &item.opaque {
        writeln!(out, "  {}: kept, not matched", opaque.kind)?;
    }
    if !item.labels.is_empty() {
        writeln!(out, "  labels: {}", item.labels.join(", "))?;
    }
    for source in item.sources() {
        let record = source.record.as_deref();
        let record = record.map_or_else(String::new, |record| format!(" record {record}"));
        writeln!(
            out,
            "  from {}{record}, since {}: {}",
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
    let votes = item.votes();
    writeln!(
        out,
        "  {} agree; {} positive, {} negative, {} seed",
        item.agreeing(),
        votes.positive,
        votes.negative,
        votes.seed
    )
}
