//! The evaluation itself: an index of the originals, a gate for each set of variants, and every
//! copy asked about.

use super::copies;
use super::corpus::{self, CorpusFile, Original, Same};
use super::error::EvaluateError;
use super::modification::Modification;
use super::plan::{Plan, Watch};
use super::reach::{self, EntryReaches};
use super::report::{self, Report};
use super::tally::{Tallies, Tally, Wrong, WrongFlag, widest};
use crate::bank::{Action, Bank, BankId, ContentId, Policy, Verified};
use crate::gate::{Gate, GateOptions, Match, MatchKind, Outcome, VariantSet, Verdict, Worker};
use crate::guard::catch_unwind;
use crate::hash::{Reach, SignalType, Threshold};
use crate::hashset::BenignEntry;
use crate::index::{FactRecord, HashFacts, Index, IndexRecord, PublishOptions, publish};
use crate::media;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The corpus as configured, and as wide as a bank may be: from the second the distances are read.
const CORPUS: [BankId; 2] = [BankId(1), BankId(2)];
const BENIGN: [BankId; 2] = [BankId(3), BankId(4)];
const NAMES: [&str; 4] = ["corpus", "corpus-wide", "benign", "benign-wide"];

/// Makes every modified copy of every picture, asks about each by every set of variants, and
/// counts what was found and what was flagged wrongly.
///
/// The bank holds one hash of each picture, for each type that is evaluated: that of the file as
/// stored. Copies are made from the pixels as stored. The same plan and files give the same report,
/// whatever `jobs` is. Memory holds one picture, and one copy of it, for each job.
///
/// # Errors
/// [`EvaluateError`]; pictures of the corpus that cannot be used are no error but are named in the
/// report, unless all are such.
pub fn evaluate(
    plan: &Plan,
    corpus_name: &str,
    files: &[CorpusFile],
    benign: Option<(&str, &[BenignEntry])>,
    watch: Watch<'_>,
) -> Result<Report, EvaluateError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(plan.jobs)
        .build()?;
    pool.install(|| {
        let (originals, left_out) = corpus::load(files, plan, &watch)?;
        let entries = benign.map_or(&[] as &[_], |(_, entries)| entries);
        let same = corpus::same(&originals, entries, &plan.looked_at, plan.same_within);
        let folder = tempfile::Builder::new()
            .prefix("hashgate-evaluate-")
            .tempdir()?;
        publish_entries(folder.path(), plan, &originals, entries, None)?;
        if plan.calibrated {
            let index = Index::open(folder.path())?;
            let least = (plan.same_within, plan.policy.min_quality);
            let corpus = (&originals[..], &same[..]);
            let reaches = reach::of(&index, BENIGN[0], corpus, entries, least, &watch)?;
            publish_entries(folder.path(), plan, &originals, entries, Some(&reaches))?;
        }
        let gates = open_gates(folder.path(), plan)?;
        let asked = Asked {
            plan,
            originals: &originals,
            same: &same,
            benign: entries.len(),
            gates: &gates,
        };
        let tallies = asked.all(&watch)?;
        Ok(report::build(
            plan,
            corpus_name,
            &report::Seen {
                originals: &originals,
                left_out,
                same: &same,
                benign,
            },
            &tallies,
        ))
    })
}

fn banks(policy: &Policy) -> Vec<Bank> {
    let wide = Policy {
        action: Action::Report,
        threshold: Policy::MAX_PDQ_THRESHOLD,
        threshold64: Policy::MAX_HASH64_THRESHOLD,
        // Here only distances are read.
        verified: Verified::Off,
        ..policy.clone()
    };
    let ids = CORPUS.into_iter().chain(BENIGN);
    let bank = |(id, (name, policy)): (BankId, (&&str, &Policy))| {
        let name = name.parse().ok()?;
        let policy = policy.clone();
        Some(Bank { id, name, policy })
    };
    ids.zip(NAMES.iter().zip([policy, &wide, policy, &wide]))
        .filter_map(bank)
        .collect()
}

