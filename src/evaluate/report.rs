//! What an evaluation reports: the one object of `hashgate evaluate --json`.

use super::corpus::{Original, Same, apart};
use super::run::{Plan, Tallies};
use super::statistics::Estimate;
use super::tally::{Tally, Wrong, WrongFlag};
use crate::hash::SignalType;
use crate::hashset::BenignEntry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The figures of an evaluation: the one object of `hashgate evaluate --json FILE`.
///
/// Nothing in it depends on the time, the machine's speed or the number of threads. Keys are
/// stable; further ones may be added. Shares are 0 to 1 with their 95 % confidence interval
/// (`{"value", "low", "high"}`); distances are in bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `evaluate`.
    pub report: String,
    /// The version of the program that made it.
    pub program_version: String,
    /// What every copy was drawn by.
    pub seed: u64,
    /// The pictures.
    pub corpus: CorpusFacts,
    /// The benign list; null where none was given.
    pub benign: Option<BenignFacts>,
    /// Longer side to which larger pictures were reduced before they were modified; 0 for never.
    pub working_side: u32,
    /// How JPEGs were hashed: `exact`, `fast` or `auto`.
    pub mode: String,
    /// The PDQ threshold as configured.
    pub threshold: u16,
    /// The threshold of 64-bit hashes as configured.
    pub threshold64: u16,
    /// Least PDQ quality of copies and entries.
    pub min_quality: u8,
    /// Entries within so many bits of an original, as stored or laid down in one of the seven other
    /// ways, are taken to be the same picture: a flag on them is not wrong.
    pub same_within: u16,
    /// Whether entries reached only as far as the benign list let them, as after `calibrate --apply`;
    /// what is taken to be the same picture left out.
    #[serde(default)]
    pub calibrated: bool,
    /// What was done to each picture, in this order.
    pub modifications: Vec<ModificationFacts>,
    /// One for each set of variants and type of hash.
    pub results: Vec<Results>,
}

/// The pictures of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorpusFacts {
    /// The folder, as given.
    pub name: String,
    /// Pictures that were evaluated.
    pub pictures: u64,
    /// SHA-256 over the SHA-256 digests of these pictures, in the order of their names: says
    /// whether two evaluations had the same corpus.
    pub sha256: String,
    /// Files that were not evaluated.
    pub left_out: Vec<LeftOut>,
    /// Pairs of pictures that are taken to be the same picture, by `same_within`.
    pub same_pairs: u64,
}

/// A file that was not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The file, below the corpus.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// The benign list of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenignFacts {
    /// The list, as given.
    pub name: String,
    /// Distinct hashes.
    pub entries: u64,
    /// Those below the least quality: they match nothing.
    pub below_quality: u64,
    /// Pairs of an original and an entry that are taken to be the same picture: never wrong flags.
    pub same_pairs: u64,
    /// Those among them that are farther apart than the threshold: were the rule wrong about one,
    /// a wrong flag would be hidden.
    pub same_pairs_beyond_threshold: u64,
    /// Pairs that only a person saw to be the same picture, or one a part of the other: never wrong
    /// flags either. Absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_by_eye: Option<u64>,
}

/// One modification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModificationFacts {
    /// Its unique name.
    pub name: String,
    /// What kind of thing it is, for people.
    pub group: String,
    /// What it has in common with those of other strengths.
    pub family: String,
    /// Its strength in the unit of the family; null where it has none.
    pub strength: Option<f32>,
}

impl ModificationFacts {
    /// The name for people: `gamma 0.5`.
    #[must_use]
    pub fn title(&self) -> String {
        let family = self.family.replace('_', " ");
        match self.strength {
            Some(strength) => format!("{family} {strength}"),
            None => family,
        }
    }
}

/// The results for one set of variants and one type of hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The set of variants.
    pub variants: String,
    /// The type of hash.
    pub signal_type: SignalType,
    /// Copies asked about.
    pub copies: u64,
    /// The share of copies that were found as configured; every modification has the same number
    /// of copies, so it is the mean over the modifications too. The interval is by pictures: copies
    /// of one picture are not independent.
    pub recall: Estimate,
    /// The same by plain distance alone.
    pub recall_by_distance: f64,
    /// Copies found by verification alone, beyond the threshold.
    pub verified: u64,
    /// Wrong flags against the benign list, as configured; null without a list.
    pub false_flags_benign: Option<FalseFlags>,
    /// Wrong flags against the other pictures of the corpus, as configured.
    pub false_flags_corpus: FalseFlags,
    /// Flags that are right only since a person saw that the pictures are the same. Absent where
    /// nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_by_eye: Option<SameByEye>,
    /// For each modification, in the order of `modifications`.
    pub by_modification: Vec<Recall>,
    /// What other thresholds would give, by plain distance: 0 to 63 for PDQ, 0 to 16 for 64 bits.
    /// Recall against false flags over these is the ROC.
    pub by_threshold: Vec<AtThreshold>,
    /// How many copies and pairs lie how far apart.
    pub histograms: Histograms,
    /// The nearest wrong flags as configured.
    pub false_flags: Vec<FalseFlag>,
    /// Whether there were more than are listed.
    pub false_flags_left_out: bool,
    /// The pictures whose copies were found least often.
    pub hardest: Vec<PictureRecall>,
    /// Verdicts whose lists of matches were cut: what lay beyond is not in the histograms.
    pub lists_cut: u64,
}

