//! Queries that may be some bits off: what the exact ones would surely decide.
//!
//! Hashes from a JPEG's coefficients are nearly those of its pixels. This file owns by how much they, and
//! what follows from them, may be off, and which answers are settled all the same. It refuses to
//! compute the exact ones.

use crate::bank::{Action, BankId};
use crate::gate::Query;
use crate::gate::decide::judge::{near_within, radius, score};
use crate::gate::decide::matches::{MOST_COUNTED, Matches, visit_all};
use crate::gate::decide::near::{far, is_asked_far, is_worth_it};
use crate::gate::terms::{Terms, held, widest};
use crate::hash::{Distance, Quality, SignalType};
use crate::index::Hit;
use crate::rules::values;
use std::collections::HashSet;

/// How many bits a hash from coefficients is taken to be off at most; [`PdqHasher::hash_samples`]
/// says on what that rests.
///
/// [`PdqHasher::hash_samples`]: crate::signal::PdqHasher::hash_samples
const MARGIN: u16 = values::DOUBTS_MARGIN;

/// Which entries queries that may be some bits off surely match, and which perhaps.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    sure: HashSet<(BankId, u64, SignalType)>,
    doubted: HashSet<(BankId, u64, SignalType)>,
    /// Whether an entry of an `allow` bank, which is weighed by its distance, may match.
    harmless: bool,
    /// Whether there were more than are told apart.
    too_many: bool,
}

impl Doubts {
    fn add(&mut self, entry: (BankId, u64, SignalType), is_sure: bool) {
        let entries = if is_sure {
            &mut self.sure
        } else {
            &mut self.doubted
        };
        if entries.len() < MOST_COUNTED {
            entries.insert(entry);
        } else {
            self.too_many = true;
        }
    }

    /// Notes whether the exact query would surely say the same of an entry.
    fn weigh(&mut self, terms: &Terms<'_>, query: &Query, hit: &Hit, widest: Distance) {
        let Ok((_, policy)) = terms.standing(hit) else {
            return;
        };
        // Of a guess the quality is no surer than its hash: where it is near a bank's minimum, the
        // bank is asked, and whatever it holds there is not sure.
        let is_quality_doubted = {
            let least = policy.min_quality.get();
            let quality = query.quality.map_or(u8::MAX, Quality::get);
            least > 0 && quality.abs_diff(least) <= QUALITY_MARGIN
        };
        let is_guess = query.evidence.is_some_and(|evidence| evidence.is_guess);
        let within = near_within(query, policy.threshold, hit, held(terms.index));
        let within = within.map(|within| within.0);
        let distance = hit.distance.0;
        let is_match = within.is_some_and(|within| distance.saturating_add(MARGIN) <= within);
        let is_none = within.is_none_or(|within| distance > within.saturating_add(MARGIN))
            && !may_be_fitted(terms, &doubted(query), hit)
            && (policy.verified_action().is_none()
                || distance > widest.0.saturating_add(MARGIN)
                || is_surely_out_of_reach(hit)
                || is_surely_unlike(query, hit));
        let entry = (hit.bank, hit.content.0, hit.signal.signal_type());
        match policy.action {
            _ if is_none => {}
            Action::Allow => self.harmless = true,
            // Which guesses are made hangs on what is seen: what they meet, pixels decide.
            _ if is_match && !is_guess && !is_quality_doubted => self.add(entry, true),
            _ => self.add(entry, false),
        }
    }

    /// Whether the exact queries match the same entries by distance: what one of them
    /// leaves in doubt, another is sure of.
    pub(crate) fn are_settled(&self) -> bool {
        !self.harmless && !self.too_many && self.doubted.is_subset(&self.sure)
    }
}

impl Matches {
    /// As [`Matches::ask_all`] for queries that may be [`MARGIN`] bits off; says of which entries
    /// the exact queries would surely say the same.
    pub(crate) fn ask_surely(&mut self, terms: &Terms<'_>, queries: &[Query]) -> Doubts {
        let mut doubts = Doubts::default();
        let asked = queries.iter();
        let asked = asked.filter_map(|query| Some((query, radius_in_doubt(terms, query)?)));
        let widest = widest(terms.index);
        visit_all(terms, asked, |query, hit| {
            doubts.weigh(terms, query, &hit, widest);
            self.weigh(terms, query, &hit, widest);
        });
        doubts
    }
}

/// The widest radius at which the exact query could meet anything that counts.
pub(super) fn radius_in_doubt(terms: &Terms<'_>, query: &Query) -> Option<Distance> {
    let radius = radius(terms, &doubted(query))?;
    let radius = match far(terms.index).filter(|_| is_asked_far(query)) {
        Some(far) => radius.max(far),
        None => radius,
    };
    Some(Distance(radius.0.saturating_add(MARGIN)))
}

/// The query with the best quality that the exact one may have.
fn doubted(query: &Query) -> Query {
    Query {
        quality: query.quality.map(|quality| raised(quality, QUALITY_MARGIN)),
        ..*query
    }
}

/// Whether the exact guess may be fitted to an entry.
fn may_be_fitted(terms: &Terms<'_>, query: &Query, hit: &Hit) -> bool {
    let score = score(query, hit);
    score.is_some_and(|score| is_worth_it(terms, query, hit, score.value() + SCORE_MARGIN))
}

/// Whether an entry is so far beyond its reach that no exact hash would be verified.
fn is_surely_out_of_reach(hit: &Hit) -> bool {
    hit.reach.is_some_and(|reach| match reach.bits() {
        Some(bits) => hit.distance.0 > bits.0.saturating_add(MARGIN),
        None => true,
    })
}

/// Whether an entry's score is so low that no exact hash would be verified.
fn is_surely_unlike(query: &Query, hit: &Hit) -> bool {
    match (query.evidence, score(query, hit)) {
        (Some(evidence), Some(score)) => {
            evidence.inverted || score.value() + SCORE_MARGIN < evidence.enough().value()
        }
        _ => true,
    }
}

/// How far a score may be off where the query is [`MARGIN`] bits off.
const SCORE_MARGIN: f64 = values::DOUBTS_SCORE_MARGIN;

/// How far the quality from coefficients is taken to be off at most.
pub(crate) const QUALITY_MARGIN: u8 = values::DOUBTS_QUALITY_MARGIN;

fn raised(quality: Quality, by: u8) -> Quality {
    Quality::new(quality.get().saturating_add(by).min(100)).unwrap_or(Quality::MAX)
}
