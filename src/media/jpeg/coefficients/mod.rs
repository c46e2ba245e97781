//! The 64×64 samples of a JPEG from its coefficients, without decoding it.
//!
//! Owns the reading of the coefficients and what a decoder would have made of them afterwards: the
//! level shift, the picture's edges, and colours that leave the range (`colour.rs`). Refuses to
//! judge: [`sample`] says `None` for every file that is not plain and clean, and then the file is
//! decoded and judged by that. So no outcome depends on this room.
//!
//! **Plain** is what cameras, phones, browsers and servers write: 8-bit baseline, extended or
//! progressive Huffman coding, one component or YCbCr whose luma is sampled once or twice to a
//! chroma sample, all components in one scan (in progressive files: in the scans of DC). **Clean**
//! is narrower than decodable: every marker where it belongs, every code and value in range, no byte
//! too few or too many. What a decoder mends or passes over in its own way is left to the decoder.
//!
//! ```text
//! read the markers; a segment that is not as it should be: None
//! baseline:     for each unit: its blocks' coefficients, chroma too; each luma block is placed
//! progressive:  for each scan: the first coefficients of each luma block, the DC of each chroma
//!               block, and how far all others may swing; at the end each luma block is placed
//! place a block: no colour of it can leave the range: its first coefficients, to the samples
//!               else: its pixels, clamped as a decoder does, to the samples
//! ```

mod bands;
mod baseline;
mod colour;
mod feed;
mod progressive;
mod quick;
mod refining;
pub(super) mod strict;

use super::super::{Format, Limits, Orientation};
use super::entropy::Table;
use super::lookups::Pairs;
use crate::signal::pdq::blocks::{BlockSampler, BlockSamples, Kept, MOST_KEPT};
use crate::signal::thumbnail::{BlockThumbnail, Thumbnail};
use colour::{Chroma, Clamped, Colours, Detail};
pub(in crate::media) use progressive::MOST_BYTES_AGAIN;
use progressive::Progressive;
use std::rc::Rc;

/// How far the luma of a picture may be off on average for colours out of range that could not be
/// followed, in steps of 255.
const MOST_DOUBT: f64 = 2.0;
/// Where pixels have to be computed of more than one block in so many, the picture is decoded: of a
/// baseline one that is as fast, and where so much is out of range hashes are too far off, as the fuzzer
/// found (10 bits).
const CLAMPED_ONE_IN: usize = 2;
/// That is foreseen once one block in so many is read, where it was so for so many of them.
const FORESEEN_FROM: usize = 8;
const FORESEEN_OF: (usize, usize) = (3, 4);
/// More scans than this are left to the decoder.
const MAX_SCANS: u32 = 100;
/// The same for Huffman tables.
const MAX_TABLES: u32 = 512;
/// The most that a block's coefficients add up to, dequantised, in a picture of 8-bit samples, and
/// some more. Beyond it decoders overflow, each in its own way.
const MOST_SWING: i32 = 16_384;

/// From the zigzag order to eight times the vertical frequency plus the horizontal one (A.3.6).
const ZIGZAG_TO_NATURAL: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// The samples of a JPEG, and what its headers say.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sampled {
    /// Pixels in a row, as stored.
    pub width: u32,
    /// Rows, as stored.
    pub height: u32,
    /// The samples of the picture as stored.
    pub stored: BlockSamples,
    /// The samples of the picture as a viewer turns it, where it does and they were asked for.
    pub displayed: Option<BlockSamples>,
    /// The small luma picture of it as stored, where it was asked for.
    pub thumbnail: Option<Thumbnail>,
    /// How a viewer turns it.
    pub orientation: Orientation,
}

/// What [`sample_with`](crate::media::sample_with) shall give besides the samples of the picture as
/// stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampling {
    /// The samples of the picture as a viewer turns it, where it does.
    pub displayed: bool,
    /// The picture's [`Thumbnail`], with so many cells along the shorter side where its size admits.
    pub thumbnail: Option<usize>,
}

/// Reads the samples of a plain, clean JPEG, and what else is asked for.
pub(in crate::media) fn sample(
    bytes: &[u8],
    limits: &Limits,
    sampling: Sampling,
) -> Option<Sampled> {
    let reader = Reader {
        bytes,
        limits,
        sampling,
        quantisation: [const { None }; 4],
        dc: [const { None }; 4],
        ac: [const { None }; 4],
        interval: 0,
        orientation: Orientation::Normal,
        adobe: false,
        tables: 0,
        scans: 0,
        frame: None,
        progressive: None,
    };
    reader.run()
}

