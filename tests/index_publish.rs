//! Publishing leaves the old generation or the new one; readers follow, and see one at a time.

mod search_support;

use hashgate::hash::{Distance, SignalType};
use hashgate::index::{
    Index, IndexError, IndexHandle, MANIFEST_FILE, Memory, PublishError, PublishOptions, Stage,
    publish, publish_delta, verify,
};
use search_support::*;
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

type Result<T> = std::result::Result<T, PublishError<Infallible>>;

fn publish_to(
    folder: &Path,
    records: &[hashgate::index::IndexRecord],
    options: &PublishOptions<'_>,
) -> Result<hashgate::index::Published> {
    let records = records.iter().copied().map(Ok);
    publish(folder, &banks(), records, options)
}

fn names(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_index_that_was_never_published_says_how_to() {
    let home = tempfile::tempdir().unwrap();
    for folder in [home.path().to_owned(), home.path().join("nowhere")] {
        let error = Index::open(&folder).err().unwrap();
        assert!(matches!(error, IndexError::NotPublished { .. }));
        assert!(error.to_string().contains("hashgate publish"), "{error}");
    }
}

#[test]
fn an_empty_generation_is_a_generation() {
    let published = Generation::publish(&[], 8192);
    assert_eq!(
        (published.published.generation, published.published.segments),
        (1, 0)
    );
    let index = published.open();
    assert_eq!(index.banks().len(), banks().len());
    assert_eq!(index.bank(hashgate::bank::BankId(3)), Some(&bank(3)));
    assert!(index.signal_types().is_empty());
    assert_eq!(index.search(&pdq(&"00".repeat(32)), Distance(256)), []);
    assert!(verify(published.home.path()).unwrap().is_sound());
}

#[test]
fn the_manifest_is_readable_and_says_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(20);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 20);
    let options = PublishOptions {
        store_revision: 77,
        program_version: "9.8.7",
        ..Default::default()
    };
    let published = publish_to(home.path(), &records, &options).unwrap();
    let text = fs::read_to_string(home.path().join(MANIFEST_FILE)).unwrap();
    let (json, checksum) = text.split_once("# crc32c ").unwrap();
    assert_eq!(
        checksum,
        format!("{:08x}\n", crc32c::crc32c(json.as_bytes()))
    );
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["format"], 1);
    assert_eq!(json["generation"], 1);
    assert_eq!(json["program_version"], "9.8.7");
    assert_eq!(json["banks"][4]["name"], "bank-4");
    assert_eq!(json["segments"][0]["types"][0]["hashes"], 20);
    let stats = Index::open(home.path()).unwrap().stats();
    assert_eq!(
        (stats.store_revision, stats.program_version.as_str()),
        (77, "9.8.7")
    );
    assert_eq!((stats.segments, stats.bytes), (1, published.bytes));
    assert!(stats.created_at > 1_700_000_000);
}

#[test]
#[cfg(unix)]
fn folder_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("deep/index");
    let mut random = Random::new(21);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 20);
    publish_to(&folder, &records, &PublishOptions::default()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in names(&folder) {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_new_generation_replaces_the_old_and_readers_follow() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(22);
    let first = Shape::Clustered.records(&mut random, SignalType::Pdq, 400);
    let second = Shape::Clustered.records(&mut random, SignalType::Pdq, 300);
    let options = PublishOptions {
        linear_below: 100,
        ..Default::default()
    };
    publish_to(home.path(), &first, &options).unwrap();
    let handle = IndexHandle::open_with(home.path(), Memory::Populate).unwrap();
    assert!(!handle.refresh().unwrap());
    let old = handle.load();

    let published = publish_to(home.path(), &second, &options).unwrap();
    assert_eq!(published.generation, 2);
    assert_eq!(names(home.path()).len(), 3, "manifest, lock, one segment");
    assert_eq!(handle.load().generation(), 1, "until it refreshes");
    assert!(handle.refresh().unwrap());
    assert!(!handle.refresh().unwrap());
    assert_eq!(handle.load().generation(), 2);
    for query in queries(&mut random, &first, SignalType::Pdq, 20) {
        assert_search(&old, &first, &query, Distance(31));
        assert_search(&handle.load(), &second, &query, Distance(31));
    }
}

#[test]
fn a_refresh_that_fails_leaves_the_generation_in_force() {
    let mut random = Random::new(23);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 5);
    let published = Generation::publish(&records, 8192);
    let handle = IndexHandle::open(published.home.path()).unwrap();
    fs::write(published.home.path().join(MANIFEST_FILE), "nonsense").unwrap();
    assert!(handle.refresh().is_err());
    assert_search(&handle.load(), &records, &records[0].signal, Distance(0));
}

#[test]
fn two_publishers_exclude_each_other() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(24);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 5);
    let inner = std::cell::RefCell::new(None);
    let progress = |_| {
        // The outer publisher holds the lock while it reads.
        let tried = publish_to(home.path(), &records, &PublishOptions::default());
        inner
            .borrow_mut()
            .get_or_insert(tried.map(|_| ()).map_err(|error| error.to_string()));
    };
    let options = PublishOptions {
        progress: Some(&progress),
        ..Default::default()
    };
    publish_to(home.path(), &records, &options).unwrap();
    let message = inner.into_inner().unwrap().unwrap_err();
    assert!(
        message.contains("another process is publishing"),
        "{message}"
    );
    let published = publish_to(home.path(), &records, &PublishOptions::default());
    assert_eq!(published.unwrap().generation, 2, "the lock is let go");
}

