//! `hashgate hash`: the hashes of pictures.

use crate::cli::advice;
use crate::cli::inputs::{FileArgs, IsolationArgs, LimitArgs};
use crate::cli::{exit::Exit, output, progress::Progress, stop};
use crate::gate::{
    Extract, Extraction, Extractor, Mode, Outcome, Problem, ProblemKind, VariantSet, read_file,
};
use crate::hash::{Signal, SignalType};
use crate::scan::{WalkOptions, escaped, for_each_file, path_text};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// How hashes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `hash,quality,path` for pdq, as other PDQ tools print it; `type:hash,,path` for other hashes
    Text,
    /// `type hash` lines, as python-threatexchange reads them
    Tx,
    /// One JSON object for each file
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct HashArgs {
    #[command(flatten)]
    files: FileArgs,

    /// How to write the hashes
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Which hashes, joined by commas, or all: pdq, md5, sha1, sha256, ahash, dhash, phash,
    /// blockhash, `imghash_mean`, `imghash_gradient`, `imghash_dct`
    #[arg(long, value_name = "TYPES", default_value = "pdq", value_parser = signal_types)]
    signals: SignalTypes,

    /// Print the seven turned and mirrored forms of the PDQ hash too
    #[arg(long)]
    dihedral: bool,

    /// How JPEGs are hashed: exact (from pixels), fast or auto (from coefficients where nothing else
    /// asks for pixels, a few bits off at most)
    #[arg(long, value_name = "MODE", default_value_t = Mode::Exact)]
    mode: Mode,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    isolation: IsolationArgs,
}

/// A list of signal types, as typed.
#[derive(Debug, Clone)]
struct SignalTypes(Vec<SignalType>);

fn signal_types(text: &str) -> anyhow::Result<SignalTypes> {
    if text == "all" {
        return Ok(SignalTypes(SignalType::ALL.to_vec()));
    }
    let types = text.split(',').map(|name| name.trim().parse());
    Ok(SignalTypes(types.collect::<Result<_, _>>()?))
}

/// What `--format jsonl` says of one file.
#[derive(Serialize)]
struct HashRecord {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    /// `hashed`, or the outcome that says why not.
    outcome: &'static str,
    signals: BTreeMap<&'static str, String>,
    quality: Option<u8>,
    /// How the PDQ hash was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dihedral: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(args: HashArgs) -> anyhow::Result<Exit> {
    let limits = args.limits.limits();
    let wanted = &args.signals.0;
    let variants = VariantSet {
        dihedral: args.dihedral,
        ..VariantSet::NONE
    };
    let stop = stop::on_request()?;
    let options = args.files.options(true);
    let walk = WalkOptions {
        follow_links: options.follow_links,
        sorted: true,
    };
    let mut progress = Progress::of_files(&args.files.paths, walk);
    let mut out = output::stdout();
    let mut failed = false;
    let finished = for_each_file(
        &args.files.paths,
        options,
        &stop,
        <(Extractor, Vec<u8>)>::default,
        |(extractor, buffer), path| match read_file(path, limits.max_file_bytes, buffer) {
            Ok(()) => {
                let how = Extract {
                    wanted,
                    variants,
                    limits: &limits,
                    fast: args.mode != Mode::Exact,
                    memory: None,
                    isolation: args.isolation.isolate,
                };
                let hashes = extractor.extract_with(buffer, &how);
                (hashes, buffer.len() as u64)
            }
            Err(problem) => (unread(problem), 0),
        },
        |done| -> anyhow::Result<()> {
            let (hashes, bytes) = done.result.unwrap_or_else(|error| {
                let problem = Problem::new(Outcome::Unreadable, ProblemKind::Io, error);
                (unread(problem), 0)
            });
            failed |= hashes.problem.is_some();
            progress.suspended(|| write(&mut out, args.format, &done.path, &hashes))?;
            progress.file_done(bytes, 0);
            Ok(())
        },
    )?;
    drop(progress);
    out.flush()?;
    Ok(Exit::of(false, failed || finished.interrupted))
}

fn unread(problem: Problem) -> Extraction {
    Extraction {
        problem: Some(problem),
        ..Extraction::default()
    }
}

fn write(
    out: &mut impl Write,
    format: Format,
    path: &Path,
    hashes: &Extraction,
) -> anyhow::Result<()> {
    if format == Format::Jsonl {
        serde_json::to_writer(&mut *out, &record(path, hashes)).context("cannot write")?;
        writeln!(out)?;
        return Ok(());
    }
    if let Some(problem) = &hashes.problem {
        let (path, outcome) = (path.to_string_lossy(), problem.outcome);
        let error = advice::problem(problem);
        let (path, error) = (escaped(&path), escaped(&error));
        output::warn(format_args!("hashgate: {path}: {outcome}: {error}"));
    }
    let turned = hashes
        .queries
        .iter()
        .filter(|query| !hashes.signals.contains(&query.signal))
        .map(|query| (query.signal, Some(query.variant)));
    let stored = hashes.signals.iter().map(|signal| (*signal, None));
    for (signal, variant) in stored.chain(turned) {
        // One line a hash, whatever the name.
        let path = path.to_string_lossy();
        let path = escaped(&path);
        match (format, signal.as_pdq()) {
            (Format::Tx, _) => writeln!(out, "{} {}", signal.signal_type(), signal.hex())?,
            (_, Some(hash)) => {
                let quality = hashes.quality.map_or(0, |quality| quality.get());
                write!(out, "{hash},{quality},{path}")?;
                match variant {
                    Some(variant) => writeln!(out, ",{variant}")?,
                    None => writeln!(out)?,
                }
            }
            (_, None) => writeln!(out, "{signal},,{path}")?,
        }
    }
    Ok(())
}

fn record(path: &Path, hashes: &Extraction) -> HashRecord {
    let (path, path_hex) = path_text(path);
    let value = |signal: &Signal| (signal.signal_type().name(), signal.hex());
    let dihedral: BTreeMap<String, String> = hashes
        .queries
        .iter()
        .filter(|query| query.variant != crate::hash::Variant::ORIGINAL)
        .map(|query| (query.variant.to_string(), query.signal.hex()))
        .collect();
    HashRecord {
        path,
        path_hex,
        outcome: hashes
            .problem
            .as_ref()
            .map_or("hashed", |problem| problem.outcome.name()),
        signals: hashes.signals.iter().map(value).collect(),
        quality: hashes.quality.map(|quality| quality.get()),
        mode: hashes
            .quality
            .map(|_| if hashes.fast { Mode::Fast } else { Mode::Exact }.name()),
        dihedral: (!dihedral.is_empty()).then_some(dihedral),
        error: hashes.problem.as_ref().map(advice::problem),
    }
}
