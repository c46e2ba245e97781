//! Labelled rows of scores: how alike the queries of pictures and their copies are to the entries that they meet.
//!
//! Owns which rows are kept. What a score is, is `gate`'s to say; what follows from rows is `fit.rs`'s.

use super::super::corpus::{self, Original};
use super::super::error::EvaluateError;
use super::super::plan::{Plan, Watch};
use super::changes::{self, CHANGES};
use super::plan::{DerivePlan, MadeElsewhere};
use super::split::{Split, Splits};
use crate::bank::{Action, Bank, BankId, ContentId, Policy};
use crate::gate::{Extractor, Scored, VariantSet, liberties, read_file, scored};
use crate::guard::catch_unwind;
use crate::hash::{Distance, SignalType};
use crate::index::{Index, IndexRecord, PublishOptions};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};

/// A row is kept where its score, in thousandths, is at least this, or its distance at most [`FAR`].
const LEAST: i16 = 400;
const FAR: Distance = Distance(40);

/// What a query is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The picture itself, turned or mirrored too.
    Given,
    /// A guess at an original.
    Guess,
    /// A guess that was fitted to the entry.
    Fitted,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Guess => "guess",
            Self::Fitted => "fitted",
        }
    }
}

/// How alike a query of a picture, or of a copy, and an entry are. Scores are in thousandths.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScoreRow {
    /// The number of the picture that was asked about, or whose copy was.
    pub upload: u32,
    /// What was done to it; `none` for the picture as it is.
    pub change: String,
    /// The number of the picture whose hash the entry is.
    pub entry: u32,
    /// What the row may be used for: test where either picture is in test.
    pub split: Split,
    /// Whether the two are the same picture.
    pub same: bool,
    /// What the query is of.
    pub kind: Kind,
    /// The form of the upload.
    pub variant: String,
    /// How flat the query's picture is, in hundredths.
    pub flatness: u8,
    /// Whether it is a small part of the upload.
    pub small: bool,
    /// Whether it is so little of it that patterns are met in it.
    pub minor: bool,
    /// Whether the entry is a pattern.
    pub pattern: bool,
    /// Whether the entry is nothing but a pattern.
    pub all_pattern: bool,
    /// Bits between the two hashes.
    pub distance: u16,
    /// How alike the two are.
    pub score: i16,
    /// Of a fitted guess, how alike the guess was before.
    pub before: Option<i16>,
    /// Of a fitted guess, the share of the original that was left out in boxes.
    pub covered: f32,
    /// The share of the upload that the query leaves out.
    pub left_out: f64,
    /// Whether the query is turned or mirrored.
    pub turned: bool,
}

/// What of a copy's rows is kept apart: rows of one entry whose limits differ.
type Key = (u32, Kind, u8, bool);

fn thousandths(score: crate::gate::Score) -> i16 {
    (1000.0 * score.value()).round() as i16
}

/// Where a row stands between rich and plain, coarsely.
const fn bucket(flatness: u8, small: bool) -> u8 {
    match flatness {
        _ if small => 11,
        0..20 => 0,
        20..60 => 1 + (flatness - 20) / 5,
        _ => 10,
    }
}

/// Makes all rows, and says how many pictures and copies were asked about.
pub(super) fn make(
    plan: &DerivePlan,
    originals: &[Original],
    splits: &Splits,
    watch: &Watch<'_>,
) -> Result<(Vec<ScoreRow>, u64), EvaluateError> {
    let index = index_of(originals)?;
    let elsewhere = by_picture(plan, originals);
    let total = originals.len() as u64;
    let (done, copies) = (AtomicU64::new(0), AtomicU64::new(0));
    (watch.progress)(0, total);
    let of_each: Result<Vec<Vec<ScoreRow>>, EvaluateError> = (0..originals.len())
        .into_par_iter()
        .map_init(Extractor::default, |extractor, place| {
            watch.check()?;
            let asked = Asked {
                plan: &plan.plan,
                originals,
                splits,
                index: &index,
            };
            let others = elsewhere.get(&place).map_or(&[] as &[_], Vec::as_slice);
            let (rows, count) = asked.picture(place, plan.copies, others, extractor)?;
            copies.fetch_add(count, Ordering::Relaxed);
            (watch.progress)(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(rows)
        })
        .collect();
    Ok((of_each?.concat(), copies.into_inner()))
}

/// The copies that another program made, by the number of their picture.
fn by_picture<'a>(
    plan: &'a DerivePlan,
    originals: &[Original],
) -> BTreeMap<usize, Vec<&'a MadeElsewhere>> {
    let names: BTreeMap<&str, usize> = (originals.iter().enumerate())
        .map(|(place, original)| (original.file.name.as_str(), place))
        .collect();
    let mut by: BTreeMap<usize, Vec<&MadeElsewhere>> = BTreeMap::new();
    for made in &plan.made_elsewhere {
        if let Some(&place) = names.get(made.of.as_str()) {
            by.entry(place).or_default().push(made);
        }
    }
    by
}

fn index_of(originals: &[Original]) -> Result<Index, EvaluateError> {
    let bank = Bank {
        id: BankId(1),
        name: "pictures".parse().map_err(|_| EvaluateError::Stopped)?,
        policy: Policy::new(Action::Block),
    };
    let records = (0u64..).zip(originals).map(|(number, original)| {
        Ok::<_, Infallible>(IndexRecord {
            bank: bank.id,
            content: ContentId(number),
            signal: original.pdq.into(),
            quality: Some(original.quality),
        })
    });
    let options = PublishOptions::default();
    Ok(Index::in_memory(
        std::slice::from_ref(&bank),
        records,
        &options,
    )?)
}

