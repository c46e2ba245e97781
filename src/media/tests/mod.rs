//! Each pixel mode of each format, and files of several pictures, on pictures made here.

mod damage;
mod parts;

use std::io::Cursor;
use std::ops::ControlFlow;

use image::{DynamicImage, Frame, ImageFormat, RgbImage, RgbaImage};

use super::*;

/// A picture with slopes, edges and a little noise, so that no format makes it trivial.
fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let noise = (x * 7919 + y * 104_729) % 23;
        let edge = if x / 9 % 2 == y / 13 % 2 { 90 } else { 0 };
        let at = |slope: u32| ((slope * 3 + noise + edge) % 256) as u8;
        image::Rgb([at(x), at(y), at(x + y)])
    })
}

/// The same with alpha that falls from left to right; its first column is opaque.
fn see_through(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b] = scene(width, height).get_pixel(x, y).0;
        image::Rgba([r, g, b, 255 - (x * 5 % 256) as u8])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn gif(frames: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for at in 0..frames {
        let shade = image::Rgba([at as u8 * 40, 200, 30, 255]);
        let mut picture = RgbaImage::from_pixel(40, 30, shade);
        picture.put_pixel(3, at, image::Rgba([255, 0, 0, 255]));
        encoder.encode_frame(Frame::new(picture)).unwrap();
    }
    drop(encoder);
    bytes
}

