//! Files that store one picture and show another, by gamma, by profile or by alpha; and those whose profile changes
//! nothing that matters.

use std::io::Write as _;

use image::RgbImage;

use crate::common::{shipped_pictures, test_data};
use crate::matrix::{Structure, check, hold};
use crate::psd;
use crate::shown::{Shower, Shown};
use crate::tiff_made::{Plan, Values};

fn pictures() -> Vec<RgbImage> {
    let all = shipped_pictures("known").into_iter();
    all.take(3)
        .map(|(_, bytes)| {
            let picture = image::load_from_memory(&bytes).unwrap();
            picture.thumbnail(240, 240).to_rgb8()
        })
        .collect()
}

/// A PNG with these chunks before the pixels.
pub(crate) fn png(picture: &RgbImage, chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut plain = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut plain);
    picture.write_with_encoder(encoder).unwrap();
    const HEAD: usize = 8 + 12 + 13;
    let mut bytes = plain[..HEAD].to_vec();
    for (kind, data) in chunks {
        bytes.extend((data.len() as u32).to_be_bytes());
        let checked = [&kind[..], data].concat();
        bytes.extend(&checked);
        let mut crc = flate2::Crc::new();
        crc.update(&checked);
        bytes.extend(crc.sum().to_be_bytes());
    }
    bytes.extend(&plain[HEAD..]);
    bytes
}

fn jpeg(picture: &RgbImage, profile: &[u8]) -> Vec<u8> {
    use image::ImageEncoder as _;
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    let (width, height) = picture.dimensions();
    let kind = image::ExtendedColorType::Rgb8;
    encoder.write_image(picture, width, height, kind).unwrap();
    bytes
}

fn webp(picture: &RgbImage, profile: &[u8]) -> Vec<u8> {
    use image::ImageEncoder as _;
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder.set_icc_profile(profile.to_vec()).unwrap();
    let (width, height) = picture.dimensions();
    let kind = image::ExtendedColorType::Rgb8;
    encoder.write_image(picture, width, height, kind).unwrap();
    bytes
}

pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut packed = b"profile\0\0".to_vec();
    let mut zlib = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::fast());
    zlib.write_all(data).unwrap();
    zlib.finish().unwrap();
    packed
}

/// A profile of sRGB's primaries with one exponent, written by hand: ICC.1, version 2.
pub(crate) fn profile(exponent: f64) -> Vec<u8> {
    let fixed = |value: f64| ((value * 65_536.0).round() as i32).to_be_bytes();
    let xyz = |x, y, z| [b"XYZ \0\0\0\0".as_slice(), &fixed(x), &fixed(y), &fixed(z)].concat();
    let mut curve = b"curv\0\0\0\0\0\0\0\x01".to_vec();
    curve.extend(((exponent * 256.0).round() as u16).to_be_bytes());
    curve.extend([0, 0]);
    let mut words = b"desc\0\0\0\0\0\0\0\x02x\0".to_vec();
    words.resize(words.len() + 78 + 2, 0);
    let text = b"text\0\0\0\0none\0\0\0\0".to_vec();
    let parts: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"desc", words),
        (b"cprt", text),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.4360, 0.2225, 0.0139)),
        (b"gXYZ", xyz(0.3851, 0.7169, 0.0971)),
        (b"bXYZ", xyz(0.1431, 0.0606, 0.7141)),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let mut table = (parts.len() as u32).to_be_bytes().to_vec();
    let mut data = Vec::new();
    for (name, mut part) in parts {
        let at = 128 + 4 + 12 * 9 + data.len();
        table.extend(*name);
        table.extend((at as u32).to_be_bytes());
        table.extend((part.len() as u32).to_be_bytes());
        part.resize(part.len().div_ceil(4) * 4, 0);
        data.extend(part);
    }
    let mut head = vec![0; 128];
    let size = (128 + table.len() + data.len()) as u32;
    head[..4].copy_from_slice(&size.to_be_bytes());
    head[8..12].copy_from_slice(&[2, 0x10, 0, 0]);
    head[12..24].copy_from_slice(b"mntrRGB XYZ ");
    head[36..40].copy_from_slice(b"acsp");
    head[68..80].copy_from_slice(&[fixed(0.9642), fixed(1.0), fixed(0.8249)].concat());
    [head, table, data].concat()
}

