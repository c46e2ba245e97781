//! One exchange as it is set, and the files that say so.

use crate::bank::{BankId, BankName};
use crate::curation::exchange::ExchangeError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Most bytes of a file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Exchange {
    /// Its name, which its bank had when it was made.
    pub name: BankName,
    /// Its kind: the name of an [`Api`](crate::curation::exchange::Api).
    pub api: String,
    /// Whether it is fetched.
    pub enabled: bool,
    /// What it is told, by the names of its kind's fields.
    pub config: Map<String, Value>,
    /// Its bank; `None` where the program ended while it was made.
    pub bank: Option<BankId>,
    /// Whether opinions about its entries are sent to the other side.
    #[serde(default)]
    pub feedback: bool,
}

/// A file of JSON; `None` where there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ExchangeError> {
    let failed = |source| ExchangeError::Read {
        path: path.to_owned(),
        source,
    };
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    (file.take(MOST_BYTES).read_to_end(&mut bytes)).map_err(failed)?;
    let read = serde_json::from_slice(&bytes);
    read.map(Some).map_err(|error| ExchangeError::Damaged {
        path: path.to_owned(),
        // Where it is wrong, and nothing of what it says: it may be secret.
        problem: format!(
            "line {}, column {}: not as it is written here",
            error.line(),
            error.column()
        ),
    })
}

/// What a page held that was asked for to see whether the other side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestedPage {
    /// Records that can be used.
    pub records: u64,
    /// Records, or parts of records, that cannot.
    pub bad: u64,
}
