//! What speaks for a match besides its distance.
//!
//! A hash farther away than a bank's threshold is no match by distance. But a query made from
//! pixels knows how sure each of its bits is, and how simple its picture is: with that, some of the
//! hashes beyond the threshold are surely of the same picture, and some within it surely not.
//! This file owns those rules. It refuses to search.

use crate::hash::{Distance, PdqHash, Threshold};
use crate::signal::pdq::Confidence;
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// What a query from pixels knows of its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// How sure each bit is.
    pub confidence: Confidence,
    /// How much of the picture is flat, in hundredths, without the finest detail: drawings, text
    /// pages, dialogs, flags and maps are a lot, photos little.
    pub flatness: u8,
    /// Whether it is but a small part of what was uploaded.
    pub is_small: bool,
    /// Whether it is a guess at an original, and not the picture itself, turned or mirrored.
    pub is_guess: bool,
    /// Whether black stands for white.
    pub inverted: bool,
}

/// How alike two hashes are by all their bits, weighed by how sure they are: 1 for equal ones,
/// 0 for ones that have nothing to do with each other. In thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(i16);

impl Score {
    fn of_share(apart: f32) -> Self {
        Self((1000.0 * (1.0 - 2.0 * apart)).round() as i16)
    }

    /// From a number of -1 to 1, to the next thousandth; `None` beyond.
    #[must_use]
    pub fn from_value(value: f64) -> Option<Self> {
        let is_one = (-1.0..=1.0).contains(&value);
        is_one.then_some(Self((1000.0 * value).round() as i16))
    }

    /// As a number from -1 to 1.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.value())
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

impl Evidence {
    /// Up to so much flatness a picture is as rich as photos are; from [`Self::PLAIN`] on it is
    /// as plain as drawings are. Measured on 306 pictures with 60 changed copies each, against
    /// 17,100 hashes of pictures of all kinds: strangers of rich ones come no nearer than a share
    /// apart of 0.15; plain ones find others of their kind (a dialog, a map, an icon) from 0.06 on.
    const RICH: u8 = 20;
    const PLAIN: u8 = 40;
    const RICH_APART: f32 = 0.15;
    const PLAIN_APART: f32 = 0.06;
    /// What a guess at a plain picture may be off, whatever the threshold: beyond it other plain
    /// pictures begin.
    const PLAIN_GUESS: Threshold = Threshold(24);

    /// The largest distance at which a hash matches by distance alone, of a bank with this
    /// threshold.
    #[must_use]
    pub fn near_within(&self, threshold: Threshold) -> Threshold {
        if self.is_guess && (self.is_small || self.flatness >= Self::PLAIN) {
            threshold.min(Self::PLAIN_GUESS)
        } else {
            threshold
        }
    }

    /// How alike the query's hash and an entry's are.
    #[must_use]
    pub fn score(&self, query: &PdqHash, entry: &PdqHash) -> Score {
        Score::of_share(self.confidence.apart(query, entry))
    }

    /// The least score that verifies a match: 0.7 for a rich picture, 0.88 for a plain one and for
    /// a small part of one.
    #[must_use]
    pub fn enough(&self) -> Score {
        if self.is_small {
            return Score::of_share(Self::PLAIN_APART);
        }
        let beyond = self.flatness.clamp(Self::RICH, Self::PLAIN) - Self::RICH;
        let share = f32::from(beyond) / f32::from(Self::PLAIN - Self::RICH);
        Score::of_share(Self::RICH_APART - share * (Self::RICH_APART - Self::PLAIN_APART))
    }

    /// Whether an entry at this distance is worth weighing.
    #[must_use]
    pub fn reaches(&self, distance: Distance, widest: Distance) -> bool {
        !self.inverted && distance <= widest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::pdq::PdqHasher;

    fn evidence() -> (PdqHash, Evidence) {
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8;
        let picture: Vec<u8> = (0..128 * 128).map(noise).collect();
        let hashed = PdqHasher::new().hash_luma(128, 128, &picture);
        let hashed = hashed.expect("as many bytes as pixels");
        let evidence = Evidence {
            confidence: hashed.confidence(),
            flatness: 0,
            is_small: false,
            is_guess: true,
            inverted: false,
        };
        (hashed.hash, evidence)
    }

    #[test]
    fn equal_hashes_score_one_and_opposite_ones_minus_one() {
        let (hash, evidence) = evidence();
        let opposite = PdqHash(hash.0.map(|byte| !byte));
        assert_eq!(evidence.score(&hash, &hash).value(), 1.0);
        assert_eq!(evidence.score(&hash, &opposite).value(), -1.0);
        assert_eq!(evidence.score(&hash, &hash).to_string(), "1.000");
    }

    #[test]
    fn plain_pictures_and_small_parts_need_more() {
        let (_, rich) = evidence();
        let plain = Evidence {
            flatness: 40,
            ..rich
        };
        let small = Evidence {
            is_small: true,
            ..rich
        };
        let between = Evidence {
            flatness: 30,
            ..rich
        };
        assert_eq!(rich.enough().value(), 0.7);
        assert_eq!(between.enough().value(), 0.79);
        assert_eq!((plain.enough(), small.enough()), (Score(880), Score(880)));
        let threshold = Threshold::PDQ_DEFAULT;
        assert_eq!(rich.near_within(threshold), threshold);
        assert_eq!(plain.near_within(threshold), Threshold(24));
        assert_eq!(small.near_within(Threshold(10)), Threshold(10));
        let given = Evidence {
            is_guess: false,
            ..plain
        };
        assert_eq!(given.near_within(threshold), threshold);
    }

    #[test]
    fn scores_are_read_as_they_are_written() {
        for score in [-1000, -999, -1, 0, 1, 119, 700, 991, 1000].map(Score) {
            assert_eq!(Score::from_value(score.value()), Some(score));
        }
        for beyond in [1.1, -1.1, f64::NAN] {
            assert_eq!(Score::from_value(beyond), None);
        }
    }

    #[test]
    fn where_nothing_is_known_every_hash_is_a_strangers() {
        let (hash, mut evidence) = evidence();
        evidence.confidence = Confidence::NONE;
        assert_eq!(evidence.score(&hash, &hash).value(), 0.0);
    }

    #[test]
    fn negatives_are_never_verified() {
        let (_, evidence) = evidence();
        let widest = Distance(60);
        assert!(evidence.reaches(Distance(60), widest));
        assert!(!evidence.reaches(Distance(61), widest));
        let negative = Evidence {
            inverted: true,
            ..evidence
        };
        assert!(!negative.reaches(Distance(32), widest));
    }
}
