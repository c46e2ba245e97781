//! Files of any kind, decoded within tight limits: refused, or pictures within them. Seeds: awkward
//! and hostile files of each format.
#![no_main]

#[path = "../bodies/pictures.rs"]
mod pictures;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pictures::decoded(bytes);
});
