//! [`Gate`]: an open index and the questions that uploads put to it.

use crate::bank::Action;
use crate::gate::decide::{Decided, Matches, decide};
#[cfg(feature = "decode")]
use crate::gate::decide::{Doubts, QUALITY_MARGIN};
#[cfg(feature = "decode")]
use crate::gate::fitting;
#[cfg(feature = "decode")]
use crate::gate::{Extract, Extractor, MemoryBudget, Mode, VariantSet};
use crate::gate::{Extraction, Match, MatchKind, Outcome, Problem, Query, Verdict};
use crate::hash::{Distance, Family, Quality, Signal, SignalType, Threshold, Variant};
#[cfg(feature = "decode")]
use crate::index::Memory;
use crate::index::{Index, IndexError, IndexHandle};
#[cfg(feature = "decode")]
use crate::media::{self, Limits};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Why a gate could not be opened or brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The index folder cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// How a gate looks at uploads.
#[cfg(feature = "decode")]
#[derive(Debug, Clone, Default)]
pub struct GateOptions {
    /// Bounds on what a decoder may spend.
    pub limits: Limits,
    /// Which forms of a picture are asked about.
    pub variants: VariantSet,
    /// Signal types to compute besides `pdq` and those that the index holds.
    pub signals: Vec<SignalType>,
    /// How the index's bytes are held.
    pub index_memory: Memory,
    /// Whether JPEGs are hashed from their pixels or their coefficients.
    pub mode: Mode,
    /// The shorter side, in pixels, from which [`Mode::Auto`] reads the coefficients of a baseline
    /// JPEG. `None`: from [`SAMPLING_PAYS_FROM`](media::SAMPLING_PAYS_FROM), where that begins to pay.
    pub auto_from: Option<u16>,
    /// Memory that all decoders of this gate share, and whoever else holds the budget. A picture
    /// that needs more than the whole is `too_large`; one that needs more than is free waits.
    pub memory: Option<Arc<MemoryBudget>>,
}

/// The scratch of one thread that checks many uploads; see [`Gate::check_with`].
#[cfg(feature = "decode")]
#[derive(Default)]
pub struct Worker {
    extractor: Extractor,
    buffer: Vec<u8>,
}

/// An open index and the policies of its banks: asks about uploads and says what to do.
///
/// `Send + Sync`; one gate serves every thread. It holds no picture and no global state, and it
/// follows the index when told to ([`Gate::refresh`]) without making anyone wait.
///
#[cfg_attr(feature = "decode", doc = "```no_run")]
#[cfg_attr(not(feature = "decode"), doc = "```ignore")]
/// use hashgate::gate::Gate;
/// let gate = Gate::open("index".as_ref())?;
/// let verdict = gate.check(&std::fs::read("upload.jpg")?);
/// if verdict.passes() {
///     println!("let it pass");
/// } else {
///     println!("{}, {}: {:?}", verdict.outcome, verdict.action_name(), verdict.error);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gate {
    index: IndexHandle,
    #[cfg(feature = "decode")]
    options: GateOptions,
}

impl Gate {
    /// Opens a published index folder, with default options.
    ///
    /// # Errors
    /// [`GateError::Index`] where the folder holds no index, or one that is damaged or foreign.
    pub fn open(folder: &Path) -> Result<Self, GateError> {
        Ok(Self {
            index: IndexHandle::open(folder)?,
            #[cfg(feature = "decode")]
            options: GateOptions::default(),
        })
    }

    /// Opens a published index folder.
    ///
    /// # Errors
    /// As [`Gate::open`].
    #[cfg(feature = "decode")]
    pub fn open_with(folder: &Path, mut options: GateOptions) -> Result<Self, GateError> {
        if let Some(memory) = &options.memory {
            let limits = &mut options.limits;
            limits.max_decoder_bytes = limits.max_decoder_bytes.min(memory.total());
        }
        Ok(Self {
            index: IndexHandle::open_with(folder, options.index_memory)?,
            options,
        })
    }

