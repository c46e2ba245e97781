//! The hand-over report: what a channel needs to act, and nothing of the media.

use crate::clock::{Clock, time};
use crate::handover::{Channel, HandoverError, Place};
use crate::hash::hex::encode as hex;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Most bytes of a line of a scan.
const MAX_LINE: u64 = 4 << 20;
/// The actions of matches that are handed over unless others are named.
const USUAL_ACTIONS: [&str; 3] = ["block", "review", "report"];

/// What goes into a report besides what the scan wrote.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReportOptions {
    /// Which channels are named.
    pub place: Place,
    /// Who hands it over, for the chain of custody.
    pub by: Option<String>,
    /// Only matches with one of these actions; without any, `block`, `review` and `report`.
    pub actions: Vec<String>,
    /// By which the report says when it was made.
    pub clock: Clock,
}

impl ReportOptions {
    /// The usual actions, nobody named.
    #[must_use]
    pub fn new(place: Place) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// Names who hands it over.
    #[must_use]
    pub fn by(mut self, by: Option<String>) -> Self {
        self.by = by;
        self
    }

    /// Only matches with one of these actions.
    #[must_use]
    pub fn actions(mut self, actions: Vec<String>) -> Self {
        self.actions = actions;
        self
    }

    /// With a clock of one's own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

/// A hand-over report, as it is written in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form.
    pub hashgate_report: u32,
    /// When it was made, as `2026-01-31T12:00:00Z`.
    pub made: String,
    /// Who hands it over.
    pub by: Option<String>,
    /// The version of this program.
    pub program_version: &'static str,
    /// Never true.
    pub media_included: bool,
    /// Where to report.
    pub channels: Vec<Channel>,
    /// The chain of custody: the scan, then this report.
    pub custody: Vec<Custody>,
    /// The scan's summary, in its own words.
    pub scan_summary: Value,
    /// The matches.
    pub items: Vec<Item>,
}

/// One step of the chain of custody.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Custody {
    /// The files were scanned.
    Scan {
        /// The file that the scan wrote.
        file: String,
        /// The SHA-256 of that file.
        sha256: String,
        /// When it was written last, where the system tells.
        written: Option<String>,
        /// The version of the program that scanned, as the scan's summary says.
        program_version: Option<Value>,
        /// The generation of the index, as the scan's summary says.
        index_generation: Option<Value>,
    },
    /// The report was made.
    Report {
        /// When.
        at: String,
        /// By whom.
        by: Option<String>,
        /// What was done with the files then.
        files_looked_at: &'static str,
    },
}

/// One match: the scan's words, and the file as it is now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Item {
    /// The file's path.
    pub path: String,
    /// The path's bytes in hexadecimal, where the text could not hold them all.
    pub path_hex: Value,
    /// What policy said to do.
    pub action: Value,
    /// The file's size at the scan.
    pub bytes: Value,
    /// Its hashes.
    pub signals: Value,
    /// Its PDQ quality.
    pub quality: Value,
    /// How it was hashed.
    pub mode: Value,
    /// The entries that it matched.
    pub matches: Value,
    /// The file as it is now.
    pub file_now: FileNow,
}

/// A file as it is when the report is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum FileNow {
    /// It could be read.
    Read {
        /// Its SHA-256.
        sha256: String,
        /// Its size.
        bytes: u64,
        /// When it was changed last, where the system tells.
        modified: Option<String>,
    },
    /// It could not be read.
    Unreadable {
        /// Why.
        unreadable: String,
    },
}

impl Report {
    /// Makes a report of what `hashgate scan --format jsonl` wrote into a file. Each file that matched is
    /// read once more, for its digest, size and time only.
    ///
    /// # Errors
    /// Where the scan cannot be read, a line of it is no JSON, or its summary is missing; as
    /// [`Place::channels`].
    pub fn of_scan(scan: &Path, options: &ReportOptions) -> Result<Self, HandoverError> {
        let failed = |doing: &'static str| {
            move |source: io::Error| HandoverError::Io {
                doing,
                path: scan.to_owned(),
                source,
            }
        };
        let file = File::open(scan).map_err(failed("open"))?;
        let mut input = BufReader::new(file);
        let mut digest = Sha256::new();
        let (mut items, mut summary, mut number) = (Vec::new(), Value::Null, 0u64);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = (&mut input).take(MAX_LINE);
            if limited
                .read_until(b'\n', &mut line)
                .map_err(failed("read"))?
                == 0
            {
                break;
            }
            number += 1;
            digest.update(&line);
            let record: Value =
                serde_json::from_slice(&line).map_err(|source| HandoverError::Line {
                    path: scan.to_owned(),
                    line: number,
                    source,
                })?;
            if let Some(found) = record.get("summary") {
                summary = found.clone();
            } else if is_wanted(&record, &options.actions) {
                items.push(Item::of(&record));
            }
        }
        if summary.is_null() {
            return Err(HandoverError::NoSummary {
                path: scan.to_owned(),
            });
        }
        let written = File::open(scan).and_then(|file| file.metadata());
        let written = written.and_then(|facts| facts.modified()).ok();
        let now = time(options.clock.now());
        Ok(Self {
            hashgate_report: 1,
            made: now.clone(),
            by: options.by.clone(),
            program_version: env!("CARGO_PKG_VERSION"),
            media_included: false,
            channels: options.place.channels()?,
            custody: vec![
                Custody::Scan {
                    file: scan.display().to_string(),
                    sha256: hex(&digest.finalize()),
                    written: written.and_then(time_of),
                    program_version: summary.get("program_version").cloned(),
                    index_generation: summary.get("index_generation").cloned(),
                },
                Custody::Report {
                    at: now,
                    by: options.by.clone(),
                    files_looked_at: "read once more, for their digests, sizes and times only",
                },
            ],
            scan_summary: summary,
            items,
        })
    }
}

/// Whether a line of a scan is a match with one of the actions.
fn is_wanted(record: &Value, actions: &[String]) -> bool {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let action = text("action").unwrap_or_default();
    let is_asked = match actions {
        [] => USUAL_ACTIONS.contains(&action),
        named => named.iter().any(|asked| asked == action),
    };
    is_asked && text("outcome") == Some("match")
}

impl Item {
    fn of(record: &Value) -> Self {
        let get = |name: &str| record.get(name).cloned().unwrap_or(Value::Null);
        let path = record.get("path").and_then(Value::as_str);
        let path = path.unwrap_or_default();
        Self {
            path: path.to_owned(),
            path_hex: get("path_hex"),
            action: get("action"),
            bytes: get("bytes"),
            signals: get("signals"),
            quality: get("quality"),
            mode: get("mode"),
            matches: get("matches"),
            file_now: FileNow::of(Path::new(path)),
        }
    }
}

impl FileNow {
    /// Digest, size and time of a file.
    fn of(path: &Path) -> Self {
        Self::read(path).unwrap_or_else(|error| Self::Unreadable {
            unreadable: error.to_string(),
        })
    }

    fn read(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(unix)]
        {
            // A FIFO that has come in the file's place would be waited for without end.
            use std::os::unix::fs::OpenOptionsExt;
            options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
        }
        let mut file = options.open(path)?;
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let (mut digest, mut bytes) = (Sha256::new(), 0u64);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
                break;
            };
            digest.update(part);
            bytes += read as u64;
        }
        Ok(Self::Read {
            sha256: hex(&digest.finalize()),
            bytes,
            modified: facts.modified().ok().and_then(time_of),
        })
    }
}

/// A time of a file, where it is not before 1970.
fn time_of(at: SystemTime) -> Option<String> {
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    Some(time(since.as_secs()))
}
