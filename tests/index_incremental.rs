//! A generation made of many changes answers as one that is built anew.

mod search_support;

use hashgate::bank::{Bank, BankId, ContentId};
use hashgate::hash::{Distance, Signal, SignalType};
use hashgate::index::{
    Index, IndexError, IndexHandle, IndexRecord, PublishError, PublishOptions, Strategy, publish,
    publish_delta, verify,
};
use search_support::*;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;

/// What the index should hold: every hash of every content item.
#[derive(Default)]
struct Model {
    items: BTreeMap<(BankId, ContentId), Vec<IndexRecord>>,
}

impl Model {
    fn records(&self) -> Vec<IndexRecord> {
        self.items.values().flatten().copied().collect()
    }

    fn put(&mut self, added: &[IndexRecord], removed: &[(BankId, ContentId)]) {
        for item in removed {
            self.items.remove(item);
        }
        for record in added {
            self.items.remove(&(record.bank, record.content));
        }
        for record in added {
            let item = self.items.entry((record.bank, record.content)).or_default();
            item.push(*record);
        }
    }
}

fn delta(
    home: &std::path::Path,
    banks: &[Bank],
    added: &[IndexRecord],
    removed: &[(BankId, ContentId)],
    linear_below: usize,
) -> hashgate::index::Published {
    let options = PublishOptions {
        linear_below,
        ..Default::default()
    };
    let added = added.iter().copied().map(Ok::<_, Infallible>);
    publish_delta(home, banks, added, removed.iter().copied(), &options).unwrap()
}

const KINDS: [SignalType; 3] = [SignalType::Pdq, SignalType::Phash, SignalType::Md5];

fn compare(index: &Index, records: &[IndexRecord], random: &mut Random, count: usize) {
    let oracle = Oracle::new(records);
    for kind in KINDS {
        for query in queries(random, records, kind, count) {
            for radius in [0, 9, 31].map(Distance) {
                let expected = oracle.search(&query, radius);
                assert_eq!(index.search(&query, radius), expected);
                let first = &expected[..expected.len().min(3)];
                assert_eq!(index.nearest(&query, 3, radius), first);
            }
        }
    }
}

#[test]
fn many_small_changes_equal_one_build() {
    for (seed, linear_below) in [(30, 8192), (31, 64), (32, 0)] {
        let home = tempfile::tempdir().unwrap();
        let mut random = Random::new(seed);
        let mut model = Model::default();
        let mut next = 1;
        let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
        publish(home.path(), &banks(), none, &PublishOptions::default()).unwrap();
        let handle = IndexHandle::open(home.path()).unwrap();
        let rounds = if linear_below == 0 { 40 } else { 150 };
        let mut most_segments = 0;
        for round in 0..rounds {
            let mut added = Vec::new();
            for kind in KINDS {
                let many = [0, 1, 3, 40, 200][random.below(5)];
                let mut records = Shape::ALL[random.below(4)].records(&mut random, kind, many);
                for record in &mut records {
                    // Some replace what is there, most are new; some have several hashes.
                    record.content = ContentId(match random.below(4) {
                        0 => random.next() % next,
                        _ => next,
                    });
                    next += random.next() % 2;
                }
                added.extend(records);
            }
            let items: Vec<_> = model.items.keys().copied().collect();
            let mut removed = Vec::new();
            for _ in 0..[0, 0, 1, 5, items.len() / 2][random.below(5)].min(items.len()) {
                removed.push(items[random.below(items.len())]);
            }
            removed.push((BankId(2), ContentId(u64::MAX)));
            let published = delta(home.path(), &banks(), &added, &removed, linear_below);
            model.put(&added, &removed);
            most_segments = most_segments.max(published.segments);
            assert!(handle.refresh().unwrap());
            assert_eq!(handle.load().generation(), round + 2);
            if round % 8 == 0 {
                compare(&handle.load(), &model.records(), &mut random, 4);
            }
        }
        let report = verify(home.path()).unwrap();
        assert!(report.is_sound() && report.stale.is_empty(), "{report:?}");
        assert!((1..12).contains(&most_segments), "{most_segments} segments");
        assert!(
            linear_below > 64 || most_segments > 1,
            "nothing was stacked"
        );
        let index = Index::open(home.path()).unwrap();
        compare(&index, &model.records(), &mut random, 30);
        let index = index.with_strategy(Strategy::Tables);
        compare(&index, &model.records(), &mut random, 10);
    }
}

/// A thousand generations of one change or a few, as an import that never ends makes them.
#[test]
fn a_thousand_single_changes_equal_one_build() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(36);
    let mut model = Model::default();
    let mut records = Vec::new();
    for kind in KINDS {
        records.extend(Shape::Clustered.records(&mut random, kind, 300));
    }
    model.put(&records, &[]);
    let whole = model.records().into_iter().map(Ok::<_, Infallible>);
    publish(home.path(), &banks(), whole, &PublishOptions::default()).unwrap();
    let handle = IndexHandle::open(home.path()).unwrap();
    for round in 1..=1000 {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for _ in 0..1 + random.below(3) {
            let items: Vec<_> = model.items.keys().copied().collect();
            if random.below(3) == 0 && !items.is_empty() {
                removed.push(items[random.below(items.len())]);
            } else {
                let shape = Shape::ALL[random.below(4)];
                let kind = KINDS[random.below(3)];
                let mut new = shape.records(&mut random, kind, 1);
                new[0].content = ContentId(random.below(900) as u64);
                added.extend(new);
            }
        }
        // Tables for whatever is larger than a few hashes, so that merges cross both layouts.
        delta(home.path(), &banks(), &added, &removed, 200);
        model.put(&added, &removed);
        assert!(handle.refresh().unwrap());
        if round % 100 == 0 {
            let records = model.records();
            compare(&handle.load(), &records, &mut random, 10);
            let asked = queries(&mut random, &records, SignalType::Pdq, 300);
            let oracle = Oracle::new(&records);
            let batch = handle.load().search_batch(&asked, Distance(31));
            for (query, hits) in asked.iter().zip(batch) {
                assert_eq!(hits, oracle.search(query, Distance(31)));
            }
        }
    }
    assert!(verify(home.path()).unwrap().is_sound());
    let index = Index::open(home.path()).unwrap();
    compare(&index, &model.records(), &mut random, 40);
}

