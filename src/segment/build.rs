//! From records to a segment file.

use crate::bank::{BankId, ContentId};
use crate::hamming::kernel::Row;
use crate::hash::{Form, Quality, Reach, Signal, SignalType};
use crate::segment::format::{
    DEFAULT_SEED, FactRow, FormRow, MAX_HASHES, NO_REACH, Tombstone, TypeEntry, UNKNOWN_QUALITY,
    kind, layout,
};
use crate::segment::implied::Implied;
use crate::segment::packed::{Packing, Record, bits_for};
use crate::segment::tables::{self, BuiltTable};
use crate::segment::writer::{SectionWriter, Written};
use crate::segment::{Facts, HashFacts, LINEAR_BELOW, Permutation, SegmentError};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use zerocopy::IntoBytes;

/// Gathers records, sorts them, and writes them as one segment.
///
/// Holds up to 48 bytes a record in memory while it gathers, and twice that at the most, while it
/// sorts, some 80 more for a hash that is of another form of its content, and 16 for a digest: three quarters of the bytes
/// of the file that comes of ten million PDQ hashes.
pub struct SegmentBuilder {
    linear_below: usize,
    wide: Permutation<[u32; 8]>,
    narrow: Permutation<[u32; 2]>,
    pdq: Vec<Entry<[u32; 8]>>,
    hash64: BTreeMap<SignalType, Vec<Entry<[u32; 2]>>>,
    digests: BTreeMap<SignalType, Vec<Entry<[u32; 8]>>>,
    tombstones: BTreeSet<Tombstone>,
    facts: Vec<FactRow>,
    /// Which form of its content a PDQ hash is of, where it is one.
    forms: BTreeMap<PostingKey<[u32; 8]>, Form>,
}

/// A hash, a bank and a content item.
type PostingKey<R> = (R, u32, u64);

/// A record on its way into the file.
#[derive(Clone, Copy)]
struct Entry<R> {
    words: R,
    bank: u32,
    quality: u8,
    reach: u8,
    content: u64,
}

/// Why a segment cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More hashes or postings of one type than a segment can number.
    #[error(
        "{got} {signal_type} hashes are too many for one index; it holds {}",
        MAX_HASHES
    )]
    TooMany {
        /// The type.
        signal_type: SignalType,
        /// Their number.
        got: usize,
    },
    /// This machine is big-endian.
    #[error("segments are little-endian and can be built on little-endian machines only")]
    ByteOrder,
    /// What was written to memory does not open.
    #[error(transparent)]
    Memory(#[from] SegmentError),
}

/// What a segment holds of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeSummary {
    /// The type.
    pub signal_type: SignalType,
    /// Distinct hashes.
    pub hashes: u64,
    /// Pairs of a hash and a content item.
    pub postings: u64,
}

/// A segment that has been written and synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Its bytes.
    pub bytes: u64,
    /// The checksum of its header, which stands for the whole file.
    pub seal: u32,
    /// What it holds of each type.
    pub types: Vec<TypeSummary>,
    /// Content of older segments that it takes out.
    pub tombstones: u64,
    /// The kinds of digest that tell nothing that SHA-256 does not tell: see [`Segment::implied_by_sha256`].
    ///
    /// [`Segment::implied_by_sha256`]: crate::segment::Segment::implied_by_sha256
    pub implied: Vec<SignalType>,
}

