//! Lists of hashes as plain text, one in hexadecimal a line: given ones read, made ones saved, so
//! that other programs can be asked the very same.

use super::data::{Hashes, Query};
use super::error::MeasureError;
use crate::hash::{Signal, SignalType};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// A longer line is no hash.
const LONGEST_LINE: u64 = 256;

/// Reads a list. Empty lines and lines that begin with `#` are passed over.
pub(super) fn read(path: &Path, kind: SignalType) -> Result<Hashes, MeasureError> {
    let unreadable = |source| MeasureError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = BufReader::new(file);
    let mut hashes = Hashes::new(kind);
    let mut line = Vec::new();
    let mut number = 0u64;
    loop {
        line.clear();
        number += 1;
        let read = Read::by_ref(&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(unreadable)?;
        if read == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') && line.ends_with(b"\n") {
            continue;
        }
        let signal = Signal::from_hex(kind, text).map_err(|source| MeasureError::BadLine {
            path: path.to_owned(),
            line: number,
            source,
        })?;
        hashes.push(&signal);
    }
    if hashes.len() == 0 {
        return Err(MeasureError::NoHash {
            path: path.to_owned(),
        });
    }
    Ok(hashes)
}

/// Writes a list, closed to other users.
pub(super) fn save(path: &Path, hashes: impl Iterator<Item = Signal>) -> Result<(), MeasureError> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|source| MeasureError::Create {
        path: path.to_owned(),
        source,
    })?;
    let mut file = BufWriter::new(file);
    let write = || -> io::Result<()> {
        for signal in hashes {
            writeln!(file, "{}", signal.hex())?;
        }
        file.flush()
    };
    write().map_err(|source| MeasureError::Write {
        path: path.to_owned(),
        source,
    })
}

/// A folder to save lists in, made where it is missing.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(path: PathBuf) -> Result<Self, MeasureError> {
        match std::fs::create_dir_all(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(MeasureError::MakeFolder { path, source }),
        }
    }

    /// Saves the hashes of an index as `NAME.hashes.txt`.
    pub(super) fn save_hashes(&self, name: &str, hashes: &Hashes) -> Result<(), MeasureError> {
        self.save_signals(name, hashes.iter())
    }

    /// As [`Folder::save_hashes`], for hashes that are made on the way.
    pub(super) fn save_signals(
        &self,
        name: &str,
        hashes: impl Iterator<Item = Signal>,
    ) -> Result<(), MeasureError> {
        save(&self.0.join(format!("{name}.hashes.txt")), hashes)
    }

    /// Saves queries as `NAME.rRADIUS.queries.txt`.
    pub(super) fn save_queries(
        &self,
        name: &str,
        radius: u16,
        queries: &[Query],
    ) -> Result<(), MeasureError> {
        let path = self.0.join(format!("{name}.r{radius}.queries.txt"));
        save(&path, queries.iter().map(|query| query.signal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_read_back_and_a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let signals: Vec<Signal> = (1..=3u8)
            .map(|n| Signal::from_bytes(SignalType::Phash, &[n; 8]).unwrap())
            .collect();
        save(&path, signals.iter().copied()).unwrap();
        let read_back = read(&path, SignalType::Phash).unwrap();
        assert_eq!(read_back.iter().collect::<Vec<_>>(), signals);
        let wrong = read(&path, SignalType::Pdq).err().unwrap().to_string();
        assert!(wrong.contains("line 1"), "{wrong}");

        let endless = format!("# note\n\n{}", "a".repeat(1_000_000));
        std::fs::write(&path, endless).unwrap();
        let wrong = read(&path, SignalType::Pdq).err().unwrap().to_string();
        assert!(wrong.contains("line 3"), "{wrong}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&path, SignalType::Pdq).is_err());
    }
}
