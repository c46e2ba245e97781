//! Why an input is decided as it is: every entry that it met or nearly met, with all that policy
//! says of it.
//!
//! The very code that decides is asked, so that an explanation cannot differ from a decision. It
//! costs more than one, and is for people.

use crate::bank::{BankId, BankName, ContentId, Step};
use crate::gate::decide::conclude::conclude;
use crate::gate::decide::judge::{judge, radius};
use crate::gate::terms::{Terms, look_at_uploads, upload_of_hash, widest};
use crate::gate::{Extraction, Gate, Match, Query, Refusal, Verdict};
use crate::hash::{Distance, Form, Quality, Reach, Signal, SignalType, Variant};
use crate::index::Hit;
use std::collections::HashMap;

/// An entry that an input met.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Considered {
    /// Its bank.
    pub bank: BankName,
    /// Its number.
    pub content_id: ContentId,
    /// Its hash that was met.
    pub entry: Signal,
    /// Its quality, where known.
    pub entry_quality: Option<Quality>,
    /// Which form of the known item it is of; `None` for the item as it was given.
    pub entry_form: Option<Form>,
    /// How far out it may safely reach; `None` where it was not calibrated.
    pub reach: Option<Reach>,
    /// The hash of the input.
    pub query: Signal,
    /// The form of the input.
    pub variant: Variant,
    /// Bits between the two.
    pub distance: Distance,
    /// Its labels, of those that the index carries.
    pub labels: Vec<String>,
    /// How many sources agree, where the index carries that.
    pub sources: Option<u32>,
    /// All that policy says of it.
    pub steps: Vec<Step>,
    /// What it matches as, or why it does not.
    pub result: Result<Match, Refusal>,
}

/// Why an input is decided as it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The decision. Quarantine counts no upload here.
    pub verdict: Verdict,
    /// What was met: matches first, then what came near, nearest first.
    pub considered: Vec<Considered>,
    /// How many more entries were met than are listed.
    pub left_out: u64,
}

impl Explanation {
    /// Most entries that are listed.
    pub const MOST: usize = 100;
}

/// Most entries that are told apart.
const MOST_HELD: usize = 1 << 14;

impl Gate {
    /// Explains the decision about a hash that was computed elsewhere: see [`Gate::match_signal`].
    #[must_use]
    pub fn explain_signal(&self, signal: &Signal, quality: Option<Quality>) -> Explanation {
        let query = Query::of(*signal, quality);
        let index = self.index();
        let upload = look_at_uploads(index.banks()).then(|| upload_of_hash(signal));
        let terms = Terms::of(&index, self.now(), upload);
        let extraction = Extraction::of(&query);
        let verdict = conclude(&terms, extraction.clone()).verdict;
        explain(&terms, &extraction, verdict)
    }

    /// Explains the decision about an upload, by its pixels: see [`Gate::check`] with
    /// [`Mode::Exact`](crate::gate::Mode::Exact).
    #[cfg(feature = "decode")]
    #[must_use]
    pub fn explain(&self, bytes: &[u8]) -> Explanation {
        let index = self.index();
        let options = self.options();
        let wanted = crate::gate::wanted::Wanted::all(&index, &options.signals);
        let mut extractor = crate::gate::Extractor::default();
        let how = crate::gate::Extract {
            wanted: &wanted.at_once,
            variants: options.variants,
            limits: &options.limits,
            fast: false,
            memory: None,
            isolation: options.isolation,
        };
        let extraction = extractor.extract_with(bytes, &how);
        let terms = self.terms(&index, (bytes, &extraction.signals), None);
        let eyes = extractor.pictures();
        let concluded =
            crate::gate::decide::conclude::conclude_fitting(&terms, extraction.clone(), eyes);
        explain(&terms, &extraction, concluded.verdict)
    }
}

