//! Adding items, each once.

use crate::bank::{BankId, ContentId, ContentSignal, ContentState, Provenance};
use crate::hash::SignalType;
use crate::store::keys::SignalKey;
use crate::store::record::{Content, ContentEncoder, Touched};
use crate::store::{BankStore, StoreError, keys};
use rocksdb::WriteBatch;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// An item to add to a bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Its hashes: at least one. What is there twice is kept once.
    pub signals: Vec<ContentSignal>,
    /// What its source or its owner calls it.
    pub labels: Vec<String>,
    /// Where it came from.
    pub provenance: Provenance,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddSummary {
    /// Items that are new in the bank.
    pub added: u64,
    /// Items whose identity was in the bank already, or came earlier in the batch.
    pub already_there: u64,
}

/// An item of a batch with its identity.
struct Candidate<'a> {
    item: &'a NewItem,
    signals: Cow<'a, [ContentSignal]>,
    identity: SignalKey,
    is_new: bool,
}

impl BankStore {
    /// Adds items to a bank: all of them, or none where it fails. When it returns, they are on
    /// disk.
    ///
    /// An item that is already there (see the [room](crate::store)) is left as it is, withdrawn or
    /// not. Give [`BankStore::BATCH`] items at a time: memory grows with the batch.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBankId`], [`StoreError::NoSignals`], and [`StoreError::Database`] where
    /// the disk is full; what was acknowledged before stays.
    pub fn add(&self, bank: BankId, items: &[NewItem]) -> Result<AddSummary, StoreError> {
        let mut writer = self.writer()?;
        let mut counts = self.counts(bank)?;
        let mut candidates = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            if item.signals.is_empty() {
                return Err(StoreError::NoSignals { position });
            }
            let signals = once(&item.signals);
            let identity = identity(bank, &signals);
            candidates.push(Candidate {
                item,
                signals,
                identity,
                is_new: false,
            });
        }
        let added = self.find_new(&mut candidates)?;
        let summary = AddSummary {
            added: added as u64,
            already_there: (items.len() - added) as u64,
        };
        if added == 0 {
            return Ok(summary);
        }

        let mut state = writer.state;
        let content = self.family(keys::CONTENT)?;
        let mut entries = Vec::with_capacity(added);
        let mut encoder = ContentEncoder::default();
        let mut batch = WriteBatch::default();
        if writer.newest_extent != Some(bank.0) {
            let first = state.next_content.to_be_bytes();
            batch.put_cf(self.family(keys::EXTENTS)?, first, bank.0.to_be_bytes());
        }
        for candidate in candidates.iter().filter(|candidate| candidate.is_new) {
            let id = ContentId(state.next_content);
            state.next_content =
                id.0.checked_add(1)
                    .ok_or(StoreError::Exhausted { what: "content" })?;
            let value = encoder.encode(&Content {
                state: ContentState::Active,
                signals: &candidate.signals,
                labels: &candidate.item.labels,
                provenance: &candidate.item.provenance,
            });
            batch.put_cf(content, keys::content(bank, id), value);
            entries.push((candidate.identity, id, true));
            let others = other_keys(bank, &candidate.signals, &candidate.identity);
            entries.extend(others.map(|key| (key, id, false)));
            let signals = candidate.signals.iter().map(|entry| &entry.signal);
            counts.add(ContentState::Active, signals)?;
        }
        // In the order of their keys, each finds its place in RocksDB's memory near the one before:
        // random keys cost several times as much.
        entries.sort_unstable();
        let by_signal = self.family(keys::BY_SIGNAL)?;
        for (key, id, is_identity) in entries {
            if is_identity {
                batch.put_cf(by_signal, key, id.0.to_be_bytes());
            } else {
                batch.put_cf(by_signal, key.with(id), []);
            }
        }
        self.put_counts(&mut batch, bank, &counts)?;
        let touched = Touched::Added {
            bank,
            first: ContentId(writer.state.next_content),
            items: summary.added,
        };
        self.commit(&mut writer, batch, state, touched)?;
        writer.newest_extent = Some(bank.0);
        Ok(summary)
    }

    /// Marks the candidates whose identity is neither in the store nor earlier in the batch, and
    /// counts them.
    fn find_new(&self, candidates: &mut [Candidate<'_>]) -> Result<usize, StoreError> {
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_unstable_by(|&a, &b| {
            let key = |index: usize| candidates.get(index).map(|candidate| candidate.identity);
            key(a).cmp(&key(b)).then(a.cmp(&b))
        });
        let mut sorted: Vec<(SignalKey, usize)> = order
            .into_iter()
            .filter_map(|index| Some((candidates.get(index)?.identity, index)))
            .collect();
        sorted.dedup_by_key(|(identity, _)| *identity);
        let found = self.db.batched_multi_get_cf(
            self.family(keys::BY_SIGNAL)?,
            sorted.iter().map(|(identity, _)| identity.as_bytes()),
            true,
        );
        let mut added = 0;
        for ((_, index), found) in sorted.into_iter().zip(found) {
            let is_new = found
                .map_err(|source| self.failed("read", source))?
                .is_none();
            if is_new && let Some(candidate) = candidates.get_mut(index) {
                candidate.is_new = true;
                added += 1;
            }
        }
        Ok(added)
    }
}

