//! How a node ends, and what it says of itself: connections without a request, indexes by which nothing can match, keys that
//! nobody could read.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod service_support;

use common::wait_until;
use hashgate::bank::Action;
use hashgate::hash::SignalType;
use service_support::{Client, Entries, Node, png, publish_known, publish_to, signal};
use std::fs::File;
use std::process::{Command, Stdio};

#[test]
fn a_header_that_is_not_finished_does_not_delay_the_end() {
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    let mut unfinished = node.connect();
    unfinished
        .write(b"POST /v1/check HTTP/1.1\r\nHost: local")
        .expect("it is taken");
    let mut idle = node.connect();
    assert_eq!(idle.send("GET", "/v1/live", &[], b"").status, 200);
    // Its header has come: it is under way, and its answer is waited for.
    let body = png(1);
    let mut under_way = node.connect();
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    under_way.write(head.as_bytes()).expect("it is taken");
    let told = under_way.read("HEAD").expect("it wants the body");
    assert_eq!(told.status, 100);
    let at = node.at;
    let ended = std::thread::spawn(move || node.stop());
    wait_until(
        || std::net::TcpStream::connect(at).is_err(),
        "nobody new is taken",
    );
    // Both end while the third is still waited for.
    assert!(unfinished.read("POST").is_none());
    assert!(idle.read("GET").is_none());
    assert!(!ended.is_finished());
    under_way.write(&body).expect("it is read");
    let answer = under_way.read("POST").expect("it is answered");
    assert_eq!(answer.action(), Some("block"));
    assert_eq!(ended.join().expect("it was waited for"), 0);
}

#[test]
fn an_index_by_which_nothing_can_match_is_warned_of() {
    let disabled = || {
        let hashes = vec![signal(&png(1), SignalType::Md5)];
        let mut bank = Entries::new("OFF", Action::Block, vec![(1, hashes)]);
        bank.policy.enabled = false;
        vec![bank]
    };
    let empty = || vec![Entries::new("EMPTY", Action::Block, Vec::new())];
    for (banks, said) in [
        (empty(), Some("no hashes")),
        (disabled(), Some("no bank of the index is enabled")),
        (Vec::new(), Some("no bank of the index is enabled")),
    ] {
        let node = Node::start(|folder| _ = publish_to(&folder.join("index"), &banks), &[]);
        let ready = node.get("/v1/ready");
        assert_eq!(ready.status, 200);
        let warning = ready.json()["warning"].as_str().map(str::to_owned);
        let holds = |text: &str| said.is_none_or(|said| text.contains(said));
        assert!(warning.as_deref().is_some_and(holds), "{warning:?}");
        let output = Node::command(node.folder.path()).arg("--check").output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(holds(&stderr), "{stderr}");
    }
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    assert!(node.get("/v1/ready").json().get("warning").is_none());
}

#[test]
fn a_key_that_could_not_be_printed_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let hashgate = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
        command.current_dir(folder.path()).args(arguments);
        command.args(["--keys", "keys.json"]);
        command
    };
    let full = File::options().write(true).open("/dev/full");
    let output = hashgate(&["key", "create", "uploads"])
        .stdout(full.expect("Linux has it"))
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("is not kept"), "{said}");
    // Its cause is named once.
    assert_eq!(said.matches("os error 28").count(), 1, "{said}");
    let listed = hashgate(&["key", "list"]).output().expect("it runs");
    assert!(listed.stdout.is_empty(), "{listed:?}");
    let again = hashgate(&["key", "create", "uploads"]).output();
    assert_eq!(again.expect("it runs").status.code(), Some(0));
}

#[test]
fn all_below_c_is_a_curators_whatever_its_slashes() {
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    for path in ["/c", "/c/", "//c//", "/c/anything"] {
        let answer = Client::new(node.at).send("POST", path, &[], b"");
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.json()["message"].is_string());
    }
}
