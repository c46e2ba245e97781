//! How much of the index a search meets, counted, not timed: the plan asks tables where that is
//! less work than a scan, and never does much more work than the scan would.

mod search_support;

use hashgate::hash::{Distance, SignalType};
use hashgate::index::{Index, Scratch, Strategy, Work};
use search_support::*;

/// What it costs, in quarter nanoseconds, as `src/index/plan.rs` has it from measurements.
fn cost(work: Work, bytes_each: u64) -> u64 {
    48 * work.probes
        + 3 * work.entries / 16
        + 60 * work.survivors
        + 4 * work.scanned * bytes_each / 32
}

fn work(index: &Index, query: &hashgate::hash::Signal, radius: u16) -> Work {
    let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
    index.search_into(query, Distance(radius), &mut scratch, &mut hits);
    scratch.work()
}

#[test]
fn uniform_hashes_are_found_by_the_tables_with_little_work() {
    let mut random = Random::new(80);
    for (kind, radius, bytes) in [(SignalType::Pdq, 31, 32), (SignalType::Phash, 8, 8)] {
        let count = 200_000;
        let records = Shape::Uniform.records(&mut random, kind, count);
        let published = Generation::publish(&records, 8192);
        let index = published.open();
        for query in queries(&mut random, &records, kind, 50) {
            let work = work(&index, &query, radius);
            assert_eq!(work.scanned, 0, "{work:?}");
            assert!(work.survivors < 200, "{work:?}");
            let scan = 4 * count as u64 * bytes / 32;
            assert!(cost(work, bytes) < scan / 2, "{work:?}");
        }
    }
}

/// Difference hashes of flat pictures: most bits are 0, so that few buckets hold nearly all.
#[test]
fn skewed_hashes_never_cost_much_more_than_a_scan() {
    let mut random = Random::new(81);
    for (kind, radii, bytes) in [
        (SignalType::Dhash, [4, 8, 10, 12], 8),
        (SignalType::Pdq, [15, 31, 47, 63], 32),
    ] {
        for shape in [Shape::Skewed, Shape::Clustered, Shape::Duplicates] {
            let count = 100_000;
            let records = shape.records(&mut random, kind, count);
            let published = Generation::publish(&records, 1000);
            let index = published.open();
            let hashes = published.published.hashes;
            let scan = 4 * hashes * bytes / 32;
            let mut sum = 0;
            let asked = queries(&mut random, &records, kind, 40);
            for radius in radii {
                for query in &asked {
                    let work = work(&index, query, radius);
                    // What was verified at once when the plan changed its mind is lost.
                    let lost = 60 * 8192;
                    assert!(work.scanned == 0 || work.scanned == hashes);
                    assert!(cost(work, bytes) <= 2 * scan + lost, "{shape:?} {work:?}");
                    sum += cost(work, bytes);
                }
            }
            let searches = (radii.len() * asked.len()) as u64;
            assert!(
                sum <= searches * scan * 5 / 4,
                "{kind} {shape:?}: {} a search, a scan costs {scan}",
                sum / searches
            );
        }
    }
}

#[test]
fn wide_radii_are_scanned_at_once() {
    let mut random = Random::new(82);
    for (kind, radius) in [(SignalType::Pdq, 90), (SignalType::Dhash, 24)] {
        let records = Shape::Uniform.records(&mut random, kind, 20_000);
        let published = Generation::publish(&records, 0);
        let index = published.open();
        let work = work(&index, &records[0].signal, radius);
        assert_eq!((work.probes, work.scanned), (0, 20_000));
        let tables = index.with_strategy(Strategy::Tables);
        let (mut scratch, mut hits) = (Scratch::default(), Vec::new());
        tables.search_into(&records[0].signal, Distance(7), &mut scratch, &mut hits);
        assert_eq!(scratch.work().scanned, 0);
    }
}
