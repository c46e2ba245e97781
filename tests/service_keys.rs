//! The lock on the door: keys and their scopes, how often each may call, and that nothing secret is said.

#![cfg(feature = "service")]

mod common;
mod service_support;

use common::{Hashgate, wait_until};
use service_support::{Answer, Node, form, png, publish_known};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

/// Makes a key in `keys.json` of a folder.
fn key(folder: &Path, name: &str, more: &[&str]) -> String {
    let file = folder.join("keys.json");
    let file = file.to_str().expect("UTF-8");
    let arguments = [&["key", "create", name, "--keys", file][..], more].concat();
    let made = Hashgate::new().expect(0, &arguments);
    let key = made.out.trim().to_owned();
    assert!(key.starts_with("hg_") && key.len() > 40, "{key}");
    key
}

fn ask(node: &Node, method: &str, path: &str, key: Option<&str>) -> Answer {
    let authorization = key.map(|key| format!("Bearer {key}"));
    let mut headers = Vec::new();
    if let Some(text) = &authorization {
        headers.push(("Authorization", &**text));
    }
    let upload = png(2);
    let body = if method == "POST" { &upload[..] } else { &[] };
    node.connect().send(method, path, &headers, body)
}

#[test]
fn a_key_opens_what_its_scopes_name_and_nothing_else() {
    let mut keys = Vec::new();
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            keys.push(key(folder, "uploads", &["--scopes", "gate"]));
            keys.push(key(folder, "lists", &["--scopes", "match"]));
        },
        &["--keys", "keys.json"],
    );
    let (uploads, lists) = (Some(&*keys[0]), Some(&*keys[1]));
    for (method, path, key, status) in [
        ("POST", "/v1/check", uploads, 200),
        ("POST", "/v1/check", lists, 403),
        ("POST", "/v1/check", None, 401),
        ("POST", "/v1/check", Some("hg_guessed"), 401),
        ("POST", "/v1/check", Some(""), 401),
        (
            "GET",
            "/v1/match?signal=d41d8cd98f00b204e9800998ecf8427e",
            lists,
            200,
        ),
        (
            "GET",
            "/v1/match?signal=d41d8cd98f00b204e9800998ecf8427e",
            uploads,
            403,
        ),
        ("POST", "/v1/hash", uploads, 403),
        ("GET", "/c/banks", lists, 200),
        ("GET", "//c//banks", None, 401),
        ("GET", "/m/index/status", None, 401),
        ("POST", "/h/hash", lists, 403),
        ("GET", "/v1/status", uploads, 200),
        ("GET", "/v1/status", None, 401),
        ("GET", "/nothing", None, 401),
        ("GET", "/nothing", lists, 404),
        ("GET", "/v1/ready", None, 200),
        ("GET", "/v1/live", None, 200),
        ("GET", "/status", None, 200),
        ("GET", "/status/live", None, 200),
        ("GET", "/site-map", None, 200),
    ] {
        let answer = ask(&node, method, path, key);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        if status != 200 {
            assert!(!answer.reads_as_clean());
        }
    }
    let refused = ask(&node, "GET", "/c/banks", None);
    let told = refused.json();
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.contains("Authentication required"))
    );
    // A lookup of a file hashes it too.
    let (kind, body) = form(&[("photo", Some("x"), &png(1))]);
    let bearer = format!("bearer {}", keys[1]);
    let headers = [("Content-Type", &*kind), ("Authorization", &*bearer)];
    let answer = node.connect().send("POST", "/m/lookup", &headers, &body);
    assert_eq!(answer.status, 403, "{answer:?}");
}

#[test]
fn keys_are_made_and_revoked_while_a_node_runs_and_a_file_that_is_gone_shuts_the_door() {
    let mut first = String::new();
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            first = key(folder, "first", &[]);
        },
        &["--keys", "keys.json"],
    );
    let folder = node.folder.path();
    let status = |key: &str| ask(&node, "POST", "/v1/check", Some(key)).status;
    assert_eq!(status(&first), 200);
    let second = key(folder, "second", &[]);
    wait_until(|| status(&second) == 200, "the new key is good");
    let file = folder.join("keys.json");
    let file = file.to_str().expect("UTF-8");
    Hashgate::new().expect(0, &["key", "revoke", "first", "--keys", file]);
    wait_until(
        || status(&first) == 401,
        "the revoked key is good for nothing",
    );
    assert_eq!(status(&second), 200);
    std::fs::remove_file(file).expect("removed");
    wait_until(|| status(&second) == 401, "no key is good");
}

