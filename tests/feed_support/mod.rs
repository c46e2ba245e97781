//! A static file server as hosting companies have it, a publisher's home and a subscriber's.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test uses its own part of it"
)]

use hashgate::bank::{
    Action, BankName, ContentId, ContentSignal, ContentState, Policy, Provenance,
};
use hashgate::curation::exchange::{
    Credentials, ExchangeError, Exchanges, FetchOptions, FetchRecord, FetchWatch, NewExchange,
};
use hashgate::curation::feed::{self, FeedError, FeedOptions, FeedOutcome, FolderShelf, Shelf};
use hashgate::curation::{Observer, Silent, Workspace, bundle};
use hashgate::store::{BankStore, NewItem};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What a server does with a path that ends so.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Of its bytes only so many are sent.
    Cut(usize),
    /// One bit of the byte at this place is another.
    Flip(usize),
    /// This stands behind it.
    More(Vec<u8>),
    /// These bytes in its place.
    Instead(Vec<u8>),
}

/// A server of the files in a folder: `GET`, `ETag`, `If-None-Match`, nothing else.
pub struct Site {
    pub folder: PathBuf,
    address: String,
    faults: Arc<Mutex<BTreeMap<String, Fault>>>,
    log: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

impl Site {
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let site = Self {
            folder: folder.to_owned(),
            address,
            faults: Arc::default(),
            log: Arc::default(),
            is_over: Arc::default(),
        };
        let (folder, faults) = (site.folder.clone(), site.faults.clone());
        let (log, is_over) = (site.log.clone(), site.is_over.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                // Who asks may have gone.
                let _ = stream.and_then(|stream| answer(&stream, &folder, &faults, &log));
            }
        });
        site
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    pub fn fault(&self, path: &str, fault: Fault) {
        let mut faults = self.faults.lock().expect("no panic");
        faults.insert(path.to_owned(), fault);
    }

    pub fn mend(&self) {
        self.faults.lock().expect("no panic").clear();
    }

    /// What was asked since this was asked last: status and path, the digest of a content-named file cut to its ending.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().expect("no panic"))
    }

    /// The path below the folder of the file of a feed with this ending.
    pub fn file(&self, below: &str, ending: &str) -> String {
        let entries = std::fs::read_dir(self.folder.join(below)).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.into_string().expect("a name"))
            .filter(|name| name.ends_with(ending))
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
        format!("{below}/{}", names.remove(0))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address.trim_start_matches("http://"));
    }
}

fn answer(
    stream: &TcpStream,
    folder: &Path,
    faults: &Mutex<BTreeMap<String, Fault>>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut known) = (String::new(), None);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(etag) = line.to_ascii_lowercase().strip_prefix("if-none-match:") {
            known = Some(etag.trim().to_owned());
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let path = path.trim_start_matches('/').to_owned();
    let fault = faults.lock().expect("no panic").get(&path).cloned();
    let bytes = match &fault {
        Some(Fault::Instead(bytes)) => Some(bytes.clone()),
        _ => std::fs::read(folder.join(&path)).ok(),
    };
    let etag = bytes.as_ref().map(|bytes| {
        let sum = bytes.iter().fold(0_u64, |sum, &byte| {
            sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte)
        });
        format!("\"{sum:x}\"")
    });
    let status = match (&bytes, &etag) {
        (None, _) => 404,
        (_, etag) if etag.is_some() && *etag == known && fault.is_none() => 304,
        _ => 200,
    };
    let shown = match path.rsplit_once('/') {
        Some((_, file)) => file.rsplit_once('.').unwrap_or_default().1,
        None => &path,
    };
    log.lock()
        .expect("no panic")
        .push(format!("{status} {shown}"));
    let mut out = stream;
    write!(out, "HTTP/1.1 {status} -\r\nConnection: close\r\n")?;
    if let Some(etag) = etag {
        write!(out, "ETag: {etag}\r\n")?;
    }
    if status == 304 {
        return write!(out, "\r\n");
    }
    let mut bytes = bytes.unwrap_or_default();
    let mut sent = bytes.len();
    match fault {
        Some(Fault::Cut(at)) => sent = at.min(sent),
        Some(Fault::Flip(at)) => bytes[at] ^= 1,
        Some(Fault::More(more)) => {
            bytes.extend(more);
            sent = bytes.len();
        }
        Some(Fault::Instead(_)) | None => {}
    }
    write!(out, "Content-Length: {}\r\n\r\n", bytes.len())?;
    out.write_all(&bytes[..sent])
}

pub fn name(text: &str) -> BankName {
    text.parse().expect("a name")
}

/// The MD5 that stands for an entry.
fn signal(number: u64) -> ContentSignal {
    let hex = format!("md5:{number:032x}");
    ContentSignal::new(hex.parse().expect("a hash"), None)
}

/// A home with a bank LIST, its keys, and the folder that it publishes to.
pub struct Publisher {
    _folder: tempfile::TempDir,
    pub workspace: Workspace,
    pub key: PathBuf,
    pub public_key: String,
    pub place: PathBuf,
}

