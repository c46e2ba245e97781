//! Floor 7: the gate over HTTP, for services that cannot link it.
//!
//! `hashgate serve` is this room with arguments. It owns listeners, who may call, requests and answers, and the bounded
//! pool of threads that looks at uploads. It follows a published index folder, as any gate does. With the role
//! `curate` it keeps banks too, by the room [`curation`](crate::curation). It refuses to decide (that is
//! [`gate`](crate::gate)), to fetch what an address names, and to write a hash, a query or a key into its log.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `settings` | what an operator can set: `[service]` of a file, and flags over it |
//! | `unusable` | why it cannot be |
//! | `server` | listeners, connections, stopping |
//! | `follow` | the index that is published, within a second |
//! | `curator` | the banks, where this node keeps them (feature `curation`) |
//! | `jobs`, `lists` | what takes long beside it; lists that are uploaded (feature `curation`) |
//! | `pool` | the threads that look at uploads, and the queue before them |
//! | `body` | what a request brings, within limits |
//! | `door`, `ids`, `caller` | what holds for every request: its id, who calls, what every answer says |
//! | `keys`, `ring` | the file of keys; the keys in force, and how often each calls |
//! | `busy`, `heard` | what of a connection is under way; who does not read an answer |
//! | `client`, `asking`, `sending` | a small client of another node; the same for commands, and for pictures that they add (feature `curation`) |
//! | `decided` | decisions that are on the disk before their answers are given |
//! | `fault` | what is answered where there is no answer |
//! | `metrics` | what is counted and timed |
//! | `v1` | our own paths |
//! | `hma` | the paths of Hasher-Matcher-Actioner, as its clients call them |

#[cfg(feature = "curation")]
pub(crate) mod asking;
mod body;
mod busy;
mod caller;
pub(crate) mod client;
#[cfg(feature = "curation")]
mod curator;
mod decided;
mod door;
mod fault;
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
mod state;
mod unusable;
mod uploads;
mod v1;

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
pub use settings::{ExactDistance, Listen, Listener, LowQuality, Role, Settings, SettingsFile};
pub use unusable::SettingsError;
