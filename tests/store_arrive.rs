//! Items that come in by the ten thousand end as if they had come one by one, wherever that is killed.

#![cfg(all(feature = "store", unix))]

mod common;
mod store_support;

use hashgate::bank::{
    Action, BankId, ContentItem, ContentState, OpaqueSignal, Opinion, Policy, SourceStatus, View,
};
use hashgate::hash::SignalType;
use hashgate::store::{AddSummary, ArrivalSummary, BankStore, Gathered, NewItem, StoreError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use store_support::{dump, item, new_folder, recount, signal};

/// So many come in as tables.
const LOAD: u64 = 7_000;
const LOADS: u64 = 3;

/// Tells a copy of this test program to import into a folder.
const FOLDER: &str = "HASHGATE_TEST_ARRIVE_IN";

/// Items of each kind; each load repeats a part of the one before, and a few of its own.
fn load(number: u64) -> Vec<NewItem> {
    let first = (number * LOAD).saturating_sub(LOAD / 10);
    let mut items: Vec<NewItem> = (first..(number + 1) * LOAD)
        .map(|n| {
            let of = |kind| signal(kind, n + 1);
            let signals = match n % 4 {
                0 => vec![of(SignalType::Sha256), of(SignalType::Pdq)],
                1 => vec![of(SignalType::Md5), of(SignalType::Phash)],
                _ => vec![of(SignalType::Pdq)],
            };
            let mut new = item(&signals);
            new.provenance.record = Some(n.to_string());
            if n % 50 == 7 {
                new.opaque = vec![OpaqueSignal {
                    kind: "photodna".into(),
                    value: n.to_string(),
                }];
            }
            new
        })
        .collect();
    for at in (0..items.len()).step_by(299) {
        let mut again = items[at].clone();
        again.labels = vec!["again".into()];
        again.provenance.source = "another.csv".into();
        items.push(again);
    }
    items
}

fn bank_in(store: &BankStore) -> BankId {
    let name = "list".parse().unwrap();
    let policy = Policy::new(Action::Block);
    match store.bank(&name) {
        Ok(bank) => bank.id,
        Err(_) => store.create_bank(&name, policy).unwrap().id,
    }
}

fn gather(bank: BankId, items: &[NewItem]) -> Gathered {
    let mut gathered = Gathered::new(bank);
    for item in items {
        gathered.push(item.clone()).unwrap();
    }
    gathered
}

/// What is in the store, but for which change changed an item last.
fn ending(store: &BankStore) -> String {
    let mut text = String::new();
    for part in dump(store).split_inclusive("revision: ") {
        text.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    text
}

fn assert_same(ended: &str, want: &str) {
    let differ = ended
        .lines()
        .zip(want.lines())
        .find(|(got, want)| got != want);
    assert!(ended == want, "the store ends otherwise: {differ:?}");
}

/// Adds items one batch after the other, as nobody gathered them.
fn add_all(store: &BankStore, bank: BankId, items: &[NewItem]) -> ArrivalSummary {
    let mut total = ArrivalSummary::default();
    for batch in items.chunks(BankStore::BATCH) {
        let AddSummary {
            added,
            updated,
            already_there,
            withdrawn,
            refused,
        } = store.add(bank, batch).unwrap();
        total.added += added;
        total.updated += updated;
        total.already_there += already_there;
        total.withdrawn += withdrawn;
        for (position, reason) in refused {
            let record = batch[position].provenance.record.clone();
            total.refused.push((record, reason));
        }
    }
    total
}

/// The items of two loads with what only single items can be: disputed, too large, taken back.
fn mixed() -> Vec<Vec<NewItem>> {
    let mut loads: Vec<_> = (0..2).map(load).collect();
    let last = loads[1].len() - 1_500;
    let (mut disputed, mut large, mut gone) = (
        item(&[signal(SignalType::Pdq, 9_000_001)]),
        item(&[signal(SignalType::Pdq, 9_000_002)]),
        item(&[signal(SignalType::Pdq, 9_000_003)]),
    );
    disputed.provenance.opinions = vec![Opinion {
        owner: "somebody".into(),
        view: View::Negative,
    }];
    large.labels = (0..300).map(|n| n.to_string()).collect();
    gone.provenance.status = SourceStatus::Withdrawn;
    for (more, new) in [disputed, large, gone].into_iter().enumerate() {
        loads[1].insert(last + 400 * more, new);
    }
    loads
}

#[test]
fn gathered_items_end_as_items_one_by_one() {
    let (_outer, folder) = new_folder();
    let (_other_outer, other) = new_folder();
    let (store, singly) = (
        BankStore::open(&folder).unwrap(),
        BankStore::open(&other).unwrap(),
    );
    let (bank, same) = (bank_in(&store), bank_in(&singly));
    assert_eq!(bank, same);
    for store in [&store, &singly] {
        // What is withdrawn by hand stays so.
        store.add(bank, &load(0)[2_000..2_100]).unwrap();
        let first = store.items(bank).next().unwrap().unwrap();
        assert!(store.withdraw(first.id, 5).unwrap());
    }
    for items in mixed() {
        let before = store.revision();
        let summary = store.add_gathered(&mut gather(bank, &items)).unwrap();
        assert_eq!(summary, add_all(&singly, bank, &items));
        assert!(summary.added > 5_000 && summary.updated > 2, "{summary:?}");
        assert!(store.revision() - before <= 3, "new items are one change");
        assert_same(&ending(&store), &ending(&singly));
    }
    assert!(store.counts(bank).unwrap().disputed == 1);
    // Once more: nothing is new.
    for items in mixed() {
        let summary = store.add_gathered(&mut gather(bank, &items)).unwrap();
        assert_eq!(summary, add_all(&singly, bank, &items));
        // What its source took back is given again.
        assert!(summary.added == 0 && summary.updated <= 1, "{summary:?}");
    }
    assert_same(&ending(&store), &ending(&singly));
    drop(store);
    let store = BankStore::open_read_only(&folder).unwrap();
    assert_same(&ending(&store), &ending(&singly));
    let by_hand = |item: &ContentItem| item.by_hand && item.state == ContentState::Withdrawn;
    let items = store.items(bank).map(Result::unwrap);
    assert_eq!(items.filter(by_hand).count(), 1);
}

#[test]
fn nobody_sees_a_part_of_what_comes_in() {
    let (_outer, folder) = new_folder();
    let store = BankStore::open(&folder).unwrap();
    let bank = bank_in(&store);
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut looks = 0;
            while !is_done.load(Ordering::Acquire) || looks == 0 {
                let snapshot = store.snapshot().unwrap();
                let items = snapshot.items(bank).map(Result::unwrap).count() as u64;
                assert_eq!(snapshot.counts(bank).unwrap().items, items);
                looks += 1;
            }
            looks
        });
        // Another process reads too.
        let others = scope.spawn(|| {
            let mut looks = 0;
            while !is_done.load(Ordering::Acquire) || looks == 0 {
                match BankStore::open_read_only(&folder) {
                    Ok(other) => {
                        let counts = other.counts(bank).unwrap();
                        let snapshot = other.snapshot().unwrap();
                        assert_eq!(snapshot.items(bank).count() as u64, counts.items);
                        looks += 1;
                    }
                    Err(StoreError::Busy { .. }) => looks += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            looks
        });
        for number in 0..LOADS {
            let summary = store
                .add_gathered(&mut gather(bank, &load(number)))
                .unwrap();
            assert!(summary.added > 5_000);
        }
        is_done.store(true, Ordering::Release);
        assert!(looks.join().unwrap() > 0 && others.join().unwrap() > 0);
    });
}

