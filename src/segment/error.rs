//! Why a segment file is refused.

use std::path::PathBuf;

/// Why a segment file cannot be opened, or is damaged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file does not begin as a segment does.
    #[error(
        "{}: not a hashgate segment (it does not begin with the magic bytes); remove it from the \
         index folder, or run `hashgate publish` to build the index anew", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another version wrote the file.
    #[error(
        "{}: segment format version {got}, this program reads up to version {expected}; upgrade hashgate, \
         or run `hashgate publish` with this version", path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The newest version that this program reads.
        expected: u32,
        /// The version that the file states.
        got: u32,
    },
    /// The file was written on a machine of another byte order, or this machine has another.
    #[error(
        "{}: byte-order mark {got:#010x}, expected {expected:#010x}: segments are little-endian and \
         need a little-endian machine; build the index on one", path.display()
    )]
    ByteOrder {
        /// The file.
        path: PathBuf,
        /// The mark as this machine reads its own.
        expected: u32,
        /// The mark as this machine reads the file's.
        got: u32,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{}: {got} bytes long, expected {expected}: cut off or added to; copy it again, or run \
         `hashgate publish`", path.display()
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has.
        got: u64,
    },
    /// A checksum does not fit the bytes.
    #[error(
        "{}: {part} is damaged (checksum {got:08x}, expected {expected:08x}); copy the file again, \
         or run `hashgate publish --full`", path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        part: String,
        /// The checksum that the file states.
        expected: u32,
        /// The checksum of the bytes.
        got: u32,
    },
    /// A part contradicts the format.
    #[error(
        "{}: {problem}; copy the file again, or run `hashgate publish --full`", path.display()
    )]
    Structure {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        problem: String,
    },
}
