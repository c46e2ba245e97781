//! A small writer of TIFFs, of every kind that a reader may meet.

use std::io::Write as _;

use fax::Bits;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use crate::common::shipped_pictures;
use crate::fax_made::{FaxWriter, changes};

pub(crate) const NONE: u16 = 1;
pub(crate) const FAX_RUNS: u16 = 2;
pub(crate) const FAX_3: u16 = 3;
pub(crate) const FAX_4: u16 = 4;
pub(crate) const LZW: u16 = 5;
pub(crate) const OLD_JPEG: u16 = 6;
pub(crate) const JPEG: u16 = 7;
pub(crate) const DEFLATE: u16 = 8;
pub(crate) const PACK_BITS: u16 = 32_773;
pub(crate) const OLD_DEFLATE: u16 = 32_946;
pub(crate) const ZSTD: u16 = 50_000;

/// The pictures that the files show, small.
pub(crate) fn contents() -> Vec<RgbImage> {
    shipped_pictures("known")
        .into_iter()
        .map(|(_, bytes)| {
            let picture = image::load_from_memory(&bytes).expect("a picture");
            let small = picture.resize(171, 171, image::imageops::FilterType::Triangle);
            small.to_rgb8()
        })
        .collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Unsigned,
    Signed,
    Float,
}

/// The values of an entry.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Bytes(Vec<u8>),
    Short(Vec<u16>),
    Long(Vec<u32>),
    Ratio(Vec<(u32, u32)>),
}

/// How a page is written.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) big_endian: bool,
    pub(crate) big_tiff: bool,
    pub(crate) photometric: u16,
    pub(crate) bits: u8,
    pub(crate) number: Number,
    pub(crate) compression: u16,
    pub(crate) old_lzw: bool,
    pub(crate) predictor: u16,
    pub(crate) separate: bool,
    pub(crate) tile: Option<(u32, u32)>,
    pub(crate) rows: u32,
    pub(crate) fill_order: u16,
    pub(crate) fax_options: u32,
    /// Samples behind the colours, of these kinds.
    pub(crate) extra: Vec<u16>,
    /// Whether the file says of what kind they are.
    pub(crate) says_extra: bool,
    pub(crate) subsampling: (u32, u32),
    /// Whether JPEG tables stand with the page.
    pub(crate) tables: bool,
    pub(crate) careless_map: bool,
    pub(crate) without: Vec<u16>,
    pub(crate) more: Vec<(u16, Values)>,
}

