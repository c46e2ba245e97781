//! Opinions that go back to an exchange: queued beside its bank, sent later, each with who said it.
//!
//! Nothing is sent unless the exchange is set so. What an interface takes twice without harm is sent at least once; what it
//! does not is sent at most once: that it is being sent is on disk before it is. Whether one that was cut off on the way arrived
//! nobody can tell, so it is shown as uncertain, and left to people, who [settle](Feedback::settle) it.
//!
//! Owned here: the queue, and what people do with it. How it is sent is `sending`'s.

use crate::bank::{BankId, ContentId, ContentItem, Provenance, SourceStatus};
use crate::clock;
use crate::curation::exchange::fetch::Running;
use crate::curation::exchange::{Exchange, ExchangeError, source_name};
use crate::exchange::{Opinion, Said};
use crate::store::{BankStore, Facts};
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
    /// Somebody here decided that it is not sent, or not again.
    Dropped,
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
            Self::Dropped => "dropped",
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
    /// Who settled it by hand, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<String>,
}

/// What somebody found out about an opinion, or decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// The other side has it.
    Taken,
    /// It is sent again.
    Again,
    /// It is not sent, or not again.
    Dropped,
}

/// How many opinions of an exchange there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FeedbackCounts {
    /// To be sent.
    pub waiting: u64,
    /// Being sent, or that were when the program ended.
    pub sending: u64,
    /// That the other side took.
    pub sent: u64,
    /// That the other side refused.
    pub refused: u64,
    /// That may have arrived or not.
    pub uncertain: u64,
    /// That are not sent, or not again.
    pub dropped: u64,
}

impl FeedbackCounts {
    /// Those that are not at their end.
    #[must_use]
    pub const fn open(&self) -> u64 {
        self.waiting + self.sending + self.uncertain
    }
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

pub(super) fn refused<T>(problem: impl Into<String>) -> Result<T, ExchangeError> {
    let problem = problem.into();
    Err(ExchangeError::Opinion { problem })
}

fn name_of(number: u64) -> Vec<u8> {
    [QUEUE, format!("{number:020}").as_bytes()].concat()
}

fn check_by(by: &str) -> Result<(), ExchangeError> {
    match by.trim().is_empty() || by.len() > 200 {
        true => refused("who says it must be told, in at most 200 bytes"),
        false => Ok(()),
    }
}

/// The notes of a record under a name.
fn noted<'a>(from: &'a Provenance, name: &'a str) -> impl Iterator<Item = &'a str> {
    let notes = from.metadata.as_deref().unwrap_or_default().split("; ");
    notes.filter_map(move |note| note.strip_prefix(name)?.strip_prefix('='))
}

/// What would be said about an entry's records of an exchange, one for each that the other side stands by.
///
/// # Errors
/// [`ExchangeError::Opinion`] where the entry has no record of it, or none with such a hash, and where the interface has no way to hear
/// it.
pub fn about(
    exchange: &Exchange,
    item: &ContentItem,
    new: &NewFeedback,
) -> Result<Vec<Said>, ExchangeError> {
    let source = source_name(&exchange.name);
    let mut records: Vec<_> = item
        .sources()
        .filter(|from| from.source == source)
        .collect();
    if exchange.bank != Some(item.bank) || records.is_empty() {
        return refused(format!(
            "entry {} did not come from {}",
            item.id, exchange.name
        ));
    }
    records.retain(|from| from.status == SourceStatus::Active && from.record.is_some());
    if records.is_empty() {
        return refused(format!(
            "the other side of {} has taken entry {} back: there is nothing to be said of it any more",
            exchange.name, item.id
        ));
    }
    let (most, most_bytes) = (MOST_REASON.1, MOST_REASON.0);
    let is_bad = |reason: &String| reason.trim().is_empty() || reason.len() > most_bytes;
    if new.reasons.len() > most || new.reasons.iter().any(is_bad) {
        return refused(format!("at most {most} reasons of 1 to {most_bytes} bytes"));
    }
    check_by(&new.by)?;
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
    let kinds: Vec<&str> = all.iter().map(|(kind, _)| &**kind).collect();
    let wanted = all
        .iter()
        .find(|(kind, _)| new.kind.as_ref().is_none_or(|wanted| wanted == kind));
    let Some((kind, value)) = wanted else {
        return refused(format!(
            "entry {} has no such hash: it has {}",
            item.id,
            kinds.join(", ")
        ));
    };
    let said = records.iter().filter_map(|from| {
        // As the other side writes it, where that is otherwise than here.
        let spelt = noted(from, "hashValue").find(|spelt| spelt.eq_ignore_ascii_case(value));
        let record = from.record.clone()?;
        let said = Said::new(record, kind, spelt.unwrap_or(value), new.opinion);
        // One that was cut off is no number.
        let is_number = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        let descriptors = noted(from, "descriptor").filter(is_number);
        let descriptors = descriptors.map(str::to_owned).collect();
        Some(
            said.because(new.reasons.clone())
                .of_descriptors(descriptors),
        )
    });
    let said: Vec<Said> = said.collect();
    for one in &said {
        if let Err(error) = one.fits(&exchange.api) {
            return refused(format!("entry {}: {error}", item.id));
        }
    }
    Ok(said)
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

    /// How many opinions of an exchange there are.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn counts(store: &BankStore, bank: BankId) -> Result<FeedbackCounts, ExchangeError> {
        let mut counts = FeedbackCounts::default();
        for one in Self::all(store, bank)? {
            let of = match one.state {
                FeedbackState::Waiting => &mut counts.waiting,
                FeedbackState::Sending => &mut counts.sending,
                FeedbackState::Sent => &mut counts.sent,
                FeedbackState::Refused => &mut counts.refused,
                FeedbackState::Uncertain => &mut counts.uncertain,
                FeedbackState::Dropped => &mut counts.dropped,
            };
            *of += 1;
        }
        Ok(counts)
    }

