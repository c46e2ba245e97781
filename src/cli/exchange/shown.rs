//! `exchange list`, `show`, `status`.

use super::manage::api_of;
use crate::bank::BankName;
use crate::cli::{exit::Exit, home::Home, output};
use crate::clock;
use crate::curation::exchange::{
    Api, Credentials, Exchange, Exchanges, Feedback, FeedbackCounts, FetchRecord, FetchState, Field,
};
use crate::store::BankStore;
use anyhow::bail;
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::Value;
use std::io::Write;

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How to write the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Name of the exchange
    name: Option<BankName>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 2 where the last fetch of one that is enabled did not end well, or has an alarm, and where it is uncertain whether an opinion \
    arrived."
)]
pub(crate) struct StatusArgs {
    /// Names of the exchanges [default: all]
    names: Vec<BankName>,

    /// Show what the last N fetches did
    #[arg(long, value_name = "N", default_value_t = 0)]
    fetches: usize,

    /// How to write it; jsonl gives an object for each exchange, and behind it one for each fetch
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The exchanges with what their fetches did; the store is only read.
struct Seen {
    known: Exchanges,
    store: Option<BankStore>,
}

impl Seen {
    fn of(home: &Home) -> anyhow::Result<Self> {
        let known = Exchanges::of(home)?;
        let store = match known.all().is_empty() {
            true => None,
            false => Some(BankStore::open_read_only(home.store())?),
        };
        Ok(Self { known, store })
    }

    fn state(&self, one: &Exchange) -> anyhow::Result<(FetchState, u64)> {
        Ok(match &self.store {
            Some(store) => (
                self.known.state(store, &one.name)?,
                self.known.items(store, &one.name)?,
            ),
            None => (FetchState::default(), 0),
        })
    }

    fn opinions(&self, one: &Exchange) -> anyhow::Result<FeedbackCounts> {
        Ok(match (&self.store, one.bank) {
            (Some(store), Some(bank)) => Feedback::counts(store, bank)?,
            _ => FeedbackCounts::default(),
        })
    }

    fn fetches(&self, one: &Exchange, most: usize) -> anyhow::Result<Vec<FetchRecord>> {
        let (Some(store), Some(bank)) = (&self.store, one.bank) else {
            return Ok(Vec::new());
        };
        let mut all = match most {
            0 => Vec::new(),
            _ => FetchRecord::all(store, bank)?,
        };
        let over = all.len().saturating_sub(most);
        Ok(all.split_off(over))
    }
}

/// A line of JSON about an exchange.
#[derive(Serialize)]
struct Line<'a> {
    exchange: &'a str,
    api: &'a str,
    enabled: bool,
    entries: u64,
    fetch: &'a FetchState,
    opinions: FeedbackCounts,
}

fn when(at: Option<u64>) -> String {
    at.map_or_else(|| "never".to_owned(), clock::time)
}

pub(crate) fn list(args: &ListArgs, home: &Home) -> anyhow::Result<Exit> {
    let seen = Seen::of(home)?;
    let mut out = output::stdout();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "exchange",
        "kind",
        "fetched",
        "entries",
        "last well",
        "last fetch",
    ]);
    for one in seen.known.all() {
        let (state, entries) = seen.state(one)?;
        if args.format == Format::Jsonl {
            serde_json::to_writer(&mut out, &line(one, entries, &state, seen.opinions(one)?))?;
            writeln!(out)?;
            continue;
        }
        let last = match (state.succeeded, &state.problem) {
            (None, _) => "none yet".to_owned(),
            (Some(true), _) => "well".to_owned(),
            (Some(false), problem) => problem.clone().unwrap_or_default(),
        };
        table.add_row([
            one.name.to_string(),
            one.api.clone(),
            if one.enabled { "yes" } else { "no" }.to_owned(),
            entries.to_string(),
            when(state.succeeded_at),
            last,
        ]);
    }
    if args.format == Format::Text {
        match seen.known.all().is_empty() {
            true => writeln!(
                out,
                "there is no exchange: make one with `hashgate exchange add`"
            )?,
            false => writeln!(out, "{}", table.trim_fmt())?,
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn line<'a>(
    one: &'a Exchange,
    entries: u64,
    fetch: &'a FetchState,
    opinions: FeedbackCounts,
) -> Line<'a> {
    Line {
        exchange: one.name.as_str(),
        api: &one.api,
        enabled: one.enabled,
        entries,
        fetch,
        opinions,
    }
}

fn fields(out: &mut impl Write, fields: &[Field]) -> std::io::Result<()> {
    for field in fields {
        let must = if field.is_required {
            ", must be given"
        } else {
            ""
        };
        writeln!(out, "    {}: {}{must}", field.name, field.help)?;
        if let crate::curation::exchange::FieldKind::Choice(choices) = field.kind {
            for choice in choices {
                writeln!(out, "      {choice}")?;
            }
        }
    }
    Ok(())
}

