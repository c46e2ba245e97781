//! The canvas of an animation: frames are laid on it, seen, and taken off again.

use super::pixels::{Channels, Composed, Depth, Layout, compose};

pub(super) const RGBA: Layout = Layout {
    channels: Channels::Rgba,
    depth: Depth::Eight,
};

/// Bytes of a pixel at the peak: the canvas, its copy to go back to, and what is given.
pub(super) const BYTES_PER_PIXEL: u64 = 4 + 4 + RGBA.peak_bytes();

/// Where a frame lies. It may reach beyond the canvas; what lies outside is not seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What becomes of a frame's place once it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Keep,
    /// Nothing is there any more.
    Clear,
    /// What was there before the frame is there again.
    Restore,
}

/// Red, green, blue and alpha of each pixel; in the beginning nothing is there.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// Takes the memory: the size has to be admitted before.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            width,
            height,
            pixels: vec![0; width * height * 4],
        }
    }

    /// Lays a frame, given as rows of red, green, blue and alpha, and gives what is seen then.
    ///
    /// `row` writes the frame's row of that number into the buffer, which is as long as the frame is wide. With
    /// `over`, what shines through a frame is what lies below it.
    pub(super) fn show(
        &mut self,
        place: Place,
        over: bool,
        after: After,
        mut row: impl FnMut(usize, &mut [u8]),
    ) -> Composed {
        let before = (after == After::Restore).then(|| self.pixels.clone());
        let mut from = vec![0; place.width * 4];
        for y in 0..place.height {
            let Some(to) = self.row(place, y) else {
                break;
            };
            from.fill(0);
            row(y, &mut from);
            if over {
                for (to, from) in to.chunks_exact_mut(4).zip(from.chunks_exact(4)) {
                    blend(to, from);
                }
            } else {
                for (to, from) in to.iter_mut().zip(&from) {
                    *to = *from;
                }
            }
        }
        let seen = compose(self.pixels.clone(), RGBA);
        match (after, before) {
            (After::Clear, _) => {
                for y in 0..place.height {
                    let Some(to) = self.row(place, y) else {
                        break;
                    };
                    to.fill(0);
                }
            }
            (_, Some(before)) => self.pixels = before,
            _ => {}
        }
        seen
    }

    /// The part of the canvas that a frame's row covers; `None` below the canvas.
    fn row(&mut self, place: Place, y: usize) -> Option<&mut [u8]> {
        let y = place.y.checked_add(y).filter(|&y| y < self.height)?;
        let left = place.x.min(self.width);
        let right = place.x.saturating_add(place.width).min(self.width);
        let start = y * self.width;
        self.pixels.get_mut((start + left) * 4..(start + right) * 4)
    }
}

/// Lays a pixel over another, neither premultiplied.
fn blend(under: &mut [u8], over: &[u8]) {
    let ([_, _, _, under_alpha], [_, _, _, over_alpha]) = (&*under, over) else {
        return;
    };
    let (under_alpha, alpha) = (u32::from(*under_alpha), u32::from(*over_alpha));
    if alpha == 255 || under_alpha == 0 {
        under.copy_from_slice(over);
        return;
    }
    if alpha == 0 {
        return;
    }
    // Both weights and their sum are scaled by 255.
    let over_weight = alpha * 255;
    let under_weight = under_alpha * (255 - alpha);
    let sum = over_weight + under_weight;
    for (to, &from) in under.iter_mut().zip(over).take(3) {
        *to =
            ((u32::from(from) * over_weight + u32::from(*to) * under_weight + sum / 2) / sum) as u8;
    }
    if let Some(to) = under.last_mut() {
        *to = ((sum + 127) / 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(canvas: &mut Canvas, place: (usize, usize, usize, usize), after: After) -> Vec<u8> {
        let (x, y, width, height) = place;
        let place = Place {
            x,
            y,
            width,
            height,
        };
        let composed = canvas.show(place, true, after, |_, row| {
            row.copy_from_slice(&[9, 9, 9, 255].repeat(width));
        });
        let black = composed.over_black.unwrap_or(composed.rgb);
        black.chunks(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn what_lies_outside_is_not_seen() {
        let mut canvas = Canvas::new(3, 2);
        assert_eq!(
            seen(&mut canvas, (2, 1, 5, 5), After::Clear),
            [0, 0, 0, 0, 0, 9]
        );
        assert_eq!(seen(&mut canvas, (9, 0, 1, 1), After::Keep), [0; 6]);
        assert_eq!(seen(&mut canvas, (0, 9, 1, 1), After::Keep), [0; 6]);
        assert_eq!(seen(&mut canvas, (0, 0, 0, 2), After::Keep), [0; 6]);
    }

    #[test]
    fn a_frame_is_taken_off_as_it_asks() {
        let mut canvas = Canvas::new(3, 1);
        assert_eq!(seen(&mut canvas, (0, 0, 2, 1), After::Keep), [9, 9, 0]);
        assert_eq!(seen(&mut canvas, (1, 0, 2, 1), After::Restore), [9, 9, 9]);
        assert_eq!(seen(&mut canvas, (2, 0, 1, 1), After::Clear), [9, 9, 9]);
        assert_eq!(seen(&mut canvas, (0, 0, 1, 1), After::Keep), [9, 9, 0]);
    }
}
