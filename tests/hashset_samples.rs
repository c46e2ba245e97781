//! The samples of each list format, with exact counts.

use hashgate::hashset::{self, BadLine, ListFormat, ListRecord};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hashsets/samples")
}

fn read(name: &str, format: ListFormat) -> (Vec<ListRecord>, Vec<BadLine>) {
    let file = File::open(samples().join(name)).unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    hashset::read(BufReader::new(file), format, &mut |row| {
        match row {
            Ok(record) => good.push(record),
            Err(line) => bad.push(line),
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    (good, bad)
}

/// How many hashes of each type.
fn types(records: &[ListRecord]) -> BTreeMap<String, usize> {
    let mut types = BTreeMap::new();
    for entry in records.iter().flat_map(|record| &record.signals) {
        *types
            .entry(entry.signal.signal_type().to_string())
            .or_default() += 1;
    }
    types
}

fn bad_lines(bad: &[BadLine]) -> Vec<u64> {
    bad.iter().map(|line| line.line).collect()
}

/// File, format, records, hashes of each type, bad lines.
type Sample = (
    &'static str,
    ListFormat,
    usize,
    &'static [(&'static str, usize)],
    &'static [u64],
);

const SAMPLES: [Sample; 8] = [
    (
        "pdq.txt",
        ListFormat::PdqLines,
        6,
        &[("pdq", 6)],
        &[9, 10, 11],
    ),
    (
        "tx.txt",
        ListFormat::Typed,
        11,
        &[
            ("imghash_gradient", 1),
            ("md5", 3),
            ("pdq", 3),
            ("phash", 1),
            ("sha1", 2),
            ("sha256", 1),
        ],
        &[14, 15, 16],
    ),
    (
        "tx_dataset.csv",
        ListFormat::Csv,
        3,
        &[("md5", 1), ("pdq", 2)],
        &[5, 6],
    ),
    (
        "columns.csv",
        ListFormat::Csv,
        4,
        &[("md5", 3), ("pdq", 2), ("sha1", 1), ("sha256", 1)],
        &[6, 7, 8],
    ),
    ("pdq_tools.csv", ListFormat::Csv, 3, &[("pdq", 3)], &[]),
    ("md5.txt", ListFormat::Md5Lines, 3, &[("md5", 3)], &[4]),
    ("sha1.txt", ListFormat::Sha1Lines, 3, &[("sha1", 3)], &[]),
    (
        "sha256.txt",
        ListFormat::Sha256Lines,
        3,
        &[("sha256", 3)],
        &[],
    ),
];

#[test]
fn every_sample_has_its_counts() {
    for (name, format, records, hashes, bad) in SAMPLES {
        let (good, refused) = read(name, format);
        assert_eq!(good.len(), records, "{name}");
        let hashes = hashes.iter().map(|&(kind, count)| (kind.to_owned(), count));
        assert_eq!(types(&good), hashes.collect(), "{name}");
        assert_eq!(bad_lines(&refused), bad, "{name}: {refused:?}");
    }
}

#[test]
fn every_sample_is_in_the_table_and_is_known_by_its_content() {
    let listed: Vec<_> = SAMPLES.iter().map(|sample| sample.0).collect();
    let readme = fs::read_to_string(samples().join("../README.md")).unwrap();
    for entry in fs::read_dir(samples()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(listed.contains(&name.as_str()), "{name} is tested");
        assert!(
            readme.contains(&format!("(samples/{name})")),
            "{name} is in the README"
        );
    }
    for (name, format, ..) in SAMPLES {
        let detected = hashset::detect(&fs::read(samples().join(name)).unwrap());
        assert_eq!(detected, Ok(format), "{name}");
    }
}

#[test]
fn fields_are_kept() {
    let (good, bad) = read("columns.csv", ListFormat::Csv);
    let first = &good[0];
    assert_eq!((first.line, first.record_id.as_deref()), (2, Some("r-1")));
    assert_eq!(first.labels, ["first", "verified"]);
    assert_eq!(
        first.metadata.as_deref(),
        Some("title=one; with a separator; seen=2026-01-02")
    );
    assert_eq!(first.signals.len(), 4);
    assert_eq!(
        first.signals[0].quality.map(|quality| quality.get()),
        Some(93)
    );
    assert!(
        first.signals[1..]
            .iter()
            .all(|entry| entry.quality.is_none())
    );
    assert_eq!(
        good[2].metadata.as_deref(),
        Some("title=a title\non two lines; seen=2026-01-03")
    );
    assert_eq!(
        (good[3].line, good[3].record_id.as_deref()),
        (9, Some("r-7"))
    );
    assert!(bad[2].reason.contains("not closed"), "{}", bad[2]);

    let (good, _) = read("pdq.txt", ListFormat::PdqLines);
    let qualities: Vec<_> = good
        .iter()
        .map(|record| record.signals[0].quality.map(|quality| quality.get()))
        .collect();
    assert_eq!(qualities, [None, None, Some(100), Some(0), None, Some(77)]);
    assert_eq!(good[2].metadata.as_deref(), Some("bridge.jpg"));

    let (good, _) = read("tx_dataset.csv", ListFormat::Csv);
    assert_eq!(good[1].labels, ["POSITIVE_CLASS", "first", "second"]);
    assert_eq!(good[1].metadata.as_deref(), Some("collab=Signals, more"));
}
