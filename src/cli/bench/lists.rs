//! Lists of hashes as plain text, one in hexadecimal a line: given ones read, made ones saved, so
//! that other programs can be asked the very same.

use super::data::{Hashes, Query};
use crate::cli::output;
use crate::hash::{Signal, SignalType};
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// A longer line is no hash.
const LONGEST_LINE: u64 = 256;

/// Reads a list. Empty lines and lines that begin with `#` are passed over.
pub(super) fn read(path: &Path, kind: SignalType) -> anyhow::Result<Hashes> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
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
            .with_context(|| format!("cannot read {}", path.display()))?;
        if read == 0 {
            break;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') && line.ends_with(b"\n") {
            continue;
        }
        let signal = Signal::from_hex(kind, text)
            .with_context(|| format!("{}, line {number}", path.display()))?;
        hashes.push(&signal);
    }
    if hashes.len() == 0 {
        bail!("{} holds no hash", path.display());
    }
    Ok(hashes)
}

/// Writes a list.
pub(super) fn save(path: &Path, hashes: impl Iterator<Item = Signal>) -> anyhow::Result<()> {
    let mut file = output::file_or_stdout(Some(path))?;
    let write = || -> std::io::Result<()> {
        for signal in hashes {
            writeln!(file, "{}", signal.hex())?;
        }
        file.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// A folder to save lists in, made where it is missing.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(path: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }

    /// Saves the hashes of an index as `NAME.hashes.txt`.
    pub(super) fn save_hashes(&self, name: &str, hashes: &Hashes) -> anyhow::Result<()> {
        save(&self.0.join(format!("{name}.hashes.txt")), hashes.iter())
    }

    /// Saves queries as `NAME.rRADIUS.queries.txt`.
    pub(super) fn save_queries(
        &self,
        name: &str,
        radius: u16,
        queries: &[Query],
    ) -> anyhow::Result<()> {
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
        let wrong = format!("{:#}", read(&path, SignalType::Pdq).err().unwrap());
        assert!(wrong.contains("line 1"), "{wrong}");

        let endless = format!("# note\n\n{}", "a".repeat(1_000_000));
        std::fs::write(&path, endless).unwrap();
        let wrong = format!("{:#}", read(&path, SignalType::Pdq).err().unwrap());
        assert!(wrong.contains("line 3"), "{wrong}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read(&path, SignalType::Pdq).is_err());
    }
}