pub(crate) fn show(args: &ShowArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    let Some(name) = &args.name else {
        for api in Api::ALL.iter().filter(|api| api.is_there) {
            writeln!(out, "{}", api.name)?;
            if !api.config.is_empty() {
                writeln!(out, "  told by --set:")?;
                fields(&mut out, api.config)?;
            }
            if let Some(secrets) = api.credentials {
                writeln!(out, "  credentials:")?;
                fields(&mut out, secrets)?;
            }
        }
        out.flush()?;
        return Ok(Exit::Clean);
    };
    let seen = Seen::of(home)?;
    let Some(one) = seen.known.get(name) else {
        bail!("there is no exchange {name}");
    };
    let api = api_of(&one.api)?;
    let (state, entries) = seen.state(one)?;
    writeln!(
        out,
        "{name}: {}, {}",
        one.api,
        if one.enabled {
            "fetched"
        } else {
            "not fetched"
        }
    )?;
    for (field, value) in one
        .config
        .iter()
        .filter(|(_, value)| **value != Value::Array(Vec::new()))
    {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "  {field}: {value}")?;
    }
    if api.credentials.is_some() {
        let has = match (
            Credentials::of(home)?.has(api),
            Credentials::are_in_environment(api),
        ) {
            (_, true) => "in the environment",
            (true, false) => "kept in the home folder",
            (false, false) => {
                "none yet: give them by `hashgate exchange set` or in the environment"
            }
        };
        writeln!(out, "  credentials: {has}")?;
    }
    writeln!(out, "  entries: {entries}")?;
    writeln!(out, "  last fetched well: {}", when(state.succeeded_at))?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn status(args: &StatusArgs, home: &Home) -> anyhow::Result<Exit> {
    let seen = Seen::of(home)?;
    if let Some(name) = args
        .names
        .iter()
        .find(|name| seen.known.get(name).is_none())
    {
        bail!("there is no exchange {name}");
    }
    let mut out = output::stdout();
    let mut is_bad = false;
    for one in seen.known.all() {
        if !args.names.is_empty() && !args.names.contains(&one.name) {
            continue;
        }
        let (state, entries) = seen.state(one)?;
        let opinions = seen.opinions(one)?;
        is_bad |= one.enabled && (state.succeeded == Some(false) || !state.alarms.is_empty());
        is_bad |= opinions.uncertain > 0;
        let fetches = seen.fetches(one, args.fetches)?;
        if args.format == Format::Jsonl {
            serde_json::to_writer(&mut out, &line(one, entries, &state, opinions))?;
            writeln!(out)?;
            for fetch in &fetches {
                serde_json::to_writer(&mut out, fetch)?;
                writeln!(out)?;
            }
            continue;
        }
        writeln!(
            out,
            "{}: {entries} entries; last fetched well {}",
            one.name,
            when(state.succeeded_at)
        )?;
        if let Some(at) = state.checkpoint_at {
            writeln!(out, "  read up to {}", clock::time(at))?;
        }
        if let Some(at) = state.running_since() {
            writeln!(
                out,
                "  a fetch began at {} and has not ended",
                clock::time(at)
            )?;
        }
        if let Some(problem) = &state.problem {
            writeln!(out, "  the last fetch did not end well: {problem}")?;
        }
        if let Some(at) = state.waits_until(clock::now()) {
            writeln!(
                out,
                "  the other side asked not to be asked before {}",
                clock::time(at)
            )?;
        }
        let told = [
            (opinions.waiting, "waiting"),
            (opinions.sending, "sending (or was when the program ended)"),
            (opinions.uncertain, "uncertain"),
            (opinions.refused, "refused"),
        ];
        let told = told.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> = told
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !told.is_empty() {
            writeln!(
                out,
                "  opinions: {}; see `hashgate exchange feedback {}`",
                told.join(", "),
                one.name
            )?;
        }
        for alarm in &state.alarms {
            writeln!(out, "  alarm: {alarm}")?;
        }
        for what in &state.left_out {
            writeln!(out, "  left out, for it could not be read: {what}")?;
        }
        for fetch in &fetches {
            writeln!(
                out,
                "  fetch {} at {}: {} read, {} added, {} updated, {} taken back, {} could not be used{}",
                fetch.number,
                clock::time(fetch.began_at),
                output::plural(fetch.pages, "page"),
                fetch.added,
                fetch.updated,
                fetch.taken_back,
                fetch.rejected,
                if fetch.problem.is_some() {
                    "; it did not end well"
                } else {
                    ""
                }
            )?;
        }
    }
    out.flush()?;
    Ok(Exit::of(false, is_bad))
}