fn explain(terms: &Terms<'_>, extraction: &Extraction, verdict: Verdict) -> Explanation {
    let far = widest(terms.index);
    let mut held: HashMap<(BankId, ContentId, SignalType), Considered> = HashMap::new();
    let mut left_out = 0;
    for query in &extraction.queries {
        let kind = query.signal.signal_type();
        // What nearly matched counts for the picture itself; guesses are near to much.
        let is_guess = query.evidence.is_some_and(|evidence| evidence.is_guess);
        let policies = terms
            .banks
            .iter()
            .map(|bank| bank.policy.widest_threshold(kind).0);
        let near = Distance(policies.max().unwrap_or(0));
        let reach = match radius(terms, query) {
            reach if is_guess => reach,
            Some(reach) => Some(reach.max(near).max(beyond(kind, far))),
            None => Some(near.max(beyond(kind, far))),
        };
        let Some(reach) = reach else {
            continue;
        };
        terms.index.visit(&query.signal, reach, |hit| {
            let key = (hit.bank, hit.content, kind);
            let result = judge(terms, query, &hit, far).map(|judged| judged.found);
            if is_guess && result.is_err() {
                return;
            }
            let better = |one: &Considered| {
                let rank = |is_none: bool, distance, entry| (is_none, distance, entry);
                rank(result.is_err(), hit.distance, hit.signal)
                    < rank(one.result.is_err(), one.distance, one.entry)
            };
            match held.get(&key) {
                Some(one) if !better(one) => {}
                None if held.len() >= MOST_HELD => left_out += 1,
                _ => {
                    if let Some(found) = considered(terms, query, &hit, result) {
                        held.insert(key, found);
                    }
                }
            }
        });
    }
    // What only a fitted guess, or a second hash, verified.
    for found in &verdict.matches {
        let bank = terms.banks.iter().find(|bank| bank.name == found.bank);
        let Some(bank) = bank else { continue };
        let key = (bank.id, found.content_id, found.entry.signal_type());
        let is_told = held.get(&key).is_some_and(|one| one.result.is_ok());
        if is_told || held.len() >= MOST_HELD {
            continue;
        }
        let hit = Hit {
            distance: found.distance,
            bank: bank.id,
            content: found.content_id,
            signal: found.entry,
            quality: found.entry_quality,
            form: found.entry_form,
            reach: found.reach,
        };
        let query = Query {
            variant: found.variant,
            ..Query::of(found.query, None)
        };
        let found = considered(terms, &query, &hit, Ok(found.clone()));
        held.extend(found.map(|found| (key, found)));
    }
    let mut all: Vec<Considered> = held.into_values().collect();
    all.sort_by(|a, b| {
        (a.result.is_err().cmp(&b.result.is_err()))
            .then_with(|| a.distance.cmp(&b.distance))
            .then_with(|| a.bank.cmp(&b.bank))
            .then_with(|| (a.content_id, a.entry).cmp(&(b.content_id, b.entry)))
    });
    left_out += all.len().saturating_sub(Explanation::MOST) as u64;
    all.truncate(Explanation::MOST);
    Explanation {
        verdict,
        considered: all,
        left_out,
    }
}

/// How far out an entry is near enough to be told of.
fn beyond(kind: SignalType, widest: Distance) -> Distance {
    match kind {
        SignalType::Pdq => widest,
        _ => Distance(0),
    }
}

fn considered(
    terms: &Terms<'_>,
    query: &Query,
    hit: &Hit,
    result: Result<Match, Refusal>,
) -> Option<Considered> {
    let bank = terms.bank(hit.bank)?;
    let carried = terms.index.carried();
    let facts = terms.index.facts(hit.bank, hit.content);
    let kind = hit.signal.signal_type();
    Some(Considered {
        bank: bank.name.clone(),
        content_id: hit.content,
        entry: hit.signal,
        entry_quality: hit.quality,
        entry_form: hit.form,
        reach: hit.reach,
        query: query.signal,
        variant: query.variant,
        distance: hit.distance,
        labels: carried.labels_of(facts).map(str::to_owned).collect(),
        sources: carried.sources.then_some(facts.sources),
        steps: bank.policy.trace(kind, |label| carried.has(facts, label)),
        result,
    })
}
