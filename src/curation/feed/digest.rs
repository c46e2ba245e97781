//! What names a feed's files: the SHA-256 of their bytes.

use crate::hash::hex;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// The SHA-256 of a file, 64 hexadecimal digits, and its length in bytes. The file is at its beginning then.
pub(in crate::curation) fn digest(file: &mut File) -> io::Result<(String, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            file.seek(SeekFrom::Start(0))?;
            return Ok((hex::encode(&hasher.finalize()), bytes));
        }
        hasher.update(piece.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
}
