//! WebPs, still and animated, and what Chromium shows of them. The lossy pictures are files beside this one: no encoder
//! for them is at hand.

use image::ExtendedColorType;
use image::codecs::webp::WebPEncoder;

use crate::content::{Content, TURNED};
use crate::matrix::{Structure, hold};
use crate::shown::Shower;

const LOSSY: &[u8] = include_bytes!("lossy.webp");
const LOSSY_ALPHA: &[u8] = include_bytes!("lossy-alpha.webp");
/// The sides of both.
const SIDES: (usize, usize) = (160, 118);

/// The chunk of that kind in a file, with its head and filling.
fn part(file: &[u8], kind: &[u8; 4]) -> Vec<u8> {
    let mut rest = &file[12..];
    loop {
        let length = u32::from_le_bytes(rest[4..8].try_into().expect("four")) as usize;
        if rest.starts_with(kind) {
            return chunk(kind, &rest[8..8 + length]);
        }
        rest = &rest[8 + length.next_multiple_of(2)..];
    }
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let filling = &[0][..body.len() % 2];
    [&kind[..], &length, body, filling].concat()
}

fn webp(name: &str, chunks: &[&[u8]]) -> Structure {
    let body = chunks.concat();
    let length = (body.len() as u32 + 4).to_le_bytes();
    let bytes = [&b"RIFF"[..], &length, b"WEBP", &body].concat();
    Structure::seen(format!("webp {name}"), "image/webp", bytes)
}

fn lossless(content: &Content, alpha: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut out);
    let (width, height) = (content.width as u32, content.height as u32);
    let written = if alpha {
        let pixels = content.rgb().chunks(3).enumerate();
        let rgba: Vec<u8> = pixels
            .flat_map(|(at, rgb)| [rgb, &[(at % content.width + 60).min(255) as u8]].concat())
            .collect();
        encoder.encode(&rgba, width, height, ExtendedColorType::Rgba8)
    } else {
        encoder.encode(content.rgb(), width, height, ExtendedColorType::Rgb8)
    };
    written.expect("in memory");
    part(&out, b"VP8L")
}

fn three(value: usize) -> Vec<u8> {
    (value as u32).to_le_bytes()[..3].to_vec()
}

const ANIMATED: u8 = 2;
const EXIF: u8 = 8;
const ALPHA: u8 = 16;

fn extended(flags: u8, (width, height): (usize, usize)) -> Vec<u8> {
    let body = [&[flags, 0, 0, 0][..], &three(width - 1), &three(height - 1)].concat();
    chunk(b"VP8X", &body)
}

fn frame(
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    flags: u8,
    body: &[u8],
) -> Vec<u8> {
    let head = [x / 2, y / 2, width - 1, height - 1, 100]
        .map(three)
        .concat();
    chunk(b"ANMF", &[&head[..], &[flags], body].concat())
}

