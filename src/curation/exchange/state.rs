//! What is kept of an exchange's fetches, beside its bank in the store: how far the other side was read, how the last fetch
//! went, and what each fetch brought.
//!
//! How far it was read is written in the batch with the records that it covers. So a program that is killed at any point goes on from
//! there, and loses and doubles nothing.

use crate::bank::{BankId, ContentId};
use crate::curation::exchange::ExchangeError;
use crate::store::{BankStore, Facts};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
#[cfg(feature = "exchange")]
use std::collections::BTreeMap;

const PROGRESS: &[u8] = b"fetch/progress";
const STATE: &[u8] = b"fetch/state";
const RECORD: &[u8] = b"fetch/record/";
const SEEN: &[u8] = b"fetch/seen/";
#[cfg(feature = "exchange")]
const HIGHEST: &[u8] = b"fetch/highest";
/// How many names of feeds are kept in mind.
#[cfg(feature = "exchange")]
const MOST_NAMES: usize = 64;
/// How many fetches are kept in mind.
const MOST_RECORDS: u64 = 1_000;
/// How many things that were left out are kept in mind.
const MOST_LEFT_OUT: usize = 100;

/// What the fetches of an exchange did. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FetchState {
    /// Up to when the other side has been read, where it tells a time.
    pub checkpoint_at: Option<u64>,
    /// When the last fetch began, where one is under way or was cut off.
    pub began_at: Option<u64>,
    /// When the last fetch ended, well or not.
    pub ended_at: Option<u64>,
    /// When a fetch last ended with all that the other side had.
    pub succeeded_at: Option<u64>,
    /// Whether the last fetch ended well.
    pub succeeded: Option<bool>,
    /// Whether all was fetched that the other side had.
    pub is_up_to_date: bool,
    /// Why the last fetch did not end well.
    pub problem: Option<String>,
    /// What somebody should look at: each in words for people.
    pub alarms: Vec<String>,
    /// The other side asks not to be asked before this time.
    pub not_before: Option<u64>,
    /// What was passed over because it could not be read, the last hundred.
    pub left_out: Vec<String>,
    /// How many fetches there were.
    pub fetches: u64,
    /// How many fetches did not end well since the last that did.
    pub failures: u64,
}

/// What one fetch brought. `began_at` is the time that its records were added at, or changed at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FetchRecord {
    /// Its number, from 1.
    pub number: u64,
    /// When it began: seconds since 1970-01-01 UTC. No two fetches of an exchange begin in the same second.
    pub began_at: u64,
    /// When it ended.
    pub ended_at: u64,
    /// Answers that were read.
    pub pages: u64,
    /// Records that made a new entry.
    pub added: u64,
    /// Records that changed something of an entry.
    pub updated: u64,
    /// Records that changed nothing.
    pub unchanged: u64,
    /// Records that stand again.
    pub given_again: u64,
    /// Records that were taken back.
    pub taken_back: u64,
    /// Records that were taken back and were not there.
    pub not_there: u64,
    /// Entries that no longer match.
    pub stopped: u64,
    /// Entries that match again.
    pub restored: u64,
    /// Records, or parts of records, that could not be used.
    pub rejected: u64,
    /// What was passed over because it could not be read.
    pub left_out: Vec<String>,
    /// Everything was read anew, so that what no longer appears could be taken back.
    pub is_complete: bool,
    /// Why it did not end well.
    pub problem: Option<String>,
}

/// How far the other side was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// Of what is asked, and for what: where that changes, all is read anew.
    pub(super) of: String,
    /// The source's position; `None`: at the beginning.
    pub(super) position: Option<Value>,
    /// When all that the other side had was read last.
    pub(super) done_at: Option<u64>,
    /// All is being read anew since this time, or was, and what no longer appears is still to be taken back.
    pub(super) anew_since: Option<u64>,
    /// Something could not be read since then: what does not appear may be there all the same.
    pub(super) has_holes: bool,
    /// The number of the next list of what stands.
    pub(super) lists: u64,
}

fn read<T: DeserializeOwned + Default>(
    store: &BankStore,
    bank: BankId,
    name: &[u8],
) -> Result<T, ExchangeError> {
    let Some(bytes) = store.fact(bank, name)? else {
        return Ok(T::default());
    };
    serde_json::from_slice(&bytes).map_err(|error| ExchangeError::Kept {
        problem: format!("{}: {error}", String::from_utf8_lossy(name)),
    })
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    // Plain structs with texts as keys: nothing of them can fail.
    serde_json::to_vec(value).unwrap_or_default()
}

fn numbered(beginning: &[u8], number: u64) -> Vec<u8> {
    [beginning, format!("{number:020}").as_bytes()].concat()
}

impl FetchState {
    /// What the fetches of the exchange with this bank did.
    ///
    /// # Errors
    /// [`ExchangeError::Kept`], [`ExchangeError::Store`].
    pub fn of(store: &BankStore, bank: BankId) -> Result<Self, ExchangeError> {
        read(store, bank, STATE)
    }

    /// When the next fetch may begin, if the other side said so, and it is later than `now`.
    #[must_use]
    pub fn waits_until(&self, now: u64) -> Option<u64> {
        self.not_before.filter(|&at| at > now)
    }

