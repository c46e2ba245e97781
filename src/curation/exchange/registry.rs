//! Which exchanges there are, how each is set, and what its fetches did.

use crate::bank::{Action, BankId, BankName, ContentItem, Policy};
use crate::clock;
use crate::curation::Workspace;
use crate::curation::exchange::api::{Unknown, read};
use crate::curation::exchange::{Api, ExchangeError, fetch};
use crate::files;
use crate::store::{BankStore, StoreError, SyncSummary};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The version of the file.
const VERSION: u32 = 1;
/// Most bytes of a file that is read.
const MOST_BYTES: u64 = 64 << 20;

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exchange {
    /// Its name, which its bank had when it was made.
    pub name: BankName,
    /// Its kind: the name of an [`Api`].
    pub api: String,
    /// Whether it is fetched.
    pub enabled: bool,
    /// What it is told, by the names of its kind's fields.
    pub config: Map<String, Value>,
    /// Its bank; `None` where the program ended while it was made.
    pub bank: Option<BankId>,
    /// What its fetches did.
    pub fetch: FetchState,
}

/// What the fetches of an exchange did. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct FetchState {
    /// Up to when the other side has been read, where it tells a time.
    pub checkpoint_at: Option<u64>,
    /// When the last fetch ended, well or not.
    pub ended_at: Option<u64>,
    /// Whether the last fetch ended well.
    pub succeeded: Option<bool>,
    /// Whether all was fetched that the other side had.
    pub is_up_to_date: bool,
    /// Why the last fetch did not end well.
    pub problem: Option<String>,
}

/// An exchange to be made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewExchange {
    /// Its name, and that of its bank. There must be no bank of this name.
    pub name: BankName,
    /// Its kind: the name of an [`Api`] that is there.
    pub api: String,
    /// What it is told. Fields that its kind does not have are ignored.
    pub config: Map<String, Value>,
    /// Whether it is fetched.
    pub enabled: bool,
    /// What a match with its bank does.
    pub policy: Policy,
}

