//! Uploads of other pictures against lists of strangers, and what was flagged, by kind, action and pair.
//!
//! Owns how flags are counted. What is a flag is the gate's to say.

use super::list::List;
use super::plan::StrangersPlan;
use crate::bank::Action;
use crate::bank::{Bank, BankId, ContentId};
use crate::evaluate::Estimate;
use crate::evaluate::corpus::{self, Original};
use crate::evaluate::error::EvaluateError;
use crate::evaluate::plan::Watch;
use crate::evaluate::run::copy;
use crate::gate::{
    Extractor, Gate, GateOptions, LookOptions, Match, MatchKind, Verdict, look_with,
};
use crate::index::{Index, IndexRecord, PublishOptions};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

/// On what a flag rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Distance, of the picture itself, turned or mirrored too.
    Near,
    /// Distance, of a guess at an original.
    NearGuess,
    /// Evidence, of the picture itself or of a guess.
    Verified,
    /// A guess that was fitted to the entry.
    Fitted,
    /// Evidence that just missed, and a second hash.
    Seconded,
}

impl How {
    /// All, in the order of reports.
    pub const ALL: [Self; 5] = [
        Self::Near,
        Self::NearGuess,
        Self::Verified,
        Self::Fitted,
        Self::Seconded,
    ];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::NearGuess => "near_guess",
            Self::Verified => "verified",
            Self::Fitted => "fitted",
            Self::Seconded => "seconded",
        }
    }
}

/// Wrong flags in a list of one size, by one set of variants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WrongCount {
    /// Hashes that the list holds.
    pub hashes: u64,
    /// The set of variants.
    pub variants: String,
    /// Copies that were asked about.
    pub asked: u64,
    /// Those that were flagged.
    pub flagged: u64,
    /// Those that were blocked.
    pub blocked: u64,
    /// Those that were sent to review.
    pub reviewed: u64,
    /// Those with a flag of each kind.
    pub by: BTreeMap<How, u64>,
    /// Those that were blocked by a match of each kind.
    pub blocked_by: BTreeMap<How, u64>,
    /// Pictures of which any copy was flagged.
    pub pictures_flagged: u64,
    /// Pictures of which any copy was blocked.
    pub pictures_blocked: u64,
    /// Share of pictures of which any copy was flagged, with an exact interval: copies of one picture are flagged together.
    pub share_flagged: Estimate,
    /// The same of those blocked.
    pub share_blocked: Estimate,
}

/// A pair of pictures of which one was flagged for the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WrongPair {
    /// The picture that was asked about.
    pub upload: String,
    /// The picture whose crop was met.
    pub listed: String,
    /// How often: over all sizes, sets and copies.
    pub flags: u64,
    /// How often it was blocked for it.
    pub blocks: u64,
    /// On what the flags rest.
    pub by: BTreeMap<How, u64>,
    /// The least distance, in bits.
    pub distance: u16,
    /// The greatest score.
    pub score: Option<f64>,
    /// How flat the nearest query was, in hundredths; none where that is not known.
    pub flatness: Option<u8>,
    /// The form of the upload in the nearest match.
    pub variant: String,
    /// What had been done to it.
    pub change: String,
}

/// As many of the pictures as are wanted, evenly spread.
pub(super) fn sample(uploads: Vec<u32>, most: Option<usize>) -> Vec<u32> {
    let all = uploads.len();
    let most = most.unwrap_or(all).min(all);
    let is_chosen = |at: usize| (at + 1) * most / all.max(1) > at * most / all.max(1);
    let kept = uploads.into_iter().enumerate();
    kept.filter(|(at, _)| is_chosen(*at))
        .map(|(_, one)| one)
        .collect()
}

/// A gate over each list.
pub(super) fn gates(plan: &StrangersPlan, list: &List) -> Result<Vec<(u64, Gate)>, EvaluateError> {
    let policy = plan.plan.policy.clone();
    let Ok(name) = "strangers".parse() else {
        return Ok(Vec::new());
    };
    let bank = Bank {
        id: BankId(1),
        name,
        policy,
    };
    let mut gates = Vec::new();
    for &size in &plan.sizes {
        let records = list.entries.iter().take(size as usize);
        let hashes = records.len() as u64;
        let records = (0u64..).zip(records).map(|(number, entry)| {
            Ok::<_, Infallible>(IndexRecord {
                bank: bank.id,
                content: ContentId(number),
                signal: entry.hash.into(),
                quality: Some(entry.quality),
            })
        });
        let options = PublishOptions::default();
        let index = Index::in_memory(std::slice::from_ref(&bank), records, &options)?;
        gates.push((hashes, Gate::over(index, GateOptions::default())));
    }
    Ok(gates)
}

