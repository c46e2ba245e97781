//! A batch of queries is answered as each of them alone, whichever way it is searched.

mod common;
mod search_support;

use hashgate::hamming::Kernel;
use hashgate::hash::{Distance, PdqHash, Signal, SignalType};
use hashgate::index::{Hit, Index, IndexRecord, Strategy};
use hashgate::segment::{Permutation, format};
use search_support::*;

/// Sizes of batches at which something begins or ends: one by one, together, divided among
/// threads, listed, more than are visited together.
const BATCHES: [usize; 10] = [0, 1, 2, 7, 8, 127, 257, 700, 1100, 2100];

/// Holds a batch, limited or not, against each query alone, and that against brute force for the
/// first few.
#[track_caller]
fn assert_batch(index: &Index, records: &[IndexRecord], queries: &[Signal], radius: Distance) {
    let oracle = Oracle::new(records);
    let batch = index.search_batch(queries, radius);
    let limit = 3;
    let limited = index.search_batch_limited(queries, radius, limit);
    assert_eq!((batch.len(), limited.len()), (queries.len(), queries.len()));
    let mut told: Vec<Vec<Hit>> = vec![Vec::new(); queries.len()];
    let mut last = 0;
    index.visit_batch(queries, radius, |place, hit| {
        assert!(place >= last, "one query after the other");
        last = place;
        told[place].push(hit);
    });
    for (number, query) in queries.iter().enumerate() {
        let alone = index.search(query, radius);
        assert!(batch[number] == alone, "query {number} within {radius}");
        told[number].sort_unstable();
        told[number].dedup();
        assert!(told[number] == alone, "query {number} within {radius}");
        assert_eq!(limited[number].hits, alone[..alone.len().min(limit)]);
        assert_eq!(limited[number].complete, alone.len() <= limit);
        if number < 5 {
            assert!(alone == oracle.search(query, radius));
        }
    }
}

#[test]
fn batches_of_every_size_equal_their_queries_alone() {
    let mut random = Random::new(50);
    for shape in Shape::ALL {
        for kind in [SignalType::Pdq, SignalType::Phash] {
            for size in [0, 1, 33, 2000] {
                let records = shape.records(&mut random, kind, size);
                let published = Generation::publish(&records, 0);
                for strategy in [Strategy::Planned, Strategy::Tables, Strategy::Scan] {
                    let index = published.open().with_strategy(strategy);
                    for count in BATCHES {
                        let queries = queries(&mut random, &records, kind, count);
                        let radius = match (kind, random.below(3)) {
                            (SignalType::Pdq, 0) => 15,
                            (SignalType::Pdq, _) => 31,
                            (_, 0) => 5,
                            (_, _) => 8,
                        };
                        assert_batch(&index, &records, &queries, Distance(radius));
                    }
                }
            }
        }
    }
}

#[test]
fn batches_at_every_radius_equal_their_queries_alone() {
    let mut random = Random::new(51);
    for (kind, most) in [(SignalType::Pdq, 64), (SignalType::Dhash, 64)] {
        let records = Shape::Clustered.records(&mut random, kind, 500);
        let published = Generation::publish(&records, 0);
        for strategy in [Strategy::Planned, Strategy::Tables] {
            let index = published.open().with_strategy(strategy);
            for radius in (0..=most).chain([128, 255, 256, 300]) {
                let queries = queries(&mut random, &records, kind, 20);
                assert_batch(&index, &records, &queries, Distance(radius));
            }
        }
    }
}

#[test]
fn batches_so_large_that_all_buckets_are_gone_over() {
    let mut random = Random::new(52);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.unwrap();
    for (kind, shape, radius) in [
        (SignalType::Pdq, Shape::Uniform, 31),
        (SignalType::Pdq, Shape::Clustered, 9),
        (SignalType::Pdq, Shape::Uniform, 47),
        (SignalType::Pdq, Shape::Skewed, 31),
        (SignalType::Ahash, Shape::Uniform, 8),
        (SignalType::Ahash, Shape::Skewed, 5),
    ] {
        let records = shape.records(&mut random, kind, 2000);
        let published = Generation::publish(&records, 0);
        let queries = queries(&mut random, &records, kind, 9000);
        let radius = Distance(radius);
        for strategy in [Strategy::Planned, Strategy::Tables] {
            let index = published.open().with_strategy(strategy);
            // On one thread, so that the batch stays together.
            let batch = pool.install(|| index.search_batch(&queries, radius));
            let limited = pool.install(|| index.search_batch_limited(&queries, radius, 2));
            for (number, query) in queries.iter().enumerate() {
                let alone = index.search(query, radius);
                assert_eq!(batch[number], alone);
                assert_eq!(limited[number].hits, alone[..alone.len().min(2)]);
                assert_eq!(limited[number].complete, alone.len() <= 2);
            }
        }
    }
}

