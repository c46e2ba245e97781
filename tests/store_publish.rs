//! Publishing what has changed ends as publishing all: whatever happens to the store, to the index
//! folder and to the publisher.

#![cfg(feature = "store")]

mod common;
mod search_support;
mod store_support;

use hashgate::bank::{Action, Bank, ContentId, Policy};
use hashgate::hash::{Distance, Quality, Signal, SignalType, Threshold};
use hashgate::index::{Base, Index, IndexRecord, PublishError, PublishOptions, verify};
use hashgate::store::{BankStore, NewItem, Publication, StoreError, WhyAll};
use search_support::{Oracle, Random, queries};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use store_support::{item, pdq, signal};

type Done = Result<Publication, PublishError<StoreError>>;

fn options(linear_below: usize) -> PublishOptions<'static> {
    PublishOptions {
        linear_below,
        ..PublishOptions::default()
    }
}

fn publish_as(store: &BankStore, folder: &Path, all: bool, linear_below: usize) -> Done {
    let base = Base::read(folder);
    let snapshot = store.snapshot().map_err(PublishError::Source)?;
    snapshot.publish(folder, base, all, &options(linear_below))
}

fn publish(store: &BankStore, folder: &Path) -> Publication {
    publish_as(store, folder, false, 64).unwrap()
}

/// How many entries were added and removed, where only the change was published.
#[track_caller]
fn change(publication: &Publication) -> (u64, u64) {
    match *publication {
        Publication::Change { added, removed, .. } => (added, removed),
        _ => panic!("not only the change: {publication:?}"),
    }
}

#[track_caller]
fn why(publication: Publication) -> WhyAll {
    match publication {
        Publication::All { why, .. } => why,
        _ => panic!("not all: {publication:?}"),
    }
}

/// Holds an index against the store: the banks, every record, and the hits of queries.
#[track_caller]
fn compare(folder: &Path, store: &BankStore, random: &mut Random, count: usize) {
    let index = Index::open(folder).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(index.banks(), snapshot.banks);
    let stats = index.stats();
    assert_eq!(stats.store_revision, snapshot.revision);
    assert_eq!(stats.store_mark, snapshot.mark().unwrap());
    let records: Vec<IndexRecord> = snapshot.records().unwrap().map(Result::unwrap).collect();
    let oracle = Oracle::new(&records);
    for kind in SignalType::ALL {
        // Of a near type these are all records, of a digest those asked about.
        let everything = Signal::from_bytes(kind, &vec![0x5a; kind.byte_len()]).unwrap();
        let radius = Distance(256);
        assert_eq!(
            index.search(&everything, radius),
            oracle.search(&everything, radius)
        );
        for query in queries(random, &records, kind, count) {
            for radius in [0, 9, 31].map(Distance) {
                let expected = oracle.search(&query, radius);
                assert_eq!(index.search(&query, radius), expected);
                let first = &expected[..expected.len().min(3)];
                assert_eq!(index.nearest(&query, 3, radius), first);
            }
        }
    }
    // What was once there and is gone must not match.
    for number in 0..store.snapshot().unwrap().revision.min(200) {
        for kind in [SignalType::Md5, SignalType::Sha256] {
            let query = signal(kind, number);
            assert_eq!(
                index.search(&query, Distance(0)),
                oracle.search(&query, Distance(0))
            );
        }
    }
    assert!(verify(folder).unwrap().is_sound());
}

/// As [`compare`], and against an index that is built anew.
#[track_caller]
fn compare_to_full(folder: &Path, store: &BankStore, random: &mut Random) {
    compare(folder, store, random, 4);
    let other = tempfile::tempdir().unwrap();
    let done = publish_as(store, other.path(), false, 8192).unwrap();
    assert!(matches!(why(done), WhyAll::First));
    let [changed, full] = [folder, other.path()].map(|folder| Index::open(folder).unwrap());
    assert_eq!(changed.banks(), full.banks());
    for number in 0..30 {
        for kind in SignalType::ALL {
            let query = signal(kind, number);
            for radius in [0, 31, 100].map(Distance) {
                assert_eq!(changed.search(&query, radius), full.search(&query, radius));
            }
        }
    }
}

