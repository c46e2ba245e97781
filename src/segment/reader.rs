//! Opening a segment: all structure is checked, long columns are not read.

use crate::bank::{BankId, ContentId};
use crate::hamming::kernel::{Column, Row, prefetch};
use crate::hash::{Family, Form, Hash64, PdqHash, Signal, SignalType};
use crate::segment::build::TypeSummary;
use crate::segment::format::{
    ALIGNMENT, BUCKETS, BYTE_ORDER, FACTS_VERSION, FactRow, FormRow, Header, MAGIC, MAX_HASHES,
    PLAIN_VERSION, SectionEntry, Tombstone, TypeEntry, VERSION, kind, layout,
};
use crate::segment::mmap::Bytes;
use crate::segment::near::NearView;
use crate::segment::packed::Packing;
use crate::segment::postings::{Posting, Postings};
use crate::segment::{Facts, Memory, Permutation, SegmentError};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// Sections of up to so many bytes are checked whole on open: the lists of banks and types and the
/// offset arrays, on which every answer rests, and all of a small segment. Milliseconds at most.
const CHECKED_ON_OPEN: u64 = 1 << 19;

/// An open segment.
pub struct Segment {
    path: PathBuf,
    pub(super) bytes: Bytes,
    pub(super) header: Header,
    pub(super) entries: Vec<SectionEntry>,
    banks: Range<usize>,
    tombstones: Range<usize>,
    facts: Range<usize>,
    types: BTreeMap<SignalType, TypeLayout>,
    wide: Permutation<[u32; 8]>,
    narrow: Permutation<[u32; 2]>,
}

/// Where a type's columns are, as byte ranges.
struct TypeLayout {
    entry: TypeEntry,
    packing: Packing,
    hashes: Range<usize>,
    primary: Range<usize>,
    multi_ids: Range<usize>,
    multi_starts: Range<usize>,
    extra: Range<usize>,
    digest_offsets: Range<usize>,
    reaches: Range<usize>,
    forms: Range<usize>,
    tables: Vec<TableLayout>,
}

struct TableLayout {
    offsets: Range<usize>,
    siblings: Range<usize>,
    ids: Range<usize>,
}

/// The digests of one type.
#[derive(Clone, Copy)]
pub struct DigestView<'a> {
    digests: &'a [u8],
    length: usize,
    offsets: &'a [u32],
    prefix_bits: u32,
}

impl DigestView<'_> {
    /// The number of the digest, where it is there.
    #[must_use]
    pub fn find(&self, digest: &[u8]) -> Option<u32> {
        let prefix = u32::from_be_bytes(*digest.first_chunk::<4>()?);
        let bucket = (u64::from(prefix) >> (32 - self.prefix_bits)) as usize;
        let first = *self.offsets.get(bucket)? as usize;
        let end = *self.offsets.get(bucket + 1)? as usize;
        let (mut low, mut high) = (first, end);
        while low < high {
            let middle = low.midpoint(high);
            let at = middle.checked_mul(self.length)?;
            let other = self.digests.get(at..at.checked_add(self.length)?)?;
            match other.cmp(digest) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return u32::try_from(middle).ok(),
            }
        }
        None
    }

    /// Asks for the cache line of a digest's bucket, to be called some queries ahead.
    pub fn prefetch(&self, digest: &[u8]) {
        if let Some(prefix) = digest.first_chunk::<4>() {
            let bucket = u64::from(u32::from_be_bytes(*prefix)) >> (32 - self.prefix_bits);
            prefetch(self.offsets, bucket as usize);
        }
    }

    /// The digests' bytes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.digests.chunks_exact(self.length)
    }
}

/// The elements of a byte range; empty where it does not fit.
fn column<'a, T: FromBytes + Immutable + KnownLayout>(
    bytes: &'a [u8],
    range: &Range<usize>,
) -> &'a [T]
where
    [T]: FromBytes + Immutable + KnownLayout<PointerMetadata = usize>,
{
    let part = bytes.get(range.clone()).unwrap_or_default();
    <[T]>::ref_from_bytes(part).unwrap_or_default()
}

