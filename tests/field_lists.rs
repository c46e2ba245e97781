//! Lists as organisations and their programs save them, from the folder of test data.

mod common;

use hashgate::hash::SignalType;
use hashgate::hashset::{self, BadLine, ListFormat, ListRecord};
use std::fs;
use std::io::BufReader;
use std::ops::ControlFlow;

struct List {
    format: ListFormat,
    good: Vec<ListRecord>,
    bad: Vec<BadLine>,
}

impl List {
    fn digests(&self, kind: SignalType) -> Vec<String> {
        let signals = self.good.iter().flat_map(|record| &record.signals);
        signals
            .filter(|entry| entry.signal.signal_type() == kind)
            .map(|entry| entry.signal.hex())
            .collect()
    }
}

/// Reads a list as an import does: its format is told by its beginning.
fn read(list: &[u8]) -> List {
    let format = hashset::detect(&list[..list.len().min(64 * 1024)]).unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    hashset::read(BufReader::new(list), format, &mut |row| {
        match row {
            Ok(record) => good.push(record),
            Err(line) => bad.push(line),
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    List { format, good, bad }
}

#[test]
fn lists_of_the_field_are_read() {
    let Some(data) = common::test_data() else {
        return;
    };
    let file = |name: &str| fs::read(data.join("field/lists").join(name)).unwrap();

    let icse = read(&file("icse.csv"));
    assert_eq!((icse.format, icse.good.len()), (ListFormat::Csv, 22));
    assert_eq!(icse.digests(SignalType::Md5).len(), 22);
    // One row has no SHA-1, one no PhotoDNA.
    assert_eq!(icse.digests(SignalType::Sha1).len(), 21);
    let opaque = icse.good.iter().map(|record| record.opaque.len());
    assert_eq!(opaque.sum::<usize>(), 21);
    assert_eq!(icse.bad.len(), 1);
    let said = icse.bad[0].to_string();
    for words in ["line 13", "md5", "expected 32", "got 33"] {
        assert!(said.contains(words), "{words}: {said}");
    }

    // One table, saved in three ways.
    let tables = [
        "excel-cr-only.csv",
        "excel-sep-line.csv",
        "excel-unicode-text.txt",
    ];
    let mut read_before: Option<(Vec<String>, Vec<String>)> = None;
    for name in tables {
        let table = read(&file(name));
        assert_eq!(
            (table.format, table.bad.len()),
            (ListFormat::Csv, 0),
            "{name}"
        );
        let digests = (
            table.digests(SignalType::Md5),
            table.digests(SignalType::Sha1),
        );
        assert_eq!((digests.0.len(), digests.1.len()), (6, 6), "{name}");
        assert_eq!(digests.0[5], "8147b30066a2ae44cb58b23861e0d36e", "{name}");
        assert_eq!(table.good[5].labels, ["2"], "{name}");
        assert_eq!(
            *read_before.get_or_insert(digests.clone()),
            digests,
            "{name}"
        );
    }

    let lines = read(&file("md5-cr-only.txt"));
    assert_eq!((lines.format, lines.bad.len()), (ListFormat::Md5Lines, 0));
    assert_eq!(lines.digests(SignalType::Md5).len(), 2);

    let vics = read(&file("miniature-1.5MiB.json"));
    assert_eq!((vics.format, vics.bad.len()), (ListFormat::Vics, 0));
    let digests = vics.digests(SignalType::Md5);
    assert_eq!((vics.good.len(), digests.len()), (6, 6));
    assert_eq!(digests[5], "8147b30066a2ae44cb58b23861e0d36e");
}
