//! The evidence for a match besides its distance.
//!
//! A hash farther away than a bank's threshold does not match by distance. But a query made from
//! pixels knows how sure each of its bits is, and how simple its picture is. With that, some hashes
//! beyond the threshold are surely of the same picture, and some within it are surely not. This
//! file owns those rules. It refuses to search.

use crate::hash::{Distance, PdqHash, Signal, Threshold};
use crate::rules::values;
use crate::signal::pdq::Confidence;
use serde::de::{Deserialize, Deserializer, Error};
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
    /// Whether it is but a small part of what was uploaded: less than a fifth.
    pub is_small: bool,
    /// Whether it is less than three tenths of what was uploaded.
    pub is_minor: bool,
    /// Whether it is a guess at an original, and not the picture itself, turned or mirrored.
    pub is_guess: bool,
    /// Whether black stands for white.
    pub inverted: bool,
    /// How alike it was, before fitting, to the entry that it was then fitted to, less what fitting
    /// changed; `None` where it was not fitted.
    pub fitted_from: Option<Score>,
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

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        Self::from_value(value).ok_or_else(|| D::Error::custom(format!("{value} is no score")))
    }
}

/// The limits that evidence is judged by. Where each value comes from stands in the table of the
/// [rules](crate::rules).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Up to so much flatness a picture is as rich as photos are; from `plain` on it is as plain as
    /// drawings are.
    pub(crate) rich: u8,
    pub(crate) plain: u8,
    /// The share apart up to which a rich picture, and a plain one, is verified.
    pub(crate) rich_apart: f32,
    pub(crate) plain_apart: f32,
    /// How many bits a guess at a plain picture may be off, even if the threshold is wider: beyond
    /// it other plain pictures begin.
    pub(crate) plain_guess: Threshold,
    /// How many bits a guess may be off an entry of stripes and the like: crops of many pictures
    /// look like it.
    pub(crate) patterned_guess: Threshold,
    /// The share apart of what was fitted, which brings strangers nearer too.
    pub(crate) rich_fitted: f32,
    /// What a fitted guess at a plain picture must score, less so much (`speaks`) of what spoke for
    /// the entry before ([`Evidence::fitted_from`]): of as many right ones, half as many wrong ones
    /// pass as by a plain limit.
    pub(crate) plain_fitted: f32,
    pub(crate) speaks: f32,
    /// Flatness from which, and up to which, a fitted guess goes over from the one to the other.
    pub(crate) fitted_flatness: [u8; 2],
    /// What fitting took liberties with, in terms of the score before: for the share that was left
    /// out in boxes, for the share of the upload that was left out, and for a turn.
    pub(crate) covered: f64,
    pub(crate) left_out: f64,
    pub(crate) turned: f64,
}

impl Limits {
    /// Those of the table.
    pub(crate) const IN_FORCE: Self = Self {
        rich: values::EVIDENCE_RICH,
        plain: values::EVIDENCE_PLAIN,
        rich_apart: values::EVIDENCE_RICH_APART,
        plain_apart: values::EVIDENCE_PLAIN_APART,
        plain_guess: Threshold(values::EVIDENCE_PLAIN_GUESS),
        patterned_guess: Threshold(values::EVIDENCE_PATTERNED_GUESS),
        rich_fitted: values::EVIDENCE_RICH_FITTED,
        plain_fitted: values::EVIDENCE_PLAIN_FITTED,
        speaks: values::EVIDENCE_SPEAKS,
        fitted_flatness: values::EVIDENCE_FITTED_FLATNESS,
        covered: values::LIBERTIES_COVERED,
        left_out: values::LIBERTIES_LEFT_OUT,
        turned: values::LIBERTIES_TURNED,
    };

    /// What spoke for an entry before a guess was fitted to it, less what fitting changed: how much of
    /// the original was left out, how much of the upload was, and whether it was turned or mirrored.
    /// Each brings strangers nearer.
    pub(crate) fn less_liberties(
        &self,
        score: Score,
        covered: f32,
        left_out: f64,
        is_turned: bool,
    ) -> Score {
        let turned = if is_turned { self.turned } else { 0.0 };
        let cost = self.covered * f64::from(covered) + self.left_out * left_out + turned;
        Score::from_value((score.value() - cost).max(-1.0)).unwrap_or(score)
    }
}

