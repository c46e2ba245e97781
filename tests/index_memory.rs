//! How an open index is held in memory: opening reads little of a mapped file, `Populate` and
//! `Copy` read all of it, and a copy does not need the file any more. Linux tells how much.

#![cfg(target_os = "linux")]

mod search_support;

use hashgate::hash::{Distance, Signal, SignalType};
use hashgate::index::{Index, Memory};
use search_support::*;
use std::fs;
use std::path::{Path, PathBuf};

fn published() -> (Generation, Vec<Signal>, PathBuf) {
    let mut random = Random::new(90);
    let records = Shape::Uniform.records(&mut random, SignalType::Pdq, 300_000);
    let published = Generation::publish(&records, 8192);
    let queries = queries(&mut random, &records, SignalType::Pdq, 50);
    let segment = published
        .home
        .path()
        .join("segment-0000000000000001-0000.hgs");
    (published, queries, segment)
}

/// Bytes of the file that this process has mapped, and of those, bytes that are in its memory, as
/// Linux counts them.
fn mapped(path: &Path) -> (u64, u64) {
    let maps = fs::read_to_string("/proc/self/smaps").unwrap();
    let path = path.canonicalize().unwrap();
    let (mut ours, mut size, mut resident) = (false, 0, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let kilobytes = || line.split_whitespace().nth(1)?.parse::<u64>().ok();
        match first {
            "Size:" if ours => size += 1024 * kilobytes().unwrap(),
            "Rss:" if ours => resident += 1024 * kilobytes().unwrap(),
            _ if first.contains('-') && !first.ends_with(':') => {
                ours = line.ends_with(path.to_str().unwrap());
            }
            _ => {}
        }
    }
    (size, resident)
}

#[test]
fn opening_reads_little_of_a_mapped_file() {
    let (published, queries, segment) = published();
    let bytes = published.published.bytes;
    assert_eq!(mapped(&segment), (0, 0));

    let index = Index::open(published.home.path()).unwrap();
    let (size, resident) = mapped(&segment);
    assert!(size >= bytes, "{size} of {bytes} bytes are mapped");
    // The offsets of 16 tables, which are checked, are 4 MiB; pages around those that are touched
    // come along.
    assert!(resident < 12 << 20, "{resident} of {bytes} bytes were read");
    let answers: Vec<_> = queries
        .iter()
        .map(|query| index.search(query, Distance(31)))
        .collect();
    drop(index);
    assert_eq!(mapped(&segment), (0, 0));

    let index = Index::open_with(published.home.path(), Memory::Populate).unwrap();
    let (_, resident) = mapped(&segment);
    assert!(resident >= bytes, "{resident} of {bytes} bytes were read");
    for (query, answer) in queries.iter().zip(&answers) {
        assert_eq!(&index.search(query, Distance(31)), answer);
    }
    drop(index);

    let index = Index::open_with(published.home.path(), Memory::Copy).unwrap();
    assert_eq!(mapped(&segment), (0, 0));
    // Whoever cuts the file off under a copy does it no harm.
    fs::File::options()
        .write(true)
        .open(&segment)
        .unwrap()
        .set_len(100)
        .unwrap();
    for (query, answer) in queries.iter().zip(&answers) {
        assert_eq!(&index.search(query, Distance(31)), answer);
    }
}
