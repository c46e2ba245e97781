//! A search returns precisely what a brute-force scan returns.

mod common;
mod search_support;

use hashgate::hamming::Kernel;
use hashgate::hash::{Distance, PdqHash, Signal, SignalType};
use hashgate::index::{Hit, Index, Strategy};
use hashgate::segment::{Permutation, format};
use search_support::*;

/// Sizes at which something begins or ends: blocks of 8 rows, lines of 32 siblings, powers of two.
const SIZES: [usize; 21] = [
    0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 127, 128, 129, 1000, 2047, 2048, 2049,
];

#[test]
fn pdq_at_every_size_and_radius() {
    let mut random = Random::new(1);
    for size in SIZES {
        for shape in Shape::ALL {
            let records = shape.records(&mut random, SignalType::Pdq, size);
            let published = Generation::publish(&records, 0);
            for strategy in [Strategy::Planned, Strategy::Tables, Strategy::Scan] {
                let index = published.open().with_strategy(strategy);
                let radii: Vec<u16> = match size {
                    0..=33 => (0..=64).chain([100, 128, 200, 255, 256, 300]).collect(),
                    _ => vec![0, 1, 7, 8, 15, 16, 23, 31, 32, 33, 47, 63, 64, 90, 128, 256],
                };
                for query in queries(&mut random, &records, SignalType::Pdq, 4) {
                    for &radius in &radii {
                        assert_search(&index, &records, &query, Distance(radius));
                    }
                }
            }
        }
    }
}

#[test]
fn hash64_at_every_size_and_radius() {
    let mut random = Random::new(2);
    for size in SIZES {
        for shape in Shape::ALL {
            let records = shape.records(&mut random, SignalType::Dhash, size);
            let published = Generation::publish(&records, 0);
            for strategy in [Strategy::Planned, Strategy::Tables, Strategy::Scan] {
                let index = published.open().with_strategy(strategy);
                let radii: Vec<u16> = match size {
                    0..=33 => (0..=64).chain([100, 256]).collect(),
                    _ => (0..=18).chain([31, 32, 63, 64, 100]).collect(),
                };
                for query in queries(&mut random, &records, SignalType::Dhash, 4) {
                    for &radius in &radii {
                        assert_search(&index, &records, &query, Distance(radius));
                    }
                }
            }
        }
    }
}

#[test]
fn every_kernel_gives_the_same_answer_over_a_hundred_thousand_hashes() {
    let mut random = Random::new(3);
    for shape in Shape::ALL {
        for kind in [SignalType::Pdq, SignalType::Phash] {
            let records = shape.records(&mut random, kind, 100_000);
            let published = Generation::publish(&records, 8192);
            let queries = queries(&mut random, &records, kind, 6);
            let radii: &[u16] = match kind {
                SignalType::Pdq => &[0, 15, 31, 47, 63],
                _ => &[0, 4, 8, 10, 16],
            };
            let oracle = Oracle::new(&records);
            for (kernel, strategy) in Kernel::available()
                .into_iter()
                .flat_map(|kernel| [(kernel, Strategy::Planned), (kernel, Strategy::Tables)])
            {
                let index = published.open().with_kernel(kernel).with_strategy(strategy);
                for query in &queries {
                    let widest = oracle.search(query, Distance(*radii.last().unwrap()));
                    for &radius in radii {
                        let expected: Vec<_> = widest
                            .iter()
                            .filter(|hit| hit.distance.0 <= radius)
                            .copied()
                            .collect();
                        let got = index.search(query, Distance(radius));
                        assert_eq!(got, expected, "{shape:?} {} {radius}", kernel.name());
                    }
                }
            }
        }
    }
}

