//! `hashgate evaluate`: how many modified copies of pictures are found, and what is flagged wrongly.

use crate::bank::{Action, Policy};
use crate::cli::inputs::LimitArgs;
use crate::cli::{benign, exit::Exit, output, progress::Progress, stop};
use crate::evaluate::output::{page, write_csv, write_markdown, write_text};
use crate::evaluate::{
    CorpusFile, Modifications, Plan, Report, Thumbnail, Watch, evaluate, read_looked_at, thumbnails,
};
use crate::gate::{Mode, VariantSet, VariantSetError};
use crate::hash::{Family, Quality, SignalType, Threshold};
use crate::scan::{Walk, WalkOptions, Walked};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the report is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// A table, as READMEs have it
    Markdown,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The bank of the evaluation holds one hash of each picture. Copies are made in memory, encoded, and \
    asked about as uploads are.\nThe same pictures, list, seed and options give the same files, byte for byte."
)]
pub(crate) struct EvaluateArgs {
    /// Folder of pictures, with all that is below it
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "list_modifications"
    )]
    corpus: Option<PathBuf>,

    /// List of PDQ hashes of harmless pictures, in any format that import reads: flags on them are
    /// counted as wrong, unless they are the same picture as the copied one (--same-within)
    #[arg(long, value_name = "LIST")]
    benign: Option<PathBuf>,

    /// What is done to the pictures: quick, standard, full, or names and families joined by commas
    #[arg(long, value_name = "SET", default_value = "standard")]
    modifications: Modifications,

    /// Print the names of the modifications and end
    #[arg(long)]
    list_modifications: bool,

    /// Sets of variants to ask by, as scan's --variants takes them; several are joined by commas or
    /// given one by one
    #[arg(long, value_name = "SET", default_values = DEFAULT_SETS)]
    variants: Vec<String>,

    /// Perceptual hashes to evaluate, joined by commas
    #[arg(
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "pdq"
    )]
    signals: Vec<SignalType>,

    /// Largest distance of a PDQ match, in bits (inclusive)
    #[arg(long, value_name = "BITS", default_value_t = Threshold::PDQ_DEFAULT.0,
        value_parser = clap::value_parser!(u16).range(..=i64::from(Policy::MAX_PDQ_THRESHOLD.0)))]
    threshold: u16,

    /// Largest distance of a match of 64-bit hashes, in bits (inclusive)
    #[arg(long, value_name = "BITS", default_value_t = Threshold::HASH64_DEFAULT.0,
        value_parser = clap::value_parser!(u16).range(..=i64::from(Policy::MAX_HASH64_THRESHOLD.0)))]
    threshold64: u16,

    /// Least PDQ quality of a picture and of its copies
    #[arg(long, value_name = "N", default_value_t = Quality::DEFAULT_MINIMUM.get(),
        value_parser = clap::value_parser!(u8).range(..=100))]
    min_quality: u8,

    /// How JPEGs are hashed: exact, fast or auto
    #[arg(long, value_name = "MODE", default_value_t = Mode::Exact)]
    mode: Mode,

    /// What all copies are drawn by
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Evaluate only so many pictures, evenly spread over the names
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,

    /// Longer side to which larger pictures are reduced before they are modified; 0 for never
    #[arg(long, value_name = "PIXELS", default_value_t = 1024)]
    working_side: u32,

    /// Entries within so many bits of a picture, turned and mirrored too, are taken to be the same
    /// picture: a flag on them is not wrong
    #[arg(long, value_name = "BITS", default_value_t = 47, value_parser = clap::value_parser!(u16).range(..=256))]
    same_within: u16,

    /// Pairs of a picture and an entry of the list that somebody looked at. Each line has two PDQ
    /// hashes, `same`, `part` or `other`, and what was seen, separated by tabs. A flag is not wrong
    /// if the pair is the same picture, or one is a part of the other. Such flags are counted apart
    #[arg(long, value_name = "FILE", requires = "benign")]
    looked_at: Option<PathBuf>,
    /// Give each entry the reach that the benign list leaves it, as calibrate --apply does; what
    /// counts as the same picture is left out
    #[arg(long, requires = "benign")]
    calibrated: bool,

    /// Worker threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// How to write the report to standard output
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,

    /// Write all figures as JSON to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,

    /// Write a row for each modification and set of variants as CSV to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    csv: Option<PathBuf>,

    /// Write a page with plots to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    /// Show on the page what each modification does, on one picture of the corpus
    #[arg(long, requires = "html", help_heading = "Output")]
    show_pictures: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

/// The sets that are asked by unless others are named.
const DEFAULT_SETS: [&str; 2] = ["none", "standard"];

