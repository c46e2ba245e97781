//! Samples of harmless pictures, read for an operation: its observer is told what was left out of them.

use crate::curation::{Notice, Observer};
use crate::hashset::{BadLine, BenignEntry, Sample, SampleError};
use std::fmt;
use std::path::Path;

/// Rows of a sample that could not be used, as an observer is told of them.
struct LeftOut<'a> {
    path: &'a Path,
    lines: u64,
    first: &'a BadLine,
}

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.lines == 1 { "" } else { "s" };
        write!(
            f,
            "{}: {} line{plural} left out; the first: {}",
            self.path.display(),
            self.lines,
            self.first
        )
    }
}

/// Reads the PDQ hashes of a list.
pub(super) fn read(path: &Path, observer: &dyn Observer) -> Result<Vec<BenignEntry>, SampleError> {
    let sample = Sample::read(path);
    let (lines, first) = match &sample {
        Ok(sample) => (sample.bad_lines, sample.first_bad.as_ref()),
        Err(SampleError::Empty {
            bad_lines,
            first_bad,
            ..
        }) => (*bad_lines, first_bad.as_ref()),
        Err(_) => (0, None),
    };
    if let Some(first) = first {
        observer.notice(Notice::LeftOut(&LeftOut { path, lines, first }));
    }
    Ok(sample?.entries)
}
