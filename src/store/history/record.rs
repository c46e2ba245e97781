//! The values of the history, byte for byte: a version byte, then the postcard form of a record
//! type that is never changed again.
//!
//! An upload's hashes are packed into one run of bytes: for each its type's code, its quality (255
//! where not known), flags, the flatness of its picture, the length and the text of its variant
//! (none for `original`), and its value.

use crate::bank::Action;
use crate::hash::{Quality, Signal, SignalType, Variant};
use crate::store::history::upload::{Base, Settings, Upload, UploadHash};
use serde::{Deserialize, Serialize};

const V1: u8 = 1;
/// In the place of a quality that is not known.
const NO_QUALITY: u8 = u8::MAX;

const HAS_SHAPE: u8 = 1;
const SMALL: u8 = 2;
const GUESS: u8 = 4;
const INVERTED: u8 = 8;
const MINOR: u8 = 16;

#[derive(Serialize, Deserialize)]
struct SettingsV1 {
    days: u32,
    hashes: u32,
    names: bool,
}

#[derive(Serialize, Deserialize)]
struct StateV1 {
    next: u64,
    base: Option<(u64, Option<[u8; 8]>)>,
}

#[derive(Serialize, Deserialize)]
struct UploadV1<'a> {
    name: Option<&'a str>,
    name_hex: Option<&'a str>,
    bytes: u64,
    generation: u64,
    revision: u64,
    outcome: &'a str,
    /// 0: none; else an action's code and 1.
    action: u8,
    hashes: Packed<'a>,
    left_out: u32,
}

#[derive(Deserialize)]
struct Packed<'a>(#[serde(borrow)] &'a [u8]);

impl Serialize for Packed<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // These types cannot fail to be written into memory; were one to, what is read back says so.
    postcard::to_extend(value, vec![V1]).unwrap_or_default()
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    match bytes.split_first() {
        Some((&V1, rest)) => match postcard::take_from_bytes(rest) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(format!("{} bytes too many", rest.len())),
            Err(error) => Err(error.to_string()),
        },
        Some((version, _)) => Err(format!(
            "expected a value of version {V1}, got version {version}"
        )),
        None => Err("it is empty".to_owned()),
    }
}

pub(super) fn encode_settings(settings: &Settings) -> Vec<u8> {
    encode(&SettingsV1 {
        days: settings.days,
        hashes: settings.hashes,
        names: settings.names,
    })
}

pub(super) fn decode_settings(bytes: &[u8]) -> Result<Settings, String> {
    let read: SettingsV1 = decode(bytes)?;
    let settings = Settings {
        days: read.days,
        hashes: read.hashes,
        names: read.names,
    };
    settings.check().map_err(|error| error.to_string())?;
    Ok(settings)
}

pub(super) fn encode_state(next: u64, base: Option<Base>) -> Vec<u8> {
    encode(&StateV1 {
        next,
        base: base.map(|base| (base.revision, base.mark.map(u64::to_be_bytes))),
    })
}

pub(super) fn decode_state(bytes: &[u8]) -> Result<(u64, Option<Base>), String> {
    let read: StateV1 = decode(bytes)?;
    let base = read.base.map(|(revision, mark)| Base {
        revision,
        mark: mark.map(u64::from_be_bytes),
    });
    Ok((read.next, base))
}

const fn action_code(action: Action) -> u8 {
    match action {
        Action::Allow => 1,
        Action::Report => 2,
        Action::Review => 3,
        Action::Block => 4,
    }
}

pub(super) fn encode_upload(upload: &Upload) -> Vec<u8> {
    let mut packed = Vec::new();
    for hash in &upload.hashes {
        let flags = [
            (hash.flatness.is_some(), HAS_SHAPE),
            (hash.is_small, SMALL),
            (hash.is_minor, MINOR),
            (hash.is_guess, GUESS),
            (hash.inverted, INVERTED),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set);
        let variant = match hash.variant {
            Variant::ORIGINAL => String::new(),
            variant => variant.to_string(),
        };
        packed.push(hash.signal.signal_type().code());
        packed.push(hash.quality.map_or(NO_QUALITY, Quality::get));
        packed.push(flags.map(|(_, flag)| flag).sum());
        packed.push(hash.flatness.unwrap_or(0));
        // The longest text of a variant has some 150 characters.
        packed.push(u8::try_from(variant.len()).unwrap_or(u8::MAX));
        packed.extend(variant.bytes().take(usize::from(u8::MAX)));
        packed.extend_from_slice(hash.signal.as_bytes());
    }
    encode(&UploadV1 {
        name: upload.name.as_deref(),
        name_hex: upload.name_hex.as_deref(),
        bytes: upload.bytes,
        generation: upload.generation,
        revision: upload.revision,
        outcome: &upload.outcome,
        action: upload.action.map_or(0, action_code),
        hashes: Packed(&packed),
        left_out: upload.left_out,
    })
}