/// How often copies by one modification were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recall {
    /// The modification.
    pub modification: String,
    /// Copies asked about.
    pub copies: u64,
    /// Those whose outcome was neither match nor no match.
    pub unjudged: u64,
    /// Found within the threshold.
    pub found: u64,
    /// Found beyond it, by verification.
    pub verified: u64,
    /// Share found either way, with Wilson's interval.
    pub recall: Estimate,
    /// Median distance to the original over all copies; null where it is beyond what is looked at.
    pub median_distance: Option<u16>,
    /// Copies by distance to the original, from 0; the last number counts those beyond.
    pub distances: Vec<u64>,
    /// Copies that flagged another picture.
    pub false_flags: u64,
}

/// Wrong flags against one list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FalseFlags {
    /// Copies with at least one.
    pub copies: u64,
    /// Their share of all copies, with Clopper and Pearson's interval.
    pub per_copy: Estimate,
    /// Pairs of a copy and an entry.
    pub pairs: u64,
    /// Their share of all pairs. The interval takes pairs as independent, which they are not quite.
    pub per_pair: Estimate,
    /// Pairs flagged by verification alone.
    pub verified: u64,
    /// Different pairs of an original and an entry among them: all copies of one picture may flag the
    /// same entry. Absent for thresholds other than the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
}

/// Flags on entries that only a person saw to be the same picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameByEye {
    /// Pairs of a copy and an entry.
    pub pairs: u64,
    /// Different pairs of an original and an entry among them.
    pub distinct: u64,
}

/// What a threshold would give, by plain distance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// In bits, inclusive.
    pub threshold: u16,
    /// Share of copies within it of their original.
    pub recall: f64,
    /// Wrong flags against the benign list.
    pub benign: Option<FalseFlags>,
    /// Wrong flags against the other pictures of the corpus.
    pub corpus: FalseFlags,
}

/// Counts by distance, from 0; the last number of the first three counts what lies beyond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histograms {
    /// Copies by distance to their original.
    pub own: Vec<u64>,
    /// Copies by distance to the nearest entry of the benign list.
    pub nearest_benign: Option<Vec<u64>>,
    /// Copies by distance to the nearest other picture of the corpus.
    pub nearest_corpus: Vec<u64>,
    /// Pairs of a copy and a benign entry by distance; those beyond are not counted.
    pub pairs_benign: Option<Vec<u64>>,
    /// Pairs of a copy and another picture by distance; those beyond are not counted.
    pub pairs_corpus: Vec<u64>,
}

/// A wrong flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FalseFlag {
    /// The picture that was copied.
    pub file: String,
    /// What was done to it.
    pub modification: String,
    /// `benign` or `corpus`.
    pub against: String,
    /// The file that was flagged, or the hash of the benign list.
    pub entry: String,
    /// How far the two are apart.
    pub distance: u16,
    /// The form of the copy that met it.
    pub variant: String,
    /// Whether verification flagged it, beyond the threshold.
    pub verified: bool,
}

/// How often copies of one picture were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureRecall {
    /// The picture.
    pub file: String,
    /// Its copies that were found.
    pub found: u64,
    /// All its copies.
    pub copies: u64,
}

/// Pictures that are named as the hardest, at most.
const MOST_HARDEST: usize = 12;

/// What an evaluation has seen, besides the counts.
pub(super) struct Seen<'a> {
    pub(super) originals: &'a [Original],
    pub(super) left_out: Vec<LeftOut>,
    pub(super) same: &'a [Same],
    pub(super) benign: Option<(&'a str, &'a [BenignEntry])>,
}

