//! Whatever is read from a JPEG's coefficients decodes, to a picture of that size, and hashes
//! nearly as its pixels do. Seeds: `tests/data/jpeg`.
#![no_main]

use hashgate::hamming::distance_pdq;
use hashgate::media::{Limits, decode, sample};
use hashgate::signal::PdqHasher;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Some(sampled) = sample(bytes, &limits, true) else {
        return;
    };
    let picture = decode(bytes, &limits).expect("what was sampled decodes");
    assert_eq!(
        (picture.width, picture.height),
        (sampled.width, sampled.height)
    );
    let mut hasher = PdqHasher::new();
    if let Some(fast) = hasher.hash_samples(&sampled.stored) {
        let (width, height) = (picture.width as usize, picture.height as usize);
        let exact = hasher.hash_rgb(width, height, &picture.rgb);
        let exact = exact.expect("the picture has its size");
        assert!(distance_pdq(&fast.hash, &exact.hash).0 <= 8);
    }
});
