//! Samples of harmless pictures: lists of PDQ hashes in any format that is read, compressed or not.
//!
//! Owned here: the one way to read such a list. A row that cannot be used is left out, counted, and
//! the first one is named. A list without a PDQ hash is an error: an evaluation by it would say that
//! nothing is flagged wrongly. Refused: saying any of it to people; the caller does.

use crate::hash::{PdqHash, Quality};
use crate::hashset::{BadLine, DetectError, HashsetError, decompress, detect, read};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;

/// A PDQ hash of a picture that is known to be harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenignEntry {
    /// Its hash.
    pub hash: PdqHash,
    /// Its quality, where known.
    pub quality: Option<Quality>,
}

/// A list of harmless hashes, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// Each hash once, with the best quality that it has in the list, sorted: a list in another order
    /// is the same sample. At least one.
    pub entries: Vec<BenignEntry>,
    /// Rows that could not be used and were left out.
    pub bad_lines: u64,
    /// The first of them.
    pub first_bad: Option<BadLine>,
}

/// Why a sample cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its format cannot be told.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The list.
        path: PathBuf,
        /// Why not.
        reason: DetectError,
    },
    /// It cannot be read to its end.
    #[error("{}: {reason}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Why not.
        reason: HashsetError,
    },
    /// It has no PDQ hash.
    #[error("{} holds no PDQ hash", path.display())]
    Empty {
        /// The list.
        path: PathBuf,
        /// Rows that could not be used.
        bad_lines: u64,
        /// The first of them.
        first_bad: Option<BadLine>,
    },
}

impl Sample {
    /// Reads a list. Its format is told by its content. Values of 64 digits that may be PDQ hashes or SHA-256
    /// digests are taken for PDQ hashes.
    ///
    /// # Errors
    /// [`SampleError`], which names the file.
    pub fn read(path: &Path) -> Result<Self, SampleError> {
        let failed = |source| SampleError::Io {
            path: path.to_owned(),
            source,
        };
        let unpacked = || decompress(File::open(path)?);
        let mut front = Vec::new();
        let list = unpacked().map_err(failed)?;
        list.take(DETECT_BYTES)
            .read_to_end(&mut front)
            .map_err(failed)?;
        let format = match detect(&front) {
            Ok(format) | Err(DetectError::Unclear { format, .. }) => format,
            Err(reason) => {
                return Err(SampleError::Format {
                    path: path.to_owned(),
                    reason,
                });
            }
        };
        let mut entries: BTreeMap<PdqHash, Option<Quality>> = BTreeMap::new();
        let (mut bad_lines, mut first_bad) = (0, None);
        let list = unpacked().map_err(failed)?;
        read(list, format, &mut |row| {
            match row {
                Ok(record) => {
                    for entry in record.signals {
                        if let Some(hash) = entry.signal.as_pdq() {
                            let held = entries.entry(hash).or_insert(entry.quality);
                            *held = (*held).max(entry.quality);
                        }
                    }
                }
                Err(line) => {
                    bad_lines += 1;
                    first_bad.get_or_insert(line);
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(|reason| SampleError::List {
            path: path.to_owned(),
            reason,
        })?;
        if entries.is_empty() {
            return Err(SampleError::Empty {
                path: path.to_owned(),
                bad_lines,
                first_bad,
            });
        }
        let entries = entries.into_iter();
        Ok(Self {
            entries: entries
                .map(|(hash, quality)| BenignEntry { hash, quality })
                .collect(),
            bad_lines,
            first_bad,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
    const HIGH: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";

    fn sample(text: &str) -> Result<Sample, SampleError> {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("list.csv");
        std::fs::write(&path, text).unwrap();
        Sample::read(&path)
    }

    #[test]
    fn each_hash_counts_once_with_its_best_quality_in_one_order() {
        let rows = [
            format!("{HIGH},60"),
            format!("{LOW},80"),
            format!("{HIGH},90"),
            format!("{HIGH},70"),
        ];
        let list = |rows: &[String]| format!("hash,quality\n{}\n", rows.join("\n"));
        let read = sample(&list(&rows)).unwrap();
        let found: Vec<_> = (read.entries.iter())
            .map(|entry| (entry.hash.to_string(), entry.quality.map(Quality::get)))
            .collect();
        assert_eq!(found, [(LOW.into(), Some(80)), (HIGH.into(), Some(90))]);
        assert_eq!((read.bad_lines, &read.first_bad), (0, &None));
        let turned: Vec<String> = rows.into_iter().rev().collect();
        assert_eq!(sample(&list(&turned)).unwrap(), read);
    }

    #[test]
    fn bad_rows_are_left_out_and_counted_and_the_first_is_named() {
        let text = format!("hash,quality\n{LOW},80\nno hash,80\n{HIGH},90\nnor this,1\n");
        let read = sample(&text).unwrap();
        assert_eq!((read.entries.len(), read.bad_lines), (2, 2));
        let first = read.first_bad.unwrap();
        assert_eq!(first.line, 3);
        assert!(first.to_string().contains("no hash"), "{first}");
    }

    #[test]
    fn a_list_without_a_pdq_hash_is_no_sample() {
        let digests = "md5 d41d8cd98f00b204e9800998ecf8427e\n";
        let refused = sample(digests).unwrap_err();
        assert!(matches!(
            &refused,
            SampleError::Empty {
                first_bad: None,
                ..
            }
        ));
        assert!(refused.to_string().ends_with("list.csv holds no PDQ hash"));
        let refused = sample("hash,quality\nno hash,80\n").unwrap_err();
        let SampleError::Empty {
            bad_lines: 1,
            first_bad,
            ..
        } = refused
        else {
            panic!("{refused}");
        };
        assert_eq!(first_bad.map(|line| line.line), Some(2));
        let refused = sample("hello\n").unwrap_err();
        assert!(matches!(refused, SampleError::Format { .. }), "{refused}");
        let missing = Sample::read(Path::new("/nowhere/list")).unwrap_err();
        assert!(matches!(missing, SampleError::Io { .. }), "{missing}");
    }
}
