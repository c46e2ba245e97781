//! What an operator can set: the section `[service]` of a file, and flags over it.
//!
//! Owns each setting's default and range. Refuses to open the index or a socket.

use crate::gate::{Isolation, VariantSet};
use crate::hash::SignalType;
use crate::index::Memory;
use crate::service::clients::{ExactDistance, HmaMetadata, LowQuality};
use crate::service::collector::Collector;
use crate::service::unusable::SettingsError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Most requests a second that can be said.
pub(super) const MAX_RATE: u32 = 1_000_000;

/// What a listener serves, and what a key may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Uploads judged: `/v1/check`.
    Gate,
    /// Hashes looked up: `/v1/match`, `/m/…`, and the banks' names.
    Match,
    /// Uploads hashed: `/v1/hash`, `/h/hash`.
    Hash,
    /// `/metrics`.
    Metrics,
    /// Banks changed, and their entries shown: `/c/…`, `/v1/banks`, `/v1/jobs` and more. Served by a node that holds the store alone.
    Curate,
    /// What concerns all of a node: its log of decisions (`/v1/decisions`), an index that is written anew.
    Admin,
    /// Hashes of uploads that other nodes have judged, kept: `/v1/uploads`. Served by a node that keeps banks.
    Remember,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 7] = [
        Self::Gate,
        Self::Match,
        Self::Hash,
        Self::Metrics,
        Self::Curate,
        Self::Admin,
        Self::Remember,
    ];

    /// The roles that change nothing: what is served where no role is named.
    pub const READING: [Self; 4] = [Self::Gate, Self::Match, Self::Hash, Self::Metrics];

    /// The name, as it is typed and written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Match => "match",
            Self::Hash => "hash",
            Self::Metrics => "metrics",
            Self::Curate => "curate",
            Self::Admin => "admin",
            Self::Remember => "remember",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Role {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.name() == text)
            .ok_or_else(|| SettingsError::Role {
                given: text.chars().take(64).collect(),
            })
    }
}

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// An address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl Listen {
    /// Whether the system chooses the port.
    const fn is_any_port(&self) -> bool {
        matches!(self, Self::Tcp(address) if address.port() == 0)
    }

    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One listener: where, and what it serves.
///
/// ```
/// use hashgate::service::{Listener, Role};
/// let one: Listener = "127.0.0.1:8710=gate,match".parse()?;
/// assert!(one.at.is_local());
/// assert_eq!(one.roles, [Role::Gate, Role::Match]);
/// assert!("example.org:80".parse::<Listener>().is_err(), "an address, not a name");
/// # Ok::<(), hashgate::service::SettingsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listener {
    /// The address.
    pub at: Listen,
    /// What it serves; empty: what [`Settings::roles`] says.
    pub roles: Vec<Role>,
}

impl FromStr for Listener {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let (at, roles) = match text.rsplit_once('=') {
            Some((at, roles)) => (at, roles.split(',').map(str::parse).collect()),
            None => (text, Ok(Vec::new())),
        };
        let roles = roles?;
        let bad = || SettingsError::Address {
            given: text.chars().take(256).collect(),
        };
        let at = match at.strip_prefix("unix:") {
            Some("") => return Err(bad()),
            Some(path) => Listen::Unix(path.into()),
            None => {
                let numbers = match at.strip_prefix("localhost:") {
                    Some(port) => format!("127.0.0.1:{port}"),
                    None => at.to_owned(),
                };
                Listen::Tcp(numbers.parse().map_err(|_| bad())?)
            }
        };
        Ok(Self { at, roles })
    }
}