impl Default for SegmentBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl SegmentBuilder {
    /// An empty builder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            linear_below: LINEAR_BELOW,
            wide: Permutation::<[u32; 8]>::new(DEFAULT_SEED),
            narrow: Permutation::<[u32; 2]>::new(DEFAULT_SEED),
            pdq: Vec::new(),
            hash64: BTreeMap::new(),
            digests: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            facts: Vec::new(),
            forms: BTreeMap::new(),
        }
    }

    /// Sets below how many distinct hashes a near type gets no tables ([`LINEAR_BELOW`]).
    #[must_use]
    pub fn linear_below(mut self, hashes: usize) -> Self {
        self.linear_below = hashes;
        self
    }

    /// Adds a posting. One that is added twice counts once, with the greatest quality known.
    pub fn add(
        &mut self,
        signal: &Signal,
        bank: BankId,
        content: ContentId,
        quality: Option<Quality>,
    ) {
        self.add_known(signal, bank, content, quality, HashFacts::default());
    }

    /// As [`SegmentBuilder::add`], with what is known of the hash, which is kept of PDQ hashes. Of a
    /// posting that is added twice the strictest reach counts, and a form before none.
    pub fn add_known(
        &mut self,
        signal: &Signal,
        bank: BankId,
        content: ContentId,
        quality: Option<Quality>,
        of_hash: HashFacts,
    ) {
        let (bank, content) = (bank.0, content.0);
        let reach = of_hash.reach.map_or(NO_REACH, Reach::code);
        let quality = quality.map_or(UNKNOWN_QUALITY, Quality::get);
        let kind = signal.signal_type();
        if let Some(hash) = signal.as_pdq() {
            let words = self.wide.words(&hash.0);
            if let Some(form) = of_hash.form {
                let held = self.forms.entry((words, bank, content)).or_insert(form);
                *held = form.min(*held);
            }
            self.pdq.push(Entry {
                words,
                bank,
                quality,
                reach,
                content,
            });
        } else if let Some(hash) = signal.as_hash64() {
            let words = self.narrow.words(&hash.0.to_be_bytes());
            let entries = self.hash64.entry(kind).or_default();
            entries.push(Entry {
                words,
                bank,
                quality,
                reach: NO_REACH,
                content,
            });
        } else {
            let words = digest_words(signal.as_bytes());
            let entries = self.digests.entry(kind).or_default();
            entries.push(Entry {
                words,
                bank,
                quality,
                reach: NO_REACH,
                content,
            });
        }
    }

    /// Notes what is known of a content item of which hashes are added, besides those. What was
    /// noted first counts, as all hashes of an item say the same; [`Facts::PLAIN`] takes no room.
    pub fn note(&mut self, bank: BankId, content: ContentId, facts: Facts) {
        let row = FactRow {
            bank: bank.0,
            sources: facts.sources,
            content: content.0,
            labels: facts.labels,
        };
        match self.facts.last() {
            // The hashes of an item come one after the other.
            Some(last) if last.key() == row.key() => {}
            _ if facts == Facts::PLAIN => {}
            _ => self.facts.push(row),
        }
    }

    /// Takes a content item out of all older segments; what this one adds for it counts.
    pub fn remove(&mut self, bank: BankId, content: ContentId) {
        self.tombstones.insert(Tombstone {
            bank: bank.0,
            reserved: 0,
            content: content.0,
        });
    }

    /// Forgets what was removed: for a segment that has no older ones.
    pub fn keep_no_tombstones(&mut self) {
        self.tombstones.clear();
    }

    /// The content items that were removed.
    pub fn removed(&self) -> impl Iterator<Item = (BankId, ContentId)> + '_ {
        let tombstones = self.tombstones.iter();
        tombstones.map(|stone| (BankId(stone.bank), ContentId(stone.content)))
    }

    /// How much was added and removed: postings, those given twice counted twice, and tombstones.
    #[must_use]
    pub fn weight(&self) -> u64 {
        let hash64: usize = self.hash64.values().map(Vec::len).sum();
        let digests: usize = self.digests.values().map(Vec::len).sum();
        (self.pdq.len() + hash64 + digests + self.tombstones.len()) as u64
    }

    /// Whether nothing was added or removed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pdq.is_empty()
            && self.hash64.is_empty()
            && self.digests.is_empty()
            && self.tombstones.is_empty()
    }

    /// Sorts, writes and syncs the segment. `path` must not exist yet. `progress` is told after
    /// each step how many of how many steps are done.
    ///
    /// # Errors
    /// [`BuildError`]; the file may be there in part then.
    pub fn write(
        self,
        path: &Path,
        generation: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<SegmentSummary, BuildError> {
        let writer = SectionWriter::create(path).map_err(|source| BuildError::Io {
            path: path.to_owned(),
            source,
        })?;
        let (summary, _) = self.write_to(writer, path, generation, progress)?;
        Ok(summary)
    }

    pub(super) fn write_to(
        mut self,
        mut writer: SectionWriter,
        path: &Path,
        generation: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(SegmentSummary, Vec<u8>), BuildError> {
        if cfg!(target_endian = "big") {
            return Err(BuildError::ByteOrder);
        }
        let io = |source| BuildError::Io {
            path: path.to_owned(),
            source,
        };
        let banks = self.banks();
        let banks_bytes = banks.as_slice().as_bytes();
        writer.section(kind::BANKS, 0, 0, banks_bytes).map_err(io)?;
        let tombstones: Vec<_> = std::mem::take(&mut self.tombstones).into_iter().collect();
        if !tombstones.is_empty() {
            let bytes = tombstones.as_slice().as_bytes();
            writer.section(kind::TOMBSTONES, 0, 0, bytes).map_err(io)?;
        }
        let facts = sorted_facts(std::mem::take(&mut self.facts));
        if !facts.is_empty() {
            let bytes = facts.as_slice().as_bytes();
            writer.section(kind::FACTS, 0, 0, bytes).map_err(io)?;
        }
        drop(facts);
        let steps = 20 + 6 * self.hash64.len() as u64 + 2 * self.digests.len() as u64;
        let mut done = 0;
        let mut step = |count| {
            done += count;
            progress(done, steps);
        };
        let mut types = Vec::new();
        if !self.pdq.is_empty() {
            let sorted = sort(std::mem::take(&mut self.pdq), SignalType::Pdq)?;
            step(4);
            let mut job = NearJob {
                writer: &mut writer,
                linear_below: self.linear_below,
                step: &mut step,
            };
            let forms = std::mem::take(&mut self.forms);
            let entry = job.write(SignalType::Pdq, sorted, &banks, &forms);
            types.push(entry.map_err(io)?);
        }
        for (signal_type, entries) in std::mem::take(&mut self.hash64) {
            let sorted = sort(entries, signal_type)?;
            step(2);
            let mut job = NearJob {
                writer: &mut writer,
                linear_below: self.linear_below,
                step: &mut step,
            };
            let entry = job.write(signal_type, sorted, &banks, &BTreeMap::new());
            types.push(entry.map_err(io)?);
        }
        let mut implied = Implied::default();
        for (signal_type, entries) in std::mem::take(&mut self.digests) {
            let sorted = sort(entries, signal_type)?;
            step(1);
            let postings = sorted.primary.iter().chain(&sorted.extra);
            implied.note(signal_type, postings.map(|one| (one.bank, one.content)));
            types.push(write_digests(&mut writer, signal_type, sorted, &banks).map_err(io)?);
            step(1);
        }
        types.sort_by_key(|entry| entry.signal_type);
        let bytes = types.as_slice().as_bytes();
        writer.section(kind::TYPES, 0, 0, bytes).map_err(io)?;
        let Written {
            bytes,
            seal,
            memory,
        } = writer.finish(generation).map_err(io)?;
        progress(steps, steps);
        let summary = SegmentSummary {
            bytes,
            seal,
            types: types.iter().filter_map(TypeEntry::summary).collect(),
            tombstones: tombstones.len() as u64,
            implied: implied.by_sha256(),
        };
        Ok((summary, memory))
    }

    /// The banks referred to, ascending.
    fn banks(&self) -> Vec<u32> {
        let mut banks = BTreeSet::new();
        let mut last = None;
        let mut note = |bank: u32| {
            if last != Some(bank) {
                banks.insert(bank);
                last = Some(bank);
            }
        };
        self.pdq.iter().for_each(|entry| note(entry.bank));
        let narrow = self.hash64.values().flatten();
        narrow.for_each(|entry| note(entry.bank));
        let digests = self.digests.values().flatten();
        digests.for_each(|entry| note(entry.bank));
        banks.into_iter().collect()
    }
}

/// In order, and of each item one.
fn sorted_facts(mut facts: Vec<FactRow>) -> Vec<FactRow> {
    // Stable: of equal ones the first stays the first.
    facts.sort_by_key(FactRow::key);
    facts.dedup_by_key(|row| row.key());
    facts
}

impl TypeEntry {
    /// What it says, where its type is known.
    pub(super) fn summary(&self) -> Option<TypeSummary> {
        Some(TypeSummary {
            signal_type: SignalType::from_code(self.signal_type)?,
            hashes: self.hashes,
            postings: self.postings,
        })
    }
}

/// A digest as words that compare as its bytes do.
fn digest_words(bytes: &[u8]) -> [u32; 8] {
    let mut words = [0u32; 8];
    for (word, part) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = part
            .iter()
            .fold(0, |word, &byte| word << 8 | u32::from(byte));
    }
    words
}

