//! The colours that the samples of a page stand for, and how they become light.

use crate::media::pixels::{self, Channels, Depth, Layout};
use ::tiff::ColorType;

/// The colours that a page's samples stand for.
#[derive(Clone, Copy)]
pub(super) enum Inks {
    /// As they are to be composed.
    Light(Channels),
    /// Grey of fewer than 8 bits, several samples in a byte, rows padded to whole bytes.
    Packed(u8),
    /// Cyan, magenta, yellow, black; 0 is no ink. With a fifth sample that is passed over.
    Print { extra: bool },
    /// Luma and two chroma samples of 8 bits, full range (JFIF).
    LumaChroma,
}

impl Inks {
    pub(super) fn of(color: ColorType) -> Option<Self> {
        Some(match color {
            ColorType::Gray(bits @ (1 | 2 | 4)) => Self::Packed(bits),
            ColorType::Gray(8 | 16 | 32) => Self::Light(Channels::Grey),
            ColorType::GrayA(8 | 16 | 32)
            | ColorType::Multiband {
                bit_depth: 8 | 16,
                num_samples: 2,
            } => Self::Light(Channels::GreyAlpha),
            ColorType::RGB(8 | 16 | 32) => Self::Light(Channels::Rgb),
            ColorType::RGBA(8 | 16 | 32) => Self::Light(Channels::Rgba),
            ColorType::CMYK(8 | 16) => Self::Print { extra: false },
            ColorType::CMYKA(8 | 16) => Self::Print { extra: true },
            ColorType::YCbCr(8) => Self::LumaChroma,
            _ => return None,
        })
    }

    /// The samples as light.
    pub(super) fn to_layout(self, samples: Vec<u8>, depth: Depth, width: u32) -> (Vec<u8>, Layout) {
        let rgb = Layout {
            channels: Channels::Rgb,
            depth: Depth::Eight,
        };
        match self {
            Self::Light(channels) => (samples, Layout { channels, depth }),
            Self::Packed(bits) => (
                unpacked(&samples, bits, width as usize, 255 / (0xff >> (8 - bits))),
                Layout {
                    channels: Channels::Grey,
                    depth: Depth::Eight,
                },
            ),
            Self::Print { extra } => {
                let inks = pixels::to_eight_bits(samples, depth);
                let light = inks
                    .chunks_exact(if extra { 5 } else { 4 })
                    .flat_map(|ink| {
                        let white = u32::from(255 - ink[3]);
                        [ink[0], ink[1], ink[2]]
                            .map(|one| ((u32::from(255 - one) * white + 127) / 255) as u8)
                    })
                    .collect();
                (light, rgb)
            }
            Self::LumaChroma => (
                samples
                    .chunks_exact(3)
                    .flat_map(|sample| from_luma(sample[0], sample[1], sample[2]))
                    .collect(),
                rgb,
            ),
        }
    }
}

/// Full-range BT.601, as JFIF uses.
fn from_luma(luma: u8, blue: u8, red: u8) -> [u8; 3] {
    let luma = f32::from(luma);
    let blue = f32::from(blue) - 128.0;
    let red = f32::from(red) - 128.0;
    // The casts saturate.
    [
        (luma + 1.402 * red + 0.5) as u8,
        (luma - 0.344_136 * blue - 0.714_136 * red + 0.5) as u8,
        (luma + 1.772 * blue + 0.5) as u8,
    ]
}

/// Each sample of `bits` bits in a byte of its own, times `scale`.
pub(super) fn unpacked(packed: &[u8], bits: u8, width: usize, scale: u8) -> Vec<u8> {
    let per_byte = 8 / bits;
    let mask = 0xff >> (8 - bits);
    packed
        .chunks(width.div_ceil(usize::from(per_byte)).max(1))
        .flat_map(|row| {
            row.iter()
                .flat_map(move |&byte| {
                    (0..per_byte).map(move |at| (byte >> (8 - bits * (at + 1)) & mask) * scale)
                })
                .take(width)
        })
        .collect()
}
