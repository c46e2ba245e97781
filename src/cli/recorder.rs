//! What a scan and a match leave behind where that is asked for: decisions in the log, hashes of
//! uploads in the history.
//!
//! Results are held back until what belongs to them is on the disk; groups share a sync.

use crate::cli::bank::now;
use crate::cli::{decisions, home::Home, output};
use crate::decisions::{Decision, DecisionLog, Input, SourceRecord};
use crate::gate::{Query, Verdict};
use crate::hash::{Family, SignalType};
use crate::index::Index;
use crate::scan::path_text;
use crate::store::{BankStore, History, HistoryBase, Upload, UploadHash};
use clap::Args;
use clap::builder::OsStringValueParser;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Most decisions, or uploads, of a group.
const GROUP: usize = 256;
/// Most results that wait for a group.
const MOST_HELD: usize = 4_096;
/// How long a result waits at most where others go on coming.
const PATIENCE: Duration = Duration::from_millis(500);
/// Entries whose sources are remembered.
const MOST_SOURCES: usize = 10_000;
/// Most sources of an entry that are recorded.
const MOST_OF_AN_ENTRY: usize = 8;

/// Where decisions go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(crate) struct DecisionArgs {
    /// Write each match to the log of decisions [folder by default: decisions in the home folder]
    #[arg(
        long, value_name = "DIR", num_args = 0..=1, require_equals = true,
        default_missing_value = "", value_parser = OsStringValueParser::new()
    )]
    decisions: Option<OsString>,

    /// Leave the names of inputs out of what is recorded: they can be personal data
    #[arg(long)]
    no_names: bool,
}

impl DecisionArgs {
    /// Whether the log stands in the home folder.
    pub(crate) fn needs_home(&self) -> bool {
        self.decisions
            .as_ref()
            .is_some_and(|folder| folder.is_empty())
    }

    fn folder(&self, home: &Home) -> Option<PathBuf> {
        let folder = self.decisions.clone()?;
        Some(match folder.is_empty() {
            true => home.decisions(),
            false => folder.into(),
        })
    }
}

/// Takes down what is decided.
pub(crate) struct Recorder {
    log: Option<DecisionLog>,
    sources: Sources,
    history: Option<History>,
    judged_by: HistoryBase,
    names: bool,
    decisions: usize,
    uploads: Vec<Upload>,
    since: Option<Instant>,
}

impl Recorder {
    /// Opens what is asked for, before the index is: whoever looks for news among the uploads must
    /// see those that an older index judged.
    pub(crate) fn open(args: &DecisionArgs, remember: bool, home: &Home) -> anyhow::Result<Self> {
        let history = match remember {
            true => Some(History::open(&home.history(), now())?),
            false => None,
        };
        let log = match args.folder(home) {
            Some(folder) => {
                if args.needs_home() {
                    home.create()?;
                }
                Some(decisions::open(&folder)?)
            }
            None => None,
        };
        Ok(Self {
            log,
            sources: Sources::default(),
            history,
            judged_by: HistoryBase {
                revision: 0,
                mark: None,
            },
            names: !args.no_names,
            decisions: 0,
            uploads: Vec::new(),
            since: None,
        })
    }

    /// Says which index decides.
    pub(crate) fn set_index(&mut self, index: &Index, home: &Home) {
        let stats = index.stats();
        self.judged_by = HistoryBase {
            revision: stats.store_revision,
            mark: stats.store_mark,
        };
        if self.log.is_some() {
            self.sources = Sources::of(home, self.judged_by);
        }
    }

    /// The digest that says which input it was, where something is recorded.
    pub(crate) fn wanted(&self) -> Option<SignalType> {
        (self.log.is_some() || self.history.is_some()).then_some(SignalType::Sha256)
    }

    /// Takes down what was decided of a file.
    pub(crate) fn note_file(
        &mut self,
        path: &Path,
        verdict: &Verdict,
        bytes: u64,
    ) -> anyhow::Result<()> {
        if self.wanted().is_none() {
            return Ok(());
        }
        let (name, name_hex) = match self.names {
            true => {
                let (name, hex) = path_text(path);
                (Some(name), hex)
            }
            false => (None, None),
        };
        if self.history.is_some() && !verdict.queries.is_empty() {
            let upload = upload(
                verdict,
                name.clone(),
                name_hex.clone(),
                bytes,
                self.judged_by.revision,
            );
            self.uploads.push(upload);
            self.since.get_or_insert_with(Instant::now);
        }
        let input = Input {
            name,
            name_hex,
            bytes: Some(bytes),
        };
        self.note(verdict, input)
    }

