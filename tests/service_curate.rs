//! A node that keeps banks: what it does to them over HTTP, that it publishes by itself, and what survives its end.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod service_support;

use common::{wait_until, watched};
use hashgate::hash::SignalType;
use serde_json::{Value, json};
use service_support::{Answer, Client, Node, blank, png, signal};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

const YEAR: u64 = 365 * 86_400;

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
    command
        .current_dir(folder)
        .env("HASHGATE_HOME", folder.join("home"));
    command
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
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
fn curator(arguments: &[&str]) -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    let command = command(folder.path(), arguments);
    Node::run(folder, command)
}

fn send(at: SocketAddr, method: &str, path: &str, body: &Value) -> Answer {
    let kind = [("Content-Type", "application/json")];
    Client::new(at).send(method, path, &kind, body.to_string().as_bytes())
}

fn post(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "POST", path, &body)
}

fn put(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "PUT", path, &body)
}

fn delete(node: &Node, path: &str) -> Answer {
    node.connect().send("DELETE", path, &[], b"")
}

#[track_caller]
fn is(answer: &Answer, status: u16, body: Value) {
    assert_eq!((answer.status, answer.json()), (status, body), "{answer:?}");
}

fn message(text: &str) -> Value {
    json!({ "message": text })
}

fn bank(name: &str, ratio: f64) -> Value {
    json!({ "name": name, "matching_enabled_ratio": ratio })
}

fn pdq(seed: u32) -> String {
    signal(&png(seed), SignalType::Pdq).hex()
}

fn raw(node: &Node, hash: &str) -> Value {
    let path = format!("/m/raw_lookup?signal_type=pdq&signal={hash}");
    node.get(&path).json()
}

fn lookup(node: &Node, hash: &str) -> Value {
    let path = format!("/m/lookup?signal_type=pdq&signal={hash}");
    node.get(&path).json()
}

fn create(node: &Node, name: &str) {
    let made = post(node, "/c/banks", json!({ "name": name }));
    assert_eq!(made.status, 201, "{made:?}");
}

fn add(node: &Node, name: &str, hash: &str) -> u64 {
    let path = format!("/c/bank/{name}/signal");
    let added = post(node, &path, json!({ "pdq": hash }));
    assert_eq!(added.status, 200, "{added:?}");
    added.json()["id"].as_u64().expect("a number")
}

/// What was written down of calls.
fn record(home: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(home.join("curation.jsonl")).expect("a record");
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect()
}

