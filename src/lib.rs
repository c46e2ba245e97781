//! hashgate: a perceptual-hash matching engine for known abusive media.
//!
//! A platform asks hashgate about each upload before anyone else can see it. hashgate decodes the
//! upload within limits, computes its hashes, looks them up in banks of known hashes by Hamming
//! distance, and answers with a [`Verdict`](gate::Verdict): block, review, report, nothing known,
//! or why it could not be judged. It works on hashes only and keeps no picture.
//!
//! # Quick start
//!
//! The command `hashgate publish` writes an index folder. An upload service opens it and asks:
//!
#![cfg_attr(feature = "decode", doc = "```no_run")]
#![cfg_attr(not(feature = "decode"), doc = "```ignore")]
//! use hashgate::gate::Gate;
//!
//! let gate = Gate::open("index")?;
//! let upload = std::fs::read("upload.jpg")?;
//! let verdict = gate.check(&upload);
//! if verdict.passes() {
//!     println!("let it pass");
//! } else {
//!     println!("{}, {}: {:?}", verdict.outcome, verdict.action_name(), verdict.error());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A service needs no more than the default features: `decode`, which brings no C and no C++.
//!
//! # The rooms
//!
//! | module | what it owns |
//! | --- | --- |
//! | [`files`] | private folders and files, the writer's lock, replacing a file as a whole |
//! | [`clock`] | the time, and the calendar |
//! | [`watch`] | who is told how far a long operation has come, and may stop it |
//! | [`guard`] | calls whose panic is the outcome of one input |
//! | [`rules`] | the limits of evidence, where each comes from, and their version |
//! | [`hash`] | the values: PDQ hashes, 64-bit hashes, digests, their types, distances, quality |
//! | [`bank`] | banks, policies, content items, as plain values |
//! | [`hamming`] | distances, by kernels for the machine at hand |
//! | [`signal`] | pixels or bytes to hashes |
//! | `media` | bytes to pixels, within limits (feature `decode`) |
//! | [`segment`] | the immutable, mapped index file |
//! | [`index`] | a generation of segments: exact search, publishing, hot reload |
//! | [`hashset`] | hash lists, format by format |
//! | [`gate`] | bytes in, verdict out |
//! | `policy` | the policy file: read, checked, laid over banks (feature `policy`) |
//! | [`curation`] | the workspace folder, and what is done to banks |
//! | [`decisions`] | the log of decisions: explained, chained, replayed |
//! | [`retrospect`] | what is kept of uploads, and entries that arrive later held against it |
//! | [`handover`] | matches handed over: the report, and the channels by country |
//! | `store` | the store of record, on RocksDB (feature `store`) |
//! | `evaluate` | how much is found, and how much flagged wrongly (feature `evaluate`) |
//! | `measure` | figures of speed, each held against the truth (feature `cli`) |
//! | `trust` | keys that vouch for what others bring (features `curation`, `fleet`) |
//! | `fleet` | generations through an object store (feature `fleet`) |
//! | `service` | the gate over HTTP (feature `service`) |
//! | `scan`, `cli` | the batch pipeline and the command (feature `cli`) |
//!
//! ARCHITECTURE.md tells how they fit together and why.

// A reader that has left must not stop the work: output goes through writers whose errors are seen.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod bank;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod curation;
pub mod decisions;
#[cfg(feature = "evaluate")]
pub mod evaluate;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod files;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod gate;
pub mod guard;
pub mod hamming;
pub mod handover;
pub mod hash;
pub mod hashset;
pub mod index;
#[cfg(feature = "cli")]
pub mod measure;
#[cfg(feature = "decode")]
pub mod media;
pub(crate) mod pages;
#[cfg(feature = "policy")]
pub mod policy;
pub mod retrospect;
pub mod rules;
#[cfg(feature = "scan")]
pub mod scan;
// Public for tests and benches: `index` re-exports what belongs to the interface.
#[doc(hidden)]
pub mod segment;
#[cfg(feature = "service")]
pub mod service;
pub mod signal;
#[cfg(feature = "store")]
pub mod store;
#[cfg(any(feature = "curation", feature = "fleet"))]
pub mod trust;
pub mod watch;
#[cfg(feature = "exchange")]
pub mod web;

/// The Rust of the documents, compiled as tests.
#[cfg(all(doctest, feature = "decode"))]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}
    #[doc = include_str!("../docs/src/library.md")]
    mod library {}
}
