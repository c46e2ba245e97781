//! The samples of each list format, with exact counts.

use hashgate::bank::Votes;
use hashgate::hashset::{self, BadLine, ColumnMapping, ListFormat, ListRecord};
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
    for opaque in records.iter().flat_map(|record| &record.opaque) {
        *types.entry(format!("({})", opaque.kind)).or_default() += 1;
    }
    types
}

/// Where rows are bad: their numbers as records, or else their lines.
fn bad_lines(bad: &[BadLine]) -> Vec<u64> {
    bad.iter()
        .map(|line| line.number.unwrap_or(line.line))
        .collect()
}

/// File, format, records, hashes of each type and opaque ones of each kind, bad lines or records.
type Sample = (
    &'static str,
    ListFormat,
    usize,
    &'static [(&'static str, usize)],
    &'static [u64],
);

const SAMPLES: [Sample; 16] = [
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
    (
        "pdq_base64.txt",
        ListFormat::PdqLines,
        2,
        &[("pdq", 2)],
        &[4],
    ),
    (
        "records.jsonl",
        ListFormat::JsonLines,
        5,
        &[
            ("(photodna)", 1),
            ("md5", 2),
            ("pdq", 2),
            ("sha1", 1),
            ("sha256", 1),
        ],
        &[5, 6, 7],
    ),
    (
        "ncmec.xml",
        ListFormat::Ncmec,
        7,
        &[
            ("(photodna)", 2),
            ("(tmk-pdqf)", 1),
            ("md5", 2),
            ("pdq", 2),
            ("sha1", 2),
        ],
        &[4, 6],
    ),
    (
        "stopncii.json",
        ListFormat::StopNcii,
        9,
        &[("(videotmk)", 1), ("md5", 1), ("pdq", 7)],
        &[10, 11],
    ),
    (
        "threatexchange.json",
        ListFormat::ThreatExchange,
        5,
        &[
            ("(photodna)", 1),
            ("md5", 1),
            ("pdq", 1),
            ("sha1", 1),
            ("sha256", 1),
        ],
        &[6, 7],
    ),
    (
        "tech_against_terrorism.json",
        ListFormat::TechAgainstTerrorism,
        4,
        &[("(tmk)", 1), ("md5", 2), ("pdq", 1)],
        &[5, 6, 7],
    ),
    (
        "vics_2.0.json",
        ListFormat::Vics,
        4,
        &[("(photodna)", 2), ("md5", 2), ("sha1", 2)],
        &[4, 5],
    ),
    (
        "vics_1.3.json",
        ListFormat::Vics,
        2,
        &[("(photodna)", 1), ("md5", 2), ("sha1", 1), ("sha256", 1)],
        &[3],
    ),
];

/// The sample whose columns mean nothing until they are named.
const MAPPED: &str = "mapped.tsv";

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
        let is_tested = listed.contains(&name.as_str()) || name == MAPPED;
        assert!(is_tested, "{name} is tested");
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

