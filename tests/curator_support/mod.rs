//! A node that keeps banks, and short words for what is asked of it.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use crate::service_support::{Answer, Client, Node, png, signal};
use hashgate::hash::SignalType;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
    command
        .current_dir(folder)
        .env("HASHGATE_HOME", folder.join("home"));
    command
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program(folder);
    let all = ["serve", "--listen", "127.0.0.1:0", "--wait", "600000"];
    command.args(all).stdout(Stdio::piped());
    if !arguments.contains(&"--roles") {
        command.args(["--roles", "gate,match,hash,metrics,curate"]);
    }
    command.args(arguments);
    command
}

/// A curator of an empty home folder.
pub fn curator(arguments: &[&str]) -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    let command = command(folder.path(), arguments);
    Node::run(folder, command)
}

pub fn send(at: SocketAddr, method: &str, path: &str, body: &Value) -> Answer {
    let kind = [("Content-Type", "application/json")];
    Client::new(at).send(method, path, &kind, body.to_string().as_bytes())
}

pub fn post(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "POST", path, &body)
}

pub fn put(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "PUT", path, &body)
}

pub fn delete(node: &Node, path: &str) -> Answer {
    node.connect().send("DELETE", path, &[], b"")
}

#[track_caller]
pub fn is(answer: &Answer, status: u16, body: Value) {
    assert_eq!((answer.status, answer.json()), (status, body), "{answer:?}");
}

pub fn message(text: &str) -> Value {
    json!({ "message": text })
}

pub fn bank(name: &str, ratio: f64) -> Value {
    json!({ "name": name, "matching_enabled_ratio": ratio })
}

pub fn pdq(seed: u32) -> String {
    signal(&png(seed), SignalType::Pdq).hex()
}

pub fn raw(node: &Node, hash: &str) -> Value {
    let path = format!("/m/raw_lookup?signal_type=pdq&signal={hash}");
    node.get(&path).json()
}

pub fn lookup(node: &Node, hash: &str) -> Value {
    let path = format!("/m/lookup?signal_type=pdq&signal={hash}");
    node.get(&path).json()
}

pub fn create(node: &Node, name: &str) {
    let made = post(node, "/c/banks", json!({ "name": name }));
    assert_eq!(made.status, 201, "{made:?}");
}

pub fn add(node: &Node, name: &str, hash: &str) -> u64 {
    let path = format!("/c/bank/{name}/signal");
    let added = post(node, &path, json!({ "pdq": hash }));
    assert_eq!(added.status, 200, "{added:?}");
    added.json()["id"].as_u64().expect("a number")
}

/// What was written down of calls.
pub fn record(home: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(home.join("curation.jsonl")).expect("a record");
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect()
}
