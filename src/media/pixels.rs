//! Every pixel mode to 8-bit RGB over white, over black and without alpha where a pixel is not opaque.
//!
//! The rules, each the one that viewers and Pillow follow closely enough for a hash:
//! - 16 bit to 8: the nearest of 256 steps.
//! - float: clamped to 0..=1 (not-a-number is 0), then 255 steps; values of formats that store
//!   linear light are first encoded with the sRGB curve.
//! - grey: the value three times.
//! - alpha: not premultiplied; `colour * alpha + ground * (1 - alpha)`, to the nearest step.

/// How many samples a pixel has, and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    Grey,
    GreyAlpha,
    Rgb,
    Rgba,
}

/// How one sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// One byte.
    Eight,
    /// Two bytes, most significant first.
    SixteenBig,
    /// Two bytes in the machine's order.
    SixteenNative,
    /// Four bytes in the machine's order; 0..=1 as shown on a screen.
    Float,
    /// Four bytes in the machine's order; 0..=1 of linear light.
    FloatLinear,
}

/// The samples of a picture, rows from the top without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) channels: Channels,
    pub(super) depth: Depth,
}

/// 8-bit RGB, and the other ways to see it where a pixel is not opaque.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Composed {
    /// Transparency laid over white.
    pub(super) rgb: Vec<u8>,
    /// Transparency laid over black; `None` where every pixel is opaque.
    pub(super) over_black: Option<Vec<u8>>,
    /// The stored colours as if every pixel were opaque, as programs see them that drop alpha. `None` where that is
    /// one of the other two.
    pub(super) alpha_ignored: Option<Vec<u8>>,
}

impl Composed {
    /// Pixels that are all opaque.
    pub(super) const fn opaque(rgb: Vec<u8>) -> Self {
        Self {
            rgb,
            over_black: None,
            alpha_ignored: None,
        }
    }

    fn new(rgb: Vec<u8>, over_black: Vec<u8>, colours: Vec<u8>) -> Self {
        let is_new = colours != rgb && colours != over_black;
        Self {
            rgb,
            over_black: Some(over_black),
            alpha_ignored: is_new.then_some(colours),
        }
    }
}

impl Channels {
    /// Samples of a pixel.
    pub(super) const fn count(self) -> u64 {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

impl Depth {
    /// Bytes of a sample.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::SixteenBig | Self::SixteenNative => 2,
            Self::Float | Self::FloatLinear => 4,
        }
    }
}

impl Layout {
    /// The layout of an `image` decoder's output; `None` for one that is not known.
    pub(super) fn of(color: image::ColorType, linear: bool) -> Option<Self> {
        use image::ColorType as C;
        let float = if linear {
            Depth::FloatLinear
        } else {
            Depth::Float
        };
        let (channels, depth) = match color {
            C::L8 => (Channels::Grey, Depth::Eight),
            C::La8 => (Channels::GreyAlpha, Depth::Eight),
            C::Rgb8 => (Channels::Rgb, Depth::Eight),
            C::Rgba8 => (Channels::Rgba, Depth::Eight),
            C::L16 => (Channels::Grey, Depth::SixteenNative),
            C::La16 => (Channels::GreyAlpha, Depth::SixteenNative),
            C::Rgb16 => (Channels::Rgb, Depth::SixteenNative),
            C::Rgba16 => (Channels::Rgba, Depth::SixteenNative),
            C::Rgb32F => (Channels::Rgb, float),
            C::Rgba32F => (Channels::Rgba, float),
            _ => return None,
        };
        Some(Self { channels, depth })
    }

    /// Bytes of a pixel as stored.
    pub(super) const fn stored_bytes(self) -> u64 {
        self.channels.count() * self.depth.bytes() as u64
    }

    /// Bytes of a pixel at the peak of [`compose`]: what comes in and what goes out.
    pub(super) const fn peak_bytes(self) -> u64 {
        self.stored_bytes()
            + match self.channels {
                Channels::Rgb => 0,
                Channels::Grey => 3,
                Channels::Rgba => 6,
                Channels::GreyAlpha => 9,
            }
    }
}

/// Turns samples into pixels over white and, where one is not opaque, over black.
///
/// Works in the buffer given where it can: 8-bit RGB is moved, never copied.
pub(super) fn compose(samples: Vec<u8>, layout: Layout) -> Composed {
    let samples = to_eight_bits(samples, layout.depth);
    match layout.channels {
        Channels::Rgb => Composed::opaque(samples),
        Channels::Grey => Composed::opaque(spread(&samples)),
        Channels::GreyAlpha => grey_alpha(&samples),
        Channels::Rgba => rgba(samples),
    }
}

