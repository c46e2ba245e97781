//! Targas, and what Pillow and ImageMagick show of them: browsers do not read them.

use crate::content::{Content, palette};
use crate::matrix::{Right, Structure, check, hold};
use crate::shown::{Shower, Shown};

/// How a file is written.
#[derive(Clone, Copy)]
struct Plan {
    /// 1 palette, 2 colour, 3 grey; 8 more in packets.
    kind: u8,
    bits: u8,
    /// Bits of a colour of the palette, and the number of its first one; without a palette 0.
    palette: (u8, u16),
    descriptor: u8,
    /// Text before the pixels.
    text: &'static [u8],
    /// Whether packets end where rows do.
    by_rows: bool,
    alpha: fn(usize) -> u8,
    /// The end of newer files: what is said of alpha.
    footer: Option<u8>,
}

const TOP: u8 = 0x20;
const RIGHT: u8 = 0x10;

fn slope(x: usize) -> u8 {
    (x + 60).min(255) as u8
}

fn plan(kind: u8, bits: u8) -> Plan {
    Plan {
        kind,
        bits,
        palette: (0, 0),
        descriptor: TOP,
        text: b"",
        by_rows: true,
        alpha: slope,
        footer: None,
    }
}

impl Plan {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn packed(self) -> Self {
        self.with(|plan| plan.kind += 8)
    }

    fn palette(self, bits: u8, first: u16) -> Self {
        self.with(|plan| plan.palette = (bits, first))
    }

    fn descriptor(self, descriptor: u8) -> Self {
        self.with(|plan| plan.descriptor = descriptor)
    }

    /// The bytes of a colour.
    fn colour(bits: u8, [red, green, blue]: [u8; 3], alpha: u8) -> Vec<u8> {
        let five = |value: u8| u16::from(value >> 3);
        match bits {
            15 | 16 => {
                let opaque = u16::from(bits == 16 && alpha >= 128) << 15;
                let colour = opaque | five(red) << 10 | five(green) << 5 | five(blue);
                colour.to_le_bytes().to_vec()
            }
            24 => vec![blue, green, red],
            _ => vec![blue, green, red, alpha],
        }
    }

    fn pixel(&self, content: &Content, x: usize, y: usize) -> Vec<u8> {
        let alpha = (self.alpha)(x);
        match (self.kind & 7, self.bits) {
            (2, bits) => Self::colour(bits, content.at(x, y), alpha),
            (3, 8) => vec![content.grey(x, y)],
            (3, _) => vec![content.grey(x, y), alpha],
            (_, bits) => {
                // Numbers count from the palette's first colour on.
                let number = u16::from(content.number(4, x, y)) + self.palette.1;
                number.to_le_bytes()[..usize::from(bits) / 8].to_vec()
            }
        }
    }

    fn file(&self, name: &str, content: &Content) -> Structure {
        let (width, height) = (content.width, content.height);
        let colours = palette(4);
        let (palette_bits, first) = self.palette;
        let count = if palette_bits > 0 { colours.len() } else { 0 };
        let mut out = vec![self.text.len() as u8, u8::from(count > 0), self.kind];
        out.extend(first.to_le_bytes());
        out.extend((count as u16).to_le_bytes());
        out.extend([palette_bits, 0, 0, 0, 0]);
        out.extend([width as u16, height as u16].map(u16::to_le_bytes).concat());
        out.extend([self.bits, self.descriptor]);
        out.extend(self.text);
        if count > 0 {
            for colour in colours {
                out.extend(Self::colour(palette_bits, colour, 255));
            }
        }
        let rows = (0..height).map(|row| {
            let y = if self.descriptor & TOP != 0 {
                row
            } else {
                height - 1 - row
            };
            let pixels = (0..width).map(|column| {
                let from_right = self.descriptor & RIGHT != 0;
                let x = if from_right {
                    width - 1 - column
                } else {
                    column
                };
                self.pixel(content, x, y)
            });
            pixels.collect::<Vec<_>>()
        });
        if self.kind & 8 == 0 {
            out.extend(rows.flatten().flatten());
        } else if self.by_rows {
            rows.for_each(|row| pack(&row, &mut out));
        } else {
            pack(&rows.flatten().collect::<Vec<_>>(), &mut out);
        }
        if let Some(alpha) = self.footer {
            let at = out.len() as u32;
            let mut extension = vec![0; 495];
            extension[..2].copy_from_slice(&495_u16.to_le_bytes());
            extension[494] = alpha;
            out.extend(extension);
            out.extend(at.to_le_bytes());
            out.extend([0; 4]);
            out.extend(b"TRUEVISION-XFILE.\0");
        }
        Structure::seen(format!("tga {name}"), "image/x-tga", out)
    }
}

