//! The list of a file's entries, those of the variants inside it (a dark one, a selected one) with them.

use super::kinds::{self, Kind};

const HEADER: usize = 8;
/// So many entries are looked at.
const MOST_ENTRIES: usize = 1024;

/// An entry of a known kind, or one that is a picture of its own.
pub(super) struct Entry<'a> {
    pub(super) kind: Kind,
    pub(super) data: &'a [u8],
    /// The list that it stands in: masks count for their own list.
    pub(super) list: usize,
}

/// A mark of four letters, and the bytes of the variant that it names.
const VARIANTS: [&[u8; 4]; 4] = [b"\xfd\xd9\x2f\xa8", b"sbtp", b"slct", b"sbpp"];

/// Every entry, in the file's order. One that the file's end cuts is as long as it is.
pub(super) fn entries(bytes: &[u8]) -> Vec<Entry<'_>> {
    let mut found = Vec::new();
    let mut lists = vec![bytes.get(HEADER..).unwrap_or_default()];
    let mut at = 0;
    let mut looked_at = 0;
    while let Some(&list) = lists.get(at) {
        let mut rest = list;
        while let Some((mark, data, behind)) = next(rest) {
            looked_at += 1;
            if looked_at > MOST_ENTRIES {
                return found;
            }
            rest = behind;
            if VARIANTS.contains(&mark) {
                // No variant has variants.
                if at == 0 {
                    let inner = data.strip_prefix(b"icns").and_then(|inner| inner.get(4..));
                    lists.push(inner.unwrap_or(data));
                }
            } else if let Some(kind) = kinds::kind(*mark, data) {
                found.push(Entry {
                    kind,
                    data,
                    list: at,
                });
            }
        }
        at += 1;
    }
    found
}

/// The mark and the data of the next entry, and what is behind it.
fn next(rest: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (mark, behind) = rest.split_first_chunk::<4>()?;
    let (length, behind) = behind.split_first_chunk::<4>()?;
    let length = (u32::from_be_bytes(*length) as usize).checked_sub(HEADER)?;
    let (data, behind) = behind.split_at(length.min(behind.len()));
    Some((mark, data, behind))
}
