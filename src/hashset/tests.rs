//! Laws that every format keeps.

use super::*;
use proptest::prelude::*;
use std::io::BufReader;

const FORMATS: [ListFormat; 13] = ListFormat::ALL;

/// Those with a row a line.
const LINE_FORMATS: [ListFormat; 6] = [
    ListFormat::PdqLines,
    ListFormat::Typed,
    ListFormat::Csv,
    ListFormat::Md5Lines,
    ListFormat::Sha1Lines,
    ListFormat::Sha256Lines,
];

/// Reads everything; `None` where the header cannot be used.
fn read_all(list: &[u8], format: ListFormat) -> Option<(Tally, Vec<Result<ListRecord, BadLine>>)> {
    let mut rows = Vec::new();
    let input = BufReader::with_capacity(13, list);
    let input = text::reader(input);
    let tally = read_tallied(input, format, &ColumnMap::default(), &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    tally.ok().map(|tally| (tally, rows))
}

/// Pieces out of which lists are made that come near to what parsers look for.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: &'static str| Just(text.as_bytes().to_vec());
    prop_oneof![
        text("\n"),
        text("\n"),
        text("\r\n"),
        text("\r"),
        text("sep=;\n"),
        text("hash,type\n"),
        text(","),
        text("\""),
        text(" "),
        text("#"),
        text(":"),
        text("=,"),
        text("pdq"),
        text("md5 "),
        text("hash="),
        text("100,"),
        text("\u{feff}"),
        text("é\u{3000}"),
        text("d41d8cd98f00b204e9800998ecf8427e"),
        text("0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a6978"),
        text("md5,note\nd41d8cd98f00b204e9800998ecf8427e,\"a\nb\"\n"),
        proptest::collection::vec(any::<u8>(), 0..8),
    ]
}

fn list() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(piece(), 0..60).prop_map(|pieces| pieces.concat())
}

/// Lines of UTF-8 counted without the reader.
fn count_lines(list: &[u8]) -> u64 {
    let list = list.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list);
    let is_end = |(at, &byte): (usize, &u8)| match byte {
        b'\n' => at == 0 || list[at - 1] != b'\r',
        b'\r' => true,
        _ => false,
    };
    let ends = list.iter().enumerate().filter(|&one| is_end(one)).count() as u64;
    ends + u64::from(!list.is_empty() && !list.ends_with(b"\n") && !list.ends_with(b"\r"))
}

/// Whether a list by chance begins as one in UTF-16 does.
fn may_be_utf16(list: &[u8]) -> bool {
    list.starts_with(b"\xff\xfe") || list.starts_with(b"\xfe\xff") || list.contains(&0)
}

proptest! {
    #[test]
    fn every_line_is_accounted_for(list in list(), with_header in any::<bool>()) {
        let list = if with_header { [b"md5,x\n".as_slice(), &list].concat() } else { list };
        prop_assume!(!may_be_utf16(&list));
        for format in LINE_FORMATS {
            let Some((tally, rows)) = read_all(&list, format) else {
                prop_assert_eq!(format, ListFormat::Csv);
                prop_assert!(!with_header);
                continue;
            };
            prop_assert_eq!(tally.lines, count_lines(&list));
            prop_assert_eq!(tally.lines, tally.used + tally.bad + tally.skipped);
            let bad = rows.iter().filter(|row| row.is_err()).count() as u64;
            prop_assert_eq!(bad, tally.bad);
            if format != ListFormat::Csv {
                prop_assert_eq!(tally.used + tally.bad, rows.len() as u64);
            }
            let mut before = 0;
            for row in &rows {
                let line = match row {
                    Ok(record) => {
                        prop_assert!(!record.signals.is_empty());
                        record.line
                    }
                    Err(bad) => {
                        prop_assert!(bad.excerpt.chars().count() <= BadLine::EXCERPT + 1);
                        prop_assert!(!bad.excerpt.chars().any(char::is_control));
                        bad.line
                    }
                };
                prop_assert!(line > before && line <= tally.lines);
                before = line;
            }
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(list in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = detect(&list);
        for format in FORMATS {
            let _ = read_all(&list, format);
        }
    }

    #[test]
    fn what_is_detected_is_read(list in list()) {
        if let Ok(format) = detect(&list) {
            prop_assert!(read_all(&list, format).is_some(), "{format}: no header");
        }
    }
}

#[test]
fn one_bad_line_of_any_kind_costs_that_line() {
    let md5 = "d41d8cd98f00b204e9800998ecf8427e";
    let long = "x".repeat(3 * MAX_LINE);
    let kinds: [(&[u8], &str); 5] = [
        (b"\xff\xfe", "not UTF-8 text at byte 1"),
        (long.as_bytes(), "longer than 65536 bytes"),
        (b"d41d8cd98f00b204e9800998ecf8427", "expected 32"),
        (b"d41d8cd98f00b204e9800998ecf8427g", "character 32"),
        (b"\0", "expected 32"),
    ];
    for (bad, words) in kinds {
        let list = [md5.as_bytes(), b"\n", bad, b"\n", md5.as_bytes()].concat();
        let (tally, rows) = read_all(&list, ListFormat::Md5Lines).unwrap();
        assert_eq!((tally.used, tally.bad), (2, 1));
        let line = rows[1].as_ref().unwrap_err();
        assert_eq!(line.line, 2);
        assert!(line.reason.contains(words), "{line}");
    }
}

#[test]
fn names_round_trip_and_unknown_ones_are_listed() {
    for format in FORMATS {
        assert_eq!(format.name().parse(), Ok(format));
        assert_eq!(format.to_string().to_uppercase().parse(), Ok(format));
    }
    let error = "xls".parse::<ListFormat>().unwrap_err().to_string();
    assert!(error.contains("sha256, jsonl, ncmec"), "{error}");
}

#[test]
fn excerpts_are_short_and_safe_to_show() {
    let line = BadLine::new(7, "reason".into(), b"a\x1b[31m\tb\xff\xe2\x80\xae");
    assert!(
        !line
            .excerpt
            .chars()
            .any(|c| c.is_control() || c == '\u{202e}')
    );
    let line = BadLine::new(7, "reason".into(), "é".repeat(500).as_bytes());
    assert_eq!(line.excerpt.chars().count(), BadLine::EXCERPT + 1);
    assert!(line.to_string().starts_with("line 7: reason: "));
}
