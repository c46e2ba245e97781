//! Known pictures: files, and all files below folders, hashed as `bank add` hashes them.

use crate::bank::Provenance;
use crate::gate::{Extractor, Outcome, Problem, ProblemKind, read_file};
use crate::scan::known::entries::Said;
use crate::scan::known::{Known, KnownError, PICTURES};
use crate::scan::{Options, for_each_file};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What came of known pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PicturesRead {
    /// Pictures that became entries.
    pub entries: u64,
    /// Pictures with too little in them for PDQ: only files with the same bytes will match.
    pub low_quality: u64,
    /// Files that are no picture, or that could not be read.
    pub rejected: u64,
}

/// One file of the known pictures, for whoever watches.
#[derive(Debug)]
#[non_exhaustive]
pub struct PictureRead<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its length in bytes; 0 where it was rejected.
    pub bytes: u64,
    /// Why it is not an entry.
    pub problem: Option<&'a Problem>,
}

impl Known {
    /// Adds files, and all files below folders, as known pictures. `each` is told of every file.
    ///
    /// # Errors
    /// [`KnownError::Stopped`], [`KnownError::TooMany`], [`KnownError::Threads`]. A file that cannot be
    /// hashed is no error: it is counted, and `each` is told why.
    pub fn add_pictures(
        &mut self,
        paths: &[PathBuf],
        how: Options,
        stop: &AtomicBool,
        each: &mut dyn FnMut(&PictureRead<'_>),
    ) -> Result<PicturesRead, KnownError> {
        let options = self.options.clone();
        let min_quality = (self.banks.iter())
            .find(|bank| bank.id == PICTURES)
            .map_or(crate::hash::Quality::MIN, |bank| bank.policy.min_quality);
        let mut read = PicturesRead::default();
        let finished = for_each_file(
            paths,
            // The same numbers each time.
            Options {
                ordered: true,
                ..how
            },
            stop,
            <(Extractor, Vec<u8>)>::default,
            |(extractor, buffer), path| {
                read_file(path, options.limits.max_file_bytes, buffer)?;
                let known = extractor.extract_known_with(
                    buffer,
                    &options.limits,
                    options.forms,
                    &options.signals,
                )?;
                Ok((known, buffer.len() as u64))
            },
            |done| -> Result<(), KnownError> {
                let path = done.path.as_path();
                let result = done.result.unwrap_or_else(|error| {
                    Err(Problem::new(Outcome::Unreadable, ProblemKind::Io, error))
                });
                match result {
                    Ok((known, bytes)) => {
                        read.entries += 1;
                        let is_low = known.quality.is_some_and(|quality| quality < min_quality);
                        read.low_quality += u64::from(is_low);
                        each(&PictureRead {
                            path,
                            bytes,
                            problem: None,
                        });
                        let said = Said {
                            source: self.entries.source(path.display().to_string()),
                            place: 0,
                            provenance: Provenance::default(),
                        };
                        (self.entries).add(PICTURES, known.signals, Vec::new(), said, None)
                    }
                    Err(problem) => {
                        read.rejected += 1;
                        each(&PictureRead {
                            path,
                            bytes: 0,
                            problem: Some(&problem),
                        });
                        Ok(())
                    }
                }
            },
        )?;
        match finished.interrupted {
            true => Err(KnownError::Stopped),
            false => Ok(read),
        }
    }
}
