//! `bank add`: pictures, hashed exactly, into content items.

use crate::bank::{BankName, Provenance};
use crate::cli::bank::manage::PUBLISH_HINT;
use crate::cli::inputs::{FileArgs, LimitArgs};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress, publish, stop};
use crate::gate::{Extractor, Forms, Known, Outcome, Problem, read_file};
use crate::hash::{Quality, SignalType};
use crate::scan::{WalkOptions, escaped, for_each_file};
use crate::store::{BankStore, NewItem};
use clap::Args;
use std::io::Write;
use std::path::Path;

/// Items that go into the store together: one synced write.
const BATCH: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Name of the bank; it must exist
    name: BankName,

    #[command(flatten)]
    files: FileArgs,

    /// A label for every entry; may be given several times
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,

    /// Forms of each picture whose hashes are kept beside its own where they lie more than 8 bits
    /// from those: none, standard (displayed, over_black, copies), all, or a list of these, dihedral
    /// and crops
    #[arg(long, value_name = "SET", default_value = "standard")]
    forms: Forms,

    /// The same as --forms none
    #[arg(long, conflicts_with = "forms")]
    no_forms: bool,

    /// Hashes that are kept besides pdq, md5, sha1 and sha256, joined by commas: ahash, dhash, phash,
    /// blockhash, `imghash_mean`, `imghash_gradient`, `imghash_dct`
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    signals: Vec<SignalType>,

    /// Publish the index afterwards
    #[arg(long)]
    publish: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

#[derive(Default)]
struct Summary {
    added: u64,
    updated: u64,
    already_there: u64,
    withdrawn: u64,
    low_quality: u64,
    rejected: u64,
}

pub(crate) fn run(args: &AddArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let bank = store.bank(&args.name)?;
    let forms = if args.no_forms {
        Forms::NONE
    } else {
        args.forms
    };
    let limits = args.limits.limits();
    let stop = stop::on_request()?;
    let options = args.files.options(true);
    let walk = WalkOptions {
        follow_links: options.follow_links,
        sorted: true,
    };
    let mut progress = Progress::of_files(&args.files.paths, walk);
    let mut summary = Summary::default();
    let mut batch = Vec::new();
    let finished = for_each_file(
        &args.files.paths,
        options,
        &stop,
        <(Extractor, Vec<u8>)>::default,
        |(extractor, buffer), path| {
            read_file(path, limits.max_file_bytes, buffer)?;
            let known = extractor.extract_known_with(buffer, &limits, forms, &args.signals)?;
            Ok((known, buffer.len() as u64))
        },
        |done| -> anyhow::Result<()> {
            let result = done
                .result
                .unwrap_or_else(|error| Err(Problem::new(Outcome::Unreadable, error)));
            match result {
                Ok((known, bytes)) => {
                    progress.file_done(bytes, 0);
                    if known.quality.is_some_and(|q| q < bank.policy.min_quality) {
                        summary.low_quality += 1;
                        progress.line(&low_quality(
                            &done.path,
                            known.quality,
                            &bank.policy.min_quality,
                        ));
                    }
                    batch.push(item(&done.path, known, &args.label));
                }
                Err(problem) => {
                    progress.file_done(0, 0);
                    summary.rejected += 1;
                    let (path, outcome) = (done.path.to_string_lossy(), problem.outcome);
                    let (path, error) = (escaped(&path), escaped(&problem.error));
                    progress.line(&format!("not added: {path}: {outcome}: {error}"));
                }
            }
            if batch.len() >= BATCH {
                flush(&store, bank.id, &mut batch, &mut summary, &progress)?;
            }
            Ok(())
        },
    )?;
    flush(&store, bank.id, &mut batch, &mut summary, &progress)?;
    drop(progress);
    let mut out = output::stdout();
    writeln!(
        out,
        "bank {}: {} added, {} updated, {} already there, {} rejected",
        bank.name, summary.added, summary.updated, summary.already_there, summary.rejected
    )?;
    say_withdrawn(summary.withdrawn, &mut out)?;
    if summary.low_quality > 0 {
        writeln!(
            out,
            "{} of too little quality to be matched by PDQ: only files with the same bytes will match",
            output::plural(summary.low_quality, "picture")
        )?;
    }
    if finished.interrupted {
        writeln!(out, "interrupted: run it again for the rest")?;
    }
    drop(store);
    if args.publish && !finished.interrupted {
        out.flush()?;
        publish::publish(home, false, None, &mut out)?;
    } else if summary.added + summary.updated > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        summary.rejected > 0 || finished.interrupted,
    ))
}

fn flush(
    store: &BankStore,
    bank: crate::bank::BankId,
    batch: &mut Vec<NewItem>,
    summary: &mut Summary,
    progress: &Progress,
) -> anyhow::Result<()> {
    let added = store.add(bank, batch)?;
    summary.added += added.added;
    summary.updated += added.updated;
    summary.already_there += added.already_there;
    summary.withdrawn += added.withdrawn;
    for (position, error) in added.refused {
        summary.rejected += 1;
        if let Some(item) = batch.get(position) {
            let source = escaped(&item.provenance.source);
            progress.line(&format!("not added: {source}: {error}"));
        }
    }
    batch.clear();
    Ok(())
}

fn item(path: &Path, known: Known, labels: &[String]) -> NewItem {
    let forms: Vec<String> = known.forms().map(|form| form.to_string()).collect();
    let metadata = (!forms.is_empty())
        .then(|| format!("pdq of the picture as stored, then {}", forms.join(", ")));
    NewItem {
        signals: known.signals,
        labels: labels.to_vec(),
        provenance: Provenance {
            source: path.display().to_string(),
            record: None,
            metadata,
            added_at: now(),
            ..Provenance::default()
        },
        ..NewItem::default()
    }
}

/// Says that entries were given again that people have taken back.
pub(crate) fn say_withdrawn(withdrawn: u64, out: &mut impl Write) -> std::io::Result<()> {
    match withdrawn {
        0 => Ok(()),
        withdrawn => writeln!(
            out,
            "{withdrawn} of them withdrawn by hand before: they stay so, and match nothing"
        ),
    }
}

fn low_quality(path: &Path, quality: Option<Quality>, least: &Quality) -> String {
    let quality = quality.map_or_else(|| "?".to_owned(), |quality| quality.to_string());
    format!(
        "low quality: {}: {quality}, the bank asks for {least} or better",
        escaped(&path.to_string_lossy())
    )
}

/// Seconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    crate::clock::now()
}
