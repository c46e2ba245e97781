//! What stands in a scan's way: links, pipes, odd names, vanished files, closed outputs, Ctrl-C.
#![cfg(all(feature = "full", unix))]

mod common;

use common::{Hashgate, picture};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

fn gate_with_a_bank() -> Hashgate {
    let gate = Hashgate::new();
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    let list = format!("{}\n", "5a".repeat(32));
    assert_eq!(
        gate.run_with(&["import", "--bank", "known", "--publish", "-"], &list)
            .code,
        0
    );
    gate
}

#[test]
fn links_pipes_and_odd_names_never_stop_a_scan() {
    let gate = gate_with_a_bank();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    picture(1, 100, 80).save(root.join("a.png")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff\n.png");
    std::fs::copy(root.join("a.png"), root.join(odd)).unwrap();
    std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
    std::os::unix::fs::symlink(root.join("gone"), root.join("dangling")).unwrap();
    let fifo = root.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );

    let ran = gate.expect(
        0,
        &[
            "scan",
            "--format",
            "jsonl",
            "--ordered",
            root.to_str().unwrap(),
        ],
    );
    let lines = ran.json();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(lines[0]["outcome"], "no_match");
    assert!(
        lines[1]["path_hex"]
            .as_str()
            .unwrap()
            .ends_with("6f6464ff0a2e706e67")
    );
    let skipped = &lines[2]["summary"]["skipped"];
    assert_eq!(
        (&skipped["symlinks"], &skipped["special"]),
        (&2.into(), &1.into())
    );

    let follow = [
        "scan",
        "--format",
        "jsonl",
        "--follow-links",
        root.to_str().unwrap(),
    ];
    let lines = gate.expect(2, &follow).json();
    let unreadable: Vec<&str> = lines
        .iter()
        .filter(|line| line["outcome"] == "unreadable")
        .map(|line| line["path"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(unreadable.len(), 2, "{lines:#?}");
    assert!(unreadable.contains(&"loop") && unreadable.contains(&"dangling"));

    let named = gate
        .expect(2, &["scan", "--format", "jsonl", fifo.to_str().unwrap()])
        .json();
    assert_eq!(named[0]["outcome"], "unreadable");
    assert!(named[0]["error"].as_str().unwrap().contains("FIFO"));
}

#[test]
fn limits_given_by_hand_are_kept() {
    let gate = gate_with_a_bank();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    picture(1, 100, 80).save(&path).unwrap();
    let path = path.to_str().unwrap();
    for (flag, value) in [
        ("--max-file-bytes", "100"),
        ("--max-side", "99"),
        ("--max-pixels", "7999"),
        ("--max-decoder-bytes", "1000"),
    ] {
        let ran = gate.expect(2, &["scan", "--format", "jsonl", flag, value, path]);
        assert_eq!(
            ran.json()[0]["outcome"],
            "too_large",
            "{flag} {value}: {ran:?}"
        );
    }
    gate.expect(
        0,
        &["scan", "--max-side", "100", "--max-pixels", "8000", path],
    );
}

#[test]
fn a_reader_that_leaves_ends_the_scan_quietly() {
    let gate = gate_with_a_bank();
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..300 {
        let path = folder.path().join(format!("{seed}.bmp"));
        picture(seed, 40, 30).save(path).unwrap();
    }
    let mut child = common::watched(
        gate.command()
            .args(["scan", "--format", "jsonl", "--jobs", "1"])
            .args([folder.path(); 40])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.starts_with('{'));
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(err, "");
}

#[test]
fn messages_that_nobody_reads_do_not_stop_the_work() {
    let gate = gate_with_a_bank();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..200 {
        std::fs::write(folder.path().join(format!("{number}.txt")), "no picture").unwrap();
    }
    let folder = folder.path().to_str().unwrap();
    for arguments in [
        &["hash", folder][..],
        &["bank", "add", "known", folder],
        &["match", "no-hash"],
        &["scan", "/nowhere/at/all"],
    ] {
        let mut child = common::watched(
            gate.command()
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_copy_of_an_index_that_is_not_one_is_no_sound_copy() {
    let gate = gate_with_a_bank();
    let index = gate.home().join("index");
    let empty = tempfile::tempdir().unwrap();
    gate.expect(0, &["verify"]);
    gate.expect(2, &["verify", "--index", empty.path().to_str().unwrap()]);
    std::fs::remove_file(index.join("manifest")).unwrap();
    gate.expect(2, &["verify"]);
    gate.expect(2, &["verify", "--index", index.to_str().unwrap()]);
}

#[test]
fn ctrl_c_ends_with_a_true_summary() {
    let gate = gate_with_a_bank();
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..50 {
        let path = folder.path().join(format!("{seed}.png"));
        picture(seed, 300, 200).save(path).unwrap();
    }
    let mut child = common::watched(
        gate.command()
            .args(["scan", "--format", "jsonl", "--jobs", "2"])
            .args([folder.path(); 200])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = vec![lines.next().unwrap().unwrap()];
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    seen.extend(lines.map(Result::unwrap));
    let last: serde_json::Value = serde_json::from_str(&seen.pop().unwrap()).unwrap();
    let summary = &last["summary"];
    assert_eq!(summary["interrupted"], true);
    assert_eq!(summary["files"], seen.len());
    assert!(seen.len() < 10_000, "it was ended early");
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
