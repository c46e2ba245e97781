//! Text that is no UTF-8, as Excel saves tables in Western Europe and the Americas: Windows-1252.
//!
//! Digests are ASCII in every such code page, so they are read as they stand. What a note or a name
//! says may come out wrong where it was another code page; no row is lost for that.

use std::borrow::Cow;

/// What the bytes from 0x80 on are, 32 of them; those beyond are as in Unicode.
const FROM_80: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of bytes, as UTF-8 where they are, else as Windows-1252.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| character(byte)).collect()),
    }
}

fn character(byte: u8) -> char {
    let at = usize::from(byte).checked_sub(0x80);
    let special = at.and_then(|at| FROM_80.get(at)).copied();
    special.unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_utf8_is_read_as_windows_1252() {
        assert_eq!(text("Größe €".as_bytes()), "Größe €");
        assert_eq!(text(b"Gr\xf6\xdfe \x80 \x9f\xa0\xff"), "Größe € Ÿ\u{a0}ÿ");
    }
}
