//! Writing the log: lines are linked as they come, and written and synced by groups.
//!
//! Whoever waits for the disk writes for all who have come meanwhile, so that many threads share a
//! sync. Refuses to write behind anything that is not whole.

use crate::clock::Clock;
use crate::decisions::chain::{self, LineKind, Link, MAX_LINE};
use crate::decisions::head::{self, Head, HeadFile, Said};
use crate::decisions::{Decision, DecisionError, Torn, files, resume};
use crate::files::{Lock, create_new};
use serde::Serialize;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// How a log is written.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// From how many bytes on a file is followed by the next one. A file holds one line at least.
    pub max_file_bytes: u64,
    /// Wait for the disk, with every group and on opening. Without it, what was acknowledged survives the process
    /// and not a power cut: for tests and
    /// measurements.
    pub sync: bool,
    /// By which the log says when its files were begun and what was set aside.
    pub clock: Clock,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            max_file_bytes: 64 << 20,
            sync: true,
            clock: Clock::system(),
        }
    }
}

/// The log of decisions, open for its one writer. `Send + Sync`: threads share it.
///
/// ```
/// use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
/// use hashgate::decisions::{Decision, DecisionLog, Input, LogOptions};
/// use hashgate::gate::Gate;
/// use hashgate::index::{IndexRecord, PublishOptions, publish};
/// # let home = tempfile::tempdir()?;
/// # let index = home.path().join("index");
/// # let bank = Bank { id: BankId(1), name: "known".parse()?, policy: Policy::new(Action::Block) };
/// # let signal = "md5:d41d8cd98f00b204e9800998ecf8427e".parse()?;
/// # let record = IndexRecord { bank: bank.id, content: ContentId(7), signal, quality: None };
/// # let records = [Ok::<_, std::io::Error>(record)].into_iter();
/// # publish(&index, &[bank], records, &PublishOptions::default())?;
/// let log = DecisionLog::open(&home.path().join("decisions"), LogOptions::default())?;
/// let gate = Gate::open(&index)?;
/// let verdict = gate.match_signal(&signal, None);
/// let input = Input { name: Some("upload 17".into()), ..Input::default() };
/// if let Some(decision) = Decision::of(&verdict, input) {
///     log.append(&decision)?; // on the disk when this returns
/// }
/// assert_eq!(log.head().link.n, 2, "a file's first line, and the decision");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DecisionLog {
    folder: PathBuf,
    options: LogOptions,
    log: String,
    queue: Mutex<Queue>,
    writer: Mutex<Writer>,
    /// What was set aside on opening.
    torn: Vec<Torn>,
    _lock: Lock,
}

/// Lines that are linked and not yet written.
#[derive(Debug)]
struct Queue {
    /// By file: its number and what comes behind what it has.
    parts: Vec<(u64, Vec<u8>)>,
    /// The file that the next line goes to, and how long it will be.
    file: u64,
    len: u64,
    last: Link,
    durable: u64,
    failed: Option<String>,
}

/// Who writes to the disk.
#[derive(Debug)]
struct Writer {
    file: Option<File>,
    number: u64,
    /// How much of the file is acknowledged.
    len: u64,
    head: HeadFile,
}

