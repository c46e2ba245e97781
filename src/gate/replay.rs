//! Hashes that were asked about before, asked again: what would be decided today.
//!
//! By the same code that decides about uploads. Of a hash from pixels how sure each of its bits is
//! is not kept (it would be as good as a small picture); what is known is how alike it was to the
//! entries that it met. This file owns that rule. It refuses to read records.

use crate::bank::{BankId, BankName, ContentId};
use crate::gate::decide::conclude::conclude_with;
use crate::gate::decide::judge::{judge_by, radius};
use crate::gate::decide::matches::Matches;
use crate::gate::terms::{Terms, Upload, upload_of_hash, widest};
use crate::gate::{Extraction, Match, Query, Refusal, Score, Verdict};
use crate::hamming;
use crate::hash::{Distance, Signal, SignalType, Variant};
use crate::index::Index;
use std::collections::HashMap;

/// How alike queries and the entries that they met were: the query's hash and form, the entry's
/// hash, the score, and the second hash that spoke for the entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    scores: HashMap<(Signal, Variant, Signal), Score>,
    /// A score follows from the hashes; a second hash spoke for one item of one bank.
    seconds: HashMap<(Signal, Variant, Signal, BankName, ContentId), SignalType>,
}

impl Told {
    fn of(
        &self,
        index: &Index,
        query: &Query,
        (bank, content, entry): (BankId, ContentId, Signal),
    ) -> (Option<Score>, Option<SignalType>) {
        let (signal, variant) = (query.signal, query.variant);
        let score = self.scores.get(&(signal, variant, entry)).copied();
        let bank = index.bank(bank).filter(|_| !self.seconds.is_empty());
        let second = bank.and_then(|bank| {
            let key = (signal, variant, entry, bank.name.clone(), content);
            self.seconds.get(&key).copied()
        });
        (score, second)
    }

    /// Notes the score of a match, and what seconded it.
    pub fn add(&mut self, found: &Match) {
        let Some(score) = found.score else { return };
        let (query, variant, entry) = (found.query, found.variant, found.entry);
        self.scores.insert((query, variant, entry), score);
        if let Some(by) = found.seconded_by {
            let key = (query, variant, entry, found.bank.clone(), found.content_id);
            self.seconds.insert(key, by);
        }
    }
}

/// The verdict of an index on queries that were made before.
///
/// As [`Gate::check`](crate::gate::Gate::check) would decide of just these queries, save that a
/// score comes from `told` and not from the evidence's confidence: an entry beyond its bank's
/// threshold is verified only where its score is told, and seconded only where that is. Quarantine, which follows from what
/// others upload, is not replayed. `at`: the time to decide by, in seconds since 1970-01-01 UTC.
pub fn replay(index: &Index, at: u64, extraction: Extraction, told: &Told) -> Verdict {
    let upload = upload_of_signals(&extraction.signals, &extraction.queries);
    let terms = Terms::of(index, at, upload);
    let mut matches = Matches::default();
    let widest = widest(index);
    for query in &extraction.queries {
        let Some(radius) = radius(&terms, query) else {
            continue;
        };
        index.visit(&query.signal, radius, |hit| {
            let told = told.of(index, query, (hit.bank, hit.content, hit.signal));
            matches.weigh_as_told(&terms, query, &hit, widest, told);
        });
    }
    conclude_with(&terms, extraction, matches).verdict
}

/// Why a query does not match an entry's hash, where it is in the index: `None` where it is not, or
/// where it does match.
#[must_use]
pub fn refusal(
    index: &Index,
    at: u64,
    (signals, told): (&[Signal], &Told),
    query: &Query,
    (bank, content, entry): (BankId, ContentId, Signal),
) -> Option<Refusal> {
    let mut found = None;
    index.visit(&entry, Distance::ZERO, |hit| {
        if hit.bank == bank && hit.content == content {
            found = Some(hit);
        }
    });
    let mut hit = found?;
    hit.distance = hamming::distance(&query.signal, &entry)?;
    let terms = Terms::of(
        index,
        at,
        upload_of_signals(signals, std::slice::from_ref(query)),
    );
    let (score, seconded_by) = told.of(index, query, (bank, content, entry));
    judge_by(
        &terms,
        query,
        &hit,
        widest(index),
        (|_, _| score, seconded_by),
    )
    .err()
}

/// What stood for the upload: its digest, or the only hash that was asked about.
fn upload_of_signals(signals: &[Signal], queries: &[Query]) -> Option<Upload> {
    let of_queries = queries.iter().map(|query| query.signal);
    let mut all = signals.iter().copied().chain(of_queries);
    let digest = all.find(|signal| signal.signal_type() == SignalType::Sha256);
    let only = match signals {
        [signal] => Some(*signal),
        _ => None,
    };
    digest.or(only).map(|signal| upload_of_hash(&signal))
}