/// Entries with one to three hashes, of which some are in other entries too.
fn new_items(random: &mut Random, many: usize) -> Vec<NewItem> {
    (0..many)
        .map(|_| {
            let signals: Vec<Signal> = (0..1 + random.below(3))
                .map(|_| {
                    let kind = SignalType::ALL[random.below(SignalType::ALL.len())];
                    signal(kind, random.below(2_000) as u64)
                })
                .collect();
            let mut new = item(&signals);
            for entry in &mut new.signals {
                entry.quality = Quality::new(random.below(140) as u8);
            }
            new
        })
        .collect()
}

fn any_bank(random: &mut Random, store: &BankStore) -> Bank {
    let banks = store.banks().unwrap();
    banks[random.below(banks.len())].clone()
}

fn any_item(random: &mut Random, store: &BankStore) -> Option<ContentId> {
    let bank = any_bank(random, store);
    let items: Vec<_> = store.items(bank.id).map(|item| item.unwrap().id).collect();
    items.get(random.below(items.len())).copied()
}

/// Changes something, or nothing.
fn step(random: &mut Random, store: &BankStore) {
    let name = format!("bank-{}", store.revision()).parse().unwrap();
    match random.below(16) {
        0 => {
            let policy = Policy::new(Action::ALL[random.below(4)]);
            store.create_bank(&name, policy).unwrap();
        }
        1 if store.banks().unwrap().len() > 2 => {
            let bank = any_bank(random, store);
            store.delete_bank(&bank.name).unwrap();
        }
        2 => {
            let mut bank = any_bank(random, store);
            bank.policy.enabled = !bank.policy.enabled;
            bank.policy.threshold = Threshold(random.below(64) as u16);
            store.set_policy(&bank.name, bank.policy).unwrap();
        }
        3 => {
            let bank = any_bank(random, store);
            store.rename_bank(&bank.name, &name).unwrap();
        }
        4 => {
            let many = 50 + random.below(200);
            let bank = any_bank(random, store);
            store.add(bank.id, &new_items(random, many)).unwrap();
        }
        5..8 => {
            let many = 1 + random.below(6);
            let bank = any_bank(random, store);
            store.add(bank.id, &new_items(random, many)).unwrap();
        }
        8 => {
            // What is there already, and one that is not.
            let bank = any_bank(random, store);
            let there = store.items(bank.id).take(3).map(Result::unwrap);
            let more = new_items(random, 1).remove(0).signals;
            let again = there.map(|item| NewItem {
                signals: [item.signals, more.clone()].concat(),
                labels: Vec::new(),
                provenance: item.provenance,
                ..NewItem::default()
            });
            let mut items: Vec<_> = again.collect();
            items.extend(new_items(random, 1));
            store.add(bank.id, &items).unwrap();
        }
        9 => {
            for _ in 0..random.below(6) {
                if let Some(id) = any_item(random, store) {
                    store.delete_item(id).unwrap();
                }
            }
        }
        10..13 => {
            if let Some(id) = any_item(random, store) {
                store.withdraw(id, 0).unwrap();
            }
        }
        13..15 => {
            for bank in store.banks().unwrap() {
                for item in store.items(bank.id).map(Result::unwrap) {
                    if random.below(3) == 0 {
                        store.reinstate(item.id, 0).unwrap();
                    }
                }
            }
        }
        _ => {}
    }
}

/// A store with two banks and some hundred entries, and a folder for everything.
fn world(random: &mut Random, many: usize) -> (tempfile::TempDir, BankStore) {
    let home = tempfile::tempdir().unwrap();
    let store = BankStore::open(home.path().join("store")).unwrap();
    for name in ["first", "second"] {
        let policy = Policy::new(Action::Block);
        let bank = store.create_bank(&name.parse().unwrap(), policy).unwrap();
        store.add(bank.id, &new_items(random, many)).unwrap();
    }
    (home, store)
}

