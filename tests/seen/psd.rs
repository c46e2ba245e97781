//! Photoshop files, and what ImageMagick and Pillow show of their merged picture: browsers do not read them.

use crate::content::{Content, palette};
use crate::matrix::{Right, Structure, hold};
use crate::shown::Shower;

const BITMAP: u16 = 0;
const GREY: u16 = 1;
const INDEXED: u16 = 2;
const RGB: u16 = 3;
const CMYK: u16 = 4;
const DUOTONE: u16 = 8;
const LAB: u16 = 9;

/// How a file is written.
#[derive(Clone)]
struct Plan {
    large: bool,
    mode: u16,
    depth: u16,
    /// Channels beyond those of the colours: the first is a slope, others are black.
    extra: usize,
    packed: bool,
    resources: Vec<u8>,
    layers: Vec<u8>,
}

fn plan(mode: u16, depth: u16) -> Plan {
    Plan {
        large: false,
        mode,
        depth,
        extra: 0,
        packed: false,
        resources: Vec::new(),
        layers: Vec::new(),
    }
}

fn resource(number: u16, data: &[u8]) -> Vec<u8> {
    let mut resource = b"8BIM".to_vec();
    resource.extend(number.to_be_bytes());
    // A name of three letters.
    resource.extend(b"\x03abc");
    resource.extend((data.len() as u32).to_be_bytes());
    resource.extend(data);
    resource.resize(resource.len().next_multiple_of(2), 0);
    resource
}

impl Plan {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn colours(&self) -> usize {
        match self.mode {
            RGB | LAB => 3,
            CMYK => 4,
            _ => 1,
        }
    }

    fn sample(&self, content: &Content, channel: usize, x: usize, y: usize) -> u8 {
        let colour = content.at(x, y);
        match self.mode {
            _ if channel > self.colours() => 0,
            _ if channel == self.colours() => (x + 60).min(255) as u8,
            INDEXED => content.number(8, x, y),
            RGB => colour[channel],
            // Some black in every pixel; stored is what ink leaves.
            CMYK => {
                let most = colour.into_iter().max().unwrap_or(0).max(1);
                match channel {
                    3 => most,
                    _ => (u32::from(colour[channel]) * 255 / u32::from(most)) as u8,
                }
            }
            LAB => match channel {
                0 => content.grey(x, y),
                1 => (128 + x / 8) as u8,
                _ => (140 - y / 8) as u8,
            },
            _ => content.grey(x, y),
        }
    }

    fn row(&self, content: &Content, channel: usize, y: usize) -> Vec<u8> {
        let samples = (0..content.width).map(|x| self.sample(content, channel, x, y));
        match self.depth {
            1 => {
                // One is black. Greys become patterns.
                let pattern = [[20, 140], [200, 80]];
                let mut row = vec![0; content.width.div_ceil(8)];
                for (x, sample) in samples.enumerate() {
                    if sample < pattern[y % 2][x % 2] {
                        row[x / 8] |= 0x80 >> (x % 8);
                    }
                }
                row
            }
            16 => samples.flat_map(|sample| [sample, 77]).collect(),
            _ => samples.collect(),
        }
    }

    fn bytes(&self, content: &Content) -> Vec<u8> {
        let channels = self.colours() + self.extra;
        let mut out = b"8BPS".to_vec();
        out.extend([0, if self.large { 2 } else { 1 }, 0, 0, 0, 0, 0, 0]);
        out.extend((channels as u16).to_be_bytes());
        out.extend(
            [content.height as u32, content.width as u32]
                .map(u32::to_be_bytes)
                .concat(),
        );
        out.extend([self.depth, self.mode].map(u16::to_be_bytes).concat());
        let colours = match self.mode {
            INDEXED => {
                let palette = palette(8);
                (0..3)
                    .flat_map(|plane| {
                        palette
                            .iter()
                            .map(move |colour| colour[plane])
                            .collect::<Vec<_>>()
                    })
                    .collect()
            }
            DUOTONE => vec![0; 536],
            _ => Vec::new(),
        };
        for section in [&colours, &self.resources] {
            out.extend((section.len() as u32).to_be_bytes());
            out.extend(section);
        }
        if self.large {
            out.extend([0; 4]);
        }
        out.extend((self.layers.len() as u32).to_be_bytes());
        out.extend(&self.layers);
        out.extend([0, u8::from(self.packed)]);
        let rows = (0..channels)
            .flat_map(|channel| (0..content.height).map(move |y| self.row(content, channel, y)));
        if self.packed {
            let packed: Vec<Vec<u8>> = rows.map(|row| pack(&row)).collect();
            for row in &packed {
                match self.large {
                    true => out.extend((row.len() as u32).to_be_bytes()),
                    false => out.extend((row.len() as u16).to_be_bytes()),
                }
            }
            out.extend(packed.concat());
        } else {
            out.extend(rows.flatten());
        }
        out
    }

    fn file(&self, name: &str, content: &Content) -> Structure {
        let name = format!("psd {name}{}", if self.packed { ", packed" } else { "" });
        let kind = if self.large {
            "image/x-psb"
        } else {
            "image/x-psd"
        };
        Structure::seen(name, kind, self.bytes(content))
    }
}

