//! Forms and reaches of hashes in the store: kept through every change, published with the rest.
#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{Action, Bank, ContentId, ContentItem, ContentSignal, Policy};
use hashgate::hash::{Distance, Form, Quality, Reach, Signal, SignalType};
use hashgate::index::{Base, Hit, Index, PublishOptions};
use hashgate::store::{BankStore, NewItem, NewReach, Publication};
use std::path::Path;
use store_support::{item, new_folder, pdq, recount, signal};

fn filled(count: u64) -> (tempfile::TempDir, BankStore, Bank) {
    let (outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let bank = store
        .create_bank(&"a".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    let items: Vec<NewItem> = (0..count).map(pdq).collect();
    store.add(bank.id, &items).unwrap();
    (outer, store, bank)
}

fn hash(number: u64) -> Signal {
    signal(SignalType::Pdq, number + 1)
}

fn new(content: u64, number: u64, reach: Option<Reach>) -> NewReach {
    NewReach {
        content: ContentId(content),
        signal: hash(number),
        reach,
    }
}

fn publish(store: &BankStore, folder: &Path) -> Publication {
    let base = Base::read(folder);
    let options = PublishOptions::default();
    let snapshot = store.snapshot().unwrap();
    snapshot.publish(folder, base, false, &options).unwrap()
}

fn hit(folder: &Path, number: u64) -> Hit {
    let hits = Index::open(folder)
        .unwrap()
        .search(&hash(number), Distance(0));
    assert_eq!(hits.len(), 1);
    hits[0]
}

fn only(store: &BankStore, bank: &Bank) -> ContentItem {
    let items: Vec<_> = store.items(bank.id).map(Result::unwrap).collect();
    assert_eq!(items.len(), 1);
    items.into_iter().next().unwrap()
}

#[test]
fn a_reach_is_set_counted_published_and_taken_away_again() {
    let (outer, store, bank) = filled(40);
    let index = outer.path().join("index");
    publish(&store, &index);
    assert_eq!(hit(&index, 3).reach, None);
    let revision = store.revision();
    let some = [
        new(4, 3, Reach::within(17)),
        new(2, 1, Some(Reach::NOWHERE)),
        // A hash that this item does not have, and an item that is not there.
        new(5, 3, Reach::within(1)),
        new(900, 3, Reach::within(1)),
    ];
    assert_eq!(store.set_reaches(bank.id, &some).unwrap(), 2);
    assert_eq!(store.revision(), revision + 1);
    assert_eq!(store.counts(bank.id).unwrap().calibrated, 2);
    assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));

    // Once more changes nothing.
    assert_eq!(store.set_reaches(bank.id, &some).unwrap(), 0);
    assert_eq!(store.revision(), revision + 1);

    // Two items of forty are a change, not a new index.
    let done = publish(&store, &index);
    assert!(
        matches!(
            done,
            Publication::Change {
                added: 2,
                removed: 0,
                ..
            }
        ),
        "{done:?}"
    );
    assert_eq!(hit(&index, 3).reach, Reach::within(17));
    assert_eq!(hit(&index, 1).reach, Some(Reach::NOWHERE));
    assert_eq!(hit(&index, 2).reach, None);

    assert_eq!(store.set_reaches(bank.id, &[new(4, 3, None)]).unwrap(), 1);
    publish(&store, &index);
    assert_eq!(hit(&index, 3).reach, None);
    assert_eq!(store.verify().unwrap(), 40);

    let page = store.items_from(bank.id, ContentId(39), 10).unwrap();
    let ids: Vec<u64> = page.iter().map(|item| item.id.0).collect();
    assert_eq!(ids, [39, 40]);
}

#[test]
fn what_is_known_of_a_hash_stays_through_updates_withdrawal_and_a_second_opening() {
    let (outer, store, bank) = filled(1);
    store
        .set_reaches(bank.id, &[new(1, 0, Reach::within(5))])
        .unwrap();
    let mut second = pdq(0);
    second.labels.push("more".into());
    second.signals[0].quality = Quality::new(100);
    assert_eq!(store.add(bank.id, &[second]).unwrap().updated, 1);
    store.withdraw(ContentId(1), 9).unwrap();
    store.reinstate(ContentId(1), 10).unwrap();
    assert_eq!(only(&store, &bank).signals[0].reach, Reach::within(5));
    assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
    drop(store);
    let store = BankStore::open(outer.path().join("home/store")).unwrap();
    assert_eq!(only(&store, &bank).signals[0].reach, Reach::within(5));
    store.delete_item(ContentId(1)).unwrap();
    assert_eq!(store.counts(bank.id).unwrap(), Default::default());
    assert_eq!(store.verify().unwrap(), 0);
}

#[test]
fn a_source_names_forms_and_no_reach_in_whatever_order_sources_come() {
    let digest = signal(SignalType::Sha256, 5);
    let of = |form: Option<Form>| {
        let mut new = item(&[digest, hash(1)]);
        let kind = |entry: &ContentSignal| entry.signal.signal_type();
        for entry in new
            .signals
            .iter_mut()
            .filter(|one| kind(one) == SignalType::Pdq)
        {
            entry.form = form;
            entry.reach = Reach::within(60);
        }
        new
    };
    let orders = [
        [None, Some(Form::JPEG_50), Some(Form::HALF_SIZE)],
        [Some(Form::HALF_SIZE), None, Some(Form::JPEG_50)],
        [Some(Form::JPEG_50), Some(Form::HALF_SIZE), None],
    ];
    let least = Form::HALF_SIZE.min(Form::JPEG_50);
    for order in orders {
        let (_outer, store, bank) = filled(0);
        for form in order {
            store.add(bank.id, &[of(form)]).unwrap();
        }
        let item = only(&store, &bank);
        let known = item.signals.iter().find(|entry| entry.signal == hash(1));
        assert_eq!(known.unwrap().form, Some(least), "{order:?}");
        assert!(item.signals.iter().all(|entry| entry.reach.is_none()));
        // All is there already.
        let again = store.add(bank.id, &[of(order[0])]).unwrap();
        assert_eq!(again.already_there, 1);
        assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
    }
}
