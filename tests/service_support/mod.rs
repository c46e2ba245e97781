//! A node that listens at a free port, an index for it, and a client that sends what it is told to.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use crate::common::{Watched, picture, wait_until, watched};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Extraction, Extractor, VariantSet};
use hashgate::hash::{Signal, SignalType};
use hashgate::index::{IndexRecord, PublishOptions, publish};
use hashgate::media::Limits;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A picture as an upload brings it.
pub fn png(seed: u32) -> Vec<u8> {
    png_of(&picture(seed, 320, 240))
}

/// As [`png`], of these pixels.
pub fn png_of(pixels: &image::RgbImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    pixels
        .write_to(&mut bytes, image::ImageFormat::Png)
        .expect("memory");
    bytes.into_inner()
}

/// A picture with nothing in it.
pub fn blank() -> Vec<u8> {
    png_of(&image::RgbImage::from_pixel(
        200,
        200,
        image::Rgb([250, 250, 250]),
    ))
}

/// The hashes of an upload, by the library.
pub fn hashes(bytes: &[u8]) -> Extraction {
    let kinds = [SignalType::Pdq, SignalType::Md5, SignalType::Sha256];
    Extractor::default().extract(bytes, &kinds, VariantSet::NONE, &Limits::default())
}

/// One kind of an upload's hashes.
pub fn signal(bytes: &[u8], kind: SignalType) -> Signal {
    let hashed = hashes(bytes);
    let mut all = hashed.signals.into_iter();
    all.find(|signal| signal.signal_type() == kind)
        .expect("it was hashed")
}

/// A bank, and the hashes of its entries.
pub struct Entries {
    pub name: &'static str,
    pub policy: Policy,
    pub entries: Vec<(u64, Vec<Signal>)>,
}

impl Entries {
    pub fn new(name: &'static str, action: Action, entries: Vec<(u64, Vec<Signal>)>) -> Self {
        Self {
            name,
            policy: Policy::new(action),
            entries,
        }
    }
}

/// Publishes these banks as the next generation.
pub fn publish_to(folder: &Path, banks: &[Entries]) -> u64 {
    let mut records = Vec::new();
    let mut all = Vec::new();
    for (number, bank) in (1..).zip(banks) {
        all.push(Bank {
            id: BankId(number),
            name: bank.name.parse().expect("a name"),
            policy: bank.policy.clone(),
        });
        for (content, signals) in &bank.entries {
            records.extend(signals.iter().map(|signal| IndexRecord {
                bank: BankId(number),
                content: ContentId(*content),
                signal: *signal,
                quality: None,
            }));
        }
    }
    let records = records.into_iter().map(Ok::<_, std::io::Error>);
    let published = publish(folder, &all, records, &PublishOptions::default());
    published.expect("it is published").generation
}

/// The picture of this seed, blocked by the bank `KNOWN`, and nothing else.
pub fn publish_known(folder: &Path, seed: u32) -> u64 {
    let bytes = png(seed);
    let signals = vec![
        signal(&bytes, SignalType::Pdq),
        signal(&bytes, SignalType::Md5),
    ];
    let bank = Entries::new("KNOWN", Action::Block, vec![(16, signals)]);
    publish_to(folder, &[bank])
}

/// A program that serves, and its folder.
pub struct Node {
    pub folder: tempfile::TempDir,
    pub at: SocketAddr,
    child: Watched,
}

impl Node {
    /// Serves the index in `index` below a new folder, which `prepare` may fill, with these arguments.
    pub fn start(prepare: impl FnOnce(&Path), arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let mut command = Self::command(folder.path());
        command.args(["--listen", "127.0.0.1:0"]).args(arguments);
        if !arguments.contains(&"--wait") {
            // Nothing here is about how fast a machine is.
            command.args(["--wait", "600000"]);
        }
        Self::run(folder, command)
    }

    /// The program, told where its index is.
    pub fn command(folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
        command
            .current_dir(folder)
            .env("HASHGATE_HOME", folder.join("home"))
            .args(["serve", "--index", "index"])
            .stdout(Stdio::piped());
        command
    }

    /// Starts a program that listens at a port of 127.0.0.1 first.
    pub fn run(folder: tempfile::TempDir, mut command: Command) -> Self {
        let mut child = watched(&mut command);
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("it says where it listens");
        let at = line
            .split_whitespace()
            .nth(2)
            .unwrap_or_else(|| panic!("{line:?}"));
        let at = at.parse().unwrap_or_else(|e| panic!("{e}: {line:?}"));
        Self { folder, at, child }
    }

    pub fn index(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> Client {
        Client::new(self.at)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.connect().send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.connect().send("POST", path, &[], body)
    }

    pub fn post_json(&self, path: &str, body: &serde_json::Value) -> Answer {
        let kind = [("Content-Type", "application/json")];
        let body = body.to_string();
        self.connect().send("POST", path, &kind, body.as_bytes())
    }

    /// Posts a form.
    pub fn post_form(&self, path: &str, parts: &[Part<'_>]) -> Answer {
        let (kind, body) = form(parts);
        self.connect()
            .send("POST", path, &[("Content-Type", &kind)], &body)
    }

    /// Waits until it is ready.
    pub fn wait_ready(&self) {
        wait_until(|| self.get("/v1/ready").status == 200, "the node is ready");
    }

    /// Asks it to stop, and gives its exit code.
    pub fn stop(self) -> i32 {
        let id = self.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status();
        assert!(killed.expect("kill runs").success());
        self.child
            .output()
            .status
            .code()
            .expect("it was not killed")
    }
}

/// A part of a form: its name, its file name, its bytes.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A form: its type, and its body.
pub fn form(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, file, bytes) in parts {
        let file = file.map_or(String::new(), |file| format!("; filename=\"{file}\""));
        let head =
            format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    ("multipart/form-data; boundary=edge".to_owned(), body)
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The action in a word.
    pub fn action(&self) -> Option<&str> {
        self.header("hashgate-action")
    }

    /// Whether somebody who reads it by the page on the service would let the upload pass.
    pub fn reads_as_clean(&self) -> bool {
        self.status == 200 && matches!(self.action(), Some("none" | "report" | "allow"))
    }
}

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn new(at: SocketAddr) -> Self {
        let stream = TcpStream::connect(at).expect("it listens");
        // A node that never answers fails the test.
        stream
            .set_read_timeout(Some(Duration::from_secs(120)))
            .expect("a timeout");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are. The other side may have closed.
    pub fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Ends this side of the connection.
    pub fn end(&mut self) {
        let _ = self.stream.get_mut().shutdown(std::net::Shutdown::Write);
    }

    /// Sends a request on this connection, and reads its answer.
    #[track_caller]
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        // It may refuse by the header, and close.
        let _ = self.write(head.as_bytes()).and_then(|()| self.write(body));
        self.read(method).expect("an answer")
    }

    /// Reads an answer; `None` where the connection was closed.
    pub fn read(&mut self, method: &str) -> Option<Answer> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        if !matches!(read, Ok(1..)) {
            return None;
        }
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a number"));
        let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
        self.stream.read_exact(&mut body).ok()?;
        Some(Answer {
            status,
            headers,
            body,
        })
    }
}
