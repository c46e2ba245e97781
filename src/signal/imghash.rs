//! The img_hash family, by the crate `image_hasher`: 8×8 bits, first bit most significant.
//!
//! | signal type | what the crate does |
//! | --- | --- |
//! | `blockhash` | sums 8×8 blocks of full-size pixels against the median of their band |
//! | `imghash_mean` | grey, Lanczos to 8×8, at or above the mean |
//! | `imghash_gradient` | grey, Lanczos to 9×8, below the right-hand neighbour |
//! | `imghash_dct` | grey, Lanczos to 16×16, DCT, lowest 8×8 at or above their median |
//!
//! They are not the hashes of Python's imagehash, which resizes and compares otherwise. Each reads every pixel a bounded number of times, so the cost
//! is in proportion to the pixels. Beside the picture itself the grey ones need one byte a pixel
//! and `blockhash`, whose crate takes owned pixels only, three.

use crate::hash::{Hash64, SignalType};
use crate::signal::{ShapeError, shape};
use image::{DynamicImage, GrayImage, RgbImage};
use image_hasher::{BitOrder, HashAlg, Hasher, HasherConfig, Image};
use std::sync::LazyLock;

/// Hashers of 64 bits each, built once: the DCT one holds tables.
struct Hashers {
    blockhash: Hasher<[u8; 8]>,
    mean: Hasher<[u8; 8]>,
    gradient: Hasher<[u8; 8]>,
    dct: Hasher<[u8; 8]>,
}

static HASHERS: LazyLock<Hashers> = LazyLock::new(|| {
    let config = |algorithm| {
        HasherConfig::with_bytes_type::<[u8; 8]>()
            .hash_size(8, 8)
            .bit_order(BitOrder::MsbFirst)
            .hash_alg(algorithm)
    };
    Hashers {
        blockhash: config(HashAlg::Blockhash).to_hasher(),
        mean: config(HashAlg::Mean).to_hasher(),
        gradient: config(HashAlg::Gradient).to_hasher(),
        // Not the mean: the lowest frequency dominates it, and nearly every picture would hash
        // to that one bit.
        dct: config(HashAlg::Median).preproc_dct().to_hasher(),
    }
});

/// One hash of `width * height` RGB8 pixels, row by row without padding; `None` for a signal type
/// that is not of this family.
///
/// For several hashes of one picture [`imghashes`] shares the work.
///
/// # Errors
/// [`ShapeError::Length`] where `rgb` has not exactly `3 * width * height` bytes, and
/// [`ShapeError::Empty`] where that is none.
pub fn imghash(
    width: u32,
    height: u32,
    rgb: &[u8],
    signal_type: SignalType,
) -> Result<Option<Hash64>, ShapeError> {
    let hashes = imghashes(width, height, rgb, &[signal_type])?;
    Ok(hashes.first().map(|&(_, hash)| hash))
}

/// The hashes of one picture that are wanted, in that order; types that are not of this family are
/// passed over.
///
/// # Errors
/// As [`imghash`].
pub fn imghashes(
    width: u32,
    height: u32,
    rgb: &[u8],
    wanted: &[SignalType],
) -> Result<Vec<(SignalType, Hash64)>, ShapeError> {
    shape::check_not_empty(width as usize, height as usize, 3, rgb.len())?;
    let grey = std::cell::LazyCell::new(|| grey(width, height, rgb));
    let hash = |&kind: &SignalType| {
        let hash = match kind {
            SignalType::Blockhash => {
                let picture = RgbImage::from_raw(width, height, rgb.to_vec())?;
                hash_with(&HASHERS.blockhash, &picture)
            }
            SignalType::ImghashMean => hash_with(&HASHERS.mean, &*grey),
            SignalType::ImghashGradient => hash_with(&HASHERS.gradient, &*grey),
            SignalType::ImghashDct => hash_with(&HASHERS.dct, &*grey),
            _ => return None,
        };
        Some((kind, hash))
    };
    Ok(wanted.iter().filter_map(hash).collect())
}

fn hash_with<I: Image>(hasher: &Hasher<[u8; 8]>, picture: &I) -> Hash64 {
    let mut bytes = [0; 8];
    for (byte, &from) in bytes.iter_mut().zip(hasher.hash_image(picture).as_bytes()) {
        *byte = from;
    }
    Hash64(u64::from_be_bytes(bytes))
}