    /// The generation that answers now. Hold it to put several questions to the same one.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        self.index.load()
    }

    /// Goes over to the newest published generation; says whether there was a newer one.
    ///
    /// Searches under way end on the generation that they began with. Cheap where nothing is new:
    /// call it every second, or before each batch.
    ///
    /// # Errors
    /// [`GateError::Index`] where the newer one cannot be used; the old one goes on answering.
    pub fn refresh(&self) -> Result<bool, GateError> {
        Ok(self.index.refresh()?)
    }

    /// What the banks' policies say of a hash that was computed elsewhere.
    ///
    /// `quality` is the PDQ quality of the hashed picture where it is known; below a bank's minimum
    /// that bank is not asked, and without a match the outcome is then
    /// [`LowQuality`](Outcome::LowQuality).
    pub fn match_signal(&self, signal: &Signal, quality: Option<Quality>) -> Verdict {
        let query = Query {
            signal: *signal,
            quality,
            variant: Variant::ORIGINAL,
            evidence: None,
        };
        let index = self.index.load();
        conclude(&index, Extraction::of(&query))
    }

    /// The `k` nearest entries of enabled banks within `max_distance` (inclusive), whatever the
    /// banks' thresholds; nearest first, then by bank and content id. The action follows from them.
    #[must_use]
    pub fn nearest(
        &self,
        signal: &Signal,
        max_distance: Distance,
        k: usize,
    ) -> (Vec<Match>, Option<Action>) {
        let index = self.index.load();
        let enabled = |id| index.bank(id).filter(|bank| bank.policy.enabled);
        let hits = if index.banks().iter().all(|bank| bank.policy.enabled) {
            index.nearest(signal, k, max_distance)
        } else {
            // A disabled bank's entries must not take the places of others.
            let mut nearest = BTreeSet::new();
            index.visit(signal, max_distance, |hit| {
                if k > 0 && enabled(hit.bank).is_some() {
                    nearest.insert(hit);
                    if nearest.len() > k {
                        nearest.pop_last();
                    }
                }
            });
            nearest.into_iter().collect()
        };
        let matches: Vec<Match> = hits
            .iter()
            .filter_map(|hit| enabled(hit.bank).map(|bank| (hit, bank)))
            .take(k)
            .map(|(hit, bank)| Match {
                bank: bank.name.clone(),
                content_id: hit.content,
                kind: MatchKind::of(signal.signal_type()),
                entry: hit.signal,
                entry_quality: hit.quality,
                query: *signal,
                variant: Variant::ORIGINAL,
                distance: hit.distance,
                threshold: Threshold(max_distance.0),
                score: None,
                action: bank.policy.action,
            })
            .collect();
        let action = decide(&matches);
        (matches, action)
    }
}

#[cfg(feature = "decode")]
impl Gate {
    /// How this gate looks at uploads.
    #[must_use]
    pub fn options(&self) -> &GateOptions {
        &self.options
    }

    /// Judges one upload. Never panics and never fails: there is an outcome for every input.
    pub fn check(&self, bytes: &[u8]) -> Verdict {
        self.check_with(&mut Worker::default(), bytes)
    }

    /// As [`Gate::check`], with the scratch of a thread that checks many.
    pub fn check_with(&self, worker: &mut Worker, bytes: &[u8]) -> Verdict {
        judge(
            &self.index.load(),
            &self.options,
            &mut worker.extractor,
            bytes,
        )
    }

    /// Judges the content of a file, and says how many bytes it had; the outcome is
    /// [`Unreadable`](crate::gate::Outcome::Unreadable) where it cannot be read.
    ///
    /// See [`read_file`](crate::gate::read_file) for what is read.
    pub fn check_file(&self, worker: &mut Worker, path: &Path) -> (Verdict, u64) {
        let index = self.index.load();
        let max_bytes = self.options.limits.max_file_bytes;
        let Worker { extractor, buffer } = worker;
        match crate::gate::read_file(path, max_bytes, buffer) {
            Ok(()) => {
                let verdict = judge(&index, &self.options, extractor, buffer);
                (verdict, buffer.len() as u64)
            }
            Err(problem) => {
                let extraction = Extraction {
                    problem: Some(problem),
                    ..Extraction::default()
                };
                (conclude(&index, extraction), 0)
            }
        }
    }
}

/// The signal types to compute for an index: PDQ, what it holds, and what was asked for besides.
#[cfg(feature = "decode")]
fn wanted(index: &Index, options: &GateOptions) -> Vec<SignalType> {
    SignalType::ALL
        .into_iter()
        .filter(|kind| {
            *kind == SignalType::Pdq || holds(index, *kind) || options.signals.contains(kind)
        })
        .collect()
}

/// Whether the index holds hashes of this type.
fn holds(index: &Index, kind: SignalType) -> bool {
    let types = index.signal_types();
    types.iter().any(|held| held.signal_type == kind)
}

#[cfg(feature = "decode")]
fn judge(index: &Index, options: &GateOptions, extractor: &mut Extractor, bytes: &[u8]) -> Verdict {
    let wanted = wanted(index, options);
    let how = Extract {
        wanted: &wanted,
        variants: options.variants,
        limits: &options.limits,
        fast: match options.mode {
            Mode::Exact => false,
            Mode::Fast => true,
            Mode::Auto => {
                let from = options.auto_from.unwrap_or(media::SAMPLING_PAYS_FROM);
                media::is_worth_sampling(bytes, from)
            }
        },
        memory: options.memory.as_deref(),
    };
    let extraction = extractor.extract_with(bytes, &how);
    let verdict = if !extraction.fast || options.mode == Mode::Fast {
        conclude_fitting(index, extraction, extractor)
    } else {
        match conclude_surely(index, &extraction) {
            Some(matches) => conclude_with(index, extraction, matches),
            None => {
                let exact = extractor.extract_exactly(bytes, &how, extraction);
                conclude_fitting(index, exact, extractor)
            }
        }
    };
    extractor.forget();
    verdict
}