/// A PNG of any colour type and depth, its samples packed as the format packs them.
fn png(
    color: ::png::ColorType,
    depth: ::png::BitDepth,
    (width, height): (u32, u32),
    samples: &[u8],
    extra: impl FnOnce(&mut ::png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    extra(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Picture {
    decode(bytes, &Limits::default()).unwrap()
}

fn frames(bytes: &[u8], limits: &Limits) -> (Vec<Picture>, Result<FrameCount, MediaError>) {
    let mut pictures = Vec::new();
    let result = decode_frames(bytes, limits, &mut |picture| {
        pictures.push(picture);
        ControlFlow::Continue(())
    });
    (pictures, result)
}

#[test]
fn lossless_formats_give_the_pixels_back() {
    let picture = scene(61, 47);
    let wide = DynamicImage::ImageRgb8(picture.clone());
    for (format, theirs) in [
        (Format::Png, ImageFormat::Png),
        (Format::WebP, ImageFormat::WebP),
        (Format::Bmp, ImageFormat::Bmp),
        (Format::Tiff, ImageFormat::Tiff),
        (Format::Pnm, ImageFormat::Pnm),
        (Format::Qoi, ImageFormat::Qoi),
    ] {
        let bytes = encoded(&wide, theirs);
        let got = read(&bytes);
        assert_eq!((got.format, got.width, got.height), (format, 61, 47));
        assert_eq!(got.rgb, *picture.as_raw(), "{format}");
        assert_eq!(got.over_black, None, "{format}");
        let (pictures, count) = frames(&bytes, &Limits::default());
        assert_eq!(pictures, [got], "{format}");
        assert!(count.is_ok_and(|count| count.visited == 1 && !count.left_out));
    }
}

/// The pixels of a picture, in all ways to see them.
fn composed(picture: Picture) -> pixels::Composed {
    pixels::Composed {
        rgb: picture.rgb,
        over_black: picture.over_black,
        alpha_ignored: picture.alpha_ignored,
    }
}

#[test]
fn alpha_is_laid_over_white_and_over_black_in_every_format_that_has_it() {
    let picture = see_through(30, 20);
    let expected = pixels::compose(
        picture.as_raw().clone(),
        pixels::Layout {
            channels: pixels::Channels::Rgba,
            depth: pixels::Depth::Eight,
        },
    );
    assert!(expected.over_black.is_some());
    let clear = DynamicImage::ImageRgba8(picture);
    for theirs in [
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Qoi,
        ImageFormat::Ico,
        ImageFormat::Bmp,
    ] {
        let got = read(&encoded(&clear, theirs));
        assert_eq!(composed(got), expected, "{theirs:?}");
    }
    let deep = DynamicImage::ImageRgba16(clear.to_rgba16());
    for theirs in [ImageFormat::Png, ImageFormat::Farbfeld, ImageFormat::Tiff] {
        let got = read(&encoded(&deep, theirs));
        assert_eq!(composed(got), expected, "{theirs:?} of 16 bit");
    }
    let grey = DynamicImage::ImageLumaA8(clear.to_luma_alpha8());
    let got = read(&encoded(&grey, ImageFormat::Png));
    assert!(got.over_black.is_some_and(|black| black != got.rgb));
}

#[test]
fn every_depth_of_a_png_is_scaled_to_eight_bits() {
    use ::png::{BitDepth as B, ColorType as C};
    let none = |_: &mut ::png::Encoder<'_, &mut Vec<u8>>| ();
    let grey = |values: &[u8]| -> Vec<u8> { values.iter().flat_map(|&v| [v; 3]).collect() };
    let one = png(C::Grayscale, B::One, (4, 1), &[0b0110_0000], none);
    assert_eq!(read(&one).rgb, grey(&[0, 255, 255, 0]));
    let two = png(C::Grayscale, B::Two, (4, 1), &[0b0001_1011], none);
    assert_eq!(read(&two).rgb, grey(&[0, 85, 170, 255]));
    let four = png(C::Grayscale, B::Four, (2, 1), &[0x3f], none);
    assert_eq!(read(&four).rgb, grey(&[51, 255]));
    let sixteen = png(
        C::Grayscale,
        B::Sixteen,
        (2, 1),
        &[0x80, 0x80, 0xff, 0xff],
        none,
    );
    assert_eq!(read(&sixteen).rgb, grey(&[128, 255]));
    let deep = png(C::Rgb, B::Sixteen, (1, 1), &[10, 10, 20, 20, 30, 30], none);
    assert_eq!(read(&deep).rgb, [10, 20, 30]);
}

#[test]
fn palettes_and_their_transparency_are_looked_up() {
    use ::png::{BitDepth as B, ColorType as C};
    let colours = |encoder: &mut ::png::Encoder<'_, &mut Vec<u8>>| {
        encoder.set_palette(vec![1, 2, 3, 40, 50, 60]);
    };
    let opaque = read(&png(C::Indexed, B::One, (2, 1), &[0b0100_0000], colours));
    assert_eq!(
        (opaque.rgb, opaque.over_black),
        (vec![1, 2, 3, 40, 50, 60], None)
    );
    let clear = read(&png(C::Indexed, B::Eight, (2, 1), &[1, 0], |encoder| {
        colours(encoder);
        encoder.set_trns(vec![0]);
    }));
    assert_eq!(clear.rgb, [40, 50, 60, 255, 255, 255]);
    assert_eq!(clear.over_black, Some(vec![40, 50, 60, 0, 0, 0]));
    // A number beyond the palette must not read outside it.
    let beyond = png(C::Indexed, B::Eight, (1, 1), &[9], colours);
    let _ = decode(&beyond, &Limits::default());
}

#[test]
fn floats_of_a_tiff_are_as_shown_and_those_of_hdr_linear() {
    let grey = DynamicImage::ImageRgb32F(image::Rgb32FImage::from_pixel(
        8,
        8,
        image::Rgb([0.214_041_14, 0.5, 2.0]),
    ));
    let tiff = read(&encoded(&grey, ImageFormat::Tiff));
    assert_eq!(tiff.rgb[..3], [55, 128, 255]);
    let hdr = read(&encoded(&grey, ImageFormat::Hdr));
    assert_eq!(hdr.format, Format::Hdr);
    for (got, expected) in hdr.rgb.iter().zip([128_u8, 188, 255]) {
        // Three samples share an exponent: the small ones are coarse.
        assert!(got.abs_diff(expected) <= 5, "{got} is not about {expected}");
    }
}

#[test]
fn a_pnm_of_an_odd_maximum_is_scaled() {
    assert_eq!(
        read(b"P5 2 1 15\n\x05\x0f").rgb,
        [85, 85, 85, 255, 255, 255]
    );
    assert_eq!(read(b"P1\n2 1\n1 0\n").rgb, [0, 0, 0, 255, 255, 255]);
    assert_eq!(read(b"P3 1 1 255 7 8 9\n").rgb, [7, 8, 9]);
}

/// A classic little-endian TIFF of one strip.
fn tiff(entries: &[(u16, u16, u32, u32)], tail: &[u8]) -> Vec<u8> {
    let mut bytes = b"II\x2a\0\x08\0\0\0".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for &(tag, kind, count, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(tail);
    bytes
}

#[test]
fn a_tiff_of_ink_is_turned_into_light() {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let bits = 8 + 2 + 9 * 12 + 4;
    let bytes = tiff(
        &[
            (256, LONG, 1, 2),
            (257, LONG, 1, 1),
            (258, SHORT, 4, bits),
            (259, SHORT, 1, 1),
            (262, SHORT, 1, 5),
            (273, LONG, 1, bits + 8),
            (277, SHORT, 1, 4),
            (278, LONG, 1, 1),
            (279, LONG, 1, 8),
        ],
        &[8, 0, 8, 0, 8, 0, 8, 0, 0, 255, 100, 0, 10, 10, 10, 128],
    );
    let light = |ink: u32, black: u32| (((255 - ink) * (255 - black) + 127) / 255) as u8;
    let ten = light(10, 128);
    assert_eq!(read(&bytes).rgb, [255, 0, light(100, 0), ten, ten, ten]);
}

#[test]
fn a_tiff_of_a_palette_is_looked_up() {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    for bits in [1_u16, 2, 4, 8] {
        let colours = 1_u32 << bits;
        let map = 8 + 2 + 10 * 12 + 4;
        let mut tail = Vec::new();
        for plane in [7_u16, 80, 200] {
            for at in 0..colours {
                let value = if at == colours - 1 {
                    plane << 8
                } else {
                    0x0100
                };
                tail.extend(value.to_le_bytes());
            }
        }
        // Two pixels in a row, the first of the last colour, the second of the first.
        let row: &[u8] = if bits == 8 {
            &[255, 0]
        } else {
            &[!(0xff >> bits)]
        };
        tail.extend(row);
        let bytes = tiff(
            &[
                (256, LONG, 1, 2),
                (257, LONG, 1, 1),
                (258, SHORT, 1, u32::from(bits)),
                (259, SHORT, 1, 1),
                (262, SHORT, 1, 3),
                (273, LONG, 1, map + 6 * colours),
                (277, SHORT, 1, 1),
                (278, LONG, 1, 1),
                (279, LONG, 1, row.len() as u32),
                (320, SHORT, 3 * colours, map),
            ],
            &tail,
        );
        assert_eq!(read(&bytes).rgb, [7, 80, 200, 1, 1, 1], "{bits} bit");
    }
}

#[test]
fn a_jpeg_is_close_to_what_it_was_made_from() {
    let picture = scene(64, 48);
    let bytes = encoded(&DynamicImage::ImageRgb8(picture.clone()), ImageFormat::Jpeg);
    let got = read(&bytes);
    assert_eq!((got.format, got.width, got.height), (Format::Jpeg, 64, 48));
    let error: u64 = got
        .rgb
        .iter()
        .zip(picture.as_raw())
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    assert!(error / (64 * 48 * 3) < 24, "{error}");
    let grey = DynamicImage::ImageLuma8(DynamicImage::ImageRgb8(picture).to_luma8());
    let got = read(&encoded(&grey, ImageFormat::Jpeg));
    assert!(got.rgb.chunks(3).all(|pixel| pixel == [pixel[0]; 3]));
}

#[test]
fn exif_turns_jpeg_png_webp_and_tiff() {
    let exif = |value: u8| {
        let mut block = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        block.extend([value, 0, 0, 0, 0, 0, 0]);
        block
    };
    let picture = DynamicImage::ImageRgb8(scene(20, 12));
    for value in 1..=8 {
        let mut jpeg = encoded(&picture, ImageFormat::Jpeg);
        let block = [b"Exif\0\0".as_slice(), &exif(value)].concat();
        let mut segment = vec![0xff, 0xe1];
        segment.extend((block.len() as u16 + 2).to_be_bytes());
        segment.extend(block);
        jpeg.splice(2..2, segment);

        let raw = scene(20, 12).into_raw();
        let png = png(
            ::png::ColorType::Rgb,
            ::png::BitDepth::Eight,
            (20, 12),
            &raw,
            |_| (),
        );
        let mut early = png.clone();
        early.splice(33..33, chunk(b"eXIf", &exif(value)));
        let mut late = png;
        let end = late.len() - 12;
        late.splice(end..end, chunk(b"eXIf", &exif(value)));

        let mut webp = Vec::new();
        let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif(value)).unwrap();
        encoder
            .encode(&raw, 20, 12, image::ExtendedColorType::Rgb8)
            .unwrap();

        let mut tiff = encoded(&picture, ImageFormat::Tiff);
        retag(&mut tiff, value);

        for (kind, bytes) in [
            ("JPEG", jpeg),
            ("PNG", early),
            ("PNG, late", late),
            ("WebP", webp),
            ("TIFF", tiff),
        ] {
            let got = read(&bytes);
            assert_eq!(got.orientation.exif(), u16::from(value), "{kind}");
            assert_eq!((got.width, got.height), (20, 12), "{kind}: as stored");
            let shown = got.displayed().map(|(width, height, _)| (width, height));
            let expected = match value {
                1 => None,
                2..=4 => Some((20, 12)),
                _ => Some((12, 20)),
            };
            assert_eq!(shown, expected, "{kind} {value}");
        }
    }
}

/// A chunk of a PNG with its checksum.
fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for &byte in kind.iter().chain(body) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    [
        &(body.len() as u32).to_be_bytes(),
        &kind[..],
        body,
        &(!crc).to_be_bytes(),
    ]
    .concat()
}

/// Turns an unneeded entry of a little-endian TIFF (the software's name or the resolution unit)
/// into an orientation.
fn retag(tiff: &mut [u8], value: u8) {
    let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let count = usize::from(u16::from_le_bytes(
        tiff[directory..directory + 2].try_into().unwrap(),
    ));
    let entry = (0..count)
        .map(|at| directory + 2 + at * 12)
        .find(|&at| tiff[at..at + 2] == 296_u16.to_le_bytes())
        .unwrap();
    tiff[entry..entry + 12].copy_from_slice(&[0x12, 1, 3, 0, 1, 0, 0, 0, value, 0, 0, 0]);
}

#[test]
fn animations_are_composed_and_their_frames_counted() {
    let bytes = gif(5);
    let (pictures, count) = frames(&bytes, &Limits::default());
    assert!(count.is_ok_and(|count| count.visited == 5 && !count.left_out));
    for (at, picture) in (0_u8..).zip(&pictures) {
        assert_eq!(picture.frame, u32::from(at));
        assert_eq!(picture.rgb[..3], [at * 40, 200, 30]);
    }
    assert_eq!(pictures[0], read(&bytes));
    let three = Limits {
        max_frames: 3,
        ..Limits::default()
    };
    let (pictures, count) = frames(&bytes, &three);
    assert_eq!(pictures.len(), 3);
    assert!(count.is_ok_and(|count| count.visited == 3 && count.left_out));
    let mut seen = 0;
    let count = decode_frames(&bytes, &Limits::default(), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert!(count.is_ok_and(|count| count.visited == 1 && count.left_out));
    assert_eq!(seen, 1);
}

#[test]
fn a_still_image_beside_an_animation_is_given_too() {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 1, 1);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Sixteen);
    encoder.set_animated(2, 0).unwrap();
    encoder.set_sep_def_img(true).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for value in [1, 2, 3] {
        writer.write_image_data(&[value; 6]).unwrap();
    }
    writer.finish().unwrap();
    let (pictures, count) = frames(&bytes, &Limits::default());
    assert_eq!(count.map(|count| count.visited), Ok(3));
    let shown: Vec<_> = pictures
        .iter()
        .map(|picture| (picture.frame, picture.rgb[0]))
        .collect();
    // Browsers show the animation.
    assert_eq!(shown, [(0, 2), (1, 1), (2, 3)]);
}