#[test]
fn what_a_stopped_publisher_left_is_removed() {
    let mut random = Random::new(25);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 5);
    let published = Generation::publish(&records, 8192);
    let folder = published.home.path();
    let left = ["segment-0000000000000002-0000.hgs.tmp", "manifest.tmp"];
    for name in left {
        fs::write(folder.join(name), "half").unwrap();
    }
    // Stopped after the segment had its name and before the manifest did.
    fs::write(folder.join("segment-0000000000000005-0000.hgs"), "whole").unwrap();
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    assert_eq!(Index::open(folder).unwrap().generation(), 1);
    let next = publish_to(folder, &records, &PublishOptions::default()).unwrap();
    assert_eq!(next.generation, 6, "a name once given is not given again");
    let expected = [
        "lock",
        "manifest",
        "notes.txt",
        "segment-0000000000000006-0000.hgs",
    ];
    assert_eq!(names(folder), expected);
}

#[test]
fn a_failed_publish_leaves_the_generation_in_force() {
    let mut random = Random::new(26);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 5);
    let published = Generation::publish(&records, 8192);
    let folder = published.home.path();

    let broken = records
        .iter()
        .copied()
        .map(Ok)
        .chain([Err(std::io::Error::other("torn"))]);
    let error = publish(folder, &banks(), broken, &PublishOptions::default()).unwrap_err();
    assert!(error.to_string().contains("torn"), "{error}");

    // Segments that were written before it failed are not left to fill the disk.
    let before = names(folder);
    let broken = records.iter().copied().map(Ok);
    let broken = broken.chain([Err(std::io::Error::other("torn"))]);
    let options = PublishOptions {
        segment_records: 2,
        ..Default::default()
    };
    publish(folder, &banks(), broken, &options).unwrap_err();
    assert_eq!(names(folder), before);

    let stranger = [record(77, 1, records[0].signal, None)];
    let error = publish_to(folder, &stranger, &PublishOptions::default()).unwrap_err();
    assert!(matches!(error, PublishError::UnknownBank { bank } if bank.0 == 77));

    assert_eq!(Index::open(folder).unwrap().generation(), 1);
    assert!(verify(folder).unwrap().is_sound());
}

#[test]
fn publishing_over_a_damaged_index_repairs_it() {
    let mut random = Random::new(27);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 50);
    let published = Generation::publish(&records, 8192);
    let folder = published.home.path();
    fs::write(folder.join(MANIFEST_FILE), "nonsense").unwrap();
    assert!(Index::open(folder).is_err());
    let again = publish_to(folder, &records, &PublishOptions::default()).unwrap();
    assert_eq!(again.generation, 2);
    assert!(verify(folder).unwrap().is_sound());
    assert_search(
        &Index::open(folder).unwrap(),
        &records,
        &records[7].signal,
        Distance(9),
    );
}

#[test]
fn progress_is_told_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(28);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 3000);
    let seen = std::cell::RefCell::new(Vec::new());
    let progress = |step| seen.borrow_mut().push(step);
    let options = PublishOptions {
        progress: Some(&progress),
        linear_below: 0,
        ..Default::default()
    };
    publish_to(home.path(), &records, &options).unwrap();
    let seen = seen.into_inner();
    assert_eq!((seen[0].stage, seen[0].done), (Stage::Reading, 3000));
    let building: Vec<_> = seen
        .iter()
        .filter(|step| step.stage == Stage::Building)
        .collect();
    assert!(building.len() > 16 && building.is_sorted_by_key(|step| step.done));
    assert!(building.iter().all(|step| step.done <= step.total.unwrap()));
    let last = building.last().unwrap();
    assert_eq!(Some(last.done), last.total);
}

const GENERATIONS: u64 = 1000;

#[test]
fn every_answer_belongs_to_one_generation() {
    let home = tempfile::tempdir().unwrap();
    let query = pdq(&"3c".repeat(32));
    // Generation `g` holds so many content items, all of them numbered from 1000 g.
    let items = |g: u64| 1 + g % 50;
    let generation = |g: u64| -> Vec<_> {
        (0..items(g))
            .map(|item| record(1, 1000 * g + item, query, None))
            .collect()
    };
    publish_to(home.path(), &generation(1), &PublishOptions::default()).unwrap();
    let handle = IndexHandle::open(home.path()).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = handle.refresh().unwrap();
                    let index = handle.load();
                    let hits = index.search(&query, Distance(31));
                    assert_eq!(hits.len() as u64, items(index.generation()));
                    assert!(
                        hits.iter()
                            .all(|hit| hit.content.0 / 1000 == index.generation())
                    );
                    let fresh = Index::open(home.path()).unwrap();
                    let hits = fresh.search(&query, Distance(0));
                    assert_eq!(hits.len() as u64, items(fresh.generation()));
                    // Let the publisher have the processor too.
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
        for g in 2..=GENERATIONS {
            let options = PublishOptions::default();
            // Two of three as a change of the one before.
            let published = if g % 3 == 0 {
                publish_to(home.path(), &generation(g), &options)
            } else {
                let old = generation(g - 1).into_iter();
                let old = old.map(|record| (record.bank, record.content));
                let new = generation(g).into_iter().map(Ok);
                publish_delta(home.path(), &banks(), new, old, &options)
            };
            assert_eq!(published.unwrap().generation, g);
        }
        done.store(true, Ordering::Relaxed);
    });
    handle.refresh().unwrap();
    assert_eq!(handle.load().generation(), GENERATIONS);
}
