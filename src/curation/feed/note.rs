//! What a home knows of the feeds that it sent, so that no sequence is given twice whatever lies at the place.

use crate::curation::feed::FeedError;
use crate::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// What this home knows of a feed that it sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    /// The highest sequence.
    pub(super) sequence: u64,
    /// The SHA-256 of the head that was sent last.
    pub(super) head: String,
    /// The store's revision that it shows, and what tells that from every other.
    pub(super) revision: u64,
    pub(super) mark: Option<u64>,
    /// Entries of the feed.
    pub(super) items: u64,
}

/// By key and name.
pub(super) type Notes = BTreeMap<String, Sent>;

pub(super) fn read_notes(path: &Path) -> Result<Notes, FeedError> {
    let failed = |problem: String| FeedError::Note {
        path: path.to_owned(),
        problem,
    };
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Notes::new()),
        Err(error) => Err(failed(error.to_string())),
    }
}

pub(super) fn write_notes(path: &Path, notes: &Notes) -> Result<(), FeedError> {
    Ok(files::replace(path, |new| {
        Ok(serde_json::to_writer(new, notes)?)
    })?)
}
