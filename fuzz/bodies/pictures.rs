//! What the fuzz targets do with pictures, and what `cargo test` does with damaged ones
//! (`tests/picture_fuzz.rs`): one code for both.

use hashgate::gate::{Extract, Extractor, Isolation, VariantSet};
use hashgate::hamming::distance_pdq;
use hashgate::hash::{Signal, SignalType};
use hashgate::media::{Format, Limits, decode, decode_frames, embedded, sniff};
use std::ops::ControlFlow;

/// Limits that a few seconds of damaged files stay within.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_side = 4096;
    limits.max_pixels = 2 << 20;
    limits.max_decoder_bytes = 48 << 20;
    limits.max_frames = 6;
    limits.max_total_pixels = 4 << 20;
    limits
}

/// The bits and the quality that a gate takes a hash from coefficients to be off at most.
const MARGINS: (u16, u8) = (8, 3);

/// Decodes bytes of any kind: refused, or pictures within the limits; twice the same.
pub(crate) fn decoded(bytes: &[u8]) {
    let limits = limits();
    let inside = embedded(bytes).and_then(|found| found.decode(&limits));
    assert!(inside.is_none_or(|small| small.width.max(small.height) <= 1024));
    let first = decode(bytes, &limits);
    let mut frames = 0;
    let all = decode_frames(bytes, &limits, &mut |picture| {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        assert!(pixels > 0 && pixels <= limits.max_pixels);
        assert!(picture.width.max(picture.height) <= limits.max_side);
        assert_eq!(picture.rgb.len() as u64, pixels * 3);
        if let Some(black) = &picture.over_black {
            assert_eq!(black.len(), picture.rgb.len());
        }
        if picture.frame == 0 {
            assert_eq!(
                first.as_ref().ok(),
                Some(&picture),
                "one alone, and the first of all"
            );
        } else if frames == 0 {
            // A damaged page hides none of those behind it.
            assert!(first.is_err(), "the first was passed over without an error");
        }
        frames += 1;
        ControlFlow::Continue(())
    });
    assert!(frames <= limits.max_frames);
    // What was left out is a fault too, and may be told in its place.
    let is_told = all.as_ref().map_or(true, |frames| frames.left_out);
    assert!(first.is_ok() || is_told, "a fault was forgotten");
    if frames == 0 {
        assert!(first.is_err() && all.is_err(), "no picture, and no error");
    }
}

/// As [`decoded`], where the bytes are of one of these formats.
#[allow(dead_code, reason = "each target uses its own part of it")]
pub(crate) fn decoded_of(formats: &[Format], bytes: &[u8]) {
    if sniff(bytes).is_some_and(|format| formats.contains(&format)) {
        decoded(bytes);
    }
}

/// Hashes bytes of any kind by their coefficients, where that is possible, and by their pixels: the
/// outcome is the same, and the hashes are near. Says whether coefficients were read.
pub(crate) fn hashed_both_ways(bytes: &[u8]) -> bool {
    let limits = limits();
    let mut how = Extract {
        wanted: &[SignalType::Pdq],
        variants: VariantSet::STANDARD,
        limits: &limits,
        fast: true,
        memory: None,
        isolation: Isolation::default(),
    };
    let mut extractor = Extractor::default();
    let fast = extractor.extract_with(bytes, &how);
    how.fast = false;
    let exact = extractor.extract_with(bytes, &how);
    assert_eq!(fast.problem, exact.problem, "the outcome hangs on the mode");
    if !fast.fast {
        assert_eq!(fast.signals, exact.signals);
        return false;
    }
    let pdq = |signals: &[Signal]| signals.first().and_then(Signal::as_pdq);
    let (Some(one), Some(other)) = (pdq(&fast.signals), pdq(&exact.signals)) else {
        panic!("no hash, and no problem");
    };
    let bits = distance_pdq(&one, &other).0;
    let quality = |of: Option<hashgate::hash::Quality>| of.expect("PDQ has a quality").get();
    let apart = quality(fast.quality).abs_diff(quality(exact.quality));
    assert!(
        bits <= MARGINS.0 && apart <= MARGINS.1,
        "{bits} bits, {apart} of quality"
    );
    true
}
