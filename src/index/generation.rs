//! An open generation.

use crate::bank::{Bank, BankId, ContentId, UnreadPolicy};
use crate::hamming::Kernel;
use crate::hash::SignalType;
use crate::index::folder::Stamp;
use crate::index::manifest::{Manifest, SegmentRecord};
use crate::index::{Carried, IndexError, Strategy};
use crate::segment::{Facts, Memory, Segment, SegmentError};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a reader tries again when a publisher removes files between the reading of the
/// manifest and the opening of its segments, and the manifest is then still the same.
const ATTEMPTS: usize = 8;

/// One generation of the index, open for searching. It never changes; to follow what is
/// published, hold an [`IndexHandle`](crate::index::IndexHandle).
pub struct Index {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    /// Oldest first.
    pub(super) segments: Vec<Arc<Segment>>,
    /// Banks that segments still refer to and the manifest no longer names, ascending.
    pub(super) gone_banks: Vec<BankId>,
    pub(super) kernel: Kernel,
    pub(super) strategy: Strategy,
    pub(super) memory: Memory,
    pub(super) stamp: Option<Stamp>,
}

/// What an index holds of one signal type, summed over its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeStats {
    /// The type.
    pub signal_type: SignalType,
    /// Distinct hashes; one that stands in several segments counts in each.
    pub hashes: u64,
    /// Pairs of a hash and a content item, including those that a newer segment takes out.
    pub postings: u64,
}

/// What an index is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexStats {
    /// The generation.
    pub generation: u64,
    /// Number of segments.
    pub segments: usize,
    /// Bytes of all segments.
    pub bytes: u64,
    /// What it holds of each type, in the order of the types' codes.
    pub types: Vec<TypeStats>,
    /// Content that newer segments take out of older ones.
    pub tombstones: u64,
    /// The kernel that searches it.
    pub kernel: Kernel,
    /// When it was published: seconds since 1970-01-01 UTC.
    pub created_at: u64,
    /// The version of the program that published it.
    pub program_version: String,
    /// The revision of the store that it was published from.
    pub store_revision: u64,
    /// The mark of that revision, where the publisher gave one.
    pub store_mark: Option<u64>,
}

