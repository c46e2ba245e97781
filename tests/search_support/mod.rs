//! Records of many shapes, the oracle, and an index of them in a folder of its own.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::hamming::naive;
use hashgate::hash::{Distance, Family, PdqHash, Quality, Signal, SignalType};
use hashgate::index::{Hit, Index, IndexRecord, PublishOptions, Published, publish};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// A small generator (SplitMix64), so that every run is the same.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

/// How hashes are spread.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Every bit by chance.
    Uniform,
    /// Around few centres, at up to 40 flips.
    Clustered,
    /// Few bits set, and most of those in the same places.
    Skewed,
    /// Few values, many content items each.
    Duplicates,
}

impl Shape {
    pub(crate) const ALL: [Self; 4] = [
        Self::Uniform,
        Self::Clustered,
        Self::Skewed,
        Self::Duplicates,
    ];

    pub(crate) fn records(
        self,
        random: &mut Random,
        kind: SignalType,
        size: usize,
    ) -> Vec<IndexRecord> {
        let length = kind.byte_len();
        let centres: Vec<_> = (0..1 + size / 100).map(|_| random.bytes(length)).collect();
        (0..size)
            .map(|_| {
                let mut value = match self {
                    Self::Uniform => random.bytes(length),
                    Self::Clustered | Self::Duplicates => {
                        centres[random.below(centres.len())].clone()
                    }
                    Self::Skewed => vec![0; length],
                };
                let flips = match self {
                    Self::Uniform => 0,
                    Self::Clustered => random.below(41),
                    Self::Skewed => random.below(length),
                    Self::Duplicates => random.below(3) / 2,
                };
                for _ in 0..flips {
                    let most = match self {
                        Self::Skewed => 1 + random.below(8 * length),
                        _ => 8 * length,
                    };
                    let bit = random.below(most);
                    value[bit / 8] ^= 1 << (bit % 8);
                }
                let signal = Signal::from_bytes(kind, &value).unwrap();
                let quality = Quality::new(random.below(120) as u8);
                let bank = [1, 2, 9][random.below(3)];
                record(bank, random.below(2 * size) as u64, signal, quality)
            })
            .collect()
    }
}

/// Queries of a type: hashes of the records with 0–40 flips, and one by chance.
pub(crate) fn queries(
    random: &mut Random,
    records: &[IndexRecord],
    kind: SignalType,
    count: usize,
) -> Vec<Signal> {
    let of_kind: Vec<_> = records
        .iter()
        .filter(|record| record.signal.signal_type() == kind)
        .collect();
    let mut queries = vec![Signal::from_bytes(kind, &random.bytes(kind.byte_len())).unwrap()];
    while queries.len() < count && !of_kind.is_empty() {
        let mut value = of_kind[random.below(of_kind.len())]
            .signal
            .as_bytes()
            .to_vec();
        let flips = match kind.family() {
            Family::Pdq => random.below(41),
            Family::Hash64 => random.below(12),
            Family::Digest => random.below(2),
        };
        for _ in 0..flips {
            let bit = random.below(8 * value.len());
            value[bit / 8] ^= 1 << (bit % 8);
        }
        queries.push(Signal::from_bytes(kind, &value).unwrap());
    }
    queries
}

pub(crate) fn pdq(hex: &str) -> Signal {
    hex.parse::<PdqHash>().unwrap().into()
}

pub(crate) fn record(
    bank: u32,
    content: u64,
    signal: Signal,
    quality: Option<Quality>,
) -> IndexRecord {
    IndexRecord {
        bank: BankId(bank),
        content: ContentId(content),
        signal,
        quality,
    }
}

pub(crate) fn bank(id: u32) -> Bank {
    Bank {
        id: BankId(id),
        name: format!("bank-{id}").parse().unwrap(),
        policy: Policy::new(Action::Review),
    }
}

pub(crate) fn banks() -> Vec<Bank> {
    (0..10).map(bank).collect()
}

/// Brute force, over records of which those of one posting are one.
pub(crate) struct Oracle {
    postings: BTreeMap<(Signal, BankId, ContentId), Option<Quality>>,
}

impl Oracle {
    pub(crate) fn new(records: &[IndexRecord]) -> Self {
        let mut postings = BTreeMap::new();
        for record in records {
            let quality: &mut Option<Quality> = postings
                .entry((record.signal, record.bank, record.content))
                .or_default();
            *quality = (*quality).max(record.quality);
        }
        Self { postings }
    }

    pub(crate) fn search(&self, query: &Signal, radius: Distance) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (&(signal, bank, content), &quality) in &self.postings {
            if signal.signal_type() != query.signal_type() {
                continue;
            }
            let distance = naive::distance(signal.as_bytes(), query.as_bytes()) as u16;
            let near = match query.signal_type().family() {
                Family::Digest => distance == 0,
                _ => distance <= radius.0,
            };
            if near {
                let distance = Distance(distance);
                hits.push(Hit {
                    bank,
                    content,
                    signal,
                    distance,
                    quality,
                    form: None,
                    reach: None,
                });
            }
        }
        hits.sort_by_key(|hit| (hit.distance, hit.bank, hit.content, hit.signal));
        hits
    }
}

/// A published index in a folder of its own.
pub(crate) struct Generation {
    pub(crate) home: tempfile::TempDir,
    pub(crate) published: Published,
}

impl Generation {
    pub(crate) fn publish(records: &[IndexRecord], linear_below: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let options = PublishOptions {
            linear_below,
            ..PublishOptions::default()
        };
        let records = records.iter().copied().map(Ok::<_, Infallible>);
        let published = publish(home.path(), &banks(), records, &options).unwrap();
        Self { home, published }
    }

    pub(crate) fn open(&self) -> Index {
        Index::open(self.home.path()).unwrap()
    }
}

#[track_caller]
pub(crate) fn assert_search(
    index: &Index,
    records: &[IndexRecord],
    query: &Signal,
    radius: Distance,
) {
    let expected = Oracle::new(records).search(query, radius);
    let got = index.search(query, radius);
    assert_eq!(
        got,
        expected,
        "{query} within {radius} of {} records",
        records.len()
    );
}

/// The records in `tests/golden/index-v1`.
pub(crate) fn golden_records() -> Vec<IndexRecord> {
    let mut random = Random::new(2026);
    let mut records = Vec::new();
    for kind in SignalType::ALL {
        for shape in [Shape::Uniform, Shape::Duplicates] {
            records.extend(shape.records(&mut random, kind, 8));
        }
    }
    records
}
