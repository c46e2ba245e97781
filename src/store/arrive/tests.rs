//! Arrivals that are cut off between any two of their steps.

use super::*;
use crate::bank::{Action, ContentSignal, Policy};
use crate::hash::{Signal, SignalType};

/// An item with a PDQ hash, every second one with an MD5 too.
fn item(number: u64) -> NewItem {
    let hash = |kind: SignalType| {
        let front = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let mut bytes = vec![kind.code(); kind.byte_len()];
        bytes[..8].copy_from_slice(&front);
        ContentSignal::new(Signal::from_bytes(kind, &bytes).unwrap(), None)
    };
    let mut signals = vec![hash(SignalType::Pdq)];
    signals.extend(number.is_multiple_of(2).then(|| hash(SignalType::Md5)));
    NewItem {
        signals,
        ..NewItem::default()
    }
}

/// What a store holds, as its numbers say it and as it is.
fn held(store: &BankStore, bank: BankId) -> (u64, BankCounts, u64, u64) {
    let counts = store.counts(bank).unwrap();
    let items = store.items(bank).map(Result::unwrap).count() as u64;
    (store.revision(), counts, items, store.verify().unwrap())
}

/// Where an arrival is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Cut {
    Written,
    Begun,
    ContentIn,
    BothIn,
}

/// Brings items in up to where that is cut off.
fn cut_off(store: &BankStore, gathered: &Gathered, cut: Cut) {
    let order = in_order(&gathered.keys);
    let mut writer = store.writer().unwrap();
    let is_left = store.choose(gathered, &order, None).unwrap();
    let new = NewNumbers {
        bank: gathered.bank,
        first: ContentId(writer.state.next_content),
        items: is_left.iter().filter(|&&is_left| !is_left).count() as u64,
    };
    let files = Files::new(store.folder());
    let ids = ids(new.first, &is_left);
    store.write_tables(&files, gathered, &order, &ids).unwrap();
    if cut >= Cut::Begun {
        store.begin_arrival(&mut writer, &new).unwrap();
    }
    if cut >= Cut::ContentIn {
        store.take_in(keys::CONTENT, &files.content).unwrap();
    }
    if cut >= Cut::BothIn {
        store.take_in(keys::BY_SIGNAL, &files.by_signal).unwrap();
    }
}

#[test]
fn an_arrival_that_is_cut_off_leaves_the_store_as_it_was() {
    for cut in [Cut::Written, Cut::Begun, Cut::ContentIn, Cut::BothIn] {
        for is_read_first in [false, true] {
            let outer = tempfile::tempdir().unwrap();
            let folder = outer.path().join("store");
            let store = BankStore::open(&folder).unwrap();
            let policy = Policy::new(Action::Block);
            let bank = store.create_bank(&"a".parse().unwrap(), policy).unwrap().id;
            let old: Vec<NewItem> = (0..50).map(item).collect();
            store.add(bank, &old).unwrap();
            let before = held(&store, bank);
            let mut gathered = Gathered::new(bank);
            for number in 25..400 {
                gathered.push(item(number)).unwrap();
            }
            cut_off(&store, &gathered, cut);
            drop(store);
            // Whoever only reads has it put right too.
            if is_read_first {
                let store = BankStore::open_read_only(&folder).unwrap();
                assert_eq!(held(&store, bank), before, "{cut:?}");
            }
            let store = BankStore::open(&folder).unwrap();
            assert_eq!(held(&store, bank), before, "{cut:?}");
            let names = fs::read_dir(&folder).unwrap();
            let mut names = names.map(|entry| entry.unwrap().file_name());
            assert!(!names.any(|name| name.to_string_lossy().starts_with("arriving")));
            // The same items come in as if nothing had been.
            let summary = store.add_gathered(&mut gathered).unwrap();
            assert_eq!((summary.added, summary.already_there), (350, 25));
            assert_eq!(store.verify().unwrap(), 400);
        }
    }
}

#[test]
fn the_same_process_takes_out_what_it_could_not_acknowledge() {
    for cut in [Cut::Begun, Cut::ContentIn, Cut::BothIn] {
        let outer = tempfile::tempdir().unwrap();
        let store = BankStore::open(outer.path().join("store")).unwrap();
        let policy = Policy::new(Action::Block);
        let bank = store.create_bank(&"a".parse().unwrap(), policy).unwrap().id;
        let mut gathered = Gathered::new(bank);
        for number in 0..100 {
            gathered.push(item(number)).unwrap();
        }
        cut_off(&store, &gathered, cut);
        assert_eq!(store.add(bank, &[item(7)]).unwrap().added, 1, "{cut:?}");
        let (revision, counts, items, verified) = held(&store, bank);
        assert_eq!((revision, counts.items, items, verified), (2, 1, 1, 1));
    }
}

#[test]
fn a_schema_that_says_so_without_numbers_is_a_newer_one() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("store");
    let store = BankStore::open(&folder).unwrap();
    let mut batch = WriteBatch::default();
    let meta = store.family(keys::META).unwrap();
    batch.put_cf(meta, keys::SCHEMA, SCHEMA_ARRIVING.to_be_bytes());
    store.db.write_opt(batch, &options::synced()).unwrap();
    drop(store);
    let refused = BankStore::open(&folder);
    assert!(matches!(refused, Err(StoreError::NewerSchema { .. })));
}

#[test]
fn what_is_noted_of_numbers_has_its_documented_bytes() {
    let new = NewNumbers {
        bank: BankId(0x0102_0304),
        first: ContentId(0x1112),
        items: 0x10,
    };
    let value = arriving(&new);
    assert_eq!(
        value,
        *b"\x01\x02\x03\x04\0\0\0\0\0\0\x11\x12\0\0\0\0\0\0\0\x10"
    );
    let parsed = (new.bank, new.first, ContentId(0x1122));
    assert_eq!(parse_arriving(&value), Some(parsed));
    assert_eq!(parse_arriving(&value[..19]), None);
}
