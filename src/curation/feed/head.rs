//! The head of a feed: which files make it up, signed.

use crate::bank::BankName;
use crate::hash::hex;
use crate::trust::{self, LineError};
use minisign::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};

/// The version of the form.
const VERSION: u32 = 1;
/// Most deltas that a head may name.
const MOST_DELTAS: usize = 1_024;
/// Most files that are kept for subscribers that are slow.
pub(super) const MOST_RETIRED: usize = 4_096;

/// A file of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedFile {
    /// The state of the feed that it holds.
    pub state: u64,
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Entries in it.
    pub items: u64,
}

/// A file that leads from one state of a feed to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedDelta {
    /// The state that it leads from.
    pub from: u64,
    /// The state that it leads to.
    pub to: u64,
    /// The SHA-256 of its bytes, 64 hexadecimal digits.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Entries that are new or changed.
    pub given: u64,
    /// Entries that are taken back.
    pub taken_back: u64,
}

/// A file that an earlier head named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RetiredFile {
    /// Its name in the feed's folder.
    pub file: String,
    /// Since when no head names it: seconds since 1970-01-01 UTC.
    pub since: u64,
}

/// What a feed is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FeedHead {
    /// The version of this form.
    #[serde(rename = "hashgate_feed")]
    pub version: u32,
    /// What the feed is called.
    pub name: BankName,
    /// Grows with each head of this name and key: one that is older than the newest seen is refused.
    pub sequence: u64,
    /// When it was signed: seconds since 1970-01-01 UTC.
    pub issued: u64,
    /// From when on it is no longer to be taken: seconds since 1970-01-01 UTC.
    pub expires: u64,
    /// The state of the entries: the sequence of the head by which they changed last.
    pub state: u64,
    /// A signed bundle with all entries of its state, which is this one or an earlier one.
    pub whole: FeedFile,
    /// Each leads to the one behind it, the last to this state.
    pub deltas: Vec<FeedDelta>,
    /// Files that stay for a while.
    pub retired: Vec<RetiredFile>,
}

/// Why bytes are no head that is to be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// It has not the form.
    #[error("it is no head of a feed: {problem}")]
    Unreadable {
        /// What is wrong with it.
        problem: String,
    },
    /// The signature does not hold.
    #[error("its signature is not by this key, or it was changed")]
    Untrusted,
}

/// The name of a bundle in a feed's folder.
fn bundle_name(sha256: &str) -> String {
    format!("{sha256}.bundle")
}

/// The name of a delta in a feed's folder.
fn delta_name(sha256: &str) -> String {
    format!("{sha256}.jsonl")
}

impl FeedHead {
    /// Most bytes of a head.
    pub const MOST_BYTES: u64 = 1 << 20;
    /// Most bytes of one file of a feed.
    pub const MOST_FILE: u64 = 16 << 30;

