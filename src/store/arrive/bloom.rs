//! What has arrived in a bank that was empty, so that the store need not be asked about what has not.
//!
//! A long list into an empty bank asks about each of its entries whether it is there. RocksDB answers from the
//! filter of each table and now and then from a block of it: beyond some millions of entries that costs
//! more than all else. One Bloom filter in memory answers for nearly all of them.

use crate::bank::BankId;
use crate::store::keys::SignalKey;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Bits of the filter, 32 MiB: of 10 million identities it takes about one in 3,000 strangers for one of them.
const BITS: u64 = 1 << 28;
/// Words of a block: 512 bits, which a processor fetches as one cache line. All bits of an identity lie in one block, so asking about it
/// costs one look into memory (F. Putze, P. Sanders, J. Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007).
const BLOCK: usize = 8;
const BLOCKS: u64 = BITS / 64 / BLOCK as u64;
/// Bits that are set for an identity; each takes nine bits of its hash, and the block the rest.
const PROBES: u32 = 5;

/// The identities of all items of a bank, but for chance.
pub(in crate::store) struct Arrived {
    bank: BankId,
    /// The store's revision at which these are all.
    revision: u64,
    words: Vec<u64>,
    /// Words before the first block, so that blocks lie in cache lines.
    skipped: usize,
}

impl Arrived {
    /// Of a bank without any item.
    pub(super) fn in_empty(bank: BankId, revision: u64) -> Self {
        let words = vec![0_u64; BLOCKS as usize * BLOCK + BLOCK];
        // Where that cannot be told, blocks lie in two lines each, and all else is the same.
        let skipped = words.as_ptr().align_offset(64).min(BLOCK);
        Self {
            bank,
            revision,
            words,
            skipped,
        }
    }

    /// Whether these are all identities of a bank at a revision.
    pub(super) fn are_all(&self, bank: BankId, revision: u64) -> bool {
        self.bank == bank && self.revision == revision
    }

    /// Whether the bank may have an item of this identity; `false` is sure.
    pub(super) fn may_have(&self, identity: &SignalKey) -> bool {
        let (at, mask) = place(identity);
        let from = self.skipped + at * BLOCK;
        let block = self.words.get(from..from + BLOCK).unwrap_or_default();
        (block.iter().zip(&mask)).all(|(word, mask)| word & mask == *mask)
    }

    /// Notes an identity that comes with the next revision.
    pub(super) fn note(&mut self, identity: &SignalKey) {
        let (at, mask) = place(identity);
        let from = self.skipped + at * BLOCK;
        let block = self.words.get_mut(from..from + BLOCK).unwrap_or_default();
        for (word, mask) in block.iter_mut().zip(&mask) {
            *word |= mask;
        }
    }

    /// From this revision on what was noted is there.
    pub(super) fn at(&mut self, revision: u64) {
        self.revision = revision;
    }
}

/// The block of an identity, and its bits there.
fn place(identity: &SignalKey) -> (usize, [u64; BLOCK]) {
    let mut hasher = DefaultHasher::new();
    identity.as_bytes().hash(&mut hasher);
    let hash = hasher.finish();
    let mut mask = [0; BLOCK];
    for probe in 0..PROBES {
        let bit = (hash >> (9 * probe)) as usize % (64 * BLOCK);
        if let Some(word) = mask.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }
    ((hash >> (9 * PROBES)) as usize % BLOCKS as usize, mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_may_be_there_and_few_strangers() {
        let bank = BankId(3);
        let key = |number: u64| {
            let mut digest = [7; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            SignalKey::set(bank, &digest)
        };
        let mut arrived = Arrived::in_empty(bank, 5);
        assert!(arrived.are_all(bank, 5) && !arrived.are_all(bank, 6));
        assert!(!arrived.are_all(BankId(4), 5));
        (0..20_000).for_each(|number| arrived.note(&key(number)));
        arrived.at(6);
        assert!(arrived.are_all(bank, 6) && !arrived.are_all(bank, 5));
        assert!((0..20_000).all(|number| arrived.may_have(&key(number))));
        let strangers = (20_000..40_000).filter(|&number| arrived.may_have(&key(number)));
        assert!(strangers.count() < 20);
    }
}
