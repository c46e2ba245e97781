//! The fuzz targets' bodies over damaged pictures, the same in every run. The fuzzer itself goes
//! further: see `fuzz/README.md`.
#![cfg(feature = "decode")]

mod common;
mod jpeg_support;

#[path = "../fuzz/bodies/pictures.rs"]
mod pictures;

/// Longer files are left to the fuzzer.
const LONGEST: usize = 60_000;

/// The project's own JPEGs, and the awkward files of each format where they are.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut seeds = jpeg_support::samples();
    if let Some(data) = common::test_data() {
        for entry in std::fs::read_dir(data.join("hard")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            // Bombs take their time even where they are refused.
            let bytes = std::fs::read(&path).unwrap();
            if bytes.len() <= LONGEST && !name.contains("bomb") {
                seeds.push((name, bytes));
            }
        }
    }
    seeds.sort();
    seeds
}

/// The file with one thing wrong: a bit, a byte, some bytes left out, said twice, or its end missing.
fn damaged(bytes: &[u8], turn: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = (turn * 7919 + bytes.len() * 31 + 5) % bytes.len().max(1);
    match turn % 5 {
        _ if bytes.is_empty() => {}
        0 => bytes[at] ^= 1 << (turn / 5 % 8),
        1 => bytes[at] = [0, 0xff, 0x80, 1][turn / 5 % 4],
        2 => drop(bytes.drain(at..(at + 1 + turn % 9).min(bytes.len()))),
        3 => {
            let again = bytes[at..(at + 16).min(bytes.len())].to_vec();
            bytes.splice(at..at, again);
        }
        _ => bytes.truncate(at),
    }
    bytes
}

#[test]
fn damaged_pictures_are_refused_or_decoded_within_limits() {
    for (name, bytes) in seeds() {
        for turn in 0..10 {
            let damaged = damaged(&bytes, turn);
            let caught = std::panic::catch_unwind(|| pictures::decoded(&damaged));
            assert!(caught.is_ok(), "{name}, turn {turn}");
        }
    }
}

#[test]
fn the_outcome_of_damaged_pictures_does_not_hang_on_the_mode() {
    let mut sampled = 0;
    for (name, bytes) in seeds() {
        let is_jpeg = bytes.starts_with(b"\xff\xd8");
        for turn in 0..if is_jpeg { 40 } else { 2 } {
            let damaged = damaged(&bytes, turn);
            let hashed = std::panic::catch_unwind(|| pictures::hashed_both_ways(&damaged));
            let read = hashed.unwrap_or_else(|_| panic!("{name}, turn {turn}"));
            sampled += u32::from(read);
        }
    }
    assert!(
        sampled >= 20,
        "only {sampled} were read by their coefficients"
    );
}
