//! The life of an entry: what a source's records, coming again and again, make of a bank.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{
    Action, BankId, ContentId, ContentItem, ContentState, OpaqueSignal, Opinion, Policy,
    SourceStatus, View,
};
use hashgate::hash::SignalType;
use hashgate::store::{BankStore, NewItem, Preview, SyncSummary};
use store_support::{dump, item, new_folder, recount, signal};

fn record(id: &str, hash: u64) -> NewItem {
    let mut new = item(&[signal(SignalType::Pdq, hash)]);
    new.provenance.source = "exchange".into();
    new.provenance.record = Some(id.into());
    new
}

fn taken_back(id: &str) -> NewItem {
    let mut new = record(id, 1);
    new.signals.clear();
    new.provenance.status = SourceStatus::Deleted;
    new
}

fn says(mut new: NewItem, owner: &str, view: View) -> NewItem {
    let owner = owner.to_owned();
    new.provenance.opinions.push(Opinion { owner, view });
    new
}

fn opened(folder: &std::path::Path) -> (BankStore, BankId) {
    let store = BankStore::open(folder).unwrap();
    let bank = store.create_bank(&"list".parse().unwrap(), Policy::new(Action::Block));
    let bank = bank.unwrap().id;
    (store, bank)
}

fn with_store(test: impl FnOnce(&BankStore, BankId)) {
    let (_outer, folder) = new_folder();
    let (store, bank) = opened(&folder);
    test(&store, bank);
    assert_eq!(store.counts(bank).unwrap(), recount(&store, bank));
    dump(&store);
}

fn only(store: &BankStore, bank: BankId) -> ContentItem {
    let items: Vec<_> = store.items(bank).map(Result::unwrap).collect();
    assert_eq!(items.len(), 1);
    items.into_iter().next().unwrap()
}

fn matching(store: &BankStore) -> Vec<u64> {
    let records = store.records().unwrap();
    records.map(|record| record.unwrap().content.0).collect()
}

#[test]
fn the_same_records_again_change_nothing() {
    with_store(|store, bank| {
        let records = [
            record("a", 1),
            says(record("b", 2), "x", View::Positive),
            taken_back("c"),
            record("a", 1),
        ];
        let first = store.sync(bank, &records).unwrap();
        assert_eq!(
            (first.added, first.unchanged, first.not_there),
            (2, 1, 1),
            "{first:?}"
        );
        let (before, revision) = (dump(store), store.revision());
        let again = store.sync(bank, &records).unwrap();
        assert_eq!((again.unchanged, again.not_there), (3, 1), "{again:?}");
        assert_eq!(store.revision(), revision);
        assert!(dump(store) == before);
    });
}

#[test]
fn a_withdrawal_ends_matching_and_a_record_given_again_restores_it() {
    with_store(|store, bank| {
        store.sync(bank, &[record("a", 1), record("b", 2)]).unwrap();
        assert_eq!(matching(store), [1, 2]);
        let done = store.sync(bank, &[taken_back("a")]).unwrap();
        assert_eq!((done.taken_back, done.stopped), (1, 1));
        assert_eq!(matching(store), [2]);
        let gone = store.item(ContentId(1)).unwrap().unwrap();
        assert_eq!(gone.state, ContentState::Withdrawn);
        assert!(!gone.by_hand);
        let changed = gone.changed.unwrap();
        assert_eq!(
            (changed.at, changed.revision),
            (1_700_000_000, store.revision())
        );
        assert_eq!(gone.provenance.status, SourceStatus::Deleted);

        let done = store.sync(bank, &[record("a", 1)]).unwrap();
        assert_eq!((done.given_again, done.restored, done.added), (1, 1, 0));
        assert_eq!(matching(store), [1, 2]);
    });
}