/// The same samples in one byte each, in the same buffer.
pub(super) fn to_eight_bits(mut samples: Vec<u8>, depth: Depth) -> Vec<u8> {
    match depth {
        Depth::Eight => return samples,
        Depth::SixteenBig => narrow::<2>(&mut samples, |two| from_sixteen(u16::from_be_bytes(two))),
        Depth::SixteenNative => {
            narrow::<2>(&mut samples, |two| from_sixteen(u16::from_ne_bytes(two)));
        }
        Depth::Float => narrow::<4>(&mut samples, |four| from_float(f32::from_ne_bytes(four))),
        Depth::FloatLinear => narrow::<4>(&mut samples, |four| {
            from_float(srgb_encoded(f32::from_ne_bytes(four)))
        }),
    }
    samples.shrink_to_fit();
    samples
}

/// Replaces every `N` bytes by one, in place.
fn narrow<const N: usize>(samples: &mut Vec<u8>, one: impl Fn([u8; N]) -> u8) {
    let count = samples.len() / N;
    for at in 0..count {
        let mut wide = [0; N];
        wide.copy_from_slice(&samples[at * N..at * N + N]);
        samples[at] = one(wide);
    }
    samples.truncate(count);
}

/// The nearest of 256 steps.
const fn from_sixteen(value: u16) -> u8 {
    ((value as u32 * 255 + 32_767) / 65_535) as u8
}

/// 0..=1 to 0..=255, clamped; not-a-number is 0.
pub(super) fn from_float(value: f32) -> u8 {
    // A cast from float saturates, and takes not-a-number to 0.
    (value * 255.0 + 0.5) as u8
}

/// Linear light to the sRGB curve (IEC 61966-2-1), for 0..=1.
pub(super) fn srgb_encoded(linear: f32) -> f32 {
    let linear = linear.clamp(0.0, 1.0);
    if linear <= 0.003_130_8 {
        linear * 12.92
    } else {
        1.055 * linear.powf(1.0 / 2.4) - 0.055
    }
}

fn spread(grey: &[u8]) -> Vec<u8> {
    let mut rgb = vec![0; grey.len() * 3];
    for (pixel, &value) in rgb.chunks_exact_mut(3).zip(grey) {
        pixel.fill(value);
    }
    rgb
}

fn grey_alpha(samples: &[u8]) -> Composed {
    let pixels = || samples.chunks_exact(2);
    let opaque = is_opaque::<2>(samples);
    let mut white = vec![0; samples.len() / 2 * 3];
    if opaque {
        for (out, pixel) in white.chunks_exact_mut(3).zip(pixels()) {
            out.fill(pixel[0]);
        }
        return Composed::opaque(white);
    }
    let mut black = vec![0; white.len()];
    let mut colours = vec![0; white.len()];
    let both = white.chunks_exact_mut(3).zip(black.chunks_exact_mut(3));
    let all = both.zip(colours.chunks_exact_mut(3));
    for (((white, black), colours), pixel) in all.zip(pixels()) {
        let part = scaled(pixel[0], pixel[1]);
        colours.fill(pixel[0]);
        black.fill(part);
        white.fill(part + (255 - pixel[1]));
    }
    Composed::new(white, black, colours)
}

fn rgba(mut samples: Vec<u8>) -> Composed {
    let count = samples.len() / 4;
    let seen_through = if is_opaque::<4>(&samples) {
        compact(&mut samples, |_, out, &[red, green, blue, _]| {
            out.copy_from_slice(&[red, green, blue]);
        });
        None
    } else {
        let mut black = vec![0; count * 3];
        let mut colours = vec![0; count * 3];
        compact(&mut samples, |at, out, &[red, green, blue, alpha]| {
            let parts = if alpha == 255 {
                [red, green, blue]
            } else {
                [red, green, blue].map(|part| scaled(part, alpha))
            };
            // At most `alpha` each, so that this stays a byte.
            let rest = 255 - alpha;
            out.copy_from_slice(&parts.map(|part| part.wrapping_add(rest)));
            let pixel = at * 3..at * 3 + 3;
            if let Some(out) = black.get_mut(pixel.clone()) {
                out.copy_from_slice(&parts);
            }
            if let Some(out) = colours.get_mut(pixel) {
                out.copy_from_slice(&[red, green, blue]);
            }
        });
        Some((black, colours))
    };
    samples.truncate(count * 3);
    samples.shrink_to_fit();
    match seen_through {
        None => Composed::opaque(samples),
        Some((black, colours)) => Composed::new(samples, black, colours),
    }
}

/// Replaces every four bytes by the three that `one` writes for them (given the pixel's number), at
/// the buffer's front. The rest is left as it comes.
fn compact(samples: &mut [u8], mut one: impl FnMut(usize, &mut [u8], &[u8; 4])) {
    const BLOCK: usize = 1024;
    let count = samples.len() / 4;
    // Through a small copy, so that reading and writing do not hinder each other.
    let mut copy = [[0; 4]; BLOCK];
    for start in (0..count).step_by(BLOCK) {
        let end = count.min(start + BLOCK);
        let from = samples[start * 4..end * 4].as_chunks::<4>().0;
        copy[..from.len()].copy_from_slice(from);
        let out = samples[start * 3..end * 3].chunks_exact_mut(3);
        for ((at, out), pixel) in (start..).zip(out).zip(&copy) {
            one(at, out, pixel);
        }
    }
}

