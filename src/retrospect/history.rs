//! Whether hashes of uploads are kept, for how long, and what is.

use crate::store::{History, HistoryError, HistorySettings};
use serde::Serialize;
use std::path::Path;

/// Most hashes of an upload that are kept unless more are asked for: its digests, and the picture as
/// stored, displayed, turned and mirrored.
pub const USUAL_HASHES: u32 = 16;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Kept {
    /// Days after which an upload is forgotten.
    pub days: u32,
    /// Most hashes of one upload.
    #[serde(rename = "hashes_an_upload")]
    pub most_hashes: u32,
    /// Whether uploads' names are kept.
    pub names: bool,
    /// Uploads that are kept and not expired.
    pub uploads: u64,
    /// Their hashes.
    pub hashes: u64,
    /// When the oldest of them was judged: seconds since 1970-01-01 UTC.
    pub oldest: Option<u64>,
    /// When the newest of them was judged.
    pub newest: Option<u64>,
    /// Up to which revision of the store all of them have been held against the entries.
    pub base_revision: Option<u64>,
}

/// Begins to keep hashes of uploads in a folder, or changes for how long and how much; what is expired by
/// that is deleted. Says how many uploads that were.
///
/// # Errors
/// [`HistoryError::Setting`] where a setting is out of its bounds; as [`show`].
pub fn begin(folder: &Path, settings: HistorySettings, now: u64) -> Result<u64, HistoryError> {
    History::begin(folder, settings)?.purge(now, false)
}

/// What is kept in a folder; `None` where nothing is.
///
/// # Errors
/// Where another process has it open, other users may enter it, or it is damaged.
pub fn show(folder: &Path, now: u64) -> Result<Option<Kept>, HistoryError> {
    let history = match History::open(folder, now) {
        Err(HistoryError::Off { .. }) => return Ok(None),
        history => history?,
    };
    let settings = history.settings();
    let mut kept = Kept {
        days: settings.days,
        most_hashes: settings.hashes,
        names: settings.names,
        uploads: 0,
        hashes: 0,
        oldest: None,
        newest: None,
        base_revision: history.base().map(|base| base.revision),
    };
    for upload in history.uploads(now)? {
        let upload = upload?;
        kept.uploads += 1;
        kept.hashes += upload.hashes.len() as u64;
        kept.oldest = kept.oldest.or(Some(upload.at));
        kept.newest = Some(upload.at);
    }
    Ok(Some(kept))
}

/// Deletes what is expired, or all; says how many uploads that were.
///
/// # Errors
/// [`HistoryError::Off`] where nothing is kept; as [`show`].
pub fn purge(folder: &Path, all: bool, now: u64) -> Result<u64, HistoryError> {
    History::open_purging(folder, now, all).map(|(_, purged)| purged)
}

/// Keeps nothing any more, and deletes all that was kept, the settings too. Says whether anything was kept.
///
/// # Errors
/// [`HistoryError::Locked`]; where it cannot be deleted.
pub fn end(folder: &Path) -> Result<bool, HistoryError> {
    History::end(folder)
}
