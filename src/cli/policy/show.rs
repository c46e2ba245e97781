//! `hashgate policy show`: all policies, as a policy file.

use crate::bank::{Bank, BankName};
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::policy::{Policies, PolicyRecord};
use crate::index::Index;
use crate::policy;
use clap::{Args, ValueEnum};
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
    let policies = match folder {
        Some(folder) => Policies::in_force(&Index::open(&folder)?),
        #[cfg(feature = "curation")]
        None => crate::curation::banks::policies(home)?,
        #[cfg(not(feature = "curation"))]
        None => anyhow::bail!(
            "this is the small command, which has no store: say --index DIR, or --in-force for the \
             home folder's index"
        ),
    };
    let Policies {
        banks,
        unread,
        carried,
        ..
    } = policies.only(&args.banks)?;
    // It is said of no bank.
    let unread = unread.filter(|_| args.banks.is_empty());
    let mut out = output::stdout();
    match args.format {
        Format::Toml => {
            let text = policy::write(&banks, unread, &carried.labels, carried.sources);
            out.write_all(text.as_bytes())?;
        }
        Format::Jsonl => {
            for Bank { name, policy, .. } in banks {
                output::json_line(&mut out, &PolicyRecord { bank: name, policy })?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}
