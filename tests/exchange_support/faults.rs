//! What can go wrong with an answer, and when: faults that are queued, each for the requests that it is meant for, and
//! faults that are drawn by chance from a seed.

use super::http::{Answer, Request};
use super::model::Random;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a server asks to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// `Retry-After: 3`.
    Seconds(u64),
    /// `Retry-After: Fri, 20 Oct 2017 00:00:00 GMT`: so many seconds from when it is asked.
    Date(u64),
}

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with this header, and a page for people.
    Status(u16, Option<Wait>),
    /// This answer and no other.
    Instead(Answer),
    /// Another address, with what was asked behind it: `http://127.0.0.1:1`.
    Redirect(u16, String),
    /// The connection is closed and nothing was said.
    Close,
    /// The length is right, half of the body comes, and the connection is closed.
    Cut,
    /// Half of the body, and the length says that this is all.
    Truncated,
    /// A tenth of the body, in its middle, is written over. Its beginning and its end are right, and so is the length.
    Garbled,
    /// A byte, this long, a byte.
    Slow(Duration),
    /// Like that, but what comes never ends: spaces, before the body.
    Endless(Duration),
    /// So many spaces before the body, which is right. Whether the length is said beforehand.
    Huge { spaces: u64, said: bool },
}

/// A fault, which requests it is for, and how often.
#[derive(Debug, Clone)]
pub struct Plan {
    pub fault: Fault,
    method: Option<String>,
    target: Option<String>,
    record: Option<String>,
    is_after: bool,
    /// None: for ever.
    times: Option<u32>,
    /// How many requests that it is for pass before it.
    pass: u32,
}

impl Plan {
    /// For the next request, whatever it is.
    pub fn once(fault: Fault) -> Self {
        Self {
            fault,
            method: None,
            target: None,
            record: None,
            is_after: false,
            times: Some(1),
            pass: 0,
        }
    }

    /// For so many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// For every request, until the faults are cleared.
    pub fn forever(mut self) -> Self {
        self.times = None;
        self
    }

    /// Not for the first so many of them.
    pub fn pass(mut self, requests: u32) -> Self {
        self.pass = requests;
        self
    }

    /// Only for requests of this method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only for requests with this in their path or query.
    pub fn target(mut self, part: &str) -> Self {
        self.target = Some(part.to_owned());
        self
    }

    /// Only for the page that has this record, by the name that the source gives it ([`super::Record::name`]). Such a
    /// fault comes after the source was asked.
    pub fn record(mut self, name: &str) -> Self {
        self.record = Some(name.to_owned());
        self.is_after = true;
        self
    }

    /// The source does what was asked of it, and only its answer is lost.
    pub fn after(mut self) -> Self {
        self.is_after = true;
        self
    }

    /// Whether the source is asked although this goes wrong.
    fn is_after(&self) -> bool {
        let by_nature = !matches!(
            self.fault,
            Fault::Status(..) | Fault::Instead(_) | Fault::Redirect(..) | Fault::Close
        );
        self.is_after || by_nature
    }

    /// Whether it is for such a request, as far as can be told without its answer.
    fn is_for(&self, request: &Request) -> bool {
        let method = self.method.as_deref();
        let target = self.target.as_deref();
        method.is_none_or(|method| method == request.method)
            && target.is_none_or(|part| request.target.contains(part))
    }

    /// Whether it is for the page that has these records.
    fn is_of(&self, answer: &Answer) -> bool {
        let record = self.record.as_ref();
        record.is_none_or(|name| answer.records.contains(name))
    }

    /// Whether it comes now. One that lets requests pass has let one more pass.
    fn is_due(&mut self) -> bool {
        let is_due = self.pass == 0;
        self.pass = self.pass.saturating_sub(1);
        is_due
    }
}

/// The faults of a server.
#[derive(Debug, Default)]
pub struct Faults {
    queue: VecDeque<Plan>,
    chance: Option<(Random, u64, Vec<Fault>)>,
    given: usize,
}

impl Faults {
    /// At the end of the queue.
    pub fn plan(&mut self, plan: Plan) {
        self.queue.push_back(plan);
    }

    /// So many of a thousand requests meet one of these, drawn from this seed.
    pub fn at_random(&mut self, seed: u64, per_mille: u64, faults: &[Fault]) {
        self.chance = Some((Random::new(seed), per_mille, faults.to_vec()));
    }

    /// Nothing goes wrong any more.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.chance = None;
    }

    /// How many requests met a fault.
    pub fn given(&self) -> usize {
        self.given
    }

    /// How many plans wait for their request. One that is for ever waits always.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// The fault of a request that the source was not asked about yet.
    pub(super) fn before(&mut self, request: &Request) -> Option<Fault> {
        for at in 0..self.queue.len() {
            let plan = self.queue.get_mut(at)?;
            if !plan.is_for(request) || plan.record.is_some() {
                continue;
            }
            if plan.is_after() {
                match plan.pass {
                    // It is its turn, once the source has answered.
                    0 => return None,
                    _ => continue,
                }
            }
            if plan.is_due() {
                return self.take(at);
            }
        }
        let (random, per_mille, faults) = self.chance.as_mut()?;
        if random.next() % 1000 >= *per_mille {
            return None;
        }
        let at = random.below(faults.len());
        let mut plan = Plan::once(faults.get(at)?.clone());
        // What can come before or after the source was asked comes either way.
        plan.is_after = random.below(2) == 0;
        if plan.is_after() {
            self.queue.push_front(plan.method(&request.method));
            return None;
        }
        self.given += 1;
        Some(plan.fault)
    }

    /// The fault of a request that the source has answered.
    pub(super) fn after(&mut self, request: &Request, answer: &Answer) -> Option<Fault> {
        for at in 0..self.queue.len() {
            let plan = self.queue.get_mut(at)?;
            let is_it = plan.is_after() && plan.is_for(request) && plan.is_of(answer);
            if is_it && plan.is_due() {
                return self.take(at);
            }
        }
        None
    }

    /// The fault of this plan, which may have been its last.
    fn take(&mut self, at: usize) -> Option<Fault> {
        let plan = self.queue.get_mut(at)?;
        let fault = plan.fault.clone();
        if let Some(times) = &mut plan.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.queue.remove(at);
            }
        }
        self.given += 1;
        Some(fault)
    }
}