impl Segment {
    /// Maps a segment and checks its structure: header, section table, every section's place and
    /// length, every offset array, and the checksum of each section of up to 512 KiB, of the
    /// tombstones, the facts and the forms. Longer columns are left to [`Segment::verify`].
    ///
    /// # Errors
    /// [`SegmentError`], which names the file, what is wrong with it and the repair.
    pub fn open(path: impl AsRef<Path>, memory: Memory) -> Result<Self, SegmentError> {
        let path = path.as_ref();
        Self::of(path, Bytes::open(path, memory)?)
    }

    /// What messages call a segment that never was a file.
    pub(super) const IN_MEMORY: &str = "the index in memory";

    /// Opens a segment that was written to memory. The structure is checked as that of a file.
    pub(super) fn of_bytes(bytes: &[u8]) -> Result<Self, SegmentError> {
        let path = Path::new(Self::IN_MEMORY);
        let bytes = Bytes::copy_of(bytes).map_err(|source| SegmentError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::of(path, bytes)
    }

    fn of(path: &Path, bytes: Bytes) -> Result<Self, SegmentError> {
        let (header, entries) = read_header(path, bytes.as_slice())?;
        let mut segment = Self {
            path: path.to_owned(),
            bytes,
            header,
            entries,
            banks: 0..0,
            tombstones: 0..0,
            facts: 0..0,
            types: BTreeMap::new(),
            wide: Permutation::<[u32; 8]>::new(header.seed),
            narrow: Permutation::<[u32; 2]>::new(header.seed),
        };
        segment.read_layout()?;
        Ok(segment)
    }

    fn structure(&self, problem: impl Into<String>) -> SegmentError {
        SegmentError::Structure {
            path: self.path.clone(),
            problem: problem.into(),
        }
    }

    fn read_layout(&mut self) -> Result<(), SegmentError> {
        let small = |entry: &&SectionEntry| {
            let always = matches!(entry.kind, kind::TOMBSTONES | kind::FACTS | kind::FORMS);
            entry.length <= CHECKED_ON_OPEN || always
        };
        for entry in self.entries.iter().filter(small) {
            self.verify_section(entry)?;
        }
        let mut sections = Sections {
            left: BTreeMap::new(),
            path: &self.path,
        };
        for entry in &self.entries {
            let key = (entry.signal_type, entry.kind, entry.table);
            let range = entry.offset as usize..(entry.offset + entry.length) as usize;
            if sections.left.insert(key, range).is_some() {
                return Err(self.structure(format!("section {} is there twice", kind::name(key.1))));
            }
        }
        let bytes = self.bytes.as_slice();
        let banks = sections.take(0, kind::BANKS, 0, None)?;
        if !banks.len().is_multiple_of(4)
            || !column::<u32>(bytes, &banks).is_sorted_by(|a, b| a < b)
        {
            return Err(self.structure("section banks is not a list of ascending numbers"));
        }
        let tombstones = sections.take_any(0, kind::TOMBSTONES, 0);
        if !tombstones.len().is_multiple_of(size_of::<Tombstone>()) {
            return Err(self.structure("section tombstones has a wrong length"));
        }
        let facts = match self.header.version {
            PLAIN_VERSION => 0..0,
            FACTS_VERSION => sections.take(0, kind::FACTS, 0, None)?,
            _ => sections.take_any(0, kind::FACTS, 0),
        };
        let in_order = || column::<FactRow>(bytes, &facts).is_sorted_by(|a, b| a.key() < b.key());
        if !facts.len().is_multiple_of(size_of::<FactRow>()) || !in_order() {
            return Err(self.structure("section facts has a wrong length or order"));
        }
        let types = sections.take(0, kind::TYPES, 0, None)?;
        if !types.len().is_multiple_of(size_of::<TypeEntry>()) {
            return Err(self.structure("section types has a wrong length"));
        }
        let mut layouts = BTreeMap::new();
        for entry in column::<TypeEntry>(bytes, &types) {
            let signal_type = SignalType::from_code(entry.signal_type).ok_or_else(|| {
                self.structure(format!(
                    "signal type {} is unknown to this program; upgrade hashgate",
                    entry.signal_type
                ))
            })?;
            let mut layout = read_type(&mut sections, signal_type, entry, bytes)?;
            if self.header.version > FACTS_VERSION && signal_type == SignalType::Pdq {
                read_hash_facts(&mut sections, &mut layout, bytes)?;
            }
            if layouts.insert(signal_type, layout).is_some() {
                return Err(self.structure(format!("type {signal_type} is there twice")));
            }
        }
        let knows = |layout: &TypeLayout| !(layout.reaches.is_empty() && layout.forms.is_empty());
        if self.header.version > FACTS_VERSION && !layouts.values().any(knows) {
            return Err(self.structure("it says nothing of its hashes, as its version says"));
        }
        if let Some((key, _)) = sections.left.first_key_value() {
            return Err(self.structure(format!(
                "section {} ({}) of signal type {} has no place in format version {}",
                key.1,
                kind::name(key.1),
                key.0,
                self.header.version
            )));
        }
        (self.banks, self.tombstones, self.types) = (banks, tombstones, layouts);
        self.facts = facts;
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The generation that the segment was written for.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.header.generation
    }

    /// The checksum of the header, which stands for the whole file.
    #[must_use]
    pub fn seal(&self) -> u32 {
        self.header.header_crc
    }

    /// The file's length in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.header.file_length
    }