impl Plan {
    pub(crate) fn new(photometric: u16, bits: u8) -> Self {
        Self {
            big_endian: false,
            big_tiff: false,
            photometric,
            bits,
            number: Number::Unsigned,
            compression: NONE,
            old_lzw: false,
            predictor: 1,
            separate: false,
            tile: None,
            rows: 37,
            fill_order: 1,
            fax_options: 0,
            extra: Vec::new(),
            says_extra: true,
            subsampling: (1, 1),
            tables: true,
            careless_map: false,
            without: Vec::new(),
            more: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn samples(&self) -> usize {
        let colours = match self.photometric {
            0 | 1 | 3 => 1,
            5 => 4,
            _ => 3,
        };
        colours + self.extra.len()
    }

    /// A file of one page.
    pub(crate) fn file(&self, picture: &RgbImage) -> Vec<u8> {
        let mut file = Writer::new(self.big_endian, self.big_tiff);
        let page = self.page(&mut file, picture);
        file.pages(&[page])
    }

    /// Writes a page's pixels, and gives the entries of its directory.
    pub(crate) fn page(&self, file: &mut Writer, picture: &RgbImage) -> Vec<(u16, Values)> {
        let (width, height) = picture.dimensions();
        let planes = if self.separate { self.samples() } else { 1 };
        let (part_width, part_height) = self.tile.unwrap_or((width, self.rows.min(height)));
        let (mut offsets, mut counts) = (Vec::new(), Vec::new());
        for plane in 0..planes {
            for top in (0..height).step_by(part_height as usize) {
                for left in (0..width).step_by(part_width as usize) {
                    let rows = match self.tile {
                        Some(_) => part_height,
                        None => part_height.min(height - top),
                    };
                    let place = (left, top, part_width, rows);
                    let mut bytes = self.part(picture, place, plane);
                    if self.fill_order == 2 && self.compression != JPEG {
                        bytes
                            .iter_mut()
                            .for_each(|byte| *byte = byte.reverse_bits());
                    }
                    offsets.push(file.blob(&bytes) as u32);
                    counts.push(bytes.len() as u32);
                }
            }
        }
        let samples = self.samples();
        let mut entries = vec![
            (256, Values::Long(vec![width])),
            (257, Values::Long(vec![height])),
            (258, Values::Short(vec![u16::from(self.bits); samples])),
            (259, Values::Short(vec![self.compression])),
            (262, Values::Short(vec![self.photometric])),
            (266, Values::Short(vec![self.fill_order])),
            (277, Values::Short(vec![samples as u16])),
            (284, Values::Short(vec![if self.separate { 2 } else { 1 }])),
        ];
        match self.tile {
            Some((tile_width, tile_height)) => entries.extend([
                (322, Values::Long(vec![tile_width])),
                (323, Values::Long(vec![tile_height])),
                (324, Values::Long(offsets)),
                (325, Values::Long(counts)),
            ]),
            None => entries.extend([
                (273, Values::Long(offsets)),
                (278, Values::Long(vec![self.rows])),
                (279, Values::Long(counts)),
            ]),
        }
        if self.predictor > 1 {
            entries.push((317, Values::Short(vec![self.predictor])));
        }
        if self.compression == FAX_3 {
            entries.push((292, Values::Long(vec![self.fax_options])));
        }
        if self.number != Number::Unsigned {
            let kind = if self.number == Number::Signed { 2 } else { 3 };
            entries.push((339, Values::Short(vec![kind; samples])));
        }
        if !self.extra.is_empty() && self.says_extra {
            entries.push((338, Values::Short(self.extra.clone())));
        }
        if self.photometric == 3 {
            let scale = if self.careless_map { 1 } else { 257 };
            let map = (0..3).flat_map(|plane| {
                (0..1_u32 << self.bits)
                    .map(move |number| u16::from(self.colour(number)[plane]) * scale)
            });
            entries.push((320, Values::Short(map.collect())));
        }
        if self.photometric == 6 && self.compression != JPEG {
            let (across, down) = self.subsampling;
            entries.push((530, Values::Short(vec![across as u16, down as u16])));
        } else if self.photometric == 6 {
            entries.push((530, Values::Short(vec![1, 1])));
        }
        if self.compression == JPEG && self.tables {
            let tables = tables_of(&jpeg_of(
                &RgbImage::new(8, 8),
                self.separate || self.samples() == 1,
            ));
            entries.push((347, Values::Bytes(tables)));
        }
        entries.retain(|(tag, _)| !self.without.contains(tag));
        for (tag, values) in &self.more {
            entries.retain(|(other, _)| other != tag);
            entries.push((*tag, values.clone()));
        }
        entries.sort_by_key(|(tag, _)| *tag);
        entries
    }

    /// The colour of a number: greys in an order that nobody would guess.
    fn colour(&self, number: u32) -> [u8; 3] {
        let most = (1_u32 << self.bits) - 1;
        let grey = ((number ^ most) * 255 / most) as u8;
        [grey, grey, grey.saturating_sub(grey / 4)]
    }

    /// The samples of a pixel, 0 to 1; numbers of colours as they are.
    fn pixel(&self, picture: &RgbImage, x: u32, y: u32) -> Vec<f32> {
        let (width, height) = picture.dimensions();
        let (x, y) = (x.min(width - 1), y.min(height - 1));
        let [red, green, blue] = picture
            .get_pixel(x, y)
            .0
            .map(|light| f32::from(light) / 255.0);
        let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
        // Ordered dots, where a depth has few steps.
        let dots = [
            [0.0, 8.0, 2.0, 10.0],
            [12.0, 4.0, 14.0, 6.0],
            [3.0, 11.0, 1.0, 9.0],
            [15.0, 7.0, 13.0, 5.0],
        ];
        let most = ((1_u64 << self.bits.min(16)) - 1) as f32;
        let dot = (dots[y as usize % 4][x as usize % 4] + 0.5) / 16.0 - 0.5;
        let dotted = if self.bits < 8 {
            (luma + dot / most).clamp(0.0, 1.0)
        } else {
            luma
        };
        let mut samples = match self.photometric {
            0 => vec![1.0 - dotted],
            1 => vec![dotted],
            2 => vec![red, green, blue],
            3 => vec![1.0 - dotted],
            5 => {
                let black = 1.0 - red.max(green).max(blue);
                let ink = |light: f32| (1.0 - light - black) / (1.0 - black).max(1e-3);
                vec![ink(red), ink(green), ink(blue), black]
            }
            6 => vec![
                luma,
                (blue - luma) / 1.772 + 128.0 / 255.0,
                (red - luma) / 1.402 + 128.0 / 255.0,
            ],
            // Near enough to Lab to have colours.
            8 | 9 => {
                let middle = if self.photometric == 8 { 0.0 } else { 128.0 };
                let code = |value: f32| (value + middle).rem_euclid(256.0) / 255.0;
                vec![
                    luma.sqrt(),
                    code(((red - green) * 60.0).round()),
                    code(((green - blue) * 60.0).round()),
                ]
            }
            other => panic!("no colours of kind {other}"),
        };
        let alpha = 0.25 + 0.75 * x as f32 / width as f32;
        if self.extra.contains(&1) {
            samples.iter_mut().for_each(|sample| *sample *= alpha);
        }
        samples.extend(self.extra.iter().map(|kind| match kind {
            0 => 0.3,
            _ => alpha,
        }));
        samples
    }

    fn code(&self, sample: f32) -> Vec<u8> {
        let most = ((1_u64 << self.bits.min(32)) - 1) as f64;
        let unsigned = (f64::from(sample) * most).round().clamp(0.0, most) as u64;
        let mut bytes = match (self.number, self.bits) {
            (Number::Unsigned, bits) => {
                unsigned.to_be_bytes()[8 - usize::from(bits.div_ceil(8))..].to_vec()
            }
            (Number::Signed, bits) => {
                (unsigned ^ 1 << (bits - 1)).to_be_bytes()[8 - usize::from(bits / 8)..].to_vec()
            }
            (Number::Float, 16) => half(sample).to_be_bytes().to_vec(),
            (Number::Float, 32) => sample.to_be_bytes().to_vec(),
            (Number::Float, _) => f64::from(sample).to_be_bytes().to_vec(),
        };
        if !self.big_endian && self.bits.is_multiple_of(8) {
            bytes.reverse();
        }
        bytes
    }

    /// A strip or tile of one plane, packed.
    fn part(&self, picture: &RgbImage, place: (u32, u32, u32, u32), plane: usize) -> Vec<u8> {
        let (left, top, width, rows) = place;
        if self.compression == JPEG {
            return self.jpeg(picture, place, plane);
        }
        if self.photometric == 6 && self.subsampling != (1, 1) {
            return self.packed(self.blocks(picture, place), 0, width, rows);
        }
        let mut plain = Vec::new();
        let mut row_bytes = 0;
        for y in top..top + rows {
            let mut row = Vec::new();
            let (mut held, mut count) = (0_u64, 0);
            for x in left..left + width {
                let samples = self.pixel(picture, x, y);
                let samples = if self.separate {
                    &samples[plane..=plane]
                } else {
                    &samples[..]
                };
                for &sample in samples {
                    let code = self.code(sample);
                    if self.bits.is_multiple_of(8) {
                        row.extend(code);
                        continue;
                    }
                    let code = code
                        .iter()
                        .fold(0_u64, |all, &byte| all << 8 | u64::from(byte));
                    held = held << self.bits | code;
                    count += u32::from(self.bits);
                    while count >= 8 {
                        count -= 8;
                        row.push((held >> count) as u8);
                    }
                }
            }
            if count > 0 {
                row.push((held << (8 - count)) as u8);
            }
            self.predict(&mut row);
            row_bytes = row.len();
            plain.extend(row);
        }
        self.packed(plain, row_bytes, width, rows)
    }

    fn predict(&self, row: &mut Vec<u8>) {
        let step = if self.separate { 1 } else { self.samples() };
        let size = usize::from(self.bits / 8);
        match self.predictor {
            2 => {
                let number = |bytes: &[u8]| {
                    let turn = |all: u64, byte: &u8| all << 8 | u64::from(*byte);
                    if self.big_endian {
                        bytes.iter().fold(0, turn)
                    } else {
                        bytes.iter().rev().fold(0, turn)
                    }
                };
                for at in (step * size..row.len()).step_by(size).rev() {
                    let back = at - step * size;
                    let difference =
                        number(&row[at..at + size]).wrapping_sub(number(&row[back..back + size]));
                    let mut bytes = difference.to_le_bytes()[..size].to_vec();
                    if self.big_endian {
                        bytes.reverse();
                    }
                    row[at..at + size].copy_from_slice(&bytes);
                }
            }
            3 => {
                let sorted = (0..size).flat_map(|weight| {
                    let weight = if self.big_endian {
                        weight
                    } else {
                        size - 1 - weight
                    };
                    row.chunks_exact(size).map(move |sample| sample[weight])
                });
                let mut sorted: Vec<u8> = sorted.collect();
                for at in (step..sorted.len()).rev() {
                    sorted[at] = sorted[at].wrapping_sub(sorted[at - step]);
                }
                *row = sorted;
            }
            _ => {}
        }
    }

    /// Luma and chroma in blocks.
    fn blocks(&self, picture: &RgbImage, place: (u32, u32, u32, u32)) -> Vec<u8> {
        let (left, top, width, rows) = place;
        let (across, down) = self.subsampling;
        let mut plain = Vec::new();
        for y in (top..top + rows).step_by(down as usize) {
            for x in (left..left + width).step_by(across as usize) {
                let pixels = (0..down).flat_map(|dy| (0..across).map(move |dx| (x + dx, y + dy)));
                let pixels: Vec<_> = pixels.map(|(x, y)| self.pixel(picture, x, y)).collect();
                let byte = |sample: f32| (sample * 255.0).round() as u8;
                plain.extend(pixels.iter().map(|pixel| byte(pixel[0])));
                for chroma in 1..3 {
                    let sum: f32 = pixels.iter().map(|pixel| pixel[chroma]).sum();
                    plain.push(byte(sum / pixels.len() as f32));
                }
            }
        }
        plain
    }

    fn packed(&self, plain: Vec<u8>, row_bytes: usize, width: u32, rows: u32) -> Vec<u8> {
        match self.compression {
            NONE => plain,
            LZW if self.old_lzw => weezl::encode::Encoder::new(weezl::BitOrder::Lsb, 8)
                .encode(&plain)
                .expect("packed"),
            LZW => weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
                .encode(&plain)
                .expect("packed"),
            DEFLATE | OLD_DEFLATE => {
                let mut zlib =
                    flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                zlib.write_all(&plain).expect("packed");
                zlib.finish().expect("packed")
            }
            ZSTD => ruzstd::encoding::compress_to_vec(
                plain.as_slice(),
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
            PACK_BITS => plain.chunks(row_bytes.max(1)).flat_map(pack_bits).collect(),
            FAX_RUNS | FAX_3 | FAX_4 => {
                assert_eq!(plain.len() / row_bytes, rows as usize);
                self.fax(&plain, row_bytes, width)
            }
            other => panic!("no compression {other}"),
        }
    }

    fn fax(&self, plain: &[u8], row_bytes: usize, width: u32) -> Vec<u8> {
        let mut bits = FaxWriter::new();
        let mut above = Vec::new();
        let two_dimensional = self.compression == FAX_3 && self.fax_options & 1 == 1;
        for (number, row) in plain.chunks(row_bytes).enumerate() {
            let changes = changes(row, width);
            match self.compression {
                FAX_RUNS => bits.align(),
                FAX_3 => {
                    if self.fax_options & 4 == 4 {
                        // The mark ends at a whole byte.
                        while bits.count % 8 != 4 {
                            bits.put(Bits { data: 0, len: 1 });
                        }
                    }
                    bits.put(Bits { data: 1, len: 12 });
                }
                _ => {}
            }
            let alone = self.compression != FAX_4 && (!two_dimensional || number % 4 == 0);
            if two_dimensional {
                bits.put(Bits {
                    data: u16::from(alone),
                    len: 1,
                });
            }
            if alone {
                bits.runs(&changes, width);
            } else {
                bits.by_the_row_above(&above, &changes, width);
            }
            above = changes;
        }
        match self.compression {
            FAX_4 => (0..2).for_each(|_| bits.put(Bits { data: 1, len: 12 })),
            FAX_3 => (0..6).for_each(|_| {
                bits.put(Bits { data: 1, len: 12 });
                if two_dimensional {
                    bits.put(Bits { data: 1, len: 1 });
                }
            }),
            _ => {}
        }
        bits.bits.finish()
    }

    fn jpeg(&self, picture: &RgbImage, place: (u32, u32, u32, u32), plane: usize) -> Vec<u8> {
        let (left, top, width, rows) = place;
        let grey = self.separate || self.samples() == 1;
        let part = RgbImage::from_fn(width, rows, |x, y| {
            let (x, y) = (
                (left + x).min(picture.width() - 1),
                (top + y).min(picture.height() - 1),
            );
            if grey {
                let sample = self.pixel(picture, x, y)[plane];
                image::Rgb([(sample * 255.0).round() as u8; 3])
            } else {
                *picture.get_pixel(x, y)
            }
        });
        let jpeg = jpeg_of(&part, grey);
        if self.tables {
            without_tables(&jpeg)
        } else {
            jpeg
        }
    }
}

/// A JPEG of luma and chroma, or of grey.
pub(crate) fn jpeg_of(picture: &RgbImage, grey: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if grey {
        let grey = image::DynamicImage::ImageRgb8(picture.clone()).to_luma8();
        encoder.encode_image(&grey).expect("a JPEG");
    } else {
        encoder.encode_image(picture).expect("a JPEG");
    }
    bytes
}

/// The segments of a JPEG up to its first scan, by their codes, and the rest.
fn segments(jpeg: &[u8]) -> (Vec<(u8, &[u8])>, &[u8]) {
    let mut found = Vec::new();
    let mut at = 2;
    loop {
        let code = jpeg[at + 1];
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if code == 0xda {
            return (found, &jpeg[at..]);
        }
        found.push((code, &jpeg[at..end]));
        at = end;
    }
}

fn tables_of(jpeg: &[u8]) -> Vec<u8> {
    let (found, _) = segments(jpeg);
    let tables = found.iter().filter(|(code, _)| matches!(code, 0xc4 | 0xdb));
    let tables: Vec<u8> = tables.flat_map(|(_, segment)| segment.to_vec()).collect();
    [&[0xff, 0xd8][..], &tables, &[0xff, 0xd9]].concat()
}

fn without_tables(jpeg: &[u8]) -> Vec<u8> {
    let (found, rest) = segments(jpeg);
    let others = found
        .iter()
        .filter(|(code, _)| !matches!(code, 0xc4 | 0xdb));
    let others: Vec<u8> = others.flat_map(|(_, segment)| segment.to_vec()).collect();
    [&[0xff, 0xd8][..], &others, rest].concat()
}

fn half(value: f32) -> u16 {
    if value < 1.0 / 16_384.0 {
        return (value * 16_777_216.0) as u16;
    }
    let pattern = value.to_bits();
    let exponent = (pattern >> 23) as i32 - 127 + 15;
    (exponent as u16) << 10 | (pattern >> 13) as u16 & 0x3ff
}

fn pack_bits(row: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut rest = row;
    while let Some(&first) = rest.first() {
        let run = rest
            .iter()
            .take(128)
            .take_while(|&&byte| byte == first)
            .count();
        if run > 2 {
            packed.extend([(257 - run) as u8, first]);
            rest = &rest[run..];
            continue;
        }
        let literal = rest.len().min(100);
        packed.push(literal as u8 - 1);
        packed.extend(&rest[..literal]);
        rest = &rest[literal..];
    }
    packed
}

/// A file that is being written.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
    big_tiff: bool,
}

impl Writer {
    pub(crate) fn new(big_endian: bool, big_tiff: bool) -> Self {
        let mut file = Self {
            bytes: if big_endian {
                b"MM".to_vec()
            } else {
                b"II".to_vec()
            },
            big_endian,
            big_tiff,
        };
        let mark = if big_tiff { 43 } else { 42 };
        file.number(mark, 2);
        if big_tiff {
            file.number(8, 2);
            file.number(0, 2);
        }
        file.number(0, file.width());
        file
    }

    fn width(&self) -> usize {
        if self.big_tiff { 8 } else { 4 }
    }

    fn encoded(&self, number: u64, width: usize) -> Vec<u8> {
        if self.big_endian {
            number.to_be_bytes()[8 - width..].to_vec()
        } else {
            number.to_le_bytes()[..width].to_vec()
        }
    }

    fn number(&mut self, number: u64, width: usize) {
        let encoded = self.encoded(number, width);
        self.bytes.extend(encoded);
    }

    /// Appends bytes, and gives their place.
    pub(crate) fn blob(&mut self, bytes: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend(bytes);
        at
    }

    /// Appends a directory, and gives its place and that of the place of the next one.
    pub(crate) fn directory(&mut self, entries: &[(u16, Values)]) -> (u64, usize) {
        let mut listed = Vec::new();
        for (tag, values) in entries {
            let (kind, count, bytes) = match values {
                Values::Bytes(bytes) => (7, bytes.len(), bytes.clone()),
                Values::Short(numbers) => {
                    let bytes = numbers
                        .iter()
                        .flat_map(|&number| self.encoded(number.into(), 2));
                    (3, numbers.len(), bytes.collect())
                }
                Values::Long(numbers) => {
                    let bytes = numbers
                        .iter()
                        .flat_map(|&number| self.encoded(number.into(), 4));
                    (4, numbers.len(), bytes.collect())
                }
                Values::Ratio(numbers) => {
                    let parts = numbers.iter().flat_map(|&(over, under)| [over, under]);
                    let bytes = parts.flat_map(|part| self.encoded(part.into(), 4));
                    (5, numbers.len(), bytes.collect())
                }
            };
            listed.extend(self.encoded(u64::from(*tag), 2));
            listed.extend(self.encoded(kind, 2));
            listed.extend(self.encoded(count as u64, self.width()));
            let mut place = if bytes.len() <= self.width() {
                bytes
            } else {
                let at = self.blob(&bytes);
                self.encoded(at, self.width())
            };
            place.resize(self.width(), 0);
            listed.extend(place);
        }
        let at = self.blob(&[]);
        self.number(entries.len() as u64, if self.big_tiff { 8 } else { 2 });
        self.bytes.extend(listed);
        let next = self.bytes.len();
        self.number(0, self.width());
        (at, next)
    }

    /// Appends the directories of pages that follow one another, and gives the file.
    pub(crate) fn pages(mut self, pages: &[Vec<(u16, Values)>]) -> Vec<u8> {
        let mut pointer = if self.big_tiff { 8 } else { 4 };
        for page in pages {
            let (at, next) = self.directory(page);
            let encoded = self.encoded(at, self.width());
            self.bytes[pointer..pointer + encoded.len()].copy_from_slice(&encoded);
            pointer = next;
        }
        self.bytes
    }
}
