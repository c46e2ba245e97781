//! Exchanges: sources that are fetched again and again, each into a bank of its own.
//!
//! Owns which exchanges there are and how each is set, in `exchanges.json` of the home folder; what is sent with a
//! request to prove who asks, in `exchange-credentials.json` (both 0600); and what a fetch does to the bank. An exchange
//! and its bank are made and deleted together. Whoever changes an exchange holds the store open, so that there is one
//! writer. How far an exchange was read, and what each fetch did, stands in the store beside its bank. How the other sides are
//! asked is the room `exchange`'s; over the network goes the room `web`. Both need the feature `exchange`: without it there is the kind
//! `sample` only.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `api` | the kinds of exchange: what each is told, and which are there |
//! | `registry` | the exchanges |
//! | `one`, `ready` | an exchange as it is set; one that can be fetched |
//! | `credentials` | secrets |
//! | `fetch` | what a fetch does to the bank |
//! | `feedback`, `sending` | opinions that go back: queued, sent, each with who said it |
//! | `remote` | a fetch from a server, page by page |
//! | `bundle` | a fetch of a feed, or of a signed bundle, that another hashgate published |
//! | `state` | how far the other side was read, and what each fetch brought |
//! | `sample` | what the kind `sample` gives |
//!
//! ```
//! use hashgate::curation::{Silent, Workspace};
//! use hashgate::curation::exchange::{Credentials, Exchanges, FetchOptions, FetchWatch, NewExchange};
//! use hashgate::store::BankStore;
//! # let folder = tempfile::tempdir()?;
//! let workspace = Workspace::at(folder.path().join("home"))?;
//! workspace.create()?;
//! let store = BankStore::open(workspace.store())?;
//! let mut exchanges = Exchanges::of(&workspace)?;
//! exchanges.add(&store, NewExchange::new("SAMPLES".parse()?, "sample"))?;
//! let ready = exchanges.ready(&store, &"SAMPLES".parse()?, &Credentials::of(&workspace)?)?;
//! let mut watch = FetchWatch { observer: &Silent, stopped: &mut || {} };
//! let fetched = ready.fetch(&store, &FetchOptions::default(), &mut watch)?;
//! assert_eq!((fetched.added, exchanges.items(&store, &"SAMPLES".parse()?)?), (18, 18));
//! assert!(exchanges.remove(&store, &"SAMPLES".parse()?)?);
//! assert!(store.banks()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
#[cfg(feature = "exchange")]
mod bundle;
mod credentials;
#[cfg(feature = "exchange")]
mod feedback;
mod fetch;
mod one;
mod ready;
mod registry;
#[cfg(feature = "exchange")]
mod remote;
mod sample;
#[cfg(feature = "exchange")]
mod sending;
mod state;

pub use api::{Api, Field, FieldError, FieldKind};
pub use credentials::Credentials;
#[cfg(feature = "exchange")]
pub use feedback::{Feedback, FeedbackCounts, FeedbackState, NewFeedback, Settled, about};
pub use fetch::{FetchOptions, FetchWatch, source_name};
pub use one::{Exchange, TestedPage};
pub use ready::Ready;
pub use registry::{Exchanges, NewExchange};
pub use state::{FetchRecord, FetchState};

use crate::bank::BankName;
use crate::files::ReplaceError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// Why something cannot be done with exchanges.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written. What it said before still holds.
    #[error(transparent)]
    Write(#[from] ReplaceError),
    /// A file is not what this program wrote.
    #[error("{} cannot be used: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Other users may read a file with secrets.
    #[error("other users may read {} (mode {mode:o}), and it holds secrets: close it with `chmod 600`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no such kind of exchange.
    #[error("there is no kind of exchange {given:?}: there are {}", Api::names())]
    NoSuchApi {
        /// What was given, its first 64 characters.
        given: String,
    },
    /// The kind is known, and this version cannot fetch from it.
    #[error(
        "exchanges of the kind {api} cannot be fetched by this version: nothing would ever come from one"
    )]
    NotThere {
        /// The kind.
        api: &'static str,
    },
    /// A setting of the exchange, or a secret, cannot be.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// There is one of this name.
    #[error("there is an exchange {name} already")]
    Exists {
        /// The name.
        name: BankName,
    },
    /// There is a bank of this name, which the exchange would mix itself into.
    #[error("there is a bank {name} already, and an exchange makes its own")]
    BankExists {
        /// The name.
        name: BankName,
    },
    /// There is none of this name.
    #[error("there is no exchange {name}")]
    NoSuchExchange {
        /// The name.
        name: BankName,
    },
    /// The bank of the exchange was deleted.
    #[error(
        "the bank of the exchange {name} was deleted: remove the exchange too, or make it anew"
    )]
    NoBank {
        /// The exchange.
        name: BankName,
    },
    /// There are as many as there may be.
    #[error("there are {most} exchanges, and there may be no more")]
    TooMany {
        /// Most exchanges.
        most: usize,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is kept of the fetches cannot be read.
    #[error("what is kept of the fetches cannot be read: {problem}")]
    Kept {
        /// What is wrong with it.
        problem: String,
    },
    /// A fetch of it is under way.
    #[error("the exchange {name} is being fetched already")]
    Running {
        /// The exchange.
        name: BankName,
    },
    /// The other side asked not to be asked yet.
    #[error("the other side of {name} asked not to be asked before {}", crate::clock::time(*until))]
    TooSoon {
        /// The exchange.
        name: BankName,
        /// When it may be asked: seconds since 1970-01-01 UTC.
        until: u64,
    },
    /// The other side asks not to be asked for a time.
    #[error("{name}: {problem}: the next fetch goes on from here, not before {}", crate::clock::time(*until))]
    Later {
        /// The exchange.
        name: BankName,
        /// What it said.
        problem: String,
        /// When it may be asked: seconds since 1970-01-01 UTC.
        until: u64,
    },
    /// There is nothing that proves who asks.
    #[error(
        "there are no credentials for exchanges of the kind {api}: set them with `hashgate exchange set`, or in the environment"
    )]
    NoCredentials {
        /// The kind.
        api: &'static str,
    },
    /// An address may not be asked.
    #[error("the address of the exchange may not be asked: {problem}")]
    Address {
        /// What is wrong with it.
        problem: String,
    },
    /// A fetch did not come to its end. What was read before is in the bank, and the next one goes on from there.
    #[error("{name}: {problem}")]
    Fetch {
        /// The exchange.
        name: BankName,
        /// Why.
        problem: String,
    },
    /// An opinion cannot be given or sent.
    #[error("{problem}")]
    Opinion {
        /// Why.
        problem: String,
    },
    /// A fetch was stopped.
    #[error("the fetch of {name} was stopped: the next goes on from here")]
    Stopped {
        /// The exchange.
        name: BankName,
    },
    /// There is more than one fetch has time for.
    #[error("the time for one fetch of {name} is over: the next goes on from here")]
    More {
        /// The exchange.
        name: BankName,
    },
    /// All was read anew, and too much no longer appears.
    #[error(
        "{gone} of the {active} entries of {name} no longer appear at the other side, more than {max_shrink} % of them: nothing of that is taken back; \
         look at why, and take it with `hashgate exchange fetch {name} --accept-shrink`"
    )]
    Shrinks {
        /// The exchange.
        name: BankName,
        /// How many would no longer match.
        gone: u64,
        /// How many match now.
        active: u64,
        /// The greatest share that may leave, in per cent.
        max_shrink: u8,
    },
}
