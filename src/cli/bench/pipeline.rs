//! `hashgate bench pipeline`: the whole way of a file, from its path to a verdict.

use super::measured::{ReportArgs, measured, threads};
use crate::cli::exit::Exit;
use crate::cli::inputs::{LimitArgs, VariantArgs};
use crate::measure::pipeline::{Plan, measure};
use crate::measure::{Size, Uploads};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Every run must come to the same outcomes, and every picture that the index holds \
    must match in each; otherwise the exit code is 2 and there are no figures. What could not be \
    judged is counted and does not change the exit code."
)]
pub(crate) struct PipelineArgs {
    /// Files and folders; folders are read with all that is below them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Numbers of worker threads, joined by commas [default: 1 and one for each core]
    #[arg(short, long, value_name = "LIST", value_delimiter = ',')]
    jobs: Vec<NonZeroUsize>,

    /// Measured runs for each number of jobs, after one that warms the file cache; the median counts
    #[arg(long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,

    /// Made PDQ hashes in the index, beside those of every second picture
    #[arg(long, value_name = "N", default_value = "1m")]
    hashes: Size,

    /// Folder for the temporary index [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,

    #[command(flatten)]
    variants: VariantArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    report: ReportArgs,
}

pub(super) fn run(args: PipelineArgs) -> anyhow::Result<Exit> {
    measured(&args.report, "looking for files", |machine, watch| {
        let plan = Plan {
            uploads: Uploads {
                paths: args.paths.clone(),
                runs: args.runs.get(),
                temp_dir: args.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
                limits: args.limits.limits(),
            },
            jobs: threads(&args.jobs),
            hashes: args.hashes.0,
            variants: args.variants.variants,
        };
        measure(&plan, machine, watch)
    })
}
