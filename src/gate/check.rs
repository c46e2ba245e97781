//! [`Gate`]: an open index and the questions that uploads put to it.

use crate::clock::now;
use crate::gate::decide::conclude::{Concluded, conclude};
use crate::gate::decide::eyes::Eyes;
use crate::gate::look::seen::{Seen, SeenAgain};
use crate::gate::quarantine::Watch;
use crate::gate::terms::{Terms, look_at_uploads, upload_of_hash};
use crate::gate::unsettled::{Checked, Unsettled};
use crate::gate::{
    Extraction, Outcome, Problem, ProblemKind, Query, Shadow, UnreadPolicy, Verdict,
};
use crate::hash::{Quality, Signal};
use crate::index::{Index, IndexError, IndexHandle};
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "decode")]
use {
    crate::gate::terms::{upload_in, upload_of},
    crate::gate::wanted::Wanted,
    crate::gate::{
        AtHand, Extractor, Isolation, LookOptions, Looking, MemoryBudget, Mode, VariantSet,
        read_file,
    },
    crate::hash::SignalType,
    crate::index::Memory,
    crate::media::Limits,
};

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
#[non_exhaustive]
pub struct GateOptions {
    /// Bounds on what a decoder may spend.
    pub limits: Limits,
    /// Which forms of a picture are asked about.
    pub variants: VariantSet,
    /// Signal types to compute of every upload besides `pdq` and those that the index needs: see
    /// [`GateOptions::all_digests`].
    pub signals: Vec<SignalType>,
    /// How the index's bytes are held.
    pub index_memory: Memory,
    /// Whether JPEGs are hashed from their pixels or their coefficients.
    pub mode: Mode,
    /// The shorter side, in pixels, from which [`Mode::Auto`] reads the coefficients of a baseline
    /// JPEG. `None`: from [`SAMPLING_PAYS_FROM`](crate::media::SAMPLING_PAYS_FROM), where that begins to pay.
    pub auto_from: Option<u16>,
    /// Memory that all decoders of this gate share, and whoever else holds the budget. A picture
    /// that needs more than the whole is `too_large`; one that needs more than is free waits.
    pub memory: Option<Arc<MemoryBudget>>,
    /// When uploads are judged, in seconds since 1970-01-01 UTC: entries may be out until a time.
    /// `None`: when they are.
    pub at: Option<u64>,
    /// What is done about an upload that passes, where a part of it was not looked at. `None`: what the index's policies
    /// say, and where they say nothing it passes.
    pub unread: Option<UnreadPolicy>,
    /// What of an upload is looked at in a process of its own.
    pub isolation: Isolation,
    /// Whether all digests are computed that the index holds, of every upload: for whoever keeps hashes of uploads that
    /// match nothing. By default those are not that can tell nothing: MD5 and SHA-1 of an upload that meets no entry by
    /// SHA-256, where each entry has a SHA-256 digest beside them. No verdict depends on it, but that
    /// [`Verdict::signals`] and [`Verdict::queries`] have fewer digests of an upload that matches nothing.
    pub all_digests: bool,
}

#[cfg(feature = "decode")]
impl GateOptions {
    /// Sets the bounds on what a decoder may spend.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets which forms of a picture are asked about.
    #[must_use]
    pub fn variants(mut self, variants: VariantSet) -> Self {
        self.variants = variants;
        self
    }

    /// Sets which signal types are computed of every upload besides `pdq` and those that the index needs.
    #[must_use]
    pub fn signals(mut self, signals: impl Into<Vec<SignalType>>) -> Self {
        self.signals = signals.into();
        self
    }

    /// Sets how the index's bytes are held.
    #[must_use]
    pub fn index_memory(mut self, memory: Memory) -> Self {
        self.index_memory = memory;
        self
    }

    /// Sets whether JPEGs are hashed from their pixels or their coefficients.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the shorter side from which [`Mode::Auto`] reads coefficients.
    #[must_use]
    pub fn auto_from(mut self, pixels: u16) -> Self {
        self.auto_from = Some(pixels);
        self
    }

