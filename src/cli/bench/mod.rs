//! `hashgate bench`: arguments and output of what `measure` measures.

mod gate;
mod measured;
mod pipeline;
mod search;

use crate::cli::exit::Exit;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure searching an index, of made hashes or of given ones
    Search(search::SearchArgs),
    /// Measure what guesses cost: gates that ask about more and more, in indexes of growing size
    Gate(gate::GateArgs),
    /// Measure reading, decoding, hashing and searching files
    Pipeline(pipeline::PipelineArgs),
}

pub(crate) fn run(command: BenchCommand) -> anyhow::Result<Exit> {
    match command {
        BenchCommand::Search(args) => search::run(args),
        BenchCommand::Gate(args) => gate::run(args),
        BenchCommand::Pipeline(args) => pipeline::run(args),
    }
}