/// What the frame header says.
struct FrameHeader {
    progressive: bool,
    /// Pixels as stored: in a row, and rows.
    sides: (u16, u16),
}

/// What the first frame header says; `None` where there is none.
fn frame_header(bytes: &[u8]) -> Option<FrameHeader> {
    let mut at = 2;
    loop {
        let &[0xff, marker, high, low] = bytes.get(at..at + 4)? else {
            return None;
        };
        if let 0xc0..=0xc2 = marker {
            let &[h1, h0, w1, w0] = bytes.get(at + 5..at + 9)? else {
                return None;
            };
            return Some(FrameHeader {
                progressive: marker == 0xc2,
                sides: (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0])),
            });
        }
        if marker == 0xda {
            return None;
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

/// Whether the frame header says so. False where there is none.
pub(in crate::media) fn is_progressive(bytes: &[u8]) -> bool {
    frame_header(bytes).is_some_and(|header| header.progressive)
}

/// Pixels in a row, and rows, as the frame header says. `None` where there is none.
pub(in crate::media) fn sides(bytes: &[u8]) -> Option<(u16, u16)> {
    frame_header(bytes).map(|header| header.sides)
}

/// Whether reading the coefficients is likely to cost less than decoding: of progressive pictures
/// half or less at every size; of baseline ones no less in small pictures, where so many
/// coefficients count, and blocks to be clamped, that pixels come cheaper.
pub(in crate::media) fn is_worth_sampling(bytes: &[u8], from: u16) -> bool {
    frame_header(bytes).is_some_and(|header| {
        let (width, height) = header.sides;
        header.progressive || width.min(height) >= from
    })
}

/// What the decoding of one component takes from its headers.
struct Plane {
    id: u8,
    horizontal: usize,
    vertical: usize,
    quantisation: usize,
    /// Blocks that hold a part of the picture.
    across: usize,
    down: usize,
    /// Blocks in a row of whole units.
    stride: usize,
}

impl Plane {
    /// The blocks of a scan of this component alone.
    fn area(&self) -> bands::Area {
        bands::Area {
            across: self.across,
            down: self.down,
            stride: self.stride,
        }
    }

    /// The block of this component that lies over a block of luma.
    fn block_over(&self, luma: &Self, row: usize, column: usize) -> usize {
        let row = row * self.vertical / luma.vertical;
        row * self.stride + column * self.horizontal / luma.horizontal
    }
}

struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    units_across: usize,
    units_down: usize,
    /// Luma, then the two of chroma where there is any.
    planes: Vec<Plane>,
    kept: Kept,
}

/// A quantisation table, in the zigzag order.
#[derive(Clone)]
struct Quantisation {
    steps: [i32; 64],
    /// How far one step of each coefficient moves a pixel at most, in 1/64 steps of luma; zeros
    /// behind.
    reach: [u32; 128],
    /// The steps again; zeros behind.
    sizes: [u32; 128],
}

struct Reader<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    sampling: Sampling,
    quantisation: [Option<Quantisation>; 4],
    dc: [Option<Rc<Table>>; 4],
    ac: [Option<Rc<Table>>; 4],
    interval: u32,
    orientation: Orientation,
    adobe: bool,
    tables: u32,
    scans: u32,
    frame: Option<Frame>,
    progressive: Option<Progressive>,
}

