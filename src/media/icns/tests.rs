//! Entries by themselves. What whole icons show is held to other programs in `tests/seen/icns.rs`.

use super::*;
use crate::media::{decode, decode_frames};
use std::ops::ControlFlow;

fn icon(entries: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let list: Vec<u8> = entries
        .iter()
        .flat_map(|(mark, data)| entry(mark, data))
        .collect();
    entry(b"icns", &list)
}

fn entry(mark: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = (data.len() + 8) as u32;
    [&mark[..], &length.to_be_bytes(), data].concat()
}

/// The sizes of what is visited, and how it ends.
fn visited(bytes: &[u8]) -> (Vec<(u32, u32)>, Result<(), MediaError>) {
    let mut sizes = Vec::new();
    let ended = decode_frames(bytes, &Limits::default(), &mut |picture| {
        sizes.push((picture.width, picture.height));
        ControlFlow::Continue(())
    });
    (sizes, ended.map(|_| ()))
}

#[test]
fn the_largest_and_deepest_entry_is_first_and_a_damaged_one_last() {
    let bytes = icon(&[
        (b"TOC ", vec![0; 16]),
        (b"ics#", vec![0xff; 64]),
        (b"il32", vec![7; 32 * 32 * 3]),
        (b"icl8", vec![1; 32 * 32]),
        (b"ih32", vec![9; 5]),
        (b"name", vec![b'x'; 9]),
    ]);
    let (sizes, ended) = visited(&bytes);
    assert_eq!(sizes, [(32, 32), (32, 32), (16, 16)]);
    assert!(matches!(ended, Err(MediaError::Undecodable { .. })));
    let first = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!((first.format, &first.rgb[..3]), (Format::Icns, &[7; 3][..]));
}

#[test]
fn old_entries_are_bits_and_numbers_with_a_mask() {
    // Black above, white below; the right half is hidden.
    let bits: Vec<u8> = [[0xff_u8; 64], [0; 64]].concat();
    let mask: Vec<u8> = [0xff_u8, 0xff, 0, 0].repeat(32);
    let numbers: Vec<u8> = (0..32 * 32).map(|at| (at / 32) as u8).collect();
    let bytes = icon(&[(b"ICN#", [bits, mask].concat()), (b"icl8", numbers)]);
    let mut pictures = Vec::new();
    let _ = decode_frames(&bytes, &Limits::default(), &mut |picture| {
        pictures.push(picture);
        ControlFlow::Continue(())
    });
    let at = |picture: &Picture, x: usize, y: usize| {
        let at = (y * 32 + x) * 3;
        let over_black = picture.over_black.as_deref().unwrap_or(&picture.rgb);
        (
            picture.rgb[at..at + 3].to_vec(),
            over_black[at..at + 3].to_vec(),
        )
    };
    let [colours, black_and_white] = &pictures[..] else {
        panic!("{} pictures", pictures.len());
    };
    assert_eq!(at(black_and_white, 3, 3), (vec![0; 3], vec![0; 3]));
    assert_eq!(at(black_and_white, 3, 20), (vec![255; 3], vec![255; 3]));
    assert_eq!(at(black_and_white, 20, 3), (vec![255; 3], vec![0; 3]));
    assert_eq!(
        at(colours, 3, 1),
        (vec![255, 255, 204], vec![255, 255, 204])
    );
    assert_eq!(at(colours, 20, 1), (vec![255; 3], vec![0; 3]));
}

#[test]
fn variants_inside_are_looked_at_once() {
    let dark = icon(&[
        (b"is32", vec![5; 16 * 16 * 3]),
        (b"slct", icon(&[(b"ics8", vec![0; 256])])),
    ]);
    let with = |mark, dark: &[u8]| icon(&[(b"il32", vec![7; 32 * 32 * 3]), (mark, dark.to_vec())]);
    for bytes in [with(b"\xfd\xd9\x2f\xa8", &dark), with(b"slct", &dark[8..])] {
        assert_eq!(visited(&bytes).0, [(32, 32), (16, 16)]);
    }
}

#[test]
fn jpeg_2000_is_named() {
    let packed = b"\0\0\0\x0cjP  \r\n\x87\nand so on".to_vec();
    let alone = icon(&[(b"ic08", packed.clone())]);
    assert!(matches!(
        decode(&alone, &Limits::default()),
        Err(MediaError::Unsupported { what }) if what.contains("JPEG 2000")
    ));
    let beside = icon(&[(b"ic08", packed.clone()), (b"is32", vec![5; 16 * 16 * 3])]);
    assert_eq!(visited(&beside), (vec![(16, 16)], Ok(())));
    let named = crate::media::appended(&beside).others;
    assert_eq!(
        named,
        [("an icon, JPEG 2000".to_owned(), packed.len() as u64)]
    );
}
