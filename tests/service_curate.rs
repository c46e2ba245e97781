//! What a node that keeps banks does to them over HTTP, on HMA's paths.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::wait_until;
use curator_support::{
    add, bank, create, curator, delete, is, lookup, message, pdq, post, put, raw,
};
use hashgate::hash::SignalType;
use serde_json::json;
use service_support::{Answer, blank, png, signal};

const YEAR: u64 = 365 * 86_400;

#[test]
fn banks_are_made_changed_and_deleted_as_in_hma() {
    let node = curator(&[]);
    is(&node.get("/c/banks"), 200, json!([]));
    for name in ["01_BANK", "my_bank", "", "A-B"] {
        let said = message("Bank names must be UPPER_WITH_UNDERSCORE");
        is(&post(&node, "/c/banks", json!({ "name": name })), 400, said);
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
    assert_eq!(
        node.get("/c/nothing").status,
        403,
        "never 404: clients forget theirs"
    );
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
        &post(&node, signal, json!({ "pdq": pdq(1), "metadata": {} })),
        400,
        "No such signal type metadata",
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