#[test]
fn still_pictures_are_as_shown() {
    let content = Content::sized(1, SIDES.0, SIDES.1);
    let lossy = part(LOSSY, b"VP8 ");
    let (veiled, alpha) = (part(LOSSY_ALPHA, b"VP8 "), part(LOSSY_ALPHA, b"ALPH"));
    let (solid, clear) = (lossless(&content, false), lossless(&content, true));
    let slope: Vec<u8> = (0..SIDES.0 * SIDES.1)
        .map(|at| (at % SIDES.0 + 60).min(255) as u8)
        .collect();
    let raw = chunk(b"ALPH", &[&[0], &slope[..]].concat());
    let exif = chunk(b"EXIF", TURNED);
    let odd = chunk(b"ABCD", b"abc");
    let plain = extended(0, SIDES);
    let mut all = vec![
        webp("lossy", &[&lossy]),
        webp("lossless", &[&solid]),
        webp("lossless with alpha", &[&clear]),
        webp(
            "lossy with alpha",
            &[&extended(ALPHA, SIDES), &alpha, &veiled],
        ),
        webp(
            "lossy with alpha as it is",
            &[&extended(ALPHA, SIDES), &raw, &veiled],
        ),
        webp("lossy, extended", &[&plain, &lossy]),
        webp("lossless, extended", &[&plain, &solid]),
        webp(
            "lossless with alpha that is said",
            &[&extended(ALPHA, SIDES), &clear],
        ),
        webp(
            "lossy with alpha that is not said",
            &[&plain, &alpha, &veiled],
        ),
        webp(
            "lossy without the alpha that is said",
            &[&extended(ALPHA, SIDES), &lossy],
        ),
        webp("EXIF behind", &[&extended(EXIF, SIDES), &lossy, &exif]),
        webp("EXIF before", &[&extended(EXIF, SIDES), &exif, &lossy]),
        webp("EXIF that is not said", &[&plain, &lossy, &exif]),
        webp(
            "XMP before",
            &[&extended(4, SIDES), &chunk(b"XMP ", b"<x/>"), &lossy],
        ),
        webp("a chunk of nobody before", &[&plain, &odd, &lossy]),
        webp("a chunk of nobody behind", &[&lossy, &odd]),
    ];
    let mut behind = webp("bytes behind", &[&lossy]);
    behind.file.bytes.extend([7; 99]);
    all.push(behind);
    hold(Shower::Chromium, &all);
}

#[test]
fn animations_are_as_shown() {
    let content = Content::sized(1, SIDES.0, SIDES.1);
    let small = Content::sized(2, 60, 40);
    let lossy = part(LOSSY, b"VP8 ");
    let veiled = [part(LOSSY_ALPHA, b"ALPH"), part(LOSSY_ALPHA, b"VP8 ")].concat();
    let (solid, clear) = (lossless(&content, false), lossless(&content, true));
    let patch = frame((20, 10), (60, 40), 0, &lossless(&small, false));
    let loops = |colour: [u8; 4]| chunk(b"ANIM", &[&colour[..], &[0, 0]].concat());
    let large = (SIDES.0 + 60, SIDES.1 + 40);
    let whole = |flags, body: &[u8]| frame((0, 0), SIDES, flags, body);
    let start = |flags, sides| [extended(ANIMATED | flags, sides), loops([0; 4])].concat();
    let usual = start(0, SIDES);
    let through = start(ALPHA, SIDES);
    let odd = chunk(b"ABCD", b"abc");
    let red = [extended(ANIMATED | ALPHA, SIDES), loops([0, 0, 255, 255])].concat();
    let all = [
        webp(
            "two frames",
            &[&usual, &whole(0, &lossy), &whole(0, &solid)],
        ),
        webp("a patch", &[&usual, &whole(0, &lossy), &patch]),
        webp("a background", &[&red, &whole(0, &clear)]),
        webp(
            "a place",
            &[&start(ALPHA, large), &frame((20, 10), SIDES, 0, &lossy)],
        ),
        webp(
            "a place without alpha",
            &[&start(0, large), &frame((40, 30), SIDES, 0, &lossy)],
        ),
        webp(
            "frames with alpha",
            &[&through, &whole(0, &veiled), &whole(0, &clear)],
        ),
        webp("no blending", &[&through, &whole(2, &clear), &patch]),
        webp("taken off", &[&through, &whole(1, &clear), &patch]),
        webp(
            "no blending, taken off",
            &[&through, &whole(3, &veiled), &patch],
        ),
        webp(
            "a chunk of nobody in a frame",
            &[&usual, &whole(0, &[&lossy[..], &odd].concat())],
        ),
        webp(
            "chunks of nobody between",
            &[&usual, &odd, &whole(0, &lossy), &odd, &whole(0, &solid)],
        ),
        webp(
            "EXIF",
            &[
                &start(EXIF, SIDES),
                &whole(0, &lossy),
                &chunk(b"EXIF", TURNED),
            ],
        ),
    ];
    hold(Shower::Chromium, &all);
}
