//! `hashgate policy explain`: every entry that an input met or nearly met, and what policy says.

use super::explain_text;
use crate::bank::{ContentItem, Origin, Step};
use crate::cli::advice;
use crate::cli::inputs::{IndexArgs, VariantArgs};
use crate::cli::{exit::Exit, home::Home, output};
use crate::gate::{Considered, Explanation, Gate, GateOptions, read_file};
use crate::hash::Signal;
use crate::hashset::{self, ListFormat};
use crate::policy;
use crate::store::{BankStore, StoreError};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

/// How explanations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each input
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Files, or hashes (TYPE:HEX, bare hex of a pdq, md5 or sha1); what is a file is taken as one
    #[arg(required = true, value_name = "HASH|FILE")]
    inputs: Vec<String>,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// As it would be decided at that time: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC) [default: now]
    #[arg(long, value_name = "DATE", value_parser = policy::date)]
    at: Option<u64>,

    #[command(flatten)]
    pub(super) index: IndexArgs,

    #[command(flatten)]
    variants: VariantArgs,
}

/// What is explained of one input.
pub(super) struct Explained<'a> {
    pub(super) input: &'a str,
    pub(super) explanation: Explanation,
    /// Entries of the store that have one of its hashes and are not in the index.
    pub(super) only_in_store: Vec<ContentItem>,
}

pub(crate) fn run(args: &ExplainArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        variants: args.variants.variants,
        at: args.at,
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&args.index.folder(home), options)?;
    let store = match args.index.is_given() {
        true => None,
        false => match BankStore::open_read_only(&home.store()) {
            Ok(store) => Some(store),
            Err(StoreError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let mut out = output::stdout();
    let (mut matched, mut failed) = (false, false);
    for input in &args.inputs {
        let explanation = explain(&gate, input)?;
        let verdict = &explanation.verdict;
        matched |= verdict.outcome.is_flagged(verdict.action);
        failed |= !verdict.outcome.is_judged();
        let only_in_store = match &store {
            Some(store) => only_in_store(store, &explanation)?,
            None => Vec::new(),
        };
        let explained = Explained {
            input,
            explanation,
            only_in_store,
        };
        match args.format {
            Format::Text => explain_text::write(&mut out, &explained)?,
            Format::Json => {
                serde_json::to_writer(&mut out, &record(&explained))?;
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::of(matched, failed))
}

fn explain(gate: &Gate, input: &str) -> anyhow::Result<Explanation> {
    if Path::new(input).exists() {
        let mut bytes = Vec::new();
        let most = gate.options().limits.max_file_bytes;
        if let Err(problem) = read_file(Path::new(input), most, &mut bytes) {
            bail!("{input}: {}", advice::problem(&problem));
        }
        return Ok(gate.explain(&bytes));
    }
    let mut found = None;
    let read = hashset::read(input.as_bytes(), ListFormat::Typed, &mut |row| {
        found = row.ok().and_then(|record| record.signals.first().copied());
        ControlFlow::Break(())
    });
    read.with_context(|| input.to_owned())?;
    match found {
        Some(asked) => Ok(gate.explain_signal(&asked.signal, asked.quality)),
        None => bail!("{input:?} is no file and no hash (TYPE:HEX)"),
    }
}

/// Entries that have the very same hash and are not among those that were met.
fn only_in_store(store: &BankStore, explanation: &Explanation) -> anyhow::Result<Vec<ContentItem>> {
    let met: Vec<_> = explanation
        .considered
        .iter()
        .map(|one| one.content_id)
        .collect();
    let signals: &[Signal] = &explanation.verdict.signals;
    let mut items: Vec<ContentItem> = Vec::new();
    for signal in signals {
        for id in store.find(signal)? {
            if !met.contains(&id) && !items.iter().any(|item| item.id == id) {
                items.extend(store.item(id)?);
            }
            if items.len() >= Explanation::MOST {
                return Ok(items);
            }
        }
    }
    Ok(items)
}

/// What `--format json` says of one input.
fn record(explained: &Explained<'_>) -> Value {
    let verdict = &explained.explanation.verdict;
    let considered = explained.explanation.considered.iter();
    let only = explained.only_in_store.iter();
    json!({
        "input": explained.input,
        "outcome": verdict.outcome,
        "action": verdict.action_name(),
        "error": verdict.problem.as_ref().map(advice::problem),
        "index_generation": verdict.generation,
        "considered": considered.map(entry).collect::<Vec<_>>(),
        "left_out": explained.explanation.left_out,
        "only_in_store": only.map(|item| json!({
            "content_id": item.id,
            "state": item.due_state(),
            "agreeing": item.agreeing(),
            "labels": item.labels,
        })).collect::<Vec<_>>(),
    })
}

fn entry(one: &Considered) -> Value {
    let (found, why_not) = match &one.result {
        Ok(found) => (Some(found), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    json!({
        "bank": one.bank,
        "content_id": one.content_id,
        "signal_type": one.entry.signal_type(),
        "hash": one.entry.hex(),
        "quality": one.entry_quality,
        "entry_form": one.entry_form,
        "reach": one.reach,
        "query": one.query.hex(),
        "variant": one.variant.to_string(),
        "distance": one.distance,
        "labels": one.labels,
        "sources": one.sources,
        "match": found,
        "why_not": why_not,
        "rules": one.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    let from = match &step.from {
        Origin::Store => "store".to_owned(),
        file @ Origin::File { .. } => file.to_string(),
    };
    json!({
        "setting": step.set.name(),
        "value": step.set.to_string().trim_matches('"'),
        "scope": step.scope,
        "from": from,
        "counts": step.counts,
    })
}
