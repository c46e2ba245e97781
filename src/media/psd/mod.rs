//! Photoshop files (PSD, PSB): the merged picture that stands behind the layers.
//!
//! It is what every viewer shows. Layers by themselves are not composed here; [`layer_bytes`] says how much of the file
//! they are. Where the file says that it has no merged picture, it is unsupported by name, and so are 32 bits a sample.

mod rows;
mod sections;

use rows::Rows;
use sections::{Mode, Sections};

use super::frames::{Frames, Still};
use super::pixels::{Channels, Depth, Layout, compose};
use super::{Format, Limits, MediaError, Picture, lab};

/// Most samples of a pixel: four colours and alpha.
const MOST_SAMPLES: usize = 5;
/// Most channels of a file.
const MOST_CHANNELS: usize = 56;

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let damaged = |reason: &str| MediaError::damaged(Format::Psd, reason);
    let file = Sections::read(bytes).ok_or_else(|| damaged("its header is short"))?;
    let mode = file.mode()?;
    let depth = file.depth;
    match (mode, depth) {
        (Mode::Bitmap, 1) | (Mode::Palette, 8) => {}
        (Mode::Grey | Mode::Rgb | Mode::Cmyk | Mode::Lab, 8 | 16) => {}
        _ => {
            let what = format_args!("{depth} bits a sample of {mode:?}");
            return Err(MediaError::variant(Format::Psd, what));
        }
    }
    let plan = Plan::of(&file, mode);
    if !(plan.colours..=MOST_CHANNELS).contains(&file.channels) {
        return Err(damaged("it has too few channels, or too many"));
    }
    let (width, height) = (file.width, file.height);
    limits.admit(Format::Psd, width, height, plan.layout.peak_bytes())?;
    if file.is_unmerged() {
        return Err(MediaError::variant(
            Format::Psd,
            "without its merged picture",
        ));
    }
    let row_bytes = (width as usize * usize::from(depth)).div_ceil(8);
    let mut rows = Rows::open(&file, plan.channels(), row_bytes)?;
    let out = plan.layout.channels.count() as usize;
    let mut samples = vec![0; width as usize * height as usize * out];
    let mut row: [Vec<u8>; MOST_SAMPLES] = Default::default();
    for (number, to) in samples.chunks_exact_mut(width as usize * out).enumerate() {
        for (channel, row) in row.iter_mut().enumerate().take(plan.channels()) {
            rows.read(channel, number, row)?;
        }
        for (x, pixel) in to.chunks_exact_mut(out).enumerate() {
            let mut stored = [0_u16; MOST_SAMPLES];
            for (sample, row) in stored.iter_mut().zip(&row).take(plan.channels()) {
                *sample = sample_at(row, x, depth);
            }
            plan.paint(stored, pixel);
        }
    }
    plan.settle_alpha(&mut samples);
    let seen = compose(samples, plan.layout);
    Ok(Still::boxed(Picture::of(Format::Psd, width, height, seen)))
}

/// A sample as 16 bits.
fn sample_at(row: &[u8], x: usize, depth: u16) -> u16 {
    let byte = |at: usize| row.get(at).copied().unwrap_or(0);
    match depth {
        1 => match byte(x / 8) << (x % 8) & 0x80 {
            0 => u16::MAX,
            _ => 0,
        },
        8 => u16::from(byte(x)) * 257,
        _ => u16::from_be_bytes([byte(2 * x), byte(2 * x + 1)]),
    }
}

/// The nearest of 256 steps.
const fn to_eight(value: u16) -> u8 {
    ((value as u32 * 255 + 32_767) / 65_535) as u8
}

/// How stored samples become pixels.
struct Plan<'a> {
    mode: Mode,
    /// Channels of the colours.
    colours: usize,
    /// Whether a further channel counts as alpha. It may be one that Photoshop keeps for other ends: the picture without
    /// it is asked about too.
    has_channel: bool,
    palette: &'a [u8],
    transparent: Option<u16>,
    layout: Layout,
}