/// The grey that the crate would make of the picture, made once and without copying the picture.
fn grey(width: u32, height: u32, rgb: &[u8]) -> DynamicImage {
    let luma = |&[r, g, b]: &[u8; 3]| {
        // The whole-number Rec. 709 luma of the crate `image`.
        let sum = 2126 * u32::from(r) + 7152 * u32::from(g) + 722 * u32::from(b);
        (sum / 10_000) as u8
    };
    let pixels = rgb.as_chunks::<3>().0.iter().map(luma).collect();
    GrayImage::from_raw(width, height, pixels)
        .unwrap_or_default()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignalType::{Blockhash, ImghashDct, ImghashGradient, ImghashMean};

    const FAMILY: [SignalType; 4] = [Blockhash, ImghashMean, ImghashGradient, ImghashDct];

    fn texture(width: u32, height: u32) -> Vec<u8> {
        let pixel = |i: u32| {
            let (x, y) = (i % width, i / width);
            [(x * 7) ^ (y * 3), x * y / 5, x + 2 * y].map(|value| value as u8)
        };
        (0..width * height).flat_map(pixel).collect()
    }

    /// What the crate gives when handed the RGB picture itself.
    fn by_the_crate(width: u32, height: u32, rgb: &[u8], kind: SignalType) -> u64 {
        let picture = RgbImage::from_raw(width, height, rgb.to_vec()).unwrap();
        let config = HasherConfig::new()
            .hash_size(8, 8)
            .bit_order(BitOrder::MsbFirst);
        let config = match kind {
            Blockhash => config.hash_alg(HashAlg::Blockhash),
            ImghashMean => config.hash_alg(HashAlg::Mean),
            ImghashGradient => config.hash_alg(HashAlg::Gradient),
            _ => config.hash_alg(HashAlg::Median).preproc_dct(),
        };
        let hash = config.to_hasher().hash_image(&picture);
        let bytes: [u8; 8] = hash.as_bytes().try_into().expect("exactly 64 bits");
        u64::from_be_bytes(bytes)
    }

    #[test]
    fn our_grey_and_sharing_change_nothing() {
        for (width, height) in [
            (1, 1),
            (1, 1000),
            (1000, 1),
            (7, 9),
            (8, 8),
            (64, 48),
            (301, 203),
        ] {
            let rgb = texture(width, height);
            let hashes = imghashes(width, height, &rgb, &FAMILY).unwrap();
            assert_eq!(hashes.len(), 4);
            for (kind, hash) in hashes {
                let expected = by_the_crate(width, height, &rgb, kind);
                assert_eq!(hash, Hash64(expected), "{kind} of {width}x{height}");
                assert_eq!(imghash(width, height, &rgb, kind), Ok(Some(hash)));
            }
        }
    }

    #[test]
    fn every_small_shape_has_a_hash() {
        for width in 1..20 {
            for height in 1..20 {
                let rgb = vec![128; (3 * width * height) as usize];
                let hashes = imghashes(width, height, &rgb, &FAMILY);
                assert_eq!(hashes.map(|hashes| hashes.len()), Ok(4), "{width}x{height}");
            }
        }
    }

    #[test]
    fn the_first_bit_is_the_most_significant() {
        // Bright on the left, dark on the right: every row of the mean hash is 11110000.
        let rgb: Vec<u8> = (0..64u32)
            .flat_map(|i| [if i % 8 < 4 { 200u8 } else { 20 }; 3])
            .collect();
        assert_eq!(
            imghash(8, 8, &rgb, ImghashMean),
            Ok(Some(Hash64(0xf0f0_f0f0_f0f0_f0f0)))
        );
    }

    #[test]
    fn the_dct_hash_is_balanced() {
        let rgb = texture(200, 150);
        let hash = imghash(200, 150, &rgb, ImghashDct).unwrap().unwrap();
        assert_eq!(hash.0.count_ones(), 32);
    }

    #[test]
    fn other_types_and_wrong_shapes() {
        let rgb = texture(5, 4);
        assert_eq!(imghash(5, 4, &rgb, SignalType::Pdq), Ok(None));
        assert!(matches!(
            imghash(5, 5, &rgb, ImghashMean),
            Err(ShapeError::Length {
                expected: 75,
                got: 60,
                ..
            })
        ));
        let empty = imghash(0, 5, &[], ImghashMean);
        assert_eq!(
            empty,
            Err(ShapeError::Empty {
                width: 0,
                height: 5
            })
        );
        let huge = imghash(u32::MAX, u32::MAX, &rgb, ImghashMean);
        assert!(matches!(huge, Err(ShapeError::Length { .. })));
    }
}
