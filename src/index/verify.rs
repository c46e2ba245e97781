//! Checking an index folder to the last byte.

use crate::index::folder::{self, Kind};
use crate::index::generation::open_segment;
use crate::index::manifest::{MANIFEST_FILE, Manifest, SegmentRecord};
use crate::index::{IndexError, Memory};
use crate::segment::Segment;
use std::path::{Path, PathBuf};

/// What was found in an index folder whose manifest can be read.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The generation.
    pub generation: u64,
    /// Segments that are whole.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Segments that are damaged or missing, and how.
    pub damaged: Vec<(PathBuf, IndexError)>,
    /// Segments that the manifest does not name, and files that a stopped publisher left: the next
    /// `hashgate publish` removes them.
    pub stale: Vec<PathBuf>,
    /// Files that hashgate did not put there.
    pub foreign: Vec<PathBuf>,
}

impl VerifyReport {
    /// Whether every byte of the generation is as it was published.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty()
    }
}

/// Whether digests that the manifest says tell nothing do tell nothing: gates leave them out.
fn check_implied(
    folder: &Path,
    record: &SegmentRecord,
    segment: &Segment,
) -> Result<(), IndexError> {
    let mut said = record.types.iter().filter(|part| part.implied).peekable();
    if said.peek().is_none() {
        return Ok(());
    }
    let implied = segment.implied_by_sha256();
    match said.find(|part| !implied.contains(&part.signal_type)) {
        None => Ok(()),
        Some(part) => Err(IndexError::Manifest {
            path: folder.join(MANIFEST_FILE),
            problem: format!(
                "it says that the {} digests of {} tell nothing that SHA-256 does not tell, which is wrong",
                part.signal_type, record.file
            ),
        }),
    }
}

/// Reads the manifest and every segment that it names, and holds every byte against its checksum. Where the
/// manifest says that digests tell nothing, that is checked too, in 16 bytes of memory for each digest of a segment.
///
/// # Errors
/// [`IndexError`] where the manifest is missing or damaged, or the folder cannot be read. What is
/// wrong with segments is in the report.
pub fn verify(folder: impl AsRef<Path>) -> Result<VerifyReport, IndexError> {
    let folder = folder.as_ref();
    let manifest = Manifest::read(folder)?;
    let mut report = VerifyReport {
        generation: manifest.generation,
        segments: 0,
        bytes: 0,
        damaged: Vec::new(),
        stale: Vec::new(),
        foreign: Vec::new(),
    };
    for record in &manifest.segments {
        let checked = open_segment(folder, record, Memory::Mmap, &[]).and_then(|segment| {
            segment.verify()?;
            check_implied(folder, record, &segment)
        });
        match checked {
            Ok(()) => {
                report.segments += 1;
                report.bytes += record.bytes;
            }
            Err(error) => report.damaged.push((folder.join(&record.file), error)),
        }
    }
    let files = folder::list(folder).map_err(|source| IndexError::Io {
        path: folder.to_owned(),
        source,
    })?;
    for (path, name, kind) in files {
        let named = manifest.segments.iter().any(|record| record.file == name);
        match kind {
            Kind::Manifest | Kind::Lock => {}
            Kind::Segment if named => {}
            Kind::Segment | Kind::Temporary => report.stale.push(path),
            Kind::Foreign => report.foreign.push(path),
        }
    }
    Ok(report)
}

/// Whether nothing was ever put in force in a folder: it is not there, or it holds neither a manifest nor a
/// segment. What a publisher leaves behind that was stopped before its first generation does not count:
/// its lock and temporary files. Segments that no manifest names do: whoever lost the manifest has lost
/// what was in force.
#[must_use]
pub fn is_unpublished(folder: &Path) -> bool {
    match folder::list(folder) {
        Ok(files) => (files.iter())
            .all(|(_, _, kind)| matches!(kind, Kind::Lock | Kind::Temporary | Kind::Foreign)),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::folder::{LOCK_FILE, TEMPORARY};
    use crate::index::manifest::segment_name;

    #[test]
    fn what_a_stopped_publisher_leaves_is_no_publication() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("index");
        assert!(is_unpublished(&folder), "it is not there");
        std::fs::create_dir(&folder).unwrap();
        let segment = segment_name(1, 0);
        for name in [
            LOCK_FILE.to_owned(),
            format!("{MANIFEST_FILE}{TEMPORARY}"),
            format!("{segment}{TEMPORARY}"),
        ] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        assert!(is_unpublished(&folder));
        for name in [segment.as_str(), MANIFEST_FILE] {
            std::fs::write(folder.join(name), b"").unwrap();
            assert!(!is_unpublished(&folder), "{name}");
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        assert!(
            !is_unpublished(&folder.join(LOCK_FILE)),
            "a file is no folder"
        );
    }
}
