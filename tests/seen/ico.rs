//! Icons and cursors, and what Chromium shows of them.

use crate::bmp::{Info, colours, header, rows, true_colour};
use crate::content::Content;
use crate::matrix::{Structure, hold};
use crate::png;
use crate::shown::Shower;

/// An entry: what the directory says of it, and its data.
struct Entry {
    sides: (usize, usize),
    bits: u16,
    data: Vec<u8>,
}

impl Entry {
    fn of(content: &Content, bits: u16, data: Vec<u8>) -> Self {
        Self {
            sides: (content.width, content.height),
            bits,
            data,
        }
    }
}

fn icon(name: &str, kind: u16, entries: &[Entry]) -> Structure {
    let mut out = [0, kind, entries.len() as u16]
        .map(u16::to_le_bytes)
        .concat();
    let mut offset = 6 + 16 * entries.len();
    for entry in entries {
        out.extend([entry.sides.0 as u8, entry.sides.1 as u8, 0, 0]);
        out.extend([1_u16.to_le_bytes(), entry.bits.to_le_bytes()].concat());
        out.extend((entry.data.len() as u32).to_le_bytes());
        out.extend((offset as u32).to_le_bytes());
        offset += entry.data.len();
    }
    for entry in entries {
        out.extend(&entry.data);
    }
    Structure::seen(format!("icon {name}"), "image/x-icon", out)
}

/// A mask that hides the left of the picture, up to that column.
fn mask(content: &Content, hidden: usize) -> Vec<u8> {
    let mut row = vec![0_u8; content.width.div_ceil(32) * 4];
    for x in 0..hidden {
        row[x / 8] |= 0x80 >> (x % 8);
    }
    row.repeat(content.height)
}

fn bitmap(
    content: &Content,
    size: usize,
    info: Info,
    between: &[u8],
    pixels: &[u8],
    mask: &[u8],
) -> Vec<u8> {
    let height = content.height as i32 * 2;
    let head = header(size, content.width as i32, height, info);
    [&head[..size], between, pixels, mask].concat()
}

fn plain(bits: u16) -> Info {
    Info {
        bits,
        ..Info::default()
    }
}

#[test]
fn masks_depths_and_entries_are_as_shown() {
    let content = Content::of(1);
    let with_alpha = |alpha: fn(usize) -> u32| {
        rows(&content, 32, |x, y| {
            true_colour(&content)(x, y) | alpha(x) << 24
        })
    };
    let (opaque, nowhere) = (with_alpha(|_| 255), with_alpha(|_| 0));
    let slope = with_alpha(|x| (x as u32 + 60).min(255));
    let hidden = mask(&content, 30);
    let all_hidden = mask(&content, content.width);
    let none = mask(&content, 0);
    let entry = |bits, data| Entry::of(&content, bits, data);
    let deep =
        |pixels: &[u8], mask: &[u8]| entry(32, bitmap(&content, 40, plain(32), &[], pixels, mask));
    let full = rows(&content, 24, true_colour(&content));
    let true24 = || entry(24, bitmap(&content, 40, plain(24), &[], &full, &hidden));
    let fives = rows(&content, 16, |x, y| {
        let [red, green, blue] = content.at(x, y).map(|value| u32::from(value >> 3));
        red << 10 | green << 5 | blue
    });
    let small = Content::sized(0, 40, 40);
    let file = png::plain(&content);
    let small_one = || Entry::of(&small, 32, png::plain(&small));
    let mut all = vec![
        icon("opaque", 1, &[deep(&opaque, &none)]),
        icon(
            "opaque, hidden by its mask",
            1,
            &[deep(&opaque, &all_hidden)],
        ),
        icon("no alpha", 1, &[deep(&nowhere, &none)]),
        icon("no alpha, a mask", 1, &[deep(&nowhere, &hidden)]),
        icon("no alpha, no mask", 1, &[deep(&nowhere, &[])]),
        icon("alpha", 1, &[deep(&slope, &none)]),
        icon("alpha, a mask", 1, &[deep(&slope, &hidden)]),
        icon("alpha, no mask", 1, &[deep(&slope, &[])]),
        icon("24 bits", 1, &[true24()]),
        icon(
            "24 bits, no mask",
            1,
            &[entry(24, bitmap(&content, 40, plain(24), &[], &full, &[]))],
        ),
        icon(
            "24 bits, half a mask",
            1,
            &[entry(
                24,
                bitmap(
                    &content,
                    40,
                    plain(24),
                    &[],
                    &full,
                    &hidden[..hidden.len() / 2],
                ),
            )],
        ),
        icon(
            "16 bits",
            1,
            &[entry(
                16,
                bitmap(&content, 40, plain(16), &[], &fives, &hidden),
            )],
        ),
        icon(
            "a header of 108",
            1,
            &[entry(
                32,
                bitmap(&content, 108, plain(32), &[], &slope, &none),
            )],
        ),
        icon(
            "a header of 124",
            1,
            &[entry(
                32,
                bitmap(&content, 124, plain(32), &[], &slope, &hidden),
            )],
        ),
        icon("a cursor", 2, &[true24()]),
        icon("a cursor with alpha", 2, &[deep(&slope, &none)]),
        icon("a PNG", 1, &[entry(32, file.clone())]),
        icon("a small one before", 1, &[small_one(), true24()]),
        icon("a small one behind", 1, &[true24(), small_one()]),
        icon(
            "a broken one behind",
            1,
            &[
                true24(),
                Entry {
                    data: header(40, 40, 80, plain(24))[..40].to_vec(),
                    ..small_one()
                },
            ],
        ),
        icon(
            "nothing behind",
            1,
            &[
                true24(),
                Entry {
                    data: Vec::new(),
                    ..small_one()
                },
            ],
        ),
    ];
    for bits in [1, 2, 4, 8_u16] {
        let depth = u32::from(bits);
        let numbers = rows(&content, depth, |x, y| {
            u32::from(content.number(depth, x, y))
        });
        let data = bitmap(
            &content,
            40,
            plain(bits),
            &colours(depth, 4),
            &numbers,
            &hidden,
        );
        all.push(icon(&format!("{bits} bits"), 1, &[entry(bits, data)]));
    }
    for (what, length) in [("no", 0_u32), ("a short", 100), ("a long", 1 << 20)] {
        let mut one = icon(&format!("{what} length"), 1, &[true24()]);
        one.file.bytes[14..18].copy_from_slice(&length.to_le_bytes());
        all.push(one);
    }
    let mut reserved = icon("a reserved byte", 1, &[true24()]);
    reserved.file.bytes[9] = 77;
    all.push(reserved);
    let mut outside = icon("an entry outside", 1, &[true24(), small_one()]);
    outside.file.bytes[34..38].copy_from_slice(&u32::MAX.to_le_bytes());
    all.push(outside);
    hold(Shower::Chromium, &all);
}
