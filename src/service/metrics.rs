//! What is counted and timed, as Prometheus reads it at `/metrics`.
//!
//! Labels are paths as they are served, statuses, words of this program, and the names of exchanges, of which there are 256 at
//! most: never a hash, a key or anything that a caller made up, so that their number is bounded and they tell nothing.

use crate::gate::Verdict;
use crate::service::handing::Standing;
use axum::http::StatusCode;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    path: String,
    status: String,
    /// The word of the fault, or nothing.
    refused: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPath {
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    outcome: &'static str,
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    stage: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[cfg_attr(
    not(feature = "curation"),
    allow(dead_code, reason = "a node that keeps no banks fetches nothing")
)]
struct OfExchange {
    exchange: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[cfg_attr(
    not(feature = "curation"),
    allow(dead_code, reason = "a node that keeps no banks fetches nothing")
)]
struct Fetched {
    exchange: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[cfg_attr(
    not(feature = "curation"),
    allow(dead_code, reason = "a node that keeps no banks fetches nothing")
)]
struct Brought {
    exchange: String,
    what: &'static str,
}

type Number = Gauge<f64, AtomicU64>;

/// What the fetches of an exchange came to.
#[cfg(feature = "curation")]
#[derive(Debug, Clone)]
pub(super) struct ExchangeNow {
    pub(super) name: String,
    /// When all was fetched last: seconds since 1970-01-01 UTC; 0: never.
    pub(super) succeeded_at: u64,
    pub(super) alarms: usize,
}

/// How long the parts of a check took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// The body's arrival.
    pub(super) body: Duration,
    /// Waiting for a thread.
    pub(super) queue: Duration,
    /// Decoding, hashing, searching and deciding.
    pub(super) work: Duration,
}

/// What is so at this moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) ready: bool,
    /// 0: there is none.
    pub(super) generation: u64,
    pub(super) age: Option<Duration>,
    pub(super) waiting: usize,
    pub(super) at_work: usize,
    pub(super) bodies: u64,
    pub(super) log_failed: bool,
    /// Hashes of uploads on their way to the node that keeps the banks.
    pub(super) uploads: Standing,
}

/// All that is counted.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<OfPath, Histogram>,
    checks: Family<Judged, Counter>,
    stages: Family<Stage, Histogram>,
    ready: Number,
    generation: Number,
    age: Number,
    waiting: Number,
    at_work: Number,
    bodies: Number,
    log_failed: Number,
    uploads_waiting: Number,
    uploads_handed: Counter,
    uploads_dropped: Counter,
    #[cfg_attr(
        not(feature = "curation"),
        allow(dead_code, reason = "a node that keeps no banks fetches nothing")
    )]
    exchange_succeeded: Family<OfExchange, Number>,
    #[cfg_attr(
        not(feature = "curation"),
        allow(dead_code, reason = "a node that keeps no banks fetches nothing")
    )]
    exchange_alarms: Family<OfExchange, Number>,
    #[cfg_attr(
        not(feature = "curation"),
        allow(dead_code, reason = "a node that keeps no banks fetches nothing")
    )]
    exchange_fetches: Family<Fetched, Counter>,
    #[cfg_attr(
        not(feature = "curation"),
        allow(dead_code, reason = "a node that keeps no banks fetches nothing")
    )]
    exchange_records: Family<Brought, Counter>,
}