impl Publisher {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let workspace = Workspace::at(folder.path().join("home")).expect("a workspace");
        workspace.create().expect("a folder");
        let key = folder.path().join("key");
        let keys = bundle::make_keys(&key).expect("keys");
        let store = BankStore::open(workspace.store()).expect("a store");
        let made = store.create_bank(&name("LIST"), Policy::new(Action::Block));
        made.expect("a bank");
        Self {
            workspace,
            key,
            public_key: keys.public_key,
            place: folder.path().join("site"),
            _folder: folder,
        }
    }

    /// Adds entries of these numbers.
    pub fn add(&self, numbers: impl IntoIterator<Item = u64>) {
        let store = BankStore::open(self.workspace.store()).expect("a store");
        let bank = store.bank(&name("LIST")).expect("a bank").id;
        let items: Vec<NewItem> = (numbers.into_iter())
            .map(|number| NewItem {
                signals: vec![signal(number)],
                opaque: Vec::new(),
                is_partial: false,
                labels: vec!["category:2".to_owned()],
                provenance: Provenance {
                    source: "desk".to_owned(),
                    record: Some(format!("case-{number}")),
                    added_at: 7,
                    ..Provenance::default()
                },
            })
            .collect();
        for items in items.chunks(BankStore::BATCH) {
            store.add(bank, items).expect("added");
        }
    }

    /// Takes back entries of these numbers.
    pub fn withdraw(&self, numbers: impl IntoIterator<Item = u64>) {
        let store = BankStore::open(self.workspace.store()).expect("a store");
        for number in numbers {
            let found = store.find(&signal(number).signal).expect("looked up");
            let id: ContentId = *found.first().expect("an entry");
            assert!(store.withdraw(id, 9).expect("withdrawn"));
        }
    }

    pub fn standing(&self) -> BTreeSet<String> {
        let store = BankStore::open_read_only(self.workspace.store()).expect("a store");
        standing(&store, &name("LIST"))
    }

    pub fn options(&self) -> FeedOptions {
        FeedOptions::new(name("LIST"), &self.key)
    }

    pub fn shelf(&self) -> FolderShelf {
        FolderShelf::at(&self.place).expect("a folder")
    }

    pub fn publish_by(
        &self,
        options: &FeedOptions,
        shelf: &dyn Shelf,
    ) -> Result<FeedOutcome, FeedError> {
        feed::publish(&self.workspace, options, shelf, &Silent)
    }

    pub fn publish(&self) -> FeedOutcome {
        let done = self.publish_by(&self.options(), &self.shelf());
        done.expect("published")
    }
}

/// The hashes of a bank that match.
fn standing(store: &BankStore, bank: &BankName) -> BTreeSet<String> {
    let bank = store.bank(bank).expect("a bank");
    let items = store.items(bank.id).map(|item| item.expect("read"));
    let active = items.filter(|item| item.state == ContentState::Active);
    active
        .flat_map(|item| item.signals)
        .map(|entry| entry.signal.to_string())
        .collect()
}

/// A home with an exchange FEED.
pub struct Subscriber {
    _folder: tempfile::TempDir,
    pub workspace: Workspace,
    pub store: BankStore,
}

impl Subscriber {
    pub fn of(url: &str, public_key: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let workspace = Workspace::at(folder.path().join("home")).expect("a workspace");
        workspace.create().expect("a folder");
        let store = BankStore::open(workspace.store()).expect("a store");
        let mut new = NewExchange::new(name("FEED"), "bundle");
        let config = json!({ "url": url, "public_key": public_key });
        new.config = config.as_object().cloned().expect("an object");
        let mut all = Exchanges::of(&workspace).expect("a list");
        all.add(&store, new).expect("made");
        Self {
            _folder: folder,
            workspace,
            store,
        }
    }

    /// Fetches; also how often it was told that entries no longer match.
    pub fn fetch_by(
        &self,
        options: &FetchOptions,
        observer: &dyn Observer,
    ) -> (Result<FetchRecord, ExchangeError>, u32) {
        let mut all = Exchanges::of(&self.workspace).expect("a list");
        let secrets = Credentials::of(&self.workspace).expect("none");
        let ready = all.ready(&self.store, &name("FEED"), &secrets);
        let ready = ready.expect("it can be fetched");
        let mut told = 0;
        let mut stopped = || told += 1;
        let mut watch = FetchWatch {
            observer,
            stopped: &mut stopped,
        };
        let fetched = ready.fetch(&self.store, options, &mut watch);
        (fetched, told)
    }

    pub fn try_fetch(&self) -> Result<FetchRecord, ExchangeError> {
        self.fetch_by(&FetchOptions::default(), &Silent).0
    }

    #[track_caller]
    pub fn fetch(&self) -> FetchRecord {
        self.try_fetch().expect("fetched")
    }

    /// A fetch that must be refused, and change nothing, and say this.
    #[track_caller]
    pub fn refused(&self, said: &str) {
        let before = self.standing();
        let error = self.try_fetch().expect_err(said).to_string();
        assert!(error.contains(said), "{said}: {error}");
        assert_eq!(self.standing(), before, "{said}");
    }

    pub fn standing(&self) -> BTreeSet<String> {
        standing(&self.store, &name("FEED"))
    }

    /// What the entries' sources say.
    pub fn sources(&self) -> Vec<Provenance> {
        let bank = self.store.bank(&name("FEED")).expect("a bank");
        let items = self.store.items(bank.id).map(|item| item.expect("read"));
        items.map(|item| item.provenance).collect()
    }
}
