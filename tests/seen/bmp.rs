//! Bitmaps of every header, depth and coding, and what Chromium shows of them.

use hashgate::gate::Outcome;

use crate::common::test_data;
use crate::content::{Content, palette};
use crate::matrix::{Right, Structure, gate_of, hold};
use crate::shown::{Shower, Shown};

/// What a header says beside its length and the sides.
#[derive(Clone, Copy, Default)]
pub(crate) struct Info {
    pub(crate) bits: u16,
    pub(crate) compression: u32,
    pub(crate) used: u32,
    pub(crate) masks: [u32; 4],
}

/// A header of that length.
pub(crate) fn header(size: usize, width: i32, height: i32, info: Info) -> Vec<u8> {
    let mut out = (size as u32).to_le_bytes().to_vec();
    if size == 12 {
        for value in [width as u16, height as u16, 1, info.bits] {
            out.extend(value.to_le_bytes());
        }
        return out;
    }
    out.extend(width.to_le_bytes());
    out.extend(height.to_le_bytes());
    out.extend([1_u16.to_le_bytes(), info.bits.to_le_bytes()].concat());
    for value in [info.compression, 0, 2835, 2835, info.used, 0] {
        out.extend(value.to_le_bytes());
    }
    if !matches!(size, 64) {
        out.extend(info.masks.iter().flat_map(|mask| mask.to_le_bytes()));
    }
    if size >= 108 {
        out.extend(*b"BGRs");
    }
    out.resize(size, 0);
    out
}

/// Colours as a palette stores them, in so many bytes each.
pub(crate) fn colours(bits: u32, bytes: usize) -> Vec<u8> {
    let stored = |[red, green, blue]: [u8; 3]| [blue, green, red, 0][..bytes].to_vec();
    palette(bits).into_iter().flat_map(stored).collect()
}

/// Rows from the bottom, of so many bits a pixel.
pub(crate) fn rows(content: &Content, bits: u32, pixel: impl Fn(usize, usize) -> u32) -> Vec<u8> {
    let mut out = Vec::new();
    for y in (0..content.height).rev() {
        let mut row: Vec<u8> = Vec::new();
        if bits < 8 {
            let per_byte = 8 / bits as usize;
            for start in (0..content.width).step_by(per_byte) {
                let byte = (0..per_byte).fold(0, |byte, at| {
                    let x = start + at;
                    let value = if x < content.width { pixel(x, y) } else { 0 };
                    byte << bits | value
                });
                row.push(byte as u8);
            }
        } else {
            for x in 0..content.width {
                row.extend(&pixel(x, y).to_le_bytes()[..bits as usize / 8]);
            }
        }
        row.resize(row.len().next_multiple_of(4), 0);
        out.extend(row);
    }
    out
}

/// The rows of a picture that begins at the top.
fn upside_down(content: &Content, rows: &[u8]) -> Vec<u8> {
    let rows: Vec<&[u8]> = rows.chunks(rows.len() / content.height).collect();
    rows.into_iter().rev().collect::<Vec<_>>().concat()
}