/// Packets: runs where pixels repeat, rows of them elsewhere.
fn pack(pixels: &[Vec<u8>], out: &mut Vec<u8>) {
    let mut at = 0;
    while at < pixels.len() {
        let same = pixels[at..]
            .iter()
            .take(128)
            .take_while(|&one| *one == pixels[at])
            .count();
        if same > 1 {
            out.push(0x80 | (same - 1) as u8);
            out.extend(&pixels[at]);
            at += same;
            continue;
        }
        let mut length = 1;
        while length < 128
            && at + length < pixels.len()
            && pixels.get(at + length + 1) != Some(&pixels[at + length])
        {
            length += 1;
        }
        out.push((length - 1) as u8);
        out.extend(pixels[at..at + length].iter().flatten());
        at += length;
    }
}

#[test]
fn depths_corners_and_packets_are_as_pillow_shows_them() {
    let mut all = Vec::new();
    for number in [0, 2] {
        let content = Content::of(number);
        let mut add = |name: &str, plan: Plan| {
            all.push(plan.file(&format!("{number} {name}"), &content));
            if plan.kind < 8 {
                let packed = plan.packed();
                all.push(packed.file(&format!("{number} {name}, packed"), &content));
            }
        };
        for (name, corner) in [
            ("from the top", TOP),
            ("from the bottom", 0),
            ("from the top right", TOP | RIGHT),
            ("from the bottom right", RIGHT),
        ] {
            add(&format!("24 bits {name}"), plan(2, 24).descriptor(corner));
            add(&format!("grey {name}"), plan(3, 8).descriptor(corner));
            add(
                &format!("32 bits {name}"),
                plan(2, 32).descriptor(8 | corner),
            );
        }
        add("32 bits, alpha not said", plan(2, 32));
        add("16 bits", plan(2, 16));
        add("16 bits, a bit of alpha", plan(2, 16).descriptor(TOP | 1));
        add("grey with alpha", plan(3, 16).descriptor(TOP | 8));
        for bits in [16, 24] {
            add(
                &format!("palette of {bits} bits"),
                plan(1, 8).palette(bits, 0),
            );
            add(
                &format!("palette of {bits} bits from 40"),
                plan(1, 8).palette(bits, 40),
            );
        }
        add(
            "a text",
            plan(2, 24).with(|plan| plan.text = b"a text of some length"),
        );
        add(
            "a footer",
            plan(2, 32).descriptor(8).with(|plan| plan.footer = Some(3)),
        );
    }
    hold(Shower::Pillow, &all);
}

/// Where Pillow takes alpha as it is, others ask the header.
#[test]
fn alpha_is_as_either_program_shows_it() {
    let content = Content::of(1);
    let all = [
        ("32 bits, alpha", plan(2, 32).descriptor(TOP | 8)),
        ("32 bits, alpha not said", plan(2, 32)),
        ("24 bits", plan(2, 24)),
        ("24 bits from below", plan(2, 24).descriptor(0)),
        ("24 bits, packed", plan(2, 24).packed()),
        ("16 bits", plan(2, 16)),
        ("16 bits, alpha", plan(2, 16).descriptor(TOP | 1)),
        ("15 bits", plan(2, 15)),
        ("grey", plan(3, 8)),
        ("grey, packed", plan(3, 8).packed()),
        ("palette", plan(1, 8).palette(24, 0)),
        ("palette, packed", plan(1, 8).palette(24, 0).packed()),
        ("palette of 32 bits", plan(1, 8).palette(32, 0)),
        ("palette of 32 bits from 40", plan(1, 8).palette(32, 40)),
        (
            "packets over rows",
            plan(10, 24).with(|plan| plan.by_rows = false),
        ),
    ];
    let all = all.map(|(name, plan)| plan.file(name, &content));
    hold(Shower::ImageMagick, &all);
}

/// Programs that leave 0 in every alpha mean nothing by it; those that believe it show nothing at all. And true colours may
/// bring a palette that others stumble over.
#[test]
fn alpha_that_is_nowhere_and_palettes_for_nothing_change_nothing() {
    let content = Content::of(1);
    let shown = Shown {
        width: content.width as u32,
        height: content.height as u32,
        rgb: content.rgb().to_vec(),
    };
    let nowhere = plan(2, 32).with(|plan| plan.alpha = |_| 0);
    let spare = plan(2, 24).palette(24, 0);
    let denied = plan(2, 32).descriptor(TOP | 8).with(|plan| {
        plan.footer = Some(0);
        plan.alpha = |x| (x * 3 % 256) as u8;
    });
    for plan in [
        nowhere,
        nowhere.packed(),
        nowhere.descriptor(TOP | 8),
        spare,
        spare.packed(),
        denied,
    ] {
        let file = plan.file("odd", &content);
        assert_eq!(check(&file, Some(&shown)), Ok(()));
    }
}

#[test]
fn what_is_cut_is_no_picture() {
    let content = Content::of(1);
    let cut = |plan: Plan| {
        let whole = plan.with(|plan| plan.footer = Some(3));
        let mut file = whole.file("cut", &content);
        let bytes = &mut file.file.bytes;
        let end = bytes.len() - 521;
        bytes.drain(end - 2000..end);
        file.but(Right::Refused)
    };
    hold(
        Shower::Pillow,
        &[cut(plan(2, 24)), cut(plan(2, 24).packed())],
    );
}
