//! [`Gate`]: an open index and the questions that uploads put to it.

use crate::bank::{Action, Bank, BankName};
use crate::gate::decide::{Decided, Matches, decide};
#[cfg(feature = "decode")]
use crate::gate::doubts::{Doubts, QUALITY_MARGIN};
#[cfg(feature = "decode")]
use crate::gate::fitting;
use crate::gate::quarantine::Watch;
#[cfg(feature = "decode")]
use crate::gate::second;
#[cfg(feature = "decode")]
use crate::gate::terms::upload_of;
use crate::gate::terms::{Terms, look_at_uploads, now, upload_of_hash};
#[cfg(feature = "decode")]
use crate::gate::{Extract, Extractor, MemoryBudget, Mode, VariantSet};
use crate::gate::{Extraction, Match, MatchKind, Outcome, Problem, Query, Shadow, Verdict};
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
    /// When uploads are judged, in seconds since 1970-01-01 UTC: entries may be out until a time.
    /// `None`: when they are.
    pub at: Option<u64>,
    /// Leaves quarantine to [`Gate::settle`], for who checks on many threads and wants an order.
    pub settle_later: bool,
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
    watch: Watch,
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
            watch: Watch::default(),
            #[cfg(feature = "decode")]
            options: GateOptions::default(),
        })
    }

    /// Opens a published index folder.
    ///
    /// # Errors
    /// As [`Gate::open`].
    #[cfg(feature = "decode")]
    pub fn open_with(folder: &Path, options: GateOptions) -> Result<Self, GateError> {
        let index = IndexHandle::open_with(folder, options.index_memory)?;
        Ok(Self::with(index, options))
    }

    #[cfg(feature = "decode")]
    fn with(index: IndexHandle, mut options: GateOptions) -> Self {
        if let Some(memory) = &options.memory {
            let limits = &mut options.limits;
            limits.max_decoder_bytes = limits.max_decoder_bytes.min(memory.total());
        }
        Self {
            index,
            watch: Watch::default(),
            options,
        }
    }

    /// Asks an index that is open already: one in memory ([`Index::in_memory`]), or one that is held
    /// in another way.
    #[cfg(feature = "decode")]
    #[must_use]
    pub fn over(index: Index, options: GateOptions) -> Self {
        Self::with(IndexHandle::new(index), options)
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
        let upload = look_at_uploads(index.banks()).then(|| upload_of_hash(signal));
        let terms = Terms::of(&index, self.now(), upload);
        self.settled(conclude(&terms, Extraction::of(&query)))
    }

    /// When uploads are judged.
    pub(super) fn now(&self) -> u64 {
        #[cfg(feature = "decode")]
        if let Some(at) = self.options.at {
            return at;
        }
        now()
    }

    /// Counts the upload for the entries that stop it, and has it reviewed instead of blocked where
    /// policy quarantines all of them: see [`Quarantine`](crate::bank::Quarantine). To be called
    /// once for each verdict, where [`GateOptions::settle_later`](GateOptions) is set;
    /// verdicts count in the order in which they come here.
    pub fn settle(&self, verdict: &mut Verdict) {
        self.watch.settle(self.now(), verdict);
    }

    /// As [`Gate::settle`], of a verdict by other policies.
    pub fn settle_by(&self, shadow: &Shadow, verdict: &mut Verdict) {
        shadow.settle(self.now(), verdict);
    }

    /// A verdict, settled unless that is to come later.
    pub(super) fn settled(&self, mut verdict: Verdict) -> Verdict {
        #[cfg(feature = "decode")]
        if self.options.settle_later {
            return verdict;
        }
        self.settle(&mut verdict);
        verdict
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
        let upload = look_at_uploads(index.banks()).then(|| upload_of_hash(signal));
        let terms = Terms::of(&index, self.now(), upload);
        let plain = |bank: &Bank| bank.policy.enabled && bank.policy.is_plain();
        let hits = if index.banks().iter().all(plain) {
            index.nearest(signal, k, max_distance)
        } else {
            // What takes no part must not take the places of others.
            let mut nearest = BTreeSet::new();
            index.visit(signal, max_distance, |hit| {
                if k > 0 && terms.standing(&hit).is_ok() {
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
            .filter_map(|hit| terms.standing(hit).ok().map(|standing| (hit, standing)))
            .take(k)
            .map(|(hit, (bank, policy))| Match {
                bank: bank.name.clone(),
                content_id: hit.content,
                kind: MatchKind::of(signal.signal_type()),
                entry: hit.signal,
                entry_quality: hit.quality,
                entry_form: hit.form,
                reach: hit.reach,
                query: *signal,
                variant: Variant::ORIGINAL,
                distance: hit.distance,
                threshold: Threshold(max_distance.0),
                score: None,
                seconded_by: None,
                action: policy.action,
                rule: (policy.rule)
                    .and_then(|place| bank.policy.rules().get(place))
                    .map(|rule| rule.scope.to_string().into()),
                quarantine: None,
                quarantined: false,
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
        let index = self.index.load();
        let terms = self.terms(&index, bytes, None);
        let how = (&self.options, &mut worker.extractor);
        let (verdict, _) = judge(&terms, None, how, bytes);
        self.settled(verdict)
    }

    /// The terms on which an upload is judged, where these policies are tried out besides.
    pub(super) fn terms<'a>(
        &self,
        index: &'a Index,
        bytes: &[u8],
        shadow: Option<&Shadow>,
    ) -> Terms<'a> {
        let looks = look_at_uploads(index.banks())
            || shadow.is_some_and(|shadow| look_at_uploads(&shadow.banks));
        Terms::of(index, self.now(), looks.then(|| upload_of(bytes)))
    }

    /// Judges the content of a file, and says how many bytes it had; the outcome is
    /// [`Unreadable`](crate::gate::Outcome::Unreadable) where it cannot be read.
    ///
    /// See [`read_file`](crate::gate::read_file) for what is read.
    pub fn check_file(&self, worker: &mut Worker, path: &Path) -> (Verdict, u64) {
        let (verdict, _, bytes) = self.check_file_with(worker, path, None);
        (verdict, bytes)
    }

    /// As [`Gate::check_file`], and judges by other policies besides, for comparison: their verdict
    /// comes second, where there are any. It is about the very same hashes.
    pub fn check_file_with(
        &self,
        worker: &mut Worker,
        path: &Path,
        shadow: Option<&Shadow>,
    ) -> (Verdict, Option<Verdict>, u64) {
        let index = self.index.load();
        let max_bytes = self.options.limits.max_file_bytes;
        let Worker { extractor, buffer } = worker;
        let (verdict, other, bytes) = match crate::gate::read_file(path, max_bytes, buffer) {
            Ok(()) => {
                let terms = self.terms(&index, buffer, shadow);
                let tried = shadow.map(|shadow| shadow.terms(&terms));
                let how = (&self.options, extractor);
                let (verdict, other) = judge(&terms, tried.as_ref(), how, buffer);
                (verdict, other, buffer.len() as u64)
            }
            Err(problem) => {
                let extraction = Extraction {
                    problem: Some(problem),
                    ..Extraction::default()
                };
                let verdict = conclude(&Terms::of(&index, self.now(), None), extraction);
                let other = shadow.map(|_| verdict.clone());
                (verdict, other, 0)
            }
        };
        let other = other
            .zip(shadow)
            .map(|(other, shadow)| match self.options.settle_later {
                true => other,
                false => shadow.settled(self.now(), other),
            });
        (self.settled(verdict), other, bytes)
    }
}

/// The signal types to compute for an index: PDQ, what it holds, and what was asked for besides.
#[cfg(feature = "decode")]
pub(super) fn wanted(index: &Index, options: &GateOptions) -> Vec<SignalType> {
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

/// Judges an upload, and on other terms besides.
#[cfg(feature = "decode")]
fn judge(
    terms: &Terms<'_>,
    other: Option<&Terms<'_>>,
    (options, extractor): (&GateOptions, &mut Extractor),
    bytes: &[u8],
) -> (Verdict, Option<Verdict>) {
    let wanted = wanted(terms.index, options);
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
    let verdicts = if !extraction.fast || options.mode == Mode::Fast {
        both(terms, other, extraction, extractor)
    } else {
        // What one of them is in doubt about is decided by pixels for both.
        let sure = conclude_surely(terms, &extraction).and_then(|matches| match other {
            None => Some((matches, None)),
            Some(other) => Some((matches, Some(conclude_surely(other, &extraction)?))),
        });
        match sure {
            Some((matches, tried)) => {
                let tried = other.zip(tried);
                let tried =
                    tried.map(|(other, matches)| conclude_with(other, extraction.clone(), matches));
                (conclude_with(terms, extraction, matches), tried)
            }
            None => {
                let exact = extractor.extract_exactly(bytes, &how, extraction);
                both(terms, other, exact, extractor)
            }
        }
    };
    extractor.forget();
    verdicts
}

/// Decides on some terms, and on others besides.
#[cfg(feature = "decode")]
fn both(
    terms: &Terms<'_>,
    other: Option<&Terms<'_>>,
    extraction: Extraction,
    extractor: &mut Extractor,
) -> (Verdict, Option<Verdict>) {
    let tried = other.map(|other| conclude_fitting(other, extraction.clone(), extractor));
    (conclude_fitting(terms, extraction, extractor), tried)
}

/// As [`conclude`], and fits guesses to what they nearly met, and asks a second hash about what evidence
/// nearly verified.
#[cfg(feature = "decode")]
pub(super) fn conclude_fitting(
    terms: &Terms<'_>,
    mut extraction: Extraction,
    extractor: &mut Extractor,
) -> Verdict {
    let mut matches = Matches::default();
    for query in &extraction.queries {
        matches.ask(terms, query);
    }
    let fitted = fitting::fit(terms, &extraction, extractor, (&mut matches, true));
    extraction.queries.extend(fitted);
    second::ask(terms, &extraction, extractor, &mut matches);
    conclude_with(terms, extraction, matches)
}

/// Asks the index about every query and decides.
pub(super) fn conclude(terms: &Terms<'_>, extraction: Extraction) -> Verdict {
    let mut matches = Matches::default();
    for query in &extraction.queries {
        matches.ask(terms, query);
    }
    conclude_with(terms, extraction, matches)
}

/// The matches of hashes that may be a few bits off, where those of the exact ones are surely the
/// same entries and lead to the same action; see [`Mode::Auto`].
#[cfg(feature = "decode")]
fn conclude_surely(terms: &Terms<'_>, extraction: &Extraction) -> Option<Matches> {
    let mut matches = Matches::default();
    let mut doubts = Doubts::default();
    for query in &extraction.queries {
        if query.signal.signal_type().family() == Family::Digest {
            matches.ask(terms, query);
        } else if is_guess(query) || query.variant.embedded || is_quality_sure(terms, query) {
            matches.ask_surely(terms, query, &mut doubts);
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
fn is_quality_sure(terms: &Terms<'_>, query: &Query) -> bool {
    let Some(quality) = query.quality else {
        return true;
    };
    let kind = query.signal.signal_type();
    let mut banks = terms
        .banks
        .iter()
        .filter(|bank| terms.takes_part(bank, kind));
    banks.all(|bank| {
        bank.policy.each_quality(kind).all(|least| {
            let least = least.get();
            quality.get().abs_diff(least) > QUALITY_MARGIN || least == 0
        })
    })
}

/// Decides by what the queries met.
pub(super) fn conclude_with(
    terms: &Terms<'_>,
    extraction: Extraction,
    matches: Matches,
) -> Verdict {
    let mut queries = extraction.queries;
    let (mut met, mut others) = (Vec::new(), Vec::with_capacity(queries.len()));
    for query in queries.drain(..) {
        let side = match matches.has_met(&query) {
            true => &mut met,
            false => &mut others,
        };
        side.push(query);
    }
    let queries_met = met.len();
    met.append(&mut others);
    let queries = met;
    let Decided {
        mut matches,
        mut left_out,
        mut action,
        mut stops,
        allowed_by_bytes,
        frames,
    } = matches.finish();
    if action.is_none() {
        // What an `allow` bank knows of a small picture in an EXIF block, and what that overrules.
        matches.clear();
        left_out = 0;
    }
    // What does not hold an upload back must not hide that a part of it was not judged.
    let holds_back = allowed_by_bytes || action > Some(Action::Report);
    let mut problem = extraction.problem;
    if problem.is_none() && !holds_back {
        problem = low_quality(terms, &queries, &frames);
    }
    let outcome = match &problem {
        Some(problem) if !holds_back => problem.outcome,
        _ if matches.is_empty() => Outcome::NoMatch,
        _ => Outcome::Match,
    };
    if outcome != Outcome::Match && action == Some(Action::Allow) {
        action = None;
    }
    stops.upload = terms.upload.map(|upload| {
        let first = upload.first_chunk::<8>().copied().unwrap_or_default();
        u64::from_be_bytes(first)
    });
    let (error_outcome, error) = match problem {
        Some(problem) => (Some(problem.outcome), Some(problem.error)),
        None => (None, None),
    };
    Verdict {
        outcome,
        action,
        signals: extraction.signals,
        quality: extraction.quality,
        banks: banks_of(terms.banks, &matches),
        matches,
        matches_left_out: left_out,
        error,
        error_outcome,
        queries,
        queries_met,
        fast: extraction.fast,
        generation: terms.index.generation(),
        quarantined: false,
        stops,
    }
}

/// The banks that matches are of, in the order of the index.
fn banks_of(banks: &[Bank], matches: &[Match]) -> Vec<Bank> {
    let named: BTreeSet<&BankName> = matches.iter().map(|found| &found.bank).collect();
    let banks = banks.iter();
    banks
        .filter(|bank| named.contains(&bank.name))
        .cloned()
        .collect()
}

/// Whether a bank could not be asked about a picture (a frame) because no form of it has the
/// quality that the bank wants; the small picture in an EXIF block is no form of it. `harmless` names the frames that an `allow`
/// bank knows; a match that is only reported does not stand for the banks that were not asked.
fn low_quality(terms: &Terms<'_>, queries: &[Query], harmless: &BTreeSet<u32>) -> Option<Problem> {
    let mut best: BTreeMap<u32, Quality> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    let perceptual = |query: &&Query| {
        let kind = query.signal.signal_type();
        kind.family() != Family::Digest
            && !is_guess(query)
            && !query.variant.embedded
            && holds(terms.index, kind)
            && !harmless.contains(&query.variant.frame)
    };
    for query in queries.iter().filter(perceptual) {
        let quality = query.quality?;
        let held = best.entry(query.variant.frame).or_insert(quality);
        *held = quality.max(*held);
        kinds.insert(query.signal.signal_type());
    }
    let (frame, quality) = best
        .into_iter()
        .min_by_key(|&(frame, quality)| (quality, frame))?;
    // The most that any entry of the bank asks for.
    let asks = |bank: &Bank| {
        let kinds = kinds.iter().copied();
        kinds
            .filter(|&kind| terms.takes_part(bank, kind) && bank.policy.may_stop(kind))
            .map(|kind| bank.policy.qualities(kind).1)
            .max()
    };
    let (bank, least) = terms.banks.iter().find_map(|bank| {
        let least = asks(bank).filter(|least| quality < *least)?;
        Some((bank, least))
    })?;
    let what = match frame {
        0 => "the picture".to_owned(),
        _ => format!("frame {frame}"),
    };
    let error = format!(
        "PDQ quality {quality} is under the {least} that bank {} asks for: there is too little in {what} to tell it by",
        bank.name
    );
    Some(Problem::new(Outcome::LowQuality, error))
}
