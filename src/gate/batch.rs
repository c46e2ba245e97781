//! Many hashes at a time, as whoever matches a list of them asks.

use crate::bank::ContentSignal;
use crate::gate::decide::conclude::{Concluded, conclude_with};
use crate::gate::decide::judge::radius;
use crate::gate::decide::matches::Matches;
use crate::gate::terms::{Terms, look_at_uploads, upload_of_hash, widest};
use crate::gate::{Extraction, Gate, Query, Shadow, Verdict};
use crate::hash::Distance;
use crate::index::Index;
use std::collections::BTreeMap;

/// A query that meets more than this is asked again by itself, and weighed as its hits come.
const MOST_HITS: usize = 2 * Verdict::MAX_MATCHES;

impl Gate {
    /// As [`Gate::match_signal`] for each hash with its quality, in their order, all by one
    /// generation of the index. From some hundred hashes on this is faster than asking one by one:
    /// see [`Index::search_batch`]. Searches on rayon's threads; memory is bounded by the number of
    /// hashes, whatever they meet.
    #[must_use]
    pub fn match_signals(&self, signals: &[ContentSignal]) -> Vec<Verdict> {
        let index = self.index();
        let terms = Terms::of(&index, self.now(), None);
        let concluded = conclude_all(&terms, signals).into_iter();
        concluded.map(|one| self.settled(one)).collect()
    }

    /// As [`Gate::match_signals`], by other policies.
    #[must_use]
    pub fn match_signals_with(&self, shadow: &Shadow, signals: &[ContentSignal]) -> Vec<Verdict> {
        let index = self.index();
        let at = self.now();
        let terms = shadow.terms(&Terms::of(&index, at, None));
        let concluded = conclude_all(&terms, signals).into_iter();
        let settled = concluded.map(|mut one| {
            shadow.settle(at, &mut one.verdict, &one.stops);
            one.verdict
        });
        settled.collect()
    }
}

fn conclude_all(terms: &Terms<'_>, signals: &[ContentSignal]) -> Vec<Concluded> {
    let asked: Vec<(Terms<'_>, Query)> = signals
        .iter()
        .map(|asked| {
            let query = Query::of(asked.signal, asked.quality);
            let upload = look_at_uploads(terms.banks).then(|| upload_of_hash(&query.signal));
            (Terms { upload, ..*terms }, query)
        })
        .collect();
    let mut found: Vec<Matches> = asked.iter().map(|_| Matches::default()).collect();
    // One search has one radius: policies differ by type, and by quality.
    let mut by_radius: BTreeMap<Distance, Vec<usize>> = BTreeMap::new();
    for (place, (terms, query)) in asked.iter().enumerate() {
        if let Some(radius) = radius(terms, query) {
            by_radius.entry(radius).or_default().push(place);
        }
    }
    for (radius, places) in by_radius {
        ask(terms.index, radius, &places, &asked, &mut found);
    }
    let asked = asked.iter().zip(found);
    asked
        .map(|((terms, query), matches)| conclude_with(terms, Extraction::of(query), matches))
        .collect()
}

/// Asks about the queries at these places.
fn ask(
    index: &Index,
    radius: Distance,
    places: &[usize],
    queries: &[(Terms<'_>, Query)],
    found: &mut [Matches],
) {
    let asked: Vec<(usize, &(Terms<'_>, Query))> = places
        .iter()
        .filter_map(|&place| Some((place, queries.get(place)?)))
        .collect();
    let signals: Vec<_> = asked.iter().map(|(_, (_, query))| query.signal).collect();
    let answers = index.search_batch_limited(&signals, radius, MOST_HITS);
    let widest = widest(index);
    for ((place, (terms, query)), answer) in asked.into_iter().zip(answers) {
        let Some(matches) = found.get_mut(place) else {
            continue;
        };
        if answer.complete {
            for hit in &answer.hits {
                matches.weigh(terms, query, hit, widest);
            }
        } else {
            matches.ask(terms, query);
        }
    }
}
