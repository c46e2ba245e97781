//! Publishing what has changed: a small segment on top, and merging by a size-tiered rule.
//!
//! ```text
//! write what was added, and tombstones for what it replaces and what was removed
//! walk down from the newest segment: merge it in while it is not much larger than what has been
//!     merged so far, or while all of it together is small enough to be scanned; never into more
//!     than a segment may have
//! a merge leaves out what newer segments take out; one that reaches the oldest segment needs no
//!     tombstones any more
//! ```
//! So each segment is several times the size of all that lie above it, their number grows with
//! the logarithm of the index, and a hash is written again as many times at most.

use crate::bank::{Bank, BankId, ContentId};
use crate::hamming::Kernel;
use crate::index::manifest::SegmentRecord;
use crate::index::publish::{PublishOptions, Published, Publisher, read_records};
use crate::index::{FactRecord, Index, Memory, PublishError};
use crate::segment::{Posting, Segment, SegmentBuilder};
use std::collections::BTreeSet;
use std::path::Path;

/// A segment is merged while it is at most so many times as large as what lies above it.
const TIER: u64 = 4;

/// Builds a generation from the one in force and what has changed, and puts it in force.
///
/// `removed` names content items that no longer match. `added` holds **all** hashes of each
/// content item that it names: it replaces what the index had of that item in that bank. `banks`
/// is the whole list; content of a bank that it lacks no longer matches.
///
/// Costs time and bytes in proportion to the change, and now and then those of a merge, whose
/// memory is up to 100 bytes for each posting merged, and for
/// [`PublishOptions::segment_records`] postings at most.
///
/// # Errors
/// [`PublishError`]; the generation that was in force stays. [`PublishError::Base`] where there is
/// none or it is damaged: publish all records then. [`PublishError::OtherFacts`] where
/// [`PublishOptions::carried`] is not what it carries.
pub fn publish_delta<E, R: Into<FactRecord>>(
    folder: &Path,
    banks: &[Bank],
    added: impl Iterator<Item = Result<R, E>>,
    removed: impl IntoIterator<Item = (BankId, ContentId)>,
    options: &PublishOptions<'_>,
) -> Result<Published, PublishError<E>> {
    let publisher = Publisher::begin(folder, options)?;
    // Nothing is searched here, so any kernel will do.
    let base = Index::open_reusing(folder, Memory::Mmap, Kernel::Scalar, &[]);
    let base = base.map_err(PublishError::Base)?;
    if options.carried.cloned().unwrap_or_default() != base.manifest.carried {
        return Err(PublishError::OtherFacts {
            folder: folder.to_owned(),
        });
    }
    let mut builder = SegmentBuilder::new().linear_below(options.linear_below);
    let mut touched: BTreeSet<_> = removed.into_iter().collect();
    let noting = added.map(|record| record.map(R::into)).inspect(|record| {
        if let Ok(FactRecord { record, .. }) = record {
            touched.insert((record.bank, record.content));
        }
    });
    // One segment, however much has changed: publishing all is for changes that are large.
    read_records(&mut builder, banks, noting, options, |_| Ok(()))?;
    // Content numbers are given in ascending order: new content needs no tombstones.
    let greatest = base
        .segments
        .iter()
        .filter_map(|segment| segment.content_max())
        .max();
    for (bank, content) in touched {
        if greatest.is_some_and(|greatest| content.0 <= greatest) {
            builder.remove(bank, content);
        }
    }
    let kept = merge(&mut builder, &base, banks, options);
    let mut segments: Vec<SegmentRecord> =
        base.manifest.segments.iter().take(kept).cloned().collect();
    if !builder.is_empty() {
        segments.push(publisher.write_segment(builder, 0, options)?);
    }
    publisher.finish(banks, segments, options)
}

/// Merges the newest segments into the builder, and returns how many of the oldest stay.
fn merge(
    builder: &mut SegmentBuilder,
    base: &Index,
    banks: &[Bank],
    options: &PublishOptions<'_>,
) -> usize {
    let known: BTreeSet<BankId> = banks.iter().map(|bank| bank.id).collect();
    let mut above = builder.weight();
    let mut kept = base.segments.len();
    if above == 0 {
        return kept;
    }
    // What newer segments take out of older ones, those that are merged already included.
    let mut dead: BTreeSet<_> = builder.removed().collect();
    while let Some(segment) = kept.checked_sub(1).and_then(|last| base.segments.get(last)) {
        let weight = weight(segment);
        let small = weight <= TIER * above || weight + above <= options.linear_below as u64;
        if !small || weight + above > options.segment_records {
            break;
        }
        segment.for_each(|signal, posting: Posting| {
            let item = (posting.bank, posting.content);
            if !dead.contains(&item) && known.contains(&posting.bank) {
                let Posting {
                    bank,
                    content,
                    quality,
                    of_hash,
                } = posting;
                builder.add_known(&signal, bank, content, quality, of_hash);
            }
        });
        segment.each_facts(|bank, content, facts| {
            if !dead.contains(&(bank, content)) && known.contains(&bank) {
                builder.note(bank, content, facts);
            }
        });
        for tombstone in segment.tombstones() {
            let item = (BankId(tombstone.bank), ContentId(tombstone.content));
            dead.insert(item);
            builder.remove(item.0, item.1);
        }
        above += weight;
        kept -= 1;
    }
    if kept == 0 {
        builder.keep_no_tombstones();
    }
    kept
}

/// How much there is to merge in a segment: postings and tombstones.
fn weight(segment: &Segment) -> u64 {
    let postings: u64 = segment.types().iter().map(|part| part.postings).sum();
    postings + segment.tombstones().len() as u64
}