#[test]
fn a_record_with_other_hashes_moves() {
    with_store(|store, bank| {
        store.sync(bank, &[record("a", 1)]).unwrap();
        let done = store.sync(bank, &[record("a", 9)]).unwrap();
        assert_eq!(
            (done.updated, done.added, done.stopped),
            (1, 0, 1),
            "{done:?}"
        );
        assert_eq!(matching(store), [2]);
        // Taking it back takes back what it is now; what it was is out already.
        store.sync(bank, &[taken_back("a")]).unwrap();
        assert_eq!(matching(store), [] as [u64; 0]);
    });
}

#[test]
fn an_item_stands_while_one_source_stands_by_it() {
    with_store(|store, bank| {
        let mut other = record("7", 1);
        other.provenance.source = "other".into();
        store.sync(bank, &[record("a", 1), other]).unwrap();
        assert_eq!(only(store, bank).agreeing(), 2);
        let done = store.sync(bank, &[taken_back("a")]).unwrap();
        assert_eq!((done.taken_back, done.stopped), (1, 0));
        assert_eq!(only(store, bank).agreeing(), 1);
        let mut other = taken_back("7");
        other.provenance.source = "other".into();
        store.sync(bank, &[other]).unwrap();
        assert_eq!(only(store, bank).state, ContentState::Withdrawn);
        // A plain list stands by it too.
        let done = store
            .add(bank, &[item(&[signal(SignalType::Pdq, 1)])])
            .unwrap();
        assert_eq!((done.updated, done.withdrawn), (1, 0));
        assert_eq!(only(store, bank).state, ContentState::Active);
    });
}

#[test]
fn disputed_items_match_nothing_until_the_dispute_ends() {
    with_store(|store, bank| {
        let yes = says(record("a", 1), "x", View::Positive);
        let no = says(yes.clone(), "y", View::Negative);
        store.sync(bank, &[no]).unwrap();
        let found = only(store, bank);
        assert_eq!(found.state, ContentState::Disputed);
        assert_eq!((found.votes().positive, found.votes().negative), (1, 1));
        assert_eq!(store.counts(bank).unwrap().disputed, 1);
        assert!(matching(store).is_empty());
        let done = store.sync(bank, &[yes]).unwrap();
        assert_eq!((done.updated, done.restored), (1, 1));
        assert_eq!(matching(store), [1]);
    });
}

#[test]
fn what_people_here_withdrew_no_source_brings_back() {
    with_store(|store, bank| {
        store.sync(bank, &[record("a", 1)]).unwrap();
        assert!(store.withdraw(ContentId(1), 5).unwrap());
        let done = store.sync(bank, &[record("a", 1)]).unwrap();
        assert_eq!((done.withdrawn, done.restored), (1, 0));
        store
            .sync(bank, &[taken_back("a"), record("a", 1)])
            .unwrap();
        assert!(matching(store).is_empty());
        assert!(store.reinstate(ContentId(1), 6).unwrap());
        assert_eq!(matching(store), [1]);
        store.sync(bank, &[taken_back("a")]).unwrap();
        store.withdraw(ContentId(1), 7).unwrap();
        store.reinstate(ContentId(1), 8).unwrap();
        assert!(matching(store).is_empty(), "its source took it back");
    });
}

#[test]
fn a_complete_list_takes_back_what_it_lacks() {
    with_store(|store, bank| {
        let first = store
            .sync(bank, &[record("a", 1), record("b", 2), record("c", 3)])
            .unwrap();
        store
            .add(bank, &[item(&[signal(SignalType::Pdq, 4)])])
            .unwrap();
        let now = store.sync(bank, &[record("b", 2)]).unwrap();
        let take = |is_preview| {
            store
                .take_back_others(bank, "exchange", &now.items, 9, is_preview)
                .unwrap()
        };
        let preview = take(true);
        assert_eq!(matching(store), [1, 2, 3, 4], "a preview");
        let done = take(false);
        assert_eq!((done.taken_back, done.stopped), (2, 2));
        assert_eq!(preview, done);
        assert_eq!(matching(store), [2, 4]);
        assert_eq!(take(false), SyncSummary::default());
        assert_eq!(first.items, [1, 2, 3].map(ContentId));
    });
}

