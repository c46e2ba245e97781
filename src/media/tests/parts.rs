//! TIFFs whose strips name the same bytes again and again, and those that rightly have many strips.

use super::*;

const SHORT: u16 = 3;
const LONG: u16 = 4;
const JPEG: u32 = 7;
const PLAIN: u32 = 1;

/// A grey TIFF of pages 8 pixels wide, a row a strip; `places` are the strips' offsets from the
/// beginning of `data`, and lengths, the same for all pages; two at least.
fn pages(number: u32, compression: u32, data: &[u8], places: &[(u32, u32)]) -> Vec<u8> {
    let rows = places.len() as u32;
    let mut bytes = b"II\x2a\0\0\0\0\0".to_vec();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let offsets = bytes.len() as u32;
    bytes.extend(places.iter().flat_map(|place| (8 + place.0).to_le_bytes()));
    let counts = bytes.len() as u32;
    bytes.extend(places.iter().flat_map(|place| place.1.to_le_bytes()));
    let first = bytes.len() as u32;
    bytes[4..8].copy_from_slice(&first.to_le_bytes());
    for page in 1..=number {
        let entries = [
            (256_u16, LONG, 1, 8),
            (257, LONG, 1, rows),
            (258, SHORT, 1, 8),
            (259, SHORT, 1, compression),
            (262, SHORT, 1, 1),
            (273, LONG, rows, offsets),
            (277, SHORT, 1, 1),
            (278, LONG, 1, 1),
            (279, LONG, rows, counts),
        ];
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        let next = if page < number {
            bytes.len() as u32 + 4
        } else {
            0
        };
        bytes.extend(next.to_le_bytes());
    }
    bytes
}

/// A grey JPEG of one row, made longer by zeros behind its end.
fn row(shade: u8, length: usize) -> Vec<u8> {
    let row = image::GrayImage::from_pixel(8, 1, image::Luma([shade]));
    let mut bytes = encoded(&DynamicImage::ImageLuma8(row), ImageFormat::Jpeg);
    assert!(bytes.len() <= length);
    bytes.resize(length, 0);
    bytes
}

/// How many pages are decoded, and the reason where it ends in an error.
fn visited(bytes: &[u8]) -> (u32, Option<String>) {
    let mut seen = 0;
    let result = decode_frames(bytes, &Limits::default(), &mut |_| {
        seen += 1;
        ControlFlow::Continue(())
    });
    match result {
        Ok(count) => {
            assert!(!count.left_out);
            (seen, None)
        }
        Err(MediaError::Undecodable { reason, .. }) => (seen, Some(reason)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn strips_that_all_name_the_same_bytes_are_refused() {
    for (compression, data) in [(JPEG, row(77, 100_000)), (PLAIN, vec![77; 100_000])] {
        let bytes = pages(1, compression, &data, &vec![(0, 100_000); 400]);
        let (seen, reason) = visited(&bytes);
        assert_eq!(seen, 0);
        assert!(reason.unwrap().contains("the same bytes again and again"));
    }
}

#[test]
fn pages_that_all_name_the_same_strips_are_refused() {
    // 500 kB a page: within twice the file's length and 1 MiB for four pages.
    let data = row(77, 250_000).repeat(2);
    let places = [(0, 250_000), (250_000, 250_000)];
    let bytes = pages(20, JPEG, &data, &places);
    let (seen, reason) = visited(&bytes);
    assert_eq!(seen, 4);
    assert!(reason.unwrap().contains("the same bytes again and again"));
}

#[test]
fn strips_of_their_own_are_read_however_many() {
    let strips: Vec<Vec<u8>> = (0..=255).map(|shade| row(shade, 5_000)).collect();
    let places: Vec<_> = (0..256).map(|at| (at * 5_000, 5_000)).collect();
    let bytes = pages(1, JPEG, &strips.concat(), &places);
    assert_eq!(visited(&bytes), (1, None));
    let picture = read(&bytes);
    assert_eq!((picture.width, picture.height), (8, 256));
    for (at, row) in picture.rgb.chunks_exact(24).enumerate() {
        assert!(row[0].abs_diff(at as u8) <= 2, "row {at} is {}", row[0]);
    }
    // A small file that keeps an empty strip once.
    let bytes = pages(20, JPEG, &row(255, 1_000), &[(0, 1_000); 40]);
    assert_eq!(visited(&bytes), (20, None));
}

#[test]
fn a_strip_that_holds_a_larger_picture_is_refused_by_its_header() {
    let large = image::GrayImage::from_pixel(8, 4_000, image::Luma([9]));
    let mut large = encoded(&DynamicImage::ImageLuma8(large), ImageFormat::Jpeg);
    // Nothing behind the header is there, and nothing behind it is looked at.
    let scan = large
        .windows(2)
        .position(|two| two == [0xff, 0xda])
        .unwrap();
    large.truncate(scan);
    let bytes = pages(1, JPEG, &large, &[(0, large.len() as u32); 2]);
    let (_, reason) = visited(&bytes);
    assert_eq!(
        reason.as_deref(),
        Some("a part of a page is larger than its place")
    );
}

#[test]
fn a_tile_far_larger_than_its_page_is_counted() {
    let mut bytes = pages(1, PLAIN, &[7; 16], &[(0, 8), (8, 8)]);
    // The width of a strip becomes that of a tile beside a page of 8 x 2 pixels.
    let mut entries = |from: u16, to: u16, value: Option<u32>| {
        let entry = bytes
            .windows(4)
            .rposition(|four| four[..2] == from.to_le_bytes() && matches!(four[2..], [3 | 4, 0]))
            .unwrap();
        bytes[entry..entry + 2].copy_from_slice(&to.to_le_bytes());
        if let Some(value) = value {
            bytes[entry + 2] = LONG as u8;
            bytes[entry + 8..entry + 12].copy_from_slice(&value.to_le_bytes());
        }
    };
    entries(277, 322, Some(16_000));
    entries(278, 323, Some(1));
    entries(273, 324, None);
    entries(279, 325, None);
    bytes.extend(vec![0; 20_000]);
    let tight = Limits {
        max_pixels: 100,
        max_total_pixels: 100,
        ..Limits::default()
    };
    let reason = |limits: &Limits| match decode(&bytes, limits) {
        Err(MediaError::Undecodable { reason, .. }) => reason,
        other => format!("{other:?}"),
    };
    assert!(
        reason(&tight).contains("far larger than the pages"),
        "{}",
        reason(&tight)
    );
    assert!(!reason(&Limits::default()).contains("far larger"));
}
