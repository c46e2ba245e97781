//! All that an input's queries met, to its verdict.
//!
//! Owns in which order the index is asked, when the pixels are asked once more, and which outcome follows.

use crate::bank::{Action, Bank, BankName, UnreadPolicy};
use crate::gate::decide::doubts::QUALITY_MARGIN;
use crate::gate::decide::eyes::Eyes;
use crate::gate::decide::fit;
use crate::gate::decide::matches::{Decided, Matches};
use crate::gate::decide::second;
use crate::gate::quarantine::Stops;
use crate::gate::terms::Terms;
use crate::gate::{Extraction, Match, Outcome, Problem, ProblemKind, Query, Verdict};
use crate::hash::{Family, Quality, SignalType};
use crate::index::Index;
use std::collections::{BTreeMap, BTreeSet};

/// Whether the index holds hashes of this type.
pub(crate) fn holds(index: &Index, kind: SignalType) -> bool {
    let types = index.signal_types();
    types.iter().any(|held| held.signal_type == kind)
}

/// What came of one input: the verdict, before quarantine counts it, and what stops the input.
#[derive(Debug, Clone)]
pub(crate) struct Concluded {
    pub(crate) verdict: Verdict,
    pub(crate) stops: Stops,
    /// What the policies in force say of parts that were not looked at.
    pub(crate) unread: Option<UnreadPolicy>,
}

/// Decides about what was seen of an input, on some terms and on others besides.
///
/// Where the first look was at a JPEG's coefficients and the pixels can be asked, they are asked wherever the
/// difference could matter: see [`Mode::Auto`](crate::gate::Mode::Auto).
pub(crate) fn decide_seen(
    terms: &Terms<'_>,
    other: Option<&Terms<'_>>,
    first: Extraction,
    eyes: &mut dyn Eyes,
) -> (Concluded, Option<Concluded>) {
    if !first.fast || !eyes.has_exact() {
        return both(terms, other, first, eyes);
    }
    // What one of them is in doubt about is decided by pixels for both.
    let sure = conclude_surely(terms, &first).and_then(|matches| match other {
        None => Some((matches, None)),
        Some(other) => Some((matches, Some(conclude_surely(other, &first)?))),
    });
    match sure {
        Some((matches, tried)) => {
            let tried = other.zip(tried);
            let tried = tried.map(|(other, matches)| conclude_with(other, first.clone(), matches));
            (conclude_with(terms, first, matches), tried)
        }
        None => {
            let exact = eyes.exact(&first).unwrap_or(first);
            both(terms, other, exact, eyes)
        }
    }
}

/// Decides on some terms, and on others besides.
fn both(
    terms: &Terms<'_>,
    other: Option<&Terms<'_>>,
    extraction: Extraction,
    eyes: &mut dyn Eyes,
) -> (Concluded, Option<Concluded>) {
    let tried = other.map(|other| conclude_fitting(other, extraction.clone(), eyes));
    (conclude_fitting(terms, extraction, eyes), tried)
}

/// As [`conclude`], and fits guesses to what they nearly met, and asks a second hash about what evidence
/// nearly verified.
pub(crate) fn conclude_fitting(
    terms: &Terms<'_>,
    mut extraction: Extraction,
    eyes: &mut dyn Eyes,
) -> Concluded {
    let mut matches = Matches::default();
    matches.ask_all(terms, &extraction.queries);
    let fits = fit::fit(terms, &extraction, eyes, (&mut matches, true));
    extraction.queries.extend(fits.asked);
    let unasked = second::ask(terms, &extraction, eyes, &mut matches);
    let mut concluded = conclude_with(terms, extraction, matches);
    concluded.verdict.unfitted = fits.left_out.saturating_add(unasked);
    concluded
}

/// Asks the index about every query and decides.
pub(crate) fn conclude(terms: &Terms<'_>, extraction: Extraction) -> Concluded {
    let mut matches = Matches::default();
    matches.ask_all(terms, &extraction.queries);
    conclude_with(terms, extraction, matches)
}

/// The matches of hashes that may be a few bits off, where those of the exact ones are surely the
/// same entries and lead to the same action; see [`Mode::Auto`].
fn conclude_surely(terms: &Terms<'_>, extraction: &Extraction) -> Option<Matches> {
    let mut matches = Matches::default();
    if !are_qualities_sure(terms, &extraction.queries) {
        return None;
    }
    let is_digest = |query: &Query| query.signal.signal_type().family() == Family::Digest;
    let (digests, others): (Vec<Query>, _) = extraction.queries.iter().partition(|q| is_digest(q));
    matches.ask_all(terms, &digests);
    let doubts = matches.ask_surely(terms, &others);
    doubts.are_settled().then_some(matches)
}

/// Whether the exact qualities of these queries, which may be a little off, let the same banks be asked.
pub(super) fn are_qualities_sure(terms: &Terms<'_>, queries: &[Query]) -> bool {
    queries.iter().all(|query| {
        query.signal.signal_type().family() == Family::Digest
            || is_guess(query)
            || query.variant.embedded
            || is_quality_sure(terms, query)
    })
}

