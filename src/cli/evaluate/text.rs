//! The report for people, on a terminal.

use crate::cli::draw::number::{percent, rare, thousands};
use crate::cli::draw::page::Cell;
use crate::cli::draw::table::table;
use crate::evaluate::{FalseFlags, Report, Results};
use crate::scan::escaped;
use std::io::{self, Write};

/// Wrong flags that are listed; the JSON has more.
const FLAGS_SHOWN: usize = 10;

/// What is said of an evaluation whose entries were calibrated.
pub(super) const CALIBRATED: &str = "Entries were calibrated by the list of harmless pictures: guesses meet them no farther out than they may safely reach.";

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
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

/// What a set of results is called where there are several types of hashes.
pub(super) fn title(report: &Report, result: &Results) -> String {
    let kind = result.signal_type;
    match report.results.iter().all(|other| other.signal_type == kind) {
        true => result.variants.clone(),
        false => format!("{kind}, {}", result.variants),
    }
}

/// A row for each modification: what was found by each set, and the median distance by the first.
pub(super) fn recall_rows(report: &Report) -> (Vec<String>, Vec<Vec<Cell>>) {
    let mut header = vec!["modification".to_owned()];
    for result in &report.results {
        header.push(title(report, result));
        header.push("95 % interval".to_owned());
        header.push("median bits".to_owned());
    }
    let rows = report
        .modifications
        .iter()
        .enumerate()
        .map(|(at, modification)| {
            let mut row = vec![Cell::text(&modification.name)];
            for result in &report.results {
                let Some(one) = result.by_modification.get(at) else {
                    continue;
                };
                row.push(Cell::number(percent(one.recall.value)));
                row.push(Cell::number(format!(
                    "{:.1}–{:.1}",
                    100.0 * one.recall.low,
                    100.0 * one.recall.high
                )));
                let beyond = one.distances.len().saturating_sub(2);
                row.push(Cell::number(match one.median_distance {
                    Some(distance) => distance.to_string(),
                    None => format!("> {beyond}"),
                }));
            }
            row
        });
    (header, rows.collect())
}

/// A row for each set of variants and type of hash.
pub(super) fn sum_rows(report: &Report) -> (Vec<String>, Vec<Vec<Cell>>) {
    let mut header: Vec<String> = [
        "variants",
        "hash",
        "copies",
        "found",
        "95 % interval",
        "by verification",
    ]
    .map(str::to_owned)
    .into();
    let lists: &[&str] = match report.benign {
        Some(_) => &["benign", "corpus"],
        None => &["corpus"],
    };
    for list in lists {
        header.push(format!("wrong copies, {list}"));
        header.push("pairs".to_owned());
        header.push("of different".to_owned());
        header.push("a pair at most".to_owned());
    }
    let rows = report.results.iter().map(|result| {
        let mut row = vec![
            Cell::text(&result.variants),
            Cell::text(result.signal_type.name()),
            Cell::number(thousands(result.copies)),
            Cell::number(percent(result.recall.value)),
            Cell::number(format!(
                "{:.1}–{:.1}",
                100.0 * result.recall.low,
                100.0 * result.recall.high
            )),
            Cell::number(thousands(result.verified)),
        ];
        let lists = result
            .false_flags_benign
            .iter()
            .chain([&result.false_flags_corpus]);
        row.extend(lists.flat_map(wrong_cells));
        row
    });
    (header, rows.collect())
}

fn wrong_cells(flags: &FalseFlags) -> [Cell; 4] {
    [
        Cell::number(thousands(flags.copies)),
        Cell::number(thousands(flags.pairs)),
        Cell::number(flags.distinct.map_or_else(String::new, thousands)),
        Cell::number(rare(flags.per_pair.high)),
    ]
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
