//! What stands at the beginning of a list that cannot be told, in words: whoever gave it sees what
//! was taken for a list.

use crate::hashset::BadLine;

/// Beginnings of files that people take for lists.
const FILES: [(&[u8], &str); 6] = [
    (
        b"PK\x03\x04",
        "it is a ZIP archive, as Excel's workbooks (.xlsx) are",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "it is an old Office file, as Excel's workbooks (.xls) are",
    ),
    (b"%PDF", "it is a PDF document"),
    (b"SQLite format 3", "it is an SQLite database"),
    (
        b"\x1f\x8b",
        "it is compressed with gzip, and what is in it cannot be read",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "it is compressed with zstd, and what is in it cannot be read",
    ),
];
/// How far binary bytes are looked for.
const LOOK: usize = 256;

/// What stands at the beginning of a list, of which these are the first bytes and their text.
pub(super) fn of(bytes: &[u8], text: &[u8]) -> String {
    if let Some((_, words)) = FILES.iter().find(|(front, _)| bytes.starts_with(front)) {
        return (*words).to_owned();
    }
    let is_binary = |&byte: &u8| byte < b' ' && !matches!(byte, b'\t' | b'\n');
    if text.iter().take(LOOK).any(is_binary) {
        let front: Vec<String> = (bytes.iter().take(8))
            .map(|byte| format!("{byte:02x}"))
            .collect();
        return format!(
            "it begins with the bytes {}, which are no text",
            front.join(" ")
        );
    }
    let mut lines = text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let is_told = |line: &&[u8]| {
        // Excel's line about the separator is passed over too.
        let names_separator = line.to_ascii_lowercase().starts_with(b"sep=");
        !line.is_empty() && !line.starts_with(b"#") && !names_separator
    };
    match lines.find(is_told) {
        Some(line) => {
            let excerpt = BadLine::new(1, String::new(), line).excerpt;
            format!("its first line is {excerpt:?}")
        }
        None => "nothing but blanks and comments stands at its beginning".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_for_a_list_is_said() {
        for (list, words) in [
            (&b"PK\x03\x04\x14\0"[..], ".xlsx"),
            (
                b"\xff\xd8\xff\xe0\0\x10JFIF",
                "the bytes ff d8 ff e0 00 10 4a 46",
            ),
            (
                b"# x\n\n Name;Size\n1;2\n",
                "its first line is \"Name;Size\"",
            ),
            (b"# x\n\n", "nothing but blanks"),
        ] {
            let said = of(list, list);
            assert!(said.contains(words), "{said}");
        }
    }
}
