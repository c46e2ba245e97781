//! What the tables of an evaluation's text and page hold.

use crate::evaluate::report::{FalseFlags, ModificationFacts, Report, Results};
use crate::pages::number::{percent, rare, thousands};
use crate::pages::page::Cell;

/// What is said of an evaluation whose entries were calibrated.
pub(super) const CALIBRATED: &str = "Entries were calibrated by the list of harmless pictures: guesses meet them no farther out than they may safely reach.";

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

/// The families in the order of the report, each once.
pub(super) fn families(modifications: &[ModificationFacts]) -> Vec<&str> {
    let mut families: Vec<&str> = modifications
        .iter()
        .map(|one| one.family.as_str())
        .collect();
    families.dedup();
    families
}
