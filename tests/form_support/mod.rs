//! The upload forms of `examples/upload_form`, each at a free port, and what they keep.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

#[path = "../../examples/upload_form/main.rs"]
mod upload_form;

use crate::common::{Watched, shipped_pictures, watched};
use crate::service_support::{Answer, Client, Entries, Node, form, publish_to, signal};
use hashgate::bank::Action;
use hashgate::hash::SignalType;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is written in which language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Links the gate.
    Rust,
    /// Asks a node.
    Python,
}

/// A form that listens.
pub struct Form {
    pub at: SocketAddr,
    /// Where it keeps pictures.
    pub kept: PathBuf,
    folder: tempfile::TempDir,
    program: Option<Watched>,
    node: Option<Node>,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/upload_form")
}

/// An index that blocks the shipped pictures; the rocket is for a person to look at.
pub fn publish_shipped(index: &Path) {
    let (mut block, mut review) = (Vec::new(), Vec::new());
    for (number, (name, bytes)) in (1..).zip(shipped_pictures("known")) {
        let entry = (number, vec![signal(&bytes, SignalType::Pdq)]);
        match name.contains("rocket") {
            true => review.push(entry),
            false => block.push(entry),
        }
    }
    assert!(!block.is_empty() && !review.is_empty());
    let banks = [
        Entries::new("KNOWN", Action::Block, block),
        Entries::new("LOOKED_AT", Action::Review, review),
    ];
    publish_to(index, &banks);
}

/// The form in Python, which asks at an address.
pub fn python(kept: &Path, node: SocketAddr, key: Option<&str>) -> (SocketAddr, Watched) {
    let mut command = Command::new("python3");
    command
        .arg(folder().join("upload_form.py"))
        .args(["--listen", "127.0.0.1:0", "--node"])
        .arg(format!("http://{node}"))
        .arg("--folder")
        .arg(kept)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("HASHGATE_KEY")
        .stdout(Stdio::piped());
    if let Some(key) = key {
        command.env("HASHGATE_KEY", key);
    }
    let mut program = watched(&mut command);
    let mut out = BufReader::new(program.stdout.take().expect("piped"));
    let mut line = String::new();
    out.read_line(&mut line).expect("it says where it listens");
    let at = line.trim().strip_prefix("listening at http://");
    let at = at.unwrap_or_else(|| panic!("{line:?}"));
    (at.parse().expect("an address"), program)
}

impl Form {
    /// A form before the index of [`publish_shipped`].
    pub fn start(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let kept = folder.path().join("kept");
        match kind {
            Kind::Rust => {
                let index = folder.path().join("index");
                publish_shipped(&index);
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
                let at = listener.local_addr().expect("an address");
                let to = kept.clone();
                std::thread::spawn(move || {
                    let served = upload_form::serve(listener, &index, &to);
                    panic!("the form ended: {served:?}");
                });
                Self {
                    at,
                    kept,
                    folder,
                    program: None,
                    node: None,
                }
            }
            Kind::Python => {
                let node = Node::start(|folder| publish_shipped(&folder.join("index")), &[]);
                node.wait_ready();
                let (at, program) = python(&kept, node.at, None);
                Self {
                    at,
                    kept,
                    folder,
                    program: Some(program),
                    node: Some(node),
                }
            }
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        Client::new(self.at).send("GET", path, &[], b"")
    }

    pub fn upload(&self, lang: &str, picture: &[u8]) -> Answer {
        upload(self.at, lang, picture)
    }

    /// The files that it keeps in one of its folders.
    pub fn files(&self, of: &str) -> Vec<Vec<u8>> {
        files(&self.kept.join(of))
    }
}

/// Sends a picture as the page's form does.
pub fn upload(at: SocketAddr, lang: &str, picture: &[u8]) -> Answer {
    let (kind, body) = form(&[("picture", Some("a.jpg"), picture)]);
    let headers = [("Content-Type", &*kind)];
    Client::new(at).send("POST", &format!("/upload?lang={lang}"), &headers, &body)
}

/// All files in a folder, those of unfinished names too.
pub fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file"))
        .collect()
}
