//! The paths of Hasher-Matcher-Actioner as its clients call them: what its own tests assert of reading paths, and what
//! its clients send.

#![cfg(feature = "service")]

mod common;
mod service_support;

use common::picture;
use hashgate::bank::{Action, ContentId, Paused, Policy, Share};
use hashgate::hash::{Signal, SignalType};
use serde_json::{Value, json};
use service_support::{Answer, Entries, Node, blank, form, png, publish_to, signal};
use std::path::Path;

const FAR: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
const NEAR: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b00";

fn pdq(seed: u32) -> Signal {
    signal(&png(seed), SignalType::Pdq)
}

fn both(seed: u32) -> Vec<Signal> {
    vec![pdq(seed), signal(&png(seed), SignalType::Md5)]
}

/// Sixteen pictures in a bank, as HMA's walk through a whole day has them.
fn sixteen(folder: &Path) {
    let entries = (1..=16).map(|seed| (u64::from(seed), both(seed))).collect();
    publish_to(
        &folder.join("index"),
        &[Entries::new("TEST_BANK", Action::Block, entries)],
    );
}

/// Three banks with the same hash, one that is off, and one of harmless look-alikes.
fn banks(folder: &Path) {
    let of = |name, action, id| Entries::new(name, action, vec![(id, both(1))]);
    let off = Policy {
        enabled: false,
        ..Policy::new(Action::Block)
    };
    let mut off = Entries {
        policy: off,
        ..of("OFF", Action::Block, 4)
    };
    off.policy.share = Share::ALL;
    let mut paused = of("PAUSED", Action::Review, 6);
    paused.policy.paused = vec![Paused {
        content: ContentId(6),
        until: 4_000_000_000,
    }];
    let banks = [
        of("BANK_1", Action::Block, 1),
        of("BANK_2", Action::Review, 2),
        of("BANK_3", Action::Report, 3),
        off,
        of("HARMLESS", Action::Allow, 5),
        paused,
    ];
    publish_to(&folder.join("index"), &banks);
}

fn lookup(node: &Node, path: &str, hash: &Signal, more: &str) -> Value {
    let kind = match hash.signal_type() {
        SignalType::Md5 => "video_md5",
        other => other.name(),
    };
    let answer = node.get(&format!(
        "{path}?signal={}&signal_type={kind}{more}",
        hash.hex()
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.ends_with(b"\n"));
    answer.json()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let told = answer.json();
    let message = told["message"].as_str().unwrap_or_else(|| panic!("{told}"));
    assert!(message.contains(said), "{message:?} should say {said:?}");
    assert_eq!(told.as_object().expect("an object").len(), 1);
}

#[test]
fn status_tells_of_the_index() {
    let node = Node::start(|_| (), &[]);
    let status = node.get("/status");
    assert_eq!(
        (status.status, status.text()),
        (503, "INDEX-NOT-LOADED".into())
    );
    assert_eq!(node.get("/status/live").text(), "I-AM-ALIVE");
    refused(
        &node.get("/m/lookup?signal_type=pdq&signal=".to_owned().as_str()),
        400,
        "Either url",
    );
    refused(
        &node.get(&format!("/m/lookup?signal_type=pdq&signal={FAR}")),
        503,
        "index not yet ready",
    );
    let not_built = json!({ "built_to": -1, "present": false, "size": 0 });
    assert_eq!(node.get("/m/index/status").json()["pdq"], not_built);
    sixteen(node.folder.path());
    node.wait_ready();
    let status = node.get("/status");
    assert_eq!((status.status, status.text()), (200, "I-AM-ALIVE".into()));
    let root = node.get("/");
    assert_eq!(
        (root.status, root.header("location")),
        (302, Some("/status"))
    );
    let hashes_only = Node::start(|_| (), &["--roles", "hash"]);
    assert_eq!(hashes_only.get("/status").status, 200, "it needs no index");
}

#[test]
fn a_stale_index_is_told_and_the_check_can_be_off() {
    let with = |seconds: u32| {
        Node::start(
            |folder| {
                sixteen(folder);
                let said = format!("[service]\nmax_stale = {seconds}\n");
                std::fs::write(folder.join("service.toml"), said).expect("a file");
            },
            &["--config", "service.toml"],
        )
    };
    let (checked, unchecked) = (with(1), with(0));
    for node in [&checked, &unchecked] {
        node.wait_ready();
        std::fs::write(node.index().join("manifest"), "damaged").expect("written");
    }
    common::wait_until(
        || checked.get("/status").text() == "INDEX-STALE",
        "it is stale",
    );
    assert_eq!(checked.get("/status").status, 503);
    assert_eq!(unchecked.get("/status").status, 200);
}

#[test]
fn the_site_map_and_the_document_name_what_is_served() {
    let node = Node::start(sixteen, &[]);
    let map = node.get("/site-map").json();
    let map: Vec<&str> = map
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(map.is_sorted());
    for path in [
        "/c/bank/<bank_name>",
        "/c/banks",
        "/h/hash",
        "/m/lookup",
        "/m/raw_lookup",
        "/status",
    ] {
        assert!(map.contains(&path), "{path}: {map:?}");
    }
    let document = node.get("/openapi/openapi.json").json();
    assert_eq!(document["info"]["title"], "Open Media Match API");
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), map.len());
    for (path, ways) in paths {
        // Whatever is named is there: no answer is that there is no such path.
        for way in ways.as_object().expect("ways").keys() {
            let path = path.replace("{bank_name}", "TEST_BANK");
            let answer = node.connect().send(&way.to_uppercase(), &path, &[], b"");
            assert!(
                ![404, 405, 500].contains(&answer.status),
                "{way} {path}: {answer:?}"
            );
        }
    }
    let hashes_only = Node::start(|_| (), &["--roles", "hash"]);
    assert!(!hashes_only.get("/site-map").text().contains("/m/"));
    assert_eq!(hashes_only.get("/m/lookup").status, 404);
    assert_eq!(hashes_only.get("/c/banks").status, 404);
}

