//! Pictures into entries of a bank: hashed exactly, in batches, each once.
//!
//! Owns what an entry keeps of a picture and of where it came from. Hashing is `gate`'s, walking folders is
//! `scan`'s; no picture is kept.

use crate::bank::{Bank, BankName, Provenance};
use crate::clock;
use crate::curation::{FileLeftOut, Notice, Observer, Progress, Workspace};
use crate::gate::{Extractor, Forms, Known, Outcome, Problem, ProblemKind, read_file};
use crate::hash::{Quality, SignalType};
use crate::media::Limits;
use crate::scan::{Options, escaped, for_each_file};
use crate::store::{BankStore, NewItem, StoreError};
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Items that go into the store together: one synced write.
const BATCH: usize = 1_000;

/// Which pictures to add, and what to keep of them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AddPlan {
    /// Files and folders; folders are read with all that is below them.
    pub paths: Vec<PathBuf>,
    /// Whether symbolic links below the paths are followed.
    pub follow_links: bool,
    /// Worker threads; `None`: one for each core.
    pub jobs: Option<usize>,
    /// Labels for every entry.
    pub labels: Vec<String>,
    /// Forms of each picture whose hashes are kept beside its own.
    pub forms: Forms,
    /// Types of hashes that are kept besides PDQ, MD5, SHA-1 and SHA-256.
    pub signals: Vec<SignalType>,
    /// Bounds on what one picture may cost.
    pub limits: Limits,
}

impl AddPlan {
    /// Adds these files, and all that is below these folders.
    pub fn new<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Self {
        Self {
            paths: paths.into_iter().map(Into::into).collect(),
            follow_links: false,
            jobs: None,
            labels: Vec::new(),
            forms: Forms::STANDARD,
            signals: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Gives every entry these labels.
    #[must_use]
    pub fn labels<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Keeps hashes of these forms of each picture beside its own.
    #[must_use]
    pub const fn forms(mut self, forms: Forms) -> Self {
        self.forms = forms;
        self
    }

    /// Keeps hashes of these types besides PDQ, MD5, SHA-1 and SHA-256.
    #[must_use]
    pub fn signals(mut self, signals: impl IntoIterator<Item = SignalType>) -> Self {
        self.signals = signals.into_iter().collect();
        self
    }

    /// Bounds what one picture may cost.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reads files by so many worker threads.
    #[must_use]
    pub const fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Whether symbolic links below the paths are followed.
    #[must_use]
    pub const fn follow_links(mut self, follow_links: bool) -> Self {
        self.follow_links = follow_links;
        self
    }
}

/// What became of the pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddOutcome {
    /// The bank.
    pub bank: Bank,
    /// Entries that are new.
    pub added: u64,
    /// Entries that were there and got something that they did not have.
    pub updated: u64,
    /// Entries that were there and had all of it.
    pub already_there: u64,
    /// Of those that were there: entries that people have withdrawn. They stay so.
    pub withdrawn: u64,
    /// Pictures whose PDQ quality is under the bank's minimum: only files with the same bytes match.
    pub low_quality: u64,
    /// Files that were not added.
    pub rejected: u64,
    /// Whether it was asked to stop before the end: doing the same again adds the rest.
    pub is_interrupted: bool,
}

/// Why no more pictures were added. What was added before stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The worker threads could not be started.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A file that was not added, as an observer is told of it.
struct Rejected<'a> {
    name: &'a str,
    why: &'a dyn fmt::Display,
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not added: {}: {}", escaped(self.name), self.why)
    }
}

/// A picture that holds too little to be matched by PDQ, as an observer is told of it.
struct LowQuality<'a> {
    path: &'a Path,
    quality: Quality,
    least: Quality,
}

impl fmt::Display for LowQuality<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "low quality: {}: {}, the bank asks for {} or better",
            escaped(&self.path.to_string_lossy()),
            self.quality,
            self.least
        )
    }
}

/// Pictures of a file that are not kept, as an observer is told of it.
struct Parts<'a> {
    path: &'a Path,
    is_first_left_out: bool,
    left_out: usize,
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = escaped(&self.path.to_string_lossy()).to_string();
        write!(f, "not all of it kept: {path}:")?;
        if self.is_first_left_out {
            f.write_str(" its first picture is plain")?;
        }
        match (self.left_out, self.is_first_left_out) {
            (0, _) => Ok(()),
            (count, true) => write!(f, ", and {count} more are left out"),
            (count, false) => write!(f, " {count} of its pictures are left out"),
        }
    }
}

/// What became of a batch, wherever it was kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// New entries.
    pub added: u64,
    /// Entries that were there and got something that they did not have.
    pub updated: u64,
    /// Entries that were there and had all of it.
    pub already_there: u64,
    /// Of those that were there: entries that people have withdrawn.
    pub withdrawn: u64,
    /// Those that were not kept, by their positions in the batch, from 0, and why.
    pub refused: Vec<(usize, String)>,
}

