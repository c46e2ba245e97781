//! Arguments that several commands share: which files, by how many workers, within which limits,
//! against which index.

use crate::cli::home::Home;
use crate::gate::{Isolation, VariantSet};
use crate::index::{Index, Memory};
use crate::media::Limits;
use crate::scan::Options;
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Which files are read, and by how many workers.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// Files and folders; folders are read with all that is below them
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Worker threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// Follow symbolic links below the given paths
    #[arg(long)]
    follow_links: bool,
}

impl FileArgs {
    /// How to go through the files.
    pub(crate) fn options(&self, ordered: bool) -> Options {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Options {
            jobs: self.jobs.map_or_else(cores, usize::from),
            ordered,
            follow_links: self.follow_links,
        }
    }
}

/// Bounds on what one input may cost; beyond them its outcome is `too_large`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Largest file, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_file_bytes)]
    max_file_bytes: u64,
    /// Longest side of a picture, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = Limits::default().max_side)]
    max_side: u32,
    /// Most pixels of a picture
    #[arg(long, value_name = "PIXELS", default_value_t = Limits::default().max_pixels)]
    max_pixels: u64,
    /// Most memory that decoding one picture may take, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_decoder_bytes)]
    max_decoder_bytes: u64,
    /// Most frames of an animation that are looked at
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_frames)]
    max_frames: u32,
    /// Most pixels of all frames of an animation together
    #[arg(long, value_name = "PIXELS", default_value_t = Limits::default().max_total_pixels)]
    max_total_pixels: u64,
}

impl LimitArgs {
    /// The limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_file_bytes: self.max_file_bytes,
            max_side: self.max_side,
            max_pixels: self.max_pixels,
            max_decoder_bytes: self.max_decoder_bytes,
            max_frames: self.max_frames,
            max_total_pixels: self.max_total_pixels,
        }
    }
}

/// What is looked at in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct IsolationArgs {
    /// What is looked at in a locked process of its own: unchecked (what decoders work on whose memory
    /// safety no compiler has checked: AVIF) or everything (each whole file: safer, and slower by some
    /// milliseconds). Linux only; where there is no lock, what was to run in it is `unsupported`
    #[arg(long, value_name = "WHAT", default_value_t = Isolation::Unchecked, help_heading = "Limits")]
    pub(crate) isolate: Isolation,
}

/// Which forms of a picture are asked about.
#[derive(Debug, Args)]
pub(crate) struct VariantArgs {
    /// Which forms of a picture are asked about besides the stored one: none, standard, thorough,
    /// or a list of displayed, over_black, alpha_ignored (stored colours, as if nothing were
    /// transparent), colour_managed (by the file's profile or gamma), embedded (the picture in the
    /// EXIF block), frames, dihedral, inverted, trim, uncrop, crop, cover, straighten and perspective. A list with
    /// thorough in it asks about more of each
    #[arg(long, value_name = "SET", default_value = "standard")]
    pub(crate) variants: VariantSet,
}

/// Which index is asked, and how its bytes are held.
#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// Ask this index folder instead of the home folder's
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,

    /// How the index is held in memory
    #[arg(long, value_enum, value_name = "MODE", default_value = "mmap")]
    index_memory: MemoryMode,
}

/// How an index is held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MemoryMode {
    /// Mapped, and read in as it is needed: starts at once
    Mmap,
    /// Mapped, and read in at the start: for many questions
    Populate,
    /// Read into memory of its own: for a folder that other programs may write to
    Copy,
}

impl MemoryMode {
    /// How to hold it in memory.
    pub(crate) const fn memory(self) -> Memory {
        match self {
            Self::Mmap => Memory::Mmap,
            Self::Populate => Memory::Populate,
            Self::Copy => Memory::Copy,
        }
    }
}

impl IndexArgs {
    /// Whether a folder is named, so that no home is needed.
    pub(crate) const fn is_given(&self) -> bool {
        self.index.is_some()
    }

    /// The index folder.
    pub(crate) fn folder(&self, home: &Home) -> PathBuf {
        self.index.clone().unwrap_or_else(|| home.index())
    }

    /// How to hold it in memory.
    pub(crate) fn memory(&self) -> Memory {
        self.index_memory.memory()
    }

    /// Says with `-v` what is asked.
    pub(crate) fn log(&self, index: &Index) {
        tracing::info!(
            "asking generation {} in {}: {} segments, kernel {}, memory {:?}",
            index.generation(),
            index.folder().display(),
            index.stats().segments,
            index.kernel().name(),
            self.memory()
        );
    }
}
