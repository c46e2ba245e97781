//! Which format a list has, from its first lines.

use crate::hash::SignalType;
use crate::hashset::{ListFormat, csv, pdq_lines, typed, value};

/// Most lines that are looked at.
const LINES: usize = 32;

/// The format of a list from its first bytes; a few KiB are plenty.
///
/// A header that names a column with hashes makes it `csv`, a signal type before a hash `tx`, and
/// bare hashes are told by their length: 64 digits `pdq`, 32 `md5`, 40 `sha1`, several lengths
/// `tx`. Bare SHA-256 digests look like PDQ hashes and must be named. Lines that are nothing of
/// this do not count; `None` where no line is left. A last line that may be cut off counts only
/// where it is the only one.
///
/// ```
/// use hashgate::hashset::{ListFormat, detect};
/// assert_eq!(detect(b"hash,quality,filename\n"), Some(ListFormat::Csv));
/// assert_eq!(detect(b"# mine\nmd5 d41d8cd98f00b204e9800998ecf8427e\n"), Some(ListFormat::Typed));
/// assert_eq!(detect(b"hello\n"), None);
/// ```
#[must_use]
pub fn detect(first_bytes: &[u8]) -> Option<ListFormat> {
    let bytes = first_bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(first_bytes);
    let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(end) => bytes.get(..end).unwrap_or(bytes),
        None => bytes,
    };
    let mut found = None;
    let lines = whole
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    for (index, line) in lines.take(LINES).enumerate() {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if index == 0 && csv::is_header(line) {
            return Some(ListFormat::Csv);
        }
        let Some(format) = line_format(line) else {
            continue;
        };
        match found {
            Some(known) if known != format => return Some(ListFormat::Typed),
            _ => found = Some(format),
        }
    }
    found
}

fn line_format(line: &str) -> Option<ListFormat> {
    if line.starts_with(pdq_lines::DETAILS) {
        return pdq_lines::parse(line)
            .is_ok()
            .then_some(ListFormat::PdqLines);
    }
    if let Some((name, _)) = typed::split_type(line) {
        return value::signal_type(name).map(|_| ListFormat::Typed);
    }
    let (word, _) = value::first_word(line);
    match value::bare_type(word)? {
        SignalType::Pdq => Some(ListFormat::PdqLines),
        SignalType::Md5 => Some(ListFormat::Md5Lines),
        SignalType::Sha1 => Some(ListFormat::Sha1Lines),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_says_the_format() {
        let pdq = "0f".repeat(32);
        let md5 = "0f".repeat(16);
        let sha1 = "0f".repeat(20);
        let cases = [
            (format!("{pdq}\n{pdq}\n"), Some(ListFormat::PdqLines)),
            (pdq.clone(), Some(ListFormat::PdqLines)),
            (
                format!("\u{feff}# x\r\n\r\n{pdq},100,b.jpg\r\n"),
                Some(ListFormat::PdqLines),
            ),
            (
                format!("hash={pdq},quality=3\n"),
                Some(ListFormat::PdqLines),
            ),
            (format!("{md5}  a.jpg\n"), Some(ListFormat::Md5Lines)),
            (format!("{sha1}\nbroken\n"), Some(ListFormat::Sha1Lines)),
            (format!("broken\n{sha1}\n"), Some(ListFormat::Sha1Lines)),
            (format!("{md5}\n{sha1}\n"), Some(ListFormat::Typed)),
            (format!("HASH_MD5 {md5}\n"), Some(ListFormat::Typed)),
            (format!("phash:{}\n", &md5[..16]), Some(ListFormat::Typed)),
            (
                "signal_type,signal_str,collab,category,tags\n".into(),
                Some(ListFormat::Csv),
            ),
            ("name\tPDQ\n".into(), Some(ListFormat::Csv)),
            (format!("{md5}\n{}", &pdq[..40]), Some(ListFormat::Md5Lines)),
            ("{\"hashRecords\": []}\n".into(), None),
            ("name,other\n".into(), None),
            (String::new(), None),
        ];
        for (list, format) in cases {
            assert_eq!(detect(list.as_bytes()), format, "{list}");
        }
        assert_eq!(detect(b"\xff\xfe\0m\0d\n"), None);
    }
}
