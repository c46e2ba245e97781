//! A hit and a bank's policy to a match: pure, so that a decision can be replayed.

use crate::bank::{Action, Quarantine};
use crate::gate::decide::nearly;
use crate::gate::terms::{Refusal, Terms, held, is_asked_beyond, widest};
use crate::gate::{Match, MatchKind, Query, Score};
use crate::hash::{Distance, Family, Quality, SignalType, Threshold, Transform, Variant};
use crate::index::Hit;

/// A match, and what the bank's policy says of entries that suddenly match many uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) found: Match,
    /// When policy takes the entry for suspicious.
    pub(crate) quarantine: Option<Quarantine>,
}

/// The widest radius at which any enabled bank could match this query.
///
/// `None` where no bank may be asked: all are disabled, or want a better quality.
#[must_use]
pub(crate) fn radius(terms: &Terms<'_>, query: &Query) -> Option<Distance> {
    let kind = query.signal.signal_type();
    let banks = terms.banks.iter();
    let asked = banks.filter(|bank| terms.may_ask(bank, kind, query.quality));
    let widest = widest(terms.index);
    let is_asked_beyond = query.evidence.is_some_and(|evidence| !evidence.inverted)
        && is_asked_beyond(terms.index, &query.variant);
    asked
        .map(|bank| {
            let near = Distance(bank.policy.widest_threshold(kind).0);
            if is_asked_beyond && bank.policy.may_verify(kind) {
                near.max(widest)
            } else {
                near
            }
        })
        .max()
}

/// A hit as a match, or why policy sees none; `widest` is [`widest`] of the index.
pub(crate) fn judge(
    terms: &Terms<'_>,
    query: &Query,
    hit: &Hit,
    widest: Distance,
) -> Result<Judged, Refusal> {
    judge_by(terms, query, hit, widest, (score, None))
}

/// The same, with what says how alike the two are, and the second hash that speaks for the entry.
pub(crate) fn judge_by(
    terms: &Terms<'_>,
    query: &Query,
    hit: &Hit,
    widest: Distance,
    (score, seconded_by): (impl Fn(&Query, &Hit) -> Option<Score>, Option<SignalType>),
) -> Result<Judged, Refusal> {
    let (bank, policy) = terms.standing(hit)?;
    let hit = &Hit {
        reach: hit.reach.filter(|_| terms.reaches_count),
        ..*hit
    };
    let signal_type = query.signal.signal_type();
    let (threshold, asked) = (policy.threshold, policy.min_quality);
    let too_low = |quality: &Quality| *quality < asked;
    if let Some(quality) = query.quality.filter(too_low)
        && signal_type.family() != Family::Digest
    {
        return Err(Refusal::QueryQuality { asked, quality });
    }
    if let Some(quality) = hit.quality.filter(too_low)
        && signal_type.family() == Family::Pdq
    {
        return Err(Refusal::EntryQuality { asked, quality });
    }
    let held = held(terms.index);
    let within = near_within(query, threshold, hit, held);
    let (kind, score, action, seconded_by) =
        if within.is_some_and(|within| hit.distance.is_within(within)) {
            let kind = MatchKind::of(signal_type);
            // What stops an upload on the strength of a guess needs more than what people look at.
            let laid_otherwise = is_laid_otherwise(&query.variant);
            let is_firm = query
                .evidence
                .is_none_or(|evidence| evidence.may_stop_among(hit.distance, held, laid_otherwise));
            let milder = policy.verified_action();
            let action = match policy.action {
                Action::Block if !is_firm => milder.unwrap_or(Action::Review),
                action => action,
            };
            (kind, score(query, hit), action, None)
        } else {
            let far = Refusal::TooFar {
                within: within.unwrap_or(Threshold::EXACT),
            };
            let evidence = query.evidence.ok_or(far)?;
            let action = policy.verified_action().ok_or(far)?;
            if let Some(reach) = hit.reach.filter(|reach| !reach.includes(hit.distance)) {
                return Err(Refusal::BeyondReach {
                    within: within.unwrap_or(Threshold::EXACT),
                    reach,
                });
            }
            let farthest = evidence.verified_within(widest, held);
            if !evidence.reaches(hit.distance, farthest, &hit.signal) {
                return Err(far);
            }
            let (score, alone) = (score(query, hit), evidence.enough_among(held));
            // What is enough alone needs no second.
            let second = seconded_by
                .filter(|_| score.is_none_or(|score| score < alone))
                // Less evidence must not be enough to call something harmless.
                .filter(|_| policy.action != Action::Allow)
                .and_then(|kind| Some((kind, nearly::enough(&evidence)?)));
            let seconded_by = second.map(|(kind, _)| kind);
            let enough = second.map_or(alone, |(_, enough)| enough);
            if score.is_none_or(|score| score < enough) {
                return Err(Refusal::Unlike {
                    within: within.unwrap_or(Threshold::EXACT),
                    score,
                    enough,
                });
            }
            (MatchKind::Verified, score, action, seconded_by)
        };
    let rule = policy.rule.and_then(|place| bank.policy.rules().get(place));
    Ok(Judged {
        found: Match {
            bank: bank.name.clone(),
            content_id: hit.content,
            kind,
            entry: hit.signal,
            entry_quality: hit.quality,
            entry_form: hit.form,
            reach: hit.reach,
            query: query.signal,
            variant: query.variant,
            distance: hit.distance,
            threshold,
            score,
            seconded_by,
            action,
            rule: rule.map(|rule| rule.scope.to_string().into()),
            quarantined: false,
        },
        quarantine: policy.quarantine,
    })
}

/// Whether a picture was turned, mirrored, laid over black or shown by its hidden colours to be asked about: by what nobody
/// may have seen.
fn is_laid_otherwise(variant: &Variant) -> bool {
    let is_as_shown = matches!(
        variant.transform,
        Transform::Original | Transform::Displayed
    );
    !is_as_shown || variant.over_black || variant.alpha_ignored
}

/// The largest distance at which an entry matches by distance alone: by a guess at an original no
/// farther than the entry may safely reach, and in an index of so many PDQ hashes.
pub(crate) fn near_within(
    query: &Query,
    threshold: Threshold,
    hit: &Hit,
    held: u64,
) -> Option<Threshold> {
    let Some(evidence) = &query.evidence else {
        return Some(threshold);
    };
    let within = evidence.near_within_among(threshold, &hit.signal, held)?;
    match hit.reach.filter(|_| evidence.is_guess) {
        Some(reach) => Some(within.min(Threshold(reach.bits()?.0))),
        None => Some(within),
    }
}

/// How alike the query and an entry are, where the query knows.
pub(crate) fn score(query: &Query, hit: &Hit) -> Option<Score> {
    let evidence = query.evidence?;
    Some(evidence.score(&query.signal.as_pdq()?, &hit.signal.as_pdq()?))
}