/// The signals in the order of their types and values, each once, with the first quality that is
/// known.
pub(super) fn once(signals: &[ContentSignal]) -> Cow<'_, [ContentSignal]> {
    if signals.is_sorted_by(|a, b| a.signal < b.signal) {
        return Cow::Borrowed(signals);
    }
    let mut sorted = signals.to_vec();
    sorted.sort_by_key(|entry| entry.signal);
    sorted.dedup_by(|later, kept| {
        let same = later.signal == kept.signal;
        if same {
            kept.quality = kept.quality.or(later.quality);
        }
        same
    });
    Cow::Owned(sorted)
}

/// What an item is known by in its bank: its SHA-256 digest where it has exactly one, else the set
/// of its signals, which must be in order.
pub(super) fn identity(bank: BankId, signals: &[ContentSignal]) -> SignalKey {
    let is_digest = |entry: &&ContentSignal| entry.signal.signal_type() == SignalType::Sha256;
    let mut digests = signals.iter().filter(is_digest);
    match (signals, digests.next(), digests.next()) {
        ([only], _, _) => SignalKey::signal(bank, &only.signal),
        (_, Some(digest), None) => SignalKey::signal(bank, &digest.signal),
        _ => {
            let mut set = Sha256::new();
            for entry in signals {
                set.update([entry.signal.signal_type().code()]);
                set.update(entry.signal.as_bytes());
            }
            SignalKey::set(bank, &set.finalize().into())
        }
    }
}

/// The keys of the signals that are not the identity themselves.
pub(super) fn other_keys(
    bank: BankId,
    signals: &[ContentSignal],
    identity: &SignalKey,
) -> impl Iterator<Item = SignalKey> {
    signals
        .iter()
        .map(move |entry| SignalKey::signal(bank, &entry.signal))
        .filter(move |key| key != identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Quality, Signal};

    fn entry(kind: SignalType, byte: u8, quality: Option<u8>) -> ContentSignal {
        ContentSignal {
            signal: Signal::from_bytes(kind, &vec![byte; kind.byte_len()]).unwrap(),
            quality: quality.and_then(Quality::new),
        }
    }

    #[test]
    fn signals_are_kept_once_in_order_with_a_known_quality() {
        let given = [
            entry(SignalType::Md5, 1, None),
            entry(SignalType::Pdq, 2, None),
            entry(SignalType::Pdq, 2, Some(80)),
            entry(SignalType::Pdq, 1, Some(7)),
        ];
        let want = [
            entry(SignalType::Pdq, 1, Some(7)),
            entry(SignalType::Pdq, 2, Some(80)),
            entry(SignalType::Md5, 1, None),
        ];
        assert_eq!(*once(&given), want);
        assert!(matches!(once(&want), Cow::Borrowed(_)));
    }

    #[test]
    fn identity_is_one_sha256_or_the_whole_set() {
        let bank = BankId(1);
        let (sha, other) = (
            entry(SignalType::Sha256, 1, None),
            entry(SignalType::Sha256, 2, None),
        );
        let (pdq, md5) = (
            entry(SignalType::Pdq, 1, Some(9)),
            entry(SignalType::Md5, 1, None),
        );
        let same = |a: &[ContentSignal], b: &[ContentSignal]| {
            identity(bank, &once(a)) == identity(bank, &once(b))
        };
        assert!(same(&[sha, pdq], &[sha, md5]));
        assert!(same(&[sha, pdq], &[sha]));
        assert!(!same(&[sha, pdq], &[other, pdq]));
        assert!(!same(&[sha, other], &[sha]));
        assert!(same(&[sha, other], &[other, sha]));
        assert!(same(&[pdq, md5], &[md5, pdq]));
        assert!(!same(&[pdq, md5], &[pdq]));
        let better = ContentSignal {
            quality: None,
            ..pdq
        };
        assert!(
            same(&[pdq, md5], &[better, md5]),
            "quality is no part of it"
        );
        assert!(identity(bank, &[pdq]) != identity(BankId(2), &[pdq]));
    }
}