impl Reader<'_> {
    fn run(mut self) -> Option<Sampled> {
        let mut at = 2;
        loop {
            let &[0xff, marker] = self.bytes.get(at..at + 2)? else {
                return None;
            };
            at += 2;
            if marker == 0xd9 {
                // A baseline picture has ended behind its only scan.
                return self.progressive.take()?.finish(&self);
            }
            let length = self.bytes.get(at..at + 2)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let segment = self.bytes.get(at + 2..at + length)?;
            at += length;
            match marker {
                0xc0..=0xc2 => self.start_frame(marker == 0xc2, segment)?,
                0xc4 => self.define_huffman(segment)?,
                0xdb => self.define_quantisation(segment)?,
                0xdd => self.interval = u32::from(u16::from_be_bytes(segment.try_into().ok()?)),
                0xda => {
                    self.scans += 1;
                    if self.scans > MAX_SCANS {
                        return None;
                    }
                    if !self.frame.as_ref()?.progressive {
                        return baseline::read(&self, segment, at);
                    }
                    at = self.progressive_scan(segment, at)?;
                }
                0xe0 if segment.starts_with(b"AVI1") => return None,
                0xe1 => self.application_1(segment)?,
                0xee => self.application_14(segment)?,
                0xe0..=0xef | 0xfe => {}
                _ => return None,
            }
        }
    }

    fn application_1(&mut self, segment: &[u8]) -> Option<()> {
        if segment.starts_with(b"http://ns.adobe.com/xmp/extension/") {
            return None;
        }
        // What stands between scans turns nothing: the decoder has read its headers by then.
        if self.scans == 0 && segment.len() > 6 && segment.starts_with(b"Exif\0\0") {
            self.orientation = Orientation::from_exif_block(segment);
        }
        Some(())
    }

    fn application_14(&mut self, segment: &[u8]) -> Option<()> {
        let is_ycbcr = segment.len() == 12 && segment.starts_with(b"Adobe") && segment[11] == 1;
        self.adobe = true;
        (is_ycbcr && self.scans == 0).then_some(())
    }

    fn define_quantisation(&mut self, mut segment: &[u8]) -> Option<()> {
        if self.scans > 0 {
            return None;
        }
        while let [precision_and_slot, rest @ ..] = segment {
            let wide = match precision_and_slot >> 4 {
                0 => false,
                1 => true,
                _ => return None,
            };
            let (listed, rest) = rest.split_at_checked(if wide { 128 } else { 64 })?;
            let mut steps = [0; 64];
            for (at, step) in steps.iter_mut().enumerate() {
                *step = if wide {
                    i32::from(u16::from_be_bytes([listed[2 * at], listed[2 * at + 1]]))
                } else {
                    i32::from(listed[at])
                };
                if !(1..=255).contains(step) {
                    return None;
                }
            }
            let table = self
                .quantisation
                .get_mut(usize::from(precision_and_slot & 15))?;
            *table = Some(Quantisation {
                reach: colour::reach(&steps),
                sizes: std::array::from_fn(|at| {
                    steps.get(at).map_or(0, |step| step.unsigned_abs())
                }),
                steps,
            });
            segment = rest;
        }
        Some(())
    }

    fn define_huffman(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [class_and_slot, rest @ ..] = segment {
            self.tables += 1;
            if self.tables > MAX_TABLES {
                return None;
            }
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total)?;
            // The code of ones only belongs to no symbol (C.2).
            let taken: u32 = (0..16).map(|at| u32::from(counts[at]) << (15 - at)).sum();
            if total == 0 || taken > 0xffff {
                return None;
            }
            let table = Some(Rc::from(Table::new(counts, symbols)?));
            let slot = usize::from(class_and_slot & 15);
            match class_and_slot >> 4 {
                0 if symbols.iter().all(|&symbol| symbol <= 15) => *self.dc.get_mut(slot)? = table,
                1 => *self.ac.get_mut(slot)? = table,
                _ => return None,
            }
            segment = rest;
        }
        Some(())
    }

    fn start_frame(&mut self, progressive: bool, segment: &[u8]) -> Option<()> {
        let &[8, h1, h0, w1, w0, count, ref listed @ ..] = segment else {
            return None;
        };
        let width = u32::from(u16::from_be_bytes([w1, w0]));
        let height = u32::from(u16::from_be_bytes([h1, h0]));
        if self.frame.is_some()
            || listed.len() != usize::from(count) * 3
            || (count == 1 && self.adobe)
        {
            return None;
        }
        // Where decoding is too large, so is this: the outcome must be the same.
        self.limits.admit(Format::Jpeg, width, height, 3).ok()?;
        let kept = Kept::for_size(width as usize, height as usize)?;
        let mut factors = Vec::with_capacity(3);
        for part in listed.chunks_exact(3) {
            factors.push((
                part[0],
                usize::from(part[1] >> 4),
                usize::from(part[1] & 15),
            ));
        }
        let (luma_h, luma_v) = match factors.as_slice() {
            [(_, 1, 1)] => (1, 1),
            [(y, h @ 1..=2, v @ 1..=2), (cb, 1, 1), (cr, 1, 1)]
                if y != cb && y != cr && cb != cr && [*y, *cb, *cr] != *b"RGB" =>
            {
                (*h, *v)
            }
            _ => return None,
        };
        let units_across = (width as usize).div_ceil(8 * luma_h);
        let units_down = (height as usize).div_ceil(8 * luma_v);
        if progressive {
            // As much as the decoder is asked for.
            let blocks: usize = factors.iter().map(|&(_, h, v)| h * v).sum();
            let all = (units_across * units_down * blocks) as u64;
            let pixels = u64::from(width) * u64::from(height) * 3;
            self.limits.admit_bytes(all * (64 * 2 + 8) + pixels).ok()?;
        }
        let planes = factors.iter().zip(listed.chunks_exact(3));
        let planes = planes
            .map(|(&(id, horizontal, vertical), part)| Plane {
                id,
                horizontal,
                vertical,
                quantisation: usize::from(part[2]),
                across: (width as usize * horizontal).div_ceil(8 * luma_h),
                down: (height as usize * vertical).div_ceil(8 * luma_v),
                stride: units_across * horizontal,
            })
            .collect();
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            units_across,
            units_down,
            planes,
            kept,
        });
        Some(())
    }

    fn progressive_scan(&mut self, header: &[u8], at: usize) -> Option<usize> {
        let mut progressive = match self.progressive.take() {
            Some(progressive) => progressive,
            None => Progressive::new(self)?,
        };
        let end = progressive.scan(self, header, at)?;
        self.progressive = Some(progressive);
        Some(end)
    }

    /// The quantisation of each component.
    fn quantisations(&self) -> Option<Vec<Quantisation>> {
        let planes = self.frame.as_ref()?.planes.iter();
        planes
            .map(|plane| self.quantisation.get(plane.quantisation)?.clone())
            .collect()
    }

    /// Where the blocks of this picture go.
    fn canvas(&self, rows_at_a_time: usize) -> Option<Canvas> {
        let frame = self.frame.as_ref()?;
        let (width, height) = (frame.width as usize, frame.height as usize);
        let grid = |turn| BlockSampler::new(width, height, frame.kept, turn, rows_at_a_time);
        let turned = self.sampling.displayed && self.orientation != Orientation::Normal;
        let mut grids = vec![grid(Orientation::Normal.turn())];
        grids.extend(turned.then(|| grid(self.orientation.turn())));
        let quantisation = self.quantisations()?.into_iter().next()?;
        Some(Canvas {
            across: frame.planes.first()?.across,
            down: frame.planes.first()?.down,
            kept: frame.kept.count(),
            slot_mask: rows_at_a_time - 1,
            orientation: self.orientation,
            clamped: 0,
            quantisation,
            colours: Colours::new(),
            grids,
            thumbnail: self
                .sampling
                .thumbnail
                .map(|least| BlockThumbnail::new(width, height, frame.kept, least)),
        })
    }
}

