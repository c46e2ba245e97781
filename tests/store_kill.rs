//! An import that is killed, or meets a full disk, keeps what it has acknowledged, and ends the
//! same when it is run again.

#![cfg(all(feature = "store", unix))]

mod common;
mod store_support;

use hashgate::bank::{Action, Policy, SourceStatus};
use hashgate::hash::SignalType;
use hashgate::store::{BankStore, NewItem, StoreError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use store_support::{dump, item, new_folder, recount, signal};

const CHUNKS: u64 = 12;
const CHUNK: u64 = 400;

/// Tells a copy of this test program to import into a folder.
const FOLDER: &str = "HASHGATE_TEST_IMPORT_INTO";

fn chunk(number: u64) -> Vec<NewItem> {
    // Every chunk repeats the last tenth of the one before.
    let first = (number * CHUNK).saturating_sub(CHUNK / 10);
    (first..(number + 1) * CHUNK)
        .map(|n| match n % 3 {
            0 => item(&[signal(SignalType::Pdq, n + 1)]),
            1 => item(&[
                signal(SignalType::Sha256, n + 1),
                signal(SignalType::Pdq, n + 1),
            ]),
            _ => item(&[
                signal(SignalType::Md5, n + 1),
                signal(SignalType::Phash, n + 1),
            ]),
        })
        .collect()
}

/// How many calls of `sync` follow the chunks: the first half is a source's list, the second half
/// its next one. Behind them what a complete list leaves out is taken back.
const SYNCS: u64 = 6;

/// Records of a source: those of its next list are the same, have other hashes or are taken back.
fn records(number: u64) -> Vec<NewItem> {
    let (list, part) = (number / (SYNCS / 2), number % (SYNCS / 2));
    (part * CHUNK..(part + 1) * CHUNK)
        .map(|id| {
            let hash = 1_000_000 + 2 * id + if id % 4 == 0 { list } else { 0 };
            let mut new = item(&[signal(SignalType::Pdq, hash)]);
            new.provenance.source = "exchange".into();
            new.provenance.record = Some(id.to_string());
            if list > 0 && id % 7 == 3 {
                new.signals.clear();
                new.provenance.status = SourceStatus::Withdrawn;
            }
            new
        })
        .collect()
}

fn import(folder: &Path, mut say: impl FnMut(&str, u64)) -> Result<(), StoreError> {
    let store = BankStore::open(folder)?;
    let name = "list".parse().unwrap();
    let bank = match store.bank(&name) {
        Err(StoreError::NoSuchBank { .. }) => store.create_bank(&name, Policy::new(Action::Block)),
        known => known,
    }?;
    for number in 0..CHUNKS {
        say("begin", number);
        store.add(bank.id, &chunk(number))?;
        say("done", number);
    }
    let mut standing = Vec::new();
    for number in 0..SYNCS {
        // Whoever was stopped in the next list runs that again, not the one before it.
        let is_before = number < SYNCS / 2;
        if is_before && store.revision() > 1 + CHUNKS + SYNCS / 2 {
            continue;
        }
        say("begin", CHUNKS + number);
        let synced = store.sync(bank.id, &records(number))?;
        // The first part of the next list is not in the one after it.
        if number > SYNCS / 2 {
            standing.extend(synced.items);
        }
        say("synced", number);
    }
    say("begin", CHUNKS + SYNCS);
    standing.sort_unstable();
    standing.dedup();
    store.take_back_others(bank.id, "exchange", &standing, 77, false)?;
    say("synced", SYNCS);
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

fn importer_command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

const ARGUMENTS: [&str; 3] = ["importer", "--exact", "--nocapture"];

/// Starts an import and kills it when it has said so many lines and some turns more; returns how
/// many calls it had acknowledged.
fn import_and_kill(folder: &Path, lines: usize, turns: usize) -> u64 {
    let program = std::env::current_exe().unwrap();
    let mut child = common::watched(
        importer_command(program.to_str().unwrap())
            .args(ARGUMENTS)
            .env(FOLDER, folder),
    );
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter(|line| {
            ["begin ", "done ", "synced "]
                .iter()
                .any(|word| line.starts_with(word))
        });
    let mut done: Vec<String> = said.by_ref().take(lines).collect();
    for _ in 0..turns {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts too.
    done.extend(said);
    let is_done = |line: &&String| line.starts_with("done ") || line.starts_with("synced ");
    done.iter().filter(is_done).count() as u64
}

/// Whole chunks, at least the acknowledged ones, with true counts.
fn check(folder: &Path, acknowledged: u64) {
    let store = BankStore::open(folder).unwrap();
    let bank = match store.bank(&"list".parse().unwrap()) {
        Ok(bank) => bank,
        Err(_) => {
            assert_eq!(acknowledged, 0);
            return;
        }
    };
    let counts = store.counts(bank.id).unwrap();
    assert_eq!(counts, recount(&store, bank.id));
    // The sync begins when all chunks are there.
    if counts.items <= CHUNKS * CHUNK {
        assert_eq!(counts.items % CHUNK, 0, "no chunk in part");
        assert!(
            counts.items >= acknowledged * CHUNK,
            "{} of {acknowledged} chunks acknowledged",
            counts.items / CHUNK
        );
    }
    // One change a call, and none in part.
    let calls = store.revision() - 1;
    assert!(calls >= acknowledged, "{calls} of {acknowledged} calls");
}

/// What an import that nothing disturbs leaves.
fn undisturbed() -> String {
    let (_outer, folder) = new_folder();
    import(&folder, |_, _| {}).unwrap();
    let store = BankStore::open_read_only(&folder).unwrap();
    assert_eq!(store.revision(), 1 + CHUNKS + SYNCS + 1);
    ending(&store)
}

/// What is in the store, but for which call changed an entry last: a list that is read again counts
/// its calls again.
fn ending(store: &BankStore) -> String {
    let mut text = String::new();
    for part in dump(store).split_inclusive("revision: ") {
        text.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    text
}

fn finish(folder: &Path, want: &str) {
    import(folder, |_, _| {}).unwrap();
    let store = BankStore::open_read_only(folder).unwrap();
    let ended = ending(&store);
    let differ = ended
        .lines()
        .zip(want.lines())
        .find(|(got, want)| got != want);
    assert!(ended == want, "the store ends otherwise: {differ:?}");
}

#[test]
fn a_killed_import_keeps_what_it_acknowledged_and_ends_the_same() {
    let want = undisturbed();
    let most = 2 * (CHUNKS + SYNCS + 1) as usize;
    // 201 kills: at every line, and between lines at moments that differ.
    for kill in 0..=200 {
        let point = kill % (most + 1);
        let (_outer, folder) = new_folder();
        let turns = [0, 30, 300, 3_000][point % 4] + 17 * (kill / (most + 1));
        let acknowledged = import_and_kill(&folder, point, turns);
        if folder.exists() {
            check(&folder, acknowledged);
        }
        finish(&folder, &want);
    }
}

#[test]
fn an_import_killed_again_and_again_ends_the_same() {
    let want = undisturbed();
    let (_outer, folder) = new_folder();
    for lines in [1, 2, 3, 4, 6, 8, 11, 14, 18, 22, 26, 28, 30] {
        let acknowledged = import_and_kill(&folder, lines, 10 * lines);
        check(&folder, acknowledged);
    }
    finish(&folder, &want);
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let want = undisturbed();
    let program = std::env::current_exe().unwrap();
    let (_outer, folder) = new_folder();
    // A limit on the length of files stands in for a full disk: writes fail in the middle.
    let script = r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#;
    let output = importer_command("sh")
        .args(["-c", script, "sh", "256"])
        .arg(&program)
        .args(ARGUMENTS)
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let done = said
        .lines()
        .filter(|line| line.starts_with("done ") || line.starts_with("synced "))
        .count() as u64;
    assert!(
        said.contains("\nfailed cannot write to the store"),
        "{said}"
    );
    assert!(
        (1..=CHUNKS + SYNCS).contains(&done),
        "{done} chunks before it was full"
    );
    check(&folder, done);
    finish(&folder, &want);
}
