//! What an item becomes of several sources.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{Action, Bank, ContentId, ContentItem, ContentSignal, ContentState, Policy};
use hashgate::hash::{Distance, Quality, SignalType};
use hashgate::index::{Base, Index, PublishOptions};
use hashgate::store::{AddSummary, BankStore, NewItem, Publication};
use store_support::{dump, item, new_folder, recount, signal};

fn filled() -> (tempfile::TempDir, BankStore, Bank) {
    let (outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let name = "a".parse().unwrap();
    let bank = store
        .create_bank(&name, Policy::new(Action::Block))
        .unwrap();
    (outer, store, bank)
}

/// What a source says of the picture with this digest.
fn said(source: &str, digest: u64, more: &[(SignalType, u64)], labels: &[&str]) -> NewItem {
    let mut signals = vec![signal(SignalType::Sha256, digest)];
    signals.extend(more.iter().map(|&(kind, number)| signal(kind, number)));
    let mut new = item(&signals);
    new.labels = labels.iter().map(|&label| label.to_owned()).collect();
    new.provenance.source = source.to_owned();
    new
}

fn summary(added: u64, updated: u64, already_there: u64) -> AddSummary {
    AddSummary {
        added,
        updated,
        already_there,
        ..AddSummary::default()
    }
}

fn only(store: &BankStore, bank: &Bank) -> ContentItem {
    let items: Vec<_> = store.items(bank.id).map(Result::unwrap).collect();
    assert_eq!(items.len(), 1);
    items.into_iter().next().unwrap()
}

#[test]
fn a_second_source_brings_its_hashes_and_they_match_after_the_next_publish() {
    let (outer, store, bank) = filled();
    let list: Vec<_> = (0..100).map(|n| said("list", n, &[], &["list"])).collect();
    assert_eq!(store.add(bank.id, &list).unwrap(), summary(100, 0, 0));
    let index = outer.path().join("index");
    let publish = || {
        let base = Base::read(&index);
        let options = PublishOptions::default();
        store
            .snapshot()
            .unwrap()
            .publish(&index, base, false, &options)
    };
    publish().unwrap();

    let hashes = [(SignalType::Pdq, 7), (SignalType::Md5, 7)];
    let picture = said("7.jpg", 7, &hashes, &["seen"]);
    let before = store.revision();
    let batch = [picture.clone()];
    assert_eq!(store.add(bank.id, &batch).unwrap(), summary(0, 1, 0));
    assert_eq!(store.revision(), before + 1, "one change");
    let id = ContentId(8);
    let kept = store.item(id).unwrap().unwrap();
    assert_eq!(kept.signals.len(), 3);
    assert_eq!(kept.labels, ["list", "seen"]);
    assert_eq!(kept.provenance, list[7].provenance);
    assert_eq!(kept.later, [picture.provenance]);
    assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
    for entry in &kept.signals {
        assert_eq!(store.find(&entry.signal).unwrap(), [id]);
    }

    let published = publish().unwrap();
    assert!(
        matches!(
            published,
            Publication::Change {
                added: 1,
                removed: 0,
                ..
            }
        ),
        "{published:?}"
    );
    let index = Index::open(&index).unwrap();
    for entry in &kept.signals {
        let hits = index.search(&entry.signal, Distance(0));
        assert_eq!(hits.len(), 1, "{:?}", entry.signal);
    }
    let text = dump(&store);
    assert_eq!(store.add(bank.id, &batch).unwrap(), summary(0, 0, 1));
    assert_eq!(store.add(bank.id, &list).unwrap(), summary(0, 0, 100));
    assert_eq!(dump(&store), text);
    assert_eq!(store.revision(), before + 1);
    assert_eq!(store.delete_item(id).unwrap(), kept);
    for entry in &kept.signals {
        assert_eq!(store.find(&entry.signal).unwrap(), []);
    }
    dump(&store);
}

#[test]
fn the_order_of_sources_does_not_matter_for_the_hashes() {
    let quality = |mut new: NewItem, quality: u8| {
        for entry in &mut new.signals {
            entry.quality = entry.signal.as_pdq().and(Quality::new(quality));
        }
        new
    };
    let mut unknown = said("d", 1, &[(SignalType::Pdq, 2)], &[]);
    unknown.signals[1].quality = None;
    let sources = [
        said("a", 1, &[], &["x"]),
        quality(
            said(
                "b",
                1,
                &[(SignalType::Pdq, 1), (SignalType::Pdq, 2)],
                &["y"],
            ),
            40,
        ),
        quality(
            said("c", 1, &[(SignalType::Pdq, 2), (SignalType::Md5, 3)], &[]),
            70,
        ),
        unknown,
    ];
    let mut orders = vec![];
    for a in 0..4 {
        for b in (0..4).filter(|&b| b != a) {
            for c in (0..4).filter(|&c| c != a && c != b) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    assert_eq!(orders.len(), 24);
    let mut ends: Vec<Vec<ContentSignal>> = Vec::new();
    for order in orders {
        for together in [false, true] {
            let (_outer, store, bank) = filled();
            let batch = order.map(|at: usize| sources[at].clone());
            if together {
                let done = store.add(bank.id, &batch).unwrap();
                assert_eq!((done.added, done.updated + done.already_there), (1, 3));
            } else {
                for new in &batch {
                    store.add(bank.id, std::slice::from_ref(new)).unwrap();
                }
            }
            let text = dump(&store);
            let again = store.add(bank.id, &batch).unwrap();
            assert_eq!(again, summary(0, 0, 4), "a second time changes nothing");
            assert_eq!(dump(&store), text);
            let kept = only(&store, &bank);
            let mut labels = kept.labels.clone();
            labels.sort();
            assert_eq!(labels, ["x", "y"]);
            assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
            ends.push(kept.signals);
        }
    }
    assert_eq!(ends[0].len(), 4);
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    let best = |number| {
        let hash = signal(SignalType::Pdq, number);
        let found = ends[0].iter().find(|entry| entry.signal == hash);
        found.unwrap().quality.unwrap().get()
    };
    assert_eq!([best(1), best(2)], [40, 70]);
}

#[test]
fn items_of_one_batch_with_one_identity_become_one() {
    let (_outer, store, bank) = filled();
    let batch = [
        said("a", 5, &[(SignalType::Pdq, 1)], &["one"]),
        said("a", 6, &[], &[]),
        said("b", 5, &[(SignalType::Md5, 1)], &["two"]),
        said("c", 5, &[(SignalType::Md5, 1)], &["one", "two"]),
    ];
    assert_eq!(store.add(bank.id, &batch).unwrap(), summary(2, 1, 1));
    let first = store.item(ContentId(1)).unwrap().unwrap();
    assert_eq!(first.signals.len(), 3);
    assert_eq!(first.labels, ["one", "two"]);
    assert_eq!(first.later, [batch[2].provenance.clone()]);
    assert_eq!(store.item(ContentId(2)).unwrap().unwrap().later, []);
    assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
    let text = dump(&store);
    assert_eq!(store.add(bank.id, &batch).unwrap(), summary(0, 0, 4));
    assert_eq!(dump(&store), text);
}

#[test]
fn what_was_withdrawn_gets_more_hashes_but_stays_withdrawn() {
    let (_outer, store, bank) = filled();
    store.add(bank.id, &[said("list", 1, &[], &[])]).unwrap();
    let id = only(&store, &bank).id;
    store.withdraw(id, 0).unwrap();
    let more = [said("1.jpg", 1, &[(SignalType::Pdq, 1)], &[])];
    for want in [summary(0, 1, 0), summary(0, 0, 1)] {
        let want = AddSummary {
            withdrawn: 1,
            ..want
        };
        assert_eq!(store.add(bank.id, &more).unwrap(), want);
    }
    let kept = only(&store, &bank);
    assert_eq!(kept.state, ContentState::Withdrawn);
    assert_eq!(kept.signals.len(), 2);
    assert_eq!(store.records().unwrap().count(), 0, "it matches nothing");
    assert_eq!(store.counts(bank.id).unwrap(), recount(&store, bank.id));
    store.reinstate(id, 0).unwrap();
    assert_eq!(
        only(&store, &bank).later,
        kept.later,
        "both sources are kept"
    );
    assert_eq!(store.records().unwrap().count(), 2);
}

#[test]
fn an_item_that_would_hold_too_much_is_refused_by_name_and_the_others_are_not() {
    let (_outer, store, bank) = filled();
    let most = BankStore::MAX_SIGNALS as u64;
    let hashes = |numbers: std::ops::Range<u64>| -> Vec<(SignalType, u64)> {
        numbers.map(|number| (SignalType::Md5, number)).collect()
    };
    let batch = [
        said("a", 1, &hashes(0..most), &[]),
        said("a", 2, &hashes(0..most - 1), &[]),
        said("b", 2, &hashes(most..most + 1), &[]),
        said("b", 1, &[], &[]),
    ];
    let done = store.add(bank.id, &batch).unwrap();
    let positions: Vec<usize> = done.refused.iter().map(|&(at, _)| at).collect();
    assert_eq!((done.added, positions), (2, vec![0, 2]));
    assert_eq!(
        done.refused[0].1.to_string(),
        "hashes: 257 together with what is there already, at most 256 are kept"
    );
    let kept: Vec<usize> = store
        .items(bank.id)
        .map(|item| item.unwrap().signals.len())
        .collect();
    assert_eq!(kept, [most as usize, 1], "nothing of what was refused");

    let names: Vec<String> = (0..BankStore::MAX_LABELS + 1)
        .map(|n| n.to_string())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let labels = [said("c", 3, &[], &names), said("c", 4, &[], &names[1..])];
    let done = store.add(bank.id, &labels).unwrap();
    assert_eq!((done.added, done.refused.len()), (1, 1));
    assert!(done.refused[0].1.to_string().starts_with("labels: 257"));
    for number in 0..BankStore::MAX_SOURCES + 3 {
        let source = format!("source {number}");
        let new = said(&source, 9, &[], &[&source]);
        let done = store.add(bank.id, std::slice::from_ref(&new)).unwrap();
        let fits = number < BankStore::MAX_SOURCES;
        assert_eq!(done.refused.is_empty(), fits, "{number}");
        let again = store.add(bank.id, &[new]).unwrap();
        assert_eq!(again.refused, done.refused);
    }
    let digest = signal(SignalType::Sha256, 9);
    let kept = store
        .item(store.find(&digest).unwrap()[0])
        .unwrap()
        .unwrap();
    assert_eq!(1 + kept.later.len(), BankStore::MAX_SOURCES);
    assert_eq!(kept.labels.len(), BankStore::MAX_SOURCES);
    dump(&store);
}
