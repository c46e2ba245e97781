//! How opinions that wait are sent.
//!
//! Those about the same hash of a record go in their order. One that the other side does not take does not hold up the others. Where
//! nothing would be heard (the credentials, too many requests, no connection), all of them wait.

use crate::bank::BankId;
use crate::clock;
use crate::curation::Observer;
use crate::curation::exchange::feedback::refused;
use crate::curation::exchange::fetch::Running;
use crate::curation::exchange::{ExchangeError, Feedback, FeedbackState, FetchState, Ready};
use crate::exchange::{Heard, Listener, Said, Telling};
use crate::store::{BankStore, Facts};
use crate::web::{Answer, Client, WebError};
use std::collections::BTreeMap;

/// Until when the other side does not want to be told anything.
const LATER: &[u8] = b"feedback-later";
/// After how many that failed in a row the rest waits.
const IN_A_ROW: u32 = 3;

/// What is done after one opinion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The next one.
    On,
    /// The next one, unless too many failed.
    Failed,
    /// Nothing more would be heard now.
    Over,
}

/// What became of an opinion.
struct Fate {
    state: FeedbackState,
    problem: Option<String>,
    next: Next,
    /// For how many seconds the other side does not want to be told anything.
    later: Option<u64>,
}

impl Fate {
    fn new(state: FeedbackState, problem: impl Into<Option<String>>, next: Next) -> Self {
        Self {
            state,
            problem: problem.into(),
            next,
            later: None,
        }
    }

    /// It may have been taken, or not.
    fn unclear(problem: String, may_repeat: bool) -> Self {
        match may_repeat {
            true => Self::new(FeedbackState::Waiting, problem, Next::Failed),
            // No other one is risked now.
            false => Self::new(FeedbackState::Uncertain, problem, Next::Over),
        }
    }

    /// There is no answer.
    fn of(error: &WebError, may_repeat: bool) -> Self {
        let problem = error.to_string();
        let waits = |later| Self {
            later,
            ..Self::new(FeedbackState::Waiting, problem.clone(), Next::Over)
        };
        match error {
            // It says that it did not look.
            WebError::Later {
                status: 429 | 503,
                seconds,
                ..
            } => waits(Some(*seconds)),
            WebError::Later { seconds, .. } => Self {
                later: Some(*seconds),
                next: Next::Over,
                ..Self::unclear(problem, may_repeat)
            },
            WebError::Lost {
                status: Some(429), ..
            }
            | WebError::Lost {
                may_have_arrived: false,
                ..
            }
            | WebError::Client { .. } => waits(None),
            WebError::Stopped if may_repeat => waits(None),
            _ => Self::unclear(problem, may_repeat),
        }
    }
}

impl Ready {
    /// Sends what waits. Returns those whose state changed.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where the exchange is not set to send opinions, has no way to hear them, or is told some already;
    /// [`ExchangeError::TooSoon`] where the other side asked to be asked later, unless `at_once`; where the store fails.
    pub fn send_feedback(
        &self,
        store: &BankStore,
        observer: &dyn Observer,
        at_once: bool,
    ) -> Result<Vec<Feedback>, ExchangeError> {
        let (exchange, bank) = (self.exchange(), self.bank());
        let name = &exchange.name;
        if !exchange.feedback {
            return refused(format!(
                "{name} is not set to send opinions: `hashgate exchange set {name} --feedback true` lets it"
            ));
        }
        let (listener, client) = self.listener()?;
        let Some(_running) = Running::begin(store, bank, "feedback") else {
            return refused(format!("opinions of {name} are being sent already"));
        };
        let mut post = Post {
            store,
            bank,
            may_repeat: listener.may_hear_twice(),
            listener,
            client,
            observer,
            all: Feedback::all(store, bank)?,
            reasons: BTreeMap::new(),
            changed: Vec::new(),
        };
        post.look_after_a_crash()?;
        let due = post.due();
        let until = match due.is_empty() {
            true => None,
            false => waits_until(store, bank)?,
        };
        if until.is_some() && at_once {
            store.keep(bank, &Facts::default().remove(LATER))?;
        }
        if let Some(until) = until.filter(|_| !at_once) {
            return match post.changed.is_empty() {
                true => Err(ExchangeError::TooSoon {
                    name: name.clone(),
                    until,
                }),
                false => Ok(post.changed),
            };
        }
        post.send(&due)?;
        for one in &post.changed {
            let (by, entry, state) = (&*one.by, one.content_id, one.state.name());
            let (exchange, number) = (name.as_str(), one.number);
            tracing::info!(exchange, number, by, entry, state, "opinion told");
        }
        Ok(post.changed)
    }
}

