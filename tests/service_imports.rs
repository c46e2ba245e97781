//! Lists that are uploaded to a node that keeps banks: looked at, brought in, refused, stopped.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::wait_until;
use curator_support::{curator, pdq, record, send};
use serde_json::{Value, json};
use service_support::{Answer, Client, Node};

/// A list of MD5 digests, by their numbers.
fn list(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let lines = numbers.map(|number| format!("md5 {number:032x}\n"));
    lines.collect::<String>().into_bytes()
}

fn upload(node: &Node, query: &str, list: &[u8]) -> Answer {
    node.post(&format!("/v1/banks/known/imports?wait=60000&{query}"), list)
}

fn commit(node: &Node, job: &str, query: &str) -> Answer {
    node.post(&format!("/v1/jobs/{job}/commit?wait=60000&{query}"), b"")
}

#[track_caller]
fn good(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, word: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["type"], format!("urn:hashgate:{word}"), "{problem}");
    problem["detail"].as_str().expect("a text").to_owned()
}

fn job_of(told: &Value) -> String {
    told["job"].as_str().expect("a name").to_owned()
}

fn items(node: &Node) -> u64 {
    let bank = node.get("/v1/banks/known").json();
    bank["active"].as_u64().expect("a number")
}

/// A node with the empty bank `known`.
fn node(arguments: &[&str]) -> Node {
    let node = curator(arguments);
    let made = send(
        node.at,
        "POST",
        "/v1/banks",
        &json!({ "name": "known", "action": "block" }),
    );
    assert_eq!(made.status, 201, "{made:?}");
    node
}

#[test]
fn a_list_is_looked_at_and_then_brought_in() {
    let node = node(&[]);
    let looked = good(&upload(
        &node,
        "name=monday.txt&label=a&label=b",
        &list(0..30),
    ));
    assert_eq!(
        (&looked["step"], &looked["what"], &looked["bank"]),
        (&json!("looked"), &json!("import"), &json!("known"))
    );
    let outcome = &looked["outcome"];
    assert_eq!(
        (&outcome["preview"], &outcome["added"], &outcome["format"]),
        (&json!(true), &json!(30), &json!("tx"))
    );
    assert_eq!(
        (&looked["refused"], &looked["error"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(items(&node), 0, "nothing is changed");
    let job = job_of(&looked);
    let done = good(&commit(&node, &job, ""));
    assert_eq!(
        (&done["step"], &done["outcome"]["added"]),
        (&json!("done"), &json!(30))
    );
    assert_eq!(done["outcome"]["preview"], false);
    assert_eq!(items(&node), 30);
    let entry = node.get("/v1/banks/known/items?limit=1").json()["items"][0].clone();
    assert_eq!(
        (&entry["labels"], &entry["provenance"]["source"]),
        (&json!(["a", "b"]), &json!("monday.txt"))
    );
    // It is in force by itself.
    let known = format!("/v1/match?signal=md5:{:032x}", 7);
    wait_until(
        || node.get(&known).action() == Some("block"),
        "it is in force",
    );
    // What was brought in is not brought in twice.
    refused(&commit(&node, &job, ""), 409, "no-list");
    assert_eq!(good(&node.get(&format!("/v1/jobs/{job}")))["step"], "done");
    let jobs = node.get("/v1/jobs").json();
    assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(1));
    good(
        &node
            .connect()
            .send("DELETE", &format!("/v1/jobs/{job}"), &[], b""),
    );
    refused(&node.get(&format!("/v1/jobs/{job}")), 404, "no-such-job");
    refused(&commit(&node, &job, ""), 404, "no-such-job");

    let lines = record(&node.folder.path().join("home"));
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["what"].as_str(), line["outcome"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("create bank"), Some("done")),
            (Some("begin import"), Some("done")),
            (Some("import"), Some("done")),
        ]
    );
    let ids = (&lines[1]["request"], &lines[2]["request"]);
    assert_eq!(ids.0, ids.1, "who began it ended it");
}

