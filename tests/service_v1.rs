//! `hashgate serve` as its callers meet it: our own paths, limits, and what happens when there is no index, no room, or an
//! end.

#![cfg(feature = "service")]

mod common;
mod service_support;

use common::{picture, wait_until};
use hashgate::bank::{Action, Policy};
use hashgate::gate::{Gate, Verdict};
use hashgate::hash::SignalType;
use serde_json::json;
use service_support::{
    Client, Entries, Node, blank, form, hashes, png, publish_known, publish_to, signal,
};
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

fn known() -> Node {
    Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &[],
    )
}

#[test]
fn an_upload_is_judged_as_the_library_judges_it() {
    let node = known();
    let gate = Gate::open(node.index()).expect("the index");
    let changed = {
        let mut pixels = picture(1, 320, 240);
        pixels.put_pixel(5, 5, image::Rgb([1, 2, 3]));
        service_support::png_of(&pixels)
    };
    for (bytes, status, action) in [
        (png(1), 200, "block"),
        (changed, 200, "block"),
        (png(2), 200, "none"),
        (blank(), 422, "unjudged"),
        (b"hello".to_vec(), 422, "unjudged"),
        (png(1)[..900].to_vec(), 422, "unjudged"),
    ] {
        let (kind, body) = form(&[("note", None, b"x"), ("upload", Some("a.png"), &bytes)]);
        let mut own = gate.check(&bytes);
        let whole = serde_json::to_value(&own).expect("json");
        own.queries.truncate(own.queries_met);
        let own = serde_json::to_value(&own).expect("json");
        let by_form = [("Content-Type", &*kind)];
        for (answer, own) in [
            (node.post("/v1/check", &bytes), &own),
            (
                node.connect().send("POST", "/v1/check", &by_form, &body),
                &own,
            ),
            (node.post("/v1/check?all_queries=true", &bytes), &whole),
        ] {
            assert_eq!(
                (answer.status, answer.action()),
                (status, Some(action)),
                "{answer:?}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let verdict: Verdict = serde_json::from_slice(&answer.body).expect("a verdict");
            assert_eq!(&serde_json::to_value(verdict).expect("json"), own);
            assert_eq!(&answer.json(), own);
        }
    }
    assert_eq!(node.stop(), 0);
}

#[test]
fn the_status_says_what_to_do_where_it_is_asked_to() {
    let node = known();
    for (bytes, status) in [(png(1), 403), (png(2), 200), (blank(), 422)] {
        let answer = node.post("/v1/check?enforce=true", &bytes);
        assert_eq!(answer.status, status);
        assert_eq!(answer.reads_as_clean(), status == 200);
    }
}

#[test]
fn parameters_that_are_not_known_are_refused_by_name() {
    let node = known();
    for answer in [
        node.post("/v1/check?enforced=true", &png(1)),
        node.post("/v1/hash?enforced=true", &png(1)),
        node.get("/v1/match?signal=12&enforced=true"),
    ] {
        assert_eq!(answer.status, 400, "{answer:?}");
        let detail = answer.json()["detail"].as_str().expect("a text").to_owned();
        assert!(detail.contains("enforced"), "{detail}");
        assert!(!answer.reads_as_clean());
    }
}

#[test]
fn what_cannot_be_asked_is_a_problem_that_says_why() {
    let node = known();
    let too_many = json!({ "signals": vec!["x"; 1_001] });
    for (answer, status, said) in [
        (node.get("/v1/match"), 400, "signal"),
        (node.get("/v1/match?signal=12"), 400, "signal"),
        (node.get("/v1/match?signal=12&most=0"), 400, "most"),
        (node.post("/v1/match", b"{"), 400, "EOF"),
        (node.post_json("/v1/match", &too_many), 400, "1000"),
        (
            node.post_json("/v1/match", &json!({ "signals": [] })),
            400,
            "0 hashes",
        ),
        (
            node.post_json("/v1/match", &json!({ "signals": ["a"], "x": 1 })),
            400,
            "x",
        ),
        (node.post("/v1/check", b""), 400, "empty"),
        (node.post("/v1/check?wait=soon", b"x"), 400, "wait"),
        (
            node.post_form("/v1/check", &[("a", None, b"x")]),
            400,
            "file",
        ),
        (
            node.post_form(
                "/v1/check",
                &[("a", Some("a"), b"x"), ("b", Some("b"), b"x")],
            ),
            400,
            "one file",
        ),
        (node.get("/v1/check"), 405, "another way"),
        (node.get("/v1/../etc"), 404, "gate, match, hash, metrics"),
        (node.post("/v1/hash?types=crc", b"x"), 400, "crc"),
    ] {
        assert_eq!(answer.status, status, "{said}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let told = answer.json();
        assert_eq!(told["status"], status);
        assert!(
            told["detail"]
                .as_str()
                .is_some_and(|text| text.contains(said)),
            "{said}: {told}"
        );
        assert!(!answer.reads_as_clean());
    }
}

#[test]
fn an_upload_is_hashed() {
    let node = Node::start(|_| (), &["--roles", "hash"]);
    let bytes = png(3);
    let answer = node.post("/v1/hash?types=pdq,md5,sha256", &bytes);
    assert_eq!(answer.status, 200);
    let told = answer.json();
    assert_eq!(told["outcome"], "hashed");
    let own = hashes(&bytes);
    for one in &own.signals {
        assert_eq!(told["signals"][one.signal_type().name()], one.hex());
    }
    assert_eq!(told["quality"], own.quality.expect("one").get());
    let none = node.post("/v1/hash", b"no picture");
    assert_eq!(
        (none.status, &none.json()["outcome"]),
        (422, &json!("unsupported"))
    );
    let off = node.post("/v1/check", &bytes);
    assert_eq!(off.status, 404, "it is not served here");
    assert!(!off.reads_as_clean());
}

#[test]
fn a_publish_is_followed_and_without_an_index_nothing_is_judged() {
    let node = Node::start(|_| (), &[]);
    let none = node.post("/v1/check", &png(1));
    assert_eq!((none.status, none.action()), (503, Some("unjudged")));
    assert!(none.header("retry-after").is_some());
    assert_eq!(node.get("/v1/ready").status, 503);
    assert_eq!(node.get("/v1/live").status, 200);
    let status = node.get("/v1/status").json();
    assert_eq!(
        (&status["ready"], &status["generation"]),
        (&json!(false), &json!(null))
    );
    let miss = node.get("/v1/match?signal=d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(miss.status, 503);

    publish_known(&node.index(), 1);
    node.wait_ready();
    assert_eq!(node.post("/v1/check", &png(1)).action(), Some("block"));
    assert_eq!(node.post("/v1/check", &png(2)).action(), Some("none"));
    publish_known(&node.index(), 2);
    wait_until(
        || node.get("/v1/ready").json()["generation"] == 2,
        "the second generation",
    );
    assert_eq!(node.post("/v1/check", &png(1)).action(), Some("none"));
    assert_eq!(node.post("/v1/check", &png(2)).action(), Some("block"));
    let status = node.get("/v1/status").json();
    assert_eq!(
        (&status["banks"], &status["hashes"]),
        (&json!(1), &json!(2))
    );
}

#[test]
fn an_index_that_is_older_than_it_may_be_is_not_relied_on() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            let manifest = std::fs::File::options()
                .write(true)
                .open(folder.join("index/manifest"));
            let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
            manifest
                .and_then(|file| file.set_modified(old))
                .expect("the time is set");
            let said = "[service]\nindex = \"index\"\nmax_index_age = 3600\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
        },
        &["--config", "service.toml"],
    );
    let answer = node.post("/v1/check", &png(2));
    assert_eq!((answer.status, answer.action()), (503, Some("unjudged")));
    assert!(answer.text().contains("max_index_age"), "{answer:?}");
    publish_known(&node.index(), 1);
    node.wait_ready();
}

