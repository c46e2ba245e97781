//! `bank withdraw` and `bank reinstate`: people's word on single entries.

use super::{PUBLISH_HINT, now};
use crate::bank::{BankName, ContentId, ContentItem};
use crate::cli::{exit::Exit, home::Home, output};
use crate::hash::Signal;
use crate::policy::{self, time};
use crate::store::BankStore;
use anyhow::{Context, bail};
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct EntriesArgs {
    /// Name of the bank
    name: BankName,

    /// Entries: their numbers, as scan and bank show print them, or hashes (pdq:HEX, md5:HEX, …)
    #[arg(required = true, value_name = "ID|SIGNAL")]
    entries: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    entries: EntriesArgs,

    /// Only until then: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC). They match again by themselves,
    /// where nobody publishes again too
    #[arg(long, value_name = "DATE", value_parser = policy::date)]
    until: Option<u64>,
}

/// The entries of a bank that a text names: one by its number, or all that have a hash.
pub(crate) fn named(store: &BankStore, text: &str) -> anyhow::Result<Vec<ContentItem>> {
    let number = text.strip_prefix('#').unwrap_or(text);
    let ids = match number.parse() {
        Ok(id) => vec![ContentId(id)],
        Err(_) => {
            let signal: Signal = text
                .parse()
                .with_context(|| format!("{text:?} is no entry's number and no hash"))?;
            store.find(&signal)?
        }
    };
    let mut items = Vec::new();
    for id in ids {
        items.extend(store.item(id)?);
    }
    Ok(items)
}

/// The entries that are named; nothing is changed where one is not there.
fn entries(store: &BankStore, args: &EntriesArgs) -> anyhow::Result<Vec<ContentItem>> {
    let bank = store.bank(&args.name)?;
    let mut entries = Vec::new();
    for text in &args.entries {
        let mut found = named(store, text)?;
        found.retain(|item| item.bank == bank.id);
        if found.is_empty() {
            bail!("bank {} has no entry {text}: nothing is changed", args.name);
        }
        entries.extend(found);
    }
    Ok(entries)
}

/// Withdraws entries, or takes that back.
fn turn(args: &EntriesArgs, withdraw: bool, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let mut out = output::stdout();
    let mut changed = false;
    for item in entries(&store, args)? {
        let at = now();
        let done = match withdraw {
            true => store.withdraw(item.id, at)?,
            false => store.reinstate(item.id, at)?,
        };
        // Whoever brings an entry back means at once.
        let back = !withdraw && store.pause(item.id, None, at)?;
        changed |= done || back;
        let state = store.item(item.id)?.map_or(item.state, |item| item.state);
        let what = match (withdraw, done, back) {
            (true, true, _) => "withdrawn by hand",
            (true, false, _) => "withdrawn by hand already",
            (false, _, true) => "no longer out until a date",
            (false, true, false) => "no longer withdrawn by hand",
            (false, false, false) => "not withdrawn by hand",
        };
        writeln!(out, "#{}: {what}, {}", item.id, state.name())?;
    }
    if changed {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// Takes entries out until a time, in seconds since 1970-01-01 UTC.
fn pause(args: &EntriesArgs, until: u64, home: &Home) -> anyhow::Result<Exit> {
    let at = now();
    if until <= at {
        bail!(
            "{} is not to come any more: nothing is changed",
            time(until)
        );
    }
    let store = BankStore::open_existing(&home.store())?;
    let mut out = output::stdout();
    let mut changed = false;
    for item in entries(&store, args)? {
        let done = store.pause(item.id, Some(until), at)?;
        changed |= done;
        let already = if done { "" } else { " already" };
        writeln!(
            out,
            "#{}: matches nothing until {}{already}",
            item.id,
            time(until)
        )?;
    }
    if changed {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// Takes entries out, for good or until a date.
pub(crate) fn withdraw(args: &WithdrawArgs, home: &Home) -> anyhow::Result<Exit> {
    match args.until {
        Some(until) => pause(&args.entries, until, home),
        None => turn(&args.entries, true, home),
    }
}

/// Brings entries back.
pub(crate) fn reinstate(args: &EntriesArgs, home: &Home) -> anyhow::Result<Exit> {
    turn(args, false, home)
}