impl Index {
    /// Opens the generation in force, its segments mapped.
    ///
    /// # Errors
    /// [`IndexError::NotPublished`] where the folder holds no manifest; otherwise what is wrong
    /// with the manifest or a segment, the file and the repair.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        Self::open_with(folder, Memory::default())
    }

    /// As [`Index::open`], with the segments' bytes held as `memory` says.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open_with(folder: impl AsRef<Path>, memory: Memory) -> Result<Self, IndexError> {
        let folder = folder.as_ref();
        Self::open_reusing(folder, memory, Kernel::detect()?, &[])
    }

    /// Opens the generation in force; segments that `known` has are taken from there.
    pub(super) fn open_reusing(
        folder: &Path,
        memory: Memory,
        kernel: Kernel,
        known: &[Arc<Segment>],
    ) -> Result<Self, IndexError> {
        let (mut attempt, mut before) = (1, None);
        loop {
            // The stamp is taken first: a manifest that is renamed in between has another one,
            // and the next refresh will see that.
            let stamp = Stamp::of(folder);
            let manifest = Manifest::read(folder)?;
            let opened: Result<Vec<_>, _> = (manifest.segments.iter())
                .map(|record| open_segment(folder, record, memory, known))
                .collect();
            match opened {
                Ok(segments) => {
                    return Ok(Self {
                        folder: folder.to_owned(),
                        gone_banks: gone_banks(&manifest, &segments),
                        manifest,
                        segments,
                        kernel,
                        strategy: Strategy::default(),
                        memory,
                        stamp,
                    });
                }
                // Only a publisher makes progress without this reader: then it tries again.
                Err(error) if is_gone(&error) && before < Some(manifest.generation) => {
                    (attempt, before) = (1, Some(manifest.generation));
                }
                Err(error) if is_gone(&error) && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The same generation searched with another kernel; one that this processor lacks is
    /// answered by the scalar one.
    #[must_use]
    pub fn with_kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// The same generation searched in one way only, for tests and comparisons: the answers are
    /// the same.
    #[must_use]
    pub fn with_strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// The kernel that searches.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The generation's number: each one published has a greater one.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// The banks, with their policies as they were published.
    #[must_use]
    pub fn banks(&self) -> &[Bank] {
        &self.manifest.banks
    }

    /// The bank of that number.
    #[must_use]
    pub fn bank(&self, id: BankId) -> Option<&Bank> {
        self.manifest.banks.iter().find(|bank| bank.id == id)
    }

    /// The signal types in it, and how much of each, in the order of the types' codes.
    #[must_use]
    pub fn signal_types(&self) -> Vec<TypeStats> {
        let mut types = BTreeMap::new();
        for part in self.segments.iter().flat_map(|segment| segment.types()) {
            let sum = types.entry(part.signal_type).or_insert(TypeStats {
                signal_type: part.signal_type,
                hashes: 0,
                postings: 0,
            });
            sum.hashes += part.hashes;
            sum.postings += part.postings;
        }
        types.into_values().collect()
    }

    /// Whether hashes of this type tell nothing that SHA-256 digests do not tell: each content item that has one has
    /// just one, and just one SHA-256 digest. So a file that meets an item by the one meets it by the other, as long
    /// as an item's digests are of one file.
    ///
    /// It is known of what was published by a program that looked. `false` where that is not known of some segment,
    /// and of types that the index does not hold.
    #[must_use]
    pub fn is_implied_by_sha256(&self, kind: SignalType) -> bool {
        let mut is_held = false;
        let mut segments = self.segments.iter().zip(&self.manifest.segments);
        let all = segments.all(|(segment, record)| {
            let holds = segment.types().iter().any(|part| part.signal_type == kind);
            is_held |= holds;
            let mut types = record.types.iter();
            !holds || types.any(|part| part.signal_type == kind && part.implied)
        });
        all && is_held
    }

    /// What it is made of.
    #[must_use]
    pub fn stats(&self) -> IndexStats {
        let tombstones = self
            .segments
            .iter()
            .map(|segment| segment.tombstones().len());
        IndexStats {
            generation: self.manifest.generation,
            segments: self.segments.len(),
            bytes: self.segments.iter().map(|segment| segment.len()).sum(),
            types: self.signal_types(),
            tombstones: tombstones.sum::<usize>() as u64,
            kernel: self.kernel,
            created_at: self.manifest.created_at,
            program_version: self.manifest.program_version.clone(),
            store_revision: self.manifest.store_revision,
            store_mark: self.manifest.store_mark,
        }
    }
}

fn gone_banks(manifest: &Manifest, segments: &[Arc<Segment>]) -> Vec<BankId> {
    let named: BTreeSet<u32> = manifest.banks.iter().map(|bank| bank.id.0).collect();
    let referred = segments.iter().flat_map(|segment| segment.banks());
    let gone: BTreeSet<u32> = referred
        .copied()
        .filter(|bank| !named.contains(bank))
        .collect();
    gone.into_iter().map(BankId).collect()
}

fn is_gone(error: &IndexError) -> bool {
    matches!(
        error,
        IndexError::Segment(SegmentError::Io { source, .. })
            if source.kind() == io::ErrorKind::NotFound
    )
}

/// Opens a segment that the manifest names, and sees that it is the one that it means.
pub(super) fn open_segment(
    folder: &Path,
    record: &SegmentRecord,
    memory: Memory,
    known: &[Arc<Segment>],
) -> Result<Arc<Segment>, IndexError> {
    let path = folder.join(&record.file);
    let same = |segment: &&Arc<Segment>| {
        segment.path() == path && segment.seal() == record.crc32c && segment.len() == record.bytes
    };
    if let Some(segment) = known.iter().find(same) {
        return Ok(Arc::clone(segment));
    }
    let segment = Segment::open(&path, memory)?;
    for (what, expected, got) in [
        ("length", record.bytes, segment.len()),
        (
            "checksum of the header",
            u64::from(record.crc32c),
            u64::from(segment.seal()),
        ),
    ] {
        if expected != got {
            return Err(IndexError::Mismatch {
                path,
                what,
                expected,
                got,
            });
        }
    }
    Ok(Arc::new(segment))
}

impl Index {
    /// What it carries of its entries besides hashes.
    #[must_use]
    pub fn carried(&self) -> &Carried {
        &self.manifest.carried
    }

    /// What its policies say is to be done about uploads that pass, where a part of them was not looked at; `None` where
    /// they say nothing.
    #[must_use]
    pub fn unread(&self) -> Option<UnreadPolicy> {
        self.manifest.unread
    }

    /// What it carries of an entry that a search has met.
    #[must_use]
    pub fn facts(&self, bank: BankId, content: ContentId) -> Facts {
        if self.manifest.carried.is_empty() {
            return Facts::PLAIN;
        }
        // As with hashes, what a newer segment takes out of the older ones does not count.
        for segment in self.segments.iter().rev() {
            if let Some(facts) = segment.facts(bank, content) {
                return facts;
            }
            let key = (bank.0, content.0);
            let tombstones = segment.tombstones();
            if (tombstones.binary_search_by_key(&key, |t| (t.bank, t.content))).is_ok() {
                break;
            }
        }
        Facts::PLAIN
    }
}
