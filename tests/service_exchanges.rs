//! Exchanges on HMA's paths, and the switches of kinds of hash.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod service_support;

use common::wait_until;
use curator_support::{
    add, bank, command, create, curator, delete, is, lookup, message, pdq, post, program, put, raw,
    record,
};
use serde_json::{Value, json};
use service_support::{Client, Node, png};
use std::os::unix::fs::PermissionsExt;

/// An example of HMA's.
const SAMPLE: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";

fn sample(node: &Node, name: &str) {
    let made = post(
        node,
        "/c/exchanges",
        json!({ "bank": name, "api": "sample", "api_json": {} }),
    );
    is(&made, 201, message("Created successfully"));
}

fn status(node: &Node, name: &str) -> Value {
    node.get(&format!("/c/exchange/{name}/status")).json()
}

#[test]
fn the_sample_exchange_is_fetched_into_its_bank_and_matches() {
    let node = curator(&[]);
    is(&node.get("/c/exchanges"), 200, json!([]));
    is(
        &node.get("/c/exchanges/apis"),
        200,
        json!([
            "sample",
            "ncmec",
            "stop_ncii",
            "fb_threatexchange",
            "tat",
            "bundle"
        ]),
    );
    sample(&node, "SAMPLE");
    is(&node.get("/c/exchanges"), 200, json!(["SAMPLE"]));
    let config = json!({ "name": "SAMPLE", "api": "sample", "enabled": true });
    is(&node.get("/c/exchange/SAMPLE"), 200, config);
    is(&node.get("/c/banks"), 200, json!([bank("SAMPLE", 1.0)]));
    wait_until(
        || status(&node, "SAMPLE")["up_to_date"] == true,
        "it is fetched",
    );
    let mut told = status(&node, "SAMPLE");
    let at = told["last_fetch_complete_ts"].take();
    assert!(at.as_u64().is_some_and(|at| at > 1_700_000_000), "{at}");
    let want = json!({
        "checkpoint_ts": null, "fetched_items": 18, "last_fetch_complete_ts": null, "last_fetch_succeeded": true,
        "running_fetch_start_ts": null, "up_to_date": true,
    });
    assert_eq!(told, want);
    wait_until(
        || !lookup(&node, SAMPLE).as_object().expect("banks").is_empty(),
        "it matches",
    );
    let found = lookup(&node, SAMPLE);
    assert_eq!(
        found.as_object().expect("banks").keys().collect::<Vec<_>>(),
        ["SAMPLE"]
    );
    let path = format!("/m/raw_lookup?signal_type=pdq&signal={SAMPLE}");
    let count = |answer: Value| answer["matches"].as_array().map(Vec::len);
    let plain = count(node.get(&path).json());
    assert!(plain > Some(1), "{plain:?}");
    assert_eq!(
        count(node.get(&format!("{path}&include_distance=true")).json()),
        plain
    );
    let md5 = "/m/lookup?signal_type=video_md5&signal=cab08b36195edb1a1231d2d09fa450e0";
    assert!(node.get(md5).json().get("SAMPLE").is_some());

    // An entry says by which name the exchange knows it, and keeps what people wrote.
    let id = found["SAMPLE"][0]["bank_content_id"].clone();
    let entry = format!("/c/bank/SAMPLE/content/{id}");
    let metadata = json!({ "collab": { "SAMPLE": ["pdq-1"] }, "content_id": null, "content_uri": null, "json": null });
    assert_eq!(node.get(&entry).json()["metadata"], metadata);
    let changed = put(&node, &entry, json!({ "note": "ours" }));
    assert_eq!(
        changed.json()["collab_metadata"],
        json!({ "SAMPLE": ["pdq-1"] })
    );

    // Whether it is fetched, and its end.
    let off = put(&node, "/c/exchange/SAMPLE", json!({ "enabled": "false" }));
    is(
        &off,
        200,
        json!({ "name": "SAMPLE", "api": "sample", "enabled": false }),
    );
    is(
        &put(&node, "/c/exchange/NONE", json!({ "enabled": true })),
        404,
        message("Exchange 'NONE' not found"),
    );
    assert_eq!(
        put(&node, "/c/exchange/SAMPLE", json!({ "enabled": 7 })).status,
        422
    );
    for _ in 0..2 {
        is(
            &delete(&node, "/c/exchange/SAMPLE"),
            200,
            message("Exchange deleted"),
        );
    }
    assert_eq!(lookup(&node, SAMPLE), json!({}), "at once");
    is(&node.get("/c/banks"), 200, json!([]));
    for path in ["/c/exchange/SAMPLE", "/c/exchange/SAMPLE/status"] {
        is(&node.get(path), 404, message("Exchange 'SAMPLE' not found"));
    }
    let lines = record(&node.folder.path().join("home"));
    let told: Vec<_> = lines
        .iter()
        .map(|line| line["what"].as_str().expect("a word"))
        .collect();
    let fetches = told
        .iter()
        .filter(|what| **what == "fetch exchange")
        .count();
    assert_eq!(
        fetches, 1,
        "one that changes nothing leaves no line: {told:?}"
    );
    assert!(
        told.contains(&"create exchange") && told.contains(&"delete exchange"),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_an_exchange_is_said_as_in_hma() {
    let node = curator(&[]);
    create(&node, "TAKEN");
    sample(&node, "FOO_EXCHANGE");
    for (body, status, said) in [
        (json!({ "api": "sample" }), 400, "bank is required"),
        (
            json!({ "bank": "a", "api": "sample" }),
            400,
            "Field `bank` must match /^[A-Z0-9_]+$/",
        ),
        (
            json!({ "bank": 7, "api": "sample" }),
            400,
            "Field `bank` must match",
        ),
        (
            json!({ "bank": "A".repeat(256), "api": "sample" }),
            400,
            "255 characters",
        ),
        (
            json!({ "bank": "A", "api": "sample", "api_json": 7 }),
            400,
            "Field `api_json` must be object",
        ),
        (json!({ "bank": "A" }), 400, "Field `api_type` is required"),
        (
            json!({ "bank": "A", "api": "nothing" }),
            400,
            "No such exchange type 'nothing'",
        ),
        (
            json!({ "bank": "A", "api": "local_file" }),
            400,
            "No such exchange type 'local_file'",
        ),
        (
            json!({ "bank": "A", "api": "tat", "api_json": { "base_url": "https://example.org" } }),
            400,
            "set by `hashgate exchange set` on the node only",
        ),
        (
            json!({ "bank": "TAKEN", "api": "sample" }),
            403,
            "Bank already exists",
        ),
        (
            json!({ "bank": "FOO_EXCHANGE", "api": "sample" }),
            403,
            "Exchange already exists",
        ),
    ] {
        let refused = post(&node, "/c/exchanges", body.clone());
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        assert!(refused.text().contains(said), "{refused:?}");
    }
    assert_eq!(node.post("/c/exchanges", b"{}").status, 415);
    is(&node.get("/c/exchanges"), 200, json!(["FOO_EXCHANGE"]));
    // Unknown keys do not count, and one may begin with a digit and be off.
    let off =
        json!({ "bank": "1_OFF", "api": "sample", "api_json": { "enabled": false, "more": 1 } });
    assert_eq!(post(&node, "/c/exchanges", off).status, 201);
    let config = json!({ "name": "1_OFF", "api": "sample", "enabled": false });
    is(&node.get("/c/exchange/1_OFF"), 200, config);
    let never = json!({
        "checkpoint_ts": null, "fetched_items": 0, "last_fetch_complete_ts": null, "last_fetch_succeeded": null,
        "running_fetch_start_ts": null, "up_to_date": false,
    });
    assert_eq!(status(&node, "1_OFF"), never);
    is(
        &node.get("/c/exchange/NONEXISTENT_EXCHANGE/status"),
        404,
        message("Exchange 'NONEXISTENT_EXCHANGE' not found"),
    );
    // A bank that an exchange fills goes with it: else it would come back.
    is(&delete(&node, "/c/bank/FOO_EXCHANGE"), 200, message("Done"));
    is(&node.get("/c/exchanges"), 200, json!(["1_OFF"]));
    // It keeps its bank under another name of that.
    is(
        &put(&node, "/c/bank/1_OFF", json!({ "name": "NAMED" })),
        200,
        bank("NAMED", 1.0),
    );
    put(&node, "/c/exchange/1_OFF", json!({ "enabled": true }));
    wait_until(
        || status(&node, "1_OFF")["fetched_items"] == 18,
        "it is fetched",
    );
    assert_eq!(delete(&node, "/c/exchange/1_OFF").status, 200);
    is(&node.get("/c/banks"), 200, json!([bank("TAKEN", 1.0)]));
}

#[test]
fn what_proves_who_asks_is_set_and_never_shown() {
    let node = curator(&[]);
    let home = node.folder.path().join("home");
    let path = "/c/exchanges/api/fb_threatexchange";
    let told = |supports: bool, has: bool| json!({ "supports_authentification": supports, "has_set_authentification": has });
    is(
        &node.get("/c/exchanges/api/sample"),
        200,
        told(false, false),
    );
    is(&node.get(path), 200, told(true, false));
    let secret = "12345789|000000000000";
    let set = |body: Value| post(&node, path, body);
    is(
        &set(json!({ "credential_json": { "api_token": secret } })),
        200,
        told(true, true),
    );
    is(&set(json!({})), 200, told(true, true));
    is(&node.get(path), 200, told(true, true));
    let file = home.join("exchange-credentials.json");
    let mode = std::fs::metadata(&file)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for bad in [
        json!({ "credential_json": 7 }),
        json!({ "credential_json": { "api_token": [secret] } }),
        json!({ "credential_json": { "token": secret } }),
    ] {
        let refused = set(bad);
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(!refused.text().contains(secret), "{refused:?}");
    }
    is(&node.get(path), 200, told(true, true));
    is(
        &set(json!({ "credential_json": {} })),
        200,
        told(true, false),
    );
    assert!(
        !std::fs::read_to_string(&file)
            .expect("a file")
            .contains(secret)
    );
    is(
        &node.get("/c/exchanges/api/nothing"),
        400,
        message("no such Exchange API 'nothing'"),
    );
    let none = post(
        &node,
        "/c/exchanges/api/sample",
        json!({ "credential_json": { "a": "b" } }),
    );
    assert_eq!(none.status, 400, "{none:?}");
    let text = std::fs::read_to_string(home.join("curation.jsonl")).expect("a record");
    assert!(
        text.contains("set credentials") && !text.contains("0000000"),
        "{text}"
    );
    // Nobody uses a file that others can read.
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("permissions");
    let refused = node.get(path);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(!refused.text().contains("home"), "{refused:?}");
}

#[test]
fn forms_are_told_what_each_kind_is_told() {
    let node = curator(&[]);
    let schema = |name: &str| node.get(&format!("/c/exchanges/api/{name}/schema")).json();
    assert_eq!(
        schema("sample"),
        json!({ "config_schema": { "fields": [] }, "credentials_schema": null })
    );
    let field = |value: &Value, name: &str| {
        let fields = value["fields"].as_array().expect("fields");
        let found = fields.iter().find(|field| field["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {value}")).clone()
    };
    let tx = schema("fb_threatexchange");
    let group = field(&tx["config_schema"], "privacy_group");
    assert_eq!(
        (&group["type"], &group["required"]),
        (&json!("number"), &json!(true))
    );
    assert_eq!(
        field(&tx["credentials_schema"], "api_token")["type"],
        "string"
    );
    let ncmec = schema("ncmec");
    let environment = field(&ncmec["config_schema"], "environment");
    assert_eq!(environment["type"], "enum");
    let choices = environment["choices"].as_array().expect("choices");
    assert!(choices.contains(&json!("https://report.cybertip.org/hashsharing")));
    let members = field(&ncmec["config_schema"], "only_esp_ids");
    let want = json!([members["type"], members["required"], members["default"]]);
    assert_eq!(want, json!(["set_of_number", false, []]));
    let none = node.get("/c/exchanges/api/nothing/schema");
    is(&none, 404, message("Exchange API 'nothing' not found"));
}

#[test]
fn exchanges_outlive_the_node_and_one_that_was_half_made_is_made_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let run = || {
        let other = tempfile::tempdir().expect("a folder");
        Node::run(other, command(&path, &[]))
    };
    let node = run();
    sample(&node, "KEPT");
    wait_until(
        || status(&node, "KEPT")["up_to_date"] == true,
        "it is fetched",
    );
    let before = status(&node, "KEPT");
    assert_eq!(node.stop(), 0);
    let file = path.join("home/exchanges.json");
    let mut kept: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let mut half = kept["exchanges"][0].clone();
    half["name"] = json!("LATER");
    half["bank"] = Value::Null;
    half["fetch"] = json!({});
    kept["exchanges"].as_array_mut().expect("a list").push(half);
    std::fs::write(&file, kept.to_string()).expect("a file");
    let node = run();
    assert_eq!(status(&node, "KEPT"), before);
    wait_until(
        || status(&node, "LATER")["fetched_items"] == 18,
        "its bank is made, and fetched",
    );
    let banks = node.get("/c/banks").json();
    assert_eq!(banks, json!([bank("KEPT", 1.0), bank("LATER", 1.0)]));
    // A file that is not what was written here is said, and nothing is lost by it.
    std::fs::write(&file, "{").expect("a file");
    let refused = node.get("/c/exchanges");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1")),
        "{refused:?}"
    );
    assert_eq!(
        node.get("/c/exchange/KEPT").status,
        503,
        "never 404: clients forget theirs"
    );
    assert_eq!(node.get("/c/banks").json(), banks);
    // Taking something out of matching does not hang on it.
    let withdrawn = put(
        &node,
        "/c/bank/KEPT/content/1",
        json!({ "disable_until_ts": 0 }),
    );
    assert_eq!(withdrawn.status, 200, "{withdrawn:?}");
    assert_eq!(delete(&node, "/c/bank/KEPT").status, 200);
}

