//! `hashgate status`: what is in the home folder, and whether the index is up to date.

use crate::cli::bank::calibrated;
use crate::cli::{config, exit::Exit, home::Home, output};
use crate::hamming::Kernel;
use crate::index::{Index, IndexError};
use crate::store::{BankCounts, BankStore, StoreError};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::Write;

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
}

pub(crate) fn run(args: StatusArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = match BankStore::open_read_only(&home.store()) {
        Ok(store) => Some(store),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let index = match Index::open(&home.index()) {
        Ok(index) => Some(index),
        Err(IndexError::NotPublished { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let policy = policy_state(home, store.as_ref(), index.as_ref())?;
    let up_to_date = match (&store, &index) {
        (Some(store), Some(index)) => {
            let (snapshot, stats) = (store.snapshot()?, index.stats());
            snapshot.revision == stats.store_revision
                && snapshot.mark()? == stats.store_mark
                && policy == PolicyState::InForce
        }
        (None, None) => true,
        _ => false,
    };
    let mut out = output::stdout();
    if args.format == Format::Jsonl {
        let record = json!({
            "home": home.folder().to_string_lossy(),
            "store": store.as_ref().map(|store| json!({ "revision": store.revision() })),
            "banks": banks(store.as_ref())?,
            "index": index.as_ref().map(index_record),
            "up_to_date": up_to_date,
            "policy": policy.name(),
            "kernel": Kernel::detect()?.name(),
            "program_version": env!("CARGO_PKG_VERSION"),
        });
        writeln!(out, "{record}")?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    writeln!(out, "home     {}", home.folder().display())?;
    match &store {
        Some(store) => {
            let banks = store.banks()?;
            let mut items = 0;
            let mut reaches = BankCounts::default();
            for bank in &banks {
                let counts = store.counts(bank.id)?;
                items += counts.items;
                reaches.calibrated += counts.calibrated;
                for (kind, count) in counts.signals {
                    *reaches.signals.entry(kind).or_default() += count;
                }
            }
            writeln!(
                out,
                "store    revision {}, {}, {items} entries",
                store.revision(),
                output::plural(banks.len() as u64, "bank")
            )?;
            if let Some(text) = calibrated(&reaches) {
                writeln!(out, "         {text}")?;
            }
        }
        None => writeln!(
            out,
            "store    none yet: hashgate bank create NAME --action block"
        )?,
    }
    match &index {
        Some(index) => {
            let stats = index.stats();
            writeln!(
                out,
                "index    generation {}, {}, {} bytes",
                index.generation(),
                output::plural(stats.segments as u64, "segment"),
                stats.bytes
            )?;
            for held in &stats.types {
                writeln!(
                    out,
                    "           {:<16} {} distinct",
                    held.signal_type, held.hashes
                )?;
            }
            let state = if up_to_date {
                "up to date with the store"
            } else {
                "older than the store, or of another one: hashgate publish"
            };
            writeln!(out, "         {state}")?;
        }
        None => writeln!(out, "index    none yet: hashgate publish")?,
    }
    writeln!(out, "policy   {}", policy.for_people())?;
    writeln!(out, "kernel   {}", Kernel::detect()?.name())?;
    writeln!(out, "version  {}", env!("CARGO_PKG_VERSION"))?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// How config.toml and the index in force go together.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PolicyState {
    /// What it says is in force.
    InForce,
    /// The next publish puts in force what it says.
    Changed,
    /// It cannot be used: why.
    Faulty(String),
}

impl PolicyState {
    const fn name(&self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Changed => "changed",
            Self::Faulty(_) => "faulty",
        }
    }

    fn for_people(&self) -> String {
        match self {
            Self::InForce => "in force".to_owned(),
            Self::Changed => "changed since the index was published: hashgate publish".to_owned(),
            Self::Faulty(error) => format!("cannot be put in force: {error}"),
        }
    }
}

fn policy_state(
    home: &Home,
    store: Option<&BankStore>,
    index: Option<&Index>,
) -> anyhow::Result<PolicyState> {
    let mut banks = match store {
        Some(store) => store.banks()?,
        None => Vec::new(),
    };
    let laid = config::load(home).and_then(|file| config::lay_over(&file, &mut banks));
    Ok(match (laid, index) {
        (Err(error), _) => PolicyState::Faulty(format!("{error:#}")),
        (Ok(carried), Some(index)) if index.banks() == banks && *index.carried() == carried => {
            PolicyState::InForce
        }
        (Ok(_), None) if banks.is_empty() => PolicyState::InForce,
        _ => PolicyState::Changed,
    })
}

fn banks(store: Option<&BankStore>) -> anyhow::Result<Vec<serde_json::Value>> {
    let Some(store) = store else {
        return Ok(Vec::new());
    };
    let mut list = Vec::new();
    for bank in store.banks()? {
        let counts = store.counts(bank.id)?;
        list.push(json!({
            "bank": bank.name,
            "policy": bank.policy,
            "items": counts.items,
            "calibrated": counts.calibrated,
        }));
    }
    Ok(list)
}

fn index_record(index: &Index) -> serde_json::Value {
    let stats = index.stats();
    let hashes: serde_json::Map<String, serde_json::Value> = stats
        .types
        .iter()
        .map(|held| (held.signal_type.name().to_owned(), json!(held.hashes)))
        .collect();
    json!({
        "generation": index.generation(),
        "segments": stats.segments,
        "bytes": stats.bytes,
        "hashes": hashes,
        "store_revision": stats.store_revision,
    })
}
