//! The log against a store that is compared item by item, its bounds, and other histories.

use super::*;
use crate::bank::{Action, ContentSignal, Policy};
use crate::hash::{Signal, SignalType};
use crate::store::NewItem;
use crate::store::mark::new_mark;
use std::collections::BTreeMap;
use std::path::Path;

fn item(number: u64) -> NewItem {
    let signal = Signal::from_bytes(SignalType::Phash, &number.to_be_bytes()).unwrap();
    NewItem {
        signals: vec![ContentSignal::new(signal, None)],
        labels: Vec::new(),
        ..NewItem::default()
    }
}

/// A store with a bank of ten items, numbered from 1.
fn filled(folder: &Path) -> (BankStore, BankId) {
    let store = BankStore::open(folder).unwrap();
    let bank = store.create_bank(&"a".parse().unwrap(), Policy::new(Action::Block));
    let bank = bank.unwrap().id;
    let items: Vec<_> = (0..10).map(item).collect();
    assert_eq!(store.add(bank, &items).unwrap().added, 10);
    (store, bank)
}

fn mark(store: &BankStore) -> (u64, u64) {
    let snapshot = store.snapshot().unwrap();
    (snapshot.revision, snapshot.mark().unwrap().unwrap())
}

/// The items that were touched, as the log says: those to be replaced, and the active ones.
type Said = Option<(Vec<u64>, Vec<u64>)>;

fn said(store: &BankStore, (revision, mark): (u64, u64)) -> Said {
    let snapshot = store.snapshot().unwrap();
    let changes = snapshot.changes_since(revision, mark).unwrap()?;
    let replaced = changes.replaced().map(|(_, id)| id.0).collect();
    let records = changes.records().unwrap();
    Some((replaced, records.map(|r| r.unwrap().content.0).collect()))
}

#[test]
fn what_was_touched_is_said_and_what_became_of_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bank) = filled(&folder.path().join("store"));
    let start = mark(&store);
    assert_eq!(said(&store, start), Some((vec![], vec![])));
    store.add(bank, &[item(0), item(10), item(11)]).unwrap();
    assert_eq!(said(&store, start), Some((vec![], vec![11, 12])));
    let middle = mark(&store);
    store.withdraw(ContentId(12), 0).unwrap();
    store.withdraw(ContentId(3), 0).unwrap();
    store.delete_item(ContentId(4)).unwrap();
    assert_eq!(said(&store, start), Some((vec![3, 4], vec![11])));
    assert_eq!(said(&store, middle), Some((vec![3, 4, 12], vec![])));
    store.reinstate(ContentId(3), 0).unwrap();
    let other = store.create_bank(&"b".parse().unwrap(), Policy::new(Action::Allow));
    store.add(other.unwrap().id, &[item(0), item(1)]).unwrap();
    store.add(bank, &[item(12)]).unwrap();
    assert_eq!(
        said(&store, start),
        Some((vec![3, 4], vec![3, 11, 15, 13, 14]))
    );
    store.delete_bank(&"a".parse().unwrap()).unwrap();
    assert_eq!(said(&store, start), Some((vec![], vec![13, 14])));
    assert_eq!(said(&store, mark(&store)), Some((vec![], vec![])));
}

#[test]
fn what_gets_a_second_source_was_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bank) = filled(&folder.path().join("store"));
    let start = mark(&store);
    let labelled = |number| NewItem {
        labels: vec!["more".into()],
        ..item(number)
    };
    store
        .add(bank, &[labelled(8), labelled(2), labelled(3)])
        .unwrap();
    assert_eq!(said(&store, start), Some((vec![3, 4, 9], vec![3, 4, 9])));
    let middle = mark(&store);
    store
        .add(bank, &[labelled(3), labelled(0), item(10)])
        .unwrap();
    let all = vec![1, 3, 4, 9];
    assert_eq!(said(&store, start), Some((all, vec![1, 3, 4, 9, 11])));
    assert_eq!(said(&store, middle), Some((vec![1], vec![1, 11])));
    store.add(bank, &[labelled(10)]).unwrap();
    assert_eq!(said(&store, middle), Some((vec![1], vec![1, 11])));
    drop(store);
    let store = BankStore::open(folder.path().join("store")).unwrap();
    assert_eq!(said(&store, middle), Some((vec![1], vec![1, 11])));
}

