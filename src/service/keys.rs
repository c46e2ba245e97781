//! The file of keys: who may call, for what, how often. It keeps SHA-256 digests, so that nobody reads a key in it.
//!
//! A key is 32 bytes drawn by the system, so a digest of it needs no salt and no slow hash: there is nothing to guess. Owned
//! here: the file's format (JSON, closed to other users), making and revoking keys, and comparing them in a time that does
//! not depend on where they differ. Refuses to write a key anywhere but into what [`KeyFile::create`] gives back.

use crate::clock;
use crate::files::{self, Lock, LockError, ReplaceError};
use crate::hash::hex;
use crate::service::settings::{MAX_RATE, Role};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// What a key begins with, so that it is known for one where it turns up.
const PREFIX: &str = "hg_";
/// Bytes of a key that are drawn.
const DRAWN: usize = 32;

/// Why the file of keys cannot be used or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be read.
    #[error("cannot read the keys in {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Other users may read it.
    #[error(
        "{0} is open to other users (mode {mode:o}): close it with `chmod 600 {0}`",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is no file of keys.
    #[error("{} is no file of keys: {problem}; make one by `hashgate key create`", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is one of this name.
    #[error("there is a key {name} already: revoke it first, or choose another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// There is none of this name.
    #[error("there is no key {name}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// A text that cannot name a key.
    #[error("{given:?} cannot name a key: use 1 to 64 of the characters A-Z a-z 0-9 . _ -")]
    Name {
        /// What was given.
        given: String,
    },
    /// A key that may do nothing.
    #[error("a key needs a scope: --scopes gate,match,hash,metrics,curate")]
    NoScope,
    /// A rate that cannot be.
    #[error("a rate is 1 to {} requests a second", Key::MAX_RATE)]
    Rate,
    /// There is no room for more.
    #[error("there are {} keys already, the most that there may be", KeyFile::MOST)]
    TooMany,
    /// The system draws no numbers.
    #[error("the system draws no random numbers: {problem}")]
    Random {
        /// What it said.
        problem: String,
    },
    /// Somebody else changes the file now.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] ReplaceError),
}

/// One key: its digest, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Key {
    /// Its name, for people and logs.
    pub name: String,
    /// What it may ask for.
    pub scopes: Vec<Role>,
    /// SHA-256 of the key's text, in hexadecimal digits.
    sha256: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// Most requests a second; `None`: what the service says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

impl Key {
    /// Most requests a second that can be said.
    pub const MAX_RATE: u32 = MAX_RATE;

    fn check(&self) -> Result<(), KeyError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=64).contains(&self.name.len()) && self.name.chars().all(is_plain);
        if !fits {
            let given = self.name.chars().take(128).collect();
            return Err(KeyError::Name { given });
        }
        if self.scopes.is_empty() {
            return Err(KeyError::NoScope);
        }
        match self.rate {
            Some(rate) if !(1..=Self::MAX_RATE).contains(&rate) => Err(KeyError::Rate),
            _ => Ok(()),
        }
    }
}

/// The keys of a file.
///
/// ```
/// use hashgate::service::{KeyFile, Role};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("keys.json");
/// let key = KeyFile::create(&path, "uploads", &[Role::Gate], None)?;
/// let keys = KeyFile::read(&path)?;
/// assert_eq!(keys.find(&key).map(|key| &*key.name), Some("uploads"));
/// assert!(keys.find("hg_guessed").is_none());
/// assert!(!std::fs::read_to_string(&path)?.contains(&key), "the key itself is nowhere");
/// KeyFile::revoke(&path, "uploads")?;
/// assert!(KeyFile::read(&path)?.find(&key).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyFile {
    version: u32,
    /// The keys, in the order in which they were made.
    pub keys: Vec<Key>,
}

impl KeyFile {
    /// Most keys of a file.
    pub const MOST: usize = 1_000;
    const MAX_BYTES: u64 = 1 << 20;
    const VERSION: u32 = 1;

