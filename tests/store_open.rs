//! Opening the store: who may, where, and what is refused.

#![cfg(feature = "store")]

mod store_support;

use hashgate::bank::{Action, Bank, Policy};
use hashgate::store::{BankStore, StoreError};
use rocksdb::{DB, Options, WriteBatch};
use std::fs;
use std::path::{Path, PathBuf};
use store_support::{dump, new_folder, pdq};

const FAMILIES: [&str; 7] = [
    "default",
    "meta",
    "banks",
    "bank_names",
    "content",
    "extents",
    "by_signal",
];

fn filled(folder: &Path) -> (BankStore, Bank) {
    let store = BankStore::open(folder).unwrap();
    let bank = store
        .create_bank(&"a".parse().unwrap(), Policy::new(Action::Block))
        .unwrap();
    store.add(bank.id, &[pdq(1), pdq(2)]).unwrap();
    (store, bank)
}

/// Changes a store behind its back.
fn tamper(folder: &Path, change: impl FnOnce(&DB, &mut WriteBatch)) {
    let db = DB::open_cf(&Options::default(), folder, FAMILIES).unwrap();
    let mut batch = WriteBatch::default();
    change(&db, &mut batch);
    db.write(batch).unwrap();
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let (_outer, folder) = new_folder();
    let (store, bank) = filled(&folder);
    let error = BankStore::open(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(
        error.to_string().contains("in use by another writer"),
        "{error}"
    );

    let reader = BankStore::open_read_only(&folder).unwrap();
    let other = BankStore::open_read_only(&folder).unwrap();
    assert_eq!(dump(&reader), dump(&store));
    assert_eq!(reader.revision(), store.revision());
    let before = dump(&store);
    store.add(bank.id, &[pdq(3)]).unwrap();
    assert_eq!(dump(&reader), before, "it stays as it was opened");
    assert_eq!(dump(&other), before);
    let reader = BankStore::open_read_only(&folder).unwrap();
    assert_eq!(dump(&reader), dump(&store), "a new one sees what is new");
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.records().unwrap().count(), 3);
    assert_eq!(snapshot.revision, 3);
    drop(store);
    BankStore::open(&folder).unwrap();
}

#[test]
fn a_flush_leaves_nothing_in_the_log_and_all_in_the_store() {
    let (_outer, folder) = new_folder();
    let (store, _) = filled(&folder);
    let before = dump(&store);
    let logged = || {
        let files = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().path());
        let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
        logs.map(|path| fs::metadata(path).unwrap().len())
            .sum::<u64>()
    };
    assert!(logged() > 0);
    store.flush().unwrap();
    assert_eq!(dump(&store), before);
    drop(store);
    assert_eq!(logged(), 0);
    let store = BankStore::open_read_only(&folder).unwrap();
    assert_eq!(dump(&store), before);
    let error = store.flush().unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

#[test]
fn a_reader_writes_nothing() {
    let (_outer, folder) = new_folder();
    let (store, bank) = filled(&folder);
    drop(store);
    let list = || {
        let mut names: Vec<(PathBuf, u64)> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
            .collect();
        names.sort();
        names
    };
    let before = list();
    let reader = BankStore::open_read_only(&folder).unwrap();
    let name = bank.name.clone();
    let id = reader.items(bank.id).next().unwrap().unwrap().id;
    let refused = [
        reader.add(bank.id, &[pdq(9)]).map(drop),
        reader
            .create_bank(&"b".parse().unwrap(), bank.policy.clone())
            .map(drop),
        reader.set_policy(&name, bank.policy.clone()).map(drop),
        reader.rename_bank(&name, &name).map(drop),
        reader.delete_bank(&name).map(drop),
        reader.withdraw(id, 0).map(drop),
        reader.reinstate(id, 0).map(drop),
        reader.delete_item(id).map(drop),
    ];
    for result in refused {
        assert!(matches!(result, Err(StoreError::ReadOnly { .. })));
    }
    drop(reader);
    assert_eq!(list(), before);
}

