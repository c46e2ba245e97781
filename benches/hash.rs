//! Hashing pixels and bytes: PDQ against its literal definition, digests, the 64-bit hashes.
//!
//! The picture is made in code and has texture everywhere, so that no run takes the way of flat
//! pictures. Every benchmark asserts its answer.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashgate::hash::SignalType;
use hashgate::signal::pdq::literal;
use hashgate::signal::{PdqHasher, digests, imagehash, imghashes};
use std::hint::black_box;

/// Waves of several lengths with a little noise.
fn textured(width: usize, height: usize) -> Vec<u8> {
    let mut noise = 1u32;
    let mut rgb = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            for channel in 0..3 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let phase = channel as f32;
                let wave = (9.0 * u + 5.0 * v + phase).sin() * 50.0
                    + (23.0 * u * v - 11.0 * v).cos() * 40.0
                    + (31.0 * (u - v) * (u + 0.3)).sin() * 20.0;
                rgb.push((128.0 + wave + (noise >> 28) as f32) as u8);
            }
        }
    }
    rgb
}

const SIZES: [(usize, usize); 3] = [(512, 512), (1024, 768), (4000, 3000)];

fn pdq(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pdq");
    group.sample_size(20);
    for (width, height) in SIZES {
        let rgb = textured(width, height);
        let grey: Vec<u8> = rgb.iter().copied().skip(1).step_by(3).collect();
        let size = format!("{width}x{height}");
        let expected = literal::hash_rgb(width, height, &rgb).unwrap();
        group.throughput(Throughput::Elements((width * height) as u64));
        let mut hasher = PdqHasher::new();
        group.bench_function(BenchmarkId::new("exact_rgb", &size), |bencher| {
            bencher.iter(|| {
                let hashed = hasher.hash_rgb(width, height, black_box(&rgb)).unwrap();
                assert_eq!(hashed.hash, expected.hash);
                hashed
            });
        });
        let of_grey: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
        let expected_grey = literal::hash_rgb(width, height, &of_grey).unwrap();
        group.bench_function(BenchmarkId::new("exact_luma", &size), |bencher| {
            bencher.iter(|| {
                let hashed = hasher.hash_luma(width, height, black_box(&grey)).unwrap();
                assert_eq!(hashed.hash, expected_grey.hash);
                hashed
            });
        });
        let flat = vec![200; rgb.len()];
        let expected_flat = literal::hash_rgb(width, height, &flat).unwrap();
        group.bench_function(BenchmarkId::new("flat_rgb", &size), |bencher| {
            bencher.iter(|| {
                let hashed = hasher.hash_rgb(width, height, black_box(&flat)).unwrap();
                assert_eq!(hashed.hash, expected_flat.hash);
                hashed
            });
        });
        group.bench_function(BenchmarkId::new("literal_rgb", &size), |bencher| {
            bencher.iter(|| {
                let hashed = literal::hash_rgb(width, height, black_box(&rgb)).unwrap();
                assert_eq!(hashed.quality, expected.quality);
                hashed
            });
        });
    }
    let rgb = textured(512, 512);
    let hashed = PdqHasher::new().hash_rgb(512, 512, &rgb).unwrap();
    group.throughput(Throughput::Elements(1));
    group.bench_function("dihedral", |bencher| {
        bencher.iter(|| {
            let hashes = black_box(&hashed).dihedral();
            assert_eq!(hashes[0].1, hashed.hash);
            hashes
        });
    });
    group.finish();
}

fn bytes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digests");
    group.sample_size(20);
    let file: Vec<u8> = (0..1_000_000u32)
        .map(|i| (i.wrapping_mul(i) >> 7) as u8)
        .collect();
    group.throughput(Throughput::Bytes(file.len() as u64));
    for kind in [SignalType::Md5, SignalType::Sha1, SignalType::Sha256] {
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| {
                let signals = digests(black_box(&file), &[kind]);
                assert_eq!(signals[0].signal_type(), kind);
                signals
            });
        });
    }
    group.finish();
}

fn hash64(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash64");
    group.sample_size(10);
    let (width, height) = (1024, 768);
    let rgb = textured(width, height);
    group.throughput(Throughput::Elements((width * height) as u64));
    let ours = [SignalType::Ahash, SignalType::Dhash, SignalType::Phash];
    let expected = imagehash(width, height, &rgb, &ours).unwrap();
    group.bench_function("imagehash_all", |bencher| {
        bencher.iter(|| {
            let hashes = imagehash(width, height, black_box(&rgb), &ours).unwrap();
            assert_eq!(hashes, expected);
            hashes
        });
    });
    for kind in [
        SignalType::Blockhash,
        SignalType::ImghashMean,
        SignalType::ImghashGradient,
        SignalType::ImghashDct,
    ] {
        let (width, height) = (width as u32, height as u32);
        let expected = imghashes(width, height, &rgb, &[kind]).unwrap();
        group.bench_function(kind.name(), |bencher| {
            bencher.iter(|| {
                let hashes = imghashes(width, height, black_box(&rgb), &[kind]).unwrap();
                assert_eq!(hashes, expected);
                hashes
            });
        });
    }
    group.finish();
}

criterion_group!(benches, pdq, bytes, hash64);
criterion_main!(benches);
