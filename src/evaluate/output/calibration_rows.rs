//! What the tables of a calibration's text and page hold.

use crate::evaluate::calibrate::{BankRates, Calibration, ScanChange, ThresholdRate};
use crate::evaluate::guesses::GuessRate;
use crate::evaluate::statistics::Estimate;
use crate::pages::number::{thousands, three_digits};
use crate::pages::page::Cell;

/// Thresholds that the tables show, besides the bank's own.
const SHOWN: [u16; 9] = [0, 8, 16, 24, 31, 40, 47, 55, 63];
/// Events in a million, with what is known of them.
pub(super) fn in_a_million(rate: &Estimate) -> String {
    let number = |value: f64| match value {
        v if v < 0.005 => "0".to_owned(),
        v => three_digits(v),
    };
    format!(
        "{} ({} to {})",
        number(rate.value),
        number(rate.low),
        number(rate.high)
    )
}

pub(super) fn rate_rows(bank: &BankRates) -> (Vec<String>, Vec<Vec<Cell>>) {
    let header = [
        "threshold",
        "uploads flagged",
        "false flags in a million (95 %)",
    ];
    let shown =
        |rate: &&ThresholdRate| SHOWN.contains(&rate.threshold) || rate.threshold == bank.threshold;
    let rows = bank.by_threshold.iter().filter(shown).map(|rate| {
        vec![
            Cell::number(rate.threshold.to_string()),
            Cell::number(thousands(rate.flagged)),
            Cell::number(in_a_million(&rate.per_million)),
        ]
    });
    (header.map(str::to_owned).into(), rows.collect())
}

/// What guesses are taken for, by threshold and kind.
pub(super) fn guess_rows(bank: &BankRates) -> (Vec<String>, Vec<Vec<Cell>>) {
    let header = [
        "threshold",
        "uploads near",
        "in a million (95 %)",
        "uploads verified",
        "in a million (95 %)",
    ];
    let shown =
        |rate: &&GuessRate| SHOWN.contains(&rate.threshold) || rate.threshold == bank.threshold;
    let rows = bank.guesses.iter().filter(shown).map(|rate| {
        vec![
            Cell::number(rate.threshold.to_string()),
            Cell::number(thousands(rate.near)),
            Cell::number(in_a_million(&rate.near_per_million)),
            Cell::number(thousands(rate.verified)),
            Cell::number(in_a_million(&rate.verified_per_million)),
        ]
    });
    (header.map(str::to_owned).into(), rows.collect())
}

/// Entries by reach, in steps of ten bits.
pub(super) fn reach_rows(found: &Calibration) -> (Vec<String>, Vec<Vec<Cell>>) {
    let header = ["reach in bits", "entries"].map(str::to_owned);
    let mut rows = vec![vec![
        Cell::text("nowhere"),
        Cell::number(thousands(found.without_reach)),
    ]];
    for (number, counts) in found.by_reach.chunks(10).enumerate() {
        let first = 10 * number;
        let last = first + counts.len() - 1;
        rows.push(vec![
            Cell::text(&match first == last {
                true => format!("{first}, the widest"),
                false => format!("{first} to {last}"),
            }),
            Cell::number(thousands(counts.iter().sum())),
        ]);
    }
    (header.into(), rows)
}

pub(super) fn noisy_rows(found: &Calibration, most: usize) -> (Vec<String>, Vec<Vec<Cell>>) {
    let header = [
        "bank",
        "content id",
        "hash",
        "harmless hashes met",
        "nearest",
        "safe reach",
    ];
    let rows = found.noisy.iter().take(most).map(|entry| {
        vec![
            Cell::text(&entry.bank),
            Cell::number(entry.content_id.to_string()),
            Cell::text(&entry.hash),
            Cell::number(thousands(entry.within_threshold)),
            Cell::number(entry.nearest.to_string()),
            Cell::number(
                entry
                    .reach
                    .map_or_else(|| "nowhere".to_owned(), |bits| bits.to_string()),
            ),
        ]
    });
    (header.map(str::to_owned).into(), rows.collect())
}

pub(super) fn scan_rows(scan: &ScanChange) -> (Vec<String>, Vec<Vec<Cell>>) {
    let header = ["threshold", "would match", "lost", "gained"].map(str::to_owned);
    let rows = scan
        .by_threshold
        .iter()
        .filter(|at| SHOWN.contains(&at.threshold));
    let rows = rows.map(|at| {
        vec![
            Cell::number(at.threshold.to_string()),
            Cell::number(thousands(at.matched)),
            Cell::number(thousands(at.lost)),
            Cell::number(thousands(at.gained)),
        ]
    });
    (header.into(), rows.collect())
}