    /// Reads a file of keys.
    ///
    /// # Errors
    /// [`KeyError::Read`], [`KeyError::Open`] where other users may read it, [`KeyError::Format`].
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Read {
            path: path.to_owned(),
            source,
        };
        // A pipe would be waited for.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(KeyError::Format {
                path: path.to_owned(),
                problem: "it is no regular file".to_owned(),
            });
        }
        let file = std::fs::File::open(path).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                let path = path.to_owned();
                return Err(KeyError::Open { path, mode });
            }
        }
        let mut text = String::new();
        (file.take(Self::MAX_BYTES).read_to_string(&mut text)).map_err(failed)?;
        let wrong = |problem: String| KeyError::Format {
            path: path.to_owned(),
            problem,
        };
        let read: Self = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if read.version != Self::VERSION {
            return Err(wrong(format!(
                "version {}, not {}",
                read.version,
                Self::VERSION
            )));
        }
        if read.keys.len() > Self::MOST {
            return Err(KeyError::TooMany);
        }
        for key in &read.keys {
            key.check()?;
            let digest: Result<[u8; 32], _> = hex::decode(&key.sha256);
            digest.map_err(|error| wrong(format!("key {}: {error}", key.name)))?;
        }
        Ok(read)
    }

    /// Makes a key, adds it to the file (which is made where it is missing), and gives its text: the only time that it can
    /// be read.
    ///
    /// # Errors
    /// [`KeyError`]: the name is taken or none, the file cannot be read or written.
    pub fn create(
        path: &Path,
        name: &str,
        scopes: &[Role],
        rate: Option<u32>,
    ) -> Result<String, KeyError> {
        let mut drawn = [0; DRAWN];
        getrandom::fill(&mut drawn).map_err(|error| KeyError::Random {
            problem: error.to_string(),
        })?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(drawn));
        let key = Key {
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            sha256: hex::encode(&Sha256::digest(text.as_bytes())),
            created: clock::now(),
            rate,
        };
        key.check()?;
        Self::change(path, true, |file| {
            if file.keys.iter().any(|known| known.name == name) {
                let name = name.to_owned();
                return Err(KeyError::Exists { name });
            }
            if file.keys.len() >= Self::MOST {
                return Err(KeyError::TooMany);
            }
            file.keys.push(key);
            Ok(())
        })?;
        Ok(text)
    }

    /// Takes a key out of the file. Services that follow the file refuse it within a second.
    ///
    /// # Errors
    /// [`KeyError::Unknown`]; the file cannot be read or written.
    pub fn revoke(path: &Path, name: &str) -> Result<(), KeyError> {
        Self::change(path, false, |file| {
            let before = file.keys.len();
            file.keys.retain(|key| key.name != name);
            match file.keys.len() == before {
                true => Err(KeyError::Unknown {
                    name: name.to_owned(),
                }),
                false => Ok(()),
            }
        })
    }

    fn change(
        path: &Path,
        may_make: bool,
        change: impl FnOnce(&mut Self) -> Result<(), KeyError>,
    ) -> Result<(), KeyError> {
        // What a link leads to is changed, not the link: others may read the file by its own name.
        let real = std::fs::canonicalize(path);
        let path = real.as_deref().unwrap_or(path);
        let mut lock = path.file_name().unwrap_or_default().to_owned();
        lock.push(".lock");
        let _lock = Lock::take(&path.with_file_name(lock))?;
        let mut file = match Self::read(path) {
            Err(KeyError::Read { source, .. })
                if may_make && source.kind() == io::ErrorKind::NotFound =>
            {
                Self {
                    version: Self::VERSION,
                    keys: Vec::new(),
                }
            }
            read => read?,
        };
        change(&mut file)?;
        let mut text = serde_json::to_vec_pretty(&file).unwrap_or_default();
        text.push(b'\n');
        files::replace(path, |to| to.write_all(&text))?;
        Ok(())
    }

    /// The key with this text. All are looked at, each in full, so that the time tells nothing.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<&Key> {
        let digest = hex::encode(&Sha256::digest(text.as_bytes()));
        let mut found = None;
        for key in &self.keys {
            let known = key.sha256.to_ascii_lowercase();
            if bool::from(known.as_bytes().ct_eq(digest.as_bytes())) {
                found = Some(key);
            }
        }
        found
    }
}