pub(super) fn build(plan: &Plan, corpus: &str, seen: &Seen<'_>, tallies: &Tallies) -> Report {
    let kinds = plan.variants.iter().flat_map(|(name, _)| {
        let kinds = plan.signals.iter();
        kinds.map(move |kind| (name, *kind))
    });
    Report {
        report: "evaluate".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: plan.seed,
        corpus: corpus_facts(corpus, seen),
        benign: benign_facts(plan, seen),
        working_side: plan.working_side,
        mode: plan.mode.to_string(),
        threshold: plan.policy.threshold.0,
        threshold64: plan.policy.threshold64.0,
        min_quality: plan.policy.min_quality.get(),
        same_within: plan.same_within,
        calibrated: plan.calibrated,
        modifications: (plan.modifications.iter())
            .map(|one| ModificationFacts {
                name: one.name().to_owned(),
                group: one.group().to_owned(),
                family: one.family().to_owned(),
                strength: one.strength(),
            })
            .collect(),
        results: kinds
            .zip(tallies)
            .map(|((name, kind), tally)| results(plan, seen, name, kind, tally))
            .collect(),
    }
}

fn corpus_facts(name: &str, seen: &Seen<'_>) -> CorpusFacts {
    let mut digest = Sha256::new();
    for original in seen.originals {
        digest.update(original.digest);
    }
    let pairs: usize = seen
        .same
        .iter()
        .map(|same| same.corpus.len().saturating_sub(1))
        .sum();
    CorpusFacts {
        name: name.to_owned(),
        pictures: seen.originals.len() as u64,
        sha256: crate::hash::hex::encode(&digest.finalize()),
        left_out: seen.left_out.clone(),
        same_pairs: pairs as u64 / 2,
    }
}

fn benign_facts(plan: &Plan, seen: &Seen<'_>) -> Option<BenignFacts> {
    let (name, entries) = seen.benign?;
    let below = |entry: &&BenignEntry| entry.quality.is_some_and(|q| q < plan.policy.min_quality);
    let mut beyond = 0;
    for (original, same) in seen.originals.iter().zip(seen.same) {
        for &place in &same.benign {
            let distance = (entries.get(place as usize)).map(|entry| apart(original, &entry.hash));
            beyond += u64::from(distance > Some(plan.policy.threshold.0));
        }
    }
    Some(BenignFacts {
        name: name.to_owned(),
        entries: entries.len() as u64,
        below_quality: entries.iter().filter(below).count() as u64,
        same_pairs: seen.same.iter().map(|same| same.benign.len() as u64).sum(),
        same_pairs_beyond_threshold: beyond,
        same_by_eye: (!plan.looked_at.is_empty())
            .then(|| seen.same.iter().map(|same| same.by_eye.len() as u64).sum()),
    })
}

