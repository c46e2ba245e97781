//! What is known of single hashes, forms and reaches, goes into an index and comes out with its hits.

mod search_support;

use hashgate::bank::{Bank, BankId, ContentId};
use hashgate::hash::{Distance, Form, Reach, Signal, SignalType};
use hashgate::index::{
    FactRecord, Facts, HashFacts, Hit, Index, IndexRecord, PublishOptions, publish, publish_delta,
    verify,
};
use hashgate::segment::{Memory, Segment, SegmentBuilder, format};
use search_support::*;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

/// What is known of each posting.
type Known = BTreeMap<(Signal, BankId, ContentId), HashFacts>;

fn form(name: &str) -> Option<Form> {
    Some(name.parse().unwrap())
}

/// Of three hashes in four something is known.
fn of_hash(random: &mut Random) -> HashFacts {
    let names = [
        "half_size",
        "flip_y",
        "region_0_0_500_0",
        "over_black+displayed",
    ];
    HashFacts {
        form: (random.below(2) == 0)
            .then(|| form(names[random.below(4)]))
            .flatten(),
        reach: match random.below(4) {
            0 => None,
            1 => Some(Reach::NOWHERE),
            _ => Reach::within(random.below(61) as u8),
        },
    }
}

fn records(random: &mut Random, count: usize) -> Vec<FactRecord> {
    let records = Shape::Duplicates.records(random, SignalType::Pdq, count);
    // One posting of each kind: of one that is there twice the strictest counts.
    let mut once = BTreeMap::new();
    for record in records {
        once.insert((record.content, record.bank, record.signal), record);
    }
    once.into_values()
        .map(|record| FactRecord {
            record,
            facts: Facts::PLAIN,
            of_hash: of_hash(random),
        })
        .collect()
}

fn known(records: &[FactRecord]) -> Known {
    let key = |record: &IndexRecord| (record.signal, record.bank, record.content);
    let all = records.iter();
    all.map(|one| (key(&one.record), one.of_hash)).collect()
}

/// Every hit knows what is known, searched for one by one and together.
fn compare(index: &Index, known: &Known) {
    let queries: Vec<Signal> = known.keys().map(|key| key.0).collect();
    let mut seen = 0;
    let hold = |query: &Signal, hits: &[Hit], seen: &mut usize| {
        for hit in hits {
            let of_hash = known[&(hit.signal, hit.bank, hit.content)];
            assert_eq!((hit.form, hit.reach), (of_hash.form, of_hash.reach));
            *seen += usize::from(hit.signal == *query);
        }
    };
    let together = index.search_batch(&queries, Distance(31));
    for (query, hits) in queries.iter().zip(&together) {
        hold(query, hits, &mut seen);
        assert_eq!(*hits, index.search(query, Distance(31)));
    }
    assert!(seen >= known.len());
}

fn options<'a>() -> PublishOptions<'a> {
    PublishOptions {
        linear_below: 16,
        ..PublishOptions::default()
    }
}

fn put(folder: &Path, banks: &[Bank], records: &[FactRecord]) {
    let all = records.iter().copied().map(Ok::<_, Infallible>);
    publish(folder, banks, all, &options()).unwrap();
}

#[test]
fn forms_and_reaches_come_back_after_every_change_and_merge() {
    let mut random = Random::new(31);
    for count in [1, 2, 40, 300] {
        let home = tempfile::tempdir().unwrap();
        let mut all = records(&mut random, count);
        put(home.path(), &banks(), &all);
        compare(&Index::open(home.path()).unwrap(), &known(&all));
        for _ in 0..4 {
            // Some items are calibrated anew, some lose all that was known of them.
            let changed: Vec<_> = all
                .iter()
                .filter(|_| random.below(5) == 0)
                .map(|one| (one.record.bank, one.record.content))
                .collect();
            let is_changed = |one: &FactRecord| {
                let item = (one.record.bank, one.record.content);
                changed.contains(&item)
            };
            for one in all.iter_mut().filter(|one| is_changed(one)) {
                one.of_hash = of_hash(&mut random);
            }
            let new = all.iter().copied().filter(|one| is_changed(one));
            let new = new.map(Ok::<_, Infallible>);
            publish_delta(home.path(), &banks(), new, [], &options()).unwrap();
            assert!(verify(home.path()).unwrap().is_sound());
            compare(&Index::open(home.path()).unwrap(), &known(&all));
        }
    }
}

#[test]
fn of_a_posting_that_comes_twice_the_strictest_reach_and_a_form_count() {
    let home = tempfile::tempdir().unwrap();
    let hash = pdq(&"5a".repeat(32));
    let with = |form, reach| FactRecord {
        record: record(1, 7, hash, None),
        facts: Facts::PLAIN,
        of_hash: HashFacts { form, reach },
    };
    for (pair, form, reach) in [
        (
            [(None, None), (None, Reach::within(9))],
            None,
            Reach::within(9),
        ),
        (
            [
                (form("flip_y"), Reach::within(40)),
                (None, Some(Reach::NOWHERE)),
            ],
            form("flip_y"),
            Some(Reach::NOWHERE),
        ),
    ] {
        for turned in [false, true] {
            let mut twice = pair.map(|(form, reach)| with(form, reach));
            if turned {
                twice.reverse();
            }
            put(home.path(), &banks(), &twice);
            let hits = Index::open(home.path()).unwrap().search(&hash, Distance(0));
            assert_eq!(hits.len(), 1);
            assert_eq!((hits[0].form, hits[0].reach), (form, reach));
        }
    }
}

