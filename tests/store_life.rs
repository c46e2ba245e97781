//! What banks and items go through in the store.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{Action, BankId, ContentId, ContentItem, ContentState, Policy};
use hashgate::hash::{Quality, SignalType, Threshold};
use hashgate::store::{AddSummary, BankStore, StoreError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use store_support::{dump, item, new_folder, pdq, recount, signal};

fn summary(added: u64, already_there: u64) -> AddSummary {
    AddSummary {
        added,
        already_there,
        ..AddSummary::default()
    }
}

#[test]
fn what_was_acknowledged_is_there_after_reopening() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    assert_eq!(store.revision(), 0);
    let policy = Policy {
        threshold: Threshold(20),
        min_quality: Quality::new(70).unwrap(),
        ..Policy::new(Action::Review)
    };
    let bank = store.create_bank(&"a".parse().unwrap(), policy).unwrap();
    let items: Vec<_> = (0..1_000).map(pdq).collect();
    assert_eq!(store.add(bank.id, &items).unwrap(), summary(1_000, 0));
    assert_eq!(store.revision(), 2);
    let before = dump(&store);
    drop(store);

    let store = BankStore::open(&folder).unwrap();
    assert_eq!(store.revision(), 2);
    assert_eq!(dump(&store), before);
    assert_eq!(store.bank(&"a".parse().unwrap()).unwrap(), bank);
}

#[test]
fn importing_twice_changes_nothing() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let bank = store
        .create_bank(&"a".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    let other = store
        .create_bank(&"b".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    let [sha, pdq_hash, md5] =
        [SignalType::Sha256, SignalType::Pdq, SignalType::Md5].map(|kind| signal(kind, 1));
    let batch = [
        item(&[sha, pdq_hash]),
        item(&[pdq_hash]),
        item(&[pdq_hash, md5]),
        item(&[md5, pdq_hash, md5]),
        item(&[sha, md5]),
        item(&[pdq_hash]),
    ];
    let first = AddSummary {
        updated: 1,
        ..summary(3, 2)
    };
    assert_eq!(store.add(bank.id, &batch).unwrap(), first);
    let (before, revision) = (dump(&store), store.revision());
    assert_eq!(store.add(bank.id, &batch).unwrap(), summary(0, 6));
    assert_eq!(store.add(bank.id, &[]).unwrap(), summary(0, 0));
    assert_eq!(dump(&store), before);
    assert_eq!(store.revision(), revision, "nothing was changed");

    assert_eq!(store.find(&pdq_hash).unwrap().len(), 3);
    assert_eq!(store.find(&sha).unwrap().len(), 1);
    assert_eq!(store.add(other.id, &batch[..1]).unwrap(), summary(1, 0));
    assert_eq!(store.find(&sha).unwrap().len(), 2, "banks are apart");
    assert_eq!(store.find(&signal(SignalType::Pdq, 99)).unwrap(), []);
}

#[test]
fn an_item_without_a_hash_spoils_the_batch() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let bank = store
        .create_bank(&"a".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    let error = store.add(bank.id, &[pdq(1), item(&[])]).unwrap_err();
    assert!(matches!(error, StoreError::NoSignals { position: 1 }));
    assert_eq!(store.counts(bank.id).unwrap().items, 0);
    let error = store.add(BankId(77), &[pdq(1)]).unwrap_err();
    assert!(matches!(error, StoreError::NoSuchBankId { id: BankId(77) }));
}

#[test]
fn what_is_withdrawn_matches_nothing_until_it_is_reinstated() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let bank = store
        .create_bank(&"a".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    store.add(bank.id, &[pdq(1), pdq(2)]).unwrap();
    let first = store.items(bank.id).next().unwrap().unwrap();
    assert!(store.withdraw(first.id, 0).unwrap());
    let revision = store.revision();
    assert!(!store.withdraw(first.id, 0).unwrap());
    let again = AddSummary {
        withdrawn: 1,
        ..summary(0, 1)
    };
    assert_eq!(store.add(bank.id, &[pdq(1)]).unwrap(), again);
    assert_eq!(store.revision(), revision);
    assert_eq!(
        store.records().unwrap().count(),
        1,
        "importing again leaves it out"
    );
    let counts = store.counts(bank.id).unwrap();
    assert_eq!((counts.items, counts.active, counts.withdrawn), (2, 1, 1));
    let found = store.find(&first.signals[0].signal).unwrap();
    assert_eq!(found, [first.id], "it is kept for the record");
    assert_eq!(
        store.item(first.id).unwrap().unwrap().state,
        ContentState::Withdrawn
    );

    assert!(store.reinstate(first.id, 0).unwrap());
    assert!(!store.reinstate(first.id, 0).unwrap());
    let again = store.item(first.id).unwrap().unwrap();
    assert_eq!(
        again.changed.map(|changed| changed.revision),
        Some(store.revision()),
        "since when it matches again"
    );
    assert_eq!(
        ContentItem {
            changed: None,
            ..again
        },
        first
    );
    assert_eq!(store.records().unwrap().count(), 2);
    let error = store.withdraw(ContentId(999), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no content item 999: it was deleted or never added"
    );
}

#[test]
fn numbers_are_never_given_out_again() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let name = "a".parse().unwrap();
    let bank = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    store.add(bank.id, &[pdq(1), pdq(2)]).unwrap();
    let last = store.items(bank.id).last().unwrap().unwrap();
    assert_eq!(store.delete_item(last.id).unwrap(), last);
    assert_eq!(store.item(last.id).unwrap(), None);
    assert_eq!(store.find(&last.signals[0].signal).unwrap(), []);
    assert!(store.delete_item(last.id).is_err());
    drop(store);

    let store = BankStore::open(&folder).unwrap();
    store.add(bank.id, &[pdq(2)]).unwrap();
    let again = store.items(bank.id).last().unwrap().unwrap();
    assert!(again.id > last.id);
    assert_eq!(store.delete_bank(&name).unwrap(), 2);
    assert_eq!(store.item(again.id).unwrap(), None);
    assert!(store.delete_bank(&name).is_err());
    drop(store);

    let store = BankStore::open(&folder).unwrap();
    assert_eq!(store.banks().unwrap(), []);
    let next = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    assert!(next.id > bank.id);
    assert_eq!(store.counts(next.id).unwrap().items, 0);
    assert!(matches!(
        store.counts(bank.id),
        Err(StoreError::NoSuchBankId { .. })
    ));
    store.add(next.id, &[pdq(2)]).unwrap();
    assert!(store.items(next.id).next().unwrap().unwrap().id > again.id);
    assert_eq!(store.items(bank.id).count(), 0);
    assert_eq!(store.find(&last.signals[0].signal).unwrap().len(), 1);
}