fn publish_entries(
    folder: &Path,
    plan: &Plan,
    originals: &[Original],
    benign: &[BenignEntry],
    reaches: Option<&EntryReaches>,
) -> Result<(), EvaluateError> {
    let record = |bank, content, signal, quality, reach: Option<Reach>| FactRecord {
        of_hash: HashFacts {
            form: None,
            // In the wide banks only distances are read.
            reach: reach.filter(|_| [CORPUS[0], BENIGN[0]].contains(&bank)),
        },
        ..FactRecord::from(IndexRecord {
            bank,
            content: ContentId(content),
            signal,
            quality,
        })
    };
    let of = |reaches: Option<&Vec<Reach>>, place: u64| {
        let place = usize::try_from(place).ok()?;
        reaches?.get(place).copied()
    };
    let known = (0u64..).zip(originals).flat_map(|(content, original)| {
        let reach = of(reaches.map(|reaches| &reaches.corpus), content);
        original.signals.iter().flat_map(move |&signal| {
            CORPUS.map(|bank| record(bank, content, signal, Some(original.quality), reach))
        })
    });
    let harmless = (0u64..).zip(benign).flat_map(|(content, entry)| {
        let reach = of(reaches.map(|reaches| &reaches.benign), content);
        BENIGN.map(|bank| record(bank, content, entry.hash.into(), entry.quality, reach))
    });
    let records = known.chain(harmless).map(Ok::<_, Infallible>);
    let options = PublishOptions::default();
    publish(folder, &banks(&plan.policy), records, &options)?;
    Ok(())
}

fn open_gates(folder: &Path, plan: &Plan) -> Result<Vec<Gate>, EvaluateError> {
    let open = |(_, variants): &(String, VariantSet)| {
        let options = GateOptions {
            limits: plan.limits.clone(),
            variants: *variants,
            signals: plan.signals.clone(),
            mode: plan.mode,
            ..GateOptions::default()
        };
        Ok(Gate::open_with(folder, options)?)
    };
    plan.variants.iter().map(open).collect()
}

struct Asked<'a> {
    plan: &'a Plan,
    originals: &'a [Original],
    same: &'a [Same],
    benign: usize,
    gates: &'a [Gate],
}

impl Asked<'_> {
    fn none(&self) -> Tallies {
        let modifications = self.plan.modifications.len();
        self.gates
            .iter()
            .flat_map(|_| &self.plan.signals)
            .map(|kind| Tally::new(widest(*kind), modifications, self.originals.len()))
            .collect()
    }

    fn all(&self, watch: &Watch<'_>) -> Result<Tallies, EvaluateError> {
        let total = (self.originals.len() * self.plan.modifications.len()) as u64;
        let done = AtomicU64::new(0);
        (watch.progress)(0, total);
        (0..self.originals.len())
            .into_par_iter()
            .try_fold(
                || (self.none(), Worker::default()),
                |(mut tallies, mut worker), place| {
                    let tell = || {
                        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                        (watch.progress)(done, total);
                    };
                    self.picture(place, &mut tallies, &mut worker, watch, &tell)?;
                    Ok((tallies, worker))
                },
            )
            .map(|folded| folded.map(|(tallies, _)| tallies))
            .try_reduce(
                || self.none(),
                |mut one, other| {
                    for (tally, other) in one.iter_mut().zip(other) {
                        tally.merge(other);
                    }
                    Ok(one)
                },
            )
    }

    /// Every copy of one picture.
    fn picture(
        &self,
        place: usize,
        tallies: &mut Tallies,
        worker: &mut Worker,
        watch: &Watch<'_>,
        tell: &dyn Fn(),
    ) -> Result<(), EvaluateError> {
        let (Some(original), Some(same)) = (self.originals.get(place), self.same.get(place)) else {
            return Ok(());
        };
        let (bytes, pixels) = corpus::pixels(original, self.plan)?;
        for (number, modification) in self.plan.modifications.iter().enumerate() {
            watch.check()?;
            let copy = copy(self.plan.seed, original, &bytes, &pixels, modification)?;
            let mut tallies = tallies.iter_mut();
            for gate in self.gates {
                let verdict = gate.check_with(worker, &copy);
                for (kind, tally) in self.plan.signals.iter().zip(&mut tallies) {
                    let asked = Copy {
                        place,
                        modification: number,
                        kind: *kind,
                        same,
                        originals: self.originals.len(),
                        benign: self.benign,
                        threshold: self.plan.policy.threshold_for(*kind),
                    };
                    asked.count(&verdict, tally);
                }
            }
            tell();
        }
        Ok(())
    }
}

