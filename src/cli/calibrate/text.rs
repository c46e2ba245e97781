//! The calibration for people, on a terminal.

use crate::cli::draw::number::{thousands, three_digits};
use crate::cli::draw::page::Cell;
use crate::cli::draw::table::table;
use crate::cli::output::plural;
use crate::evaluate::{BankRates, Calibration, Estimate, GuessRate, ScanChange, ThresholdRate};
use crate::scan::escaped;
use std::io::{self, Write};

/// Thresholds that the tables show, besides the bank's own.
const SHOWN: [u16; 9] = [0, 8, 16, 24, 31, 40, 47, 55, 63];
/// Noisy entries that are shown; the JSON has more.
const NOISY_SHOWN: usize = 20;

pub(super) fn write(out: &mut dyn Write, found: &Calibration) -> io::Result<()> {
    writeln!(
        out,
        "{}: {}, {} hashes{}; generation {} with {} PDQ hashes",
        escaped(&found.sample),
        plural(found.uploads, "harmless upload"),
        thousands(found.hashes),
        match found.guesses {
            0 => String::new(),
            guesses => format!(", {} guesses at their originals", thousands(guesses)),
        },
        found.generation,
        thousands(found.entries)
    )?;
    for bank in &found.banks {
        writeln!(out, "\n{}, threshold {}:", bank.bank, bank.threshold)?;
        let (header, rows) = rate_rows(bank);
        writeln!(out, "{}", table(header, rows))?;
        if !bank.guesses.is_empty() {
            writeln!(out, "and by guesses at the originals of uploads:")?;
            let (header, rows) = guess_rows(bank);
            writeln!(out, "{}", table(header, rows))?;
        }
    }
    writeln!(out, "\nSafe reach of the entries:")?;
    let (header, rows) = reach_rows(found);
    writeln!(out, "{}", table(header, rows))?;
    if found.noisy.is_empty() {
        writeln!(out, "\nNo entry flags a picture of the sample.")?;
    } else {
        let all = found.noisy.len() as u64 + found.noisy_left_out;
        writeln!(
            out,
            "\nNoisy entries: {} flag pictures of the sample:",
            thousands(all)
        )?;
        let (header, rows) = noisy_rows(found, NOISY_SHOWN);
        writeln!(out, "{}", table(header, rows))?;
        if all > NOISY_SHOWN as u64 {
            writeln!(out, "… more in the JSON")?;
        }
    }
    if let Some(scan) = &found.scan {
        writeln!(
            out,
            "\nThe past scan: {} with a PDQ hash, {} matched by it. With one threshold for all banks:",
            plural(scan.files, "file"),
            thousands(scan.matched)
        )?;
        let (header, rows) = scan_rows(scan);
        writeln!(out, "{}", table(header, rows))?;
        writeln!(
            out,
            "Beyond the thresholds of the scan only pictures as stored are counted: at least so many."
        )?;
    }
    Ok(())
}

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