impl<'a> Plan<'a> {
    fn of(file: &Sections<'a>, mode: Mode) -> Self {
        let colours = match mode {
            Mode::Bitmap | Mode::Grey | Mode::Palette => 1,
            Mode::Rgb | Mode::Lab => 3,
            Mode::Cmyk => 4,
        };
        let has_channel = !matches!(mode, Mode::Bitmap | Mode::Palette) && file.channels > colours;
        let transparent = match mode {
            Mode::Palette => file.transparent_number().filter(|&number| number < 256),
            _ => None,
        };
        let has_alpha = has_channel || transparent.is_some();
        let channels = match (mode, has_alpha) {
            (Mode::Bitmap | Mode::Grey, false) => Channels::Grey,
            (Mode::Bitmap | Mode::Grey, true) => Channels::GreyAlpha,
            (_, false) => Channels::Rgb,
            (_, true) => Channels::Rgba,
        };
        Self {
            mode,
            colours,
            has_channel,
            palette: file.palette,
            transparent,
            layout: Layout {
                channels,
                depth: Depth::Eight,
            },
        }
    }

    /// Channels that are read.
    fn channels(&self) -> usize {
        self.colours + usize::from(self.has_channel)
    }

    fn paint(&self, stored: [u16; MOST_SAMPLES], pixel: &mut [u8]) {
        let [first, second, third, fourth, fifth] = stored;
        let eight = [first, second, third].map(to_eight);
        let (colours, alpha) = match self.mode {
            Mode::Bitmap | Mode::Grey => ([eight[0]; 3], to_eight(second)),
            Mode::Rgb => (eight, to_eight(fourth)),
            Mode::Lab => (lab::light([first, second, third], false), to_eight(fourth)),
            Mode::Cmyk => {
                // Inks are stored as what they leave of the light.
                let black = u32::from(to_eight(fourth));
                let light = eight.map(|ink| ((u32::from(ink) * black + 127) / 255) as u8);
                (light, to_eight(fifth))
            }
            Mode::Palette => {
                let number = usize::from(first >> 8);
                let part = |plane: usize| self.palette.get(plane * 256 + number);
                let colour = [0, 1, 2].map(|plane| part(plane).copied().unwrap_or(0));
                let is_clear = self.transparent == Some(first >> 8);
                (colour, if is_clear { 0 } else { 255 })
            }
        };
        let shown = [colours[0], colours[1], colours[2], alpha];
        match pixel {
            [grey] => *grey = colours[0],
            [grey, clear] => (*grey, *clear) = (colours[0], alpha),
            [_, _, _] => pixel.copy_from_slice(&colours),
            _ => pixel.copy_from_slice(&shown),
        }
    }

    /// A channel that is black everywhere is no alpha: a selection of nothing.
    fn settle_alpha(&self, samples: &mut [u8]) {
        let size = match self.layout.channels {
            Channels::GreyAlpha => 2,
            Channels::Rgba => 4,
            _ => return,
        };
        let is_clear = |pixel: &[u8]| pixel.last() == Some(&0);
        if samples.chunks_exact(size).all(is_clear) {
            for pixel in samples.chunks_exact_mut(size) {
                if let Some(alpha) = pixel.last_mut() {
                    *alpha = 255;
                }
            }
        }
    }
}

/// The small picture that the file brings along, a JPEG.
pub(super) fn thumbnail(bytes: &[u8]) -> Option<&[u8]> {
    Sections::read(bytes)?.thumbnail()
}

/// The colour profile.
pub(super) fn profile(bytes: &[u8]) -> Option<&[u8]> {
    Sections::read(bytes)?.profile()
}

/// How many bytes the layers have, of which nothing is looked at; 0 where there are none.
pub(super) fn layer_bytes(bytes: &[u8]) -> u64 {
    Sections::read(bytes).map_or(0, |file| file.layer_bytes())
}

#[cfg(test)]
mod tests;
