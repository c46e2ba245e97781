//! The proxies of `examples/proxies`: an upload that goes through one meets the gate before the application.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod service_support;

use common::{Watched, watched};
use service_support::{Answer, Client, Node, blank, form, png, publish_known};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

/// Requests' first lines and bodies.
type Taken = Vec<(String, Vec<u8>)>;

/// An application that takes what it is sent, and answers 201.
struct Application {
    at: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Application {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let into = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.expect("a connection"));
                let mut first = String::new();
                stream.read_line(&mut first).expect("a request");
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).expect("a header");
                    let line = line.trim_end().to_ascii_lowercase();
                    if let Some(given) = line.strip_prefix("content-length: ") {
                        length = given.parse().expect("a number");
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).expect("a body");
                into.lock().expect("a list").push((first, body));
                let answer = b"HTTP/1.0 201 Created\r\nContent-Length: 6\r\n\r\nstored";
                stream.get_mut().write_all(answer).expect("it is read");
            }
        });
        Self { at, taken }
    }

    fn taken(&self) -> Taken {
        std::mem::take(&mut *self.taken.lock().expect("a list"))
    }
}

/// A port that is free now.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/proxies");
    std::fs::read_to_string(folder.join(name)).expect("the example")
}

/// nginx by the example, with these addresses in the places of its own.
fn nginx(
    folder: &Path,
    gate: SocketAddr,
    application: SocketAddr,
) -> Option<(Watched, SocketAddr)> {
    let sbin = Path::new("/usr/sbin/nginx");
    let program = if sbin.exists() {
        sbin
    } else {
        Path::new("nginx")
    };
    if Command::new(program).arg("-v").output().is_err() {
        println!("skipped: there is no nginx; Debian's package nginx-light brings it");
        return None;
    }
    let at = free_port();
    let mut config = read("nginx.conf");
    for (from, to) in [
        ("127.0.0.1:8710", gate),
        ("127.0.0.1:9000", application),
        ("127.0.0.1:8080", at),
    ] {
        assert_eq!(config.matches(from).count(), 1, "{from}");
        config = config.replace(from, &to.to_string());
    }
    std::fs::write(folder.join("nginx.conf"), config).expect("it is written");
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "error.log"]);
    command.args(["-g", "daemon off; master_process off;"]);
    let child = watched(&mut command);
    common::wait_until(|| std::net::TcpStream::connect(at).is_ok(), "nginx listens");
    Some((child, at))
}

fn send(at: SocketAddr, kind: &str, body: &[u8]) -> Answer {
    let kind = [
        ("Content-Type", kind),
        ("Origin", "http://elsewhere.example"),
    ];
    Client::new(at).send("POST", "/upload?album=7", &kind, body)
}

