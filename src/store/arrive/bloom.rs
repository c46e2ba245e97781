//! What has arrived in a bank that was empty, so that the store need not be asked about what has not.
//!
//! A long list into an empty bank asks about each of its entries whether it is there. RocksDB answers from the
//! filter of each table and now and then from a block of it: beyond some millions of entries that costs
//! more than all else. One Bloom filter in memory answers for nearly all of them.

use crate::bank::BankId;
use crate::store::keys::SignalKey;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Bits of the filter, 32 MiB: of 10 million identities it takes about one in 5,000 strangers for one of them.
const BITS: u64 = 1 << 28;
/// Bits that are set for an identity.
const PROBES: u64 = 4;

/// The identities of all items of a bank, but for chance.
pub(in crate::store) struct Arrived {
    bank: BankId,
    /// The store's revision at which these are all.
    revision: u64,
    words: Vec<u64>,
}

impl Arrived {
    /// Of a bank without any item.
    pub(super) fn in_empty(bank: BankId, revision: u64) -> Self {
        Self {
            bank,
            revision,
            words: vec![0; (BITS / 64) as usize],
        }
    }

    /// Whether these are all identities of a bank at a revision.
    pub(super) fn are_all(&self, bank: BankId, revision: u64) -> bool {
        self.bank == bank && self.revision == revision
    }

    /// Whether the bank may have an item of this identity; `false` is sure.
    pub(super) fn may_have(&self, identity: &SignalKey) -> bool {
        places(identity).all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }

    /// Notes an identity that comes with the next revision.
    pub(super) fn note(&mut self, identity: &SignalKey) {
        for (word, bit) in places(identity) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// From this revision on what was noted is there.
    pub(super) fn at(&mut self, revision: u64) {
        self.revision = revision;
    }
}

fn places(identity: &SignalKey) -> impl Iterator<Item = (usize, u64)> {
    let mut hasher = DefaultHasher::new();
    identity.as_bytes().hash(&mut hasher);
    let hash = hasher.finish();
    // Double hashing: the halves of one hash make all places.
    let (start, step) = (hash, (hash >> 32) | 1);
    (0..PROBES).map(move |probe| {
        let place = start.wrapping_add(probe.wrapping_mul(step)) % BITS;
        ((place / 64) as usize, 1 << (place % 64))
    })
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
