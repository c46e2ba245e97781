//! Hashes from a JPEG's coefficients are those from its pixels, within stated bounds, on whole files,
//! on damaged ones and on ones that are made to tell the two apart.
#![cfg(feature = "decode")]

mod common;
mod jpeg_support;

use hashgate::hamming;
use hashgate::hash::PdqHash;
use hashgate::media::{self, Limits};
use hashgate::signal::{PdqHashed, PdqHasher};
use jpeg_support::{Component, baseline, samples};
use std::path::Path;

/// The bits that a gate takes a hash from coefficients to be off at most.
const MOST_BITS: u16 = 8;

/// How a file's two hashes compare: as stored, and as displayed where that differs.
#[derive(Debug)]
struct Compared {
    bits: u16,
    /// Of the eight turned forms, the most.
    turned_bits: u16,
    quality: u8,
    displayed_bits: u16,
}

/// Both hashes of a file; `None` where it is not hashed by its coefficients. Panics where the file
/// is, and does not decode to a picture of that size.
fn compare(name: &str, bytes: &[u8]) -> Option<Compared> {
    let limits = Limits::default();
    let sampled = media::sample(bytes, &limits, true)?;
    let picture = media::decode(bytes, &limits);
    let picture = picture.unwrap_or_else(|error| panic!("{name}: sampled, and then {error}"));
    assert_eq!(
        (picture.width, picture.height),
        (sampled.width, sampled.height),
        "{name}"
    );
    let mut hasher = PdqHasher::new();
    let fast = hasher.hash_samples(&sampled.stored)?;
    let mut exact = |width: u32, height: u32, rgb: &[u8]| {
        let hashed = hasher.hash_rgb(width as usize, height as usize, rgb);
        hashed.unwrap()
    };
    let stored = exact(picture.width, picture.height, &picture.rgb);
    let displayed = picture
        .displayed()
        .map(|(width, height, rgb)| exact(width, height, &rgb));
    assert_eq!(displayed.is_some(), sampled.displayed.is_some(), "{name}");
    let mut displayed_bits = 0;
    if let (Some(exact), Some(samples)) = (displayed, &sampled.displayed) {
        displayed_bits = distance(&hasher.hash_samples(samples)?.hash, &exact.hash);
    }
    Some(Compared {
        bits: distance(&fast.hash, &stored.hash),
        turned_bits: most_turned(&fast, &stored),
        quality: fast.quality.get().abs_diff(stored.quality.get()),
        displayed_bits,
    })
}

fn distance(one: &PdqHash, other: &PdqHash) -> u16 {
    hamming::distance_pdq(one, other).0
}

fn most_turned(fast: &PdqHashed, exact: &PdqHashed) -> u16 {
    let both = fast.dihedral().into_iter().zip(exact.dihedral());
    both.map(|((_, fast), (_, exact))| distance(&fast, &exact))
        .max()
        .unwrap()
}

#[test]
fn every_kind_of_plain_jpeg_is_read_and_hashes_nearly_the_same() {
    for (name, bytes) in samples() {
        let compared = compare(&name, &bytes).unwrap_or_else(|| panic!("{name} is not read"));
        let Compared {
            bits,
            turned_bits,
            quality,
            displayed_bits,
        } = compared;
        assert!(bits <= 2 && displayed_bits <= 2, "{name}: {compared:?}");
        assert!(turned_bits <= 4 && quality <= 1, "{name}: {compared:?}");
    }
}

#[test]
fn photos_hash_nearly_the_same() {
    let (photos, is_data) = common::photos(&["photos", "phone"]);
    let mut bits = Vec::new();
    let mut read = 0;
    let mut large = 0;
    for (name, bytes) in &photos {
        let size = image::ImageReader::new(std::io::Cursor::new(bytes));
        let size = size.with_guessed_format().unwrap().into_dimensions();
        large += u32::from(size.is_ok_and(|(width, height)| width.min(height) >= 400));
        if let Some(compared) = compare(name, bytes) {
            read += 1;
            bits.push(compared.bits.max(compared.displayed_bits));
            assert!(compared.turned_bits <= MOST_BITS, "{name}: {compared:?}");
            assert!(compared.quality <= 1, "{name}: {compared:?}");
        }
    }
    bits.sort_unstable();
    // Of the pictures that come with the project, few are large.
    assert!(
        read > 0 && (!is_data || read * 5 >= large * 3),
        "only {read} of {large} large ones are read"
    );
    assert!(bits[bits.len() * 99 / 100] <= 2, "{bits:?}");
    assert!(
        bits.last().is_some_and(|&most| most <= MOST_BITS),
        "{bits:?}"
    );
}

