//! Fitting: if a guess almost matches an entry, it is nudged (moved, turned, stickers masked), and
//! the result is judged.
//!
//! Which entries are worth it, and how many, is `near.rs`'s to say. What a fitted guess must reach is
//! [`Evidence`](crate::gate::Evidence)'s to say, and how it is fitted the variants' of `signal`.

use crate::gate::decide::eyes::Eyes;
use crate::gate::decide::matches::Matches;
use crate::gate::decide::near::{Miss, effort, far, is_asked_far};
use crate::gate::evidence::{Limits, apart_in_any_way};
use crate::gate::terms::{Terms, widest};
use crate::gate::{Evidence, Extraction, Query, Score};
use crate::hash::{PdqHash, SignalType, Transform, Variant};
use crate::rules::values;

/// What fitting changed, in terms of the score before: how much of the original was left out, how
/// much of the upload was, and whether it was turned or mirrored. Each brings strangers nearer.
fn less_liberties(score: Score, variant: &Variant, covered: f32) -> Score {
    let (left_out, is_turned) = liberties(variant);
    Limits::IN_FORCE.less_liberties(score, covered, left_out, is_turned)
}

/// The share of the upload that a guess leaves out, and whether it is turned or mirrored.
pub(crate) fn liberties(variant: &Variant) -> (f64, bool) {
    let out = variant.region;
    let seen = |a: u16, b: u16| 1.0 - f64::from(a.saturating_add(b).min(1000)) / 1000.0;
    let left_out = 1.0 - seen(out.left, out.right) * seen(out.top, out.bottom);
    let is_turned = !matches!(
        variant.transform,
        Transform::Original | Transform::Displayed
    );
    (left_out, is_turned)
}

/// A guess, and the entry that it was fitted to.
pub(crate) struct Fitted {
    pub(crate) of: Miss,
    hash: PdqHash,
    pub(crate) query: Query,
    pub(crate) score: Option<Score>,
    /// The share of the original that was left out in boxes.
    #[cfg(feature = "evaluate")]
    pub(crate) covered: f32,
}

impl Fitted {
    /// Whether this fits its entry about as well as `other` fits another entry. A plain picture
    /// that is fitted to two entries alike is fitted to what they have in common: a dialog of a
    /// program, a
    /// piece of a jigsaw, a sign.
    ///
    /// Only another item of the same bank can be one, so that no list takes out what another knows, and
    /// only another picture: not the same one mirrored. What fits very well has none.
    fn is_rival_of(&self, other: &Self) -> bool {
        const SAME: u32 = values::RIVALS_SAME;
        const NEARLY: f64 = values::RIVALS_NEARLY;
        const VERY_WELL: f64 = values::RIVALS_VERY_WELL;
        let Some((score, rival)) = other.score.zip(self.score) else {
            return false;
        };
        self.of.bank == other.of.bank
            && self.of.content != other.of.content
            && score.value() < VERY_WELL
            && score.value() - rival.value() <= NEARLY
            && apart_in_any_way(&self.hash, &other.hash) > SAME
    }
}

/// Whether the picture has a part in what plain ones are asked for.
fn is_plain(query: &Query) -> bool {
    query
        .evidence
        .is_some_and(|evidence| evidence.flatness >= Limits::IN_FORCE.fitted_flatness[0])
}

fn made_score(fitted: &Query, entry: &PdqHash) -> Option<Score> {
    let evidence = fitted.evidence?;
    Some(evidence.score(&fitted.signal.as_pdq()?, entry))
}

/// What came of fitting.
#[derive(Debug, Default)]
pub(crate) struct Fits {
    /// The fitted guesses that the index was asked about.
    pub(crate) asked: Vec<Query>,
    /// Entries that were nearly met, and not fitted: the picture is not at hand any more.
    pub(crate) left_out: u64,
}

/// Fits the guesses that almost matched an entry, and judges the results; gives what was asked.
/// `rivals`: whether two entries that a plain guess fits alike both stop counting.
pub(crate) fn fit(
    terms: &Terms<'_>,
    extraction: &Extraction,
    eyes: &mut dyn Eyes,
    (matches, rivals): (&mut Matches, bool),
) -> Fits {
    let index = terms.index;
    look_far(terms, extraction, matches);
    let missed = worth_it(terms, matches);
    if !eyes.can_look_again() {
        return Fits {
            asked: Vec::new(),
            left_out: missed.len() as u64,
        };
    }
    let all = fitted(missed, eyes);
    let widest = widest(index);
    let mut asked = Vec::new();
    for one in &all {
        if rivals && is_plain(&one.query) && all.iter().any(|other| other.is_rival_of(one)) {
            continue;
        }
        index.visit(&one.query.signal, widest, |hit| {
            if hit.signal == one.of.entry && hit.bank == one.of.bank {
                matches.weigh(terms, &one.query, &hit, widest);
            }
        });
        asked.push(one.query);
    }
    Fits { asked, left_out: 0 }
}

/// Notes what the picture itself, and mirrored, nearly meets far out.
pub(crate) fn look_far(terms: &Terms<'_>, extraction: &Extraction, matches: &mut Matches) {
    if let Some(far) = far(terms.index) {
        let asked = extraction.queries.iter();
        for query in asked.filter(|query| is_asked_far(query)) {
            terms
                .index
                .visit(&query.signal, far, |hit| matches.miss(terms, query, &hit));
        }
    }
}

