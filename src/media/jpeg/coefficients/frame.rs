//! What a picture's headers say, as the reading of its coefficients needs it.

use crate::signal::pdq::blocks::Kept;

/// The most that a block's coefficients add up to, dequantised, in a picture of 8-bit samples, and
/// some more. Beyond it decoders overflow, each in its own way.
pub(super) const MOST_SWING: i32 = 16_384;

/// From the zigzag order to eight times the vertical frequency plus the horizontal one (A.3.6).
pub(super) const ZIGZAG_TO_NATURAL: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Where the blocks of a component's scan lie among all of them.
#[derive(Clone, Copy)]
pub(in crate::media::jpeg) struct Area {
    pub(in crate::media::jpeg) across: usize,
    pub(in crate::media::jpeg) down: usize,
    pub(in crate::media::jpeg) stride: usize,
}

/// What the decoding of one component takes from its headers.
pub(super) struct Plane {
    pub(super) id: u8,
    pub(super) horizontal: usize,
    pub(super) vertical: usize,
    pub(super) quantisation: usize,
    /// Blocks that hold a part of the picture.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Blocks in a row of whole units.
    pub(super) stride: usize,
}

impl Plane {
    /// The blocks of a scan of this component alone.
    pub(super) fn area(&self) -> Area {
        Area {
            across: self.across,
            down: self.down,
            stride: self.stride,
        }
    }

    /// The block of this component that lies over a block of luma.
    pub(super) fn block_over(&self, luma: &Self, row: usize, column: usize) -> usize {
        let row = row * self.vertical / luma.vertical;
        row * self.stride + column * self.horizontal / luma.horizontal
    }
}

pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) units_across: usize,
    pub(super) units_down: usize,
    /// Luma, then the two of chroma where there is any.
    pub(super) planes: Vec<Plane>,
    pub(super) kept: Kept,
}

/// A quantisation table, in the zigzag order.
#[derive(Clone)]
pub(super) struct Quantisation {
    pub(super) steps: [i32; 64],
    /// How far one step of each coefficient moves a pixel at most, in 1/64 steps of luma; zeros
    /// behind.
    pub(super) reach: [u32; 128],
    /// The steps again; zeros behind.
    pub(super) sizes: [u32; 128],
}

/// A scan's components and tables, as its header lists them.
pub(super) struct Scan {
    /// Per component: its place in the frame, its DC table and its AC table.
    pub(super) parts: Vec<(usize, usize, usize)>,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) high: u8,
    pub(super) low: u8,
}

impl Scan {
    pub(super) fn read(header: &[u8], frame: &Frame) -> Option<Self> {
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
pub(super) type Values = [i16; 128];
