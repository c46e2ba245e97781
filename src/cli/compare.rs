//! `hashgate compare`: how far apart two files or hashes are.

use crate::bank::{Action, Policy};
use crate::cli::advice;
use crate::cli::inputs::LimitArgs;
use crate::cli::{exit::Exit, output};
use crate::gate::{Extractor, VariantSet, read_file};
use crate::hamming;
use crate::hash::{Distance, Family, Quality, Signal, SignalType, Threshold};
use crate::media::Limits;
use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// How the comparison is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Jsonl,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 1 where the two match, 0 where they do not, 2 where it cannot be told."
)]
pub(crate) struct CompareArgs {
    /// A picture's file, or a hash (TYPE:HEX, or bare hex of a pdq, md5 or sha1)
    a: String,

    /// Another
    b: String,

    /// Largest distance that counts as a match, in bits (inclusive), 0-256 for pdq, 0-64 for 64-bit
    /// hashes [default: 31 for pdq, 4 for 64-bit hashes]
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u16).range(..=256))]
    threshold: Option<u16>,

    /// How to write the comparison
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    #[command(flatten)]
    limits: LimitArgs,
}

/// One side of the comparison: its hashes, each as stored and as turned.
struct Side {
    signals: Vec<Signal>,
    turned: Vec<(Signal, String)>,
    quality: Option<Quality>,
}

/// What `--format jsonl` says.
#[derive(Serialize)]
struct CompareRecord<'a> {
    a: &'a str,
    b: &'a str,
    signal_type: SignalType,
    a_hash: String,
    b_hash: String,
    a_quality: Option<Quality>,
    b_quality: Option<Quality>,
    /// Bits; null for two digests that differ.
    distance: Option<Distance>,
    threshold: u16,
    /// Whether a digest of both is the same: then they match, whatever their quality.
    same_bytes: bool,
    /// `match`, `no_match`, or `low_quality` where a picture is too plain to be told by PDQ.
    verdict: &'static str,
    /// Nearest turned or mirrored form of `a`, where that is nearer.
    #[serde(skip_serializing_if = "Option::is_none")]
    turned: Option<Turned>,
}

#[derive(Serialize)]
struct Turned {
    variant: String,
    distance: Distance,
}

pub(crate) fn run(args: CompareArgs) -> anyhow::Result<Exit> {
    let limits = args.limits.limits();
    let (a, b) = (side(&args.a, &limits)?, side(&args.b, &limits)?);
    let record = compare(&args, &a, &b)?;
    let mut out = output::stdout();
    match args.format {
        Format::Jsonl => {
            serde_json::to_writer(&mut out, &record)?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, &record)?,
    }
    out.flush()?;
    Ok(Exit::of(
        record.verdict == "match",
        record.verdict == "low_quality",
    ))
}

fn side(given: &str, limits: &Limits) -> anyhow::Result<Side> {
    let path = Path::new(given);
    if !path.exists() {
        let signal: Signal = given
            .parse()
            .map_err(|error| anyhow!("{given:?} is neither a file nor a hash: {error}"))?;
        return Ok(Side {
            signals: vec![signal],
            turned: Vec::new(),
            quality: None,
        });
    }
    let mut bytes = Vec::new();
    read_file(path, limits.max_file_bytes, &mut bytes).map_err(|problem| {
        anyhow!(
            "{given}: {}: {}",
            problem.outcome,
            advice::problem(&problem)
        )
    })?;
    let variants = VariantSet {
        frames: false,
        ..VariantSet::STANDARD
    };
    let hashes = Extractor::default().extract(&bytes, &SignalType::ALL, variants, limits);
    if let Some(problem) = hashes.problem {
        bail!(
            "{given}: {}: {}",
            problem.outcome,
            advice::problem(&problem)
        );
    }
    let turned = hashes
        .queries
        .iter()
        .filter(|query| !hashes.signals.contains(&query.signal))
        .map(|query| (query.signal, query.variant.to_string()))
        .collect();
    Ok(Side {
        signals: hashes.signals,
        turned,
        quality: hashes.quality,
    })
}

fn compare<'a>(args: &'a CompareArgs, a: &Side, b: &Side) -> anyhow::Result<CompareRecord<'a>> {
    let of = |side: &Side, kind| {
        side.signals
            .iter()
            .copied()
            .find(|signal| signal.signal_type() == kind)
    };
    let (left, right) = SignalType::ALL
        .into_iter()
        .find_map(|kind| Some((of(a, kind)?, of(b, kind)?)))
        .with_context(|| {
            format!(
                "a {} and a {} cannot be compared: give two of one type, or files",
                a.signals.first().map_or("?", |s| s.signal_type().name()),
                b.signals.first().map_or("?", |s| s.signal_type().name())
            )
        })?;
    let kind = left.signal_type();
    let usual = Policy::new(Action::Block).threshold_for(kind);
    let threshold = args.threshold.map_or(usual, Threshold);
    if threshold.0 > kind.max_distance() {
        bail!(
            "a threshold of {threshold} bits is too wide for {kind}: 0 to {}",
            kind.max_distance()
        );
    }
    let distance = hamming::distance(&left, &right);
    let turned = a
        .turned
        .iter()
        .filter(|(signal, _)| signal.signal_type() == kind)
        .filter_map(|(signal, variant)| Some((hamming::distance(signal, &right)?, variant)))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(turned, _)| distance.is_some_and(|distance| *turned < distance))
        .map(|(distance, variant)| Turned {
            variant: variant.clone(),
            distance,
        });
    let plain = |side: &Side| side.quality.is_some_and(|q| q < Quality::DEFAULT_MINIMUM);
    let nearest = turned.as_ref().map(|turned| turned.distance).or(distance);
    let within = nearest.is_some_and(|distance| distance.is_within(threshold));
    let same_bytes = a.signals.iter().any(|signal| {
        signal.signal_type().family() == Family::Digest && b.signals.contains(signal)
    });
    let verdict = if same_bytes {
        "match"
    } else if kind == SignalType::Pdq && (plain(a) || plain(b)) {
        "low_quality"
    } else if within {
        "match"
    } else {
        "no_match"
    };
    Ok(CompareRecord {
        a: &args.a,
        b: &args.b,
        signal_type: kind,
        a_hash: left.hex(),
        b_hash: right.hex(),
        a_quality: a.quality,
        b_quality: b.quality,
        distance,
        threshold: threshold.0,
        same_bytes,
        verdict,
        turned,
    })
}

fn text(out: &mut impl Write, record: &CompareRecord<'_>) -> anyhow::Result<()> {
    for (name, hash, quality) in [
        (record.a, &record.a_hash, record.a_quality),
        (record.b, &record.b_hash, record.b_quality),
    ] {
        write!(out, "{}:{hash}", record.signal_type)?;
        if let Some(quality) = quality {
            write!(out, "  quality {quality}")?;
        }
        writeln!(out, "  {name}")?;
    }
    match record.distance {
        Some(distance) => writeln!(
            out,
            "distance {distance} of {} bits (threshold {})",
            record.signal_type.max_distance().max(1),
            record.threshold
        )?,
        None => writeln!(out, "the digests differ")?,
    }
    if record.same_bytes {
        writeln!(out, "the same bytes")?;
    }
    if let Some(turned) = &record.turned {
        writeln!(
            out,
            "distance {} with the first as {}",
            turned.distance, turned.variant
        )?;
    }
    writeln!(out, "{}", record.verdict)?;
    Ok(())
}
