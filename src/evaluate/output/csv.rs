//! The report as CSV: a row for each modification, set of variants and type of hash.

use crate::evaluate::report::Report;
use std::io::{self, Write};

const HEADER: [&str; 15] = [
    "variants",
    "signal_type",
    "modification",
    "family",
    "strength",
    "copies",
    "unjudged",
    "found",
    "verified",
    "recall",
    "recall_low",
    "recall_high",
    "median_distance",
    "false_flags",
    "threshold",
];

/// Writes a header and a row for each modification, set of variants and type of hash.
///
/// # Errors
/// What writing fails with.
pub fn write_csv(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(HEADER)?;
    for result in &report.results {
        for (modification, one) in report.modifications.iter().zip(&result.by_modification) {
            let threshold = match result.signal_type.max_distance() {
                64 => report.threshold64,
                _ => report.threshold,
            };
            let share = |value: f64| format!("{value:.6}");
            writer.write_record([
                result.variants.as_str(),
                result.signal_type.name(),
                &modification.name,
                &modification.family,
                &modification
                    .strength
                    .map_or_else(String::new, |s| s.to_string()),
                &one.copies.to_string(),
                &one.unjudged.to_string(),
                &one.found.to_string(),
                &one.verified.to_string(),
                &share(one.recall.value),
                &share(one.recall.low),
                &share(one.recall.high),
                &one.median_distance
                    .map_or_else(String::new, |d| d.to_string()),
                &one.false_flags.to_string(),
                &threshold.to_string(),
            ])?;
        }
    }
    writer.flush()
}
