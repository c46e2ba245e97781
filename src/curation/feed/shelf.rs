//! Where a feed's files lie: a folder, or whatever else can hold whole files.

use crate::files;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What a place says that fails: where, and why.
pub type ShelfError = Box<dyn Error + Send + Sync>;

/// A place for a feed's files. Names are relative, with `/` between the parts.
pub trait Shelf {
    /// A file, where it has no more than so many bytes; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is longer.
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ShelfError>;

    /// Copies a file to another, where it has no more than so many bytes; false where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is longer.
    fn copy(&self, name: &str, most: u64, to: &mut File) -> Result<bool, ShelfError>;

    /// How many bytes a file has; `None` where there is none.
    ///
    /// # Errors
    /// What the place says.
    fn length(&self, name: &str) -> Result<Option<u64>, ShelfError>;

    /// Writes a file, whatever was there. It is there whole or not at all, and lasts when this returns.
    ///
    /// # Errors
    /// What the place says.
    fn put(&self, name: &str, from: &mut File) -> Result<(), ShelfError>;

    /// Writes a small file in the place of what is there, which must be these bytes, or nothing: false where it is something else.
    ///
    /// # Errors
    /// What the place says.
    fn replace(&self, name: &str, bytes: &[u8], over: Option<&[u8]>) -> Result<bool, ShelfError>;

    /// The files in a folder, and since when each is there: seconds since 1970-01-01 UTC.
    ///
    /// # Errors
    /// What the place says.
    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, ShelfError>;

    /// Removes a file; one that is not there is removed.
    ///
    /// # Errors
    /// What the place says.
    fn remove(&self, name: &str) -> Result<(), ShelfError>;
}

/// A folder of this machine. Its files can be read by those who may read the folder; a folder that is made here is its owner's
/// alone.
#[derive(Debug)]
pub struct FolderShelf {
    folder: PathBuf,
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ShelfError {
    let path = path.display().to_string();
    move |error| format!("cannot {what} {path}: {error}").into()
}

impl FolderShelf {
    /// The folder, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn at(folder: impl Into<PathBuf>) -> Result<Self, ShelfError> {
        let folder = folder.into();
        files::create_folder(&folder).map_err(failed("make", &folder))?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        name.split('/')
            .fold(self.folder.clone(), |path, part| path.join(part))
    }

    fn open(&self, name: &str, most: u64) -> Result<Option<File>, ShelfError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed("open", &path))?,
        };
        let bytes = file.metadata().map_err(failed("look at", &path))?.len();
        match bytes <= most {
            true => Ok(Some(file)),
            false => Err(format!("{} has more than {most} bytes", path.display()).into()),
        }
    }

    /// Writes a file as one that those can read who may read the folder.
    fn write(&self, name: &str, from: &mut dyn Read) -> Result<(), ShelfError> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            self.make(folder)?;
        }
        let written = files::replace(&path, |file| {
            io::copy(from, file)?;
            self.open_up(file, 0o444)
        });
        Ok(written?)
    }

    /// Makes a folder below this one, for those who may read this one.
    fn make(&self, folder: &Path) -> Result<(), ShelfError> {
        if folder.is_dir() {
            return Ok(());
        }
        let made = || {
            files::create_folder(folder)?;
            self.open_up(&File::open(folder)?, 0o555)?;
            files::sync_folder(&self.folder)
        };
        made().map_err(failed("make", folder))
    }

    #[cfg(unix)]
    fn open_up(&self, file: &File, bits: u32) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let of_folder = fs::metadata(&self.folder)?.permissions().mode();
        let own = file.metadata()?.permissions().mode() & 0o777;
        let others = of_folder & bits & 0o077;
        file.set_permissions(fs::Permissions::from_mode(own | others))
    }

    #[cfg(not(unix))]
    fn open_up(&self, _: &File, _: u32) -> io::Result<()> {
        Ok(())
    }
}

impl Shelf for FolderShelf {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ShelfError> {
        let Some(file) = self.open(name, most)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = file.take(most).read_to_end(&mut bytes);
        read.map_err(failed("read", &self.path(name)))?;
        Ok(Some(bytes))
    }

    fn copy(&self, name: &str, most: u64, to: &mut File) -> Result<bool, ShelfError> {
        let Some(file) = self.open(name, most)? else {
            return Ok(false);
        };
        io::copy(&mut file.take(most), to).map_err(failed("copy", &self.path(name)))?;
        Ok(true)
    }

    fn length(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        let path = self.path(name);
        match fs::metadata(&path) {
            Ok(facts) => Ok(Some(facts.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", &path)(error)),
        }
    }

    fn put(&self, name: &str, from: &mut File) -> Result<(), ShelfError> {
        from.seek(SeekFrom::Start(0))?;
        self.write(name, from)
    }

    /// Nothing keeps another publisher from writing meanwhile: a folder has one.
    fn replace(&self, name: &str, bytes: &[u8], over: Option<&[u8]>) -> Result<bool, ShelfError> {
        let most = bytes.len().max(over.map_or(0, <[u8]>::len)) as u64;
        let there = match self.length(name)? {
            Some(length) if length > most => return Ok(false),
            _ => self.get(name, most)?,
        };
        if there.as_deref() != over {
            return Ok(false);
        }
        self.write(name, &mut &*bytes)?;
        Ok(true)
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, ShelfError> {
        let path = self.path(folder);
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed("read", &path))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("read", &path))?;
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            let since = facts.modified().ok();
            let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            if let (true, Ok(name), Some(since)) =
                (facts.is_file(), entry.file_name().into_string(), since)
            {
                found.push((name, since.as_secs()));
            }
        }
        Ok(found)
    }

    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }
}
