//! The log of decisions at the command line: scan and match write it, show, verify and replay read
//! it.

#![cfg(feature = "full")]

mod common;

use common::{Hashgate, picture};
use std::fs;
use std::path::{Path, PathBuf};

/// A home with two pictures in a bank, published, and a folder with one of them, a copy of the other
/// and a stranger.
fn arranged() -> (Hashgate, tempfile::TempDir) {
    let hashgate = Hashgate::new();
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, seed, width: u32| {
        let path = folder.path().join(name);
        picture(seed, width, width).save(path).unwrap();
    };
    fs::create_dir_all(folder.path().join("known")).unwrap();
    fs::create_dir_all(folder.path().join("uploads")).unwrap();
    save("known/a.png", 1, 256);
    save("known/b.png", 2, 256);
    save("uploads/a.png", 1, 256);
    save("uploads/b-small.png", 2, 180);
    save("uploads/stranger.png", 3, 256);
    hashgate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let known = folder.path().join("known");
    hashgate.expect(0, &["bank", "add", "known", known.to_str().unwrap()]);
    hashgate.expect(0, &["publish"]);
    (hashgate, folder)
}

fn uploads(folder: &tempfile::TempDir) -> String {
    folder.path().join("uploads").to_str().unwrap().to_owned()
}

fn log_files(hashgate: &Hashgate) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(hashgate.home().join("decisions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    files.sort();
    files
}

#[test]
fn a_scan_writes_every_match_with_all_that_explains_it() {
    let (hashgate, folder) = arranged();
    let uploads = uploads(&folder);
    // Without the flag nothing is written.
    hashgate.expect(1, &["scan", &uploads]);
    assert!(!hashgate.home().join("decisions").exists());
    let scanned = hashgate.expect(
        1,
        &[
            "scan",
            "--decisions",
            "--ordered",
            "--format",
            "jsonl",
            &uploads,
        ],
    );
    let lines = scanned.json();
    assert_eq!(lines.len(), 4, "three files and the summary");
    assert!(lines[0]["signals"]["sha256"].is_string());
    let shown = hashgate.expect(0, &["decisions", "show", "--format", "jsonl"]);
    let decisions = shown.json();
    assert_eq!(decisions.len(), 2);
    for (decision, line) in decisions.iter().zip(&lines) {
        assert_eq!(decision["input"]["name"], line["path"]);
        assert_eq!(decision["input"]["bytes"], line["bytes"]);
        for key in ["outcome", "action", "signals", "quality", "mode"] {
            assert_eq!(decision[key], line[key], "{key}");
        }
        let mut matches = decision["matches"].clone();
        for found in matches.as_array_mut().unwrap() {
            let sources = found.as_object_mut().unwrap().remove("sources").unwrap();
            let source = sources[0]["source"].as_str().unwrap();
            assert!(source.contains("known"), "{sources}");
        }
        assert_eq!(matches, line["matches"]);
        assert_eq!(decision["generation"], 1);
        assert_eq!(decision["banks"][0]["policy"]["threshold"], 31);
        assert_eq!(
            decision["program"],
            concat!("hashgate ", env!("CARGO_PKG_VERSION"))
        );
        assert!(!decision["queries"].as_array().unwrap().is_empty());
        let text = decision.to_string();
        assert!(!text.contains("confidence"), "no weights of bits");
    }
    // What is on the disk is what is shown.
    let written = fs::read_to_string(&log_files(&hashgate)[0]).unwrap();
    for line in shown.out.lines() {
        assert!(written.contains(line));
    }
    let text = hashgate.expect(0, &["decisions", "show"]).out;
    assert!(
        text.contains("BLOCK") && text.contains("known #1"),
        "{text}"
    );
}

#[test]
fn names_can_be_left_out() {
    let (hashgate, folder) = arranged();
    hashgate.expect(1, &["scan", "--decisions", "--no-names", &uploads(&folder)]);
    for decision in hashgate
        .expect(0, &["decisions", "show", "--format", "jsonl"])
        .json()
    {
        assert!(decision["input"]["name"].is_null());
        assert!(decision["signals"]["sha256"].is_string());
    }
    let written = fs::read_to_string(&log_files(&hashgate)[0]).unwrap();
    assert!(!written.contains("b-small"), "{written}");
    let text = hashgate.expect(0, &["decisions", "show"]).out;
    assert!(text.contains("sha256:"), "{text}");
}

#[test]
fn decisions_are_found_by_what_they_are_about() {
    let (hashgate, folder) = arranged();
    let uploads = uploads(&folder);
    let scan = [
        "scan",
        "--decisions",
        "--ordered",
        "--format",
        "jsonl",
        &uploads,
    ];
    let lines = hashgate.expect(1, &scan).json();
    let count = |arguments: &[&str]| {
        let all = [&["decisions", "show", "--format", "jsonl"], arguments].concat();
        hashgate.expect(0, &all).out.lines().count()
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--bank", "known"]), 2);
    assert_eq!(count(&["--bank", "other"]), 0);
    assert_eq!(count(&["--action", "block"]), 2);
    assert_eq!(count(&["--action", "review", "--action", "none"]), 0);
    assert_eq!(count(&["--since", "1h"]), 2);
    assert_eq!(count(&["--until", "1h"]), 0);
    assert_eq!(
        count(&["--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z"]),
        0
    );
    let sha256 = lines[0]["signals"]["sha256"].as_str().unwrap();
    assert_eq!(count(&["--digest", sha256]), 1);
    let entry = lines[1]["matches"][0]["hash"].as_str().unwrap();
    let kind = lines[1]["matches"][0]["signal_type"].as_str().unwrap();
    assert_eq!(count(&["--hash", &format!("{kind}:{entry}")]), 1);
    assert_eq!(count(&["--hash", &"0".repeat(64)]), 0);
    assert_eq!(hashgate.run(&["decisions", "show", "--since", "x"]).code, 2);
    assert_eq!(
        hashgate
            .run(&["decisions", "show", "--digest", "phash:0"])
            .code,
        2
    );
}

#[test]
fn the_log_is_verified_and_its_head_can_be_noted() {
    let (hashgate, folder) = arranged();
    let missing = hashgate.expect(2, &["decisions", "verify"]);
    assert!(missing.err.contains("there is no log"), "{missing:?}");
    hashgate.expect(1, &["scan", "--decisions", &uploads(&folder)]);
    let head = hashgate.expect(0, &["decisions", "show", "--head"]).out;
    let head = head.split_whitespace().next().unwrap().to_owned();
    let sound = hashgate.expect(0, &["decisions", "verify", "--expect", &head]);
    assert!(sound.out.contains("as noted"), "{}", sound.out);
    hashgate.expect(1, &["scan", "--decisions", &uploads(&folder)]);
    hashgate.expect(0, &["decisions", "verify", "--expect", &head]);
    let other = hashgate.expect(2, &["decisions", "verify", "--expect", &"7".repeat(64)]);
    assert!(other.out.contains("no line has the hash"), "{}", other.out);
    let whole = hashgate.expect(0, &["verify"]).out;
    assert!(
        whole.contains("decisions: 4 decisions in 1 file"),
        "{whole}"
    );
    let summary = hashgate
        .expect(0, &["decisions", "verify", "--format", "jsonl"])
        .json();
    assert_eq!(summary[0]["summary"]["decisions"], 4);
    assert_eq!(summary[0]["summary"]["sound"], true);
    // One digit of a distance.
    let path = &log_files(&hashgate)[0];
    let text = fs::read_to_string(path).unwrap();
    fs::write(
        path,
        text.replacen("\"threshold\":31", "\"threshold\":21", 1),
    )
    .unwrap();
    let damaged = hashgate.expect(2, &["decisions", "verify"]).out;
    assert!(
        damaged.contains("DAMAGED") && damaged.contains(":2: "),
        "{damaged}"
    );
    hashgate.expect(2, &["verify"]);
    let shown = hashgate.expect(2, &["decisions", "show"]);
    assert!(shown.err.contains("not whole"), "{}", shown.err);
    let found = hashgate
        .expect(2, &["decisions", "verify", "--format", "jsonl"])
        .json();
    assert_eq!(found[0]["fault"], "edited");
}

#[test]
fn replay_says_what_is_different_and_why() {
    let (hashgate, folder) = arranged();
    hashgate.expect(1, &["scan", "--decisions", "--ordered", &uploads(&folder)]);
    let replay = ["decisions", "replay", "--format", "jsonl", "--all"];
    let same = hashgate.expect(0, &replay).json();
    assert_eq!(same.len(), 3);
    assert!(
        same[..2]
            .iter()
            .all(|one| one["same"] == true && one["changes"] == serde_json::json!([]))
    );
    hashgate.expect(0, &["bank", "withdraw", "known", "1"]);
    hashgate.expect(0, &["publish"]);
    let withdrawn = hashgate.expect(1, &replay).json();
    assert_eq!(withdrawn[0]["same"], false);
    assert_eq!(withdrawn[0]["now"]["outcome"], "no_match");
    assert_eq!(withdrawn[0]["changes"][0]["why"], "entry_withdrawn");
    assert_eq!(withdrawn[1]["same"], true);
    let summary = &withdrawn[2]["summary"];
    assert_eq!(
        (&summary["same"], &summary["different"]),
        (&1.into(), &1.into())
    );
    assert_eq!(summary["why"]["entry_withdrawn"], 1);
    hashgate.expect(0, &["bank", "set", "known", "--action", "review"]);
    hashgate.expect(0, &["publish"]);
    let text = hashgate.expect(1, &["decisions", "replay"]).out;
    assert!(text.contains("block then, review now"), "{text}");
    assert!(text.contains("block then, no_match now"), "{text}");
    hashgate.expect(0, &["bank", "set", "known", "--enabled", "false"]);
    hashgate.expect(0, &["publish"]);
    let text = hashgate.expect(1, &["decisions", "replay"]).out;
    assert!(text.contains("bank known is disabled"), "{text}");
}

#[test]
fn match_writes_decisions_too_and_only_those_by_policy() {
    let (hashgate, folder) = arranged();
    let known = folder.path().join("known/a.png");
    let line = hashgate.expect(0, &["hash", known.to_str().unwrap()]).out;
    let hash = line.split(',').next().unwrap();
    hashgate.expect(1, &["match", "--decisions", hash, &"f0".repeat(32)]);
    let decisions = hashgate
        .expect(0, &["decisions", "show", "--format", "jsonl"])
        .json();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0]["signals"]["pdq"], hash);
    assert!(decisions[0]["input"]["bytes"].is_null());
    hashgate.expect(0, &["decisions", "replay"]);
    hashgate.expect(2, &["match", "--decisions", "--max-distance", "60", hash]);
}

