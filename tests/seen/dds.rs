//! DirectDraw surfaces, and what Pillow and ImageMagick show of them: browsers do not read them. Kinds that Debian's
//! programs do not read are held to the picture that was written.

use crate::content::{Content, palette};
use crate::matrix::{Structure, check, hold};
use crate::shown::{Shower, Shown};

/// Flags of the pixels' form, bits of a pixel, and the bits of red, green, blue and alpha.
fn dds(name: &str, content: &Content, (flags, bits, masks): (u32, u32, [u32; 4])) -> Structure {
    let mut out = b"DDS ".to_vec();
    let number = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    for value in [124, 0x100f, content.height as u32, content.width as u32] {
        number(&mut out, value);
    }
    out.resize(76, 0);
    for value in [32, flags, 0, bits].into_iter().chain(masks) {
        number(&mut out, value);
    }
    number(&mut out, 0x1000);
    out.resize(128, 0);
    for at in 0..content.width * content.height {
        let (x, y) = (at % content.width, at / content.width);
        let [red, green, blue] = content.at(x, y);
        let samples = [red, green, blue, (x + 60).min(255) as u8];
        let pixel = samples
            .into_iter()
            .zip(masks)
            .fold(0, |pixel, (sample, mask)| {
                pixel | (u32::from(sample) << mask.trailing_zeros().min(31) & mask)
            });
        out.extend(&pixel.to_le_bytes()[..bits as usize / 8]);
    }
    Structure::seen(format!("dds {name}"), "image/vnd-ms.dds", out)
}

#[test]
fn plain_surfaces_are_as_shown() {
    let content = Content::of(1);
    let colours = [0xff_0000, 0xff00, 0xff];
    let [red, green, blue] = colours;
    let alpha = 0xff00_0000;
    let all = [
        dds("24 bits", &content, (0x40, 24, [red, green, blue, 0])),
        dds("32 bits", &content, (0x41, 32, [red, green, blue, alpha])),
        dds(
            "32 bits the other way",
            &content,
            (0x41, 32, [blue, green, red, alpha]),
        ),
    ];
    hold(Shower::Pillow, &all);
    // Pillow sees alpha where there is none.
    let solid = dds(
        "32 bits without alpha",
        &content,
        (0x40, 32, [red, green, blue, 0]),
    );
    hold(Shower::ImageMagick, &[solid]);
}

/// A header: flags, four letters and bits of a pixel.
fn header(content: &Content, flags: u32, letters: &[u8; 4], bits: u32) -> Vec<u8> {
    let mut out = b"DDS ".to_vec();
    let mut number = |at: usize, value: u32| {
        out.resize(out.len().max(at), 0);
        out.extend(value.to_le_bytes());
    };
    number(4, 124);
    number(8, 0x1007);
    number(12, content.height as u32);
    number(16, content.width as u32);
    number(76, 32);
    number(80, flags);
    number(84, u32::from_le_bytes(*letters));
    number(88, bits);
    out.resize(128, 0);
    out
}

/// Each block of four by four pixels, those beyond the edge being the last ones again.
fn blocks(content: &Content, one: impl Fn([[u8; 3]; 16], [u8; 16]) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for top in (0..content.height).step_by(4) {
        for left in (0..content.width).step_by(4) {
            let place = |at: usize| {
                let (x, y) = (left + at % 4, top + at / 4);
                (x.min(content.width - 1), y.min(content.height - 1))
            };
            let colours = std::array::from_fn(|at| content.at(place(at).0, place(at).1));
            let alphas = std::array::from_fn(|at| (place(at).0 + 60).min(255) as u8);
            out.extend(one(colours, alphas));
        }
    }
    out
}

/// Two colours, the larger first, and for each pixel the nearest of the four.
fn colours(pixels: [[u8; 3]; 16]) -> Vec<u8> {
    let end = |pick: fn(u8, u8) -> u8| {
        let whole = pixels
            .into_iter()
            .reduce(|one, other| std::array::from_fn(|channel| pick(one[channel], other[channel])));
        whole.expect("sixteen")
    };
    let (most, least) = (end(u8::max), end(u8::min));
    let packed = |[red, green, blue]: [u8; 3]| {
        u16::from(red >> 3) << 11 | u16::from(green >> 2) << 5 | u16::from(blue >> 3)
    };
    let number = |pixel: [u8; 3]| {
        let sum = |colour: [u8; 3]| colour.map(u32::from).iter().sum::<u32>();
        let span = (sum(most) - sum(least)).max(1);
        // From the second colour to the first.
        let thirds = ((sum(pixel) - sum(least)) * 3 + span / 2) / span;
        [1, 3, 2, 0][thirds as usize]
    };
    let numbers = pixels
        .into_iter()
        .rev()
        .fold(0, |all: u32, pixel| all << 2 | number(pixel));
    let mut out = [packed(most), packed(least)].map(u16::to_le_bytes).concat();
    if packed(most) == packed(least) {
        out.extend([0; 4]);
    } else {
        out.extend(numbers.to_le_bytes());
    }
    out
}

