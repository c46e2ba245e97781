//! Which hashes of an upload are kept: the rule of privacy that [the room](crate::retrospect) states.

use crate::gate::{Query, Verdict};
use crate::hash::Family;
#[cfg(feature = "store")]
use crate::store::UploadHash;

/// What was asked about an upload and may be kept of it, the most telling first. How many of them are kept, the
/// history's settings say.
///
/// Digests come first, then hashes of the picture itself, then those of guesses at an original. What was
/// fitted to one entry is left out. Of no hash may it be kept how sure its bits are.
#[must_use]
pub fn kept_queries(verdict: &Verdict) -> Vec<&Query> {
    let is_fitted =
        |query: &Query| (query.evidence).is_some_and(|evidence| evidence.fitted_from.is_some());
    let rank = |query: &&Query| {
        let is_digest = query.signal.signal_type().family() == Family::Digest;
        let is_guess = query.evidence.is_some_and(|evidence| evidence.is_guess);
        (!is_digest, is_guess, query.variant)
    };
    let queries = verdict.queries.iter();
    let mut queries: Vec<&Query> = queries.filter(|query| !is_fitted(query)).collect();
    queries.sort_by_key(rank);
    queries
}

/// The hashes of an upload that may be kept: see [`kept_queries`].
#[cfg(feature = "store")]
#[must_use]
pub fn kept_hashes(verdict: &Verdict) -> Vec<UploadHash> {
    let kept = kept_queries(verdict).into_iter().map(|query| UploadHash {
        signal: query.signal,
        quality: query.quality,
        variant: query.variant,
        flatness: query.evidence.map(|evidence| evidence.flatness),
        is_small: query.evidence.is_some_and(|evidence| evidence.is_small),
        is_minor: query.evidence.is_some_and(|evidence| evidence.is_minor),
        is_guess: query.evidence.is_some_and(|evidence| evidence.is_guess),
        inverted: query.evidence.is_some_and(|evidence| evidence.inverted),
    });
    kept.collect()
}