#[test]
fn whatever_changes_publishing_the_change_equals_publishing_all() {
    let (mut unchanged, mut change, mut all, mut most_segments) = (0, 0, 0, 0);
    for (seed, linear_below) in [(1, 0), (2, 64), (3, 8192)] {
        let mut random = Random::new(seed);
        let (home, mut store) = world(&mut random, 150);
        let [often, seldom] = ["often", "seldom"].map(|name| home.path().join(name));
        for round in 0..90 {
            step(&mut random, &store);
            if round % 20 == 19 {
                let folder = store.folder().to_owned();
                drop(store);
                store = BankStore::open(&folder).unwrap();
            }
            match publish_as(&store, &often, false, linear_below).unwrap() {
                Publication::Unchanged(_) => unchanged += 1,
                Publication::Change { published, .. } => {
                    change += 1;
                    most_segments = most_segments.max(published.segments);
                }
                Publication::All { .. } => all += 1,
                other => panic!("{other:?}"),
            }
            compare(&often, &store, &mut random, 2);
            if round % 7 == 0 {
                publish_as(&store, &seldom, false, linear_below).unwrap();
                compare_to_full(&seldom, &store, &mut random);
            }
        }
        compare_to_full(&often, &store, &mut random);
    }
    assert!(
        unchanged > 10 && change > 100 && all > 3 && most_segments > 1,
        "{unchanged} times nothing, {change} times the change on up to {most_segments} segments, \
         {all} times all"
    );
}

#[test]
fn what_was_done_is_told() {
    let mut random = Random::new(10);
    let (home, store) = world(&mut random, 400);
    let folder = home.path().join("index");
    let bank = store.banks().unwrap()[0].clone();
    let id = |n| store.items(bank.id).nth(n).unwrap().unwrap().id;
    assert!(matches!(why(publish(&store, &folder)), WhyAll::First));
    let kept = publish(&store, &folder);
    assert!(
        matches!(kept, Publication::Unchanged(p) if p.generation == 1),
        "{kept:?}"
    );

    let (a, b) = (id(3), id(4));
    store.withdraw(a, 0).unwrap();
    store.delete_item(b).unwrap();
    let new: Vec<_> = (10_000..10_003).map(pdq).collect();
    store.add(bank.id, &new).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (3, 2));
    store.reinstate(a, 0).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (1, 0));
    compare(&folder, &store, &mut random, 4);

    // Added and gone again before anything was published.
    store.add(bank.id, &[pdq(10_003)]).unwrap();
    let signal = pdq(10_003).signals[0].signal;
    store.delete_item(store.find(&signal).unwrap()[0]).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (0, 0));

    let files = || -> BTreeSet<PathBuf> {
        let files = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        files.filter(|path| path.extension().is_some()).collect()
    };
    let before = files();
    let disabled = Policy {
        enabled: false,
        ..bank.policy
    };
    store.set_policy(&bank.name, disabled).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (0, 0));
    store.delete_bank(&bank.name).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (0, 0));
    assert_eq!(files(), before, "no segment was written");
    compare(&folder, &store, &mut random, 4);

    let left = store.banks().unwrap()[0].id;
    let many: Vec<_> = (20_000..20_400).map(pdq).collect();
    store.add(left, &many).unwrap();
    let done = why(publish(&store, &folder));
    assert!(
        matches!(done, WhyAll::Large { changed: 400, .. }),
        "{done:?}"
    );
    assert_ne!(files(), before);
    let asked = publish_as(&store, &folder, true, 64).unwrap();
    assert!(matches!(why(asked), WhyAll::Asked));
    compare(&folder, &store, &mut random, 4);
}

#[test]
fn a_folder_of_another_history_is_published_anew() {
    let mut random = Random::new(11);
    let (home, store) = world(&mut random, 100);
    let [folder, other] = ["index", "other"].map(|name| home.path().join(name));
    let bank = store.banks().unwrap()[0].id;
    publish(&store, &folder);

    // Of another store, at the same revision.
    let (_foreign_home, foreign) = world(&mut random, 100);
    assert_eq!(foreign.revision(), store.revision());
    publish(&foreign, &other);
    assert!(matches!(why(publish(&store, &other)), WhyAll::Unconnected));
    compare(&other, &store, &mut random, 4);

    // The store goes on, its folder is then put back as it was before, and goes another way.
    let kept = home.path().join("kept");
    let path = store.folder().to_owned();
    drop(store);
    copy_folder(&path, &kept);
    let store = BankStore::open(&path).unwrap();
    store.add(bank, &[pdq(1), pdq(2)]).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (2, 0));
    let ahead = store.revision();
    drop(store);
    fs::remove_dir_all(&path).unwrap();
    copy_folder(&kept, &path);
    let store = BankStore::open(&path).unwrap();
    assert!(
        matches!(why(publish(&store, &folder)), WhyAll::Unconnected),
        "it is ahead"
    );
    compare(&folder, &store, &mut random, 4);
    copy_folder(&folder, &home.path().join("same"));
    store.add(bank, &[pdq(3)]).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (1, 0));
    assert_eq!(store.revision(), ahead);
    compare(&folder, &store, &mut random, 4);

    // A copy of the index folder serves as well as the folder.
    let same = home.path().join("same");
    assert_eq!(change(&publish(&store, &same)), (1, 0));
    compare(&same, &store, &mut random, 4);

    // An index that was published without a mark, from a list of records.
    let snapshot = store.snapshot().unwrap();
    let unmarked = PublishOptions {
        store_revision: snapshot.revision,
        ..options(64)
    };
    let records = snapshot.records().unwrap();
    hashgate::index::publish(&folder, &snapshot.banks, records, &unmarked).unwrap();
    assert!(matches!(why(publish(&store, &folder)), WhyAll::Unconnected));
}