#[test]
fn a_preview_says_what_happens_and_does_nothing() {
    with_store(|store, bank| {
        store.sync(bank, &[record("a", 1), record("b", 2)]).unwrap();
        let records = [
            record("a", 9),
            taken_back("b"),
            record("c", 3),
            record("c", 3),
            says(record("d", 4), "y", View::Negative),
            taken_back("nowhere"),
        ];
        let before = dump(store);
        let mut preview = Preview::default();
        let said = store.preview_sync(bank, &records, &mut preview).unwrap();
        let twice = store
            .preview_sync(bank, &records[2..3], &mut preview)
            .unwrap();
        assert_eq!((twice.added, twice.unchanged), (0, 1), "said before");
        assert!(dump(store) == before);
        let done = store.sync(bank, &records).unwrap();
        let counts = |one: &SyncSummary| {
            let SyncSummary {
                added,
                updated,
                unchanged,
                taken_back,
                not_there,
                stopped,
                ..
            } = *one;
            (added, updated, unchanged, taken_back, not_there, stopped)
        };
        assert_eq!(counts(&said), counts(&done));
        assert_eq!(counts(&done), (2, 1, 1, 1, 1, 2));
        let items = [item(&[signal(SignalType::Md5, 1)])];
        let mut preview = Preview::default();
        assert_eq!(
            store.preview_add(bank, &items, &mut preview).unwrap().added,
            1
        );
        let again = store.preview_add(bank, &items, &mut preview).unwrap();
        assert_eq!((again.added, again.already_there), (0, 1));
    });
}

#[test]
fn opaque_signals_are_kept_and_counted_and_deleted() {
    with_store(|store, bank| {
        let opaque = |value: &str| OpaqueSignal {
            kind: "photodna".into(),
            value: value.into(),
        };
        let mut alone = record("a", 1);
        alone.signals.clear();
        alone.opaque = vec![opaque("1,2"), opaque("3")];
        let mut with = record("b", 2);
        with.opaque = vec![opaque("4")];
        store.sync(bank, &[alone.clone(), with.clone()]).unwrap();
        let plain = NewItem {
            opaque: vec![opaque("5"), opaque("4")],
            ..item(&[signal(SignalType::Pdq, 2)])
        };
        assert_eq!(store.add(bank, &[alone.clone(), plain]).unwrap().updated, 1);
        let counts = store.counts(bank).unwrap();
        assert_eq!(counts.opaque, [("photodna".to_owned(), 4)].into());
        assert_eq!(matching(store), [2], "what has no hash is not indexed");
        store.delete_item(ContentId(1)).unwrap();
        let counts = store.counts(bank).unwrap();
        assert_eq!(counts.opaque, [("photodna".to_owned(), 2)].into());
        assert_eq!(
            store.sync(bank, &[alone]).unwrap().added,
            1,
            "its keys are gone"
        );
    });
}

#[test]
fn a_record_known_in_part_takes_nothing_from_what_has_it() {
    with_store(|store, bank| {
        let mut whole = [record("a", 1)];
        whole[0].signals.extend(record("a", 2).signals);
        store.sync(bank, &whole).unwrap();
        let part = [NewItem {
            is_partial: true,
            ..record("a", 2)
        }];
        let mut preview = Preview::default();
        let said = store.preview_sync(bank, &part, &mut preview);
        assert_eq!(said.unwrap().stopped, 0);
        let done = store.sync(bank, &part).unwrap();
        assert_eq!((done.stopped, done.taken_back), (0, 0), "{done:?}");
        assert!(done.items.contains(&ContentId(1)));
        assert!(matching(store).contains(&1));
        store.sync(bank, &whole).unwrap();
        let first = store.item(ContentId(1)).unwrap().unwrap();
        assert_eq!(first.state, ContentState::Active);
        let done = store.sync(bank, &[taken_back("a")]).unwrap();
        assert_eq!(done.taken_back, 1);
        assert!(matching(store).is_empty());
    });
}

