//! HEICs, with their decoder. Seeds: `tests/data/formats`.
#![no_main]

#[allow(dead_code, reason = "each target uses its own part of it")]
#[path = "../bodies/pictures.rs"]
mod pictures;

use hashgate::media::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pictures::decoded_of(&[Format::Heic], bytes);
});