struct Asked<'a> {
    plan: &'a Plan,
    originals: &'a [Original],
    splits: &'a Splits,
    index: &'a Index,
}

impl Asked<'_> {
    /// The rows of one picture and its copies.
    fn picture(
        &self,
        place: usize,
        copies: usize,
        elsewhere: &[&MadeElsewhere],
        extractor: &mut Extractor,
    ) -> Result<(Vec<ScoreRow>, u64), EvaluateError> {
        let Some(original) = self.originals.get(place) else {
            return Ok((Vec::new(), 0));
        };
        let (bytes, pixels) = corpus::pixels(original, self.plan)?;
        let mut rows = Vec::new();
        let mut count = 1;
        self.ask(place, "none", &bytes, extractor, &mut rows);
        let changes = CHANGES.iter().enumerate();
        let is_chosen = |at: usize| (at + 1) * copies / CHANGES.len() > at * copies / CHANGES.len();
        for (_, (name, change)) in changes.filter(|(at, _)| is_chosen(*at)) {
            let mut random = changes::stream(self.plan.seed, &bytes, name);
            let made = catch_unwind(AssertUnwindSafe(|| change(&pixels, &mut random)));
            let failed = |reason: String| EvaluateError::Copy {
                path: original.file.path.clone(),
                modification: (*name).to_owned(),
                reason,
            };
            let copy = made
                .map_err(|_| failed("a defect of this program; please report it".to_owned()))?
                .map_err(|error| failed(error.to_string()))?;
            self.ask(place, name, &copy, extractor, &mut rows);
            count += 1;
        }
        for made in elsewhere {
            let mut copy = Vec::new();
            let read = read_file(&made.path, self.plan.limits.max_file_bytes, &mut copy);
            read.map_err(|problem| EvaluateError::Copy {
                path: made.path.clone(),
                modification: made.change.clone(),
                reason: problem.message,
            })?;
            self.ask(place, &made.change, &copy, extractor, &mut rows);
            count += 1;
        }
        Ok((rows, count))
    }

    fn ask(
        &self,
        place: usize,
        change: &str,
        bytes: &[u8],
        extractor: &mut Extractor,
        rows: &mut Vec<ScoreRow>,
    ) {
        let variants = self.plan.variants.first().map(|(_, set)| *set);
        let variants = variants.unwrap_or(VariantSet::STANDARD);
        let extraction = extractor.extract(bytes, &[SignalType::Pdq], variants, &self.plan.limits);
        let mut kept: BTreeMap<Key, ScoreRow> = BTreeMap::new();
        scored(self.index, &extraction, extractor, &mut |one| {
            let Some(row) = self.row(place, change, &one) else {
                return;
            };
            // The nearest by score, and the nearest by distance, of each entry.
            for by_distance in [false, true] {
                let key = (
                    row.entry,
                    row.kind,
                    bucket(row.flatness, row.small),
                    by_distance,
                );
                let is_nearer = |held: &ScoreRow| match by_distance {
                    true => (row.distance, -row.score) < (held.distance, -held.score),
                    false => (-row.score, row.distance) < (-held.score, held.distance),
                };
                if kept.get(&key).is_none_or(is_nearer) {
                    kept.insert(key, row.clone());
                }
            }
        });
        let mut own: Vec<ScoreRow> = kept.into_values().collect();
        // Where both are one row it stands twice.
        own.dedup();
        rows.append(&mut own);
    }

    fn row(&self, place: usize, change: &str, one: &Scored) -> Option<ScoreRow> {
        let evidence = one.query.evidence.filter(|evidence| !evidence.inverted)?;
        let score = thousandths(one.score);
        if score < LEAST && one.hit.distance > FAR {
            return None;
        }
        let entry = u32::try_from(one.hit.content.0).ok()?;
        let least = self.plan.policy.min_quality;
        if one.query.quality.is_some_and(|quality| quality < least) {
            return None;
        }
        let same = self.splits.same.get(place)?.binary_search(&entry).is_ok();
        let split = |place: usize| self.splits.splits.get(place).copied();
        let (left_out, turned) = liberties(&one.query.variant);
        let hash = one.hit.signal.as_pdq()?;
        Some(ScoreRow {
            upload: u32::try_from(place).ok()?,
            change: change.to_owned(),
            entry,
            split: split(place)?.max(split(entry as usize)?),
            same,
            kind: match (one.fitted, evidence.is_guess) {
                (Some(_), _) => Kind::Fitted,
                (None, true) => Kind::Guess,
                (None, false) => Kind::Given,
            },
            variant: one.query.variant.to_string(),
            flatness: evidence.flatness,
            small: evidence.is_small,
            minor: evidence.is_minor,
            pattern: hash.is_patterned(),
            all_pattern: hash.is_all_pattern(),
            distance: one.hit.distance.0,
            score,
            before: one.fitted.map(|fitted| thousandths(fitted.before)),
            covered: one.fitted.map_or(0.0, |fitted| fitted.covered),
            left_out,
            turned,
        })
    }
}