#[test]
fn a_list_is_brought_in_at_once_where_that_is_asked_for() {
    let node = node(&[]);
    let done = good(&upload(&node, "commit=true", &list(0..5)));
    assert_eq!(
        (&done["step"], &done["outcome"]["added"]),
        (&json!("done"), &json!(5))
    );
    let again = good(&upload(&node, "commit=true", &list(0..6)));
    assert_eq!(
        (
            &again["outcome"]["added"],
            &again["outcome"]["already_there"]
        ),
        (&json!(1), &json!(5))
    );
    // Rows that cannot be used are told, and fail nothing.
    let mut bad = list(6..8);
    bad.extend_from_slice(b"md5 oops\n");
    let done = good(&upload(&node, "name=b.txt&commit=true", &bad));
    assert_eq!(
        (&done["step"], &done["outcome"]["rejected"]),
        (&json!("done"), &json!(1))
    );
    assert!(
        done["notes"][0]
            .as_str()
            .is_some_and(|said| said.contains("b.txt:3")),
        "{done}"
    );
}

#[test]
fn a_list_that_takes_too_much_out_is_refused_unless_that_is_accepted() {
    let node = node(&[]);
    let csv = |numbers: std::ops::Range<u32>| {
        let rows = numbers.map(|number| format!("{number},{number:032x}\n"));
        format!("id,md5\n{}", rows.collect::<String>()).into_bytes()
    };
    let query = "format=csv&source=partner&complete=true&column=id=id&column=md5=md5";
    let done = good(&upload(
        &node,
        &format!("{query}&commit=true"),
        &csv(0..100),
    ));
    assert_eq!(
        (&done["step"], &done["outcome"]["added"]),
        (&json!("done"), &json!(100)),
        "{done}"
    );
    let at_once = good(&upload(&node, &format!("{query}&commit=true"), &csv(0..50)));
    assert_eq!(at_once["step"], "failed");
    assert!(
        at_once["error"]
            .as_str()
            .is_some_and(|said| said.contains("50 of the 100")),
        "{at_once}"
    );
    assert_eq!(items(&node), 100, "nothing is changed");

    let looked = good(&upload(&node, query, &csv(0..50)));
    assert_eq!(
        (&looked["step"], &looked["outcome"]["stopped"]),
        (&json!("looked"), &json!(50))
    );
    assert!(
        looked["refused"]
            .as_str()
            .is_some_and(|said| said.contains("50 of the 100")),
        "{looked}"
    );
    let job = job_of(&looked);
    let done = good(&commit(&node, &job, ""));
    assert_eq!(
        (&done["step"], items(&node)),
        (&json!("failed"), 100),
        "{done}"
    );
    let looked = good(&upload(&node, query, &csv(0..50)));
    let done = good(&commit(&node, &job_of(&looked), "accept_shrink=true"));
    assert_eq!(
        (&done["step"], &done["outcome"]["stopped"]),
        (&json!("done"), &json!(50)),
        "{done}"
    );
    assert_eq!(items(&node), 50);

    let grown = good(&upload(&node, "max_added=3&commit=true", &list(500..504)));
    assert!(
        grown["error"]
            .as_str()
            .is_some_and(|said| said.contains("4 entries would be added")),
        "{grown}"
    );
    // The job is over before the keeper of the banks has written that down.
    wait_until(
        || {
            let lines = record(&node.folder.path().join("home"));
            let last = lines.last().expect("a line");
            (last["what"].as_str(), last["outcome"].as_str()) == (Some("import"), Some("refused"))
        },
        "it is written down",
    );
}

