//! `hashgate bench search`: an index is built, opened and asked.

use super::measured::{ReportArgs, measured, threads};
use crate::cli::exit::Exit;
use crate::hash::SignalType;
use crate::index::Memory;
use crate::measure::search::{Case, Plan, measure};
use crate::measure::{Distribution, Size};
use clap::{Args, ValueEnum};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "Of every pass some queries are held against a scan of all hashes, every batch \
    against the single queries, and every planted hash must be found; otherwise the exit code is 2 \
    and there are no figures.\n\
    Memory: some 250 bytes a hash. Space below --temp-dir: some 130 bytes a hash (pdq)."
)]
pub(crate) struct SearchArgs {
    /// Numbers of hashes in the index, joined by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1m")]
    sizes: Vec<Size>,

    /// Radii in bits, inclusive, joined by commas [default: 0,15,31,47 for pdq, 8,10 for 64 bits]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    radii: Vec<u16>,

    /// Signal type of the hashes: pdq or one of the 64-bit types
    #[arg(long, value_name = "TYPE", default_value = "pdq")]
    signal_type: SignalType,

    /// How the hashes are spread, joined by commas
    #[arg(
        long,
        value_enum,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "uniform,correlated"
    )]
    distributions: Vec<DistributionArg>,

    /// Different queries in a pass: half of them 0 to RADIUS bits off a hash of the index
    #[arg(long, value_name = "N", default_value = "16384")]
    queries: NonZeroUsize,

    /// Queries in a batch
    #[arg(long, value_name = "N", default_value = "1024")]
    batch: NonZeroUsize,

    /// Threads that batches are asked on, joined by commas; the index is built on the most
    /// [default: 1 and one for each core]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    threads: Vec<NonZeroUsize>,

    /// Queries of each pass that are held against a scan of all hashes
    #[arg(long, value_name = "N", default_value = "64")]
    check: NonZeroUsize,

    /// Seconds after which a pass asks no further queries
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    seconds: NonZeroU64,

    /// What the made hashes and queries follow from
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,

    /// How the index's bytes are held
    #[arg(long, value_enum, default_value = "mmap")]
    index_memory: MemoryArg,

    /// Take the hashes from a list, one in hexadecimal a line, instead of making them; without
    /// --query-file up to a tenth is held out and asked about
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sizes", "distributions"])]
    hashes: Option<PathBuf>,

    /// Take the queries from a list, one in hexadecimal a line, instead of making them
    #[arg(long, value_name = "FILE", conflicts_with = "queries")]
    query_file: Option<PathBuf>,

    /// Save the hashes and the queries to this folder, one in hexadecimal a line
    #[arg(long, value_name = "DIR")]
    save_hashes: Option<PathBuf>,

    /// Folder for the temporary index [default: the system's]
    #[arg(long, value_name = "DIR")]
    temp_dir: Option<PathBuf>,

    #[command(flatten)]
    report: ReportArgs,
}

/// How the index's bytes are held: see [`Memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MemoryArg {
    /// Mapped, read in by the system as they are needed
    Mmap,
    /// Mapped, and read in at once on opening
    Populate,
    /// Read into memory of the process's own
    Copy,
}

impl MemoryArg {
    const fn memory(self) -> Memory {
        match self {
            Self::Mmap => Memory::Mmap,
            Self::Populate => Memory::Populate,
            Self::Copy => Memory::Copy,
        }
    }
}

/// How made hashes are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DistributionArg {
    /// By chance; PDQ hashes with 128 of their 256 bits set, as real ones have
    Uniform,
    /// With bits that go together as those of real pictures do
    Correlated,
    /// In groups of unlike size, scattered around centres
    Clustered,
    /// Simple pictures and icons (PDQ), smooth gradients (64 bits): few values, heavy buckets
    Skewed,
    /// Half of all content items, a million at most, share one hash; the others share theirs with a few
    Duplicates,
}

impl DistributionArg {
    pub(super) const fn distribution(self) -> Distribution {
        match self {
            Self::Uniform => Distribution::Uniform,
            Self::Correlated => Distribution::Correlated,
            Self::Clustered => Distribution::Clustered,
            Self::Skewed => Distribution::Skewed,
            Self::Duplicates => Distribution::Duplicates,
        }
    }
}

pub(super) fn run(args: SearchArgs) -> anyhow::Result<Exit> {
    measured(&args.report, "making hashes", |machine, watch| {
        measure(&plan(&args), machine, watch)
    })
}

fn plan(args: &SearchArgs) -> Plan {
    let made = |arg: &DistributionArg| {
        let law = arg.distribution();
        args.sizes.iter().map(move |size| Case::Made(law, size.0))
    };
    Plan {
        kind: args.signal_type,
        cases: match &args.hashes {
            Some(path) => vec![Case::Given(path.clone())],
            None => args.distributions.iter().flat_map(made).collect(),
        },
        radii: args.radii.clone(),
        queries: args.queries.get(),
        query_file: args.query_file.clone(),
        batch: args.batch.get(),
        threads: threads(&args.threads),
        check: args.check.get(),
        at_most: Duration::from_secs(args.seconds.get()),
        seed: args.seed,
        memory: args.index_memory.memory(),
        save: args.save_hashes.clone(),
        temp_dir: args.temp_dir.clone().unwrap_or_else(std::env::temp_dir),
    }
}
