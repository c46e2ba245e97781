//! The recorder: takes down what is decided, and says when the answers may be given.
//!
//! An answer is given only when what belongs to it is on the disk. So that not every answer waits for a
//! sync of its own, answers are held back in groups that share one.

use crate::clock::Clock;
use crate::decisions::{Decision, DecisionLog, Input, LogOptions, Torn};
use crate::gate::Verdict;
use crate::hash::SignalType;
use crate::retrospect::RecordError;
#[cfg(feature = "store")]
use crate::retrospect::{remember::Remember, sources::NoSources, sources::Sources};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Most decisions, or uploads, of a group.
const GROUP: usize = 256;
/// Most results that wait for a group.
const MOST_HELD: usize = 4_096;
/// How long a result waits at most where others go on coming.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is recorded, and where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RecorderOptions {
    /// The folder of the log that each match is written to.
    pub decisions: Option<PathBuf>,
    /// The folder of the history that hashes of every judged upload go to. It must have been begun. The gate must compute
    /// all digests then: see [`Recorder::keeps_uploads`].
    #[cfg(feature = "store")]
    pub history: Option<PathBuf>,
    /// Whether names of inputs are recorded: they can be personal data.
    pub names: bool,
    /// By which it is said when an upload was judged.
    pub clock: Clock,
}

impl Default for RecorderOptions {
    fn default() -> Self {
        Self {
            decisions: None,
            #[cfg(feature = "store")]
            history: None,
            names: true,
            clock: Clock::system(),
        }
    }
}

impl RecorderOptions {
    /// Records nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes each match to the log in this folder, which is begun where there is none.
    #[must_use]
    pub fn decisions(mut self, folder: Option<PathBuf>) -> Self {
        self.decisions = folder;
        self
    }

    /// Keeps hashes of every judged upload in this history.
    #[cfg(feature = "store")]
    #[must_use]
    pub fn history(mut self, folder: Option<PathBuf>) -> Self {
        self.history = folder;
        self
    }

    /// With or without names of inputs.
    #[must_use]
    pub fn names(mut self, names: bool) -> Self {
        self.names = names;
        self
    }

    /// With a clock of one's own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// Takes down what is decided.
///
/// ```
/// use hashgate::decisions::Input;
/// use hashgate::gate::Gate;
/// use hashgate::retrospect::{Recorder, RecorderOptions};
/// # use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
/// # use hashgate::index::{IndexRecord, PublishOptions, publish};
/// # let home = tempfile::tempdir()?;
/// # let index = home.path().join("index");
/// # let bank = Bank { id: BankId(1), name: "known".parse()?, policy: Policy::new(Action::Block) };
/// # let signal = "md5:d41d8cd98f00b204e9800998ecf8427e".parse()?;
/// # let record = IndexRecord { bank: bank.id, content: ContentId(7), signal, quality: None };
/// # let records = [Ok::<_, std::io::Error>(record)].into_iter();
/// # publish(&index, &[bank], records, &PublishOptions::default())?;
/// let log = home.path().join("decisions");
/// let mut recorder = Recorder::open(&RecorderOptions::new().decisions(Some(log.clone())))?;
/// let gate = Gate::open(&index)?;
/// let verdict = gate.match_signal(&signal, None);
/// recorder.note(&verdict, Input::default())?;
/// recorder.commit()?; // on the disk: the answer may be given
/// assert_eq!(hashgate::decisions::head(&log)?.link.n, 2, "a file's first line, and the decision");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Recorder {
    log: Option<DecisionLog>,
    #[cfg(feature = "store")]
    sources: Option<Sources>,
    #[cfg(feature = "store")]
    uploads: Option<Remember>,
    names: bool,
    #[cfg(feature = "store")]
    clock: Clock,
    decisions: usize,
    since: Option<Instant>,
}

impl Recorder {
    /// Opens what is asked for. Do this before the index is opened: whoever looks for news among the
    /// uploads must see those that an older index judged.
    ///
    /// # Errors
    /// Where the history was not begun, another process has it or the log open, or one of them is damaged.
    pub fn open(options: &RecorderOptions) -> Result<Self, RecordError> {
        #[cfg(feature = "store")]
        let uploads = match &options.history {
            Some(folder) => Some(Remember::open(folder, options.clock.now())?),
            None => None,
        };
        let open_log = |folder: &PathBuf| DecisionLog::open(folder, LogOptions::default());
        Ok(Self {
            log: options.decisions.as_ref().map(open_log).transpose()?,
            #[cfg(feature = "store")]
            sources: None,
            #[cfg(feature = "store")]
            uploads,
            names: options.names,
            #[cfg(feature = "store")]
            clock: options.clock,
            decisions: 0,
            since: None,
        })
    }

    /// What a crash had left of the log of decisions and was set aside.
    #[must_use]
    pub fn torn(&self) -> &[Torn] {
        self.log.as_ref().map_or(&[], DecisionLog::torn)
    }

