//! Entries for which evidence spoke, but not quite enough: what a second hash is asked about.
//!
//! Owns how much less of a score is enough where a second hash speaks too. Who asks the second hash is `second.rs`.

use crate::gate::{Evidence, Query, Refusal, Score};
use crate::index::Hit;
use crate::rules::values;

/// Entries that are noted: some may turn out to match by themselves.
const MOST_NOTED: usize = values::NEARLY_MOST_NOTED;
/// How much less of a score is enough. Measured on 77 pictures of all kinds with 36 changed copies each, against
/// 4,850 others with all hashes: of what lacked so much at most, of pictures that are not [too flat](TOO_FLAT),
/// `phash` or `dhash` seconded 43 copies that had not been found, and no stranger. The nearest strangers, two
/// pages of one dialog, lacked 0.092.
const LESS: f64 = values::NEARLY_LESS;
/// Flatness, in hundredths, from which a second hash is none: series of signs, icons and dialogs
/// are near each other by every hash (24 strangers of 5 pairs were seconded, and 27 copies).
const TOO_FLAT: u8 = values::NEARLY_TOO_FLAT;

/// The entries that were nearly verified, those that lack least first, each with the query that came
/// nearest.
#[derive(Debug, Default)]
pub(crate) struct NearlyVerified {
    pub(crate) held: Vec<(i32, Hit, Query)>,
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
