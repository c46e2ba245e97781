//! From options and the beginning of a list to how that list is read.
//!
//! It reads no list and changes no bank.

use crate::curation::import::error::ImportError;
use crate::curation::import::options::ImportOptions;
use crate::curation::import::source::ListSource;
use crate::curation::{Notice, Observer};
use crate::hashset::{self, Compression, DetectError, ListFormat};
use std::io::Read;

/// How much of a list is looked at to tell its format.
const DETECT_BYTES: u64 = 64 * 1024;

/// How one list is read.
pub(super) struct Plan {
    pub(super) format: ListFormat,
    /// What its source is called.
    pub(super) source: String,
    /// Its records are brought in by their source's ids.
    pub(super) is_sync: bool,
    /// It is all that its source has.
    pub(super) is_complete: bool,
}

impl Plan {
    /// How a list of this format is read; `own_name` is what the list itself calls its source.
    pub(super) fn new(
        options: &ImportOptions,
        format: ListFormat,
        list: &str,
        own_name: Option<&str>,
    ) -> Self {
        let unnamed = match format.is_exchange() {
            true => format.name(),
            false => list,
        };
        let source = options.source.as_deref().or(own_name).unwrap_or(unnamed);
        Self {
            format,
            source: source.to_owned(),
            is_sync: options.sync || options.complete || format.is_exchange(),
            // A bundle is all that its maker has.
            is_complete: options.complete || format == ListFormat::Bundle,
        }
    }
}

/// The format of the list: the one that the options name, or what its beginning tells. `None` where the
/// observer asks to stop before that is known.
pub(super) fn format(
    options: &ImportOptions,
    list: &mut ListSource<'_>,
    observer: &dyn Observer,
) -> Result<Option<ListFormat>, ImportError> {
    let front = match list.front(DETECT_BYTES, observer) {
        Err(_) if observer.is_stopped() => return Ok(None),
        front => front?,
    };
    let format = match options.format {
        Some(format) => format,
        None if front.is_empty() => return Err(ImportError::Empty),
        None => detect(&front, list.name(), observer)?,
    };
    if !options.columns.is_empty() && !format.has_columns() {
        return Err(ImportError::NoColumns { format });
    }
    Ok(Some(format))
}

/// The format that the list's first bytes tell, unpacked where they are compressed.
fn detect(front: &[u8], name: &str, observer: &dyn Observer) -> Result<ListFormat, ImportError> {
    let mut unpacked = Vec::new();
    let text = match Compression::of(front) {
        Compression::None => front,
        _ => {
            // The front is cut somewhere: what comes out before that is enough.
            let mut input = hashset::decompress(front)?.take(DETECT_BYTES);
            let _ = input.read_to_end(&mut unpacked);
            &unpacked
        }
    };
    match hashset::detect(text) {
        // Bare values of this length stand for PDQ hashes; who gave something else must be told, for it
        // could never match.
        Err(unclear @ DetectError::Unclear { format, .. }) => {
            observer.notice(Notice::ListFormat {
                list: name,
                format,
                doubt: &unclear,
            });
            Ok(format)
        }
        told => Ok(told?),
    }
}
