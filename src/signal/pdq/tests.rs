//! Tents and stream against the literal definition, on pictures of every kind.

use super::*;
use crate::hash::{PdqHash, Quality};
use proptest::prelude::*;

fn picture(
    width: usize,
    height: usize,
    pixel: impl Fn(usize, usize) -> [u8; 3],
) -> (usize, usize, Vec<u8>) {
    let pixels = (0..width * height).flat_map(|i| pixel(i % width, i / width));
    (width, height, pixels.collect())
}

/// Whole answers equal, and those of grey input and of every kernel too.
fn check((width, height, rgb): (usize, usize, Vec<u8>)) {
    let literal = literal::hash_rgb(width, height, &rgb).unwrap();
    for kernel in Kernel::available() {
        let hashed = PdqHasher::with_kernel(kernel)
            .hash_rgb(width, height, &rgb)
            .unwrap();
        assert_eq!(hashed.hash, literal.hash, "{kernel:?} {width}x{height}");
        assert_eq!(
            hashed.quality, literal.quality,
            "{kernel:?} {width}x{height}"
        );
        assert_eq!(
            hashed.dihedral(),
            literal.dihedral(),
            "{kernel:?} {width}x{height}"
        );
    }
    if width < MINIMUM_SIDE || height < MINIMUM_SIDE {
        return;
    }
    let mut expected = [[0.0; SAMPLES]; SAMPLES];
    let mut streamed = expected;
    literal::samples(width, height, &rgb, Pixel::Rgb, &mut expected);
    for kernel in Kernel::available() {
        if (width, height) == (SAMPLES, SAMPLES) {
            continue;
        }
        kernel.stream(width, height, &rgb, Pixel::Rgb, &mut streamed);
        assert_eq!(
            streamed, expected,
            "{kernel:?} streams {width}x{height} otherwise"
        );
    }
    let grey: Vec<u8> = rgb.iter().copied().step_by(3).collect();
    let as_rgb: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
    let mut hasher = PdqHasher::new();
    let from_grey = hasher.hash_luma(width, height, &grey).unwrap();
    let literal = literal::hash_rgb(width, height, &as_rgb).unwrap();
    assert_eq!(from_grey.hash, literal.hash, "grey {width}x{height}");
    assert_eq!(from_grey.quality, literal.quality, "grey {width}x{height}");
}

/// Every kind of picture, from its size and a few numbers.
fn draw(width: usize, height: usize, kind: u8, colours: [[u8; 3]; 2], seed: u32) -> Vec<u8> {
    let noise = |x: usize, y: usize, channel: u32| {
        let mut hash = seed ^ (x as u32).wrapping_mul(0x9e37_79b1);
        hash = (hash ^ (y as u32).wrapping_mul(0x85eb_ca77)).wrapping_add(channel * 0x27d4_eb2f);
        hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
        (hash ^ (hash >> 13)) as u8
    };
    let [first, second] = colours;
    let pixel = |x: usize, y: usize| match kind {
        0 => first,
        1 => [0, 1, 2].map(|channel| noise(x, y, channel)),
        2 => [
            x * 255 / width,
            y * 255 / height,
            (x + y) * 255 / (width + height),
        ]
        .map(|v| v as u8),
        3 => [first, second][(x / 5 + y / 3) % 2],
        4 => [first, second][(x * 9 / width + y * 7 / height) % 2],
        5 => first.map(|v| v.saturating_add(noise(x, y, 0) & 3)),
        6 => [first, second][usize::from(x > width / 2)],
        _ => {
            let wave = (x as f32 * 0.11).sin() * (y as f32 * 0.07).cos() * 90.0;
            [0, 1, 2].map(|channel| (128.0 + wave) as u8 ^ (noise(x, y, channel) & 7))
        }
    };
    picture(width, height, pixel).2
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn small_pictures_hash_as_defined(
        width in 1usize..71, height in 1usize..71, kind in 0u8..8,
        colours: [[u8; 3]; 2], seed: u32,
    ) {
        check((width, height, draw(width, height, kind, colours, seed)));
    }

    #[test]
    fn any_shape_hashes_as_defined(
        width in 5usize..400, height in 5usize..400, kind in 0u8..8,
        colours: [[u8; 3]; 2], seed: u32,
    ) {
        check((width, height, draw(width, height, kind, colours, seed)));
    }
}

#[test]
fn odd_shapes_of_every_kind_hash_as_defined() {
    let colours = [[255, 255, 255], [13, 200, 77]];
    let shapes = [
        (5, 5),
        (4, 100),
        (100, 4),
        (3, 5000),
        (5, 3000),
        (3000, 5),
        (64, 64),
        (64, 65),
        (63, 64),
        (128, 128),
        (129, 128),
        (127, 257),
        (513, 385),
        (640, 120),
        (1023, 257),
        (1, 1),
    ];
    for (width, height) in shapes {
        for kind in 0..8 {
            check((width, height, draw(width, height, kind, colours, 7)));
        }
    }
}

#[test]
fn longer_sides_than_tents_reach_hash_as_defined() {
    let colours = [[255, 255, 255], [13, 200, 77]];
    let longest = axis::LONGEST;
    for (width, height) in [
        (longest, 6),
        (longest + 1, 6),
        (6, longest),
        (6, longest + 1),
    ] {
        check((width, height, draw(width, height, 7, colours, 1)));
    }
}

#[test]
fn a_side_under_five_is_the_zero_hash() {
    for (width, height) in [(4, 4), (4, 300), (300, 4), (0, 0), (0, 9)] {
        let rgb = vec![200; 3 * width * height];
        let hashed = PdqHasher::new().hash_rgb(width, height, &rgb).unwrap();
        assert_eq!((hashed.hash, hashed.quality), (PdqHash::ZERO, Quality::MIN));
        assert!(
            hashed
                .dihedral()
                .iter()
                .all(|&(_, hash)| hash == PdqHash::ZERO)
        );
    }
}

#[test]
fn one_hasher_for_pictures_of_different_sizes() {
    let mut hasher = PdqHasher::new();
    for (width, height) in [
        (300, 200),
        (40, 30),
        (300, 200),
        (200, 300),
        (64, 64),
        (500, 20),
    ] {
        let rgb = draw(width, height, 7, [[0; 3]; 2], 3);
        let expected = literal::hash_rgb(width, height, &rgb).unwrap();
        assert_eq!(
            hasher.hash_rgb(width, height, &rgb).unwrap().hash,
            expected.hash
        );
        let grey: Vec<u8> = rgb.iter().copied().step_by(3).collect();
        let alone = PdqHasher::new().hash_luma(width, height, &grey).unwrap();
        assert_eq!(hasher.hash_luma(width, height, &grey).unwrap(), alone);
    }
}

#[test]
fn wrong_lengths_are_refused_with_the_numbers() {
    let error = PdqHasher::new().hash_rgb(10, 10, &[0; 299]).unwrap_err();
    let ShapeError::Length {
        expected: 300,
        got: 299,
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("10x10"), "{error}");
    assert!(PdqHasher::new().hash_luma(10, 10, &[0; 300]).is_err());
    assert!(PdqHasher::new().hash_rgb(usize::MAX, 2, &[0; 6]).is_err());
    assert!(PdqHasher::new().hash_rgb(0, 0, &[1]).is_err());
}
