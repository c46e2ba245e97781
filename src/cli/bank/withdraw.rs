//! `bank withdraw` and `bank reinstate`: people's word on single entries.

use super::{PUBLISH_HINT, now};
use crate::bank::{BankName, ContentId, ContentItem};
use crate::cli::{exit::Exit, home::Home, output};
use crate::hash::Signal;
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

/// Withdraws entries, or takes that back.
pub(crate) fn run(args: &EntriesArgs, withdraw: bool, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(&home.store())?;
    let bank = store.bank(&args.name)?;
    let mut entries = Vec::new();
    for text in &args.entries {
        let mut found = named(&store, text)?;
        found.retain(|item| item.bank == bank.id);
        if found.is_empty() {
            bail!("bank {} has no entry {text}: nothing is changed", args.name);
        }
        entries.extend(found);
    }
    let mut out = output::stdout();
    let mut changed = false;
    for item in entries {
        let at = now();
        let done = match withdraw {
            true => store.withdraw(item.id, at)?,
            false => store.reinstate(item.id, at)?,
        };
        changed |= done;
        let state = store.item(item.id)?.map_or(item.state, |item| item.state);
        let what = match (withdraw, done) {
            (true, true) => "withdrawn by hand",
            (true, false) => "withdrawn by hand already",
            (false, true) => "no longer withdrawn by hand",
            (false, false) => "not withdrawn by hand",
        };
        writeln!(out, "#{}: {what}, {}", item.id, state.name())?;
    }
    if changed {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}
