//! `hashgate policy …`: what policy says, whether a file is sound, and why something is decided so.

mod check;
mod explain;
mod show;

use crate::cli::{exit::Exit, home::Home};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Print the policies of all banks, config.toml and the store together, as a config.toml
    Show(show::ShowArgs),
    /// Check a policy file without putting it in force
    Check(check::CheckArgs),
    /// Walk through every rule that decides about a file or a hash
    Explain(explain::ExplainArgs),
}

impl PolicyCommand {
    /// Whether it asks an index folder of its own.
    pub(crate) fn is_given_index(&self) -> bool {
        match self {
            Self::Show(args) => args.index.is_some(),
            Self::Check(_) => false,
            Self::Explain(args) => args.index.is_given(),
        }
    }
}

pub(crate) fn run(command: PolicyCommand, home: &Home) -> anyhow::Result<Exit> {
    match command {
        PolicyCommand::Show(args) => show::run(&args, home),
        PolicyCommand::Check(args) => check::run(&args, home),
        PolicyCommand::Explain(args) => explain::run(&args, home),
    }
}
