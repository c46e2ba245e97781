//! See `bodies/hash_lists.rs`.

#![no_main]

#[path = "../bodies/hash_lists.rs"]
mod hash_lists;

libfuzzer_sys::fuzz_target!(|data: &[u8]| hash_lists::run(data));