/// What was counted for one size and set.
#[derive(Default, Clone)]
struct Tally {
    asked: u64,
    flagged: u64,
    blocked: u64,
    reviewed: u64,
    by: BTreeMap<How, u64>,
    blocked_by: BTreeMap<How, u64>,
    pictures_flagged: u64,
    pictures_blocked: u64,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        self.flagged += other.flagged;
        self.blocked += other.blocked;
        self.reviewed += other.reviewed;
        for (how, count) in &other.by {
            *self.by.entry(*how).or_default() += count;
        }
        for (how, count) in &other.blocked_by {
            *self.blocked_by.entry(*how).or_default() += count;
        }
        self.pictures_flagged += other.pictures_flagged;
        self.pictures_blocked += other.pictures_blocked;
    }
}

/// A pair as it is counted; the key is the numbers of the two pictures.
type Pairs = BTreeMap<(u32, u32), WrongPair>;

/// Most pairs of a report.
const MOST_PAIRS: usize = 1_000;

fn how(found: &Match, is_guess: bool) -> How {
    match found.kind {
        _ if found.seconded_by.is_some() => How::Seconded,
        _ if found.variant.fitted => How::Fitted,
        MatchKind::Verified => How::Verified,
        _ if is_guess => How::NearGuess,
        _ => How::Near,
    }
}

/// Asks about every upload and copy.
pub(super) fn all(
    plan: &StrangersPlan,
    originals: &[Original],
    uploads: &[u32],
    (list, gates): (&List, &[(u64, Gate)]),
    watch: &Watch<'_>,
) -> Result<(Vec<WrongCount>, Vec<WrongPair>), EvaluateError> {
    let asked = Asked {
        plan,
        originals,
        list,
        gates,
    };
    let done = AtomicU64::new(0);
    (watch.progress)(0, uploads.len() as u64);
    let of_each: Result<Vec<(Vec<Tally>, Pairs)>, EvaluateError> = uploads
        .par_iter()
        .map_init(Extractor::default, |extractor, &upload| {
            let counted = asked.picture(upload, extractor, watch)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (watch.progress)(done, uploads.len() as u64);
            Ok(counted)
        })
        .collect();
    let mut tallies = asked.none();
    let mut pairs = Pairs::new();
    for (own, own_pairs) in of_each? {
        tallies
            .iter_mut()
            .zip(&own)
            .for_each(|(all, own)| all.add(own));
        pairs.extend(own_pairs);
    }
    let mut pairs: Vec<WrongPair> = pairs.into_values().collect();
    pairs.sort_by(|a, b| {
        let rank = |one: &WrongPair| (std::cmp::Reverse((one.blocks, one.flags)), one.distance);
        (rank(a).cmp(&rank(b))).then_with(|| (&a.upload, &a.listed).cmp(&(&b.upload, &b.listed)))
    });
    pairs.truncate(MOST_PAIRS);
    let pictures = uploads.len() as u64;
    let names = gates.iter().flat_map(|(hashes, _)| {
        plan.plan
            .variants
            .iter()
            .map(move |(name, _)| (*hashes, name))
    });
    let counts = names
        .zip(tallies)
        .map(|((hashes, variants), tally)| WrongCount {
            hashes,
            variants: variants.clone(),
            asked: tally.asked,
            flagged: tally.flagged,
            blocked: tally.blocked,
            reviewed: tally.reviewed,
            by: tally.by,
            blocked_by: tally.blocked_by,
            pictures_flagged: tally.pictures_flagged,
            pictures_blocked: tally.pictures_blocked,
            share_flagged: Estimate::exact_share(tally.pictures_flagged, pictures),
            share_blocked: Estimate::exact_share(tally.pictures_blocked, pictures),
        });
    Ok((counts.collect(), pairs))
}

struct Asked<'a> {
    plan: &'a StrangersPlan,
    originals: &'a [Original],
    list: &'a List,
    gates: &'a [(u64, Gate)],
}

/// What an upload met of a listed picture: whether any match blocks, the nearest, how flat its query was, and what it
/// rests on.
type Met<'a> = (bool, &'a Match, Option<u8>, How);

