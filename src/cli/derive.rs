//! `hashgate derive`: the limits of evidence derived again from pictures, and held against the table.
//!
//! Exit codes: 0; with `--check` 2 where a limit of the table is looser than the data allow.

use crate::bank::{Action, Policy};
use crate::cli::evaluate::files;
use crate::cli::inputs::LimitArgs;
use crate::cli::progress::Progress;
use crate::cli::{exit::Exit, output, stop};
use crate::evaluate::output::{write_derived_text, write_rows_csv};
use crate::evaluate::{
    DerivePlan, Derived, MadeElsewhere, Manifest, Plan, Watch, derive, read_looked_at,
};
use crate::gate::{Mode, VariantSet};
use crate::hash::SignalType;
use crate::rules::Table;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How what was derived is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Each picture, and changed copies of it, is asked about in an index of all pictures. A limit may be as \
    loose as it can be while no stranger passes because of it. Pictures whose content puts them into the test split \
    choose no limit.\nThe same pictures, seed and options give the same rows, byte for byte."
)]
pub(crate) struct DeriveArgs {
    /// Folder of pictures, with all that is below it
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,

    /// Only the pictures that this manifest names, which must be the very files: tab-separated package, version, path,
    /// sha256, split
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// Folder of copies that another program made, with a list `copies.tsv` of file, picture and change
    #[arg(long, value_name = "DIR")]
    copies_from: Option<PathBuf>,

    /// Copies of each picture that are made here, 0 to 20
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(0..=20))]
    copies: u8,

    /// Variants of each upload that are asked about, as scan's --variants takes them
    #[arg(long, value_name = "SET", default_value_t = VariantSet::STANDARD)]
    variants: VariantSet,

    /// Pictures within so many bits of each other, turned and mirrored too, are taken to be the same picture
    #[arg(long, value_name = "BITS", default_value_t = 47, value_parser = clap::value_parser!(u16).range(..=256))]
    same_within: u16,

    /// Pairs of pictures that somebody looked at, as evaluate's --looked-at takes them
    #[arg(long, value_name = "FILE")]
    looked_at: Option<PathBuf>,

    /// What all copies are drawn by
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Only so many pictures, evenly spread over the names
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,

    /// Longer side to which larger pictures are reduced before they are changed; 0 for never
    #[arg(long, value_name = "PIXELS", default_value_t = 1024)]
    working_side: u32,

    /// Worker threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// End with exit code 2 where a limit of the table is looser than the data allow, beyond its tolerance
    #[arg(long)]
    check: bool,

    /// How to write it to standard output
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,

    /// Write the rows as CSV to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    rows: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(args: &DeriveArgs) -> anyhow::Result<Exit> {
    let plan = plan(args)?;
    if let Some(path) = &args.rows {
        // Says early that a file cannot be written: the work takes long.
        output::file_or_stdout(Some(path))?;
    }
    let files = match &args.manifest {
        None => files(&args.corpus, args.sample)?,
        Some(_) if args.sample.is_some() => {
            bail!("--sample is for a folder: a manifest says which pictures there are")
        }
        Some(path) => {
            let shown = path.display();
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
            let manifest = Manifest::read(&text).with_context(|| shown.to_string())?;
            manifest.files(&args.corpus)?
        }
    };
    let table = Table::read()?;
    let stop = stop::on_request()?;
    let progress = Progress::of_items("pictures");
    let watch = Watch {
        stop: &stop,
        progress: &|done, total| progress.set(done, total),
    };
    let derived = derive(&plan, &files, &table, watch)?;
    drop(progress);
    write(args, &derived)?;
    let is_looser = derived.looser().next().is_some();
    Ok(Exit::of(false, args.check && is_looser))
}

fn plan(args: &DeriveArgs) -> anyhow::Result<DerivePlan> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let made_elsewhere = (args.copies_from.as_deref().map(made_elsewhere))
        .transpose()?
        .unwrap_or_default();
    Ok(DerivePlan {
        plan: Plan {
            seed: args.seed,
            modifications: "quick".parse()?,
            variants: vec![(args.variants.to_string(), args.variants)],
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
        copies: usize::from(args.copies),
        made_elsewhere,
    })
}

/// The list of copies that another program made.
fn made_elsewhere(folder: &Path) -> anyhow::Result<Vec<MadeElsewhere>> {
    let list = folder.join("copies.tsv");
    let shown = list.display();
    let text = std::fs::read_to_string(&list).with_context(|| format!("cannot read {shown}"))?;
    let mut made = Vec::new();
    for (line, row) in (1..).zip(text.lines()).skip(1) {
        let fields: Vec<&str> = row.split('\t').collect();
        let [file, of, change] = fields[..] else {
            bail!(
                "{shown}, line {line}: {} fields; write file, picture and change with tabs",
                fields.len()
            );
        };
        let is_name = Path::new(file).components().count() == 1 && !file.starts_with('.');
        if !is_name {
            bail!("{shown}, line {line}: {file:?} is no file of the folder");
        }
        made.push(MadeElsewhere {
            path: folder.join(file),
            of: of.to_owned(),
            change: change.to_owned(),
        });
    }
    Ok(made)
}

fn write(args: &DeriveArgs, derived: &Derived) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match args.format {
        Format::Text => write_derived_text(&mut out, derived)?,
        Format::Json => output::json(&mut out, derived)?,
    }
    out.flush()?;
    if let Some(path) = &args.rows {
        let mut file = output::file_or_stdout(Some(path))?;
        write_rows_csv(&mut file, derived)?;
        file.flush()?;
    }
    Ok(())
}