#[test]
fn banks_are_made_changed_and_deleted_as_in_hma() {
    let node = curator(&[]);
    is(&node.get("/c/banks"), 200, json!([]));
    for name in ["01_BANK", "my_bank", "", "A-B"] {
        let said = message("Bank names must be UPPER_WITH_UNDERSCORE");
        is(&post(&node, "/c/banks", json!({ "name": name })), 400, said);
    }
    for name in ["_BANK".to_owned(), "A".repeat(65)] {
        let refused = post(&node, "/c/banks", json!({ "name": name }));
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("64 characters"), "{refused:?}");
    }
    assert_eq!(post(&node, "/c/banks", json!({})).status, 422);
    assert_eq!(
        node.post("/c/banks", b"{\"name\":\"A\"}").status,
        422,
        "not said to be JSON"
    );
    is(
        &post(&node, "/c/banks", json!({ "name": "MY_TEST_BANK" })),
        201,
        bank("MY_TEST_BANK", 1.0),
    );
    is(
        &post(&node, "/c/banks", json!({ "name": "MY_TEST_BANK" })),
        403,
        message("Bank already exists"),
    );
    is(
        &post(
            &node,
            "//c/banks",
            json!({ "name": "HALF", "enabled_ratio": "0.5" }),
        ),
        201,
        bank("HALF", 0.5),
    );
    // As in HMA: an unknown key, and `enabled`, do not count.
    let odd = json!({ "name": "ODD", "matching_enabled_ratio": 0.5, "enabled": false });
    is(&post(&node, "/c/banks", odd), 201, bank("ODD", 1.0));
    let off = json!({ "name": "OFF", "enabled_ratio": null, "enabled": "False" });
    is(&post(&node, "/c/banks", off), 201, bank("OFF", 0.0));
    assert_eq!(
        post(
            &node,
            "/c/banks",
            json!({ "name": "X", "enabled_ratio": 1.5 })
        )
        .status,
        400
    );
    assert_eq!(
        post(
            &node,
            "/c/banks",
            json!({ "name": "X", "enabled_ratio": "much" })
        )
        .status,
        422
    );

    is(
        &node.get("/c/bank/MY_TEST_BANK"),
        200,
        bank("MY_TEST_BANK", 1.0),
    );
    is(
        &node.get("/c/bank/NO_BANK"),
        404,
        message("bank 'NO_BANK' not found"),
    );
    let path = "/c/bank/MY_TEST_BANK";
    is(
        &put(&node, "/c/bank/NO_BANK", json!({})),
        404,
        message("Bank not found"),
    );
    is(
        &put(&node, path, json!({ "name": "a" })),
        400,
        message("Bank names must be UPPER_WITH_UNDERSCORE"),
    );
    is(
        &put(&node, path, json!({ "name": "HALF" })),
        403,
        message("Bank name already exists"),
    );
    is(
        &put(&node, path, json!({ "enabled": "true" })),
        200,
        bank("MY_TEST_BANK", 1.0),
    );
    is(
        &put(&node, path, json!({ "enabled": false })),
        200,
        bank("MY_TEST_BANK", 0.0),
    );
    is(
        &put(
            &node,
            path,
            json!({ "enabled_ratio": 0.5, "enabled": false }),
        ),
        200,
        bank("MY_TEST_BANK", 0.5),
    );
    let id = add(&node, "MY_TEST_BANK", &pdq(1));
    is(
        &put(&node, path, json!({ "name": "RENAMED" })),
        200,
        bank("RENAMED", 0.5),
    );
    assert_eq!(node.get(path).status, 404);
    assert_eq!(
        node.get(&format!("/c/bank/RENAMED/content/{id}")).status,
        200,
        "it keeps its contents"
    );
    let all = json!([
        bank("RENAMED", 0.5),
        bank("HALF", 0.5),
        bank("ODD", 1.0),
        bank("OFF", 0.0)
    ]);
    is(&node.get("/c/banks"), 200, all);
    for _ in 0..2 {
        is(&delete(&node, "/c/bank/RENAMED"), 200, message("Done"));
    }
    assert_eq!(node.get("/c/bank/RENAMED").status, 404);
    let paths = node.get("/site-map").json();
    let served = paths.as_array().expect("a list");
    assert!(
        served.contains(&json!("/c/bank/<bank_name>/content/<content_id>")),
        "{paths}"
    );
    assert_eq!(node.get("/c/exchanges").status, 403, "there are none here");
}

