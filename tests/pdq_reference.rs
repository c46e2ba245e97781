//! PDQ against the reference library's own answers, and tents against the literal definition on
//! real pictures.

#![cfg(feature = "decode")]

mod common;

use hashgate::hash::{PdqHash, Quality, Transform};
use hashgate::signal::PdqHasher;
use hashgate::signal::pdq::literal;
use std::path::Path;

struct Rgb {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn decode(path: &Path) -> Rgb {
    let picture = image::ImageReader::open(path)
        .and_then(|reader| reader.with_guessed_format())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .decode()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into_rgb8();
    Rgb {
        width: picture.width() as usize,
        height: picture.height() as usize,
        pixels: picture.into_raw(),
    }
}

const ORDER: [Transform; 8] = [
    Transform::Original,
    Transform::Rotate90,
    Transform::Rotate180,
    Transform::Rotate270,
    Transform::FlipX,
    Transform::FlipY,
    Transform::FlipPlus1,
    Transform::FlipMinus1,
];

#[test]
fn hash_quality_and_dihedrals_are_those_of_the_reference() {
    let Some(data) = common::test_data() else {
        return;
    };
    let folder = data.join("pdq_reference");
    let expected = common::tsv(&folder.join("expected.tsv"));
    assert_eq!(expected.len(), 60);
    let mut hasher = PdqHasher::new();
    for row in expected {
        let name = &row[0];
        let picture = decode(&folder.join(name));
        let by_tents = hasher.hash_rgb(picture.width, picture.height, &picture.pixels);
        let literally = literal::hash_rgb(picture.width, picture.height, &picture.pixels);
        for hashed in [by_tents, literally] {
            let hashed = hashed.unwrap();
            assert_eq!(hashed.hash.to_string(), row[1], "{name}");
            assert_eq!(hashed.quality.to_string(), row[2], "{name}");
            let texts = std::iter::once(&row[1]).chain(&row[3..]);
            let dihedral = ORDER.into_iter().zip(texts).map(|(transform, text)| {
                let hash: PdqHash = text.parse().unwrap();
                (transform, hash)
            });
            assert!(dihedral.eq(hashed.dihedral()), "{name}");
        }
    }
}

#[test]
fn tents_give_the_literal_answer_on_real_pictures() {
    let Some(data) = common::test_data() else {
        return;
    };
    let mut hasher = PdqHasher::new();
    let mut pictures = 0;
    for entry in std::fs::read_dir(data.join("photos")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jpg") {
            continue;
        }
        let Rgb {
            width,
            height,
            pixels,
        } = decode(&path);
        let hashed = hasher.hash_rgb(width, height, &pixels).unwrap();
        let literal = literal::hash_rgb(width, height, &pixels).unwrap();
        assert_eq!(hashed.hash, literal.hash, "{}", path.display());
        assert_eq!(hashed.quality, literal.quality, "{}", path.display());
        assert_eq!(hashed.dihedral(), literal.dihedral(), "{}", path.display());
        pictures += 1;
    }
    assert_eq!(pictures, 306);
}

/// The vectors that the reference's own tests use, for the pictures that are here.
#[test]
fn published_vectors_are_met_within_ten_bits() {
    let Some(data) = common::test_data() else {
        return;
    };
    let csv = data.join("threatexchange/PDQMD5TestData.csv");
    let text = std::fs::read_to_string(csv).unwrap();
    let mut met = Vec::new();
    let mut hasher = PdqHasher::new();
    for line in text.lines().skip(1) {
        let (path, hash) = line.split_once(',').unwrap();
        let Some((_, path)) = path.split_once("/data/") else {
            continue;
        };
        let flat = format!("hard/pdq__{}", path.replace('/', "__"));
        let places = [data.join("threatexchange").join(path), data.join(flat)];
        let Some(place) = places.iter().find(|place| place.is_file()) else {
            continue;
        };
        let expected: PdqHash = hash.parse().unwrap();
        let picture = decode(place);
        let hashed = hasher
            .hash_rgb(picture.width, picture.height, &picture.pixels)
            .unwrap();
        if hashed.quality < Quality::new(80).unwrap() {
            continue;
        }
        let distance: u32 = std::iter::zip(hashed.hash.0, expected.0)
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert!(distance <= 10, "{path} is {distance} bits off");
        met.push(path.to_owned());
    }
    assert!(met.len() >= 13, "only {met:?} were compared");
}