#[test]
fn the_log_keeps_so_many_changes_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bank) = filled(&folder.path().join("store"));
    store.writer().unwrap().changes_kept = 4;
    let mut marks = vec![mark(&store)];
    for number in 10..20 {
        store.add(bank, &[item(number)]).unwrap();
        marks.push(mark(&store));
    }
    let answers: Vec<bool> = marks.iter().map(|&at| said(&store, at).is_some()).collect();
    let mut expected = vec![false; 11];
    expected[7..].fill(true);
    assert_eq!(answers, expected, "the mark of a revision is needed too");
    assert_eq!(said(&store, marks[7]), Some((vec![], vec![18, 19, 20])));
    let meta = store.family(keys::META).unwrap();
    let kept = store.db.iterator_cf(meta, rocksdb::IteratorMode::Start);
    let kept = kept.filter(|entry| keys::parse_change(&entry.as_ref().unwrap().0).is_some());
    assert_eq!(kept.count(), 4);
}

#[test]
fn a_revision_of_another_history_has_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let (store, bank) = filled(&path);
    let at = mark(&store);
    assert!(said(&store, at).is_some());
    assert_eq!(said(&store, (at.0, at.1 ^ 1)), None, "another mark");
    assert_eq!(said(&store, (at.0 + 1, at.1)), None, "not there yet");
    assert_eq!(said(&store, (at.0 - 1, at.1)), None, "the mark of another");
    assert_eq!(said(&store, (u64::MAX, at.1)), None);
    store.add(bank, &[item(10)]).unwrap();
    drop(store);

    // A program that keeps no log adds two changes.
    let forget = |revision: u64| {
        let store = BankStore::open(&path).unwrap();
        let meta = store.family(keys::META).unwrap();
        store.db.delete_cf(meta, keys::change(revision)).unwrap();
    };
    forget(at.0 + 1);
    let store = BankStore::open_read_only(&path).unwrap();
    assert_eq!(store.snapshot().unwrap().mark().unwrap(), None);
    assert_eq!(said(&store, at), None);
    drop(store);
    let store = BankStore::open(&path).unwrap();
    let anew = mark(&store);
    assert_eq!(
        said(&store, at),
        None,
        "nobody knows what that change touched"
    );
    assert_eq!(said(&store, anew), Some((vec![], vec![])));
    store.add(bank, &[item(11)]).unwrap();
    assert_eq!(said(&store, anew), Some((vec![], vec![12])));
    assert_eq!(said(&store, at), None);
    drop(store);

    // A gap, and an entry of a version to come.
    let store = BankStore::open(&path).unwrap();
    let last = mark(&store);
    store.add(bank, &[item(12)]).unwrap();
    store.add(bank, &[item(13)]).unwrap();
    assert!(said(&store, last).is_some());
    let meta = store.family(keys::META).unwrap();
    let key = keys::change(last.0 + 1);
    let value = store.db.get_cf(meta, key).unwrap().unwrap();
    store.db.delete_cf(meta, key).unwrap();
    assert_eq!(said(&store, last), None);
    let newer = [&[2], &value[1..]].concat();
    store.db.put_cf(meta, key, newer).unwrap();
    assert_eq!(said(&store, last), None);
    store.db.put_cf(meta, key, value).unwrap();
    assert!(said(&store, last).is_some());
}

#[test]
fn marks_differ() {
    let marks: BTreeSet<u64> = (0..10_000).map(|_| new_mark()).collect();
    assert_eq!(marks.len(), 10_000);
}

proptest::proptest! {
    #[test]
    fn joined_ranges_cover_what_the_ranges_do(
        given in proptest::collection::vec((0u32..3, 0u64..40, 1u64..8), 0..20)
    ) {
        let mut ranges: Vec<_> = (given.iter())
            .map(|&(bank, first, items)| Range { bank: BankId(bank), first, end: first + items })
            .collect();
        let mut expected: BTreeMap<(u32, u64), bool> = BTreeMap::new();
        for bank in 0..3 {
            for number in 0..50 {
                let inside = given.iter().any(|&(b, first, items)| {
                    b == bank && (first..first + items).contains(&number)
                });
                expected.insert((bank, number), inside);
            }
        }
        join(&mut ranges);
        for ((bank, number), inside) in &expected {
            proptest::prop_assert_eq!(covers(&ranges, BankId(*bank), ContentId(*number)), *inside);
        }
        for pair in ranges.windows(2) {
            let apart = pair[0].bank < pair[1].bank || pair[0].end < pair[1].first;
            proptest::prop_assert!(apart);
        }
        let items: u64 = ranges.iter().map(|range| range.end - range.first).sum();
        proptest::prop_assert_eq!(items, expected.values().filter(|inside| **inside).count() as u64);
    }
}