    /// Sets the memory that all decoders share.
    #[must_use]
    pub fn memory(mut self, memory: Arc<MemoryBudget>) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Sets whether all digests are computed that the index holds, of every upload.
    #[must_use]
    pub fn all_digests(mut self, all: bool) -> Self {
        self.all_digests = all;
        self
    }

    /// Sets what is done about an upload that passes, where a part of it was not looked at.
    #[must_use]
    pub fn unread(mut self, policy: UnreadPolicy) -> Self {
        self.unread = Some(policy);
        self
    }

    /// Sets what of an upload is looked at in a process of its own.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// Sets when uploads are judged, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn at(mut self, seconds: u64) -> Self {
        self.at = Some(seconds);
        self
    }
}

/// The scratch of one thread that checks many uploads; see [`Gate::check_with`].
#[cfg(feature = "decode")]
#[derive(Default)]
pub struct Worker {
    pub(crate) extractor: Extractor,
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
/// let gate = Gate::open("index")?;
/// let verdict = gate.check(&std::fs::read("upload.jpg")?);
/// if verdict.passes() {
///     println!("let it pass");
/// } else {
///     println!("{}, {}: {:?}", verdict.outcome, verdict.action_name(), verdict.error());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Gate {
    index: IndexHandle,
    watch: Watch,
    unread: Option<UnreadPolicy>,
    #[cfg(feature = "decode")]
    options: GateOptions,
}

impl Gate {
    /// Opens a published index folder, with default options.
    ///
    /// # Errors
    /// [`GateError::Index`] where the folder holds no index, or one that is damaged or foreign.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, GateError> {
        Ok(Self {
            index: IndexHandle::open(folder.as_ref())?,
            watch: Watch::default(),
            unread: None,
            #[cfg(feature = "decode")]
            options: GateOptions::default(),
        })
    }

    /// Opens a published index folder.
    ///
    /// # Errors
    /// As [`Gate::open`].
    #[cfg(feature = "decode")]
    pub fn open_with(folder: impl AsRef<Path>, options: GateOptions) -> Result<Self, GateError> {
        let index = IndexHandle::open_with(folder.as_ref(), options.index_memory)?;
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
            unread: options.unread,
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

    /// Sets what is done about an upload that passes, where a part of it was not looked at, whatever the index's policies
    /// say.
    #[must_use]
    pub fn minding_unread(mut self, policy: UnreadPolicy) -> Self {
        self.unread = Some(policy);
        self
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
        self.match_signal_later(signal, quality)
            .settle(self)
            .verdict
    }

    /// As [`Gate::match_signal`]; quarantine is left to [`Unsettled::settle`].
    pub fn match_signal_later(
        &self,
        signal: &Signal,
        quality: Option<Quality>,
    ) -> Unsettled<'static> {
        let query = Query::of(*signal, quality);
        let index = self.index.load();
        let upload = look_at_uploads(index.banks()).then(|| upload_of_hash(signal));
        let terms = Terms::of(&index, self.now(), upload);
        Unsettled::new(conclude(&terms, Extraction::of(&query)), None, 0)
    }

    /// When uploads are judged.
    pub(crate) fn now(&self) -> u64 {
        #[cfg(feature = "decode")]
        if let Some(at) = self.options.at {
            return at;
        }
        now()
    }

    /// A verdict that quarantine has counted.
    pub(crate) fn settled(&self, mut concluded: Concluded) -> Verdict {
        let Concluded { verdict, stops, .. } = &mut concluded;
        self.watch.settle(self.now(), verdict, stops);
        concluded.verdict
    }

    /// Decides about what was seen of an upload, here or elsewhere: by [`look`](crate::gate::look()) in another
    /// process, say, which has no index.
    ///
    /// The verdict is that of [`Gate::check`] on the same bytes where the looker looked as this gate does, and sent the
    /// small pictures that fitting needs ([`LookOptions::fitting`](crate::gate::LookOptions)), but that an upload that passes
    /// has all digests here ([`GateOptions::all_digests`]). Where it did not,
    /// [`Verdict::unfitted`] counts what could not be looked at again. Where a kind of hash was not looked for by which a
    /// bank could match, the upload counts as not judged ([`ProblemKind::NotLookedFor`]), and does not pass.
    pub fn decide(&self, seen: &Seen) -> Verdict {
        self.decide_later(seen, None).settle(self).verdict
    }

    /// As [`Gate::decide`], and by other policies besides where there are any; quarantine is left to
    /// [`Unsettled::settle`].
    pub fn decide_later<'s>(&self, seen: &Seen, shadow: Option<&'s Shadow>) -> Unsettled<'s> {
        let index = self.index.load();
        let terms = Terms::of(&index, self.now(), Some(seen.upload()));
        let mut first = seen.first().clone();
        if first.problem.is_none() {
            first.problem = not_looked_for(&terms, seen);
        }
        let mut eyes = SeenAgain::of(seen);
        decide_both(&terms, shadow, first, (&mut eyes, seen.bytes()))
    }
}