#[test]
fn a_hash_added_to_a_large_index_is_a_small_file() {
    let mut random = Random::new(33);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 20_000);
    let published = Generation::publish(&records, 8192);
    let folder = published.home.path();
    let old = published.open();
    let added = [record(1, 1_000_000, pdq(&"7e".repeat(32)), None)];
    let next = delta(folder, &banks(), &added, &[], 8192);
    assert_eq!((next.generation, next.segments), (2, 2));
    assert!(
        next.bytes - published.published.bytes < 2048,
        "{}",
        next.bytes
    );
    let index = Index::open(folder).unwrap();
    assert_eq!(index.search(&added[0].signal, Distance(0)).len(), 1);
    assert_eq!(
        old.search(&added[0].signal, Distance(0)),
        [],
        "it keeps its generation"
    );
    assert_search(&index, &records, &records[9].signal, Distance(31));
}

#[test]
fn what_is_removed_stops_matching_and_can_come_back() {
    let mut random = Random::new(34);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 10_000);
    let published = Generation::publish(&records, 100);
    let folder = published.home.path();
    let victim = records[77];
    let item = (victim.bank, victim.content);
    let found = |index: &Index| {
        let hits = index.search(&victim.signal, Distance(0));
        hits.iter()
            .filter(|hit| (hit.bank, hit.content) == item)
            .count()
    };
    delta(folder, &banks(), &[], &[item], 100);
    let index = Index::open(folder).unwrap();
    assert_eq!((found(&index), index.stats().tombstones), (0, 1));
    delta(folder, &banks(), &[victim], &[], 100);
    assert_eq!(found(&Index::open(folder).unwrap()), 1);
}

#[test]
fn content_of_a_bank_that_is_gone_stops_matching() {
    let mut random = Random::new(35);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 9000);
    let published = Generation::publish(&records, 100);
    let folder = published.home.path();
    let left: Vec<_> = banks()
        .into_iter()
        .filter(|bank| bank.id != BankId(2))
        .collect();
    let next = delta(folder, &left, &[], &[], 100);
    assert_eq!((next.generation, next.segments), (2, 1));
    let kept: Vec<_> = records
        .iter()
        .filter(|r| r.bank != BankId(2))
        .copied()
        .collect();
    let index = Index::open(folder).unwrap();
    for query in queries(&mut random, &records, SignalType::Pdq, 40) {
        assert_search(&index, &kept, &query, Distance(31));
    }
}

#[test]
fn a_change_needs_something_to_change() {
    let home = tempfile::tempdir().unwrap();
    let none = std::iter::empty::<Result<IndexRecord, Infallible>>();
    let options = PublishOptions::default();
    let error = publish_delta(home.path(), &banks(), none.clone(), [], &options).unwrap_err();
    assert!(matches!(
        error,
        PublishError::Base(IndexError::NotPublished { .. })
    ));
    assert!(error.to_string().contains("hashgate publish"), "{error}");

    let published = Generation::publish(&[record(1, 1, pdq(&"11".repeat(32)), None)], 8192);
    let folder = published.home.path();
    fs::remove_file(folder.join("segment-0000000000000001-0000.hgs")).unwrap();
    let error = publish_delta(folder, &banks(), none, [], &options).unwrap_err();
    assert!(matches!(error, PublishError::Base(_)), "{error}");
}

/// An index that is larger than a segment may be is a stack of segments, however it came about.
#[test]
fn segments_hold_no_more_records_than_they_may() {
    let mut random = Random::new(36);
    let mut model = Model::default();
    for kind in KINDS {
        model.put(&Shape::Clustered.records(&mut random, kind, 700), &[]);
    }
    let records = model.records();
    let options = PublishOptions {
        linear_below: 64,
        segment_records: 500,
        ..Default::default()
    };
    let home = tempfile::tempdir().unwrap();
    let all = records.iter().copied().map(Ok::<_, Infallible>);
    let published = publish(home.path(), &banks(), all, &options).unwrap();
    assert!(published.segments >= records.len() / 500, "{published:?}");
    let index = Index::open(home.path()).unwrap();
    compare(&index, &records, &mut random, 20);

    // Changes are merged among themselves, and into nothing that would become too large.
    for round in 0..30 {
        let added: Vec<_> = (0..30)
            .map(|number| {
                let kind = KINDS[round % KINDS.len()];
                let signal = Signal::from_bytes(kind, &random.bytes(kind.byte_len())).unwrap();
                record(1, 100_000 + 30 * round as u64 + number, signal, None)
            })
            .collect();
        let items: Vec<_> = model.items.keys().copied().collect();
        let removed = [items[round * 7 % items.len()]];
        let added_now = added.iter().copied().map(Ok::<_, Infallible>);
        let published = publish_delta(home.path(), &banks(), added_now, removed, &options).unwrap();
        model.put(&added, &removed);
        assert!(published.segments < 16, "{published:?}");
    }
    let index = Index::open(home.path()).unwrap();
    assert!(index.stats().segments > 4);
    assert!(verify(home.path()).unwrap().is_sound());
    compare(&index, &model.records(), &mut random, 20);
}
