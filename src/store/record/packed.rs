//! The hashes of an item, packed into one run of bytes.
//!
//! For each: its type's code, its quality (255 where not known), from version 4 of an item on a byte of
//! flags, and what these say follows: 1 for the code of its reach (1 byte), 2 for that of its form
//! (8 bytes, the least first); then its value.

use super::coding::{V4, kind};
use crate::bank::ContentSignal;
use crate::hash::{Form, Quality, Reach, Signal};

/// In the place of a quality that is not known.
const NO_QUALITY: u8 = u8::MAX;
/// A reach follows.
const HAS_REACH: u8 = 1;
/// A form follows.
const HAS_FORM: u8 = 2;

/// Packs hashes, and says whether that takes version 4.
pub(super) fn pack(signals: &[ContentSignal], packed: &mut Vec<u8>) -> bool {
    packed.clear();
    let is_marked = |entry: &ContentSignal| entry.reach.is_some() || entry.form.is_some();
    let is_marked = signals.iter().any(is_marked);
    for entry in signals {
        packed.push(entry.signal.signal_type().code());
        packed.push(entry.quality.map_or(NO_QUALITY, Quality::get));
        if is_marked {
            let reach = entry.reach.map_or(0, |_| HAS_REACH);
            packed.push(reach | entry.form.map_or(0, |_| HAS_FORM));
            packed.extend(entry.reach.map(Reach::code));
            packed.extend(entry.form.iter().flat_map(|form| form.code().to_le_bytes()));
        }
        packed.extend_from_slice(entry.signal.as_bytes());
    }
    is_marked
}

/// Reads what was packed for a version of an item.
pub(super) fn unpack(
    version: u8,
    mut packed: &[u8],
    mut each: impl FnMut(ContentSignal),
) -> Result<(), String> {
    let cut_off = || "a hash is cut off".to_owned();
    while let Some((&[code, quality], rest)) = packed.split_first_chunk() {
        let kind = kind(code)?;
        let (mut form, mut reach) = (None, None);
        let mut rest = rest;
        if version >= V4 {
            let (&flags, behind) = rest.split_first().ok_or_else(cut_off)?;
            rest = behind;
            if flags & !(HAS_REACH | HAS_FORM) != 0 {
                return Err(format!("{flags} says nothing of a hash"));
            }
            if flags & HAS_REACH != 0 {
                let (&code, behind) = rest.split_first().ok_or_else(cut_off)?;
                let found = Reach::from_code(code).ok_or_else(|| format!("{code} is no reach"))?;
                (reach, rest) = (Some(found), behind);
            }
            if flags & HAS_FORM != 0 {
                let (bytes, behind) = rest.split_first_chunk().ok_or_else(cut_off)?;
                let code = u64::from_le_bytes(*bytes);
                let found = Form::from_code(code).ok_or_else(|| format!("{code} is no form"))?;
                (form, rest) = (Some(found), behind);
            }
        }
        let (value, rest) = rest
            .split_at_checked(kind.byte_len())
            .ok_or_else(|| format!("a {kind} hash is cut off"))?;
        let quality = match quality {
            NO_QUALITY => None,
            known => Some(Quality::try_from(known).map_err(|error| error.to_string())?),
        };
        let signal = Signal::from_bytes(kind, value).map_err(|error| error.to_string())?;
        each(ContentSignal {
            signal,
            quality,
            form,
            reach,
        });
        packed = rest;
    }
    if packed.is_empty() {
        Ok(())
    } else {
        Err(cut_off())
    }
}
