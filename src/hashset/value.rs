//! What the formats have in common: names of signal types, and a value with what follows it.

use crate::hash::{Quality, Signal, SignalType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The signal type that a list means by a name, in any case.
///
/// Beside our own names: those of ThreatExchange (`HASH_PDQ`, `HASH_MD5`, …), of
/// python-threatexchange (`video_md5`: the MD5 of a video's file) and the usual spellings
/// (`SHA-256`, `pdq_hash`).
pub(super) fn signal_type(name: &str) -> Option<SignalType> {
    if let Ok(kind) = name.parse() {
        return Some(kind);
    }
    let plain = name.to_ascii_lowercase().replace([' ', '-'], "_");
    let core = plain.strip_prefix("hash_").unwrap_or(&plain);
    let core = core.strip_suffix("_hash").unwrap_or(core);
    let core = core.strip_prefix("video_").unwrap_or(core);
    match core {
        "sha_1" => Some(SignalType::Sha1),
        "sha_256" => Some(SignalType::Sha256),
        "pdq" | "md5" | "sha1" | "sha256" => core.parse().ok(),
        _ => None,
    }
}

/// Characters of 32 bytes in base64, the last of them a `=`.
const BASE64_LEN: usize = 44;

/// A PDQ hash in base64, as some organisations write it: its 32 bytes, the most significant first.
fn base64_pdq(text: &str) -> Option<Signal> {
    if text.len() != BASE64_LEN || !text.ends_with('=') {
        return None;
    }
    let bytes = STANDARD.decode(text).ok()?;
    Signal::from_bytes(SignalType::Pdq, &bytes).ok()
}

/// Reads a value whose type nothing but itself says: by its length, or by `type:` before it.
pub(super) fn bare(text: &str) -> Result<Signal, String> {
    match base64_pdq(text.trim()) {
        Some(signal) => Ok(signal),
        None => text.parse::<Signal>().map_err(|error| error.to_string()),
    }
}

/// The type of a bare value, where its length says it.
pub(super) fn bare_type(value: &str) -> Option<SignalType> {
    if base64_pdq(value).is_some() {
        return Some(SignalType::Pdq);
    }
    if !value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    match value.len() {
        64 => Some(SignalType::Pdq),
        32 => Some(SignalType::Md5),
        40 => Some(SignalType::Sha1),
        _ => None,
    }
}

/// The first word of a line and what follows it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let is_end = |c: char| c == ',' || c == ';' || c.is_whitespace();
    match text.find(is_end) {
        Some(end) => {
            let (word, rest) = text.split_at(end);
            let mut characters = rest.chars();
            characters.next();
            (word, characters.as_str().trim())
        }
        None => (text, ""),
    }
}

/// Reads a value of a known type, with or without its type before a colon.
pub(super) fn value(kind: SignalType, word: &str) -> Result<Signal, String> {
    let hex = match word.split_once(':') {
        Some((name, hex)) if signal_type(name) == Some(kind) => hex,
        Some((name, _)) => return Err(format!("expected {kind} hashes, got {name:?}")),
        None => word,
    };
    if kind == SignalType::Pdq
        && let Some(signal) = base64_pdq(hex)
    {
        return Ok(signal);
    }
    Signal::from_hex(kind, hex).map_err(|error| error.to_string())
}

/// Reads a quality.
pub(super) fn quality(text: &str) -> Result<Quality, String> {
    text.parse::<Quality>().map_err(|error| error.to_string())
}

/// What follows a PDQ hash: its quality where the next of several fields is a number, and the rest.
pub(super) fn pdq_tail(rest: &str) -> Result<(Option<Quality>, Option<String>), String> {
    let (found, rest) = match rest.split_once(',') {
        Some((number, rest)) if is_number(number.trim()) => {
            (Some(quality(number.trim())?), rest.trim())
        }
        _ => (None, rest),
    };
    Ok((found, text(rest)))
}

/// Text where there is any.
pub(super) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_the_names_that_lists_use() {
        let cases = [
            ("pdq", Some(SignalType::Pdq)),
            ("HASH_PDQ", Some(SignalType::Pdq)),
            ("PDQ_Hash", Some(SignalType::Pdq)),
            ("video_md5", Some(SignalType::Md5)),
            ("HASH_VIDEO_MD5", Some(SignalType::Md5)),
            ("SHA-256", Some(SignalType::Sha256)),
            ("sha 1", Some(SignalType::Sha1)),
            ("imghash_mean", Some(SignalType::ImghashMean)),
            ("photodna", None),
            ("hash", None),
            ("", None),
        ];
        for (name, kind) in cases {
            assert_eq!(signal_type(name), kind, "{name}");
        }
    }

    #[test]
    fn words_end_at_commas_and_blanks() {
        assert_eq!(first_word("ab, c d"), ("ab", "c d"));
        assert_eq!(first_word("ab *file name"), ("ab", "*file name"));
        assert_eq!(first_word("ab"), ("ab", ""));
        assert_eq!(first_word(""), ("", ""));
        assert_eq!(first_word("é\u{3000}x"), ("é", "x"));
    }
}
