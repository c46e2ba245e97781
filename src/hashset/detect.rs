//! Which format a list has, from its first lines.

use super::bare::{Bare, Kind};
use crate::hash::SignalType;
use crate::hashset::{
    DetectError, ListFormat, algorithm, csv, pdq_lines, seen, text, typed, value,
};

/// Most lines that are looked at to tell the format.
const LINES: usize = 32;

/// The format of a list from its first bytes; 64 KiB are plenty.
///
/// A header that names a column with hashes makes it `csv`, a signal type before a hash `tx`, and
/// bare hashes are told by their length: 64 digits `pdq`, 32 `md5`, 40 `sha1`, several lengths
/// `tx`. Lines that are nothing of this do not count. A last line that may be cut off counts only
/// where it is the only one.
///
/// SHA-256 digests have 64 digits too. They are told from PDQ hashes by how many of their bits are
/// set, over all the bytes given, and by the blanks that `sha256sum` prints behind them; where that
/// is not enough to tell, the caller decides: digests that are read as PDQ hashes never match.
///
/// # Errors
/// [`DetectError`] where the format must be named.
///
/// ```
/// use hashgate::hashset::{DetectError, ListFormat, detect};
/// assert_eq!(detect(b"hash,quality,filename\n"), Ok(ListFormat::Csv));
/// assert_eq!(detect(b"# mine\nmd5 d41d8cd98f00b204e9800998ecf8427e\n"), Ok(ListFormat::Typed));
/// assert!(matches!(detect(b"hello\n"), Err(DetectError::Unknown { .. })));
/// ```
pub fn detect(first_bytes: &[u8]) -> Result<ListFormat, DetectError> {
    let text = text::front(first_bytes);
    let bytes = text.as_slice();
    if let Some(format) = structured(bytes) {
        return Ok(format);
    }
    let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(end) => bytes.get(..end).unwrap_or(bytes),
        None => bytes,
    };
    let unknown = || DetectError::Unknown {
        seen: seen::of(first_bytes, bytes),
    };
    match by_form(whole).ok_or_else(unknown)? {
        ListFormat::Csv => {
            let bare = Bare::of(
                csv::bare_values(whole)
                    .iter()
                    .map(|value| (&**value, false)),
            );
            match bare.kind() {
                Kind::Pdq => Ok(ListFormat::Csv),
                Kind::Sha256 | Kind::Unclear => Err(bare.unclear(ListFormat::Csv)),
            }
        }
        format @ (ListFormat::PdqLines | ListFormat::Typed) => {
            let bare = Bare::of(lines(whole).filter_map(bare_value));
            match (bare.kind(), format) {
                (Kind::Pdq, _) => Ok(format),
                (Kind::Sha256, ListFormat::PdqLines) => Ok(ListFormat::Sha256Lines),
                (Kind::Sha256 | Kind::Unclear, _) => Err(bare.unclear(format)),
            }
        }
        format => Ok(format),
    }
}

/// The format of a list that is JSON or XML, by the names that only it has.
fn structured(bytes: &[u8]) -> Option<ListFormat> {
    let first = *bytes.trim_ascii_start().first()?;
    let has = |name: &[u8]| memchr::memmem::find(bytes, name).is_some();
    match first {
        b'<' if has(b"<queryResult") || has(b":queryResult") => Some(ListFormat::Ncmec),
        b'{' | b'[' => {
            let names: [(&[u8], ListFormat); 9] = [
                (b"\"hashgate_bundle\"", ListFormat::Bundle),
                (b"\"hashRecords\"", ListFormat::StopNcii),
                (b"\"hash_digest\"", ListFormat::TechAgainstTerrorism),
                (b"\"indicator\"", ListFormat::ThreatExchange),
                (b"\"raw_indicator\"", ListFormat::ThreatExchange),
                (b"odata.", ListFormat::Vics),
                (b"\"MediaID\"", ListFormat::Vics),
                (b"\"Media\"", ListFormat::Vics),
                (b"\"hashStatus\"", ListFormat::StopNcii),
            ];
            let named = names.into_iter().find(|(name, _)| has(name));
            named
                .map(|(_, format)| format)
                .or_else(|| json_lines(bytes))
        }
        _ => None,
    }
}

