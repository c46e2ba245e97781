//! `hashgate policy show`: all policies, as a policy file.

use crate::bank::BankName;
use crate::cli::{config, exit::Exit, home::Home, output};
use crate::index::Index;
use crate::policy;
use crate::store::BankStore;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// How policies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As a config.toml that says the same
    Toml,
    /// One JSON object for each bank
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Only these banks
    banks: Vec<BankName>,

    /// What is in force in this index folder [default: what the next publish puts in force]
    #[arg(long, value_name = "DIR")]
    pub(super) index: Option<PathBuf>,

    /// What is in force in the home folder's index
    #[arg(long, conflicts_with = "index")]
    in_force: bool,

    /// How to write them
    #[arg(long, value_enum, default_value = "toml")]
    format: Format,
}

pub(crate) fn run(args: &ShowArgs, home: &Home) -> anyhow::Result<Exit> {
    let folder = (args.index.clone()).or_else(|| args.in_force.then(|| home.index()));
    let (banks, carried) = match folder {
        Some(folder) => {
            let index = Index::open(&folder)?;
            (index.banks().to_vec(), index.carried().clone())
        }
        None => {
            let file = config::load(home)?;
            let mut banks = BankStore::open_read_only(&home.store())?.banks()?;
            let carried = config::lay_over(&file, &mut banks)?;
            (banks, carried)
        }
    };
    let banks = config::chosen(banks, &args.banks)?;
    let mut out = output::stdout();
    match args.format {
        Format::Toml => {
            let text = policy::write(&banks, &carried.labels, carried.sources);
            out.write_all(text.as_bytes())?;
        }
        Format::Jsonl => {
            for bank in &banks {
                let record = json!({ "bank": bank.name, "policy": bank.policy });
                writeln!(out, "{record}")?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}
