//! Wrong flags at the size of real lists, as text, as JSON Lines and as CSV.

use crate::evaluate::{Estimate, How, Strangers, WrongCount};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

fn percent(estimate: &Estimate) -> String {
    let [value, low, high] =
        [estimate.value, estimate.low, estimate.high].map(|share| 100.0 * share);
    format!("{value:.2} % ({low:.2}-{high:.2})")
}

fn kinds(by: &BTreeMap<How, u64>) -> String {
    let of = |how: &How| format!("{} {}", how.name(), by.get(how).copied().unwrap_or(0));
    let words: Vec<String> = How::ALL.iter().map(of).collect();
    words.join(", ")
}

/// Writes the counts and the pairs that are flagged most often, for people.
///
/// # Errors
/// Of the writer.
pub fn write_strangers_text(out: &mut dyn Write, found: &Strangers) -> io::Result<()> {
    writeln!(
        out,
        "lists of crops of {} pictures; {} other pictures, {} copies of each; seed {}",
        found.listed, found.uploads, found.copies, found.seed
    )?;
    writeln!(
        out,
        "SHA-256 of the pictures' digests: {}",
        found.corpus_sha256
    )?;
    writeln!(out, "rules of evidence {}\n", found.rules)?;
    for count in &found.counts {
        let WrongCount {
            hashes,
            variants,
            asked,
            ..
        } = count;
        writeln!(
            out,
            "{hashes} hashes, {variants}: {asked} copies asked about"
        )?;
        writeln!(
            out,
            "    flagged {}, blocked {}, to review {}",
            count.flagged, count.blocked, count.reviewed
        )?;
        writeln!(out, "    flagged by: {}", kinds(&count.by))?;
        writeln!(out, "    blocked by: {}", kinds(&count.blocked_by))?;
        writeln!(
            out,
            "    pictures with a flag: {}, {}; with a block: {}, {}",
            count.pictures_flagged,
            percent(&count.share_flagged),
            count.pictures_blocked,
            percent(&count.share_blocked)
        )?;
    }
    if !found.pairs.is_empty() {
        writeln!(out, "\npairs of pictures, those that block first")?;
    }
    for pair in found.pairs.iter().take(30) {
        write!(
            out,
            "    {} ({}, {}) and {}: {} flags, {} blocks, distance {}",
            pair.upload,
            pair.change,
            pair.variant,
            pair.listed,
            pair.flags,
            pair.blocks,
            pair.distance
        )?;
        if let Some(score) = pair.score {
            write!(out, ", score {score:.3}")?;
        }
        if let Some(flatness) = pair.flatness {
            write!(out, ", flatness {flatness}")?;
        }
        writeln!(out)?;
    }
    match found.pairs.len().saturating_sub(30) {
        0 => Ok(()),
        more => writeln!(out, "    and {more} more"),
    }
}

#[derive(Serialize)]
struct Head<'a> {
    rules: String,
    seed: u64,
    corpus_sha256: &'a str,
    listed: u64,
    uploads: u64,
    copies: u64,
}

/// Writes JSON Lines: one object `strangers` about all, one `count` for each size and set, one `pair` for each pair.
///
/// # Errors
/// Of the writer.
pub fn write_strangers_jsonl(out: &mut dyn Write, found: &Strangers) -> io::Result<()> {
    let head = Head {
        rules: found.rules.to_string(),
        seed: found.seed,
        corpus_sha256: &found.corpus_sha256,
        listed: found.listed,
        uploads: found.uploads,
        copies: found.copies,
    };
    writeln!(out, "{}", serde_json::json!({ "strangers": head }))?;
    for count in &found.counts {
        writeln!(out, "{}", serde_json::json!({ "count": count }))?;
    }
    for pair in &found.pairs {
        writeln!(out, "{}", serde_json::json!({ "pair": pair }))?;
    }
    Ok(())
}

/// Writes a row of CSV for each pair.
///
/// # Errors
/// Of the writer.
pub fn write_pairs_csv(out: &mut dyn Write, found: &Strangers) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([
        "upload", "listed", "flags", "blocks", "distance", "score", "flatness", "variant",
        "change", "by",
    ])?;
    for pair in &found.pairs {
        csv.write_record([
            pair.upload.as_str(),
            &pair.listed,
            &pair.flags.to_string(),
            &pair.blocks.to_string(),
            &pair.distance.to_string(),
            &pair
                .score
                .map_or_else(String::new, |score| format!("{score:.3}")),
            &pair
                .flatness
                .map_or_else(String::new, |flatness| flatness.to_string()),
            &pair.variant,
            &pair.change,
            &kinds(&pair.by),
        ])?;
    }
    csv.flush()
}