#[test]
fn what_people_here_withdrew_does_not_come_back_with_other_hashes() {
    with_store(|store, bank| {
        store.sync(bank, &[record("a", 1)]).unwrap();
        store.withdraw(ContentId(1), 5).unwrap();
        let mut preview = Preview::default();
        let said = store.preview_sync(bank, &[record("a", 9)], &mut preview);
        assert_eq!(said.unwrap().withdrawn, 1);
        let done = store.sync(bank, &[record("a", 9)]).unwrap();
        assert_eq!((done.withdrawn, done.updated), (1, 1), "{done:?}");
        assert!(matching(store).is_empty());
        let second = store.item(ContentId(2)).unwrap().unwrap();
        assert!(second.by_hand);

        // Nor by a way round: taken back and given again, or back to hashes that it had.
        let records = [taken_back("a"), record("a", 7), record("a", 1)];
        store.sync(bank, &records).unwrap();
        assert!(matching(store).is_empty());

        // What people reinstate stays so when its hashes change.
        assert!(store.reinstate(ContentId(1), 6).unwrap());
        let before = matching(store);
        assert_eq!(before, [1]);
        let done = store.sync(bank, &[record("a", 4)]).unwrap();
        assert_eq!(done.withdrawn, 0);
        assert_eq!(matching(store).len(), 1);
    });
}

#[test]
fn an_old_item_that_takes_the_place_of_a_withdrawn_one_stays_withdrawn() {
    with_store(|store, bank| {
        let records = [record("a", 1), record("a", 2)];
        store.sync(bank, &records[..1]).unwrap();
        store.sync(bank, &records[1..]).unwrap();
        assert_eq!(matching(store), [2]);
        store.withdraw(ContentId(2), 5).unwrap();
        let done = store.sync(bank, &records[..1]).unwrap();
        assert_eq!((done.withdrawn, done.restored), (1, 0), "{done:?}");
        assert!(matching(store).is_empty());
    });
}

#[test]
fn too_much_for_one_item_is_refused_whole() {
    with_store(|store, bank| {
        let mut much = record("a", 1);
        much.labels = (0..=BankStore::MAX_LABELS).map(|n| n.to_string()).collect();
        let done = store.sync(bank, &[much.clone(), record("b", 2)]).unwrap();
        assert_eq!((done.refused.len(), done.added), (1, 1));
        much.provenance.record = Some("b".into());
        much.signals = record("b", 2).signals;
        let before = dump(store);
        let done = store.sync(bank, &[much]).unwrap();
        assert_eq!(done.refused[0].0, 0);
        assert!(dump(store) == before);
    });
}

/// Small banks, few records and few hashes, so that everything meets everything: a model that
/// keeps only what each record says last, against the store.
#[test]
fn any_order_of_changes_ends_as_the_last_word_of_each_record_says() {
    use std::collections::BTreeMap;
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..12 {
        with_store(|store, bank| {
            let mut last: BTreeMap<String, Option<u64>> = BTreeMap::new();
            for _ in 0..25 {
                let mut batch = Vec::new();
                for _ in 0..=random(5) {
                    let (id, hash) = (random(6).to_string(), 1 + random(5));
                    if random(3) == 0 {
                        batch.push(taken_back(&id));
                        last.insert(id, None);
                    } else {
                        batch.push(record(&id, hash));
                        last.insert(id, Some(hash));
                    }
                }
                store.sync(bank, &batch).unwrap();
                let mut want: Vec<String> = last
                    .values()
                    .flatten()
                    .map(|&hash| signal(SignalType::Pdq, hash).to_string())
                    .collect();
                want.sort();
                want.dedup();
                let records = store.records().unwrap();
                let mut found: Vec<String> = records
                    .map(|record| record.unwrap().signal.to_string())
                    .collect();
                found.sort();
                assert_eq!(found, want);
            }
        });
    }
}
