//! A second hash, as a second opinion: an entry that evidence nearly verified is verified where another
//! perceptual hash that the same entry has meets the same guess.
//!
//! PDQ and the 64-bit hashes look at a picture in other ways, so what a stranger's picture is near to by the
//! one it rarely is by the other too. This file owns which entries are asked about, by which hashes, how near
//! those must be, and how much less is then enough. Indexes that hold no such hashes cost nothing here.
//!
//! Whoever has such hashes in the index has every upload decoded: what is seconded rests on pixels in every mode.

#[cfg(feature = "decode")]
use crate::bank::Action;
#[cfg(feature = "decode")]
use crate::gate::decide::Matches;
#[cfg(feature = "decode")]
use crate::gate::terms::Terms;
use crate::gate::{Evidence, Query, Refusal, Score};
#[cfg(feature = "decode")]
use crate::gate::{Extraction, Extractor};
#[cfg(feature = "decode")]
use crate::hash::{Distance, Signal, SignalType};
use crate::index::Hit;

/// Entries of one input that are asked about at most, those that lack least first.
#[cfg(feature = "decode")]
const MOST_ASKED: usize = 8;
/// Entries that are noted: some may turn out to match by themselves.
const MOST_NOTED: usize = 16;
/// How near a second hash must be, of 64 bits.
#[cfg(feature = "decode")]
const WITHIN: Distance = Distance(8);
/// Those that are asked: of gradients and of frequencies. `ahash`, `imghash_mean` and `blockhash` tell only
/// where a picture is bright, which strangers that are near by PDQ have in common.
#[cfg(feature = "decode")]
const ASKED: [SignalType; 4] = [
    SignalType::Dhash,
    SignalType::Phash,
    SignalType::ImghashGradient,
    SignalType::ImghashDct,
];
/// How much less of a score is enough. Measured on 77 pictures of all kinds with 36 changed copies each, against
/// 4,850 others with all hashes: of what lacked so much at most, of pictures that are not [too flat](TOO_FLAT),
/// `phash` or `dhash` seconded 43 copies that had not been found, and no stranger. The nearest strangers, two
/// pages of one dialog, lacked 0.092.
const LESS: f64 = 0.08;
/// Flatness, in hundredths, from which a second hash is none: series of signs, icons and dialogs
/// are near each other by every hash (24 strangers of 5 pairs were seconded, and 27 copies).
const TOO_FLAT: u8 = 60;

/// The entries that were nearly verified, those that lack least first, each with the query that came
/// nearest.
#[derive(Debug, Default)]
pub(crate) struct NearlyVerified {
    held: Vec<(i32, Hit, Query)>,
}

impl NearlyVerified {
    /// Notes an entry that evidence spoke for, though not enough.
    pub(crate) fn note(&mut self, query: &Query, hit: &Hit, refusal: &Refusal) {
        let (
            Some(evidence),
            Refusal::Unlike {
                score: Some(score),
                enough,
                ..
            },
        ) = (query.evidence, *refusal)
        else {
            return;
        };
        if self::enough(&evidence).is_none_or(|least| score < least) {
            return;
        }
        let lacks = (1000.0 * (enough.value() - score.value())).round() as i32;
        let held = (self.held.iter_mut())
            .find(|(_, held, _)| (held.bank, held.content) == (hit.bank, hit.content));
        match held {
            Some(held) if held.0 <= lacks => return,
            Some(held) => *held = (lacks, *hit, *query),
            None => self.held.push((lacks, *hit, *query)),
        }
        self.held.sort_by_key(|(lacks, hit, _)| (*lacks, *hit));
        self.held.truncate(MOST_NOTED);
    }
}

/// The score that is enough where a second hash speaks for the entry too; `None` where none can.
pub(crate) fn enough(evidence: &Evidence) -> Option<Score> {
    let least = Score::from_value(evidence.enough().value() - LESS);
    least.filter(|_| evidence.flatness < TOO_FLAT)
}

