//! Files that are cut, damaged, or say what cannot be.

use std::ops::ControlFlow;

use super::*;
use crate::media::error::Quantity;
use crate::media::{decode, decode_frames, memory_needed, sniff};

const HEIC: &[u8] = include_bytes!("../../../tests/data/formats/rocket.heic");
const CLEAR: &[u8] = include_bytes!("../../../tests/data/formats/rocket-alpha.heic");
const GRID: &[u8] = include_bytes!("../../../tests/data/formats/rocket-grid.avif");
const MOVING: &[u8] = include_bytes!("../../../tests/data/formats/moving.avifs");

/// The error of a whole run over a file's pictures, and how many there were.
fn run(bytes: &[u8], limits: &Limits) -> (u32, Option<MediaError>) {
    let mut seen = 0;
    let result = decode_frames(bytes, limits, &mut |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    (seen, result.err())
}

/// A file with a box's bytes changed: those that begin `at` bytes behind its name.
fn changed(file: &[u8], name: &[u8; 4], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let found = file.windows(4).position(|four| four == name);
    let from = found.expect("the box is there") + 4 + at;
    file[from..from + bytes.len()].copy_from_slice(bytes);
    file
}

fn assert_not_failed(what: &str, error: Option<&MediaError>) {
    let words = error.map(ToString::to_string).unwrap_or_default();
    assert!(!words.contains("the decoder failed"), "{what}: {words}");
}

#[cfg(feature = "heic")]
#[test]
fn a_cut_file_is_damaged_wherever_it_is_cut() {
    for file in [HEIC, CLEAR] {
        for end in (0..file.len()).step_by(7) {
            let error = decode(&file[..end], &Limits::default()).err();
            assert!(error.is_some(), "{end} of {}", file.len());
            assert_not_failed("cut", error.as_ref());
        }
    }
}

#[cfg(feature = "heic")]
#[test]
fn a_byte_that_is_wrong_is_no_panic() {
    // Where the items are described, every byte; in the pictures some.
    for file in [HEIC, CLEAR] {
        let described = file.windows(4).position(|four| four == b"mdat").unwrap();
        let places = (0..described).chain((described..file.len()).step_by(97));
        for at in places {
            for change in [0xff, 0x01, 0x80] {
                let mut file = file.to_vec();
                file[at] ^= change;
                if sniff(&file).is_some() {
                    let (_, error) = run(&file, &Limits::default());
                    assert_not_failed(&format!("byte {at}"), error.as_ref());
                }
            }
        }
    }
}

/// Only what is asked of the container, as no decoder is called.
#[test]
fn damaged_lists_of_grids_and_sequences_are_no_panic() {
    for file in [GRID, MOVING] {
        for at in 0..file.len() {
            for change in [0xff, 0x01, 0x80] {
                let mut file = file.to_vec();
                file[at] ^= change;
                if let Ok(mut pictures) = open(Format::Avif, &file, &Limits::default()) {
                    let _ = pictures.next();
                }
            }
        }
        for end in 0..file.len() {
            let _ = open(Format::Avif, &file[..end], &Limits::default()).is_ok();
        }
    }
}

#[test]
fn sizes_are_held_against_the_limits_before_anything_is_decoded() {
    let huge = changed(HEIC, b"ispe", 4, &[0x7f; 8]);
    let wide = changed(HEIC, b"ispe", 4, &[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
    for (file, wanted) in [(&huge, Quantity::Side), (&wide, Quantity::Pixels)] {
        let Err(MediaError::TooLarge { what, .. }) =
            open(Format::Heic, file, &Limits::default()).map(|_| ())
        else {
            panic!("not refused as too large");
        };
        assert_eq!(what, wanted);
    }
    let none = changed(HEIC, b"ispe", 4, &[0; 8]);
    let refused = open(Format::Heic, &none, &Limits::default()).map(|_| ());
    assert!(matches!(refused, Err(MediaError::Undecodable { .. })));
}

#[cfg(feature = "heic")]
#[test]
fn a_stream_larger_than_its_item_is_not_believed() {
    let small = changed(HEIC, b"ispe", 4, &[0, 0, 0, 64, 0, 0, 0, 64]);
    let (seen, error) = run(&small, &Limits::default());
    let words = error.expect("an error").to_string();
    assert_eq!(seen, 0);
    assert!(words.contains("larger than it says"), "{words}");
}

#[cfg(feature = "heic")]
#[test]
fn what_decoding_takes_is_known_before() {
    let needed = memory_needed(HEIC, &Limits::default());
    let enough = Limits {
        max_decoder_bytes: needed,
        ..Limits::default()
    };
    assert!(decode(HEIC, &enough).is_ok());
    assert!(needed >= 256 * 192 * 6, "{needed}");
    let too_little = Limits {
        max_decoder_bytes: 256 * 192 * 6,
        ..Limits::default()
    };
    assert!(matches!(
        decode(HEIC, &too_little),
        Err(MediaError::TooLarge { .. })
    ));
}

#[cfg(feature = "heic")]
#[test]
fn kinds_that_are_not_read_are_named() {
    for (name, other, words) in [
        (b"hvc1", b"jpeg", "coded as jpeg"),
        (b"hvc1", b"iovl", "laid over"),
    ] {
        let mut file = HEIC.to_vec();
        let at = file.windows(4).position(|four| four == name).unwrap();
        file[at..at + 4].copy_from_slice(other);
        let Err(MediaError::Unsupported { what }) = decode(&file, &Limits::default()) else {
            panic!("not refused by name: {words}");
        };
        assert!(what.contains(words), "{what}");
    }
}

#[cfg(all(feature = "isolated", target_os = "linux"))]
#[test]
fn without_a_program_to_decode_it_a_file_is_unsupported() {
    let mut pictures = open(Format::Avif, GRID, &Limits::default()).unwrap();
    let error = pictures.next().unwrap_err().to_string();
    assert!(error.contains("isolation"), "{error}");
}
