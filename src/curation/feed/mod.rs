//! Feeds: a bank published for others as signed files that any static hosting can serve, and that are followed.
//!
//! Owned here: the form, which files a publication makes, and in which order.
//! A feed is a small signed *head*, a signed bundle with all entries, and *deltas*: what was added, changed and taken back since.
//! Refuses to know where the files lie ([`Shelf`]), and what a subscriber does with them (`exchange`, the kind `bundle`).
//!
//! | file | what it owns |
//! | --- | --- |
//! | `head` | the head: its form, its signature, the way from one state to the next |
//! | `digest` | what names the files |
//! | `error` | why a feed was not published |
//! | `rows` | the entries that were published last, read from the bundle and the deltas behind it |
//! | `shelf` | where a feed's files lie, and a folder as such a place |
//! | `note` | what this home sent |
//! | `send` | publishing |
//!
//! # What lies at the place?
//!
//! | file | what it is |
//! | --- | --- |
//! | `NAME.feed` | the head: a line of JSON ([`FeedHead`]), then minisign's signature of that line |
//! | `NAME.files/SHA256.bundle` | a signed bundle with all entries of one state |
//! | `NAME.files/SHA256.jsonl` | a delta: an entry a line as in a bundle, and `{"id":…,"status":"withdrawn"}` for each that is taken back |
//!
//! - The files are named by the SHA-256 of their bytes, which the head signs for. The head is written last, and as a whole.
//! - `sequence` grows with each head of a key and a name. `state` is the sequence of the head by which the entries changed last.
//! - The bundle may be of an earlier state: then the deltas behind it lead to this one. It is written anew where they have grown to a
//!   quarter of it.
//! - Files that no head names any more stay for a time of grace.
//! - Each entry has the number that it has in its publisher's bank, as `id`: by that it is changed and taken back.

mod digest;
mod error;
mod head;
mod note;
mod rows;
mod send;
mod shelf;

#[cfg(feature = "exchange")]
pub(in crate::curation) use digest::digest;
pub use error::FeedError;
pub use head::{FeedDelta, FeedFile, FeedHead, HeadError, RetiredFile};
pub use send::{FeedOptions, FeedOutcome, publish};
pub use shelf::{FolderShelf, Shelf, ShelfError};
