//! What PDQ makes of one picture: its hash, its quality, and the spectrum behind both.

use crate::hash::{PdqHash, Quality, Transform};
use crate::signal::pdq::confidence::Confidence;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::pdq::spectrum::{self, Samples, Spectrum};

/// A side below this gives the zero hash and quality 0.
pub const MINIMUM_SIDE: usize = 5;

/// What PDQ makes of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct PdqHashed {
    /// The hash of the picture as it lies.
    pub hash: PdqHash,
    /// How much there was to hash.
    pub quality: Quality,
    pub(super) spectrum: Spectrum,
}

impl PdqHashed {
    /// What a picture with a side below [`MINIMUM_SIDE`] gets.
    pub(super) const TOO_SMALL: Self = Self {
        hash: PdqHash::ZERO,
        quality: Quality::MIN,
        spectrum: [[0.0; spectrum::FREQUENCIES]; spectrum::FREQUENCIES],
    };

    pub(super) fn from_samples(kernel: Kernel, samples: &Samples) -> Self {
        let spectrum = kernel.spectrum(samples);
        Self {
            hash: spectrum::hash(&spectrum),
            quality: quality_of(kernel.gradients(samples, 0.0).sum),
            spectrum,
        }
    }

    /// How sure each bit of the hash is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        Confidence::of(&self.spectrum, None)
    }

    /// The hashes that the picture has when turned or mirrored, in the reference's order:
    /// original, by 90°, 180°, 270°, flipped about x, about y, about the diagonals.
    ///
    /// They are computed from the same spectrum, which costs next to nothing. A picture that really
    /// was turned hashes to nearly that, not to precisely that (6–10 bits apart in the median),
    /// because PDQ's sampling grid is not symmetric.
    #[must_use]
    pub fn dihedral(&self) -> [(Transform, PdqHash); 8] {
        spectrum::dihedral(&self.spectrum)
    }
}

/// The quality that a sum of gradients stands for.
pub(in crate::signal) fn quality_of(gradients: u32) -> Quality {
    let value = (gradients / 90).min(100);
    Quality::new(value as u8).unwrap_or(Quality::MAX)
}