#[test]
fn readers_see_one_moment_while_a_writer_is_busy() {
    let (_outer, folder) = new_folder();
    let (store, bank) = filled(&folder);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for chunk in 1..60 {
                let items: Vec<_> = (0..1_000).map(|n| pdq(1_000 * chunk + n)).collect();
                store.add(bank.id, &items).unwrap();
            }
        });
        let mut last = 0;
        while !writer.is_finished() {
            let reader = BankStore::open_read_only(&folder).unwrap();
            let items = reader.items(bank.id).map(Result::unwrap).count() as u64;
            assert_eq!(reader.counts(bank.id).unwrap().items, items);
            assert_eq!((items - 2) % 1_000, 0, "whole batches");
            assert_eq!((items - 2) / 1_000 + 2, reader.revision());
            assert!(items >= last);
            last = items;
        }
    });
}

#[test]
fn what_is_missing_or_foreign_is_refused_with_the_repair() {
    let (outer, folder) = new_folder();
    let error = BankStore::open_read_only(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("bank create"), "{error}");
    assert!(!folder.exists(), "a reader makes nothing");
    let error = BankStore::open_existing(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(!folder.exists(), "nor does who asks for what is there");
    drop(BankStore::open(&folder).unwrap());
    BankStore::open_existing(&folder).unwrap();

    let foreign = outer.path().join("pictures");
    make_private(&foreign);
    fs::write(foreign.join("a.jpg"), "x").unwrap();
    let error = BankStore::open(&foreign).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    assert!(error.to_string().contains("a.jpg"), "{error}");

    let other = outer.path().join("other");
    make_private(&other);
    drop(DB::open_cf(&creating(), &other, ["default", "wallet"]).unwrap());
    for error in [
        BankStore::open(&other).unwrap_err(),
        BankStore::open_read_only(&other).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
        assert!(error.to_string().contains("wallet"), "{error}");
    }
    drop(DB::open_cf(&creating(), &other, ["default", "wallet"]).unwrap());

    let file = outer.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = BankStore::open(&file).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}

fn creating() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options
}

