//! A gate node hands hashes of judged uploads to the node that keeps the banks, so that `retro` finds those that an entry of
//! tomorrow matches.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::wait_until;
use curator_support::{command, pdq, program, send};
use serde_json::{Value, json};
use service_support::{Answer, Client, Node, png, publish_known};
use std::path::Path;
use std::process::Stdio;

/// A node that keeps banks and hashes of uploads, for so many days.
fn keeper(begin: Option<&[&str]>) -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(more) = begin {
        let begun = program(folder.path())
            .args(["history", "on", "--days", "30"])
            .args(more)
            .output();
        assert!(begun.expect("it runs").status.success());
    }
    let serve = command(folder.path(), &["--roles", "match,curate,remember"]);
    Node::run(folder, serve)
}

/// A gate node that hands on hashes of what it judges.
fn gate(to: &str) -> Node {
    let prepare = |folder: &Path| {
        publish_known(&folder.join("index"), 1);
    };
    Node::start(prepare, &["--remember", to])
}

fn handed(node: &Node) -> u64 {
    number(node, "hashgate_uploads_handed_total")
}

fn dropped(node: &Node) -> u64 {
    number(node, "hashgate_uploads_dropped_total")
}

fn number(node: &Node, name: &str) -> u64 {
    let text = node.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("{name}: {text}"))
        .trim()
        .parse::<f64>()
        .expect("a number") as u64
}

fn retro(node: &Node) -> String {
    let all = ["retro", "--format", "jsonl"];
    let done = program(node.folder.path())
        .args(all)
        .output()
        .expect("it runs");
    String::from_utf8(done.stdout).expect("text")
}

#[test]
fn an_upload_of_yesterday_is_found_by_an_entry_of_today() {
    let keeper = keeper(Some(&[]));
    let made = send(
        keeper.at,
        "POST",
        "/v1/banks",
        &json!({ "name": "known", "action": "block" }),
    );
    assert_eq!(made.status, 201);
    let index = keeper.folder.path().join("home/index");
    let prepare = |folder: &Path| {
        std::os::unix::fs::symlink(&index, folder.join("index")).expect("a link");
    };
    let to = format!("http://{}", keeper.at);
    let gate = Node::start(prepare, &["--remember", &to]);
    gate.wait_ready();
    let id = [("X-Request-Id", "upload-7")];
    let judged = gate.connect().send("POST", "/v1/check", &id, &png(2));
    assert_eq!(judged.action(), Some("none"));
    assert_eq!(gate.post("/v1/check", b"no picture").status, 422);
    wait_until(|| handed(&gate) >= 1, "it was handed on");
    let item = json!({ "items": [{ "signals": [format!("pdq:{}", pdq(2))] }] });
    assert_eq!(
        send(keeper.at, "POST", "/v1/banks/known/items", &item).status,
        200
    );
    let published = send(keeper.at, "POST", "/v1/publish", &json!({}));
    assert_eq!(published.status, 200);
    let found = retro(&keeper);
    assert!(
        found.contains("upload-7") && found.contains("block"),
        "{found}"
    );
}

#[test]
fn where_nothing_is_to_be_kept_nothing_is() {
    let keeper = keeper(None);
    let gate = gate(&format!("http://{}", keeper.at));
    assert_eq!(gate.post("/v1/check", &png(2)).status, 200);
    wait_until(|| dropped(&gate) >= 1, "it was refused");
    assert_eq!(handed(&gate), 0);
    assert!(!keeper.folder.path().join("home/history").exists());
}

#[test]
fn an_answer_does_not_wait_for_a_keeper_that_is_away() {
    let gate = gate("http://127.0.0.1:1");
    for seed in 2..5 {
        assert_eq!(gate.post("/v1/check", &png(seed)).status, 200);
    }
    assert_eq!(
        (handed(&gate), number(&gate, "hashgate_uploads_waiting")),
        (0, 3)
    );
    assert_eq!(
        gate.stop(),
        0,
        "what waits is tried once more, and given up"
    );
}

#[test]
fn who_has_the_history_is_not_waited_for_without_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = program(folder.path())
        .args(["history", "on", "--days", "30"])
        .output();
    assert!(begun.expect("it runs").status.success());
    let mut serve = program(folder.path());
    serve.args(["serve", "--listen", "127.0.0.1:0", "--wait", "3000"]);
    serve.args(["--roles", "match,curate,remember"]);
    serve.stdout(Stdio::piped());
    let node = Node::run(folder, serve);
    let one = json!({
        "at": 1, "bytes": 2, "generation": 3, "revision": 4, "outcome": "no_match",
        "hashes": [{ "signal": format!("pdq:{}", pdq(2)) }],
    });
    let body = json!({ "uploads": [one] });
    let status = || send(node.at, "POST", "/v1/uploads", &body).status;
    // One whose body does not come has the turn.
    let text = body.to_string();
    let head = format!(
        "POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        text.len()
    );
    let mut slow = Client::new(node.at);
    slow.write(head.as_bytes()).expect("it is sent");
    wait_until(|| status() == 503, "the turn is another's");
    slow.write(text.as_bytes()).expect("it is sent");
    assert_eq!(slow.read("POST").expect("an answer").status, 200);
    wait_until(|| status() == 200, "the turn is free again");
}

#[test]
fn only_who_may_hands_hashes_on_and_what_is_none_is_refused() {
    let keeper = keeper(Some(&[]));
    let post = |body: Value| -> Answer { send(keeper.at, "POST", "/v1/uploads", &body) };
    let upload = |hashes: Value| {
        let one = json!({ "at": 1, "bytes": 2, "generation": 3, "revision": 4, "outcome": "no_match", "hashes": hashes });
        json!({ "uploads": [one] })
    };
    let hash = format!("pdq:{}", pdq(2));
    for bad in [
        json!({ "uploads": [] }),
        upload(json!([])),
        upload(json!([{ "signal": "pdq:zz" }])),
        upload(json!([{ "signal": hash, "quality": 101 }])),
        upload(json!([{ "signal": hash, "variant": "upside" }])),
        upload(json!([{ "signal": hash, "flatness": 101 }])),
        upload(json!([{ "signal": hash, "weights": "0" }])),
    ] {
        let answer = post(bad.clone());
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
    }
    let kept = post(upload(json!([{ "signal": hash }])));
    assert_eq!((kept.status, kept.json()), (200, json!({ "kept": 1 })));
    // No other role has the path.
    let other = curator_support::curator(&[]);
    assert_eq!(
        send(
            other.at,
            "POST",
            "/v1/uploads",
            &upload(json!([{ "signal": hash }]))
        )
        .status,
        404
    );
}