#[test]
fn an_upload_server_with_a_copy_of_the_index_writes_where_it_is_told() {
    let (hashgate, folder) = arranged();
    let index = hashgate.home().join("index");
    let log = folder.path().join("log");
    let nowhere = folder.path().join("nowhere");
    let (index, log) = (index.to_str().unwrap(), log.to_str().unwrap());
    let run = |arguments: &[&str]| {
        let mut command = hashgate.command();
        command.env("HASHGATE_HOME", &nowhere).args(arguments);
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let to = format!("--decisions={log}");
    let (code, _) = run(&["scan", "--index", index, &to, &uploads(&folder)]);
    assert_eq!(code, Some(1));
    let (code, out) = run(&["decisions", "show", "--log", log, "--format", "jsonl"]);
    assert_eq!((code, out.lines().count()), (Some(0), 2));
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert!(
        first["matches"][0]["sources"].is_null(),
        "no store is at hand"
    );
    assert_eq!(
        run(&["decisions", "replay", "--log", log, "--index", index]).0,
        Some(0)
    );
    assert_eq!(run(&["decisions", "verify", "--log", log]).0, Some(0));
    assert!(!nowhere.exists(), "no home is needed, and none made");
}

#[test]
fn two_scans_into_one_log_are_not_mixed() {
    let (hashgate, folder) = arranged();
    let log = hashgate.home().join("decisions");
    let held = hashgate::decisions::DecisionLog::open(&log, Default::default()).unwrap();
    let refused = hashgate.expect(2, &["scan", "--decisions", &uploads(&folder)]);
    assert!(
        refused.err.contains("another process writes"),
        "{}",
        refused.err
    );
    assert_eq!(refused.out, "");
    drop(held);
    hashgate.expect(1, &["scan", "--decisions", &uploads(&folder)]);
}

#[test]
fn a_torn_tail_is_told_and_the_scan_goes_on() {
    let (hashgate, folder) = arranged();
    hashgate.expect(1, &["scan", "--decisions", &uploads(&folder)]);
    let path = &log_files(&hashgate)[0];
    let mut bytes = fs::read(path).unwrap();
    bytes.extend_from_slice(b"{\"v\":1,\"n\":4,\"prev\":\"00");
    fs::write(path, bytes).unwrap();
    let told = hashgate.expect(1, &["scan", "--decisions", &uploads(&folder)]);
    assert!(told.err.contains("was cut off: 23 bytes"), "{}", told.err);
    hashgate.expect(0, &["decisions", "verify"]);
    assert_eq!(
        hashgate
            .expect(0, &["decisions", "show", "--format", "jsonl"])
            .json()
            .len(),
        4
    );
}

/// A limit on the length of files stands in for a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_ends_the_scan_as_failed_and_says_nothing_that_is_not_recorded() {
    let (hashgate, folder) = arranged();
    let uploads_folder = uploads(&folder);
    for number in 0..40 {
        let copy = Path::new(&uploads_folder).join(format!("copy-{number}.png"));
        fs::copy(folder.path().join("known/a.png"), copy).unwrap();
    }
    let script = r#"trap "" XFSZ; ulimit -f 16; exec "$@""#;
    let mut command = std::process::Command::new("sh");
    command.env("HASHGATE_HOME", hashgate.home());
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_hashgate")]);
    let output = command
        .args(["scan", "--decisions", "--format", "jsonl", &uploads_folder])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        err.contains("cannot write to") && err.contains("decisions-"),
        "{err}"
    );
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(!out.contains("summary"), "{out}");
    let said = out
        .lines()
        .filter(|line| line.contains("\"block\""))
        .count();
    let recorded = hashgate.expect(0, &["decisions", "show", "--format", "jsonl"]);
    assert!(said <= recorded.out.lines().count());
    hashgate.expect(0, &["decisions", "verify"]);
    hashgate.expect(1, &["scan", "--decisions", &uploads_folder]);
    hashgate.expect(0, &["decisions", "verify"]);
}