#[test]
fn a_file_is_hashed_and_looked_up() {
    let node = Node::start(sixteen, &[]);
    let bytes = png(16);
    let hex = |kind| signal(&bytes, kind).hex();
    let photo = node.post_form("/h/hash", &[("photo", Some("x"), &bytes)]);
    assert_eq!(
        (photo.status, photo.json()),
        (200, json!({ "pdq": hex(SignalType::Pdq) }))
    );
    let video = node.post_form("/h/hash", &[("video", Some("x"), &bytes)]);
    assert_eq!(video.json(), json!({ "video_md5": hex(SignalType::Md5) }));
    let any = node.post_form("/h/hash", &[("video", Some("x"), b"anything")]);
    assert_eq!(any.status, 200);
    let more = node.post_form(
        "/h/hash?types=pdq,video_md5,sha256",
        &[("photo", Some("x"), &bytes)],
    );
    let told = more.json();
    assert_eq!(told["sha256"], hex(SignalType::Sha256));
    assert_eq!(told["video_md5"], hex(SignalType::Md5));

    let hash = signal(&bytes, SignalType::Pdq);
    let found = json!({ "TEST_BANK": [{ "bank_content_id": 16, "distance": "0" }] });
    assert_eq!(lookup(&node, "/m/lookup", &hash, ""), found);
    assert_eq!(
        lookup(&node, "//m//lookup", &hash, ""),
        found,
        "two slashes are one"
    );
    let capital = node.get(&format!(
        "/m/lookup?signal_type=pdq&signal={}",
        hash.hex().to_uppercase()
    ));
    assert_eq!(capital.json(), found);
    assert_eq!(lookup(&node, "/m/lookup", &pdq(77), ""), json!({}));
    let file = node.post_form("/m/lookup", &[("photo", Some("x"), &bytes)]);
    assert_eq!(file.json(), json!({ "pdq": found }));
    let file = node.post_form("/m/lookup", &[("video", Some("x"), &bytes)]);
    let exact = json!({ "TEST_BANK": [{ "bank_content_id": 16, "distance": "-" }] });
    assert_eq!(file.json(), json!({ "video_md5": exact }));
    let none = node.post_form("/m/lookup", &[("photo", Some("x"), &png(77))]);
    assert_eq!(none.json(), json!({ "pdq": {} }));
    // Every type that is hashed is looked up too.
    for (kind, value) in told.as_object().expect("an object") {
        let value = value.as_str().expect("every value is a text");
        let answer = node.get(&format!("/m/lookup?signal_type={kind}&signal={value}"));
        assert_eq!(answer.status, 200, "{kind}");
    }
    let status = node.get("/m/index/status?signal_type=pdq").json();
    assert_eq!(
        (&status["pdq"]["present"], &status["pdq"]["size"]),
        (&json!(true), &json!(16))
    );
    assert!(
        status["pdq"]["built_to"]
            .as_u64()
            .is_some_and(|at| at > 1_700_000_000)
    );
}

