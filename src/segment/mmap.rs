//! The bytes of a segment: a mapped file, or a copy of it. The one place beside the kernels that
//! has `unsafe` in it.

#![expect(unsafe_code, reason = "mapping a file")]

use crate::segment::SegmentError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How a segment's bytes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Memory {
    /// Mapped, and read in by the system as they are needed.
    #[default]
    Mmap,
    /// Mapped, and read in at once on opening: the first queries are as fast as the rest.
    Populate,
    /// Read into the process's own memory, which nobody can cut off or change under it.
    Copy,
}

/// A cache line; a copy is made of these, so that it is aligned as a mapping is.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C, align(64))]
pub(super) struct Line([u8; 64]);

/// The bytes of a file, aligned to 64 at least.
pub(super) enum Bytes {
    Mapped(memmap2::Mmap),
    Owned { lines: Vec<Line>, length: usize },
}

impl Bytes {
    pub(super) fn open(path: &Path, memory: Memory) -> Result<Self, SegmentError> {
        let io = |source| SegmentError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(SegmentError::Foreign {
                path: path.to_owned(),
            });
        }
        let length = usize::try_from(metadata.len()).map_err(|_| SegmentError::Structure {
            path: path.to_owned(),
            problem: format!("{} bytes do not fit this machine's memory", metadata.len()),
        })?;
        if memory == Memory::Copy || length == 0 {
            let mut lines = vec![Line([0; 64]); length.div_ceil(64)];
            if let Some(target) = lines.as_mut_bytes().get_mut(..length) {
                file.read_exact(target).map_err(io)?;
            }
            return Ok(Self::Owned { lines, length });
        }
        // SAFETY: the mapping is read-only, and hashgate never changes or cuts off a segment once
        // it has its name: `index` writes under a temporary name, renames, and only ever unlinks,
        // which leaves mappings whole. Another program that writes into the index folder can
        // break this; the folder is private to its owner (0700), and `Memory::Copy` is for those
        // who cannot rely on it.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(io)?;
        advise(&map, memory);
        Ok(Self::Mapped(map))
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned { lines, length } => lines.as_bytes().get(..*length).unwrap_or_default(),
        }
    }
}

/// Tells the system how the mapping will be read. Advice that it does not take does no harm.
fn advise(map: &memmap2::Mmap, memory: Memory) {
    #[cfg(unix)]
    {
        let _ = map.advise(memmap2::Advice::Random);
        #[cfg(target_os = "linux")]
        {
            let _ = map.advise(memmap2::Advice::HugePage);
            if memory == Memory::Populate {
                let _ = map.advise(memmap2::Advice::PopulateRead);
            }
        }
    }
    if memory == Memory::Populate {
        // Where the system has no such advice, or did not take it: touch every page.
        let mut sum = 0u8;
        for page in map.chunks(4096) {
            sum ^= page.first().copied().unwrap_or(0);
        }
        std::hint::black_box(sum);
    }
}
