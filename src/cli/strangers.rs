//! `hashgate strangers`: wrong flags at the size of real lists.
//!
//! Exit code 0, or 2 where it failed.

use crate::bank::{Action, Policy};
use crate::cli::evaluate::{files, sets};
use crate::cli::inputs::LimitArgs;
use crate::cli::progress::Progress;
use crate::cli::{exit::Exit, output, stop};
use crate::evaluate::output::{write_pairs_csv, write_strangers_jsonl, write_strangers_text};
use crate::evaluate::{Modifications, Plan, StrangersPlan, Watch, read_looked_at, strangers};
use crate::gate::Mode;
use crate::hash::SignalType;
use crate::measure::Size;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// How it is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The lists hold hashes of crops of the corpus's pictures, laid down in all eight ways: real strangers. \
    Pictures whose content puts them into the test split are asked about, as they are and as changed copies. Whatever \
    flags them is wrong, unless the two are the same picture (--same-within, --looked-at).\nThe same pictures, seed and \
    options give the same counts."
)]
pub(crate) struct StrangersArgs {
    /// Folder of pictures, with all that is below it
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,

    /// Hashes of the lists, joined by commas: 10k, 1m, 10m. Ten million take 1.3 GB, twice that while they are sorted
    #[arg(
        long,
        value_name = "SIZES",
        value_delimiter = ',',
        default_value = "10k,1m"
    )]
    sizes: Vec<Size>,

    /// Sets of variants to ask by, as scan's --variants takes them; several are joined by commas or given one by one
    #[arg(long, value_name = "SET", default_values = ["none", "standard"])]
    variants: Vec<String>,

    /// What is done to the pictures that are asked about, as evaluate's --modifications takes it
    #[arg(long, value_name = "SET", default_value = "quick")]
    modifications: Modifications,

    /// Ask about so many pictures at most, evenly spread
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    uploads: Option<u32>,

    /// Pictures within so many bits of each other, turned and mirrored too, are taken to be the same picture
    #[arg(long, value_name = "BITS", default_value_t = 47, value_parser = clap::value_parser!(u16).range(..=256))]
    same_within: u16,

    /// Pairs of pictures that somebody looked at, as evaluate's --looked-at takes them
    #[arg(long, value_name = "FILE")]
    looked_at: Option<PathBuf>,

    /// What lists and copies are drawn by
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Longer side to which larger pictures are reduced; 0 for never
    #[arg(long, value_name = "PIXELS", default_value_t = 1024)]
    working_side: u32,

    /// Worker threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// How to write it to standard output
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,

    /// Write the pairs of pictures that were flagged as CSV to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pairs: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &StrangersArgs) -> anyhow::Result<Exit> {
    let plan = plan(args)?;
    if let Some(path) = &args.pairs {
        // Says early that a file cannot be written: the work takes long.
        output::file_or_stdout(Some(path))?;
    }
    let files = files(&args.corpus, None)?;
    let stop = stop::on_request()?;
    let progress = Progress::of_items("pictures");
    let watch = Watch {
        stop: &stop,
        progress: &|done, total| progress.set(done, total),
    };
    let found = strangers(&plan, &files, watch)?;
    drop(progress);
    let mut out = output::stdout();
    match args.format {
        Format::Text => write_strangers_text(&mut out, &found)?,
        Format::Jsonl => write_strangers_jsonl(&mut out, &found)?,
    }
    out.flush()?;
    if let Some(path) = &args.pairs {
        let mut file = output::file_or_stdout(Some(path))?;
        write_pairs_csv(&mut file, &found)?;
        file.flush()?;
    }
    Ok(Exit::Clean)
}

fn plan(args: &StrangersArgs) -> anyhow::Result<StrangersPlan> {
    let mut sizes: Vec<u64> = args.sizes.iter().map(|size| size.0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    if let Some(size) = sizes.iter().find(|size| **size > StrangersPlan::MOST) {
        anyhow::bail!(
            "{size} hashes are more than {}: name a smaller list",
            StrangersPlan::MOST
        );
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(StrangersPlan {
        plan: Plan {
            seed: args.seed,
            modifications: args.modifications.clone(),
            variants: sets(&args.variants)?,
            signals: vec![SignalType::Pdq],
            policy: Policy::new(Action::Block),
            mode: Mode::Exact,
            limits: args.limits.limits(),
            working_side: args.working_side,
            same_within: args.same_within,
            looked_at: (args.looked_at.as_deref().map(read_looked_at))
                .transpose()?
                .unwrap_or_default(),
            calibrated: false,
            jobs: args.jobs.map_or_else(cores, usize::from),
        },
        sizes,
        uploads: args.uploads.map(|most| most as usize),
    })
}