    /// Whether it holds no hashes at all (it may hold tombstones).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// What it holds of each type.
    #[must_use]
    pub fn types(&self) -> Vec<TypeSummary> {
        let entries = self.types.values().map(|layout| &layout.entry);
        entries.filter_map(TypeEntry::summary).collect()
    }

    /// The greatest content number in it.
    #[must_use]
    pub fn content_max(&self) -> Option<u64> {
        let entries = self.types.values().map(|layout| layout.entry.content_max);
        entries.max()
    }

    /// The permutation of 256-bit hashes.
    #[must_use]
    pub fn wide(&self) -> &Permutation<[u32; 8]> {
        &self.wide
    }

    /// The permutation of 64-bit hashes.
    #[must_use]
    pub fn narrow(&self) -> &Permutation<[u32; 2]> {
        &self.narrow
    }

    /// The numbers of the banks that its postings refer to, ascending.
    #[must_use]
    pub fn banks(&self) -> &[u32] {
        column(self.bytes.as_slice(), &self.banks)
    }

    /// Calls `visit` with every posting, type by type and hash by hash.
    pub fn for_each(&self, mut visit: impl FnMut(Signal, Posting)) {
        for &kind in self.types.keys() {
            let Some(postings) = self.postings(kind) else {
                continue;
            };
            let mut hash = |id, signal: Signal| {
                postings.of(id).for_each(|posting| visit(signal, posting));
            };
            if let Some(view) = self.near::<[u32; 8]>(kind) {
                for (row, id) in view.rows.iter().zip(0..) {
                    hash(id, PdqHash(self.wide.bytes(row)).into());
                }
            } else if let Some(view) = self.near::<[u32; 2]>(kind) {
                for (row, id) in view.rows.iter().zip(0..) {
                    let value = Hash64(u64::from_be_bytes(self.narrow.bytes(row)));
                    hash(id, Signal::from_hash64(kind, value));
                }
            } else if let Some(view) = self.digests(kind) {
                for (digest, id) in view.iter().zip(0..) {
                    if let Ok(signal) = Signal::from_bytes(kind, digest) {
                        hash(id, signal);
                    }
                }
            }
        }
    }

    /// Content of older segments that no longer counts, ascending.
    #[must_use]
    pub fn tombstones(&self) -> &[Tombstone] {
        column(self.bytes.as_slice(), &self.tombstones)
    }

    /// What is known of a content item besides its hashes, where something is noted here.
    #[must_use]
    pub fn facts(&self, bank: BankId, content: ContentId) -> Option<Facts> {
        let rows = column::<FactRow>(self.bytes.as_slice(), &self.facts);
        let place = rows.binary_search_by_key(&(bank.0, content.0), FactRow::key);
        let row = rows.get(place.ok()?)?;
        Some(Facts {
            labels: row.labels,
            sources: row.sources,
        })
    }

