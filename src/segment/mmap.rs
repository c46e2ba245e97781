//! The bytes of a segment: a mapped file, or a copy of it. The one place beside the kernels that
//! has `unsafe` in it.

#![expect(unsafe_code, reason = "mapping a file")]

use crate::segment::SegmentError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

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

/// The bytes of a file, aligned to a page.
pub(super) enum Bytes {
    Mapped(memmap2::Mmap),
    /// Memory of the process's own, and how much of it is the file.
    Owned {
        memory: memmap2::MmapMut,
        length: usize,
    },
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
            let mut memory = memmap2::MmapMut::map_anon(length.max(1)).map_err(io)?;
            #[cfg(target_os = "linux")]
            let _ = memory.advise(memmap2::Advice::HugePage);
            if let Some(target) = memory.get_mut(..length) {
                file.read_exact(target).map_err(io)?;
            }
            return Ok(Self::Owned { memory, length });
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

    /// A copy of bytes that are in memory already.
    pub(super) fn copy_of(bytes: &[u8]) -> std::io::Result<Self> {
        let mut memory = memmap2::MmapMut::map_anon(bytes.len().max(1))?;
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        if let Some(target) = memory.get_mut(..bytes.len()) {
            target.copy_from_slice(bytes);
        }
        Ok(Self::Owned {
            memory,
            length: bytes.len(),
        })
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned { memory, length } => memory.get(..*length).unwrap_or_default(),
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
