//! Notes and metadata of entries on HMA's paths: kept, shown, changed, deleted, and told to no log.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use curator_support::{
    bank, command, create, curator, delete, is, message, pdq, post, program, put, raw, send,
};
use hashgate::hash::SignalType;
use serde_json::{Value, json};
use service_support::{Answer, Node, png, signal};

const CONTENT: &str = "/c/bank/TEST_BANK/content";

/// Adds a picture with these fields beside it.
fn add(node: &Node, seed: u32, fields: &[(&str, &str)]) -> Answer {
    let picture = png(seed);
    let mut parts = vec![("photo", Some("x"), &picture[..])];
    let fields = fields.iter();
    parts.extend(fields.map(|(name, text)| (*name, None, text.as_bytes())));
    node.post_form(CONTENT, &parts)
}

fn entry(node: &Node, id: u64, query: &str) -> Value {
    let shown = node.get(&format!("{CONTENT}/{id}{query}"));
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.json()
}

#[test]
fn a_note_is_added_shown_changed_and_cleared_as_in_hma() {
    let node = curator(&[]);
    create(&node, "TEST_BANK");
    assert_eq!(add(&node, 1, &[("note", "Reported by user X")]).status, 200);
    assert_eq!(add(&node, 2, &[]).status, 200);
    assert_eq!(entry(&node, 1, "")["note"], "Reported by user X");
    assert_eq!(
        entry(&node, 1, "?include_metadata=false")["note"],
        "Reported by user X"
    );
    assert_eq!(
        entry(&node, 2, "").get("note"),
        None,
        "what is not there is left out"
    );
    let path = format!("{CONTENT}/2");
    for note in ["Initial note", "Updated note"] {
        let changed = put(&node, &path, json!({ "note": note }));
        assert_eq!(
            (changed.status, &changed.json()["note"]),
            (200, &json!(note))
        );
        assert_eq!(entry(&node, 2, "")["note"], note);
    }
    put(&node, &path, json!({ "disable_until_ts": 0 }));
    assert_eq!(
        entry(&node, 2, "")["note"],
        "Updated note",
        "what is not named stays"
    );
    for nothing in [json!(""), json!(null)] {
        put(&node, &path, json!({ "note": "again" }));
        let cleared = put(&node, &path, json!({ "note": nothing }));
        assert_eq!(
            (cleared.status, &cleared.json()["note"]),
            (200, &Value::Null)
        );
        assert_eq!(entry(&node, 2, "").get("note"), None);
    }
    let long = "x".repeat(256);
    let said = message("note must be at most 255 characters");
    is(&add(&node, 3, &[("note", &long)]), 400, said.clone());
    is(
        &put(&node, &path, json!({ "note": long })),
        400,
        said.clone(),
    );
    is(
        &put(&node, &path, json!({ "note": 7 })),
        400,
        message("note should be a string"),
    );
    let zero = "0".repeat(64);
    let of_hash = |note: &str| {
        post(
            &node,
            "/c/bank/TEST_BANK/signal",
            json!({ "pdq": zero, "note": note }),
        )
    };
    is(&of_hash(&long), 400, said);
    let added = of_hash("Hash from campaign ABC");
    is(&added, 200, json!({ "id": 3, "signals": { "pdq": zero } }));
    assert_eq!(entry(&node, 3, "")["note"], "Hash from campaign ABC");
    assert_eq!(of_hash("é".repeat(255).as_str()).status, 200);
    assert_eq!(
        entry(&node, 3, "")["note"],
        "é".repeat(255),
        "the same entry, and what is said now"
    );
}

