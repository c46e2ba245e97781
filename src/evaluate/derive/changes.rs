//! Copies made in other ways than the harness makes them: other scalers, coders, places, texts and colours, so that a
//! limit is not chosen by the very copies that recall is then measured with.
//!
//! `benches/robustness/copies.py` makes more, by another program altogether. These need nothing but this crate.

use super::super::random::Random;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ExtendedColorType, ImageFormat, ImageResult, Rgb, RgbImage};
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// A change: its name, and what it makes of a picture.
pub(super) type Change = (
    &'static str,
    fn(&RgbImage, &mut Random) -> ImageResult<Vec<u8>>,
);

/// All changes, the commonest first.
pub(super) const CHANGES: [Change; 20] = [
    ("crop_uneven_9", |picture, random| {
        jpeg(&cut(picture, [0.02, 0.07, 0.06, 0.03]), 78, random)
    }),
    ("turn_2", |picture, random| {
        jpeg(&turned(picture, 2.4), 82, random)
    }),
    ("banner_below_13", |picture, random| {
        png(&banner(picture, 0.13, false, random))
    }),
    ("sticker_star_24", |picture, random| {
        jpeg(&star(picture, 0.24, random), 80, random)
    }),
    ("catmull_70", |picture, random| {
        jpeg(&scaled(picture, 0.7, FilterType::CatmullRom), 58, random)
    }),
    ("mirror_crop_6", |picture, random| {
        jpeg(
            &imageops::flip_horizontal(&cut(picture, [0.03, 0.04, 0.02, 0.03])),
            85,
            random,
        )
    }),
    ("margin_7", |picture, random| {
        webp(&margin(picture, 0.07, random))
    }),
    ("band_across", |picture, random| {
        jpeg(&band(picture, 0.12, random), 75, random)
    }),
    ("on_a_ground_58", |picture, random| {
        jpeg(&laid(picture, 0.58, random), 84, random)
    }),
    ("cut_left_17", |picture, _| {
        png(&cut(picture, [0.17, 0.0, 0.0, 0.0]))
    }),
    ("nearest_45", |picture, _| {
        png(&scaled(picture, 0.45, FilterType::Nearest))
    }),
    ("turn_minus_5", |picture, random| {
        jpeg(&turned(picture, -5.2), 88, random)
    }),
    ("crop_14", |picture, _| {
        webp(&cut(picture, [0.06, 0.08, 0.08, 0.06]))
    }),
    ("banner_above_21", |picture, random| {
        jpeg(&banner(picture, 0.21, true, random), 72, random)
    }),
    ("gaussian_130", |picture, random| {
        jpeg(&scaled(picture, 1.3, FilterType::Gaussian), 66, random)
    }),
    ("gif", |picture, _| {
        gif(&scaled(picture, 0.6, FilterType::Triangle))
    }),
    ("tone", |picture, random| jpeg(&toned(picture), 74, random)),
    ("soft_and_coarse", |picture, random| {
        let shorter = picture.width().min(picture.height()) as f32;
        jpeg(&imageops::blur(picture, 0.008 * shorter), 34, random)
    }),
    ("quarter_crop_5", |picture, random| {
        jpeg(
            &imageops::rotate90(&cut(picture, [0.02, 0.03, 0.04, 0.01])),
            86,
            random,
        )
    }),
    ("two_stars", |picture, random| {
        let once = star(picture, 0.15, random);
        jpeg(&star(&once, 0.18, random), 70, random)
    }),
];

/// The numbers that a copy is drawn by: they follow from the seed, the picture's bytes and the change alone.
pub(in crate::evaluate) fn stream(seed: u64, picture: &[u8], change: &str) -> Random {
    let mut digest = Sha256::new();
    digest.update(b"derive ");
    digest.update(change.as_bytes());
    digest.update(picture);
    let digest = digest.finalize();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    Random::new(seed, u64::from_be_bytes(first))
}