#[test]
fn a_store_that_kept_no_log_is_published_in_full_until_it_keeps_one() {
    let mut random = Random::new(16);
    let (home, store) = world(&mut random, 100);
    let folder = home.path().join("index");
    let path = store.folder().to_owned();
    publish(&store, &folder);
    drop(store);
    let families = [
        "meta",
        "banks",
        "bank_names",
        "content",
        "extents",
        "by_signal",
    ];
    let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), &path, families).unwrap();
    let meta = db.cf_handle("meta").unwrap();
    db.delete_range_cf(meta, "change", "changf").unwrap();
    drop(db);

    let store = BankStore::open_read_only(&path).unwrap();
    assert_eq!(store.verify().unwrap(), items(&store));
    for _ in 0..2 {
        assert!(matches!(why(publish(&store, &folder)), WhyAll::Unconnected));
        compare(&folder, &store, &mut random, 2);
    }
    drop(store);
    let store = BankStore::open(&path).unwrap();
    assert!(matches!(why(publish(&store, &folder)), WhyAll::Unconnected));
    let bank = store.banks().unwrap()[0].id;
    store.add(bank, &[pdq(1)]).unwrap();
    assert_eq!(change(&publish(&store, &folder)), (1, 0));
    compare(&folder, &store, &mut random, 2);
}

#[test]
fn a_damaged_folder_is_published_anew() {
    let mut random = Random::new(12);
    let (home, store) = world(&mut random, 100);
    let folder = home.path().join("index");
    let bank = store.banks().unwrap()[0].id;
    publish(&store, &folder);
    let segment = || {
        let mut files = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        files
            .find(|path| path.extension().is_some_and(|e| e == "hgs"))
            .unwrap()
    };
    let damage: [(&str, &dyn Fn()); 4] = [
        ("a segment is missing", &|| {
            fs::remove_file(segment()).unwrap()
        }),
        ("a segment is cut off", &|| {
            let file = fs::File::options().write(true).open(segment()).unwrap();
            file.set_len(100).unwrap();
        }),
        ("the manifest is empty", &|| {
            fs::write(folder.join("manifest"), "").unwrap()
        }),
        ("the manifest is of another format", &|| {
            let path = folder.join("manifest");
            let text = fs::read_to_string(&path).unwrap();
            let text = text.replace("\"format\": 1", "\"format\": 9");
            let text = &text[..text.rfind('#').unwrap()];
            let sum = format!("{text}# crc32c {:08x}\n", crc32c::crc32c(text.as_bytes()));
            fs::write(path, sum).unwrap();
        }),
    ];
    let mut number = 100;
    for changed in [false, true] {
        for (what, damage) in damage {
            damage();
            if changed {
                store.add(bank, &[pdq(number)]).unwrap();
                number += 1;
            }
            let done = why(publish(&store, &folder));
            assert!(matches!(done, WhyAll::Damaged(_)), "{what}: {done:?}");
            compare(&folder, &store, &mut random, 2);
        }
    }
}

