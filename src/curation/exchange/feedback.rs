//! Opinions that go back to an exchange: queued beside its bank, sent later, each with who said it.
//!
//! Nothing is sent unless the exchange is set so. What an interface takes twice without harm is sent at least once; what it
//! does not is sent at most once: that it is being sent is on disk before it is. Whether one that was cut off on the way arrived
//! nobody can tell, so it is shown as uncertain, and left to people.

use crate::bank::{BankId, ContentItem};
use crate::clock;
use crate::curation::Observer;
use crate::curation::exchange::{Exchange, ExchangeError, Ready, source_name};
use crate::exchange::{Opinion, Said};
use crate::store::{BankStore, Facts};
use crate::web::{Client, WebError};
use serde::{Deserialize, Serialize};
use std::fmt;

const QUEUE: &[u8] = b"feedback/";
const NEXT: &[u8] = b"feedback-next";
/// Most opinions that are kept, sent or not.
const MOST: usize = 10_000;
/// Most bytes of a reason, and most reasons.
const MOST_REASON: (usize, usize) = (500, 20);

/// How far an opinion is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FeedbackState {
    /// It waits to be sent.
    Waiting,
    /// It is being sent, or was when the program ended.
    Sending,
    /// The other side took it.
    Sent,
    /// The other side refused it, or has no way to hear it.
    Refused,
    /// It may have arrived or not, and must not be sent twice.
    Uncertain,
}

impl FeedbackState {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
        }
    }
}

impl fmt::Display for FeedbackState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An opinion about an entry that came from an exchange. Times are seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feedback {
    /// Its number, from 1.
    pub number: u64,
    /// When it was given here.
    pub at: u64,
    /// Who gave it.
    pub by: String,
    /// The entry.
    pub content_id: u64,
    /// What is said.
    pub said: Said,
    /// How far it is.
    pub state: FeedbackState,
    /// When that was so.
    pub state_at: u64,
    /// How often it was tried to send it.
    pub tries: u64,
    /// Why it was refused, or is not sent yet.
    pub problem: Option<String>,
}

/// An opinion to be given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewFeedback {
    /// What is said.
    pub opinion: Opinion,
    /// Why, in the exchange's own words.
    pub reasons: Vec<String>,
    /// Who says it.
    pub by: String,
    /// The type of hash that is meant, where the record has several.
    pub kind: Option<String>,
}

impl NewFeedback {
    /// An opinion of somebody.
    #[must_use]
    pub fn new(opinion: Opinion, by: impl Into<String>) -> Self {
        Self {
            opinion,
            reasons: Vec::new(),
            by: by.into(),
            kind: None,
        }
    }
}

fn refused<T>(problem: impl Into<String>) -> Result<T, ExchangeError> {
    let problem = problem.into();
    Err(ExchangeError::Opinion { problem })
}

fn name_of(number: u64) -> Vec<u8> {
    [QUEUE, format!("{number:020}").as_bytes()].concat()
}

/// What would be said about an entry's records of an exchange, one for each.
///
/// # Errors
/// [`ExchangeError::Opinion`] where the entry has no record of it, or none with such a hash.
pub fn about(
    exchange: &Exchange,
    item: &ContentItem,
    new: &NewFeedback,
) -> Result<Vec<Said>, ExchangeError> {
    let source = source_name(&exchange.name);
    let records: Vec<_> = item
        .sources()
        .filter(|from| from.source == source)
        .collect();
    if exchange.bank != Some(item.bank) || records.is_empty() {
        return refused(format!(
            "entry {} did not come from {}",
            item.id, exchange.name
        ));
    }
    let (most_bytes, most) = MOST_REASON;
    if new.reasons.len() > most || new.reasons.iter().any(|reason| reason.len() > most_bytes) {
        return refused(format!(
            "at most {most} reasons of at most {most_bytes} bytes"
        ));
    }
    if new.by.trim().is_empty() || new.by.len() > 200 {
        return refused("who says it must be told, in at most 200 bytes");
    }
    let hashes = item.signals.iter().map(|entry| {
        let signal = &entry.signal;
        (signal.signal_type().name().to_owned(), signal.hex())
    });
    let opaque = item
        .opaque
        .iter()
        .map(|one| (one.kind.clone(), one.value.clone()));
    let mut all: Vec<(String, String)> = hashes.chain(opaque).collect();
    all.sort_by_key(|(kind, _)| {
        ["pdq", "md5", "sha1"]
            .iter()
            .position(|first| first == kind)
            .unwrap_or(9)
    });
    let wanted = all
        .into_iter()
        .find(|(kind, _)| new.kind.as_ref().is_none_or(|wanted| wanted == kind));
    let Some((kind, value)) = wanted else {
        return refused(format!("entry {} has no such hash", item.id));
    };
    let said = records.iter().filter_map(|from| {
        let said = Said::new(from.record.clone()?, &kind, &value, new.opinion);
        let notes = from.metadata.as_deref().unwrap_or_default();
        let named = notes
            .split("; ")
            .filter_map(|note| note.strip_prefix("descriptor="));
        let descriptors = named.map(str::to_owned).collect();
        Some(
            said.because(new.reasons.clone())
                .of_descriptors(descriptors),
        )
    });
    Ok(said.collect())
}

impl Feedback {
    /// All opinions of an exchange, the oldest first.
    ///
    /// # Errors
    /// [`ExchangeError::Kept`], [`ExchangeError::Store`].
    pub fn all(store: &BankStore, bank: BankId) -> Result<Vec<Self>, ExchangeError> {
        let kept = store.facts(bank, QUEUE, MOST)?;
        let read = kept.iter().map(|(name, value)| {
            serde_json::from_slice(value).map_err(|error| ExchangeError::Kept {
                problem: format!("{}: {error}", String::from_utf8_lossy(name)),
            })
        });
        read.collect()
    }

