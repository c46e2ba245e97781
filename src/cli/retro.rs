//! `hashgate retro`: entries that arrived later, held against kept hashes of uploads.
//!
//! What is news becomes a small index of its own; the kept hashes are streamed through it in
//! batches. Only uploads that meet something there are decided anew, by the index in force and its
//! policies. Where too much is news, or the store's log of changes does not reach back, they are
//! streamed through the index in force itself. Memory depends on the batch alone.
//!
//! Exit codes: 0 where no upload would be stopped that was not, 1 where some would, 2 where
//! something failed.

use crate::bank::{Action, Bank};
use crate::cli::bank::now;
use crate::cli::{audit::time, exit::Exit, home::Home, inputs::MemoryMode, output};
use crate::cli::{progress::Progress, stop};
use crate::curation::ledger::Ledger;
use crate::gate::{self, Evidence, Extraction, Gate, GateOptions, Query, Told, Verdict};
use crate::hash::{Distance, Family, Signal};
use crate::index::{Index, PublishOptions, publish};
use crate::scan::escaped;
use crate::signal::pdq::Confidence;
use crate::store::{BankStore, History, HistoryBase, Snapshot, Upload};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Uploads that are looked at together.
const BATCH: usize = 8_192;
/// Where more than one in so many entries is news, the index in force is asked itself.
const LARGE_SHARE: u64 = 4;
/// What the names of folders begin with in which news are indexed.
const FOLDER: &str = "retro-";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each upload, then the summary
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct RetroArgs {
    /// Hold all that came after this generation against the uploads [default: what came after the
    /// last retro, or after the index that judged them]
    #[arg(long, value_name = "N")]
    since_generation: Option<u64>,

    /// Hold all entries against the uploads, old ones too
    #[arg(long, conflicts_with = "since_generation")]
    all_entries: bool,

    /// Uploads too that were decided as strictly then
    #[arg(long)]
    all: bool,

    /// How to write them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// How the index is held in memory
    #[arg(long, value_enum, value_name = "MODE", default_value = "mmap")]
    index_memory: MemoryMode,
}