#[test]
fn what_cannot_be_asked_is_said_before_the_list_is_kept() {
    let node = node(&[]);
    for (query, said) in [
        ("format=xls", "`format`"),
        ("column=x", "`column`"),
        ("max_shrink=101", "`max_shrink`"),
        ("sync=maybe", "`sync`"),
        ("colour=red", "`colour`"),
        ("source=a&source=b", "`source`"),
        ("unsigned=true&public_key=RWQ", "`public_key`"),
        // The name of a file would be read here.
        ("public_key=/etc/passwd", "`public_key`"),
    ] {
        let detail = refused(&upload(&node, query, &list(0..1)), 400, "bad-request");
        assert!(detail.contains(said), "{query}: {detail}");
    }
    refused(&upload(&node, "", b""), 400, "bad-request");
    let none = node.post("/v1/banks/none/imports", &list(0..1));
    refused(&none, 404, "no-such-bank");
    // What is no list is told by its job.
    for (list, said) in [
        (&b"\x00\x01\x02"[..], "format"),
        (b"id,md5\n1,oops\n", "row"),
    ] {
        let told = good(&upload(&node, "", list));
        assert_eq!(told["step"], "failed", "{told}");
        assert!(
            told["error"]
                .as_str()
                .is_some_and(|error| error.contains(said)),
            "{told}"
        );
    }
    let told = good(&upload(&node, "sync=true", &list(0..1)));
    assert!(
        told["error"]
            .as_str()
            .is_some_and(|said| said.contains("source")),
        "{told}"
    );
    assert_eq!(items(&node), 0);
}

#[test]
fn lists_are_bounded_in_size_and_in_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir_all(&home).expect("a folder");
    let settings = "[service]\nmax_list = 2000\nbody_timeout = 500\n";
    std::fs::write(home.join("config.toml"), settings).expect("a file");
    #[cfg(unix)]
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .expect("closed");
    let command = curator_support::command(folder.path(), &[]);
    let node = Node::run(folder, command);
    assert_eq!(
        send(node.at, "POST", "/v1/banks", &json!({ "name": "known" })).status,
        201
    );
    refused(&upload(&node, "", &list(0..100)), 413, "too-large");
    // The size need not be told before.
    let mut client = Client::new(node.at);
    let head = "POST /v1/banks/known/imports HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let _ = client.write(head.as_bytes());
    let chunk = format!("{:x}\r\n{}\r\n", 3_000, "a".repeat(3_000));
    let _ = client.write(chunk.as_bytes());
    assert_eq!(client.read("POST").expect("an answer").status, 413);
    // Who sends nothing is cut off.
    let mut slow = Client::new(node.at);
    let head = "POST /v1/banks/known/imports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nmd5 ";
    let _ = slow.write(head.as_bytes());
    assert_eq!(slow.read("POST").expect("an answer").status, 408);
    // Four lists wait to be brought in, and the fifth is told to come later.
    let jobs: Vec<String> = (0..4)
        .map(|number| job_of(&good(&upload(&node, "", &list(number..number + 1)))))
        .collect();
    refused(&upload(&node, "", &list(9..10)), 503, "busy");
    good(
        &node
            .connect()
            .send("DELETE", &format!("/v1/jobs/{}", jobs[0]), &[], b""),
    );
    good(&upload(&node, "", &list(9..10)));
    for job in &jobs[1..] {
        assert_eq!(good(&commit(&node, job, ""))["step"], "done");
    }
    assert_eq!(items(&node), 3);
}

