//! Files that are cut or damaged, and what a file may ask for.

use std::ops::ControlFlow;

use super::*;
use crate::media::error::Quantity;
use crate::media::{Orientation, decode, decode_frames, memory_needed};

const ROCKET: &[u8] = include_bytes!("../../../tests/data/formats/rocket.jxl");
const CONTAINER: &[u8] = include_bytes!("../../../tests/data/formats/rocket-container.jxl");
const CLEAR: &[u8] = include_bytes!("../../../tests/data/formats/rocket-alpha.jxl");
const MOVING: &[u8] = include_bytes!("../../../tests/data/formats/moving.jxl");
const TURNED: &[u8] = include_bytes!("../../../tests/data/formats/rocket-turned.jxl");

fn frames(bytes: &[u8], limits: &Limits) -> (Vec<Picture>, Option<MediaError>) {
    let mut pictures = Vec::new();
    let result = decode_frames(bytes, limits, &mut |picture| {
        pictures.push(picture);
        ControlFlow::Continue(())
    });
    (pictures, result.err())
}

#[test]
fn frames_are_counted_and_turns_done() {
    let (pictures, error) = frames(MOVING, &Limits::default());
    assert_eq!(error, None);
    let numbers: Vec<_> = pictures.iter().map(|picture| picture.frame).collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(
        pictures
            .iter()
            .all(|one| (one.width, one.height) == (128, 96))
    );
    assert!(pictures[0].rgb != pictures[1].rgb && pictures[1].rgb != pictures[2].rgb);
    let turned = decode(TURNED, &Limits::default()).unwrap();
    assert_eq!((turned.width, turned.height), (192, 256));
    assert_eq!(turned.orientation, Orientation::Normal, "done already");
    let clear = decode(CLEAR, &Limits::default()).unwrap();
    assert!(clear.over_black.is_some_and(|black| black != clear.rgb));
}

#[test]
fn a_cut_file_is_damaged_wherever_it_is_cut() {
    for file in [ROCKET, CONTAINER, CLEAR] {
        for end in (0..file.len()).step_by(13) {
            let (pictures, error) = frames(&file[..end], &Limits::default());
            assert!(pictures.is_empty() && error.is_some(), "{end}");
        }
    }
    let (pictures, error) = frames(&MOVING[..MOVING.len() - 200], &Limits::default());
    assert_eq!(pictures.len(), 2, "what is whole is seen");
    assert!(matches!(error, Some(MediaError::Undecodable { .. })));
}

#[test]
fn a_byte_that_is_wrong_is_no_panic() {
    for file in [ROCKET, CONTAINER, CLEAR, MOVING] {
        for at in (2..200).chain((200..file.len()).step_by(29)) {
            for change in [0xff, 0x01, 0x10] {
                let mut file = file.to_vec();
                file[at] ^= change;
                let (_, error) = frames(&file, &Limits::default());
                let words = error.map(|error| error.to_string()).unwrap_or_default();
                assert!(!words.contains("the decoder failed"), "{at}: {words}");
            }
        }
    }
}

#[test]
fn sizes_are_held_against_the_limits_before_anything_is_decoded() {
    let small = Limits {
        max_side: 255,
        ..Limits::default()
    };
    let few = Limits {
        max_pixels: 256 * 192 - 1,
        ..Limits::default()
    };
    let tight = Limits {
        max_decoder_bytes: 256 * 192 * 20,
        ..Limits::default()
    };
    for (limits, wanted) in [
        (small, Quantity::Side),
        (few, Quantity::Pixels),
        (tight, Quantity::DecoderBytes),
    ] {
        let Err(MediaError::TooLarge { what, .. }) = decode(ROCKET, &limits) else {
            panic!("not refused as too large: {wanted}");
        };
        assert_eq!(what, wanted);
    }
    let needed = memory_needed(ROCKET, &Limits::default());
    let enough = Limits {
        max_decoder_bytes: needed,
        ..Limits::default()
    };
    assert!(decode(ROCKET, &enough).is_ok());
}

#[test]
fn work_beyond_the_limits_is_too_much() {
    let limits = Limits {
        max_total_pixels: 1,
        max_frames: 1,
        ..Limits::default()
    };
    // The first picture is always read; what is done for the others is bounded.
    let (pictures, error) = frames(MOVING, &limits);
    assert_eq!(pictures.len(), 1);
    assert!(error.is_none_or(|error| matches!(error, MediaError::TooLarge { .. })));
}
