//! The manifest: which segments make up the generation in force.
//!
//! A text file: one JSON object, pretty-printed, then one line with the checksum (CRC-32C) of
//! everything before it. It is written beside the old one and renamed over it, so that it is
//! always the old one or the new one.

use crate::bank::{Bank, UnreadPolicy};
use crate::hash::SignalType;
use crate::index::{Carried, IndexError};
use crate::segment::SegmentSummary;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The manifest's file name in the index folder.
pub const MANIFEST_FILE: &str = "manifest";
/// The newest version of the manifest's format.
const FORMAT: u32 = 3;
/// The version of manifests that say nothing of parts of uploads that were not looked at: programs that do not know of
/// these would let pass what is to be held back.
const RULES_FORMAT: u32 = 2;
/// The version of manifests whose policies say nothing but what the first programs knew: those go
/// on reading them, and refuse others, in which they would pass over rules.
const PLAIN_FORMAT: u32 = 1;
/// A manifest larger than this is not one.
const MAX_BYTES: u64 = 64 << 20;
/// What the checksum's line begins with.
const CHECKSUM: &str = "# crc32c ";

/// What the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    pub(super) generation: u64,
    /// Seconds since 1970-01-01 UTC.
    pub(super) created_at: u64,
    pub(super) program_version: String,
    pub(super) store_revision: u64,
    /// What tells that revision of that store from every other; not in manifests of old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) store_mark: Option<u64>,
    /// What the segments carry of their entries besides hashes; from version 2 on.
    #[serde(default, skip_serializing_if = "Carried::is_empty")]
    pub(super) carried: Carried,
    /// What is done about uploads that pass, where a part of them was not looked at: from version 3 on, where that is
    /// not what is done anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unread: Option<UnreadPolicy>,
    pub(super) banks: Vec<Bank>,
    /// Oldest first.
    pub(super) segments: Vec<SegmentRecord>,
}

/// What the manifest says of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    pub(super) file: String,
    pub(super) bytes: u64,
    /// The checksum of the segment's header, which stands for the whole file.
    pub(super) crc32c: u32,
    pub(super) tombstones: u64,
    pub(super) types: Vec<TypeRecord>,
}

/// What the manifest says of a segment's hashes of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypeRecord {
    pub(super) signal_type: SignalType,
    pub(super) hashes: u64,
    pub(super) postings: u64,
    /// Whether hashes of this type tell nothing that SHA-256 digests do not tell: see
    /// [`Segment::implied_by_sha256`](crate::segment::Segment::implied_by_sha256). Where a manifest does not say
    /// so, as those of old do not, nothing is known. No program misses a match that passes over it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) implied: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl SegmentRecord {
    /// What is said of a segment that was written.
    pub(super) fn of(file: String, summary: &SegmentSummary) -> Self {
        let types = summary.types.iter().map(|part| TypeRecord {
            signal_type: part.signal_type,
            hashes: part.hashes,
            postings: part.postings,
            implied: summary.implied.contains(&part.signal_type),
        });
        Self {
            file,
            bytes: summary.bytes,
            crc32c: summary.seal,
            tombstones: summary.tombstones,
            types: types.collect(),
        }
    }
}

/// The one field that every version of the format has.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// The format to write: the oldest that says all.
    pub(super) fn format_for(
        banks: &[Bank],
        carried: &Carried,
        unread: Option<UnreadPolicy>,
    ) -> u32 {
        let is_plain = carried.is_empty() && banks.iter().all(|bank| bank.policy.is_plain());
        match (unread.unwrap_or_default(), is_plain) {
            (UnreadPolicy::Review, _) => FORMAT,
            (UnreadPolicy::Pass, false) => RULES_FORMAT,
            (UnreadPolicy::Pass, true) => PLAIN_FORMAT,
        }
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> io::Result<Vec<u8>> {
        // Else nobody could open it.
        self.check_policies().map_err(io::Error::other)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let crc = crc32c::crc32c(&text);
        text.extend_from_slice(format!("{CHECKSUM}{crc:08x}\n").as_bytes());
        Ok(text)
    }

    pub(super) fn check_policies(&self) -> Result<(), String> {
        self.carried.check()?;
        if self.format < Self::format_for(&self.banks, &self.carried, self.unread) {
            return Err(format!("it says more than format {} may", self.format));
        }
        self.banks.iter().try_for_each(|bank| {
            let checked = bank.policy.check();
            checked.map_err(|error| format!("bank {}: {error}", bank.name))?;
            match self.carried.lacks(&bank.policy) {
                None => Ok(()),
                Some(what) => Err(format!(
                    "bank {}: its policy asks for {what}, which the index does not carry",
                    bank.name
                )),
            }
        })
    }

    /// Reads the manifest of an index folder.
    pub(super) fn read(folder: &Path) -> Result<Self, IndexError> {
        let path = folder.join(MANIFEST_FILE);
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => IndexError::NotPublished {
                folder: folder.to_owned(),
            },
            _ => IndexError::Io {
                path: path.clone(),
                source,
            },
        };
        let file = File::open(&path).map_err(io)?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        Self::from_bytes(&path, &bytes)
    }

    pub(super) fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, IndexError> {
        let problem = |problem: String| IndexError::Manifest {
            path: path.to_owned(),
            problem,
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(problem(format!("more than {MAX_BYTES} bytes")));
        }
        let cut_off = || problem("not a manifest, or cut off: no checksum line at its end".into());
        let line = CHECKSUM.len() + 9;
        let end = bytes.len().checked_sub(line).ok_or_else(cut_off)?;
        let (text, line) = bytes.split_at_checked(end).ok_or_else(cut_off)?;
        let digits = (line.strip_prefix(CHECKSUM.as_bytes()))
            .and_then(|rest| rest.strip_suffix(b"\n"))
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let got = crc32c::crc32c(text);
        match digits {
            None => return Err(cut_off()),
            Some(digits) if digits != format!("{got:08x}") => {
                return Err(problem(format!(
                    "damaged (checksum {got:08x}, its last line says {digits:?})"
                )));
            }
            Some(_) => {}
        }
        let format = serde_json::from_slice::<FormatOnly>(text);
        let format = format.map_err(|error| problem(error.to_string()))?.format;
        if !(PLAIN_FORMAT..=FORMAT).contains(&format) {
            return Err(IndexError::Version {
                path: path.to_owned(),
                expected: FORMAT,
                got: format,
            });
        }
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| problem(error.to_string()))?;
        for segment in &manifest.segments {
            if !is_segment_name(&segment.file) {
                return Err(problem(format!(
                    "{:?} does not name a segment",
                    segment.file
                )));
            }
        }
        manifest.check_policies().map_err(problem)?;
        Ok(manifest)
    }
}

/// The file name of a generation's segment.
pub(super) fn segment_name(generation: u64, number: u32) -> String {
    format!("segment-{generation:016x}-{number:04x}.hgs")
}

/// Whether this is a name that [`segment_name`] gives: nothing that leads out of the folder.
pub(super) fn is_segment_name(name: &str) -> bool {
    let Some(middle) = (name.strip_prefix("segment-")).and_then(|rest| rest.strip_suffix(".hgs"))
    else {
        return false;
    };
    let hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    matches!(middle.split_once('-'), Some((a, b)) if a.len() == 16 && b.len() == 4 && hex(a) && hex(b))
}