pub(super) fn copy(
    seed: u64,
    original: &Original,
    bytes: &[u8],
    pixels: &RgbImage,
    modification: &Modification,
) -> Result<Vec<u8>, EvaluateError> {
    let mut random = copies::stream(seed, bytes, modification);
    let made = catch_unwind(AssertUnwindSafe(|| {
        copies::make(pixels, modification, &mut random)
    }));
    let failed = |reason: String| EvaluateError::Copy {
        path: original.file.path.clone(),
        modification: modification.name().to_owned(),
        reason,
    };
    match made {
        Ok(Ok(copy)) => Ok(copy),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(
            "a defect of this program; please report it".to_owned(),
        )),
    }
}

/// One copy that was asked about.
struct Copy<'a> {
    place: usize,
    modification: usize,
    kind: SignalType,
    same: &'a Same,
    originals: usize,
    benign: usize,
    threshold: Threshold,
}

/// What a verdict says of the entries of one list.
#[derive(Default)]
struct Met {
    /// The least distance to each entry that was met, by its number.
    distances: BTreeMap<u32, u16>,
    /// Those that are flagged as configured.
    flagged: BTreeMap<u32, Flag>,
}

struct Flag {
    distance: u16,
    verified: bool,
    variant: String,
}

impl Met {
    fn of(verdict: &Verdict, kind: SignalType, list: [&str; 2]) -> Self {
        let mut met = Self::default();
        for found in &verdict.matches {
            let bank = found.bank.as_str();
            let Ok(entry) = u32::try_from(found.content_id.0) else {
                continue;
            };
            if found.entry.signal_type() != kind || !list.contains(&bank) {
                continue;
            }
            let distance = found.distance.0;
            let least = met.distances.entry(entry).or_insert(distance);
            *least = distance.min(*least);
            if bank == list[0] {
                met.flagged.entry(entry).or_insert_with(|| Flag {
                    distance,
                    verified: is_verified(found),
                    variant: found.variant.to_string(),
                });
            }
        }
        met
    }
}

/// Whether a match rests on more than its distance.
fn is_verified(found: &Match) -> bool {
    found.kind == MatchKind::Verified
}

