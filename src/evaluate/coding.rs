//! Pixels to the bytes of an upload.

use super::geometry::{BLACK, WHITE, crop, resize};
use super::modification::{Coding, Place};
use super::random::Random;
use super::tone;
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{
    Delay, DynamicImage, ExtendedColorType, Frame, ImageEncoder, ImageFormat, ImageResult,
    RgbImage, Rgba, RgbaImage,
};
use std::io::Cursor;

/// The longest side of an animation: its frames are bitmaps.
const ANIMATION_SIDE: u32 = 512;
/// The longest side of a thumbnail, and its quality.
const THUMBNAIL_SIDE: u32 = 160;
const THUMBNAIL_QUALITY: u8 = 75;
/// How hard the 256 colours of a GIF are looked for: 1 (well) to 30 (fast).
const GIF_SPEED: i32 = 15;

pub(super) fn encode(
    picture: &RgbImage,
    coding: Coding,
    random: &mut Random,
) -> ImageResult<Vec<u8>> {
    match coding {
        Coding::Jpeg(quality) => jpeg(picture, quality, None),
        Coding::KeepingThumbnail(percent) => {
            let exif = exif_with(&jpeg(&thumbnail(picture), THUMBNAIL_QUALITY, None)?);
            let rest = crop(picture, Place::Anywhere, f32::from(percent), random);
            jpeg(&rest, 85, Some(exif))
        }
        Coding::JpegTwice(first, second) => {
            let bytes = jpeg(picture, first, None)?;
            let once = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)?;
            jpeg(&once.into_rgb8(), second, None)
        }
        Coding::Exif(orientation) => {
            let mut stored = DynamicImage::ImageRgb8(picture.clone());
            if let Some(undone) = Orientation::from_exif(inverse(orientation)) {
                stored.apply_orientation(undone);
            }
            jpeg(&stored.into_rgb8(), 85, Some(exif(orientation)))
        }
        Coding::Png => {
            let mut bytes = Vec::new();
            let encoder =
                PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Sub);
            let (width, height) = picture.dimensions();
            encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)?;
            Ok(bytes)
        }
        Coding::Webp => {
            let mut bytes = Vec::new();
            let (width, height) = picture.dimensions();
            WebPEncoder::new_lossless(&mut bytes).encode(
                picture.as_raw(),
                width,
                height,
                ExtendedColorType::Rgb8,
            )?;
            Ok(bytes)
        }
        Coding::Gif => gif(vec![picture.clone()]),
        Coding::Animation => gif(behind_two(picture, random)),
        Coding::RoundedCorners => png_with_alpha(&rounded(picture)),
        Coding::Translucent => png_with_alpha(&with_alpha(picture, |_, _| 153)),
        Coding::TransparentBorder => png_with_alpha(&bordered(picture)),
    }
}

fn jpeg(picture: &RgbImage, quality: u8, exif: Option<Vec<u8>>) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
    if let Some(exif) = exif {
        // An encoder that cannot carry it would make a copy that is not what its name says.
        encoder
            .set_exif_metadata(exif)
            .map_err(image::ImageError::Unsupported)?;
    }
    let (width, height) = picture.dimensions();
    encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// A TIFF directory with the one tag 0x0112: Exif 2.32, section 4.6.4.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// Two TIFF directories, the first empty, the second of which names a JPEG behind it: the same, 4.6.2.
fn exif_with(jpeg: &[u8]) -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\0\0\x0e\0\0\0\x02\0".to_vec();
    let directory_ends = 14 + 2 + 2 * 12 + 4;
    for (tag, value) in [(0x0201_u16, directory_ends), (0x0202, jpeg.len() as u32)] {
        exif.extend(tag.to_le_bytes());
        exif.extend([4, 0, 1, 0, 0, 0]);
        exif.extend(value.to_le_bytes());
    }
    exif.extend([0; 4]);
    exif.extend(jpeg);
    exif
}

/// As small as cameras make them.
fn thumbnail(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longest = width.max(height).max(1);
    let side = |length: u32| (length * THUMBNAIL_SIDE / longest).max(1);
    match longest > THUMBNAIL_SIDE {
        true => resize(picture, side(width), side(height)),
        false => picture.clone(),
    }
}

/// The orientation that undoes one.
fn inverse(orientation: u8) -> u8 {
    match orientation {
        6 => 8,
        8 => 6,
        own => own,
    }
}

fn with_alpha(picture: &RgbImage, alpha: impl Fn(u32, u32) -> u8) -> RgbaImage {
    RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0;
        Rgba([r, g, b, alpha(x, y)])
    })
}

/// Corners of a radius of 12 % of the shorter side are cut away.
fn rounded(picture: &RgbImage) -> RgbaImage {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let radius = 0.12 * width.min(height);
    with_alpha(picture, |x, y| {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let away_x = (radius - x).max(x - (width - radius)).max(0.0);
        let away_y = (radius - y).max(y - (height - radius)).max(0.0);
        let outside = away_x.hypot(away_y) - radius;
        ((0.5 - outside).clamp(0.0, 1.0) * 255.0) as u8
    })
}

fn bordered(picture: &RgbImage) -> RgbaImage {
    let border = (picture.width().min(picture.height()) / 10).max(1);
    let (width, height) = (picture.width() + 2 * border, picture.height() + 2 * border);
    let mut out = RgbaImage::from_pixel(width, height, Rgba([0; 4]));
    let opaque = with_alpha(picture, |_, _| 255);
    image::imageops::replace(&mut out, &opaque, border.into(), border.into());
    out
}

fn png_with_alpha(picture: &RgbaImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Sub);
    let (width, height) = picture.dimensions();
    encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgba8)?;
    Ok(bytes)
}