    /// Queues opinions. When it returns, they are on disk.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where too many are kept; [`ExchangeError::Store`].
    pub fn queue(
        store: &BankStore,
        (bank, item): (BankId, &ContentItem),
        said: Vec<Said>,
        by: &str,
    ) -> Result<Vec<Self>, ExchangeError> {
        let kept = Self::all(store, bank)?;
        let mut facts = Facts::default();
        // Room is made by the oldest that are done.
        let over = (kept.len() + said.len()).saturating_sub(MOST);
        let done = kept.iter().filter(|one| one.state == FeedbackState::Sent);
        let dropped: Vec<u64> = done.take(over).map(|one| one.number).collect();
        if dropped.len() < over {
            return refused(format!(
                "{MOST} opinions wait or were not taken: look at them first"
            ));
        }
        for number in dropped {
            facts = facts.remove(&name_of(number));
        }
        let next = store
            .fact(bank, NEXT)?
            .and_then(|value| value.try_into().ok());
        let mut next = next.map_or(1, u64::from_be_bytes);
        let now = clock::now();
        let mut queued = Vec::new();
        for said in said {
            let one = Self {
                number: next,
                at: now,
                by: by.to_owned(),
                content_id: item.id.0,
                said,
                state: FeedbackState::Waiting,
                state_at: now,
                tries: 0,
                problem: None,
            };
            next += 1;
            facts = one.put(facts);
            tracing::info!(
                by,
                entry = item.id.0,
                opinion = one.said.opinion.name(),
                "opinion queued"
            );
            queued.push(one);
        }
        store.keep(bank, &facts.put(NEXT, &next.to_be_bytes()))?;
        Ok(queued)
    }

    fn put(&self, facts: Facts) -> Facts {
        facts.put(
            &name_of(self.number),
            &serde_json::to_vec(self).unwrap_or_default(),
        )
    }

    fn set(
        &mut self,
        store: &BankStore,
        bank: BankId,
        state: FeedbackState,
        problem: Option<String>,
    ) -> Result<(), ExchangeError> {
        (self.state, self.state_at, self.problem) = (state, clock::now(), problem);
        Ok(store.keep(bank, &self.put(Facts::default()))?)
    }
}

impl Ready {
    /// Sends what waits. Returns those whose state changed.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where the exchange is not set to send opinions, or has no way to hear them; where the store fails.
    pub fn send_feedback(
        &self,
        store: &BankStore,
        observer: &dyn Observer,
    ) -> Result<Vec<Feedback>, ExchangeError> {
        let (exchange, bank) = (self.exchange(), self.bank());
        if !exchange.feedback {
            return refused(format!(
                "{} is not set to send opinions: `hashgate exchange set {} --feedback true` lets it",
                exchange.name, exchange.name
            ));
        }
        let (listener, client) = self.listener()?;
        let stop = || observer.is_stopped();
        let mut changed = Vec::new();
        for mut one in Feedback::all(store, bank)? {
            if observer.is_stopped() {
                break;
            }
            match one.state {
                FeedbackState::Waiting => {}
                FeedbackState::Sending if listener.may_hear_twice() => {}
                FeedbackState::Sending => {
                    let why = "the program ended while it was sent".to_owned();
                    one.set(store, bank, FeedbackState::Uncertain, Some(why))?;
                    changed.push(one);
                    continue;
                }
                _ => continue,
            }
            let reasons = match listener.reasons(&one.said) {
                Ok(None) => Ok(None),
                Ok(Some(ask)) => client.ask(&ask, &stop).map(Some),
                Err(error) => {
                    one.set(store, bank, FeedbackState::Refused, Some(error.to_string()))?;
                    changed.push(one);
                    continue;
                }
            };
            let reasons = match reasons {
                Ok(reasons) => reasons,
                Err(WebError::Stopped) => break,
                Err(error) => {
                    one.set(store, bank, FeedbackState::Waiting, Some(error.to_string()))?;
                    changed.push(one);
                    break;
                }
            };
            let told = match listener.tell(&one.said, reasons.as_ref()) {
                Ok(told) => told,
                Err(error) => {
                    one.set(store, bank, FeedbackState::Refused, Some(error.to_string()))?;
                    changed.push(one);
                    continue;
                }
            };
            one.tries += 1;
            one.set(store, bank, FeedbackState::Sending, None)?;
            let (state, problem) = send(&client, &told, listener.may_hear_twice(), &stop);
            one.set(store, bank, state, problem)?;
            let is_over = state == FeedbackState::Waiting;
            changed.push(one);
            if is_over {
                // The other side cannot hear now: the rest waits too.
                break;
            }
        }
        Ok(changed)
    }
}

/// Sends the requests that tell one opinion; what came of it.
fn send(
    client: &Client,
    told: &[crate::exchange::Telling],
    may_repeat: bool,
    stop: &dyn Fn() -> bool,
) -> (FeedbackState, Option<String>) {
    for telling in told {
        match client.ask(&telling.ask, stop) {
            Ok(answer) if answer.is_good() => {}
            Ok(answer) => {
                let why = format!("the other side refuses ({})", answer.status);
                return (FeedbackState::Refused, Some(why));
            }
            // It says that it did not look.
            Err(error @ WebError::Later { .. }) => {
                return (FeedbackState::Waiting, Some(error.to_string()));
            }
            Err(error) if may_repeat => return (FeedbackState::Waiting, Some(error.to_string())),
            Err(error) => return (FeedbackState::Uncertain, Some(error.to_string())),
        }
    }
    (FeedbackState::Sent, None)
}
