//! Bytes to pixels, per format, on a picture of 1024 x 768 made here.
//!
//! Each benchmark first checks the picture it times: exactly where the format is lossless, closely
//! where it is not.

use std::hint::black_box;
use std::io::Cursor;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hashgate::media::{Limits, decode};
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

criterion_group!(benches, decoding);
criterion_main!(benches);
