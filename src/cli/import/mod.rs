//! `hashgate import`: hash lists into a bank.

mod guard;
mod input;
mod list;

use crate::bank::BankName;
use crate::cli::bank::{PUBLISH_HINT, now, say_withdrawn};
use crate::cli::{exit::Exit, hashset, home::Home, output, publish, stop};
use crate::hash::{Quality, SignalType};
use crate::hashset::{ColumnMapping, ListFormat, ListRecord};
use crate::store::BankStore;
use anyhow::{Context, bail};
use clap::Args;
use input::Source;
use list::{How, List};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Items that go into the store together: one synced write.
const BATCH: usize = 10_000;
/// Bad lines of one list that are printed; the rest are counted.
const BAD_LINES_SHOWN: u64 = 100;
/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;
/// How much of a list is read at once.
const READ_BYTES: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Name of the bank; it must exist
    #[arg(long, value_name = "NAME")]
    bank: BankName,

    /// Format of the lists: pdq, tx, csv, jsonl, md5, sha1, sha256, ncmec, stopncii,
    /// threatexchange, tat, vics, bundle [default: told from the content]
    #[arg(long)]
    format: Option<ListFormat>,

    /// What a column of a csv or jsonl list means, as in pdq=hash_field; may be given several times
    #[arg(long, value_name = "MEANING=COLUMN")]
    column: Vec<ColumnMapping>,

    /// A label for every entry; may be given several times
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,

    /// What the source is called, to know its records again [default: the list's path; of ncmec,
    /// stopncii, threatexchange and tat the format]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,

    /// The list's ids are its source's own and stay the same: a record that comes again replaces
    /// what it said before (always so of ncmec, stopncii, threatexchange and tat)
    #[arg(long, requires = "source")]
    sync: bool,

    /// The list is all that its source has: what it no longer holds is taken back
    #[arg(long, requires = "source")]
    complete: bool,

    /// Say what the lists would change, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Stop, with nothing changed, where a list would take more of the bank's entries out of
    /// matching than this share (and more than 10 entries), in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    max_shrink: u8,

    /// Take such a list all the same
    #[arg(long)]
    accept_shrink: bool,

    /// Stop, with nothing changed, where a list would add more entries than this
    #[arg(long, value_name = "N")]
    max_added: Option<u64>,

    /// The key that a bundle must be signed by: a file of minisign's, or the key as text
    #[arg(long, value_name = "FILE|KEY")]
    public_key: Option<String>,

    /// Take a bundle without a signature
    #[arg(long, conflicts_with = "public_key")]
    unsigned: bool,

    /// Publish the index afterwards
    #[arg(long)]
    publish: bool,

    /// Lists to read, compressed with gzip or zstd or not; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Default)]
struct Summary {
    added: u64,
    updated: u64,
    already_there: u64,
    withdrawn: u64,
    rejected: u64,
    /// Records that their source took back.
    taken_back: u64,
    /// Records that their source took back and that were not there.
    not_there: u64,
    /// Records that stand again.
    given_again: u64,
    /// Entries that matched and no longer do.
    stopped: u64,
    /// Entries that match again.
    restored: u64,
    /// Records of which somebody says that they are not what they are said to be.
    disputed: u64,
    interrupted: bool,
    /// The list is one page of several.
    has_more: bool,
    /// Why a list that is said to be all that its source has is not, so that it took nothing back.
    not_whole: Option<String>,
    /// The format it was read as.
    format: &'static str,
    /// Hashes read.
    signals: BTreeMap<SignalType, u64>,
    /// Signals read that cannot be computed here.
    opaque: BTreeMap<String, u64>,
    /// Entries whose listed quality is under the bank's minimum.
    low_quality: u64,
}

impl Summary {
    /// Why what the list lacks cannot be told: a record that was cut off, malformed or on a page
    /// still to come would look as if its source had taken it back.
    fn why_not_whole(&self) -> Option<String> {
        let reason = match (self.has_more, self.rejected) {
            (false, 0) => return None,
            (true, _) => "it is one page, and its source has more: join all pages into one list",
            (false, _) => "records of it could not be read: get the list again, or mend them",
        };
        Some(format!(
            "it is not all that its source has, so nothing that it lacks is taken back: {reason}"
        ))
    }

    fn count(&mut self, record: &ListRecord, minimum: Quality) {
        for entry in &record.signals {
            *self.signals.entry(entry.signal.signal_type()).or_default() += 1;
        }
        for opaque in &record.opaque {
            match self.opaque.get_mut(&opaque.kind) {
                Some(count) => *count += 1,
                None => {
                    self.opaque.insert(opaque.kind.clone(), 1);
                }
            }
        }
        let votes = crate::bank::Votes::of(&record.opinions);
        self.disputed += u64::from(votes.is_disputed());
        let low = |quality: Quality| quality < minimum;
        let qualities = record.signals.iter().filter_map(|entry| entry.quality);
        self.low_quality += u64::from(qualities.into_iter().any(low));
    }