#[test]
fn an_upload_through_nginx_reaches_the_application_only_if_it_may_pass() {
    let application = Application::start();
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let Some((_nginx, at)) = nginx(folder.path(), node.at, application.at) else {
        return;
    };
    let raw = "application/octet-stream";
    let passing = send(at, raw, &png(2));
    assert_eq!(
        (passing.status, passing.text().as_str()),
        (201, "stored"),
        "{passing:?}"
    );
    let taken = application.taken();
    assert_eq!(taken.len(), 1);
    assert!(
        taken[0].0.starts_with("POST /upload?album=7 "),
        "{:?}",
        taken[0].0
    );
    assert_eq!(taken[0].1, png(2), "the body as it came");
    let (kind, body) = form(&[("title", None, b"mine"), ("photo", Some("a.png"), &png(2))]);
    assert_eq!(send(at, &kind, &body).status, 201);
    assert_eq!(application.taken().pop().expect("it was stored").1, body);
    let known = png(1);
    let (kind, body) = form(&[("title", None, b"mine"), ("photo", Some("a.png"), &known)]);
    let two = form(&[("a", Some("a"), &png(2)), ("b", Some("b"), &known)]);
    for (kind, body, status) in [
        (raw, &known, 403),
        (&*kind, &body, 403),
        (raw, &blank(), 422),
        (raw, &b"hello".to_vec(), 422),
        (raw, &Vec::new(), 422),
    ] {
        let answer = send(at, kind, body);
        assert_eq!(answer.status, status, "{answer:?}");
        let said = answer.text();
        assert!(
            said.starts_with("This upload") && said.ends_with("accepted.\n"),
            "no details: {said}"
        );
        assert!(application.taken().is_empty());
    }
    // The gate refuses a second file before it has read the whole form. nginx may still be writing then, and takes the gate
    // for one that is down.
    let answer = send(at, &two.0, &two.1);
    assert!([422, 503].contains(&answer.status), "{answer:?}");
    assert!(application.taken().is_empty());
    // By no name of its own can a caller reach what only the gate opens.
    let reached = Client::new(at).send("POST", "/@store", &[], &known);
    assert_eq!(reached.status, 404);
    assert_eq!(node.stop(), 0);
    for bytes in [png(2), known] {
        let answer = send(at, raw, &bytes);
        assert_eq!(answer.status, 503, "the gate is down: {answer:?}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!(application.taken().is_empty());
}

#[test]
fn where_nginx_goes_on_to_is_said_only_where_an_upload_may_pass() {
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    for (path, bytes, status, to) in [
        ("/v1/check?accel=store", png(2), 200, Some("@store")),
        ("/v1/check?accel=store", png(1), 200, None),
        ("/v1/check?accel=store&enforce=true", png(1), 403, None),
        ("/v1/check?accel=store", blank(), 422, None),
        ("/v1/check", png(2), 200, None),
        ("/v1/check?accel=", png(2), 400, None),
        ("/v1/check?accel=a%0d%0ab", png(2), 400, None),
        ("/v1/check?accel=/etc/passwd", png(2), 400, None),
    ] {
        let answer = node.post(path, &bytes);
        assert_eq!(
            (answer.status, answer.header("x-accel-redirect")),
            (status, to),
            "{path}"
        );
    }
    let (kind, body) = form(&[("a", Some("a"), &png(2)), ("b", Some("b"), &png(1))]);
    let kind = [("Content-Type", &*kind)];
    let path = "/v1/check?accel=store&batch=true";
    let answer = node.connect().send("POST", path, &kind, &body);
    assert_eq!(
        answer.header("x-accel-redirect"),
        None,
        "one of them must not pass"
    );
}

#[test]
fn a_proxy_that_hands_on_each_request_is_told_the_action_alone() {
    let node = Node::start(|folder| _ = publish_known(&folder.join("index"), 1), &[]);
    let (kind, two) = form(&[("a", Some("a"), &png(2)), ("b", Some("b"), &png(1))]);
    for (method, kind, bytes, status, action) in [
        ("POST", "image/png", png(2), 200, "none"),
        ("PUT", "image/png", png(1), 403, "block"),
        ("POST", &*kind, two, 403, "block"),
        ("POST", "image/png", blank(), 422, "unjudged"),
    ] {
        let kind = [("Content-Type", kind)];
        let path = "/v1/authz/upload/a.png?enforce=false&x=1";
        let answer = node.connect().send(method, path, &kind, &bytes);
        assert_eq!(
            (answer.status, answer.action()),
            (status, Some(action)),
            "{answer:?}"
        );
        assert_eq!(answer.json(), serde_json::json!({ "action": action }));
    }
    // A part that names its file as few readers do is a file too.
    let head =
        "--edge\r\nContent-Disposition: form-data; name=\"a\"; filename*=UTF-8''a.png\r\n\r\n";
    let body = [head.as_bytes(), &png(1), b"\r\n--edge--\r\n"].concat();
    let kind = [("Content-Type", "multipart/form-data; boundary=edge")];
    let answer = node
        .connect()
        .send("POST", "/v1/authz/upload", &kind, &body);
    assert_eq!(answer.status, 403, "{answer:?}");
    let nothing = node.get("/v1/authz/upload");
    assert_eq!((nothing.status, nothing.action()), (400, Some("unjudged")));
}

#[test]
fn envoys_example_asks_for_the_whole_upload_and_fails_closed() {
    let config = read("envoy.yaml");
    let says = |line: &str| {
        let mut lines = config.lines().map(str::trim);
        assert!(lines.any(|known| known == line), "{line}");
    };
    says("path_prefix: /v1/authz");
    says("failure_mode_allow: false");
    says("allow_partial_message: false");
    says("pack_as_raw_bytes: true");
    says("max_request_bytes: 67108864");
    says("- { exact: content-type, ignore_case: true }");
    // It is YAML, where something is there that reads it.
    let script = "import sys\ntry:\n import yaml\nexcept ImportError:\n sys.exit(3)\nyaml.safe_load(sys.stdin)";
    let mut command = Command::new("python3");
    command
        .args(["-c", script])
        .stdin(std::process::Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("skipped: there is no python3 to read YAML");
        return;
    };
    let mut input = child.stdin.take().expect("piped");
    input
        .write_all(config.as_bytes())
        .expect("it is read, or has ended");
    drop(input);
    match child.wait().expect("it ends").code() {
        Some(3) => println!("skipped: python3 has no yaml"),
        code => assert_eq!(code, Some(0)),
    }
}