#[derive(Serialize)]
struct FileLine<'a> {
    log: &'a str,
    file: u64,
    opened_ms: u64,
    program: &'a str,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    at_ms: u64,
    note: &'a str,
    bytes: u64,
    kept_as: &'a str,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Of a panic in between, `failed` or a line that is not whole tells.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DecisionLog {
    /// Opens the log in a folder, or begins one; one writer at a time.
    ///
    /// The last file is read to its end. A tail that is not whole and was never acknowledged, as a
    /// kill or a power cut leaves it, is moved to a file of its own ([`DecisionLog::torn`]), and a
    /// note of that goes into the log. The files before are not read: [`verify`](super::verify)
    /// does.
    ///
    /// # Errors
    /// [`DecisionError::Locked`] where there is a writer already, [`DecisionError::Permissions`]
    /// where others may enter the folder, [`DecisionError::Head`] and [`DecisionError::Lost`] where
    /// what was acknowledged is not there.
    pub fn open(folder: impl AsRef<Path>, options: LogOptions) -> Result<Self, DecisionError> {
        let folder = folder.as_ref();
        files::create(folder)?;
        files::check_permissions(folder)?;
        let lock = files::lock(folder)?;
        let listing = files::list(folder)?;
        let (head, mut head_file) = match head::read(folder)? {
            Said::Head { head, slot, .. } => (head, HeadFile::open(folder, slot)?),
            Said::Nothing if listing.numbers.is_empty() => {
                let head = Head {
                    log: new_name(),
                    file: 0,
                    link: Link::default(),
                };
                let file = HeadFile::create(folder, &head, options.sync)?;
                (head, file)
            }
            said => {
                return Err(DecisionError::Head {
                    path: folder.join(files::HEAD_FILE),
                    reason: match said {
                        Said::Nothing => "is missing",
                        _ => "is damaged",
                    },
                });
            }
        };
        let end = resume::find_end(folder, &listing.numbers, &head)?;
        let torn = end.set_aside(folder, options.sync)?;
        if end.link != head.link {
            // Written and perhaps not synced when it was stopped: from here on it is acknowledged.
            resume::sync(folder, end.file, options.sync)?;
            let head = Head {
                file: end.file,
                link: end.link,
                ..head.clone()
            };
            head_file.set(&head, options.sync)?;
        }
        let file = match end.file {
            0 => None,
            number => Some(open_to_append(&files::path(folder, number))?),
        };
        let log = Self {
            folder: folder.to_owned(),
            log: head.log,
            queue: Mutex::new(Queue {
                parts: Vec::new(),
                file: end.file,
                // A file without a line is begun anew.
                len: if end.len == 0 { u64::MAX } else { end.len },
                last: end.link,
                durable: end.link.n,
                failed: None,
            }),
            writer: Mutex::new(Writer {
                file,
                number: end.file,
                len: end.len,
                head: head_file,
            }),
            options,
            torn,
            _lock: lock,
        };
        for torn in &log.torn {
            let kept_as = torn.kept_as.file_name().unwrap_or_default();
            let note = NoteLine {
                at_ms: log.options.clock.now_ms(),
                note: "torn_tail",
                bytes: torn.bytes,
                kept_as: &kept_as.to_string_lossy(),
            };
            let object = serde_json::to_vec(&note)?;
            log.link(LineKind::Note, &object)?;
        }
        log.commit()?;
        Ok(log)
    }

    /// Adds a decision and waits until it is on the disk. Threads that do so at the same time share
    /// the wait.
    ///
    /// # Errors
    /// What writing fails with, a full disk for one: then nothing of it counts as written, and the
    /// log takes no more records ([`DecisionError::Failed`]) until it is opened anew. Whoever gates
    /// uploads must not let this one pass then.
    pub fn append(&self, decision: &Decision) -> Result<Link, DecisionError> {
        let link = self.push(decision)?;
        self.commit_to(link.n)?;
        Ok(link)
    }

    /// Adds a decision to the group that the next [`DecisionLog::commit`] writes. It is not
    /// acknowledged before.
    ///
    /// # Errors
    /// [`DecisionError::Failed`] after a failed write, [`DecisionError::TooLong`].
    pub fn push(&self, decision: &Decision) -> Result<Link, DecisionError> {
        let mut object = serde_json::to_vec(decision)?;
        // What links a line takes less than this.
        let most = MAX_LINE - 300;
        if object.len() > most {
            let mut shorter = decision.clone();
            shorter.set_sources(|_, _| None);
            object = serde_json::to_vec(&shorter)?;
        }
        if object.len() > most {
            return Err(DecisionError::TooLong {
                bytes: object.len(),
                most,
            });
        }
        self.link(LineKind::Decision, &object)
    }

    /// Writes what was added and waits until it is on the disk.
    ///
    /// # Errors
    /// As [`DecisionLog::append`].
    pub fn commit(&self) -> Result<(), DecisionError> {
        let last = lock(&self.queue).last.n;
        self.commit_to(last)
    }

    /// Where the log ends, all that was added included.
    #[must_use]
    pub fn head(&self) -> Head {
        let queue = lock(&self.queue);
        Head {
            log: self.log.clone(),
            file: queue.file,
            link: queue.last,
        }
    }

    /// What was set aside on opening, where there was anything: whoever opens the log should say so.
    #[must_use]
    pub fn torn(&self) -> &[Torn] {
        &self.torn
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Links a record behind the last one.
    fn link(&self, kind: LineKind, object: &[u8]) -> Result<Link, DecisionError> {
        let mut queue = lock(&self.queue);
        let queue = &mut *queue;
        if let Some(reason) = &queue.failed {
            return Err(DecisionError::Failed {
                reason: reason.clone(),
            });
        }
        if queue.file == 0 || queue.len >= self.options.max_file_bytes {
            // A file that was emptied is begun anew under its number.
            let number = match queue.len {
                u64::MAX => queue.file.max(1),
                _ => queue.file + 1,
            };
            let first = FileLine {
                log: &self.log,
                file: number,
                opened_ms: self.options.clock.now_ms(),
                program: concat!("hashgate ", env!("CARGO_PKG_VERSION")),
            };
            let mut part = Vec::new();
            let object = serde_json::to_vec(&first)?;
            queue.last = chain::seal(queue.last, LineKind::File, &object, &mut part);
            queue.len = part.len() as u64;
            queue.file = number;
            queue.parts.push((number, part));
        }
        if queue.parts.is_empty() {
            queue.parts.push((queue.file, Vec::new()));
        }
        if let Some((_, part)) = queue.parts.last_mut() {
            let before = part.len();
            queue.last = chain::seal(queue.last, kind, object, part);
            queue.len += (part.len() - before) as u64;
        }
        Ok(queue.last)
    }

    /// Sees that all up to this line is on the disk.
    fn commit_to(&self, n: u64) -> Result<(), DecisionError> {
        let mut writer = lock(&self.writer);
        let (parts, head) = {
            let mut queue = lock(&self.queue);
            if queue.durable >= n {
                // Somebody who waited before has written it.
                return Ok(());
            }
            if let Some(reason) = &queue.failed {
                return Err(DecisionError::Failed {
                    reason: reason.clone(),
                });
            }
            let head = Head {
                log: self.log.clone(),
                file: queue.file,
                link: queue.last,
            };
            (std::mem::take(&mut queue.parts), head)
        };
        let written = writer.write(&self.folder, parts, &head, self.options.sync);
        let mut queue = lock(&self.queue);
        match written {
            Ok(()) => {
                queue.durable = head.link.n;
                Ok(())
            }
            Err(error) => {
                queue.failed = Some(error.to_string());
                // What was written of it would be set aside at the next opening: better none of it.
                writer.take_back();
                Err(error)
            }
        }
    }
}

