//! PNGs and APNGs of every structure, and what Chromium shows of them.

use std::io::Write;

use flate2::{Compression, Crc, write::ZlibEncoder};

use crate::common::test_data;
use crate::content::{Content, TURNED, files, palette};
use crate::matrix::{Right, Structure, hold};
use crate::shown::Shower;

const MARK: &[u8] = b"\x89PNG\r\n\x1a\n";

pub(crate) fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(body);
    let length = (body.len() as u32).to_be_bytes();
    [&length, &name[..], body, &crc.sum().to_be_bytes()].concat()
}

/// The same with a checksum that is wrong.
fn wrong(mut chunk: Vec<u8>) -> Vec<u8> {
    let last = chunk.len() - 1;
    chunk[last] ^= 1;
    chunk
}

pub(crate) fn packed(rows: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(rows).expect("in memory");
    encoder.finish().expect("in memory")
}

fn header(content: &Content, colour: u8, bits: u8, interlaced: bool) -> Vec<u8> {
    let mut body = (content.width as u32).to_be_bytes().to_vec();
    body.extend((content.height as u32).to_be_bytes());
    body.extend([bits, colour, 0, 0, u8::from(interlaced)]);
    chunk(b"IHDR", &body)
}

/// The samples of a pixel, each as a number of 16 bits of which the upper count.
type Pixel<'a> = &'a dyn Fn(usize, usize) -> Vec<u16>;

/// Rows with their filter bytes, in seven passes or in one.
fn rows(width: usize, height: usize, bits: u8, interlaced: bool, pixel: Pixel<'_>) -> Vec<u8> {
    let seven = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let passes = if interlaced {
        &seven[..]
    } else {
        &[(0, 0, 1, 1)]
    };
    let mut out = Vec::new();
    for &(left, top, across, down) in passes {
        for y in (top..height).step_by(down) {
            let (mut byte, mut count) = (0_u8, 0);
            let mut row = vec![0];
            for sample in (left..width).step_by(across).flat_map(|x| pixel(x, y)) {
                match bits {
                    16 => row.extend(sample.to_be_bytes()),
                    8 => row.push((sample >> 8) as u8),
                    bits => {
                        byte = byte << bits | (sample >> (16 - bits)) as u8;
                        count += bits;
                        if count == 8 {
                            row.push(byte);
                            (byte, count) = (0, 0);
                        }
                    }
                }
            }
            if count > 0 {
                row.push(byte << (8 - count));
            }
            if row.len() > 1 {
                out.extend(row);
            }
        }
    }
    out
}

fn wide(samples: &[u8]) -> Vec<u16> {
    samples
        .iter()
        .map(|&sample| u16::from(sample) * 257)
        .collect()
}

fn png(name: &str, chunks: &[&[u8]]) -> Structure {
    Structure::seen(
        format!("png {name}"),
        "image/png",
        [&[MARK], chunks].concat().concat(),
    )
}

/// A whole file of eight bits a sample.
pub(crate) fn plain(content: &Content) -> Vec<u8> {
    let rgb = rows(content.width, content.height, 8, false, &|x, y| {
        wide(&content.at(x, y))
    });
    [
        MARK,
        &header(content, 2, 8, false),
        &chunk(b"IDAT", &packed(&rgb)),
        &chunk(b"IEND", b""),
    ]
    .concat()
}