#[test]
fn entries_are_added_shown_disabled_and_deleted_as_in_hma() {
    let node = curator(&[]);
    create(&node, "TEST_BANK");
    let (one, two) = (pdq(1), pdq(2));
    let content = "/c/bank/TEST_BANK/content";
    let added = node.post_form(content, &[("photo", Some("x"), &png(1))]);
    is(&added, 200, json!({ "id": 1, "signals": { "pdq": one } }));
    is(
        &node.post_form(content, &[("photo", Some("x"), &png(1))]),
        200,
        added.json(),
    );
    assert_eq!(add(&node, "TEST_BANK", &two), 2);
    let md5 = signal(&png(3), SignalType::Md5).hex();
    let video = node.post_form(content, &[("video", Some("x"), &png(3))]);
    is(
        &video,
        200,
        json!({ "id": 3, "signals": { "video_md5": md5 } }),
    );
    wait_until(
        || raw(&node, &two) == json!({ "matches": [2] }),
        "it is published",
    );

    let shown = json!({ "bank": bank("TEST_BANK", 1.0), "disable_until_ts": 1, "id": 1, "original_media_uri": null });
    is(&node.get(&format!("{content}/1")), 200, shown.clone());
    let mut with_hashes = shown;
    with_hashes["signals"] = json!({ "pdq": one });
    is(
        &node.get(&format!("{content}/1?include_signals=true")),
        200,
        with_hashes,
    );
    for path in [
        "/c/bank/TEST_BANK/content/99",
        "/c/bank/TEST_BANK/content/x",
        "/c/bank/NO/content/1",
    ] {
        assert_eq!(node.get(path).status, 404, "{path}");
    }

    // Disabled at once, for good and until a time.
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a time")
        .as_secs();
    let entry = format!("{content}/2");
    let hit = json!({ "TEST_BANK": [{ "bank_content_id": 2, "distance": "0" }] });
    assert_eq!(lookup(&node, &two), hit);
    let disabled = put(&node, &entry, json!({ "disable_until_ts": 0 }));
    is(
        &disabled,
        200,
        json!({
            "bank": bank("TEST_BANK", 1.0), "collab_metadata": {}, "disable_until_ts": 0, "id": 2,
            "note": null, "original_media_uri": null, "user_metadata": null,
        }),
    );
    assert_eq!(lookup(&node, &two), json!({}), "at once");
    let year = now + YEAR;
    let until = put(
        &node,
        &entry,
        json!({ "disable_until_ts": year.to_string() }),
    );
    assert_eq!(until.json()["disable_until_ts"], json!(year), "{until:?}");
    assert_eq!(lookup(&node, &two), json!({}), "until then");
    assert_eq!(node.get(&entry).json()["disable_until_ts"], json!(year));
    assert_eq!(
        put(&node, &entry, json!({ "disable_until_ts": 1 })).status,
        200
    );
    wait_until(|| lookup(&node, &two) == hit, "it matches again");
    let far = put(
        &node,
        &entry,
        json!({ "disable_until_ts": 9_999_999_999_u64 }),
    );
    is(
        &far,
        400,
        message("disable_until_ts must be less than 5 years in the future"),
    );
    for bad in [json!(-1), json!("soon"), json!(1.5)] {
        assert_eq!(
            put(&node, &entry, json!({ "disable_until_ts": bad })).status,
            400
        );
    }
    assert_eq!(
        put(
            &node,
            "/c/bank/TEST_BANK/content/99",
            json!({ "disable_until_ts": 0 })
        )
        .status,
        404
    );

    is(&delete(&node, &entry), 200, json!({ "deleted": 1 }));
    assert_eq!(lookup(&node, &two), json!({}), "at once");
    is(&delete(&node, &entry), 200, json!({ "deleted": 0 }));
    assert_eq!(delete(&node, "/c/bank/NO/content/1").status, 404);
    // An entry is changed and deleted in its own bank alone.
    create(&node, "OTHER");
    is(
        &delete(&node, "/c/bank/OTHER/content/1"),
        200,
        json!({ "deleted": 0 }),
    );
    assert_eq!(node.get(&format!("{content}/1")).status, 200);
}

#[test]
fn what_cannot_be_added_is_said() {
    let node = curator(&[]);
    create(&node, "B");
    let content = "/c/bank/B/content";
    let said = |answer: &Answer, status: u16, text: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        let told = answer.json()["message"]
            .as_str()
            .expect("a message")
            .to_owned();
        assert!(told.contains(text), "{told} has no {text}");
    };
    said(
        &node.post(content, b""),
        400,
        "Neither `url` nor multipart file upload was received",
    );
    said(
        &node.post("/c/bank/B/content?url=http://127.0.0.1/x.jpg", b""),
        400,
        "fetches no URL",
    );
    said(
        &node.post_form("/c/bank/NO/content", &[("photo", Some("x"), &png(1))]),
        404,
        "bank 'NO' not found",
    );
    said(
        &node.post_form(content, &[("photo", Some("x"), &blank())]),
        400,
        "Invalid pdq signal: invalid PDQ hash",
    );
    said(
        &node.post_form(content, &[("photo", Some("x"), b"no picture")]),
        400,
        "could not be computed",
    );
    said(
        &node.post_form(content, &[("file", Some("x"), &png(1))]),
        400,
        "no such content_type",
    );
    for field in ["note", "metadata", "content_id"] {
        let parts = [(field, None, &b"x"[..]), ("photo", Some("x"), &png(1)[..])];
        said(
            &node.post_form(content, &parts),
            400,
            "neither notes nor metadata",
        );
    }
    let signal = "/c/bank/B/signal";
    said(&post(&node, signal, json!({})), 400, "No signals given");
    said(
        &post(&node, signal, json!({ "faces": "00" })),
        400,
        "No such signal type faces",
    );
    said(
        &post(&node, signal, json!({ "pdq": "00" })),
        400,
        "Invalid pdq signal: invalid PDQ hash",
    );
    said(
        &post(&node, signal, json!({ "pdq": 7 })),
        400,
        "Invalid pdq signal",
    );
    said(
        &post(&node, signal, json!({ "pdq": pdq(1), "note": "x" })),
        400,
        "neither notes nor metadata",
    );
    said(&node.post(signal, b"{}"), 415, "application/json");
    said(
        &post(&node, "/c/bank/NO/signal", json!({ "pdq": pdq(1) })),
        404,
        "bank 'NO' not found",
    );
    let kind = [("Content-Type", "application/json")];
    said(
        &node.connect().send("POST", signal, &kind, b"{"),
        400,
        "malformed JSON",
    );
    said(&post(&node, signal, json!([])), 400, "no object");
    wait_until(|| node.get("/v1/ready").status == 200, "it is ready");
    assert_eq!(
        raw(&node, &pdq(1)),
        json!({ "matches": [] }),
        "nothing was added"
    );
}