#[test]
fn an_apng_is_composed_by_its_operations() {
    use ::png::{BlendOp, ColorType, DisposeOp};
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(ColorType::Rgba);
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.set_dispose_op(DisposeOp::None).unwrap();
    writer
        .write_image_data(&[10, 20, 30, 255, 40, 50, 60, 255])
        .unwrap();
    // One pixel at the right, half seen, undone afterwards.
    writer.set_frame_dimension(1, 1).unwrap();
    writer.set_frame_position(1, 0).unwrap();
    writer.set_blend_op(BlendOp::Over).unwrap();
    writer.set_dispose_op(DisposeOp::Previous).unwrap();
    writer.write_image_data(&[255, 255, 255, 128]).unwrap();
    // One at the left, put in place of what was there.
    writer.set_frame_position(0, 0).unwrap();
    writer.set_blend_op(BlendOp::Source).unwrap();
    writer.write_image_data(&[0, 0, 0, 0]).unwrap();
    writer.finish().unwrap();

    let (pictures, count) = frames(&bytes, &Limits::default());
    assert_eq!(count.map(|count| count.visited), Ok(3));
    assert_eq!(pictures[0].rgb, [10, 20, 30, 40, 50, 60]);
    assert_eq!(pictures[1].rgb, [10, 20, 30, 148, 153, 158]);
    assert_eq!(pictures[1].over_black, None);
    assert_eq!(pictures[2].rgb, [255, 255, 255, 40, 50, 60]);
    assert_eq!(pictures[2].over_black, Some(vec![0, 0, 0, 40, 50, 60]));
}

#[test]
fn an_icon_gives_all_its_sizes_the_largest_first() {
    let small = encoded(
        &DynamicImage::ImageRgba8(see_through(16, 16)),
        ImageFormat::Png,
    );
    let large = encoded(&DynamicImage::ImageRgb8(scene(48, 48)), ImageFormat::Png);
    let mut bytes = vec![0, 0, 1, 0, 2, 0];
    let mut offset = 6 + 2 * 16;
    for (side, data) in [(16, &small), (48, &large)] {
        bytes.extend([side, side, 0, 0, 1, 0, 32, 0]);
        bytes.extend((data.len() as u32).to_le_bytes());
        bytes.extend((offset as u32).to_le_bytes());
        offset += data.len();
    }
    bytes.extend(small);
    bytes.extend(large);
    let (pictures, _) = frames(&bytes, &Limits::default());
    let sides: Vec<_> = pictures.iter().map(|p| (p.frame, p.width)).collect();
    assert_eq!(sides, [(0, 48), (1, 16)]);
    assert!(pictures.iter().all(|picture| picture.format == Format::Ico));
    assert_eq!(pictures[0].rgb, scene(48, 48).into_raw());
}
