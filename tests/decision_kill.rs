//! A writer of the log of decisions that is killed, or meets a full disk, keeps what it has
//! acknowledged, and the log goes on.

#![cfg(unix)]

mod common;
mod decision_support;

use decision_support::{decision, new_folder, read};
use hashgate::decisions::{DecisionLog, LogOptions, VerifyOptions, verify};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Tells a copy of this test program where to write.
const FOLDER: &str = "HASHGATE_TEST_DECISIONS_INTO";
const ARGUMENTS: [&str; 4] = ["writer", "--exact", "--nocapture", "--test-threads=1"];
/// Some lines a file, so that files follow each other often.
const MAX_FILE: u64 = 9_000;

fn open_small(folder: &Path, max_file_bytes: u64) -> DecisionLog {
    let options = LogOptions {
        max_file_bytes,
        ..LogOptions::default()
    };
    DecisionLog::open(folder, options).unwrap()
}

/// The writer as a process of its own: the other tests start this one alone. It writes single
/// decisions and groups in turns, and says each that is acknowledged.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let log = open_small(Path::new(&folder), MAX_FILE);
    let mut out = std::io::stdout();
    for turn in 0..2_000u64 {
        let group = 1 + turn % 4;
        let mut last = 0;
        let mut written = Ok(());
        for number in 0..group {
            match log.push(&decision((turn + number) as u8)) {
                Ok(link) => last = link.n,
                Err(error) => written = Err(error),
            }
        }
        if let Err(error) = written.and_then(|()| log.commit()) {
            writeln!(out, "failed {error}").unwrap();
            // It takes nothing behind a gap.
            assert!(log.append(&decision(0)).is_err());
            return;
        }
        writeln!(out, "done {last}").unwrap();
    }
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env(FOLDER, folder).stdout(Stdio::piped());
    command
}

/// The last line that was acknowledged, of what the writer said.
fn acknowledged(said: &[String]) -> u64 {
    let numbers = said.iter().filter_map(|line| line.strip_prefix("done "));
    numbers
        .filter_map(|number| number.parse().ok())
        .max()
        .unwrap_or(0)
}

/// Sees that the log goes on behind at least so many lines, and is whole.
fn check(folder: &Path, acknowledged: u64) -> u64 {
    let log = open_small(folder, MAX_FILE);
    let n = log.append(&decision(77)).unwrap().n;
    drop(log);
    assert!(n > acknowledged, "line {n} behind {acknowledged}");
    let report = verify(folder, VerifyOptions::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.last.n, n);
    let (decisions, faults) = read(folder);
    assert_eq!(faults, 0);
    assert_eq!(decisions.last(), Some(&decision(77)));
    n
}

#[test]
fn a_killed_writer_keeps_what_it_acknowledged() {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let (mut _outer, mut folder) = new_folder();
    let (mut before, mut all) = (0, 0);
    for kill in 0..120usize {
        // All is read again after each kill: on a busy machine one log would grow too long for that.
        if kill % 20 == 19 {
            all += before;
            before = 0;
            (_outer, folder) = new_folder();
        }
        let mut child = common::watched(command(program, &folder).args(ARGUMENTS));
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .filter(|line| line.starts_with("done "));
        let mut said: Vec<String> = lines.by_ref().take(kill % 13).collect();
        for _ in 0..[0, 40, 400, 4_000][kill % 4] + 31 * kill {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts too.
        said.extend(lines);
        if folder.exists() {
            before = check(&folder, acknowledged(&said).max(before));
        }
    }
    all += before;
    assert!(all > 500, "{all} lines");
}

#[test]
fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let program = std::env::current_exe().unwrap();
    // A limit on the length of files stands in for a full disk: writes fail in the middle.
    let script = r#"trap "" XFSZ; ulimit -f "$1"; shift; exec "$@""#;
    for blocks in ["2", "3", "5", "9", "14"] {
        let (_outer, folder) = new_folder();
        let output = command("sh", &folder)
            .args(["-c", script, "sh", blocks])
            .arg(&program)
            .args(ARGUMENTS)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        let said: Vec<String> = said.lines().map(str::to_owned).collect();
        let failed = said.iter().find(|line| line.contains("failed "));
        let failed = failed.unwrap_or_else(|| panic!("{blocks}: {said:?}"));
        assert!(failed.contains("cannot write to"), "{failed}");
        check(&folder, acknowledged(&said));
    }
}