#[test]
fn colour_types_depths_and_transparency_are_as_shown() {
    let content = Content::of(1);
    let (width, height) = (content.width, content.height);
    let end = chunk(b"IEND", b"");
    let mut all = Vec::new();
    for interlaced in [false, true] {
        let how = if interlaced { "interlaced" } else { "plain" };
        let mut add = |name: String, colour, bits, before: &[Vec<u8>], pixel: Pixel<'_>| {
            let pixels = packed(&rows(width, height, bits, interlaced, pixel));
            let pixels = chunk(b"IDAT", &pixels);
            let header = header(&content, colour, bits, interlaced);
            let before = before.concat();
            all.push(png(
                &format!("{name}, {how}"),
                &[&header, &before, &pixels, &end],
            ));
        };
        for bits in [1, 2, 4, 8, 16_u8] {
            let grey = |x: usize, y: usize| wide(&[content.grey(x, y)]);
            add(format!("grey of {bits}"), 0, bits, &[], &grey);
            let clear = chunk(b"tRNS", &[0, if bits == 16 { 0 } else { 1 }]);
            add(
                format!("grey of {bits} with a clear one"),
                0,
                bits,
                &[clear],
                &grey,
            );
            if bits <= 8 {
                let depth = u32::from(bits);
                let number = |x: usize, y: usize| {
                    vec![u16::from(content.number(depth, x, y)) << (16 - depth)]
                };
                let colours = chunk(b"PLTE", &palette(depth).concat());
                add(
                    format!("palette of {bits}"),
                    3,
                    bits,
                    std::slice::from_ref(&colours),
                    &number,
                );
                let clear = chunk(b"tRNS", &[128, 200]);
                add(
                    format!("palette of {bits} with clear ones"),
                    3,
                    bits,
                    &[colours, clear],
                    &number,
                );
            }
        }
        for bits in [8, 16] {
            let rgb = |x: usize, y: usize| wide(&content.at(x, y));
            add(format!("rgb of {bits}"), 2, bits, &[], &rgb);
            let one: Vec<u8> = content
                .at(5, 5)
                .iter()
                .flat_map(|&value| match bits {
                    8 => [0, value],
                    _ => [value, value],
                })
                .collect();
            add(
                format!("rgb of {bits} with a clear one"),
                2,
                bits,
                &[chunk(b"tRNS", &one)],
                &rgb,
            );
            let slope = |x: usize| (x + 60).min(255) as u8;
            add(
                format!("grey and alpha of {bits}"),
                4,
                bits,
                &[],
                &|x, y| wide(&[content.grey(x, y), slope(x)]),
            );
            add(format!("rgb and alpha of {bits}"), 6, bits, &[], &|x, y| {
                let [red, green, blue] = content.at(x, y);
                wide(&[red, green, blue, slope(x)])
            });
        }
    }
    hold(Shower::Chromium, &all);
}