/// A whole file whose pixels begin behind `between`, or at `start`.
fn file(info: &[u8], between: &[u8], pixels: &[u8], start: Option<usize>) -> Vec<u8> {
    let behind = 14 + info.len() + between.len();
    let mut out = b"BM".to_vec();
    out.extend(((behind + pixels.len()) as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend((start.unwrap_or(behind) as u32).to_le_bytes());
    [&out, info, between, pixels].concat()
}

fn bmp(name: &str, bytes: Vec<u8>) -> Structure {
    Structure::seen(format!("bmp {name}"), "image/bmp", bytes)
}

pub(crate) fn true_colour(content: &Content) -> impl Fn(usize, usize) -> u32 {
    |x, y| {
        let [red, green, blue] = content.at(x, y).map(u32::from);
        red << 16 | green << 8 | blue
    }
}

/// Samples of so many bits at those places.
fn sampled(content: &Content, masks: [u32; 3]) -> impl Fn(usize, usize) -> u32 {
    move |x, y| {
        let samples = content.at(x, y).map(u32::from);
        let one = |(sample, mask): (u32, u32)| {
            let bits = mask.count_ones();
            let value = if bits <= 8 {
                sample >> (8 - bits)
            } else {
                sample << (bits - 8)
            };
            value << mask.trailing_zeros()
        };
        samples.into_iter().zip(masks).map(one).sum()
    }
}

fn le(masks: &[u32]) -> Vec<u8> {
    masks.iter().flat_map(|mask| mask.to_le_bytes()).collect()
}

#[test]
fn headers_depths_and_masks_are_as_shown() {
    let content = Content::of(1);
    let (width, height) = (content.width as i32, content.height as i32);
    let info = |size, info| header(size, width, height, info);
    let plain = |bits| Info {
        bits,
        ..Info::default()
    };
    let full = rows(&content, 24, true_colour(&content));
    let numbers = |bits| rows(&content, bits, |x, y| u32::from(content.number(bits, x, y)));
    let mut all = Vec::new();
    for size in [12, 16, 20, 40, 42, 48, 52, 56, 60, 64, 108, 124] {
        let mut head = info(size.max(40), plain(24));
        if size == 12 {
            head = info(12, plain(24));
        }
        head.truncate(size);
        head[0] = size as u8;
        all.push(bmp(
            &format!("24 bits, header of {size}"),
            file(&head, &[], &full, None),
        ));
    }
    for size in [12, 40, 56, 64, 108, 124] {
        for bits in [1, 2, 4, 8_u16] {
            if (size, bits) == (12, 2) {
                continue;
            }
            let entry = if size == 12 { 3 } else { 4 };
            let colours = colours(u32::from(bits), entry);
            let bytes = file(
                &info(size, plain(bits)),
                &colours,
                &numbers(u32::from(bits)),
                None,
            );
            all.push(bmp(&format!("{bits} bits, header of {size}"), bytes));
        }
    }
    let fives = rows(&content, 16, sampled(&content, [0x7c00, 0x3e0, 0x1f]));
    let nothing = rows(&content, 32, true_colour(&content));
    for size in [40, 52, 56, 64, 108, 124] {
        all.push(bmp(
            &format!("16 bits, header of {size}"),
            file(&info(size, plain(16)), &[], &fives, None),
        ));
        all.push(bmp(
            &format!("32 bits, header of {size}"),
            file(&info(size, plain(32)), &[], &nothing, None),
        ));
    }
    for (bits, masks) in [
        (16_u16, [0xf800, 0x7e0, 0x1f]),
        (16, [0x7c00, 0x3e0, 0x1f]),
        (16, [0xf00, 0xf0, 0xf]),
        (16, [0xe000, 0x1c00, 0x0300]),
        (32, [0xff_0000, 0xff00, 0xff]),
        (32, [0xff, 0xff00, 0xff_0000]),
        (32, [0xff00_0000, 0xff_0000, 0xff00]),
        (32, [0x3ff0_0000, 0xf_fc00, 0x3ff]),
    ] {
        let [red, green, blue] = masks;
        let info = Info {
            bits,
            compression: 3,
            masks: [red, green, blue, 0],
            ..Info::default()
        };
        let pixels = rows(&content, u32::from(bits), sampled(&content, masks));
        let name = format!("{bits} bits, masks {red:x} {green:x} {blue:x}");
        let behind = file(
            &header(40, width, height, info)[..40],
            &le(&masks),
            &pixels,
            None,
        );
        all.push(bmp(&name, behind));
        let inside = file(&header(124, width, height, info), &[], &pixels, None);
        all.push(bmp(&format!("{name} inside"), inside));
    }
    let slope = |x: usize, y: usize| true_colour(&content)(x, y) | ((x + 60).min(255) as u32) << 24;
    let masks = [0xff_0000, 0xff00, 0xff, 0xff00_0000];
    let sloping = rows(&content, 32, slope);
    for size in [56, 108, 124] {
        for compression in [0, 3] {
            let info = Info {
                bits: 32,
                compression,
                masks,
                ..Info::default()
            };
            let bytes = file(&header(size, width, height, info), &[], &sloping, None);
            all.push(bmp(
                &format!("alpha, header of {size}, compression {compression}"),
                bytes,
            ));
        }
    }
    let six = Info {
        bits: 32,
        compression: 6,
        ..Info::default()
    };
    all.push(bmp(
        "alpha by compression 6",
        file(&info(40, six)[..40], &le(&masks), &sloping, None),
    ));
    let gaps = Info {
        bits: 32,
        compression: 3,
        ..Info::default()
    };
    let bytes = file(
        &info(40, gaps)[..40],
        &le(&[0xf0_f000, 0xf00, 0xff]),
        &nothing,
        None,
    );
    all.push(bmp("masks with gaps", bytes).but(Right::Refused));
    hold(Shower::Chromium, &all);
}

#[test]
fn places_palettes_and_ends_are_as_shown() {
    let content = Content::of(0);
    let (width, height) = (content.width as i32, content.height as i32);
    let eight = Info {
        bits: 8,
        ..Info::default()
    };
    let used = |used| header(40, width, height, Info { used, ..eight })[..40].to_vec();
    let numbers = rows(&content, 8, |x, y| u32::from(content.number(8, x, y)));
    let few = rows(&content, 8, |x, y| u32::from(content.number(4, x, y)));
    let all_colours = colours(8, 4);
    let full = rows(&content, 24, true_colour(&content));
    let top_down = header(40, width, -height, Info { bits: 24, ..eight })[..40].to_vec();
    let usual = header(40, width, height, Info { bits: 24, ..eight })[..40].to_vec();
    let mut no_length = file(&usual, &[], &full, None);
    no_length[2..6].fill(0);
    let mut no_planes = file(&usual, &[], &full, None);
    no_planes[26] = 0;
    let mut reserved = file(&usual, &[], &full, None);
    reserved[6..10].fill(9);
    let with_palette = header(
        40,
        width,
        height,
        Info {
            bits: 24,
            used: 100,
            ..eight
        },
    )[..40]
        .to_vec();
    let all = [
        bmp(
            "from the top",
            file(&top_down, &[], &upside_down(&content, &full), None),
        ),
        bmp(
            "pixels at 0",
            file(&used(0), &all_colours, &numbers, Some(0)),
        ),
        bmp(
            "pixels at 1",
            file(&used(0), &all_colours, &numbers, Some(1)),
        ),
        bmp(
            "pixels at 20",
            file(&used(0), &all_colours, &numbers, Some(20)),
        ),
        bmp(
            "pixels in the palette",
            file(&used(0), &all_colours, &numbers, Some(1030)),
        ),
        bmp(
            "pixels at an odd place",
            file(
                &used(0),
                &[&all_colours[..], b"seven77"].concat(),
                &numbers,
                None,
            ),
        ),
        bmp("no length", no_length),
        bmp("no planes", no_planes),
        bmp("reserved bytes", reserved),
        bmp(
            "more colours than there can be",
            file(&used(300), &all_colours, &numbers, None),
        ),
        bmp(
            "colours without number",
            file(&used(u32::MAX), &all_colours, &numbers, None),
        ),
        bmp(
            "a short palette",
            file(&used(16), &colours(4, 4), &few, None),
        ),
        bmp(
            "a short palette that is not said",
            file(&used(0), &colours(4, 4), &few, None),
        ),
        bmp(
            "numbers beyond the palette",
            file(&used(200), &all_colours[..800], &numbers, None),
        ),
        bmp(
            "colours of nobody",
            file(&with_palette, &all_colours[..400], &full, None),
        ),
        bmp(
            "colours that are not there",
            file(&with_palette, &[], &full, None),
        ),
        bmp(
            "the last filling cut",
            file(&usual, &[], &full[..full.len() - 1], None),
        ),
        bmp(
            "bytes behind",
            file(&usual, &[], &[&full[..], &[7; 99]].concat(), None),
        ),
    ];
    hold(Shower::Chromium, &all);
}

/// Numbers as runs, each row with its end.
fn runs(content: &Content, bits: u32) -> Vec<Vec<u8>> {
    (0..content.height)
        .rev()
        .map(|y| {
            let mut out = Vec::new();
            let number = |x: usize| content.number(bits, x.min(content.width - 1), y);
            let mut x = 0;
            while x < content.width {
                if bits == 4 {
                    let count = 2.min(content.width - x);
                    out.extend([count as u8, number(x) << 4 | number(x + 1)]);
                    x += count;
                    continue;
                }
                let same = (x..content.width).take_while(|&at| number(at) == number(x));
                let count = same.count().min(255);
                out.extend([count as u8, number(x)]);
                x += count;
            }
            out.extend([0, 0]);
            out
        })
        .collect()
}

/// Numbers one by one, each row with its end.
fn one_by_one(content: &Content, bits: u32) -> Vec<Vec<u8>> {
    (0..content.height)
        .rev()
        .map(|y| {
            let mut stored: Vec<u8> = (0..content.width)
                .map(|x| content.number(bits, x, y))
                .collect();
            if bits == 4 {
                stored.push(0);
                stored = stored
                    .chunks(2)
                    .map(|two| two[0] << 4 | two.get(1).unwrap_or(&0))
                    .collect();
                stored.truncate(content.width.div_ceil(2));
            }
            stored.resize(stored.len().next_multiple_of(2), 0);
            [&[0, content.width as u8], &stored[..], &[0, 0]].concat()
        })
        .collect()
}

#[test]
fn runs_are_as_shown() {
    let content = Content::of(1);
    let (width, height) = (content.width as i32, content.height as i32);
    let eight = Info {
        bits: 8,
        compression: 1,
        ..Info::default()
    };
    let four = Info {
        bits: 4,
        compression: 2,
        ..Info::default()
    };
    let rle8 = |pixels: &[u8]| {
        file(
            &header(40, width, height, eight)[..40],
            &colours(8, 4),
            pixels,
            None,
        )
    };
    let rle4 = |pixels: &[u8]| {
        file(
            &header(40, width, height, four)[..40],
            &colours(4, 4),
            pixels,
            None,
        )
    };
    let eights = runs(&content, 8);
    let fours = runs(&content, 4);
    let singles = one_by_one(&content, 8);
    const END: &[u8] = &[0, 1];
    let sized = |size| {
        file(
            &header(size, width, height, eight),
            &colours(8, 4),
            &eights.concat(),
            None,
        )
    };
    let top_down = header(40, width, -height, eight)[..40].to_vec();
    let rle24: Vec<u8> = (0..content.height)
        .rev()
        .flat_map(|y| {
            let pixels = (0..content.width).flat_map(move |x| {
                let [red, green, blue] = content_at(x, y);
                [1, blue, green, red]
            });
            pixels.chain([0, 0]).collect::<Vec<u8>>()
        })
        .collect();
    let os2 = Info {
        bits: 24,
        compression: 4,
        ..Info::default()
    };
    let all = [
        bmp("rle8", rle8(&[&eights.concat(), END].concat())),
        bmp("rle8 without its end", rle8(&eights.concat())),
        bmp(
            "rle8 without the last row's end",
            rle8(&[&eights.concat()[..eights.concat().len() - 2], END].concat()),
        ),
        bmp("rle8, header of 64", sized(64)),
        bmp("rle8, header of 124", sized(124)),
        bmp("rle8 one by one", rle8(&[&singles.concat(), END].concat())),
        bmp(
            "rle8 that ends early",
            rle8(&[&singles[..80].concat(), END].concat()),
        ),
        bmp(
            "rle8 that moves up",
            rle8(&[&[0, 2, 0, 30][..], &singles[30..].concat(), END].concat()),
        ),
        bmp(
            "rle8 that moves right",
            rle8(&[&[0, 2, 9, 0][..], &eights.concat(), END].concat()),
        ),
        bmp(
            "rle8 with long runs",
            rle8(
                &[
                    &eights
                        .iter()
                        .map(|row| [&row[..row.len() - 2], &[200, 7, 0, 0]].concat())
                        .collect::<Vec<_>>()
                        .concat(),
                    END,
                ]
                .concat(),
            ),
        ),
        bmp(
            "rle8 from the top",
            file(
                &top_down,
                &colours(8, 4),
                &[&eights.concat(), END].concat(),
                None,
            ),
        ),
        bmp("rle4", rle4(&[&fours.concat(), END].concat())),
        bmp(
            "rle4 one by one",
            rle4(&[&one_by_one(&content, 4).concat(), END].concat()),
        ),
        bmp(
            "rle4 that ends early",
            rle4(&[&fours[..80].concat(), END].concat()),
        ),
        bmp(
            "rle24",
            file(
                &header(64, width, height, os2),
                &[],
                &[&rle24, END].concat(),
                None,
            ),
        ),
    ];
    hold(Shower::Chromium, &all);
}

fn content_at(x: usize, y: usize) -> [u8; 3] {
    static CONTENT: std::sync::LazyLock<Content> = std::sync::LazyLock::new(|| Content::of(1));
    CONTENT.at(x, y)
}

/// Chromium shows nothing of a picture whose alpha is 0 everywhere. Other programs take such alpha for none, and so do
/// people: the picture is asked about.
#[test]
fn alpha_that_is_nowhere_is_no_alpha() {
    let Some(data) = test_data() else {
        return;
    };
    let known = std::fs::read(data.join("field/known/coffee.png")).expect("it is read");
    let known = image::load_from_memory(&known)
        .expect("a picture")
        .to_rgb8();
    let (width, height) = known.dimensions();
    let shown = Shown {
        width,
        height,
        rgb: known.into_raw(),
    };
    let files = crate::content::files(&data.join("field/bmp"), "image/bmp", &[]);
    assert!(!files.is_empty());
    for one in files {
        let verdict = gate_of(Some(&shown)).check(&one.file.bytes);
        let nearest = verdict.matches.iter().map(|one| one.distance.0).min();
        assert_eq!(verdict.outcome, Outcome::Match, "{}", one.file.name);
        assert!(
            nearest.is_some_and(|bits| bits <= 10),
            "{}: {nearest:?}",
            one.file.name
        );
    }
}
