//! Thousands of hostile requests, made by a generator: none is a 500, a panic, a fetch, or an answer that reads as clean.
//!
//! No request that is made here has a good upload or a good hash of something unknown. So whatever passes is wrong.

#![cfg(feature = "service")]

mod common;
mod hostile_support;
mod service_support;

use hashgate::hash::SignalType;
use hostile_support::{ADDRESSES, Draw, Hostile, NUMBERS, request, shown};
use service_support::{Answer, Client, Node, form, png, publish_known, signal};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::Stdio;

/// Most of what a port scan sends, and more.
const REQUESTS: usize = 6_000;

const PATHS: [&str; 16] = [
    "/v1/check",
    "/v1/match",
    "/v1/hash",
    "/h/hash",
    "/m/lookup",
    "/m/raw_lookup",
    "/m/compare",
    "/m/index/status",
    "/c/banks",
    "/c/bank/KNOWN",
    "/c/bank/KNOWN/content",
    "/c/exchanges",
    "/c/signal_type/index",
    "/status",
    "/metrics",
    "/v1/status",
];

const TRAVERSALS: [&str; 10] = [
    "/../../etc/passwd",
    "/v1/../../../etc/passwd",
    "/c/bank/..%2f..%2fetc%2fpasswd",
    "/c/bank/%2e%2e/%2e%2e/",
    "/..;/v1/check",
    "/v1/check%00",
    "/%5c..%5c..%5cwindows",
    "/c/bank/%ff%fe",
    "/v1//..//check/",
    "/c/bank/%252e%252e%252f",
];

struct Maker {
    draw: Draw,
    port: u16,
    /// A hash that is blocked, so that an answer without it would be wrong.
    known: String,
    upload: Vec<u8>,
}

impl Maker {
    fn make(&mut self) -> Hostile {
        match self.draw.below(10) {
            0 | 1 => self.bad_form(),
            2 => self.bad_header(),
            3 => self.address(),
            4 => self.traversal(),
            5 => self.numbers(),
            6 => self.bad_json(),
            7 => self.bad_upload(),
            8 => self.smuggled(),
            _ => self.spoiled(),
        }
    }

    /// A form that is none, or has what it should not.
    fn bad_form(&mut self) -> Hostile {
        let path = self
            .draw
            .one(&["/v1/check", "/v1/hash", "/h/hash", "/m/lookup"]);
        let garbage = self.draw.bytes(400);
        let long = "n".repeat(self.draw.below(40_000));
        let (kind, body) = match self.draw.below(9) {
            0 => form(&[
                ("photo", Some("x"), &garbage),
                ("photo", Some("x"), &garbage),
            ]),
            1 => form(&vec![("photo", None, &garbage[..]); 40]),
            2 => form(&[(&long, Some("x"), &garbage)]),
            3 => form(&[("photo", Some(&long), &garbage)]),
            4 => (
                "multipart/form-data".to_owned(),
                form(&[("photo", Some("x"), &garbage)]).1,
            ),
            5 => ("multipart/form-data; boundary=".to_owned(), garbage),
            6 => (
                "multipart/form-data; boundary=other".to_owned(),
                form(&[("a", Some("x"), b"1")]).1,
            ),
            7 => (format!("multipart/form-data; boundary={long}"), garbage),
            _ => {
                let (kind, body) = form(&[("photo", Some("../../x\0"), &garbage)]);
                (kind, self.draw.spoiled(body))
            }
        };
        request("POST", path, &format!("Content-Type: {kind}\r\n"), &body)
    }

    fn bad_header(&mut self) -> Hostile {
        let path = self.draw.one(&PATHS);
        let long = "h".repeat(self.draw.below(90_000));
        let many = "X-Many: 1\r\n".repeat(self.draw.below(200));
        let line = match self.draw.below(10) {
            0 => format!("X-Long: {long}\r\n"),
            1 => many,
            2 => "Content-Length: -5\r\n".to_owned(),
            3 => "Content-Length: 99999999999999999999999\r\n".to_owned(),
            4 => "X-Request-Id: a\u{1b}[31mb\r\n".to_owned(),
            5 => "Expect: 100-continue\r\nExpect: nothing\r\n".to_owned(),
            6 => "Authorization: Bearer \u{ff}\u{fe}\r\n".to_owned(),
            7 => "Connection: upgrade\r\nUpgrade: h2c\r\n".to_owned(),
            8 => " folded\r\n\tline: x\r\n".to_owned(),
            _ => "No colon here\r\n".to_owned(),
        };
        let garbage = self.draw.bytes(64);
        request("POST", path, &line, &garbage)
    }