#[test]
fn metadata_comes_back_as_it_was_given() {
    let node = curator(&[]);
    create(&node, "TEST_BANK");
    let given = json!({
        "content_id": "ext-id-123",
        "content_uri": "https://example.com/item/123",
        "json": { "source": "test", "nested": { "key": "value" } },
    });
    assert_eq!(
        add(&node, 1, &[("metadata", &given.to_string())]).status,
        200
    );
    let mut shown = given.clone();
    shown["collab"] = Value::Null;
    assert_eq!(entry(&node, 1, "")["metadata"], shown);
    assert_eq!(
        entry(&node, 1, "?include_metadata=false").get("metadata"),
        None
    );
    assert_eq!(add(&node, 2, &[]).status, 200);
    assert_eq!(
        entry(&node, 2, "").get("metadata"),
        None,
        "what is not there is left out"
    );
    let changed = put(&node, &format!("{CONTENT}/1"), json!({ "note": "a" }));
    assert_eq!(
        changed.json()["user_metadata"],
        given,
        "and a change keeps it"
    );
    // What is not said is null; who shares an entry is not said by its owner.
    let other = r#"{"content_id": "1197433091", "collab": {"X": ["y"]}}"#;
    assert_eq!(add(&node, 2, &[("metadata", other)]).status, 200);
    let want =
        json!({ "collab": null, "content_id": "1197433091", "content_uri": null, "json": null });
    assert_eq!(entry(&node, 2, "")["metadata"], want);
    // As one client sends them.
    assert_eq!(
        add(&node, 3, &[("content_id", "a"), ("content_uri", "b")]).status,
        200
    );
    let want = json!({ "collab": null, "content_id": "a", "content_uri": "b", "json": null });
    assert_eq!(entry(&node, 3, "")["metadata"], want);
    for (bad, said) in [
        (r#"{"invalid_metadata": 5}"#, "Invalid metadata"),
        (r#"{"content_id": 5}"#, "Invalid metadata"),
        ("[]", "metadata should be a json object"),
        ("{", "metadata form field must be valid JSON"),
    ] {
        let refused = add(&node, 4, &[("metadata", bad)]);
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.text().contains(said), "{refused:?}");
    }
    // With an address too, though none is fetched.
    let body = json!({ "metadata": { "invalid_metadata": 5 } });
    let refused = post(&node, &format!("{CONTENT}?url=http://127.0.0.1/x"), body);
    assert!(refused.text().contains("Invalid metadata"), "{refused:?}");
    let long = "u".repeat(17_000);
    assert_eq!(add(&node, 4, &[("content_uri", &long)]).status, 400);
    let many = json!({ "content_id": "u".repeat(9_000), "content_uri": "u".repeat(7_500) });
    let refused = add(&node, 4, &[("metadata", &many.to_string())]);
    assert_eq!(
        (refused.status, entry(&node, 3, "")["id"].clone()),
        (400, json!(3))
    );
    assert_eq!(
        node.get(&format!("{CONTENT}/4")).status,
        404,
        "nothing was added"
    );
}

#[test]
fn they_outlive_the_node_and_are_gone_with_the_entry_and_the_bank() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let run = || {
        let other = tempfile::tempdir().expect("a folder");
        Node::run(other, command(&path, &[]))
    };
    let node = run();
    create(&node, "TEST_BANK");
    for seed in 1..=2 {
        assert_eq!(add(&node, seed, &[("note", "of old")]).status, 200);
    }
    assert_eq!(node.stop(), 0);
    let audit = |format: &str| {
        let arguments = ["audit", "1", "--format", format];
        let told = program(&path).args(arguments).output().expect("it runs");
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    assert!(
        audit("text").contains("  note: of old"),
        "{}",
        audit("text")
    );
    let told: Value = serde_json::from_str(&audit("jsonl")).expect("JSON");
    assert_eq!(told["remarks"], json!({ "note": "of old" }));
    let node = run();
    assert_eq!(entry(&node, 1, "")["note"], "of old");
    delete(&node, &format!("{CONTENT}/1"));
    assert_eq!(add(&node, 1, &[]).json()["id"], 3);
    assert_eq!(entry(&node, 3, "").get("note"), None, "it is another entry");
    delete(&node, "/c/bank/TEST_BANK");
    assert_eq!(node.stop(), 0);
    let store = hashgate::store::BankStore::open(path.join("home/store")).expect("the store");
    for id in 1..=3 {
        let left = store.remarks(hashgate::bank::ContentId(id)).expect("read");
        assert_eq!(left, hashgate::store::Remarks::default());
    }
}

#[test]
fn no_log_and_no_index_has_a_word_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).expect("a file");
    let mut command = command(folder.path(), &["-vvv"]);
    command.stderr(file);
    let node = Node::run(folder, command);
    create(&node, "TEST_BANK");
    let word = "zebra-crossing";
    let metadata = json!({ "content_uri": word, "json": { "a": word } }).to_string();
    assert_eq!(
        add(&node, 1, &[("note", word), ("metadata", &metadata)]).status,
        200
    );
    put(&node, &format!("{CONTENT}/1"), json!({ "note": word }));
    common::wait_until(
        || raw(&node, &pdq(1)) == json!({ "matches": [1] }),
        "it is published",
    );
    let folder = node.folder.path().to_owned();
    let text = String::from_utf8_lossy(&std::fs::read(log).expect("a log")).into_owned();
    assert!(text.contains("change entry"), "the log is one: {text}");
    assert!(!text.contains(word), "{text}");
    let mut files = vec![
        folder.join("home/curation.jsonl"),
        folder.join("home/published.jsonl"),
    ];
    let mut folders = vec![folder.join("home/index")];
    while let Some(one) = folders.pop() {
        for entry in std::fs::read_dir(one).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(files.len() > 4, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        let has = bytes
            .windows(word.len())
            .any(|part| part == word.as_bytes());
        assert!(!has, "{}", file.display());
    }
}