#[test]
fn a_folder_that_cannot_be_looked_at_is_not_relied_on_for_long() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            std::fs::write(folder.join("service.toml"), "[service]\nmax_stale = 1\n")
                .expect("a file");
        },
        &["--config", "service.toml"],
    );
    node.wait_ready();
    std::fs::write(node.index().join("manifest"), "damaged").expect("a file");
    wait_until(
        || node.get("/v1/ready").status == 503,
        "it is not ready any more",
    );
    assert!(!node.post("/v1/check", &png(2)).reads_as_clean());
    assert!(
        node.get("/v1/ready")
            .text()
            .contains("could not be looked at")
    );
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
        },
        &["--max-body", "20000"],
    );
    let mut client = node.connect();
    let head = "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n";
    client.write(head.as_bytes()).expect("sent");
    let refused = client
        .read("POST")
        .expect("an answer, though nothing of the body was sent");
    assert_eq!((refused.status, refused.action()), (413, Some("unjudged")));
    // A body that does not say how long it is.
    let mut client = node.connect();
    let head = "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.write(head.as_bytes()).expect("sent");
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    for _ in 0..6 {
        // It may have answered and closed by now.
        let _ = client.write(chunk.as_bytes());
    }
    assert_eq!(client.read("POST").expect("an answer").status, 413);
    let (kind, body) = form(&[("a", Some("a"), &[7; 30_000])]);
    let mut client = node.connect();
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        body.len()
    );
    let _ = client
        .write(head.as_bytes())
        .and_then(|()| client.write(&body));
    assert_eq!(client.read("POST").expect("an answer").status, 413);
}

