//! Samples of harmless pictures, read for a command: what was left out of them is said.

use crate::cli::output;
use crate::hashset::{BenignEntry, Sample, SampleError};
use std::path::Path;

/// Reads the PDQ hashes of a list ([`Sample`]). Bad lines are counted and said.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<BenignEntry>> {
    let sample = Sample::read(path);
    let (bad_lines, first_bad) = match &sample {
        Ok(sample) => (sample.bad_lines, &sample.first_bad),
        Err(SampleError::Empty {
            bad_lines,
            first_bad,
            ..
        }) => (*bad_lines, first_bad),
        Err(_) => (0, &None),
    };
    if let Some(line) = first_bad {
        let lines = output::plural(bad_lines, "line");
        output::warn(format_args!(
            "hashgate: warning: {}: {lines} left out; the first: {line}",
            path.display()
        ));
    }
    Ok(sample?.entries)
}