/// What the uploads are held against first.
enum News {
    /// Nothing has come.
    None,
    /// An index of what has come.
    Some {
        /// Let go of before its folder goes.
        index: Box<Index>,
        hashes: u64,
        _folder: tempfile::TempDir,
    },
    /// All of the index in force, and why.
    All(&'static str),
}

#[derive(Debug, Default)]
struct Counts {
    uploads: u64,
    hashes: u64,
    matched: u64,
    stopped: u64,
}

pub(crate) fn run(args: &RetroArgs, home: &Home) -> anyhow::Result<Exit> {
    // In this order: no scan that remembers runs meanwhile, so every kept upload was judged by the
    // index that is opened then, or by an older one.
    let history = History::open(&home.history(), now())?;
    remove_left_over(home)?;
    let options = GateOptions {
        index_memory: args.index_memory.memory(),
        ..GateOptions::default()
    };
    let gate = Gate::open_with(&home.index(), options)?;
    let index = gate.index();
    let store = BankStore::open_read_only(&home.store())?;
    let snapshot = store.snapshot()?;
    let stats = index.stats();
    let in_force = HistoryBase {
        revision: stats.store_revision,
        mark: stats.store_mark,
    };
    let mark = snapshot.mark_of(in_force.revision)?;
    let is_ours = mark.is_some() && mark == in_force.mark;
    if !is_ours {
        output::warn(
            "hashgate: warning: the index in force is not of this home's store, or of long ago: every \
             entry of it is held against the uploads",
        );
    } else if snapshot.revision != in_force.revision {
        output::warn(
            "hashgate: warning: the store has changes that are not published: run hashgate publish, \
             then this again",
        );
    }
    let news = match is_ours {
        true => news(args, home, &history, &snapshot)?,
        false => News::All("the index in force is not of this home's store"),
    };
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    let mut counts = Counts::default();
    let (asked, said) = match &news {
        News::None => (None, "nothing has come since".to_owned()),
        News::Some { index, hashes, .. } => (Some(&**index), format!("{hashes} hashes have come")),
        News::All(why) => (Some(&*index), format!("all entries, since {why}")),
    };
    tracing::info!("{said}");
    if let Some(asked) = asked {
        let progress = Progress::of_work("going through the uploads");
        look(args, &history, asked, &index, &stop, &mut counts, &mut out)?;
        drop(progress);
    }
    let interrupted = stop.load(Ordering::Relaxed);
    match args.format {
        Format::Text => writeln!(
            out,
            "{} held against generation {} ({said}): {} match, {} would be stopped now",
            output::plural(counts.uploads, "upload"),
            index.generation(),
            counts.matched,
            counts.stopped
        )?,
        Format::Jsonl => {
            let news = match &news {
                News::None => json!(0),
                News::Some { hashes, .. } => json!(hashes),
                News::All(_) => json!(null),
            };
            let summary = json!({ "summary": {
                "uploads": counts.uploads,
                "hashes": counts.hashes,
                "new_hashes": news,
                "matched": counts.matched,
                "stopped_now": counts.stopped,
                "generation": index.generation(),
                "interrupted": interrupted,
            }});
            writeln!(out, "{summary}")?;
        }
    }
    out.flush()?;
    if !interrupted && args.since_generation.is_none() && history.base().is_some() {
        history.set_base(in_force)?;
    }
    Ok(Exit::of(counts.stopped > 0, interrupted))
}

/// What has come since the uploads were judged.
fn news(
    args: &RetroArgs,
    home: &Home,
    history: &History,
    snapshot: &Snapshot<'_>,
) -> anyhow::Result<News> {
    if args.all_entries {
        return Ok(News::All("that was asked for"));
    }
    let base = match args.since_generation {
        Some(generation) => {
            let revision = Ledger::of(home).revision_of(generation)?.with_context(|| {
                format!(
                    "nobody noted when generation {generation} was published (published.jsonl): use \
                     --all-entries"
                )
            })?;
            let mark = snapshot.mark_of(revision)?;
            HistoryBase { revision, mark }
        }
        None => match history.base() {
            Some(base) => base,
            None => return Ok(News::None),
        },
    };
    let changes = match base.mark {
        Some(mark) => snapshot.changes_since(base.revision, mark)?,
        None => None,
    };
    let Some(changes) = changes else {
        return Ok(News::All("the store's log of changes does not reach back"));
    };
    let mut active = 0u64;
    for bank in &snapshot.banks {
        active += snapshot.counts(bank.id)?.active;
    }
    if changes.items() == 0 {
        return Ok(News::None);
    }
    if changes.items().saturating_mul(LARGE_SHARE) > active {
        return Ok(News::All("more than a quarter of the entries has changed"));
    }
    let folder = tempfile::Builder::new()
        .prefix(FOLDER)
        .tempdir_in(home.folder())
        .with_context(|| format!("cannot make a folder in {}", home.folder().display()))?;
    let records = changes.records()?;
    let published = publish(
        folder.path(),
        &snapshot.banks,
        records,
        &PublishOptions::default(),
    )?;
    if published.hashes == 0 {
        return Ok(News::None);
    }
    Ok(News::Some {
        index: Box::new(Index::open(folder.path())?),
        hashes: published.hashes,
        _folder: folder,
    })
}

/// Holds every upload against `asked`, and decides those anew that meet something.
fn look(
    args: &RetroArgs,
    history: &History,
    asked: &Index,
    in_force: &Index,
    stop: &AtomicBool,
    counts: &mut Counts,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let radii = radii(in_force.banks());
    let mut batch: Vec<Upload> = Vec::with_capacity(BATCH);
    let mut uploads = history.uploads(now())?;
    loop {
        batch.clear();
        for upload in uploads.by_ref().take(BATCH) {
            batch.push(upload?);
        }
        if batch.is_empty() || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        counts.uploads += batch.len() as u64;
        let meets = meets(&batch, asked, &radii, counts);
        for (upload, _) in batch.iter().zip(meets).filter(|(_, meets)| *meets) {
            // This may take long: one may have expired since it was read.
            if history.is_expired(upload, now()) {
                continue;
            }
            let verdict = decide(upload, in_force);
            let is_stopped = verdict.action > Some(Action::Allow) && verdict.action > upload.action;
            if !verdict.outcome.is_flagged(verdict.action) {
                continue;
            }
            counts.matched += 1;
            counts.stopped += u64::from(is_stopped);
            if is_stopped || args.all {
                match args.format {
                    Format::Text => describe(upload, &verdict, out)?,
                    Format::Jsonl => writeln!(out, "{}", record(upload, &verdict))?,
                }
            }
        }
    }
}

/// The widest radius of each kind of hash that an enabled bank's policy has.
fn radii(banks: &[Bank]) -> BTreeMap<Family, Distance> {
    let mut radii = BTreeMap::new();
    for bank in banks.iter().filter(|bank| bank.policy.enabled) {
        for (family, threshold) in [
            (Family::Pdq, bank.policy.threshold),
            (Family::Hash64, bank.policy.threshold64),
        ] {
            let radius = radii.entry(family).or_insert(Distance::ZERO);
            *radius = Distance(threshold.0).max(*radius);
        }
        radii.insert(Family::Digest, Distance::ZERO);
    }
    radii
}

/// Which of the uploads have a hash within reach of an entry.
fn meets(
    batch: &[Upload],
    asked: &Index,
    radii: &BTreeMap<Family, Distance>,
    counts: &mut Counts,
) -> Vec<bool> {
    let mut meets = vec![false; batch.len()];
    for (family, &radius) in radii {
        let mut owners = Vec::new();
        let mut signals: Vec<Signal> = Vec::new();
        for (owner, upload) in batch.iter().enumerate() {
            for hash in &upload.hashes {
                if hash.signal.signal_type().family() == *family {
                    owners.push(owner);
                    signals.push(hash.signal);
                }
            }
        }
        counts.hashes += signals.len() as u64;
        let answers = asked.search_batch_limited(&signals, radius, 1);
        for (owner, answer) in owners.into_iter().zip(answers) {
            if let Some(meets) = meets.get_mut(owner) {
                *meets |= !answer.hits.is_empty();
            }
        }
    }
    meets
}

/// What the index in force says of an upload's kept hashes.
fn decide(upload: &Upload, index: &Index) -> Verdict {
    let queries: Vec<Query> = (upload.hashes.iter())
        .map(|hash| Query {
            signal: hash.signal,
            quality: hash.quality,
            variant: hash.variant,
            evidence: hash.flatness.map(|flatness| Evidence {
                confidence: Confidence::NONE,
                flatness,
                is_small: hash.is_small,
                is_minor: hash.is_minor,
                fitted_from: None,
                is_guess: hash.is_guess,
                inverted: hash.inverted,
            }),
        })
        .collect();
    let extraction = Extraction {
        queries,
        ..Extraction::default()
    };
    gate::replay(index, now(), extraction, &Told::default())
}

/// One upload: `name`, `at`, `bytes`, `digests`, `then` and `now` (`outcome`, `action`,
/// `generation`), `matches` as a scan's.
fn record(upload: &Upload, verdict: &Verdict) -> serde_json::Value {
    let digests = (upload.hashes.iter()).filter(|hash| is_digest(&hash.signal));
    let digests: BTreeMap<&str, String> = digests
        .map(|hash| (hash.signal.signal_type().name(), hash.signal.hex()))
        .collect();
    json!({
        "upload": upload.number,
        "name": upload.name,
        "name_hex": upload.name_hex,
        "at": upload.at,
        "bytes": upload.bytes,
        "digests": digests,
        "then": {
            "outcome": upload.outcome,
            "action": upload.action.map_or("none", Action::name),
            "generation": upload.generation,
        },
        "now": {
            "outcome": verdict.outcome,
            "action": verdict.action_name(),
            "generation": verdict.generation,
        },
        "matches": verdict.matches,
    })
}

fn is_digest(signal: &Signal) -> bool {
    signal.signal_type().family() == Family::Digest
}

fn describe(upload: &Upload, verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let mut digests = (upload.hashes.iter()).filter(|hash| is_digest(&hash.signal));
    let name = match &upload.name {
        Some(name) => escaped(name).into_owned(),
        None => digests.next_back().map_or_else(
            || format!("upload {}", upload.number),
            |hash| hash.signal.to_string(),
        ),
    };
    let action = verdict.action_name().to_uppercase();
    write!(
        out,
        "{action:<7} {name}  of {}, was {}",
        time(upload.at),
        match upload.action {
            Some(action) => action.name(),
            None => &upload.outcome,
        }
    )?;
    if let Some(nearest) = verdict.matches.first() {
        write!(
            out,
            "  {} #{}, {} distance {}",
            nearest.bank,
            nearest.content_id,
            nearest.entry.signal_type(),
            nearest.distance
        )?;
    }
    writeln!(out)
}

/// Removes what a retro that was killed has left: only one runs at a time.
fn remove_left_over(home: &Home) -> anyhow::Result<()> {
    let failed = |path: &Path| {
        format!(
            "cannot remove what an earlier retro left: {}",
            path.display()
        )
    };
    for entry in std::fs::read_dir(home.folder())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            let path = entry.path();
            std::fs::remove_dir_all(&path).with_context(|| failed(&path))?;
        }
    }
    if !home.store().exists() {
        bail!("there is no store in this home: retro runs where lists are imported");
    }
    Ok(())
}
