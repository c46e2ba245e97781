//! `hashgate decisions …`: the log of decisions shown, checked, and decided anew.

mod chosen;
mod replay;
mod show;
mod verify;

pub(crate) use verify::describe;

use crate::cli::{exit::Exit, home::Home, output};
use crate::decisions::{Finding, Torn};
use clap::{Args, Subcommand};
use std::path::PathBuf;

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

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Folder of the log [default: decisions in the home folder]
    #[arg(long = "log", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl LogArgs {
    fn folder(&self, home: &Home) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| home.decisions())
    }
}

pub(crate) fn run(command: DecisionsCommand, home: &Home) -> anyhow::Result<Exit> {
    match command {
        DecisionsCommand::Show(args) => show::run(&args, home),
        DecisionsCommand::Verify(args) => verify::run(&args, home),
        DecisionsCommand::Replay(args) => replay::run(&args, home),
    }
}

/// Says what a crash has left of a log.
pub(crate) fn warn_of_torn(torn: &[Torn]) {
    for torn in torn {
        output::warn(format_args!(
            "hashgate: warning: the last write to {} was cut off: {} bytes that were no whole line are \
             now in {}; what was acknowledged is there",
            torn.file.display(),
            torn.bytes,
            torn.kept_as.display()
        ));
    }
}

/// Says what is wrong with a log that was read for another reason.
fn warn_of(findings: &[Finding]) {
    for finding in findings.iter().take(3) {
        output::warn(format_args!("hashgate: warning: {finding}"));
    }
    if !findings.is_empty() {
        output::warn("hashgate: the log is not whole: run hashgate decisions verify");
    }
}
