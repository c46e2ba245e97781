//! The bytes of a list as they come: from a file or from standard input, counted, and ended where the
//! process is asked to stop.
//!
//! It refuses to know what is in them.

use crate::hashset::decompress;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where a list comes from.
pub(super) struct Source {
    /// What messages call it.
    pub(super) name: String,
    pub(super) path: Option<PathBuf>,
    /// The beginning of standard input.
    front: Vec<u8>,
    /// The list of standard input where it has to be read twice, and a bundle.
    kept: Option<File>,
    stop: Arc<AtomicBool>,
}

impl Source {
    /// A file, or standard input where the path is `-`.
    pub(super) fn new(path: &Path, stop: &Arc<AtomicBool>) -> Self {
        let path = (path.as_os_str() != "-").then(|| path.to_path_buf());
        let name = path.as_ref().map(|path| path.display().to_string());
        Self {
            name: name.unwrap_or_else(|| "standard input".to_owned()),
            path,
            front: Vec::new(),
            kept: None,
            stop: Arc::clone(stop),
        }
    }

    /// The beginning of the list, of at most so many bytes. A pipe gives its bytes as they come, so
    /// this waits for all of them.
    pub(super) fn front(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut front = Vec::new();
        match &self.path {
            Some(path) => File::open(path)?.take(bytes).read_to_end(&mut front)?,
            None => {
                let stop = Arc::clone(&self.stop);
                let read = Stdin { stop }.take(bytes).read_to_end(&mut front)?;
                self.front.clone_from(&front);
                read
            }
        };
        Ok(front)
    }

    /// Makes it possible to read the list twice: standard input is kept in a file of the folder that
    /// has no name.
    pub(super) fn keep(&mut self, folder: &Path) -> io::Result<()> {
        if self.path.is_none() && self.kept.is_none() {
            let mut file = tempfile::tempfile_in(folder)?;
            let stop = Arc::clone(&self.stop);
            io::copy(
                &mut Cursor::new(&self.front).chain(Stdin { stop }),
                &mut file,
            )?;
            self.kept = Some(file);
        }
        Ok(())
    }

    /// Copies the list, unpacked, into a file of the folder that has no name, and gives that: what is
    /// checked there is what is read afterwards, whatever becomes of the list's own file.
    pub(super) fn keep_unpacked(&mut self, folder: &Path) -> io::Result<File> {
        let mut copy = tempfile::tempfile_in(folder)?;
        let (input, ..) = self.open()?;
        io::copy(&mut decompress(input)?, &mut copy)?;
        let given = copy.try_clone()?;
        self.kept = Some(copy);
        Ok(given)
    }

    /// The list from its beginning; how many bytes it has, 0 where that is not known; and where the
    /// reading is.
    pub(super) fn open(&self) -> io::Result<(Input, u64, Arc<AtomicU64>)> {
        let (inner, bytes): (Box<dyn Read>, u64) = match (&self.path, &self.kept) {
            (_, Some(kept)) => {
                let mut file = kept.try_clone()?;
                file.rewind()?;
                let bytes = file.metadata()?.len();
                (Box::new(file), bytes)
            }
            (Some(path), None) => {
                let file = File::open(path)?;
                let bytes = file.metadata()?.len();
                (Box::new(file), bytes)
            }
            (None, None) => {
                let stop = Arc::clone(&self.stop);
                (
                    Box::new(Cursor::new(self.front.clone()).chain(Stdin { stop })),
                    0,
                )
            }
        };
        let position = Arc::new(AtomicU64::new(0));
        let input = Input {
            inner,
            position: Arc::clone(&position),
            stop: Arc::clone(&self.stop),
        };
        Ok((input, bytes, position))
    }
}

/// A list's bytes as they come: counts them, to show how far it is, and fails once the process is
/// asked to stop.
pub(super) struct Input {
    inner: Box<dyn Read>,
    position: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn stopped() -> io::Error {
    io::Error::other("asked to stop")
}

/// Standard input, which may be quiet for long: waits for it in pieces and looks whether the
/// process is asked to stop in between.
struct Stdin {
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "there is no waiting in pieces there")
    )]
    stop: Arc<AtomicBool>,
}

#[cfg(unix)]
impl Read for Stdin {
    /// Reads the descriptor itself: in the buffer of [`io::stdin`] there may be bytes of which
    /// waiting knows nothing.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        const PIECE: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let stdin = io::stdin();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(stopped());
            }
            let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut waiting, Some(&PIECE)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&stdin, &mut *buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(unix))]
impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::stdin().read(buffer)
    }
}