#[test]
fn a_changed_copy_has_its_distance_as_a_text() {
    let node = Node::start(sixteen, &[]);
    let mut near = pdq(3).as_pdq().expect("a PDQ hash");
    near.0[31] ^= 0x1f;
    near.0[0] ^= 0xff;
    let hit = lookup(&node, "/m/lookup", &near.into(), "");
    assert_eq!(
        hit,
        json!({ "TEST_BANK": [{ "bank_content_id": 3, "distance": "13" }] })
    );
    near.0[8] ^= 0xff;
    near.0[9] ^= 0xff;
    near.0[10] ^= 0x03;
    let hit = lookup(&node, "/m/lookup", &near.into(), "");
    assert_eq!(hit["TEST_BANK"][0]["distance"], "31");
    near.0[11] ^= 0x01;
    assert_eq!(
        lookup(&node, "/m/lookup", &near.into(), ""),
        json!({}),
        "32 bits are too many"
    );
}

#[test]
fn raw_lookups_know_no_ratio_and_have_a_filter_of_banks() {
    let node = Node::start(banks, &[]);
    let hash = pdq(1);
    let ids = |more: &str| lookup(&node, "/m/raw_lookup", &hash, more)["matches"].clone();
    assert_eq!(ids(""), json!([1, 2, 3, 4, 6]));
    for yes in ["true", "True", "1"] {
        let with = ids(&format!("&include_distance={yes}&banks=BANK_1,BANK_3"));
        let one = |id: u64| json!({ "bank_content_id": id, "distance": "0" });
        assert_eq!(with, json!([one(1), one(3)]));
    }
    assert_eq!(ids("&banks=BANK_2"), json!([2]));
    assert_eq!(ids("&banks=BANK_2,NOBODY"), json!([2]));
    assert_eq!(ids("&banks=NOBODY"), json!([]));
    assert_eq!(ids("&banks=HARMLESS"), json!([5]), "only where it is named");
    let md5 = signal(&png(1), SignalType::Md5);
    let with = lookup(
        &node,
        "/m/raw_lookup",
        &md5,
        "&include_distance=true&banks=BANK_1",
    );
    assert_eq!(
        with["matches"],
        json!([{ "bank_content_id": 1, "distance": "-" }])
    );
}

#[test]
fn lookups_keep_to_the_banks_ratio_and_filter() {
    let node = Node::start(banks, &[]);
    let hash = pdq(1);
    let names = |more: &str| {
        let told = lookup(&node, "/m/lookup", &hash, more);
        let told = told.as_object().expect("an object");
        told.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["BANK_1", "BANK_2", "BANK_3"]);
    assert_eq!(names("&seed=5"), ["BANK_1", "BANK_2", "BANK_3"]);
    assert_eq!(
        names("&bypass_coinflip=true"),
        ["BANK_1", "BANK_2", "BANK_3", "OFF"]
    );
    assert_eq!(names("&banks=BANK_2,BANK_3"), ["BANK_2", "BANK_3"]);
    assert_eq!(names("&banks=NOBODY"), [""; 0]);
    assert_eq!(names("&banks=HARMLESS"), ["HARMLESS"]);
    let file = node.post_form(
        "/m/lookup?banks=BANK_1&bypass_coinflip=true",
        &[("photo", Some("x"), &png(1))],
    );
    let found = json!({ "BANK_1": [{ "bank_content_id": 1, "distance": "0" }] });
    assert_eq!(file.json(), json!({ "pdq": found }));
}