fn import(folder: &Path, mut say: impl FnMut(&str, u64)) -> Result<(), StoreError> {
    let store = BankStore::open(folder)?;
    let bank = bank_in(&store);
    for number in 0..LOADS {
        let mut gathered = gather(bank, &load(number));
        say("begin", number);
        store.add_gathered(&mut gathered)?;
        say("done", number);
    }
    Ok(())
}

/// The import as a process of its own: the other tests start this one alone.
#[test]
fn importer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let say = |what: &str, number| println!("\n{what} {number}");
    if let Err(error) = import(Path::new(&folder), say) {
        println!("\nfailed {error}");
    }
}

const ARGUMENTS: [&str; 3] = ["importer", "--exact", "--nocapture"];

/// Starts an import and kills it when its folder shows what is waited for, or a moment after it began a load;
/// returns how many loads it had acknowledged.
fn import_and_kill(folder: &Path, lines: usize, wait: &dyn Fn(&Path)) -> u64 {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = common::watched(command.args(ARGUMENTS).env(FOLDER, folder));
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.starts_with("begin ") || line.starts_with("done "));
    let mut done: Vec<String> = said.by_ref().take(lines).collect();
    wait(folder);
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts too.
    done.extend(said);
    done.iter().filter(|line| line.starts_with("done ")).count() as u64
}

