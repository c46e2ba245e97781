//! Each limit, each way to cut or to bend a file, and bytes of no sense.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::super::*;
use super::{chunk, encoded, frames, gif, png, read, scene, see_through};

#[test]
fn limits_hold_before_the_pixels_are_read() {
    use ::png::{BitDepth as B, ColorType as C};
    let small = Limits {
        max_side: 64,
        ..Limits::default()
    };
    let made = |width: u32, height: u32| {
        let row = vec![0; width.div_ceil(8) as usize * height as usize];
        png(C::Grayscale, B::One, (width, height), &row, |_| ())
    };
    assert!(decode(&made(64, 64), &small).is_ok());
    let too_large = |bytes: &[u8], limits: &Limits| match decode(bytes, limits) {
        Err(MediaError::TooLarge { what, got, limit }) => (what, got, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(too_large(&made(65, 1), &small), (Quantity::Side, 65, 64));
    assert_eq!(too_large(&made(1, 65), &small), (Quantity::Side, 65, 64));
    let default = Limits::default();
    assert_eq!(
        too_large(&made(default.max_side + 1, 1), &default),
        (Quantity::Side, 16_385, 16_384)
    );
    let few = Limits {
        max_pixels: 99,
        ..Limits::default()
    };
    assert_eq!(too_large(&made(10, 10), &few), (Quantity::Pixels, 100, 99));
    let tight = Limits {
        max_decoder_bytes: 399,
        ..Limits::default()
    };
    // One byte a pixel of grey and three of colour.
    assert_eq!(
        too_large(&made(10, 10), &tight),
        (Quantity::DecoderBytes, 400, 399)
    );
    let bytes = made(10, 10);
    let short = Limits {
        max_file_bytes: bytes.len() as u64 - 1,
        ..Limits::default()
    };
    assert_eq!(too_large(&bytes, &short).0, Quantity::FileBytes);
}

#[test]
fn each_format_obeys_the_limits() {
    let picture = DynamicImage::ImageRgb8(scene(40, 30));
    let limits = Limits {
        max_pixels: 40 * 30 - 1,
        ..Limits::default()
    };
    let mut files: Vec<_> = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::WebP,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Pnm,
        ImageFormat::Qoi,
    ]
    .map(|format| encoded(&picture, format))
    .into();
    files.push(encoded(
        &DynamicImage::ImageRgba8(picture.to_rgba8()),
        ImageFormat::Ico,
    ));
    files.push(gif(1));
    for bytes in files {
        let kind = sniff(&bytes);
        let result = decode(&bytes, &limits);
        assert!(
            matches!(result, Err(MediaError::TooLarge { .. })),
            "{kind:?}: {result:?}"
        );
    }
}

#[test]
fn nothing_is_not_a_picture() {
    let limits = Limits::default();
    assert!(matches!(
        decode(b"", &limits),
        Err(MediaError::Undecodable { format: None, .. })
    ));
    for bytes in [
        &b"\xff\xd8"[..],
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"BM",
        b"II\x2a\0",
    ] {
        let result = decode(bytes, &limits);
        assert!(
            matches!(result, Err(MediaError::Undecodable { .. })),
            "{bytes:?}: {result:?}"
        );
    }
    assert!(matches!(
        decode(b"words", &limits),
        Err(MediaError::Unsupported { .. })
    ));
}

/// A file of each kind, with a name.
fn samples() -> &'static [(&'static str, Vec<u8>)] {
    static SAMPLES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(make_samples);
    &SAMPLES
}

