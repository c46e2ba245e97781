//! `hashgate decisions …`: the log of decisions shown, checked, and decided anew.

mod chosen;
mod log;
mod replay;
mod show;
mod verify;

#[cfg(feature = "curation")]
pub(crate) use verify::describe;

pub(crate) use log::warn_of_torn;

use crate::cli::{exit::Exit, home::Home};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum DecisionsCommand {
    /// Print decisions, or where the log ends
    Show(show::ShowArgs),
    /// Check the log's chain: every line, every file, and its end
    Verify(verify::VerifyArgs),
    /// Decide anew by the index in force, and say what would be different and why
    Replay(replay::ReplayArgs),
}

impl DecisionsCommand {
    /// Whether it is told where everything is, so that no home is needed.
    pub(crate) fn needs_no_home(&self) -> bool {
        match self {
            Self::Show(args) => args.chosen.log.folder.is_some(),
            Self::Verify(args) => args.log.folder.is_some(),
            Self::Replay(args) => args.chosen.log.folder.is_some() && args.index.is_given(),
        }
    }
}

pub(crate) fn run(command: DecisionsCommand, home: &Home) -> anyhow::Result<Exit> {
    match command {
        DecisionsCommand::Show(args) => show::run(&args, home),
        DecisionsCommand::Verify(args) => verify::run(&args, home),
        DecisionsCommand::Replay(args) => replay::run(&args, home),
    }
}
