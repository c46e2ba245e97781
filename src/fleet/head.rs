//! `HEAD`: which files make up the index, signed.

use crate::fleet::FleetError;
use crate::hash::hex;
use crate::trust::{self, LineError};
use minisign::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the object.
pub(super) const HEAD: &str = "HEAD";
/// The version of the form.
const FORMAT: u32 = 1;
/// Most bytes of a `HEAD`.
pub(super) const MOST_BYTES: u64 = 4 << 20;
/// Most files that one may name.
const MOST_FILES: usize = 4096;
/// Most files that are kept for followers that are slow.
pub(super) const MOST_RETIRED: usize = 16_384;

/// A file of a generation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileRecord {
    /// Its name in the index folder.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content, 64 hexadecimal digits: the name of its object below `blobs/`.
    pub sha256: String,
}

/// A file that an earlier `HEAD` named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Retired {
    /// The SHA-256 of its content.
    pub sha256: String,
    /// Since when no `HEAD` names it: seconds since 1970-01-01 UTC.
    pub since: u64,
}

/// What is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Head {
    /// The version of this form.
    pub format: u32,
    /// Grows by each publish to a place.
    pub sequence: u64,
    /// The SHA-256 of the `HEAD` before; none for the first.
    pub previous: Option<String>,
    /// The generation's number.
    pub generation: u64,
    /// What tells the store's revision that it is of from every other.
    pub store_mark: Option<u64>,
    /// When it was signed: seconds since 1970-01-01 UTC.
    pub issued: u64,
    /// Until when it is good: seconds since 1970-01-01 UTC.
    pub expires: u64,
    /// The index folder's manifest.
    pub manifest: FileRecord,
    /// Its segments, oldest first.
    pub segments: Vec<FileRecord>,
    /// Files that stay for a while.
    pub retired: Vec<Retired>,
}

/// The name of the object with this content.
pub(super) fn blob(sha256: &str) -> String {
    format!("blobs/{sha256}")
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

impl Head {
    /// Of a generation's files.
    pub(super) fn new(generation: u64, manifest: FileRecord, segments: Vec<FileRecord>) -> Self {
        Self {
            format: FORMAT,
            sequence: 0,
            previous: None,
            generation,
            store_mark: None,
            issued: 0,
            expires: 0,
            manifest,
            segments,
            retired: Vec::new(),
        }
    }

    /// All its files.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        std::iter::once(&self.manifest).chain(&self.segments)
    }

    /// The object's bytes.
    pub(super) fn signed(&self, key: &SecretKey) -> Result<Vec<u8>, FleetError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| FleetError::Sign { source };
        let line = serde_json::to_string(self).map_err(|error| failed(Box::new(error)))?;
        let comment = format!("hashgate HEAD sequence {}", self.sequence);
        let signed = trust::sign_line(&line, key, &comment).map_err(failed)?;
        Ok(signed.into_bytes())
    }

    /// Reads an object that one of these keys signed, and says which.
    ///
    /// # Errors
    /// [`FleetError::Unreadable`], [`FleetError::Untrusted`].
    pub(super) fn read<'k>(
        bytes: &[u8],
        keys: &'k [PublicKey],
    ) -> Result<(Self, &'k PublicKey), FleetError> {
        let unreadable = |problem: String| FleetError::Unreadable { problem };
        for key in keys {
            let line = match trust::signed_line(bytes, key) {
                Ok(line) => line,
                Err(LineError::Untrusted) => continue,
                Err(error) => return Err(unreadable(error.to_string())),
            };
            let head: Self =
                serde_json::from_str(line).map_err(|error| unreadable(error.to_string()))?;
            head.check().map_err(unreadable)?;
            return Ok((head, key));
        }
        Err(FleetError::Untrusted)
    }

    /// Whether it can be one, whoever signed it.
    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "its form is {}, this program reads {FORMAT}: upgrade hashgate",
                self.format
            ));
        }
        if self.segments.len() > MOST_FILES || self.retired.len() > MOST_RETIRED {
            return Err("it names too many files".to_owned());
        }
        let digests = self.files().map(|file| &file.sha256);
        let mut digests = digests.chain(self.retired.iter().map(|file| &file.sha256));
        match digests.find(|digest| hex::decode::<32>(digest).is_err() || is_not_lower(digest)) {
            Some(digest) => Err(format!("{digest:?} is no SHA-256")),
            None => Ok(()),
        }
    }
}

fn is_not_lower(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}
