//! Files of any kind, hashed by coefficients and by pixels: one outcome, near hashes. Seeds: awkward
//! and hostile files of each format.
#![no_main]

#[path = "../bodies/pictures.rs"]
mod pictures;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = pictures::hashed_both_ways(bytes);
});