/// Whether the query is a guess at an original, and not the picture that was given.
fn is_guess(query: &Query) -> bool {
    query.evidence.is_some_and(|evidence| evidence.is_guess)
}

/// Whether the exact quality lets the same banks be asked.
fn is_quality_sure(terms: &Terms<'_>, query: &Query) -> bool {
    let Some(quality) = query.quality else {
        return true;
    };
    let kind = query.signal.signal_type();
    let mut banks = terms
        .banks
        .iter()
        .filter(|bank| terms.takes_part(bank, kind));
    banks.all(|bank| {
        bank.policy.each_quality(kind).all(|least| {
            let least = least.get();
            quality.get().abs_diff(least) > QUALITY_MARGIN || least == 0
        })
    })
}

/// Decides by what the queries met.
pub(crate) fn conclude_with(
    terms: &Terms<'_>,
    extraction: Extraction,
    matches: Matches,
) -> Concluded {
    let mut queries = extraction.queries;
    let (mut met, mut others) = (Vec::new(), Vec::with_capacity(queries.len()));
    for query in queries.drain(..) {
        let side = match matches.has_met(&query) {
            true => &mut met,
            false => &mut others,
        };
        side.push(query);
    }
    let queries_met = met.len();
    met.append(&mut others);
    let queries = met;
    let Decided {
        mut matches,
        mut left_out,
        mut action,
        mut stops,
        allowed_by_bytes,
        frames,
    } = matches.finish();
    if action.is_none() {
        // What an `allow` bank knows of a small picture in an EXIF block, and what that overrules.
        matches.clear();
        left_out = 0;
    }
    // What does not hold an upload back must not hide that a part of it was not judged.
    let holds_back = allowed_by_bytes || action > Some(Action::Report);
    let mut problem = extraction.problem;
    if problem.is_none() && !holds_back {
        problem = low_quality(terms, &queries, &frames);
    }
    let outcome = match &problem {
        Some(problem) if !holds_back => problem.outcome,
        _ if matches.is_empty() => Outcome::NoMatch,
        _ => Outcome::Match,
    };
    if outcome != Outcome::Match && action == Some(Action::Allow) {
        action = None;
    }
    stops.upload = terms.upload.map(|upload| {
        let first = upload.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_be_bytes(first)
    });
    let verdict = Verdict {
        outcome,
        action,
        signals: extraction.signals,
        quality: extraction.quality,
        banks: banks_of(terms.banks, &matches),
        matches,
        matches_left_out: left_out,
        problem,
        queries,
        queries_met,
        fast: extraction.fast,
        generation: terms.index.generation(),
        evidence_rules: Some(crate::rules::Rules::IN_FORCE),
        quarantined: false,
        unfitted: 0,
        unread: extraction.unread,
        held_unread: false,
    };
    Concluded {
        verdict,
        stops,
        unread: terms.index.unread(),
    }
}

/// The banks that matches are of, in the order of the index.
fn banks_of(banks: &[Bank], matches: &[Match]) -> Vec<Bank> {
    let named: BTreeSet<&BankName> = matches.iter().map(|found| &found.bank).collect();
    let banks = banks.iter();
    banks
        .filter(|bank| named.contains(&bank.name))
        .cloned()
        .collect()
}

/// Whether a bank could not be asked about a picture (a frame) because no form of it has the
/// quality that the bank wants; the small picture in an EXIF block is no form of it. `harmless` names the frames that an `allow`
/// bank knows; a match that is only reported does not stand for the banks that were not asked.
fn low_quality(terms: &Terms<'_>, queries: &[Query], harmless: &BTreeSet<u32>) -> Option<Problem> {
    let mut best: BTreeMap<u32, Quality> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let perceptual = |query: &&Query| {
        let kind = query.signal.signal_type();
        kind.family() != Family::Digest
            && !is_guess(query)
            && !query.variant.embedded
            && holds(terms.index, kind)
            && !harmless.contains(&query.variant.frame)
    };
    for query in queries.iter().filter(perceptual) {
        let quality = query.quality?;
        let held = best.entry(query.variant.frame).or_insert(quality);
        *held = quality.max(*held);
        kinds.insert(query.signal.signal_type());
    }
    let (frame, quality) = best
        .into_iter()
        .min_by_key(|&(frame, quality)| (quality, frame))?;
    // The most that any entry of the bank asks for.
    let asks = |bank: &Bank| {
        let kinds = kinds.iter().copied();
        kinds
            .filter(|&kind| terms.takes_part(bank, kind) && bank.policy.may_stop(kind))
            .map(|kind| bank.policy.qualities(kind).1)
            .max()
    };
    let (bank, least) = terms.banks.iter().find_map(|bank| {
        let least = asks(bank).filter(|least| quality < *least)?;
        Some((bank, least))
    })?;
    let what = match frame {
        0 => "the picture".to_owned(),
        _ => format!("frame {frame}"),
    };
    let error = format!(
        "PDQ quality {quality} is under the {least} that bank {} asks for: there is too little in {what} to tell it by",
        bank.name
    );
    Some(Problem::new(
        Outcome::LowQuality,
        ProblemKind::LowQuality,
        error,
    ))
}