#[test]
fn nothing_known_of_a_hash_is_written_as_ever_and_is_known_of_pdq_hashes_only() {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random::new(32);
    let write = |name: &str, of_hash: HashFacts, kind: SignalType| {
        let path = home.path().join(name);
        let mut builder = SegmentBuilder::new();
        for record in Shape::Duplicates.records(&mut Random::new(33), kind, 9) {
            let (bank, content) = (record.bank, record.content);
            builder.add_known(&record.signal, bank, content, record.quality, of_hash);
        }
        builder.write(&path, 1, &mut |_, _| {}).unwrap();
        fs::read(path).unwrap()
    };
    let something = HashFacts {
        form: form("jpeg_50"),
        reach: Reach::within(of_hash(&mut random).reach.map_or(3, Reach::code).min(60)),
    };
    let plain = write("plain", HashFacts::default(), SignalType::Pdq);
    assert_eq!(plain[8], format::PLAIN_VERSION as u8);
    let known = write("known", something, SignalType::Pdq);
    assert_eq!(known[8], format::VERSION as u8);
    let digests = write("digests", something, SignalType::Md5);
    assert_eq!(digests[8], format::PLAIN_VERSION as u8);
}

/// The golden index of version 3: forms, reaches, facts of none.
fn golden() -> Vec<FactRecord> {
    let hash = |digit: &str| pdq(&digit.repeat(64));
    let with = |content, hash, form, reach| FactRecord {
        record: record(1, content, hash, None),
        facts: Facts::PLAIN,
        of_hash: HashFacts { form, reach },
    };
    vec![
        with(1, hash("1"), None, Reach::within(33)),
        with(1, hash("2"), form("half_size"), Reach::within(0)),
        with(2, hash("1"), form("region_100_100_100_100"), None),
        with(3, hash("4"), None, Some(Reach::NOWHERE)),
    ]
}

const SEGMENT: &str = "segment-0000000000000001-0000.hgs";

#[test]
fn the_golden_index_of_version_3_opens_and_answers() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-v3");
    assert!(verify(&folder).unwrap().is_sound());
    compare(&Index::open(&folder).unwrap(), &known(&golden()));
    let home = tempfile::tempdir().unwrap();
    put(home.path(), &banks(), &golden());
    let read = |folder: &Path| fs::read(folder.join(SEGMENT)).unwrap();
    assert!(
        read(home.path()) == read(&folder),
        "the format changed: give it a new version"
    );
    assert_eq!(read(&folder)[8], 3);
}

/// Run it by hand when a version of the format is new, and keep what it writes for ever.
#[test]
#[ignore = "writes the golden index"]
fn write_the_golden_index() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-v3");
    assert!(!folder.exists(), "a golden index is never changed");
    put(&folder, &banks(), &golden());
    fs::remove_file(folder.join("lock")).unwrap();
}

/// Puts a section's bytes in the place of its own, with all checksums right; `None` where it has none.
fn forge(whole: &[u8], kind: u16, change: impl Fn(&mut [u8])) -> Option<Vec<u8>> {
    let mut forged = whole.to_vec();
    let u64_at = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    let (table, count) = (u64_at(40), whole[48] as usize);
    let row = (table..).step_by(24).take(count);
    let row = row
        .into_iter()
        .find(|&row| whole[row..row + 2] == kind.to_le_bytes())?;
    let (begin, length) = (u64_at(row + 8), u64_at(row + 16));
    change(&mut forged[begin..begin + length]);
    let crc = crc32c::crc32c(&forged[begin..begin + length]);
    forged[row + 4..row + 8].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c(&forged[table..table + 24 * count]);
    forged[52..56].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32c::crc32c(&forged[..124]);
    forged[124..128].copy_from_slice(&crc.to_le_bytes());
    Some(forged)
}

#[test]
fn forged_forms_are_refused_and_a_reach_that_is_none_is_passed_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/index-v3");
    let whole = fs::read(folder.join(SEGMENT)).unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("forged.hgs");
    let open = |bytes: Option<Vec<u8>>| {
        fs::write(&path, bytes.unwrap()).unwrap();
        Segment::open(&path, Memory::Copy)
    };
    assert!(open(Some(whole.clone())).is_ok());
    type Change = fn(&mut [u8]);
    let changes: [(&str, Change); 4] = [
        ("beyond the postings", |rows| rows[16] = 4),
        ("out of order", |rows| rows[0] = 3),
        ("no zeros", |rows| rows[4] = 1),
        ("no form", |rows| rows[8] = 0xff),
    ];
    for (name, change) in changes {
        let error = open(forge(&whole, format::kind::FORMS, change));
        let error = error.err().unwrap_or_else(|| panic!("{name} was accepted"));
        assert!(error.to_string().contains("forms"), "{name}: {error}");
    }
    let segment = open(forge(&whole, format::kind::REACHES, |bytes| {
        bytes.fill(200)
    }))
    .unwrap();
    segment.for_each(|_, posting| assert_eq!(posting.of_hash.reach, None));
}