fn make_private(folder: &Path) {
    fs::create_dir(folder).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_outer, folder) = new_folder();
    drop(BankStore::open(&folder).unwrap());
    for folder in [&folder, folder.parent().unwrap()] {
        let mode = fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
    }
    for mode in [0o750, 0o705, 0o777] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for error in [
            BankStore::open(&folder).unwrap_err(),
            BankStore::open_read_only(&folder).unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Permissions { .. }), "{error}");
            assert!(error.to_string().contains("chmod 700"), "{error}");
            assert!(error.to_string().contains(&format!("{mode:o}")), "{error}");
        }
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let (_outer, folder) = new_folder();
    drop(filled(&folder));
    tamper(&folder, |db, batch| {
        batch.put_cf(db.cf_handle("meta").unwrap(), "schema", 2u32.to_be_bytes());
    });
    let check = |error: StoreError| {
        assert!(
            matches!(
                error,
                StoreError::NewerSchema {
                    found: 2,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert!(
            error.to_string().contains("use the newer program"),
            "{error}"
        );
    };
    check(BankStore::open(&folder).unwrap_err());
    check(BankStore::open_read_only(&folder).unwrap_err());
    let mut db = DB::open_cf(&Options::default(), &folder, FAMILIES).unwrap();
    db.create_cf("votes", &Options::default()).unwrap();
    drop(db);
    check(BankStore::open(&folder).unwrap_err());
    check(BankStore::open_read_only(&folder).unwrap_err());
}

#[test]
fn damaged_values_are_named_and_never_panic() {
    let (_outer, folder) = new_folder();
    let (store, bank) = filled(&folder);
    let ids: Vec<_> = store.items(bank.id).map(|item| item.unwrap().id).collect();
    drop(store);
    tamper(&folder, |db, batch| {
        let key = [&bank.id.0.to_be_bytes()[..], &ids[0].0.to_be_bytes()].concat();
        batch.put_cf(db.cf_handle("content").unwrap(), key, [1, 0, 3]);
    });
    let store = BankStore::open(&folder).unwrap();
    let error = store.item(ids[0]).unwrap_err();
    let words = format!("content item {} in the store is damaged", ids[0]);
    assert!(error.to_string().contains(&words), "{error}");
    let items: Vec<_> = store.items(bank.id).collect();
    assert!(items[0].is_err() && items[1].is_ok() && items.len() == 2);
    let records: Vec<_> = store.records().unwrap().collect();
    assert!(records[0].is_err() && records[1].is_ok() && records.len() == 2);
    drop(store);

    tamper(&folder, |db, batch| {
        batch.put_cf(db.cf_handle("banks").unwrap(), bank.id.0.to_be_bytes(), [1]);
        let key = [b"counts", &bank.id.0.to_be_bytes()[..]].concat();
        batch.put_cf(db.cf_handle("meta").unwrap(), key, [9]);
    });
    let store = BankStore::open(&folder).unwrap();
    assert!(
        store
            .banks()
            .unwrap_err()
            .to_string()
            .contains("the bank 1 in the store")
    );
    let error = store.counts(bank.id).unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
    assert!(store.add(bank.id, &[pdq(7)]).is_err());
    drop(store);

    tamper(&folder, |db, batch| {
        batch.put_cf(db.cf_handle("meta").unwrap(), "state", [1]);
    });
    let error = BankStore::open(&folder).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

#[test]
fn verifying_finds_what_does_not_agree() {
    let key = |bank: &Bank, rest: &[u8]| [&bank.id.0.to_be_bytes()[..], rest].concat();
    let hash = pdq(1).signals[0].signal;
    let by_signal = |bank: &Bank| key(bank, &[&[1], hash.as_bytes()].concat());
    type Change<'a> = &'a dyn Fn(&DB, &mut WriteBatch, &Bank);
    let changes: [(&str, Change<'_>); 7] = [
        ("it is missing", &|db, batch, bank| {
            batch.delete_cf(db.cf_handle("by_signal").unwrap(), by_signal(bank));
        }),
        ("names another item", &|db, batch, bank| {
            let family = db.cf_handle("by_signal").unwrap();
            batch.put_cf(family, by_signal(bank), 7u64.to_be_bytes());
        }),
        ("it has 3 entries, the items have 2", &|db, batch, bank| {
            let family = db.cf_handle("by_signal").unwrap();
            batch.put_cf(family, [&by_signal(bank)[..], &[0; 8]].concat(), []);
        }),
        (
            "they say 2 active and 0 withdrawn, 2 pdq, there are 1",
            &|db, batch, bank| {
                let content = key(bank, &1u64.to_be_bytes());
                batch.delete_cf(db.cf_handle("content").unwrap(), content);
            },
        ),
        (
            "change with revision 2 in the store is damaged",
            &|db, batch, _| {
                let key = [&b"change"[..], &2u64.to_be_bytes()].concat();
                batch.put_cf(db.cf_handle("meta").unwrap(), key, [1, 2]);
            },
        ),
        ("the store is at revision 2", &|db, batch, _| {
            let key = [&b"change"[..], &u64::MAX.to_be_bytes()].concat();
            let change = b"\x01\0\0\0\0\0\0\0\x01\x01\x01\0\0";
            batch.put_cf(db.cf_handle("meta").unwrap(), key, change);
        }),
        ("it is empty", &|db, batch, bank| {
            let counts = [b"counts", &bank.id.0.to_be_bytes()[..]].concat();
            batch.delete_cf(db.cf_handle("meta").unwrap(), counts);
        }),
    ];
    for (words, change) in changes {
        let (_outer, folder) = new_folder();
        let (store, bank) = filled(&folder);
        assert_eq!(store.verify().unwrap(), 2);
        drop(store);
        tamper(&folder, |db, batch| change(db, batch, &bank));
        let error = BankStore::open_read_only(&folder)
            .unwrap()
            .verify()
            .unwrap_err();
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn a_closed_store_opens_again_while_processes_are_started() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (_outer, folder) = new_folder();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                std::process::Command::new("true").status().unwrap();
            }
        });
        let opened: Vec<_> = (0..40)
            .map(|_| BankStore::open(&folder).map(drop))
            .collect();
        ended.store(true, Ordering::Relaxed);
        for result in opened {
            result.unwrap();
        }
    });
}
