//! Every command's text, JSON and exit codes, whole, as they were recorded.
//!
//! `tests/golden/commands/*.txt` are transcripts: the commands as typed, and what the program said.
//! Each is run on a home of its own and compared line by line. What differs from run to run is
//! replaced by names first (`golden_support/normal.rs` says what and how).
//!
//! `HASHGATE_RENEW=1` writes the transcripts anew; look at the difference before you keep it.
//! `HASHGATE_BIN=FILE` runs another program: so two versions are held against each other.

#![cfg(feature = "full")]

#[path = "golden_support/diff.rs"]
mod diff;
#[path = "golden_support/normal.rs"]
mod normal;
#[path = "golden_support/script.rs"]
mod script;
#[path = "golden_support/steps.rs"]
mod steps;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn transcripts() -> PathBuf {
    project().join("tests/golden/commands")
}

/// Runs a transcript's commands and holds what they say against what stands there.
fn check(name: &str) {
    let path = transcripts().join(name).with_extension("txt");
    let shown = path.display();
    let recorded = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{shown}: {e}"));
    let program = match std::env::var_os("HASHGATE_BIN") {
        Some(program) => PathBuf::from(program),
        None => PathBuf::from(env!("CARGO_BIN_EXE_hashgate")),
    };
    let place = steps::Place::new(project(), &program);
    let mut said = String::new();
    for piece in script::pieces(&recorded) {
        said.push_str(
            &place
                .play(&piece)
                .unwrap_or_else(|e| panic!("{shown}: {e}")),
        );
    }
    if recorded == said {
        return;
    }
    if std::env::var_os("HASHGATE_RENEW").is_some() {
        std::fs::write(&path, said).unwrap_or_else(|e| panic!("{shown}: {e}"));
        return;
    }
    panic!(
        "{shown} says otherwise (- as recorded, + now; HASHGATE_RENEW=1 writes it anew):\n{}",
        diff::unified(&recorded, &said)
    );
}

macro_rules! transcripts {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*
    };
}

transcripts!(
    banks, bundles, calibrate, compare, decisions, errors, evaluate, exchange, export, follow,
    formats, hash, history, import, lint, matches, policy, publish, report, scan, scan_jsonl,
    serve, sync, verify, withdraw,
);

#[test]
fn every_transcript_is_run() {
    let folder = transcripts();
    let there: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let run: BTreeSet<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(there, run, "tests/cli_golden.rs lists the transcripts");
}

/// Each subcommand that `--help` names is typed in some transcript.
#[test]
fn every_command_is_in_a_transcript() {
    let program = match std::env::var_os("HASHGATE_BIN") {
        Some(program) => PathBuf::from(program),
        None => PathBuf::from(env!("CARGO_BIN_EXE_hashgate")),
    };
    let typed: Vec<Vec<String>> = NAMES
        .iter()
        .map(|name| transcripts().join(name).with_extension("txt"))
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).expect("a transcript");
            let lines: Vec<Vec<String>> = script::pieces(&text)
                .iter()
                .filter_map(|piece| script::words(piece.command.as_deref()?).ok())
                .collect();
            lines
        })
        .collect();
    let is_typed = |way: &[String]| {
        typed.iter().any(|words| {
            let at = words.iter().position(|word| word == "hashgate");
            at.is_some_and(|at| words[at + 1..].starts_with(way))
        })
    };
    for command in steps::subcommands(&program, &[]) {
        // Figures of this machine: nothing of it stays the same.
        if command == "bench" || command == "help" {
            continue;
        }
        let below = steps::subcommands(&program, std::slice::from_ref(&command));
        let ways: Vec<Vec<String>> = match below.is_empty() {
            true => vec![vec![command]],
            false => below
                .into_iter()
                .filter(|below| below != "help")
                .map(|below| vec![command.clone(), below])
                .collect(),
        };
        for way in ways {
            assert!(
                is_typed(&way),
                "no transcript types `hashgate {}`",
                way.join(" ")
            );
        }
    }
}