/// A bitmap with a header of 124 bytes: a profile behind its pixels, or a power that its light is measured by.
fn bmp(picture: &RgbImage, told: Result<&[u8], f64>) -> Vec<u8> {
    const HEADER: usize = 124;
    let (width, height) = picture.dimensions();
    let stride = (width as usize * 3).next_multiple_of(4);
    let pixels = stride * height as usize;
    let mut info = vec![0; HEADER];
    let mut put = |at: usize, value: u32| info[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(0, HEADER as u32);
    put(4, width);
    put(8, height);
    put(12, 24 << 16 | 1);
    match told {
        Ok(profile) => {
            put(56, u32::from_be_bytes(*b"MBED"));
            put(112, (HEADER + pixels) as u32);
            put(116, profile.len() as u32);
        }
        Err(power) => {
            // sRGB's red, green and blue under D65, and the same curve of each.
            let ends = [
                [0.4124, 0.2126, 0.0193],
                [0.3576, 0.7152, 0.1192],
                [0.1805, 0.0722, 0.9505],
            ];
            for (at, part) in ends.iter().flatten().enumerate() {
                put(60 + at * 4, (part * f64::from(1 << 30)) as u32);
            }
            for at in [96, 100, 104] {
                put(at, (power * 65_536.0) as u32);
            }
        }
    }
    let mut out = b"BM".to_vec();
    out.extend([0; 8]);
    out.extend((14 + HEADER as u32).to_le_bytes());
    out.extend(info);
    for y in (0..height).rev() {
        let row = (0..width).flat_map(|x| {
            let [red, green, blue] = picture.get_pixel(x, y).0;
            [blue, green, red]
        });
        out.extend(row);
        out.resize(out.len() + stride - width as usize * 3, 0);
    }
    out.extend(told.unwrap_or_default());
    out
}

/// What Chromium shows of this picture with this profile. Formats that it does not read are held to it.
pub(crate) fn shown_with(picture: &RgbImage, profile: &[u8]) -> Option<Shown> {
    let file = png(picture, &[(b"iCCP", zlib(profile))]);
    let file = Structure::seen("a profile", "image/png", file).file;
    let shown = Shower::Chromium.show(&[file]).pop().flatten();
    Some(shown.expect("Chromium shows a PNG"))
}

#[test]
fn profiles_of_formats_that_browsers_do_not_read_count_as_in_others() {
    if !Shower::Chromium.is_here() {
        return;
    }
    for (number, picture) in pictures().iter().enumerate() {
        for exponent in [0.25, 1.0, 4.0] {
            let profile = profile(exponent);
            let shown = shown_with(picture, &profile);
            let tag = |big_endian| {
                let plan = Plan::new(2, 8).with(|plan| {
                    plan.big_endian = big_endian;
                    plan.more = vec![(34_675, Values::Bytes(profile.clone()))];
                });
                plan.file(picture)
            };
            for (name, bytes) in [
                ("tiff", tag(false)),
                ("tiff, big-endian", tag(true)),
                ("psd", psd::with_profile(picture, &profile)),
            ] {
                let name = format!("{number} {name} {exponent}");
                let structure = Structure::seen(name.as_str(), "image/tiff", bytes);
                assert_eq!(check(&structure, shown.as_ref()), Ok(()), "{name}");
            }
        }
    }
}

#[test]
fn colours_are_asked_about_as_they_are_shown() {
    let mut structures = Vec::new();
    let pictures = pictures();
    let gamma = |value: u32| (b"gAMA", value.to_be_bytes().to_vec());
    for (number, picture) in pictures.iter().enumerate() {
        let mut add = |name: &str, kind: &'static str, bytes: Vec<u8>| {
            structures.push(Structure::seen(format!("{number} {name}"), kind, bytes));
        };
        for value in [10_000, 22_727, 45_455, 55_556, 100_000, 200_000, 400_000] {
            let file = png(picture, &[gamma(value)]);
            add(&format!("png gAMA {value}"), "image/png", file);
        }
        for exponent in [0.25, 1.0, 1.8, 2.2, 4.0] {
            let profile = profile(exponent);
            add(
                &format!("png iCCP {exponent}"),
                "image/png",
                png(picture, &[(b"iCCP", zlib(&profile))]),
            );
            let file = jpeg(picture, &profile);
            add(&format!("jpeg profile {exponent}"), "image/jpeg", file);
            let file = webp(picture, &profile);
            add(&format!("webp profile {exponent}"), "image/webp", file);
            let file = bmp(picture, Ok(&profile));
            add(&format!("bmp profile {exponent}"), "image/bmp", file);
            let file = bmp(picture, Err(exponent));
            add(&format!("bmp power {exponent}"), "image/bmp", file);
        }
        let srgb = (b"sRGB", vec![0]);
        let light = (b"iCCP", zlib(&profile(1.0)));
        add(
            "png gAMA, sRGB",
            "image/png",
            png(picture, &[gamma(2_000), srgb]),
        );
        add(
            "png gAMA, iCCP",
            "image/png",
            png(picture, &[gamma(2_000), light.clone()]),
        );
        for (primaries, transfer) in [(1, 13), (1, 8), (12, 13), (9, 13), (1, 4), (1, 2)] {
            let code = (b"cICP", vec![primaries, transfer, 0, 1]);
            let name = format!("png cICP {primaries} {transfer}, iCCP");
            add(&name, "image/png", png(picture, &[code, light.clone()]));
        }
    }
    hold(Shower::Chromium, &structures);
}

/// A picture that is there only for those who drop alpha is met by the hash of those who drop it.
#[test]
fn pictures_under_full_transparency_are_asked_about() {
    use hashgate::media::{Limits, decode};
    for picture in pictures() {
        let clear = image::RgbaImage::from_fn(picture.width(), picture.height(), |x, y| {
            let [red, green, blue] = picture.get_pixel(x, y).0;
            image::Rgba([red, green, blue, 0])
        });
        let mut bytes = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        clear.write_with_encoder(encoder).unwrap();
        let read = decode(&bytes, &Limits::default()).unwrap();
        assert_eq!(read.alpha_ignored, Some(picture.into_raw()));
        assert!(read.rgb.iter().all(|&value| value == 255));
    }
}

/// The two-faced picture that was reported, and the cutout whose reference hash drops alpha.
#[test]
fn reported_files_are_met() {
    let Some(data) = test_data() else { return };
    let field = data.join("field");
    let two_faced = std::fs::read(field.join("png/coffee-shown-brick-stored-gama.png")).unwrap();
    let file = Structure::seen("two-faced", "image/png", two_faced);
    hold(Shower::Chromium, &[file]);
}
