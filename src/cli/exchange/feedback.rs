//! `exchange feedback`: what was decided about entries, told to where they came from.

use crate::bank::{BankId, BankName, ContentId};
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output, stop};
use crate::clock;
use crate::curation::entries::{self, EntryName};
use crate::curation::exchange::{
    Credentials, Exchange, Exchanges, Feedback, FeedbackState, NewFeedback, Settled, about,
};
use crate::exchange::{Opinion, Said};
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

/// What somebody found out, or decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum As {
    /// The other side has it
    Taken,
    /// Send it again
    Again,
    /// Do not send it, or not again
    Dropped,
}

impl From<As> for Settled {
    fn from(how: As) -> Self {
        match how {
            As::Taken => Self::Taken,
            As::Again => Self::Again,
            As::Dropped => Self::Dropped,
        }
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Without entries, --send and --settle it lists what was said. Nothing is sent unless the exchange is set so: `hashgate exchange set \
    NAME --feedback true`. NCMEC and ThreatExchange are told at least once, StopNCII at most once: what may have arrived or not is shown as \
    uncertain, until somebody has looked there and settles it. `exchange fetch` sends what waits too.\nExit codes: 0 done, 2 something cannot be \
    told, was refused, is uncertain, or waits although it was to be sent."
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

    /// Who says it, or settles it [default: $USER]
    #[arg(long, value_name = "WHO")]
    by: Option<String>,

    /// Send what waits
    #[arg(long)]
    send: bool,

    /// Send it also where the other side asked to be asked later
    #[arg(long, requires = "send")]
    at_once: bool,

    /// Numbers of opinions that are uncertain, refused or wait, and that somebody has looked after; several with commas between
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', requires = "settled", conflicts_with_all = ["entries", "send", "dry_run"])]
    settle: Vec<u64>,

    /// What was found out about them, or decided
    #[arg(
        long = "as",
        value_name = "WHAT",
        value_enum,
        requires = "settle",
        id = "settled"
    )]
    settled: Option<As>,

    /// Only show what would be sent. NCMEC is asked for its reasons where one is named
    #[arg(long)]
    dry_run: bool,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl FeedbackArgs {
    fn by(&self) -> anyhow::Result<String> {
        let by = self.by.clone().or_else(|| std::env::var("USER").ok());
        by.context("who says it must be told: give --by")
    }

    /// What is said of the entries that were given.
    fn said(
        &self,
        store: &BankStore,
        (exchange, bank): (&Exchange, BankId),
    ) -> anyhow::Result<Vec<(ContentId, Said)>> {
        let Some(opinion) = self.opinion else {
            return Ok(Vec::new());
        };
        let mut new = NewFeedback::new(opinion, self.by()?);
        (new.reasons, new.kind) = (self.reason.clone(), self.kind.clone());
        let mut all = Vec::new();
        for text in &self.entries {
            let name: EntryName = text.parse()?;
            let items = entries::find(store, &name)?;
            let items: Vec<_> = items.into_iter().filter(|item| item.bank == bank).collect();
            if items.is_empty() {
                bail!("the bank of {} has no entry {name}", self.name);
            }
            for item in items {
                let said = about(exchange, &item, &new)?;
                let said = said.into_iter().map(|said| (item.id, said));
                // An entry may have been named twice.
                for one in said {
                    if !all.contains(&one) {
                        all.push(one);
                    }
                }
            }
        }
        Ok(all)
    }
}

pub(crate) fn run(args: &FeedbackArgs, home: &Home) -> anyhow::Result<Exit> {
    let is_list = args.entries.is_empty() && !args.send && args.settle.is_empty();
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
    let said = args.said(&store, (&exchange, bank))?;
    if args.dry_run {
        let ready = known.ready(&store, &args.name, &Credentials::of(home)?)?;
        let kept = Feedback::all(&store, bank)?;
        // What was being sent when the program ended is sent again, unless it must not be.
        let is_due = |one: &&Feedback| match one.state {
            FeedbackState::Waiting => true,
            FeedbackState::Sending => exchange.api != "stop_ncii",
            _ => false,
        };
        let waiting = kept.iter().filter(is_due).map(|one| one.in_place(&kept));
        let mut is_heard = true;
        for said in waiting.chain(said.into_iter().map(|(_, said)| said)) {
            match ready.preview(&said) {
                Ok(shown) => shown
                    .iter()
                    .try_for_each(|line| writeln!(out, "{}", escaped(line)))?,
                Err(error) => {
                    is_heard = false;
                    writeln!(out, "cannot be told: {}", escaped(&error.to_string()))?;
                }
            }
        }
        writeln!(out, "nothing was queued or sent")?;
        out.flush()?;
        return Ok(Exit::of(false, !is_heard));
    }
    if let Some(how) = args.settled {
        for one in Feedback::settle(&store, bank, &args.settle, (how.into(), &args.by()?))? {
            tell(args.format, &one, &mut out)?;
        }
        out.flush()?;
        return Ok(Exit::Clean);
    }
    if !said.is_empty() {
        for one in Feedback::queue(&store, bank, said, &args.by()?)? {
            tell(args.format, &one, &mut out)?;
        }
        out.flush()?;
    }
    let mut failed = false;
    if args.send {
        let stop = stop::on_request()?;
        let ready = known.ready(&store, &args.name, &Credentials::of(home)?)?;
        let terminal = Terminal::of_work("sending").stop_on(&stop);
        let sent = ready.send_feedback(&store, &terminal, args.at_once);
        drop(terminal);
        for one in sent? {
            failed |= one.state != FeedbackState::Sent;
            tell(args.format, &one, &mut out)?;
        }
        let counts = Feedback::counts(&store, bank)?;
        failed |= counts.waiting + counts.sending > 0;
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
    let (mut because, mut more) = (String::new(), String::new());
    if !one.said.reasons.is_empty() {
        because = format!(" because of {}", one.said.reasons.join(", "));
    }
    if let Some(by) = &one.settled_by {
        more = format!(", settled by {by}");
    }
    if one.state == FeedbackState::Sending {
        more.push_str(" (or was when the program ended)");
    }
    if let Some(problem) = &one.problem {
        more.push_str(": ");
        more.push_str(problem);
    }
    writeln!(
        out,
        "{}: {} about {} of #{} (record {}){}, by {} at {}: {} since {}{}",
        one.number,
        one.said.opinion,
        escaped(&one.said.kind),
        one.content_id,
        escaped(&one.said.record),
        escaped(&because),
        escaped(&one.by),
        clock::time(one.at),
        one.state,
        clock::time(one.state_at),
        escaped(&more)
    )?;
    Ok(())
}
