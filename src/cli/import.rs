//! `hashgate import`: hash lists into a bank.

use crate::bank::BankName;
use crate::cli::bank::{PUBLISH_HINT, say_withdrawn};
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{advice, exit::Exit, hashset, home::Home, output, progress, publish, stop};
use crate::curation::bundle::Trust;
use crate::curation::import::{
    ImportError, ImportOptions, ImportOutcome, Importer, LeftOutRow, ListSource, TooMuchChange,
    Waiting,
};
use crate::curation::{Notice, Observer, Progress};
use crate::hashset::{ColumnMapping, ListFormat};
use crate::scan::escaped;
use anyhow::{anyhow, bail};
use clap::Args;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bad lines of one list that are printed; the rest are counted.
const BAD_LINES_SHOWN: u64 = 100;

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
    column: Vec<ColumnArg>,

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

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

/// What a column means, and how that was said.
#[derive(Debug, Clone)]
struct ColumnArg {
    #[cfg_attr(
        not(feature = "service"),
        expect(dead_code, reason = "a node is told it as it was said")
    )]
    said: String,
    means: ColumnMapping,
}

impl FromStr for ColumnArg {
    type Err = <ColumnMapping as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            said: text.to_owned(),
            means: text.parse()?,
        })
    }
}

impl ImportArgs {
    /// The options, by the names that a node has for them.
    #[cfg(feature = "service")]
    fn asked(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut asked = Vec::new();
        asked.extend(
            self.format
                .map(|format| ("format", format.name().to_owned())),
        );
        asked.extend(
            self.column
                .iter()
                .map(|column| ("column", column.said.clone())),
        );
        asked.extend(self.label.iter().map(|label| ("label", label.clone())));
        asked.extend(self.source.iter().map(|source| ("source", source.clone())));
        asked.push(("max_shrink", self.max_shrink.to_string()));
        asked.extend(self.max_added.map(|most| ("max_added", most.to_string())));
        for (name, is_set) in [
            ("sync", self.sync),
            ("complete", self.complete),
            ("accept_shrink", self.accept_shrink),
            ("unsigned", self.unsigned),
        ] {
            if is_set {
                asked.push((name, "true".to_owned()));
            }
        }
        if let Some(given) = &self.public_key {
            asked.push((
                "public_key",
                crate::curation::bundle::public_key_text(given)?,
            ));
        }
        Ok(asked)
    }

    fn options(&self) -> ImportOptions {
        let options = ImportOptions::new(self.bank.clone())
            .format(self.format)
            .columns(self.column.iter().map(|column| column.means.clone()))
            .labels(self.label.iter().cloned())
            .sync(self.sync)
            .complete(self.complete)
            .dry_run(self.dry_run)
            .max_shrink(self.max_shrink)
            .accept_shrink(self.accept_shrink)
            .max_added(self.max_added)
            .rows_told(BAD_LINES_SHOWN)
            .trust(match &self.public_key {
                Some(key) => Trust::SignedBy(key.clone()),
                None if self.unsigned => Trust::Unsigned,
                None => Trust::None,
            });
        match &self.source {
            Some(source) => options.source(source),
            None => options,
        }
    }
}

/// A list that is being imported, as a terminal shows it.
struct Screen {
    name: String,
    bar: Mutex<Option<progress::Progress>>,
    stop: Arc<AtomicBool>,
}

impl Screen {
    /// A line on standard error, above the progress.
    fn line(&self, text: &str) {
        match &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(bar) => bar.line(text),
            None => output::warn(text),
        }
    }
}

