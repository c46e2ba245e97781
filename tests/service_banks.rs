//! What a node that keeps banks does to them over HTTP, on our own paths: banks, entries, audits, publishes.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use curator_support::{curator, pdq, record, send};
use serde_json::{Value, json};
use service_support::{Answer, Node};

fn post(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "POST", path, &body)
}

fn patch(node: &Node, path: &str, body: Value) -> Answer {
    send(node.at, "PATCH", path, &body)
}

fn delete(node: &Node, path: &str) -> Answer {
    node.connect().send("DELETE", path, &[], b"")
}

#[track_caller]
fn good(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, word: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(problem["type"], format!("urn:hashgate:{word}"), "{problem}");
    problem["detail"].as_str().expect("a text").to_owned()
}

/// Adds an entry with this one hash.
#[track_caller]
fn add(node: &Node, bank: &str, hash: &str) -> u64 {
    let item = json!({ "items": [{ "signals": [hash] }] });
    let added = good(&post(node, &format!("/v1/banks/{bank}/items"), item), 200);
    added["ids"][0].as_u64().expect("a number")
}

/// What `/v1/match` says of a hash.
fn action(node: &Node, hash: &str) -> String {
    let answer = node.get(&format!("/v1/match?signal=pdq:{hash}"));
    answer.action().unwrap_or_default().to_owned()
}

#[track_caller]
fn wait_action(node: &Node, hash: &str, wanted: &str) {
    common::wait_until(|| action(node, hash) == wanted, "it is in force");
}

#[test]
fn banks_are_made_changed_and_deleted() {
    let node = curator(&[]);
    assert_eq!(good(&node.get("/v1/banks"), 200), json!({ "banks": [] }));
    let made = post(
        &node,
        "/v1/banks",
        json!({ "name": "known", "action": "block", "threshold": 20 }),
    );
    let made = good(&made, 201);
    assert_eq!(
        (
            &made["bank"],
            &made["action"],
            &made["threshold"],
            &made["items"]
        ),
        (&json!("known"), &json!("block"), &json!(20), &json!(0))
    );
    let again = post(&node, "/v1/banks", json!({ "name": "known" }));
    assert!(refused(&again, 409, "exists").contains("known"));
    for (body, said) in [
        (json!({}), "`name`"),
        (json!({ "name": 7 }), "`name`"),
        (json!({ "name": "a b" }), "a b"),
        (json!({ "name": "x", "threshold": 64 }), "`threshold`"),
        (json!({ "name": "x", "action": "burn" }), "`action`"),
        (json!({ "name": "x", "colour": 1 }), "`colour`"),
    ] {
        let detail = refused(&post(&node, "/v1/banks", body), 400, "bad-request");
        assert!(detail.contains(said), "{detail}");
    }
    assert_eq!(good(&node.get("/v1/banks/known"), 200), made);
    refused(&node.get("/v1/banks/other"), 404, "no-such-bank");
    refused(
        &patch(&node, "/v1/banks/other", json!({})),
        404,
        "no-such-bank",
    );

    let hash = pdq(1);
    add(&node, "known", &format!("pdq:{hash}"));
    wait_action(&node, &hash, "block");
    // What is changed is in force when that is answered.
    let changed = json!({ "action": "report", "enabled": true, "name": "renamed" });
    let changed = good(&patch(&node, "/v1/banks/known", changed), 200);
    assert_eq!(
        (&changed["bank"], &changed["items"]),
        (&json!("renamed"), &json!(1))
    );
    assert_eq!(action(&node, &hash), "report");
    good(
        &patch(&node, "/v1/banks/renamed", json!({ "enabled": false })),
        200,
    );
    assert_eq!(action(&node, &hash), "none");
    good(
        &patch(&node, "/v1/banks/renamed", json!({ "enabled": true })),
        200,
    );
    assert_eq!(action(&node, &hash), "report");

    let kept = refused(&delete(&node, "/v1/banks/renamed"), 409, "has-entries");
    assert!(kept.contains("with_entries=true"), "{kept}");
    let gone = delete(&node, "/v1/banks/renamed?with_entries=true");
    assert_eq!(good(&gone, 200), json!({ "entries": 1 }));
    assert_eq!(action(&node, &hash), "none");
    refused(
        &delete(&node, "/v1/banks/renamed?with_entries=true"),
        404,
        "no-such-bank",
    );
}

