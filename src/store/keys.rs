//! Names of the column families, and the keys in them.
//!
//! The layout is in the table of the room. Keys are written and read here and nowhere else.

use crate::bank::{BankId, ContentId};
use crate::hash::Signal;

pub(super) const META: &str = "meta";
pub(super) const BANKS: &str = "banks";
pub(super) const BANK_NAMES: &str = "bank_names";
pub(super) const CONTENT: &str = "content";
pub(super) const EXTENTS: &str = "extents";
pub(super) const BY_SIGNAL: &str = "by_signal";

/// Every column family of this schema.
pub(super) const FAMILIES: [&str; 6] = [META, BANKS, BANK_NAMES, CONTENT, EXTENTS, BY_SIGNAL];

/// In `meta`: the schema version, a big-endian `u32`. This key and this form never change.
pub(super) const SCHEMA: &[u8] = b"schema";
/// In `meta`: next numbers and the revision.
pub(super) const STATE: &[u8] = b"state";

/// In `meta`: which numbers of which bank new tables bring that are not acknowledged yet.
pub(super) const ARRIVING: &[u8] = b"arriving";

/// In place of a signal type's code: a set of signals.
pub(super) const SET_CODE: u8 = 0;

/// In place of a signal type's code: a source's own id of a record.
pub(super) const RECORD_CODE: u8 = u8::MAX;

/// In `meta`: the counts of a bank.
pub(super) fn counts(bank: BankId) -> [u8; 10] {
    let mut key = *b"counts\0\0\0\0";
    key[6..].copy_from_slice(&bank.0.to_be_bytes());
    key
}

/// In `meta`: what the change touched that led to a revision.
pub(super) fn change(revision: u64) -> [u8; 14] {
    let mut key = *b"change\0\0\0\0\0\0\0\0";
    key[6..].copy_from_slice(&revision.to_be_bytes());
    key
}

/// The revision, from the key of a change.
pub(super) fn parse_change(key: &[u8]) -> Option<u64> {
    parse_u64(key.strip_prefix(b"change")?)
}

/// In `meta`: what people wrote about an item.
pub(super) fn remarks(bank: BankId, id: ContentId) -> [u8; 19] {
    let mut key = *b"remarks\0\0\0\0\0\0\0\0\0\0\0\0";
    key[7..].copy_from_slice(&content(bank, id));
    key
}

/// The bank and the number of the item that remarks are about, from their key.
pub(super) fn parse_remarks(key: &[u8]) -> Option<(BankId, ContentId)> {
    parse_content(key.strip_prefix(b"remarks")?)
}

/// In `meta`: where all remarks begin, and where they end.
pub(super) fn all_remarks() -> ([u8; 19], [u8; 20]) {
    let (from, _) = remarks_range(BankId(0));
    let (_, to) = remarks_range(BankId(u32::MAX));
    (from, to)
}

/// In `meta`: where the remarks on a bank's items begin, and where they end.
pub(super) fn remarks_range(bank: BankId) -> ([u8; 19], [u8; 20]) {
    let mut end = [0xff; 20];
    end[..19].copy_from_slice(&remarks(bank, ContentId(u64::MAX)));
    (remarks(bank, ContentId(0)), end)
}

/// In `meta`: what is kept beside a bank under a name.
pub(super) fn fact(bank: BankId, name: &[u8]) -> Vec<u8> {
    [&b"fact"[..], &bank.0.to_be_bytes(), name].concat()
}

/// The name, from the key of what is kept beside a bank.
pub(super) fn parse_fact(key: &[u8]) -> Option<&[u8]> {
    key.strip_prefix(b"fact")?.get(4..)
}

/// In `content`: an item.
pub(super) fn content(bank: BankId, content: ContentId) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&bank.0.to_be_bytes());
    key[4..].copy_from_slice(&content.0.to_be_bytes());
    key
}

/// The bank and the number of an item, from its key.
pub(super) fn parse_content(key: &[u8]) -> Option<(BankId, ContentId)> {
    let (bank, content) = key.split_first_chunk::<4>()?;
    let content = content.try_into().ok()?;
    Some((
        BankId(u32::from_be_bytes(*bank)),
        ContentId(u64::from_be_bytes(content)),
    ))
}