/// Two values, the larger first, and for each pixel the nearest of the eight.
fn channel(values: [u8; 16], signed: bool) -> Vec<u8> {
    let (most, least) = (
        values.into_iter().max().unwrap_or(0),
        values.into_iter().min().unwrap_or(0),
    );
    let span = u64::from(most - least).max(1);
    let numbers = values.into_iter().rev().fold(0_u64, |all, value| {
        let sevenths = (u64::from(value - least) * 7 + span / 2) / span;
        all << 3 | [1, 7, 6, 5, 4, 3, 2, 0][sevenths as usize]
    });
    let stored = |value: u8| if signed { value ^ 0x80 } else { value };
    let mut out = vec![stored(most), stored(least)];
    match most == least {
        true => out.extend([0; 6]),
        false => out.extend(&numbers.to_le_bytes()[..6]),
    }
    out
}

const CODED: u32 = 4;

#[test]
fn blocks_of_colours_are_as_shown() {
    let content = Content::of(1);
    let file = |letters: &[u8; 4], data: Vec<u8>| {
        let name = format!("dds {}", letters.escape_ascii());
        let bytes = [header(&content, CODED, letters, 0), data].concat();
        Structure::seen(name, "image/vnd-ms.dds", bytes)
    };
    let plain = || blocks(&content, |pixels, _| colours(pixels));
    let coarse = blocks(&content, |pixels, alphas| {
        let pairs = alphas.as_chunks::<2>().0.iter();
        let mut out: Vec<u8> = pairs.map(|[low, high]| low >> 4 | high & 0xf0).collect();
        out.extend(colours(pixels));
        out
    });
    let fine = blocks(&content, |pixels, alphas| {
        [channel(alphas, false), colours(pixels)].concat()
    });
    let all = [
        file(b"DXT1", plain()),
        file(b"DXT3", coarse.clone()),
        file(b"DXT5", fine.clone()),
    ];
    hold(Shower::Pillow, &all);
    hold(Shower::ImageMagick, &all);
    // By the numbers of newer files, one of which leaves the rest of its header empty.
    let shown = Shown {
        width: content.width as u32,
        height: content.height as u32,
        rgb: content.rgb().to_vec(),
    };
    let numbered = |number: u32, data: &[u8]| {
        let more = [number, 0, 0, 0, 0].map(u32::to_le_bytes).concat();
        file(b"DX10", [more, data.to_vec()].concat())
    };
    for (number, data) in [(70, plain()), (71, plain()), (74, coarse), (77, fine)] {
        let checked = check(&numbered(number, &data), Some(&shown));
        assert_eq!(checked, Ok(()), "{number}");
    }
}

#[test]
fn channels_greys_and_palettes_show_what_was_written() {
    let content = Content::of(1);
    let shown = |colour: fn([u8; 3], u8) -> [u8; 3]| Shown {
        width: content.width as u32,
        height: content.height as u32,
        rgb: (0..content.width * content.height)
            .flat_map(|at| {
                let (x, y) = (at % content.width, at / content.width);
                colour(content.at(x, y), content.grey(x, y))
            })
            .collect(),
    };
    let grey = |pixels: [[u8; 3]; 16]| pixels.map(|[_, green, _]| green);
    let red = |pixels: [[u8; 3]; 16]| pixels.map(|[red, _, _]| red);
    for signed in [false, true] {
        let one = blocks(&content, |pixels, _| channel(grey(pixels), signed));
        let two = blocks(&content, |pixels, _| {
            [channel(red(pixels), signed), channel(grey(pixels), signed)].concat()
        });
        let (of_one, of_two) = match signed {
            false => ([b"ATI1", b"BC4U"], [b"ATI2", b"BC5U"]),
            true => ([b"BC4S", b"BC4S"], [b"BC5S", b"BC5S"]),
        };
        let one_shown = shown(|[_, green, _], _| [green; 3]);
        let two_shown = shown(|[red, green, _], _| [red, green, 0]);
        for (letters, data, shown) in [
            (of_one[0], &one, &one_shown),
            (of_one[1], &one, &one_shown),
            (of_two[0], &two, &two_shown),
            (of_two[1], &two, &two_shown),
        ] {
            let name = letters.escape_ascii().to_string();
            let bytes = [&header(&content, CODED, letters, 0)[..], data].concat();
            let structure = Structure::seen(name.as_str(), "image/vnd-ms.dds", bytes);
            assert_eq!(check(&structure, Some(shown)), Ok(()), "{name}");
        }
    }
    let greys: Vec<u8> = (0..content.width * content.height)
        .map(|at| content.grey(at % content.width, at / content.width))
        .collect();
    let grey_file = [header(&content, 0x2_0000, &[0; 4], 8), greys].concat();
    let colours: Vec<u8> = palette(8)
        .iter()
        .flat_map(|&[red, green, blue]| [red, green, blue, 255])
        .collect();
    let palette_file = [
        header(&content, 0x20, &[0; 4], 8),
        colours,
        content.numbers(8),
    ]
    .concat();
    let numbered = |at: u8| palette(8)[usize::from(at)];
    let rgb = content.numbers(8).into_iter().flat_map(numbered).collect();
    let of_palette = Shown {
        rgb,
        ..shown(|colour, _| colour)
    };
    for (name, bytes, shown) in [
        ("grey", grey_file, shown(|_, grey| [grey; 3])),
        ("palette", palette_file, of_palette),
    ] {
        let structure = Structure::seen(name, "image/vnd-ms.dds", bytes);
        assert_eq!(check(&structure, Some(&shown)), Ok(()), "{name}");
    }
}
