//! The 64-bit hashes against Python's imagehash, and the img_hash family against frozen values.

#![cfg(feature = "decode")]

mod common;

use hashgate::hash::{Hash64, SignalType};
use hashgate::signal::{imagehash, imghashes};
use std::path::Path;

fn decode(path: &Path) -> image::RgbImage {
    image::open(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into_rgb8()
}

#[test]
fn ahash_dhash_and_phash_are_those_of_imagehash() {
    let Some(data) = common::test_data() else {
        return;
    };
    let folder = data.join("pdq_reference");
    let expected = common::tsv(&folder.join("imagehash.tsv"));
    assert_eq!(expected.len(), 60);
    let kinds = [SignalType::Ahash, SignalType::Dhash, SignalType::Phash];
    for row in expected {
        let picture = decode(&folder.join(&row[0]));
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let hashes = imagehash(width, height, &picture, &kinds).unwrap();
        let expected = kinds.iter().zip(&row[1..]);
        for (&(kind, hash), (&expected_kind, text)) in hashes.iter().zip(expected) {
            assert_eq!(kind, expected_kind);
            assert_eq!(&hash.to_string(), text, "{kind} of {}", row[0]);
        }
    }
}

/// What `image_hasher` 3.1.1 gave when this was written: a bank's hashes must not change under it.
#[test]
fn img_hash_values_are_frozen() {
    let Some(data) = common::test_data() else {
        return;
    };
    let kinds = [
        SignalType::Blockhash,
        SignalType::ImghashMean,
        SignalType::ImghashGradient,
        SignalType::ImghashDct,
    ];
    let frozen: [(&str, [u64; 4]); 4] = [
        (
            "004_300x200_rgb.png",
            [
                0xff8f_8808_8888_b8ff,
                0xffff_9998_9898_98ff,
                0x5252_3333_3353_5313,
                0xd9b6_8741_b868_ed54,
            ],
        ),
        (
            "014_512x512_rgb.png",
            [
                0x4601_7f7c_7c09_7f09,
                0x0001_7e7c_feff_ffff,
                0xb8ab_8894_8483_8080,
                0x9010_2fbf_5454_d5bd,
            ],
        ),
        (
            "031_5x5_l.png",
            [
                0xdada_00da_da00_da00,
                0x003c_3c3c_3f3f_3f3f,
                0xe5f0_f0f0_f3ff_f8f8,
                0x8e46_72a5_66da_99d1,
            ],
        ),
        (
            "047_511x37_rgb.png",
            [
                0xbf8f_0087_ff00_ff00,
                0x9f87_8783_878f_8fff,
                0x343b_3f0f_0d37_1f1b,
                0xbe3f_90c0_c2b1_8f33,
            ],
        ),
    ];
    for (name, values) in frozen {
        let picture = decode(&data.join("pdq_reference").join(name));
        let hashes = imghashes(picture.width(), picture.height(), &picture, &kinds).unwrap();
        let expected: Vec<(SignalType, Hash64)> =
            std::iter::zip(kinds, values.map(Hash64)).collect();
        assert_eq!(hashes, expected, "{name}");
    }
}