    /// Calls `visit` with all that is noted of content items, in order.
    pub fn each_facts(&self, mut visit: impl FnMut(BankId, ContentId, Facts)) {
        for row in column::<FactRow>(self.bytes.as_slice(), &self.facts) {
            let facts = Facts {
                labels: row.labels,
                sources: row.sources,
            };
            visit(BankId(row.bank), ContentId(row.content), facts);
        }
    }

    /// A near type's hashes and tables; `None` where the segment has none, or where rows of this
    /// width are not the type's.
    #[must_use]
    pub fn near<R: Row + FromBytes + Immutable + KnownLayout>(
        &self,
        signal_type: SignalType,
    ) -> Option<NearView<'_, R>> {
        let layout = self.types.get(&signal_type)?;
        if signal_type.family() == Family::Digest || 4 * R::WORDS != signal_type.byte_len() {
            return None;
        }
        let bytes = self.bytes.as_slice();
        let mut view = NearView {
            rows: column::<R>(bytes, &layout.hashes),
            offsets: [&[]; 16],
            columns: [Column::default(); 16],
            table_count: layout.tables.len().min(16),
        };
        let slots = view.offsets.iter_mut().zip(&mut view.columns);
        for ((offsets, entries), place) in slots.zip(&layout.tables) {
            *offsets = column(bytes, &place.offsets);
            *entries = Column {
                siblings: column(bytes, &place.siblings),
                ids: column(bytes, &place.ids),
            };
        }
        Some(view)
    }

    /// A digest type's digests; `None` where the segment has none.
    #[must_use]
    pub fn digests(&self, signal_type: SignalType) -> Option<DigestView<'_>> {
        let layout = self.types.get(&signal_type)?;
        if signal_type.family() != Family::Digest {
            return None;
        }
        let bytes = self.bytes.as_slice();
        Some(DigestView {
            digests: bytes.get(layout.hashes.clone())?,
            length: signal_type.byte_len(),
            offsets: column(bytes, &layout.digest_offsets),
            prefix_bits: u32::from(layout.entry.prefix_bits),
        })
    }

    /// A type's postings; `None` where the segment has none.
    #[must_use]
    pub fn postings(&self, signal_type: SignalType) -> Option<Postings<'_>> {
        let layout = self.types.get(&signal_type)?;
        let bytes = self.bytes.as_slice();
        Some(Postings {
            packing: layout.packing,
            banks: column(bytes, &self.banks),
            primary: bytes.get(layout.primary.clone())?,
            extra: bytes.get(layout.extra.clone())?,
            multi_ids: column(bytes, &layout.multi_ids),
            multi_starts: column(bytes, &layout.multi_starts),
            hashes: layout.entry.hashes as usize,
            reaches: bytes.get(layout.reaches.clone())?,
            forms: column(bytes, &layout.forms),
        })
    }
}

