//! An item that comes in, and what it is known by.
//!
//! Owned here: the order of an item's hashes, each once, and its identity in a bank. Not owned: what
//! becomes of the item (`add`, `sync`).

use crate::bank::{BankId, ContentSignal, OpaqueSignal, Provenance};
use crate::hash::{Form, SignalType};
use crate::store::keys::SignalKey;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// An item to add to a bank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewItem {
    /// Its hashes: at least one, unless there are opaque signals. What is there twice is kept once.
    pub signals: Vec<ContentSignal>,
    /// Its signals of kinds that cannot be computed here.
    pub opaque: Vec<OpaqueSignal>,
    /// What its source or its owner calls it.
    pub labels: Vec<String>,
    /// Where it came from.
    pub provenance: Provenance,
    /// Some of its hashes could not be read, so that those of before may still be its source's:
    /// [`BankStore::sync`](crate::store::BankStore::sync) adds what it has, and nothing loses the record by it.
    pub is_partial: bool,
}

/// As [`once`], of hashes that a source gives: how far they may reach is said here, by nobody else.
pub(super) fn given(signals: &[ContentSignal]) -> Cow<'_, [ContentSignal]> {
    let mut given = once(signals);
    if given.iter().any(|entry| entry.reach.is_some()) {
        given
            .to_mut()
            .iter_mut()
            .for_each(|entry| entry.reach = None);
    }
    given
}

/// Of two forms of the item that a hash is said to be of, the one that counts, in whatever order they
/// come: lists seldom know, so that one who says nothing takes nothing back.
pub(super) fn form_of(a: Option<Form>, b: Option<Form>) -> Option<Form> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The signals in the order of their types and values, each once, with the best quality that is
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
            kept.quality = kept.quality.max(later.quality);
            kept.form = form_of(kept.form, later.form);
            kept.reach = kept.reach.or(later.reach);
        }
        same
    });
    Cow::Owned(sorted)
}

/// What an item is known by in its bank: its SHA-256 digest where it has exactly one, else the set
/// of its signals, which must be in order; where it has none, the set of its opaque signals.
pub(super) fn identity(
    bank: BankId,
    signals: &[ContentSignal],
    opaque: &[OpaqueSignal],
) -> SignalKey {
    let is_digest = |entry: &&ContentSignal| entry.signal.signal_type() == SignalType::Sha256;
    let mut digests = signals.iter().filter(is_digest);
    match (signals, digests.next(), digests.next()) {
        ([only], _, _) => SignalKey::signal(bank, &only.signal),
        (_, Some(digest), None) => SignalKey::signal(bank, &digest.signal),
        _ => {
            let mut set = Sha256::new();
            if signals.is_empty() {
                let mut opaque: Vec<&OpaqueSignal> = opaque.iter().collect();
                opaque.sort_unstable();
                opaque.dedup();
                for OpaqueSignal { kind, value } in opaque {
                    for part in [kind, value] {
                        set.update((part.len() as u64).to_be_bytes());
                        set.update(part);
                    }
                }
            }
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
        ContentSignal::new(
            Signal::from_bytes(kind, &vec![byte; kind.byte_len()]).unwrap(),
            quality.and_then(Quality::new),
        )
    }

    #[test]
    fn signals_are_kept_once_in_order_with_a_known_quality() {
        let given = [
            entry(SignalType::Md5, 1, None),
            entry(SignalType::Pdq, 2, None),
            entry(SignalType::Pdq, 2, Some(80)),
            entry(SignalType::Pdq, 2, Some(79)),
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
            identity(bank, &once(a), &[]) == identity(bank, &once(b), &[])
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
        assert!(identity(bank, &[pdq], &[]) != identity(BankId(2), &[pdq], &[]));
    }
}
