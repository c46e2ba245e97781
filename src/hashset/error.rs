//! Why a whole list cannot be read.

use crate::hashset::ListFormat;

/// Why a list cannot be read any further. What is wrong with one row is a
/// [`BadLine`](crate::hashset::BadLine) instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashsetError {
    /// The input failed.
    #[error("cannot read the list after line {line}: {source}")]
    Io {
        /// Lines read before.
        line: u64,
        /// What the system said.
        source: std::io::Error,
    },
    /// An XML list that cannot be read any further.
    #[error(
        "line {line}: the list cannot be read further: {reason}; {records} records before it were read"
    )]
    Broken {
        /// Where, from 1.
        line: u64,
        /// Records that were read before.
        records: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A CSV list without a header that can be used.
    #[error(
        "line {line} is no CSV header that can be used: {reason}; the first line must name the \
         columns, among them either signal_type and signal_str, or hash, or a signal type such \
         as pdq or md5"
    )]
    Header {
        /// Line of the header, from 1; where there is none, the number of lines.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why the format of a list must be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// Nothing in the list tells it.
    #[error("what format this list has cannot be told from its content: {seen}")]
    Unknown {
        /// What stands at its beginning.
        seen: String,
    },
    /// Values of 64 digits may be PDQ hashes or SHA-256 digests.
    #[error(
        "whether its values of 64 digits are PDQ hashes or SHA-256 digests cannot be told: of the \
         first {values}, {balanced} have the 128 bits set that PDQ hashes have{}", repair(*format)
    )]
    Unclear {
        /// The format that the list has but for this.
        format: ListFormat,
        /// Values that were looked at.
        values: usize,
        /// How many of them have as many bits set as a PDQ hash has.
        balanced: usize,
    },
}

/// What the list could say itself.
fn repair(format: ListFormat) -> &'static str {
    match format {
        ListFormat::Csv => "; digests are told by a column that is called sha256 in the header",
        ListFormat::Typed => "; digests are told by sha256 before each",
        _ => "",
    }
}

/// A column mapping that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} maps no column: expected MEANING=COLUMN, as in pdq=hash_field; a meaning is a signal \
     type (pdq, md5, sha1, sha256, …), type, value, quality, label, labels, tags, id, photodna or \
     metadata"
)]
pub struct UnknownColumn {
    /// What was given.
    pub given: String,
}
