//! Thousands of hostile requests to a node that keeps banks: none is a 500, a panic, a fetch, a done deed, or changes a bank.
//!
//! No request that is made here asks well for a change that its caller may make. So whatever is done is wrong.

#![cfg(all(feature = "curation", feature = "service"))]

mod common;
mod curator_support;
mod hostile_support;
mod service_support;

use curator_support::{add, command, create, pdq, program, raw, record};
use hostile_support::{ADDRESSES, Draw, Hostile, NUMBERS, shown};
use serde_json::{Value, json};
use service_support::{Answer, Client, Node, form, png};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

/// Asks for the connection to be closed behind the answer.
const CLOSE: &str = "Connection: close\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

/// A request behind whose answer the connection is closed.
fn request(method: &'static str, path: &str, headers: &str, body: &[u8]) -> Hostile {
    hostile_support::request(method, path, &format!("{CLOSE}{headers}"), body)
}

/// Texts, as JSON, that no bank can be called.
const NAMES: [&str; 20] = [
    r#""""#,
    r#""known""#,
    r#""Known""#,
    r#"" KNOWN""#,
    r#""KNOWN ""#,
    r#""KN-OWN""#,
    r#""KNOWN\u0000""#,
    r#""KNOWN\n""#,
    r#""../KNOWN""#,
    r#""A/B""#,
    r#""\uff21""#,
    r#""KNOWN\u200b""#,
    r#""\ud800""#,
    r#""';DROP TABLE BANKS""#,
    r#""%00""#,
    "1",
    "[]",
    "{}",
    "true",
    "null",
];

/// Values, as JSON, that are no share of the uploads.
const RATIOS: [&str; 12] = [
    "-0.001", "1.001", "2", "-1", "1e308", r#""NaN""#, r#""inf""#, r#""""#, r#""0x1""#, "[]", "{}",
    r#""1;0""#,
];

/// Values, as JSON, until which nothing can be disabled.
const TIMES: [&str; 10] = [
    "-1",
    "1e99",
    "99999999999999",
    "18446744073709551616",
    "1.5",
    r#""0x10""#,
    r#""never""#,
    "[]",
    "{}",
    "true",
];

/// Hashes, as JSON, that are none.
const HASHES: [&str; 9] = [
    r#""""#,
    r#""0""#,
    r#""zz""#,
    r#""0000000000000000000000000000000000000000000000000000000000000000 ""#,
    r#""00000000000000000000000000000000000000000000000000000000000000000""#,
    r#""\u0000""#,
    "0",
    "[]",
    "{}",
];

const KINDS: [&str; 6] = ["pdq", "PDQ", "photodna", "", "pdq,video_md5", "../pdq"];

const METHODS: [&str; 4] = ["PUT", "POST", "DELETE", "PATCH"];

/// Names of banks in an address that lead to none.
const PLACES: [&str; 12] = [
    "NOBODY",
    "known",
    "..",
    "%2e%2e",
    "KNOWN%00",
    "KNOWN%2f..",
    "%ff",
    "KNOWN;x=1",
    "*",
    "%20",
    "KNOWN%0a",
    "..%2fKNOWN",
];

/// Numbers of entries in an address that are none of this node's.
const ENTRIES: [&str; 10] = [
    "0",
    "-1",
    "999999",
    "1.0",
    "18446744073709551616",
    "%00",
    "..",
    "1%20or%201",
    "NaN",
    "%31%00",
];

struct Maker {
    draw: Draw,
    port: u16,
    /// The entry of the bank KNOWN.
    entry: u64,
}

impl Maker {
    fn make(&mut self) -> Hostile {
        match self.draw.below(10) {
            0 => self.bank(),
            1 => self.entry(),
            2 => self.signal(),
            3 => self.content(),
            4 => self.place(),
            5 => self.exchange(),
            6 => self.of_another_site(),
            7 => self.cut(),
            8 => self.smuggled(),
            _ => self.bad_json(),
        }
    }