/// Whole loads, at least the acknowledged ones, with true counts.
fn check(folder: &Path, acknowledged: u64) {
    let store = BankStore::open(folder).unwrap();
    let bank = bank_in(&store);
    let counts = store.counts(bank).unwrap();
    assert_eq!(counts, recount(&store, bank));
    assert_eq!(counts.items % LOAD, 0, "no load in part");
    assert!(counts.items >= acknowledged * LOAD, "{acknowledged} loads");
    assert_eq!(store.verify().unwrap(), counts.items);
}

#[test]
fn a_killed_arrival_is_there_wholly_or_not_at_all() {
    let (_outer, folder) = new_folder();
    import(&folder, |_, _| {}).unwrap();
    let want = ending(&BankStore::open_read_only(&folder).unwrap());
    // Until a table is handed over to RocksDB: most of what is killed then is killed on the way.
    let until_gone = |name: &'static str| {
        move |folder: &Path| {
            let path = folder.join(name);
            let mut has_been = false;
            for _ in 0..400_000 {
                match path.exists() {
                    true => has_been = true,
                    false if has_been => return,
                    false => std::thread::yield_now(),
                }
            }
        }
    };
    let turns = |turns: usize| move |_: &Path| (0..turns).for_each(|_| std::thread::yield_now());
    for kill in 0..24 {
        let (_outer, folder) = new_folder();
        let lines = 1 + 2 * (kill % 3);
        let acknowledged = match kill % 4 {
            0 => import_and_kill(&folder, lines, &until_gone("arriving.content")),
            1 => import_and_kill(&folder, lines, &until_gone("arriving.by_signal")),
            2 => import_and_kill(&folder, lines, &turns(400 * kill)),
            _ => import_and_kill(&folder, lines + 1, &turns(10 * kill)),
        };
        check(&folder, acknowledged);
        if kill % 6 == 0 {
            import(&folder, |_, _| {}).unwrap();
            let ended = ending(&BankStore::open_read_only(&folder).unwrap());
            assert_same(&ended, &want);
        }
    }
}

#[test]
fn a_disk_that_is_full_loses_nothing_and_is_given_back() {
    let program = std::env::current_exe().unwrap();
    let (_outer, folder) = new_folder();
    // A limit on the length of files stands in for a full disk: writes fail in the middle.
    let script = r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#;
    let output = Command::new("sh")
        .args(["-c", script, "sh", "256"])
        .arg(&program)
        .args(ARGUMENTS)
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("\nfailed cannot write to the store"),
        "{said}"
    );
    let names = std::fs::read_dir(&folder).unwrap();
    let mut names = names.map(|entry| entry.unwrap().file_name());
    assert!(!names.any(|name| name.to_string_lossy().starts_with("arriving")));
    let done = said
        .lines()
        .filter(|line| line.starts_with("done "))
        .count() as u64;
    assert_eq!(done, 0, "a load is larger than that");
    check(&folder, done);
    import(&folder, |_, _| {}).unwrap();
    check(&folder, LOADS);
}