/// The section `[service]` of a file, as it is typed. What is absent says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SettingsFile {
    /// The index folder.
    pub index: Option<PathBuf>,
    /// The home folder, whose banks the role `curate` keeps.
    pub home: Option<PathBuf>,
    /// Milliseconds without a change after which changes are published.
    pub publish_after: Option<u64>,
    /// Addresses, with roles behind `=`.
    pub listen: Option<Vec<String>>,
    /// What listeners serve that name no roles.
    pub roles: Option<Vec<Role>>,
    /// Which forms of a picture are asked about.
    pub variants: Option<String>,
    /// What is looked at in a process of its own.
    pub isolate: Option<String>,
    /// Threads that look at uploads.
    pub workers: Option<u64>,
    /// Uploads that wait for a thread.
    pub queue: Option<u64>,
    /// Most bytes of a request's body.
    pub max_body: Option<u64>,
    /// Most bytes of all bodies together.
    pub body_memory: Option<u64>,
    /// Most bytes of a list that is imported.
    pub max_list: Option<u64>,
    /// The node that hashes of judged uploads are handed to.
    pub remember: Option<String>,
    /// The file with the key for that node.
    pub remember_key: Option<PathBuf>,
    /// Milliseconds that an answer may take, once the body is there.
    pub wait: Option<u64>,
    /// Milliseconds that a body may take to arrive.
    pub body_timeout: Option<u64>,
    /// Most connections at one time.
    pub max_connections: Option<u64>,
    /// Seconds after which an index that could not be looked at is no longer relied on.
    pub max_stale: Option<u64>,
    /// Most seconds since the index was published.
    pub max_index_age: Option<u64>,
    /// The folder of the log of decisions.
    pub decisions: Option<PathBuf>,
    /// The certificates of TCP listeners, PEM.
    pub tls_cert: Option<PathBuf>,
    /// The key of the first of them, PEM.
    pub tls_key: Option<PathBuf>,
    /// The file of keys.
    pub keys: Option<PathBuf>,
    /// What callers without a key may ask for.
    pub anonymous: Option<Vec<Role>>,
    /// Names by which the node may be called at a TCP address where there are no keys.
    pub hosts: Option<Vec<String>>,
    /// Most requests a second of a key that says nothing of it.
    pub rate: Option<u64>,
    /// The distance of a match by a digest on HMA's paths.
    pub hma_exact_distance: Option<ExactDistance>,
    /// What HMA's `/h/hash` says of a picture with too little in it.
    pub hma_low_quality: Option<LowQuality>,
    /// What becomes of metadata that HMA has no place for.
    pub hma_metadata: Option<HmaMetadata>,
    /// Types of hashes that HMA's `/h/hash` computes of a photo.
    pub hma_photo_types: Option<Vec<String>>,
    /// The collector that traces are sent to.
    pub traces: Option<String>,
}

impl SettingsFile {
    /// Most bytes of a file with settings.
    pub const MAX_BYTES: u64 = 1 << 20;

    /// Reads the section of a file; one without the section says nothing.
    ///
    /// # Errors
    /// [`SettingsError::Read`], and [`SettingsError::File`] with the line of what is wrong.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        use std::io::Read;
        let failed = |source| SettingsError::Read {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut text = String::new();
        (file.take(Self::MAX_BYTES).read_to_string(&mut text)).map_err(failed)?;
        Self::parse(path, &text)
    }

    /// As [`SettingsFile::read`], of a text; `path` is what messages call it.
    ///
    /// # Errors
    /// [`SettingsError::File`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            service: SettingsFile,
        }
        let read: Result<File, toml::de::Error> = toml::from_str(text);
        read.map(|file| file.service).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or(text);
            SettingsError::File {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                problem: error.message().trim().to_owned(),
            }
        })
    }
}

