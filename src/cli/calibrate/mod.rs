//! `hashgate calibrate`: a bank's entries and thresholds, judged by a sample of harmless pictures.

mod apply;

use crate::cli::advice;
use crate::cli::inputs::{IndexArgs, LimitArgs, VariantArgs};
use crate::cli::{benign, exit::Exit, home::Home, output, progress::Progress, stop};
use crate::evaluate::output::{calibration_page, write_calibration_text};
use crate::evaluate::{Calibration, Guessed, HarmlessUpload, ScannedFile, calibrate};
use crate::gate::{Extractor, MatchKind, read_file};
use crate::hash::{Family, Quality, Signal, SignalType};
use crate::index::Index;
use crate::scan::{Walk, WalkOptions, Walked, escaped};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How the report is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_help = "An entry's safe reach is the largest radius, up to 60 bits, such that no hash of the sample lies within it and 8 \
    bits more.\nOf a folder of pictures, guesses at their originals count too where one is flagged, or is \
    once it is fitted to an entry.\nA picture itself, turned or mirrored, matches within its bank's threshold, however far the entry reaches.\nRates carry the exact 95 % interval; where nothing was flagged, its upper end is 3 in the number of uploads."
)]
pub(crate) struct CalibrateArgs {
    /// The sample: a list of PDQ hashes of harmless pictures, in any format that import reads, or a
    /// folder of such pictures, which are asked about by all their variants; may be given several times
    #[arg(long, value_name = "LIST|DIR", required_unless_present = "clear")]
    benign: Vec<PathBuf>,

    /// Write each entry's reach into the store, in the place of what it had. Guesses at the originals of uploads then match the
    /// entry no farther out, and nothing is verified farther out
    #[arg(long)]
    apply: bool,

    /// Take the reaches of all entries away again
    #[arg(long, conflicts_with_all = ["benign", "apply", "scan", "format", "json", "html"])]
    clear: bool,

    /// What another threshold would have changed in a past scan: the file that
    /// `scan --format jsonl --output FILE` wrote
    #[arg(long, value_name = "FILE")]
    scan: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) index: IndexArgs,

    #[command(flatten)]
    variants: VariantArgs,

    /// How to write the report to standard output
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,

    /// Write all figures as JSON to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,

    /// Write a page with plots to a file too; it is replaced
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitArgs,
}

/// A longer line of a scan is none of a scan.
const LONGEST_LINE: u64 = 16 << 20;

pub(crate) fn run(args: CalibrateArgs, home: &Home) -> anyhow::Result<Exit> {
    if args.clear {
        let stop = stop::on_request()?;
        return apply::clear(home, &stop);
    }
    let index = Index::open_with(&args.index.folder(home), args.index.memory())?;
    args.index.log(&index);
    for path in [&args.json, &args.html].into_iter().flatten() {
        output::file_or_stdout(Some(path))?;
    }
    if args.apply {
        // Says early that there is no store, or that another program writes to it: the work takes long.
        drop(crate::store::BankStore::open_existing(&home.store())?);
    }
    let scan = args.scan.as_deref().map(past_scan).transpose()?;
    let stop = stop::on_request()?;
    let progress = Progress::of_items("harmless uploads");
    let tell = |done, total| progress.set(done, total);
    let (mut uploads, mut names) = (Vec::new(), Vec::new());
    for benign in &args.benign {
        uploads.extend(sample(&args, (&index, benign), &stop, &tell)?);
        let name = benign.file_name().unwrap_or(benign.as_os_str());
        names.push(name.to_string_lossy());
    }
    let name = names.join(" + ");
    let found = calibrate(&index, &name, &uploads, scan.as_deref(), &stop, &tell);
    drop(progress);
    let Some((calibration, reaches)) = found else {
        bail!("stopped before it was done: there is no result");
    };
    write(&args, &calibration)?;
    match (args.apply, args.format) {
        (false, _) => Ok(Exit::Clean),
        (true, Format::Text) => apply::apply(&index, &reaches, home, &stop, &mut output::stdout()),
        // Standard output is one JSON object.
        (true, Format::Json) => apply::apply(&index, &reaches, home, &stop, &mut std::io::stderr()),
    }
}

