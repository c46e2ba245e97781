//! Tiles laid side by side, an alpha plane laid over them, and the part that is shown cut out.

use super::plan::Layer;
use super::turned::Turned;
use crate::media::pixels::{Channels, Composed, Depth, Layout, compose};

/// The samples of a layer while it is put together.
pub(super) struct Canvas {
    width: usize,
    height: usize,
    /// Samples of a pixel.
    each: usize,
    samples: Vec<u8>,
}

/// Bytes of memory for each pixel of a picture, from its tiles to what is composed.
pub(super) const fn bytes_of_a_pixel(has_alpha: bool) -> u64 {
    // Colours and the part that is cut out, or turned; with alpha the plane, both together, and a second result.
    if has_alpha { 3 + 1 + 4 + 4 + 3 } else { 3 + 3 }
}

impl Canvas {
    pub(super) fn new(width: u32, height: u32, each: usize) -> Self {
        let (width, height) = (width as usize, height as usize);
        Self {
            width,
            height,
            each,
            samples: vec![0; width * height * each],
        }
    }

    /// Lays a layer's tile, counted row by row, at its place. `None` where it is shorter than its size.
    pub(super) fn lay(&mut self, layer: &Layer, number: usize, tile: &[u8]) -> Option<()> {
        let columns = layer.columns as usize;
        let (across, down) = (layer.tile.0 as usize, layer.tile.1 as usize);
        if tile.len() < across * down * self.each {
            return None;
        }
        let (left, top) = (number % columns * across, number / columns * down);
        let row = self.width * self.each;
        let (from, to) = (left * self.each, row.min((left + across) * self.each));
        let rows = self.samples.chunks_exact_mut(row).skip(top);
        for (into, tile) in rows.zip(tile.chunks_exact(across * self.each).take(down)) {
            let into = into.get_mut(from..to)?;
            into.copy_from_slice(tile.get(..into.len())?);
        }
        Some(())
    }

    /// The part that is shown, not turned yet, over white and over black.
    pub(super) fn composed(
        self,
        alpha: Option<Self>,
        multiplied: bool,
        turned: Turned,
    ) -> Option<Composed> {
        let (whole, channels) = match alpha {
            None => (self, Channels::Rgb),
            Some(alpha) => (self.with(&alpha, multiplied)?, Channels::Rgba),
        };
        let samples = whole.cut(turned)?;
        Some(compose(
            samples,
            Layout {
                channels,
                depth: Depth::Eight,
            },
        ))
    }

    /// Four samples a pixel. An alpha plane of another size is stretched.
    fn with(self, alpha: &Self, multiplied: bool) -> Option<Self> {
        let mut samples = Vec::with_capacity(self.width * self.height * 4);
        for (y, row) in self.samples.chunks_exact(self.width * 3).enumerate() {
            let from = (y * alpha.height / self.height) * alpha.width;
            let alphas = alpha.samples.get(from..from + alpha.width)?;
            for (x, pixel) in row.as_chunks::<3>().0.iter().enumerate() {
                let alpha = *alphas.get(x * alpha.width / self.width)?;
                samples.extend(pixel.map(|part| match multiplied {
                    true => divided(part, alpha),
                    false => part,
                }));
                samples.push(alpha);
            }
        }
        Some(Self {
            each: 4,
            samples,
            ..self
        })
    }

    fn cut(self, turned: Turned) -> Option<Vec<u8>> {
        let (left, top) = (turned.left as usize, turned.top as usize);
        let (width, height) = (turned.width as usize, turned.height as usize);
        if (width, height) == (self.width, self.height) {
            return Some(self.samples);
        }
        let mut part = Vec::with_capacity(width * height * self.each);
        for row in self
            .samples
            .chunks_exact(self.width * self.each)
            .skip(top)
            .take(height)
        {
            part.extend_from_slice(row.get(left * self.each..(left + width) * self.each)?);
        }
        (part.len() == width * height * self.each).then_some(part)
    }
}

/// A colour that was multiplied by an alpha, as it was before.
fn divided(part: u8, alpha: u8) -> u8 {
    let (part, alpha) = (u32::from(part), u32::from(alpha));
    match (part * 255 + alpha / 2).checked_div(alpha) {
        Some(whole) => whole.min(255) as u8,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(values: &[u8], width: u32, height: u32) -> Canvas {
        let mut canvas = Canvas::new(width, height, 1);
        canvas.samples.copy_from_slice(values);
        canvas
    }

    #[test]
    fn tiles_lie_side_by_side_and_end_with_the_canvas() {
        let layer = Layer {
            width: 3,
            height: 3,
            columns: 2,
            tile: (2, 2),
            items: vec![],
            kind: *b"hvc1",
        };
        let mut canvas = Canvas::new(3, 3, 1);
        for (number, tile) in [b"abcd", b"efgh", b"ijkl", b"mnop"].iter().enumerate() {
            assert!(canvas.lay(&layer, number, &tile[..]).is_some());
        }
        assert_eq!(canvas.samples, b"abecdgijm");
        assert!(canvas.lay(&layer, 0, b"abc").is_none());
        assert!(canvas.lay(&layer, 9, b"abcd").is_some(), "outside: no harm");
    }

    #[test]
    fn alpha_is_stretched_and_multiplication_undone() {
        let colours = || {
            let mut colours = Canvas::new(4, 1, 3);
            colours.samples.fill(100);
            colours
        };
        let alpha = || grey(&[255, 100], 2, 1);
        let plain = colours().with(&alpha(), false).unwrap();
        assert_eq!(
            plain.samples[4..12],
            [100, 100, 100, 255, 100, 100, 100, 100]
        );
        let undone = colours().with(&alpha(), true).unwrap();
        assert_eq!(
            undone.samples[4..12],
            [100, 100, 100, 255, 255, 255, 255, 100]
        );
        assert_eq!(divided(9, 0), 0);
    }

    #[test]
    fn a_part_is_cut_out() {
        let mut part = Turned::whole(3, 2);
        (part.left, part.top, part.width, part.height) = (1, 1, 2, 1);
        assert_eq!(grey(b"abcdef", 3, 2).cut(part).unwrap(), b"ef");
        part.left = 2;
        assert!(grey(b"abcdef", 3, 2).cut(part).is_none());
    }
}
