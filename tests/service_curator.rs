//! A node that keeps banks: that it publishes by itself, what survives its end, who may change what.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::{wait_until, watched};
use curator_support::{
    add, bank, command, create, curator, delete, is, lookup, pdq, post, program, put, raw, record,
    send,
};
use serde_json::{Value, json};
use service_support::{Client, Node};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

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

/// Sees that nothing can be published, or that it can: the index's folder is a link to this, in one step.
#[cfg(unix)]
fn point_index(home: &Path, to: &str) {
    let link = home.join("link");
    std::os::unix::fs::symlink(home.join(to), &link).expect("a link");
    std::fs::rename(&link, home.join("index")).expect("it takes its place");
}

#[cfg(unix)]
#[test]
fn a_withdrawal_that_is_not_published_is_not_answered_as_done_by_asking_again() {
    let node = curator(&[]);
    let names = [
        "ENTRY",
        "BANK",
        "OFF",
        "EXCHANGE",
        "OWN",
        "OWN_OFF",
        "OWN_ENTRY",
    ];
    let hash = pdq(1);
    for name in names {
        if name == "EXCHANGE" {
            let new = json!({ "bank": name, "api": "sample", "api_json": { "enabled": false } });
            assert_eq!(post(&node, "/c/exchanges", new).status, 201);
        } else {
            create(&node, name);
        }
        add(&node, name, &hash);
    }
    let matches = || lookup(&node, &hash).as_object().map(|banks| banks.len());
    wait_until(|| matches() == Some(names.len()), "all are published");
    let home = node.folder.path().join("home");
    std::fs::rename(home.join("index"), home.join("real")).expect("it is put away");
    point_index(&home, "real");
    std::fs::write(home.join("file"), "no folder").expect("a file");
    let off = json!({ "enabled": false });
    let calls = [
        ("DELETE", "/c/bank/ENTRY/content/1", json!(null), 200),
        ("DELETE", "/c/bank/BANK", json!(null), 200),
        ("PUT", "/c/bank/OFF", off.clone(), 200),
        ("DELETE", "/c/exchange/EXCHANGE", json!(null), 200),
        // What is gone is not found, on our own paths.
        (
            "DELETE",
            "/v1/banks/OWN?with_entries=true",
            json!(null),
            404,
        ),
        ("PATCH", "/v1/banks/OWN_OFF", off, 200),
        ("DELETE", "/v1/banks/OWN_ENTRY/items/7", json!(null), 404),
    ];
    for (place, (method, path, body, at_last)) in calls.iter().enumerate() {
        let call = || send(node.at, method, path, body);
        point_index(&home, "file");
        for time in 0..2 {
            let failed = call();
            assert_eq!(
                failed.status, 503,
                "{method} {path}, time {time}: {failed:?}"
            );
            let left = names.len() - place;
            assert_eq!(matches(), Some(left), "{path}: it still matches");
        }
        point_index(&home, "real");
        let done = call();
        assert_eq!(done.status, *at_last, "{method} {path}: {done:?}");
        let left = names.len() - place - 1;
        assert_eq!(matches(), Some(left), "{path}: it is out of matching");
    }
    let lines = record(&node.folder.path().join("home"));
    let ends = lines
        .iter()
        .filter(|line| line["what"] == "delete exchange");
    let ends: Vec<&Value> = ends.map(|line| &line["outcome"]).collect();
    assert_eq!(ends, ["partly", "refused", "done"]);
}

#[test]
fn a_call_that_changes_a_part_says_so_and_that_part_is_in_force() {
    let node = curator(&[]);
    create(&node, "KNOWN");
    let digest = |number: usize| format!("md5:{number:032x}");
    let mut ids = Vec::new();
    for first in [0, 600] {
        let signals = (first..first + 600).map(|number| json!({ "signals": [digest(number)] }));
        let items: Vec<Value> = signals.collect();
        let added = post(&node, "/v1/banks/KNOWN/items", json!({ "items": items }));
        assert_eq!(added.status, 200, "{added:?}");
        let numbers = added.json()["ids"].as_array().expect("numbers").clone();
        ids.extend(numbers.iter().map(ToString::to_string));
    }
    let matches = |number: usize| {
        let path = format!("/v1/match?signal={}", digest(number));
        node.get(&path).action() == Some("review")
    };
    wait_until(|| matches(0) && matches(1_199), "all are in force");
    let out = |entries: &[String]| {
        let body = json!({ "entries": entries, "until": 4_000_000_000_u64 });
        post(&node, "/v1/banks/KNOWN/withdraw", body)
    };
    assert_eq!(out(&ids[..600]).status, 200);
    // 1,024 may be out until a time.
    let partly = out(&ids[600..]);
    assert_eq!(partly.status, 400, "{partly:?}");
    assert!(
        partly.text().contains("424 of the entries were changed"),
        "{partly:?}"
    );
    assert!(
        !matches(1_023) && matches(1_024),
        "what is out is so at once"
    );
    // Nothing is changed by asking again.
    assert_eq!(out(&ids[1_024..]).status, 400);
    let lines = record(&node.folder.path().join("home"));
    let ends = lines.iter().filter(|line| line["what"] == "withdraw");
    let ends: Vec<&Value> = ends.map(|line| &line["outcome"]).collect();
    assert_eq!(ends, ["done", "partly", "refused"]);
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