pub(super) fn decode_upload(at: u64, number: u64, bytes: &[u8]) -> Result<Upload, String> {
    let read: UploadV1<'_> = decode(bytes)?;
    let mut actions = Action::ALL.into_iter();
    let action = match read.action {
        0 => None,
        code => Some(
            actions
                .find(|&action| action_code(action) == code)
                .ok_or_else(|| format!("{code} is no action"))?,
        ),
    };
    Ok(Upload {
        at,
        number,
        name: read.name.map(str::to_owned),
        name_hex: read.name_hex.map(str::to_owned),
        bytes: read.bytes,
        generation: read.generation,
        revision: read.revision,
        outcome: read.outcome.to_owned(),
        action,
        hashes: unpack(read.hashes.0)?,
        left_out: read.left_out,
    })
}

fn unpack(mut packed: &[u8]) -> Result<Vec<UploadHash>, String> {
    let short = || "its hashes are cut short".to_owned();
    let mut hashes = Vec::new();
    while !packed.is_empty() {
        let (&[code, quality, flags, flatness, len], rest) =
            packed.split_first_chunk::<5>().ok_or_else(short)?;
        let (variant, rest) = rest.split_at_checked(usize::from(len)).ok_or_else(short)?;
        let kind = SignalType::from_code(code).ok_or_else(|| format!("{code} is no type"))?;
        let (value, rest) = rest.split_at_checked(kind.byte_len()).ok_or_else(short)?;
        packed = rest;
        let variant = match variant {
            [] => Variant::ORIGINAL,
            text => {
                let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
                text.parse().map_err(|error| format!("{error}"))?
            }
        };
        hashes.push(UploadHash {
            signal: Signal::from_bytes(kind, value).map_err(|error| error.to_string())?,
            quality: match quality {
                NO_QUALITY => None,
                known => Some(Quality::try_from(known).map_err(|error| error.to_string())?),
            },
            variant,
            flatness: (flags & HAS_SHAPE != 0).then_some(flatness),
            is_small: flags & SMALL != 0,
            is_minor: flags & MINOR != 0,
            is_guess: flags & GUESS != 0,
            inverted: flags & INVERTED != 0,
        });
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS_V1: &[u8] = b"\x01\x1e\x10\x01";
    const STATE_V1: &[u8] = b"\x01\x07\x01\xac\x02\x01\0\0\0\0\0\0\x01\x02";
    const UPLOAD_V1: &[u8] = b"\x01\x01\x05a.jpg\x00\xe8\x07\x03\xac\x02\x08no_match\x00\
        \x28\x07\x5a\x05\x0c\x06flip_x\x01\x02\x03\x04\x05\x06\x07\x08\
        \x02\xff\x00\x00\x00\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x09\x02";

    fn upload() -> Upload {
        let hash = |signal: &str| UploadHash {
            signal: signal.parse().unwrap(),
            quality: None,
            variant: Variant::ORIGINAL,
            flatness: None,
            is_small: false,
            is_minor: false,
            is_guess: false,
            inverted: false,
        };
        Upload {
            at: 5,
            number: 6,
            name: Some("a.jpg".into()),
            name_hex: None,
            bytes: 1000,
            generation: 3,
            revision: 300,
            outcome: "no_match".into(),
            action: None,
            hashes: vec![
                UploadHash {
                    quality: Quality::new(90),
                    variant: "flip_x".parse().unwrap(),
                    flatness: Some(12),
                    is_guess: true,
                    ..hash("phash:0102030405060708")
                },
                hash("md5:09090909090909090909090909090909"),
            ],
            left_out: 2,
        }
    }

    #[test]
    fn the_bytes_of_every_version_are_read_for_ever() {
        let settings = Settings {
            days: 30,
            hashes: 16,
            names: true,
        };
        assert_eq!(encode_settings(&settings), SETTINGS_V1);
        assert_eq!(decode_settings(SETTINGS_V1), Ok(settings));
        let base = Some(Base {
            revision: 300,
            mark: Some(258),
        });
        assert_eq!(encode_state(7, base), STATE_V1);
        assert_eq!(decode_state(STATE_V1), Ok((7, base)));
        assert_eq!(encode_upload(&upload()), UPLOAD_V1);
        assert_eq!(decode_upload(5, 6, UPLOAD_V1), Ok(upload()));
    }

    #[test]
    fn damaged_values_are_refused_and_never_panic() {
        for len in 0..UPLOAD_V1.len() {
            assert!(decode_upload(5, 6, &UPLOAD_V1[..len]).is_err(), "{len}");
        }
        for at in 0..UPLOAD_V1.len() {
            for bit in 0..8 {
                let mut changed = UPLOAD_V1.to_vec();
                changed[at] ^= 1 << bit;
                let _ = decode_upload(5, 6, &changed);
            }
        }
        assert!(
            decode_settings(b"\x02\x1e\x10\x01").is_err(),
            "another version"
        );
        assert!(decode_settings(b"\x01\x00\x10\x01").is_err(), "no days");
        assert!(decode_state(b"").is_err());
    }
}
