//! Servers that behave as the exchanges do, on loopback: NCMEC, StopNCII, ThreatExchange and Tech Against Terrorism.
//!
//! Each has a *model of the source* behind a lock, which a test changes while the server runs; a *record* of every
//! request; and *faults* that a test queues or has drawn by chance. What is served is synthetic: digits drawn from a seed.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `http` | connections, requests, answers, what is written down of them |
//! | `faults` | what can go wrong with an answer, and when |
//! | `model` | the source: what is put, withdrawn, or no longer appears; what is live |
//! | `client` | plain requests, and what came back as it came |
//! | `calendar` | dates as the interfaces write them |
//! | `ncmec`, `stop_ncii`, `threatexchange`, `tat` | one interface each |
//!
//! What each interface does that a client may stumble over stands at the top of its file. `tests/exchange_fakes.rs` holds
//! the servers to it, `tests/exchange_faults.rs` what goes wrong.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses its own part of it"
)]

pub mod calendar;
pub mod client;
pub mod faults;
pub mod http;
pub mod model;
pub mod ncmec;
pub mod stop_ncii;
pub mod tat;
pub mod threatexchange;

pub use faults::{Fault, Plan, Wait};
pub use http::{Answer, Request, Server, Site};
pub use model::{Hashes, Model, Random, Record};

/// What a server sent, or a panic that shows what it sent.
pub fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

/// A text as JSON writes it, in quotes.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as it stands between XML's tags or in quotes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