impl NewExchange {
    /// One that is fetched, is told nothing, and whose matches are reviewed.
    #[must_use]
    pub fn new(name: BankName, api: impl Into<String>) -> Self {
        Self {
            name,
            api: api.into(),
            config: Map::new(),
            enabled: true,
            policy: Policy::new(Action::Review),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    exchanges: Vec<Exchange>,
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

/// The exchanges of a workspace, by name.
#[derive(Debug)]
pub struct Exchanges {
    path: PathBuf,
    known: Vec<Exchange>,
}

impl Exchanges {
    /// Most exchanges.
    pub const MAX: usize = 256;

    /// Reads those of a workspace; none where there is no file.
    ///
    /// # Errors
    /// [`ExchangeError::Read`] and [`ExchangeError::Damaged`].
    pub fn of(workspace: &Workspace) -> Result<Self, ExchangeError> {
        let path = workspace.exchanges();
        let file: Option<File> = read_json(&path)?;
        let damaged = |problem| ExchangeError::Damaged {
            path: path.clone(),
            problem,
        };
        let known = match file {
            None => Vec::new(),
            Some(file) if file.version != VERSION => {
                let other = file.version;
                let problem = format!("it is of version {other}, and this program reads {VERSION}");
                return Err(damaged(problem));
            }
            Some(file) if !file.exchanges.is_sorted_by(|a, b| a.name < b.name) => {
                return Err(damaged("its exchanges are not in order".to_owned()));
            }
            Some(file) => file.exchanges,
        };
        Ok(Self { path, known })
    }

    /// All, by name.
    #[must_use]
    pub fn all(&self) -> &[Exchange] {
        &self.known
    }

    /// The one of this name.
    #[must_use]
    pub fn get(&self, name: &BankName) -> Option<&Exchange> {
        self.known.iter().find(|one| one.name == *name)
    }

    /// The one that fills this bank.
    #[must_use]
    pub fn of_bank(&self, bank: BankId) -> Option<&Exchange> {
        self.known.iter().find(|one| one.bank == Some(bank))
    }

    fn known(&self, name: &BankName) -> Result<&Exchange, ExchangeError> {
        let none = || ExchangeError::NoSuchExchange { name: name.clone() };
        self.get(name).ok_or_else(none)
    }

    /// Writes another list in the place of this one.
    fn replace(&mut self, known: Vec<Exchange>) -> Result<(), ExchangeError> {
        let file = File {
            version: VERSION,
            exchanges: known,
        };
        files::replace(&self.path, |to| {
            to.write_all(&serde_json::to_vec_pretty(&file)?)
        })?;
        self.known = file.exchanges;
        Ok(())
    }

    /// Writes one exchange in the place of the one of its name.
    fn put(&mut self, exchange: Exchange) -> Result<(), ExchangeError> {
        let mut known = self.known.clone();
        known.retain(|one| one.name != exchange.name);
        let at = known.partition_point(|one| one.name < exchange.name);
        known.insert(at, exchange);
        self.replace(known)
    }

    /// Makes an exchange with its bank. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`ExchangeError`]; there is neither then, unless the store or the disk failed on the way: making it again ends it.
    pub fn add(&mut self, store: &BankStore, new: NewExchange) -> Result<&Exchange, ExchangeError> {
        let api = Api::named(&new.api).ok_or_else(|| ExchangeError::NoSuchApi {
            given: new.api.chars().take(64).collect(),
        })?;
        if !api.is_there {
            return Err(ExchangeError::NotThere { api: api.name });
        }
        let config = read(api.config, &new.config, Unknown::Ignored)?;
        let unfinished = self.get(&new.name).map(|one| one.bank.is_none());
        match unfinished {
            Some(false) => return Err(ExchangeError::Exists { name: new.name }),
            // The program ended while it was made.
            Some(true) => {}
            None if store.bank(&new.name).is_ok() => {
                return Err(ExchangeError::BankExists { name: new.name });
            }
            None if self.known.len() >= Self::MAX => {
                return Err(ExchangeError::TooMany { most: Self::MAX });
            }
            None => {}
        }
        new.policy.check().map_err(StoreError::from)?;
        let name = new.name;
        self.put(Exchange {
            name: name.clone(),
            api: new.api,
            enabled: new.enabled,
            config,
            bank: None,
            fetch: FetchState::default(),
        })?;
        self.bank_of(store, &name, new.policy)?;
        self.known(&name)
    }

    /// The bank of an exchange, which is made where the program ended before it was.
    fn bank_of(
        &mut self,
        store: &BankStore,
        name: &BankName,
        policy: Policy,
    ) -> Result<BankId, ExchangeError> {
        let exchange = self.known(name)?;
        if let Some(bank) = exchange.bank {
            return match store.bank_by_id(bank) {
                Ok(_) => Ok(bank),
                Err(StoreError::NoSuchBankId { .. }) => {
                    Err(ExchangeError::NoBank { name: name.clone() })
                }
                Err(error) => Err(error.into()),
            };
        }
        let mut exchange = exchange.clone();
        let bank = match store.bank(name) {
            Ok(bank) => bank,
            Err(StoreError::NoSuchBank { .. }) => store.create_bank(name, policy)?,
            Err(error) => return Err(error.into()),
        };
        exchange.bank = Some(bank.id);
        self.put(exchange)?;
        Ok(bank.id)
    }

    /// Says whether an exchange is fetched.
    ///
    /// # Errors
    /// [`ExchangeError::NoSuchExchange`], [`ExchangeError::Write`].
    pub fn set_enabled(
        &mut self,
        _store: &BankStore,
        name: &BankName,
        enabled: bool,
    ) -> Result<&Exchange, ExchangeError> {
        let mut exchange = self.known(name)?.clone();
        if exchange.enabled != enabled {
            exchange.enabled = enabled;
            self.put(exchange)?;
        }
        self.known(name)
    }

    /// Deletes an exchange, and its bank with all that is in it; false where there is none of this name.
    ///
    /// # Errors
    /// [`ExchangeError::Store`], [`ExchangeError::Write`]: doing it again deletes the rest.
    pub fn remove(&mut self, store: &BankStore, name: &BankName) -> Result<bool, ExchangeError> {
        let Some(exchange) = self.get(name) else {
            return Ok(false);
        };
        let bank = match exchange.bank {
            Some(bank) => store.bank_by_id(bank),
            None => store.bank(name),
        };
        match bank {
            Ok(bank) => {
                store.delete_bank(&bank.name)?;
            }
            Err(StoreError::NoSuchBankId { .. } | StoreError::NoSuchBank { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut known = self.known.clone();
        known.retain(|one| one.name != *name);
        self.replace(known)?;
        Ok(true)
    }

    /// Brings the bank of an exchange to what the other side has now, and writes down how that went.
    ///
    /// # Errors
    /// [`ExchangeError`]: what was taken in before stays.
    pub fn fetch(
        &mut self,
        store: &BankStore,
        name: &BankName,
    ) -> Result<SyncSummary, ExchangeError> {
        let fetched = self.fetch_all(store, name);
        let mut exchange = self.known(name)?.clone();
        let state = &mut exchange.fetch;
        state.ended_at = Some(clock::now());
        state.succeeded = Some(fetched.is_ok());
        state.is_up_to_date = fetched.is_ok();
        state.problem = fetched.as_ref().err().map(ToString::to_string);
        self.put(exchange)?;
        fetched
    }

    fn fetch_all(
        &mut self,
        store: &BankStore,
        name: &BankName,
    ) -> Result<SyncSummary, ExchangeError> {
        let exchange = self.known(name)?;
        let api = Api::named(&exchange.api).ok_or_else(|| ExchangeError::NoSuchApi {
            given: exchange.api.chars().take(64).collect(),
        })?;
        let bank = self.bank_of(store, name, Policy::new(Action::Review))?;
        match api.name {
            "sample" => Ok(fetch::of_samples(store, bank, name)?),
            _ => Err(ExchangeError::NotThere { api: api.name }),
        }
    }

    /// How many entries of the exchange's bank are not withdrawn; 0 where it has no bank.
    ///
    /// # Errors
    /// [`ExchangeError::NoSuchExchange`], [`ExchangeError::Store`].
    pub fn items(&self, store: &BankStore, name: &BankName) -> Result<u64, ExchangeError> {
        let Some(bank) = self.known(name)?.bank else {
            return Ok(0);
        };
        match store.counts(bank) {
            Ok(counts) => Ok(counts.items.saturating_sub(counts.withdrawn)),
            Err(StoreError::NoSuchBankId { .. }) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// By which names the exchange that fills an entry's bank knows the entry; `None` where none fills it.
    #[must_use]
    pub fn records_of<'a>(&'a self, item: &'a ContentItem) -> Option<(&'a Exchange, Vec<&'a str>)> {
        let exchange = self.of_bank(item.bank)?;
        let own = fetch::source(&exchange.name);
        let of_it = item.sources().filter(|source| source.source == own);
        let records: Vec<&str> = of_it
            .filter_map(|source| source.record.as_deref())
            .collect();
        (!records.is_empty()).then_some((exchange, records))
    }
}