fn make_samples() -> Vec<(&'static str, Vec<u8>)> {
    let rgb = DynamicImage::ImageRgb8(scene(90, 70));
    let rgba = DynamicImage::ImageRgba8(see_through(90, 70));
    vec![
        ("JPEG", encoded(&rgb, ImageFormat::Jpeg)),
        (
            "grey JPEG",
            encoded(&DynamicImage::ImageLuma8(rgb.to_luma8()), ImageFormat::Jpeg),
        ),
        ("PNG", encoded(&rgb, ImageFormat::Png)),
        ("PNG with alpha", encoded(&rgba, ImageFormat::Png)),
        ("GIF", gif(1)),
        ("GIF of frames", gif(4)),
        ("WebP", encoded(&rgb, ImageFormat::WebP)),
        ("WebP with alpha", encoded(&rgba, ImageFormat::WebP)),
        ("BMP", encoded(&rgb, ImageFormat::Bmp)),
        ("TIFF", encoded(&rgb, ImageFormat::Tiff)),
        ("ICO", encoded(&rgba, ImageFormat::Ico)),
        ("TGA", targa(&rgb)),
        ("PSD", photoshop(&rgb)),
        ("ICNS", apple_icon(&encoded(&rgba, ImageFormat::Png))),
        ("PNM", encoded(&rgb, ImageFormat::Pnm)),
        ("QOI", encoded(&rgb, ImageFormat::Qoi)),
        (
            "HDR",
            encoded(
                &DynamicImage::ImageRgb32F(rgb.to_rgb32f()),
                ImageFormat::Hdr,
            ),
        ),
        (
            "Farbfeld",
            encoded(
                &DynamicImage::ImageRgba16(rgba.to_rgba16()),
                ImageFormat::Farbfeld,
            ),
        ),
    ]
}

/// True colours from the top, with no footer.
fn targa(picture: &DynamicImage) -> Vec<u8> {
    let (width, height) = (picture.width() as u8, picture.height() as u8);
    let mut bytes = vec![
        0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, width, 0, height, 0, 24, 0x20,
    ];
    let pixels = picture.to_rgb8();
    bytes.extend(pixels.pixels().flat_map(|pixel| {
        let [red, green, blue] = pixel.0;
        [blue, green, red]
    }));
    bytes
}

/// Three channels, not packed.
fn photoshop(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = b"8BPS\0\x01\0\0\0\0\0\0\0\x03".to_vec();
    bytes.extend(
        [picture.height(), picture.width()]
            .map(u32::to_be_bytes)
            .concat(),
    );
    bytes.extend([0, 8, 0, 3]);
    // No palette, no resources, no layers; then how it is packed.
    bytes.extend([0; 14]);
    let pixels = picture.to_rgb8();
    for channel in 0..3 {
        bytes.extend(pixels.pixels().map(|pixel| pixel.0[channel]));
    }
    bytes
}

/// One entry, a PNG.
fn apple_icon(png: &[u8]) -> Vec<u8> {
    let length = |data: usize| ((data + 8) as u32).to_be_bytes();
    let entry = [b"ic07", &length(png.len())[..], png].concat();
    [b"icns", &length(entry.len())[..], &entry].concat()
}

#[test]
fn a_cut_file_never_reads_as_another_picture() {
    let limits = Limits::default();
    for (kind, bytes) in samples() {
        let (whole, _) = frames(bytes, &limits);
        let mut refused = 0;
        for step in 1..50 {
            let cut = &bytes[..bytes.len() * step / 50];
            match decode(cut, &limits) {
                Ok(picture) => assert_eq!(picture, whole[0], "{kind} cut at {step}/50"),
                Err(_) => refused += 1,
            }
            let (pictures, result) = frames(cut, &limits);
            assert!(pictures.len() <= whole.len());
            assert_eq!(pictures, whole[..pictures.len()], "{kind} cut at {step}/50");
            assert!(
                result.is_err() || pictures.len() == whole.len(),
                "{kind} cut at {step}/50 says that it is whole"
            );
        }
        assert!(
            refused >= 10,
            "{kind}: only {refused} of 49 cuts were refused"
        );
    }
}

#[test]
fn a_jpeg_that_is_cut_and_closed_again_is_refused() {
    let bytes = encoded(&DynamicImage::ImageRgb8(scene(90, 70)), ImageFormat::Jpeg);
    let start = bytes
        .windows(2)
        .position(|pair| pair == [0xff, 0xda])
        .unwrap()
        + 14;
    for keep in [start, start + 40, bytes.len() - 30, bytes.len() - 6] {
        let mut cut = bytes[..keep].to_vec();
        cut.extend([0xff, 0xd9]);
        let result = decode(&cut, &Limits::default());
        assert!(
            matches!(result, Err(MediaError::Undecodable { .. })),
            "{keep}: {result:?}"
        );
    }
}

