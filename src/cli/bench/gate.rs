//! `hashgate bench gate`: what guesses cost, by the size of the index.

use super::measured::{ReportArgs, measured};
use super::search::DistributionArg;
use crate::cli::exit::Exit;
use crate::cli::inputs::LimitArgs;
use crate::gate::{Mode, VariantSet};
use crate::hash::{Family, SignalType};
use crate::measure::gate::{Plan, measure};
use crate::measure::{Size, Uploads};
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Each file is judged by one gate after the other; CPU a file is that of the whole process. Every run must come to \
    the same outcomes, and every picture that the index holds must match in each gate; otherwise the \
    exit code is 2 and there are no figures. A file that cannot be read ends it too.\n\
    Memory: some 250 bytes a hash. Space below --temp-dir: some 130 bytes a hash."
)]
pub(crate) struct GateArgs {
    /// Files and folders; folders are read with all that is below them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Numbers of made PDQ hashes in the index, joined by commas, beside those of every second picture
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "10k,1m"
    )]
    sizes: Vec<Size>,

    /// How the made hashes are spread
    #[arg(long, value_enum, value_name = "LAW", default_value = "correlated")]
    distribution: DistributionArg,

    /// Digests that the index has of each picture that it holds, beside PDQ, joined by commas: md5, sha1, sha256
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = digest)]
    digests: Vec<SignalType>,

    /// Folder to save the PDQ hashes of each index in, one a line: pdq-LAW-SIZE.hashes.txt
    #[arg(long, value_name = "DIR")]
    save_hashes: Option<PathBuf>,

    /// Sets of variants, joined by commas; the others are held against the first
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "none,standard"
    )]
    variants: Vec<SetArg>,

    /// How JPEGs are hashed: auto, exact or fast; see scan
    #[arg(long, value_name = "MODE", default_value = "exact")]
    mode: Mode,

    /// Measured runs, after one that warms the caches; of each file the median counts
    #[arg(long, value_name = "N", default_value = "3")]
    runs: NonZeroUsize,

    /// Folder for the temporary indexes [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    report: ReportArgs,
}

/// A set of variants that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SetArg {
    /// The picture as stored
    None,
    /// What is asked about by default
    Standard,
    /// More of each
    Thorough,
}

impl SetArg {
    const fn set(self) -> VariantSet {
        match self {
            Self::None => VariantSet::NONE,
            Self::Standard => VariantSet::STANDARD,
            Self::Thorough => VariantSet::THOROUGH,
        }
    }
}

/// The name of a kind of digest.
fn digest(name: &str) -> Result<SignalType, String> {
    let kind: SignalType = name.parse().map_err(|error| format!("{error}"))?;
    match kind.family() {
        Family::Digest => Ok(kind),
        _ => Err(format!(
            "{name} is no digest of a file's bytes; give md5, sha1 or sha256"
        )),
    }
}

pub(super) fn run(args: GateArgs) -> anyhow::Result<Exit> {
    measured(&args.report, "looking for files", |machine, watch| {
        let plan = Plan {
            uploads: Uploads {
                paths: args.paths.clone(),
                runs: args.runs.get(),
                temp_dir: args.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
                limits: args.limits.limits(),
            },
            sizes: args.sizes.iter().map(|size| size.0).collect(),
            distribution: args.distribution.distribution(),
            digests: args.digests.clone(),
            save: args.save_hashes.clone(),
            variants: args.variants.iter().map(|arg| arg.set()).collect(),
            mode: args.mode,
        };
        measure(&plan, machine, watch)
    })
}
