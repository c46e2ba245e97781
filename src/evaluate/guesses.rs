//! What guesses at the originals of harmless pictures are taken for.
//!
//! A guess is flagged by rules of its own ([`Evidence`]): within a threshold that is narrower for plain
//! pictures and for patterns, or beyond it where all its bits speak for an entry. How far the entries reach
//! that are judged is left out of it: else they would reach farther each time that they are calibrated
//! again. What is fitted to an entry is not judged here.

use super::statistics::Estimate;
use crate::bank::{Bank, BankId, ContentId, Policy};
use crate::gate::{Evidence, Query, widest};
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
    /// Harmless uploads of which a guess beyond the threshold is verified.
    pub verified: u64,
    /// Expected such in a million.
    pub verified_per_million: Estimate,
}

/// What the guesses at one upload meet in one bank.
#[derive(Debug, Clone, Copy, Default)]
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
pub(super) type Met = BTreeMap<(BankId, ContentId, Signal), (Hit, bool)>;

/// Asks about the guesses at one upload; those entries that one of them is flagged by go to `met`.
pub(super) fn ask(
    index: &Index,
    banks: &[&Bank],
    guesses: &[Query],
    met: &mut Met,
) -> Vec<GuessFlags> {
    let mut flags = vec![GuessFlags::default(); banks.len()];
    let widest = widest(index);
    let radius = widest.max(Distance(Policy::MAX_PDQ_THRESHOLD.0));
    for query in guesses {
        let Some(evidence) = query.evidence else {
            continue;
        };
        index.visit(&query.signal, radius, |hit| {
            let place = banks.iter().position(|bank| bank.id == hit.bank);
            let Some((bank, flags)) =
                place.and_then(|at| Some((banks.get(at)?, flags.get_mut(at)?)))
            else {
                return;
            };
            let policy = &bank.policy;
            let good = |quality: Option<Quality>| quality.is_none_or(|q| q >= policy.min_quality);
            if !good(query.quality) || !good(hit.quality) {
                return;
            }
            let near_from = near_from(&evidence, &hit);
            if let Some(from) = near_from {
                flags.near_from = Some(flags.near_from.map_or(from, |held| held.min(from)));
            }
            let is_near = near_from.is_some_and(|from| from <= policy.threshold.0);
            let is_verified = policy.verified_action().is_some()
                && evidence.reaches(hit.distance, widest, &hit.signal)
                && is_like(&evidence, query, &hit);
            if is_verified {
                let below = near_from.unwrap_or(u16::MAX);
                flags.verified_below = flags.verified_below.max(below);
            }
            if is_near || is_verified {
                let held = met.entry((hit.bank, hit.content, hit.signal));
                let held = held.or_insert((hit, is_near));
                if hit.distance < held.0.distance {
                    *held = (hit, held.1 || is_near);
                }
            }
        });
    }
    flags
}

/// The least threshold at which the entry is near.
fn near_from(evidence: &Evidence, hit: &Hit) -> Option<u16> {
    let widest = evidence.near_within(Policy::MAX_PDQ_THRESHOLD, &hit.signal)?;
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