#[test]
fn columns_mean_what_the_user_says() {
    let mapping: Vec<ColumnMapping> = ["pdq=HASH_FIELD", "quality=score", "id=ref", "label=what"]
        .map(|text| text.parse().unwrap())
        .into();
    let list = fs::read(samples().join(MAPPED)).unwrap();
    assert!(hashset::detect(&list).is_err());
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let mut take = |row| {
        match row {
            Ok(record) => good.push(record),
            Err(line) => bad.push(line),
        }
        ControlFlow::Continue(())
    };
    hashset::read_mapped(&list[..], ListFormat::Csv, &mapping, &mut take).unwrap();
    let ids: Vec<_> = good
        .iter()
        .map(|record: &ListRecord| record.record_id.as_deref())
        .collect();
    assert_eq!(ids, [Some("7"), Some("8")]);
    assert_eq!(good[0].signals[0].quality.map(|q| q.get()), Some(77));
    assert_eq!(good[0].labels, ["sample"]);
    assert_eq!(bad_lines(&bad), [4]);

    let missing = ["pdq=elsewhere".parse().unwrap()];
    let error = hashset::read_mapped(&list[..], ListFormat::Csv, &missing, &mut |_| {
        ControlFlow::Continue(())
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("no column \"elsewhere\""), "{error}");
}

#[test]
fn every_sample_reads_the_same_compressed() {
    use std::io::{Read, Write};
    for (name, format, records, ..) in SAMPLES {
        let plain = fs::read(samples().join(name)).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&plain).unwrap();
        let mut text = Vec::new();
        let gzip = gzip.finish().unwrap();
        let mut input = hashset::decompress(&gzip[..]).unwrap();
        input.read_to_end(&mut text).unwrap();
        assert!(text == plain, "{name}");
        let mut good = 0;
        let input = hashset::decompress(&gzip[..]).unwrap();
        hashset::read(input, format, &mut |row| {
            good += usize::from(row.is_ok());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(good, records, "{name}");
    }
}

/// Records by their ids, with what became of each: status and votes.
fn standings(name: &str, format: ListFormat) -> Vec<String> {
    let (good, _) = read(name, format);
    good.iter()
        .map(|record| {
            let votes = Votes::of(&record.opinions);
            format!(
                "{} {} +{} -{} ?{}",
                record.record_id.as_deref().unwrap_or("none"),
                record.status.name(),
                votes.positive,
                votes.negative,
                votes.seed
            )
        })
        .collect()
}

#[test]
fn what_sources_think_is_read() {
    assert_eq!(
        standings("ncmec.xml", ListFormat::Ncmec),
        [
            "42/sample-1 active +3 -0 ?0",
            "43/sample-2 active +1 -1 ?0",
            "42/sample-3-with-photodna-alone active +1 -0 ?0",
            "42/sample-4-with-a-broken-hash active +1 -0 ?0",
            "43/sample-5 deleted +0 -0 ?0",
            "42/sample-6 active +1 -0 ?0",
            "42/sample-7 deleted +0 -0 ?0",
        ]
    );
    let of_stopncii = standings("stopncii.json", ListFormat::StopNcii);
    let said: Vec<_> = of_stopncii
        .iter()
        .map(|text| text.split_once(' ').unwrap().1)
        .collect();
    assert_eq!(
        said,
        [
            "active +0 -0 ?1",
            "active +1 -0 ?2",
            "withdrawn +0 -0 ?1",
            "deleted +0 -0 ?1",
            "active +0 -1 ?1",
            "active +0 -0 ?1",
            "active +0 -0 ?1",
            "active +0 -0 ?1",
            "active +0 -0 ?1",
        ]
    );
    assert_eq!(
        standings("threatexchange.json", ListFormat::ThreatExchange),
        [
            "1001 active +3 -0 ?1",
            "1002 active +1 -1 ?0",
            "1003 deleted +0 -0 ?0",
            "1004 active +1 -0 ?0",
            "1005 deleted +0 -0 ?0",
        ]
    );
    assert_eq!(
        standings("records.jsonl", ListFormat::JsonLines)[2],
        "r-3 withdrawn +0 -0 ?0"
    );
}

#[test]
fn what_a_format_does_not_name_is_kept() {
    let (good, _) = read("vics_1.3.json", ListFormat::Vics);
    assert_eq!(good[0].labels, ["category:1"]);
    let metadata = good[0].metadata.as_deref().unwrap();
    assert_eq!(
        metadata,
        "FileName=sample.jpg; FilePath=samples\\; Comments=made by hand; IsSuspected=false"
    );
    let (good, _) = read("vics_2.0.json", ListFormat::Vics);
    let metadata = good[1].metadata.as_deref().unwrap();
    assert_eq!(metadata, "MediaSize=4096; VictimIdentified=false");
    let (good, _) = read("stopncii.json", ListFormat::StopNcii);
    assert_eq!(good[1].labels, ["sample", "second tag"]);
    let metadata = good[1].metadata.as_deref().unwrap();
    for words in [
        "feedback Other Platform=SomethingNew",
        "hashRegions=[\"XX\"]",
    ] {
        assert!(metadata.contains(words), "{metadata}");
    }
}