#[test]
fn a_publisher_that_was_overtaken_changes_nothing() {
    let mut random = Random::new(13);
    let (home, store) = world(&mut random, 100);
    let folder = home.path().join("index");
    let bank = store.banks().unwrap()[0].id;
    let none = Base::read(&folder);
    let early = store.snapshot().unwrap();
    publish(&store, &folder);
    let slow = early.publish(&folder, none, false, &options(64));
    assert!(
        matches!(
            slow,
            Err(PublishError::OtherBase {
                expected: 0,
                got: 1,
                ..
            })
        ),
        "{slow:?}"
    );

    store.add(bank, &[pdq(1)]).unwrap();
    for all in [false, true] {
        let base = Base::read(&folder);
        let early = store.snapshot().unwrap();
        store.add(bank, &[pdq(2 + u64::from(all))]).unwrap();
        publish(&store, &folder);
        let slow = early.publish(&folder, base, all, &options(64));
        assert!(
            matches!(slow, Err(PublishError::OtherBase { .. })),
            "{slow:?}"
        );
        compare(&folder, &store, &mut random, 2);
    }
    let again = publish(&store, &folder);
    assert!(matches!(again, Publication::Unchanged(_)), "{again:?}");
}

#[test]
fn a_publisher_stopped_before_its_manifest_is_made_up_for() {
    let mut random = Random::new(14);
    let (home, store) = world(&mut random, 100);
    let [folder, before] = ["index", "before"].map(|name| home.path().join(name));
    publish(&store, &folder);
    for round in 0..6 {
        step(&mut random, &store);
        let bank = any_bank(&mut random, &store);
        store.add(bank.id, &[pdq(round)]).unwrap();
        copy_folder(&folder, &before);
        publish(&store, &folder);
        // The old files beside the new segment, and a manifest half written.
        for file in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            if file.file_name() != "manifest" {
                fs::copy(file.path(), before.join(file.file_name())).unwrap();
            }
        }
        fs::write(before.join("manifest.tmp"), "{\n").unwrap();
        let index = Index::open(&before).unwrap();
        assert!(index.stats().store_revision < store.revision());
        publish(&store, &before);
        compare(&before, &store, &mut random, 2);
        assert!(verify(&before).unwrap().stale.is_empty());
        fs::remove_dir_all(&before).unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    #[cfg(unix)]
    fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Tells a copy of this test program to change and publish in a folder.
const FOLDER: &str = "HASHGATE_TEST_PUBLISH_IN";

/// Changes and publishes without end, as a process of its own: the next test starts this alone.
#[test]
fn endless_publisher() {
    let Some(home) = std::env::var_os(FOLDER) else {
        return;
    };
    let home = PathBuf::from(home);
    let store = BankStore::open(home.join("store")).unwrap();
    let mut random = Random::new(store.revision());
    loop {
        step(&mut random, &store);
        println!("\nchanged");
        publish(&store, &home.join("index"));
        println!("\npublished");
    }
}

#[cfg(unix)]
#[test]
fn publishers_killed_anywhere_leave_what_can_be_built_upon() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let mut random = Random::new(15);
    let (home, store) = world(&mut random, 150);
    drop(store);
    let folder = home.path().join("index");
    let mut changes = 0;
    for kill in 0..24 {
        let mut child = common::watched(
            Command::new(std::env::current_exe().unwrap())
                .args(["endless_publisher", "--exact", "--nocapture"])
                .env(FOLDER, home.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = said.map(Result::unwrap);
        let mut said = said.filter(|line| line == "changed" || line == "published");
        assert_eq!(said.by_ref().take(1 + kill).count(), 1 + kill, "it goes on");
        for _ in 0..[0, 30, 300, 3_000][kill % 4] {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let store = BankStore::open(home.path().join("store")).unwrap();
        assert_eq!(store.verify().unwrap(), items(&store));
        if kill > 0 {
            let left = verify(&folder).unwrap();
            assert!(left.is_sound(), "{left:?}");
        }
        let done = publish(&store, &folder);
        changes += usize::from(!matches!(done, Publication::All { .. }));
        compare(&folder, &store, &mut random, 2);
        let left = verify(&folder).unwrap();
        let kept = matches!(done, Publication::Unchanged(_));
        assert!(left.stale.is_empty() || kept, "{left:?}");
    }
    assert!(changes > 12, "only {changes} of 24 were built upon");
}

fn items(store: &BankStore) -> u64 {
    let banks = store.banks().unwrap();
    banks
        .iter()
        .map(|bank| store.counts(bank.id).unwrap().items)
        .sum()
}
