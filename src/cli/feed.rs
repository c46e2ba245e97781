//! `hashgate export --to`: a bank as a feed, into a folder or an object store.

use crate::bank::BankName;
use crate::cli::hashset;
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output, stop};
use crate::clock::{DAY, time};
use crate::curation::Observer;
use crate::curation::bundle::TrustError;
use crate::curation::feed::{
    self, FeedError, FeedHead, FeedOptions, FeedOutcome, FolderShelf, Shelf,
};
use anyhow::anyhow;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// How a feed is published.
#[derive(Debug, Args)]
pub(crate) struct FeedArgs {
    /// Publish a signed feed that others follow with `exchange add --api bundle`: a folder that a web server shows, or an object
    /// store, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX, with credentials from the environment. Publish
    /// again before the head expires, also where nothing has changed
    #[arg(long, value_name = "FOLDER|URL", requires = "secret_key")]
    to: Option<String>,

    /// The secret key that signs the feed (`hashgate hashset keygen` makes one); HASHGATE_KEY_PASSWORD has its password
    #[arg(long, value_name = "FILE", requires = "to")]
    secret_key: Option<PathBuf>,

    /// What the feed is called [default: as the bank]
    #[arg(long, value_name = "NAME", requires = "to")]
    name: Option<BankName>,

    /// For how many hours files stay there that the feed needs no more
    #[arg(long, value_name = "HOURS", default_value_t = 24, requires = "to", value_parser = clap::value_parser!(u64).range(1..=87_600))]
    grace: u64,

    /// Publish although more than a tenth of the feed is taken back
    #[arg(long, requires = "to")]
    accept_shrink: bool,
}

/// Whether a text is the address of an object store, and no folder.
fn is_address(text: &str) -> bool {
    text.contains("://")
}

#[cfg(feature = "fleet")]
fn store<'a>(address: &str, observer: &'a dyn Observer) -> anyhow::Result<Box<dyn Shelf + 'a>> {
    let place = crate::fleet::Place::open(address)?;
    place.check(observer)?;
    Ok(Box::new(place::StoreShelf::new(place, observer)))
}

#[cfg(not(feature = "fleet"))]
fn store<'a>(address: &str, _: &'a dyn Observer) -> anyhow::Result<Box<dyn Shelf + 'a>> {
    anyhow::bail!("{address}: this program was built without the feature fleet: give a folder")
}

/// Publishes a bank as a feed, where that is asked for.
pub(crate) fn publish(
    args: &FeedArgs,
    bank: &BankName,
    expires: Option<u32>,
    home: &Home,
) -> anyhow::Result<Option<Exit>> {
    let (Some(to), Some(key)) = (&args.to, &args.secret_key) else {
        return Ok(None);
    };
    let mut options = FeedOptions::new(bank.clone(), key);
    options.name.clone_from(&args.name);
    options.password = std::env::var("HASHGATE_KEY_PASSWORD").ok();
    options.grace = args.grace * 3_600;
    options.accept_shrink = args.accept_shrink;
    if let Some(days) = expires {
        options.expires_after = u64::from(days) * DAY;
    }
    let stop = stop::on_request()?;
    let terminal = Terminal::of_work("publishing").stop_on(&stop);
    let shelf = match is_address(to) {
        true => store(to, &terminal)?,
        false => Box::new(FolderShelf::at(to).map_err(|error| anyhow!(error))?),
    };
    let done = feed::publish(home, &options, &*shelf, &terminal);
    drop(shelf);
    drop(terminal);
    let done = done.map_err(|error| match error {
        FeedError::Key(error) => hashset::with_advice(TrustError::Key(error)),
        error => error.into(),
    })?;
    tell(&done, to)?;
    Ok(Some(Exit::Clean))
}

fn tell(done: &FeedOutcome, to: &str) -> anyhow::Result<()> {
    let mut out = output::stdout();
    let entries = output::plural(done.items, "entry").replace("entrys", "entries");
    let file = FeedHead::file_of(&done.name);
    let folder = to.trim_end_matches('/');
    let files = output::plural(done.files, "file");
    let is_all = done.is_whole && done.given + done.taken_back == 0;
    match done.files {
        0 => write!(out, "nothing has changed: {folder}/{file} is signed anew")?,
        _ if is_all => write!(
            out,
            "published {folder}/{file}: all entries in {files} of {} bytes",
            done.bytes
        )?,
        _ => write!(
            out,
            "published {folder}/{file}: {} new or changed, {} taken back, in {files} of {} bytes",
            done.given, done.taken_back, done.bytes
        )?,
    }
    writeln!(
        out,
        "; {entries}, sequence {}, good until {}",
        done.sequence,
        time(done.expires)
    )?;
    if done.is_anew {
        writeln!(
            out,
            "What was published before cannot be read there any more: subscribers read all anew, and what is gone leaves within their limits"
        )?;
    }
    if done.removed > 0 {
        writeln!(out, "{} removed", output::plural(done.removed, "old file"))?;
    }
    writeln!(out, "public key: {}", done.public_key)?;
    out.flush()?;
    Ok(())
}

#[cfg(feature = "fleet")]
mod place {
    //! An object store as a place for a feed.

    use crate::curation::Observer;
    use crate::curation::feed::{Shelf, ShelfError};
    use crate::fleet::{FleetError, Place};
    use std::error::Error;
    use std::fs::File;

    pub(super) struct StoreShelf<'a> {
        place: Place,
        observer: &'a dyn Observer,
    }

    /// With its causes, which tell what the store said.
    fn told(error: FleetError) -> ShelfError {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text.into()
    }

    impl<'a> StoreShelf<'a> {
        pub(super) fn new(place: Place, observer: &'a dyn Observer) -> Self {
            Self { place, observer }
        }
    }

    impl Shelf for StoreShelf<'_> {
        fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ShelfError> {
            self.place.read(name, most, self.observer).map_err(told)
        }

        fn copy(&self, name: &str, most: u64, to: &mut File) -> Result<bool, ShelfError> {
            self.place.copy(name, most, to, self.observer).map_err(told)
        }

        fn length(&self, name: &str) -> Result<Option<u64>, ShelfError> {
            self.place.bytes_of(name, self.observer).map_err(told)
        }

        fn put(&self, name: &str, from: &mut File) -> Result<(), ShelfError> {
            self.place.write(name, from, self.observer).map_err(told)
        }

        fn replace(
            &self,
            name: &str,
            bytes: &[u8],
            over: Option<&[u8]>,
        ) -> Result<bool, ShelfError> {
            let replaced = self.place.replace(name, bytes, over, self.observer);
            replaced.map_err(told)
        }

        fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, ShelfError> {
            self.place.names_in(folder, self.observer).map_err(told)
        }

        fn remove(&self, name: &str) -> Result<(), ShelfError> {
            self.place.take_away(name, self.observer).map_err(told)
        }
    }
}
