//! `hashgate policy explain`: every entry that an input matched or almost matched, and what policy
//! says.

use crate::cli::advice;
use crate::cli::inputs::{IndexArgs, VariantArgs};
use crate::cli::{exit::Exit, home::Home, output};
use crate::clock;
use crate::curation::explain::{self, ExplainError, ExplanationRecord};
use crate::gate::{Gate, GateOptions};
use clap::{Args, ValueEnum};
use std::io::Write;

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
    #[arg(long, value_name = "DATE", value_parser = clock::date)]
    at: Option<u64>,

    #[command(flatten)]
    pub(super) index: IndexArgs,

    #[command(flatten)]
    variants: VariantArgs,
}

pub(crate) fn run(args: &ExplainArgs, home: &Home) -> anyhow::Result<Exit> {
    let options = GateOptions {
        index_memory: args.index.memory(),
        variants: args.variants.variants,
        at: args.at,
        ..GateOptions::default()
    };
    let gate = Gate::open_with(args.index.folder(home), options)?;
    #[cfg(feature = "curation")]
    let store = match args.index.is_given() {
        true => None,
        false => explain::store_of(home)?,
    };
    let mut out = output::stdout();
    let (mut matched, mut failed) = (false, false);
    for input in &args.inputs {
        let mut explained = explain::explain(&gate, input).map_err(|error| match error {
            ExplainError::File { input, problem } => {
                anyhow::anyhow!("{input}: {}", advice::problem(&problem))
            }
            error => error.into(),
        })?;
        #[cfg(feature = "curation")]
        if let Some(store) = &store {
            explained.look_in(store)?;
        }
        advice::add_to(&mut explained.explanation.verdict);
        let verdict = &explained.explanation.verdict;
        matched |= verdict.outcome.is_flagged(verdict.action);
        failed |= !verdict.outcome.is_judged();
        match args.format {
            Format::Text => write!(out, "{explained}")?,
            Format::Json => output::json_line(&mut out, &ExplanationRecord::from(&explained))?,
        }
    }
    out.flush()?;
    Ok(Exit::of(matched, failed))
}
