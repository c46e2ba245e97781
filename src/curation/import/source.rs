//! The bytes of a list as they come: from a file or from whatever reads, counted, and ended where the
//! observer asks for it.
//!
//! It refuses to know what is in them.

use crate::curation::Observer;
use crate::hashset::decompress;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A list to read.
pub struct ListSource<'a> {
    /// What messages call it.
    name: String,
    origin: Origin<'a>,
    /// The beginning of a reader.
    front: Vec<u8>,
    /// The list in a file without a name: a reader's where it has to be read twice, and a bundle's.
    kept: Option<File>,
}

enum Origin<'a> {
    File(PathBuf),
    Open(File),
    Reader(Box<dyn Read + 'a>),
}

impl<'a> ListSource<'a> {
    /// The list in a file. Messages call it by its path.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string(),
            origin: Origin::File(path),
            front: Vec::new(),
            kept: None,
        }
    }

    /// The list in a file that is open, all of it, wherever that was read to; messages call it by this name.
    #[must_use]
    pub fn opened(name: impl Into<String>, file: File) -> Self {
        Self {
            name: name.into(),
            origin: Origin::Open(file),
            front: Vec::new(),
            kept: None,
        }
    }

    /// The list that comes out of a reader, which is read to its end; messages call it by this name. One
    /// that may be quiet for long is best a [`Waiting`].
    #[must_use]
    pub fn reader(name: impl Into<String>, reader: impl Read + 'a) -> Self {
        Self {
            name: name.into(),
            origin: Origin::Reader(Box::new(reader)),
            front: Vec::new(),
            kept: None,
        }
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The beginning of the list, of at most so many bytes. A pipe gives its bytes as they come, so
    /// this waits for all of them.
    pub(super) fn front(&mut self, bytes: u64, observer: &dyn Observer) -> io::Result<Vec<u8>> {
        let mut front = Vec::new();
        match &mut self.origin {
            Origin::File(path) => File::open(path)?.take(bytes).read_to_end(&mut front)?,
            Origin::Open(file) => from_start(file)?.take(bytes).read_to_end(&mut front)?,
            Origin::Reader(reader) => {
                let read = Input::new(reader, observer)
                    .take(bytes)
                    .read_to_end(&mut front)?;
                self.front.clone_from(&front);
                read
            }
        };
        Ok(front)
    }

    /// Makes it possible to read the list twice: what comes out of a reader is kept in a file of the folder
    /// that has no name.
    pub(super) fn keep(&mut self, folder: &Path, observer: &dyn Observer) -> io::Result<()> {
        if self.kept.is_none() && matches!(self.origin, Origin::Reader(_)) {
            let mut file = tempfile::tempfile_in(folder)?;
            io::copy(&mut self.open(observer)?.input, &mut file)?;
            self.kept = Some(file);
        }
        Ok(())
    }

    /// Copies the list, unpacked, into a file of the folder that has no name, and gives that: what is
    /// checked there is what is read afterwards, whatever becomes of the list's own file. `None` where it has more
    /// than `most` bytes; no more than one beyond are written.
    pub(super) fn keep_unpacked(
        &mut self,
        folder: &Path,
        most: u64,
        observer: &dyn Observer,
    ) -> io::Result<Option<File>> {
        let mut copy = tempfile::tempfile_in(folder)?;
        let unpacked = decompress(self.open(observer)?.input)?;
        let copied = io::copy(&mut unpacked.take(most.saturating_add(1)), &mut copy)?;
        if copied > most {
            return Ok(None);
        }
        let given = copy.try_clone()?;
        self.kept = Some(copy);
        Ok(Some(given))
    }

    /// The list from its beginning.
    pub(super) fn open<'s>(&'s mut self, observer: &'s dyn Observer) -> io::Result<Opened<'s>> {
        let of_file = |file: File| -> io::Result<(Box<dyn Read>, u64)> {
            let bytes = file.metadata()?.len();
            Ok((Box::new(file), bytes))
        };
        let (inner, bytes): (Box<dyn Read + 's>, u64) = match (&mut self.origin, &self.kept) {
            (_, Some(kept)) => of_file(from_start(kept)?)?,
            (Origin::Open(file), None) => of_file(from_start(file)?)?,
            (Origin::File(path), None) => of_file(File::open(path)?)?,
            (Origin::Reader(reader), None) => (Box::new(Cursor::new(&self.front).chain(reader)), 0),
        };
        let input = Input::new(inner, observer);
        Ok(Opened {
            bytes,
            position: Arc::clone(&input.position),
            input,
        })
    }
}

/// A file that is open, from its beginning.
fn from_start(file: &File) -> io::Result<File> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(file)
}

/// A list that is being read.
pub(super) struct Opened<'s> {
    pub(super) input: Input<'s, Box<dyn Read + 's>>,
    /// How many bytes it has, 0 where that is not known.
    pub(super) bytes: u64,
    /// How many of them are read.
    pub(super) position: Arc<AtomicU64>,
}

/// A list's bytes as they come: counts them, to show how far it is, and fails once the observer asks to
/// stop.
pub(super) struct Input<'s, R> {
    inner: R,
    position: Arc<AtomicU64>,
    observer: &'s dyn Observer,
}

impl<'s, R> Input<'s, R> {
    fn new(inner: R, observer: &'s dyn Observer) -> Self {
        Self {
            inner,
            position: Arc::default(),
            observer,
        }
    }
}

impl<R: Read> Read for Input<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.observer.is_stopped() {
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

/// A pipe, a socket or standard input that may be quiet for long: waits for it in pieces, and fails once
/// the observer asks to stop.
pub struct Waiting<'a, R> {
    inner: R,
    observer: &'a dyn Observer,
}

impl<'a, R> Waiting<'a, R> {
    /// Reads this, and stops as the observer says. On Unix its descriptor itself is read: nothing of it may
    /// stand in a buffer already, of which waiting would know nothing.
    #[must_use]
    pub fn new(inner: R, observer: &'a dyn Observer) -> Self {
        Self { inner, observer }
    }
}

#[cfg(unix)]
impl<R: std::os::fd::AsFd> Read for Waiting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        const PIECE: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        loop {
            if self.observer.is_stopped() {
                return Err(stopped());
            }
            let mut waiting = [PollFd::new(&self.inner, PollFlags::IN)];
            match poll(&mut waiting, Some(&PIECE)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(rustix::io::read(&self.inner, &mut *buffer)?),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(unix))]
impl<R: Read> Read for Waiting<'_, R> {
    /// There is no waiting in pieces: between two reads it looks whether it is to stop.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.observer.is_stopped() {
            return Err(stopped());
        }
        self.inner.read(buffer)
    }
}