/// Until when the other side does not want to be asked or told anything, if it is later than now.
fn waits_until(store: &BankStore, bank: BankId) -> Result<Option<u64>, ExchangeError> {
    let now = clock::now();
    let kept = store.fact(bank, LATER)?;
    let kept = kept.and_then(|value| value.try_into().ok());
    let told = kept.map(u64::from_be_bytes).filter(|&until| until > now);
    Ok(told.max(FetchState::of(store, bank)?.waits_until(now)))
}

/// Opinions on their way.
struct Post<'a> {
    store: &'a BankStore,
    bank: BankId,
    listener: Listener,
    client: Client,
    may_repeat: bool,
    observer: &'a dyn Observer,
    all: Vec<Feedback>,
    /// The reasons that there are, by the type of hash.
    reasons: BTreeMap<String, Answer>,
    changed: Vec<Feedback>,
}

impl Post<'_> {
    /// What was being sent when the program ended, and must not be sent twice, is uncertain now.
    fn look_after_a_crash(&mut self) -> Result<(), ExchangeError> {
        if self.may_repeat {
            return Ok(());
        }
        let sending = |one: &&mut Feedback| one.state == FeedbackState::Sending;
        for one in self.all.iter_mut().filter(sending) {
            let why = "the program ended while it was sent".to_owned();
            one.set(self.store, self.bank, FeedbackState::Uncertain, Some(why))?;
            self.changed.push(one.clone());
        }
        Ok(())
    }

    fn is_due(&self, one: &Feedback) -> bool {
        match one.state {
            FeedbackState::Waiting => true,
            FeedbackState::Sending => self.may_repeat,
            _ => false,
        }
    }

    /// The places of those to be sent: what was tried least comes first, so that one that always fails holds up nothing.
    fn due(&self) -> Vec<usize> {
        let all = self.all.iter().enumerate();
        let mut due: Vec<(u64, usize)> = all
            .filter(|(_, one)| self.is_due(one))
            .map(|(at, one)| (one.tries, at))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, at)| at).collect()
    }

    fn send(&mut self, due: &[usize]) -> Result<(), ExchangeError> {
        // Of those about the same the first goes first: the others wait for it.
        let mut queues: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        let mut in_order = due.to_vec();
        in_order.sort_unstable();
        for at in in_order {
            if let Some(one) = self.all.get(at) {
                let key = (one.said.record.clone(), one.said.kind.clone());
                queues.entry(key).or_default().push(at);
            }
        }
        let mut in_a_row = 0;
        for at in due {
            let Some(one) = self.all.get(*at) else {
                continue;
            };
            let key = (one.said.record.clone(), one.said.kind.clone());
            // Once for each turn of this queue: its first that is not at its end.
            let mut queue = queues.remove(&key).unwrap_or_default().into_iter();
            for first in queue.by_ref() {
                if self.observer.is_stopped() {
                    return Ok(());
                }
                let next = self.say(first)?;
                in_a_row = match next {
                    Next::On => 0,
                    Next::Failed => in_a_row + 1,
                    Next::Over => return Ok(()),
                };
                if in_a_row >= IN_A_ROW {
                    return Ok(());
                }
                if next == Next::Failed {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Sends one.
    fn say(&mut self, at: usize) -> Result<Next, ExchangeError> {
        let Some(one) = self.all.get(at) else {
            return Ok(Next::On);
        };
        let (mut one, said) = (one.clone(), one.in_place(&self.all));
        // Whatever comes of it: those that were tried less go before it the next time.
        one.tries += 1;
        let fate = match self.told(&said) {
            Err(fate) => fate,
            Ok(told) => {
                one.set(self.store, self.bank, FeedbackState::Sending, None)?;
                self.tell(&told)
            }
        };
        let Fate {
            state,
            problem,
            next,
            later,
        } = fate;
        one.set(self.store, self.bank, state, problem)?;
        if let Some(seconds) = later {
            let until = clock::now().saturating_add(seconds).to_be_bytes();
            self.store
                .keep(self.bank, &Facts::default().put(LATER, &until))?;
        }
        if let Some(kept) = self.all.get_mut(at) {
            kept.clone_from(&one);
        }
        self.changed.push(one);
        Ok(next)
    }

    /// The requests that tell it.
    fn told(&mut self, said: &Said) -> Result<Vec<Telling>, Fate> {
        let cannot = |error: crate::exchange::CannotSay| {
            Fate::new(FeedbackState::Refused, error.to_string(), Next::On)
        };
        let reasons = match self.listener.reasons(said).map_err(cannot)? {
            None => None,
            Some(_) if self.reasons.contains_key(&said.kind) => self.reasons.get(&said.kind),
            Some(ask) => {
                let stop = || self.observer.is_stopped();
                let answer = self.client.ask(&ask, &stop);
                // To ask twice does no harm.
                let answer = answer.map_err(|error| Fate::of(&error, true))?;
                match self.listener.hear_reasons(&answer) {
                    Heard::Taken => {}
                    Heard::Refused(why) => {
                        let why = format!("the reasons that there are cannot be asked for: {why}");
                        return Err(Fate::new(FeedbackState::Refused, why, Next::On));
                    }
                    Heard::Unheard(why) => {
                        return Err(Fate::new(FeedbackState::Waiting, why, Next::Over));
                    }
                    Heard::Unclear(why) => return Err(Fate::unclear(why, true)),
                }
                Some(&*self.reasons.entry(said.kind.clone()).or_insert(answer))
            }
        };
        self.listener.tell(said, reasons).map_err(cannot)
    }

    /// Sends the requests that tell one opinion; what came of it.
    fn tell(&self, told: &[Telling]) -> Fate {
        // What must not be sent twice is waited for to its end.
        let stop = || self.may_repeat && self.observer.is_stopped();
        let (mut taken, mut refused, mut left) = (0, Vec::new(), None);
        for telling in told {
            let answer = match self.client.ask(&telling.ask, &stop) {
                Ok(answer) => answer,
                Err(error) => return Fate::of(&error, self.may_repeat),
            };
            match self.listener.hear(&answer) {
                Heard::Taken => taken += usize::from(!telling.is_removal),
                Heard::Refused(why) if telling.is_removal => left = Some(why),
                Heard::Refused(why) => refused.push(why),
                Heard::Unheard(why) => {
                    return Fate::new(FeedbackState::Waiting, why, Next::Over);
                }
                Heard::Unclear(why) => return Fate::unclear(why, self.may_repeat),
            }
        }
        match (refused.pop(), taken) {
            (None, _) => {
                let left = left
                    .map(|why| format!("what was said before may not have been taken back: {why}"));
                Fate::new(FeedbackState::Sent, left, Next::On)
            }
            (Some(why), 0) => Fate::new(FeedbackState::Refused, why, Next::On),
            (Some(why), taken) => {
                let why = format!("{taken} of its parts were told, and others refused: {why}");
                Fate::new(FeedbackState::Refused, why, Next::On)
            }
        }
    }
}
