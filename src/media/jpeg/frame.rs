//! The frame header: what a JPEG says of all of its picture, and what room that takes.

use super::super::{Format, Limits, MediaError};
use super::scan::{Component, Frame};

/// One component of a picture, as the frame header lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: u8,
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
    /// The place of its quantisation table.
    pub(super) quantisation: usize,
}

/// What a frame header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) progressive: bool,
    pub(super) width: u32,
    /// 0 where it is given behind the first scan.
    pub(super) height: u32,
    pub(super) components: Vec<Listed>,
    /// Whether its segment is as long as it has to be.
    pub(super) is_exact: bool,
}

fn damaged(reason: impl Into<String>) -> MediaError {
    MediaError::damaged(Format::Jpeg, reason)
}

fn unsupported(what: impl std::fmt::Display) -> MediaError {
    MediaError::variant(Format::Jpeg, what)
}

impl FrameHeader {
    /// Reads the segment, of a picture whose sides are within limits.
    pub(super) fn read(
        progressive: bool,
        segment: &[u8],
        limits: &Limits,
    ) -> Result<Self, MediaError> {
        let &[precision, h1, h0, w1, w0, count, ref listed @ ..] = segment else {
            return Err(damaged("its frame header is short"));
        };
        let width = u32::from(u16::from_be_bytes([w1, w0]));
        let height = u32::from(u16::from_be_bytes([h1, h0]));
        limits.admit(Format::Jpeg, width, height.max(1), 0)?;
        if precision != 8 {
            return Err(unsupported(format_args!("{precision} bits a sample")));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format_args!("{count} colour components")));
        }
        let count = usize::from(count);
        if listed.len() < count * 3 {
            return Err(damaged("its frame header is short"));
        }
        let components: Vec<Listed> = listed
            .chunks_exact(3)
            .take(count)
            .map(|part| Listed {
                id: part[0],
                // One component alone is never subsampled against another.
                horizontal: if count == 1 {
                    1
                } else {
                    u32::from(part[1] >> 4)
                },
                vertical: if count == 1 {
                    1
                } else {
                    u32::from(part[1] & 15)
                },
                quantisation: usize::from(part[2]),
            })
            .collect();
        let is_factor = |factor: u32| (1..=4).contains(&factor);
        if !components
            .iter()
            .all(|one| is_factor(one.horizontal) && is_factor(one.vertical))
        {
            return Err(damaged("a sampling factor is not 1 to 4"));
        }
        Ok(Self {
            progressive,
            width,
            height,
            is_exact: listed.len() == count * 3,
            components,
        })
    }

    /// The largest of the sampling factors, across and down.
    fn most(&self) -> (u32, u32) {
        let most = |of: fn(&Listed) -> u32| self.components.iter().map(of).max().unwrap_or(1);
        (most(|one| one.horizontal), most(|one| one.vertical))
    }

    /// Units in a row, and rows of them.
    fn units(&self) -> (u32, u32) {
        let (across, down) = self.most();
        (
            self.width.div_ceil(8 * across),
            self.height.div_ceil(8 * down),
        )
    }

    /// Bytes that decoding takes at its peak, where all coefficients are kept until the end, and
    /// where they are not.
    pub(super) fn bytes(&self, keeps_coefficients: bool) -> u64 {
        let (across, down) = self.units();
        let of_unit: u64 = self
            .components
            .iter()
            .map(|one| u64::from(one.horizontal * one.vertical))
            .sum();
        decoding_bytes(
            (self.width, self.height),
            (u64::from(across), u64::from(down)),
            of_unit,
            keeps_coefficients,
        )
    }

    /// The picture before its first scan; with `tracked` room to note which coefficients of a
    /// progressive one are not zero.
    pub(super) fn frame(&self, tracked: bool) -> Frame {
        let (most_h, most_v) = self.most();
        let (units_across, units_down) = self.units();
        let components = self.components.iter().map(|one| {
            let stride = units_across * one.horizontal;
            let rows = units_down * one.vertical;
            let blocks = stride as usize * rows as usize;
            Component {
                id: one.id,
                horizontal: one.horizontal,
                vertical: one.vertical,
                quantisation: one.quantisation,
                blocks_across: (self.width * one.horizontal).div_ceil(8 * most_h),
                blocks_down: (self.height * one.vertical).div_ceil(8 * most_v),
                stride,
                rows,
                nonzero: if tracked && self.progressive {
                    vec![0; blocks]
                } else {
                    Vec::new()
                },
                missing: [None; 64],
            }
        });
        Frame {
            progressive: self.progressive,
            width: self.width,
            height: self.height,
            most_horizontal: most_h,
            most_vertical: most_v,
            units_across,
            units_down,
            components: components.collect(),
        }
    }
}

/// Bytes that decoding a picture of this size takes at its peak, with so many units across and down
/// and so many blocks in each: the pixels, a row of units on its way to them and, where
/// coefficients are kept, two bytes of each and a bit of what is known of it.
pub(super) fn decoding_bytes(
    (width, height): (u32, u32),
    (across, down): (u64, u64),
    blocks_of_unit: u64,
    keeps_coefficients: bool,
) -> u64 {
    let pixels = u64::from(width) * u64::from(height) * 3;
    // Coefficients, samples, and four lines of them.
    let row = across * blocks_of_unit * (64 * 2 + 64) + 4 * u64::from(width);
    let kept = if keeps_coefficients {
        across * down * blocks_of_unit * (64 * 2 + 8)
    } else {
        0
    };
    pixels + row + kept
}