/// Checks the header and the section table: together they account for every byte of the file.
fn read_header(path: &Path, bytes: &[u8]) -> Result<(Header, Vec<SectionEntry>), SegmentError> {
    let structure = |problem: &str| SegmentError::Structure {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let checksum = |part: &str, expected, got| SegmentError::Checksum {
        path: path.to_owned(),
        part: part.to_owned(),
        expected,
        got,
    };
    if !bytes.starts_with(&MAGIC) {
        return Err(SegmentError::Foreign {
            path: path.to_owned(),
        });
    }
    let got = bytes.len() as u64;
    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
        return Err(SegmentError::Length {
            path: path.to_owned(),
            expected: size_of::<Header>() as u64,
            got,
        });
    };
    if header.byte_order != BYTE_ORDER {
        return Err(SegmentError::ByteOrder {
            path: path.to_owned(),
            expected: BYTE_ORDER,
            got: header.byte_order,
        });
    }
    if !(PLAIN_VERSION..=VERSION).contains(&header.version) {
        return Err(SegmentError::Version {
            path: path.to_owned(),
            expected: VERSION,
            got: header.version,
        });
    }
    let front = bytes.get(..size_of::<Header>() - 4).unwrap_or_default();
    let crc = crc32c::crc32c(front);
    if crc != header.header_crc {
        return Err(checksum("the header", header.header_crc, crc));
    }
    if got != header.file_length {
        return Err(SegmentError::Length {
            path: path.to_owned(),
            expected: header.file_length,
            got,
        });
    }
    let table = usize::try_from(header.table_offset)
        .ok()
        .and_then(|start| bytes.get(start..))
        .and_then(|rest| rest.get(..header.section_count as usize * size_of::<SectionEntry>()))
        .ok_or_else(|| structure("the section table lies outside the file"))?;
    let crc = crc32c::crc32c(table);
    if crc != header.table_crc {
        return Err(checksum("the section table", header.table_crc, crc));
    }
    let mut entries = Vec::with_capacity(header.section_count as usize);
    for row in table.chunks_exact(size_of::<SectionEntry>()) {
        let entry = SectionEntry::read_from_bytes(row)
            .map_err(|_| structure("the section table has a row of a wrong length"))?;
        entries.push(entry);
    }
    let align = |offset: u64| offset.checked_next_multiple_of(ALIGNMENT as u64);
    let mut next = Some(size_of::<Header>() as u64);
    for entry in &entries {
        if next != Some(entry.offset) {
            return Err(structure("the sections do not follow one another"));
        }
        next = entry.offset.checked_add(entry.length).and_then(align);
    }
    let table_end = header.table_offset + table.len() as u64;
    if next != Some(header.table_offset) || align(table_end) != Some(got) {
        return Err(structure("the sections do not fill the file"));
    }
    Ok((header, entries))
}

/// The sections that no type has claimed yet.
struct Sections<'a> {
    left: BTreeMap<(u8, u16, u8), Range<usize>>,
    path: &'a Path,
}

impl Sections<'_> {
    fn problem(&self, problem: String) -> SegmentError {
        SegmentError::Structure {
            path: self.path.to_owned(),
            problem,
        }
    }

    /// The section, which must be there, with so many bytes.
    fn take(
        &mut self,
        code: u8,
        section: u16,
        table: u8,
        length: Option<usize>,
    ) -> Result<Range<usize>, SegmentError> {
        let name = kind::name(section);
        let range = self.left.remove(&(code, section, table)).ok_or_else(|| {
            self.problem(format!("section {name} of signal type {code} is missing"))
        })?;
        match length {
            Some(expected) if expected != range.len() => Err(self.problem(format!(
                "section {name} of signal type {code} has {} bytes, expected {expected}",
                range.len()
            ))),
            _ => Ok(range),
        }
    }

    /// The section, or nothing where it is not there.
    fn take_any(&mut self, code: u8, section: u16, table: u8) -> Range<usize> {
        self.left.remove(&(code, section, table)).unwrap_or(0..0)
    }
}