/// The picture as the third frame, behind a title and a picture of noise.
fn behind_two(picture: &RgbImage, random: &mut Random) -> Vec<RgbImage> {
    let longest = picture.width().max(picture.height());
    let small = if longest > ANIMATION_SIDE {
        let share = ANIMATION_SIDE as f32 / longest as f32;
        let side = |length: u32| (length as f32 * share).round() as u32;
        resize(picture, side(picture.width()), side(picture.height()))
    } else {
        picture.clone()
    };
    let (width, height) = small.dimensions();
    let title = RgbImage::from_fn(width, height, |x, y| {
        if (x / 40 + y / 60) % 3 == 0 {
            BLACK
        } else {
            WHITE
        }
    });
    let mut noise = RgbImage::from_pixel(16, 16, image::Rgb([128; 3]));
    tone::noise(&mut noise, 60.0, random);
    vec![title, resize(&noise, width, height), small]
}

fn gif(frames: Vec<RgbImage>) -> ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, GIF_SPEED);
    for frame in frames {
        let frame = DynamicImage::ImageRgb8(frame).into_rgba8();
        let delay = Delay::from_numer_denom_ms(400, 1);
        encoder.encode_frame(Frame::from_parts(frame, 0, 0, delay))?;
    }
    drop(encoder);
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{self, Limits};
    use image::Rgb;
    use std::ops::ControlFlow;

    fn picture() -> RgbImage {
        RgbImage::from_fn(120, 80, |x, y| Rgb([2 * x as u8, 3 * y as u8, 90]))
    }

    fn decoded(coding: Coding) -> media::Picture {
        let bytes = encode(&picture(), coding, &mut Random::new(1, 1)).unwrap();
        media::decode(&bytes, &Limits::default()).unwrap()
    }

    #[test]
    fn formats_are_what_they_say() {
        for (coding, format) in [
            (Coding::Jpeg(50), media::Format::Jpeg),
            (Coding::JpegTwice(40, 75), media::Format::Jpeg),
            (Coding::Png, media::Format::Png),
            (Coding::Webp, media::Format::WebP),
            (Coding::Gif, media::Format::Gif),
        ] {
            let decoded = decoded(coding);
            assert_eq!(decoded.format, format);
            assert_eq!((decoded.width, decoded.height), (120, 80));
        }
        for coding in [Coding::Png, Coding::Webp] {
            assert_eq!(&decoded(coding).rgb, picture().as_raw(), "lossless");
        }
        let size = |quality| {
            let bytes = encode(&picture(), Coding::Jpeg(quality), &mut Random::new(1, 1));
            bytes.unwrap().len()
        };
        assert!(size(10) < size(50) && size(50) < size(95));
    }

    #[test]
    fn a_viewer_sees_every_orientation_upright() {
        for orientation in 2..=8 {
            let decoded = decoded(Coding::Exif(orientation));
            let (width, height, rgb) = decoded.displayed().unwrap();
            assert_eq!((width, height), (120, 80), "{orientation}");
            let shown = RgbImage::from_raw(width, height, rgb).unwrap();
            for (x, y) in [(10, 10), (110, 10), (10, 70)] {
                let (a, b) = (shown.get_pixel(x, y), picture());
                let b = b.get_pixel(x, y);
                let near = a.0.iter().zip(b.0).all(|(a, b)| a.abs_diff(b) < 12);
                assert!(near, "{orientation}: {a:?} {b:?}");
            }
            if orientation > 4 {
                assert_eq!((decoded.width, decoded.height), (80, 120));
            }
        }
    }

    #[test]
    fn transparency_shows_over_black() {
        for coding in [
            Coding::RoundedCorners,
            Coding::Translucent,
            Coding::TransparentBorder,
        ] {
            let decoded = decoded(coding);
            let over_black = decoded.over_black.expect("transparent");
            assert_ne!(over_black, decoded.rgb);
        }
        let bordered = decoded(Coding::TransparentBorder);
        assert_eq!((bordered.width, bordered.height), (136, 96));
        assert_eq!(bordered.rgb.get(..3), Some([255; 3].as_slice()));
    }

    #[test]
    fn the_thumbnail_shows_what_was_cut_away() {
        let large = resize(&picture(), 600, 400);
        let mut random = Random::new(1, 1);
        let bytes = encode(&large, Coding::KeepingThumbnail(30), &mut random).unwrap();
        let limits = Limits::default();
        let rest = media::decode(&bytes, &limits).unwrap();
        assert_eq!((rest.width, rest.height), (420, 280));
        let small = media::embedded(&bytes).and_then(|found| found.decode(&limits));
        let small = small.expect("it has a thumbnail");
        assert_eq!((small.width, small.height), (160, 106));
        let last = small.rgb.last_chunk::<3>().unwrap();
        let corner = large.get_pixel(599, 399).0;
        assert!(last.iter().zip(corner).all(|(a, b)| a.abs_diff(b) < 12));
    }

    #[test]
    fn the_third_frame_is_the_picture() {
        let bytes = encode(&picture(), Coding::Animation, &mut Random::new(1, 1)).unwrap();
        let mut frames = Vec::new();
        media::decode_frames(&bytes, &Limits::default(), &mut |frame| {
            frames.push(frame.rgb);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(frames.len(), 3);
        let off = |frame: &[u8]| {
            let pairs = frame.iter().zip(picture().into_raw());
            pairs.map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>() / frame.len() as u64
        };
        assert!(off(&frames[2]) < 8 && off(&frames[0]) > 30 && off(&frames[1]) > 30);
    }
}
