//! GIF: every frame, composed as browsers do. They differ from the specification (GIF89a):
//! - A screen that is smaller than the first frame is made as large as that frame needs.
//! - The background colour is ignored: what no frame covers is transparent.
//! - A colour that no table has is black.
//! - Blocks of no known kind are passed over where they say their length.
//!
//! Not as browsers do: where the data of a frame end before its pixels do, the file is damaged. Only where the data
//! say themselves that they end is the rest of the frame transparent.

mod blocks;
mod lzw;

use blocks::{Block, Control, Image};
use lzw::{End, Unpacker};

use super::canvas::{self, Canvas, Place};
use super::error::Quantity;
use super::frames::Frames;
use super::{Format, Limits, MediaError, Picture};

struct GifFrames<'a> {
    canvas: Canvas,
    width: u32,
    height: u32,
    /// The colours of frames that bring none.
    table: &'a [u8],
    rest: &'a [u8],
    unpacker: Unpacker,
    /// Pixels that frames may still have, whatever of them is seen.
    left: u64,
    most: u64,
    given: u32,
    /// Whether the last frame's data were cut: whatever follows it is not there.
    was_cut: bool,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let (screen, blocks) = blocks::screen(bytes).ok_or_else(short)?;
    let (mut width, mut height) = (screen.width, screen.height);
    // The first frame that has pixels makes the screen larger.
    let mut is_first = true;
    let mut largest = 0;
    let mut rest = blocks;
    while let Some((block, behind)) = blocks::next(rest) {
        rest = behind;
        match block {
            Block::Image(image) if image.width > 0 && image.height > 0 => {
                limits.admit(Format::Gif, image.width, image.height, 0)?;
                largest = largest.max(image.pixels());
                if is_first {
                    width = width.max(image.x + image.width);
                    height = height.max(image.y + image.height);
                    is_first = false;
                }
            }
            Block::Trailer => break,
            _ => {}
        }
    }
    if is_first {
        return Err(damaged("it holds no picture"));
    }
    limits.admit(Format::Gif, width, height, 0)?;
    let pixels = u64::from(width) * u64::from(height);
    // A frame's numbers of colours besides.
    limits.admit_bytes(pixels * canvas::BYTES_PER_PIXEL + largest)?;
    Ok(Box::new(GifFrames {
        canvas: Canvas::new(width, height),
        width,
        height,
        table: screen.table,
        rest: blocks,
        unpacker: Unpacker::default(),
        // Frames that lie on the canvas end at the limit itself before.
        left: limits
            .max_total_pixels
            .saturating_mul(2)
            .saturating_add(largest),
        most: limits.max_total_pixels,
        given: 0,
        was_cut: false,
    }))
}

impl Frames for GifFrames<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        let mut control = Control::default();
        loop {
            if self.was_cut {
                return Err(short());
            }
            // Browsers show a file that lacks only its last byte, the trailer, as if it were there.
            if self.rest.is_empty() && self.given > 0 {
                return Ok(None);
            }
            let (block, rest) = blocks::next(self.rest).ok_or_else(short)?;
            self.rest = rest;
            match block {
                Block::Control(found) => control = found,
                Block::Other => {}
                Block::Trailer => self.rest = &[],
                Block::Image(image) => {
                    self.was_cut = !image.is_whole;
                    return self.show(&image, control).map(Some);
                }
            }
        }
    }
}

impl GifFrames<'_> {
    fn show(&mut self, image: &Image<'_>, control: Control) -> Result<Picture, MediaError> {
        self.left = self
            .left
            .checked_sub(image.pixels())
            .ok_or(MediaError::TooLarge {
                what: Quantity::Pixels,
                got: self.most.saturating_add(1),
                limit: self.most,
            })?;
        let (width, height) = (image.width as usize, image.height as usize);
        let mut numbers = vec![0; width * height];
        let (filled, end) = if numbers.is_empty() {
            (0, End::Filled)
        } else {
            self.unpacker
                .unpack(image.code_size, image.data, &mut numbers)
        };
        match end {
            End::Filled => {}
            End::Said if image.is_whole => {}
            End::Said | End::Data => return Err(short()),
            End::Broken => return Err(damaged("the codes of a frame make no sense")),
        }
        let table = image.table.unwrap_or(self.table);
        let place = Place {
            x: image.x as usize,
            y: image.y as usize,
            width,
            height,
        };
        let stored = stored_rows(height, image.interlaced);
        let seen = self.canvas.show(place, true, control.after, |y, row| {
            let start = stored(y) * width;
            let end = (start + width).min(filled);
            let numbers = numbers.get(start..end).unwrap_or_default();
            for (pixel, &number) in row.chunks_exact_mut(4).zip(numbers) {
                if control.transparent != Some(number) {
                    let at = usize::from(number) * 3;
                    let colour = table.get(at..at + 3).unwrap_or(&[0; 3]);
                    for (to, &from) in pixel.iter_mut().zip(colour.iter().chain(&[255])) {
                        *to = from;
                    }
                }
            }
        });
        self.given += 1;
        Ok(Picture {
            frame: self.given - 1,
            ..Picture::of(Format::Gif, self.width, self.height, seen)
        })
    }
}

/// Where among the rows of the file a row of the picture stands.
fn stored_rows(height: usize, interlaced: bool) -> impl Fn(usize) -> usize {
    // Every eighth row from 0, every eighth from 4, every fourth from 2, and the odd ones.
    let passes = [
        height.div_ceil(8),
        height.saturating_sub(4).div_ceil(8),
        height.saturating_sub(2).div_ceil(4),
    ];
    move |y| {
        if !interlaced {
            return y;
        }
        match y % 8 {
            0 => y / 8,
            4 => passes[0] + y / 8,
            2 | 6 => passes[0] + passes[1] + y / 4,
            _ => passes[0] + passes[1] + passes[2] + y / 2,
        }
    }
}

fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::Gif, reason)
}

fn short() -> MediaError {
    damaged("the data end early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interlaced_rows_are_where_the_passes_leave_them() {
        for height in 1..40 {
            let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
            let order = passes
                .into_iter()
                .flat_map(|(first, step)| (first..height).step_by(step));
            let stored = stored_rows(height, true);
            for (place, y) in order.enumerate() {
                assert_eq!(stored(y), place, "row {y} of {height}");
            }
        }
    }
}
