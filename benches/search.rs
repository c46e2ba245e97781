//! Searching an index: one million uniform hashes unless told otherwise. Every benchmark first
//! asserts its answers against a scan.
//!
//! `HASHGATE_BENCH_HASHES` sets the number of hashes; `HASHGATE_KERNEL` forces a kernel. Queries
//! are distinct and many, so that they meet cold memory: half of them lie 0–31 flips from a hash.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::hash::{Distance, Hash64, Md5Digest, PdqHash, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions, Scratch, Strategy, publish};
use std::convert::Infallible;
use std::hint::black_box;

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn signal(kind: SignalType, state: &mut u64) -> Signal {
    let mut bytes = [0u8; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&random(state).to_be_bytes());
    }
    match kind {
        SignalType::Pdq => PdqHash(bytes).into(),
        SignalType::Md5 => {
            let mut digest = [0; 16];
            digest.copy_from_slice(&bytes[..16]);
            Md5Digest(digest).into()
        }
        _ => Signal::from_hash64(kind, Hash64(random(state))),
    }
}

fn hashes() -> usize {
    let given = std::env::var("HASHGATE_BENCH_HASHES").ok();
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000)
}

/// The hash that record `number` of a type has.
fn nth(kind: SignalType, number: u64) -> Signal {
    signal(
        kind,
        &mut (number.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(kind.code())),
    )
}

fn build(folder: &std::path::Path, kind: SignalType, count: usize) -> Index {
    let bank = Bank {
        id: BankId(1),
        name: "bench".parse().expect("a name"),
        policy: Policy::new(Action::Review),
    };
    let records = (0..count as u64).map(|number| {
        Ok::<_, Infallible>(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal: nth(kind, number),
            quality: None,
        })
    });
    let started = std::time::Instant::now();
    let published = publish(folder, &[bank], records, &PublishOptions::default());
    let published = published.expect("published");
    eprintln!(
        "{kind}: {} hashes, {:.1} bytes a hash, published in {:.2} s",
        published.hashes,
        published.bytes as f64 / published.hashes.max(1) as f64,
        started.elapsed().as_secs_f64()
    );
    let index = Index::open(folder).expect("opened");
    eprintln!("kernel {}", index.kernel().name());
    index
}

/// Every second query is a hash with 0 to `flips - 1` bits flipped.
fn queries(kind: SignalType, count: usize, hashes: usize, flips: u64) -> Vec<Signal> {
    let mut state = 99;
    (0..count)
        .map(|number| {
            if number % 2 == 0 {
                return signal(kind, &mut state);
            }
            let planted = nth(kind, random(&mut state) % hashes as u64);
            let mut bytes = planted.as_bytes().to_vec();
            for _ in 0..random(&mut state) % flips.max(1) {
                let bit = random(&mut state) as usize % (8 * bytes.len());
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            Signal::from_bytes(kind, &bytes).expect("the same length")
        })
        .collect()
}

fn search(criterion: &mut Criterion) {
    let count = hashes();
    for (kind, radii) in [
        (SignalType::Pdq, [15, 31, 47].as_slice()),
        (SignalType::Phash, &[4, 8, 10]),
        (SignalType::Md5, &[0]),
    ] {
        let home = tempfile::tempdir().expect("a folder");
        let index = build(home.path(), kind, count);
        for &radius in radii {
            let radius = Distance(radius);
            let queries = queries(kind, 1 << 15, count, u64::from(radius.0) + 1);
            assert_answers(home.path(), &index, &queries[..200], radius);
            let mut group = criterion.benchmark_group(format!("search/{kind}/{count}"));
            group.throughput(Throughput::Elements(1));
            let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
            let mut next = 0;
            group.bench_function(format!("one query, r = {radius}"), |bencher| {
                bencher.iter(|| {
                    next = (next + 1) % queries.len();
                    index.search_into(&queries[next], radius, &mut scratch, &mut hits);
                    black_box(hits.len())
                });
            });
            group.throughput(Throughput::Elements(1024));
            group.sample_size(20);
            let mut batches = queries.chunks_exact(1024).cycle();
            group.bench_function(format!("batch of 1024, r = {radius}"), |bencher| {
                bencher.iter_batched(
                    || batches.next().unwrap_or_default(),
                    |batch| black_box(index.search_batch(batch, radius)),
                    BatchSize::SmallInput,
                );
            });
            group.finish();
        }
    }
}

/// Holds the answers against those of a scan, and the planted hashes against being found.
fn assert_answers(folder: &std::path::Path, index: &Index, queries: &[Signal], radius: Distance) {
    let scan = Index::open(folder)
        .expect("opened")
        .with_strategy(Strategy::Scan);
    let batch = index.search_batch(queries, radius);
    for (number, (query, hits)) in queries.iter().zip(batch).enumerate() {
        assert_eq!(hits, scan.search(query, radius));
        assert_eq!(hits, index.search(query, radius));
        assert!(
            number % 2 == 0 || !hits.is_empty(),
            "a planted hash is found"
        );
    }
}

criterion_group!(benches, search);
criterion_main!(benches);
