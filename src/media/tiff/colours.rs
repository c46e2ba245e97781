//! The colours that the samples of a page stand for, and how they become light.

use super::directory::{Directory, Values};
use super::fault::{damaged, unsupported};
use super::samples::{Number, Storage};
use super::tags;
use crate::media::MediaError;
use crate::media::lab;
use crate::media::pixels::Channels;

/// What the first samples of a pixel stand for; 16 bits each.
pub(super) enum Colours {
    Grey {
        inverted: bool,
    },
    Rgb,
    Palette(Palette),
    /// Cyan, magenta, yellow, black; 0 is no ink.
    Ink,
    Luma(Luma),
    /// CIE L*a*b* under D50; `signed` where a and b are, else their middle is added.
    Lab {
        signed: bool,
    },
}

impl Colours {
    /// Samples of a pixel, without what is extra.
    pub(super) const fn samples(&self) -> usize {
        match self {
            Self::Grey { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::Luma(_) | Self::Lab { .. } => 3,
            Self::Ink => 4,
        }
    }

    /// What [`paint`](Self::paint) gives.
    pub(super) const fn channels(&self, alpha: bool) -> Channels {
        match (self, alpha) {
            (Self::Grey { .. }, false) => Channels::Grey,
            (Self::Grey { .. }, true) => Channels::GreyAlpha,
            (_, false) => Channels::Rgb,
            (_, true) => Channels::Rgba,
        }
    }

    /// Whether samples are numbers of colours.
    pub(super) const fn are_numbers(&self) -> bool {
        matches!(self, Self::Palette(_))
    }

    /// Appends a pixel to what is shown; `alpha` is that of a pixel whose colours are multiplied by
    /// it where `alpha` says so.
    pub(super) fn paint(
        &self,
        pixel: &[u16],
        alpha: Option<(u16, bool)>,
        out: &mut Vec<u8>,
    ) -> Result<(), MediaError> {
        let mut colours = [0_u16; 4];
        for (to, from) in colours.iter_mut().zip(pixel) {
            *to = *from;
        }
        if let Some((alpha, true)) = alpha
            && !self.are_numbers()
        {
            colours = colours.map(|colour| divided(colour, alpha));
        }
        let [first, second, third, fourth] = colours;
        match self {
            Self::Grey { inverted } => {
                let light = if *inverted { 65_535 - first } else { first };
                out.push(to_eight(light));
            }
            Self::Rgb => out.extend([first, second, third].map(to_eight)),
            Self::Palette(palette) => out.extend(palette.colour(first)?),
            Self::Ink => {
                let white = u32::from(255 - to_eight(fourth));
                out.extend(
                    [first, second, third]
                        .map(|ink| ((u32::from(255 - to_eight(ink)) * white + 127) / 255) as u8),
                );
            }
            Self::Luma(luma) => out.extend(luma.light([first, second, third].map(to_eight))),
            Self::Lab { signed } => out.extend(lab::light([first, second, third], *signed)),
        }
        if let Some((alpha, _)) = alpha {
            out.push(to_eight(alpha));
        }
        Ok(())
    }
}

/// The nearest of 256 steps.
const fn to_eight(value: u16) -> u8 {
    ((value as u32 * 255 + 32_767) / 65_535) as u8
}

/// A colour that was multiplied by its alpha, as it was before; black where nothing of it is left.
fn divided(colour: u16, alpha: u16) -> u16 {
    let (colour, alpha) = (u32::from(colour), u32::from(alpha));
    (colour * 65_535 + alpha / 2)
        .checked_div(alpha)
        .map_or(0, |colour| colour.min(65_535) as u16)
}

/// The sample that says how opaque a pixel is.
#[derive(Clone, Copy)]
pub(super) struct Alpha {
    /// Its place among a pixel's samples.
    pub(super) at: usize,
    /// Whether the colours are multiplied by it.
    pub(super) multiplied: bool,
}

impl Alpha {
    /// By what the file says of each sample behind the colours. A sample that is said to be of no
    /// stated kind is passed over, as other readers do. RGB with a fourth sample of which nothing is
    /// said has alpha: that is how such files are meant, and how they are read.
    pub(super) fn read(
        kinds: Option<&Values<'_>>,
        colours: usize,
        samples: usize,
        is_rgb: bool,
    ) -> Option<Self> {
        let extra = samples.checked_sub(colours).filter(|&extra| extra > 0)?;
        let Some(kinds) = kinds else {
            return (is_rgb && extra == 1).then_some(Self {
                at: colours,
                multiplied: false,
            });
        };
        let place = kinds.numbers().take(extra).position(|kind| {
            // A widespread program writes 999 and means 2.
            matches!(kind, 1 | 2 | 999)
        })?;
        Some(Self {
            at: colours + place,
            multiplied: kinds.get(place) == Some(1),
        })
    }
}

/// The colours that samples number.
pub(super) struct Palette(Vec<[u8; 3]>);

impl Palette {
    /// All reds, all greens, all blues; 16 bit, save where a careless writer stored 8.
    pub(super) fn read(map: &Values<'_>, storage: Storage) -> Result<Self, MediaError> {
        if storage.number != Number::Unsigned || storage.bits > 16 {
            return Err(unsupported(
                "a palette of samples that are no small whole numbers",
            ));
        }
        let count = map.len() / 3;
        let shift = if map.numbers().all(|value| value < 256) {
            0
        } else {
            8
        };
        let one = |plane: usize, at: usize| {
            map.get(plane * count + at)
                .map_or(0, |value| (value >> shift) as u8)
        };
        let most = 1_usize << storage.bits;
        Ok(Self(
            (0..count.min(most))
                .map(|at| [one(0, at), one(1, at), one(2, at)])
                .collect(),
        ))
    }