    /// Says which index decides from here on, and where the store is that knows its entries' sources.
    /// What is returned says why decisions are recorded without those; where there is no store at all,
    /// nothing is said.
    ///
    /// # Errors
    /// Where uploads that another index judged cannot be kept first.
    #[cfg(feature = "store")]
    pub fn set_index(
        &mut self,
        index: &crate::index::Index,
        store: &Path,
    ) -> Result<Option<NoSources>, RecordError> {
        self.commit()?;
        if let Some(uploads) = &mut self.uploads {
            uploads.set_index(index);
        }
        self.sources = None;
        if self.log.is_none() || !store.exists() {
            return Ok(None);
        }
        match Sources::of(store, index) {
            Ok(sources) => {
                self.sources = Some(sources);
                Ok(None)
            }
            Err(why) => Ok(Some(why)),
        }
    }

    /// Whether anything is recorded.
    #[must_use]
    pub fn is_on(&self) -> bool {
        #[cfg(feature = "store")]
        if self.uploads.is_some() {
            return true;
        }
        self.log.is_some()
    }

    /// The digest that says which input it was; the gate must compute it where anything is recorded.
    #[must_use]
    pub fn wanted(&self) -> Option<SignalType> {
        self.is_on().then_some(SignalType::Sha256)
    }

    /// Whether hashes of every judged upload are kept. The gate must then compute all digests that its index holds
    /// ([`GateOptions::all_digests`](crate::gate::GateOptions::all_digests)): news may bring one of those without the
    /// others.
    #[must_use]
    pub fn keeps_uploads(&self) -> bool {
        #[cfg(feature = "store")]
        let keeps = self.uploads.is_some();
        #[cfg(not(feature = "store"))]
        let keeps = false;
        keeps
    }

    /// Takes down what was decided of a file: the decision where it matched, and its hashes where
    /// those are kept.
    ///
    /// # Errors
    /// Where the record is too long, or an earlier write failed.
    pub fn note_file(
        &mut self,
        path: &Path,
        verdict: &Verdict,
        bytes: u64,
    ) -> Result<(), RecordError> {
        if !self.is_on() {
            return Ok(());
        }
        let mut input = Input {
            bytes: Some(bytes),
            ..Input::default()
        };
        if self.names {
            input.set_path(path);
        }
        self.note_upload(verdict, &input);
        self.note_decision(verdict, input)
    }

    /// Takes down what was decided of an input that is no file: the decision, where it matched.
    ///
    /// # Errors
    /// Where the record is too long, or an earlier write failed.
    pub fn note(&mut self, verdict: &Verdict, mut input: Input) -> Result<(), RecordError> {
        if !self.names {
            (input.name, input.name_hex) = (None, None);
        }
        self.note_decision(verdict, input)
    }

    #[cfg(feature = "store")]
    fn note_upload(&mut self, verdict: &Verdict, input: &Input) {
        if let Some(uploads) = &mut self.uploads {
            uploads.note(verdict, input, self.clock.now());
            if uploads.waiting() > 0 {
                self.since.get_or_insert_with(Instant::now);
            }
        }
    }

    #[cfg(not(feature = "store"))]
    fn note_upload(&mut self, _: &Verdict, _: &Input) {}

    fn note_decision(&mut self, verdict: &Verdict, input: Input) -> Result<(), RecordError> {
        if let Some(log) = &self.log
            && let Some(decision) = Decision::of(verdict, input)
        {
            #[cfg(feature = "store")]
            let mut decision = decision;
            #[cfg(feature = "store")]
            if let Some(sources) = &mut self.sources {
                decision.set_sources(|_, id| sources.look_up(id));
            }
            log.push(&decision)?;
            self.decisions += 1;
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Whether `held` results need wait no longer: nothing is to be written, or enough. Call
    /// [`commit`](Recorder::commit) then, and give them when it has returned.
    #[must_use]
    pub fn is_due(&self, held: usize) -> bool {
        self.since.is_none_or(|since| {
            self.waiting() >= GROUP || held >= MOST_HELD || since.elapsed() >= PATIENCE
        })
    }

    fn waiting(&self) -> usize {
        #[cfg(feature = "store")]
        if let Some(uploads) = &self.uploads {
            return self.decisions.max(uploads.waiting());
        }
        self.decisions
    }

    /// Writes what was taken down and waits for the disk. Until this has succeeded, no answer about it
    /// may be given.
    ///
    /// # Errors
    /// Where it cannot be written: a full disk for one. What was taken down stays due.
    pub fn commit(&mut self) -> Result<(), RecordError> {
        if self.since.is_none() {
            return Ok(());
        }
        if let Some(log) = &self.log {
            log.commit()?;
        }
        self.decisions = 0;
        #[cfg(feature = "store")]
        if let Some(uploads) = &mut self.uploads {
            uploads.commit()?;
        }
        self.since = None;
        Ok(())
    }
}