#[test]
fn banks_are_made_named_and_changed() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let [a, b, c] = ["alpha", "beta", "gamma"].map(|name| name.parse().unwrap());
    let policy = Policy::new(Action::Block);
    let first = store.create_bank(&a, policy.clone()).unwrap();
    let second = store.create_bank(&b, policy.clone()).unwrap();
    let error = store.create_bank(&a, policy.clone()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("there is a bank alpha already")
    );
    assert!(store.rename_bank(&a, &b).is_err());
    let renamed = store.rename_bank(&a, &c).unwrap();
    assert_eq!(renamed.id, first.id);
    assert!(store.bank(&a).is_err());
    assert_eq!(store.bank(&c).unwrap(), renamed);
    let error = store.bank(&"gama".parse().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no bank gama: there are gamma, beta"
    );

    let revision = store.revision();
    let disabled = Policy {
        enabled: false,
        ..policy.clone()
    };
    assert_eq!(
        store.set_policy(&b, disabled.clone()).unwrap().policy,
        disabled
    );
    store.set_policy(&b, disabled.clone()).unwrap();
    assert_eq!(store.revision(), revision + 1);
    let wide = Policy {
        threshold: Threshold(64),
        ..policy
    };
    let error = store.set_policy(&b, wide.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a threshold of 64 is too wide: a bank's may be 0 to 63"
    );
    assert!(store.create_bank(&a, wide).is_err());
    assert_eq!(
        store.banks().unwrap(),
        [
            renamed,
            hashgate::bank::Bank {
                policy: disabled,
                ..second
            }
        ]
    );
}