/// As [`conclude`], and fits guesses to what they nearly met.
#[cfg(feature = "decode")]
fn conclude_fitting(index: &Index, extraction: Extraction, extractor: &mut Extractor) -> Verdict {
    let mut matches = Matches::default();
    for query in &extraction.queries {
        matches.ask(index, query);
    }
    fitting::fit(index, &extraction, extractor, &mut matches);
    conclude_with(index, extraction, matches)
}

/// Asks the index about every query and decides.
fn conclude(index: &Index, extraction: Extraction) -> Verdict {
    let mut matches = Matches::default();
    for query in &extraction.queries {
        matches.ask(index, query);
    }
    conclude_with(index, extraction, matches)
}

/// The matches of hashes that may be a few bits off, where those of the exact ones are surely the
/// same entries and lead to the same action; see [`Mode::Auto`].
#[cfg(feature = "decode")]
fn conclude_surely(index: &Index, extraction: &Extraction) -> Option<Matches> {
    let mut matches = Matches::default();
    let mut doubts = Doubts::default();
    for query in &extraction.queries {
        if query.signal.signal_type().family() == Family::Digest {
            matches.ask(index, query);
        } else if is_guess(query) || is_quality_sure(index, query) {
            matches.ask_surely(index, query, &mut doubts);
        } else {
            return None;
        }
    }
    doubts.are_settled().then_some(matches)
}

/// Whether the query is no picture that was given, but a guess at one.
fn is_guess(query: &Query) -> bool {
    query.evidence.is_some_and(|evidence| evidence.is_guess)
}

/// Whether the exact quality lets the same banks be asked.
#[cfg(feature = "decode")]
fn is_quality_sure(index: &Index, query: &Query) -> bool {
    let Some(quality) = query.quality else {
        return true;
    };
    let mut banks = index.banks().iter().filter(|bank| bank.policy.enabled);
    banks.all(|bank| {
        let least = bank.policy.min_quality.get();
        quality.get().abs_diff(least) > QUALITY_MARGIN || least == 0
    })
}

/// Decides by what the queries met.
pub(super) fn conclude_with(index: &Index, extraction: Extraction, matches: Matches) -> Verdict {
    let Decided {
        matches,
        left_out,
        mut action,
        allowed_by_bytes,
        frames,
    } = matches.finish();
    // What does not hold an upload back must not hide that a part of it was not judged.
    let holds_back = allowed_by_bytes || action > Some(Action::Report);
    let mut problem = extraction.problem;
    if problem.is_none() && !holds_back {
        problem = low_quality(index, &extraction.queries, &frames);
    }
    let outcome = match &problem {
        Some(problem) if !holds_back => problem.outcome,
        _ if matches.is_empty() => Outcome::NoMatch,
        _ => Outcome::Match,
    };
    if outcome != Outcome::Match && action == Some(Action::Allow) {
        action = None;
    }
    Verdict {
        outcome,
        action,
        signals: extraction.signals,
        quality: extraction.quality,
        matches,
        matches_left_out: left_out,
        error: problem.map(|problem| problem.error),
        fast: extraction.fast,
        generation: index.generation(),
    }
}

/// Whether a bank could not be asked about a picture (a frame) because no form of it has the
/// quality that the bank wants. `harmless` names the frames that an `allow`
/// bank knows; a match that is only reported does not stand for the banks that were not asked.
fn low_quality(index: &Index, queries: &[Query], harmless: &BTreeSet<u32>) -> Option<Problem> {
    let mut best: BTreeMap<u32, Quality> = BTreeMap::new();
    let perceptual = |query: &&Query| {
        let kind = query.signal.signal_type();
        kind.family() != Family::Digest
            && !is_guess(query)
            && holds(index, kind)
            && !harmless.contains(&query.variant.frame)
    };
    for query in queries.iter().filter(perceptual) {
        let quality = query.quality?;
        let held = best.entry(query.variant.frame).or_insert(quality);
        *held = quality.max(*held);
    }
    let (frame, quality) = best
        .into_iter()
        .min_by_key(|&(frame, quality)| (quality, frame))?;
    let bank = index.banks().iter().find(|bank| {
        bank.policy.enabled
            && bank.policy.action != Action::Allow
            && quality < bank.policy.min_quality
    })?;
    let what = match frame {
        0 => "the picture".to_owned(),
        _ => format!("frame {frame}"),
    };
    let error = format!(
        "PDQ quality {quality} is under the {} that bank {} asks for: there is too little in {what} to tell it by",
        bank.policy.min_quality, bank.name
    );
    Some(Problem::new(Outcome::LowQuality, error))
}