impl Observer for Screen {
    fn progress(&self, at: Progress<'_>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        bar.get_or_insert_with(|| {
            progress::Progress::of_bytes(at.total.unwrap_or(0), self.name.clone())
        })
        .set_bytes(at.done);
    }

    fn notice(&self, notice: Notice<'_>) {
        let advice = match notice {
            Notice::ListFormat { doubt, .. } => advice::of_format(doubt),
            _ => String::new(),
        };
        self.line(&format!("hashgate: warning: {notice}{advice}"));
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A row that was left out, with what an option would change.
fn shown(row: LeftOutRow<'_>) -> String {
    match row {
        LeftOutRow::TakenBack { status, id, .. } => format!(
            "{}: not imported: it is {} by its source, which --sync --source NAME brings in: {id}",
            row.place(),
            status.name()
        ),
        LeftOutRow::Refused { reason, .. } => {
            format!("{}: not imported: {reason}", escaped(&row.place()))
        }
        row => row.to_string(),
    }
}

/// Why a list was not imported, with what an option would change.
fn with_advice(error: ImportError) -> anyhow::Error {
    const LOOK: &str = "look at it with --dry-run, and";
    match error {
        ImportError::TooMuchChange(shrinks @ TooMuchChange::Shrinks { .. }) => {
            anyhow!("{shrinks}; {LOOK} say --accept-shrink if that is right")
        }
        ImportError::TooMuchChange(TooMuchChange::Grows { added, max_added }) => anyhow!(
            "nothing is changed: {added} entries would be added, more than --max-added {max_added}; \
             {LOOK} give a greater number if that is right"
        ),
        ImportError::NoColumns { format } => {
            anyhow!("a list of the format {format} has no columns: leave --column away")
        }
        ImportError::Format(error) => anyhow!("{error}{}", advice::of_format(&error)),
        ImportError::Trust(error) => hashset::with_advice(error),
        error => error.into(),
    }
}

fn write_outcome(one: &ImportOutcome, out: &mut impl Write, list: &str) -> io::Result<()> {
    if one.preview {
        write!(out, "nothing is changed, but would be: ")?;
    }
    writeln!(out, "{list}: {one}")?;
    if !one.opaque.is_empty() {
        writeln!(
            out,
            "{list}: kept, and unmatched because they cannot be computed here: {}",
            one.unmatched()
        )?;
    }
    if one.has_more {
        writeln!(
            out,
            "{list}: it is one page, and its source has more: fetch and import those too"
        )?;
    }
    say_withdrawn(one.withdrawn, out)
}

/// Brings one list in and shows how far it is.
fn import(
    importer: &mut Importer,
    file: &Path,
    is_dry_run: bool,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<ImportOutcome> {
    let is_stdin = file.as_os_str() == "-";
    let name = match is_stdin {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let screen = Screen {
        name: name.clone(),
        bar: Mutex::new(None),
        stop: Arc::clone(stop),
    };
    let list = match is_stdin {
        true => ListSource::reader(name.as_str(), Waiting::new(io::stdin(), &screen)),
        false => ListSource::file(file),
    };
    let outcome = importer.import_telling(list, &screen, &|row| screen.line(&shown(row)));
    let outcome = outcome.map_err(with_advice)?;
    // A look before the import tells of no rows.
    if let Some(hidden) = outcome.rejected.checked_sub(BAD_LINES_SHOWN + 1)
        && outcome.preview == is_dry_run
    {
        screen.line(&format!("{name}: and {} bad lines more", hidden + 1));
    }
    Ok(outcome)
}

/// Sends one list to a node.
#[cfg(feature = "service")]
fn send(
    node: &crate::service::asking::Asking,
    args: &ImportArgs,
    file: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<ImportOutcome> {
    let name = match file.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => file.display().to_string(),
    };
    let sent = remote::Sent {
        bank: &args.bank,
        name: &name,
        file,
        options: args.asked()?,
        dry_run: args.dry_run,
    };
    remote::import(node, &sent, stop, &mut |line| {
        output::warn(format_args!("hashgate: warning: {line}"));
    })
}

pub(crate) fn run(args: ImportArgs, home: &Home) -> anyhow::Result<Exit> {
    if args.complete && args.files.len() > 1 {
        bail!("--complete is about one list: give one file, or join the parts into one");
    }
    let stop = stop::on_request()?;
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let done = bring_in(&args, &mut out, &mut |file| send(&node, &args, file, &stop))?;
        out.flush()?;
        // A node publishes by itself.
        return Ok(Exit::of(
            false,
            done.failed || done.interrupted || done.has_faults,
        ));
    }
    let mut importer = Importer::open(home, args.options()).map_err(with_advice)?;
    let done = bring_in(&args, &mut out, &mut |file| {
        import(&mut importer, file, args.dry_run, &stop)
    })?;
    importer.finish();
    let is_unhindered = !done.interrupted && !done.failed;
    if args.publish && !args.dry_run && is_unhindered {
        out.flush()?;
        publish::publish(home, false, None, &mut out)?;
    } else if done.changed > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        done.failed || done.interrupted || done.has_faults,
    ))
}

/// What came of all lists.
#[derive(Default)]
struct Done {
    /// Entries and records that were changed.
    changed: u64,
    interrupted: bool,
    failed: bool,
    has_faults: bool,
}

/// Brings in one list after the other by `bring`, and says of each what came of it.
fn bring_in(
    args: &ImportArgs,
    out: &mut impl Write,
    bring: &mut dyn FnMut(&Path) -> anyhow::Result<ImportOutcome>,
) -> anyhow::Result<Done> {
    let mut done = Done::default();
    for file in &args.files {
        let name = file.display().to_string();
        match bring(file) {
            Ok(one) => {
                write_outcome(&one, out, &name)?;
                done.changed += one.changed();
                done.interrupted |= one.interrupted;
                done.has_faults |= one.rejected > 0 || one.not_whole.is_some();
                if one.has_nothing() {
                    output::warn(format_args!(
                        "hashgate: error: {name}: no row of it was understood"
                    ));
                    done.failed = true;
                }
                if let Some(reason) = one.not_whole {
                    output::warn(format_args!("hashgate: error: {name}: {reason}"));
                }
            }
            Err(error) => {
                // The other lists are read all the same.
                output::warn(format_args!("hashgate: error: {name}: {error:#}"));
                done.failed = true;
            }
        }
        if done.interrupted {
            writeln!(out, "interrupted: run it again for the rest")?;
            break;
        }
    }
    Ok(done)
}