/// A number of 4 bytes.
pub(super) fn parse_u32(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// A number of 8 bytes.
pub(super) fn parse_u64(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

/// Where the keys of a bank begin, and where those of the next would.
pub(super) fn bank_range(bank: BankId) -> ([u8; 4], [u8; 4]) {
    (bank.0.to_be_bytes(), bank.0.saturating_add(1).to_be_bytes())
}

/// In `by_signal`: a hash or a set of them, at most 4 + 1 + 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SignalKey {
    // The length is no part of the order: of two keys with one bank and one code it is the same.
    bytes: [u8; Self::MAX],
    len: u8,
}

impl SignalKey {
    const MAX: usize = 4 + 1 + 32;

    fn new(bank: BankId, code: u8, value: &[u8]) -> Self {
        let mut bytes = [0; Self::MAX];
        let len = (5 + value.len()).min(Self::MAX);
        bytes[..4].copy_from_slice(&bank.0.to_be_bytes());
        bytes[4] = code;
        bytes[5..len].copy_from_slice(&value[..len - 5]);
        Self {
            bytes,
            len: len as u8,
        }
    }

    pub(super) fn signal(bank: BankId, signal: &Signal) -> Self {
        Self::new(bank, signal.signal_type().code(), signal.as_bytes())
    }

    pub(super) fn set(bank: BankId, digest: &[u8; 32]) -> Self {
        Self::new(bank, SET_CODE, digest)
    }

    /// A record of a source, by the digest of both names.
    pub(super) fn record(bank: BankId, digest: &[u8; 32]) -> Self {
        Self::new(bank, RECORD_CODE, digest)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The first eight bytes behind the bank, by which most keys of a bank are in their order already.
    pub(super) fn front(&self) -> u64 {
        let mut front = [0; 8];
        front.copy_from_slice(&self.bytes[4..12]);
        u64::from_be_bytes(front)
    }

    /// This key with an item behind it.
    pub(super) fn with(&self, content: ContentId) -> Vec<u8> {
        [self.as_bytes(), &content.0.to_be_bytes()].concat()
    }

    /// A key behind every key that begins with this one and has an item behind it.
    pub(super) fn after(&self) -> Vec<u8> {
        [self.as_bytes(), &[0xff; 9]].concat()
    }
}

impl AsRef<[u8]> for SignalKey {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_documented_bytes() {
        let bank = BankId(0x0102_0304);
        let item = ContentId(0x1112_1314_1516_1718);
        assert_eq!(counts(bank), *b"counts\x01\x02\x03\x04");
        let key = change(item.0);
        assert_eq!(key, *b"change\x11\x12\x13\x14\x15\x16\x17\x18");
        assert_eq!(parse_change(&key), Some(item.0));
        assert_eq!(parse_change(&counts(bank)), None);
        assert_eq!(parse_change(STATE), None);
        let key = content(bank, item);
        assert_eq!(key, *b"\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18");
        assert_eq!(parse_content(&key), Some((bank, item)));
        assert_eq!(parse_content(&key[..11]), None);
        let key = remarks(bank, item);
        assert_eq!(
            key,
            *b"remarks\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18"
        );
        assert_eq!(parse_remarks(&key), Some((bank, item)));
        assert_eq!(parse_remarks(&key[..18]), None);
        let (from, to) = all_remarks();
        assert!(from[..] < key[..] && key[..] < to[..]);
        let (from, to) = remarks_range(bank);
        assert!(from[..] < key[..] && remarks(bank, ContentId(u64::MAX))[..] < to[..]);
        assert!(to[..] < remarks(BankId(bank.0 + 1), ContentId(0))[..]);
        let key = fact(bank, b"position");
        assert_eq!(key, *b"fact\x01\x02\x03\x04position");
        assert_eq!(parse_fact(&key), Some(&b"position"[..]));
        assert_eq!(parse_fact(&key[..7]), None);
        let signal = Signal::from_bytes(crate::hash::SignalType::Phash, &[7; 8]).unwrap();
        let key = SignalKey::signal(bank, &signal);
        assert_eq!(
            key.as_bytes(),
            *b"\x01\x02\x03\x04\x07\x07\x07\x07\x07\x07\x07\x07\x07"
        );
        assert!(key.with(item).ends_with(&item.0.to_be_bytes()));
        assert!(key.with(ContentId(u64::MAX)) < key.after());
        let set = SignalKey::set(bank, &[0xff; 32]);
        assert_eq!(set.as_bytes().len(), SignalKey::MAX);
    }
}
