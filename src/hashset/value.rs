//! What the formats have in common: a value, and what follows it.

use crate::hash::{Quality, Signal, SignalType};
use crate::hashset::algorithm::signal_type;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
    let text = text.trim();
    if let Some(signal) = base64_pdq(text) {
        return Ok(signal);
    }
    if let Some((name, hex)) = text.split_once(':')
        && let Some(kind) = signal_type(name)
    {
        return value(kind, hex.trim());
    }
    text.parse::<Signal>().map_err(|error| error.to_string())
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
    let is_end = |c: char| matches!(c, ',' | ';' | '|') || c.is_whitespace();
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
    // As databases write bytes.
    let digits = hex.strip_prefix("0x").or_else(|| hex.strip_prefix("0X"));
    let hex = digits.unwrap_or(hex);
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

/// Whether a field says that there is nothing in it, as exports of tables do.
pub(super) fn is_nothing(field: &str) -> bool {
    let words = ["", "-", "n/a", "na", "null", "none", "nil"];
    words.iter().any(|word| word.eq_ignore_ascii_case(field))
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
    fn words_end_at_commas_and_blanks() {
        assert_eq!(first_word("ab, c d"), ("ab", "c d"));
        assert_eq!(first_word("ab *file name"), ("ab", "*file name"));
        assert_eq!(first_word("ab"), ("ab", ""));
        assert_eq!(first_word(""), ("", ""));
        assert_eq!(first_word("é\u{3000}x"), ("é", "x"));
    }
}
