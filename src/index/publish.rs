//! Publishing: a new generation beside the old one, then the manifest, then tidying up.
//!
//! ```text
//! take the lock; remove what stopped publishers left
//! write the segment under a temporary name; sync it; rename it; sync the folder
//! write the manifest under a temporary name; sync it; rename it over the old one; sync the folder
//! remove the segments that the manifest no longer names
//! ```
//! Stopped anywhere, the folder holds the old generation or the new one.

use crate::bank::{Bank, BankId, UnreadPolicy};
use crate::clock::Clock;
use crate::files::{Lock, LockError, ReplaceError, create_folder, rename, replace_by};
use crate::index::folder::{self, Kind, LOCK_FILE, TEMPORARY};
use crate::index::manifest::{MANIFEST_FILE, Manifest, SegmentRecord, segment_name};
use crate::index::{Carried, FactRecord, PublishError};
use crate::segment::{LINEAR_BELOW, SegmentBuilder};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// How to publish.
#[derive(Clone, Copy)]
pub struct PublishOptions<'a> {
    /// The version to record in the manifest: this crate's, unless set.
    pub program_version: &'a str,
    /// The revision of the store that the records come from; readers find it in
    /// [`IndexStats`](crate::index::IndexStats).
    pub store_revision: u64,
    /// A number that no other revision of this or any other store has, so that a later publisher
    /// can tell whether the generation is one of its own store; kept in the manifest.
    pub store_mark: Option<u64>,
    /// The number of the generation that must be in force when publishing begins, `None` for any:
    /// so whoever decided by a generation what to publish does not put it onto another.
    pub base: Option<u64>,
    /// What the records carry of their entries besides hashes; `None`: nothing.
    pub carried: Option<&'a Carried>,
    /// What gates do about uploads that pass, where a part of them was not looked at; `None`: nothing is said.
    pub unread: Option<UnreadPolicy>,
    /// Is told how far publishing has come, on the calling thread.
    pub progress: Option<&'a dyn Fn(Progress)>,
    /// Below how many distinct hashes a near type gets no tables and is scanned.
    pub linear_below: usize,
    /// How many records a segment is built of at most; more become several segments. This bounds
    /// the memory of publishing, which is some 100 bytes for each of them
    /// ([`PublishOptions::records_in`]).
    pub segment_records: u64,
    /// By which the manifest says when the generation was made.
    pub clock: Clock,
}

/// Memory that publishing takes at most for each record of a segment that it builds: some 100 bytes, and 80 more
/// for a hash that is of another form or has a reach.
const BYTES_A_RECORD: u64 = 180;
/// Segments are not made smaller than this for the sake of memory: each costs a search its part.
const FEWEST_RECORDS: u64 = 1 << 16;
/// 6.7 GB while publishing. From here on a search of two segments costs what one of both costs.
const SEGMENT_RECORDS: u64 = 1 << 26;

impl PublishOptions<'_> {
    /// How many records a segment may have so that publishing takes up to so many bytes of memory:
    /// at least 65,536.
    #[must_use]
    pub fn records_in(bytes: u64) -> u64 {
        (bytes / BYTES_A_RECORD).max(FEWEST_RECORDS)
    }
}

impl Default for PublishOptions<'_> {
    fn default() -> Self {
        Self {
            program_version: env!("CARGO_PKG_VERSION"),
            store_revision: 0,
            store_mark: None,
            base: None,
            carried: None,
            unread: None,
            progress: None,
            linear_below: LINEAR_BELOW,
            segment_records: SEGMENT_RECORDS,
            clock: Clock::system(),
        }
    }
}

/// How far publishing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it: records in [`Stage::Reading`], steps in [`Stage::Building`].
    pub done: u64,
    /// Of how much, where that is known.
    pub total: Option<u64>,
}

/// What a publisher does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Reading records.
    Reading,
    /// Sorting, and writing the segment.
    Building,
}

/// What was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The generation's number.
    pub generation: u64,
    /// Distinct hashes, summed over signal types and segments.
    pub hashes: u64,
    /// Pairs of a hash and a content item.
    pub postings: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of segments.
    pub segments: usize,
}

