//! The report as a table for a README: families of modifications, and what of them was found.

use super::rows::{families, title};
use crate::evaluate::report::{FalseFlags, Report, Results};
use crate::pages::number::{percent, thousands};
use std::io::{self, Write};

/// Writes a table as READMEs have it; `command` is what gives the same figures again.
///
/// # Errors
/// What writing fails with.
pub fn write_markdown(out: &mut dyn Write, report: &Report, command: &str) -> io::Result<()> {
    let titles: Vec<String> = report
        .results
        .iter()
        .map(|one| title(report, one))
        .collect();
    writeln!(
        out,
        "| what was done to the picture | {} |",
        titles.join(" | ")
    )?;
    writeln!(out, "| --- | {} |", vec!["---:"; titles.len()].join(" | "))?;
    for family in families(&report.modifications) {
        let found: Vec<String> = report
            .results
            .iter()
            .map(|result| strengths(report, result, family))
            .collect();
        writeln!(
            out,
            "| {} | {} |",
            heading(report, family),
            found.join(" | ")
        )?;
    }
    let all = report
        .results
        .iter()
        .map(|one| format!("**{}**", percent(one.recall.value)));
    let all: Vec<String> = all.collect();
    writeln!(out, "| **mean of all** | {} |", all.join(" | "))?;
    let lists = report.benign.iter().map(|benign| benign.name.as_str());
    for (place, list) in lists.chain(["the other pictures"]).enumerate() {
        let wrong = |result: &Results| {
            let both = result
                .false_flags_benign
                .iter()
                .chain([&result.false_flags_corpus]);
            both.copied()
                .nth(place)
                .map_or_else(String::new, |flags| pairs(&flags))
        };
        let wrong: Vec<String> = report.results.iter().map(wrong).collect();
        writeln!(
            out,
            "| wrong flags, against {list} | {} |",
            wrong.join(" | ")
        )?;
    }
    let by_eye = report
        .results
        .iter()
        .filter_map(|result| result.same_by_eye);
    let by_eye: Vec<String> = by_eye
        .map(|seen| counted(seen.pairs, Some(seen.distinct)))
        .collect();
    if !by_eye.is_empty() {
        writeln!(
            out,
            "| flags on the same picture in another form, as a person saw | {} |",
            by_eye.join(" | ")
        )?;
    }
    let copies = report.results.first().map_or(0, |result| result.copies);
    writeln!(
        out,
        "\n{} pictures of `{}` (SHA-256 of its digests `{}…`), {} copies; made by `{command}`",
        thousands(report.corpus.pictures),
        report.corpus.name,
        report.corpus.sha256.get(..12).unwrap_or_default(),
        thousands(copies)
    )
}

fn pairs(flags: &FalseFlags) -> String {
    counted(flags.pairs, flags.distinct)
}

fn counted(pairs: u64, distinct: Option<u64>) -> String {
    match distinct {
        Some(distinct) if pairs > 0 => {
            let [pairs, distinct] = [pairs, distinct].map(thousands);
            format!("{pairs}, by {distinct} pairs of pictures")
        }
        _ => thousands(pairs),
    }
}

/// A family with its strengths: `crop_centre 5 · 10 · 20`.
fn heading(report: &Report, family: &str) -> String {
    let strengths = report
        .modifications
        .iter()
        .filter(|one| one.family == family);
    let strengths: Vec<String> = strengths
        .filter_map(|one| one.strength)
        .map(|strength| strength.to_string())
        .collect();
    let name = family.replace('_', " ");
    match strengths.is_empty() {
        true => name,
        false => format!("{name} {}", strengths.join(" · ")),
    }
}

fn strengths(report: &Report, result: &Results, family: &str) -> String {
    let both = report.modifications.iter().zip(&result.by_modification);
    let shares = both.filter(|(modification, _)| modification.family == family);
    let shares: Vec<String> = shares
        .map(|(_, one)| format!("{:.0}", 100.0 * one.recall.value))
        .collect();
    format!("{} %", shares.join(" · "))
}