#[test]
fn uploads_share_a_budget_of_memory_and_give_it_back() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            let said = "[service]\nmax_body = 300000\nbody_memory = 300000\n";
            std::fs::write(folder.join("service.toml"), said).expect("a file");
        },
        &["--config", "service.toml"],
    );
    // A sender that has sent nearly all, and waits.
    let mut slow = node.connect();
    let head = "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 299000\r\n\r\n";
    slow.write(head.as_bytes()).expect("sent");
    slow.write(&[0; 298_000]).expect("sent");
    let upload = png(2);
    let other = || node.post("/v1/check", &upload);
    wait_until(|| other().status == 503, "the memory is taken");
    let answer = other();
    assert_eq!((answer.status, answer.action()), (503, Some("unjudged")));
    assert!(answer.text().contains("body_memory"));
    drop(slow);
    wait_until(|| other().status == 200, "the memory is free again");
}

#[test]
fn requests_have_ids_and_pages_of_other_sites_are_refused() {
    let node = known();
    let mut client = node.connect();
    let own = client.send("GET", "/v1/live", &[], b"");
    let given = client.send("GET", "/v1/live", &[("X-Request-Id", "upload-7")], b"");
    assert!(own.header("x-request-id").is_some_and(|id| id.len() > 8));
    assert_eq!(given.header("x-request-id"), Some("upload-7"));
    assert_eq!(given.header("cache-control"), Some("no-store"));
    for headers in [
        [("Sec-Fetch-Site", "cross-site")],
        [("Origin", "https://elsewhere.example")],
    ] {
        let refused = node.connect().send("POST", "/v1/check", &headers, &png(2));
        assert_eq!((refused.status, refused.action()), (403, Some("unjudged")));
    }
    let same = [("Origin", "http://localhost")];
    assert_eq!(
        node.connect()
            .send("POST", "/v1/check", &same, &png(2))
            .status,
        200
    );
}

