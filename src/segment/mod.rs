//! Floor 2: the immutable, mapped file that an index is made of.
//!
//! This room owns the byte layout of a segment ([`FORMAT.md`](mod@format)), its [`SegmentBuilder`],
//! its reader [`Segment`] and [`Segment::verify`]. A segment once written is never changed. This
//! room refuses to search (that is `index`) and to know which segments make up a generation (that
//! is the manifest, also `index`).
//!
//! What comes from a file is never trusted: structure is checked when a segment is opened, every
//! byte by [`Segment::verify`], and every access in between is bounds-checked. Damage can make an
//! answer wrong until `verify` names it; it cannot make the program panic or read out of bounds.

mod build;
mod error;
mod facts;
pub mod format;
mod implied;
mod memory;
mod mmap;
mod near;
mod packed;
mod permutation;
mod postings;
mod reader;
mod tables;
mod verify;
mod writer;

pub use build::{BuildError, SegmentBuilder, SegmentSummary, TypeSummary};
pub use error::SegmentError;
pub use facts::{Facts, HashFacts};
pub use mmap::Memory;
pub use near::NearView;
pub use permutation::Permutation;
pub use postings::{Posting, Postings};
pub use reader::{DigestView, Segment};

/// Segments with fewer distinct hashes of a near type than this carry no tables: they are scanned.
pub const LINEAR_BELOW: usize = 8192;
