//! Floor 6: what is kept of uploads that were judged, and what comes of it later.
//!
//! This room owns the [`Recorder`], which writes down decisions and, where that is asked for, hashes of
//! uploads; the rule which hashes of an upload are kept; the settings of that history (`history`); and
//! `Retro`, which holds entries that arrived later against the kept hashes. It refuses to decide about an
//! upload (that is `gate`) and to know a terminal.
//!
//! | what | needs |
//! | --- | --- |
//! | writing decisions to a log | nothing |
//! | the sources of the entries that matched; keeping hashes of uploads; `history` | feature `store` |
//! | `Retro` | feature `curation` |
//!
//! # What is kept of an upload?
//!
//! Nothing, unless someone has begun a history (`history::begin`) and a scan asks for it. Then, of each
//! upload that was judged: its hashes, its size, when it was judged and what was decided, and its name
//! where the history's settings and the [`RecorderOptions`] both allow names. Never the picture, nor how
//! sure each bit of a hash is: hash and weights together would be a small picture.
//!
//! Of the hashes the most telling come first, up to the number that the settings allow:
//!
//! 1. digests (MD5, SHA-1, SHA-256) of the file's bytes;
//! 2. hashes of the picture itself: as stored, as displayed, turned, mirrored;
//! 3. hashes of guesses at an original.
//!
//! A hash that was fitted to one entry is left out: it says nothing about other entries.

mod error;
#[cfg(feature = "store")]
pub mod history;
mod kept;
#[cfg(feature = "curation")]
mod news;
mod recorder;
#[cfg(feature = "store")]
mod remember;
#[cfg(feature = "curation")]
mod retro;
#[cfg(feature = "store")]
mod sources;

pub use error::RecordError;
#[cfg(feature = "curation")]
pub use error::RetroError;
#[cfg(feature = "store")]
pub use kept::kept_hashes;
pub use kept::kept_queries;
#[cfg(feature = "curation")]
pub use news::{News, Since, WhyAll};
pub use recorder::{Recorder, RecorderOptions};
#[cfg(feature = "curation")]
pub use retro::{Doubt, Found, Held, Retro, RetroOptions, RetroSummary};
#[cfg(feature = "store")]
pub use sources::NoSources;