/// Whether the last of every `N` samples is 255.
fn is_opaque<const N: usize>(samples: &[u8]) -> bool {
    // Blocks, so that the inner loop has no way out and the compiler can widen it.
    samples.chunks(N * 1024).all(|block| {
        block
            .chunks_exact(N)
            .fold(255, |all, pixel| all & pixel[N - 1])
            == 255
    })
}

/// `value * alpha / 255` to the nearest. At most `alpha`, so that adding `255 - alpha` stays a byte.
const fn scaled(value: u8, alpha: u8) -> u8 {
    ((value as u32 * alpha as u32 + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(samples: &[u8], channels: Channels, depth: Depth) -> Composed {
        compose(samples.to_vec(), Layout { channels, depth })
    }

    #[test]
    fn opaque_modes_give_the_same_colours_and_nothing_over_black() {
        let rgb = [10, 20, 30, 255, 0, 128];
        let deep: Vec<u8> = rgb.iter().flat_map(|&v| [v, v]).collect();
        let floats: Vec<u8> = rgb
            .iter()
            .flat_map(|&v| (f32::from(v) / 255.0).to_ne_bytes())
            .collect();
        let rgba = [10, 20, 30, 255, 255, 0, 128, 255];
        let expected = Composed::opaque(rgb.to_vec());
        assert_eq!(composed(&rgb, Channels::Rgb, Depth::Eight), expected);
        assert_eq!(composed(&deep, Channels::Rgb, Depth::SixteenBig), expected);
        assert_eq!(
            composed(&deep, Channels::Rgb, Depth::SixteenNative),
            expected
        );
        assert_eq!(composed(&floats, Channels::Rgb, Depth::Float), expected);
        assert_eq!(composed(&rgba, Channels::Rgba, Depth::Eight), expected);
        let grey = Composed::opaque(vec![7, 7, 7, 9, 9, 9]);
        assert_eq!(composed(&[7, 9], Channels::Grey, Depth::Eight), grey);
        assert_eq!(
            composed(&[7, 255, 9, 255], Channels::GreyAlpha, Depth::Eight),
            grey
        );
    }

    #[test]
    fn transparency_is_laid_over_white_and_over_black() {
        let seen = composed(
            &[200, 100, 0, 128, 9, 9, 9, 0],
            Channels::Rgba,
            Depth::Eight,
        );
        assert_eq!(seen.rgb, [227, 177, 127, 255, 255, 255]);
        assert_eq!(seen.over_black, Some(vec![100, 50, 0, 0, 0, 0]));
        assert_eq!(seen.alpha_ignored, Some(vec![200, 100, 0, 9, 9, 9]));
        let seen = composed(&[100, 128, 5, 255], Channels::GreyAlpha, Depth::Eight);
        assert_eq!(seen.rgb, [177, 177, 177, 5, 5, 5]);
        assert_eq!(seen.over_black, Some(vec![50, 50, 50, 5, 5, 5]));
        assert_eq!(seen.alpha_ignored, Some(vec![100, 100, 100, 5, 5, 5]));
        // What is black, or white, where nothing of it is seen, is no third picture.
        let black = composed(&[0, 0, 0, 0, 9, 8, 7, 255], Channels::Rgba, Depth::Eight);
        assert!(black.over_black.is_some() && black.alpha_ignored.is_none());
        let white = composed(&[255, 0, 9, 255], Channels::GreyAlpha, Depth::Eight);
        assert!(white.over_black.is_some() && white.alpha_ignored.is_none());
    }

    #[test]
    fn one_transparent_pixel_anywhere_is_found() {
        for at in [0, 1, 1023, 1024, 4999] {
            let mut samples = vec![255; 5000 * 4];
            samples[at * 4 + 3] = 254;
            assert!(
                composed(&samples, Channels::Rgba, Depth::Eight)
                    .over_black
                    .is_some(),
                "{at}"
            );
        }
    }

    #[test]
    fn no_colour_and_alpha_leaves_the_range() {
        for value in 0..=255 {
            for alpha in 0..=255 {
                assert!(scaled(value, alpha) <= alpha);
            }
            assert_eq!(scaled(value, 255), value);
            assert_eq!(from_sixteen(u16::from(value) * 257), value);
        }
    }

    #[test]
    fn floats_are_clamped() {
        for (value, expected) in [
            (f32::NAN, 0),
            (f32::NEG_INFINITY, 0),
            (-1.0, 0),
            (0.5, 128),
            (1.0, 255),
            (7.0, 255),
            (f32::INFINITY, 255),
        ] {
            assert_eq!(from_float(value), expected, "{value}");
        }
        assert_eq!(from_float(srgb_encoded(0.214_041_14)), 128);
        assert_eq!(from_float(srgb_encoded(f32::NAN)), 0);
        assert_eq!(from_float(srgb_encoded(9.0)), 255);
    }
}
