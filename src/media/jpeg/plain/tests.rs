//! The plain decoder beside the fast one, on files that both read, and on damaged ones.

use super::super::{ordinary, survey};
use super::*;
use crate::media::Limits;
use zune_jpeg::zune_core::colorspace::ColorSpace;

fn samples() -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg");
    let paths = std::fs::read_dir(folder).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "jpg"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn it_sees_what_the_fast_decoder_sees_of_ordinary_files() {
    let samples = samples();
    assert!(samples.len() >= 7);
    for (name, bytes) in samples {
        let seen = survey::survey(&bytes, &Limits::default()).unwrap();
        assert!(seen.is_ordinary && !seen.is_untidy, "{name}");
        let plain = decode(&bytes, &seen).unwrap();
        let fast = ordinary(&bytes, plain.len(), ColorSpace::RGB).unwrap();
        let apart: u64 = plain
            .iter()
            .zip(&fast)
            .map(|(one, other)| u64::from(one.abs_diff(*other)))
            .sum();
        // Chroma is repeated by the one, and blended by the other.
        let mean = apart as f64 / plain.len() as f64;
        assert!(mean < 1.5, "{name}: {mean}");
    }
}

#[test]
fn damage_makes_no_panic_and_no_other_size() {
    let (mut decoded, mut refused) = (0, 0);
    for (name, sound) in samples() {
        for turn in 0..60_usize {
            let mut bytes = sound.clone();
            let at = (turn * 7919 + 101) % bytes.len();
            match turn % 3 {
                0 => bytes[at] ^= 1 << (turn % 8),
                1 => drop(bytes.drain(at..(at + 1 + turn % 5).min(sound.len()))),
                _ => bytes[at % 700] = turn as u8,
            }
            let limits = Limits {
                max_pixels: 1 << 20,
                ..Limits::default()
            };
            let Ok(seen) = survey::survey(&bytes, &limits) else {
                refused += 1;
                continue;
            };
            if let Ok(rgb) = decode(&bytes, &seen) {
                let pixels = seen.header.width as usize * seen.header.height as usize;
                assert_eq!(rgb.len(), pixels * 3, "{name}, turn {turn}");
                decoded += 1;
            }
        }
    }
    assert!(decoded >= 20 && refused >= 20, "{decoded}, {refused}");
}