#[test]
fn a_deleted_job_lets_its_place_go_and_what_was_looked_at_stays_where_too_much_waits() {
    let node = node(&[]);
    let looked = job_of(&good(&upload(&node, "", &list(900_000..900_002))));
    let begin = |query: &str, list: &[u8]| {
        let path = format!("/v1/banks/known/imports?wait=0&{query}");
        node.post(&path, list)
    };
    let begun = |query: &str, list: &[u8]| {
        let answer = begin(query, list);
        assert_eq!(answer.status, 202, "{}", answer.text());
        job_of(&answer.json())
    };
    let remove = |job: &str| {
        let path = format!("/v1/jobs/{job}");
        good(&node.connect().send("DELETE", &path, &[], b""))
    };
    let long = begun("commit=true", &list(0..400_000));
    let state = |job: &str| node.get(&format!("/v1/jobs/{job}")).json()["step"].clone();
    wait_until(|| state(&long) == "working", "it is under way");
    let waiting = begun("", &list(0..1));
    begun("", &list(1..2));
    refused(&begin("", &list(2..3)), 503, "busy");
    // It waits for the thread, which is at work: its place is free at once.
    assert_eq!(remove(&waiting)["step"], "waiting");
    begun("", &list(2..3));
    let is_full = (0..200).any(|_| {
        let answer = send(node.at, "POST", "/v1/lint", &json!({}));
        if answer.status == 202 {
            remove(&job_of(&answer.json()));
        }
        answer.status == 503
    });
    assert!(is_full, "as much waits as may");
    refused(&commit(&node, &looked, ""), 503, "busy");
    assert_eq!(state(&looked), "looked");
    assert_eq!(state(&long), "working", "it was at work all the time");
    remove(&long);
    wait_until(|| state(&long) == "stopped", "it is stopped");
    wait_until(
        || commit(&node, &looked, "").status == 200,
        "it is brought in",
    );
    assert_eq!(state(&looked), "done");
}

#[test]
fn a_withdrawal_does_not_wait_for_the_end_of_a_long_import() {
    let node = node(&[]);
    let hash = pdq(1);
    let item = json!({ "items": [{ "signals": [format!("pdq:{hash}")] }] });
    assert_eq!(
        send(node.at, "POST", "/v1/banks/known/items", &item).status,
        200
    );
    let known = format!("/v1/match?signal=pdq:{hash}");
    wait_until(
        || node.get(&known).action() == Some("block"),
        "it is in force",
    );
    const ALL: u32 = 400_000;
    let begun = node.post("/v1/banks/known/imports?wait=0&commit=true", &list(0..ALL));
    assert_eq!(begun.status, 202, "{}", begun.text());
    let job = job_of(&begun.json());
    let state = || node.get(&format!("/v1/jobs/{job}")).json();
    wait_until(
        || state()["step"] == "working" && items(&node) > 1,
        "it is under way",
    );
    let entry = json!({ "entries": [format!("pdq:{hash}")] });
    let gone = send(node.at, "POST", "/v1/banks/known/withdraw", &entry);
    assert_eq!(
        (gone.status, node.get(&known).action()),
        (200, Some("none"))
    );
    let then = state();
    assert_eq!(then["step"], "working", "the import goes on: {then}");
    wait_until(|| state()["step"] == "done", "it is done");
    assert_eq!(state()["outcome"]["added"], ALL);
    assert_eq!(items(&node), u64::from(ALL));
    // What of it came after the publish for the withdrawal is published too.
    let last = format!("/v1/match?signal=md5:{:032x}", ALL - 1);
    wait_until(
        || node.get(&last).action() == Some("block"),
        "all of it is in force",
    );
}

#[test]
fn an_import_is_stopped_by_its_caller_and_with_the_service() {
    let node = node(&[]);
    const ALL: u32 = 400_000;
    let begin = || {
        let begun = node.post("/v1/banks/known/imports?wait=0&commit=true", &list(0..ALL));
        assert_eq!(begun.status, 202, "{}", begun.text());
        let job = job_of(&begun.json());
        let path = format!("/v1/jobs/{job}");
        wait_until(
            || node.get(&path).json()["step"] == "working",
            "it is under way",
        );
        path
    };
    let path = begin();
    good(&node.connect().send("DELETE", &path, &[], b""));
    wait_until(
        || node.get(&path).json()["step"] == "stopped",
        "it is stopped",
    );
    assert!(items(&node) < u64::from(ALL));
    begin();
    let home = node.folder.path().join("home");
    let id = node.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-TERM", &id])
        .status();
    assert!(killed.expect("kill runs").success());
    wait_until(|| !home.join("curator.json").exists(), "it has ended");
    let lines = record(&home);
    let ends = lines.iter().filter(|line| line["what"] == "import");
    let ends: Vec<&Value> = ends.map(|line| &line["outcome"]).collect();
    assert_eq!(ends, ["stopped", "stopped"]);
}
