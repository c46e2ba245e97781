//! Banks judged by samples of harmless pictures: what a calibration asks about, and where that comes from.
//!
//! Owns reading samples (lists of hashes, folders of pictures) and past scans. The judging is `evaluate`'s;
//! writing reaches into the store is [`reaches`](crate::curation::reaches).

use crate::curation::{FileLeftOut, Notice, Observer, Progress, sample};
use crate::evaluate::{
    Calibration, Guessed, HarmlessUpload, Reaches, ScannedFile, calibrate as judge,
};
use crate::gate::{Extractor, MatchKind, VariantSet, read_file};
use crate::hash::{Family, Quality, Signal, SignalType};
use crate::hashset::SampleError;
use crate::index::Index;
use crate::media::Limits;
use crate::scan::{Walk, WalkOptions, Walked};
use rayon::prelude::*;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A longer line of a scan is none of a scan.
const LONGEST_LINE: u64 = 16 << 20;

/// By what banks are judged.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CalibrationPlan {
    /// Lists of PDQ hashes of harmless pictures, and folders of such pictures.
    pub samples: Vec<PathBuf>,
    /// What a past scan wrote, as JSON lines: to see what other thresholds would have changed.
    pub scan: Option<PathBuf>,
    /// Forms of a picture that are asked about besides the stored one.
    pub variants: VariantSet,
    /// Bounds on what one picture may cost.
    pub limits: Limits,
}

impl CalibrationPlan {
    /// Judges by these lists and folders.
    pub fn new<P: Into<PathBuf>>(samples: impl IntoIterator<Item = P>) -> Self {
        Self {
            samples: samples.into_iter().map(Into::into).collect(),
            scan: None,
            variants: VariantSet::default(),
            limits: Limits::default(),
        }
    }

    /// Also says what other thresholds would have changed in a past scan.
    #[must_use]
    pub fn past_scan(mut self, scan: impl Into<PathBuf>) -> Self {
        self.scan = Some(scan.into());
        self
    }

    /// Asks about these forms of each picture.
    #[must_use]
    pub const fn variants(mut self, variants: VariantSet) -> Self {
        self.variants = variants;
        self
    }