/// From half a millisecond to half a minute.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("hashgate");
        let requests = Family::<Answered, Counter>::default();
        let seconds = Family::<OfPath, Histogram>::new_with_constructor(times);
        let checks = Family::<Judged, Counter>::default();
        let stages = Family::<Stage, Histogram>::new_with_constructor(times);
        registry.register(
            "requests",
            "Answers by path and status, and why there was none",
            requests.clone(),
        );
        registry.register(
            "request_seconds",
            "From a request's header to its answer",
            seconds.clone(),
        );
        registry.register(
            "checks",
            "Uploads judged, by outcome and by the action in a word",
            checks.clone(),
        );
        registry.register(
            "check_stage_seconds",
            "Parts of a check: the body's arrival, waiting for a thread, work",
            stages.clone(),
        );
        let mut number = |name: &str, help: &str| {
            let number = Number::default();
            registry.register(name, help, number.clone());
            number
        };
        let ready = number("ready", "1 where uploads can be judged");
        let generation = number(
            "index_generation",
            "Generation of the index in force; 0: none",
        );
        let age = number(
            "index_age_seconds",
            "Since the index in force was published; -1: not known",
        );
        let waiting = number("queue_waiting", "Uploads and hashes that wait for a thread");
        let at_work = number(
            "threads_at_work",
            "Threads that look at uploads and hashes now",
        );
        let log_failed = number(
            "decision_log_failed",
            "1 while decisions cannot be written, so that nothing that matches is answered",
        );
        let bodies = number("body_memory_bytes", "Memory that bodies take now");
        let uploads_waiting = number(
            "uploads_waiting",
            "Judged uploads whose hashes wait to be handed to the node that remembers them",
        );
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let uploads_handed = counter(
            "uploads_handed",
            "Judged uploads whose hashes were handed on",
        );
        let uploads_dropped = counter(
            "uploads_dropped",
            "Judged uploads whose hashes were not handed on, and will not be",
        );
        let exchange_succeeded = Family::<OfExchange, Number>::default();
        registry.register(
            "exchange_succeeded_timestamp_seconds",
            "When all was fetched last that the other side of an exchange had, since 1970-01-01 UTC; 0: never",
            exchange_succeeded.clone(),
        );
        let exchange_alarms = Family::<OfExchange, Number>::default();
        registry.register(
            "exchange_alarms",
            "What somebody should look at: `hashgate exchange status` tells it",
            exchange_alarms.clone(),
        );
        let exchange_fetches = Family::<Fetched, Counter>::default();
        registry.register(
            "exchange_fetches",
            "Fetches of exchanges, by how they ended",
            exchange_fetches.clone(),
        );
        let exchange_records = Family::<Brought, Counter>::default();
        registry.register(
            "exchange_records",
            "Records that exchanges brought, by what became of them",
            exchange_records.clone(),
        );
        Self {
            exchange_succeeded,
            exchange_alarms,
            exchange_fetches,
            exchange_records,
            requests,
            seconds,
            checks,
            stages,
            ready,
            generation,
            age,
            waiting,
            at_work,
            bodies,
            log_failed,
            uploads_waiting,
            uploads_handed,
            uploads_dropped,
            registry,
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub(super) fn answered(
        &self,
        path: &str,
        status: StatusCode,
        refused: Option<&'static str>,
        took: Duration,
    ) {
        let path = path.to_owned();
        let labels = OfPath { path: path.clone() };
        self.seconds
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        let labels = Answered {
            path,
            status: status.as_str().to_owned(),
            refused: refused.unwrap_or(""),
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// Counts a verdict.
    pub(super) fn judged(&self, verdict: &Verdict, action: &'static str, parts: Parts) {
        let outcome = verdict.outcome.name();
        self.checks.get_or_create(&Judged { outcome, action }).inc();
        for (stage, took) in [
            ("body", parts.body),
            ("queue", parts.queue),
            ("work", parts.work),
        ] {
            let stage = self.stages.get_or_create(&Stage { stage, outcome });
            stage.observe(took.as_secs_f64());
        }
    }

    /// Tells how all exchanges stand; those that are gone are told no more.
    #[cfg(feature = "curation")]
    pub(super) fn exchanges(&self, now: &[ExchangeNow]) {
        self.exchange_succeeded.clear();
        self.exchange_alarms.clear();
        for one in now {
            let exchange = one.name.clone();
            let of = OfExchange { exchange };
            (self.exchange_succeeded.get_or_create(&of)).set(one.succeeded_at as f64);
            (self.exchange_alarms.get_or_create(&of)).set(one.alarms as f64);
        }
    }

    /// Counts a fetch, and what it brought: words with numbers.
    #[cfg(feature = "curation")]
    pub(super) fn fetched(
        &self,
        exchange: &str,
        outcome: &'static str,
        brought: &[(&'static str, u64)],
    ) {
        let exchange = exchange.to_owned();
        for (what, count) in brought {
            let exchange = exchange.clone();
            let of = Brought { exchange, what };
            self.exchange_records.get_or_create(&of).inc_by(*count);
        }
        let of = Fetched { exchange, outcome };
        self.exchange_fetches.get_or_create(&of).inc();
    }

    /// All of it as text.
    ///
    /// # Errors
    /// Where it cannot be written: a defect.
    pub(super) fn text(&self, now: &Now) -> Result<String, std::fmt::Error> {
        let of = |number: u64| number as f64;
        self.ready.set(f64::from(u8::from(now.ready)));
        self.generation.set(of(now.generation));
        self.age.set(now.age.map_or(-1.0, |age| age.as_secs_f64()));
        self.waiting.set(of(now.waiting as u64));
        self.at_work.set(of(now.at_work as u64));
        self.bodies.set(of(now.bodies));
        self.log_failed.set(f64::from(u8::from(now.log_failed)));
        let uploads = now.uploads;
        self.uploads_waiting.set(of(uploads.waiting));
        for (counter, now) in [
            (&self.uploads_handed, uploads.handed),
            (&self.uploads_dropped, uploads.dropped),
        ] {
            counter.inc_by(now.saturating_sub(counter.get()));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
