//! Colours as a screen shows them: what a file's profile or gamma makes of the stored values.
//!
//! The reference programs of perceptual hashes pass over profiles and gamma, and so does [`Picture`](super::Picture).
//! Browsers do not. A file may therefore store one picture and show another; where the two are far apart, both are asked
//! about. Owned here: finding the profile in a file, and applying it. Not owned: when that is done.
//!
//! What counts, in this order, as the PNG specification (third edition, 4.3) and Chromium have it: `cICP`, then an ICC
//! profile, then `sRGB`, then `gAMA` with `cHRM`. In JPEG, WebP, TIFF (of its first page), PSD and JPEG XL it is the ICC
//! profile alone; in HEIC and AVIF that of the primary picture, then its code points; in BMP the profile, or what the header
//! says of its light. Profiles of inks (CMYK) are passed over, and so is what cannot be read.

mod find;

use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace,
    Layout, MatrixCoefficients, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor,
    TransformOptions, XyY,
};

use find::Told;

/// Turns stored colours into those that a screen shows (sRGB).
#[derive(Clone)]
pub struct Colours {
    transform: Arc<Transform8BitExecutor>,
    /// Whether the profile is one of greys: the three samples of a pixel are one value.
    is_grey: bool,
}

impl std::fmt::Debug for Colours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Colours")
            .field("is_grey", &self.is_grey)
            .finish_non_exhaustive()
    }
}

/// Reads the profiles of files, and remembers the last few: most pictures carry one of a handful.
#[derive(Debug, Default)]
pub struct Profiles {
    seen: Vec<(Told, Option<Colours>)>,
}

/// Profiles that are remembered.
const MOST_SEEN: usize = 8;
/// A longer profile is not remembered.
const MOST_BYTES_SEEN: usize = 64 << 10;

/// From so many of 256 steps of luma on, for some grey, the shown picture is another than the stored one. A gamma of 2.0
/// to 2.4 stays below it (at most 11), one of 1.8 does not (19).
const FAR: i32 = 16;
/// The same on average over all colours. Display P3 (6) and Adobe RGB (7) stay below it, BT.2020 (11) does not: its pictures
/// were up to 12 bits away.
const FAR_ON_AVERAGE: i32 = 8;

impl Profiles {
    /// How the colours of a file are shown, where that is far from how they are stored.
    ///
    /// Reads no more than what stands before the pixels. Takes a few microseconds for a profile that was met before.
    pub fn colours(&mut self, bytes: &[u8]) -> Option<Colours> {
        let told = find::told(bytes)?;
        if let Some((_, known)) = self.seen.iter().find(|(held, _)| *held == told) {
            return known.clone();
        }
        let colours = told.profile().and_then(|profile| Colours::of(&profile));
        let colours = colours.filter(Colours::is_far);
        if told.bytes() <= MOST_BYTES_SEEN {
            if self.seen.len() == MOST_SEEN {
                self.seen.remove(0);
            }
            self.seen.push((told, colours.clone()));
        }
        colours
    }
}

impl Colours {
    fn of(profile: &ColorProfile) -> Option<Self> {
        let is_grey = match profile.color_space {
            DataColorSpace::Rgb => false,
            DataColorSpace::Gray => true,
            _ => return None,
        };
        let from = if is_grey { Layout::Gray } else { Layout::Rgb };
        let screen = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let transform = profile.create_transform_8bit(from, &screen, Layout::Rgb, options);
        Some(Self {
            transform: transform.ok()?,
            is_grey,
        })
    }

    /// Turns pixels, three bytes each, in their place. Those that cannot be turned stay.
    pub fn apply(&self, rgb: &mut [u8]) {
        const PIXELS: usize = 4096;
        let mut stored = Vec::with_capacity(PIXELS * 3);
        for part in rgb.chunks_mut(PIXELS * 3) {
            stored.clear();
            if self.is_grey {
                stored.extend(part.iter().step_by(3));
            } else {
                stored.extend_from_slice(part);
            }
            if self.transform.transform(&stored, part).is_err() {
                return;
            }
        }
    }

    /// Whether the picture is shown plainly lighter or darker than it is stored.
    fn is_far(&self) -> bool {
        const STEPS: [u8; 6] = [0, 51, 102, 153, 204, 255];
        let greys: Vec<u8> = (0..=255).step_by(5).flat_map(|grey| [grey; 3]).collect();
        let cube = STEPS.iter().flat_map(|&red| {
            let with = move |green: &u8| STEPS.map(|blue| [red, *green, blue]);
            STEPS.iter().flat_map(with).flatten()
        });
        self.differences(greys).max() >= Some(FAR)
            || (!self.is_grey && {
                let (count, sum) = self
                    .differences(cube.collect())
                    .fold((0, 0), |(count, sum), one| (count + 1, sum + one));
                sum >= count * FAR_ON_AVERAGE
            })
    }

    /// How much lighter or darker each of these pixels is shown.
    fn differences(&self, stored: Vec<u8>) -> impl Iterator<Item = i32> {
        let mut shown = stored.clone();
        self.apply(&mut shown);
        let pixels = stored.len() / 3;
        (0..pixels).map(move |at| {
            let luma = |rgb: &[u8]| match rgb.get(at * 3..at * 3 + 3) {
                Some(&[red, green, blue]) => {
                    (299 * i32::from(red) + 587 * i32::from(green) + 114 * i32::from(blue)) / 1000
                }
                _ => 0,
            };
            (luma(&stored) - luma(&shown)).abs()
        })
    }
}

impl Told {
    /// As a profile; `None` where it is that of a screen, or none.
    fn profile(&self) -> Option<ColorProfile> {
        match self {
            Self::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok(),
            Self::Code {
                primaries,
                transfer,
            } => {
                let profile = ColorProfile::new_from_cicp(CicpProfile {
                    color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
                    transfer_characteristics: TransferCharacteristics::try_from(*transfer).ok()?,
                    matrix_coefficients: MatrixCoefficients::Identity,
                    full_range: true,
                });
                // Code points that say nothing of light leave it empty.
                profile.red_trc.is_some().then_some(profile)
            }
            Self::Gamma {
                gamma,
                chromaticities,
            } => {
                let mut profile = ColorProfile::new_srgb();
                profile.cicp = None;
                if let Some([white, red, green, blue]) = chromaticities {
                    let at = |&[x, y]: &[u32; 2]| {
                        Chromaticity::new(x as f32 / 100_000.0, y as f32 / 100_000.0)
                    };
                    let primaries = ColorPrimaries {
                        red: at(red),
                        green: at(green),
                        blue: at(blue),
                    };
                    let [x, y] = *white;
                    let white = XyY {
                        x: f64::from(x) / 100_000.0,
                        y: f64::from(y) / 100_000.0,
                        yb: 1.0,
                    };
                    profile.update_rgb_colorimetry(white, primaries);
                }
                let curve = ToneReprCurve::Parametric(vec![100_000.0 / *gamma as f32]);
                profile.red_trc = Some(curve.clone());
                profile.green_trc = Some(curve.clone());
                profile.blue_trc = Some(curve);
                Some(profile)
            }
        }
    }
}

#[cfg(test)]
mod tests;