#[test]
fn what_the_policy_file_says_is_not_changed_behind_its_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    let command = curator_support::command(folder.path(), &[]);
    let made = curator_support::program(folder.path())
        .args(["bank", "create", "known"])
        .output();
    assert!(made.expect("it runs").status.success());
    std::fs::write(
        home.join("config.toml"),
        "[bank.known]\naction = \"block\"\n",
    )
    .expect("a file");
    let node = Node::run(folder, command);
    for answer in [
        patch(&node, "/v1/banks/known", json!({ "action": "report" })),
        patch(&node, "/v1/banks/known", json!({ "name": "other" })),
        delete(&node, "/v1/banks/known"),
    ] {
        refused(&answer, 409, "policy-file");
    }
    good(
        &patch(&node, "/v1/banks/known", json!({ "threshold": 10 })),
        200,
    );
}

#[test]
fn entries_are_added_listed_by_pages_shown_and_deleted() {
    let node = curator(&[]);
    good(
        &post(
            &node,
            "/v1/banks",
            json!({ "name": "known", "action": "block" }),
        ),
        201,
    );
    let items: Vec<Value> = (1..=5)
        .map(|seed| {
            json!({
                "signals": [
                    { "signal": format!("pdq:{}", pdq(seed)), "quality": 90 },
                    format!("md5:{seed:032x}"),
                ],
                "labels": ["sample"], "source": "desk", "record": format!("r{seed}"), "metadata": "m",
            })
        })
        .collect();
    let path = "/v1/banks/known/items";
    let added = good(&post(&node, path, json!({ "items": items })), 200);
    assert_eq!(
        added,
        json!({ "added": 5, "updated": 0, "already_there": 0, "withdrawn": 0, "ids": [1, 2, 3, 4, 5], "refused": [] })
    );
    let again = good(&post(&node, path, json!({ "items": items })), 200);
    assert_eq!(
        (&again["already_there"], &again["ids"]),
        (&json!(5), &added["ids"])
    );

    let first = good(&node.get(&format!("{path}?limit=2")), 200);
    assert_eq!(first["next"], 2);
    let item = &first["items"][0];
    assert_eq!(
        (
            &item["content_id"],
            &item["labels"],
            &item["provenance"]["source"],
            &item["provenance"]["record"]
        ),
        (&json!(1), &json!(["sample"]), &json!("desk"), &json!("r1"))
    );
    assert_eq!(item["signals"].as_array().map(Vec::len), Some(2));
    let second = good(&node.get(&format!("{path}?limit=2&after=2")), 200);
    assert_eq!(
        (&second["items"][0]["content_id"], &second["next"]),
        (&json!(3), &json!(4))
    );
    let last = good(&node.get(&format!("{path}?limit=2&after=4")), 200);
    assert_eq!(
        (last["items"].as_array().map(Vec::len), &last["next"]),
        (Some(1), &json!(null))
    );
    assert_eq!(good(&node.get(&format!("{path}/1")), 200), *item);

    for bad in ["?limit=0", "?limit=501", "?after=x", "?page=1"] {
        refused(&node.get(&format!("{path}{bad}")), 400, "bad-request");
    }
    for missing in ["/9", "/x", "/18446744073709551616"] {
        refused(&node.get(&format!("{path}{missing}")), 404, "no-such-entry");
    }
    good(&post(&node, "/v1/banks", json!({ "name": "other" })), 201);
    refused(&node.get("/v1/banks/other/items/1"), 404, "no-such-entry");
    refused(
        &delete(&node, "/v1/banks/other/items/1"),
        404,
        "no-such-entry",
    );

    wait_action(&node, &pdq(1), "block");
    assert_eq!(
        good(&delete(&node, &format!("{path}/1")), 200)["content_id"],
        1
    );
    assert_eq!(
        action(&node, &pdq(1)),
        "none",
        "it is published before the answer"
    );
    refused(&node.get(&format!("{path}/1")), 404, "no-such-entry");
}