#[test]
fn a_client_that_sends_any_metadata_can_be_let() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = "[service]\nhma_metadata = \"any\"\n";
    std::fs::write(folder.path().join("service.toml"), said).expect("a file");
    let command = command(folder.path(), &["--config", "service.toml"]);
    let node = Node::run(folder, command);
    create(&node, "TEST_BANK");
    let given = r#"{"invalid_metadata": 5, "content_id": "a"}"#;
    assert_eq!(add(&node, 1, &[("metadata", given)]).status, 200);
    let want = json!({ "collab": null, "content_id": "a", "content_uri": null, "json": { "invalid_metadata": 5 } });
    assert_eq!(entry(&node, 1, "")["metadata"], want);
}

#[test]
fn a_time_in_the_past_is_kept_as_it_was_said() {
    let node = curator(&[]);
    create(&node, "TEST_BANK");
    assert_eq!(add(&node, 1, &[]).status, 200);
    let path = format!("{CONTENT}/1");
    let set = |until: u64| {
        let changed = put(&node, &path, json!({ "disable_until_ts": until }));
        assert_eq!(changed.status, 200, "{changed:?}");
        let shown = entry(&node, 1, "")["disable_until_ts"].clone();
        assert_eq!(changed.json()["disable_until_ts"], shown);
        shown
    };
    for until in [1_700_000_000, 0, 5, 1] {
        assert_eq!(set(until), json!(until));
    }
}

#[test]
fn a_time_for_which_there_is_no_room_leaves_what_is_disabled_for_good_so() {
    let node = curator(&[]);
    create(&node, "TEST_BANK");
    let soon = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("a time")
        .as_secs()
        + 86_400;
    let mut entries = Vec::new();
    for first in [0, 1_000] {
        let signals = (first..first + 1_000).map(|number: u32| format!("md5:{number:032x}"));
        let items: Vec<Value> = signals.map(|one| json!({ "signals": [one] })).collect();
        let added = post(
            &node,
            "/v1/banks/TEST_BANK/items",
            json!({ "items": items }),
        );
        assert_eq!(added.status, 200, "{added:?}");
        let ids = added.json()["ids"].as_array().expect("numbers").clone();
        entries.extend(ids.iter().map(ToString::to_string));
    }
    // As many as may be are out until a time.
    for out in [&entries[..1_000], &entries[1_000..1_024]] {
        let body = json!({ "entries": out, "until": soon });
        let out = post(&node, "/v1/banks/TEST_BANK/withdraw", body);
        assert_eq!(out.status, 200, "{out:?}");
    }
    let path = format!("{CONTENT}/{}", entries[1_100]);
    let off = json!({ "disable_until_ts": 0, "note": "for good" });
    assert_eq!(put(&node, &path, off).status, 200);
    let shown = node.get(&path).json();
    assert_eq!(
        (&shown["disable_until_ts"], &shown["note"]),
        (&json!(0), &json!("for good"))
    );
    let refused = put(
        &node,
        &path,
        json!({ "disable_until_ts": soon, "note": "for a day" }),
    );
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.text().contains("1024"), "{refused:?}");
    assert_eq!(node.get(&path).json(), shown, "nothing is changed");
    // Where there is room it takes the other's place, and no time to come is told once it is undone.
    assert_eq!(
        put(
            &node,
            &format!("{CONTENT}/{}", entries[0]),
            json!({ "disable_until_ts": 1 })
        )
        .status,
        200
    );
    let until = put(&node, &path, json!({ "disable_until_ts": soon }));
    assert_eq!(
        (until.status, until.json()["disable_until_ts"].clone()),
        (200, json!(soon))
    );
    let body = json!({ "entries": [entries[1_100]] });
    assert_eq!(
        post(&node, "/v1/banks/TEST_BANK/reinstate", body).status,
        200
    );
    assert_eq!(node.get(&path).json()["disable_until_ts"], json!(1));
}

#[test]
fn names_are_as_long_as_there() {
    let node = curator(&[]);
    for name in ["_BANK".to_owned(), "A".repeat(255)] {
        let made = send(node.at, "POST", "/c/banks", &json!({ "name": name }));
        is(&made, 201, bank(&name, 1.0));
        let hash = pdq(7);
        let added = post(
            &node,
            &format!("/c/bank/{name}/signal"),
            json!({ "pdq": hash }),
        );
        assert_eq!(added.status, 200, "{added:?}");
        let hit = || {
            let path = format!("/m/lookup?signal_type=pdq&signal={hash}&banks={name}");
            node.get(&path).json().get(&name).is_some()
        };
        common::wait_until(hit, "it matches");
    }
    let refused = post(&node, "/c/banks", json!({ "name": "A".repeat(256) }));
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("255 characters"), "{refused:?}");
    let md5 = signal(&png(1), SignalType::Md5).hex();
    let added = post(&node, "/c/bank/_BANK/signal", json!({ "video_md5": md5 }));
    assert_eq!(added.status, 200);
}