/// The longer side of the page's pictures.
const THUMBNAIL_SIDE: u32 = 200;

pub(crate) fn run(args: EvaluateArgs) -> anyhow::Result<Exit> {
    if args.list_modifications {
        return list(&args.modifications);
    }
    let folder = args
        .corpus
        .as_deref()
        .context("name the folder: --corpus DIR")?;
    let plan = plan(&args)?;
    for path in [&args.json, &args.csv, &args.html].into_iter().flatten() {
        // Says early that a file cannot be written: the work takes long.
        output::file_or_stdout(Some(path))?;
    }
    let entries = args.benign.as_deref().map(benign::read).transpose()?;
    let files = files(folder, args.sample)?;
    let benign = args.benign.as_deref().map(name_of).zip(entries.as_deref());
    let benign = benign
        .as_ref()
        .map(|(name, entries)| (name.as_str(), *entries));
    let stop = stop::on_request()?;
    let progress = Progress::of_items("copies");
    let watch = Watch {
        stop: &stop,
        progress: &|done, total| progress.set(done, total),
    };
    let corpus = name_of(folder);
    let report = evaluate(&plan, &corpus, &files, benign, watch)?;
    let pictures = match args.show_pictures {
        true => shown(&plan, &files, &report)?,
        false => Vec::new(),
    };
    drop(progress);
    write(&args, &report, &pictures)?;
    Ok(Exit::Clean)
}

