//! How many harmless pictures are flagged by entries that have all frames of their files, and how many by entries of
//! first frames only.
//!
//! ```sh
//! cargo run --release --example frames_and_flags --no-default-features --features decode -- KNOWN BENIGN.tsv [PHOTOS]
//! ```
//!
//! KNOWN is a folder of files with several pictures each, BENIGN.tsv a table whose first columns are a PDQ hash and its
//! quality, PHOTOS a folder of pictures that are asked about with all their variants. Prints a row for each way to keep
//! the files, and each pair that was flagged: look at them, for some may be the same picture. Exit code 0, or 2 where
//! something could not be read.

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Extractor, Forms, Gate, GateOptions, Outcome, Verdict};
use hashgate::hash::{Quality, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions};
use hashgate::media::Limits;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let done = match arguments.as_slice() {
        [known, benign] => count(known, benign, None),
        [known, benign, photos] => count(known, benign, Some(photos)),
        _ => {
            eprintln!("usage: frames_and_flags KNOWN_FOLDER BENIGN.tsv [PHOTO_FOLDER]");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("frames_and_flags: {error}");
            ExitCode::from(2)
        }
    }
}

fn count(known: &Path, benign: &Path, photos: Option<&PathBuf>) -> Result<(), Box<dyn Error>> {
    let benign = hashes(&std::fs::read_to_string(benign)?)?;
    let known = files(known)?;
    let photos = photos.map_or_else(|| Ok(Vec::new()), |folder| files(folder))?;
    let first = Forms::STANDARD;
    let frames = Forms {
        frames: true,
        ..first
    };
    println!(
        "| kept | files | PDQ hashes | of {} harmless hashes | of {} photos |",
        benign.len(),
        photos.len()
    );
    println!("| --- | ---: | ---: | ---: | ---: |");
    for forms in [first, frames] {
        let (index, kept) = index(&known, forms)?;
        let gate = Gate::over(index, GateOptions::default());
        let mut flagged = BTreeSet::new();
        let mut of_hashes = 0;
        for (number, (signal, quality)) in (2..).zip(&benign) {
            let verdict = gate.match_signal(signal, Some(*quality));
            of_hashes += u32::from(note(
                &verdict,
                &format!("line {number}"),
                &known,
                &mut flagged,
            ));
        }
        let mut of_photos = 0;
        for photo in &photos {
            let verdict = gate.check(&std::fs::read(photo)?);
            let name = photo.display().to_string();
            of_photos += u32::from(note(&verdict, &name, &known, &mut flagged));
        }
        let (files, hashes) = kept;
        println!("| {forms} | {files} | {hashes} | {of_hashes} | {of_photos} |");
        for pair in flagged {
            eprintln!("{forms}: {pair}");
        }
    }
    Ok(())
}

/// Notes a pair that was flagged; says whether there is one.
fn note(verdict: &Verdict, asked: &str, known: &[PathBuf], into: &mut BTreeSet<String>) -> bool {
    if verdict.outcome != Outcome::Match {
        return false;
    }
    for found in &verdict.matches {
        let file = known.get(found.content_id.0 as usize);
        let file = file.map_or_else(String::new, |file| file.display().to_string());
        let form = found
            .entry_form
            .map_or_else(|| "original".to_owned(), |form| form.to_string());
        let (kind, variant, distance) = (found.kind.name(), found.variant, found.distance);
        into.insert(format!(
            "{asked} as {variant}: {file}, its {form}: {kind}, {distance} bits"
        ));
    }
    true
}

/// An index of these files, and how many files and PDQ hashes it has.
fn index(known: &[PathBuf], forms: Forms) -> Result<(Index, (usize, usize)), Box<dyn Error>> {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse()?,
        policy: Policy::new(Action::Review),
    };
    let mut extractor = Extractor::default();
    let mut records = Vec::new();
    let mut files = 0;
    for (number, path) in (0..).zip(known) {
        let bytes = std::fs::read(path)?;
        // What cannot be hashed becomes no entry, as in `bank add`.
        let Ok(found) = extractor.extract_known(&bytes, &Limits::default(), forms) else {
            continue;
        };
        files += 1;
        let pdq = found.signals.iter();
        let pdq = pdq.filter(|held| held.signal.signal_type() == SignalType::Pdq);
        records.extend(pdq.map(|held| {
            let record = IndexRecord {
                bank: bank.id,
                content: ContentId(number),
                signal: held.signal,
                quality: held.quality,
            };
            Ok::<_, Infallible>(hashgate::index::FactRecord {
                of_hash: hashgate::index::HashFacts {
                    form: held.form,
                    ..Default::default()
                },
                ..record.into()
            })
        }));
    }
    let hashes = records.len();
    let index = Index::in_memory(&[bank], records.into_iter(), &PublishOptions::default())?;
    Ok((index, (files, hashes)))
}

/// The hashes of a table that have the usual quality.
fn hashes(table: &str) -> Result<Vec<(Signal, Quality)>, Box<dyn Error>> {
    let mut all = Vec::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (hash, quality) = (columns.next(), columns.next());
        let quality: u8 = quality.ok_or("a row without a quality")?.parse()?;
        let quality = Quality::new(quality).ok_or("a quality beyond 100")?;
        if quality.get() >= 50 {
            all.push((
                Signal::from_hex(SignalType::Pdq, hash.unwrap_or_default())?,
                quality,
            ));
        }
    }
    Ok(all)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