#[test]
fn a_share_of_the_questions_meets_a_bank_by_its_seed() {
    let node = Node::start(
        |folder| {
            let mut bank = Entries::new("HALF", Action::Block, vec![(1, both(1))]);
            bank.policy.share = Share::from_percent(50.0).expect("a share");
            publish_to(&folder.join("index"), &[bank]);
        },
        &[],
    );
    let met = |seed: u32| {
        let told = lookup(&node, "/m/lookup", &pdq(1), &format!("&seed={seed}"));
        told.as_object()
            .is_some_and(|banks| banks.contains_key("HALF"))
    };
    let all: Vec<bool> = (0..64).map(met).collect();
    let count = all.iter().filter(|met| **met).count();
    assert!((12..=52).contains(&count), "{count} of 64");
    assert_eq!(
        all,
        (0..64).map(met).collect::<Vec<_>>(),
        "a seed says the same again"
    );
    assert_eq!(
        node.get("/c/banks").json(),
        json!([{ "matching_enabled_ratio": 0.5, "name": "HALF" }])
    );
}

#[test]
fn hashes_are_compared() {
    let node = Node::start(|_| (), &["--roles", "match"]);
    let answer = node.post_json("/m/compare", &json!({ "pdq": [FAR, NEAR] }));
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "pdq": [true, { "distance": 2 }] }))
    );
    let other = "0".repeat(64);
    let answer = node.post_json("/m/compare", &json!({ "pdq": [FAR, other] }));
    assert_eq!(answer.json()["pdq"][0], false);
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    let answer = node.post_json(
        "/m/compare",
        &json!({ "video_md5": [md5, md5.to_uppercase()] }),
    );
    assert_eq!(answer.json(), json!({ "video_md5": [true, {}] }));
    for (body, said) in [
        (json!([FAR]), "object"),
        (json!({ "pdq": FAR }), "was not a list"),
        (json!({ "pdq": [FAR] }), "exactly 2"),
        (json!({ "crc": [FAR, FAR] }), "crc"),
        (json!({ "pdq": [FAR, "12"] }), "Invalid pdq hash"),
    ] {
        refused(&node.post_json("/m/compare", &body), 400, said);
    }
    refused(&node.post("/m/compare", b"{}"), 415, "application/json");
    let long = "z".repeat(60_000);
    for answer in [
        node.post_json("/m/compare", &json!({ &*long: [FAR, FAR] })),
        node.post_json("/m/compare", &json!({ "pdq": [FAR, long] })),
        node.get(&format!(
            "/m/lookup?signal=1&signal_type={}",
            &long[..2_000]
        )),
    ] {
        refused(&answer, 400, "z");
        assert!(answer.body.len() < 1_000, "{answer:?}");
    }
    let large = json!({ "pdq": [FAR, "z".repeat(1 << 20)] });
    refused(&node.post_json("/m/compare", &large), 413, "limit on JSON");
}

#[test]
fn who_brings_no_key_may_not_look_up_a_file_and_is_asked_for_one() {
    let node = Node::start(
        |folder| {
            sixteen(folder);
            let said = "[service]\nkeys = \"keys.json\"\nanonymous = [\"match\"]\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
            let made = std::process::Command::new(env!("CARGO_BIN_EXE_hashgate"))
                .current_dir(folder)
                .env("HASHGATE_HOME", folder.join("home"))
                .args(["key", "create", "one", "--keys", "keys.json"])
                .args(["--scopes", "match"])
                .output()
                .expect("a key");
            assert!(made.status.success(), "{made:?}");
            let key = String::from_utf8_lossy(&made.stdout).trim().to_owned();
            std::fs::write(folder.join("one.key"), key).expect("a file");
        },
        &["--config", "service.toml"],
    );
    let (kind, body) = form(&[("photo", Some("x"), &png(1))]);
    let kind = ("Content-Type", &*kind);
    let answer = node.connect().send("POST", "/m/lookup", &[kind], &body);
    refused(&answer, 401, "Authentication required");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    let key = std::fs::read_to_string(node.folder.path().join("one.key")).expect("a key");
    let key = format!("Bearer {key}");
    let headers = [kind, ("Authorization", &*key)];
    let answer = node.connect().send("POST", "/m/lookup", &headers, &body);
    refused(&answer, 403, "Hashing is disabled, missing role");
}

