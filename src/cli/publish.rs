//! `hashgate publish`: the store's content as the next generation of the index.

use crate::cli::observer::Terminal;
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::publish::{self, Publication, PublishOutcome, PublishPlan};
use crate::index::Published;
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// Write the whole index anew, also where writing what has changed would do
    #[arg(long)]
    full: bool,

    /// Bytes of memory to build in: an index that needs more becomes several segments
    /// [default: 6,700,000,000]
    #[cfg_attr(feature = "service", arg(conflicts_with = "server"))]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,

    #[cfg(feature = "fleet")]
    #[command(flatten)]
    to: ToArgs,
}

/// Where the generation goes besides.
#[cfg(feature = "fleet")]
#[derive(Debug, Args)]
struct ToArgs {
    /// Then publish the generation to an object store, for `hashgate follow` on other machines: s3://BUCKET/PREFIX,
    /// gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. Credentials come from the environment: see follow
    #[arg(long, value_name = "URL", requires = "secret_key")]
    to: Option<String>,

    /// The secret key that signs for it (`hashgate hashset keygen` makes one); HASHGATE_KEY_PASSWORD has its password
    #[arg(long, value_name = "FILE", requires = "to")]
    secret_key: Option<std::path::PathBuf>,

    /// For how many hours it is good; publish again in time, also where nothing has changed
    #[arg(long, value_name = "HOURS", default_value_t = 168, requires = "to", value_parser = clap::value_parser!(u64).range(1..=87_600))]
    expires_after: u64,

    /// For how many hours files stay there that no generation needs any more
    #[arg(long, value_name = "HOURS", default_value_t = 24, requires = "to", value_parser = clap::value_parser!(u64).range(1..=87_600))]
    grace: u64,
}

pub(crate) fn run(args: PublishArgs, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        #[cfg(feature = "fleet")]
        if args.to.to.is_some() {
            anyhow::bail!(
                "--to sends the index of the machine where it runs: publish there, without --server and HASHGATE_SERVER"
            );
        }
        let told = remote::publish(&node, args.full)?;
        let word = if told.is_new {
            "published"
        } else {
            "nothing has changed:"
        };
        writeln!(
            out,
            "{word} generation {}: {} distinct hashes in {}, {}, {} bytes",
            told.generation,
            told.hashes,
            output::plural(told.segments as u64, "segment"),
            output::plural(told.banks as u64, "bank"),
            told.bytes
        )?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    publish(home, args.full, args.memory, &mut out)?;
    #[cfg(feature = "fleet")]
    send(&args.to, home, &mut out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Sends what is in force where it was asked to.
#[cfg(feature = "fleet")]
fn send(args: &ToArgs, home: &Home, out: &mut impl Write) -> anyhow::Result<()> {
    use crate::cli::stop;
    use crate::fleet::{FleetError, Place, SendOptions};
    use crate::trust::KeyError;
    let (Some(address), Some(key)) = (&args.to, &args.secret_key) else {
        return Ok(());
    };
    let place = Place::open(address)?;
    let mut options = SendOptions::by(key);
    options.password = std::env::var("HASHGATE_KEY_PASSWORD").ok();
    options.expires_after = args.expires_after * 3600;
    options.grace = args.grace * 3600;
    let stop = stop::on_request()?;
    let terminal = Terminal::of_work("sending").stop_on(&stop);
    let sent = crate::fleet::send(&home.index(), &place, &options, &terminal);
    drop(terminal);
    let sent = sent.map_err(|error| match error {
        FleetError::Key(KeyError::Password { path }) => anyhow::anyhow!(
            "{} has a password: put it into HASHGATE_KEY_PASSWORD",
            path.display()
        ),
        error => error.into(),
    })?;
    writeln!(
        out,
        "sent generation {} to {address} (sequence {}): {} of {} new there, {} bytes; {} removed",
        sent.generation,
        sent.sequence,
        sent.uploaded,
        output::plural(sent.files as u64, "file"),
        sent.uploaded_bytes,
        output::plural(sent.removed as u64, "old file")
    )?;
    Ok(())
}

/// Publishes what the store holds now and says what came of it.
pub(crate) fn publish(
    home: &Home,
    full: bool,
    memory: Option<u64>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut plan = PublishPlan::default().in_full(full);
    plan.memory = memory;
    let terminal = Terminal::of_work("reading the store");
    let outcome = publish::publish(home, &plan, &terminal)?;
    drop(terminal);
    say(&outcome, out)?;
    let generation = outcome.published().generation;
    if let Some(error) = outcome.not_noted {
        // The index is in force all the same, and a failure would say that it is not.
        output::warn(format_args!(
            "hashgate: warning: generation {generation} is in force, but audit will not know since when: {:#}",
            anyhow::Error::from(error)
        ));
    }
    Ok(())
}

fn say(outcome: &PublishOutcome, out: &mut impl Write) -> std::io::Result<()> {
    let hashes = |published: &Published| {
        format!(
            "{} in {}, {}, {} bytes",
            output::plural(published.hashes, "distinct hash").replace("hashs", "hashes"),
            output::plural(published.segments as u64, "segment"),
            output::plural(outcome.banks as u64, "bank"),
            published.bytes
        )
    };
    match &outcome.publication {
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
