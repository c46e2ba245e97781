//! GIFs of every structure, and what Chromium shows of them.

use std::collections::HashMap;

use crate::common::test_data;
use crate::content::{Content, palette};
use crate::matrix::{Right, Structure, hold};
use crate::shown::Shower;

/// Numbers as codes, the real way: widths grow, and a full dictionary is begun anew where `clears` says so.
fn lzw(numbers: &[u8], code_size: u32, clears: bool, ends: bool) -> Vec<u8> {
    let (clear, end) = (1_u32 << code_size, (1_u32 << code_size) + 1);
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u64, 0);
    let mut put = |code: u32, width: u32| {
        bits |= u64::from(code) << count;
        count += width;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    let (mut width, mut next) = (code_size + 1, end + 1);
    let mut strings: HashMap<(u32, u8), u32> = HashMap::new();
    put(clear, width);
    let mut current: Option<u32> = None;
    for &number in numbers {
        let Some(before) = current else {
            current = Some(u32::from(number));
            continue;
        };
        if let Some(&longer) = strings.get(&(before, number)) {
            current = Some(longer);
            continue;
        }
        put(before, width);
        if next < 4096 {
            strings.insert((before, number), next);
            next += 1;
            if next > 1 << width && width < 12 {
                width += 1;
            }
        } else if clears {
            put(clear, width);
            strings.clear();
            (width, next) = (code_size + 1, end + 1);
        }
        current = Some(u32::from(number));
    }
    if let Some(last) = current {
        put(last, width);
        if next < 4096 && next + 1 > 1 << width && width < 12 {
            width += 1;
        }
    }
    if ends {
        put(end, width);
    }
    put(0, 7);
    out
}

fn chain(data: &[u8], most: usize) -> Vec<u8> {
    let blocks = data.chunks(most);
    let mut out: Vec<u8> = blocks
        .flat_map(|block| [&[block.len() as u8], block].concat())
        .collect();
    out.push(0);
    out
}

fn table(bits: u32) -> Vec<u8> {
    palette(bits).concat()
}

fn two(value: usize) -> [u8; 2] {
    (value as u16).to_le_bytes()
}

/// The beginning of a file, with a colour table of so many bits or none.
fn screen(width: usize, height: usize, bits: u32) -> Vec<u8> {
    let flags = if bits > 0 {
        0x80 | 0x70 | (bits - 1) as u8
    } else {
        0x70
    };
    let colours = if bits > 0 { table(bits) } else { Vec::new() };
    let head = [b"GIF89a", &two(width)[..], &two(height), &[flags, 0, 0]].concat();
    [head, colours].concat()
}

/// One frame; what is not said is the usual.
struct Frame {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    code_size: u32,
    /// Bits of a table of its own.
    own: u32,
    interlaced: bool,
    /// Compressed, in sub-blocks.
    chain: Vec<u8>,
}

impl Frame {
    fn of(content: &Content, bits: u32) -> Self {
        Self::numbers(content.width, content.height, bits, &content.numbers(bits))
    }

    fn numbers(width: usize, height: usize, bits: u32, numbers: &[u8]) -> Self {
        let code_size = bits.max(2);
        Self {
            x: 0,
            y: 0,
            width,
            height,
            code_size,
            own: 0,
            interlaced: false,
            chain: chain(&lzw(numbers, code_size, true, true), 255),
        }
    }

    fn at(self, x: usize, y: usize) -> Self {
        Self { x, y, ..self }
    }

