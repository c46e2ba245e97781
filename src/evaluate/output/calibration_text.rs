//! The calibration for people, as text.

use super::calibration_rows::{guess_rows, noisy_rows, rate_rows, reach_rows, scan_rows};
use crate::evaluate::calibrate::Calibration;
use crate::pages::name::escaped;
use crate::pages::number::{plural, thousands};
use crate::pages::table::table;
use std::io::{self, Write};

/// Noisy entries that are shown; the JSON has more.
const NOISY_SHOWN: usize = 20;

/// Writes what a calibration found, for people.
///
/// # Errors
/// What writing fails with.
pub fn write_calibration_text(out: &mut dyn Write, found: &Calibration) -> io::Result<()> {
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