impl Drop for DecisionLog {
    /// Writes what was added and never committed.
    fn drop(&mut self) {
        let is_whole = lock(&self.queue).parts.is_empty();
        if !is_whole && let Err(error) = self.commit() {
            tracing::error!(%error, "decisions were not written");
        }
    }
}

impl Writer {
    fn write(
        &mut self,
        folder: &Path,
        parts: Vec<(u64, Vec<u8>)>,
        head: &Head,
        sync: bool,
    ) -> Result<(), DecisionError> {
        let mut written = 0;
        for (number, part) in parts {
            let path = files::path(folder, number);
            let failed = |doing| {
                let path = path.clone();
                move |source| DecisionError::io(doing, &path, source)
            };
            if number != self.number || self.file.is_none() {
                let file = create_new(&path).map_err(failed("make"))?;
                files::sync(folder, sync).map_err(failed("make"))?;
                self.file = Some(file);
                (self.number, self.len) = (number, 0);
                written = 0;
            }
            if let Some(file) = &mut self.file {
                file.write_all(&part).map_err(failed("write to"))?;
                files::sync_file(file, sync).map_err(failed("write to"))?;
            }
            written += part.len() as u64;
        }
        self.head.set(head, sync)?;
        self.len += written;
        Ok(())
    }

    /// Cuts off what was written and not acknowledged, as far as that can be done.
    fn take_back(&mut self) {
        if let Some(file) = &self.file
            && let Err(error) = file.set_len(self.len)
        {
            tracing::warn!(%error, "the next opening of the log of decisions sets its tail aside");
        }
    }
}

fn open_to_append(path: &Path) -> Result<File, DecisionError> {
    let file = File::options().append(true).open(path);
    file.map_err(|source| DecisionError::io("open", path, source))
}

/// A name that no other log has, but for chance.
fn new_name() -> String {
    use std::hash::{BuildHasher, RandomState};
    // Keyed by random numbers of the system.
    let half =
        |salt: u8| RandomState::new().hash_one((SystemTime::now(), std::process::id(), salt));
    format!("{:016x}{:016x}", half(0), half(1))
}
