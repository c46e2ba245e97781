//! Traces that a node sends to a collector, by OTLP over HTTP: whose they are, what they say, and what they never say.

#![cfg(all(feature = "service", feature = "otlp"))]

mod common;
mod service_support;

use common::wait_until;
use hashgate::hash::SignalType;
use serde_json::Value;
use service_support::{Node, png, publish_known, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

/// What came to a collector: the first lines and the bodies.
type Taken = Arc<Mutex<Vec<(String, String)>>>;

/// A collector that takes all, and answers 200.
fn collector() -> (SocketAddr, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    let taken = Taken::default();
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
            let body = String::from_utf8(body).expect("JSON");
            into.lock().expect("a list").push((first, body));
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
            stream.get_mut().write_all(answer).expect("it is read");
        }
    });
    (at, taken)
}

fn node(collector: SocketAddr) -> Node {
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    let settings = folder.path().join("settings.toml");
    let text = format!("[service]\ntraces = \"http://{collector}\"\n");
    std::fs::write(&settings, text).expect("it is written");
    let log = std::fs::File::create(folder.path().join("log.txt")).expect("a file");
    let mut command = Node::command(folder.path());
    command
        .args(["--listen", "127.0.0.1:0", "--wait", "600000"])
        .args(["--config", "settings.toml"])
        .stderr(Stdio::from(log));
    let node = Node::run(folder, command);
    node.wait_ready();
    node
}

/// The spans that came.
fn spans(taken: &Taken) -> Vec<Value> {
    let mut all = Vec::new();
    for (first, body) in &*taken.lock().expect("a list") {
        assert!(first.starts_with("POST /v1/traces HTTP/1.1"), "{first}");
        let body: Value = serde_json::from_str(body).expect("JSON");
        for of_resource in body["resourceSpans"].as_array().expect("a list") {
            let name = attribute(&of_resource["resource"], "service.name");
            assert_eq!(name, "hashgate", "{of_resource}");
            for of_scope in of_resource["scopeSpans"].as_array().expect("a list") {
                all.extend(
                    of_scope["spans"]
                        .as_array()
                        .expect("a list")
                        .iter()
                        .cloned(),
                );
            }
        }
    }
    all
}

/// An attribute as a text; empty where there is none.
fn attribute(of: &Value, name: &str) -> String {
    let all = of["attributes"].as_array().into_iter().flatten();
    let mut values = all.filter(|one| one["key"] == name);
    let value = values.next().map(|one| &one["value"]);
    let value = value.and_then(|value| value.as_object()?.values().next().cloned());
    value.map_or(String::new(), |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    })
}

#[test]
fn a_request_is_a_span_of_its_callers_trace_with_its_parts_and_without_what_was_asked() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";
    let (at, taken) = collector();
    let node = node(at);
    let ask = |method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        node.connect().send(method, path, headers, body).status
    };
    let kept = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", &*kept), ("X-Request-Id", "upload-1")];
    assert_eq!(ask("POST", "/v1/check", &headers, &png(1)), 200);
    let hash = signal(&png(1), SignalType::Pdq).hex();
    let path = format!("/v1/match?signal=pdq:{hash}");
    assert_eq!(
        ask("GET", &path, &[("X-Request-Id", "look-up-1")], b""),
        200
    );
    assert_eq!(
        ask(
            "GET",
            "/nothing/of/that",
            &[("X-Request-Id", "nothing-1")],
            b""
        ),
        404
    );
    // Who began the trace does not keep it.
    let dropped = format!("00-{}-{PARENT}-00", "a".repeat(32));
    let headers = [("traceparent", &*dropped), ("X-Request-Id", "dropped-1")];
    assert_eq!(ask("POST", "/v1/check", &headers, &png(2)), 200);
    // What waits is sent at the end.
    assert_eq!(node.stop(), 0);
    let spans = spans(&taken);
    let by_id = |id: &str| spans.iter().find(|span| attribute(span, "id") == id);

    let check = by_id("upload-1").expect("the span of the upload");
    assert_eq!(check["name"], "POST /v1/check");
    assert_eq!(check["traceId"], TRACE);
    assert_eq!(check["parentSpanId"], PARENT);
    assert_eq!(check["kind"], 2, "a server's: {check}");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/check"),
        ("http.response.status_code", "200"),
        ("error.type", ""),
    ] {
        assert_eq!(attribute(check, name), value, "{check}");
    }
    let time = |span: &Value, name: &str| -> u64 {
        let text = span[name].as_str().expect("nanoseconds");
        text.parse().expect("a number")
    };
    for part in ["body", "queue", "work"] {
        let is_part =
            |span: &&Value| span["name"] == part && span["parentSpanId"] == check["spanId"];
        let found: Vec<_> = spans.iter().filter(is_part).collect();
        assert_eq!(found.len(), 1, "{part}: {spans:?}");
        assert_eq!(found[0]["traceId"], TRACE);
        assert!(time(found[0], "startTimeUnixNano") >= time(check, "startTimeUnixNano"));
        assert!(time(found[0], "endTimeUnixNano") <= time(check, "endTimeUnixNano"));
    }
    let look_up = by_id("look-up-1").expect("the span of the look-up");
    assert_eq!(look_up["name"], "GET /v1/match");
    assert_ne!(look_up["traceId"], TRACE);
    let nothing = by_id("nothing-1").expect("the span of what there is not");
    assert_eq!(nothing["name"], "GET other");
    assert_eq!(attribute(nothing, "error.type"), "no-such-path");
    assert!(by_id("dropped-1").is_none());
    for (_, body) in &*taken.lock().expect("a list") {
        for secret in [&*hash, "signal=", "of/that", &"a".repeat(32)] {
            assert!(!body.contains(secret), "{secret}: {body}");
        }
    }
}

#[test]
fn a_collector_that_is_gone_holds_nothing_up_and_is_told_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    drop(listener);
    let node = node(at);
    let log = node.folder.path().join("log.txt");
    let read = || std::fs::read_to_string(&log).expect("a log");
    assert_eq!(node.post("/v1/check", &png(1)).action(), Some("block"));
    wait_until(|| read().contains("traces are lost"), "the loss is told");
    for _ in 0..5 {
        assert_eq!(node.post("/v1/check", &png(2)).action(), Some("none"));
    }
    let kept = tempfile::tempdir().expect("a folder");
    std::fs::hard_link(&log, kept.path().join("log.txt")).expect("a link");
    assert_eq!(node.stop(), 0);
    let said = std::fs::read_to_string(kept.path().join("log.txt")).expect("a log");
    assert_eq!(said.matches("traces are lost").count(), 1, "{said}");
}