fn read_type(
    sections: &mut Sections<'_>,
    signal_type: SignalType,
    entry: &TypeEntry,
    bytes: &[u8],
) -> Result<TypeLayout, SegmentError> {
    let code = entry.signal_type;
    let problem = |sections: &Sections<'_>, what: &str| {
        sections.problem(format!("type {signal_type}: {what}"))
    };
    let count = |value: u64| usize::try_from(value).ok().filter(|&n| n <= MAX_HASHES);
    let (Some(hashes), Some(postings), Some(multi)) = (
        count(entry.hashes),
        count(entry.postings),
        count(entry.multi),
    ) else {
        return Err(problem(sections, "more hashes than a segment can hold"));
    };
    let extra = postings.checked_sub(hashes);
    let (Some(extra), true) = (extra, hashes > 0 && multi <= hashes) else {
        return Err(problem(
            sections,
            "the numbers of hashes and postings contradict each other",
        ));
    };
    let packing = Packing {
        bank_bits: u32::from(entry.bank_bits),
        content_bits: u32::from(entry.content_bits),
        content_base: entry.content_base,
    };
    if packing.bank_bits > 32 || packing.content_bits > 64 || (extra == 0) != (multi == 0) {
        return Err(problem(sections, "the postings' widths make no sense"));
    }
    let mut layout = TypeLayout {
        entry: *entry,
        packing,
        hashes: sections.take(
            code,
            kind::HASHES,
            0,
            hashes.checked_mul(signal_type.byte_len()),
        )?,
        primary: sections.take(code, kind::PRIMARY, 0, packing.column_bytes(hashes))?,
        multi_ids: 0..0,
        multi_starts: 0..0,
        extra: 0..0,
        digest_offsets: 0..0,
        reaches: 0..0,
        forms: 0..0,
        tables: Vec::new(),
    };
    if multi > 0 {
        layout.multi_ids = sections.take(code, kind::MULTI_IDS, 0, Some(4 * multi))?;
        layout.multi_starts = sections.take(code, kind::MULTI_STARTS, 0, Some(4 * (multi + 1)))?;
        layout.extra = sections.take(code, kind::EXTRA, 0, packing.column_bytes(extra))?;
    }
    let offsets_fit = |range: &Range<usize>| {
        let offsets = column::<u32>(bytes, range);
        offsets.first() == Some(&0)
            && offsets.last().is_some_and(|&last| last as usize == hashes)
            && offsets.is_sorted()
    };
    match (entry.layout, signal_type.family()) {
        (layout::LINEAR, Family::Pdq | Family::Hash64) => {}
        (layout::TABLES, Family::Pdq | Family::Hash64) => {
            for table in 0..signal_type.byte_len() as u8 / 2 {
                let offsets = sections.take(code, kind::OFFSETS, table, Some(4 * (BUCKETS + 1)))?;
                if !offsets_fit(&offsets) {
                    let what = format!("the offsets of table {table} are out of order or bounds");
                    return Err(problem(sections, &what));
                }
                let siblings = Some(2 * hashes.next_multiple_of(32));
                let siblings = sections.take(code, kind::SIBLINGS, table, siblings)?;
                let ids = match table {
                    0 => 0..0,
                    _ => sections.take(code, kind::IDS, table, Some(4 * hashes))?,
                };
                layout.tables.push(TableLayout {
                    offsets,
                    siblings,
                    ids,
                });
            }
        }
        (layout::DIGESTS, Family::Digest) if entry.prefix_bits <= 30 => {
            let length = Some(4 * ((1 << entry.prefix_bits) + 1));
            layout.digest_offsets = sections.take(code, kind::DIGEST_OFFSETS, 0, length)?;
            if !offsets_fit(&layout.digest_offsets) {
                return Err(problem(
                    sections,
                    "the digest offsets are out of order or bounds",
                ));
            }
        }
        _ => return Err(problem(sections, "its layout is unknown to this program")),
    }
    Ok(layout)
}

/// What is known of a type's hashes: from version 3 on, and where something is.
fn read_hash_facts(
    sections: &mut Sections<'_>,
    layout: &mut TypeLayout,
    bytes: &[u8],
) -> Result<(), SegmentError> {
    let (code, postings) = (layout.entry.signal_type, layout.entry.postings);
    layout.reaches = sections.take_any(code, kind::REACHES, 0);
    if !layout.reaches.is_empty() && layout.reaches.len() as u64 != postings {
        let got = layout.reaches.len();
        let problem = format!("section reaches has {got} bytes, expected {postings}");
        return Err(sections.problem(problem));
    }
    layout.forms = sections.take_any(code, kind::FORMS, 0);
    let rows = column::<FormRow>(bytes, &layout.forms);
    let is_good = |row: &FormRow| {
        row.reserved == 0
            && u64::from(row.posting) < postings
            && Form::from_code(row.form).is_some()
    };
    let in_order = rows.is_sorted_by(|a, b| a.posting < b.posting);
    if size_of_val(rows) != layout.forms.len() || !in_order || !rows.iter().all(is_good) {
        let problem = "section forms has a wrong length or order, or a form that is none";
        return Err(sections.problem(problem.to_owned()));
    }
    Ok(())
}
