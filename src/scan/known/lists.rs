//! Lists: every format that an import reads, compressed or not.

use crate::bank::{Provenance, SourceStatus};
use crate::clock;
use crate::hashset::{
    self, BadLine, BundleError, DetectError, HashsetError, ListFormat, ListRecord,
};
use crate::scan::known::entries::Said;
use crate::scan::known::{Known, KnownError, LISTS};
use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;

/// What came of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListRead {
    /// What it was read as.
    pub format: ListFormat,
    /// Why it may be something else.
    pub doubt: Option<DetectError>,
    /// Rows that became entries or added to one.
    pub entries: u64,
    /// Rows that say that their source took something back.
    pub taken_back: u64,
    /// Rows that could not be used.
    pub bad: u64,
    /// Rows with nothing that can be computed here.
    pub opaque: u64,
    /// The list is one page, and its source has more.
    pub has_more: bool,
}

impl ListRead {
    /// Whether something of what the source knows is missing, so that nobody may take a file that
    /// matches nothing for clean.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.bad > 0 || self.has_more
    }
}

impl Known {
    /// Adds what a list knows. `bad` is told of each row that cannot be used; the others count.
    /// Without a format of its own, a list is read as what its beginning tells.
    ///
    /// # Errors
    /// [`KnownError`]; what the list brought before that is lost with this whole [`Known`], so that
    /// nobody scans against half a list.
    pub fn add_list(
        &mut self,
        path: &Path,
        stop: &AtomicBool,
        bad: &mut dyn FnMut(&BadLine),
    ) -> Result<ListRead, KnownError> {
        let io = |source| KnownError::Io {
            path: path.to_owned(),
            source,
        };
        if path.is_dir() {
            return Err(KnownError::IsAFolder {
                path: path.to_owned(),
            });
        }
        let unpacked = || -> std::io::Result<_> { hashset::decompress(File::open(path)?) };
        let mut front = Vec::new();
        (unpacked().map_err(io)?)
            .take(DETECT_BYTES)
            .read_to_end(&mut front)
            .map_err(io)?;
        let (format, doubt) = match hashset::detect(&front) {
            Ok(format) => (format, None),
            Err(doubt @ DetectError::Unclear { format, .. }) => (format, Some(doubt)),
            Err(source) => {
                return Err(KnownError::Detect {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        drop(front);
        if format == ListFormat::Bundle {
            check_bundle(path, unpacked().map_err(io)?)?;
        }
        let mut read = ListRead {
            format,
            doubt,
            entries: 0,
            taken_back: 0,
            bad: 0,
            opaque: 0,
            has_more: false,
        };
        let source = self.entries.source(path.display().to_string());
        let mut failure = None;
        let mut take = |row: Result<ListRecord, BadLine>| {
            if stop.load(Ordering::Relaxed) {
                failure = Some(KnownError::Stopped);
                return ControlFlow::Break(());
            }
            match row {
                Ok(record) => {
                    if let Err(error) = self.row(record, source, format, &mut read) {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                }
                Err(line) => {
                    read.bad += 1;
                    bad(&line);
                }
            }
            ControlFlow::Continue(())
        };
        let input = BufReader::with_capacity(1 << 18, unpacked().map_err(io)?);
        let end = hashset::read(input, format, &mut take);
        if let Some(error) = failure {
            return Err(error);
        }
        let end = end.map_err(|source: HashsetError| KnownError::List {
            path: path.to_owned(),
            source,
        })?;
        read.has_more = end.has_more;
        if read.entries == 0 && read.taken_back == 0 {
            return Err(KnownError::NoEntry {
                path: path.to_owned(),
            });
        }
        Ok(read)
    }

    fn row(
        &mut self,
        record: ListRecord,
        source: u32,
        format: ListFormat,
        read: &mut ListRead,
    ) -> Result<(), KnownError> {
        match record.status {
            SourceStatus::Active if record.signals.is_empty() => read.opaque += 1,
            SourceStatus::Active => read.entries += 1,
            SourceStatus::Withdrawn | SourceStatus::Deleted => read.taken_back += 1,
        }
        // Exchanges name their records: what they say of one later replaces what they said before.
        let id = record.record_id.filter(|_| format.is_exchange());
        let said = Said {
            source,
            place: record.number.unwrap_or(record.line),
            provenance: Provenance {
                record: id.clone(),
                status: record.status,
                opinions: record.opinions,
                ..Provenance::default()
            },
        };
        (self.entries).add(LISTS, record.signals, record.labels, said, id)
    }
}

/// Sees that a bundle is whole and in time. Who signed it is for whoever keeps it.
fn check_bundle(path: &Path, input: impl Read) -> Result<(), KnownError> {
    let bundle =
        hashset::inspect_bundle(BufReader::new(input)).map_err(|source: BundleError| {
            KnownError::Bundle {
                path: path.to_owned(),
                source,
            }
        })?;
    match bundle.head.expires {
        Some(expired) if expired <= clock::now() => Err(KnownError::Expired {
            path: path.to_owned(),
            expired,
        }),
        _ => Ok(()),
    }
}
