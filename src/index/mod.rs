//! Floor 3: the index: one generation of segments, searched exactly.
//!
//! This room owns the index folder: its manifest, what a generation is, publishing a new one
//! ([`publish`], [`publish_delta`]), opening one ([`Index`]), following along ([`IndexHandle`]), checking all
//! ([`verify`]), and the search itself, with its plan. It refuses to decide about an upload (that
//! is `gate`), to keep records (that is `store`) and to lay out bytes (that is `segment`).
//!
//! A search returns precisely what a brute-force scan over the generation's records would, in a
//! stated order: by distance, then bank, then content number, then the hash's bytes. It knows of
//! no policy: hits in disabled banks are hits, and the caller decides what they mean.
//!
//! ```
//! use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
//! use hashgate::hash::{Distance, Signal};
//! use hashgate::index::{Index, IndexRecord, PublishOptions, publish};
//! # let home = tempfile::tempdir()?;
//! # let folder = home.path().join("index");
//! let bank = Bank { id: BankId(1), name: "known".parse()?, policy: Policy::new(Action::Block) };
//! let signal: Signal = "phash:8f373714acfcf4d0".parse()?;
//! let record = IndexRecord { bank: bank.id, content: ContentId(7), signal, quality: None };
//! let records = [Ok::<_, std::io::Error>(record)];
//! let published = publish(&folder, &[bank], records.into_iter(), &PublishOptions::default())?;
//! assert_eq!((published.generation, published.hashes), (1, 1));
//!
//! let index = Index::open(&folder)?;
//! let query = "phash:8f373714acfcf4d7".parse()?;
//! let hits = index.search(&query, Distance(4));
//! assert_eq!((hits[0].content, hits[0].distance), (ContentId(7), Distance(3)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base;
mod batch;
mod carried;
mod collect;
mod copy;
mod delta;
mod error;
mod folder;
mod generation;
mod handle;
mod manifest;
mod memory;
mod near;
mod near_batch;
mod plan;
mod publish;
mod search;
mod verify;

pub use base::Base;
pub use carried::{Carried, FactRecord, TooManyLabels};
pub use copy::{AdoptError, Parts, adopt};
pub use delta::publish_delta;
pub use error::{IndexError, PublishError};
pub use generation::{Index, IndexStats, TypeStats};
pub use handle::IndexHandle;
pub use manifest::MANIFEST_FILE;
pub use near::{Strategy, Work};
pub use publish::{Progress, PublishOptions, Published, Stage, publish};
pub use search::{Limited, Scratch};
pub use verify::{VerifyReport, is_unpublished, verify};

pub use crate::segment::{BuildError, Facts, HashFacts, Memory, SegmentError};

use crate::bank::{BankId, ContentId};
use crate::hash::{Distance, Form, Quality, Reach, Signal};

/// One hash of one content item, as it goes into the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRecord {
    /// The bank that the content item is in.
    pub bank: BankId,
    /// The content item.
    pub content: ContentId,
    /// The hash.
    pub signal: Signal,
    /// Its PDQ quality, where known.
    pub quality: Option<Quality>,
}

/// One content item that a query met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hit {
    /// The bank that the content item is in.
    pub bank: BankId,
    /// The content item.
    pub content: ContentId,
    /// The hash that was met.
    pub signal: Signal,
    /// How far it is from the query; 0 for digests.
    pub distance: Distance,
    /// The hash's PDQ quality, where known.
    pub quality: Option<Quality>,
    /// Which form of the item the hash is of; `None` for the item as it was given.
    pub form: Option<Form>,
    /// How far out the hash may safely reach; `None` where it was not calibrated.
    pub reach: Option<Reach>,
}

impl Hit {
    /// What hits are ordered by.
    fn key(&self) -> (Distance, BankId, ContentId, Signal) {
        (self.distance, self.bank, self.content, self.signal)
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    /// By distance, then bank, then content number, then the hash's bytes.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.key().cmp(&other.key())).then_with(|| self.quality.cmp(&other.quality))
    }
}
