//! The log of decisions of a node, and forms with several files: what is answered is on the disk, and what is not on the
//! disk is not answered.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod service_support;

use common::wait_until;
use hashgate::decisions::{VerifyOptions, for_each, verify};
use hashgate::hash::SignalType;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use service_support::{Node, blank, form, png, publish_known, signal};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};

fn logging() -> Node {
    Node::start(prepare, &["--decisions=log"])
}

fn prepare(folder: &Path) {
    publish_known(&folder.join("index"), 1);
}

/// The names of the inputs in the log, which must be whole.
fn logged(folder: &Path) -> Vec<String> {
    let log = folder.join("log");
    let report = verify(&log, VerifyOptions::default()).expect("a log");
    assert!(report.is_sound(), "{report:?}");
    let mut names = Vec::new();
    let taken = for_each::<hashgate::decisions::DecisionError>(&log, |entry, _| {
        names.extend(entry.decision.input.name.clone());
        Ok(ControlFlow::Continue(()))
    });
    assert!(taken.expect("a log").is_empty());
    names
}

fn check(node: &Node, id: &str, bytes: &[u8]) -> service_support::Answer {
    let named = [("X-Request-Id", id)];
    node.connect().send("POST", "/v1/check", &named, bytes)
}

#[test]
fn what_matches_is_in_the_log_by_the_id_of_its_request() {
    let node = logging();
    assert_eq!(check(&node, "known-1", &png(1)).action(), Some("block"));
    assert_eq!(check(&node, "unknown-2", &png(2)).action(), Some("none"));
    assert_eq!(check(&node, "blank-3", &blank()).status, 422);
    let md5 = signal(&png(1), SignalType::Md5).to_string();
    let asked = json!({ "signals": [md5, "md5:00000000000000000000000000000000"] });
    let named = [("X-Request-Id", "list-4")];
    let body = asked.to_string();
    let answer = (node.connect()).send("POST", "/v1/match", &named, body.as_bytes());
    assert_eq!(answer.action(), Some("block"), "{answer:?}");
    let named = [("X-Request-Id", "one-5")];
    let path = format!("/v1/match?signal={md5}");
    let answer = node.connect().send("GET", &path, &named, b"");
    assert_eq!(answer.action(), Some("block"));
    // Nothing is decided within a distance.
    let answer = node.get(&format!("{path}&within=3"));
    assert_eq!(answer.status, 200);
    let folder = node.folder.path().to_owned();
    // Before it ends: what was answered is there already.
    assert_eq!(logged(&folder), ["known-1", "list-4", "one-5"]);
    assert_eq!(node.stop(), 0);
}

#[test]
fn a_log_without_room_gives_503_and_never_a_pass_until_there_is_room_again() {
    let folder = tempfile::tempdir().expect("a folder");
    prepare(folder.path());
    // A file beyond the limit is an error, as on a full disk, and no signal.
    let mut command = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_hashgate");
    command
        .current_dir(folder.path())
        .env("HASHGATE_HOME", folder.path().join("home"))
        .args(["-c", "trap '' XFSZ; ulimit -S -f 16; exec \"$@\"", "sh"])
        .args([program, "serve", "--index", "index", "--decisions=log"])
        .args(["--listen", "127.0.0.1:0", "--wait", "600000"])
        .stdout(Stdio::piped());
    let node = Node::run(folder, command);
    let mut answered = BTreeSet::new();
    let mut number = 0;
    let refused = loop {
        let id = format!("known-{number}");
        let answer = check(&node, &id, &png(1));
        if answer.status != 200 {
            break answer;
        }
        assert_eq!(answer.action(), Some("block"));
        answered.insert(id);
        number += 1;
        assert!(number < 1_000, "the limit was never met");
    };
    assert!(!answered.is_empty());
    for answer in [refused, check(&node, "again", &png(1))] {
        assert_eq!((answer.status, answer.action()), (503, Some("unjudged")));
        assert_eq!(answer.json()["type"], "urn:hashgate:not-recorded");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.reads_as_clean());
    }
    let metrics = node.get("/metrics").text();
    assert!(
        metrics.contains("hashgate_decision_log_failed 1.0"),
        "{metrics}"
    );
    // Nothing of it would be in the log.
    assert_eq!(check(&node, "unknown", &png(2)).action(), Some("none"));
    let room = Rlimit {
        current: None,
        maximum: None,
    };
    let process = Pid::from_raw(i32::try_from(node.id()).expect("a number"));
    prlimit(process, Resource::Fsize, room).expect("the limit was a soft one");
    wait_until(
        || {
            let id = format!("late-{number}");
            number += 1;
            let answer = check(&node, &id, &png(1));
            let is_answered = answer.status == 200;
            if is_answered {
                answered.insert(id);
            }
            is_answered
        },
        "the log is written again",
    );
    let in_log: BTreeSet<String> = logged(node.folder.path()).into_iter().collect();
    assert_eq!(in_log, answered, "what was answered, and nothing else");
}

