//! JPEGs by the reader for unusual structures, whatever their structure is. Seeds: `tests/data/jpeg`.
#![no_main]

#[allow(dead_code, reason = "each target uses its own part of it")]
#[path = "../bodies/pictures.rs"]
mod pictures;

use hashgate::media::plain_jpeg;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((width, height, rgb)) = plain_jpeg(bytes, &pictures::limits()) {
        assert_eq!(rgb.len() as u64, 3 * u64::from(width) * u64::from(height));
    }
});