#[test]
fn chunks_in_odd_order_and_number_are_as_shown() {
    let content = Content::of(2);
    let (width, height) = (content.width, content.height);
    let rgb = packed(&rows(width, height, 8, false, &|x, y| {
        wide(&content.at(x, y))
    }));
    let numbers = packed(&rows(width, height, 8, false, &|x, y| {
        vec![u16::from(content.number(8, x, y)) << 8]
    }));
    let header = |colour| header(&content, colour, 8, false);
    let (colour, indexed) = (header(2), header(3));
    let end = chunk(b"IEND", b"");
    let all_colours = palette(8).concat();
    let colours = chunk(b"PLTE", &all_colours);
    let pixels = chunk(b"IDAT", &rgb);
    let few = chunk(b"IDAT", &numbers);
    let split = |most: usize| -> Vec<u8> {
        rgb.chunks(most)
            .flat_map(|part| chunk(b"IDAT", part))
            .collect()
    };
    let text = chunk(b"tEXt", b"Comment\0hello");
    let bomb = chunk(
        b"zTXt",
        &[b"a\0\0", &packed(&vec![0; 20 << 20])[..]].concat(),
    );
    let clear = chunk(b"tRNS", &[0; 30]);
    let all = [
        png("plain", &[&colour, &pixels, &end]),
        png("no end", &[&colour, &pixels]),
        png(
            "no end, no checksum",
            &[&colour, &pixels[..pixels.len() - 4]],
        ),
        png(
            "no end, half a checksum",
            &[&colour, &pixels[..pixels.len() - 2]],
        ),
        png(
            "no end, no sum of its pixels",
            &[&colour, &pixels[..pixels.len() - 8]],
        ),
        png(
            "no sum of its pixels",
            &[&colour, &chunk(b"IDAT", &rgb[..rgb.len() - 4]), &end],
        ),
        png(
            "a wrong sum of its pixels",
            &[
                &colour,
                &chunk(b"IDAT", &[&rgb[..rgb.len() - 4], b"abcd"].concat()),
                &end,
            ],
        ),
        png(
            "a wrong checksum of its pixels",
            &[&colour, &wrong(pixels.clone()), &end],
        ),
        png(
            "a wrong checksum of its header",
            &[&wrong(colour.clone()), &pixels, &end],
        )
        .but(Right::Refused),
        png(
            "a wrong checksum of its palette",
            &[&indexed, &wrong(colours.clone()), &few, &end],
        )
        .but(Right::Refused),
        png(
            "a wrong checksum of its transparency",
            &[&indexed, &colours, &wrong(clear.clone()), &few, &end],
        ),
        png(
            "a wrong checksum of its end",
            &[&colour, &pixels, &wrong(end.clone())],
        ),
        png(
            "a wrong checksum of what nobody knows",
            &[&colour, &wrong(chunk(b"abCD", b"abc")), &pixels, &end],
        ),
        png("bytes behind", &[&colour, &pixels, &end, &[7; 99]]),
        png(
            "bytes behind its pixels",
            &[
                &colour,
                &chunk(b"IDAT", &[&rgb[..], &[7; 500]].concat()),
                &end,
            ],
        ),
        png(
            "an end with a body",
            &[&colour, &pixels, &chunk(b"IEND", b"abc")],
        ),
        png("pixels in parts of 100", &[&colour, &split(100), &end]),
        png("pixels in parts of 1", &[&colour, &split(1), &end]),
        png(
            "pixels in an empty part",
            &[
                &colour,
                &chunk(b"IDAT", b""),
                &split(900),
                &chunk(b"IDAT", b""),
                &end,
            ],
        ),
        png(
            "a short palette",
            &[&indexed, &chunk(b"PLTE", &all_colours[..300]), &few, &end],
        ),
        png(
            "a palette with half a colour",
            &[&indexed, &chunk(b"PLTE", &all_colours[..301]), &few, &end],
        ),
        png(
            "a palette that nobody needs",
            &[&colour, &colours, &pixels, &end],
        ),
        png(
            "transparency behind the pixels",
            &[&indexed, &colours, &few, &clear, &end],
        ),
        png(
            "transparency of too many",
            &[&indexed, &colours, &chunk(b"tRNS", &[200; 300]), &few, &end],
        ),
        png(
            "transparency of none",
            &[&indexed, &colours, &chunk(b"tRNS", b""), &few, &end],
        ),
        png(
            "transparency too short",
            &[&colour, &chunk(b"tRNS", &[0; 2]), &pixels, &end],
        ),
        png(
            "texts",
            &[&colour, &text.repeat(3000), &pixels, &text, &end],
        ),
        png(
            "a long text",
            &[&colour, &chunk(b"tEXt", &[b'a'; 2_000_000]), &pixels, &end],
        ),
        png("a text that expands", &[&colour, &bomb, &pixels, &end]),
        png(
            "significant bits",
            &[&colour, &chunk(b"sBIT", &[5, 6, 5]), &pixels, &end],
        ),
        png(
            "significant bits of none",
            &[&colour, &chunk(b"sBIT", &[0, 0, 0]), &pixels, &end],
        ),
        png(
            "a background",
            &[&colour, &chunk(b"bKGD", &[0, 9, 0, 9, 0, 9]), &pixels, &end],
        ),
        png(
            "odds and ends",
            &[
                &indexed,
                &colours,
                &chunk(b"hIST", &[0; 512]),
                &chunk(b"pHYs", &[0, 0, 0, 1, 0, 0, 0, 2, 0]),
                &chunk(b"tIME", &[7; 7]),
                &few,
                &end,
            ],
        ),
        png("EXIF", &[&colour, &chunk(b"eXIf", TURNED), &pixels, &end]),
        png(
            "EXIF behind the pixels",
            &[&colour, &pixels, &chunk(b"eXIf", TURNED), &end],
        ),
        png(
            "EXIF that is none",
            &[&colour, &chunk(b"eXIf", b"abc"), &pixels, &end],
        ),
        png(
            "EXIF with a wrong checksum",
            &[&colour, &wrong(chunk(b"eXIf", TURNED)), &pixels, &end],
        ),
        png(
            "a critical chunk of nobody",
            &[&colour, &chunk(b"ABCD", b"abc"), &pixels, &end],
        )
        .but(Right::Refused),
        png(
            "Apple's",
            &[&chunk(b"CgBI", b"P\0 \x02"), &colour, &pixels, &end],
        )
        .but(Right::Refused),
    ];
    hold(Shower::Chromium, &all);
}

fn control(
    number: u32,
    (width, height): (usize, usize),
    (x, y): (usize, usize),
    dispose: u8,
    blend: u8,
) -> Vec<u8> {
    let mut body = number.to_be_bytes().to_vec();
    for value in [width, height, x, y] {
        body.extend((value as u32).to_be_bytes());
    }
    body.extend([0, 1, 0, 10, dispose, blend]);
    chunk(b"fcTL", &body)
}