/// Asks about the second hashes of the queries that nearly verified an entry.
#[cfg(feature = "decode")]
pub(crate) fn ask(
    terms: &Terms<'_>,
    extraction: &Extraction,
    extractor: &mut Extractor,
    matches: &mut Matches,
) {
    let nearly = std::mem::take(&mut matches.nearly).held;
    if nearly.is_empty() {
        return;
    }
    let held = terms.index.signal_types().into_iter();
    let kinds: Vec<SignalType> = held
        .map(|held| held.signal_type)
        .filter(|kind| ASKED.contains(kind))
        .collect();
    if kinds.is_empty() {
        return;
    }
    let nearly = nearly
        .into_iter()
        .filter(|(_, hit, _)| !matches.has_entry(hit.bank, hit.content, SignalType::Pdq))
        // Less evidence must not be enough to call something harmless.
        .filter(|(_, hit, _)| {
            let standing = terms.standing(hit);
            standing.is_ok_and(|(_, policy)| policy.action != Action::Allow)
        });
    let nearly: Vec<_> = nearly.take(MOST_ASKED).collect();
    for (_, hit, query) in nearly {
        let hashes = hashes_of(&query, &kinds, extraction, extractor);
        for signal in hashes {
            let mut speaks = false;
            terms.index.visit(&signal, WITHIN, |second| {
                let is_same = (second.bank, second.content) == (hit.bank, hit.content);
                speaks |= is_same && terms.standing(&second).is_ok();
            });
            if speaks {
                matches.weigh_seconded(terms, &query, &hit, signal.signal_type());
                break;
            }
        }
    }
}

/// The hashes of these types of the form that a query is of: those that were computed, else from the small
/// luma picture.
#[cfg(feature = "decode")]
fn hashes_of(
    query: &Query,
    kinds: &[SignalType],
    extraction: &Extraction,
    extractor: &mut Extractor,
) -> Vec<Signal> {
    let mut hashes: Vec<Signal> = (extraction.queries.iter())
        .filter(|other| other.variant == query.variant)
        .map(|other| other.signal)
        .filter(|signal| kinds.contains(&signal.signal_type()))
        .collect();
    let is_there =
        |hashes: &[Signal], kind: SignalType| hashes.iter().any(|hash| hash.signal_type() == kind);
    let lacking: Vec<SignalType> = (kinds.iter().copied())
        .filter(|&kind| !is_there(&hashes, kind))
        .collect();
    if let Some(hash) = query.signal.as_pdq().filter(|_| !lacking.is_empty()) {
        let made = extractor.hash64_of_guess(&hash, &query.variant, &lacking);
        let made = made.into_iter();
        hashes.extend(made.map(|(kind, hash)| Signal::from_hash64(kind, hash)));
    }
    hashes.sort_by_key(Signal::signal_type);
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{BankId, ContentId};
    use crate::hash::{Distance, PdqHash, Threshold, Variant};
    use crate::signal::pdq::Confidence;

    fn evidence(flatness: u8) -> Evidence {
        Evidence {
            confidence: Confidence::NONE,
            flatness,
            is_small: false,
            is_minor: false,
            is_guess: true,
            inverted: false,
            fitted_from: None,
        }
    }

    fn near(content: u64, score: f64, flatness: u8) -> (Query, Hit, Refusal) {
        let evidence = evidence(flatness);
        let query = Query {
            signal: PdqHash::ZERO.into(),
            quality: None,
            variant: Variant::ORIGINAL,
            evidence: Some(evidence),
        };
        let hit = Hit {
            distance: Distance(40),
            bank: BankId(1),
            content: ContentId(content),
            signal: PdqHash::ZERO.into(),
            quality: None,
            form: None,
            reach: None,
        };
        let refusal = Refusal::Unlike {
            within: Threshold(31),
            score: Score::from_value(score),
            enough: evidence.enough(),
        };
        (query, hit, refusal)
    }

    #[test]
    fn less_is_enough_where_a_picture_is_not_too_flat() {
        let least = |flatness| enough(&evidence(flatness)).map(Score::value);
        assert_eq!(least(0), Some(0.62));
        assert_eq!(least(59), Some(0.8));
        assert_eq!(least(60), None);
    }

    #[test]
    fn the_entries_that_lack_least_are_noted_each_once() {
        let mut nearly = NearlyVerified::default();
        let mut note = |(query, hit, refusal)| nearly.note(&query, &hit, &refusal);
        note(near(1, 0.619, 0));
        note(near(2, 0.65, 0));
        note(near(2, 0.69, 0));
        note(near(2, 0.66, 0));
        note(near(3, 0.68, 0));
        note(near(4, 0.87, 60));
        let contents: Vec<u64> = nearly.held.iter().map(|held| held.1.content.0).collect();
        assert_eq!(contents, [2, 3]);
        for content in 10..60 {
            let (query, hit, refusal) = near(content, 0.67, 0);
            nearly.note(&query, &hit, &refusal);
        }
        assert_eq!(nearly.held.len(), MOST_NOTED);
        assert_eq!(nearly.held.first().map(|held| held.0), Some(10));
    }
}
