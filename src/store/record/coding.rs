//! What all records have in common: versions, how a value is written and read, and codes.

use crate::bank::ContentState;
use crate::hash::SignalType;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of every value but those below.
pub(super) const V1: u8 = 1;
/// The version of an item of several sources, of a change that updated items, and of counts with
/// what version 1 has no place for.
pub(super) const V2: u8 = 2;
/// The version of an item with what its sources say beside its hashes (see `standing`), and of counts
/// of hashes that were calibrated.
pub(super) const V3: u8 = 3;
/// The version of an item of which a form or a reach of a hash is known: see `packed`.
pub(super) const V4: u8 = 4;

/// Bytes, written in one piece.
#[derive(Deserialize)]
pub(super) struct Packed<'a>(#[serde(borrow)] pub(super) &'a [u8]);

impl Serialize for Packed<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Writes a value of a version into `buffer`, from its beginning.
pub(super) fn encode_into<T: Serialize>(version: u8, value: &T, buffer: &mut Vec<u8>) -> usize {
    loop {
        if let Some((front, rest)) = buffer.split_first_mut()
            && let Ok(used) = postcard::to_slice(value, rest)
        {
            *front = version;
            return used.len() + 1;
        }
        // The only way in which these types can fail is that the buffer is full.
        buffer.resize((2 * buffer.len()).max(256), 0);
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    encode_as(V1, value)
}

pub(super) fn encode_as<T: Serialize>(version: u8, value: &T) -> Vec<u8> {
    let mut buffer = Vec::new();
    let len = encode_into(version, value, &mut buffer);
    buffer.truncate(len);
    buffer
}

/// The version of a value, which is at most the newest one that is known of it.
pub(super) fn version(bytes: &[u8], newest: u8) -> Result<u8, String> {
    match bytes.first() {
        Some(&version) if (V1..=newest).contains(&version) => Ok(version),
        Some(version) if newest == V1 => Err(format!(
            "expected a value of version {V1}, got version {version}"
        )),
        Some(version) => Err(format!(
            "expected a value of version {V1} to {newest}, got version {version}"
        )),
        None => Err("it is empty".to_owned()),
    }
}

/// Reads what stands behind the version, and what is left behind that.
pub(super) fn decode_front<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
) -> Result<(T, &'a [u8]), String> {
    let rest = bytes.get(1..).unwrap_or_default();
    postcard::take_from_bytes(rest).map_err(|error| error.to_string())
}

/// Reads all that stands behind the version.
pub(super) fn decode_whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match decode_front(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(format!("{} bytes too many", rest.len())),
    }
}

/// Reads a value of version 1.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    version(bytes, V1)?;
    decode_whole(bytes)
}

pub(super) fn corrupt(
    what: &'static str,
    key: impl fmt::Display,
) -> impl FnOnce(String) -> StoreError {
    move |reason| StoreError::Corrupt {
        what,
        key: key.to_string(),
        reason,
    }
}

pub(super) const fn state_code(state: ContentState) -> u8 {
    match state {
        ContentState::Active => 0,
        ContentState::Withdrawn => 1,
        ContentState::Disputed => 2,
    }
}

pub(super) fn state(code: u8, version: u8) -> Result<ContentState, String> {
    let known = [
        ContentState::Active,
        ContentState::Withdrawn,
        ContentState::Disputed,
    ];
    let of_version = if version >= V3 { 3 } else { 2 };
    (known.into_iter().take(of_version))
        .find(|&state| state_code(state) == code)
        .ok_or_else(|| format!("{code} is no state"))
}

pub(super) fn kind(code: u8) -> Result<SignalType, String> {
    SignalType::from_code(code).ok_or_else(|| format!("{code} is no signal type"))
}
