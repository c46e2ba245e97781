//! See `bodies/policy_file.rs`.

#![no_main]

#[path = "../bodies/policy_file.rs"]
mod policy_file;

libfuzzer_sys::fuzz_target!(|data: &[u8]| policy_file::run(data));