fn results(plan: &Plan, seen: &Seen<'_>, name: &str, kind: SignalType, tally: &Tally) -> Results {
    let copies: u64 = tally.copies.iter().map(|one| one.asked).sum();
    let threshold = plan.policy.threshold_for(kind).0;
    let by_modification = plan.modifications.iter().zip(&tally.copies);
    let by_modification: Vec<Recall> = by_modification
        .map(|(modification, one)| Recall {
            modification: modification.name().to_owned(),
            copies: one.asked,
            unjudged: one.unjudged,
            found: one.found,
            verified: one.verified,
            recall: Estimate::wilson(one.found + one.verified, one.asked),
            median_distance: one.own.median(),
            distances: one.own.counts().to_vec(),
            false_flags: one.wrong,
        })
        .collect();
    let mut own = vec![0; usize::from(super::run::widest(kind)) + 2];
    for one in &tally.copies {
        for (sum, count) in own.iter_mut().zip(one.own.counts()) {
            *sum += count;
        }
    }
    let within = |distance: u16| {
        let sum: u64 = tally
            .copies
            .iter()
            .map(|one| one.own.within(distance))
            .sum();
        share(sum, copies)
    };
    let has_list = seen.benign.is_some();
    let at = |threshold| AtThreshold {
        threshold,
        recall: within(threshold),
        benign: has_list.then(|| at_threshold(&tally.benign, copies, threshold)),
        corpus: at_threshold(&tally.corpus, copies, threshold),
    };
    let inner = |wrong: &Wrong| {
        let counts = wrong.pairs.counts();
        counts.get(..counts.len() - 1).unwrap_or_default().to_vec()
    };
    Results {
        variants: name.to_owned(),
        signal_type: kind,
        copies,
        recall: by_pictures(&tally.found_of, plan.modifications.len() as u64),
        recall_by_distance: within(threshold),
        verified: tally.copies.iter().map(|one| one.verified).sum(),
        false_flags_benign: has_list.then(|| configured(&tally.benign, copies)),
        false_flags_corpus: configured(&tally.corpus, copies),
        same_by_eye: (has_list && !plan.looked_at.is_empty()).then_some(SameByEye {
            pairs: tally.by_eye,
            distinct: tally.distinct_by_eye.len() as u64,
        }),
        by_modification,
        by_threshold: (0..=super::run::widest(kind)).map(at).collect(),
        histograms: Histograms {
            own,
            nearest_benign: has_list.then(|| tally.benign.nearest.counts().to_vec()),
            nearest_corpus: tally.corpus.nearest.counts().to_vec(),
            pairs_benign: has_list.then(|| inner(&tally.benign)),
            pairs_corpus: inner(&tally.corpus),
        },
        false_flags: (tally.flags.iter())
            .map(|flag| false_flag(plan, seen, flag))
            .collect(),
        false_flags_left_out: tally.benign.pairs_flagged + tally.corpus.pairs_flagged
            > tally.flags.len() as u64,
        hardest: hardest(seen, tally, plan.modifications.len() as u64),
        lists_cut: tally.cut,
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn configured(wrong: &Wrong, copies: u64) -> FalseFlags {
    FalseFlags {
        copies: wrong.copies_flagged,
        per_copy: Estimate::exact_share(wrong.copies_flagged, copies),
        pairs: wrong.pairs_flagged,
        per_pair: Estimate::exact_share(wrong.pairs_flagged, wrong.pairs_asked),
        verified: wrong.pairs_verified,
        distinct: Some(wrong.distinct.len() as u64),
    }
}

fn at_threshold(wrong: &Wrong, copies: u64, threshold: u16) -> FalseFlags {
    let flagged = wrong.nearest.within(threshold);
    let pairs = wrong.pairs.within(threshold);
    FalseFlags {
        copies: flagged,
        per_copy: Estimate::exact_share(flagged, copies),
        pairs,
        per_pair: Estimate::exact_share(pairs, wrong.pairs_asked),
        verified: 0,
        distinct: None,
    }
}

/// The mean of the pictures' shares, and 1.96 standard errors to either side.
fn by_pictures(found_of: &[u32], copies_each: u64) -> Estimate {
    let n = found_of.len() as f64;
    let share = |found: &u32| f64::from(*found) / copies_each.max(1) as f64;
    let mean = found_of.iter().map(share).sum::<f64>() / n.max(1.0);
    let squares: f64 = found_of
        .iter()
        .map(|found| (share(found) - mean).powi(2))
        .sum();
    let error = match found_of.len() {
        0 | 1 => 1.0,
        _ => (squares / (n - 1.0) / n).sqrt(),
    };
    Estimate {
        value: mean,
        low: (mean - 1.96 * error).max(0.0),
        high: (mean + 1.96 * error).min(1.0),
    }
}

fn false_flag(plan: &Plan, seen: &Seen<'_>, flag: &WrongFlag) -> FalseFlag {
    let file = |place: u32| {
        let original = seen.originals.get(place as usize);
        original.map_or_else(String::new, |original| original.file.name.clone())
    };
    let modification = plan.modifications.iter().nth(flag.modification as usize);
    let benign = seen.benign.map_or(&[] as &[_], |(_, entries)| entries);
    FalseFlag {
        file: file(flag.original),
        modification: modification.map_or_else(String::new, |one| one.name().to_owned()),
        against: if flag.benign { "benign" } else { "corpus" }.to_owned(),
        entry: match flag.benign {
            true => (benign.get(flag.entry as usize))
                .map_or_else(String::new, |entry| entry.hash.to_string()),
            false => file(flag.entry),
        },
        distance: flag.distance,
        variant: flag.variant.clone(),
        verified: flag.verified,
    }
}

fn hardest(seen: &Seen<'_>, tally: &Tally, copies: u64) -> Vec<PictureRecall> {
    let mut all: Vec<_> = tally.found_of.iter().zip(seen.originals).collect();
    all.sort_by(|a, b| (a.0, &a.1.file.name).cmp(&(b.0, &b.1.file.name)));
    all.iter()
        .take(MOST_HARDEST)
        .map(|(found, original)| PictureRecall {
            file: original.file.name.clone(),
            found: u64::from(**found),
            copies,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_the_mean_is_by_pictures() {
        // Shares 0.2, 0.4, 0.6: mean 0.4, standard deviation 0.2, error 0.2/√3.
        let estimate = by_pictures(&[2, 4, 6], 10);
        assert!((estimate.value - 0.4).abs() < 1e-12);
        assert!((estimate.high - (0.4 + 1.96 * 0.2 / 3f64.sqrt())).abs() < 1e-12);
        assert_eq!(by_pictures(&[3], 10).low, 0.0);
    }
}