/// The entries that were nearly met, do not match, and are worth fitting to.
pub(crate) fn worth_it(terms: &Terms<'_>, matches: &mut Matches) -> Vec<Miss> {
    let missed = std::mem::take(&mut matches.missed).held;
    let missed = missed
        .into_iter()
        .filter(|miss| !matches.has_entry(miss.bank, miss.content, SignalType::Pdq));
    missed.take(effort(terms.index).0).collect()
}

/// Each guess nudged to the entry that it nearly met.
pub(crate) fn fitted(missed: Vec<Miss>, eyes: &mut dyn Eyes) -> Vec<Fitted> {
    let mut all = Vec::new();
    for miss in missed {
        let (score, query) = (miss.score, miss.query);
        let Some(evidence) = query.evidence else {
            continue;
        };
        let Some(hash) = miss.entry.as_pdq() else {
            continue;
        };
        let Some(made) = eyes.fit(&query.variant, &hash) else {
            continue;
        };
        let fitted = Query {
            signal: made.hash.into(),
            variant: made.variant,
            evidence: Some(Evidence {
                confidence: made.confidence(),
                is_guess: true,
                fitted_from: Some(less_liberties(score, &query.variant, made.covered)),
                ..evidence
            }),
            ..query
        };
        let score = made_score(&fitted, &hash);
        all.push(Fitted {
            of: miss,
            hash,
            query: fitted,
            score,
            #[cfg(feature = "evaluate")]
            covered: made.covered,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{BankId, ContentId};
    use crate::hash::Distance;
    use crate::index::Hit;

    fn fitted(content: u64, hash: PdqHash, score: f64) -> Fitted {
        let query = Query {
            signal: hash.into(),
            quality: None,
            variant: Variant::ORIGINAL,
            evidence: None,
        };
        Fitted {
            of: Miss {
                score: Score::from_value(score).expect("from -1 to 1"),
                entry: hash.into(),
                bank: BankId(1),
                content: ContentId(content),
                query,
            },
            hash,
            query,
            score: Score::from_value(score),
            #[cfg(feature = "evaluate")]
            covered: 0.0,
        }
    }

    /// A hash without a pattern, and what it is mirrored: every second column negative.
    fn two() -> [PdqHash; 2] {
        let mut hash = PdqHash::ZERO;
        for (byte, at) in hash.0.iter_mut().zip(1u32..) {
            *byte = (at.wrapping_mul(2_654_435_761) >> 21) as u8;
        }
        [hash, PdqHash(hash.0.map(|byte| byte ^ 0x55))]
    }

    #[test]
    fn only_another_picture_of_the_same_bank_that_fits_nearly_as_well_is_a_rival() {
        let [hash, mirrored] = two();
        let other = PdqHash(hash.0.map(|byte| byte.rotate_left(3).wrapping_mul(5)));
        let one = fitted(1, hash, 0.9);
        assert!(fitted(2, other, 0.81).is_rival_of(&one));
        assert!(fitted(2, other, 0.99).is_rival_of(&one), "it fits better");
        assert!(
            !fitted(2, other, 0.79).is_rival_of(&one),
            "it is far behind"
        );
        assert!(
            !fitted(1, other, 0.9).is_rival_of(&one),
            "a form of the same"
        );
        assert!(
            !fitted(2, mirrored, 0.9).is_rival_of(&one),
            "the same mirrored"
        );
        let mut elsewhere = fitted(2, other, 0.9);
        elsewhere.of.bank = BankId(2);
        assert!(!elsewhere.is_rival_of(&one), "another list");
        let very_well = fitted(1, hash, 0.95);
        assert!(!fitted(2, other, 0.95).is_rival_of(&very_well));
    }

    #[test]
    fn liberties_take_from_what_spoke_for_an_entry() {
        let score = Score::from_value(0.8).expect("from -1 to 1");
        let less = |variant: &Variant, covered| less_liberties(score, variant, covered).value();
        let plain = Variant::ORIGINAL;
        assert_eq!(less(&plain, 0.0), 0.8);
        assert_eq!(less(&plain, 0.1), 0.693);
        let mirrored = Variant {
            transform: Transform::FlipY,
            ..plain
        };
        assert_eq!(less(&mirrored, 0.0), 0.64);
        let mut part = plain;
        part.region.left = 500;
        assert_eq!(less(&part, 0.0), 0.7);
        assert_eq!(less(&part, 2.0), -1.0);
    }

    #[test]
    fn of_one_item_one_hash_is_noted() {
        let [hash, mirrored] = two();
        let miss = fitted(1, hash, 0.9).of;
        let hit = |content, signal: PdqHash| Hit {
            distance: Distance(40),
            bank: BankId(1),
            content: ContentId(content),
            signal: signal.into(),
            quality: None,
            form: None,
            reach: None,
        };
        assert!(miss.is_of(&hit(1, mirrored)) && miss.is_of(&hit(2, hash)));
        assert!(!miss.is_of(&hit(2, mirrored)));
    }
}