/// Records between two reports of progress.
const REPORT_EVERY: u64 = 1 << 16;

/// Builds one generation from all records and puts it in force.
///
/// Content items may come in any order, the records of one item one after the other; a hash that is
/// given twice for one content item counts once, with the greatest quality known. Every record's
/// bank must be among `banks`. The folder is created where it is not there. Readers that are open
/// keep their generation.
///
/// # Errors
/// [`PublishError`]; the generation that was in force stays.
pub fn publish<E, R: Into<FactRecord>>(
    folder: &Path,
    banks: &[Bank],
    records: impl Iterator<Item = Result<R, E>>,
    options: &PublishOptions<'_>,
) -> Result<Published, PublishError<E>> {
    let publisher = Publisher::begin(folder, options)?;
    let empty = || SegmentBuilder::new().linear_below(options.linear_below);
    let mut builder = empty();
    let mut segments = Vec::new();
    // A segment that is full is written, the rest goes into the next one.
    let written = read_records(&mut builder, banks, records, options, |full| {
        let number = segments.len() as u32;
        let full = std::mem::replace(full, empty());
        segments.push(publisher.write_segment(full, number, options)?);
        Ok(())
    });
    let written = written.and_then(|()| {
        if !builder.is_empty() {
            let number = segments.len() as u32;
            segments.push(publisher.write_segment(builder, number, options)?);
        }
        Ok(())
    });
    // A disk that is full must not stay so for the sake of segments that nobody will name.
    written.inspect_err(|_| {
        for segment in &segments {
            let _ = fs::remove_file(folder.join(&segment.file));
        }
    })?;
    publisher.finish(banks, segments, options)
}

/// Reads records into a builder. `full` is told of a builder that holds as many as a segment may
/// have, once the records of its last item are all in it.
pub(super) fn read_records<E, R: Into<FactRecord>>(
    builder: &mut SegmentBuilder,
    banks: &[Bank],
    records: impl Iterator<Item = Result<R, E>>,
    options: &PublishOptions<'_>,
    mut full: impl FnMut(&mut SegmentBuilder) -> Result<(), PublishError<E>>,
) -> Result<(), PublishError<E>> {
    let known: BTreeSet<BankId> = banks.iter().map(|bank| bank.id).collect();
    let report = |done| {
        if let Some(progress) = options.progress {
            progress(Progress {
                stage: Stage::Reading,
                done,
                total: None,
            });
        }
    };
    let (mut done, mut held, mut last) = (0, 0, None);
    for record in records {
        let FactRecord {
            record,
            facts,
            of_hash,
        } = record.map_err(PublishError::Source)?.into();
        if !known.contains(&record.bank) {
            return Err(PublishError::UnknownBank { bank: record.bank });
        }
        let item = Some((record.bank, record.content));
        if held >= options.segment_records && item != last {
            full(builder)?;
            held = 0;
        }
        held += 1;
        last = item;
        let (bank, content) = (record.bank, record.content);
        builder.add_known(&record.signal, bank, content, record.quality, of_hash);
        if options.carried.is_some() {
            builder.note(record.bank, record.content, facts);
        }
        done += 1;
        if done % REPORT_EVERY == 0 {
            report(done);
        }
    }
    report(done);
    Ok(())
}

/// One who holds the lock and knows the number of the generation to come.
pub(super) struct Publisher<'a> {
    folder: &'a Path,
    generation: u64,
    _lock: Lock,
}