/// A scan's components and tables, as its header lists them.
struct Scan {
    /// Per component: its place in the frame, its DC table and its AC table.
    parts: Vec<(usize, usize, usize)>,
    first: u32,
    last: u32,
    high: u8,
    low: u8,
}

impl Scan {
    fn read(header: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, rest) = header.split_first()?;
        let (listed, rest) = rest.split_at_checked(usize::from(count) * 2)?;
        let &[first, last, approximation] = rest else {
            return None;
        };
        let mut parts: Vec<(usize, usize, usize)> = Vec::with_capacity(3);
        for part in listed.chunks_exact(2) {
            let index = frame.planes.iter().position(|plane| plane.id == part[0])?;
            if parts.last().is_some_and(|&(before, _, _)| before >= index) {
                return None;
            }
            parts.push((index, usize::from(part[1] >> 4), usize::from(part[1] & 15)));
        }
        (!parts.is_empty()).then_some(Self {
            parts,
            first: u32::from(first),
            last: u32::from(last),
            high: approximation >> 4,
            low: approximation & 15,
        })
    }
}

/// The coefficients of one block in the zigzag order; behind them room for what goes nowhere.
type Values = [i16; 128];

/// Takes the luma blocks of one picture.
struct Canvas {
    across: usize,
    down: usize,
    kept: usize,
    /// To tell a row's slot among those under way, which are one or two.
    slot_mask: usize,
    orientation: Orientation,
    /// Blocks whose pixels were computed.
    clamped: usize,
    quantisation: Quantisation,
    colours: Colours,
    grids: Vec<BlockSampler>,
    thumbnail: Option<BlockThumbnail>,
}

impl Canvas {
    /// Whether colours out of range leave little enough in doubt.
    fn can_be_trusted(&self) -> bool {
        let blocks = self.across * self.down;
        self.colours.doubt <= MOST_DOUBT * blocks as f64
    }

    /// Whether pixels have to be computed of so many blocks that decoding a baseline picture is as
    /// fast, or would have to be by what is seen after the first `read` blocks.
    fn is_decoded_sooner(&self, read: usize) -> bool {
        let blocks = self.across * self.down;
        let foreseen =
            read * FORESEEN_FROM >= blocks && self.clamped * FORESEEN_OF.1 > read * FORESEEN_OF.0;
        foreseen || self.clamped * CLAMPED_ONE_IN > blocks
    }

    /// Whether this block holds a part of the picture.
    fn shows(&self, row: usize, column: usize) -> bool {
        row < self.down && column < self.across
    }