    fn address(&mut self) -> Hostile {
        let path = self
            .draw
            .one(&["/h/hash", "/m/lookup", "/c/bank/KNOWN/content"]);
        let address = self
            .draw
            .one(&ADDRESSES)
            .replace("PORT", &self.port.to_string());
        let more = self.draw.one(&[
            "",
            "&content_type=photo",
            "&signal_type=pdq",
            "&types=pdq,md5",
        ]);
        let method = self.draw.one::<&'static str>(&[&"GET", &"POST"]);
        request(method, &format!("{path}?url={address}{more}"), "", b"")
    }

    fn traversal(&mut self) -> Hostile {
        let path = self.draw.one(&TRAVERSALS);
        let method = self
            .draw
            .one::<&'static str>(&[&"GET", &"POST", &"DELETE", &"PUT"]);
        request(method, path, "", b"")
    }

    fn numbers(&mut self) -> Hostile {
        let number = self.draw.one(&NUMBERS);
        let name = self.draw.one(&[
            "wait",
            "within",
            "most",
            "seed",
            "enforce",
            "include_distance",
        ]);
        let known = self.known.clone();
        let garbage = self.draw.bytes(30);
        match self.draw.below(4) {
            0 => request(
                "POST",
                &format!("/v1/check?{name}={number}"),
                "",
                &[b"x", &garbage[..]].concat(),
            ),
            1 => request(
                "GET",
                &format!("/v1/match?signal={known}&{name}={number}"),
                "",
                b"",
            ),
            2 => {
                let path = format!("/m/raw_lookup?signal_type=pdq&signal={known}&{name}={number}");
                request("GET", &path, "", b"")
            }
            _ => {
                let body = format!("{{\"signals\":[\"{known}\"],\"{name}\":{number}}}");
                request("POST", "/v1/match", "", body.as_bytes())
            }
        }
    }

    fn bad_json(&mut self) -> Hostile {
        let path = self.draw.one(&["/v1/match", "/m/compare"]);
        let body = match self.draw.below(7) {
            0 => "[".repeat(self.draw.below(100_000)).into_bytes(),
            1 => "{\"pdq\":".repeat(self.draw.below(50_000)).into_bytes(),
            2 => format!("{{\"signals\":[{}\"x\"]}}", "\"x\",".repeat(2_000)).into_bytes(),
            3 => format!(
                "{{\"signals\":[\"{}\"]}}",
                "a".repeat(self.draw.below(200_000))
            )
            .into_bytes(),
            4 => b"{\"signals\":[\"pdq:\\ud800\",\"\\u0000\",\"\"]}".to_vec(),
            5 => b"{\"pdq\":[1e999,null]}".to_vec(),
            _ => self.draw.bytes(200),
        };
        request("POST", path, "Content-Type: application/json\r\n", &body)
    }

    /// Bytes that claim to be a picture.
    fn bad_upload(&mut self) -> Hostile {
        let path = self.draw.one(&[
            "/v1/check",
            "/v1/check?enforce=true",
            "/v1/hash",
            "/v1/hash?types=pdq,sha256",
        ]);
        let body = match self.draw.below(4) {
            0 => self.draw.bytes(500),
            1 => {
                let at = self.draw.below(self.upload.len() / 2);
                self.upload[..at].to_vec()
            }
            2 => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0"
                .to_vec(),
            _ => [&b"\xff\xd8\xff\xe0"[..], &self.draw.bytes(300)].concat(),
        };
        request("POST", path, "", &body)
    }

