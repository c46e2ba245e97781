//! What people wrote about items: that it is kept, goes with its item and its bank, and changes nothing that is published.

#![cfg(feature = "store")]

use hashgate::bank::{Action, Bank, ContentId, ContentSignal, Policy};
use hashgate::index::{Base, PublishError, PublishOptions};
use hashgate::store::{BankStore, NewItem, Publication, Remarks, StoreError};
use std::path::Path;

fn item(text: &str) -> NewItem {
    NewItem {
        signals: vec![ContentSignal::new(text.parse().expect("a hash"), None)],
        ..NewItem::default()
    }
}

fn add(store: &BankStore, bank: &Bank, text: &str) -> ContentId {
    store.add(bank.id, &[item(text)]).expect("added");
    let id = store.same_as(bank.id, &item(text)).expect("read");
    id.expect("it is there")
}

fn bank(store: &BankStore, name: &str) -> Bank {
    let name = name.parse().expect("a name");
    (store.create_bank(&name, Policy::new(Action::Block))).expect("a bank")
}

fn remarks(note: &str) -> Remarks {
    Remarks {
        note: Some(note.to_owned()),
        content_id: Some("of theirs".to_owned()),
        ..Remarks::default()
    }
}

fn publish(store: &BankStore, folder: &Path) -> Publication {
    let base = Base::read(folder);
    let snapshot = store.snapshot().map_err(PublishError::Source);
    let published = snapshot
        .and_then(|snapshot| snapshot.publish(folder, base, false, &PublishOptions::default()));
    published.expect("it is published")
}

const ONE: &str = "md5:0cc175b9c0f1b6a831c399e269772661";
const TWO: &str = "md5:92eb5ffee6ae2fec3ad71c777531578f";

#[test]
fn they_outlive_the_program_and_go_with_the_item_and_the_bank() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("store");
    let (first, second, other) = {
        let store = BankStore::open(&folder).expect("a store");
        let (mine, theirs) = (bank(&store, "mine"), bank(&store, "theirs"));
        let first = add(&store, &mine, ONE);
        let second = add(&store, &mine, TWO);
        let other = add(&store, &theirs, ONE);
        for (id, note) in [(first, "a"), (second, "b"), (other, "c")] {
            assert!(store.set_remarks(id, &remarks(note)).expect("kept"));
        }
        let before = store.revision();
        assert!(!store.set_remarks(first, &remarks("a")).expect("the same"));
        assert_eq!(store.revision(), before, "the same is no change");
        (first, second, other)
    };
    let store = BankStore::open(&folder).expect("a store");
    assert_eq!(store.remarks(first).expect("read"), remarks("a"));
    store.delete_item(first).expect("deleted");
    let gone = store.set_remarks(first, &remarks("d"));
    assert!(
        matches!(gone, Err(StoreError::NoSuchItem { .. })),
        "{gone:?}"
    );
    store
        .delete_bank(&"mine".parse().expect("a name"))
        .expect("deleted");
    for id in [first, second] {
        assert_eq!(store.remarks(id).expect("read"), Remarks::default());
    }
    assert_eq!(
        store.remarks(other).expect("read"),
        remarks("c"),
        "of another bank"
    );
    store
        .set_remarks(other, &Remarks::default())
        .expect("cleared");
    assert_eq!(store.remarks(other).expect("read"), Remarks::default());
    store.verify().expect("the store is whole");
}

#[test]
fn nothing_that_is_published_changes_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    let store = BankStore::open(folder.path().join("store")).expect("a store");
    let mine = bank(&store, "mine");
    let id = add(&store, &mine, ONE);
    publish(&store, &index);
    store.set_remarks(id, &remarks("a")).expect("kept");
    let again = publish(&store, &index);
    let unchanged = matches!(
        again,
        Publication::Change {
            added: 0,
            removed: 0,
            ..
        }
    );
    assert!(unchanged, "{again:?}");
    assert!(matches!(publish(&store, &index), Publication::Unchanged(_)));
}