#[test]
fn a_snapshot_stays_while_the_store_goes_on() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let name = "a".parse().unwrap();
    let bank = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    store.add(bank.id, &[pdq(1), pdq(2)]).unwrap();
    let snapshot = store.snapshot().unwrap();
    let running = store.records().unwrap();
    store.add(bank.id, &[pdq(3)]).unwrap();
    store.delete_bank(&name).unwrap();
    assert_eq!((snapshot.revision, snapshot.banks.len()), (2, 1));
    let records: Vec<_> = snapshot.records().unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].bank, bank.id);
    assert_eq!(records[0].signal, pdq(1).signals[0].signal);
    assert_eq!(records[0].quality, Quality::new(90));
    assert_eq!(snapshot.items(bank.id).count(), 2);
    assert_eq!(running.count(), 2, "an iterator sees one moment too");
    let now = store.snapshot().unwrap();
    assert_eq!((now.revision, now.banks.len()), (4, 0));
    assert_eq!(now.records().unwrap().count(), 0);
}

#[test]
fn a_large_bank_goes_in_one_change() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let [a, b] = ["a", "b"].map(|name| name.parse().unwrap());
    let policy = Policy::new(Action::Block);
    let gone = store.create_bank(&a, policy.clone()).unwrap();
    let kept = store.create_bank(&b, policy).unwrap();
    store.add(kept.id, &[pdq(5)]).unwrap();
    for chunk in 0..10 {
        let items: Vec<_> = (0..10_000).map(|n| pdq(10_000 * chunk + n)).collect();
        store.add(gone.id, &items).unwrap();
    }
    let revision = store.revision();
    assert_eq!(store.delete_bank(&a).unwrap(), 100_000);
    assert_eq!(store.revision(), revision + 1);
    drop(store);
    let store = BankStore::open(&folder).unwrap();
    assert_eq!(store.records().unwrap().count(), 1);
    assert_eq!(store.find(&pdq(5).signals[0].signal).unwrap().len(), 1);
    assert_eq!(store.find(&pdq(6).signals[0].signal).unwrap().len(), 0);
    assert_eq!(store.counts(kept.id).unwrap(), recount(&store, kept.id));
}

/// How often a hash stands in the files of a store.
fn traces(folder: &std::path::Path, hash: &hashgate::hash::Signal) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let wanted = hash.as_bytes();
        found += bytes
            .windows(wanted.len())
            .filter(|window| *window == wanted)
            .count();
    }
    found
}

#[test]
fn after_compacting_nothing_of_what_was_deleted_is_left() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let [a, b] = ["a", "b"].map(|name| name.parse().unwrap());
    for name in [&a, &b] {
        let bank = store.create_bank(name, Policy::new(Action::Block)).unwrap();
        let first = if name == &a { 0 } else { 100 };
        let items: Vec<_> = (first..first + 100).map(pdq).collect();
        store.add(bank.id, &items).unwrap();
    }
    let gone = [&pdq(50), &pdq(150)].map(|item| item.signals[0].signal);
    store.delete_bank(&a).unwrap();
    store.delete_item(store.find(&gone[1]).unwrap()[0]).unwrap();
    assert!(
        gone.iter().all(|hash| traces(&folder, hash) > 0),
        "it is in the log"
    );
    let revision = store.revision();
    let before = dump(&store);
    store.compact().unwrap();
    assert_eq!((dump(&store), store.revision()), (before, revision));
    drop(store);
    let store = BankStore::open(&folder).unwrap();
    for hash in gone {
        assert_eq!(traces(&folder, &hash), 0, "{hash}");
    }
    assert!(traces(&folder, &pdq(151).signals[0].signal) > 0);
    assert_eq!(store.records().unwrap().count(), 99);
}

/// What can be done to a store.
#[derive(Debug, Clone)]
enum Step {
    /// Adds items, each given by the types and numbers of its hashes.
    Add(u8, Vec<Vec<(u8, u8)>>),
    Withdraw(u8),
    Reinstate(u8),
    Delete(u8),
    DeleteBank(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let item = proptest::collection::vec((0..4u8, 0..3u8), 1..4);
    prop_oneof![
        4 => (0..2u8, proptest::collection::vec(item, 0..6)).prop_map(|(bank, items)| Step::Add(bank, items)),
        2 => (1..30u8).prop_map(Step::Withdraw),
        1 => (1..30u8).prop_map(Step::Reinstate),
        2 => (1..30u8).prop_map(Step::Delete),
        1 => (0..2u8).prop_map(Step::DeleteBank),
        1 => Just(Step::Reopen),
    ]
}

/// An item as the plain model keeps it.
#[derive(Debug, Clone, PartialEq)]
struct Plain {
    bank: u8,
    signals: Vec<String>,
    active: bool,
}

impl Plain {
    /// Takes hashes in that are not there yet.
    fn take(&mut self, signals: Vec<String>) {
        self.signals.extend(signals);
        let parsed = |text: &String| text.parse::<hashgate::hash::Signal>().unwrap();
        self.signals.sort_by_key(parsed);
        self.signals.dedup();
    }