fn list(modifications: &Modifications) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    for modification in modifications.iter() {
        writeln!(out, "{modification}")?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn plan(args: &EvaluateArgs) -> anyhow::Result<Plan> {
    let mut signals = args.signals.clone();
    signals.sort_unstable();
    signals.dedup();
    if let Some(digest) = signals.iter().find(|kind| kind.family() == Family::Digest) {
        bail!(
            "{digest} changes with every byte: no copy can be found by it; name perceptual hashes"
        );
    }
    let mut policy = Policy::new(Action::Block);
    policy.threshold = Threshold(args.threshold);
    policy.threshold64 = Threshold(args.threshold64);
    policy.min_quality = Quality::new(args.min_quality).context("a quality is 0 to 100")?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    Ok(Plan {
        seed: args.seed,
        modifications: args.modifications.clone(),
        variants: sets(&args.variants)?,
        signals,
        policy,
        mode: args.mode,
        limits: args.limits.limits(),
        working_side: args.working_side,
        same_within: args.same_within,
        looked_at: (args.looked_at.as_deref().map(read_looked_at))
            .transpose()?
            .unwrap_or_default(),
        calibrated: args.calibrated,
        jobs: args.jobs.map_or_else(cores, usize::from),
    })
}

/// The sets of variants: each argument is one, or several named ones joined by commas.
pub(super) fn sets(arguments: &[String]) -> Result<Vec<(String, VariantSet)>, VariantSetError> {
    let mut sets: Vec<(String, VariantSet)> = Vec::new();
    for argument in arguments {
        let parsed = match argument.parse() {
            Ok(set) => vec![(argument.clone(), set)],
            // Not one set; then several.
            Err(_) => argument
                .split(',')
                .map(|name| Ok((name.trim().to_owned(), name.trim().parse()?)))
                .collect::<Result<_, VariantSetError>>()?,
        };
        sets.extend(parsed);
    }
    let mut names = std::collections::BTreeSet::new();
    sets.retain(|(name, _)| names.insert(name.clone()));
    Ok(sets)
}

/// The files of the corpus, by name, or a sample of them.
pub(super) fn files(corpus: &Path, sample: Option<u64>) -> anyhow::Result<Vec<CorpusFile>> {
    let options = WalkOptions {
        follow_links: false,
        sorted: true,
    };
    let mut files = Vec::new();
    for walked in Walk::new(&[corpus.to_path_buf()], options) {
        match walked {
            Walked::File(path) => {
                let below = path.strip_prefix(corpus).unwrap_or(&path);
                let name = below.to_string_lossy().into_owned();
                files.push(CorpusFile { path, name });
            }
            Walked::Failed(path, reason) => bail!("cannot read {}: {reason}", path.display()),
        }
    }
    if files.is_empty() {
        bail!("{} holds no file", corpus.display());
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let all = files.len() as u64;
    if let Some(sample) = sample.filter(|&sample| sample < all) {
        // The n-th of a sample stands at n/sample of the way.
        let chosen: std::collections::BTreeSet<u64> =
            (0..sample).map(|number| number * all / sample).collect();
        let mut place = 0..;
        files.retain(|_| place.next().is_some_and(|at| chosen.contains(&at)));
    }
    Ok(files)
}

/// What reports call a folder or a list: the last part of its path, so that no report tells how
/// this machine's folders are named.
fn name_of(path: &Path) -> String {
    let whole = path.canonicalize();
    let whole = whole.as_deref().unwrap_or(path);
    let last = whole.file_name().unwrap_or(whole.as_os_str());
    last.to_string_lossy().into_owned()
}

/// What the modifications do to the first picture that was evaluated.
fn shown(plan: &Plan, files: &[CorpusFile], report: &Report) -> anyhow::Result<Vec<Thumbnail>> {
    let left_out = |file: &&CorpusFile| {
        report
            .corpus
            .left_out
            .iter()
            .any(|one| one.file == file.name)
    };
    match files.iter().find(|file| !left_out(file)) {
        Some(file) => Ok(thumbnails(plan, file, THUMBNAIL_SIDE)?),
        None => Ok(Vec::new()),
    }
}

fn write(args: &EvaluateArgs, report: &Report, pictures: &[Thumbnail]) -> anyhow::Result<()> {
    let mut out = output::stdout();
    let command = command(args);
    match args.format {
        Format::Text => write_text(&mut out, report)?,
        Format::Json => output::json(&mut out, report)?,
        Format::Markdown => write_markdown(&mut out, report, &command)?,
    }
    out.flush()?;
    if let Some(path) = &args.json {
        let mut file = output::file_or_stdout(Some(path))?;
        output::json(&mut file, report)?;
        file.flush()?;
    }
    if let Some(path) = &args.csv {
        let mut file = output::file_or_stdout(Some(path))?;
        write_csv(&mut file, report)?;
        file.flush()?;
    }
    if let Some(path) = &args.html {
        output::page(path, &page(report, pictures, &command))?;
    }
    Ok(())
}

/// The command that gives the same figures, without what changes none: output files, jobs.
fn command(args: &EvaluateArgs) -> String {
    let mut words = vec!["hashgate evaluate".to_owned()];
    words.extend(
        args.corpus
            .as_deref()
            .map(|corpus| format!("--corpus {}", name_of(corpus))),
    );
    if let Some(benign) = &args.benign {
        words.push(format!("--benign {}", name_of(benign)));
    }
    if let Some(looked_at) = &args.looked_at {
        words.push(format!("--looked-at {}", name_of(looked_at)));
    }
    let mut given: Vec<&str> = args.modifications.iter().map(|one| one.name()).collect();
    for set in ["quick", "standard", "full"] {
        let is_set = |set: Modifications| set == args.modifications;
        if set.parse().is_ok_and(is_set) {
            given = vec![set];
        }
    }
    words.push(format!("--modifications {}", given.join(",")));
    for set in &args.variants {
        words.push(format!("--variants {set}"));
    }
    let signals: Vec<&str> = args.signals.iter().map(|kind| kind.name()).collect();
    words.push(format!("--signals {}", signals.join(",")));
    words.push(format!("--threshold {}", args.threshold));
    if args
        .signals
        .iter()
        .any(|kind| kind.family() == Family::Hash64)
    {
        words.push(format!("--threshold64 {}", args.threshold64));
    }
    words.push(format!("--min-quality {}", args.min_quality));
    words.push(format!("--mode {} --seed {}", args.mode, args.seed));
    if let Some(sample) = args.sample {
        words.push(format!("--sample {sample}"));
    }
    words.push(format!("--working-side {}", args.working_side));
    words.push(format!("--same-within {}", args.same_within));
    if args.calibrated {
        words.push("--calibrated".to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_variants_are_told_apart() {
        let names = |arguments: &[&str]| -> Vec<String> {
            let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
            sets(&arguments)
                .unwrap()
                .into_iter()
                .map(|set| set.0)
                .collect()
        };
        assert_eq!(names(&["none,standard"]), ["none", "standard"]);
        assert_eq!(
            names(&["none", "dihedral,frames"]),
            ["none", "dihedral,frames"]
        );
        assert_eq!(names(&["standard", "standard"]), ["standard"]);
        assert!(sets(&["none,sideways".to_owned()]).is_err());
    }

    #[test]
    fn a_sample_is_spread_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..10 {
            std::fs::write(folder.path().join(format!("{number}.jpg")), b"x").unwrap();
        }
        let names = |sample| -> Vec<String> {
            let files = files(folder.path(), sample).unwrap();
            files.into_iter().map(|file| file.name).collect()
        };
        assert_eq!(names(None).len(), 10);
        assert_eq!(names(Some(3)), ["0.jpg", "3.jpg", "6.jpg"]);
        assert_eq!(names(Some(99)).len(), 10);
    }
}