impl Asked<'_> {
    fn none(&self) -> Vec<Tally> {
        vec![Tally::default(); self.gates.len() * self.plan.plan.variants.len()]
    }

    /// Every copy of one picture, by every set, against every list.
    fn picture(
        &self,
        upload: u32,
        extractor: &mut Extractor,
        watch: &Watch<'_>,
    ) -> Result<(Vec<Tally>, Pairs), EvaluateError> {
        let (mut tallies, mut pairs) = (self.none(), Pairs::new());
        let Some(original) = self.originals.get(upload as usize) else {
            return Ok((tallies, pairs));
        };
        let (bytes, pixels) = corpus::pixels(original, &self.plan.plan)?;
        let seed = self.plan.plan.seed;
        self.ask(
            (upload, "none"),
            &bytes,
            extractor,
            (&mut tallies, &mut pairs),
        );
        for modification in self.plan.plan.modifications.iter() {
            watch.check()?;
            let copy = copy(seed, original, &bytes, &pixels, modification)?;
            let asked = (upload, modification.name());
            self.ask(asked, &copy, extractor, (&mut tallies, &mut pairs));
        }
        for tally in &mut tallies {
            tally.pictures_flagged = u64::from(tally.flagged > 0);
            tally.pictures_blocked = u64::from(tally.blocked > 0);
        }
        Ok((tallies, pairs))
    }

    fn ask(
        &self,
        (upload, change): (u32, &str),
        bytes: &[u8],
        extractor: &mut Extractor,
        (tallies, pairs): (&mut [Tally], &mut Pairs),
    ) {
        let sets = self.plan.plan.variants.len();
        for (number, (_, variants)) in self.plan.plan.variants.iter().enumerate() {
            let options = LookOptions::default()
                .limits(self.plan.plan.limits.clone())
                .variants(*variants)
                .signals(Vec::new())
                .mode(self.plan.plan.mode)
                .fitting(true);
            let seen = look_with(extractor, bytes, &options);
            for (size, (_, gate)) in self.gates.iter().enumerate() {
                let verdict = gate.decide(&seen);
                if let Some(tally) = tallies.get_mut(size * sets + number) {
                    self.count((upload, change), &verdict, tally, pairs);
                }
            }
        }
    }

    fn count(
        &self,
        (upload, change): (u32, &str),
        verdict: &Verdict,
        tally: &mut Tally,
        pairs: &mut Pairs,
    ) {
        tally.asked += 1;
        tally.flagged += u64::from(!verdict.matches.is_empty());
        tally.blocked += u64::from(verdict.action == Some(Action::Block));
        tally.reviewed += u64::from(verdict.action == Some(Action::Review));
        let (mut by, mut blocked_by) = (BTreeSet::new(), BTreeSet::new());
        let mut met: BTreeMap<(u32, u32), Met<'_>> = BTreeMap::new();
        for found in &verdict.matches {
            let query = (verdict.queries.iter())
                .find(|query| (query.signal, query.variant) == (found.query, found.variant));
            let evidence = query.and_then(|query| query.evidence);
            let how = how(found, evidence.is_some_and(|evidence| evidence.is_guess));
            by.insert(how);
            let blocks = found.action == Action::Block;
            if blocks {
                blocked_by.insert(how);
            }
            let entry = usize::try_from(found.content_id.0).ok();
            let Some(entry) = entry.and_then(|at| self.list.entries.get(at)) else {
                continue;
            };
            let flatness = evidence.map(|evidence| evidence.flatness);
            // Matches come nearest first: the first of a pair is shown, and whether any blocks.
            let held = met.entry((upload, entry.picture));
            let held = held.or_insert((false, found, flatness, how));
            held.0 |= blocks;
        }
        for how in by {
            *tally.by.entry(how).or_default() += 1;
        }
        for how in blocked_by {
            *tally.blocked_by.entry(how).or_default() += 1;
        }
        for (key, (blocks, found, flatness, how)) in met {
            let pair = pairs.entry(key).or_insert_with(|| WrongPair {
                upload: self.name(key.0),
                listed: self.name(key.1),
                flags: 0,
                blocks: 0,
                by: BTreeMap::new(),
                distance: u16::MAX,
                score: None,
                flatness: None,
                variant: String::new(),
                change: String::new(),
            });
            pair.flags += 1;
            pair.blocks += u64::from(blocks);
            *pair.by.entry(how).or_default() += 1;
            let score = found.score.map(crate::gate::Score::value);
            if score > pair.score {
                pair.score = score;
            }
            if found.distance.0 < pair.distance {
                pair.distance = found.distance.0;
                pair.flatness = flatness;
                pair.variant = found.variant.to_string();
                pair.change = change.to_owned();
            }
        }
    }

    fn name(&self, picture: u32) -> String {
        let original = self.originals.get(picture as usize);
        original.map_or_else(String::new, |one| one.file.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_all_is_all() {
        let of = |most| sample((0..10).collect(), most);
        assert_eq!(of(None), (0..10).collect::<Vec<u32>>());
        assert_eq!(of(Some(3)), [3, 6, 9]);
        assert_eq!(of(Some(99)).len(), 10);
        assert!(sample(Vec::new(), Some(3)).is_empty());
    }
}