    /// Bounds what one picture may cost.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// Why banks cannot be judged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// A list of harmless pictures cannot be read.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// A folder of harmless pictures cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Folder {
        /// What of it.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A folder has no picture that can be hashed.
    #[error("{} holds no picture that can be hashed", folder.display())]
    NoPicture {
        /// The folder.
        folder: PathBuf,
    },
    /// The past scan cannot be read.
    #[error("cannot read {}", path.display())]
    Scan {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the past scan is none.
    #[error("{}, line {line}: no line of a scan", path.display())]
    ScanLine {
        /// The scan's file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line of the past scan has a PDQ hash that is none.
    #[error("{}, line {line}: {given:.80?} is no PDQ hash", path.display())]
    ScanHash {
        /// The scan's file.
        path: PathBuf,
        /// The line.
        line: u64,
        /// What it has.
        given: String,
    },
    /// The past scan has no PDQ hash.
    #[error("{} has no file with a PDQ hash", path.display())]
    EmptyScan {
        /// Its file.
        path: PathBuf,
    },
    /// It was asked to stop.
    #[error("stopped before it was done: there is no result")]
    Stopped,
}

/// Judges the banks of an index: how far each entry may safely reach, and what thresholds flag of the samples.
/// The observer is told what is left out of the samples.
///
/// # Errors
/// [`CalibrateError`].
pub fn calibrate(
    index: &Index,
    plan: &CalibrationPlan,
    observer: &dyn Observer,
) -> Result<(Calibration, Reaches), CalibrateError> {
    let scan = plan.scan.as_deref().map(past_scan).transpose()?;
    let (mut uploads, mut names) = (Vec::new(), Vec::new());
    for path in &plan.samples {
        match path.is_dir() {
            true => uploads.extend(pictures(index, path, plan, observer)?),
            false => uploads.extend(listed(path, observer)?),
        }
        let name = path.file_name().unwrap_or(path.as_os_str());
        names.push(name.to_string_lossy());
    }
    let stop = AtomicBool::new(observer.is_stopped());
    let tell = |done, total| {
        observer.progress(Progress::items("harmless uploads", done, total));
        stop.fetch_or(observer.is_stopped(), Ordering::Relaxed);
    };
    let name = names.join(" + ");
    judge(index, &name, &uploads, scan.as_deref(), &stop, &tell).ok_or(CalibrateError::Stopped)
}

/// The uploads of a list: each hash is one.
fn listed(path: &Path, observer: &dyn Observer) -> Result<Vec<HarmlessUpload>, SampleError> {
    let entries = sample::read(path, observer)?;
    let upload = |hash, quality| HarmlessUpload {
        hashes: vec![(hash, quality)],
        guessed: Guessed::default(),
    };
    Ok((entries.into_iter())
        .map(|entry| upload(entry.hash, entry.quality))
        .collect())
}

/// The uploads of a folder: each picture is one, asked about by all its variants.
fn pictures(
    index: &Index,
    folder: &Path,
    plan: &CalibrationPlan,
    observer: &dyn Observer,
) -> Result<Vec<HarmlessUpload>, CalibrateError> {
    let options = WalkOptions {
        follow_links: false,
        sorted: true,
    };
    let mut files = Vec::new();
    for walked in Walk::new(&[folder.to_owned()], options) {
        match walked {
            Walked::File(path) => files.push(path),
            Walked::Failed(path, reason) => return Err(CalibrateError::Folder { path, reason }),
        }
    }
    let mut wanted = vec![SignalType::Pdq];
    let held = index.signal_types().into_iter();
    let held = held.map(|held| held.signal_type);
    wanted.extend(held.filter(|kind| kind.family() == Family::Hash64));
    let done = AtomicU64::new(0);
    let hashed: Vec<_> = files
        .par_iter()
        .map_init(Extractor::default, |extractor, path| {
            // No further one is begun; the result is thrown away below.
            if observer.is_stopped() {
                return Err(None);
            }
            let mut bytes = Vec::new();
            let read = read_file(path, plan.limits.max_file_bytes, &mut bytes);
            let number = done.fetch_add(1, Ordering::Relaxed) + 1;
            observer.progress(Progress::items(
                "harmless uploads",
                number,
                files.len() as u64,
            ));
            read.map_err(Some)?;
            let extraction = extractor.extract(&bytes, &wanted, plan.variants, &plan.limits);
            match extraction.problem {
                Some(problem) => Err(Some(problem)),
                None => Ok(HarmlessUpload {
                    hashes: (extraction.queries.iter())
                        .filter(|query| query.evidence.is_none_or(|evidence| !evidence.is_guess))
                        .filter_map(|query| Some((query.signal.as_pdq()?, query.quality)))
                        .collect(),
                    guessed: Guessed::of(index, &extraction, extractor),
                }),
            }
        })
        .collect();
    if observer.is_stopped() {
        return Err(CalibrateError::Stopped);
    }
    let mut uploads = Vec::new();
    for (path, result) in files.iter().zip(hashed) {
        match result {
            Ok(upload) => uploads.push(upload),
            Err(Some(problem)) => observer.notice(Notice::File(&FileLeftOut {
                what: "left out of the sample",
                path,
                tells_outcome: false,
                problem: &problem,
            })),
            Err(None) => {}
        }
    }
    match uploads.is_empty() {
        true => Err(CalibrateError::NoPicture {
            folder: folder.to_owned(),
        }),
        false => Ok(uploads),
    }
}

/// What of a line of `scan --format jsonl` is needed.
#[derive(Deserialize)]
struct ScanLine {
    #[serde(default)]
    signals: Signals,
    quality: Option<Quality>,
    #[serde(default)]
    matches: Vec<ScanMatch>,
}

#[derive(Deserialize, Default)]
struct Signals {
    pdq: Option<String>,
}

#[derive(Deserialize)]
struct ScanMatch {
    signal_type: SignalType,
    distance: u16,
    /// Scans of before there were kinds matched by distance alone.
    #[serde(default)]
    kind: Option<String>,
}

/// The files of a past scan that had a PDQ hash.
fn past_scan(path: &Path) -> Result<Vec<ScannedFile>, CalibrateError> {
    let failed = |source| CalibrateError::Scan {
        path: path.to_owned(),
        source,
    };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let mut files = Vec::new();
    let mut bytes = Vec::new();
    for line in 1u64.. {
        bytes.clear();
        let mut limited = Read::by_ref(&mut reader).take(LONGEST_LINE);
        if limited.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        let record: ScanLine =
            serde_json::from_slice(&bytes).map_err(|source| CalibrateError::ScanLine {
                path: path.to_owned(),
                line,
                source,
            })?;
        let Some(given) = record.signals.pdq else {
            continue;
        };
        let hash = Signal::from_hex(SignalType::Pdq, &given);
        let Some(hash) = hash.ok().and_then(|signal| signal.as_pdq()) else {
            return Err(CalibrateError::ScanHash {
                path: path.to_owned(),
                line,
                given,
            });
        };
        let by_pdq = record
            .matches
            .iter()
            .filter(|one| one.signal_type == SignalType::Pdq)
            // A threshold is about matches by distance.
            .filter(|one| one.kind.as_deref() != Some(MatchKind::Verified.name()));
        files.push(ScannedFile {
            hash,
            quality: record.quality,
            matched: by_pdq.map(|one| one.distance).min(),
        });
    }
    match files.is_empty() {
        true => Err(CalibrateError::EmptyScan {
            path: path.to_owned(),
        }),
        false => Ok(files),
    }
}