/// The sizes at which an index by powers of two would lose something.
#[test]
fn powers_of_two_and_their_neighbours() {
    let mut random = Random::new(10);
    for kind in [SignalType::Pdq, SignalType::Phash] {
        for size in (12..=16).flat_map(|k| [(1 << k) - 1, 1 << k, (1 << k) + 1]) {
            let records = Shape::Clustered.records(&mut random, kind, size);
            let published = Generation::publish(&records, 8192);
            let index = published.open();
            let radius = Distance(if kind == SignalType::Pdq { 31 } else { 8 });
            let mut asked = queries(&mut random, &records, kind, 3);
            asked.extend([records[0].signal, records[size - 1].signal]);
            let oracle = Oracle::new(&records);
            let expected: Vec<_> = asked.iter().map(|q| oracle.search(q, radius)).collect();
            assert!(expected.iter().any(|hits| !hits.is_empty()));
            for (query, expected) in asked.iter().zip(&expected) {
                assert!(&index.search(query, radius) == expected, "{kind} {size}");
            }
            assert!(index.search_batch(&asked, radius) == expected);
        }
    }
}

/// Brute force here is the plain distance of two hashes, which is held against the oracle where it
/// is defined.
#[test]
fn a_million_hashes() {
    let mut random = Random::new(11);
    let mut records = Shape::Uniform.records(&mut random, SignalType::Pdq, 500_000);
    records.extend(Shape::Clustered.records(&mut random, SignalType::Pdq, 500_000));
    for (record, number) in records.iter_mut().zip(0..) {
        record.content = hashgate::bank::ContentId(number);
    }
    let published = Generation::publish(&records, 8192);
    let index = published.open();
    let asked = queries(&mut random, &records, SignalType::Pdq, 150);
    let mut found = 0;
    let batch = index.search_batch(&asked, Distance(31));
    for (query, batch) in asked.iter().zip(batch) {
        let near = |signal: &Signal| hashgate::hamming::distance(signal, query).unwrap();
        let mut expected: Vec<_> = records
            .iter()
            .map(|record| (near(&record.signal), record.bank, record.content))
            .filter(|hit| hit.0 <= Distance(31))
            .collect();
        expected.sort();
        let got = |hits: Vec<Hit>| -> Vec<_> {
            let hits = hits.into_iter();
            hits.map(|hit| (hit.distance, hit.bank, hit.content))
                .collect()
        };
        assert!(got(index.search(query, Distance(31))) == expected);
        assert!(got(batch) == expected);
        let first = index.nearest(query, 5, Distance(31));
        assert!(got(first) == expected[..expected.len().min(5)]);
        found += expected.len();
    }
    assert!(found > 1000, "{found}");
}

#[test]
fn real_hashes_with_their_correlated_bits() {
    let Some(data) = common::test_data() else {
        return;
    };
    let records: Vec<_> = common::tsv(&data.join("benign_pdq.tsv"))
        .iter()
        .zip(0..)
        .map(|(row, number)| record(number % 3, number.into(), pdq(&row[0]), row[1].parse().ok()))
        .collect();
    assert!(records.len() > 17_000);
    let published = Generation::publish(&records, 8192);
    let index = published.open();
    let mut random = Random::new(4);
    for query in queries(&mut random, &records, SignalType::Pdq, 60) {
        for radius in [0, 15, 31, 47, 63] {
            assert_search(&index, &records, &query, Distance(radius));
        }
    }
}

#[test]
fn needles_in_the_haystack() {
    let Some(data) = common::test_data() else {
        return;
    };
    let lines = |name: &str| -> Vec<_> {
        let text = std::fs::read_to_string(data.join("threatexchange").join(name)).unwrap();
        text.split_whitespace().map(pdq).collect()
    };
    let haystack: Vec<_> = (lines("haystack.txt").into_iter().zip(0..))
        .map(|(signal, number)| record(1, number, signal, None))
        .collect();
    assert_eq!(haystack.len(), 1350);
    let needles = lines("needles.txt");
    assert_eq!(needles.len(), 100);
    let oracle = Oracle::new(&haystack);
    for linear_below in [0, usize::MAX] {
        let published = Generation::publish(&haystack, linear_below);
        let index = published.open();
        for radius in [0, 15, 31, 47, 63].map(Distance) {
            let expected: Vec<_> = needles.iter().map(|n| oracle.search(n, radius)).collect();
            assert!(radius == Distance(0) || expected.iter().any(|hits| !hits.is_empty()));
            assert_eq!(index.search_batch(&needles, radius), expected);
        }
    }
}