#[test]
fn sixteen_hashes_are_found_and_banks_are_asked_for_by_name() {
    let node = curator(&[]);
    let hashes: Vec<String> = (1..=16).map(pdq).collect();
    create(&node, "TEST_BANK");
    for hash in &hashes {
        add(&node, "TEST_BANK", hash);
    }
    let size = || node.get("/m/index/status?signal_type=pdq").json()["pdq"]["size"].clone();
    wait_until(|| size() == json!(16), "all are published");
    let last = hashes.last().expect("the last");
    assert_eq!(
        lookup(&node, last),
        json!({ "TEST_BANK": [{ "bank_content_id": 16, "distance": "0" }] })
    );
    assert_eq!(lookup(&node, &pdq(99)), json!({}));
    for name in ["SECOND", "THIRD"] {
        create(&node, name);
        add(&node, name, last);
    }
    let count = |path: &str| {
        let answer = node
            .get(&format!("{path}&signal_type=pdq&signal={last}"))
            .json();
        let counted = answer.get("matches").unwrap_or(&answer);
        counted
            .as_array()
            .map(Vec::len)
            .or_else(|| counted.as_object().map(|banks| banks.len()))
    };
    wait_until(
        || count("/m/raw_lookup?x") == Some(3),
        "all three are published",
    );
    for (banks, found) in [
        ("SECOND", 1),
        ("SECOND,THIRD", 2),
        ("SECOND,NONE", 1),
        ("NONE", 0),
    ] {
        for path in [
            "/m/raw_lookup?",
            "/m/raw_lookup?include_distance=true&",
            "/m/lookup?",
        ] {
            assert_eq!(
                count(&format!("{path}banks={banks}")),
                Some(found),
                "{path}{banks}"
            );
        }
    }
    // A bank that is disabled or deleted matches nothing, at once.
    put(&node, "/c/bank/SECOND", json!({ "enabled": false }));
    delete(&node, "/c/bank/THIRD");
    assert_eq!(count("/m/lookup?x"), Some(1));
}

#[test]
fn what_was_acknowledged_outlives_a_kill_and_is_published() {
    let folder = tempfile::tempdir().expect("a folder");
    let hash = pdq(5);
    for round in 0..3_u64 {
        // It would publish late, and is killed before.
        let config = folder.path().join("service.toml");
        std::fs::write(&config, "[service]\npublish_after = 2000\n").expect("a file");
        let mut child = watched(&mut command(folder.path(), &["--config", "service.toml"]));
        let mut line = String::new();
        let mut out = std::io::BufReader::new(child.stdout.take().expect("piped"));
        std::io::BufRead::read_line(&mut out, &mut line).expect("it listens");
        let at: SocketAddr = line
            .split_whitespace()
            .nth(2)
            .expect("an address")
            .parse()
            .expect("one");
        if round == 0 {
            assert_eq!(
                send(at, "POST", "/c/banks", &json!({ "name": "KEPT" })).status,
                201
            );
        } else {
            let path = format!(
                "/m/raw_lookup?signal_type=pdq&signal={}",
                pdq(4 + round as u32)
            );
            let found = Client::new(at).send("GET", &path, &[], b"").json();
            assert_eq!(
                found,
                json!({ "matches": [round] }),
                "published before it listens"
            );
        }
        let next = pdq(5 + round as u32);
        let added = send(at, "POST", "/c/bank/KEPT/signal", &json!({ "pdq": next }));
        assert_eq!(
            (added.status, &added.json()["id"]),
            (200, &json!(round + 1))
        );
        drop(child);
    }
    let audit = program(folder.path())
        .args(["audit", &format!("pdq:{hash}")])
        .output();
    assert!(
        audit.expect("it runs").status.success(),
        "the store is whole"
    );
    assert_eq!(
        record(&folder.path().join("home")).len(),
        4,
        "each call has its line"
    );
}

