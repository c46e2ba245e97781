//! Bytes to pixels, per format, on a picture of 1024 x 768 made here.
//!
//! Each benchmark first checks the picture it times: exactly where the format is lossless, closely
//! where it is not.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashgate::hamming::distance_pdq;
use hashgate::media::{Limits, decode, sample};
use hashgate::signal::PdqHasher;
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};

const WIDTH: u32 = 1024;
const HEIGHT: u32 = 768;

/// Slopes, edges and a little noise.
fn scene() -> RgbImage {
    RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let noise = (x * 7919 + y * 104_729) % 13;
        let edge = if x / 90 % 2 == y / 130 % 2 { 60 } else { 0 };
        let at = |slope: u32| (slope / 8 + noise + edge).min(255) as u8;
        image::Rgb([at(x), at(y), at(x + y)])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, format)
        .expect("the picture can be encoded");
    bytes.into_inner()
}

/// The mean difference of two pictures' samples.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 = one
        .iter()
        .zip(other)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / one.len() as f64
}

fn decoding(criterion: &mut Criterion) {
    let picture = scene();
    let rgb = DynamicImage::ImageRgb8(picture.clone());
    let mut rgba: RgbaImage = rgb.to_rgba8();
    rgba.put_pixel(0, 0, image::Rgba([0, 0, 0, 0]));
    let clear = DynamicImage::ImageRgba8(rgba);
    let limits = Limits::default();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(WIDTH * HEIGHT)));
    for (name, bytes, most) in [
        ("jpeg", encoded(&rgb, ImageFormat::Jpeg), 6.0),
        ("png", encoded(&rgb, ImageFormat::Png), 0.0),
        ("png with alpha", encoded(&clear, ImageFormat::Png), 0.001),
        ("webp lossless", encoded(&rgb, ImageFormat::WebP), 0.0),
        ("gif", encoded(&rgb, ImageFormat::Gif), 12.0),
        ("bmp", encoded(&rgb, ImageFormat::Bmp), 0.0),
    ] {
        let first = decode(&bytes, &limits).expect("the picture can be decoded");
        assert_eq!((first.width, first.height), (WIDTH, HEIGHT), "{name}");
        let off = difference(&first.rgb, picture.as_raw());
        assert!(off <= most, "{name} is {off} off");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let again = decode(black_box(&bytes), &limits).expect("it was decoded before");
                assert_eq!(again.rgb.len(), first.rgb.len());
                again
            });
        });
    }
    group.finish();
}

/// A JPEG of 2 megapixels to its PDQ hash, from its pixels and from its coefficients.
fn hashing(criterion: &mut Criterion) {
    let picture = RgbImage::from_fn(1632, 1224, |x, y| {
        let (x, y) = (f64::from(x) / 50.0, f64::from(y) / 50.0);
        let wave = (x * 0.7 + y).sin() + (x - y * 1.3).cos() + (x * 2.1).sin() * (y * 1.7).cos();
        let noise = (x * 7919.0 + y * 104_729.0).fract();
        image::Rgb([110.0, 120.0, 130.0].map(|mean| (mean + 30.0 * wave + 4.0 * noise) as u8))
    });
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let bytes = encoded(&DynamicImage::ImageRgb8(picture), ImageFormat::Jpeg);
    let limits = Limits::default();
    let mut hasher = PdqHasher::new();
    let mut exact = |bytes: &[u8]| {
        let picture = decode(bytes, &limits).expect("the picture can be decoded");
        let hashed = hasher.hash_rgb(width, height, &picture.rgb);
        hashed.expect("the picture has its size").hash
    };
    let fast = |bytes: &[u8]| {
        let sampled = sample(bytes, &limits, false).expect("it is a plain JPEG");
        let hashed = PdqHasher::new().hash_samples(&sampled.stored);
        hashed.expect("it is not flat").hash
    };
    let off = distance_pdq(&exact(&bytes), &fast(&bytes)).0;
    assert!(off <= 2, "{off} bits off");
    let mut group = criterion.benchmark_group("hash a JPEG");
    group.throughput(Throughput::Elements((width * height) as u64));
    group.bench_function("from pixels", |bencher| {
        bencher.iter(|| exact(black_box(&bytes)));
    });
    group.bench_function("from coefficients", |bencher| {
        bencher.iter(|| fast(black_box(&bytes)));
    });
    group.finish();
}

criterion_group!(benches, decoding, hashing);
criterion_main!(benches);