fn sample(
    args: &CalibrateArgs,
    (index, benign): (&Index, &Path),
    stop: &AtomicBool,
    tell: &(dyn Fn(u64, u64) + Sync),
) -> anyhow::Result<Vec<HarmlessUpload>> {
    if !benign.is_dir() {
        let entries = benign::read(benign)?;
        return Ok(entries
            .into_iter()
            .map(|entry| HarmlessUpload {
                hashes: vec![(entry.hash, entry.quality)],
                guessed: Guessed::default(),
            })
            .collect());
    }
    let options = WalkOptions {
        follow_links: false,
        sorted: true,
    };
    let mut files = Vec::new();
    for walked in Walk::new(&[benign.to_owned()], options) {
        match walked {
            Walked::File(path) => files.push(path),
            Walked::Failed(path, reason) => bail!("cannot read {}: {reason}", path.display()),
        }
    }
    let done = std::sync::atomic::AtomicU64::new(0);
    let limits = args.limits.limits();
    let hashed: Vec<_> = files
        .par_iter()
        .map_init(Extractor::default, |extractor, path| {
            if stop.load(Ordering::Relaxed) {
                return Err("stopped".to_owned());
            }
            let mut bytes = Vec::new();
            let read = read_file(path, limits.max_file_bytes, &mut bytes);
            tell(done.fetch_add(1, Ordering::Relaxed) + 1, files.len() as u64);
            read.map_err(|problem| advice::problem(&problem))?;
            let held = index
                .signal_types()
                .into_iter()
                .map(|held| held.signal_type);
            let mut wanted = vec![SignalType::Pdq];
            wanted.extend(held.filter(|kind| kind.family() == Family::Hash64));
            let extraction = extractor.extract(&bytes, &wanted, args.variants.variants, &limits);
            match extraction.problem {
                Some(problem) => Err(advice::problem(&problem)),
                None => Ok(HarmlessUpload {
                    hashes: (extraction.queries.iter())
                        .filter(|query| query.evidence.is_none_or(|evidence| !evidence.is_guess))
                        .filter_map(|query| Some((query.signal.as_pdq()?, query.quality)))
                        .collect(),
                    guessed: Guessed::of(index, &extraction, extractor),
                }),
            }
        })
        .collect();
    if stop.load(Ordering::Relaxed) {
        bail!("stopped before it was done: there is no result");
    }
    let mut uploads = Vec::new();
    for (path, result) in files.iter().zip(hashed) {
        match result {
            Ok(upload) => uploads.push(upload),
            Err(error) => output::warn(format_args!(
                "hashgate: warning: left out of the sample: {}: {error}",
                escaped(&path.to_string_lossy())
            )),
        }
    }
    if uploads.is_empty() {
        bail!("{} holds no picture that can be hashed", benign.display());
    }
    Ok(uploads)
}

/// What of a line of `scan --format jsonl` is needed.
#[derive(Deserialize)]
struct ScanLine {
    #[serde(default)]
    signals: Signals,
    quality: Option<Quality>,
    #[serde(default)]
    matches: Vec<ScanMatch>,
}

#[derive(Deserialize, Default)]
struct Signals {
    pdq: Option<String>,
}

#[derive(Deserialize)]
struct ScanMatch {
    signal_type: SignalType,
    distance: u16,
    /// Scans of before there were kinds matched by distance alone.
    #[serde(default)]
    kind: Option<String>,
}

/// The files of a past scan that had a PDQ hash.
fn past_scan(path: &Path) -> anyhow::Result<Vec<ScannedFile>> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let mut reader = BufReader::new(file);
    let mut files = Vec::new();
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let read = Read::by_ref(&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {shown}"))?;
        if read == 0 {
            break;
        }
        let repair = "give the output of `hashgate scan --format jsonl`";
        let record: ScanLine = serde_json::from_slice(&line)
            .with_context(|| format!("{shown}, line {number}: no line of a scan; {repair}"))?;
        let Some(hash) = record.signals.pdq else {
            continue;
        };
        let hash = Signal::from_hex(SignalType::Pdq, &hash)
            .ok()
            .and_then(|signal| signal.as_pdq())
            .with_context(|| format!("{shown}, line {number}: {hash:.80?} is no PDQ hash"))?;
        let by_pdq = record
            .matches
            .iter()
            .filter(|one| one.signal_type == SignalType::Pdq)
            // A threshold is about matches by distance.
            .filter(|one| one.kind.as_deref() != Some(MatchKind::Verified.name()));
        files.push(ScannedFile {
            hash,
            quality: record.quality,
            matched: by_pdq.map(|one| one.distance).min(),
        });
    }
    if files.is_empty() {
        bail!("{shown} has no file with a PDQ hash");
    }
    Ok(files)
}

fn write(args: &CalibrateArgs, calibration: &Calibration) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match args.format {
        Format::Text => write_calibration_text(&mut out, calibration)?,
        Format::Json => output::json(&mut out, calibration)?,
    }
    out.flush()?;
    if let Some(path) = &args.json {
        let mut file = output::file_or_stdout(Some(path))?;
        output::json(&mut file, calibration)?;
        file.flush()?;
    }
    if let Some(path) = &args.html {
        output::page(path, &calibration_page(calibration))?;
    }
    Ok(())
}