    /// A bank that cannot be called so, or be set to that.
    fn bank(&mut self) -> Hostile {
        let (name, ratio) = (self.draw.one(&NAMES), self.draw.one(&RATIOS));
        let long = format!("\"{}\"", "A".repeat(256 + self.draw.below(40_000)));
        match self.draw.below(6) {
            0 => request(
                "POST",
                "/c/banks",
                JSON,
                format!("{{\"name\":{name}}}").as_bytes(),
            ),
            1 => request(
                "POST",
                "/c/banks",
                JSON,
                format!("{{\"name\":{long}}}").as_bytes(),
            ),
            2 => request("POST", "/c/banks", JSON, br#"{"name":"KNOWN"}"#),
            3 => {
                let body = format!("{{\"name\":\"NEW\",\"enabled_ratio\":{ratio}}}");
                request("POST", "/c/banks", JSON, body.as_bytes())
            }
            4 => {
                let body = format!("{{\"enabled_ratio\":{ratio}}}");
                request("PUT", "/c/bank/KNOWN", JSON, body.as_bytes())
            }
            _ => request("PUT", "/c/bank/KNOWN", JSON, br#"{"name":"OTHER"}"#),
        }
    }

    /// An entry that is not there, or cannot be disabled so.
    fn entry(&mut self) -> Hostile {
        let (time, none) = (self.draw.one(&TIMES), self.draw.one(&ENTRIES));
        let entry = self.entry;
        let until = |time: &str| format!("{{\"disable_until_ts\":{time}}}").into_bytes();
        match self.draw.below(4) {
            0 => request(
                "PUT",
                &format!("/c/bank/KNOWN/content/{entry}"),
                JSON,
                &until(time),
            ),
            1 => request(
                "PUT",
                &format!("/c/bank/KNOWN/content/{none}"),
                JSON,
                &until("0"),
            ),
            // It is in another bank.
            2 => request(
                "PUT",
                &format!("/c/bank/OTHER/content/{entry}"),
                JSON,
                &until("0"),
            ),
            _ => request("DELETE", &format!("/c/bank/OTHER/content/{entry}"), "", b""),
        }
    }

    fn signal(&mut self) -> Hostile {
        let (kind, hash) = (self.draw.one(&KINDS), self.draw.one(&HASHES));
        let body = match self.draw.below(3) {
            0 => format!("{{\"pdq\":{hash}}}"),
            1 => format!("{{\"{kind}\":{hash}}}"),
            // A good hash beside one that is none.
            _ => format!("{{\"pdq\":\"{}\",\"video_md5\":{hash}}}", "5a".repeat(32)),
        };
        request("POST", "/c/bank/KNOWN/signal", JSON, body.as_bytes())
    }

    /// What is no picture, and addresses to fetch one from.
    fn content(&mut self) -> Hostile {
        let address = self.draw.one(&ADDRESSES);
        let address = address.replace("PORT", &self.port.to_string());
        let garbage = self.draw.bytes(400);
        let (kind, body) = match self.draw.below(6) {
            0 => form(&[("photo", Some("x"), &garbage)]),
            1 => form(&[
                ("photo", Some("x"), &garbage),
                ("photo", Some("x"), &garbage),
            ]),
            2 => form(&[("file", Some("x"), &png(3))]),
            3 => form(&[
                ("photo", Some("x"), &png(3)),
                ("metadata", None, b"{\"a\":"),
            ]),
            4 => form(&[("photo", None, &png(3))]),
            _ => {
                let path = format!("/c/bank/KNOWN/content?url={address}&content_type=photo");
                let method = self.draw.one::<&'static str>(&[&"POST", &"GET"]);
                return request(method, &path, JSON, b"{}");
            }
        };
        let kind = format!("Content-Type: {kind}\r\n");
        request("POST", "/c/bank/KNOWN/content", &kind, &body)
    }

    /// A path that leads nowhere, or out.
    fn place(&mut self) -> Hostile {
        let (place, entry) = (self.draw.one(&PLACES), self.draw.one(&ENTRIES));
        let method = self.draw.one::<&'static str>(&METHODS.each_ref());
        let path = match self.draw.below(4) {
            0 => format!("/c/bank/{place}/content/{entry}"),
            1 => format!("/c/bank/{place}/signal"),
            2 => format!("/c/bank/KNOWN/{place}"),
            _ => format!("/c/bank/{place}/content"),
        };
        let body = format!("{{\"pdq\":\"{}\",\"disable_until_ts\":0}}", pdq(3));
        request(method, &path, JSON, body.as_bytes())
    }

    /// An exchange that reads any file, or asks an address of this machine.
    fn exchange(&mut self) -> Hostile {
        let address = self.draw.one(&ADDRESSES);
        let address = address.replace("PORT", &self.port.to_string());
        let number = self.draw.one(&NUMBERS);
        let (method, path, body) = match self.draw.below(5) {
            0 => (
                "POST",
                "/c/exchanges",
                json!({ "bank": "LOCAL", "api": "local_file", "api_json": { "filename": "/etc/passwd" } }),
            ),
            1 => (
                "POST",
                "/c/exchanges",
                json!({ "bank": "NCMEC", "api": "ncmec", "api_json": { "environment": address } }),
            ),
            2 => (
                "POST",
                "/c/exchanges",
                json!({ "bank": "../X", "api": "sample", "api_json": {} }),
            ),
            3 => (
                "POST",
                "/c/exchanges",
                json!({ "bank": "X", "api": number, "api_json": {} }),
            ),
            _ => ("PUT", "/c/exchange/NOBODY", json!({ "enabled": number })),
        };
        request(method, path, JSON, body.to_string().as_bytes())
    }

    /// A good request, which a page of another site makes a browser send, or calls by a name of its own.
    fn of_another_site(&mut self) -> Hostile {
        let header = self.draw.one(&[
            "Origin: http://evil.example\r\n",
            "Origin: null\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n",
            "Host: evil.example\r\n",
        ]);
        let entry = self.entry;
        let (method, path, body) = match self.draw.below(5) {
            0 => (
                "POST",
                "/c/banks".to_owned(),
                r#"{"name":"EVIL"}"#.to_owned(),
            ),
            1 => ("DELETE", "/c/bank/KNOWN".to_owned(), String::new()),
            2 => (
                "DELETE",
                format!("/c/bank/KNOWN/content/{entry}"),
                String::new(),
            ),
            3 => (
                "PUT",
                "/c/bank/KNOWN".to_owned(),
                r#"{"enabled":false}"#.to_owned(),
            ),
            _ => {
                let body = format!("{{\"pdq\":\"{}\"}}", pdq(4));
                ("POST", "//c//bank/KNOWN/signal".to_owned(), body)
            }
        };
        request(method, &path, &format!("{JSON}{header}"), body.as_bytes())
    }

    /// A good request of which the end never comes.
    fn cut(&mut self) -> Hostile {
        let mut made = match self.draw.below(3) {
            0 => hostile_support::request("POST", "/c/banks", JSON, br#"{"name":"CUT"}"#),
            1 => hostile_support::request("PUT", "/c/bank/KNOWN", JSON, br#"{"enabled":false}"#),
            _ => {
                let body = format!("{{\"pdq\":\"{}\"}}", pdq(4));
                hostile_support::request("POST", "/c/bank/KNOWN/signal", JSON, body.as_bytes())
            }
        };
        let at = self.draw.below(made.bytes.len());
        made.bytes.truncate(at);
        made
    }

    /// A change in the body of another request, for those who count a body differently.
    fn smuggled(&mut self) -> Hostile {
        let inner = "DELETE /c/bank/KNOWN HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n";
        let chunked = "0\r\n\r\n";
        let length = chunked.len() + inner.len();
        let head = match self.draw.below(6) {
            0 => format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            1 => format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
            2 => format!("Content-Length: {length}\r\nContent-Length: 5\r\n"),
            3 => "Transfer-Encoding: xchunked\r\n".to_owned(),
            4 => "Transfer-Encoding: chunked, identity\r\n".to_owned(),
            _ => format!("Content-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n"),
        };
        let bytes = format!(
            "POST /c/banks HTTP/1.1\r\nHost: localhost\r\n{JSON}{head}\r\n{chunked}{inner}"
        );
        Hostile {
            bytes: bytes.into_bytes(),
            method: "POST",
        }
    }

    fn bad_json(&mut self) -> Hostile {
        let paths = [
            ("POST", "/c/banks".to_owned()),
            ("PUT", "/c/bank/NOBODY".to_owned()),
            ("POST", "/c/bank/KNOWN/signal".to_owned()),
            ("PUT", format!("/c/bank/KNOWN/content/{}", self.entry)),
        ];
        let (method, path) = &paths[self.draw.below(paths.len())];
        let body = match self.draw.below(6) {
            0 => "[".repeat(1 + self.draw.below(100_000)).into_bytes(),
            1 => "{\"name\":"
                .repeat(1 + self.draw.below(50_000))
                .into_bytes(),
            2 => {
                let long = "1".repeat(22 + self.draw.below(200_000));
                format!("{{\"disable_until_ts\":\"{long}\"}}").into_bytes()
            }
            3 => b"{\"name\":\"\\ud800\"}".to_vec(),
            4 => vec![b' '; self.draw.below(2_000_000)],
            _ => self.draw.bytes(200),
        };
        let kind = match (*method, self.draw.below(3)) {
            ("POST", 0) => "Content-Type: text/plain\r\n",
            _ => JSON,
        };
        request(method, path, kind, &body)
    }
}

/// All that the node keeps, as it shows it.
fn banks(at: std::net::SocketAddr, key: &str, entries: &[(&str, u64)]) -> Vec<Value> {
    let get = |path: &str| {
        let headers = [("Authorization", key)];
        let answer = Client::new(at).send("GET", path, &headers, b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let shown = entries.iter();
    let shown = shown.map(|(bank, entry)| {
        get(&format!(
            "/c/bank/{bank}/content/{entry}?include_signals=true"
        ))
    });
    [get("/c/banks")].into_iter().chain(shown).collect()
}

/// What of the record of calls says that something was done. Deleting what is not there is, as in HMA; what is there is
/// looked at by [`banks`].
fn done(folder: &Path) -> Vec<Value> {
    let lines = record(&folder.join("home"));
    lines
        .into_iter()
        .filter(|line| {
            line["outcome"] == "done"
                && !line["what"]
                    .as_str()
                    .is_some_and(|what| what.starts_with("delete"))
        })
        .collect()
}

/// Whether an answer says that something was changed. Deleting what is not there is done at once, as in HMA.
fn says_done(method: &str, answer: &Answer) -> bool {
    let nothing = [json!({ "deleted": 0 }), json!({ "message": "Done" })];
    (200..300).contains(&answer.status)
        && method != "GET"
        && !serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| nothing.contains(&body))
}

/// Sends what is made, and holds each answer to what may be.
fn send_all(
    at: std::net::SocketAddr,
    count: usize,
    mut make: impl FnMut() -> Hostile,
) -> BTreeMap<u16, usize> {
    let mut answered = BTreeMap::new();
    for number in 0..count {
        let hostile = make();
        let mut client = Client::new(at);
        // It may answer and close before all is sent.
        let _ = client.write(&hostile.bytes);
        // Who has left may get no answer, though something was done for him.
        if !hostile
            .bytes
            .windows(CLOSE.len())
            .any(|part| part == CLOSE.as_bytes())
        {
            client.end();
        }
        while let Some(answer) = client.read(hostile.method) {
            let sent = || {
                format!(
                    "request {number}: {}\n{}",
                    shown(&hostile.bytes),
                    answer.text()
                )
            };
            assert!(answer.status < 500 || answer.status == 503, "{}", sent());
            assert!(!says_done(hostile.method, &answer), "{}", sent());
            assert!(!answer.reads_as_clean(), "{}", sent());
            *answered.entry(answer.status).or_default() += 1;
        }
    }
    answered
}

#[test]
fn no_hostile_request_changes_a_bank() {
    const REQUESTS: usize = 5_000;
    let canary = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = canary.local_addr().expect("an address").port();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log.txt");
    let mut start = command(folder.path(), &["--max-body", "3000000"]);
    start.stderr(Stdio::from(std::fs::File::create(&log).expect("a file")));
    let node = Node::run(folder, start);
    let hash = pdq(1);
    create(&node, "KNOWN");
    create(&node, "OTHER");
    let entry = add(&node, "KNOWN", &hash);
    let other = add(&node, "OTHER", &pdq(2));
    let entries = [("KNOWN", entry), ("OTHER", other)];
    let before = (banks(node.at, "", &entries), done(node.folder.path()));
    let mut maker = Maker {
        draw: Draw(0x2545_f491_4f6c_dd1d),
        port,
        entry,
    };
    let answered = send_all(node.at, REQUESTS, || maker.make());
    let count: usize = answered.values().sum();
    assert!(count > REQUESTS / 2, "most are answered: {answered:?}");
    for status in [400, 403, 404, 405, 413, 415, 422] {
        assert!(answered.contains_key(&status), "{status}: {answered:?}");
    }
    assert_eq!(
        (banks(node.at, "", &entries), done(node.folder.path())),
        before
    );
    assert_eq!(raw(&node, &hash)["matches"], json!([entry]));
    canary.set_nonblocking(true).expect("set");
    let fetched = canary.accept().err().map(|error| error.kind());
    assert_eq!(fetched, Some(ErrorKind::WouldBlock), "somebody fetched");
    // It goes on.
    let path = format!("/c/bank/KNOWN/content/{entry}");
    assert_eq!(
        curator_support::delete(&node, &path).json(),
        json!({ "deleted": 1 })
    );
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(node.stop(), 0);
}

/// Good requests for changes, by callers who may not make them, in spellings that doors have missed.
#[test]
fn nobody_without_the_scope_changes_a_bank() {
    const REQUESTS: usize = 2_000;
    let folder = tempfile::tempdir().expect("a folder");
    let key = |name: &str, scopes: &str| {
        let made = program(folder.path())
            .args(["key", "create", name, "--scopes", scopes])
            .output()
            .expect("it runs");
        assert!(made.status.success(), "{made:?}");
        format!("Bearer {}", String::from_utf8_lossy(&made.stdout).trim())
    };
    let curates = key("curates", "curate");
    let reads = key("reads", "gate,match,hash,metrics");
    let start = command(folder.path(), &["--keys", "home/keys.json"]);
    let node = Node::run(folder, start);
    let send = |method: &str, path: &str, body: Value| {
        let headers = [
            ("Authorization", &*curates),
            ("Content-Type", "application/json"),
        ];
        let answer = node
            .connect()
            .send(method, path, &headers, body.to_string().as_bytes());
        assert!(answer.status < 300, "{answer:?}");
        answer.json()
    };
    send("POST", "/c/banks", json!({ "name": "KNOWN" }));
    let added = send("POST", "/c/bank/KNOWN/signal", json!({ "pdq": pdq(1) }));
    let entry = added["id"].as_u64().expect("a number");
    let entries = [("KNOWN", entry)];
    let before = (banks(node.at, &curates, &entries), done(node.folder.path()));
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let bare = curates.trim_start_matches("Bearer ").to_owned();
    let keys = [
        String::new(),
        format!("Authorization: {reads}\r\n"),
        format!("Authorization: {reads}\r\nX-HTTP-Method-Override: GET\r\n"),
        format!("Authorization: Basic {bare}\r\n"),
        format!("Authorization: {bare}\r\n"),
        format!("Authorization: Bearer {}\r\n", &bare[..bare.len() - 1]),
        format!("Authorization: Bearer {bare}x\r\n"),
        format!("Authorization: Bearer {}\r\n", bare.to_uppercase()),
        format!("Authorization: {reads}\r\nX-Authorization: {curates}\r\n"),
        format!("Proxy-Authorization: {curates}\r\n"),
        format!("Cookie: Authorization={bare}\r\n"),
        "Authorization: Bearer\r\n".to_owned(),
        "Authorization: Bearer \u{ff}\r\n".to_owned(),
        "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n".to_owned(),
        "Host: 127.0.0.1\r\nX-Original-URL: /status\r\n".to_owned(),
    ];
    let answered = send_all(node.at, REQUESTS, || {
        let (method, path, body) = match draw.below(6) {
            0 => (
                "POST",
                "/c/banks".to_owned(),
                r#"{"name":"EVIL"}"#.to_owned(),
            ),
            1 => ("DELETE", "/c/bank/KNOWN".to_owned(), String::new()),
            2 => (
                "DELETE",
                format!("/c/bank/KNOWN/content/{entry}"),
                String::new(),
            ),
            3 => (
                "PUT",
                format!("/c/bank/KNOWN/content/{entry}"),
                r#"{"disable_until_ts":0}"#.to_owned(),
            ),
            4 => (
                "PUT",
                "/c/bank/KNOWN".to_owned(),
                r#"{"enabled":false}"#.to_owned(),
            ),
            _ => (
                "POST",
                "/c/bank/KNOWN/signal".to_owned(),
                format!("{{\"pdq\":\"{}\"}}", pdq(4)),
            ),
        };
        let path = match draw.below(7) {
            0 => path.replace('/', "//"),
            1 => format!("/v1/live/..{path}"),
            2 => format!("/status{path}"),
            3 => format!("{path}?key={bare}&access_token={bare}"),
            4 => format!("{path}/"),
            5 => path.replacen("/c/", "/%63/", 1),
            _ => path,
        };
        let headers = format!("{JSON}{}", keys[draw.below(keys.len())]);
        request(method, &path, &headers, body.as_bytes())
    });
    let refused: usize = answered.values().sum();
    assert_eq!(refused, REQUESTS, "{answered:?}");
    let others: Vec<_> = answered
        .keys()
        .filter(|status| ![400, 401, 403, 404, 405].contains(*status))
        .collect();
    assert!(others.is_empty(), "{answered:?}");
    assert_eq!(
        (banks(node.at, &curates, &entries), done(node.folder.path())),
        before
    );
    assert_eq!(node.stop(), 0);
}