impl<'a> Publisher<'a> {
    pub(super) fn begin<E>(
        folder: &'a Path,
        options: &PublishOptions<'_>,
    ) -> Result<Self, PublishError<E>> {
        let io = |source| PublishError::Io {
            path: folder.to_owned(),
            source,
        };
        create_folder(folder).map_err(io)?;
        let lock = Lock::take(&folder.join(LOCK_FILE)).map_err(|error| match error {
            LockError::Busy { path } => PublishError::Busy { lock: path },
            LockError::Open { path, source } | LockError::Lock { path, source } => {
                PublishError::Io { path, source }
            }
        })?;
        // A manifest that cannot be read is what publishing repairs: then the names of the
        // segments tell which numbers have been used.
        let mut last = Manifest::read(folder).map_or(0, |manifest| manifest.generation);
        if let Some(expected) = options.base
            && expected != last
        {
            return Err(PublishError::OtherBase {
                folder: folder.to_owned(),
                expected,
                got: last,
            });
        }
        for (path, name, kind) in folder::list(folder).map_err(io)? {
            match kind {
                Kind::Temporary => {
                    fs::remove_file(&path).map_err(|source| PublishError::Io { path, source })?
                }
                Kind::Segment => {
                    let number = name
                        .get(8..24)
                        .and_then(|hex| u64::from_str_radix(hex, 16).ok());
                    last = last.max(number.unwrap_or(0));
                }
                _ => {}
            }
        }
        let generation = last.checked_add(1).ok_or_else(|| {
            io(io::Error::other(
                "the generation numbers are used up; empty this folder",
            ))
        })?;
        Ok(Self {
            folder,
            generation,
            _lock: lock,
        })
    }

    /// Writes a segment, syncs it and gives it its name.
    pub(super) fn write_segment<E>(
        &self,
        builder: SegmentBuilder,
        number: u32,
        options: &PublishOptions<'_>,
    ) -> Result<SegmentRecord, PublishError<E>> {
        let file = segment_name(self.generation, number);
        let temporary = self.folder.join(format!("{file}{TEMPORARY}"));
        let mut report = |done, total| {
            if let Some(progress) = options.progress {
                progress(Progress {
                    stage: Stage::Building,
                    done,
                    total: Some(total),
                });
            }
        };
        let written = builder
            .write(&temporary, self.generation, &mut report)
            .map_err(PublishError::from)
            .and_then(|summary| self.rename(&temporary, &file).map(|()| summary));
        // A disk that is full must not stay so for the sake of half a file.
        let summary = written.inspect_err(|_| {
            let _ = fs::remove_file(&temporary);
        })?;
        Ok(SegmentRecord::of(file, &summary))
    }

    /// Gives a synced file its name, and waits until the folder is on the disk.
    fn rename<E>(&self, temporary: &Path, name: &str) -> Result<(), PublishError<E>> {
        let path = self.folder.join(name);
        rename(temporary, &path).map_err(|source| PublishError::Io { path, source })
    }

    /// Puts the generation in force.
    pub(super) fn finish<E>(
        self,
        banks: &[Bank],
        segments: Vec<SegmentRecord>,
        options: &PublishOptions<'_>,
    ) -> Result<Published, PublishError<E>> {
        let carried = options.carried.cloned().unwrap_or_default();
        let manifest = Manifest {
            format: Manifest::format_for(banks, &carried, options.unread),
            generation: self.generation,
            created_at: options.clock.now(),
            program_version: options.program_version.to_owned(),
            store_revision: options.store_revision,
            store_mark: options.store_mark,
            carried,
            unread: options.unread,
            banks: banks.to_vec(),
            segments,
        };
        let temporary = self.folder.join(format!("{MANIFEST_FILE}{TEMPORARY}"));
        let path = self.folder.join(MANIFEST_FILE);
        replace_by(&temporary, &path, true, |file| {
            file.write_all(&manifest.to_bytes()?)
        })
        .map_err(|ReplaceError { path, source, .. }| PublishError::Io { path, source })?;
        let keep: Vec<String> = manifest.segments.iter().map(|s| s.file.clone()).collect();
        if let Err(error) = folder::tidy(self.folder, &keep) {
            // The generation is in force; the next publisher tidies up.
            tracing::warn!(folder = %self.folder.display(), %error, "stale index files stay");
        }
        let types = || manifest.segments.iter().flat_map(|segment| &segment.types);
        Ok(Published {
            generation: self.generation,
            hashes: types().map(|part| part.hashes).sum(),
            postings: types().map(|part| part.postings).sum(),
            bytes: manifest.segments.iter().map(|segment| segment.bytes).sum(),
            segments: manifest.segments.len(),
        })
    }
}