#[test]
fn queries_of_all_types_may_be_mixed() {
    let mut random = Random::new(53);
    let mut records = Vec::new();
    for kind in SignalType::ALL {
        records.extend(Shape::Duplicates.records(&mut random, kind, 400));
    }
    let published = Generation::publish(&records, 100);
    let index = published.open();
    let mut mixed = Vec::new();
    for kind in SignalType::ALL {
        mixed.extend(queries(&mut random, &records, kind, 300));
    }
    // In no order.
    for place in (1..mixed.len()).rev() {
        mixed.swap(place, random.below(place + 1));
    }
    assert_batch(&index, &records, &mixed, Distance(9));
}

#[test]
fn every_kernel_answers_a_batch_the_same() {
    let mut random = Random::new(54);
    for (kind, radius) in [(SignalType::Pdq, 31), (SignalType::Phash, 8)] {
        let records = Shape::Clustered.records(&mut random, kind, 60_000);
        let published = Generation::publish(&records, 8192);
        let queries = queries(&mut random, &records, kind, 500);
        let reference = published.open().with_kernel(Kernel::Scalar);
        let expected: Vec<Vec<Hit>> = queries
            .iter()
            .map(|query| reference.search(query, Distance(radius)))
            .collect();
        assert!(expected.iter().filter(|hits| !hits.is_empty()).count() > 100);
        for kernel in Kernel::available() {
            for strategy in [Strategy::Planned, Strategy::Tables, Strategy::Scan] {
                let index = published.open().with_kernel(kernel).with_strategy(strategy);
                let got = index.search_batch(&queries, Distance(radius));
                assert!(got == expected, "{} {strategy:?}", kernel.name());
            }
        }
    }
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
    let published = Generation::publish(&records, 8192);
    let mut random = Random::new(55);
    let queries = queries(&mut random, &records, SignalType::Pdq, 2000);
    for strategy in [Strategy::Planned, Strategy::Tables] {
        let index = published.open().with_strategy(strategy);
        for radius in [0, 15, 31, 47, 63] {
            assert_batch(&index, &records, &queries, Distance(radius));
        }
    }
}

/// The buckets of the last word hold all hashes: queries find hits in the first tables and are set
/// aside for the scan in the last.
#[test]
fn queries_that_are_set_aside_half_way_find_nothing_twice() {
    let mut random = Random::new(56);
    let permutation = Permutation::<[u32; 8]>::new(format::DEFAULT_SEED);
    let mut hash = |crowded: bool| -> Signal {
        let mut words: [u32; 8] = std::array::from_fn(|_| random.next() as u32);
        if crowded {
            // Within a bit or two of each other in the last word.
            words[7] = 0x1234_5678 ^ (1 << (words[0] % 32));
        }
        PdqHash(permutation.bytes(&words)).into()
    };
    let records: Vec<_> = (0..100_000)
        .map(|number| record(1, number, hash(number % 2 == 0), None))
        .collect();
    let published = Generation::publish(&records, 8192);
    let index = published.open();
    // Queries of the crowd and others, each one of the records.
    let queries: Vec<_> = (0..200).map(|n| records[n * 37].signal).collect();
    for radius in [15, 31, 40].map(Distance) {
        let batch = index.search_batch(&queries, radius);
        let limited = index.search_batch_limited(&queries, radius, 1);
        for (number, query) in queries.iter().enumerate() {
            let alone = index.search(query, radius);
            assert_eq!(batch[number], alone);
            assert_eq!(limited[number].hits, alone[..1]);
        }
    }
}

/// What a thousand queries take of a million duplicates is bounded by the limit.
#[test]
fn a_batch_that_meets_a_million_duplicates_stays_bounded() {
    let signal = pdq(&"c3".repeat(32));
    let records: Vec<_> = (0..1_000_000).map(|n| record(1, n, signal, None)).collect();
    let published = Generation::publish(&records, 0);
    let index = published.open();
    let queries: Vec<Signal> = (0..1000u32)
        .map(|number| {
            let mut bytes = [0xc3; 32];
            bytes[(number % 32) as usize] ^= 1 << (number % 8);
            PdqHash(bytes).into()
        })
        .collect();
    for found in index.search_batch_limited(&queries, Distance(31), 4) {
        let contents: Vec<_> = found.hits.iter().map(|hit| hit.content.0).collect();
        assert_eq!(contents, [0, 1, 2, 3]);
        assert!(!found.complete);
    }
    let mut told = [0; 20];
    index.visit_batch(&queries[..20], Distance(31), |place, _| told[place] += 1);
    assert!(told.iter().all(|&told| told >= 1_000_000));
    let few = index.search_batch(&queries[..2], Distance(31));
    assert!(few.iter().all(|hits| hits.len() == 1_000_000));
}
