//! How the bytes of one pixel become luma.

/// Weights of red, green and blue in luma.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Luma of one pixel, with the reference's roundings.
pub(super) fn luma_of(r: u8, g: u8, b: u8) -> f32 {
    LUMA[0] * f32::from(r) + LUMA[1] * f32::from(g) + LUMA[2] * f32::from(b)
}

/// How the bytes of one pixel become luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::signal) enum Pixel {
    Rgb,
    Luma,
}

impl Pixel {
    pub(super) const fn channels(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Luma => 1,
        }
    }

    /// The weight of each channel. A grey pixel counts as one of three equal channels.
    pub(super) fn weights(self) -> &'static [f64] {
        const RGB: [f64; 3] = [LUMA[0] as f64, LUMA[1] as f64, LUMA[2] as f64];
        const GREY: [f64; 1] = [RGB[0] + RGB[1] + RGB[2]];
        match self {
            Self::Rgb => &RGB,
            Self::Luma => &GREY,
        }
    }
}
