//! The fuzz targets' bodies over inputs by chance, the same in every run. The fuzzer itself goes
//! further: see `fuzz/README.md`.

mod search_support;

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;

use search_support::Random;

fn inputs(seed: u64, count: usize, longest: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::new(seed);
    (0..count).map(move |_| {
        let length = random.below(longest);
        random.bytes(length)
    })
}

#[test]
fn changes_and_queries_by_chance_equal_brute_force() {
    bodies::search_oracle::run(&[]);
    for input in inputs(60, 120, 1500) {
        bodies::search_oracle::run(&input);
    }
}

#[test]
fn damaged_segments_by_chance_never_panic() {
    bodies::segment_open::run(&[]);
    for input in inputs(61, 1500, 60) {
        bodies::segment_open::run(&input);
    }
}
