//! The last acknowledged revision, kept beside RocksDB's files: what the store must hold at least.
//!
//! The end of a write-ahead log cannot say whether it was cut off while it was written, which a
//! kill does, or damaged later: both look alike. So each change writes its revision here, and syncs
//! it, after its batch is on the disk and before it is acknowledged. Whoever opens the store and
//! finds less than that knows that something is lost.
//!
//! The file has two slots of 512 bytes that are written in turns, so that one is always whole:
//! the magic, the revision (big-endian), the CRC-32C of both (big-endian), zeros. The higher
//! revision of the whole slots counts.

use crate::files::replace_by;
use crate::store::StoreError;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of the file.
pub(super) const FILE: &str = "acknowledged";
/// The file as it is made anew.
const NEW_FILE: &str = "acknowledged.new";

const MAGIC: &[u8; 8] = b"hg-ackn1";
const SLOT: usize = 512;
const SLOTS: u64 = 2;

/// How often a slot that is being written is read again.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// There is none.
    Nothing,
    /// Neither slot can be read.
    Damaged,
    /// The last acknowledged revision, or where only one slot can be read perhaps the one before.
    Revision { revision: u64, whole: bool },
}

impl Said {
    pub(super) fn revision(self) -> Option<u64> {
        match self {
            Self::Revision { revision, .. } => Some(revision),
            Self::Nothing | Self::Damaged => None,
        }
    }
}

fn slot(revision: u64) -> [u8; SLOT] {
    let mut bytes = [0; SLOT];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&revision.to_be_bytes());
    let checksum = crc32c::crc32c(&bytes[..16]);
    bytes[16..20].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<u64> {
    let revision = u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?);
    (bytes == slot(revision)).then_some(revision)
}

/// What the file in a store's folder says.
pub(super) fn read(folder: &Path) -> Result<Said, StoreError> {
    let path = folder.join(FILE);
    let mut said = Said::Damaged;
    for tried in 0..TRIES {
        if tried > 0 {
            std::thread::sleep(PAUSE);
        }
        said = match read_once(&path) {
            Ok(said) => said,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Said::Nothing),
            Err(source) => return Err(StoreError::io("read", &path, source)),
        };
        if matches!(said, Said::Revision { whole: true, .. }) {
            break;
        }
    }
    Ok(said)
}

fn read_once(path: &Path) -> std::io::Result<Said> {
    let mut bytes = Vec::new();
    let most = SLOTS * SLOT as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    let found: Vec<u64> = bytes.chunks(SLOT).filter_map(parse).collect();
    let whole = found.len() as u64 == SLOTS && bytes.len() == SLOTS as usize * SLOT;
    Ok(match found.into_iter().max() {
        Some(revision) => Said::Revision { revision, whole },
        None => Said::Damaged,
    })
}

/// The file as the one writer holds it.
pub(super) struct Acknowledged {
    file: File,
    path: PathBuf,
}

impl Acknowledged {
    /// Opens the file of a store that is at a revision; makes it anew where it says anything else.
    pub(super) fn open(folder: &Path, said: Said, revision: u64) -> Result<Self, StoreError> {
        let path = folder.join(FILE);
        let whole = true;
        if said != (Said::Revision { revision, whole }) {
            if matches!(said, Said::Damaged | Said::Revision { whole: false, .. }) {
                tracing::warn!("{} was damaged and is made anew", path.display());
            }
            make(folder, &path, revision)?;
        }
        let file = File::options().write(true).open(&path);
        let file = file.map_err(|source| StoreError::io("open", &path, source))?;
        Ok(Self { file, path })
    }

    /// Writes a revision down.
    pub(super) fn set(&mut self, revision: u64) -> Result<(), StoreError> {
        let position = (revision % SLOTS) * SLOT as u64;
        let file = &mut self.file;
        file.seek(SeekFrom::Start(position))
            .and_then(|_| file.write_all(&slot(revision)))
            .and_then(|()| file.sync_data())
            .map_err(|source| StoreError::io("write", &self.path, source))
    }
}

fn make(folder: &Path, path: &Path, revision: u64) -> Result<(), StoreError> {
    let bytes = [slot(revision), slot(revision)].concat();
    replace_by(&folder.join(NEW_FILE), path, true, |file| {
        file.write_all(&bytes)
    })
    .map_err(|error| StoreError::io("write", &error.path, error.source))
}

/// Whether a name in the folder of a store that was never begun may be of this file.
pub(super) fn is_unfinished(name: &str) -> bool {
    name == NEW_FILE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn revision(revision: u64, whole: bool) -> Said {
        Said::Revision { revision, whole }
    }

    #[test]
    fn the_last_revision_is_kept_whichever_slot_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(read(folder).unwrap(), Said::Nothing);
        let mut kept = Acknowledged::open(folder, Said::Nothing, 7).unwrap();
        assert_eq!(read(folder).unwrap(), revision(7, true));
        for next in 8..12 {
            kept.set(next).unwrap();
            assert_eq!(read(folder).unwrap(), revision(next, true));
        }
        let path = folder.join(FILE);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 1024);
        for at in [0, 9, 17, 20, 511, 512, 1023] {
            let mut torn = bytes.clone();
            torn[at] ^= 4;
            fs::write(&path, &torn).unwrap();
            // The even revisions are in the first slot.
            let left = if at < 512 { 11 } else { 10 };
            assert_eq!(read(folder).unwrap(), revision(left, false), "{at}");
        }
        for len in [0, 1, 511] {
            fs::write(&path, &bytes[..len]).unwrap();
            assert_eq!(read(folder).unwrap(), Said::Damaged, "{len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        fs::write(&path, longer).unwrap();
        assert_eq!(read(folder).unwrap(), revision(11, false));
        drop(Acknowledged::open(folder, revision(11, false), 12).unwrap());
        assert_eq!(read(folder).unwrap(), revision(12, true));
    }

    #[test]
    fn the_file_has_its_documented_bytes() {
        let bytes = slot(0x0102);
        assert_eq!(&bytes[..16], b"hg-ackn1\0\0\0\0\0\0\x01\x02");
        assert_eq!(bytes[16..20], crc32c::crc32c(&bytes[..16]).to_be_bytes());
        assert_eq!(bytes[20..], [0; 492]);
    }
}
