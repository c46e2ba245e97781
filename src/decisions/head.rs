//! The note `HEAD` of where the log ends: two slots, written in turns, each with a checksum.
//!
//! It is written after the lines that it speaks of are on the disk, so it never names a line that a
//! power cut could take. One who can write the log can write it too: what it can show, and what
//! not, is in FORMAT.md.

use crate::decisions::chain::{Link, VERSION};
use crate::decisions::{DecisionError, files};
use crate::files::replace_by;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of a slot; a torn write spoils one.
const SLOT: usize = 512;
const SLOTS: u64 = 2;

/// Where a log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The log's own name, drawn by chance when it was begun: 32 hexadecimal digits.
    pub log: String,
    /// The number of its last file; 0 where there is none yet.
    pub file: u64,
    /// Its last line.
    pub link: Link,
}

#[derive(Serialize, Deserialize)]
struct Slot<'a> {
    v: u8,
    log: &'a str,
    file: u64,
    n: u64,
    sha256: &'a str,
}

fn encode(head: &Head) -> Result<Vec<u8>, serde_json::Error> {
    let mut text = serde_json::to_vec(&Slot {
        v: VERSION,
        log: &head.log,
        file: head.file,
        n: head.link.n,
        sha256: &head.link.sha256.to_string(),
    })?;
    let crc32c = crc32c::crc32c(&text);
    text.extend_from_slice(format!(" {crc32c:08x}").as_bytes());
    text.resize(SLOT - 1, b' ');
    text.push(b'\n');
    Ok(text)
}

fn parse(slot: &[u8]) -> Option<Head> {
    let end = slot.iter().rposition(|&byte| byte == b'}')? + 1;
    let (text, rest) = slot.split_at_checked(end)?;
    let read: Slot<'_> = serde_json::from_slice(text).ok()?;
    let head = Head {
        log: read.log.to_owned(),
        file: read.file,
        link: Link {
            n: read.n,
            sha256: read.sha256.parse().ok()?,
        },
    };
    // Every byte counts, the blanks too.
    let is_one = !rest.is_empty() && encode(&head).ok()? == slot;
    (is_one && read.v == VERSION).then_some(head)
}

/// What the note says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    Damaged,
    /// The newer of what its slots say, the slot that says it, and whether both can be read.
    Head {
        head: Head,
        slot: u64,
        whole: bool,
    },
}

pub(super) fn read(folder: &Path) -> Result<Said, DecisionError> {
    // A writer may be at it: what it just writes can be read at another try.
    let mut said = read_once(folder)?;
    for _ in 0..4 {
        if matches!(said, Said::Nothing | Said::Head { whole: true, .. }) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
        said = read_once(folder)?;
    }
    Ok(said)
}

fn read_once(folder: &Path) -> Result<Said, DecisionError> {
    let path = folder.join(files::HEAD_FILE);
    let mut bytes = Vec::new();
    let most = SLOTS * SLOT as u64 + 1;
    match File::open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Said::Nothing),
        Err(source) => return Err(DecisionError::io("read", &path, source)),
    }
    let slots = (0..).zip(bytes.chunks(SLOT));
    let found: Vec<(u64, Head)> = slots
        .filter_map(|(number, slot)| Some((number, parse(slot)?)))
        .filter(|&(number, _)| number < SLOTS)
        .collect();
    let whole = found.len() as u64 == SLOTS && bytes.len() == SLOTS as usize * SLOT;
    let newest = found
        .into_iter()
        .max_by_key(|(_, head)| (head.link.n, head.file));
    Ok(match newest {
        Some((slot, head)) => Said::Head { head, slot, whole },
        None => Said::Damaged,
    })
}

/// The note as the one writer holds it.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
    /// The slot that is written next.
    next: u64,
}

impl HeadFile {
    /// Makes the note of a log that begins.
    pub(super) fn create(folder: &Path, head: &Head, sync: bool) -> Result<Self, DecisionError> {
        let (new, path) = (folder.join(files::HEAD_NEW), folder.join(files::HEAD_FILE));
        let slot = encode(head)?;
        replace_by(&new, &path, sync, |file| {
            file.write_all(&slot.repeat(SLOTS as usize))
        })
        .map_err(|error| DecisionError::io("write", &path, error.source))?;
        Self::open(folder, SLOTS - 1)
    }

    /// Opens the note, whose newest slot is known.
    pub(super) fn open(folder: &Path, newest: u64) -> Result<Self, DecisionError> {
        let path = folder.join(files::HEAD_FILE);
        let file = File::options().write(true).open(&path);
        let file = file.map_err(|source| DecisionError::io("open", &path, source))?;
        Ok(Self {
            file,
            path,
            next: (newest + 1) % SLOTS,
        })
    }

    /// Writes down where the log ends, and waits until that is on the disk where `sync`.
    pub(super) fn set(&mut self, head: &Head, sync: bool) -> Result<(), DecisionError> {
        let slot = encode(head)?;
        let file = &mut self.file;
        file.seek(SeekFrom::Start(self.next * SLOT as u64))
            .and_then(|_| file.write_all(&slot))
            .and_then(|()| files::sync_file(file, sync))
            .map_err(|source| DecisionError::io("write", &self.path, source))?;
        self.next = (self.next + 1) % SLOTS;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions::chain::LineHash;
    use std::fs;

    fn head(n: u64) -> Head {
        Head {
            log: "00112233445566778899aabbccddeeff".into(),
            file: 1,
            link: Link {
                n,
                sha256: LineHash([n as u8; 32]),
            },
        }
    }

    #[test]
    fn the_last_head_is_kept_whichever_slot_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert_eq!(read(folder).unwrap(), Said::Nothing);
        let mut file = HeadFile::create(folder, &head(0), true).unwrap();
        for n in [1, 5, 6, 8, 10] {
            file.set(&head(n), true).unwrap();
            let said = read(folder).unwrap();
            assert!(matches!(&said, Said::Head { head: got, whole: true, .. } if *got == head(n)));
        }
        let path = folder.join(files::HEAD_FILE);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 2 * SLOT);
        for at in 0..bytes.len() {
            let mut torn = bytes.clone();
            torn[at] ^= 1;
            fs::write(&path, &torn).unwrap();
            let Said::Head {
                head: got, whole, ..
            } = read_once(folder).unwrap()
            else {
                panic!("byte {at}");
            };
            // The fifth write went into the first slot, the fourth into the second.
            let left = if at < SLOT { 8 } else { 10 };
            assert_eq!((got, whole), (head(left), false), "byte {at}");
        }
        for len in [0, 1, SLOT - 1] {
            fs::write(&path, &bytes[..len]).unwrap();
            assert_eq!(read_once(folder).unwrap(), Said::Damaged);
        }
    }

    #[test]
    fn the_note_is_text() {
        let slot = encode(&head(3)).unwrap();
        let text = String::from_utf8(slot).unwrap();
        assert!(text.starts_with(
            r#"{"v":1,"log":"00112233445566778899aabbccddeeff","file":1,"n":3,"sha256":"0303"#
        ));
        assert!(text.ends_with(" \n") && text.len() == SLOT);
    }
}