/// Decides by the policies in force, and by others.
fn decide_both<'s>(
    terms: &Terms<'_>,
    shadow: Option<&'s Shadow>,
    first: Extraction,
    (eyes, bytes): (&mut dyn Eyes, u64),
) -> Unsettled<'s> {
    use crate::gate::decide::conclude::decide_seen;
    let tried = shadow.map(|shadow| shadow.terms(terms));
    let (decided, other) = decide_seen(terms, tried.as_ref(), first, eyes);
    Unsettled::new(decided, other.zip(shadow), bytes)
}

/// A kind of hash by which a bank could match, and which was not looked for.
fn not_looked_for(terms: &Terms<'_>, seen: &Seen) -> Option<Problem> {
    let types = terms.index.signal_types().into_iter();
    let kind = types.map(|held| held.signal_type).find(|kind| {
        let mut banks = terms.banks.iter();
        !seen.looked_for().contains(kind) && banks.any(|bank| terms.takes_part(bank, *kind))
    })?;
    let message = format!("it was not looked for {kind} hashes, by which a bank could match");
    Some(Problem::new(
        Outcome::Unreadable,
        ProblemKind::NotLookedFor,
        message,
    ))
}

impl Unsettled<'_> {
    /// Counts the upload for the entries that stop it, and has it reviewed instead of blocked where
    /// policy quarantines all of them: see [`Quarantine`](crate::bank::Quarantine). Verdicts count in the order in
    /// which this is called.
    pub fn settle(self, gate: &Gate) -> Checked {
        self.settle_at(gate.now(), &gate.watch, gate.unread)
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
        self.check_later(worker, bytes, None).settle(self).verdict
    }

    /// As [`Gate::check_with`], and judges by other policies besides where there are any; quarantine is left to
    /// [`Unsettled::settle`]. For who checks on many threads and wants an order.
    pub fn check_later<'s>(
        &self,
        worker: &mut Worker,
        bytes: &[u8],
        shadow: Option<&'s Shadow>,
    ) -> Unsettled<'s> {
        let index = self.index.load();
        self.check_by(&index, &mut worker.extractor, bytes, shadow)
    }

    pub(crate) fn check_by<'s>(
        &self,
        index: &Index,
        extractor: &mut Extractor,
        bytes: &[u8],
        shadow: Option<&'s Shadow>,
    ) -> Unsettled<'s> {
        let wanted = self.wanted(index);
        let looked = AtHand::look(bytes, self.looking(&wanted), extractor);
        let unsettled = self.decide_looked((index, &wanted), bytes, looked, shadow);
        extractor.forget();
        unsettled
    }

    /// How this gate looks at an upload of which these hashes are wanted.
    pub(crate) fn looking<'a>(&'a self, wanted: &'a Wanted) -> Looking<'a> {
        let options = &self.options;
        Looking {
            wanted: &wanted.at_once,
            variants: options.variants,
            limits: &options.limits,
            mode: options.mode,
            auto_from: options.auto_from,
            memory: options.memory.as_deref(),
            isolation: options.isolation,
            beside: true,
        }
    }

    /// Decides about an upload that was looked at.
    pub(crate) fn decide_looked<'s>(
        &self,
        (index, wanted): (&Index, &Wanted),
        bytes: &[u8],
        (mut first, mut eyes): (Extraction, AtHand<'_>),
        shadow: Option<&'s Shadow>,
    ) -> Unsettled<'s> {
        let has_caught_up = wanted.catch_up(index, bytes, &mut first);
        let terms = self.terms(index, (bytes, &first.signals), shadow);
        let mut unsettled = decide_both(&terms, shadow, first, (&mut eyes, bytes.len() as u64));
        if !has_caught_up {
            wanted.name(bytes, unsettled.verdicts());
        }
        unsettled
    }

    /// The hashes to compute of an upload.
    pub(crate) fn wanted(&self, index: &Index) -> Wanted {
        let options = &self.options;
        match options.all_digests {
            true => Wanted::all(index, &options.signals),
            false => Wanted::needed(index, &options.signals),
        }
    }

    /// The terms on which an upload with these bytes, and the hashes of it that are there, is judged, where these policies
    /// are tried out besides.
    pub(crate) fn terms<'a>(
        &self,
        index: &'a Index,
        (bytes, signals): (&[u8], &[Signal]),
        shadow: Option<&Shadow>,
    ) -> Terms<'a> {
        let looks = look_at_uploads(index.banks())
            || shadow.is_some_and(|shadow| look_at_uploads(shadow.banks()));
        let upload = || upload_in(signals).unwrap_or_else(|| upload_of(bytes));
        Terms::of(index, self.now(), looks.then(upload))
    }

    /// Judges the content of a file; the outcome is [`Unreadable`](crate::gate::Outcome::Unreadable) where it cannot
    /// be read.
    ///
    /// See [`read_file`](crate::gate::read_file) for what is read.
    pub fn check_file(&self, worker: &mut Worker, path: impl AsRef<Path>) -> Checked {
        self.check_file_with(worker, path, None)
    }

    /// As [`Gate::check_file`], and judges by other policies besides, for comparison: [`Checked::shadow`] is their
    /// verdict on the very same hashes.
    pub fn check_file_with(
        &self,
        worker: &mut Worker,
        path: impl AsRef<Path>,
        shadow: Option<&Shadow>,
    ) -> Checked {
        self.check_file_later(worker, path, shadow).settle(self)
    }

    /// As [`Gate::check_file_with`]; quarantine is left to [`Unsettled::settle`].
    pub fn check_file_later<'s>(
        &self,
        worker: &mut Worker,
        path: impl AsRef<Path>,
        shadow: Option<&'s Shadow>,
    ) -> Unsettled<'s> {
        let index = self.index.load();
        let max_bytes = self.options.limits.max_file_bytes;
        let Worker { extractor, buffer } = worker;
        match read_file(path, max_bytes, buffer) {
            Ok(()) => self.check_by(&index, extractor, buffer, shadow),
            Err(problem) => self.unread(&index, problem, shadow),
        }
    }

    /// What becomes of a file that cannot be read.
    #[cfg(feature = "decode")]
    pub(crate) fn unread<'s>(
        &self,
        index: &Index,
        problem: Problem,
        shadow: Option<&'s Shadow>,
    ) -> Unsettled<'s> {
        let extraction = Extraction {
            problem: Some(problem),
            ..Extraction::default()
        };
        let concluded = conclude(&Terms::of(index, self.now(), None), extraction);
        let other = shadow.map(|shadow| (concluded.clone(), shadow));
        Unsettled::new(concluded, other, 0)
    }

    /// How whoever looks elsewhere must look for this gate: for all kinds of hashes that its index holds now. Digests are
    /// not computed late there, as the gate that decides has no bytes to compute them of.
    #[must_use]
    pub fn look_options(&self) -> LookOptions {
        let options = &self.options;
        LookOptions {
            limits: options.limits.clone(),
            variants: options.variants,
            signals: Wanted::all(&self.index.load(), &options.signals).at_once,
            mode: options.mode,
            auto_from: options.auto_from,
            memory: options.memory.clone(),
            isolation: options.isolation,
            fitting: false,
        }
    }
}
