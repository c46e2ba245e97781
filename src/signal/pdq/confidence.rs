//! How sure each bit of a hash is.
//!
//! A bit says on which side of the median a value of the spectrum lies. In a changed copy the
//! values have moved a little: those near the median change sides, those far from it do not. So, of two
//! hashes at the same distance, the likelier copy is the one whose differing bits lie near the median.

use crate::hash::PdqHash;
use crate::signal::pdq::spectrum::{self, Spectrum};

/// A weight for each bit of a PDQ hash, from 0 (the value is the median) to 255 (far from it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confidence([u8; 256]);

impl Confidence {
    /// Nothing is known of any bit. With these weights no hash is more alike than a stranger's.
    pub const NONE: Self = Self([0; 256]);

    /// The weights, for who sends them on at once. With the hash they are a tiny picture: never store them.
    pub(crate) const fn as_bytes(&self) -> &[u8; 256] {
        &self.0
    }

    /// From such weights.
    pub(crate) const fn from_bytes(weights: [u8; 256]) -> Self {
        Self(weights)
    }

    /// The weights of a spectrum's bits: `255 d / (d + m)` for a value that lies `d` from the
    /// median, where `m` is the median of all `d`.
    ///
    /// Where it is known how much of a value comes from a guess, that much is taken off `d`.
    pub(in crate::signal) fn of(spectrum: &Spectrum, guessed: Option<&Spectrum>) -> Self {
        Self(weights(spectrum, guessed, spectrum::median(spectrum)))
    }

    /// The same, where the weights were made before.
    pub(in crate::signal) const fn of_weights(weights: [u8; 256]) -> Self {
        Self(weights)
    }

    /// The share of the weights that stand on bits in which two hashes differ: 0 to 1, and near one
    /// half for hashes that have nothing to do with each other.
    #[must_use]
    pub fn apart(&self, hash: &PdqHash, other: &PdqHash) -> f32 {
        let (mut differ, mut all) = (0u32, 0u32);
        for (byte, (a, b)) in hash.0.iter().zip(&other.0).enumerate() {
            let bits = a ^ b;
            for bit in 0..8 {
                let weight = u32::from(self.0[8 * (31 - byte) + bit]);
                all += weight;
                differ += weight * u32::from((bits >> bit) & 1);
            }
        }
        if all == 0 {
            return 0.5;
        }
        differ as f32 / all as f32
    }
}

/// The weights of [`Confidence::of`]; `median` is the spectrum's.
#[inline(always)]
pub(in crate::signal) fn weights(
    spectrum: &Spectrum,
    guessed: Option<&Spectrum>,
    median: f32,
) -> [u8; 256] {
    let mut apart = *spectrum;
    for value in apart.as_flattened_mut() {
        *value = (*value - median).abs();
    }
    let scale = spectrum::median(&apart).max(1e-6);
    if let Some(guessed) = guessed {
        let guessed = guessed.as_flattened();
        for (apart, guess) in apart.as_flattened_mut().iter_mut().zip(guessed) {
            *apart = (*apart - guess.abs()).max(0.0);
        }
    }
    let mut weights = [0; 256];
    for (weight, &apart) in weights.iter_mut().zip(apart.as_flattened()) {
        *weight = whole(255.0 * apart / (apart + scale));
    }
    weights
}

/// The whole part of a number from 0 to 255, as vectors can take it; 0 of what is no number.
#[inline(always)]
fn whole(value: f32) -> u8 {
    /// Floats of this size are whole numbers one apart, so adding it rounds, and the lowest bits are the number.
    const WHOLE: f32 = 8_388_608.0;
    let value = if value < 255.0 { value } else { 255.0 };
    let value = if value > 0.0 { value } else { 0.0 };
    let rounded = value + WHOLE;
    let is_above = i32::from(rounded - WHOLE > value);
    (rounded.to_bits() as i32).wrapping_sub(is_above) as u8
}
