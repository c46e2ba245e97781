//! Where the luma blocks of a picture go: the samples, and the small picture where it is asked for.
//!
//! Owned here: what a block adds, by its first coefficients or clamped, and whether what comes of all
//! blocks can be trusted. Not owned: reading the blocks.

use super::super::super::Orientation;
use super::colour::{Chroma, Clamped, Colours, Detail};
use super::frame::{Frame, Quantisation};
use crate::signal::pdq::blocks::{BlockSampler, BlockSamples, MOST_KEPT};
use crate::signal::thumbnail::{BlockThumbnail, Thumbnail};

/// How far the luma of a picture may be off on average for colours out of range that could not be
/// followed, in steps of 255.
pub(super) const MOST_DOUBT: f64 = 2.0;
/// Where pixels have to be computed of more than one block in so many, the picture is decoded: of a
/// baseline one that is as fast, and where so much is out of range hashes are too far off, as the fuzzer
/// found (10 bits).
pub(super) const CLAMPED_ONE_IN: usize = 2;
/// That is foreseen once one block in so many is read, where it was so for so many of them.
pub(super) const FORESEEN_FROM: usize = 8;
pub(super) const FORESEEN_OF: (usize, usize) = (3, 4);

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

/// Takes the luma blocks of one picture.
pub(super) struct Canvas {
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) kept: usize,
    /// To tell a row's slot among those under way, which are one or two.
    pub(super) slot_mask: usize,
    pub(super) orientation: Orientation,
    /// Blocks whose pixels were computed.
    pub(super) clamped: usize,
    pub(super) quantisation: Quantisation,
    pub(super) colours: Colours,
    pub(super) grids: Vec<BlockSampler>,
    pub(super) thumbnail: Option<BlockThumbnail>,
}

impl Canvas {
    /// Whether colours out of range leave little enough in doubt.
    pub(super) fn can_be_trusted(&self) -> bool {
        let blocks = self.across * self.down;
        self.colours.doubt <= MOST_DOUBT * blocks as f64
    }

    /// Whether pixels have to be computed of so many blocks that decoding a baseline picture is as
    /// fast, or would have to be by what is seen after the first `read` blocks.
    pub(super) fn is_decoded_sooner(&self, read: usize) -> bool {
        let blocks = self.across * self.down;
        let foreseen =
            read * FORESEEN_FROM >= blocks && self.clamped * FORESEEN_OF.1 > read * FORESEEN_OF.0;
        foreseen || self.clamped * CLAMPED_ONE_IN > blocks
    }

    /// Whether this block holds a part of the picture.
    pub(super) fn shows(&self, row: usize, column: usize) -> bool {
        row < self.down && column < self.across
    }

    /// Adds a block by its first coefficients.
    #[inline(always)]
    pub(super) fn add(&mut self, place: (usize, usize), values: &[i16]) {
        match self.kept {
            3 => self.add_first::<3>(place, values),
            6 => self.add_first::<6>(place, values),
            _ => self.add_first::<MOST_KEPT>(place, values),
        }
    }

    /// As [`Self::add`], of so many coefficients.
    #[inline(always)]
    pub(super) fn add_first<const COUNT: usize>(&mut self, place: (usize, usize), values: &[i16]) {
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
    pub(super) fn add_coefficients(
        &mut self,
        (row, column): (usize, usize),
        coefficients: &[f32; MOST_KEPT],
    ) {
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
    pub(super) fn clamp(
        &mut self,
        place: (usize, usize),
        values: &[i16],
        chroma: &Chroma,
    ) -> Option<Clamped> {
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
    pub(super) fn add_clamped(
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
    pub(super) fn add_mean_clamped(
        &mut self,
        place: (usize, usize),
        values: &[i16],
        chroma: Chroma,
    ) {
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
    pub(super) fn end_rows(&mut self, row: usize) {
        for grid in &mut self.grids {
            grid.end_rows(row);
        }
    }

    /// The samples, where they can be trusted.
    pub(super) fn finish(self, frame: &Frame) -> Option<Sampled> {
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
