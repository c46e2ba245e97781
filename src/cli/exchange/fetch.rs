//! `exchange test` and `exchange fetch`.

use crate::bank::BankName;
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output, publish, stop};
use crate::curation::Observer;
use crate::curation::exchange::{
    Credentials, ExchangeError, Exchanges, FeedbackState, FetchOptions, FetchRecord, FetchWatch,
    Ready,
};
use crate::curation::import::ImportOptions;
use crate::curation::publish::{PublishPlan, publish_from};
use crate::store::BankStore;
use anyhow::bail;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How it is told what a fetch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each fetch
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Name of the exchange
    name: BankName,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all were fetched, 2 one was not, or something could not be read and was left out.\nA fetch can be stopped or \
    killed at any point: the next one goes on from there. What the other side takes back is published at once."
)]
pub(crate) struct FetchArgs {
    /// Names of the exchanges [default: all that are enabled]
    names: Vec<BankName>,

    /// Fetch again and again: so long after each round, as 15m, 2h or 90s; at least a minute
    #[arg(long, value_name = "TIME", value_parser = span)]
    every: Option<Duration>,

    /// Read everything anew, and take back at the end what no longer appears
    #[arg(long)]
    anew: bool,

    /// Take back what no longer appears, however much it is
    #[arg(long, conflicts_with = "max_shrink")]
    accept_shrink: bool,

    /// The largest share of a bank's entries that may leave because it no longer appears, in per cent
    #[arg(long, value_name = "PERCENT", default_value_t = ImportOptions::MAX_SHRINK, value_parser = clap::value_parser!(u8).range(..=100))]
    max_shrink: u8,

