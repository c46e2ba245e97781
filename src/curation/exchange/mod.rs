//! Exchanges: sources that are fetched again and again, each into a bank of its own.
//!
//! Owns which exchanges there are and how each is set, in `exchanges.json` of the home folder; what is sent with a
//! request to prove who asks, in `exchange-credentials.json` (both 0600); and what a fetch does to the bank. An exchange
//! and its bank are made and deleted together. Whoever changes an exchange holds the store open, so that there is one
//! writer. Refuses to talk to a network.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `api` | the kinds of exchange: what each is told, and which are there |
//! | `registry` | the exchanges |
//! | `credentials` | secrets |
//! | `fetch` | what a fetch does |
//! | `sample` | what the kind `sample` gives |
//!
//! ```
//! use hashgate::curation::Workspace;
//! use hashgate::curation::exchange::{Exchanges, NewExchange};
//! use hashgate::store::BankStore;
//! # let folder = tempfile::tempdir()?;
//! let workspace = Workspace::at(folder.path().join("home"))?;
//! workspace.create()?;
//! let store = BankStore::open(workspace.store())?;
//! let mut exchanges = Exchanges::of(&workspace)?;
//! exchanges.add(&store, NewExchange::new("SAMPLES".parse()?, "sample"))?;
//! let fetched = exchanges.fetch(&store, &"SAMPLES".parse()?)?;
//! assert_eq!((fetched.added, exchanges.items(&store, &"SAMPLES".parse()?)?), (18, 18));
//! assert!(exchanges.remove(&store, &"SAMPLES".parse()?)?);
//! assert!(store.banks()?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api;
mod credentials;
mod fetch;
mod registry;
mod sample;

pub use api::{Api, Field, FieldError, FieldKind};
pub use credentials::Credentials;
pub use registry::{Exchange, Exchanges, FetchState, NewExchange};

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
}