    /// Adds a block by its first coefficients.
    #[inline(always)]
    fn add(&mut self, place: (usize, usize), values: &[i16]) {
        match self.kept {
            3 => self.add_first::<3>(place, values),
            6 => self.add_first::<6>(place, values),
            _ => self.add_first::<MOST_KEPT>(place, values),
        }
    }

    /// As [`Self::add`], of so many coefficients.
    #[inline(always)]
    fn add_first<const COUNT: usize>(&mut self, place: (usize, usize), values: &[i16]) {
        let (Some(values), Some(steps)) = (
            values.first_chunk::<COUNT>(),
            self.quantisation.steps.first_chunk::<COUNT>(),
        ) else {
            return;
        };
        let mut coefficients = [0.0; MOST_KEPT];
        for at in 0..COUNT {
            // 16 bits by 8.
            coefficients[at] = i32::from(values[at]).wrapping_mul(steps[at]) as f32;
        }
        self.add_coefficients(place, &coefficients);
    }

    #[inline(always)]
    fn add_coefficients(&mut self, (row, column): (usize, usize), coefficients: &[f32; MOST_KEPT]) {
        let slot = row & self.slot_mask;
        for grid in &mut self.grids {
            grid.add(slot, column, coefficients);
        }
        if let Some(thumbnail) = &mut self.thumbnail {
            thumbnail.put(row, column, coefficients);
        }
    }

    /// The samples of a block, clamped. Where there is nothing to clamp the block is added as it is.
    #[inline(always)]
    fn clamp(&mut self, place: (usize, usize), values: &[i16], chroma: &Chroma) -> Option<Clamped> {
        self.clamped += 1;
        let clamped = self
            .colours
            .clamped(values, &self.quantisation.steps, chroma);
        if clamped.is_none() {
            self.add(place, values);
        }
        clamped
    }

    /// Adds a block by what [`Self::clamp`] gave, under chroma that is even or whose detail, with the
    /// block's place in it, is given.
    #[inline(always)]
    fn add_clamped(
        &mut self,
        place: (usize, usize),
        mut clamped: Clamped,
        chroma: &Chroma,
        detail: Option<(&Detail, (usize, usize))>,
    ) {
        match detail {
            Some((detail, within)) => self.colours.show(&mut clamped, detail, within),
            None => self.colours.show_evenly(&mut clamped, chroma),
        }
        let coefficients = self.colours.coefficients(&clamped.samples, self.kept);
        if self.kept < MOST_KEPT {
            self.add_coefficients(place, &coefficients);
            return;
        }
        // In small pictures what the other coefficients add would be missed where there is much to
        // clamp: up to 4 bits of the hash, and 10 in damaged files.
        let (row, column) = place;
        for grid in &mut self.grids {
            grid.add_pixels(row, column, &clamped.samples);
        }
        if let Some(thumbnail) = &mut self.thumbnail {
            thumbnail.put(row, column, &coefficients);
        }
    }

    /// Adds a block of which only the first coefficients are known, its mean clamped.
    fn add_mean_clamped(&mut self, place: (usize, usize), values: &[i16], chroma: Chroma) {
        let mut coefficients = [0.0; MOST_KEPT];
        let steps = &self.quantisation.steps;
        let kept = values.iter().zip(steps).take(self.kept);
        for (out, (&value, &step)) in coefficients.iter_mut().zip(kept) {
            *out = (i32::from(value) * step) as f32;
        }
        coefficients[0] = (chroma.luma(coefficients[0] / 8.0 + 128.0) - 128.0) * 8.0;
        self.add_coefficients(place, &coefficients);
    }

    /// Ends the rows of blocks under way, the first of which is `row`.
    fn end_rows(&mut self, row: usize) {
        for grid in &mut self.grids {
            grid.end_rows(row);
        }
    }

    /// The samples, where they can be trusted.
    fn finish(self, frame: &Frame) -> Option<Sampled> {
        if !self.can_be_trusted() {
            return None;
        }
        let mut grids = self.grids.into_iter();
        Some(Sampled {
            width: frame.width,
            height: frame.height,
            stored: grids.next()?.finish(),
            displayed: grids.next().map(BlockSampler::finish),
            thumbnail: self.thumbnail.map(BlockThumbnail::finish),
            orientation: self.orientation,
        })
    }
}

/// A table of pairs for each AC table that a scan names, made once.
fn pairs_of(tables: &[Option<Rc<Table>>; 4], slots: &[usize]) -> Option<[Option<Pairs>; 4]> {
    let mut made = [const { None }; 4];
    for &slot in slots {
        if made.get(slot)?.is_none() {
            made[slot] = Some(Pairs::new(tables[slot].as_deref()?));
        }
    }
    Some(made)
}
