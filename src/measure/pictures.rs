//! The pictures of a measurement, and the temporary index that holds every second of them among made hashes.
//!
//! Owns what both measurements of files do alike: which files there are, which of them the index knows, and
//! what else stands in it. Refuses to judge files.

use super::distribution::{Distribution, Maker};
use super::error::MeasureError;
use super::index;
use super::lists::Folder;
use super::watch::Watch;
use crate::gate::{Extractor, VariantSet, read_file};
use crate::hash::{Family, Quality, Signal, SignalType};
use crate::media::Limits;
use crate::scan::{Walk, WalkOptions, Walked};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// What every measurement of files is given.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Files and folders, with all that is below them.
    pub paths: Vec<PathBuf>,
    /// Measured runs, after one that warms the caches; at least 1.
    pub runs: usize,
    /// Folder for temporary indexes.
    pub temp_dir: PathBuf,
    /// What files may take.
    pub limits: Limits,
}

/// What made hashes follow from.
const SEED: u64 = 1;

/// A picture that the index holds.
pub(super) struct Held {
    path: PathBuf,
    /// Its PDQ hash, with its quality.
    hash: Signal,
    quality: Option<Quality>,
    /// Digests of its bytes.
    digests: Vec<Signal>,
}

/// The files, and every second picture among them whose quality is enough to be told by.
pub(super) struct Pictures {
    pub(super) files: Vec<PathBuf>,
    held: Vec<Held>,
}

impl Pictures {
    /// The files below the paths, in the order of their names. Of every second picture its hash is noted, with
    /// these digests of its bytes.
    pub(super) fn find(
        Uploads { paths, limits, .. }: &Uploads,
        digests: &[SignalType],
        watch: Watch<'_>,
    ) -> Result<Self, MeasureError> {
        let files = files(paths)?;
        let mut wanted = vec![SignalType::Pdq];
        wanted.extend(
            digests
                .iter()
                .filter(|kind| kind.family() == Family::Digest),
        );
        let mut extractor = Extractor::default();
        let (mut bytes, mut held) = (Vec::new(), Vec::new());
        for (at, path) in files.iter().enumerate().step_by(2) {
            watch.look()?;
            watch.say(format!("hashing known pictures: {at} of {}", files.len()));
            if read_file(path, limits.max_file_bytes, &mut bytes).is_err() {
                continue;
            }
            let hashes = extractor.extract(&bytes, &wanted, VariantSet::NONE, limits);
            let clear = hashes.problem.is_none()
                && hashes
                    .quality
                    .is_some_and(|quality| quality >= Quality::DEFAULT_MINIMUM);
            let (pdq, digests): (Vec<Signal>, Vec<Signal>) = (hashes.signals.into_iter())
                .partition(|signal| signal.signal_type() == SignalType::Pdq);
            if let (true, Some(&hash)) = (clear, pdq.first()) {
                held.push(Held {
                    path: path.clone(),
                    hash,
                    quality: hashes.quality,
                    digests,
                });
            }
        }
        Ok(Self { files, held })
    }

    /// How many of the files the index holds.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// The files that the index holds.
    pub(super) fn held_files(&self) -> HashSet<&Path> {
        self.held.iter().map(|held| held.path.as_path()).collect()
    }

    /// Publishes an index of the held pictures, and of so many made hashes besides.
    pub(super) fn publish(
        &self,
        folder: &Path,
        made: &Made,
        watch: Watch<'_>,
    ) -> Result<(), MeasureError> {
        let known = self.held.iter().map(|held| {
            let digests = held.digests.iter().map(|&digest| (digest, None));
            std::iter::once((held.hash, held.quality)).chain(digests)
        });
        let known = (0..).zip(known);
        let known = known.flat_map(|(number, hashes)| hashes.map(move |one| (number, one)));
        let made = (self.held()..).zip(made.hashes().map(|signal| (signal, None)));
        index::build_items(folder, known.chain(made), watch)?;
        Ok(())
    }

    /// Saves the PDQ hashes of such an index.
    pub(super) fn save(&self, folder: &Folder, made: &Made) -> Result<(), MeasureError> {
        let name = format!("pdq-{}-{}", made.distribution.name(), made.count);
        let held = self.held.iter().map(|held| held.hash);
        folder.save_signals(&name, held.chain(made.hashes()))
    }
}

/// PDQ hashes that are made.
pub(super) struct Made {
    pub(super) distribution: Distribution,
    pub(super) count: u64,
}

impl Made {
    fn hashes(&self) -> impl Iterator<Item = Signal> {
        let maker = Maker::new(SignalType::Pdq, self.distribution, self.count, SEED);
        (0..self.count)
            .filter_map(move |number| Signal::from_bytes(SignalType::Pdq, &maker.hash(number)).ok())
    }
}

/// The files below the paths, in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, MeasureError> {
    let options = WalkOptions {
        follow_links: false,
        sorted: true,
    };
    let mut files = Vec::new();
    for walked in Walk::new(paths, options) {
        match walked {
            Walked::File(path) => files.push(path),
            Walked::Failed(path, reason) => {
                return Err(MeasureError::Unreachable { path, reason });
            }
        }
    }
    if files.is_empty() {
        return Err(MeasureError::NoFile);
    }
    Ok(files)
}
