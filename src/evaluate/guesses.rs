//! What guesses at the originals of harmless pictures are taken for.
//!
//! A guess is flagged by rules of its own ([`Evidence`]): within a threshold that is narrower for plain
//! pictures and for patterns, or beyond it where all its bits speak for an entry; so is what is fitted to an
//! entry that it nearly met. How far the entries reach that are judged is left out of it: else they would
//! reach farther each time that they are calibrated again.

use super::statistics::Estimate;
use crate::bank::{BankId, ContentId, Policy};
use crate::gate::{Evidence, Extraction, Extractor, Query, fitted_without_reach, held, widest};
use crate::hash::{Distance, Quality, Signal, Threshold};
use crate::index::{Hit, Index};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a threshold flags of the guesses at harmless pictures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct GuessRate {
    /// In bits, inclusive.
    pub threshold: u16,
    /// Harmless uploads of which a guess is near an entry.
    pub near: u64,
    /// Expected such in a million uploads that are like the sample.
    pub near_per_million: Estimate,
    /// Harmless uploads of which a guess beyond the threshold is verified. What is fitted is that
    /// which the bank's own threshold lets be fitted.
    pub verified: u64,
    /// Expected such in a million.
    pub verified_per_million: Estimate,
}

/// What the guesses at one upload meet in one bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct GuessFlags {
    /// The least threshold at which one is near.
    near_from: Option<u16>,
    /// One is verified at all thresholds under this.
    verified_below: u16,
}

/// Counts of uploads by threshold.
#[derive(Debug, Clone)]
pub(super) struct GuessCounts {
    near: Vec<u64>,
    verified: Vec<u64>,
}

impl GuessCounts {
    pub(super) fn new() -> Self {
        let none = vec![0; usize::from(Policy::MAX_PDQ_THRESHOLD.0) + 1];
        Self {
            near: none.clone(),
            verified: none,
        }
    }

    pub(super) fn count(&mut self, flags: GuessFlags) {
        let from = flags.near_from.map_or(usize::MAX, usize::from);
        for count in self.near.iter_mut().skip(from) {
            *count += 1;
        }
        let below = usize::from(flags.verified_below);
        for count in self.verified.iter_mut().take(below) {
            *count += 1;
        }
    }

    pub(super) fn rates(&self, uploads: usize) -> Vec<GuessRate> {
        let per_million =
            |flagged| Estimate::exact_share(flagged, uploads as u64).times(1_000_000.0);
        let counts = self.near.iter().zip(&self.verified);
        (0..)
            .zip(counts)
            .map(|(threshold, (&near, &verified))| GuessRate {
                threshold,
                near,
                near_per_million: per_million(near),
                verified,
                verified_per_million: per_million(verified),
            })
            .collect()
    }
}

/// Entries that were met, each once by its least distance, and whether within the threshold.
pub(super) type Met = BTreeMap<(BankId, ContentId, Signal), (Distance, bool)>;

/// Notes that an entry was met.
pub(super) fn note(
    met: &mut Met,
    key: (BankId, ContentId, Signal),
    distance: Distance,
    near: bool,
) {
    let held = met.entry(key).or_insert((distance, near));
    held.0 = held.0.min(distance);
    held.1 |= near;
}

/// What the guesses at the original of one harmless picture are taken for, by an index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guessed {
    pub(super) asked: u64,
    /// Of enabled banks of which one is flagged.
    pub(super) flags: BTreeMap<BankId, GuessFlags>,
    /// The entries that one is flagged by.
    pub(super) met: Met,
}

impl Guessed {
    /// Asks about the guesses that an extractor has just made, and fits them to what they nearly meet.
    #[must_use]
    pub fn of(index: &Index, extraction: &Extraction, extractor: &mut Extractor) -> Self {
        let mut found = Self::default();
        let is_guess = |query: &&Query| query.evidence.is_some_and(|evidence| evidence.is_guess);
        for query in extraction.queries.iter().filter(is_guess) {
            found.asked += 1;
            found.ask(index, query);
        }
        for fitted in fitted_without_reach(index, extraction, extractor) {
            let bank = index.banks().iter().find(|bank| bank.name == fitted.bank);
            let Some(bank) = bank else { continue };
            // A fitted guess never counts by distance.
            let flags = found.flags.entry(bank.id).or_default();
            flags.verified_below = u16::MAX;
            let key = (bank.id, fitted.content_id, fitted.entry);
            note(&mut found.met, key, fitted.distance, false);
        }
        found
    }

    fn ask(&mut self, index: &Index, query: &Query) {
        let Some(evidence) = query.evidence else {
            return;
        };
        let widest = widest(index);
        let radius = widest.max(Distance(Policy::MAX_PDQ_THRESHOLD.0));
        let held = held(index);
        let farthest = evidence.verified_within(widest, held);
        index.visit(&query.signal, radius, |hit| {
            let Some(bank) = index.bank(hit.bank).filter(|bank| bank.policy.enabled) else {
                return;
            };
            let policy = &bank.policy;
            let good = |quality: Option<Quality>| quality.is_none_or(|q| q >= policy.min_quality);
            if !good(query.quality) || !good(hit.quality) {
                return;
            }
            let near_from = near_from(&evidence, &hit, held);
            let is_near = near_from.is_some_and(|from| from <= policy.threshold.0);
            let is_verified = policy.verified_action().is_some()
                && evidence.reaches(hit.distance, farthest, &hit.signal)
                && is_like(&evidence, query, &hit);
            if near_from.is_none() && !is_verified {
                return;
            }
            let flags = self.flags.entry(hit.bank).or_default();
            flags.near_from = flags.near_from.into_iter().chain(near_from).min();
            if is_verified {
                let below = near_from.unwrap_or(u16::MAX);
                flags.verified_below = flags.verified_below.max(below);
            }
            if is_near || is_verified {
                let key = (hit.bank, hit.content, hit.signal);
                note(&mut self.met, key, hit.distance, is_near);
            }
        });
    }
}

/// The least threshold at which the entry is near.
fn near_from(evidence: &Evidence, hit: &Hit, held: u64) -> Option<u16> {
    let widest = evidence.near_within_among(Policy::MAX_PDQ_THRESHOLD, &hit.signal, held)?;
    let Threshold(within) = widest;
    (hit.distance.0 <= within).then_some(hit.distance.0)
}

fn is_like(evidence: &Evidence, query: &Query, hit: &Hit) -> bool {
    let hashes = query.signal.as_pdq().zip(hit.signal.as_pdq());
    hashes.is_some_and(|(query, entry)| evidence.score(&query, &entry) >= evidence.enough())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_once_for_each_threshold_and_kind() {
        let mut counts = GuessCounts::new();
        for (near_from, verified_below) in [(Some(20), 20), (Some(40), 0), (None, u16::MAX)] {
            counts.count(GuessFlags {
                near_from,
                verified_below,
            });
        }
        let rates = counts.rates(4);
        let at = |threshold: usize| (rates[threshold].near, rates[threshold].verified);
        assert_eq!(
            [at(0), at(19), at(20), at(39), at(40), at(63)],
            [(0, 2), (0, 2), (1, 1), (1, 1), (2, 1), (2, 1)]
        );
        assert_eq!(rates[40].near_per_million.value, 500_000.0);
        assert_eq!(rates.len(), 64);
    }
}