impl Evidence {
    /// The largest distance at which this entry matches by distance alone, of a bank with this
    /// threshold; `None` where none does.
    #[must_use]
    pub fn near_within(&self, threshold: Threshold, entry: &Signal) -> Option<Threshold> {
        self.near_within_by(&Limits::IN_FORCE, threshold, entry)
    }

    /// The same by other limits.
    pub(crate) fn near_within_by(
        &self,
        limits: &Limits,
        threshold: Threshold,
        entry: &Signal,
    ) -> Option<Threshold> {
        if self.fitted_from.is_some() {
            return None;
        }
        if let Some(entry) = entry.as_pdq().filter(|_| self.is_guess)
            && entry.is_patterned()
        {
            let is_met = !self.is_minor && !entry.is_all_pattern();
            return is_met.then_some(threshold.min(limits.patterned_guess));
        }
        if self.is_guess && (self.is_small || self.flatness >= limits.plain) {
            Some(threshold.min(limits.plain_guess))
        } else {
            Some(threshold)
        }
    }

    /// The same in an index of so many PDQ hashes. In a large one a guess at what is nearly empty has to come nearer: a few
    /// lines on nothing are like a few lines in many pictures.
    #[must_use]
    pub fn near_within_among(
        &self,
        threshold: Threshold,
        entry: &Signal,
        held: u64,
    ) -> Option<Threshold> {
        let within = self.near_within(threshold, entry)?;
        let is_empty = self.flatness >= values::MANY_EMPTY;
        match is_many(held) && self.is_guess && is_empty {
            true => Some(within.min(Threshold(values::MANY_EMPTY_GUESS))),
            false => Some(within),
        }
    }

    /// Whether a match by distance is enough to stop an upload, and not only to have people look at it. The picture itself
    /// always is. A guess at an original has met by chance more often: of a plain picture, and of a small part of one,
    /// it never is; of others only so near.
    #[must_use]
    pub fn may_stop(&self, distance: Distance) -> bool {
        let is_plain = self.is_small || self.flatness >= values::STOPS_FLATNESS;
        !self.is_guess || (!is_plain && distance.0 <= values::STOPS_GUESS)
    }

    /// The same in an index of so many PDQ hashes. In a large one a guess stops only where the picture is as rich as photos
    /// are, and a plain picture that `is_laid_otherwise`, that is turned, mirrored or laid over black, only if it is nearer.
    #[must_use]
    pub fn may_stop_among(&self, distance: Distance, held: u64, is_laid_otherwise: bool) -> bool {
        let is_enough = if self.is_guess {
            self.flatness < values::MANY_STOPS_FLATNESS
        } else {
            !is_laid_otherwise || !self.is_plain() || distance.0 <= values::MANY_TURNED_STOPS
        };
        self.may_stop(distance) && (is_enough || !is_many(held))
    }

    /// Whether the picture is as plain as drawings are.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.flatness >= Limits::IN_FORCE.plain
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
        self.enough_by(&Limits::IN_FORCE)
    }

    /// The same in an index of so many PDQ hashes: in a large one what was fitted and is very flat needs more.
    #[must_use]
    pub fn enough_among(&self, held: u64) -> Score {
        let is_very_flat = self.flatness >= values::MANY_FITTED_FLATNESS;
        match is_many(held) && self.fitted_from.is_some() && is_very_flat {
            true => self
                .enough()
                .max(Score::of_share(values::MANY_FITTED_APART)),
            false => self.enough(),
        }
    }

    /// The same by other limits.
    pub(crate) fn enough_by(&self, limits: &Limits) -> Score {
        let (rich, plain, [from, to]) = match self.fitted_from {
            Some(from) => {
                let least = limits.plain_fitted - limits.speaks * from.value() as f32;
                let plain = ((1.0 - least) / 2.0).clamp(0.0, limits.rich_fitted);
                (limits.rich_fitted, plain, limits.fitted_flatness)
            }
            None => {
                let flatness = [limits.rich, limits.plain];
                (limits.rich_apart, limits.plain_apart, flatness)
            }
        };
        if self.is_small {
            return Score::of_share(plain);
        }
        let share = match self.flatness <= from {
            true => 0.0,
            false => f32::from(self.flatness.min(to) - from) / f32::from(to - from),
        };
        Score::of_share(rich - share * (rich - plain))
    }

    /// How far out an entry may lie and be verified by this, in an index of so many PDQ hashes in which `widest` is the
    /// limit for others. In a large one a small part, and what was fitted and is not rich, has to come nearer: they meet
    /// most of the strangers that lie far out.
    #[must_use]
    pub fn verified_within(&self, widest: Distance, held: u64) -> Distance {
        let [not_rich, _] = Limits::IN_FORCE.fitted_flatness;
        let is_fitted = self.fitted_from.is_some() && self.flatness >= not_rich;
        match is_many(held) && (self.is_small || is_fitted) {
            true => widest.min(Distance(values::MANY_VERIFIED_BITS)),
            false => widest,
        }
    }

    /// Whether an entry at this distance is worth weighing.
    #[must_use]
    pub fn reaches(&self, distance: Distance, widest: Distance, entry: &Signal) -> bool {
        let is_vague = || self.is_guess && entry.as_pdq().is_some_and(|entry| entry.is_patterned());
        !self.inverted && distance <= widest && !is_vague()
    }
}

