//! Pictures and clips behind a picture, and what only looks like one.

use super::*;
use image::{ExtendedColorType, ImageEncoder, codecs};
use proptest::prelude::*;

fn rgb(seed: u8) -> Vec<u8> {
    (0..32 * 24 * 3).map(|at| (at % 251) as u8 ^ seed).collect()
}

fn jpeg(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder
        .write_image(&rgb(seed), 32, 24, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn png(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = codecs::png::PngEncoder::new(&mut bytes);
    encoder
        .write_image(&rgb(seed), 32, 24, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn webp(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder
        .write_image(&rgb(seed), 32, 24, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn gif(seed: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = codecs::gif::GifEncoder::new(&mut bytes);
    encoder
        .encode(&rgb(seed), 32, 24, ExtendedColorType::Rgb8)
        .unwrap();
    drop(encoder);
    bytes
}

/// Boxes as a clip begins with.
fn clip(length: usize) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom".to_vec();
    bytes.extend((length as u32 + 8).to_be_bytes());
    bytes.extend(b"mdat");
    bytes.extend((0..length).map(|at| (at * 7 % 256) as u8));
    bytes
}

#[test]
fn a_file_of_one_picture_carries_nothing() {
    for bytes in [jpeg(0), png(0), webp(0), gif(0)] {
        assert_eq!(appended(&bytes), Appended::default());
        for behind in [
            &b"\0\0\0\0\0\0"[..],
            b"SEFT and notes of a camera",
            &[0xff; 40],
        ] {
            let padded = [&bytes[..], behind].concat();
            assert_eq!(appended(&padded), Appended::default());
        }
    }
}

#[test]
fn pictures_behind_a_picture_are_found_whole() {
    let kinds = [jpeg(1), png(2), webp(3), gif(4)];
    for first in &kinds {
        for second in &kinds {
            for gap in [&b""[..], b"\0\0\0", b"between"] {
                let file = [&first[..], gap, second, gap, &kinds[0]].concat();
                let found = appended(&file);
                assert_eq!(found.pictures, [&second[..], &kinds[0]]);
                assert!(found.others.is_empty());
            }
        }
    }
}

#[test]
fn a_small_picture_in_the_header_is_no_end() {
    let mut bytes = Vec::new();
    let mut encoder = codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    let block = [b"II*\0\x08\0\0\0".to_vec(), jpeg(9)].concat();
    encoder.set_exif_metadata(block).unwrap();
    encoder
        .write_image(&rgb(1), 32, 24, ExtendedColorType::Rgb8)
        .unwrap();
    assert_eq!(appended(&bytes), Appended::default());
}

#[test]
fn clips_are_named_with_their_bytes() {
    for first in [jpeg(0), png(0), gif(0), webp(0)] {
        let clip = clip(900);
        let file = [&first[..], &clip, &jpeg(5)].concat();
        let found = appended(&file);
        let named = ("a video (MP4 family)".to_owned(), clip.len() as u64);
        assert_eq!(found.others, [named]);
        assert_eq!(found.pictures, [jpeg(5)]);
    }
    // Without its end, and with those two bytes in the clip.
    let mut open = jpeg(0);
    open.truncate(open.len() - 2);
    let mut ends = clip(900);
    ends[500..502].copy_from_slice(b"\xff\xd9");
    let named = ("a video (MP4 family)".to_owned(), ends.len() as u64);
    assert_eq!(appended(&[open, ends].concat()).others, [named]);
    let matroska = [jpeg(0), b"\x1a\x45\xdf\xa3rest".to_vec()].concat();
    let named = ("a video (Matroska or WebM)".to_owned(), 8);
    assert_eq!(appended(&matroska).others, [named]);
    let mut heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    assert_eq!(appended(&heic), Appended::default());
    heic.extend(b"\0\0\0\x10mpvd12345678");
    let named = ("a video (Motion Photo)".to_owned(), 16);
    assert_eq!(appended(&heic).others, [named]);
}

#[test]
fn their_number_is_bounded() {
    let file: Vec<u8> = (0..40).flat_map(|_| jpeg(0)).collect();
    let found = appended(&file);
    assert_eq!(found.pictures.len(), Appended::MOST_PICTURES);
    let left = (40 - 1 - Appended::MOST_PICTURES) * jpeg(0).len();
    assert_eq!(found.others, [("further pictures".to_owned(), left as u64)]);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), which in 0_usize..5, cut in 0_usize..900) {
        let head = [jpeg(0), png(0), gif(0), webp(0), clip(20)][which].clone();
        let mut file = head[..cut.min(head.len())].to_vec();
        file.append(&mut bytes);
        let found = appended(&file);
        let all: usize = found.pictures.iter().map(|one| one.len()).sum();
        prop_assert!(all <= file.len());
    }
}
