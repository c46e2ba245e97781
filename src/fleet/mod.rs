//! Floor 6: generations that reach other machines through an object store.
//!
//! A publisher puts the files of a generation into a bucket, by the SHA-256 of their content, and then says by one signed
//! object, `HEAD`, which of them make up the index. Followers read `HEAD`, fetch what they lack, and put it in force in a
//! folder of their own, which gates map and follow as any other. This room owns that: [`Place`], [`send`] and
//! [`Follower`]. It refuses to know banks, and to believe a bucket: what is not signed by a known key, is older than what was
//! seen, or has another content than was signed, does not come in.
//!
//! # What lies in a bucket
//! | object | what it is |
//! | --- | --- |
//! | `HEAD` | a line of JSON, then minisign's signature of that line: see [`Head`] |
//! | `blobs/SHA256` | a file of a generation: its manifest, or a segment |
//! | `probe/…` | made and removed, to see whether the store keeps its conditions |
//!
//! # What holds
//! - `HEAD` is changed by compare-and-swap. A store that takes a second object under one name where it was told that there
//!   is none is refused: there two publishers would overwrite each other in silence.
//! - Sequences grow, per key. Whoever wants an older generation in force again publishes it under a new sequence.
//! - A `HEAD` expires. A follower goes on answering by it and says so: a bucket that no longer changes may be one that
//!   somebody keeps from changing.
//! - Files that no `HEAD` names any more go after a time of grace, so that a follower that is slow finds them.

mod error;
mod follow;
mod head;
mod local;
mod objects;
mod place;
mod send;

pub use error::FleetError;
pub use follow::{FollowOptions, Followed, Follower};
pub use head::{FileRecord, Head, Retired};
pub use place::Place;
pub use send::{SendOptions, Sent, send};

#[cfg(test)]
mod tests;