#[test]
fn what_was_answered_outlives_a_kill() {
    let node = logging();
    let answered: BTreeSet<String> = std::thread::scope(|scope| {
        let node = &node;
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                scope.spawn(move || {
                    let mut client = node.connect();
                    let send = |number: usize| {
                        let id = format!("from-{sender}-{number}");
                        let named = [("X-Request-Id", &*id)];
                        let answer = client.send("POST", "/v1/check", &named, &png(1));
                        assert_eq!(answer.action(), Some("block"));
                        id
                    };
                    (0..10).map(send).collect::<Vec<_>>()
                })
            })
            .collect();
        let all = senders.into_iter();
        all.flat_map(|sender| sender.join().expect("it sent all"))
            .collect()
    });
    let id = node.id().to_string();
    let killed = Command::new("kill").args(["-KILL", &id]).status();
    assert!(killed.expect("kill runs").success());
    let in_log: BTreeSet<String> = logged(node.folder.path()).into_iter().collect();
    assert_eq!(in_log, answered);
}

#[test]
fn a_log_that_is_damaged_or_in_use_is_said_at_the_start() {
    let node = logging();
    assert_eq!(check(&node, "known-1", &png(1)).action(), Some("block"));
    let folder = node.folder.path().to_owned();
    let start = || {
        let mut command = Node::command(&folder);
        command.args(["--listen", "127.0.0.1:0", "--decisions=log"]);
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "it does not listen");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = start();
    assert!(
        said.contains("another process writes to the log of decisions"),
        "{said}"
    );
    let id = node.id().to_string();
    let killed = Command::new("kill").args(["-KILL", &id]).status();
    assert!(killed.expect("kill runs").success());
    std::fs::write(folder.join("log/decisions-00000001.jsonl"), b"{}\n").expect("it is written");
    wait_until(
        || start().contains("is not what it was"),
        "the lock is free",
    );
}

#[test]
fn files_of_one_form_are_judged_in_their_order_and_the_header_says_the_strictest() {
    let node = logging();
    let (known, other, blank) = (png(1), png(2), blank());
    for (files, status, enforced, action, actions) in [
        (&[&other][..], 200, 200, "none", "none"),
        (&[&other, &other], 200, 200, "none", "none, none"),
        (&[&other, &blank], 422, 422, "unjudged", "none, unjudged"),
        (&[&known, &other], 200, 403, "block", "block, none"),
        (
            &[&blank, &other, &known],
            200,
            403,
            "block",
            "unjudged, none, block",
        ),
    ] {
        let mut parts: Vec<_> = (files.iter())
            .map(|bytes| ("upload", Some("a.png"), bytes.as_slice()))
            .collect();
        parts.insert(1, ("note", None, b"x"));
        let (kind, body) = form(&parts);
        let kind = [("Content-Type", &*kind)];
        let mut client = node.connect();
        let answer = client.send("POST", "/v1/check?batch=true", &kind, &body);
        assert_eq!(
            (answer.status, answer.action()),
            (status, Some(action)),
            "{answer:?}"
        );
        assert_eq!(answer.header("hashgate-actions"), Some(actions));
        let all = answer.json();
        assert_eq!(all.as_array().map(Vec::len), Some(files.len()));
        for (one, bytes) in all.as_array().expect("an array").iter().zip(files) {
            assert_eq!(one, &node.post("/v1/check", bytes).json(), "as it is alone");
        }
        let path = "/v1/check?batch=true&enforce=true";
        assert_eq!(client.send("POST", path, &kind, &body).status, enforced);
    }
    // Two of 17 parts beyond what a form may have; several files where one was meant; none; no form.
    let many = vec![("f", Some("a"), other.as_slice()); 17];
    let two = vec![("f", Some("a"), other.as_slice()); 2];
    for (path, parts, said) in [
        ("/v1/check?batch=true", many, "more than 16 parts"),
        ("/v1/check", two, "Only one file"),
        (
            "/v1/check?batch=true",
            vec![("f", None, &b"x"[..])],
            "no file",
        ),
    ] {
        let answer = node.post_form(path, &parts);
        assert_eq!((answer.status, answer.action()), (400, Some("unjudged")));
        assert!(answer.text().contains(said), "{answer:?}");
    }
    let answer = node.post("/v1/check?batch=true", &other);
    assert_eq!((answer.status, answer.action()), (400, Some("unjudged")));
}