impl Copy<'_> {
    fn count(&self, verdict: &Verdict, tally: &mut Tally) {
        let own_place = self.place as u32;
        let corpus = Met::of(verdict, self.kind, [NAMES[0], NAMES[1]]);
        let benign = Met::of(verdict, self.kind, [NAMES[2], NAMES[3]]);
        let own = corpus.distances.get(&own_place).copied();
        let plainly = own.is_some_and(|distance| distance <= self.threshold.0);
        let flagged = corpus.flagged.contains_key(&own_place);
        if verdict.matches_left_out > 0 {
            tally.cut += 1;
        }
        let mut wrong = false;
        for (met, is_benign) in [(&corpus, false), (&benign, true)] {
            wrong |= self.count_wrong(met, is_benign, tally);
        }
        for &entry in benign.flagged.keys() {
            if self.same.is_by_eye(entry) {
                tally.by_eye += 1;
                tally.distinct_by_eye.insert((own_place, entry));
            }
        }
        if let Some(copies) = tally.copies.get_mut(self.modification) {
            copies.asked += 1;
            copies.unjudged += u64::from(!matches!(
                verdict.outcome,
                Outcome::Match | Outcome::NoMatch
            ));
            copies.found += u64::from(flagged && plainly);
            copies.verified += u64::from(flagged && !plainly);
            copies.own.add(own);
            copies.wrong += u64::from(wrong);
        }
        if let Some(found) = tally.found_of.get_mut(self.place)
            && flagged
        {
            *found += 1;
        }
    }

    /// Counts what was met and is not the picture itself; whether any of it was flagged.
    fn count_wrong(&self, met: &Met, is_benign: bool, tally: &mut Tally) -> bool {
        let same = self.same;
        let is_other = |entry: &u32| match is_benign {
            true => !same.has_benign(*entry),
            false => same.corpus.binary_search(entry).is_err(),
        };
        let (of, alike) = match is_benign {
            true => (self.benign, same.benign.len() + same.by_eye.len()),
            false => (self.originals, same.corpus.len()),
        };
        let list: &mut Wrong = match is_benign {
            true => &mut tally.benign,
            false => &mut tally.corpus,
        };
        let others = met.distances.iter().filter(|(entry, _)| is_other(entry));
        let mut nearest = None;
        for (_, &distance) in others {
            list.pairs.add(Some(distance));
            nearest = Some(nearest.map_or(distance, |held: u16| held.min(distance)));
        }
        list.nearest.add(nearest);
        list.pairs_asked += (of - alike.min(of)) as u64;
        let flagged: Vec<_> = met
            .flagged
            .iter()
            .filter(|(entry, _)| is_other(entry))
            .collect();
        list.copies_flagged += u64::from(!flagged.is_empty());
        list.pairs_flagged += flagged.len() as u64;
        let pairs = flagged
            .iter()
            .map(|(entry, _)| (self.place as u32, **entry));
        list.distinct.extend(pairs);
        list.pairs_verified += flagged.iter().filter(|(_, flag)| flag.verified).count() as u64;
        for (entry, flag) in flagged.iter().copied() {
            tally.flag(WrongFlag {
                distance: flag.distance,
                original: self.place as u32,
                modification: self.modification as u32,
                benign: is_benign,
                entry: *entry,
                verified: flag.verified,
                variant: flag.variant.clone(),
            });
        }
        !flagged.is_empty()
    }
}

/// A small picture of a copy, for showing what a modification does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// The modification; `None` for the original.
    pub modification: Option<String>,
    /// A JPEG file.
    pub jpeg: Vec<u8>,
}

/// The original and its copies by every modification of the plan, as a viewer shows them, with a
/// longer side of `side` pixels.
///
/// # Errors
/// [`EvaluateError`] where the file cannot be used.
pub fn thumbnails(
    plan: &Plan,
    file: &CorpusFile,
    side: u32,
) -> Result<Vec<Thumbnail>, EvaluateError> {
    let never = AtomicBool::new(false);
    let watch = Watch {
        stop: &never,
        progress: &|_, _| {},
    };
    let (originals, _) = corpus::load(std::slice::from_ref(file), plan, &watch)?;
    let mut all = Vec::new();
    for original in &originals {
        let (bytes, pixels) = corpus::pixels(original, plan)?;
        all.extend(small(&pixels, side).map(|jpeg| Thumbnail {
            modification: None,
            jpeg,
        }));
        for modification in plan.modifications.iter() {
            let copy = copy(plan.seed, original, &bytes, &pixels, modification)?;
            let mut last = None;
            let shown = media::decode_frames(&copy, &plan.limits, &mut |frame| {
                let stored = (frame.width, frame.height, frame.rgb.clone());
                last = Some(frame.displayed().unwrap_or(stored));
                ControlFlow::Continue(())
            });
            let last = last.filter(|_| shown.is_ok());
            let pixels =
                last.and_then(|(width, height, rgb)| RgbImage::from_raw(width, height, rgb));
            all.extend(
                pixels
                    .and_then(|pixels| small(&pixels, side))
                    .map(|jpeg| Thumbnail {
                        modification: Some(modification.name().to_owned()),
                        jpeg,
                    }),
            );
        }
    }
    Ok(all)
}

fn small(picture: &RgbImage, side: u32) -> Option<Vec<u8>> {
    let share = side as f32 / picture.width().max(picture.height()) as f32;
    let length = |full: u32| (full as f32 * share).round() as u32;
    let small = super::geometry::resize(picture, length(picture.width()), length(picture.height()));
    let mut jpeg = Vec::new();
    small
        .write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 72))
        .ok()?;
    Some(jpeg)
}