/// Whether an index of so many PDQ hashes is so large that what is plain needs more.
const fn is_many(held: u64) -> bool {
    held > values::MANY_HELD
}

/// In how many bits two hashes differ at least, where one is laid down in any of the eight ways; nearly, as
/// signs and transposing tell.
pub(crate) fn apart_in_any_way(one: &PdqHash, other: &PdqHash) -> u32 {
    // By how the rows and the columns change their signs, as it lies and transposed.
    let mut apart = [0u32; 8];
    for row in 0..16 {
        for column in 0..16 {
            let mine = bit_at(one, row, column);
            let signs = [0, (row + 1) % 2, (column + 1) % 2, (row + column) % 2];
            let laid = [bit_at(other, row, column), bit_at(other, column, row)];
            let ways = laid
                .iter()
                .flat_map(|bit| signs.map(|sign| *bit ^ sign as u8));
            for (apart, bit) in apart.iter_mut().zip(ways) {
                *apart += u32::from(mine != bit);
            }
        }
    }
    apart.into_iter().min().unwrap_or(u32::MAX)
}

/// A bit of a hash, by the frequencies that it is of: 0 for the lowest.
fn bit_at(hash: &PdqHash, row: usize, column: usize) -> u8 {
    let k = 16 * row + column;
    hash.0.get(31 - k / 8).map_or(0, |byte| byte >> (k % 8) & 1)
}

/// In how many bits a hash that is taken for concentric differs at most from itself turned over a
/// diagonal.
const CONCENTRIC: u32 = values::EVIDENCE_CONCENTRIC;