#[test]
fn the_file_keeps_no_key_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let hashgate = Hashgate::new();
    let secret = key(
        folder.path(),
        "one",
        &["--scopes", "gate,metrics", "--rate", "5"],
    );
    let path = folder.path().join("keys.json");
    let file = path.to_str().expect("UTF-8");
    let text = std::fs::read_to_string(&path).expect("a file");
    assert!(
        !text.contains(&secret) && !text.contains(&secret[3..]),
        "{text}"
    );
    let mode = || {
        std::fs::metadata(&path)
            .expect("a file")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(), 0o600);
    let listed = hashgate.expect(0, &["key", "list", "--keys", file]).out;
    assert!(
        listed.starts_with("one: gate,metrics, 5 a second, made "),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    for (arguments, said) in [
        (&["key", "create", "one", "--keys", file][..], "already"),
        (
            &["key", "create", "a b", "--keys", file],
            "cannot name a key",
        ),
        (
            &["key", "create", "two", "--keys", file, "--scopes", "all"],
            "no role",
        ),
        (
            &["key", "create", "two", "--keys", file, "--rate", "0"],
            "rate",
        ),
        (&["key", "revoke", "two", "--keys", file], "no key two"),
    ] {
        let ran = hashgate.expect(2, arguments);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
    assert_eq!(
        std::fs::read_to_string(&path).expect("a file"),
        text,
        "nothing was changed"
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
    let ran = hashgate.expect(2, &["key", "list", "--keys", file]);
    assert!(ran.err.contains("chmod 600"), "{}", ran.err);
    for damaged in ["", "{}", "{\"version\":2,\"keys\":[]}", "[]"] {
        std::fs::write(&path, damaged).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        hashgate.expect(2, &["key", "list", "--keys", file]);
        let serve = [
            "serve",
            "--index",
            "none",
            "--keys",
            file,
            "--listen",
            "127.0.0.1:0",
        ];
        assert!(
            hashgate.expect(2, &serve).err.contains("no file of keys"),
            "{damaged}"
        );
    }
}

#[test]
fn who_asks_too_often_is_told_when_to_ask_again() {
    let mut keys = Vec::new();
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            keys.push(key(folder, "slow", &["--rate", "1"]));
            keys.push(key(folder, "quick", &["--rate", "100000"]));
            let said = "[service]\nkeys = \"keys.json\"\nanonymous = [\"match\"]\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
        },
        &["--config", "service.toml"],
    );
    let path = "/v1/match?signal=d41d8cd98f00b204e9800998ecf8427e";
    let limited = || {
        let answers: Vec<_> = (0..50)
            .map(|_| ask(&node, "GET", path, Some(&keys[0])))
            .collect();
        answers.into_iter().find(|answer| answer.status == 429)
    };
    let mut last = None;
    wait_until(
        || {
            last = limited();
            last.is_some()
        },
        "fifty requests in less than fifty seconds",
    );
    let answer = last.expect("one");
    assert_eq!(
        (answer.action(), answer.header("retry-after")),
        (Some("unjudged"), Some("1"))
    );
    assert_eq!(
        ask(&node, "GET", path, Some(&keys[1])).status,
        200,
        "the others do not mind"
    );
    assert_eq!(
        ask(&node, "GET", path, None).status,
        200,
        "who has none may look up, as the file says"
    );
    assert_eq!(ask(&node, "GET", path, Some("hg_wrong")).status, 401);
    assert_eq!(ask(&node, "POST", "/v1/check", None).status, 401);
}

#[test]
fn a_public_address_is_good_where_there_are_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    key(folder.path(), "one", &[]);
    let mut command = Node::command(folder.path());
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "0.0.0.0:0",
        "--keys",
        "keys.json",
    ]);
    let node = Node::run(folder, command);
    assert_eq!(ask(&node, "POST", "/v1/check", None).status, 401);
    assert_eq!(node.stop(), 0);
}

