//! What a harness asks of the gate besides verdicts: what guesses at an upload are fitted to, or seconded for, as if
//! no entry had a reach (for calibration by harmless uploads); and how alike an upload's queries are to every entry that
//! they meet, whether or not it matches (to derive limits).
//!
//! Reaches are ignored here. Otherwise an entry would reach farther again each time that it is
//! calibrated.

use crate::clock::now;
use crate::gate::decide::matches::Matches;
use crate::gate::decide::{fit, second};
use crate::gate::terms::{Terms, widest};
use crate::gate::{Extraction, Extractor, Match, Query, Score};
use crate::hamming;
use crate::index::{Hit, Index};

/// The matches of guesses that were fitted to an entry, and those that a second hash spoke for, by the policies of
/// an index. The extractor
/// must have extracted just this, from pixels.
pub(crate) fn fitted_without_reach(
    index: &Index,
    extraction: &Extraction,
    extractor: &mut Extractor,
) -> Vec<Match> {
    let terms = Terms {
        reaches_count: false,
        ..Terms::of(index, now(), None)
    };
    let mut matches = Matches::default();
    matches.ask_all(&terms, &extraction.queries);
    // Entries that fit alike take each other out only as far as each may be trusted: here all count.
    let eyes = extractor.pictures();
    fit::fit(&terms, extraction, eyes, (&mut matches, false));
    second::ask(&terms, extraction, eyes, &mut matches);
    extractor.forget();
    let mut matches = matches.finish().matches;
    matches.retain(|found| found.variant.fitted || found.seconded_by.is_some());
    matches
}

/// A query and an entry that it met within the widest radius, and how alike the two are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scored {
    pub(crate) query: Query,
    pub(crate) hit: Hit,
    pub(crate) score: Score,
    pub(crate) fitted: Option<FittedFrom>,
}

/// What a fitted guess was before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FittedFrom {
    /// How alike the guess was to the entry.
    pub(crate) before: Score,
    /// The share of the original that was left out in boxes.
    pub(crate) covered: f32,
}

/// Gives every PDQ entry that a query of an upload meets within the widest radius, and every guess that is fitted to
/// one as a gate would, to `take`. The extractor must have extracted just this, from pixels.
pub(crate) fn scored(
    index: &Index,
    extraction: &Extraction,
    extractor: &mut Extractor,
    take: &mut dyn FnMut(Scored),
) {
    let terms = Terms {
        reaches_count: false,
        ..Terms::of(index, now(), None)
    };
    let mut matches = Matches::default();
    let within = widest(index);
    for query in &extraction.queries {
        matches.ask(&terms, query);
        let (Some(evidence), Some(own)) = (query.evidence, query.signal.as_pdq()) else {
            continue;
        };
        index.visit(&query.signal, within, |hit| {
            if let Some(entry) = hit.signal.as_pdq() {
                take(Scored {
                    query: *query,
                    hit,
                    score: evidence.score(&own, &entry),
                    fitted: None,
                });
            }
        });
    }
    fit::look_far(&terms, extraction, &mut matches);
    let missed = fit::worth_it(&terms, &mut matches);
    for made in fit::fitted(missed, extractor.pictures()) {
        let (Some(score), Some(own)) = (made.score, made.query.signal.as_pdq()) else {
            continue;
        };
        let Some(entry) = made.of.entry.as_pdq() else {
            continue;
        };
        take(Scored {
            query: made.query,
            hit: Hit {
                distance: hamming::distance_pdq(&own, &entry),
                bank: made.of.bank,
                content: made.of.content,
                signal: made.of.entry,
                quality: None,
                form: None,
                reach: None,
            },
            score,
            fitted: Some(FittedFrom {
                before: made.of.score,
                covered: made.covered,
            }),
        });
    }
    extractor.forget();
}
