//! Rows of coefficients to rows of pixels: samples, each repeated where a component has fewer, and
//! their colours.

use super::super::colours::Colours;
use super::super::scan::{Component, Frame};
use super::coefficients::{Coefficients, Steps};
use super::idct::Idct;

/// The picture as far as it is made.
pub(super) struct Pixels {
    rgb: Vec<u8>,
    colours: Colours,
    idct: Idct,
    /// The samples of one row of units, of each component.
    bands: Vec<Vec<u8>>,
    /// One line of samples of each component, as many as there are pixels.
    lines: [Vec<u8>; 4],
}

impl Pixels {
    pub(super) fn new(frame: &Frame, colours: Colours) -> Self {
        let band = |component: &Component| {
            vec![0; component.stride as usize * component.vertical as usize * 64]
        };
        let width = frame.width as usize;
        let line = |at| {
            vec![
                0;
                if at < frame.components.len() {
                    width
                } else {
                    0
                }
            ]
        };
        Self {
            rgb: Vec::with_capacity(width * frame.height as usize * 3),
            colours,
            idct: Idct::new(),
            bands: frame.components.iter().map(band).collect(),
            lines: std::array::from_fn(line),
        }
    }

    /// Adds the pixels of one row of units. To be called once for each, from the top.
    pub(super) fn add_row(
        &mut self,
        frame: &Frame,
        steps: &[Option<Steps>],
        kept: &Coefficients,
        row: u32,
    ) {
        let parts = frame.components.iter().zip(steps).zip(&mut self.bands);
        for (index, ((component, steps), band)) in parts.enumerate() {
            let width = component.stride as usize * 8;
            let rows = band.chunks_exact_mut(width * 8);
            for (rows, down) in rows.zip(row * component.vertical..) {
                let blocks = kept.row(index, down);
                for (column, block) in blocks.iter().enumerate() {
                    let steps = steps.as_ref().unwrap_or(&[0; 64]);
                    let samples = self.idct.samples(block, steps);
                    for (line, samples) in rows.chunks_exact_mut(width).zip(samples) {
                        if let Some(place) = line.get_mut(column * 8..column * 8 + 8) {
                            place.copy_from_slice(&samples);
                        }
                    }
                }
            }
        }
        let height = 8 * frame.most_vertical;
        let lines = height.min(frame.height.saturating_sub(row * height));
        for line in 0..lines {
            self.add_line(frame, line);
        }
    }

    /// Adds one line of pixels, by its number within the row of units.
    fn add_line(&mut self, frame: &Frame, number: u32) {
        let parts = frame.components.iter().zip(&self.bands);
        for ((component, band), line) in parts.zip(&mut self.lines) {
            let row = number * component.vertical / frame.most_vertical;
            let width = component.stride as usize * 8;
            let samples = band.chunks_exact(width).nth(row as usize);
            let samples = samples.unwrap_or_default();
            if component.horizontal == frame.most_horizontal {
                for (out, &sample) in line.iter_mut().zip(samples) {
                    *out = sample;
                }
                continue;
            }
            for (out, at) in line.iter_mut().zip(0_u32..) {
                let at = at * component.horizontal / frame.most_horizontal;
                *out = samples.get(at as usize).copied().unwrap_or_default();
            }
        }
        let of = |line: usize, at: usize| self.lines[line].get(at).copied().unwrap_or_default();
        for at in 0..frame.width as usize {
            let samples = [of(0, at), of(1, at), of(2, at), of(3, at)];
            self.rgb.extend(self.colours.rgb(samples));
        }
    }

    /// The pixels.
    pub(super) fn finish(self) -> Vec<u8> {
        self.rgb
    }
}