/// All settings of a service, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The index folder that is followed. It need not be there yet.
    pub index: PathBuf,
    /// The home folder whose banks the role `curate` keeps; without that role it is not looked at.
    pub home: Option<PathBuf>,
    /// How long after the last change of banks it is published, 0 to 2 seconds; 2 seconds after the first one at the
    /// latest. 500 ms unless told. Withdrawals are published at once.
    pub publish_after: Duration,
    /// How the index's bytes are held.
    pub index_memory: Memory,
    /// Where to listen. `127.0.0.1:8710` unless told.
    pub listen: Vec<Listener>,
    /// What listeners serve that name no roles. [`Role::READING`] unless told.
    pub roles: Vec<Role>,
    /// Which forms of a picture are asked about.
    pub variants: VariantSet,
    /// What is looked at in a process of its own.
    pub isolation: Isolation,
    /// Threads that look at uploads, 1 to 1,024. One for each core unless told.
    pub workers: usize,
    /// Uploads that wait for a thread, 0 to 65,536; beyond them the answer is 503. `None`: four for each thread.
    pub queue: Option<usize>,
    /// Most bytes of a request's body, 1 KiB to 1 GiB. 64 MiB unless told.
    pub max_body: u64,
    /// Most bytes of all bodies that are held at one time; at least `max_body`. 512 MiB unless told.
    pub body_memory: u64,
    /// Most bytes of a list that is imported over HTTP, 1 KiB to 1 TiB: it is kept in the home folder meanwhile. 4 GiB unless told.
    pub max_list: u64,
    /// The node that hashes of judged uploads are handed to: `http://HOST:PORT` or `unix:PATH`. `None`: they are handed to nobody.
    pub remember: Option<String>,
    /// The file with the key for that node, closed to other users; without it none is sent.
    pub remember_key: Option<PathBuf>,
    /// How long an answer may take once the body is there, 1 ms to 10 minutes. 10 seconds unless told.
    pub wait: Duration,
    /// How long a body may take to arrive, 1 ms to an hour. 30 seconds unless told.
    pub body_timeout: Duration,
    /// Most connections at one time, 1 to 1,000,000. 10,240 unless told.
    pub max_connections: usize,
    /// After how long an index folder that could not be looked at is not relied on. 65 seconds unless told; 0: never.
    pub max_stale: Duration,
    /// How long ago the index may have been published, by its manifest's time of change. Any time unless told.
    pub max_index_age: Option<Duration>,
    /// The folder of the log that each match is written to before it is answered. None unless told.
    pub decisions: Option<PathBuf>,
    /// The chain of certificates that TCP listeners show, PEM, the node's own first: they speak TLS then, and nothing else (feature
    /// `tls`). None unless told.
    pub tls_cert: Option<PathBuf>,
    /// The key of the first of them, PEM.
    pub tls_key: Option<PathBuf>,
    /// The file of keys; `None`: every caller may ask for all that its listener serves.
    pub keys: Option<PathBuf>,
    /// Where there are keys, what callers without one may ask for. Nothing unless told.
    pub anonymous: Vec<Role>,
    /// Names by which the node may be called at a TCP address where there are no keys, besides `localhost` and
    /// addresses: a page can make any name of its own mean this machine.
    pub hosts: Vec<String>,
    /// Most requests a second, 1 to 1,000,000, of each key that says nothing of it, and of all callers without a key
    /// together. Any number unless told. It counts where there are keys.
    pub rate: Option<u32>,
    /// The distance of a match by a digest on the paths of Hasher-Matcher-Actioner.
    pub hma_exact_distance: ExactDistance,
    /// What `/h/hash` says of a picture with too little in it.
    pub hma_low_quality: LowQuality,
    /// What becomes of metadata that Hasher-Matcher-Actioner has no place for.
    pub hma_metadata: HmaMetadata,
    /// Which types of hashes of a photo are computed on the paths of Hasher-Matcher-Actioner where the caller names
    /// none. PDQ unless told.
    pub hma_photo_types: Vec<SignalType>,
    /// The collector that traces are sent to (feature `otlp`). None unless told.
    pub traces: Option<Collector>,
}

impl Settings {
    /// The address where nothing else is said.
    pub const DEFAULT_LISTEN: &str = "127.0.0.1:8710";