/// A posting on its way into the file.
#[derive(Clone, Copy)]
struct SortedPosting {
    bank: u32,
    quality: u8,
    reach: u8,
    content: u64,
}

/// A type's distinct hashes, ascending, and their postings.
struct Sorted<R> {
    rows: Vec<R>,
    /// The first posting of each hash.
    primary: Vec<SortedPosting>,
    /// The further ones, by hash.
    extra: Vec<SortedPosting>,
    multi_ids: Vec<u32>,
    /// One more than `multi_ids`.
    multi_starts: Vec<u32>,
}

fn sort<R: Row + Ord + Send>(
    mut entries: Vec<Entry<R>>,
    signal_type: SignalType,
) -> Result<Sorted<R>, BuildError> {
    if entries.len() > MAX_HASHES {
        return Err(BuildError::TooMany {
            signal_type,
            got: entries.len(),
        });
    }
    let known = |quality: u8| {
        if quality == UNKNOWN_QUALITY {
            -1
        } else {
            i16::from(quality)
        }
    };
    entries.par_sort_unstable_by(|a, b| {
        (a.words.cmp(&b.words))
            .then_with(|| (a.bank, a.content).cmp(&(b.bank, b.content)))
            .then_with(|| known(b.quality).cmp(&known(a.quality)))
    });
    entries.dedup_by(|b, a| {
        let same = (a.words, a.bank, a.content) == (b.words, b.bank, b.content);
        if same {
            // The strictest is the least, and none is the greatest.
            a.reach = a.reach.min(b.reach);
        }
        same
    });
    let mut sorted = Sorted {
        rows: Vec::with_capacity(entries.len()),
        primary: Vec::with_capacity(entries.len()),
        extra: Vec::new(),
        multi_ids: Vec::new(),
        multi_starts: Vec::new(),
    };
    for entry in entries {
        let posting = SortedPosting {
            bank: entry.bank,
            quality: entry.quality,
            reach: entry.reach,
            content: entry.content,
        };
        if sorted.rows.last() != Some(&entry.words) {
            sorted.rows.push(entry.words);
            sorted.primary.push(posting);
            continue;
        }
        let id = (sorted.rows.len() - 1) as u32;
        if sorted.multi_ids.last() != Some(&id) {
            sorted.multi_ids.push(id);
            sorted.multi_starts.push(sorted.extra.len() as u32);
        }
        sorted.extra.push(posting);
    }
    sorted.multi_starts.push(sorted.extra.len() as u32);
    Ok(sorted)
}