    /// Takes down what was decided of an input.
    pub(crate) fn note(&mut self, verdict: &Verdict, input: Input) -> anyhow::Result<()> {
        if let Some(log) = &self.log
            && let Some(mut decision) = Decision::of(verdict, input)
        {
            let sources = &mut self.sources;
            decision.set_sources(|_, id| sources.look_up(id));
            log.push(&decision)?;
            self.decisions += 1;
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    /// Whether results need wait no longer: nothing is to be written, or enough.
    pub(crate) fn is_due(&self, held: usize) -> bool {
        self.since.is_none_or(|since| {
            self.decisions.max(self.uploads.len()) >= GROUP
                || held >= MOST_HELD
                || since.elapsed() >= PATIENCE
        })
    }

    /// Writes what was taken down and waits for the disk.
    pub(crate) fn commit(&mut self) -> anyhow::Result<()> {
        if self.since.take().is_none() {
            return Ok(());
        }
        if let Some(log) = &self.log {
            log.commit()?;
        }
        self.decisions = 0;
        if let Some(history) = &self.history {
            history.remember(self.judged_by, &self.uploads)?;
        }
        self.uploads.clear();
        Ok(())
    }
}

/// What is kept of an upload: digests first, then the hashes of the picture itself, then those of
/// guesses at its original.
fn upload(
    verdict: &Verdict,
    name: Option<String>,
    name_hex: Option<String>,
    bytes: u64,
    revision: u64,
) -> Upload {
    let rank = |query: &&Query| {
        let is_digest = query.signal.signal_type().family() == Family::Digest;
        let is_guess = query.evidence.is_some_and(|evidence| evidence.is_guess);
        (!is_digest, is_guess, query.variant)
    };
    // What was fitted to one entry says nothing of others.
    let is_fitted = |query: &&Query| {
        let fitted = query.evidence.and_then(|evidence| evidence.fitted_from);
        fitted.is_none()
    };
    let mut queries: Vec<&Query> = verdict.queries.iter().filter(is_fitted).collect();
    queries.sort_by_key(rank);
    let hashes = queries.into_iter().map(|query| UploadHash {
        signal: query.signal,
        quality: query.quality,
        variant: query.variant,
        flatness: query.evidence.map(|evidence| evidence.flatness),
        is_small: query.evidence.is_some_and(|evidence| evidence.is_small),
        is_minor: query.evidence.is_some_and(|evidence| evidence.is_minor),
        is_guess: query.evidence.is_some_and(|evidence| evidence.is_guess),
        inverted: query.evidence.is_some_and(|evidence| evidence.inverted),
    });
    Upload {
        at: now(),
        number: 0,
        name,
        name_hex,
        bytes,
        generation: verdict.generation,
        revision,
        outcome: verdict.outcome.name().to_owned(),
        action: verdict.action,
        hashes: hashes.collect(),
        left_out: 0,
    }
}

/// Where entries come from, as the store knows.
#[derive(Default)]
struct Sources {
    store: Option<BankStore>,
    known: HashMap<crate::bank::ContentId, Option<Vec<SourceRecord>>>,
}

impl Sources {
    /// Those of the home's store, where the index is one of it.
    fn of(home: &Home, index: HistoryBase) -> Self {
        if !home.store().exists() {
            return Self::default();
        }
        let open = || -> anyhow::Result<Option<BankStore>> {
            let store = BankStore::open_read_only(&home.store())?;
            let mark = store.snapshot()?.mark_of(index.revision)?;
            Ok((mark.is_some() && mark == index.mark).then_some(store))
        };
        let store = match open() {
            Ok(Some(store)) => Some(store),
            Ok(None) => {
                output::warn(
                    "hashgate: warning: the index is not of this home's store, or of long ago: decisions \
                     are recorded without the entries' sources",
                );
                None
            }
            Err(error) => {
                output::warn(format_args!(
                    "hashgate: warning: decisions are recorded without the entries' sources: {error:#}"
                ));
                None
            }
        };
        Self {
            store,
            known: HashMap::new(),
        }
    }

    fn look_up(&mut self, id: crate::bank::ContentId) -> Option<Vec<SourceRecord>> {
        let store = self.store.as_ref()?;
        if self.known.len() >= MOST_SOURCES {
            self.known.clear();
        }
        let known = self
            .known
            .entry(id)
            .or_insert_with(|| match store.item(id) {
                Ok(item) => item.map(|item| {
                    let sources = item.sources().take(MOST_OF_AN_ENTRY);
                    sources.map(SourceRecord::of).collect()
                }),
                Err(error) => {
                    tracing::warn!(%error, "an entry's sources cannot be read");
                    None
                }
            });
        known.clone()
    }
}
