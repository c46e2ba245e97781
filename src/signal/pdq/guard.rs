//! Whether a tent-sampled picture surely has the hash and quality of the literal definition.
//!
//! In exact arithmetic both are the same. In f32 they are not: the reference keeps running sums
//! whose rounding error grows along a row or column, while the tents are whole-number sums with one
//! rounding or two. What the answer depends on is little, though:
//! - The hash depends only on which 128 of the 256 coefficients are the larger ones: on the gap
//!   between the 128th and 129th. As long as the difference of two coefficients near the median is
//!   off by less than that, no bit changes. The turned forms have three more such gaps, after the
//!   sign changes of [`Signs`].
//! - The quality depends on a sum of truncated numbers: those near a whole number may count one more
//!   or one less, and only where that carries the sum over a multiple of 90 does the quality change.
//!
//! [`is_decided`] asks both for the margins of the picture's size. Exact ties and flat pictures, all
//! of whose coefficients are rounding error, have no gap and are never decided.
//!
//! **What the margins rest on.** A proof would have to assume that all roundings go the same way,
//! and its bound (about 3 for a coefficient at 512×512) would send every picture back. They rest on
//! measurement instead, of photos, drawings, screenshots and synthetic pictures (noise, gradients,
//! stripes, chequers, waves), tents against the definition:
//!
//! | largest error of | 723 pictures up to 1,024 a side | 56 up to 5,000 | margin at 1,024 | at 4,000 |
//! | --- | --- | --- | --- | --- |
//! | a median minus a coefficient within 10 of it | 0.0036 | 0.011 | 0.015 | 0.027 |
//! | all coefficients, root mean square | 0.0008 | 0.0013 | | |
//! | a gradient | 0.0009 | 0.0020 | 0.0015 | 0.0027 |
//!
//! For the turned forms, which no bank holds, the margin is a quarter of the first. A quality
//! changes only where dozens of gradients err in the same direction at once. On 9,180 random crops
//! of 306 real pictures tents alone gave another bit, turned bit or quality for 54; of the 8,236
//! that were decided, for none. A picture made to defeat the margins would gain nothing: it would be
//! off by a bit or two.

use crate::signal::pdq::hashed::quality_of;
use crate::signal::pdq::kernel::Gradients;
use crate::signal::pdq::spectrum::{Signs, Spectrum, median_gap};

/// How far tents and the literal definition are taken to be apart at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Margins {
    /// For the gap between two coefficients.
    pub(super) gap: f32,
    /// The same for the turned forms.
    pub(super) turned_gap: f32,
    /// For a gradient of the quality measure, in its own unit (one step counts 1).
    pub(super) gradient: f32,
}

impl Margins {
    /// The margins for a picture of this size. Drift grows with the length of the running sums.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let gap = 0.002 + 0.0004 * (width.max(height) as f32).sqrt();
        Self {
            gap,
            turned_gap: gap / 4.0,
            gradient: gap / 10.0,
        }
    }
}

/// Whether no error within the margins changes the quality, the hash or a turned hash.
pub(super) fn is_decided(spectrum: &Spectrum, gradients: Gradients, margins: Margins) -> bool {
    let least = gradients.sum.saturating_sub(gradients.may_fall);
    let most = gradients.sum.saturating_add(gradients.may_rise);
    quality_of(least) == quality_of(most)
        && median_gap(spectrum) > margins.gap
        && Signs::TURNED
            .iter()
            .all(|signs| median_gap(&signs.apply(spectrum)) > margins.turned_gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGINS: Margins = Margins {
        gap: 0.01,
        turned_gap: 0.01,
        gradient: 0.001,
    };

    fn spread() -> Spectrum {
        // No two values, of whatever sign, are closer than 0.5.
        std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let value = (16 * i + j) as f32 + 1.0;
                if (i * 7 + j * 3) % 2 == 0 {
                    value
                } else {
                    -value - 0.5
                }
            })
        })
    }

    #[test]
    fn wide_gaps_and_clear_gradients_are_decided() {
        let gradients = Gradients {
            sum: 4545,
            may_fall: 45,
            may_rise: 44,
        };
        assert!(is_decided(&spread(), gradients, MARGINS));
    }

    #[test]
    fn a_quality_that_could_change_is_not_decided() {
        let rises = Gradients {
            sum: 4545,
            may_fall: 0,
            may_rise: 45,
        };
        let falls = Gradients {
            sum: 4545,
            may_fall: 46,
            may_rise: 0,
        };
        assert!(!is_decided(&spread(), rises, MARGINS));
        assert!(!is_decided(&spread(), falls, MARGINS));
        let capped = Gradients {
            sum: 9100,
            may_fall: 100,
            may_rise: 1000,
        };
        assert!(is_decided(&spread(), capped, MARGINS), "100 stays 100");
    }

    #[test]
    fn a_tie_in_any_orientation_is_not_decided() {
        let gradients = Gradients::default();
        assert!(!is_decided(&[[0.0; 16]; 16], gradients, MARGINS), "flat");
        for signs in [Signs::Kept].into_iter().chain(Signs::TURNED) {
            let mut turned = signs.apply(&spread());
            let mut sorted = turned.as_flattened().to_vec();
            sorted.sort_by(f32::total_cmp);
            for value in turned.as_flattened_mut() {
                if *value == sorted[128] {
                    *value = sorted[127] + 0.005;
                }
            }
            let spectrum = signs.apply(&turned);
            assert!(!is_decided(&spectrum, gradients, MARGINS), "{signs:?}");
        }
    }
}
