//! Reads any bytes as a list of any format: nothing panics, every row is accounted for, and
//! compressed or not it is the same.

use hashgate::hashset::{self, BadLine, ColumnMapping, ListFormat, ListRecord};
use std::io::{BufReader, Read};
use std::ops::ControlFlow;

type Rows = Vec<Result<ListRecord, BadLine>>;

/// The first byte says the format, the second how much is read at once, the rest is the list.
pub(crate) fn run(input: &[u8]) {
    let [first, second, list @ ..] = input else {
        return;
    };
    let format = ListFormat::ALL[usize::from(*first) % ListFormat::ALL.len()];
    let mapping: Vec<ColumnMapping> = match first & 0x80 {
        0 => Vec::new(),
        _ => vec!["pdq=id".parse().expect("a mapping")],
    };
    let rows = read(list, format, &mapping, 8192);
    let again = read(list, format, &mapping, 1 + usize::from(*second));
    assert_eq!(rows, again, "{format}: whatever is read at once");
    let mut before = 0;
    for row in rows.iter().flatten() {
        let says = match row {
            Ok(record) => {
                let has_hash = !record.signals.is_empty() || !record.opaque.is_empty();
                assert!(has_hash || record.record_id.is_some());
                record.number.unwrap_or(record.line)
            }
            Err(bad) => {
                assert!(bad.excerpt.chars().count() <= BadLine::EXCERPT + 1);
                assert!(!bad.excerpt.chars().any(char::is_control));
                bad.number.unwrap_or(bad.line)
            }
        };
        // A record may come after a fault of its own.
        assert!(says >= before, "{format}: {says} after {before}");
        before = says;
    }
    if let Ok(detected) = hashset::detect(list) {
        read(list, detected, &[], 8192);
    }
    // What is no whole compressed file is an error, never a panic and never without end.
    let mut text = Vec::new();
    if let Ok(input) = hashset::decompress(list) {
        let _ = input.take(1 << 20).read_to_end(&mut text);
    }
}

/// Every row; `None` where the list cannot be read to its end.
fn read(
    list: &[u8],
    format: ListFormat,
    mapping: &[ColumnMapping],
    at_once: usize,
) -> Option<Rows> {
    let mut rows = Rows::new();
    let input = BufReader::with_capacity(at_once, list);
    let read = hashset::read_mapped(input, format, mapping, &mut |row| {
        rows.push(row);
        ControlFlow::Continue(())
    });
    read.is_ok().then_some(rows)
}
