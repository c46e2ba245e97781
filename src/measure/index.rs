//! The temporary index of a measurement: one bank, in a folder that goes when it is done.

use super::error::{MeasureError, Stopped};
use super::watch::Watch;
use crate::bank::{Action, Bank, BankId, ContentId, Policy};
use crate::hash::{Quality, Signal};
use crate::index::{IndexRecord, PublishOptions, Published, publish};
use std::path::Path;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// A folder in `place` that is deleted when it is dropped.
pub(super) fn temporary(place: &Path) -> Result<TempDir, MeasureError> {
    tempfile::Builder::new()
        .prefix("hashgate-bench-")
        .tempdir_in(place)
        .map_err(|source| MeasureError::Temporary {
            path: place.to_owned(),
            source,
        })
}

/// Publishes these hashes as the content items 0, 1, 2 …
pub(super) fn build(
    folder: &Path,
    hashes: impl Iterator<Item = (Signal, Option<Quality>)>,
    watch: Watch<'_>,
) -> Result<Published, MeasureError> {
    build_items(folder, (0..).zip(hashes), watch)
}

/// Publishes hashes of numbered content items; those of an item come one after the other.
pub(super) fn build_items(
    folder: &Path,
    hashes: impl Iterator<Item = (u64, (Signal, Option<Quality>))>,
    watch: Watch<'_>,
) -> Result<Published, MeasureError> {
    let bank = Bank {
        id: BankId(1),
        name: "bench".parse()?,
        policy: Policy::new(Action::Review),
    };
    let records = hashes.map(|(number, (signal, quality))| {
        if watch.stop.load(Ordering::Relaxed) {
            return Err(Stopped);
        }
        Ok(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal,
            quality,
        })
    });
    Ok(publish(
        folder,
        &[bank],
        records,
        &PublishOptions::default(),
    )?)
}