impl<R> Sorted<R> {
    /// Writes the postings' sections, and says of them what the type's entry says.
    fn write_postings(
        &self,
        writer: &mut SectionWriter,
        signal_type: SignalType,
        banks: &[u32],
    ) -> io::Result<TypeEntry> {
        let code = signal_type.code();
        let content = || {
            self.primary
                .iter()
                .chain(&self.extra)
                .map(|posting| posting.content)
        };
        let (base, max) = (content().min().unwrap_or(0), content().max().unwrap_or(0));
        let packing = Packing {
            bank_bits: bits_for(banks.len().saturating_sub(1) as u64),
            content_bits: bits_for(max - base),
            content_base: base,
        };
        let record = |posting: &SortedPosting, more| Record {
            more,
            quality: posting.quality,
            bank_index: banks.binary_search(&posting.bank).unwrap_or(0) as u32,
            content: posting.content,
        };
        let mut multi = self.multi_ids.iter().copied().peekable();
        let primary = self.primary.iter().enumerate().map(|(id, posting)| {
            let more = multi.next_if_eq(&(id as u32)).is_some();
            record(posting, more)
        });
        writer.section(kind::PRIMARY, code, 0, &packing.pack(primary))?;
        if !self.multi_ids.is_empty() {
            let ids = self.multi_ids.as_slice().as_bytes();
            writer.section(kind::MULTI_IDS, code, 0, ids)?;
            let starts = self.multi_starts.as_slice().as_bytes();
            writer.section(kind::MULTI_STARTS, code, 0, starts)?;
            let extra = self.extra.iter().map(|posting| record(posting, false));
            writer.section(kind::EXTRA, code, 0, &packing.pack(extra))?;
        }
        let postings = || self.primary.iter().chain(&self.extra);
        if postings().any(|posting| posting.reach != NO_REACH) {
            let reaches: Vec<u8> = postings().map(|posting| posting.reach).collect();
            writer.section(kind::REACHES, code, 0, &reaches)?;
        }
        Ok(TypeEntry {
            signal_type: code,
            layout: 0,
            content_bits: packing.content_bits as u8,
            bank_bits: packing.bank_bits as u8,
            prefix_bits: 0,
            reserved: [0; 3],
            hashes: self.primary.len() as u64,
            postings: (self.primary.len() + self.extra.len()) as u64,
            multi: self.multi_ids.len() as u64,
            content_base: base,
            content_max: max,
            reserved2: [0; 2],
        })
    }
}

