//! `hashgate compare`: how far apart two files or hashes are.

use crate::cli::inputs::LimitArgs;
use crate::cli::{exit::Exit, output};
use crate::gate::compare::{Comparison, Likeness, Side, compare};
use crate::hash::Threshold;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;

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

/// What `--format jsonl` says: what was given, and the comparison.
#[derive(Serialize)]
struct CompareRecord<'a> {
    a: &'a str,
    b: &'a str,
    #[serde(flatten)]
    found: &'a Comparison,
}

pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<Exit> {
    let limits = args.limits.limits();
    let (a, b) = (Side::of(&args.a, &limits)?, Side::of(&args.b, &limits)?);
    let found = compare(&a, &b, args.threshold.map(Threshold))?;
    let mut out = output::stdout();
    match args.format {
        Format::Jsonl => {
            let (a, b) = (&args.a, &args.b);
            let found = &found;
            serde_json::to_writer(&mut out, &CompareRecord { a, b, found })?;
            writeln!(out)?;
        }
        Format::Text => text(&mut out, (&args.a, &args.b), &found)?,
    }
    out.flush()?;
    Ok(Exit::of(
        found.verdict == Likeness::Match,
        found.verdict == Likeness::LowQuality,
    ))
}

fn text(out: &mut impl Write, (a, b): (&str, &str), record: &Comparison) -> anyhow::Result<()> {
    for (name, hash, quality) in [
        (a, &record.a_hash, record.a_quality),
        (b, &record.b_hash, record.b_quality),
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
    writeln!(out, "{}", record.verdict.name())?;
    Ok(())
}
