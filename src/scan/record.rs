//! What a scan says of one file.

use crate::bank::{Action, ContentId};
use crate::gate::{Match, Mode, Outcome, Unread, Verdict};
use crate::hash::{Quality, SignalType, hex};
use crate::scan::ShadowRecord;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What a scan says of one file: one line of its JSON Lines output.
///
/// The keys are stable; further ones may be added. Those from `outcome` to `unread` are those of a
/// [`Verdict`], with the same values, by the schema [`FileRecord::SCHEMA`]; a line has no key that names it.
///
/// | key | value |
/// | --- | --- |
/// | `path` | the path; bytes that are no UTF-8 are replaced by U+FFFD |
/// | `path_hex` | only where bytes were replaced: the path's bytes, in hexadecimal |
/// | `outcome` | `match`, `no_match`, `low_quality`, `undecodable`, `unsupported`, `too_large`, `unreadable` |
/// | `action` | `block`, `review`, `report`, `allow`, `none` |
/// | `signals` | the file's hashes, signal type to hexadecimal text |
/// | `quality` | PDQ quality, 0–100, or null |
/// | `mode` | `exact`, or `fast` where the PDQ hash and its distances come from a JPEG's coefficients and may be a few bits off; absent where no picture was hashed |
/// | `matches` | nearest first: see [`Match`] |
/// | `sources` | only of a scan against lists and pictures of its own: number of an entry to where it came from, `list.csv:12` or the path of a known picture |
/// | `matches_left_out` | only where there were more than are listed: how many more, at least |
/// | `bytes` | size of what was read |
/// | `error` | only where something could not be judged: why |
/// | `quarantined` | only where it is reviewed because the entries that would block it are quarantined: true |
/// | `unread` | only where parts of the file were not looked at: a list of `what` and `bytes` |
/// | `shadow` | only where other policies are tried out: `outcome`, `action`, `differs`, and `matches` where it does |
///
/// ```
/// let line = r#"{"path":"in/a.jpg","outcome":"match","action":"block",
///     "signals":{"pdq":"f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"},
///     "quality":100,"matches":[{"bank":"known","content_id":7,"kind":"near","signal_type":"pdq",
///     "hash":"f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b2e","distance":2,
///     "variant":"original",
///     "query":"f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22",
///     "threshold":31,"score":0.991,"action":"block","quality":null}],"bytes":48211}"#;
/// let record: hashgate::scan::FileRecord = serde_json::from_str(line)?;
/// assert_eq!(record.matches[0].distance.0, 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileRecord {
    /// The path as text.
    pub path: String,
    /// The path's bytes in hexadecimal, where the text could not hold them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// What became of the file.
    pub outcome: Outcome,
    /// What policy says to do.
    #[serde(deserialize_with = "action_name")]
    pub action: &'static str,
    /// The file's hashes.
    #[serde(deserialize_with = "signals_by_name")]
    pub signals: BTreeMap<&'static str, String>,
    /// PDQ quality.
    pub quality: Option<Quality>,
    /// How the PDQ hash was computed.
    #[serde(
        default,
        deserialize_with = "mode_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub mode: Option<&'static str>,
    /// The matches, nearest first.
    pub matches: Vec<Match>,
    /// Where the entries came from, by their numbers, where they are of no bank: see
    /// [`Sources`](crate::scan::Sources).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<ContentId, String>,
    /// Matches that were left out of the list.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub matches_left_out: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Why something could not be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it is reviewed because all entries that would have blocked it are quarantined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quarantined: bool,
    /// Parts of the file that were not looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
    /// What other policies would have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowRecord>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The name of an action, or `none`.
pub(super) fn action_name<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(from)?;
    let mut names = Action::ALL.iter().map(|action| action.name());
    match names.find(|one| *one == name) {
        Some(name) => Ok(name),
        None if name == "none" => Ok("none"),
        None => Err(D::Error::custom(format!("{name:?} is no action"))),
    }
}

fn mode_name<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'static str>, D::Error> {
    let names = [Mode::Exact, Mode::Fast].map(Mode::name);
    match Option::<String>::deserialize(from)? {
        None => Ok(None),
        Some(given) => match names.into_iter().find(|name| *name == given) {
            Some(name) => Ok(Some(name)),
            None => Err(D::Error::custom(format!("{given:?} is no mode of a hash"))),
        },
    }
}

fn signals_by_name<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<&'static str, String>, D::Error> {
    let signals = BTreeMap::<SignalType, String>::deserialize(from)?.into_iter();
    Ok(signals.map(|(kind, hex)| (kind.name(), hex)).collect())
}

impl FileRecord {
    /// The version of the form in which records are written: that of verdicts.
    pub const SCHEMA: u32 = Verdict::SCHEMA;

    /// The record of a file that was judged.
    #[must_use]
    pub fn judged(path: &Path, verdict: Verdict, bytes: u64) -> Self {
        let (path, path_hex) = path_text(path);
        Self {
            path,
            path_hex,
            outcome: verdict.outcome,
            action: verdict.action_name(),
            signals: verdict
                .signals
                .iter()
                .map(|signal| (signal.signal_type().name(), signal.hex()))
                .collect(),
            quality: verdict.quality,
            mode: verdict.mode_name(),
            matches: verdict.matches,
            sources: BTreeMap::new(),
            matches_left_out: verdict.matches_left_out,
            bytes,
            error: verdict.problem.map(|problem| problem.message),
            quarantined: verdict.quarantined,
            unread: verdict.unread,
            shadow: None,
        }
    }

    /// The record of a path that could not be reached.
    #[must_use]
    pub fn unreachable(path: &Path, error: String) -> Self {
        let (path, path_hex) = path_text(path);
        Self {
            path,
            path_hex,
            outcome: Outcome::Unreadable,
            action: "none",
            signals: BTreeMap::new(),
            quality: None,
            mode: None,
            matches: Vec::new(),
            sources: BTreeMap::new(),
            matches_left_out: 0,
            bytes: 0,
            error: Some(error),
            quarantined: false,
            unread: Vec::new(),
            shadow: None,
        }
    }
}

/// A path as text and, where the text could not hold all of it, its bytes in hexadecimal.
pub(crate) fn path_text(path: &Path) -> (String, Option<String>) {
    (path.to_string_lossy().into_owned(), hex::of_path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_no_utf_8_keeps_its_bytes() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\xff.jpg"));
        let record = FileRecord::unreachable(path, "gone".into());
        assert_eq!(record.path, "a\u{fffd}.jpg");
        assert_eq!(record.path_hex.as_deref(), Some("61ff2e6a7067"));
    }
}
