//! `hashgate hashset …`: hash set bundles, the keys that vouch for them, and what is doubtful in
//! banks.
//!
//! Signatures are minisign's: keys that `minisign` makes sign and verify here, and the other way
//! round.

mod bundle;
mod lint;
mod lint_page;

pub(crate) use bundle::with_advice;

use crate::cli::{exit::Exit, home::Home};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum HashsetCommand {
    /// Make a pair of keys to sign bundles with
    Keygen(bundle::KeygenArgs),
    /// Sign a bundle
    Sign(bundle::SignArgs),
    /// Check that a bundle is whole, signed by a key, and not expired
    Verify(bundle::VerifyArgs),
    /// Show what a bundle says of itself
    Inspect(bundle::InspectArgs),
    /// Look for what is doubtful in banks: duplicates, conflicts, harmless pictures, flat hashes,
    /// clusters
    Lint(lint::LintArgs),
}

pub(crate) fn run(
    command: HashsetCommand,
    home: impl FnOnce() -> anyhow::Result<Home>,
) -> anyhow::Result<Exit> {
    match command {
        HashsetCommand::Keygen(args) => bundle::keygen(&args),
        HashsetCommand::Sign(args) => bundle::sign(&args),
        HashsetCommand::Verify(args) => bundle::verify(&args),
        HashsetCommand::Inspect(args) => bundle::inspect(&args),
        HashsetCommand::Lint(args) => lint::run(&args, &home()?),
    }
}