    fn is_known_as(&self, bank: u8, signals: &[String]) -> bool {
        let digests = |signals: &[String]| -> Vec<String> {
            let digests = signals
                .iter()
                .filter(|signal| signal.starts_with("sha256:"));
            digests.cloned().collect()
        };
        let (ours, theirs) = (digests(&self.signals), digests(signals));
        self.bank == bank
            && if ours.len() == 1 && theirs.len() == 1 {
                ours == theirs
            } else {
                self.signals == signals
            }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A store does what a plain list of items would, and its counts agree with its items.
    #[test]
    fn a_store_equals_a_plain_list(steps in proptest::collection::vec(step(), 1..25)) {
        const KINDS: [SignalType; 4] =
            [SignalType::Pdq, SignalType::Md5, SignalType::Sha256, SignalType::Phash];
        let (_outer, folder) = new_folder();
        let mut store = BankStore::open(&folder).unwrap();
        let mut model: BTreeMap<u64, Plain> = BTreeMap::new();
        let mut next = 1;
        let name = |bank: u8| format!("bank{bank}").parse().unwrap();
        for step in steps {
            match step {
                Step::Add(bank, items) => {
                    let id = match store.bank(&name(bank)) {
                        Ok(known) => known.id,
                        Err(_) => store.create_bank(&name(bank), Policy::new(Action::Block)).unwrap().id,
                    };
                    let (mut want, first) = (summary(0, 0), next);
                    let mut batch = Vec::new();
                    for hashes in items {
                        let signals: Vec<_> = hashes
                            .iter()
                            .map(|&(kind, number)| signal(KINDS[usize::from(kind)], u64::from(number)))
                            .collect();
                        batch.push(item(&signals));
                        let mut known: Vec<_> = signals;
                        known.sort();
                        known.dedup();
                        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                        let there = model.iter_mut().find(|(_, plain)| plain.is_known_as(bank, &known));
                        if let Some((&id, plain)) = there {
                            let before = plain.signals.len();
                            plain.take(known);
                            match plain.signals.len() == before {
                                true => want.already_there += 1,
                                false => want.updated += 1,
                            }
                            want.withdrawn += u64::from(!plain.active && id < first);
                        } else {
                            want.added += 1;
                            model.insert(next, Plain { bank, signals: known, active: true });
                            next += 1;
                        }
                    }
                    prop_assert_eq!(store.add(id, &batch).unwrap(), want);
                }
                Step::Withdraw(number) | Step::Reinstate(number) => {
                    let to = matches!(step, Step::Reinstate(_));
                    let id = ContentId(number.into());
                    let done = if to { store.reinstate(id, 0) } else { store.withdraw(id, 0) };
                    match model.get_mut(&id.0) {
                        Some(plain) => {
                            prop_assert_eq!(done.unwrap(), plain.active != to);
                            plain.active = to;
                        }
                        None => prop_assert!(done.is_err()),
                    }
                }
                Step::Delete(number) => {
                    let id = u64::from(number);
                    prop_assert_eq!(store.delete_item(ContentId(id)).is_ok(), model.remove(&id).is_some());
                }
                Step::DeleteBank(bank) => {
                    let items = model.values().filter(|plain| plain.bank == bank).count() as u64;
                    model.retain(|_, plain| plain.bank != bank);
                    prop_assert_eq!(store.delete_bank(&name(bank)).unwrap_or(0), items);
                }
                Step::Reopen => {
                    drop(store);
                    store = BankStore::open(&folder).unwrap();
                }
            }
        }
        dump(&store);
        let mut got = BTreeMap::new();
        for bank in store.banks().unwrap() {
            prop_assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
            let number = bank.name.as_str().trim_start_matches("bank").parse().unwrap();
            for item in store.items(bank.id) {
                let item = item.unwrap();
                let signals = item.signals.iter().map(|entry| entry.signal.to_string()).collect();
                let active = item.state == ContentState::Active;
                got.insert(item.id.0, Plain { bank: number, signals, active });
            }
        }
        prop_assert_eq!(&got, &model);
        let hashes: usize = model.values().filter(|p| p.active).map(|p| p.signals.len()).sum();
        prop_assert_eq!(store.records().unwrap().count(), hashes);
    }
}