    fn data(self, data: &[u8]) -> Self {
        Self {
            chain: chain(data, 255),
            ..self
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let own = if self.own > 0 {
            0x80 | (self.own - 1) as u8
        } else {
            0
        };
        let flags = own | if self.interlaced { 0x40 } else { 0 };
        let mut out = vec![b','];
        for value in [self.x, self.y, self.width, self.height] {
            out.extend(two(value));
        }
        out.push(flags);
        if self.own > 0 {
            out.extend(table(self.own));
        }
        out.push(self.code_size as u8);
        [out, self.chain.clone()].concat()
    }
}

fn control(disposal: u8, transparent: Option<u8>) -> Vec<u8> {
    let flags = disposal << 2 | u8::from(transparent.is_some());
    vec![0x21, 0xf9, 4, flags, 10, 0, transparent.unwrap_or(0), 0]
}

fn gif(name: &str, parts: &[&[u8]]) -> Structure {
    Structure::seen(format!("gif {name}"), "image/gif", parts.concat())
}

const TRAILER: &[u8] = b";";

#[test]
fn screens_frames_and_colours_are_as_shown() {
    let content = Content::of(1);
    let (width, height) = (content.width, content.height);
    let usual = screen(width, height, 8);
    let frame = Frame::of(&content, 8).bytes();
    let mut all = vec![gif("plain", &[&usual, &frame, TRAILER])];
    for (w, h) in [
        (1, 1),
        (16, 16),
        (80, 117),
        (161, 50),
        (0, 0),
        (0, 117),
        (161, 0),
        (160, 117),
        (200, 150),
    ] {
        let name = format!("screen of {w} x {h}");
        all.push(gif(&name, &[&screen(w, h, 8), &frame, TRAILER]));
    }
    for (x, y) in [(20, 10), (0, 60), (100, 0)] {
        let frame = Frame::of(&content, 8).at(x, y).bytes();
        let large = screen(width + 100, height + 60, 8);
        all.push(gif(
            &format!("inside at {x}, {y}"),
            &[&large, &frame, TRAILER],
        ));
        all.push(gif(
            &format!("beyond at {x}, {y}"),
            &[&usual, &frame, TRAILER],
        ));
    }
    for bits in 1..=8 {
        let frame = Frame::of(&content, bits);
        let name = format!("{bits} bits");
        all.push(gif(
            &name,
            &[&screen(width, height, bits), &frame.bytes(), TRAILER],
        ));
        let own = Frame { own: bits, ..frame };
        let name = format!("{bits} bits of its own");
        all.push(gif(
            &name,
            &[&screen(width, height, 0), &own.bytes(), TRAILER],
        ));
    }
    let two_colours = Frame {
        code_size: 1,
        chain: chain(&lzw(&content.numbers(1), 1, true, true), 255),
        ..Frame::of(&content, 1)
    };
    all.push(gif(
        "codes of 1 bit",
        &[&screen(width, height, 1), &two_colours.bytes(), TRAILER],
    ));
    let beyond = screen(width, height, 7);
    all.push(gif("numbers beyond the table", &[&beyond, &frame, TRAILER]));
    let few = Frame {
        code_size: 8,
        ..Frame::numbers(width, height, 8, &content.numbers(4))
    };
    all.push(gif(
        "wide codes of few colours",
        &[&screen(width, height, 4), &few.bytes(), TRAILER],
    ));
    for most in [1, 7, 254] {
        let data = chain(&lzw(&content.numbers(8), 8, true, true), most);
        let frame = Frame {
            chain: data,
            ..Frame::of(&content, 8)
        };
        all.push(gif(
            &format!("sub-blocks of {most}"),
            &[&usual, &frame.bytes(), TRAILER],
        ));
    }
    let old = [b"GIF87a", &usual[6..]].concat();
    all.push(gif("87a", &[&old, &frame, TRAILER]));
    let mut aspect = usual.clone();
    aspect[11..13].copy_from_slice(&[7, 49]);
    all.push(gif("background and aspect", &[&aspect, &frame, TRAILER]));
    hold(Shower::Chromium, &all);
}

#[test]
fn rows_that_are_interlaced_are_as_shown() {
    let mut all = Vec::new();
    for height in [65, 66, 67, 68, 69, 71, 72] {
        let content = Content::sized(1, 97, height);
        let numbers = content.numbers(8);
        let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
        let order = passes
            .into_iter()
            .flat_map(|(first, step)| (first..height).step_by(step));
        let stored: Vec<u8> = order
            .flat_map(|y| numbers[y * 97..(y + 1) * 97].to_vec())
            .collect();
        let frame = Frame {
            interlaced: true,
            ..Frame::numbers(97, height, 8, &stored)
        };
        let usual = screen(97, height, 8);
        let name = format!("interlaced, {height} rows");
        all.push(gif(&name, &[&usual, &frame.bytes(), TRAILER]));
    }
    hold(Shower::Chromium, &all);
}

#[test]
fn blocks_and_codes_are_as_shown() {
    let content = Content::of(2);
    let (width, height) = (content.width, content.height);
    let usual = screen(width, height, 8);
    let whole = Frame::of(&content, 8);
    let frame = whole.bytes();
    let numbers = content.numbers(8);
    let with = |data: &[u8]| Frame::of(&content, 8).data(data).bytes();
    let common = control(0, Some(numbers[0]));
    let xmp = [
        &b"\x21\xff\x0bXMP DataXMP<x/>\x01"[..],
        &(0..=255).rev().collect::<Vec<u8>>(),
        &[0],
    ]
    .concat();
    let small = Frame::numbers(40, 30, 8, &[7; 1200]).at(50, 50).bytes();
    let cut = &frame[..frame.len() / 2];
    let mut all = vec![
        gif("a transparent colour", &[&usual, &common, &frame, TRAILER]),
        gif(
            "a control block too many",
            &[&usual, &common, &control(0, None), &frame, TRAILER],
        ),
        gif(
            "a control block behind",
            &[&usual, &frame, &common, TRAILER],
        ),
        gif(
            "a comment",
            &[&usual, b"\x21\xfe\x05hello\0", &frame, TRAILER],
        ),
        gif(
            "a loop",
            &[
                &usual,
                b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
                &frame,
                TRAILER,
            ],
        ),
        gif(
            "an application of 3",
            &[&usual, b"\x21\xff\x03abc\x02xy\0", &frame, TRAILER],
        ),
        gif("XMP", &[&usual, &xmp, &frame, TRAILER]),
        gif(
            "plain text",
            &[
                &usual,
                b"\x21\x01\x0c\0\0\0\0\0\0\0\0\0\0\0\0\x03abc\0",
                &frame,
                TRAILER,
            ],
        ),
        gif(
            "an unknown extension",
            &[&usual, b"\x21\x77\x03abc\0", &frame, TRAILER],
        ),
        gif("something behind", &[&usual, &frame, b"\x55\x55"]),
        gif("no trailer", &[&usual, &frame]),
        gif("no end of its chain", &[&usual, &frame[..frame.len() - 1]]),
        gif(
            "the trailer in the chain",
            &[&usual, &frame[..frame.len() - 1], TRAILER],
        ),
        gif(
            "no end code",
            &[&usual, &with(&lzw(&numbers, 8, true, false)), TRAILER],
        ),
        gif(
            "no clear codes",
            &[&usual, &with(&lzw(&numbers, 8, false, true)), TRAILER],
        ),
        gif(
            "an early end code",
            &[
                &usual,
                &with(&lzw(&numbers[..width * 90], 8, true, true)),
                TRAILER,
            ],
        ),
        gif(
            "an end code within a row",
            &[
                &usual,
                &with(&lzw(&numbers[..width * 90 + 33], 8, true, true)),
                TRAILER,
            ],
        ),
        gif(
            "too many pixels",
            &[
                &usual,
                &with(&lzw(
                    &[&numbers[..], &numbers[..500]].concat(),
                    8,
                    true,
                    true,
                )),
                TRAILER,
            ],
        ),
        gif(
            "more behind the end code",
            &[
                &usual,
                &with(&[lzw(&numbers, 8, true, true), vec![9; 400]].concat()),
                TRAILER,
            ],
        ),
        gif(
            "the second frame cut",
            &[&usual, &frame, &control(0, None), cut],
        ),
        gif(
            "the second frame's header cut",
            &[&usual, &frame, &frame[..5]],
        ),
        gif(
            "a second frame beyond",
            &[
                &usual,
                &frame,
                &Frame::of(&content, 8).at(400, 400).bytes(),
                TRAILER,
            ],
        ),
        gif(
            "a small first frame",
            &[
                &usual,
                &Frame::of(&Content::sized(0, 90, 70), 8).bytes(),
                &frame,
                TRAILER,
            ],
        ),
        gif(
            "a frame at 2, 2 and a patch",
            &[
                &screen(width, height, 8),
                &control(1, None),
                &Frame::of(&content, 8).at(2, 2).bytes(),
                &small,
                TRAILER,
            ],
        ),
        gif(
            "another version",
            &[b"GIF88a", &usual[6..], &frame, TRAILER],
        )
        .but(Right::Refused),
    ];
    for disposal in 0..8 {
        let name = format!("disposal {disposal}");
        all.push(gif(
            &name,
            &[
                &usual,
                &control(disposal, Some(3)),
                &frame,
                &control(disposal, None),
                &small,
                TRAILER,
            ],
        ));
    }
    hold(Shower::Chromium, &all);
}

#[test]
fn gifs_of_the_field_are_as_shown() {
    let Some(data) = test_data() else {
        return;
    };
    hold(
        Shower::Chromium,
        &crate::content::files(&data.join("field/gif"), "image/gif", &[]),
    );
}
