//! See `bodies/search_oracle.rs`.

#![no_main]

#[allow(dead_code, reason = "each target uses its own part of it")]
#[path = "../bodies/mod.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::search_oracle::run(data));