#[test]
fn an_end_publishes_what_is_pending_and_lets_the_store_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::write(
        folder.path().join("service.toml"),
        "[service]\npublish_after = 2000\n",
    )
    .expect("a file");
    let path = folder.path();
    let other_folder = tempfile::tempdir().expect("a folder");
    let node = Node::run(other_folder, command(path, &["--config", "service.toml"]));
    create(&node, "KNOWN");
    add(&node, "KNOWN", &pdq(1));
    // The store has one writer, and who that is can be read.
    let make = || {
        let run = program(path).args(["bank", "create", "mine"]).output();
        run.expect("it runs")
    };
    let said = String::from_utf8_lossy(&make().stderr).into_owned();
    assert!(said.contains("in use by another writer"), "{said}");
    let holder = std::fs::read(home.join("curator.json")).expect("it says who it is");
    let holder: Value = serde_json::from_slice(&holder).expect("JSON");
    let told = json!({ "process": node.id(), "listening": [node.at.to_string()] });
    assert_eq!(holder, told);
    let second = command(path, &[]).output().expect("it runs");
    assert_eq!(
        second.status.code(),
        Some(2),
        "a second curator: {second:?}"
    );
    assert_eq!(node.stop(), 0);
    assert!(!home.join("curator.json").exists());
    let index = hashgate::index::Index::open(home.join("index")).expect("it is published");
    assert_eq!(index.banks().len(), 1);
    assert_eq!(
        index
            .signal_types()
            .iter()
            .map(|held| held.hashes)
            .sum::<u64>(),
        1
    );
    let after = make();
    assert!(after.status.success(), "{after:?}");
}