#[test]
fn who_may_only_look_up_reads_why_not_in_hmas_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = program(folder.path())
        .args(["key", "create", "reader", "--scopes", "match"])
        .output()
        .expect("it runs");
    let key = format!("Bearer {}", String::from_utf8_lossy(&made.stdout).trim());
    let command = command(folder.path(), &["--keys", "home/keys.json"]);
    let node = Node::run(folder, command);
    let ask = |method: &str, path: &str| {
        let headers = [("Authorization", key.as_str())];
        Client::new(node.at).send(method, path, &headers, b"")
    };
    for (method, path, word) in [
        ("POST", "/c/banks", "Curating"),
        ("GET", "/c/exchanges", "Curating"),
        ("GET", "/c/exchange/X", "Curating"),
        ("GET", "/c/exchanges/api/ncmec", "Curating"),
        ("PUT", "/c/signal_type/pdq", "Curating"),
        ("POST", "/h/hash", "Hashing"),
    ] {
        let refused = ask(method, path);
        assert_eq!(refused.status, 403, "{path}: {refused:?}");
        let said = refused.json()["message"]
            .as_str()
            .expect("a message")
            .to_owned();
        assert!(
            said.starts_with(&format!("{word} is disabled, missing role")),
            "{said}"
        );
    }
    assert_eq!(ask("GET", "/c/signal_type").status, 200);
}

