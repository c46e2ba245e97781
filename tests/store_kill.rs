//! An import that is killed, or meets a full disk, keeps what it has acknowledged, and ends the
//! same when it is run again.

#![cfg(all(feature = "store", unix))]

mod store_support;

use hashgate::bank::{Action, Policy};
use hashgate::hash::SignalType;
use hashgate::store::{BankStore, NewItem, StoreError};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
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
/// many chunks it had acknowledged.
fn import_and_kill(folder: &Path, lines: usize, turns: usize) -> u64 {
    let program = std::env::current_exe().unwrap();
    let mut child: Child = importer_command(program.to_str().unwrap())
        .args(ARGUMENTS)
        .env(FOLDER, folder)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.starts_with("begin ") || line.starts_with("done "));
    let mut done: Vec<String> = said.by_ref().take(lines).collect();
    for _ in 0..turns {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts too.
    done.extend(said);
    done.iter().filter(|line| line.starts_with("done ")).count() as u64
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
    assert_eq!(counts.items % CHUNK, 0, "no chunk in part");
    assert!(
        counts.items >= acknowledged * CHUNK,
        "{} of {acknowledged} chunks acknowledged",
        counts.items / CHUNK
    );
    assert_eq!(store.revision(), 1 + counts.items / CHUNK);
}

/// What an import that nothing disturbs leaves.
fn undisturbed() -> String {
    let (_outer, folder) = new_folder();
    import(&folder, |_, _| {}).unwrap();
    let store = BankStore::open_read_only(&folder).unwrap();
    assert_eq!(store.revision(), 1 + CHUNKS);
    dump(&store)
}

fn finish(folder: &Path, want: &str) {
    import(folder, |_, _| {}).unwrap();
    let store = BankStore::open_read_only(folder).unwrap();
    assert!(dump(&store) == want, "the store ends otherwise");
}

#[test]
fn a_killed_import_keeps_what_it_acknowledged_and_ends_the_same() {
    let want = undisturbed();
    let most = 2 * CHUNKS as usize;
    for point in 0..=most {
        let (_outer, folder) = new_folder();
        let acknowledged = import_and_kill(&folder, point, [0, 30, 300, 3_000][point % 4]);
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
    for lines in [1, 2, 3, 4, 6, 8, 11, 14, 18, 22] {
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
        .filter(|line| line.starts_with("done "))
        .count() as u64;
    assert!(
        said.contains("\nfailed cannot write to the store"),
        "{said}"
    );
    assert!(
        (1..CHUNKS).contains(&done),
        "{done} chunks before it was full"
    );
    check(&folder, done);
    finish(&folder, &want);
}