    /// How long one fetch may take; the next goes on from there
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = span)]
    max_time: Duration,

    /// Ask also where the other side asked to be asked later
    #[arg(long)]
    at_once: bool,

    /// Do not publish
    #[arg(long)]
    no_publish: bool,

    /// How to tell what came
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// A time as people write it: 90s, 15m, 2h, 1d.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time as 90s, 15m, 2h or 1d, a minute to 30 days".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number = text
        .strip_suffix(unit)
        .and_then(|number| number.parse::<u64>().ok());
    let seconds = number.and_then(|number| number.checked_mul(seconds));
    match seconds {
        Some(seconds) if (60..=30 * 86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

/// The exchanges that are meant, each with what is needed to fetch it.
fn ready(home: &Home, store: &BankStore, name: &BankName) -> anyhow::Result<Ready> {
    let credentials = Credentials::of(home)?;
    Ok(Exchanges::of(home)?.ready(store, name, &credentials)?)
}

pub(crate) fn test(args: &TestArgs, home: &Home) -> anyhow::Result<Exit> {
    let stop = stop::on_request()?;
    let ready = {
        let store = BankStore::open_existing(home.store())?;
        ready(home, &store, &args.name)?
    };
    let terminal = Terminal::of_work("asking").stop_on(&stop);
    let tried = ready.test(&|| terminal.is_stopped());
    drop(terminal);
    let page = tried?;
    let mut out = output::stdout();
    writeln!(
        out,
        "{} answers: {} on the page that was asked for, {} of which cannot be used; nothing was kept",
        args.name,
        output::plural(page.records, "record"),
        page.bad
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// A line of JSON about one fetch.
#[derive(Serialize)]
struct Line<'a> {
    exchange: &'a str,
    #[serde(flatten)]
    record: &'a FetchRecord,
}

pub(crate) fn fetch(args: &FetchArgs, home: &Home) -> anyhow::Result<Exit> {
    let stop = stop::on_request()?;
    // What was fetched before may not be published: whoever fetched was killed.
    let mut is_due = true;
    loop {
        let exit = round(args, home, &stop, &mut is_due)?;
        let Some(every) = args.every.filter(|_| !stop.load(Ordering::Relaxed)) else {
            return Ok(exit);
        };
        let until = Instant::now() + every;
        while !stop.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::sleep(left.min(Duration::from_millis(200)));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(Exit::Clean);
        }
    }
}

/// Fetches each exchange once, and publishes where that is due. The store is closed behind it, so that others may change it.
fn round(
    args: &FetchArgs,
    home: &Home,
    stop: &Arc<AtomicBool>,
    is_due: &mut bool,
) -> anyhow::Result<Exit> {
    let store = match BankStore::open_existing(home.store()) {
        // Somebody else has it for a moment: the next round comes.
        Err(error) if args.every.is_some() => {
            output::warn(format_args!(
                "hashgate: warning: {:#}; tried again",
                anyhow::Error::from(error)
            ));
            return Ok(Exit::Failed);
        }
        store => store?,
    };
    let known = Exchanges::of(home)?;
    let names = match args.names.is_empty() {
        true => known
            .all()
            .iter()
            .filter(|one| one.enabled)
            .map(|one| one.name.clone())
            .collect(),
        false => args.names.clone(),
    };
    if names.is_empty() {
        bail!("there is no exchange that is fetched: make one with `hashgate exchange add`");
    }
    let mut options = FetchOptions::default();
    (options.anew, options.accept_shrink) = (args.anew, args.accept_shrink);
    (options.max_shrink, options.time) = (args.max_shrink, args.max_time);
    options.at_once = args.at_once;
    let mut failed = false;
    let mut out = output::stdout();
    let before = store.revision();
    for name in &names {
        if stop.load(Ordering::Relaxed) {
            failed = true;
            break;
        }
        let last_of = |name| -> anyhow::Result<Option<FetchRecord>> {
            let bank = known.get(name).and_then(|one| one.bank);
            let all = bank
                .map(|bank| FetchRecord::all(&store, bank))
                .transpose()?;
            Ok(all.and_then(|mut all| all.pop()))
        };
        let number_before = last_of(name)?.map(|record| record.number);
        let terminal = Terminal::of_work("asking").stop_on(stop).with_warnings();
        let mut problem = None;
        let mut publish_now = || {
            if !args.no_publish {
                let done = publish_from(
                    home,
                    &store,
                    &PublishPlan::default(),
                    &crate::curation::Silent,
                );
                problem = done.err();
            }
        };
        let mut watch = FetchWatch {
            observer: &terminal,
            stopped: &mut publish_now,
        };
        let fetched = ready(home, &store, name)
            .and_then(|ready| Ok(ready.fetch(&store, &options, &mut watch)?));
        drop(terminal);
        if let Some(error) = problem {
            output::warn(format_args!(
                "hashgate: warning: what {name} took back is not published yet: {:#}",
                anyhow::Error::from(error)
            ));
        }
        if known.get(name).is_some_and(|one| one.feedback) {
            failed |= !send_feedback(home, &store, name, (stop, args.at_once));
        }
        match fetched {
            Ok(record) => {
                failed |= !record.left_out.is_empty();
                tell(args.format, name, &record, &mut out)?;
            }
            Err(error) => {
                failed = true;
                if matches!(error.downcast_ref(), Some(ExchangeError::Stopped { .. })) {
                    output::warn(format_args!("hashgate: {error}"));
                } else {
                    output::warn(format_args!(
                        "hashgate: error: {name} was not fetched: {error:#}"
                    ));
                }
                // One that was not even begun has none.
                if args.format == Format::Jsonl
                    && let Some(record) = last_of(name)?
                    && Some(record.number) != number_before
                {
                    tell(args.format, name, &record, &mut out)?;
                }
            }
        }
        out.flush()?;
    }
    let is_changed = store.revision() != before;
    if is_changed && store.flush().is_err() {
        tracing::warn!("opening the store next will take longer");
    }
    drop(store);
    *is_due |= is_changed;
    if !args.no_publish && *is_due {
        let published = match args.format {
            Format::Text => publish::publish(home, false, None, &mut out),
            Format::Jsonl => publish::publish(home, false, None, &mut std::io::sink()),
        };
        match published {
            Ok(()) => *is_due = false,
            Err(error) if args.every.is_some() => {
                failed = true;
                output::warn(format_args!(
                    "hashgate: error: not published: {error:#}; tried again"
                ));
            }
            Err(error) => return Err(error),
        }
        out.flush()?;
    }
    Ok(Exit::of(false, failed))
}

/// Sends opinions that wait; false where something was not taken.
fn send_feedback(
    home: &Home,
    store: &BankStore,
    name: &BankName,
    (stop, at_once): (&Arc<AtomicBool>, bool),
) -> bool {
    let terminal = Terminal::of_work("sending opinions").stop_on(stop);
    let sent = ready(home, store, name)
        .and_then(|ready| Ok(ready.send_feedback(store, &terminal, at_once)?));
    drop(terminal);
    match sent {
        Ok(sent) => {
            let bad = sent.iter().filter(|one| one.state != FeedbackState::Sent);
            let bad = bad.count() as u64;
            if bad > 0 {
                output::warn(format_args!(
                    "hashgate: warning: {} of {name} not taken: see `hashgate exchange feedback {name}`",
                    output::plural(bad, "opinion")
                ));
            }
            bad == 0
        }
        Err(error) => {
            output::warn(format_args!(
                "hashgate: warning: opinions of {name} are not sent: {error:#}"
            ));
            false
        }
    }
}

fn tell(
    format: Format,
    name: &BankName,
    record: &FetchRecord,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if format == Format::Jsonl {
        let exchange = name.as_str();
        serde_json::to_writer(&mut *out, &Line { exchange, record })?;
        writeln!(out)?;
        return Ok(());
    }
    write!(
        out,
        "{name}: {} read; {} added, {} updated, {} taken back",
        output::plural(record.pages, "page"),
        record.added,
        record.updated,
        record.taken_back
    )?;
    for (count, what) in [
        (record.given_again, "given again"),
        (record.stopped, "no longer match"),
        (record.restored, "match again"),
        (record.rejected, "could not be used"),
    ] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    if record.is_complete {
        write!(out, "; all was read anew")?;
    }
    writeln!(out)?;
    Ok(())
}