/// Whether the first record is an object that holds a hash where `jsonl` looks for one.
fn json_lines(bytes: &[u8]) -> Option<ListFormat> {
    let mut is_read = false;
    let _ = super::read(bytes, ListFormat::JsonLines, &mut |row| {
        is_read = row.is_ok();
        std::ops::ControlFlow::Break(())
    });
    is_read.then_some(ListFormat::JsonLines)
}

fn lines(whole: &[u8]) -> impl Iterator<Item = &str> {
    whole
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| std::str::from_utf8(line).unwrap_or_default())
}

fn by_form(whole: &[u8]) -> Option<ListFormat> {
    if csv::begins(whole) {
        return Some(ListFormat::Csv);
    }
    let mut found = None;
    for line in lines(whole).take(LINES) {
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
    if let Some(named) = typed::named(line) {
        return algorithm::signal_type(named.name).map(|_| ListFormat::Typed);
    }
    let (word, rest) = value::first_word(line);
    let kind = value::bare_type(word)?;
    if algorithm::check_behind(kind, rest).is_err() {
        // It names another algorithm than its length tells.
        return Some(ListFormat::Typed);
    }
    match kind {
        SignalType::Pdq => Some(ListFormat::PdqLines),
        SignalType::Md5 => Some(ListFormat::Md5Lines),
        SignalType::Sha1 => Some(ListFormat::Sha1Lines),
        _ => None,
    }
}

/// A value of 64 digits that nothing but its length calls a PDQ hash, and whether it stands as
/// `sha256sum` prints it: two blanks, or a blank and a star, before the file's name.
fn bare_value(line: &str) -> Option<(&str, bool)> {
    let (word, rest) = value::first_word(line);
    if value::bare_type(word) != Some(SignalType::Pdq) || algorithm::behind(rest).is_some() {
        return None;
    }
    // A quality is a PDQ tool's word for it.
    if pdq_lines::parse(line).is_ok_and(|parsed| parsed.signal.quality.is_some()) {
        return None;
    }
    let rest = line.get(word.len()..).unwrap_or_default();
    Some((word, rest.starts_with("  ") || rest.starts_with(" *")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

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
            ("{\"hashRecords\": []}\n".into(), Some(ListFormat::StopNcii)),
            (
                format!("{{\"md5\":\"{md5}\"}}\n"),
                Some(ListFormat::JsonLines),
            ),
            (
                format!("[{{\"md5\":\"{md5}\"}}]"),
                Some(ListFormat::JsonLines),
            ),
            ("{\"other\": []}\n".into(), None),
            ("<html>\n".into(), None),
            (
                "<?xml version=\"1.0\"?>\n<queryResult xmlns=\"x\">".into(),
                Some(ListFormat::Ncmec),
            ),
            (
                "{\"@odata.context\":\"x#Media\",\"value\":[".into(),
                Some(ListFormat::Vics),
            ),
            (
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n".into(),
                Some(ListFormat::PdqLines),
            ),
            ("name,other\n".into(), None),
            (String::new(), None),
        ];
        for (list, format) in cases {
            assert_eq!(detect(list.as_bytes()).ok(), format, "{list}");
        }
        assert!(detect(b"\xff\xfe\0m\0d\n").is_err());
    }

    #[test]
    fn the_way_a_list_is_saved_does_not_hide_its_format() {
        let (md5, pdq) = ("0f".repeat(16), "0f".repeat(32));
        for (list, format) in [
            (format!("{md5}\r{md5}\r"), ListFormat::Md5Lines),
            (format!("{pdq}\r\n{pdq}\r{pdq}\n"), ListFormat::PdqLines),
            (format!("MD5;Note\r{md5};x\r"), ListFormat::Csv),
            (format!("sep=;\r\nMD5;Note\r\n{md5};x\r\n"), ListFormat::Csv),
            (format!("sep=\t\rMD5\tNote\r{md5}\tx\r"), ListFormat::Csv),
            (format!("MD5|Note\n{md5}|x\n"), ListFormat::Csv),
            (format!("md5,{md5}\nmd5,{md5}\n"), ListFormat::Typed),
            (format!("MD5;{md5}\n"), ListFormat::Typed),
            (format!("{pdq};SHA-256\n"), ListFormat::Typed),
            (format!("MD5 (a b.jpg) = {md5}\n"), ListFormat::Typed),
            (format!("[{{\"md5\":\"{md5}\"}}]"), ListFormat::JsonLines),
        ] {
            let marked = format!("\u{feff}{list}");
            let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = list.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for bytes in [list.as_bytes(), marked.as_bytes(), &little, &big] {
                assert_eq!(detect(bytes), Ok(format), "{list:?}");
            }
        }
    }

    /// The SHA-256 digests of numbers, each as a line.
    fn digests(numbers: std::ops::Range<u32>, line: impl Fn(&str) -> String) -> String {
        let hex = |number: u32| -> String {
            let digest = Sha256::digest(number.to_le_bytes());
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        numbers.map(|number| line(&hex(number)) + "\n").collect()
    }

    fn is_unclear(list: &str) -> bool {
        matches!(detect(list.as_bytes()), Err(DetectError::Unclear { .. }))
    }

    #[test]
    fn sha256_digests_are_not_read_as_pdq_hashes() {
        for first in [0, 1_000, 2_000] {
            for length in [16, 40, 500] {
                let bare = digests(first..first + length, str::to_owned);
                assert!(is_unclear(&bare), "{length} bare digests");
                let noted = digests(first..first + length, |hex| format!("{hex},a.jpg"));
                assert!(is_unclear(&noted), "{length} digests with notes");
                let mixed = format!("{}\n{bare}", "0f".repeat(16));
                assert!(
                    is_unclear(&mixed),
                    "{length} digests in a list of several types"
                );
                let column = format!("hash,name\n{}", bare.replace('\n', ",x\n"));
                assert!(
                    is_unclear(&column),
                    "{length} digests in a column of any type"
                );
                for (kind, gap) in [("text", "  "), ("binary", " *")] {
                    let summed = digests(first..first + length, |hex| format!("{hex}{gap}a b.jpg"));
                    let read = detect(summed.as_bytes());
                    assert_eq!(read, Ok(ListFormat::Sha256Lines), "{length} {kind}");
                }
                let named = digests(first..first + length, |hex| format!("sha256 {hex}"));
                assert_eq!(detect(named.as_bytes()), Ok(ListFormat::Typed));
                let column = format!("sha256\n{bare}");
                assert_eq!(detect(column.as_bytes()), Ok(ListFormat::Csv));
                let column = format!(
                    "type,hash\n{}",
                    digests(0..length, |hex| format!("x,{hex}"))
                );
                assert!(is_unclear(&column), "a column that is no signal type");
            }
        }
    }

    #[test]
    fn a_few_bare_values_are_read_as_pdq_and_a_few_of_sha256sum_are_not() {
        let bare = digests(0..15, str::to_owned);
        assert_eq!(detect(bare.as_bytes()), Ok(ListFormat::PdqLines));
        // None of these has 128 bits set.
        let summed = digests(0..3, |hex| format!("{hex}  a.jpg"));
        assert_eq!(detect(summed.as_bytes()), Ok(ListFormat::Sha256Lines));
        let balanced = format!("{}  a.jpg\n", "0f".repeat(32));
        assert!(is_unclear(&balanced), "it may be either");
        let message = detect(balanced.as_bytes()).unwrap_err().to_string();
        assert!(
            message.contains("PDQ hashes or SHA-256 digests"),
            "{message}"
        );
    }
}