#[test]
fn a_gate_node_that_follows_the_folder_has_what_is_published() {
    let node = curator(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let index = node.folder.path().join("home/index");
    let mut gate = program(folder.path());
    let at = ["serve", "--listen", "127.0.0.1:0", "--index"];
    gate.args(at).arg(&index).stdout(Stdio::piped());
    let gate = Node::run(folder, gate);
    gate.wait_ready();
    create(&node, "KNOWN");
    let id = add(&node, "KNOWN", &pdq(1));
    wait_until(
        || raw(&gate, &pdq(1)) == json!({ "matches": [id] }),
        "the other node follows",
    );
    delete(&node, &format!("/c/bank/KNOWN/content/{id}"));
    wait_until(
        || raw(&gate, &pdq(1)) == json!({ "matches": [] }),
        "and the withdrawal too",
    );
    assert_eq!(
        post(&gate, "/c/banks", json!({ "name": "X" })).status,
        403,
        "it keeps none"
    );
}

#[test]
fn who_may_change_banks_is_said_by_keys_and_every_change_is_written_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = |name: &str, scopes: &str| {
        let made = program(folder.path())
            .args(["key", "create", name, "--scopes", scopes])
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{made:?}");
        format!("Bearer {}", String::from_utf8_lossy(&made.stdout).trim())
    };
    let (curate, reader) = (key("desk", "curate"), key("reader", "match,hash,gate"));
    let command = command(folder.path(), &["--keys", "home/keys.json"]);
    let node = Node::run(folder, command);
    let send =
        |key: Option<&str>, method: &str, path: &str, body: &Value, more: &[(&str, &str)]| {
            let mut headers = vec![
                ("Content-Type", "application/json"),
                ("X-Request-Id", "call-7"),
            ];
            headers.extend(key.map(|key| ("Authorization", key)));
            headers.extend(more);
            node.connect()
                .send(method, path, &headers, body.to_string().as_bytes())
        };
    let new = json!({ "name": "KNOWN" });
    assert_eq!(send(None, "POST", "/c/banks", &new, &[]).status, 401);
    assert_eq!(
        send(Some(&reader), "POST", "/c/banks", &new, &[]).status,
        403
    );
    let foreign = [("Sec-Fetch-Site", "cross-site")];
    assert_eq!(
        send(Some(&curate), "POST", "/c/banks", &new, &foreign).status,
        403
    );
    assert_eq!(
        send(Some(&reader), "GET", "/c/banks", &new, &[]).json(),
        json!([])
    );
    assert_eq!(
        send(Some(&curate), "POST", "/c/banks", &new, &[]).status,
        201
    );
    assert_eq!(
        send(Some(&curate), "POST", "/c/banks", &new, &[]).status,
        403,
        "it is there"
    );
    let hash = pdq(1);
    let added = send(
        Some(&curate),
        "POST",
        "/c/bank/KNOWN/signal",
        &json!({ "pdq": hash }),
        &[],
    );
    assert_eq!(added.status, 200);
    let entry = "/c/bank/KNOWN/content/1?include_signals=1";
    assert_eq!(
        send(Some(&reader), "GET", entry, &new, &[]).status,
        403,
        "it shows whole hashes"
    );
    assert_eq!(send(Some(&curate), "GET", entry, &new, &[]).status, 200);
    assert_eq!(
        send(Some(&curate), "GET", "/m/index/status", &new, &[]).status,
        403
    );
    assert_eq!(
        send(
            Some(&curate),
            "DELETE",
            "/c/bank/KNOWN/content/1",
            &new,
            &[]
        )
        .status,
        200
    );

    let home = node.folder.path().join("home");
    let told: Vec<_> = record(&home)
        .iter()
        .map(|line| {
            json!([
                line["key"],
                line["request"],
                line["what"],
                line["bank"],
                line["entry"],
                line["outcome"]
            ])
        })
        .collect();
    let line = |what: &str, entry: Value, outcome: &str| {
        json!(["desk", "call-7", what, "KNOWN", entry, outcome])
    };
    let expected = [
        line("create bank", Value::Null, "done"),
        line("create bank", Value::Null, "refused"),
        line("add entry", json!(1), "done"),
        line("delete entry", json!(1), "done"),
    ];
    assert_eq!(told, expected);
    let path = home.join("curation.jsonl");
    assert!(
        !std::fs::read_to_string(&path)
            .expect("text")
            .contains(&hash)
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&path).expect("facts").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_bank_of_the_policy_file_is_not_renamed_or_deleted_and_its_settings_outweigh() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = program(folder.path())
        .args(["bank", "create", "KNOWN"])
        .status();
    assert!(made.expect("it runs").success());
    let policy = "[bank.KNOWN]\nenabled = true\n";
    std::fs::write(folder.path().join("home/config.toml"), policy).expect("a file");
    let command = command(folder.path(), &[]);
    let node = Node::run(folder, command);
    for answer in [
        put(&node, "/c/bank/KNOWN", json!({ "name": "OTHER" })),
        put(&node, "/c/bank/KNOWN", json!({ "enabled": false })),
        delete(&node, "/c/bank/KNOWN"),
    ] {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains("policy file"), "{answer:?}");
    }
    is(&node.get("/c/banks"), 200, json!([bank("KNOWN", 1.0)]));
}

#[test]
fn settings_of_a_curator_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str], text: &str| {
        let run = command(folder.path(), arguments)
            .arg("--check")
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{said}");
        assert!(said.contains(text), "{said} has no {text}");
    };
    refused(&["--index", "elsewhere"], "leave out --index");
    std::fs::write(
        folder.path().join("late.toml"),
        "[service]\npublish_after = 2001\n",
    )
    .expect("a file");
    refused(&["--config", "late.toml"], "publish_after");
    let good = command(folder.path(), &["--check"])
        .output()
        .expect("it runs");
    assert!(good.status.success(), "{good:?}");
    assert!(
        !folder.path().join("home/store").exists(),
        "it was checked, and nothing was made"
    );
    // Nobody keeps banks who is not asked to.
    let node = {
        let folder = tempfile::tempdir().expect("a folder");
        let command = command(folder.path(), &["--roles", "match,hash"]);
        Node::run(folder, command)
    };
    assert_eq!(post(&node, "/c/banks", json!({ "name": "X" })).status, 403);
}