/// Runs, and bytes as they are.
fn pack(row: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < row.len() {
        let same = row[at..]
            .iter()
            .take(128)
            .take_while(|&&one| one == row[at])
            .count();
        if same > 2 {
            out.extend([(257 - same) as u8, row[at]]);
            at += same;
        } else {
            let length = (row.len() - at).min(7);
            out.push((length - 1) as u8);
            out.extend(&row[at..at + length]);
            at += length;
        }
    }
    out
}

/// Each plain and packed.
fn both(plans: &[(&str, Plan)], content: &Content) -> Vec<Structure> {
    let pair = |(name, plan): &(&str, Plan)| {
        let packed = plan.clone().with(|plan| plan.packed = true);
        [plan.file(name, content), packed.file(name, content)]
    };
    plans.iter().flat_map(pair).collect()
}

/// A file in true colours with a colour profile.
pub(crate) fn with_profile(picture: &image::RgbImage, profile: &[u8]) -> Vec<u8> {
    let (width, height) = picture.dimensions();
    let plan = plan(RGB, 8).with(|plan| plan.resources = resource(1039, profile));
    plan.bytes(&Content::from_rgb(
        width as usize,
        height as usize,
        picture.as_raw().clone(),
    ))
}

#[test]
fn modes_depths_and_packing_are_as_imagemagick_shows_them() {
    let content = Content::of(1);
    let alpha = |mode, depth| plan(mode, depth).with(|plan| plan.extra = 1);
    let large = |mode, depth| plan(mode, depth).with(|plan| plan.large = true);
    let plans = [
        ("grey", plan(GREY, 8)),
        ("grey of 16 bits", plan(GREY, 16)),
        ("grey with alpha", alpha(GREY, 8)),
        ("bitmap", plan(BITMAP, 1)),
        ("RGB", plan(RGB, 8)),
        ("RGB of 16 bits", plan(RGB, 16)),
        ("RGB with alpha", alpha(RGB, 8)),
        ("RGB of 16 bits with alpha", alpha(RGB, 16)),
        ("RGB with more", plan(RGB, 8).with(|plan| plan.extra = 3)),
        ("CMYK", plan(CMYK, 8)),
        ("CMYK of 16 bits", plan(CMYK, 16)),
        ("CMYK with alpha", alpha(CMYK, 8)),
        ("two inks", plan(DUOTONE, 8)),
        ("CIELab", plan(LAB, 8)),
        ("large RGB", large(RGB, 8)),
        ("large CMYK", large(CMYK, 8)),
    ];
    hold(Shower::ImageMagick, &both(&plans, &content));
}

#[test]
fn what_pillow_reads_too_is_as_it_shows_it() {
    let mut all = Vec::new();
    for number in [0, 2] {
        let content = Content::of(number);
        let alpha = plan(RGB, 8).with(|plan| plan.extra = 1);
        let named = plan(RGB, 8).with(|plan| {
            plan.resources = [resource(1000, b"odd"), resource(1057, &[0, 0, 0, 1, 1])].concat();
            plan.layers = vec![0; 4];
        });
        all.extend(both(
            &[
                ("grey", plan(GREY, 8)),
                ("palette", plan(INDEXED, 8)),
                ("RGB", plan(RGB, 8)),
                ("RGB and alpha", alpha),
                ("CMYK", plan(CMYK, 8)),
                ("two inks", plan(DUOTONE, 8)),
                ("resources and layers", named),
            ],
            &content,
        ));
    }
    hold(Shower::Pillow, &all);
}

#[test]
fn what_has_no_merged_picture_is_named_and_what_is_cut_is_none() {
    let content = Content::of(1);
    let unmerged = plan(RGB, 8).with(|plan| plan.resources = resource(1057, &[0, 0, 0, 1, 0]));
    let unmerged = unmerged.file("without a merged picture", &content);
    let verdict = crate::matrix::gate_of(None).check(&unmerged.file.bytes);
    assert_eq!(verdict.outcome, hashgate::gate::Outcome::Unsupported);
    assert!(
        verdict
            .error()
            .unwrap_or_default()
            .contains("merged picture")
    );
    let mut cut = plan(RGB, 8).file("cut", &content);
    cut.file.bytes.truncate(30_000);
    hold(Shower::Pillow, &[cut.but(Right::Refused)]);
}

/// A file of Photoshop's brings a small picture along; its layers are named.
#[test]
fn the_small_picture_is_asked_about_and_layers_are_named() {
    let (content, other) = (Content::of(1), Content::of(2));
    let mut jpeg = vec![0; 28];
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
    let small = image::RgbImage::from_raw(
        other.width as u32,
        other.height as u32,
        other.rgb().to_vec(),
    );
    small
        .expect("a picture")
        .write_with_encoder(encoder)
        .expect("a JPEG");
    let file = plan(RGB, 8).with(|plan| {
        plan.resources = resource(1036, &jpeg);
        plan.layers = [&8_u32.to_be_bytes()[..], &[1; 8]].concat();
    });
    let shown = crate::shown::Shown {
        width: other.width as u32,
        height: other.height as u32,
        rgb: other.rgb().to_vec(),
    };
    let bytes = file.bytes(&content);
    let verdict = crate::matrix::gate_with_embedded(&shown).check(&bytes);
    assert_eq!(verdict.outcome, hashgate::gate::Outcome::Match);
    assert!(verdict.matches[0].variant.embedded);
    assert_eq!(verdict.unread.len(), 1);
    assert_eq!(
        (&*verdict.unread[0].what, verdict.unread[0].bytes),
        ("layers", 12)
    );
}