    /// Two requests in one, for those who count a body differently.
    fn smuggled(&mut self) -> Hostile {
        let inner = "POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx";
        let head = match self.draw.below(6) {
            0 => "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            1 => "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            2 => "Content-Length: 5\r\nContent-Length: 6\r\n",
            3 => "Transfer-Encoding: xchunked\r\n",
            4 => "Transfer-Encoding: chunked, identity\r\n",
            _ => "Transfer-Encoding:\x0bchunked\r\n",
        };
        let bytes =
            format!("POST /v1/check HTTP/1.1\r\nHost: localhost\r\n{head}\r\n0\r\n\r\n{inner}");
        Hostile {
            bytes: bytes.into_bytes(),
            method: "POST",
        }
    }

    /// A good request about what is known, spoiled. Its upload stands in the body's middle, so it is hardly whole.
    fn spoiled(&mut self) -> Hostile {
        let known = self.known.clone();
        let mut made = match self.draw.below(3) {
            0 => request("GET", &format!("/v1/match?signal={known}"), "", b""),
            1 => request(
                "GET",
                &format!("/m/lookup?signal_type=pdq&signal={known}"),
                "",
                b"",
            ),
            _ => request("POST", "/v1/hash", "", b"some bytes"),
        };
        let end = made
            .bytes
            .len()
            .min(made.bytes.iter().position(|b| *b == b'\n').unwrap_or(0));
        // The address stays as it is: another hash could be a good question.
        let rest = made.bytes.split_off(end);
        let rest = self.draw.spoiled(rest);
        made.bytes.extend(rest);
        made
    }
}

/// Whether somebody could take an answer to mean that nothing is known.
fn reads_as_clean(answer: &Answer) -> bool {
    let nothing = [&b"{}\n"[..], b"{\"matches\":[]}\n", b"{\"pdq\":{}}\n"];
    answer.reads_as_clean() || (answer.status == 200 && nothing.contains(&&*answer.body))
}

#[test]
fn no_hostile_request_is_a_500_a_fetch_a_panic_or_clean() {
    let canary = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = canary.local_addr().expect("an address").port();
    let folder = tempfile::tempdir().expect("a folder");
    publish_known(&folder.path().join("index"), 1);
    let log = folder.path().join("log.txt");
    let mut command = Node::command(folder.path());
    command
        .args(["--listen", "127.0.0.1:0", "--max-body", "3000000"])
        .stderr(Stdio::from(std::fs::File::create(&log).expect("a file")));
    let node = Node::run(folder, command);
    node.wait_ready();
    let known = signal(&png(1), SignalType::Pdq).hex();
    let mut maker = Maker {
        draw: Draw(0x9e37_79b9_7f4a_7c15),
        port,
        known,
        upload: png(2),
    };
    let mut answered = std::collections::BTreeMap::<u16, usize>::new();
    for number in 0..REQUESTS {
        let hostile = maker.make();
        let mut client = Client::new(node.at);
        // It may answer and close before all is sent.
        let _ = client.write(&hostile.bytes);
        client.end();
        while let Some(answer) = client.read(hostile.method) {
            let sent = || format!("request {number}: {}\n{answer:?}", shown(&hostile.bytes));
            assert!(answer.status < 500 || answer.status == 503, "{}", sent());
            assert!(!reads_as_clean(&answer), "{}", sent());
            *answered.entry(answer.status).or_default() += 1;
        }
    }
    let count: usize = answered.values().sum();
    assert!(count > REQUESTS / 2, "most are answered: {answered:?}");
    for status in [400, 403, 404, 415, 422] {
        assert!(answered.contains_key(&status), "{status}: {answered:?}");
    }
    canary.set_nonblocking(true).expect("set");
    let fetched = canary.accept().err().map(|error| error.kind());
    assert_eq!(fetched, Some(ErrorKind::WouldBlock), "somebody fetched");
    assert_eq!(node.post("/v1/check", &png(1)).action(), Some("block"));
    assert_eq!(node.post("/v1/check", &png(2)).action(), Some("none"));
    let said = std::fs::read_to_string(&log).expect("a log");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(node.stop(), 0);
}