/// Adds pictures to a bank, which must be there. The observer is told of each file that is left out, and of
/// each picture of little quality. Matching changes with the next publication.
///
/// # Errors
/// [`AddError`].
pub fn add(
    workspace: &Workspace,
    bank: &BankName,
    plan: &AddPlan,
    observer: &dyn Observer,
) -> Result<AddOutcome, AddError> {
    let store = BankStore::open_existing(workspace.store())?;
    let bank = store.bank(bank)?;
    let id = bank.id;
    add_by(bank, plan, observer, &mut |batch| {
        let added = store.add(id, batch)?;
        let refused = added.refused.into_iter();
        Ok(Kept {
            added: added.added,
            updated: added.updated,
            already_there: added.already_there,
            withdrawn: added.withdrawn,
            refused: refused
                .map(|(position, why)| (position, why.to_string()))
                .collect(),
        })
    })
}

/// As [`add`], for whoever keeps the entries elsewhere: hashes pictures, and gives `keep` what is to go into the bank, by
/// batches.
///
/// # Errors
/// What `keep` says, and where worker threads cannot be started.
pub fn add_by<E: From<rayon::ThreadPoolBuildError>>(
    bank: Bank,
    plan: &AddPlan,
    observer: &dyn Observer,
    keep: &mut dyn FnMut(&[NewItem]) -> Result<Kept, E>,
) -> Result<AddOutcome, E> {
    let mut adding = Adding {
        outcome: AddOutcome {
            bank,
            added: 0,
            updated: 0,
            already_there: 0,
            withdrawn: 0,
            low_quality: 0,
            rejected: 0,
            is_interrupted: false,
        },
        keep,
        plan,
        observer,
        batch: Vec::new(),
        bytes: 0,
    };
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let options = Options {
        jobs: plan.jobs.unwrap_or_else(cores),
        ordered: true,
        follow_links: plan.follow_links,
    };
    let stop = AtomicBool::new(observer.is_stopped());
    let finished = for_each_file(
        &plan.paths,
        options,
        &stop,
        <(Extractor, Vec<u8>)>::default,
        |(extractor, buffer), path| {
            if observer.is_stopped() {
                stop.store(true, Ordering::Relaxed);
            }
            read_file(path, plan.limits.max_file_bytes, buffer)?;
            let known =
                extractor.extract_known_with(buffer, &plan.limits, plan.forms, &plan.signals)?;
            Ok((known, buffer.len() as u64))
        },
        |done| {
            let unreadable = |error| Err(Problem::new(Outcome::Unreadable, ProblemKind::Io, error));
            adding.take(&done.path, done.result.unwrap_or_else(unreadable))
        },
    )?;
    adding.flush()?;
    adding.outcome.is_interrupted = finished.interrupted || observer.is_stopped();
    Ok(adding.outcome)
}

/// Pictures on their way into a bank.
struct Adding<'a, E> {
    keep: &'a mut dyn FnMut(&[NewItem]) -> Result<Kept, E>,
    plan: &'a AddPlan,
    observer: &'a dyn Observer,
    batch: Vec<NewItem>,
    /// Bytes that were read.
    bytes: u64,
    outcome: AddOutcome,
}

impl<E> Adding<'_, E> {
    /// Takes what was made of one file.
    fn take(&mut self, path: &Path, result: Result<(Known, u64), Problem>) -> Result<(), E> {
        match result {
            Ok((known, bytes)) => {
                self.bytes += bytes;
                let least = self.outcome.bank.policy.min_quality;
                if let Some(quality) = known.quality.filter(|quality| *quality < least) {
                    self.outcome.low_quality += 1;
                    let low = LowQuality {
                        path,
                        quality,
                        least,
                    };
                    self.observer.notice(Notice::Doubt(&low));
                }
                if known.is_first_left_out || known.left_out > 0 {
                    let parts = Parts {
                        path,
                        is_first_left_out: known.is_first_left_out,
                        left_out: known.left_out,
                    };
                    self.observer.notice(Notice::Doubt(&parts));
                }
                self.batch.push(item(path, known, &self.plan.labels));
            }
            Err(problem) => {
                self.outcome.rejected += 1;
                self.observer.notice(Notice::File(&FileLeftOut {
                    what: "not added",
                    path,
                    tells_outcome: true,
                    problem: &problem,
                }));
            }
        }
        self.observer
            .progress(Progress::bytes("pictures", self.bytes, 0));
        match self.batch.len() >= BATCH {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn reject(&mut self, name: &str, why: &dyn fmt::Display) {
        self.outcome.rejected += 1;
        let rejected = Rejected { name, why };
        self.observer.notice(Notice::LeftOut(&rejected));
    }

    /// Has what was gathered kept.
    fn flush(&mut self) -> Result<(), E> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        let added = (self.keep)(&batch)?;
        self.outcome.added += added.added;
        self.outcome.updated += added.updated;
        self.outcome.already_there += added.already_there;
        self.outcome.withdrawn += added.withdrawn;
        for (position, error) in &added.refused {
            let item = batch.get(*position);
            let name = item.map_or("", |item| item.provenance.source.as_str());
            self.reject(name, error);
        }
        Ok(())
    }
}

fn item(path: &Path, known: Known, labels: &[String]) -> NewItem {
    let forms: Vec<String> = known.forms().map(|form| form.to_string()).collect();
    let metadata = (!forms.is_empty())
        .then(|| format!("pdq of the picture as stored, then {}", forms.join(", ")));
    NewItem {
        signals: known.signals,
        labels: labels.to_vec(),
        provenance: Provenance {
            source: path.display().to_string(),
            record: None,
            metadata,
            added_at: clock::now(),
            ..Provenance::default()
        },
        ..NewItem::default()
    }
}