impl<R: Ord> Sorted<R> {
    /// The number of a posting.
    fn number(&self, (row, bank, content): &PostingKey<R>) -> Option<u32> {
        let id = self.rows.binary_search(row).ok()?;
        let key = |posting: &SortedPosting| (posting.bank, posting.content);
        if key(self.primary.get(id)?) == (*bank, *content) {
            return u32::try_from(id).ok();
        }
        let place = self.multi_ids.binary_search(&(id as u32)).ok()?;
        let start = *self.multi_starts.get(place)? as usize;
        let end = *self.multi_starts.get(place + 1)? as usize;
        let further = self.extra.get(start..end)?;
        let at = further.binary_search_by_key(&(*bank, *content), key).ok()?;
        u32::try_from(self.primary.len() + start + at).ok()
    }
}

/// Writing one near type.
struct NearJob<'a, S: FnMut(u64)> {
    writer: &'a mut SectionWriter,
    linear_below: usize,
    step: &'a mut S,
}

impl<S: FnMut(u64)> NearJob<'_, S> {
    fn write<R: Row + Ord + Send + IntoBytes + zerocopy::Immutable>(
        &mut self,
        signal_type: SignalType,
        sorted: Sorted<R>,
        banks: &[u32],
        forms: &BTreeMap<PostingKey<R>, Form>,
    ) -> io::Result<TypeEntry> {
        let code = signal_type.code();
        let mut entry = sorted.write_postings(self.writer, signal_type, banks)?;
        if !forms.is_empty() {
            let row = |(key, form): (&PostingKey<R>, &Form)| {
                Some(FormRow {
                    posting: sorted.number(key)?,
                    reserved: 0,
                    form: form.code(),
                })
            };
            let mut rows: Vec<FormRow> = forms.iter().filter_map(row).collect();
            rows.sort_unstable_by_key(|row| row.posting);
            let bytes = rows.as_slice().as_bytes();
            self.writer.section(kind::FORMS, code, 0, bytes)?;
        }
        let rows = sorted.rows;
        drop((sorted.primary, sorted.extra));
        let hashes = rows.as_slice().as_bytes();
        self.writer.section(kind::HASHES, code, 0, hashes)?;
        if rows.len() < self.linear_below {
            entry.layout = layout::LINEAR;
            return Ok(entry);
        }
        entry.layout = layout::TABLES;
        let chunks: Vec<usize> = (0..2 * R::WORDS).collect();
        for group in chunks.chunks(rayon::current_num_threads().clamp(1, 8)) {
            let built: Vec<BuiltTable> = group
                .par_iter()
                .map(|&chunk| tables::build(&rows, chunk))
                .collect();
            for (&chunk, table) in group.iter().zip(built) {
                let number = chunk as u8;
                let offsets = table.offsets.as_slice().as_bytes();
                self.writer.section(kind::OFFSETS, code, number, offsets)?;
                let siblings = table.siblings.as_slice().as_bytes();
                self.writer
                    .section(kind::SIBLINGS, code, number, siblings)?;
                if chunk != 0 {
                    let ids = table.ids.as_slice().as_bytes();
                    self.writer.section(kind::IDS, code, number, ids)?;
                }
                (self.step)(1);
            }
        }
        Ok(entry)
    }
}

/// Leading bits that choose a digest's bucket, so that a bucket holds about four.
fn prefix_bits(digests: usize) -> u32 {
    bits_for(digests as u64 / 4).min(30)
}

fn write_digests(
    writer: &mut SectionWriter,
    signal_type: SignalType,
    sorted: Sorted<[u32; 8]>,
    banks: &[u32],
) -> io::Result<TypeEntry> {
    let code = signal_type.code();
    let mut entry = sorted.write_postings(writer, signal_type, banks)?;
    entry.layout = layout::DIGESTS;
    let length = signal_type.byte_len();
    let mut column = Vec::with_capacity(sorted.rows.len() * length);
    for row in &sorted.rows {
        for word in row.iter().take(length / 4) {
            column.extend_from_slice(&word.to_be_bytes());
        }
    }
    writer.section(kind::HASHES, code, 0, &column)?;
    let bits = prefix_bits(sorted.rows.len());
    entry.prefix_bits = bits as u8;
    let mut offsets = vec![0u32; (1 << bits) + 1];
    for row in &sorted.rows {
        let prefix = u64::from(row[0]) >> (32 - bits);
        offsets[prefix as usize + 1] += 1;
    }
    let mut sum = 0;
    for offset in &mut offsets {
        sum += *offset;
        *offset = sum;
    }
    let offsets = offsets.as_slice().as_bytes();
    writer.section(kind::DIGEST_OFFSETS, code, 0, offsets)?;
    Ok(entry)
}