#[test]
fn a_kind_of_hash_is_switched_off_and_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let run = || {
        let other = tempfile::tempdir().expect("a folder");
        Node::run(other, command(&path, &[]))
    };
    let node = run();
    create(&node, "KNOWN");
    let hash = pdq(1);
    let id = add(&node, "KNOWN", &hash);
    let hit = json!({ "KNOWN": [{ "bank_content_id": id, "distance": "0" }] });
    wait_until(|| lookup(&node, &hash) == hit, "it matches");
    let set = |node: &Node, ratio: Value| {
        put(
            node,
            "/c/signal_type/pdq",
            json!({ "enabled_ratio": ratio }),
        )
    };
    for bad in [json!(-0.1), json!(1.1), json!("much"), json!(null)] {
        assert_eq!(set(&node, bad.clone()).status, 400, "{bad}");
    }
    assert_eq!(put(&node, "/c/signal_type/pdq", json!({})).status, 400);
    assert_eq!(
        put(&node, "/c/signal_type/photo", json!({ "enabled_ratio": 1 })).status,
        400
    );
    let done = set(&node, json!("0"));
    assert_eq!((done.status, done.text()), (204, String::new()));
    assert_eq!(node.stop(), 0);
    let node = run();
    let all = |ratio: f64| json!([{ "name": "pdq", "enabled_ratio": ratio }, { "name": "video_md5", "enabled_ratio": 1.0 }]);
    is(&node.get("/c/signal_type"), 200, all(0.0));
    // Off is an error, and never "no match".
    let off = message("SignalType 'pdq' is not enabled");
    for path in ["raw_lookup", "lookup", "lookup?bypass_coinflip=1"] {
        let join = if path.contains('?') { '&' } else { '?' };
        let path = format!("/m/{path}{join}signal_type=pdq&signal={hash}");
        is(&node.get(&path), 400, off.clone());
    }
    let off = message("signal type 'pdq' doesn't exist or is disabled");
    let parts = [("photo", Some("x"), &png(1)[..])];
    for path in ["/h/hash", "/m/lookup", "/h/hash?types=pdq"] {
        is(&node.post_form(path, &parts), 400, off.clone());
    }
    let md5 = node.post_form("/h/hash?types=md5", &parts);
    assert_eq!(md5.status, 200, "the others stay on");
    // A share: with a seed the same question has the same answer, and nothing else is asked of it.
    assert_eq!(set(&node, json!(0.5)).status, 204);
    is(&node.get("/c/signal_type"), 200, all(0.5));
    let seeded = |seed: u32| {
        let path = format!("/m/lookup?signal_type=pdq&signal={hash}&seed={seed}");
        node.get(&path).json() == hit
    };
    let first: Vec<bool> = (0..40).map(seeded).collect();
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, (0..40).map(seeded).collect::<Vec<_>>());
    let path = format!("/m/lookup?signal_type=pdq&signal={hash}&bypass_coinflip=1");
    assert_eq!(node.get(&path).json(), hit);
    assert_eq!(
        raw(&node, &hash),
        json!({ "matches": [id] }),
        "which looks at no share"
    );
    assert_eq!(set(&node, json!(1.0)).status, 204);
    assert_eq!(lookup(&node, &hash), hit);
}

#[test]
fn a_bank_that_is_deleted_on_our_own_paths_takes_its_exchange_along() {
    let node = curator(&[]);
    sample(&node, "SAMPLE");
    wait_until(
        || status(&node, "SAMPLE")["up_to_date"] == true,
        "it is fetched",
    );
    assert_eq!(delete(&node, "/v1/banks/SAMPLE").status, 409);
    is(&node.get("/c/exchanges"), 200, json!(["SAMPLE"]));
    let deleted = delete(&node, "/v1/banks/SAMPLE?with_entries=true");
    is(&deleted, 200, json!({ "entries": 18 }));
    is(&node.get("/c/exchanges"), 200, json!([]));
    is(&node.get("/c/banks"), 200, json!([]));
    is(&lookup_raw(&node), 200, json!({}));
}

fn lookup_raw(node: &Node) -> service_support::Answer {
    node.get(&format!("/m/lookup?signal_type=pdq&signal={SAMPLE}"))
}
