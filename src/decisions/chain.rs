//! One line of the log: sealed by its SHA-256, linked to the line before it.
//!
//! The form is in FORMAT.md. This file writes and reads lines; it refuses to know what a record
//! says.

use crate::hash::hex;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The version of the lines that are written.
pub(super) const VERSION: u8 = 1;

/// Most bytes of a line, without the line feed.
pub(super) const MAX_LINE: usize = 4 << 20;

const SEAL_FRONT: &[u8] = b",\"sha256\":\"";
const SEAL_END: &[u8] = b"\"}";
/// Bytes of a seal at the end of a line.
const SEAL: usize = SEAL_FRONT.len() + 64 + SEAL_END.len();

/// A SHA-256, as text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct LineHash(pub [u8; 32]);

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineHash({self})")
    }
}

impl FromStr for LineHash {
    type Err = hex::HexError;
    fn from_str(text: &str) -> Result<Self, hex::HexError> {
        hex::decode(text).map(Self)
    }
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// The first line of a file.
    File,
    /// A decision.
    Decision,
    /// What happened to the log itself.
    Note,
}

impl LineKind {
    const ALL: [Self; 3] = [Self::File, Self::Decision, Self::Note];

    const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Decision => "decision",
            Self::Note => "note",
        }
    }
}

/// A place in the chain: so many lines, and the hash of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Link {
    /// The number of the line; 0 before the first.
    pub n: u64,
    /// Its hash; zeros before the first.
    pub sha256: LineHash,
}

/// Seals a record, an object of at least one key as JSON, as the line that follows `before`;
/// appends it with its line feed.
pub(super) fn seal(before: Link, kind: LineKind, object: &[u8], out: &mut Vec<u8>) -> Link {
    let begin = out.len();
    let n = before.n + 1;
    let (prev, kind) = (before.sha256, kind.name());
    out.extend_from_slice(
        format!("{{\"v\":{VERSION},\"n\":{n},\"prev\":\"{prev}\",\"kind\":\"{kind}\",").as_bytes(),
    );
    let inner = object.strip_prefix(b"{").unwrap_or(object);
    out.extend_from_slice(inner.strip_suffix(b"}").unwrap_or(inner));
    let sha256 = LineHash(Sha256::digest(out.get(begin..).unwrap_or_default()).into());
    out.extend_from_slice(SEAL_FRONT);
    out.extend_from_slice(sha256.to_string().as_bytes());
    out.extend_from_slice(SEAL_END);
    out.push(b'\n');
    Link { n, sha256 }
}

/// A line that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The place that it claims.
    pub(super) link: Link,
    /// The hash of the line before it, as it claims.
    pub(super) prev: LineHash,
    pub(super) kind: LineKind,
    /// Whether its hash is that of its bytes.
    pub(super) is_sealed: bool,
}

/// Reads a line, which comes without its line feed. Whether its place is the right one is not
/// looked at.
pub(super) fn parse(line: &[u8]) -> Result<Line, String> {
    let cut = line.len().checked_sub(SEAL).ok_or("it is too short")?;
    let (body, seal) = line.split_at(cut);
    let stated = seal
        .strip_prefix(SEAL_FRONT)
        .and_then(|rest| rest.strip_suffix(SEAL_END))
        .and_then(hash)
        .ok_or("it does not end with its sha256")?;
    let rest = body.strip_prefix(b"{\"v\":").ok_or("it begins otherwise")?;
    let (version, rest) = number(rest).ok_or("it has no version")?;
    if version != u64::from(VERSION) {
        return Err(format!(
            "expected version {VERSION}, got version {version}: a newer hashgate wrote it"
        ));
    }
    let rest = rest.strip_prefix(b",\"n\":").ok_or("it has no n")?;
    let (n, rest) = number(rest).ok_or("its n is no number")?;
    let rest = rest.strip_prefix(b",\"prev\":\"").ok_or("it has no prev")?;
    let (prev, rest) = rest.split_at_checked(64).ok_or("its prev is cut short")?;
    let prev = hash(prev).ok_or("its prev is no hash")?;
    let rest = rest
        .strip_prefix(b"\",\"kind\":\"")
        .ok_or("it has no kind")?;
    let named = |kind: &LineKind| {
        rest.strip_prefix(kind.name().as_bytes())
            .is_some_and(|rest| rest.starts_with(b"\","))
    };
    let mut kinds = LineKind::ALL.into_iter();
    let kind = kinds.find(named).ok_or("its kind is unknown")?;
    let sha256 = LineHash(Sha256::digest(body).into());
    Ok(Line {
        link: Link { n, sha256: stated },
        prev,
        kind,
        is_sealed: sha256 == stated,
    })
}

/// A hash of 64 lower-case digits.
fn hash(text: &[u8]) -> Option<LineHash> {
    let text = std::str::from_utf8(text).ok()?;
    let hash: LineHash = text.parse().ok()?;
    (hash.to_string() == text).then_some(hash)
}

/// A number at the beginning, in its one form, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    if number.len() > 1 && number.starts_with(b"0") {
        return None;
    }
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> (Link, Vec<u8>) {
        let before = Link {
            n: 41,
            sha256: LineHash([7; 32]),
        };
        let mut out = Vec::new();
        let link = seal(before, LineKind::Decision, b"{\"a\":1}", &mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        (link, out)
    }

    #[test]
    fn a_line_is_read_as_it_was_sealed() {
        let (link, line) = line();
        assert_eq!(link.n, 42);
        let read = parse(&line).unwrap();
        assert_eq!((read.link, read.prev), (link, LineHash([7; 32])));
        assert!(read.is_sealed && read.kind == LineKind::Decision);
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(json["a"], 1);
        assert_eq!(json["sha256"], link.sha256.to_string());
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let (_, line) = line();
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut changed = line.clone();
                changed[at] ^= 1 << bit;
                let is_sound = parse(&changed).is_ok_and(|read| read.is_sealed);
                assert!(!is_sound, "byte {at}, bit {bit}");
            }
        }
        for len in 0..line.len() {
            assert!(!parse(&line[..len]).is_ok_and(|read| read.is_sealed));
        }
    }
}
