//! Hashes that were asked about before, asked again: what would be decided today.
//!
//! By the same code that decides about uploads. Of a hash from pixels how sure each of its bits is
//! is not kept (it would be as good as a small picture); what is known is how alike it was to the
//! entries that it met. This file owns that rule. It refuses to read records.

use crate::gate::check::conclude_with;
use crate::gate::decide::{Matches, radius, widest};
use crate::gate::{Extraction, Score, Verdict};
use crate::hash::{Signal, Variant};
use crate::index::Index;
use std::collections::HashMap;

/// How alike queries and the entries that they met were: the query's hash and form, the entry's
/// hash, and the score.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told(HashMap<(Signal, Variant, Signal), Score>);

impl Told {
    /// Notes a score.
    pub fn add(&mut self, query: Signal, variant: Variant, entry: Signal, score: Score) {
        self.0.insert((query, variant, entry), score);
    }
}

/// The verdict of an index on queries that were made before.
///
/// As [`Gate::check`](crate::gate::Gate::check) would decide of just these queries, save that a
/// score comes from `told` and not from the evidence's confidence: an entry beyond its bank's
/// threshold is verified only where its score is told.
pub fn replay(index: &Index, extraction: Extraction, told: &Told) -> Verdict {
    let mut matches = Matches::default();
    let widest = widest(index);
    for query in &extraction.queries {
        let Some(radius) = radius(index, query) else {
            continue;
        };
        index.visit(&query.signal, radius, |hit| {
            let key = (query.signal, query.variant, hit.signal);
            let score = told.0.get(&key).copied();
            matches.weigh_as_told(index, query, &hit, widest, score);
        });
    }
    conclude_with(index, extraction, matches)
}
