//! `hashgate calibrate`: a bank's entries and thresholds, judged by a sample of harmless pictures.

#[cfg(feature = "curation")]
mod apply;

use crate::cli::inputs::{IndexArgs, LimitArgs, VariantArgs};
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output, stop};
use crate::curation::calibrate::{CalibrateError, CalibrationPlan, calibrate};
#[cfg(feature = "curation")]
use crate::curation::reaches;
use crate::evaluate::Calibration;
use crate::evaluate::output::{calibration_page, write_calibration_text};
use crate::index::Index;
use anyhow::Error;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

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
    #[cfg_attr(
        feature = "curation",
        arg(long, value_name = "LIST|DIR", required_unless_present = "clear")
    )]
    #[cfg_attr(
        not(feature = "curation"),
        arg(long, value_name = "LIST|DIR", required = true)
    )]
    benign: Vec<PathBuf>,

    /// Write each entry's reach into the store; it replaces the one that was there. Then no guess
    /// at the original of an upload matches the entry farther out, and nothing is verified farther
    /// out
    #[cfg(feature = "curation")]
    #[arg(long)]
    apply: bool,

    /// Take the reaches of all entries away again
    #[cfg(feature = "curation")]
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

pub(crate) fn run(args: CalibrateArgs, home: &Home) -> anyhow::Result<Exit> {
    #[cfg(feature = "curation")]
    if args.clear {
        let stop = stop::on_request()?;
        return apply::clear(home, &stop);
    }
    let index = Index::open_with(args.index.folder(home), args.index.memory())?;
    args.index.log(&index);
    for path in [&args.json, &args.html].into_iter().flatten() {
        output::file_or_stdout(Some(path))?;
    }
    #[cfg(feature = "curation")]
    if args.apply {
        // Says early that there is no store, or that another program writes to it: the work takes long.
        reaches::can_be_set(home)?;
    }
    let mut plan = CalibrationPlan::new(&args.benign)
        .variants(args.variants.variants)
        .limits(args.limits.limits());
    plan.scan.clone_from(&args.scan);
    let stop = stop::on_request()?;
    let terminal = Terminal::of_items("harmless uploads")
        .with_warnings()
        .stop_on(&stop);
    let (calibration, reaches) =
        calibrate(&index, &plan, &terminal).map_err(|error| match error {
            CalibrateError::ScanLine { path, line, source } => Error::from(source).context(format!(
                "{}, line {line}: no line of a scan; give the output of `hashgate scan --format jsonl`",
                path.display()
            )),
            error => error.into(),
        })?;
    drop(terminal);
    write(&args, &calibration)?;
    #[cfg(feature = "curation")]
    if args.apply {
        return match args.format {
            Format::Text => apply::apply(&index, &reaches, home, &stop, &mut output::stdout()),
            // Standard output is one JSON object.
            Format::Json => apply::apply(&index, &reaches, home, &stop, &mut std::io::stderr()),
        };
    }
    #[cfg(not(feature = "curation"))]
    drop(reaches);
    Ok(Exit::Clean)
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
