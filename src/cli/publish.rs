//! `hashgate publish`: the store's content as the next generation of the index.

use crate::cli::bank::now;
use crate::cli::{audit, config, exit::Exit, home::Home, output, progress::Progress};
use crate::index::{self, Base, PublishError, PublishOptions, Published, Stage};
use crate::policy::PolicyFile;
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

    /// Bytes of memory to build in: an index that needs more becomes several segments
    /// [default: 6,700,000,000]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
}

pub(crate) fn run(args: PublishArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    publish(home, args.full, args.memory, &mut out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Publishes what the store holds now and says what came of it.
pub(crate) fn publish(
    home: &Home,
    full: bool,
    memory: Option<u64>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let file = config::load(home)?;
    let mut tries = 1..TRIES;
    let (publication, banks, revision) = loop {
        match publish_once(home, &file, full, memory)? {
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
    let note = audit::Published {
        generation: published.generation,
        revision,
        at: now(),
    };
    if let Err(error) = audit::note(home, note) {
        // The index is in force all the same, and a failure would say that it is not.
        output::warn(format_args!(
            "hashgate: warning: generation {} is in force, but audit will not know since when: {error:#}",
            published.generation
        ));
    }
    Ok(())
}

/// What came of it, of how many banks, and of which revision of the store.
fn publish_once(
    home: &Home,
    file: &PolicyFile,
    full: bool,
    memory: Option<u64>,
) -> anyhow::Result<Result<(Publication, usize, u64), PublishError<StoreError>>> {
    // In this order: see `Snapshot::publish`.
    let base = Base::read(&home.index());
    let store = BankStore::open_read_only(&home.store())?;
    let mut snapshot = store.snapshot()?;
    let carried = config::lay_over(file, &mut snapshot.banks)?;
    let progress = Progress::of_work("reading the store");
    let tell = |at: index::Progress| progress.say(describe(at));
    let default = PublishOptions::default();
    let options = PublishOptions {
        carried: Some(&carried),
        progress: Some(&tell),
        segment_records: memory.map_or(default.segment_records, PublishOptions::records_in),
        ..default
    };
    let done = snapshot.publish(&home.index(), base, full, &options);
    Ok(done.map(|publication| (publication, snapshot.banks.len(), snapshot.revision)))
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
