//! Floor 7: the gate over HTTP, for services that cannot link it.
//!
//! `hashgate serve` is this room with arguments. It owns listeners, who may call, requests and answers, and the bounded
//! pool of threads that looks at uploads. It follows a published index folder, as any gate does. With the role
//! `curate` it keeps banks too, by the room [`curation`](crate::curation). It refuses to decide (that is
//! [`gate`](crate::gate)), to fetch what an address names, and to write a hash, a query or a key into its log.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `settings`, `collector` | what an operator can set: `[service]` of a file, and flags over it |
//! | `unusable` | why it cannot be |
//! | `server` | listeners, connections, stopping |
//! | `follow` | the index that is published, within a second |
//! | `curator` | the banks, where this node keeps them (feature `curation`) |
//! | `fetching` | when exchanges are fetched, where this node keeps banks (feature `curation`) |
//! | `jobs`, `lists` | what takes long beside it; lists that are uploaded (feature `curation`) |
//! | `pool` | the threads that look at uploads, and the queue before them |
//! | `body` | what a request brings, within limits |
//! | `door`, `ids`, `caller` | what holds for every request: its id, who calls, what every answer says |
//! | `keys`, `ring` | the file of keys; the keys in force, and how often each calls |
//! | `tls` | certificates of TCP listeners (feature `tls`) |
//! | `busy`, `heard` | what of a connection is under way; who does not read an answer |
//! | `client`, `asking`, `sending` | a small client of another node; the same for commands, and for pictures that they add (feature `curation`) |
//! | `decided` | decisions that are on the disk before their answers are given |
//! | `clients` | what is answered otherwise for clients that break on what HMA answers |
//! | `switches` | which kinds of hash are asked about on HMA's paths |
//! | `fault` | what is answered where there is no answer |
//! | `metrics` | what is counted and timed |
//! | `span`, `traces` | the parts of a request, for the log; for a collector of traces (feature `otlp`) |
//! | `v1` | our own paths |
//! | `hma` | the paths of Hasher-Matcher-Actioner, as its clients call them |

#[cfg(feature = "curation")]
pub(crate) mod asking;
mod body;
mod busy;
mod caller;
pub(crate) mod client;
mod clients;
mod collector;
#[cfg(feature = "curation")]
mod curator;
mod decided;
mod door;
mod fault;
#[cfg(feature = "curation")]
mod fetching;
mod follow;
mod handing;
mod heard;
mod hma;
mod ids;
#[cfg(feature = "curation")]
mod jobs;
mod keys;
#[cfg(feature = "curation")]
mod lists;
mod metrics;
mod pool;
mod ring;
#[cfg(feature = "curation")]
pub(crate) mod sending;
mod server;
mod settings;
mod span;
mod state;
mod switches;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "otlp")]
mod traces;
mod unusable;
mod uploads;
mod v1;

pub use clients::{ExactDistance, HmaMetadata, LowQuality};
pub use collector::Collector;
/// What a node that keeps banks is asked and tells, for its clients.
#[cfg(feature = "curation")]
pub(crate) mod told {
    pub(crate) use crate::service::jobs::{Step, Told};
    pub(crate) use crate::service::v1::curation::banks::Deleted;
    pub(crate) use crate::service::v1::curation::items::{Entries, Page, TurnedEntries};
    pub(crate) use crate::service::v1::curation::keeping::{Audited, PublishRequest, PublishTold};
}

pub use keys::{Key, KeyError, KeyFile};
pub use server::{Bound, Checked, ServiceError, check, serve};
pub use settings::{Listen, Listener, Role, Settings, SettingsFile};
#[cfg(feature = "otlp")]
pub(crate) use traces::Traces;
pub use unusable::SettingsError;