#[test]
fn who_waits_too_short_is_told_and_a_full_queue_says_so() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            std::fs::write(folder.join("service.toml"), "[service]\nqueue = 0\n").expect("a file");
        },
        &["--config", "service.toml", "--workers", "1"],
    );
    let large = service_support::png_of(&picture(9, 3000, 2000));
    let answer = node.post("/v1/check?wait=1", &large);
    assert_eq!((answer.status, answer.action()), (503, Some("unjudged")));
    assert!(answer.text().contains("wait"), "{answer:?}");
    // The one thread may still be at that picture. Four callers at a time find it at work sooner or later.
    let at = node.at;
    let busy = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while !busy.load(std::sync::atomic::Ordering::Relaxed) {
                    let answer = Client::new(at).send("POST", "/v1/check", &[], &large);
                    if answer.text().contains("queue is full") {
                        assert_eq!((answer.status, answer.action()), (503, Some("unjudged")));
                        assert!(answer.header("retry-after").is_some());
                        busy.store(true, std::sync::atomic::Ordering::Relaxed);
                    } else {
                        assert!(answer.reads_as_clean(), "{answer:?}");
                    }
                }
            });
        }
    });
    wait_until(
        || node.get("/v1/status").json()["at_work"] == 0,
        "all is done",
    );
}

#[test]
fn who_leaves_the_queue_makes_room() {
    let node = Node::start(
        |folder| {
            publish_known(&folder.join("index"), 1);
            std::fs::write(folder.join("service.toml"), "[service]\nqueue = 3\n").expect("a file");
        },
        &["--config", "service.toml", "--workers", "1"],
    );
    let large = service_support::png_of(&picture(9, 3000, 2000));
    let waiting = || {
        node.get("/v1/status").json()["waiting"]
            .as_u64()
            .expect("a number")
    };
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        large.len()
    );
    // Callers that leave as soon as they wait: were their places not free again, the queue would fill up.
    for _ in 0..12 {
        let mut client = node.connect();
        client.write(head.as_bytes()).expect("sent");
        client.write(&large).expect("sent");
        drop(client);
    }
    wait_until(|| waiting() == 0, "nobody waits");
    wait_until(
        || node.post("/v1/check", &png(2)).status == 200,
        "there is room",
    );
}

#[test]
fn requests_under_way_are_answered_when_it_stops() {
    let node = known();
    let upload = png(1);
    let mut client = node.connect();
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
        upload.len()
    );
    client.write(head.as_bytes()).expect("sent");
    client.write(&upload[..100]).expect("sent");
    // An answer on another connection tells that the first was taken before.
    assert_eq!(node.get("/v1/live").status, 200);
    let at = node.at;
    let stopping = std::thread::spawn(move || node.stop());
    wait_until(
        || std::net::TcpStream::connect(at).is_err(),
        "it takes no more",
    );
    client.write(&upload[100..]).expect("sent");
    let answer = client.read("POST").expect("it is answered");
    assert_eq!((answer.status, answer.action()), (200, Some("block")));
    assert_eq!(stopping.join().expect("it stops"), 0);
}

#[test]
fn a_listener_names_what_it_serves_and_may_be_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    let socket = folder.path().join("gate.sock");
    let mut command = Node::command(folder.path());
    command
        .args(["--listen", "127.0.0.1:0=match"])
        .args(["--listen", &format!("unix:{}=gate", socket.display())]);
    let node = Node::run(folder, command);
    assert_eq!(node.post("/v1/check", &png(1)).status, 404);
    let mut stream = UnixStream::connect(&socket).expect("it listens");
    let upload = png(1);
    let head = format!(
        "POST /v1/check HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        upload.len()
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("sent");
    std::io::Write::write_all(&mut stream, &upload).expect("sent");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("an answer");
    assert!(String::from_utf8_lossy(&text).contains("hashgate-action: block"));
    assert_eq!(node.stop(), 0);
    assert!(!socket.exists());
}

#[test]
fn idle_connections_keep_nobody_from_an_answer() {
    let node = known();
    let idle: Vec<Client> = (0..150).map(|_| node.connect()).collect();
    let mut half: Vec<Client> = (0..40).map(|_| node.connect()).collect();
    for client in &mut half {
        let head = "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\nxxx";
        client.write(head.as_bytes()).expect("sent");
    }
    assert_eq!(node.post("/v1/check", &png(1)).action(), Some("block"));
    drop((idle, half));
}