#[test]
fn banks_are_read_and_nothing_else_of_a_curator_is_there() {
    let node = Node::start(banks, &[]);
    let bank = |name: &str, ratio: f64| json!({ "matching_enabled_ratio": ratio, "name": name });
    let all = node.get("//c/banks").json();
    assert_eq!(all[0], bank("BANK_1", 1.0));
    assert_eq!(all[3], bank("OFF", 0.0));
    assert_eq!(node.get("/c/bank/BANK_2").json(), bank("BANK_2", 1.0));
    refused(&node.get("/c/bank/NOBODY"), 404, "bank 'NOBODY' not found");
    refused(&node.get("/c/bank/%ff"), 400, "UTF-8");
    let names = |path: &str| {
        let told = node.get(path).json();
        let told = told.as_array().expect("a list").iter();
        told.map(|one| one["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("/c/signal_type"), ["pdq", "video_md5"]);
    assert_eq!(names("/c/content_type"), ["photo", "video"]);
    let index = node.get("/c/signal_type/index").json();
    assert_eq!(
        (
            &index["pdq"]["index_size"],
            &index["pdq"]["index_out_of_date"]
        ),
        (&json!(1), &json!(false))
    );
    // Never 404: a client forgets its own bank then. Never 5xx: it would try again.
    for (method, path) in [
        ("POST", "/c/banks"),
        ("PUT", "/c/bank/BANK_1"),
        ("DELETE", "/c/bank/BANK_1"),
        ("POST", "/c/bank/BANK_1/content"),
        ("POST", "/c/bank/BANK_1/signal"),
        ("GET", "/c/bank/BANK_1/content/1"),
        ("PUT", "/c/bank/BANK_1/content/1"),
        ("GET", "/c/exchanges"),
        ("POST", "/c/exchanges"),
        ("GET", "/c/exchanges/apis"),
        ("GET", "/c/exchange/X/status"),
        ("PUT", "/c/signal_type/pdq"),
    ] {
        let answer = node.connect().send(method, path, &[], b"{}");
        refused(&answer, 403, "missing role");
    }
    let empty = Node::start(|_| (), &[]);
    refused(&empty.get("/c/bank/BANK_1"), 503, "no index");
}

#[test]
fn what_cannot_be_asked_says_what_hma_says() {
    let node = Node::start(sixteen, &[]);
    let missing = node.get("/h/hash");
    assert_eq!(missing.status, 422);
    assert_eq!(missing.json()[0]["type"], "missing");
    assert_eq!(missing.json()[0]["loc"], json!(["url"]));
    for address in [
        "http://169.254.169.254/",
        "https://example.org/a.jpg",
        "file:///etc/passwd",
    ] {
        refused(
            &node.get(&format!("/h/hash?url={address}")),
            400,
            "Invalid or unsafe URL",
        );
        refused(
            &node.get(&format!("/m/lookup?url={address}")),
            400,
            "Invalid or unsafe URL",
        );
    }
    for path in [
        "/m/raw_lookup",
        "/m/raw_lookup?signal=1",
        "/m/raw_lookup?signal_type=pdq",
    ] {
        assert_eq!(node.get(path).status, 422, "{path}");
    }
    let no_flag = format!("/m/raw_lookup?signal={FAR}&signal_type=pdq&include_distance=maybe");
    assert_eq!(node.get(&no_flag).status, 422);
    for (path, said) in [
        (
            "/m/raw_lookup?signal=1&signal_type=crc",
            "No such SignalType 'crc'",
        ),
        (
            "/m/raw_lookup?signal=1&signal_type=pdq",
            "invalid signal: invalid PDQ hash",
        ),
        (
            "/m/raw_lookup?signal=&signal_type=pdq",
            "invalid signal: invalid PDQ hash",
        ),
        (
            "/m/lookup",
            "Either url or both signal and signal_type are required",
        ),
        (
            "/m/lookup?signal=&signal_type=pdq",
            "Either url or both signal and signal_type are required",
        ),
        (
            "/m/lookup?signal=zz&signal_type=video_md5",
            "invalid signal",
        ),
        (
            "/m/index/status?signal_type=crc",
            "No such signal type 'crc'",
        ),
    ] {
        refused(&node.get(path), 400, said);
    }
    let upload = png(1);
    let file = |name| (name, Some("x"), &upload[..]);
    for (parts, query, said) in [
        (&[][..], "", "Missing multipart/form-data file upload"),
        (
            &[("photo", None, &b"x"[..])][..],
            "",
            "Missing multipart/form-data file upload",
        ),
        (
            &[file("photo"), file("video")],
            "",
            "Only one file allowed per request",
        ),
        (
            &[file("photo"), file("photo")],
            "",
            "Only one file allowed per request",
        ),
        (&[file("file")], "", "no such content_type: 'file'"),
        (
            &[file("photo")],
            "?types=crc",
            "signal type 'crc' doesn't exist or is disabled",
        ),
        (
            &[file("video")],
            "?types=pdq",
            "signal type 'pdq' doesn't exist or is disabled",
        ),
        (&[file("photo")], "?types=,", "empty signal type selection"),
    ] {
        refused(
            &node.post_form(&format!("/h/hash{query}"), parts),
            400,
            said,
        );
    }
    refused(&node.post("/h/hash", &upload), 400, "Missing multipart");
    let (kind, body) = form(&[file("photo")]);
    let only_match = Node::start(sixteen, &["--roles", "match"]);
    let no_hasher =
        only_match
            .connect()
            .send("POST", "/m/lookup", &[("Content-Type", &kind)], &body);
    refused(&no_hasher, 403, "Hashing is disabled, missing role");
    refused(
        &only_match.get("/m/lookup?url=http://a.example/b"),
        403,
        "missing role",
    );
}

#[test]
fn a_picture_with_too_little_in_it_is_an_empty_text_and_never_no_match() {
    let node = Node::start(sixteen, &[]);
    let parts = [("photo", Some("x"), &blank()[..])];
    let hashed = node.post_form("/h/hash", &parts);
    assert_eq!((hashed.status, hashed.json()), (200, json!({ "pdq": "" })));
    refused(
        &node.post_form("/m/lookup", &parts),
        400,
        "invalid signal: invalid PDQ hash",
    );
    let broken = &png(1)[..700];
    for path in ["/h/hash", "/m/lookup"] {
        refused(
            &node.post_form(path, &[("photo", Some("x"), broken)]),
            400,
            "could not be computed",
        );
        refused(
            &node.post_form(path, &[("photo", Some("x"), b"text")]),
            400,
            "could not be computed",
        );
    }
}

#[test]
fn clients_that_break_on_hmas_words_have_settings() {
    let node = Node::start(
        |folder| {
            sixteen(folder);
            let said = "[service]\nhma_exact_distance = \"0\"\nhma_low_quality = \"omit\"\nhma_photo_types = [\"pdq\", \"md5\"]\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
        },
        &["--config", "service.toml"],
    );
    let parts = [("photo", Some("x"), &blank()[..])];
    let md5 = signal(&blank(), SignalType::Md5).hex();
    let hashed = node.post_form("/h/hash", &parts).json();
    assert_eq!(hashed, json!({ "md5": md5 }));
    assert_eq!(
        node.post_form("/h/hash?types=pdq", &parts).json(),
        json!({})
    );
    let both = node.post_form("/h/hash?types=pdq,video_md5", &parts).json();
    let both = both.as_object().expect("an object");
    assert_eq!(both.keys().collect::<Vec<_>>(), ["video_md5"]);
    // The other type's "no match" would read as that of the picture.
    for path in ["/m/lookup", "/m/lookup?types=pdq,video_md5"] {
        refused(
            &node.post_form(path, &parts),
            400,
            "invalid signal: invalid PDQ hash",
        );
    }
    let md5 = signal(&png(2), SignalType::Md5);
    let found = lookup(&node, "/m/lookup", &md5, "");
    assert_eq!(
        found,
        json!({ "TEST_BANK": [{ "bank_content_id": 2, "distance": "0" }] })
    );
}

#[test]
fn many_entries_with_one_hash_are_bounded() {
    let node = Node::start(
        |folder| {
            let one = vec![pdq(1)];
            let many = (1..=3_000).map(|id| (id, one.clone())).collect();
            let few = vec![(9_001, one.clone())];
            let banks = [
                Entries::new("MANY", Action::Block, many),
                Entries::new("FEW", Action::Block, few),
            ];
            publish_to(&folder.join("index"), &banks);
        },
        &[],
    );
    let told = lookup(&node, "/m/lookup", &pdq(1), "");
    assert_eq!(told["MANY"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(told["FEW"].as_array().map(Vec::len), Some(1));
    // A picture of other sides has another hash, and is no reason to fail.
    let other = service_support::png_of(&picture(1, 200, 333));
    assert_eq!(
        node.post_form("/m/lookup", &[("photo", Some("x"), &other)])
            .status,
        200
    );
}