    fn write(&self, out: &mut impl Write, list: &str, minimum: Quality) -> io::Result<()> {
        let signals: Vec<String> = (self.signals.iter())
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let signals = match signals.is_empty() {
            true => "no hashes".to_owned(),
            false => signals.join(", "),
        };
        write!(
            out,
            "{list}: read as {}: {signals}; {} added, {} updated, {} already there, {} rejected",
            self.format, self.added, self.updated, self.already_there, self.rejected
        )?;
        for (count, what) in [
            (self.taken_back, "taken back"),
            (self.given_again, "given again"),
            (self.not_there, "taken back that were not there"),
        ] {
            if count > 0 {
                write!(out, ", {count} {what}")?;
            }
        }
        for (count, what) in [
            (self.stopped, "no longer match"),
            (self.restored, "match again"),
            (self.disputed, "disputed: they match nothing"),
        ] {
            if count > 0 {
                write!(out, "; {count} {what}")?;
            }
        }
        if self.low_quality > 0 {
            write!(
                out,
                "; {} under the bank's minimum quality of {minimum}: they will not match by pdq",
                self.low_quality
            )?;
        }
        writeln!(out)?;
        if !self.opaque.is_empty() {
            let kinds = self.opaque.iter().take(8);
            let kinds: Vec<String> = kinds
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            writeln!(
                out,
                "{list}: kept, and unmatched because they cannot be computed here: {}",
                kinds.join(", ")
            )?;
        }
        if self.has_more {
            writeln!(
                out,
                "{list}: it is one page, and its source has more: fetch and import those too"
            )?;
        }
        Ok(())
    }
}

/// Brings one list in, after a look at what it would change where that is called for.
fn import(list: &List<'_>, mut source: Source, home: &Home) -> anyhow::Result<Summary> {
    let Some(format) = list.format(&mut source)? else {
        return Ok(Summary {
            interrupted: true,
            format: "nothing yet",
            ..Summary::default()
        });
    };
    let args = list.args;
    if guard::is_needed(args, format) && !args.dry_run {
        source.keep(home.folder())?;
    }
    let bundle = match format {
        ListFormat::Bundle => {
            let file = match source.keep_unpacked(home.folder()) {
                Err(_) if list.is_stopped() => {
                    return Ok(Summary {
                        interrupted: true,
                        format: "nothing yet",
                        ..Summary::default()
                    });
                }
                kept => kept.context("cannot be unpacked")?,
            };
            let key = args.public_key.as_deref();
            Some(hashset::accept(file, key, args.unsigned, home)?)
        }
        _ => None,
    };
    let named = bundle.as_ref().map(|bundle| bundle.head.name.as_str());
    let import = |is_preview, show_bad| {
        let how = How {
            format,
            named,
            is_preview,
            show_bad,
        };
        list.import(&source, how)
    };
    if args.dry_run {
        return import(true, true);
    }
    if guard::is_needed(args, format) {
        let delta = import(true, false)?;
        if delta.interrupted {
            return Ok(delta);
        }
        guard::check(args, &delta, list.store.counts(list.bank.id)?.active)?;
    }
    let done = import(false, true)?;
    if let Some(bundle) = bundle.filter(|_| !done.interrupted) {
        hashset::note_accepted(&bundle, home)?;
    }
    Ok(done)
}

pub(crate) fn run(args: ImportArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = match args.dry_run {
        true => BankStore::open_read_only(&home.store())?,
        false => BankStore::open_existing(&home.store())?,
    };
    let bank = store.bank(&args.bank)?;
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    let mut total = Summary::default();
    let mut failed = false;
    if args.complete && args.files.len() > 1 {
        bail!("--complete is about one list: give one file, or join the parts into one");
    }
    for file in &args.files {
        let list = List {
            store: &store,
            bank: &bank,
            args: &args,
            stop: &stop,
            now: now(),
        };
        let done = import(&list, Source::new(file, &stop), home);
        match done {
            Ok(one) => {
                let name = file.display().to_string();
                if args.dry_run {
                    write!(out, "nothing is changed, but would be: ")?;
                }
                one.write(&mut out, &name, bank.policy.min_quality)?;
                say_withdrawn(one.withdrawn, &mut out)?;
                total.added += one.added;
                total.updated += one.updated + one.taken_back + one.given_again;
                total.rejected += one.rejected;
                total.interrupted |= one.interrupted;
                if let Some(reason) = one.not_whole {
                    output::warn(format_args!("hashgate: error: {name}: {reason}"));
                    total.not_whole = Some(reason);
                }
            }
            Err(error) if output::is_broken_pipe(&error) => return Err(error),
            Err(error) => {
                // The other lists are read all the same.
                output::warn(format_args!(
                    "hashgate: error: {}: {error:#}",
                    file.display()
                ));
                failed = true;
            }
        }
        if total.interrupted {
            writeln!(out, "interrupted: run it again for the rest")?;
            break;
        }
    }
    if !args.dry_run
        && total.added + total.updated > BATCH as u64
        && let Err(error) = store.flush()
    {
        // What was added is on the disk all the same.
        tracing::warn!(%error, "opening the store next will take longer");
    }
    drop(store);
    if args.publish && !args.dry_run && !total.interrupted && !failed {
        out.flush()?;
        publish::publish(home, false, None, &mut out)?;
    } else if !args.dry_run && total.added + total.updated > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        failed || total.rejected > 0 || total.interrupted || total.not_whole.is_some(),
    ))
}