#[test]
fn of_a_batch_with_a_fault_nothing_is_added() {
    let node = curator(&[]);
    good(&post(&node, "/v1/banks", json!({ "name": "known" })), 201);
    let hash = format!("pdq:{}", pdq(1));
    let path = "/v1/banks/known/items";
    for (items, said) in [
        (json!([]), "`items`"),
        (
            json!([{ "signals": [hash] }, { "signals": ["pdq:zz"] }]),
            "no hash",
        ),
        (json!([{ "signals": [] }]), "at least one hash"),
        (
            json!([{ "signals": [{ "signal": hash, "quality": 101 }] }]),
            "`quality`",
        ),
        (
            json!([{ "signals": [{ "signal": hash, "form": "upside" }] }]),
            "`form`",
        ),
        (
            json!([{ "signals": [hash], "labels": ["x".repeat(300)] }]),
            "`labels`",
        ),
        (
            json!([{ "signals": [hash], "source": "x".repeat(2_000) }]),
            "`source`",
        ),
        (json!([{ "signals": [hash], "note": "x" }]), "note"),
    ] {
        let detail = refused(
            &post(&node, path, json!({ "items": items })),
            400,
            "bad-request",
        );
        assert!(detail.contains(said), "{said}: {detail}");
    }
    let form = [("Content-Type", "text/plain")];
    let plain = node.connect().send("POST", path, &form, b"{}");
    refused(&plain, 415, "media-type");
    assert_eq!(good(&node.get(path), 200)["items"], json!([]));
    refused(
        &post(
            &node,
            "/v1/banks/none/items",
            json!({ "items": [{ "signals": [hash] }] }),
        ),
        404,
        "no-such-bank",
    );
}

#[test]
fn entries_are_withdrawn_paused_and_brought_back() {
    let node = curator(&[]);
    good(
        &post(
            &node,
            "/v1/banks",
            json!({ "name": "known", "action": "block" }),
        ),
        201,
    );
    let hash = pdq(1);
    let id = add(&node, "known", &format!("pdq:{hash}"));
    wait_action(&node, &hash, "block");
    let withdraw = |body: Value| post(&node, "/v1/banks/known/withdraw", body);
    let reinstate = |body: Value| post(&node, "/v1/banks/known/reinstate", body);

    let done = good(
        &withdraw(json!({ "entries": [format!("pdq:{hash}")] })),
        200,
    );
    assert_eq!(
        done["entries"][0],
        json!({ "id": id, "is_changed": true, "is_pause_ended": false, "state": "withdrawn" })
    );
    assert_eq!(
        action(&node, &hash),
        "none",
        "it is published before the answer"
    );
    let again = good(&withdraw(json!({ "entries": [id.to_string()] })), 200);
    assert_eq!(again["entries"][0]["is_changed"], false);
    good(&reinstate(json!({ "entries": [format!("#{id}")] })), 200);
    wait_action(&node, &hash, "block");

    let until = 4_000_000_000_u64;
    good(
        &withdraw(json!({ "entries": [id.to_string()], "until": until })),
        200,
    );
    assert_eq!(action(&node, &hash), "none");
    let known = good(&node.get(&format!("/v1/audit?entry={id}")), 200);
    assert_eq!(known["entries"][0]["paused_until"], until);
    let back = good(&reinstate(json!({ "entries": [id.to_string()] })), 200);
    assert_eq!(back["entries"][0]["is_pause_ended"], true);
    wait_action(&node, &hash, "block");

    let item = format!("/v1/banks/known/items/{id}");
    assert_eq!(
        good(&patch(&node, &item, json!({ "withdrawn": true })), 200)["state"],
        "withdrawn"
    );
    assert_eq!(action(&node, &hash), "none");
    assert_eq!(
        good(&patch(&node, &item, json!({ "withdrawn": false })), 200)["state"],
        "active"
    );

    for (answer, status, word) in [
        (withdraw(json!({ "entries": [] })), 400, "bad-request"),
        (
            withdraw(json!({ "entries": ["picture.jpg"] })),
            400,
            "bad-request",
        ),
        (
            withdraw(json!({ "entries": [id.to_string()], "until": 1 })),
            400,
            "bad-request",
        ),
        (
            withdraw(json!({ "entries": [id.to_string(), "99"] })),
            404,
            "no-such-entry",
        ),
        (
            reinstate(json!({ "entries": [id.to_string()], "until": until })),
            400,
            "bad-request",
        ),
        (patch(&node, &item, json!({})), 400, "bad-request"),
        (
            patch(&node, &item, json!({ "withdrawn": false, "until": until })),
            400,
            "bad-request",
        ),
    ] {
        refused(&answer, status, word);
    }
    assert_eq!(
        good(&node.get(&item), 200)["state"],
        "active",
        "one name is missing: nothing is changed"
    );
}