/// Whether a hash is that of something round in the middle: a disc, a ball, a button, a moon. It looks
/// the same when it is turned over one of its diagonals, where others differ from themselves in about
/// 128 bits; mirrored along a side even a disc differs in half of its bits, whose values are noise.
///
/// Fitting makes one of another. Of the entries that fitted guesses at strangers met in the two sets of
/// ARCHITECTURE.md, 21 of 99 are such, of those that were met rightly 18 of 654.
pub(crate) fn is_concentric(hash: &PdqHash) -> bool {
    let bit = |row, column| bit_at(hash, row, column);
    let (mut one, mut other) = (0u32, 0u32);
    for row in 0..16 {
        for column in 0..16 {
            let turned = bit(column, row);
            // Over the other diagonal, values of odd frequencies in sum change their signs.
            let sign = ((row + column) % 2) as u8;
            one += u32::from(bit(row, column) != turned);
            other += u32::from(bit(row, column) != turned ^ sign);
        }
    }
    one.min(other) <= CONCENTRIC
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
            is_minor: false,
            is_guess: true,
            inverted: false,
            fitted_from: None,
        };
        (hashed.hash, evidence)
    }

    fn noise() -> Signal {
        evidence().0.into()
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
        let within = |evidence: Evidence, threshold| evidence.near_within(threshold, &noise());
        assert_eq!(within(rich, threshold), Some(threshold));
        assert_eq!(within(plain, threshold), Some(Threshold(24)));
        assert_eq!(within(small, Threshold(10)), Some(Threshold(10)));
        let given = Evidence {
            is_guess: false,
            ..plain
        };
        assert_eq!(within(given, threshold), Some(threshold));
    }

    #[test]
    fn guesses_stop_only_where_they_are_near_and_rich() {
        let (_, rich) = evidence();
        let plain = Evidence {
            flatness: 40,
            ..rich
        };
        let small = Evidence {
            is_small: true,
            ..rich
        };
        let given = Evidence {
            is_guess: false,
            ..plain
        };
        assert!(rich.may_stop(Distance(24)) && !rich.may_stop(Distance(25)));
        assert!(!plain.may_stop(Distance(0)) && !small.may_stop(Distance(0)));
        assert!(given.may_stop(Distance(31)));
    }

    /// The last size that is not large, and the first that is.
    const SIZES: [u64; 2] = [values::MANY_HELD, values::MANY_HELD + 1];

    #[test]
    fn in_large_indexes_what_is_nearly_empty_must_come_nearer() {
        let (_, rich) = evidence();
        let flat = |flatness| Evidence { flatness, ..rich };
        let given = Evidence {
            is_guess: false,
            ..flat(95)
        };
        let within = |evidence: Evidence| {
            let near = |held| evidence.near_within_among(Threshold::PDQ_DEFAULT, &noise(), held);
            SIZES.map(|held| near(held).map(|within| within.0))
        };
        assert_eq!(within(rich), [Some(31), Some(31)]);
        assert_eq!(within(flat(89)), [Some(24), Some(24)]);
        assert_eq!(within(flat(90)), [Some(24), Some(16)]);
        assert_eq!(within(given), [Some(31), Some(31)]);
        let fitted = Evidence {
            fitted_from: Some(Score(500)),
            ..flat(95)
        };
        assert_eq!(within(fitted), [None, None]);
    }

    #[test]
    fn in_large_indexes_guesses_stop_only_at_what_is_rich() {
        let (_, rich) = evidence();
        let flat = |flatness| Evidence { flatness, ..rich };
        let stops = |evidence: Evidence, distance| {
            SIZES.map(|held| evidence.may_stop_among(Distance(distance), held, false))
        };
        assert_eq!(stops(flat(19), 24), [true, true]);
        assert_eq!(stops(flat(19), 25), [false, false]);
        assert_eq!(stops(flat(20), 0), [true, false]);
        assert_eq!(stops(flat(40), 0), [false, false]);
        let given = Evidence {
            is_guess: false,
            ..flat(95)
        };
        assert_eq!(stops(given, 31), [true, true]);
        let turned = |evidence: Evidence, distance| {
            SIZES.map(|held| evidence.may_stop_among(Distance(distance), held, true))
        };
        assert_eq!(turned(given, 16), [true, true]);
        assert_eq!(turned(given, 17), [true, false]);
        let rich = Evidence {
            flatness: 39,
            ..given
        };
        assert_eq!(turned(rich, 31), [true, true]);
    }

    #[test]
    fn in_large_indexes_what_meets_strangers_far_out_is_verified_nearer() {
        let (_, rich) = evidence();
        let small = Evidence {
            is_small: true,
            ..rich
        };
        let fitted = |flatness| Evidence {
            flatness,
            fitted_from: Some(Score(700)),
            ..rich
        };
        let plain = Evidence {
            flatness: 90,
            ..rich
        };
        let within = |evidence: Evidence, widest| {
            SIZES.map(|held| evidence.verified_within(Distance(widest), held).0)
        };
        for sure in [rich, plain, fitted(29)] {
            assert_eq!(within(sure, 48), [48, 48]);
        }
        for unsure in [small, fitted(30), fitted(90)] {
            assert_eq!(within(unsure, 48), [48, 44]);
            assert_eq!(within(unsure, 40), [40, 40]);
        }
        let enough = |evidence: Evidence| SIZES.map(|held| evidence.enough_among(held).value());
        assert_eq!(enough(plain), [0.88, 0.88]);
        let nearly_met = |flatness| Evidence {
            fitted_from: Some(Score(900)),
            ..fitted(flatness)
        };
        assert_eq!(enough(nearly_met(69)), [0.74, 0.74]);
        assert_eq!(enough(nearly_met(70)), [0.74, 0.87]);
        assert_eq!(enough(fitted(70)), [0.808, 0.87]);
    }

    #[test]
    fn what_was_fitted_is_never_near_and_needs_more() {
        let (_, rich) = evidence();
        let fitted = |flatness, from| Evidence {
            flatness,
            fitted_from: Some(Score(from)),
            ..rich
        };
        let threshold = Threshold::PDQ_DEFAULT;
        assert_eq!(fitted(0, 500).near_within(threshold, &noise()), None);
        assert_eq!(fitted(30, 500).enough(), Score(740));
        assert_eq!(fitted(40, 520).enough(), Score(922));
        assert_eq!(fitted(90, 700).enough(), Score(808));
        assert_eq!(fitted(35, 700).enough(), Score(774));
        assert_eq!(
            fitted(90, 900).enough(),
            Score(740),
            "as rich ones at least"
        );
        assert_eq!(fitted(90, 0).enough(), Score(1000));
    }

    #[test]
    #[cfg(feature = "decode")]
    fn a_picture_laid_down_otherwise_is_not_apart() {
        let noise = |i: u32| (i.wrapping_mul(2_654_435_761) >> 20) as u8 >> 1;
        let picture: Vec<u8> = (0..96 * 128).map(|i| noise(i / 7)).collect();
        let hashed = PdqHasher::new().hash_luma(128, 96, &picture);
        let hashed = hashed.expect("as many bytes as pixels");
        for (transform, hash) in hashed.dihedral() {
            let apart = apart_in_any_way(&hashed.hash, &hash);
            // The median is not quite zero: some values lie between the two.
            assert!(apart <= 30, "{transform:?}: {apart}");
        }
        assert!(apart_in_any_way(&hashed.hash, &evidence().0) > 60);
    }

    #[test]
    fn discs_are_concentric_and_photos_are_not() {
        let hash = |luma: &dyn Fn(f32, f32) -> f32| {
            let mut picture = Vec::new();
            for y in 0..128 {
                picture.extend((0..128).map(|x| luma(x as f32 - 63.5, y as f32 - 63.5) as u8));
            }
            let hashed = PdqHasher::new().hash_luma(128, 128, &picture);
            hashed.expect("as many bytes as pixels").hash
        };
        let disc = |radius: f32| {
            move |x: f32, y: f32| match x.hypot(y) < radius {
                true => 60.0,
                false => 240.0 + 0.02 * y,
            }
        };
        for radius in [20.0, 33.0, 50.0] {
            assert!(is_concentric(&hash(&disc(radius))), "{radius}");
        }
        assert!(!is_concentric(&evidence().0), "noise");
        let beside = |x: f32, y: f32| disc(25.0)(x - 20.0, y + 5.0);
        assert!(!is_concentric(&hash(&beside)), "a disc beside the middle");
    }

    #[test]
    fn guesses_meet_patterns_only_where_they_are_near_and_large() {
        let (_, guess) = evidence();
        let checks = PdqHash([0x5a; 32]);
        let nothing_else: Signal = checks.into();
        // Two bits more in every second row.
        let mut some = checks;
        for at in 0..8 {
            some.0[4 * at] ^= 1 << at;
            some.0[4 * at + 1] ^= 1 << (at * 3 % 8);
        }
        assert!(some.is_patterned() && !some.is_all_pattern());
        let stripes: Signal = some.into();
        let small = Evidence {
            is_minor: true,
            ..guess
        };
        let given = Evidence {
            is_guess: false,
            ..small
        };
        let threshold = Threshold::PDQ_DEFAULT;
        let within = |evidence: Evidence| evidence.near_within(threshold, &stripes);
        assert_eq!(within(guess), Some(Threshold(20)));
        assert_eq!(within(small), None);
        assert_eq!(within(given), Some(threshold));
        assert_eq!(guess.near_within(threshold, &nothing_else), None);
        let itself = given.near_within(threshold, &nothing_else);
        assert_eq!(itself, Some(threshold));
        let reaches = |evidence: Evidence| evidence.reaches(Distance(32), Distance(60), &stripes);
        assert!(!reaches(guess) && reaches(given));
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
        assert!(evidence.reaches(Distance(60), widest, &noise()));
        assert!(!evidence.reaches(Distance(61), widest, &noise()));
        let negative = Evidence {
            inverted: true,
            ..evidence
        };
        assert!(!negative.reaches(Distance(32), widest, &noise()));
    }
}
