//! The report for people, as text.

use super::rows::{CALIBRATED, recall_rows, sum_rows};
use crate::evaluate::report::{Report, Results};
use crate::pages::name::escaped;
use crate::pages::number::thousands;
use crate::pages::table::table;
use std::io::{self, Write};

/// Wrong flags that are listed; the JSON has more.
const FLAGS_SHOWN: usize = 10;

/// Writes what was found and what was flagged wrongly, for people.
///
/// # Errors
/// What writing fails with.
pub fn write_text(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let corpus = &report.corpus;
    writeln!(
        out,
        "{}: {} pictures, {} modifications, seed {}, threshold {}, minimum quality {}",
        escaped(&corpus.name),
        thousands(corpus.pictures),
        report.modifications.len(),
        report.seed,
        report.threshold,
        report.min_quality
    )?;
    if let Some(benign) = &report.benign {
        writeln!(
            out,
            "{}: {} hashes of harmless pictures; {} pairs with the corpus are the same picture (within {} bits)",
            escaped(&benign.name),
            thousands(benign.entries),
            thousands(benign.same_pairs),
            report.same_within
        )?;
    }
    if let Some(seen) = report.benign.as_ref().and_then(|list| list.same_by_eye) {
        writeln!(
            out,
            "{} more pairs are the same picture in another form, as a person saw; flags on them are not wrong",
            thousands(seen)
        )?;
    }
    if report.calibrated {
        writeln!(out, "{CALIBRATED}")?;
    }
    if !corpus.left_out.is_empty() {
        writeln!(
            out,
            "left out of the corpus: {} files",
            corpus.left_out.len()
        )?;
        for one in corpus.left_out.iter().take(FLAGS_SHOWN) {
            writeln!(out, "  {}: {}", escaped(&one.file), escaped(&one.reason))?;
        }
    }
    let (header, rows) = recall_rows(report);
    writeln!(out, "\n{}\n", table(header, rows))?;
    let (header, rows) = sum_rows(report);
    writeln!(out, "{}", table(header, rows))?;
    for result in &report.results {
        if let Some(seen) = result.same_by_eye {
            writeln!(
                out,
                "\nFlags by {} ({}) on the same picture in another form, as a person saw: {}, of {} pairs of pictures",
                result.variants,
                result.signal_type,
                thousands(seen.pairs),
                thousands(seen.distinct)
            )?;
        }
        flags(out, result)?;
    }
    Ok(())
}

fn flags(out: &mut dyn Write, result: &Results) -> io::Result<()> {
    if result.false_flags.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nThe nearest wrong flags by {} ({}):",
        result.variants, result.signal_type
    )?;
    for flag in result.false_flags.iter().take(FLAGS_SHOWN) {
        writeln!(
            out,
            "  {} after {}, as {}: {} bits from {} ({}){}",
            escaped(&flag.file),
            flag.modification,
            flag.variant,
            flag.distance,
            escaped(&flag.entry),
            flag.against,
            if flag.verified { ", verified" } else { "" }
        )?;
    }
    let more = result.false_flags.len() > FLAGS_SHOWN || result.false_flags_left_out;
    if more {
        writeln!(out, "  … more in the JSON")?;
    }
    Ok(())
}