#[test]
fn what_is_merely_odd_is_decoded() {
    let rgb = DynamicImage::ImageRgb8(scene(40, 30));
    let jpeg = encoded(&rgb, ImageFormat::Jpeg);
    let whole = read(&jpeg);
    let behind = [jpeg.as_slice(), b"anything", &jpeg].concat();
    assert_eq!(read(&behind), whole, "data behind the end");
    assert_eq!(read(&jpeg[..jpeg.len() - 2]), whole, "no end marker");
    let mut segment = jpeg.clone();
    segment.splice(2..2, *b"\xff\xef\0\x06abcd\xff\xff\xff\xee\0\x08Adobe\0");
    assert_eq!(read(&segment), whole, "odd segments");

    // Rows of a few bits each: a decoder that reads ahead has met the end long before the last.
    let plain = DynamicImage::ImageLuma8(image::GrayImage::from_fn(8, 800, |_, y| {
        image::Luma([if y < 760 { 200 } else { 20 }])
    }));
    let narrow = encoded(&plain, ImageFormat::Jpeg);
    let whole = read(&narrow);
    assert!(
        whole
            .rgb
            .iter()
            .rev()
            .take(24 * 30)
            .all(|&value| value < 40)
    );
    let open = &narrow[..narrow.len() - 2];
    assert_eq!(read(open), whole, "no end marker behind short rows");
    let comment = [open, b"\xff\xfe\0\x04hi\xff\xd9"].concat();
    assert_eq!(read(&comment), whole, "a comment behind short rows");

    let open = gif(3);
    let (whole, _) = frames(&open, &Limits::default());
    let (pictures, count) = frames(&open[..open.len() - 1], &Limits::default());
    assert_eq!(pictures, whole, "a GIF without its trailer");
    assert!(count.is_ok_and(|count| !count.left_out));

    let png = encoded(&rgb, ImageFormat::Png);
    let whole = read(&png);
    assert_eq!(read(&[png.as_slice(), b"behind"].concat()), whole);
    let mut ancillary = png.clone();
    let mut text = chunk(b"tEXt", b"Comment\0hello");
    let last = text.len() - 1;
    text[last] ^= 1;
    ancillary.splice(33..33, text);
    assert_eq!(read(&ancillary), whole, "a wrong checksum of a comment");

    for (kind, bytes) in samples() {
        let more = [bytes.as_slice(), &[0xa5; 37]].concat();
        assert_eq!(read(&more), read(bytes), "{kind} with data behind it");
    }
}

/// Small enough that no case takes long, whatever it says of itself.
fn cheap() -> Limits {
    Limits {
        max_pixels: 100_000,
        max_decoder_bytes: 8 << 20,
        max_frames: 8,
        ..Limits::default()
    }
}

const MARKS: [&[u8]; 18] = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\x40\0\0\0WEBPVP8 ",
    b"RIFF\x40\0\0\0WEBPVP8L",
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"BM",
    b"II\x2a\0\x08\0\0\0",
    b"MM\0\x2a",
    b"\0\0\x01\0\x01\0",
    b"P6 9 9 255\n",
    b"qoif",
    b"#?RADIANCE\n",
    b"DDS ",
    b"\0\0\x02\0\0\0\0\0\0\0\0\0\x04\0\x04\0\x18\x20",
    b"\0\x01\x09\0\0\x02\0\x18\0\0\0\0\x04\0\x04\0\x08\0",
    b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x04\0\0\0\x04\0\x08\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
    b"icns\0\0\x01\0il32\0\0\0\xf0",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_it_panic(
        mark in proptest::sample::select(&MARKS[..]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let bytes = [mark, &rest].concat();
        let (pictures, result) = frames(&bytes, &cheap());
        for picture in pictures {
            prop_assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize);
        }
        prop_assert_eq!(decode(&rest, &cheap()).is_ok(), decode_frames(&rest, &cheap(), &mut |_| ControlFlow::Break(())).is_ok());
        if let Ok(count) = result {
            prop_assert!(count.visited > 0);
        }
    }

    #[test]
    fn no_damage_makes_it_panic(
        which in 0..samples().len(),
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = samples()[which].1.clone();
        for (at, value) in hits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let (pictures, _) = frames(&bytes, &cheap());
        for picture in pictures {
            prop_assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize);
        }
    }
}
