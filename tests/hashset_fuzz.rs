//! The fuzz target of the list parsers over the samples, damaged in many ways, the same in every
//! run. The fuzzer itself goes further: see `fuzz/README.md`.

#[path = "../fuzz/bodies/hash_lists.rs"]
mod hash_lists;

mod search_support;

use hashgate::hashset::ListFormat;
use search_support::Random;
use std::fs;
use std::path::Path;

/// A list with the two bytes before it that say its format and how it is read.
fn input(format: usize, at_once: u8, list: &[u8]) -> Vec<u8> {
    [&[format as u8, at_once], list].concat()
}

#[test]
fn damaged_samples_are_read_or_refused_and_never_panic() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("hashsets/samples");
    let mut lists: Vec<Vec<u8>> = fs::read_dir(samples)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    lists.sort();
    let mut random = Random::new(66);
    for list in &lists {
        for format in 0..ListFormat::ALL.len() {
            hash_lists::run(&input(format, 0, list));
            hash_lists::run(&input(format | 0x80, 7, list));
        }
        for _ in 0..60 {
            let mut damaged = list.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                match random.below(4) {
                    0 => damaged[at] = random.bytes(1)[0],
                    1 => damaged.truncate(at + 1),
                    2 => {
                        damaged.remove(at);
                    }
                    // A piece of it, once more.
                    _ => {
                        let end = (at + 1 + random.below(40)).min(damaged.len());
                        let piece = damaged[at..end].to_vec();
                        damaged.splice(at..at, piece);
                    }
                }
                if damaged.is_empty() {
                    break;
                }
            }
            let format = random.below(ListFormat::ALL.len());
            let at_once = random.below(64) as u8;
            hash_lists::run(&input(format, at_once, &damaged));
        }
    }
}

#[test]
fn bytes_by_chance_are_read_or_refused_and_never_panic() {
    let mut random = Random::new(67);
    let pieces: [&[u8]; 14] = [
        b"{\"",
        b"\":",
        b"[",
        b"]",
        b"}",
        b"\"hashRecords\":[",
        b"<image>",
        b"</image>",
        b"<id>",
        b"&#x41;",
        b"\n",
        b",",
        b"d41d8cd98f00b204e9800998ecf8427e",
        b"<queryResult>",
    ];
    for _ in 0..3_000 {
        let mut list = Vec::new();
        for _ in 0..random.below(30) {
            match random.below(4) {
                0 => list.extend(random.bytes(3)),
                _ => list.extend(pieces[random.below(pieces.len())]),
            }
        }
        let format = random.below(ListFormat::ALL.len());
        hash_lists::run(&input(format, random.below(9) as u8, &list));
    }
}