    /// Since when a fetch has been under way, or was when the program ended.
    #[must_use]
    pub fn running_since(&self) -> Option<u64> {
        let began = self.began_at?;
        self.ended_at
            .is_none_or(|ended| ended < began)
            .then_some(began)
    }

    pub(super) fn keep(&self, facts: Facts) -> Facts {
        facts.put(STATE, &bytes(self))
    }

    pub(super) fn leave_out(&mut self, what: &[String]) {
        self.left_out.extend(what.iter().cloned());
        let over = self.left_out.len().saturating_sub(MOST_LEFT_OUT);
        self.left_out.drain(..over);
    }
}

impl FetchRecord {
    /// The last fetches of the exchange with this bank, the oldest first: a thousand at most.
    ///
    /// # Errors
    /// [`ExchangeError::Kept`], [`ExchangeError::Store`].
    pub fn all(store: &BankStore, bank: BankId) -> Result<Vec<Self>, ExchangeError> {
        let most = usize::try_from(MOST_RECORDS).unwrap_or(usize::MAX);
        let kept = store.facts(bank, RECORD, most)?;
        let read = kept.iter().map(|(name, value)| {
            serde_json::from_slice(value).map_err(|error| ExchangeError::Kept {
                problem: format!("{}: {error}", String::from_utf8_lossy(name)),
            })
        });
        read.collect()
    }

    /// The last fetch of the exchange with this bank; nothing where there was none.
    ///
    /// # Errors
    /// [`ExchangeError::Kept`], [`ExchangeError::Store`].
    pub fn last(store: &BankStore, bank: BankId) -> Result<Self, ExchangeError> {
        let state = FetchState::of(store, bank)?;
        read(store, bank, &numbered(RECORD, state.fetches))
    }

    pub(super) fn keep(&self, facts: Facts) -> Facts {
        let facts = facts.put(&numbered(RECORD, self.number), &bytes(self));
        match self.number.checked_sub(MOST_RECORDS) {
            Some(old) => facts.remove(&numbered(RECORD, old)),
            None => facts,
        }
    }
}

/// What was seen last of a feed or a bundle.
#[cfg(feature = "exchange")]
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    /// Its sequence.
    pub(super) sequence: u64,
    /// The SHA-256 of the head; empty of a bundle.
    pub(super) digest: String,
}

#[cfg(feature = "exchange")]
impl Seen {
    /// Whether it was the head of a feed. Bundles have no digest here.
    pub(super) fn is_feed(&self) -> bool {
        !self.digest.is_empty()
    }

    /// What was seen of this key and name before. Where this is newer, and no bundle in the place of a feed, it is
    /// written down: when this returns, it is on disk.
    pub(super) fn note(
        self,
        store: &BankStore,
        bank: BankId,
        key: &str,
    ) -> Result<Option<Self>, ExchangeError> {
        let mut all: BTreeMap<String, Self> = read(store, bank, HIGHEST)?;
        let before = all.get(key).cloned();
        if before.as_ref().is_some_and(|before| {
            before.sequence >= self.sequence || (before.is_feed() && !self.is_feed())
        }) {
            return Ok(before);
        }
        if before.is_none() && all.len() >= MOST_NAMES {
            let problem = format!(
                "{MOST_NAMES} feeds of different names were seen at one address: remove the exchange, and make it anew"
            );
            return Err(ExchangeError::Kept { problem });
        }
        all.insert(key.to_owned(), self);
        store.keep(bank, &Facts::default().put(HIGHEST, &bytes(&all)))?;
        Ok(before)
    }
}

impl Progress {
    pub(super) fn of(store: &BankStore, bank: BankId) -> Result<Self, ExchangeError> {
        read(store, bank, PROGRESS)
    }

    pub(super) fn keep(&self, facts: Facts) -> Facts {
        facts.put(PROGRESS, &bytes(self))
    }

    /// Has the records of a call that stand written down, while all is read anew.
    pub(super) fn note_standing(&mut self, facts: Facts) -> Facts {
        if self.anew_since.is_none() {
            return facts;
        }
        self.lists += 1;
        facts.standing(&numbered(SEEN, self.lists))
    }

    /// What stands since all is read anew.
    pub(super) fn standing(
        store: &BankStore,
        bank: BankId,
    ) -> Result<Vec<ContentId>, ExchangeError> {
        Ok(store.standing_under(bank, SEEN)?)
    }

    /// Begins to read all anew. When it returns, that is on disk.
    pub(super) fn begin_anew(
        &mut self,
        (store, bank): (&BankStore, BankId),
        of: &str,
        now: u64,
    ) -> Result<(), ExchangeError> {
        store.forget(bank, SEEN)?;
        *self = Self {
            of: of.to_owned(),
            done_at: self.done_at,
            anew_since: Some(now),
            ..Self::default()
        };
        Ok(store.keep(bank, &self.keep(Facts::default()))?)
    }

    /// What no longer appears was taken back.
    pub(super) fn end_anew(
        &mut self,
        store: &BankStore,
        bank: BankId,
    ) -> Result<(), ExchangeError> {
        (self.anew_since, self.lists, self.has_holes) = (None, 0, false);
        store.keep(bank, &self.keep(Facts::default()))?;
        Ok(store.forget(bank, SEEN)?)
    }
}
