//! Derived limits as text for people, and the rows behind them as CSV.

use crate::evaluate::{Derived, DerivedLimit, MARGIN_BITS, MARGIN_SCORE, ScoreRow};
use std::io::{self, Write};

/// Writes what was derived: each limit as the table holds it, as the data allow it, and the rows behind it.
///
/// # Errors
/// Of the writer.
pub fn write_derived_text(out: &mut dyn Write, derived: &Derived) -> io::Result<()> {
    let [train, tune, test] = derived.pictures;
    writeln!(
        out,
        "{} pictures (train {train}, tune {tune}, test {test}), {} of them and their copies asked about, seed {}",
        train + tune + test,
        derived.copies,
        derived.seed
    )?;
    writeln!(
        out,
        "SHA-256 of the pictures' digests: {}",
        derived.corpus_sha256
    )?;
    writeln!(
        out,
        "rules of evidence {}, {} rows",
        derived.rules,
        derived.rows.len()
    )?;
    for file in &derived.left_out {
        writeln!(out, "left out: {}: {}", file.file, file.reason)?;
    }
    writeln!(
        out,
        "A limit may be as loose as it can be while no stranger of train and tune passes because of it, taken to be \
         nearer by a score of {MARGIN_SCORE} and {MARGIN_BITS} bit.\n"
    )?;
    writeln!(
        out,
        "{:<26} {:>8} {:>8} {:>9} {:>9} {:>9}  {:>7} {:>7}  verdict",
        "limit", "held", "derived", "tolerance", "strangers", "same", "passing", "in test"
    )?;
    for limit in &derived.limits {
        write_limit(out, limit)?;
    }
    let looser = derived.looser().count();
    match looser {
        0 => writeln!(
            out,
            "\nno limit of the table is looser than these data allow"
        ),
        count => writeln!(
            out,
            "\n{count} of the table's limits are looser than these data allow"
        ),
    }
}

fn write_limit(out: &mut dyn Write, limit: &DerivedLimit) -> io::Result<()> {
    writeln!(
        out,
        "{:<26} {:>8} {:>8} {:>9} {:>9} {:>9}  {:>7} {:>7}  {}",
        limit.name,
        limit.held,
        limit.derived,
        limit.tolerance,
        limit.strangers,
        limit.same,
        limit.passing,
        limit.passing_in_test,
        limit.verdict.name()
    )?;
    if let Some(nearest) = &limit.nearest {
        writeln!(out, "    in the way of a looser one: {nearest}")?;
    }
    Ok(())
}

/// Writes every row as CSV, with a header; pictures by their names.
///
/// # Errors
/// Of the writer.
pub fn write_rows_csv(out: &mut dyn Write, derived: &Derived) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "upload",
        "change",
        "entry",
        "split",
        "same",
        "kind",
        "variant",
        "flatness",
        "small",
        "minor",
        "pattern",
        "all_pattern",
        "distance",
        "score",
        "before",
        "covered",
        "left_out",
        "turned",
    ])?;
    let name = |number: u32| {
        derived
            .names
            .get(number as usize)
            .map_or("", String::as_str)
    };
    for row in &derived.rows {
        let ScoreRow { score, before, .. } = row;
        let thousandths = |score: i16| format!("{:.3}", f64::from(score) / 1000.0);
        csv.write_record([
            name(row.upload),
            &row.change,
            name(row.entry),
            row.split.name(),
            &row.same.to_string(),
            row.kind.name(),
            &row.variant,
            &row.flatness.to_string(),
            &row.small.to_string(),
            &row.minor.to_string(),
            &row.pattern.to_string(),
            &row.all_pattern.to_string(),
            &row.distance.to_string(),
            &thousandths(*score),
            &before.map_or_else(String::new, thousandths),
            &format!("{:.4}", row.covered),
            &format!("{:.4}", row.left_out),
            &row.turned.to_string(),
        ])?;
    }
    csv.flush()
}
