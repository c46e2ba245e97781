//! `exchange feedback`: what was decided about entries, told to where they came from.

use crate::bank::BankName;
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output, stop};
use crate::clock;
use crate::curation::entries::{self, EntryName};
use crate::curation::exchange::{
    Credentials, Exchanges, Feedback, FeedbackState, NewFeedback, about,
};
use crate::exchange::Opinion;
use crate::scan::escaped;
use crate::store::BankStore;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::io::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each opinion
    Jsonl,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without entries and --send it lists what was said. Nothing is sent unless the exchange is set so: `hashgate exchange set NAME \
    --feedback true`. NCMEC and ThreatExchange are told at least once, StopNCII at most once: what may have arrived or not is shown as \
    uncertain. `exchange fetch` sends what waits too.\nExit codes: 0 done, 2 something was refused, is uncertain, or waits although it was to be sent."
)]
pub(crate) struct FeedbackArgs {
    /// Name of the exchange
    name: BankName,

    /// Entries: their numbers, or hashes (pdq:HEX, md5:HEX, …)
    #[arg(value_name = "ID|SIGNAL", requires = "opinion")]
    entries: Vec<String>,

    /// What was decided: seen (it was met here), true (it is what it is said to be), false (it is not)
    #[arg(long, requires = "entries")]
    opinion: Option<Opinion>,

    /// Why, in the exchange's own words (NCMEC: the name of a reason or its GUID; StopNCII: a tag); may be given several times
    #[arg(long, value_name = "TEXT", requires = "entries")]
    reason: Vec<String>,

    /// The type of hash that is meant, where an entry has several [default: pdq, else md5, else sha1]
    #[arg(long = "type", value_name = "TYPE", requires = "entries")]
    kind: Option<String>,

    /// Who says it [default: $USER]
    #[arg(long, value_name = "WHO")]
    by: Option<String>,

    /// Send what waits
    #[arg(long)]
    send: bool,

    /// Only show what would be sent
    #[arg(long)]
    dry_run: bool,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &FeedbackArgs, home: &Home) -> anyhow::Result<Exit> {
    let is_list = args.entries.is_empty() && !args.send;
    let store = match is_list || args.dry_run {
        true => BankStore::open_read_only(home.store())?,
        false => BankStore::open_existing(home.store())?,
    };
    let mut known = Exchanges::of(home)?;
    let Some(exchange) = known.get(&args.name).cloned() else {
        bail!("there is no exchange {}", args.name);
    };
    let bank = exchange
        .bank
        .context("the exchange has no bank yet: fetch it first")?;
    let mut out = output::stdout();
    let mut said = Vec::new();
    if let Some(opinion) = args.opinion {
        let by = args.by.clone().or_else(|| std::env::var("USER").ok());
        let by = by.context("who says it must be told: give --by")?;
        let mut new = NewFeedback::new(opinion, by);
        (new.reasons, new.kind) = (args.reason.clone(), args.kind.clone());
        for text in &args.entries {
            let name: EntryName = text.parse()?;
            let items = entries::find(&store, &name)?;
            let items: Vec<_> = items.into_iter().filter(|item| item.bank == bank).collect();
            if items.is_empty() {
                bail!("the bank of {} has no entry {name}", args.name);
            }
            for item in items {
                said.push((about(&exchange, &item, &new)?, item, new.by.clone()));
            }
        }
    }
    if args.dry_run {
        let waiting = Feedback::all(&store, bank)?
            .into_iter()
            .filter(|one| one.state == FeedbackState::Waiting);
        let all = waiting
            .map(|one| one.said)
            .chain(said.into_iter().flat_map(|(said, ..)| said));
        let ready = known.ready(&store, &args.name, &Credentials::of(home)?)?;
        for said in all {
            match ready.preview(&said) {
                Ok(shown) => shown
                    .iter()
                    .try_for_each(|line| writeln!(out, "{}", escaped(line)))?,
                Err(error) => writeln!(out, "cannot be told: {error}")?,
            }
        }
        writeln!(out, "nothing was queued or sent")?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    for (said, item, by) in said {
        for one in Feedback::queue(&store, (bank, &item), said, &by)? {
            tell(args.format, &one, &mut out)?;
        }
    }
    let mut failed = false;
    if args.send {
        let stop = stop::on_request()?;
        let ready = known.ready(&store, &args.name, &Credentials::of(home)?)?;
        let terminal = Terminal::of_work("sending").stop_on(&stop);
        let sent = ready.send_feedback(&store, &terminal);
        drop(terminal);
        for one in sent? {
            failed |= one.state != FeedbackState::Sent;
            tell(args.format, &one, &mut out)?;
        }
    } else if is_list {
        for one in Feedback::all(&store, bank)? {
            tell(args.format, &one, &mut out)?;
        }
    } else if args.format == Format::Text {
        match exchange.feedback {
            true => writeln!(out, "It is sent by the next fetch, or by --send")?,
            false => writeln!(
                out,
                "It is not sent: `hashgate exchange set {} --feedback true` lets it",
                args.name
            )?,
        }
    }
    out.flush()?;
    Ok(Exit::of(false, failed))
}

fn tell(format: Format, one: &Feedback, out: &mut impl Write) -> anyhow::Result<()> {
    if format == Format::Jsonl {
        serde_json::to_writer(&mut *out, one)?;
        writeln!(out)?;
        return Ok(());
    }
    let problem = one
        .problem
        .as_deref()
        .map_or_else(String::new, |problem| format!(": {problem}"));
    writeln!(
        out,
        "{}: {} about #{} (record {}), by {} at {}: {}{}",
        one.number,
        one.said.opinion,
        one.content_id,
        escaped(&one.said.record),
        escaped(&one.by),
        clock::time(one.at),
        one.state,
        escaped(&problem)
    )?;
    Ok(())
}
