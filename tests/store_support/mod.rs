//! What the tests of the store need.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use hashgate::bank::{BankId, ContentSignal, ContentState, Provenance};
use hashgate::hash::{Quality, Signal, SignalType};
use hashgate::store::{BankCounts, BankStore, NewItem};
use std::fmt::Write;
use std::path::PathBuf;

/// A folder for a store that is not there yet, inside one that goes when it is dropped.
pub(crate) fn new_folder() -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("home/store");
    (outer, folder)
}

/// A hash that looks random and is the same for the same number.
pub(crate) fn signal(kind: SignalType, number: u64) -> Signal {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(kind.code());
    let bytes: Vec<u8> = (0..kind.byte_len())
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
        })
        .collect();
    Signal::from_bytes(kind, &bytes).unwrap()
}

pub(crate) fn item(signals: &[Signal]) -> NewItem {
    NewItem {
        signals: signals
            .iter()
            .map(|&signal| ContentSignal::new(signal, signal.as_pdq().and(Quality::new(90))))
            .collect(),
        labels: vec!["sample".into()],
        provenance: Provenance {
            source: "list.csv".into(),
            record: Some(signals.len().to_string()),
            metadata: None,
            added_at: 1_700_000_000,
            ..Provenance::default()
        },
        ..NewItem::default()
    }
}

/// An item with one PDQ hash.
pub(crate) fn pdq(number: u64) -> NewItem {
    item(&[signal(SignalType::Pdq, number + 1)])
}

/// Everything that can be read from a store, as text.
pub(crate) fn dump(store: &BankStore) -> String {
    let mut text = String::new();
    for bank in store.banks().unwrap() {
        writeln!(text, "{bank:?} {:?}", store.counts(bank.id).unwrap()).unwrap();
        for item in store.items(bank.id) {
            let item = item.unwrap();
            writeln!(text, "{item:?}").unwrap();
            assert_eq!(store.item(item.id).unwrap().as_ref(), Some(&item));
            for entry in &item.signals {
                let found = store.find(&entry.signal).unwrap();
                assert!(found.contains(&item.id), "{:?} is found", entry.signal);
            }
        }
    }
    let items: u64 = store
        .banks()
        .unwrap()
        .iter()
        .map(|bank| store.counts(bank.id).unwrap().items)
        .sum();
    assert_eq!(store.verify().unwrap(), items);
    for record in store.records().unwrap() {
        writeln!(text, "{:?}", record.unwrap()).unwrap();
    }
    text
}

/// What the counts of a bank must be, counted item by item.
pub(crate) fn recount(store: &BankStore, bank: BankId) -> BankCounts {
    let mut counts = BankCounts::default();
    for item in store.items(bank) {
        let item = item.unwrap();
        counts.items += 1;
        match item.state {
            ContentState::Active => counts.active += 1,
            ContentState::Withdrawn => counts.withdrawn += 1,
            ContentState::Disputed => counts.disputed += 1,
        }
        for entry in item.signals {
            counts.calibrated += u64::from(entry.reach.is_some());
            *counts
                .signals
                .entry(entry.signal.signal_type())
                .or_default() += 1;
        }
        for opaque in item.opaque {
            *counts.opaque.entry(opaque.kind).or_default() += 1;
        }
    }
    counts
}