#[test]
fn the_log_says_no_key_no_query_and_no_hash() {
    let mut secret = String::new();
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    secret.push_str(&key(folder.path(), "one", &[]));
    let log = folder.path().join("log.txt");
    let mut command = Node::command(folder.path());
    command
        .args(["-vv", "--listen", "127.0.0.1:0", "--keys", "keys.json"])
        .stderr(Stdio::from(std::fs::File::create(&log).expect("a file")));
    let node = Node::run(folder, command);
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    let path = format!("/v1/match?signal={hash}");
    assert_eq!(ask(&node, "GET", &path, Some(&secret)).status, 200);
    let wrong = format!("{secret}x");
    assert_eq!(ask(&node, "GET", &path, Some(&wrong)).status, 401);
    let lookup = format!("/m/lookup?signal_type=video_md5&signal={hash}");
    assert_eq!(ask(&node, "GET", &lookup, Some(&secret)).status, 200);
    assert_eq!(ask(&node, "POST", "/v1/check", Some(&secret)).status, 200);
    let text = std::fs::read_to_string(&log).expect("a log");
    assert!(
        text.contains("/v1/match") && text.contains("bad-key"),
        "{text}"
    );
    for hidden in [&*secret, &secret[3..], hash, "signal="] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[test]
fn settings_with_which_a_node_would_serve_nothing_are_refused_by_the_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    publish_known(&index, 1);
    let index = index.to_str().expect("UTF-8");
    let config = folder.path().join("config.toml");
    let check = |text: &str, more: &[&str]| {
        std::fs::write(&config, text).expect("written");
        let config = config.to_str().expect("UTF-8");
        let common = ["serve", "--check", "--index", index, "--config", config];
        Hashgate::new().expect(2, &[&common[..], more].concat()).err
    };
    for (text, more, problem) in [
        (
            "",
            &["--listen", "127.0.0.1:0=gate,gate"][..],
            "the role gate of 127.0.0.1:0 is named twice",
        ),
        ("", &["--roles", "match,match"], "is named twice"),
        (
            "",
            &["--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9"],
            "127.0.0.1:9 is named twice",
        ),
        (
            "",
            &["--listen", "unix:/nonexistent/socket"],
            "there is no such folder",
        ),
        ("[service]\nlisten = []\n", &[], "`listen` is empty"),
        ("[service]\nroles = []\n", &[], "`roles` is empty"),
        (
            "[service]\nmax_connections = 1\n",
            &[],
            "`max_connections` is 1",
        ),
        ("", &["--keys", "/dev/null"], "it is no regular file"),
    ] {
        let said = check(text, more);
        assert!(said.contains(problem), "{text} {more:?}: {said}");
    }
}

#[test]
fn a_key_that_is_revoked_through_a_link_is_good_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    std::fs::create_dir(&real).expect("made");
    std::fs::create_dir(&link).expect("made");
    key(&real, "uploads", &[]);
    std::os::unix::fs::symlink(real.join("keys.json"), link.join("keys.json")).expect("linked");
    let through = link.join("keys.json");
    let through = through.to_str().expect("UTF-8");
    Hashgate::new().expect(0, &["key", "revoke", "uploads", "--keys", through]);
    let kept = std::fs::symlink_metadata(through).expect("there");
    assert!(kept.file_type().is_symlink(), "the link is kept");
    let left = std::fs::read_to_string(real.join("keys.json")).expect("read");
    assert!(!left.contains("uploads"), "{left}");
}

#[test]
fn a_page_cannot_call_a_node_on_its_visitors_machine() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &[],
    );
    node.wait_ready();
    let raw = |host: &str, more: &str| {
        let mut client = node.connect();
        let request = format!("GET /v1/status HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
        client.write(request.as_bytes()).expect("sent");
        client.read("GET").expect("an answer").status
    };
    assert_eq!(raw("127.0.0.1", ""), 200);
    assert_eq!(raw("localhost:1", ""), 200);
    // By a name that the page's owner made mean this machine: to the browser it is one site.
    let same = "Origin: http://evil.example:8710\r\nSec-Fetch-Site: same-origin\r\n";
    assert_eq!(raw("evil.example:8710", same), 403);
    assert_eq!(raw("evil.example", ""), 403);
    // Reading is refused too.
    assert_eq!(raw("localhost", "Sec-Fetch-Site: cross-site\r\n"), 403);
    assert_eq!(raw("localhost", "Origin: http://evil.example\r\n"), 403);
}