fn animated(frames: u32) -> Vec<u8> {
    chunk(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat())
}

fn later(number: u32, pixels: &[u8]) -> Vec<u8> {
    chunk(b"fdAT", &[&number.to_be_bytes(), pixels].concat())
}

#[test]
fn animations_are_as_shown() {
    let content = Content::of(1);
    let (width, height) = (content.width, content.height);
    let size = (width, height);
    let rgb = packed(&rows(width, height, 8, false, &|x, y| {
        wide(&content.at(x, y))
    }));
    let other = Content::of(2);
    let others = packed(&rows(width, height, 8, false, &|x, y| {
        wide(&other.at(x, y))
    }));
    let patch = packed(&rows(20, 10, 8, false, &|_, _| vec![u16::MAX, 0, 0]));
    let (header, end) = (header(&content, 2, 8, false), chunk(b"IEND", b""));
    let pixels = chunk(b"IDAT", &rgb);
    let first = |dispose, blend| control(0, size, (0, 0), dispose, blend);
    let second = |place| [control(1, (20, 10), place, 0, 0), later(2, &patch)].concat();
    let mut all = vec![
        png(
            "two frames",
            &[
                &header,
                &animated(2),
                &first(0, 0),
                &pixels,
                &second((5, 5)),
                &end,
            ],
        ),
        png(
            "a still one beside",
            &[
                &header,
                &animated(1),
                &chunk(b"IDAT", &others),
                &first(0, 0),
                &later(1, &rgb),
                &end,
            ],
        ),
        png(
            "five of two frames",
            &[
                &header,
                &animated(5),
                &first(0, 0),
                &pixels,
                &second((5, 5)),
                &end,
            ],
        ),
        png(
            "one of two frames",
            &[
                &header,
                &animated(1),
                &first(0, 0),
                &pixels,
                &second((5, 5)),
                &end,
            ],
        ),
        png(
            "animated too late",
            &[
                &header,
                &first(0, 0),
                &pixels,
                &animated(2),
                &second((5, 5)),
                &end,
            ],
        ),
        png(
            "not animated",
            &[&header, &first(0, 0), &pixels, &second((5, 5)), &end],
        ),
        png(
            "controlled too early",
            &[
                &header,
                &first(0, 0),
                &animated(2),
                &pixels,
                &second((5, 5)),
                &end,
            ],
        ),
        png(
            "a frame beyond",
            &[
                &header,
                &animated(2),
                &first(0, 0),
                &pixels,
                &second((width - 9, 5)),
                &end,
            ],
        ),
        png(
            "a frame that is cut",
            &[
                &header,
                &animated(2),
                &first(0, 0),
                &pixels,
                &second((5, 5))[..60],
            ],
        ),
        png(
            "a frame out of order",
            &[
                &header,
                &animated(2),
                &first(0, 0),
                &pixels,
                &control(7, (20, 10), (5, 5), 0, 0),
                &later(8, &patch),
                &end,
            ],
        ),
    ];
    for (dispose, blend) in [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
        let name = format!("disposal {dispose}, blending {blend}");
        all.push(png(
            &name,
            &[
                &header,
                &animated(2),
                &first(dispose, blend),
                &pixels,
                &second((5, 5)),
                &end,
            ],
        ));
    }
    hold(Shower::Chromium, &all);
}

#[test]
fn pngs_of_the_field_are_as_shown() {
    let Some(data) = test_data() else {
        return;
    };
    // Of these, others are asked about: what is seen when alpha or gamma is ignored.
    let others = [
        "coffee-shown-brick-stored-gama.png",
        "cutout.png",
        "coffee-alpha0-everywhere.png",
        "coffee-cgbi.png",
    ];
    hold(
        Shower::Chromium,
        &files(&data.join("field/png"), "image/png", &others),
    );
    let apple = std::fs::read(data.join("field/png/coffee-cgbi.png")).expect("it is read");
    let verdict = crate::matrix::gate_of(None).check(&apple);
    assert_eq!(verdict.outcome, hashgate::gate::Outcome::Unsupported);
    assert!(verdict.error().unwrap_or_default().contains("CgBI"));
}
