//! `hashgate publish`: the store's content as the next generation of the index.

use crate::cli::bank::now;
use crate::cli::{audit, exit::Exit, home::Home, output, progress::Progress};
use crate::index::{self, Base, PublishError, PublishOptions, Published, Stage};
use crate::store::{BankStore, Publication, StoreError};
use clap::Args;
use std::io::Write;

/// How often to begin again where another process publishes at the same time.
const TRIES: u32 = 3;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// Write the whole index anew, also where writing what has changed would do
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: PublishArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    publish(home, args.full, &mut out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Publishes what the store holds now and says what came of it.
pub(crate) fn publish(home: &Home, full: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let mut tries = 1..TRIES;
    let (publication, banks, revision) = loop {
        match publish_once(home, full) {
            Err(PublishError::OtherBase { .. }) if tries.next().is_some() => {}
            Err(PublishError::Source(error)) => return Err(error.into()),
            done => break done?,
        }
    };
    say(&publication, banks, out)?;
    let published = match &publication {
        Publication::Unchanged(_) => return Ok(()),
        Publication::Change { published, .. } | Publication::All { published, .. } => published,
    };
    audit::note(
        home,
        audit::Published {
            generation: published.generation,
            revision,
            at: now(),
        },
    )?;
    Ok(())
}

/// What came of it, of how many banks, and of which revision of the store.
fn publish_once(
    home: &Home,
    full: bool,
) -> Result<(Publication, usize, u64), PublishError<StoreError>> {
    // In this order: see `Snapshot::publish`.
    let base = Base::read(&home.index());
    let store = BankStore::open_read_only(&home.store()).map_err(PublishError::Source)?;
    let snapshot = store.snapshot().map_err(PublishError::Source)?;
    let progress = Progress::of_work("reading the store");
    let tell = |at: index::Progress| progress.say(describe(at));
    let options = PublishOptions {
        progress: Some(&tell),
        ..PublishOptions::default()
    };
    let publication = snapshot.publish(&home.index(), base, full, &options)?;
    Ok((publication, snapshot.banks.len(), snapshot.revision))
}

fn say(publication: &Publication, banks: usize, out: &mut impl Write) -> std::io::Result<()> {
    let hashes = |published: &Published| {
        format!(
            "{} in {}, {}, {} bytes",
            output::plural(published.hashes, "distinct hash").replace("hashs", "hashes"),
            output::plural(published.segments as u64, "segment"),
            output::plural(banks as u64, "bank"),
            published.bytes
        )
    };
    match publication {
        Publication::Unchanged(kept) => writeln!(
            out,
            "nothing has changed: generation {} stays, {}",
            kept.generation,
            hashes(kept)
        ),
        Publication::Change {
            published,
            added,
            removed,
        } => writeln!(
            out,
            "published generation {}, what has changed: {added} added, {removed} removed; {}",
            published.generation,
            hashes(published)
        ),
        Publication::All { published, why } => writeln!(
            out,
            "published generation {}, in full ({why}): {}",
            published.generation,
            hashes(published)
        ),
    }
}

fn describe(at: index::Progress) -> String {
    match (at.stage, at.total) {
        (Stage::Reading, _) => format!("reading the store: {} hashes", at.done),
        (_, Some(total)) => format!("building the index: step {} of {total}", at.done),
        (_, None) => format!("building the index: step {}", at.done),
    }
}
