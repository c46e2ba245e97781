//! `hashgate publish`: the store's content as the next generation of the index.

use crate::cli::{exit::Exit, home::Home, output, progress::Progress};
use crate::index::{self, PublishOptions, Stage};
use crate::store::BankStore;
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {}

pub(crate) fn run(_args: PublishArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    publish(home, &mut out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Publishes what the store holds now and says what came of it.
pub(crate) fn publish(home: &Home, out: &mut impl Write) -> anyhow::Result<()> {
    let store = BankStore::open_read_only(&home.store())?;
    let snapshot = store.snapshot()?;
    let progress = Progress::of_work("reading the store");
    let tell = |at: index::Progress| progress.say(describe(at));
    let options = PublishOptions {
        store_revision: snapshot.revision,
        progress: Some(&tell),
        ..PublishOptions::default()
    };
    let records = snapshot.records()?;
    let published = index::publish(&home.index(), &snapshot.banks, records, &options)?;
    drop(progress);
    writeln!(
        out,
        "published generation {}: {} in {}, {} banks, {} bytes",
        published.generation,
        output::plural(published.hashes, "distinct hash").replace("hashs", "hashes"),
        output::plural(published.segments as u64, "segment"),
        snapshot.banks.len(),
        published.bytes
    )?;
    Ok(())
}

fn describe(at: index::Progress) -> String {
    match (at.stage, at.total) {
        (Stage::Reading, _) => format!("reading the store: {} hashes", at.done),
        (_, Some(total)) => format!("building the index: step {} of {total}", at.done),
        (_, None) => format!("building the index: step {}", at.done),
    }
}