#[test]
fn nearest_with_ties_in_the_stated_order() {
    let mut random = Random::new(5);
    for shape in Shape::ALL {
        for kind in [SignalType::Pdq, SignalType::Ahash] {
            for size in [0, 1, 5, 300, 5000] {
                let records = shape.records(&mut random, kind, size);
                let published = Generation::publish(&records, 1000);
                let index = published.open();
                let oracle = Oracle::new(&records);
                for query in queries(&mut random, &records, kind, 3) {
                    for max in [0, 9, 31, 256].map(Distance) {
                        let all = oracle.search(&query, max);
                        for k in [0, 1, 2, 10, 100, 10_000, usize::MAX] {
                            let expected = &all[..k.min(all.len())];
                            assert_eq!(index.nearest(&query, k, max), expected);
                            let limited = index.search_limited(&query, max, k);
                            assert_eq!(limited.hits, expected);
                            assert_eq!(limited.complete, k >= all.len());
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn digests_are_found_exactly() {
    let mut random = Random::new(6);
    for kind in [SignalType::Md5, SignalType::Sha1, SignalType::Sha256] {
        for size in SIZES {
            let records = Shape::Duplicates.records(&mut random, kind, size);
            let published = Generation::publish(&records, 8192);
            let index = published.open();
            for query in queries(&mut random, &records, kind, 20) {
                for radius in [0, 31].map(Distance) {
                    assert_search(&index, &records, &query, radius);
                }
            }
        }
    }
}

#[test]
fn digests_that_share_a_prefix_are_told_apart() {
    let mut random = Random::new(7);
    let records: Vec<_> = (0..5000)
        .map(|number| {
            let mut bytes = [0xab; 16];
            bytes[12..].copy_from_slice(&(random.next() as u32 % 9000).to_be_bytes());
            let signal = Signal::from_bytes(SignalType::Md5, &bytes).unwrap();
            record(1, number, signal, None)
        })
        .collect();
    let published = Generation::publish(&records, 0);
    let index = published.open();
    for query in queries(&mut random, &records, SignalType::Md5, 300) {
        assert_search(&index, &records, &query, Distance(0));
    }
}

#[test]
fn types_do_not_mix() {
    let mut random = Random::new(8);
    let mut records = Vec::new();
    for kind in SignalType::ALL {
        records.extend(Shape::Clustered.records(&mut random, kind, 300));
    }
    for linear_below in [0, 8192] {
        let published = Generation::publish(&records, linear_below);
        let index = published.open();
        assert_eq!(index.signal_types().len(), SignalType::ALL.len());
        for kind in SignalType::ALL {
            for query in queries(&mut random, &records, kind, 5) {
                for radius in [0, 8, 31].map(Distance) {
                    assert_search(&index, &records, &query, radius);
                }
            }
        }
    }
}

#[test]
fn a_posting_given_twice_counts_once_with_its_best_quality() {
    let signal = pdq(&"5a".repeat(32));
    let quality = |value| hashgate::hash::Quality::new(value);
    let records = [
        record(1, 7, signal, None),
        record(1, 7, signal, quality(40)),
        record(1, 7, signal, quality(90)),
        record(2, 7, signal, None),
        record(1, u64::MAX, signal, quality(0)),
    ];
    let published = Generation::publish(&records, 0);
    let index: Index = published.open();
    let hits = index.search(&signal, Distance(0));
    let seen: Vec<_> = hits
        .iter()
        .map(|hit| (hit.bank.0, hit.content.0, hit.quality.map(|q| q.get())))
        .collect();
    assert_eq!(
        seen,
        [(1, 7, Some(90)), (1, u64::MAX, Some(0)), (2, 7, None)]
    );
    assert_eq!(
        (published.published.hashes, published.published.postings),
        (1, 3)
    );
}

#[test]
fn a_million_content_items_behind_one_hash() {
    let signal = pdq(&"c3".repeat(32));
    let mut other = [0xc3; 32];
    other[0] ^= 1;
    let near = PdqHash(other).into();
    let mut records: Vec<_> = (0..1_000_000).map(|n| record(1, n, signal, None)).collect();
    records.push(record(2, 5, near, None));
    let published = Generation::publish(&records, 0);
    let index = published.open();
    let limited = index.search_limited(&near, Distance(31), 3);
    let seen: Vec<_> = limited
        .hits
        .iter()
        .map(|h| (h.distance.0, h.bank.0, h.content.0))
        .collect();
    assert_eq!(seen, [(0, 2, 5), (1, 1, 0), (1, 1, 1)]);
    assert!(!limited.complete);
    assert_eq!(index.search(&near, Distance(31)).len(), 1_000_001);
    assert_eq!(index.search(&near, Distance(0)).len(), 1);
}

#[test]
fn a_brief_visit_tells_all_or_says_that_it_does_not() {
    let mut random = Random::new(11);
    let brief = |index: &Index, query: &Signal, radius| {
        let mut told = Vec::new();
        let is_all = index.visit_brief(query, Distance(radius), |hit| told.push(hit));
        told.sort_unstable();
        told.dedup();
        is_all.then_some(told)
    };
    for size in [0, 1, 33, 2_048, 150_000] {
        let records = Shape::Uniform.records(&mut random, SignalType::Pdq, size);
        let published = Generation::publish(&records, 0);
        let index = published.open();
        let mut given_up = 0;
        for query in queries(&mut random, &records, SignalType::Pdq, 12) {
            for radius in [0, 31, 47, 128] {
                let all = index.search(&query, Distance(radius));
                match brief(&index, &query, radius) {
                    Some(told) => assert_eq!(told, all, "{size} hashes, within {radius}"),
                    None => given_up += 1,
                }
                // What was left out by the one must not be left out by the next.
                assert_eq!(index.search(&query, Distance(radius)), all);
            }
            assert!(
                brief(&index, &query, 31).is_some(),
                "{size}: tables are brief"
            );
        }
        // Nothing but a scan finds all within half of the bits: brief of some thousands, not of so many.
        assert_eq!(given_up > 0, size == 150_000, "{size} hashes");
    }
}

#[test]
fn a_brief_visit_gives_up_at_a_hash_that_very_many_items_share() {
    let signal = pdq(&"c3".repeat(32));
    for (items, is_all) in [(9_000, true), (20_000, false)] {
        let records: Vec<_> = (0..items).map(|n| record(1, n, signal, None)).collect();
        let index = Generation::publish(&records, 0).open();
        let mut told = 0;
        assert_eq!(
            index.visit_brief(&signal, Distance(0), |_| told += 1),
            is_all
        );
        assert_eq!(told, items.min(9_999));
    }
}

/// All hashes share their last word, in the order of the file: its bucket holds them all, and the
/// search sees only when it gets there, with hits in its hands, that a scan would have been better.
#[test]
fn a_search_that_turns_to_a_scan_half_way_finds_nothing_twice() {
    let mut random = Random::new(9);
    let permutation = Permutation::<[u32; 8]>::new(format::DEFAULT_SEED);
    let records: Vec<_> = (0..200_000)
        .map(|number| {
            let mut words: [u32; 8] = std::array::from_fn(|_| random.next() as u32);
            words[7] = 0x1234_5678;
            record(1, number, PdqHash(permutation.bytes(&words)).into(), None)
        })
        .collect();
    let published = Generation::publish(&records, 8192);
    let index = published.open();
    let oracle = Oracle::new(&records);
    for place in [5, 77_777] {
        let query = records[place].signal;
        for radius in [15, 31, 40].map(Distance) {
            let expected = oracle.search(&query, radius);
            assert_eq!(index.search(&query, radius), expected);
            assert_eq!(index.nearest(&query, 1, radius), expected[..1]);
        }
    }
}