    /// Queues opinions: all of them or none. When it returns, they are on disk.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where too many are kept; [`ExchangeError::Store`].
    pub fn queue(
        store: &BankStore,
        bank: BankId,
        said: Vec<(ContentId, Said)>,
        by: &str,
    ) -> Result<Vec<Self>, ExchangeError> {
        check_by(by)?;
        let Some(_running) = Running::begin(store, bank, "queue") else {
            return refused("somebody else gives an opinion just now: give it again");
        };
        let kept = Self::all(store, bank)?;
        let mut facts = Facts::default();
        // Room is made by the oldest that are done.
        let over = (kept.len() + said.len()).saturating_sub(MOST);
        let is_done =
            |one: &&Self| matches!(one.state, FeedbackState::Sent | FeedbackState::Dropped);
        let dropped: Vec<u64> = (kept.iter().filter(is_done))
            .take(over)
            .map(|one| one.number)
            .collect();
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
        for (entry, said) in said {
            let one = Self {
                number: next,
                at: now,
                by: by.to_owned(),
                content_id: entry.0,
                said,
                state: FeedbackState::Waiting,
                state_at: now,
                tries: 0,
                problem: None,
                settled_by: None,
            };
            next += 1;
            facts = one.put(facts);
            queued.push(one);
        }
        store.keep(bank, &facts.put(NEXT, &next.to_be_bytes()))?;
        for one in &queued {
            let (entry, opinion) = (one.content_id, one.said.opinion.name());
            tracing::info!(by, number = one.number, entry, opinion, "opinion queued");
        }
        Ok(queued)
    }

    /// Says what became of opinions that are not at their end, or of refused ones: all of them or none. When it returns, that is on
    /// disk.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where there is none of such a number, where it was sent or dropped already, or where it would be sent
    /// behind a later one about the same; [`ExchangeError::Store`].
    pub fn settle(
        store: &BankStore,
        bank: BankId,
        numbers: &[u64],
        (how, by): (Settled, &str),
    ) -> Result<Vec<Self>, ExchangeError> {
        check_by(by)?;
        let Some(_running) = Running::begin(store, bank, "feedback") else {
            return refused("opinions are being sent: settle them afterwards");
        };
        let kept = Self::all(store, bank)?;
        let (mut facts, mut settled) = (Facts::default(), Vec::new());
        for number in numbers {
            let Some(one) = kept.iter().find(|one| one.number == *number) else {
                return refused(format!("there is no opinion {number}"));
            };
            if matches!(one.state, FeedbackState::Sent | FeedbackState::Dropped) {
                return refused(format!("opinion {number} was {} already", one.state));
            }
            let is_later = |other: &&Self| {
                other.number > one.number
                    && other.is_about_the_same(one)
                    && !matches!(other.state, FeedbackState::Refused | FeedbackState::Dropped)
            };
            if how == Settled::Again
                && let Some(later) = kept.iter().find(is_later)
            {
                return refused(format!(
                    "opinion {} about the same came after {number}: say it anew if it holds",
                    later.number
                ));
            }
            let mut one = one.clone();
            one.state = match how {
                Settled::Taken => FeedbackState::Sent,
                Settled::Again => FeedbackState::Waiting,
                Settled::Dropped => FeedbackState::Dropped,
            };
            (one.state_at, one.problem) = (clock::now(), None);
            one.settled_by = Some(by.to_owned());
            facts = one.put(facts);
            settled.push(one);
        }
        store.keep(bank, &facts)?;
        for one in &settled {
            let (entry, state) = (one.content_id, one.state.name());
            tracing::info!(by, number = one.number, entry, state, "opinion settled");
        }
        Ok(settled)
    }

    /// Whether another opinion is about the same hash of the same record.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.said.record, &self.said.kind) == (&other.said.record, &other.said.kind)
    }

    /// The same with what it takes the place of: the opposite that may have been told of the record before.
    #[must_use]
    pub fn in_place(&self, all: &[Self]) -> Said {
        let may_be_there = |one: &&Self| {
            one.number < self.number
                && one.said.record == self.said.record
                && one.tries > 0
                && one.said.opinion != Opinion::Seen
        };
        let before = all.iter().rfind(may_be_there);
        let before = before.map(|one| one.said.opinion);
        let is_opposite =
            |before: &Opinion| self.said.opinion != Opinion::Seen && *before != self.said.opinion;
        self.said.clone().instead_of(before.filter(is_opposite))
    }

    fn put(&self, facts: Facts) -> Facts {
        facts.put(
            &name_of(self.number),
            &serde_json::to_vec(self).unwrap_or_default(),
        )
    }

    pub(super) fn set(
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
