#![doc = include_str!("FORMAT.md")]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first eight bytes of every segment.
pub const MAGIC: [u8; 8] = *b"hgseg\r\n\x1a";
/// The newest version of the format that this program writes and reads: of segments that know a form or
/// a reach of a hash.
pub const VERSION: u32 = 3;
/// The version of segments with facts of content, and with nothing of version 3.
pub const FACTS_VERSION: u32 = 2;
/// The version of segments without facts.
pub const PLAIN_VERSION: u32 = 1;
/// The byte-order mark; another machine's order shows it turned around.
pub const BYTE_ORDER: u32 = 0x0102_0304;
/// Every section begins at a multiple of this, and the file ends at one.
pub const ALIGNMENT: usize = 64;
/// The seed of the bit permutation in files that this program writes.
pub const DEFAULT_SEED: u64 = 0x6861_7368_6761_7465;
/// Number of buckets of a near type's table: one for each value of a 16-bit chunk.
pub const BUCKETS: usize = 1 << 16;
/// In the place of the reach of a posting that was not calibrated.
pub const NO_REACH: u8 = u8::MAX;
/// The code for a quality that is not known.
pub const UNKNOWN_QUALITY: u8 = 127;
/// Most hashes of one type in one segment.
pub const MAX_HASHES: usize = u32::MAX as usize - 64;
/// Zero bytes behind a packed column, so that every record can be read by one wide load.
pub const PACKED_TAIL: usize = 16;

/// The kinds of section.
pub mod kind {
    /// The banks that the segment's postings refer to.
    pub const BANKS: u16 = 1;
    /// One [`TypeEntry`](super::TypeEntry) for each signal type.
    pub const TYPES: u16 = 2;
    /// Content of older segments that no longer counts.
    pub const TOMBSTONES: u16 = 3;
    /// What is known of content besides its hashes.
    pub const FACTS: u16 = 4;
    /// A type's distinct hashes, ascending.
    pub const HASHES: u16 = 16;
    /// Where each bucket of a table begins.
    pub const OFFSETS: u16 = 17;
    /// A table's sibling chunks, bucket by bucket.
    pub const SIBLINGS: u16 = 18;
    /// A table's hash numbers, bucket by bucket.
    pub const IDS: u16 = 19;
    /// Each hash's first posting.
    pub const PRIMARY: u16 = 20;
    /// The numbers of hashes with more than one posting, ascending.
    pub const MULTI_IDS: u16 = 21;
    /// Where each such hash's further postings begin.
    pub const MULTI_STARTS: u16 = 22;
    /// The further postings.
    pub const EXTRA: u16 = 23;
    /// Where the digests of each prefix begin.
    pub const DIGEST_OFFSETS: u16 = 24;
    /// How far out the PDQ hash of each posting may reach.
    pub const REACHES: u16 = 25;
    /// Which form of its content the PDQ hash of a posting is of.
    pub const FORMS: u16 = 26;

    /// The name of a kind, for messages.
    #[must_use]
    pub const fn name(kind: u16) -> &'static str {
        match kind {
            BANKS => "banks",
            TYPES => "types",
            TOMBSTONES => "tombstones",
            FACTS => "facts",
            HASHES => "hashes",
            OFFSETS => "offsets",
            SIBLINGS => "siblings",
            IDS => "ids",
            PRIMARY => "postings",
            MULTI_IDS => "multi ids",
            MULTI_STARTS => "multi starts",
            EXTRA => "further postings",
            DIGEST_OFFSETS => "digest offsets",
            REACHES => "reaches",
            FORMS => "forms",
            _ => "unknown section",
        }
    }
}

/// How a type's hashes are laid out.
pub mod layout {
    /// A column that is scanned.
    pub const LINEAR: u8 = 1;
    /// A column with tables.
    pub const TABLES: u8 = 2;
    /// Sorted digests with prefix offsets.
    pub const DIGESTS: u8 = 3;
}

/// The first 128 bytes of a segment.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`PLAIN_VERSION`], [`FACTS_VERSION`] or [`VERSION`].
    pub version: u32,
    /// [`BYTE_ORDER`].
    pub byte_order: u32,
    /// Bytes in the file.
    pub file_length: u64,
    /// The generation that the segment was written for.
    pub generation: u64,
    /// The seed of the bit permutation.
    pub seed: u64,
    /// Where the section table begins.
    pub table_offset: u64,
    /// Number of sections.
    pub section_count: u32,
    /// CRC-32C of the section table.
    pub table_crc: u32,
    /// Zero.
    pub reserved: [u8; 68],
    /// CRC-32C of the bytes before it.
    pub header_crc: u32,
}

/// One row of the section table: 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SectionEntry {
    /// One of [`kind`].
    pub kind: u16,
    /// The code of the signal type, 0 for sections of the whole segment.
    pub signal_type: u8,
    /// The number of the table, 0 where there is none.
    pub table: u8,
    /// CRC-32C of the section's bytes.
    pub crc: u32,
    /// Where it begins: a multiple of [`ALIGNMENT`].
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
}

/// What a segment holds of one signal type: 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TypeEntry {
    /// The code of the signal type.
    pub signal_type: u8,
    /// One of [`layout`].
    pub layout: u8,
    /// Bits of a packed content number.
    pub content_bits: u8,
    /// Bits of a packed bank index.
    pub bank_bits: u8,
    /// Leading bits of a digest that choose its bucket; 0 for near types.
    pub prefix_bits: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// Number of distinct hashes.
    pub hashes: u64,
    /// Number of postings: pairs of a hash and a content item.
    pub postings: u64,
    /// Number of hashes with more than one posting.
    pub multi: u64,
    /// The least content number; packed ones are counted from it.
    pub content_base: u64,
    /// The greatest content number.
    pub content_max: u64,
    /// Zero.
    pub reserved2: [u64; 2],
}

/// Content that no longer counts in older segments: 16 bytes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Tombstone {
    /// The bank.
    pub bank: u32,
    /// Zero.
    pub reserved: u32,
    /// The content item.
    pub content: u64,
}

/// What is known of a content item besides its hashes: 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FactRow {
    /// The bank.
    pub bank: u32,
    /// How many agree that it is what it is said to be.
    pub sources: u32,
    /// The content item.
    pub content: u64,
    /// The labels that it has, as bits.
    pub labels: u64,
}

impl FactRow {
    /// What rows are ordered by.
    #[must_use]
    pub const fn key(&self) -> (u32, u64) {
        (self.bank, self.content)
    }
}

/// Which form of its content the hash of a posting is of: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FormRow {
    /// The posting: the first ones by their hashes, then the further ones.
    pub posting: u32,
    /// Zero.
    pub reserved: u32,
    /// [`Form::code`](crate::hash::Form::code).
    pub form: u64,
}

const _: () = assert!(size_of::<FormRow>() == 16);
const _: () = assert!(size_of::<FactRow>() == 24);
const _: () = assert!(size_of::<Header>() == 128);
const _: () = assert!(size_of::<SectionEntry>() == 24);
const _: () = assert!(size_of::<TypeEntry>() == 64);
const _: () = assert!(size_of::<Tombstone>() == 16);