    /// Settings for an index folder, all others by default.
    #[must_use]
    pub fn new(index: impl Into<PathBuf>) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            index: index.into(),
            home: None,
            publish_after: Duration::from_millis(500),
            index_memory: Memory::default(),
            listen: Self::DEFAULT_LISTEN.parse().into_iter().collect(),
            roles: Role::READING.to_vec(),
            variants: VariantSet::default(),
            isolation: Isolation::default(),
            workers,
            queue: None,
            max_body: 64 << 20,
            body_memory: 512 << 20,
            max_list: 4 << 30,
            remember: None,
            remember_key: None,
            wait: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_connections: 10_240,
            max_stale: Duration::from_secs(65),
            max_index_age: None,
            decisions: None,
            tls_cert: None,
            tls_key: None,
            keys: None,
            anonymous: Vec::new(),
            hosts: Vec::new(),
            rate: None,
            hma_exact_distance: ExactDistance::default(),
            hma_low_quality: LowQuality::default(),
            hma_metadata: HmaMetadata::default(),
            hma_photo_types: vec![SignalType::Pdq],
            traces: None,
        }
    }

    /// Lays what a file says over these settings.
    ///
    /// # Errors
    /// [`SettingsError`] where a value cannot be.
    pub fn lay(&mut self, file: &SettingsFile) -> Result<(), SettingsError> {
        if let Some(index) = &file.index {
            self.index.clone_from(index);
        }
        if let Some(home) = &file.home {
            self.home = Some(home.clone());
        }
        if let Some(wait) = file.publish_after {
            let wait = within("publish_after", wait, 0, 2_000)?;
            self.publish_after = Duration::from_millis(wait);
        }
        if let Some(listen) = &file.listen {
            self.listen = (listen.iter().map(|text| text.parse())).collect::<Result<_, _>>()?;
        }
        if let Some(roles) = &file.roles {
            self.roles.clone_from(roles);
        }
        if let Some(variants) = &file.variants {
            self.variants = word("variants", variants)?;
        }
        if let Some(isolate) = &file.isolate {
            self.isolation = word("isolate", isolate)?;
        }
        if let Some(workers) = file.workers {
            self.workers = size("workers", workers, 1, 1_024)?;
        }
        if let Some(queue) = file.queue {
            self.queue = Some(size("queue", queue, 0, 65_536)?);
        }
        if let Some(bytes) = file.max_body {
            self.max_body = within("max_body", bytes, 1 << 10, 1 << 30)?;
            self.body_memory = self.body_memory.max(bytes);
        }
        if let Some(bytes) = file.body_memory {
            self.body_memory = within("body_memory", bytes, self.max_body, 1 << 40)?;
        }
        if let Some(bytes) = file.max_list {
            self.max_list = within("max_list", bytes, 1 << 10, 1 << 40)?;
        }
        if let Some(wait) = file.wait {
            self.wait = Duration::from_millis(within("wait", wait, 1, 600_000)?);
        }
        if let Some(wait) = file.body_timeout {
            self.body_timeout = Duration::from_millis(within("body_timeout", wait, 1, 3_600_000)?);
        }
        if let Some(most) = file.max_connections {
            self.max_connections = size("max_connections", most, 1, 1_000_000)?;
        }
        if let Some(seconds) = file.max_stale {
            self.max_stale = Duration::from_secs(within("max_stale", seconds, 0, 1 << 31)?);
        }
        if let Some(seconds) = file.max_index_age {
            let seconds = within("max_index_age", seconds, 1, 1 << 31)?;
            self.max_index_age = Some(Duration::from_secs(seconds));
        }
        if let Some(to) = &file.remember {
            self.remember = Some(to.clone());
        }
        if let Some(key) = &file.remember_key {
            self.remember_key = Some(key.clone());
        }
        if let Some(folder) = &file.decisions {
            self.decisions = Some(folder.clone());
        }
        if let Some(certificate) = &file.tls_cert {
            self.tls_cert = Some(certificate.clone());
        }
        if let Some(key) = &file.tls_key {
            self.tls_key = Some(key.clone());
        }
        if let Some(keys) = &file.keys {
            self.keys = Some(keys.clone());
        }
        if let Some(hosts) = &file.hosts {
            self.hosts.clone_from(hosts);
        }
        if let Some(anonymous) = &file.anonymous {
            self.anonymous.clone_from(anonymous);
        }
        if let Some(rate) = file.rate {
            let rate = within("rate", rate, 1, u64::from(MAX_RATE))?;
            self.rate = u32::try_from(rate).ok();
        }
        self.hma_exact_distance = file.hma_exact_distance.unwrap_or(self.hma_exact_distance);
        self.hma_low_quality = file.hma_low_quality.unwrap_or(self.hma_low_quality);
        self.hma_metadata = file.hma_metadata.unwrap_or(self.hma_metadata);
        if let Some(types) = &file.hma_photo_types {
            let name = "hma_photo_types";
            let types = types.iter().map(|text| word(name, text));
            self.hma_photo_types = types.collect::<Result<_, _>>()?;
            if self.hma_photo_types.is_empty() {
                return Err(SettingsError::Empty { name });
            }
        }
        if let Some(traces) = &file.traces {
            self.traces = Some(traces.parse()?);
        }
        Ok(())
    }

    /// The roles of a listener.
    #[must_use]
    pub fn roles_of<'a>(&'a self, listener: &'a Listener) -> &'a [Role] {
        match listener.roles.is_empty() {
            true => &self.roles,
            false => &listener.roles,
        }
    }

    /// Whether some listener serves the role `curate`.
    #[must_use]
    pub fn curates(&self) -> bool {
        let mut listeners = self.listen.iter();
        listeners.any(|listener| self.roles_of(listener).contains(&Role::Curate))
    }

    /// Checks that the banks can be kept that are to be kept.
    fn check_curation(&self) -> Result<(), SettingsError> {
        if !self.curates() {
            return Ok(());
        }
        if cfg!(not(feature = "curation")) {
            return Err(SettingsError::NoStore);
        }
        let own = match &self.home {
            Some(home) if !home.as_os_str().is_empty() => home.join("index"),
            _ => return Err(SettingsError::NoHome),
        };
        match self.index == own {
            true => Ok(()),
            false => Err(SettingsError::OtherIndex {
                own,
                index: self.index.clone(),
            }),
        }
    }

    /// Checks what settings mean together.
    ///
    /// # Errors
    /// [`SettingsError::NoStore`], [`SettingsError::NoHome`], [`SettingsError::OtherIndex`]: the role `curate`.
    /// [`SettingsError::Public`]: an address that other machines can reach, without keys. [`SettingsError::NoKeys`],
    /// [`SettingsError::Empty`], [`SettingsError::Twice`], [`SettingsError::NoFolder`], [`SettingsError::Range`].
    /// [`SettingsError::NoTraces`].
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(SettingsError::HalfTls);
        }
        if self.tls_cert.is_some() && cfg!(not(feature = "tls")) {
            return Err(SettingsError::NoTls);
        }
        if self.traces.is_some() && cfg!(not(feature = "otlp")) {
            return Err(SettingsError::NoTraces);
        }
        if self.keys.is_none() {
            if !self.anonymous.is_empty() {
                return Err(SettingsError::NoKeys { name: "anonymous" });
            }
            if self.rate.is_some() {
                return Err(SettingsError::NoKeys { name: "rate" });
            }
        }
        self.check_curation()?;
        if self.listen.is_empty() {
            return Err(SettingsError::Empty { name: "listen" });
        }
        for (number, listener) in self.listen.iter().enumerate() {
            let at = || listener.at.to_string();
            if !listener.at.is_local() && self.keys.is_none() {
                return Err(SettingsError::Public { at: at() });
            }
            let mut others = self.listen.iter().skip(number + 1);
            if !listener.at.is_any_port() && others.any(|other| other.at == listener.at) {
                return Err(SettingsError::Twice { given: at() });
            }
            if let Listen::Unix(path) = &listener.at
                && let Some(folder) = path.parent()
                && !folder.as_os_str().is_empty()
                && !folder.is_dir()
            {
                return Err(SettingsError::NoFolder { at: at() });
            }
            let roles = self.roles_of(listener);
            if roles.is_empty() {
                return Err(SettingsError::Empty { name: "roles" });
            }
            let twice = |&(number, role): &(usize, &Role)| {
                roles.iter().skip(number + 1).any(|other| other == role)
            };
            if let Some((_, role)) = roles.iter().enumerate().find(twice) {
                let given = format!("the role {} of {}", role.name(), listener.at);
                return Err(SettingsError::Twice { given });
            }
        }
        // Each listener holds a place for the next who comes.
        let least = self.listen.len() as u64 + 1;
        within(
            "max_connections",
            self.max_connections as u64,
            least,
            1_000_000,
        )?;
        Ok(())
    }
}

fn word<T: FromStr<Err: fmt::Display>>(name: &'static str, text: &str) -> Result<T, SettingsError> {
    text.parse().map_err(|error: T::Err| SettingsError::Word {
        name,
        problem: error.to_string(),
    })
}

fn within(name: &'static str, given: u64, least: u64, most: u64) -> Result<u64, SettingsError> {
    match (least..=most).contains(&given) {
        true => Ok(given),
        false => Err(SettingsError::Range {
            name,
            given,
            least,
            most,
        }),
    }
}

fn size(name: &'static str, given: u64, least: u64, most: u64) -> Result<usize, SettingsError> {
    let given = within(name, given, least, most)?;
    Ok(usize::try_from(given).unwrap_or(usize::MAX))
}