#[test]
fn audits_status_and_publishes_are_answered() {
    let node = curator(&[]);
    good(
        &post(
            &node,
            "/v1/banks",
            json!({ "name": "known", "action": "block" }),
        ),
        201,
    );
    let hash = pdq(1);
    let id = add(&node, "known", &format!("pdq:{hash}"));
    let published = good(&post(&node, "/v1/publish", json!({})), 200);
    assert_eq!(
        (&published["banks"], &published["hashes"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(action(&node, &hash), "block");
    let store = good(&node.get("/v1/store"), 200);
    assert_eq!(
        (&store["up_to_date"], &store["banks"][0]["items"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(store["index"]["generation"], published["generation"]);
    assert_eq!(store["home"], json!(null), "no folder is told");
    let same = good(&post(&node, "/v1/publish", json!({})), 200);
    assert_eq!(
        (&same["is_new"], &same["generation"]),
        (&json!(false), &published["generation"])
    );

    let known = good(
        &node.get(&format!("/v1/audit?entry={id}&entry=pdq:{hash}")),
        200,
    );
    assert_eq!(known["entries"].as_array().map(Vec::len), Some(2));
    good(
        &post(
            &node,
            "/v1/banks/known/withdraw",
            json!({ "entries": [id.to_string()] }),
        ),
        200,
    );
    let known = good(&node.get(&format!("/v1/audit?entry={id}")), 200);
    let in_force = &known["entries"][0]["in_force"]["generation"];
    assert_eq!(
        *in_force,
        json!(published["generation"].as_u64().unwrap_or_default() + 1)
    );
    refused(&node.get("/v1/audit"), 400, "bad-request");
    refused(&node.get("/v1/audit?entry=x"), 400, "bad-request");
    refused(
        &node.get("/v1/audit?entry=1&bank=known"),
        400,
        "bad-request",
    );
    refused(&node.get("/v1/audit?entry=99"), 404, "no-such-entry");
    let many = format!("/v1/audit?{}", vec!["entry=1"; 101].join("&"));
    refused(&node.get(&many), 400, "bad-request");

    // An index written anew is for who has `admin`, and this listener has not.
    let anew = post(&node, "/v1/publish", json!({ "full": true }));
    refused(&anew, 403, "scope");
    let all = curator(&["--roles", "curate,admin"]);
    let anew = good(&post(&all, "/v1/publish", json!({ "full": true })), 200);
    assert_eq!(
        (&anew["is_new"], &anew["added"]),
        (&json!(true), &json!(null))
    );
}

#[test]
fn what_is_doubtful_is_looked_for_in_a_job() {
    let node = curator(&[]);
    good(&post(&node, "/v1/banks", json!({ "name": "known" })), 201);
    add(&node, "known", &format!("pdq:{}", pdq(1)));
    good(&post(&node, "/v1/publish", json!({})), 200);
    let begun = good(&post(&node, "/v1/lint", json!({ "banks": ["known"] })), 202);
    assert_eq!(
        (&begun["what"], &begun["bank"]),
        (&json!("lint"), &json!(null))
    );
    let path = format!(
        "/v1/jobs/{}?wait=60000",
        begun["job"].as_str().expect("a name")
    );
    let done = good(&node.get(&path), 200);
    assert_eq!(
        (&done["step"], &done["report"]["entries"]),
        (&json!("done"), &json!(1)),
        "{done}"
    );
    let other = good(&post(&node, "/v1/lint", json!({ "banks": ["other"] })), 202);
    let path = format!(
        "/v1/jobs/{}?wait=60000",
        other["job"].as_str().expect("a name")
    );
    let done = good(&node.get(&path), 200);
    assert_eq!(done["step"], "failed");
    assert!(
        done["error"]
            .as_str()
            .is_some_and(|said| said.contains("other")),
        "{done}"
    );
    for cluster in [0, 10_001, u64::MAX] {
        let answer = post(&node, "/v1/lint", json!({ "cluster": cluster }));
        assert!(refused(&answer, 400, "bad-request").contains("`cluster`"));
    }
    let most = good(&post(&node, "/v1/lint", json!({ "cluster": 10_000 })), 202);
    let path = format!(
        "/v1/jobs/{}?wait=60000",
        most["job"].as_str().expect("a name")
    );
    assert_eq!(good(&node.get(&path), 200)["step"], "done");
}

#[test]
fn each_call_that_changes_something_is_written_down_and_no_hash() {
    let node = curator(&[]);
    let hash = pdq(1);
    good(&post(&node, "/v1/banks", json!({ "name": "known" })), 201);
    let id = add(&node, "known", &format!("pdq:{hash}"));
    good(
        &post(
            &node,
            "/v1/banks/known/withdraw",
            json!({ "entries": [format!("pdq:{hash}")] }),
        ),
        200,
    );
    refused(&delete(&node, "/v1/banks/other"), 404, "no-such-bank");
    let home = node.folder.path().join("home");
    let lines = record(&home);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line["what"].as_str(),
                line["bank"].as_str(),
                line["entry"].as_u64(),
                line["outcome"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("create bank"), Some("known"), None, Some("done")),
            (Some("add entries"), Some("known"), Some(id), Some("done")),
            (Some("withdraw"), Some("known"), Some(id), Some("done")),
            (Some("delete bank"), Some("other"), None, Some("refused")),
        ]
    );
    let text = std::fs::read_to_string(home.join("curation.jsonl")).expect("a record");
    assert!(!text.contains(&hash));
}

#[test]
fn a_listener_without_the_role_and_a_node_without_a_log_have_none_of_it() {
    let node = curator(&["--roles", "gate,match,curate"]);
    assert_eq!(node.get("/v1/decisions").status, 404);
    let reading = curator(&["--roles", "gate,match", "--listen", "127.0.0.1:0=curate"]);
    assert_eq!(reading.get("/v1/banks").status, 404);
    let log = curator(&["--roles", "gate,match,curate,admin"]);
    refused(&log.get("/v1/decisions"), 404, "no-log");
    let paths = log.get("/v1/openapi.json").json();
    for path in [
        "/v1/banks/{bank}/items",
        "/v1/jobs/{job}/commit",
        "/v1/decisions",
        "/v1/lint",
    ] {
        assert!(paths["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn decisions_are_read_in_pages_and_by_time() {
    let node = curator(&["--roles", "gate,match,curate,admin", "--decisions"]);
    good(
        &post(
            &node,
            "/v1/banks",
            json!({ "name": "known", "action": "block" }),
        ),
        201,
    );
    add(&node, "known", &format!("pdq:{}", pdq(1)));
    wait_action(&node, &pdq(1), "block");
    for _ in 0..3 {
        assert_eq!(action(&node, &pdq(1)), "block");
    }
    let page = |query: &str| good(&node.get(&format!("/v1/decisions{query}")), 200);
    let all = page("");
    let lines = all["decisions"].as_array().expect("a list").clone();
    assert!(lines.len() >= 4, "{all}");
    assert_eq!((&all["next"], &all["faults"]), (&json!(null), &json!(0)));
    let two = page("?limit=2");
    assert_eq!(two["decisions"].as_array().map(Vec::len), Some(2));
    let next = two["next"].as_u64().expect("there are more");
    let rest = page(&format!("?after={next}"));
    assert_eq!(
        rest["decisions"].as_array().expect("a list")[..],
        lines[2..]
    );
    let at = lines[0]["at_ms"].as_u64().or(lines[0]["at"].as_u64());
    assert!(at.is_some(), "{}", lines[0]);
    assert_eq!(page("?until=1")["decisions"], json!([]));
    assert_eq!(
        page("?since=1")["decisions"].as_array().map(Vec::len),
        Some(lines.len())
    );
    for bad in ["?limit=0", "?limit=1001", "?since=x", "?from=1"] {
        refused(
            &node.get(&format!("/v1/decisions{bad}")),
            400,
            "bad-request",
        );
    }
}
