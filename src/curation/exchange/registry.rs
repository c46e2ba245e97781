//! Which exchanges there are, how each is set, and what its fetches did.

use crate::bank::{Action, BankId, BankName, ContentItem, Policy};
use crate::curation::Workspace;
use crate::curation::exchange::api::{Unknown, read};
use crate::curation::exchange::credentials::Credentials;
use crate::curation::exchange::fetch::source_name;
use crate::curation::exchange::one::{Exchange, read_json};
use crate::curation::exchange::ready::Ready;
#[cfg(feature = "exchange")]
use crate::curation::exchange::remote;
use crate::curation::exchange::state::FetchState;
use crate::curation::exchange::{Api, ExchangeError};
use crate::files;
use crate::store::{BankStore, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::PathBuf;

/// The version of the file.
const VERSION: u32 = 1;

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
    pub fn add(
        &mut self,
        store: &BankStore,
        mut new: NewExchange,
    ) -> Result<&Exchange, ExchangeError> {
        let api = Api::named(&new.api).ok_or_else(|| ExchangeError::NoSuchApi {
            given: new.api.chars().take(64).collect(),
        })?;
        new.api = api.name.to_owned();
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
            feedback: false,
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

    /// Says whether opinions about its entries are sent to the other side.
    ///
    /// # Errors
    /// [`ExchangeError::NoSuchExchange`], [`ExchangeError::Write`]; [`ExchangeError::Opinion`] where its kind hears none.
    pub fn set_feedback(
        &mut self,
        name: &BankName,
        feedback: bool,
    ) -> Result<&Exchange, ExchangeError> {
        let mut exchange = self.known(name)?.clone();
        #[cfg(feature = "exchange")]
        let hears = crate::exchange::hears_opinions(&exchange.api);
        #[cfg(not(feature = "exchange"))]
        let hears = false;
        if feedback && !hears {
            let problem = format!("exchanges of the kind {} hear no opinions", exchange.api);
            return Err(ExchangeError::Opinion { problem });
        }
        exchange.feedback = feedback;
        self.put(exchange)?;
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

    /// Gives an exchange other settings. Where it then asks for something else, its next fetch reads all anew.
    ///
    /// # Errors
    /// [`ExchangeError::NoSuchExchange`], [`ExchangeError::Field`], [`ExchangeError::Write`].
    pub fn set_config(
        &mut self,
        name: &BankName,
        given: &Map<String, Value>,
    ) -> Result<&Exchange, ExchangeError> {
        let mut exchange = self.known(name)?.clone();
        let mut config = exchange.config.clone();
        config.extend(given.clone());
        exchange.config = read(api_of(&exchange)?.config, &config, Unknown::Refused)?;
        self.put(exchange)?;
        self.known(name)
    }

    /// What is needed to fetch an exchange, whoever holds the store meanwhile: its bank is made where it was not yet.
    ///
    /// # Errors
    /// [`ExchangeError`]: no such exchange, no credentials, no bank any more.
    pub fn ready(
        &mut self,
        store: &BankStore,
        name: &BankName,
        credentials: &Credentials,
    ) -> Result<Ready, ExchangeError> {
        let bank = self.bank_of(store, name, Policy::new(Action::Review))?;
        let exchange = self.known(name)?.clone();
        let api = api_of(&exchange)?;
        if !api.is_there {
            return Err(ExchangeError::NotThere { api: api.name });
        }
        #[cfg(feature = "exchange")]
        let asked = match api.name {
            "sample" => None,
            _ => Some(remote::Asked::of(&exchange, api, credentials)?),
        };
        #[cfg(not(feature = "exchange"))]
        let _ = credentials;
        Ok(Ready {
            exchange,
            bank,
            #[cfg(feature = "exchange")]
            asked,
        })
    }

    /// What the fetches of an exchange did.
    ///
    /// # Errors
    /// [`ExchangeError::NoSuchExchange`], [`ExchangeError::Store`], [`ExchangeError::Kept`].
    pub fn state(&self, store: &BankStore, name: &BankName) -> Result<FetchState, ExchangeError> {
        let Some(bank) = self.known(name)?.bank else {
            return Ok(FetchState::default());
        };
        match store.bank_by_id(bank) {
            Ok(_) => FetchState::of(store, bank),
            // What was kept of its fetches went with its bank.
            Err(StoreError::NoSuchBankId { .. }) => Ok(FetchState {
                succeeded: Some(false),
                problem: Some(ExchangeError::NoBank { name: name.clone() }.to_string()),
                ..FetchState::default()
            }),
            Err(error) => Err(error.into()),
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
        let own = source_name(&exchange.name);
        let of_it = item.sources().filter(|source| source.source == own);
        let records: Vec<&str> = of_it
            .filter_map(|source| source.record.as_deref())
            .collect();
        (!records.is_empty()).then_some((exchange, records))
    }
}

fn api_of(exchange: &Exchange) -> Result<Api, ExchangeError> {
    Api::named(&exchange.api).ok_or_else(|| ExchangeError::NoSuchApi {
        given: exchange.api.chars().take(64).collect(),
    })
}