    fn colour(&self, number: u16) -> Result<[u8; 3], MediaError> {
        self.0
            .get(usize::from(number))
            .copied()
            .ok_or_else(|| damaged("a sample names a colour that the palette has not"))
    }
}

/// How luma and chroma become light: TIFF 6.0, section 21.
pub(super) struct Luma {
    /// What red, green and blue weigh.
    weights: [f32; 3],
    /// The codes of black, and what a step of a code is worth, of luma and both chromas.
    black: [f32; 3],
    scale: [f32; 3],
}

impl Luma {
    pub(super) fn read(directory: &Directory<'_>) -> Result<Self, MediaError> {
        let reals = |tag, default: [f32; 6]| -> Result<[f32; 6], MediaError> {
            Ok(match directory.values(tag)? {
                None => default,
                Some(values) => {
                    let mut reals = default;
                    for (at, real) in reals.iter_mut().enumerate() {
                        *real = values.real(at).unwrap_or(*real);
                    }
                    reals
                }
            })
        };
        let [red, green, blue, ..] =
            reals(tags::LUMA_WEIGHTS, [0.299, 0.587, 0.114, 0.0, 0.0, 0.0])?;
        let codes = reals(
            tags::BLACK_AND_WHITE,
            [0.0, 255.0, 128.0, 255.0, 128.0, 255.0],
        )?;
        let [black, white, blue_black, blue_white, red_black, red_white] = codes;
        let spans = [
            white - black,
            blue_white - blue_black,
            red_white - red_black,
        ];
        if green.abs() < 1e-3 || spans.iter().any(|span| span.abs() < 1.0) {
            return Err(damaged("its luma and chroma have no range"));
        }
        Ok(Self {
            weights: [red, green, blue],
            black: [black, blue_black, red_black],
            scale: [255.0 / spans[0], 127.0 / spans[1], 127.0 / spans[2]],
        })
    }

    fn light(&self, codes: [u8; 3]) -> [u8; 3] {
        let value = |at: usize| (f32::from(codes[at]) - self.black[at]) * self.scale[at];
        let (luma, chroma_blue, chroma_red) = (value(0), value(1), value(2));
        let [weight_red, weight_green, weight_blue] = self.weights;
        let red = luma + chroma_red * (2.0 - 2.0 * weight_red);
        let blue = luma + chroma_blue * (2.0 - 2.0 * weight_blue);
        let green = (luma - weight_blue * blue - weight_red * red) / weight_green;
        // The casts saturate.
        [red, green, blue].map(|light| (light + 0.5) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(colours: &Colours, pixel: &[u16], alpha: Option<(u16, bool)>) -> Vec<u8> {
        let mut out = Vec::new();
        colours.paint(pixel, alpha, &mut out).unwrap();
        out
    }

    #[test]
    fn colours_that_were_multiplied_by_alpha_are_divided_again() {
        let half = 128 * 257;
        let pixel = [half, half / 2, 0];
        let rgba = painted(&Colours::Rgb, &pixel, Some((half, true)));
        assert_eq!(rgba, [255, 128, 0, 128]);
        let rgba = painted(&Colours::Rgb, &pixel, Some((half, false)));
        assert_eq!(rgba, [128, 64, 0, 128]);
        // More than alpha allows, and nothing at all.
        let rgba = painted(&Colours::Rgb, &[65_535, 9, 0], Some((257, true)));
        assert_eq!(rgba, [255, 9, 0, 1]);
        assert_eq!(painted(&Colours::Rgb, &[7, 7, 7], Some((0, true))), [0; 4]);
    }

    #[test]
    fn lab_has_white_grey_and_red_where_they_belong() {
        for signed in [false, true] {
            let lab = Colours::Lab { signed };
            let code = |value: i32| {
                let byte = if signed {
                    value as i8 as u8
                } else {
                    (value + 128) as u8
                };
                u16::from(byte) * 257
            };
            let neutral = code(0);
            let white = painted(&lab, &[65_535, neutral, neutral], None);
            assert!(white.iter().all(|&light| light >= 254), "{white:?}");
            assert_eq!(painted(&lab, &[0, neutral, neutral], None), [0; 3]);
            // L* 54.3, a* 80.8, b* 69.9 is sRGB's red under D50.
            let red = painted(&lab, &[35_580, code(81), code(70)], None);
            assert!(red[0] > 250 && red[1] < 12 && red[2] < 12, "{red:?}");
        }
    }
}