#[test]
fn connections_beyond_the_most_wait_for_a_place() {
    let node = Node::start(
        |folder| {
            std::fs::write(
                folder.join("service.toml"),
                "[service]\nmax_connections = 2\n",
            )
            .expect("a file");
        },
        &["--config", "service.toml"],
    );
    let mut first = node.connect();
    assert_eq!(first.send("GET", "/v1/live", &[], b"").status, 200);
    let second = node.connect();
    let at = node.at;
    let third =
        std::thread::spawn(move || Client::new(at).send("GET", "/v1/live", &[], b"").status);
    assert_eq!(
        first.send("GET", "/v1/live", &[], b"").status,
        200,
        "it goes on"
    );
    drop(second);
    assert_eq!(third.join().expect("it ends"), 200);
}

/// Runs it without serving: its exit code, and what it said.
fn tried(folder: &std::path::Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
    let ran = command
        .current_dir(folder)
        .env("HASHGATE_HOME", folder.join("home"))
        .arg("serve")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = [ran.stdout, ran.stderr].concat();
    (
        ran.status.code().expect("a code"),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn settings_are_checked_before_anything_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let empty = tried(at, &["--index", "index", "--check"]);
    assert!(
        empty.0 == 2 && empty.1.contains("no index has been published"),
        "{empty:?}"
    );
    publish_known(&at.join("index"), 1);
    let good = tried(at, &["--index", "index", "--check"]);
    assert!(good.0 == 0 && good.1.contains("generation 1"), "{good:?}");
    let file = |text: &str| std::fs::write(at.join("service.toml"), text).expect("a file");
    for (text, said) in [
        (
            "[service]\nquue = 3\n",
            "service.toml:2: unknown field `quue`",
        ),
        ("[service]\nqueue = 99999999\n", "`queue` is 99999999"),
        ("[service]\nroles = [\"curate\"]\n", "curate"),
        ("[service]\nlisten = [\"nowhere\"]\n", "is no address"),
        ("[service]\nvariants = \"all\"\n", "`variants`"),
        ("[service\n", "service.toml:1:"),
    ] {
        file(text);
        let (code, told) = tried(
            at,
            &["--index", "index", "--config", "service.toml", "--check"],
        );
        assert!(code == 2 && told.contains(said), "{text}: {told}");
    }
    for public in ["0.0.0.0:0", "[::]:0", "10.1.2.3:80"] {
        let (code, told) = tried(at, &["--index", "index", "--listen", public]);
        assert!(code == 2 && told.contains("keys"), "{public}: {told}");
    }
    let nowhere = tried(at, &["--config", "service.toml", "--check"]);
    assert_eq!(nowhere.0, 2);
}

#[test]
fn banks_say_whether_a_match_is_reviewed_reported_or_allowed() {
    let of = |seed| vec![(u64::from(seed), vec![signal(&png(seed), SignalType::Pdq)])];
    let off = Policy {
        enabled: false,
        ..Policy::new(Action::Block)
    };
    let node = Node::start(
        |folder| {
            let banks = [
                Entries::new("REVIEWED", Action::Review, of(1)),
                Entries::new("REPORTED", Action::Report, of(2)),
                Entries::new("HARMLESS", Action::Allow, of(3)),
                Entries {
                    policy: off,
                    ..Entries::new("OFF", Action::Block, of(4))
                },
            ];
            publish_to(&folder.join("index"), &banks);
        },
        &["--variants", "none"],
    );
    for (seed, action, clean) in [
        (1, "review", false),
        (2, "report", true),
        (3, "allow", true),
        (4, "none", true),
    ] {
        let answer = node.post("/v1/check", &png(seed));
        assert_eq!((answer.status, answer.action()), (200, Some(action)));
        assert_eq!(answer.reads_as_clean(), clean);
        let enforced = node.post("/v1/check?enforce=true", &png(seed));
        assert_eq!(enforced.status, if clean { 200 } else { 403 });
        let hash = signal(&png(seed), SignalType::Pdq);
        let answer = node.get(&format!("/v1/match?signal={hash}"));
        assert_eq!(answer.action(), Some(action));
    }
}