fn jpeg(picture: &RgbImage, quality: u8, random: &mut Random) -> ImageResult<Vec<u8>> {
    // No two programs use one table of quantisation.
    let quality = quality.saturating_add(random.below(5) as u8).clamp(1, 100);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

fn png(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn webp(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = picture.dimensions();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.encode(picture.as_raw(), width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

fn gif(picture: &RgbImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let frame = DynamicImage::ImageRgb8(picture.clone()).into_rgba8();
    GifEncoder::new_with_speed(&mut bytes, 25).encode_frame(image::Frame::new(frame))?;
    Ok(bytes)
}

fn part(length: u32, share: f32) -> u32 {
    ((length as f32 * share).round() as u32).max(1)
}

fn scaled(picture: &RgbImage, share: f32, filter: FilterType) -> RgbImage {
    let (width, height) = picture.dimensions();
    imageops::resize(picture, part(width, share), part(height, share), filter)
}

/// What is left without these shares: left, top, right, bottom.
fn cut(picture: &RgbImage, [left, top, right, bottom]: [f32; 4]) -> RgbImage {
    let (width, height) = picture.dimensions();
    let of = |length: u32, share: f32| (length as f32 * share).round() as u32;
    let (x, y) = (of(width, left), of(height, top));
    let (across, down) = (
        width - x - of(width, right),
        height - y - of(height, bottom),
    );
    imageops::crop_imm(picture, x, y, across.max(1), down.max(1)).to_image()
}

fn colour(random: &mut Random) -> Rgb<u8> {
    Rgb([0, 1, 2].map(|_| random.below(256) as u8))
}

/// Turned by degrees about its middle, corners in the colour of the first pixel; the nearest of four points each.
fn turned(picture: &RgbImage, degrees: f32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
    let ground = *picture.get_pixel(0, 0);
    RgbImage::from_fn(width, height, |x, y| {
        let mut sums = [0u32; 3];
        for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let (u, v) = (x as f32 + dx - cx, y as f32 + dy - cy);
            let (from_x, from_y) = (cos * u + sin * v + cx, cos * v - sin * u + cy);
            let is_inside =
                (0.0..width as f32).contains(&from_x) && (0.0..height as f32).contains(&from_y);
            let pixel = match is_inside {
                true => *picture.get_pixel(from_x as u32, from_y as u32),
                false => ground,
            };
            for (sum, value) in sums.iter_mut().zip(pixel.0) {
                *sum += u32::from(value);
            }
        }
        Rgb(sums.map(|sum| (sum / 4) as u8))
    })
}

fn fill(picture: &mut RgbImage, x: [u32; 2], y: [u32; 2], colour: Rgb<u8>) {
    for down in y[0]..y[1].min(picture.height()) {
        for across in x[0]..x[1].min(picture.width()) {
            picture.put_pixel(across, down, colour);
        }
    }
}

/// Words as blocks: what a line of text is from afar.
fn words(picture: &mut RgbImage, y: [u32; 2], ink: Rgb<u8>, random: &mut Random) {
    let height = y[1].saturating_sub(y[0]).max(1);
    let mut x = picture.width() / 16;
    while x < picture.width() * 15 / 16 {
        let stroke = (height / 6).max(1);
        for _ in 0..=random.below(7) {
            fill(picture, [x, x + stroke], y, ink);
            let middle = y[0] + random.below(u64::from(height)) as u32;
            fill(picture, [x, x + 3 * stroke], [middle, middle + stroke], ink);
            x += 4 * stroke;
        }
        x += height / 2 + 1;
    }
}

fn banner(picture: &RgbImage, share: f32, above: bool, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let bar = part(height, share);
    let mut whole = RgbImage::from_pixel(width, height + bar, colour(random));
    let (at, from) = if above { (bar, 0) } else { (0, height) };
    imageops::replace(&mut whole, picture, 0, i64::from(at));
    let line = [from + bar / 3, from + bar * 2 / 3];
    let ink = colour(random);
    words(&mut whole, line, ink, random);
    whole
}

fn margin(picture: &RgbImage, share: f32, random: &mut Random) -> RgbImage {
    let (width, height) = picture.dimensions();
    let border = part(width.min(height), share);
    let mut whole = RgbImage::from_pixel(
        width + 2 * border,
        height + border + border / 2,
        colour(random),
    );
    imageops::replace(
        &mut whole,
        picture,
        i64::from(border),
        i64::from(border / 2),
    );
    whole
}

/// A band across the picture that lets half of it through, with words.
fn band(picture: &RgbImage, share: f32, random: &mut Random) -> RgbImage {
    let mut copy = picture.clone();
    let height = part(copy.height(), share);
    let top = random.below(u64::from(copy.height() - height.min(copy.height()) + 1)) as u32;
    let over = colour(random);
    for y in top..(top + height).min(copy.height()) {
        for x in 0..copy.width() {
            let pixel = copy.get_pixel_mut(x, y);
            for (value, over) in pixel.0.iter_mut().zip(over.0) {
                *value = ((u16::from(*value) + u16::from(over)) / 2) as u8;
            }
        }
    }
    let ink = colour(random);
    words(
        &mut copy,
        [top + height / 3, top + height * 2 / 3],
        ink,
        random,
    );
    copy
}

/// A star of six points somewhere over the picture.
fn star(picture: &RgbImage, share: f32, random: &mut Random) -> RgbImage {
    let mut copy = picture.clone();
    let (width, height) = copy.dimensions();
    let radius = share * width.min(height) as f32 / 2.0;
    let place = |length: u32, random: &mut Random| {
        radius + random.fraction() * (length as f32 - 2.0 * radius).max(0.0)
    };
    let (cx, cy) = (place(width, random), place(height, random));
    let ink = colour(random);
    for (x, y, pixel) in copy.enumerate_pixels_mut() {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        let edge = radius * (0.72 + 0.28 * (6.0 * dy.atan2(dx)).cos());
        if dx.hypot(dy) < edge {
            *pixel = ink;
        }
    }
    copy
}

fn toned(picture: &RgbImage) -> RgbImage {
    let brighter = imageops::brighten(picture, 22);
    let flatter = imageops::contrast(&brighter, -14.0);
    imageops::huerotate(&flatter, 18)
}

/// Laid onto a ground of bands and specks.
fn laid(picture: &RgbImage, share: f32, random: &mut Random) -> RgbImage {
    let small = scaled(picture, share, FilterType::Triangle);
    let (width, height) = picture.dimensions();
    let (one, other) = (colour(random), colour(random));
    let mut whole = RgbImage::from_fn(width, height, |x, y| {
        let mix = (x * 3 + y * 2) / 17 % 256;
        let speck = random.below(24) as u32;
        let at = |a: u8, b: u8| (u32::from(a) * mix + u32::from(b) * (255 - mix)) / 255 + speck;
        Rgb([0, 1, 2].map(|c| at(one.0[c], other.0[c]).min(255) as u8))
    });
    let free = |all: u32, own: u32, random: &mut Random| {
        i64::try_from(random.below(u64::from(all - own.min(all)) + 1)).unwrap_or(0)
    };
    let x = free(width, small.width(), random);
    let y = free(height, small.height(), random);
    imageops::replace(&mut whole, &small, x, y);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_makes_a_file_that_decodes_and_is_the_same_each_time() {
        let picture = RgbImage::from_fn(160, 120, |x, y| {
            Rgb([
                (x * y % 251) as u8,
                (x * 2 % 256) as u8,
                (y * 2 % 256) as u8,
            ])
        });
        let mut files = std::collections::BTreeSet::new();
        for (name, change) in CHANGES {
            let make = || change(&picture, &mut stream(1, b"bytes", name)).expect("it is made");
            let file = make();
            assert_eq!(file, make(), "{name}");
            let decoded = image::load_from_memory(&file).expect("it decodes");
            assert!(decoded.width().min(decoded.height()) >= 50, "{name}");
            assert!(files.insert(file), "{name} is as another");
        }
        // The smallest pictures that are evaluated.
        let least = RgbImage::from_pixel(64, 64, Rgb([9, 200, 70]));
        for (name, change) in CHANGES {
            assert!(change(&least, &mut stream(2, b"", name)).is_ok(), "{name}");
        }
    }
}
