//! The kernels that this processor has: one distance, a scan of a column, and scans of buckets.
//! Each first asserts its answer against the oracle or the scalar kernel.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashgate::hamming::kernel::{Column, Found, Met, Probe, Row, SharedProbe, Survivor};
use hashgate::hamming::{Kernel, distance_pdq, naive};
use hashgate::hash::PdqHash;
use std::hint::black_box;

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn rows<const N: usize>(count: usize) -> Vec<[u32; N]> {
    let mut state = 1;
    let row = |_| std::array::from_fn(|_| random(&mut state) as u32);
    (0..count).map(row).collect()
}

fn distance(criterion: &mut Criterion) {
    let mut state = 7;
    let mut hash = || PdqHash(std::array::from_fn(|_| random(&mut state) as u8));
    let (a, b) = (hash(), hash());
    assert_eq!(
        u32::from(distance_pdq(&a, &b).0),
        naive::distance(&a.0, &b.0)
    );
    criterion.bench_function("distance/pdq", |bencher| {
        bencher.iter(|| distance_pdq(black_box(&a), black_box(&b)));
    });
}

/// 64 K rows: 2 MiB of PDQ hashes, which most processors hold in their second or third cache.
const ROWS: usize = 1 << 16;

fn scan<const N: usize>(criterion: &mut Criterion, radius: u32)
where
    [u32; N]: Row,
{
    let rows = rows::<N>(ROWS);
    let query = rows[ROWS / 2];
    let mut expected = Vec::new();
    Kernel::Scalar.scan(&rows, 0, &query, radius, &mut expected);
    assert!(expected.contains(&Found {
        id: ROWS as u32 / 2,
        distance: 0
    }));
    let mut group = criterion.benchmark_group(format!("scan/{} bits", 32 * N));
    group.throughput(Throughput::Elements(ROWS as u64));
    for kernel in Kernel::available() {
        let mut found = Vec::new();
        kernel.scan(&rows, 0, &query, radius, &mut found);
        assert_eq!(found, expected, "{}", kernel.name());
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter(|| {
                found.clear();
                kernel.scan(black_box(&rows), 0, &query, radius, &mut found);
                found.len()
            });
        });
    }
    group.finish();
}

fn scans(criterion: &mut Criterion) {
    scan::<8>(criterion, 31);
    scan::<2>(criterion, 8);
}

/// 272 buckets of about 150 entries, as a query at radius 31 meets over ten million hashes.
fn buckets(criterion: &mut Criterion) {
    let mut state = 3;
    let column: Vec<u16> = (0..1 << 20).map(|_| random(&mut state) as u16).collect();
    let probes: Vec<Probe> = (0..272)
        .map(|number| {
            let begin = (random(&mut state) % ((1 << 20) - 200)) as u32;
            Probe {
                begin,
                end: begin + 100 + (random(&mut state) % 100) as u32,
                sibling: random(&mut state) as u16,
                table: 0,
                least: 0,
                most: if number % 17 == 0 { 3 } else { 2 },
            }
        })
        .collect();
    let entries: u64 = probes
        .iter()
        .map(|probe| u64::from(probe.end - probe.begin))
        .sum();
    let run = |kernel: Kernel, survivors: &mut [Survivor]| {
        let columns = [Column {
            siblings: &column,
            ids: &[],
        }];
        kernel.scan_buckets(&columns, black_box(&probes), 0..probes.len(), survivors)
    };
    let mut expected = vec![Survivor::default(); 4096];
    let scanned = run(Kernel::Scalar, &mut expected);
    assert!(scanned.0 == probes.len() && scanned.1 > 0);
    let mut group = criterion.benchmark_group("buckets/272 of 150");
    group.throughput(Throughput::Elements(entries));
    for kernel in Kernel::available() {
        let mut survivors = vec![Survivor::default(); 4096];
        assert_eq!(run(kernel, &mut survivors), scanned);
        assert_eq!(survivors, expected, "{}", kernel.name());
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter(|| run(kernel, &mut survivors));
        });
    }
    group.finish();
}

/// 16 buckets of 150 entries, each asked by 17 queries, as in a batch of 64 K over ten million.
fn shared(criterion: &mut Criterion) {
    let mut state = 5;
    let column: Vec<u16> = (0..4096).map(|_| random(&mut state) as u16).collect();
    let probes: Vec<SharedProbe> = (0..16 * 17)
        .map(|number| SharedProbe {
            begin: number / 17 * 150,
            end: number / 17 * 150 + 150,
            query: number,
            sibling: random(&mut state) as u16,
            least: 0,
            most: 2,
        })
        .collect();
    let run = |kernel: Kernel, survivors: &mut [Met]| {
        kernel.scan_shared(&column, black_box(&probes), 0, survivors)
    };
    let mut expected = vec![Met::default(); 8192];
    let scanned = run(Kernel::Scalar, &mut expected);
    assert!(scanned.0 == probes.len() && scanned.1 > 0);
    let mut group = criterion.benchmark_group("shared/272 of 150");
    group.throughput(Throughput::Elements(150 * probes.len() as u64));
    for kernel in Kernel::available() {
        let mut survivors = vec![Met::default(); 8192];
        assert_eq!(run(kernel, &mut survivors), scanned);
        assert_eq!(survivors, expected, "{}", kernel.name());
        group.bench_function(kernel.name(), |bencher| {
            bencher.iter(|| run(kernel, &mut survivors));
        });
    }
    group.finish();
}

criterion_group!(benches, distance, scans, buckets, shared);
criterion_main!(benches);
