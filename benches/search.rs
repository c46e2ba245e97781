//! Searching an index: one million hashes unless told otherwise. Every benchmark first asserts its
//! answers against a scan.
//!
//! `HASHGATE_BENCH_HASHES` sets the number of hashes; `HASHGATE_KERNEL` forces a kernel. Queries
//! are distinct and many, so that they meet cold memory: half of them lie 0–31 flips from a hash.
//!
//! First comes a table: one query after another and batches of three sizes in turns, on one thread,
//! so that their proportions hold on a machine that has other work too. The hashes there are
//! uniform, and with `HASHGATE_TEST_DATA` also put together from quarters of real hashes, whose
//! bits go together as those of real pictures do.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::hash::{Distance, Hash64, Md5Digest, PdqHash, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions, Scratch, Strategy, publish};
use std::convert::Infallible;
use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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

/// Where hashes come from: record `number` has the hash that this gives for it.
type Source<'a> = &'a dyn Fn(u64) -> Signal;

fn build(folder: &std::path::Path, name: &str, count: usize, source: Source<'_>) -> Index {
    let bank = Bank {
        id: BankId(1),
        name: "bench".parse().expect("a name"),
        policy: Policy::new(Action::Review),
    };
    let records = (0..count as u64).map(|number| {
        Ok::<_, Infallible>(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal: source(number),
            quality: None,
        })
    });
    let started = Instant::now();
    let published = publish(folder, &[bank], records, &PublishOptions::default());
    let published = published.expect("published");
    eprintln!(
        "{name}: {} hashes, {:.1} bytes a hash, published in {:.2} s",
        published.hashes,
        published.bytes as f64 / published.hashes.max(1) as f64,
        started.elapsed().as_secs_f64()
    );
    let index = Index::open(folder).expect("opened");
    eprintln!("kernel {}", index.kernel().name());
    index
}

/// Every second query is a hash of the index with 0 to `flips - 1` bits flipped, the others are
/// of the same source and not in the index.
fn queries(source: Source<'_>, count: usize, hashes: usize, flips: u64) -> Vec<Signal> {
    let mut state = 99;
    (0..count)
        .map(|number| {
            let chosen = random(&mut state);
            if number % 2 == 0 {
                return source((1 << 40) + chosen % (1 << 40));
            }
            let planted = source(chosen % hashes as u64);
            let kind = planted.signal_type();
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
        let source = |number| nth(kind, number);
        let index = build(home.path(), &kind.to_string(), count, &source);
        for &radius in radii {
            let radius = Distance(radius);
            let queries = queries(&source, 1 << 15, count, u64::from(radius.0) + 1);
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

/// Real hashes, where there are any.
fn real_hashes() -> Option<Vec<[u8; 32]>> {
    let folder = std::env::var_os("HASHGATE_TEST_DATA")?;
    let path = std::path::Path::new(&folder).join("benign_pdq.tsv");
    let text = std::fs::read_to_string(path).ok()?;
    let fields = text.lines().filter_map(|line| line.split('\t').next());
    Some(
        fields
            .filter_map(|field| Some(field.parse::<PdqHash>().ok()?.0))
            .collect(),
    )
}

/// One after another, and batches, in turns on one thread.
fn side_by_side(_: &mut Criterion) {
    let count = hashes();
    let once = std::env::args().any(|argument| argument == "--test");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let pool = pool.expect("a thread");
    let uniform = |number| nth(SignalType::Pdq, number);
    let hash64 = |number| nth(SignalType::Phash, number);
    let real = real_hashes();
    let correlated = |number: u64| {
        let mut state = number;
        let mut bytes = [0; 32];
        for (place, part) in bytes.chunks_exact_mut(8).enumerate() {
            if let Some(real) = real.as_ref().filter(|real| !real.is_empty()) {
                let from = real[random(&mut state) as usize % real.len()];
                part.copy_from_slice(&from[8 * place..8 * place + 8]);
            }
        }
        PdqHash(bytes).into()
    };
    let mut cases: Vec<(&str, Source<'_>, &[u16])> = vec![("pdq, uniform", &uniform, &[31])];
    if real.is_some() {
        cases.push(("pdq, correlated", &correlated, &[31]));
    }
    cases.push(("64 bits, uniform", &hash64, &[8, 10]));
    for (name, source, radii) in cases {
        let home = tempfile::tempdir().expect("a folder");
        let index = build(home.path(), name, count, source);
        for &radius in radii {
            let most = if once { 2048 } else { 1 << 17 };
            let queries = queries(source, most, count, u64::from(radius) + 1);
            let radius = Distance(radius);
            pool.install(|| {
                assert_answers(home.path(), &index, &queries[..100], radius);
                turns(name, &index, &queries, radius, if once { 1 } else { 5 });
            });
        }
    }
}

/// Seconds that this thread has had of a processor, so that other work on the machine does not
/// count; the time of day where the system does not tell.
fn seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let told = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    told.map_or_else(
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(0.0, |now| now.as_secs_f64())
        },
        |nanoseconds| nanoseconds / 1e9,
    )
}

fn turns(name: &str, index: &Index, queries: &[Signal], radius: Distance, rounds: usize) {
    const SIZES: [usize; 4] = [1, 64, 1024, 1 << 16];
    let mut times = SIZES.map(|_| Vec::new());
    let mut hits = SIZES.map(|_| 0);
    let (mut scratch, mut found) = (Scratch::default(), Vec::new());
    for round in 0..rounds {
        for (place, size) in SIZES.into_iter().enumerate() {
            let size = size.min(queries.len());
            // Other queries in each round; all but the largest batch see 8,192 of them.
            let many = size.max(8192).min(queries.len());
            let first = round * many % (queries.len() - many + 1);
            let part = &queries[first..first + many];
            hits[place] = 0;
            let started = seconds();
            if size == 1 {
                for query in part {
                    index.search_into(query, radius, &mut scratch, &mut found);
                    hits[place] += found.len();
                }
            } else {
                for batch in part.chunks(size) {
                    let found = index.search_batch(batch, radius);
                    hits[place] += found.iter().map(Vec::len).sum::<usize>();
                }
            }
            times[place].push((seconds() - started) / many as f64);
        }
        assert!(hits[0] == hits[1] && hits[0] == hits[2] && hits[0] > 0);
    }
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    for (size, median) in SIZES.into_iter().zip(medians) {
        eprintln!(
            "{name}, r = {radius}, {size:>5} at a time: {:8.2} us a query, {:8.0} a second, {:.2} of one by one",
            1e6 * median,
            1.0 / median,
            medians[0] / median
        );
    }
}

criterion_group!(benches, side_by_side, search);
criterion_main!(benches);
