//! The laws, held to the facts that they were fitted to.

use super::*;
use crate::hamming::naive;
use std::collections::HashMap;

fn made(distribution: Distribution, count: u64) -> Vec<Vec<u8>> {
    let maker = Maker::new(SignalType::Pdq, distribution, count, 5);
    (0..count).map(|number| maker.hash(number)).collect()
}

/// Bit `16 * row + column`, as PDQ numbers them.
fn bit(hash: &[u8], at: usize) -> f64 {
    f64::from(hash[31 - at / 8] >> (at % 8) & 1)
}

fn correlation(hashes: &[Vec<u8>], a: usize, b: usize) -> f64 {
    let count = hashes.len() as f64;
    let mean = |at| hashes.iter().map(|hash| bit(hash, at)).sum::<f64>() / count;
    let both = hashes.iter().map(|h| bit(h, a) * bit(h, b)).sum::<f64>() / count;
    let (p, q) = (mean(a), mean(b));
    (both - p * q) / (p * (1.0 - p) * q * (1.0 - q)).sqrt()
}

/// Mean over all bits that have a next but one in their row, and over the first bits of the rows.
fn next_but_one(hashes: &[Vec<u8>]) -> (f64, f64) {
    let of =
        |row: usize, column: usize| correlation(hashes, 16 * row + column, 16 * row + column + 2);
    let all = (0..16).flat_map(|row| (0..14).map(move |column| of(row, column)));
    let first = (0..16).map(|row| of(row, 0));
    (all.sum::<f64>() / 224.0, first.sum::<f64>() / 16.0)
}

/// Pairs of hashes whose 16-bit chunks are equal, times what chance gives; mean over the chunks.
fn crowding(hashes: &[Vec<u8>]) -> f64 {
    let mut sum = 0.0;
    for chunk in 0..16 {
        let mut seen: HashMap<&[u8], f64> = HashMap::new();
        for hash in hashes {
            *seen.entry(&hash[2 * chunk..2 * chunk + 2]).or_default() += 1.0;
        }
        let pairs: f64 = seen.values().map(|n| n * (n - 1.0)).sum();
        let count = hashes.len() as f64;
        sum += pairs / (count * (count - 1.0)) * 65_536.0;
    }
    sum / 16.0
}

fn spread(hashes: &[Vec<u8>]) -> f64 {
    let distances: Vec<f64> = hashes
        .iter()
        .zip(&hashes[hashes.len() / 2..])
        .map(|(a, b)| f64::from(naive::distance(a, b)))
        .collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    let squares = distances.iter().map(|d| (d - mean) * (d - mean));
    (squares.sum::<f64>() / distances.len() as f64).sqrt()
}

#[track_caller]
fn assert_near(what: &str, value: f64, expected: f64, within: f64) {
    assert!(
        (value - expected).abs() <= within,
        "{what}: {value}, expected {expected} ± {within}"
    );
}

#[test]
fn correlated_hashes_are_as_the_table_says() {
    let hashes = made(Distribution::Correlated, 16_000);
    let (all, first) = next_but_one(&hashes);
    let facts = (all, first, crowding(&hashes), spread(&hashes));
    assert_near("next but one", facts.0, -0.09, 0.015);
    assert_near("next but one, first", facts.1, -0.31, 0.02);
    assert_near("crowding", facts.2, 4.6, 0.4);
    assert_near("spread", facts.3, 8.3, 0.2);
}

#[test]
fn uniform_hashes_are_balanced_and_know_nothing_of_each_other() {
    let hashes = made(Distribution::Uniform, 16_000);
    for hash in &hashes {
        assert_eq!(hash.iter().map(|byte| byte.count_ones()).sum::<u32>(), 128);
    }
    let (all, first) = next_but_one(&hashes);
    assert_near("next but one", all, 0.0, 0.01);
    assert_near("next but one, first", first, 0.0, 0.02);
    assert_near("crowding", crowding(&hashes), 1.0, 0.1);
}

#[test]
fn skewed_hashes_crowd() {
    let factor = crowding(&made(Distribution::Skewed, 16_000));
    assert!((45.0..70.0).contains(&factor), "{factor}");
}

#[test]
fn half_of_the_duplicates_are_one_hash() {
    let hashes = made(Distribution::Duplicates, 1_000);
    let one = hashes.iter().filter(|hash| **hash == hashes[0]).count();
    assert_eq!(one, 500);
}

#[test]
fn every_law_fills_every_width_and_is_repeated_exactly() {
    for distribution in Distribution::ALL {
        for kind in [SignalType::Pdq, SignalType::Dhash] {
            let maker = |seed| Maker::new(kind, distribution, 1_000, seed);
            let (a, b) = (maker(1), maker(1));
            for number in [0, 1, 999] {
                assert_eq!(a.hash(number).len(), kind.byte_len());
                assert_eq!(a.hash(number), b.hash(number));
                assert_eq!(a.stranger(number), b.stranger(number));
            }
            let differ = (0..20).filter(|&n| a.hash(n) != maker(2).hash(n)).count();
            assert!(differ > 15, "{distribution:?} {kind}");
        }
    }
}

#[test]
fn as_many_bits_flip_as_asked() {
    let mut random = Random::new(3, 3);
    for flips in [0, 1, 31, 255, 256, 300] {
        let before = uniform(SignalType::Pdq, &mut random);
        let mut after = before.clone();
        flip(&mut after, flips, &mut random);
        assert_eq!(u64::from(naive::distance(&before, &after)), flips.min(256));
    }
}