/// The mean distance, in steps of 255, of a file's thumbnails from its coefficients and its pixels.
fn thumbnails_apart(name: &str, bytes: &[u8], least: usize) -> Option<f32> {
    let limits = Limits::default();
    let sampling = media::Sampling {
        thumbnail: Some(least),
        ..media::Sampling::default()
    };
    let fast = media::sample_with(bytes, &limits, sampling)?.thumbnail;
    let fast = fast.unwrap_or_else(|| panic!("{name}: no thumbnail"));
    let exact = media::decode(bytes, &limits).unwrap().thumbnail(least);
    let exact = exact.unwrap();
    assert_eq!(
        (fast.width, fast.height, fast.cell),
        (exact.width, exact.height, exact.cell),
        "{name}"
    );
    let apart = fast.luma.iter().zip(&exact.luma);
    Some(apart.map(|(a, b)| (a - b).abs()).sum::<f32>() / fast.luma.len() as f32)
}

#[test]
fn thumbnails_from_coefficients_are_nearly_those_from_pixels() {
    let mut files = samples();
    if let Some(data) = common::test_data() {
        for folder in ["photos", "phone"] {
            for entry in std::fs::read_dir(data.join(folder)).unwrap().step_by(3) {
                let path = entry.unwrap().path();
                files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut apart = Vec::new();
    for (name, bytes) in files {
        for least in [64, 256, 384] {
            apart.extend(thumbnails_apart(&name, &bytes, least));
        }
    }
    apart.sort_by(f32::total_cmp);
    let (middle, most) = (apart[apart.len() / 2], apart[apart.len() - 1]);
    assert!(middle < 2.0 && most < 8.0, "{apart:?}");
}

/// A small generator (SplitMix64), so that every run is the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// The file with one to three things wrong with it.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        // Half of the damage goes to the headers, which are a small part of the file.
        let reach = if random.below(2) == 0 {
            bytes.len()
        } else {
            700
        };
        let at = random.below(reach.min(bytes.len()));
        match random.below(8) {
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = random.next() as u8,
            4 => bytes[at] = [0, 0xff, 0xd9, 0xd0, 0xda, 0xc4, 1, 63][random.below(8)],
            5 => drop(bytes.remove(at)),
            6 => bytes.insert(at, random.next() as u8),
            _ => {
                let end = (at + 1 + random.below(40)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn what_is_read_of_a_damaged_file_decodes_and_hashes_nearly_the_same() {
    let mut random = Random(7);
    let mut read = 0;
    for (name, bytes) in samples() {
        for turn in 0..900 {
            let bytes = damaged(&bytes, &mut random);
            let name = format!("{name}, damage {turn}");
            if let Some(compared) = compare(&name, &bytes) {
                read += 1;
                let most = compared.bits.max(compared.displayed_bits);
                assert!(most <= MOST_BITS, "{name}: {compared:?}");
                assert!(compared.turned_bits <= MOST_BITS, "{name}: {compared:?}");
                assert!(compared.quality <= 3, "{name}: {compared:?}");
            }
        }
    }
    assert!(read > 300, "only {read} were read: this proves nothing");
}

/// Files that a fuzzer made of the samples, each of which was once too far off.
#[test]
fn what_the_fuzzer_found_is_not_read_or_hashes_nearly_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jpeg-found");
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        found += 1;
        if let Some(compared) = compare(&name, &std::fs::read(&path).unwrap()) {
            assert!(compared.bits <= MOST_BITS, "{name}: {compared:?}");
        }
    }
    assert!(found > 0);
}

#[test]
fn a_cut_file_is_not_read() {
    for (name, bytes) in samples() {
        for cut in (1..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
            let sampled = media::sample(&bytes[..cut], &Limits::default(), false);
            assert!(sampled.is_none(), "{name} cut at {cut}");
        }
    }
}

#[test]
fn what_is_too_large_to_decode_is_not_read() {
    for (name, bytes) in samples() {
        for limits in [
            Limits::default().with(|limits| limits.max_side = 400),
            Limits::default().with(|limits| limits.max_pixels = 400 * 400),
            Limits::default().with(|limits| limits.max_decoder_bytes = 400 * 400 * 3),
            Limits::default().with(|limits| limits.max_file_bytes = 1000),
        ] {
            assert!(media::sample(&bytes, &limits, false).is_none(), "{name}");
            assert!(media::decode(&bytes, &limits).is_err(), "{name}");
        }
    }
}

trait With: Sized {
    fn with(self, change: impl FnOnce(&mut Self)) -> Self;
}

impl With for Limits {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// A picture of soft patches and some waves, -1 to 1, another for each seed; by block.
fn waves(seed: f64, x: usize, y: usize) -> f64 {
    let patch = |size: usize| {
        let mut random = Random((x / size * 1000 + y / size) as u64 ^ (seed * 7919.0) as u64 ^ 99);
        random.next() as f64 / u64::MAX as f64 * 2.0 - 1.0
    };
    let (x, y) = (x as f64 / 60.0, y as f64 / 60.0);
    let wave = |fx: f64, fy: f64, phase: f64| (fx * x + fy * y + phase * seed).sin();
    (wave(9.0 + seed, 4.0, 1.0) + wave(-5.0, 11.0 + seed, 2.0) + 1.5 * patch(7) + 1.5 * patch(3))
        / 5.0
}

/// The coefficients of an even block with this mean, counted from 128.
fn even(mean: f64) -> [i32; 64] {
    let mut block = [0; 64];
    block[0] = mean.round() as i32;
    block
}

/// What such a file would hash to by its coefficients if colours were never clamped.
fn assert_not_deceived(name: &str, width: usize, height: usize, components: &[Component<'_>]) {
    let bytes = baseline(width, height, components);
    let picture = media::decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(picture.width as usize, width, "{name}");
    if let Some(compared) = compare(name, &bytes) {
        assert!(compared.bits <= MOST_BITS, "{name}: {compared:?}");
        assert!(compared.turned_bits <= MOST_BITS, "{name}: {compared:?}");
        assert!(compared.quality <= 3, "{name}: {compared:?}");
    }
}

#[test]
fn an_honest_picture_made_so_is_read() {
    let luma = |x: usize, y: usize| even(100.0 * waves(1.0, x, y));
    let components = [Component {
        factors: (1, 1),
        block: &luma,
    }];
    let compared = compare("honest", &baseline(480, 480, &components)).expect("it is read");
    assert!(compared.bits <= 2, "{compared:?}");
}

#[test]
fn colours_beyond_white_and_black_do_not_deceive() {
    // White shows as white however bright it is: another picture hides in how bright.
    let luma = |x: usize, y: usize| {
        let shown = 180.0 * waves(1.0, x, y);
        let hidden = 700.0 * (1.0 + waves(5.0, x, y));
        even(if shown > 127.0 {
            shown + hidden
        } else if shown < -128.0 {
            shown - hidden
        } else {
            shown
        })
    };
    for factors in [(1, 1), (2, 2)] {
        let neutral = |_: usize, _: usize| even(0.0);
        let components = [
            Component {
                factors,
                block: &luma,
            },
            Component {
                factors: (1, 1),
                block: &neutral,
            },
            Component {
                factors: (1, 1),
                block: &neutral,
            },
        ];
        assert_not_deceived("beyond white", 480, 480, &components);
        assert_not_deceived("beyond white, grey", 480, 480, &components[..1]);
    }
}

#[test]
fn a_picture_in_the_chroma_of_white_does_not_deceive() {
    // Red on white shows darker than white, though its luma is that of white.
    let luma = |x: usize, y: usize| even(110.0 + 12.0 * waves(2.0, x, y));
    for (factors, amount) in [
        ((1, 1), 120.0),
        ((2, 2), 120.0),
        ((2, 1), 60.0),
        ((1, 2), 400.0),
    ] {
        let red = |x: usize, y: usize| {
            let (x, y) = (x * factors.0, y * factors.1);
            even(amount * waves(3.0, x, y).abs())
        };
        let blue = |x: usize, y: usize| even(-amount / 3.0 * waves(4.0, x, y).abs());
        let components = [
            Component {
                factors,
                block: &luma,
            },
            Component {
                factors: (1, 1),
                block: &blue,
            },
            Component {
                factors: (1, 1),
                block: &red,
            },
        ];
        assert_not_deceived("in the chroma", 480, 480, &components);
    }
}

#[test]
fn a_halftone_does_not_deceive() {
    // The finest wave, far stronger than any colour: what shows is black and white by its sign, and
    // how much of each depends on the other coefficients in another way than the mean does.
    for (strength, place) in [(900, 63), (500, 63), (300, 40), (900, 2)] {
        let luma = |x: usize, y: usize| {
            let mut block = even(90.0 * waves(1.0, x, y));
            block[place] = (f64::from(strength) * (0.2 + waves(6.0, x, y).abs())) as i32;
            block[1] = (f64::from(strength) * 0.6 * waves(7.0, x, y)) as i32;
            block
        };
        let wild = |x: usize, y: usize| {
            let mut block = even(0.0);
            block[63] = (f64::from(strength) * waves(8.0, x, y)) as i32;
            block
        };
        let of = |factors, block| Component { factors, block };
        let plain = |_: usize, _: usize| even(0.0);
        assert_not_deceived("halftone, grey", 480, 480, &[of((1, 1), &luma)]);
        for chroma in [&wild as &dyn Fn(usize, usize) -> [i32; 64], &plain] {
            for factors in [(1, 1), (2, 1), (2, 2)] {
                let components = [of(factors, &luma), of((1, 1), chroma), of((1, 1), chroma)];
                assert_not_deceived("halftone", 480, 480, &components);
            }
        }
    }
}