    /// Of these files.
    pub(super) fn new(name: BankName, sequence: u64, whole: FeedFile) -> Self {
        Self {
            version: VERSION,
            name,
            sequence,
            issued: 0,
            expires: 0,
            state: whole.state,
            whole,
            deltas: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// The name of a feed's head.
    #[must_use]
    pub fn file_of(name: &BankName) -> String {
        format!("{name}.feed")
    }

    /// The name of the folder of a feed's files, beside its head.
    #[must_use]
    pub fn folder_of(name: &BankName) -> String {
        format!("{name}.files")
    }

    /// Where the whole bundle lies, from the folder of the head.
    #[must_use]
    pub fn whole_path(&self) -> String {
        let file = bundle_name(&self.whole.sha256);
        format!("{}/{file}", Self::folder_of(&self.name))
    }

    /// Where one of its deltas lies, from the folder of the head.
    #[must_use]
    pub fn delta_path(&self, delta: &FeedDelta) -> String {
        let file = delta_name(&delta.sha256);
        format!("{}/{file}", Self::folder_of(&self.name))
    }

    /// The names of its files in their folder.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        let deltas = self.deltas.iter().map(|delta| delta_name(&delta.sha256));
        std::iter::once(bundle_name(&self.whole.sha256)).chain(deltas)
    }

    /// The deltas that lead from a state to this one; none where it is this one; `None` where there is no such way.
    #[must_use]
    pub fn way_from(&self, state: u64) -> Option<&[FeedDelta]> {
        if state == self.state {
            return Some(&[]);
        }
        let at = self.deltas.iter().position(|delta| delta.from == state)?;
        self.deltas.get(at..)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// What minisign says.
    pub(super) fn signed(
        &self,
        key: &SecretKey,
    ) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let line = serde_json::to_string(self)?;
        let comment = format!("hashgate feed {} sequence {}", self.name, self.sequence);
        Ok(trust::sign_line(&line, key, &comment)?.into_bytes())
    }

    /// Whether a file begins as a head.
    #[must_use]
    pub fn is_begun_by(bytes: &[u8]) -> bool {
        bytes.starts_with(b"{\"hashgate_feed\"")
    }

    /// Reads a head that this key signed. Whether it has expired, and what was seen before, is the caller's to ask.
    ///
    /// # Errors
    /// [`HeadError`].
    pub fn read(bytes: &[u8], key: &PublicKey) -> Result<Self, HeadError> {
        let unreadable = |problem: String| HeadError::Unreadable { problem };
        let line = trust::signed_line(bytes, key).map_err(|error| match error {
            LineError::Untrusted => HeadError::Untrusted,
            error => unreadable(error.to_string()),
        })?;
        let head: Self =
            serde_json::from_str(line).map_err(|error| unreadable(error.to_string()))?;
        head.check().map_err(unreadable)?;
        Ok(head)
    }

    /// Whether it can be one, whoever signed it.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!(
                "it is of version {}, and this program reads {VERSION}: use the newer program",
                self.version
            ));
        }
        if self.deltas.len() > MOST_DELTAS || self.retired.len() > MOST_RETIRED {
            return Err("it names too many files".to_owned());
        }
        let digests = self.deltas.iter().map(|delta| (&delta.sha256, delta.bytes));
        for (digest, bytes) in digests.chain([(&self.whole.sha256, self.whole.bytes)]) {
            let is_lower = !digest.bytes().any(|byte| byte.is_ascii_uppercase());
            if hex::decode::<32>(digest).is_err() || !is_lower {
                return Err(format!("{digest:?} is no SHA-256"));
            }
            if bytes > Self::MOST_FILE {
                return Err(format!(
                    "it names a file of {bytes} bytes, and {} are the most",
                    Self::MOST_FILE
                ));
            }
        }
        let links = self.deltas.windows(2);
        let is_chain = links.into_iter().all(|pair| match pair {
            [one, next] => one.to == next.from,
            _ => true,
        });
        let grows = self.deltas.iter().all(|delta| delta.from < delta.to);
        let ends = self.deltas.last().is_none_or(|last| last.to == self.state);
        if !is_chain || !grows || !ends || self.way_from(self.whole.state).is_none() {
            return Err("its deltas do not lead to its state".to_owned());
        }
        if self.state > self.sequence {
            return Err("its state is newer than it is".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minisign::KeyPair;

    fn head() -> FeedHead {
        let delta = |from, to| FeedDelta {
            from,
            to,
            sha256: format!("{to:064x}"),
            bytes: 10,
            given: 1,
            taken_back: 0,
        };
        let whole = FeedFile {
            state: 5,
            sha256: "ab".repeat(32),
            bytes: 100,
            items: 3,
        };
        let mut head = FeedHead::new("KNOWN".parse().unwrap(), 12, whole);
        (head.state, head.issued, head.expires) = (11, 7, 9);
        head.deltas = vec![delta(3, 5), delta(5, 8), delta(8, 11)];
        head
    }

    #[test]
    fn a_head_is_read_back_by_its_key_alone() {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let bytes = head().signed(&pair.sk).unwrap();
        assert!(FeedHead::is_begun_by(&bytes));
        assert_eq!(FeedHead::read(&bytes, &pair.pk).unwrap(), head());
        let other = KeyPair::generate_unencrypted_keypair().unwrap();
        let refused = FeedHead::read(&bytes, &other.pk);
        assert!(matches!(refused, Err(HeadError::Untrusted)), "{refused:?}");
    }

    #[test]
    fn the_way_is_whole_or_there_is_none() {
        let head = head();
        let ends = |from| {
            let way = head.way_from(from)?;
            Some(way.iter().map(|delta| delta.to).collect::<Vec<_>>())
        };
        assert_eq!(ends(3), Some(vec![5, 8, 11]));
        assert_eq!(ends(8), Some(vec![11]));
        assert_eq!(ends(11), Some(vec![]));
        assert_eq!((ends(4), ends(12)), (None, None));
    }

    #[test]
    fn what_cannot_be_a_head_is_refused_whoever_signed_it() {
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        type Change = fn(&mut FeedHead);
        let changes: [(&str, Change); 8] = [
            ("newer program", |head| head.version = 2),
            ("no SHA-256", |head| head.whole.sha256 = "../x".into()),
            ("no SHA-256", |head| head.deltas[0].sha256 = "AB".repeat(32)),
            ("bytes", |head| head.whole.bytes = u64::MAX),
            ("do not lead", |head| head.whole.state = 4),
            ("do not lead", |head| head.deltas[1].from = 6),
            ("do not lead", |head| head.state = 10),
            ("newer than it is", |head| head.sequence = 10),
        ];
        for (said, change) in changes {
            let mut head = head();
            change(&mut head);
            let bytes = head.signed(&pair.sk).unwrap();
            let error = FeedHead::read(&bytes, &pair.pk).unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
    }
}
