//! RocksDB's write-ahead logs, looked at before RocksDB reads them.
//!
//! A log is a run of blocks of 32 KiB. Each record in it has a header of 7 bytes: a masked CRC-32C
//! of type and payload, the payload's length (both little-endian) and the type; no record lies
//! across the end of a block. ([the format](https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format))
//!
//! RocksDB 11.8 passes over two kinds of damage in silence or for ever: zeros in place of a header
//! make it skip the block and go on behind the hole, and a type of the logs that are recycled,
//! which hashgate's never are, makes it read the same header again and again or end there. Both are
//! refused here. Any other damage ends what RocksDB reads; here it is only found and named, for the
//! [acknowledged revision](super::acknowledged) decides whether anything is lost by it.

use crate::store::StoreError;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;
/// Full, first, middle and last; compression, timestamp size, the log before.
const TYPES: [u8; 7] = [1, 2, 3, 4, 9, 10, 130];
const RECYCLED_TYPES: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// The first damage in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) path: PathBuf,
    /// Where the record begins, in bytes.
    pub(super) position: u64,
    pub(super) reason: &'static str,
    /// Whether RocksDB must not be let near it.
    is_refused: bool,
}

impl Damage {
    pub(super) fn refuse(self) -> StoreError {
        StoreError::DamagedLog {
            path: self.path,
            position: self.position,
            reason: self.reason,
        }
    }
}

/// The first damage in the logs of a store, if there is any; a log that is cut off is not damaged.
///
/// # Errors
/// [`StoreError::DamagedLog`] where RocksDB must not read on.
pub(super) fn check(folder: &Path) -> Result<Option<Damage>, StoreError> {
    let mut first = None;
    for path in logs(folder)? {
        match check_log(&path) {
            Ok(Some(damage)) if damage.is_refused => return Err(damage.refuse()),
            Ok(damage) => first = first.or(damage),
            // The writer has no more need of it.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::io("read", &path, source)),
        }
    }
    Ok(first)
}

/// The logs of a store with anything in them, in order.
pub(super) fn logs(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::io("list", folder, source);
    let mut logs = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_log = path.extension().is_some_and(|end| end == "log");
        if is_log && fs::metadata(&path).is_ok_and(|data| data.is_file() && data.len() > 0) {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}

fn check_log(path: &Path) -> std::io::Result<Option<Damage>> {
    let mut log = BufReader::with_capacity(8 * BLOCK, File::open(path)?);
    let mut block = Vec::with_capacity(BLOCK);
    let mut start = 0;
    let mut hole = None;
    let mut found = None;
    loop {
        block.clear();
        log.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(found);
        }
        let damage = |at: usize, reason, is_refused| Damage {
            path: path.to_owned(),
            position: start + at as u64,
            reason,
            is_refused,
        };
        match check_block(&block, &mut hole) {
            None => {}
            Some((at, reason, true)) => return Ok(Some(damage(at, reason, true))),
            Some((at, reason, false)) => {
                found.get_or_insert_with(|| damage(at, reason, false));
            }
        }
        start += block.len() as u64;
    }
}

/// The first damage in a block: where, what, and whether it must be refused. `hole` says whether a
/// block before had zeros in place of a header, or is set.
fn check_block(block: &[u8], hole: &mut Option<()>) -> Option<(usize, &'static str, bool)> {
    let mut rest = block;
    while let Some((header, behind)) = rest.split_first_chunk::<HEADER>() {
        let at = block.len() - rest.len();
        let &[c0, c1, c2, c3, l0, l1, kind] = header;
        if hole.is_some() || *header == [0; HEADER] {
            *hole = Some(());
            let is_empty = rest.iter().all(|&byte| byte == 0);
            return (!is_empty).then_some((at, "zeros stand where a record was", true));
        }
        if RECYCLED_TYPES.contains(&kind) {
            return Some((at, "the record has a type that is never written", true));
        }
        let len = usize::from(u16::from_le_bytes([l0, l1]));
        let Some((payload, next)) = behind.split_at_checked(len) else {
            // At the end of the log: cut off.
            let is_cut = block.len() < BLOCK;
            return (!is_cut).then_some((at, "the record is longer than its block", false));
        };
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
        if !TYPES.contains(&kind) || unmask(u32::from_le_bytes([c0, c1, c2, c3])) != checksum {
            return Some((at, "the checksum of a record does not hold", false));
        }
        rest = next;
    }
    None
}

/// A checksum as it was before RocksDB stored it.
fn unmask(masked: u32) -> u32 {
    masked.wrapping_sub(0xa282_ead8).rotate_left(15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as RocksDB writes it.
    fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&[kind]), payload);
        let masked = checksum.rotate_right(15).wrapping_add(0xa282_ead8);
        let len = (payload.len() as u16).to_le_bytes();
        [&masked.to_le_bytes()[..], &len, &[kind], payload].concat()
    }

    fn checked(bytes: &[u8]) -> Option<(u64, bool)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000004.log");
        fs::write(&path, bytes).unwrap();
        let damage = check_log(&path).unwrap()?;
        Some((damage.position, damage.is_refused))
    }

    #[test]
    fn a_log_is_whole_cut_off_or_damaged() {
        let mut log = record(1, b"one");
        let second = log.len() as u64;
        log.extend(record(1, &[7; 100]));
        let third = log.len();
        log.extend(record(2, &vec![9; BLOCK - third - HEADER]));
        assert_eq!(log.len(), BLOCK);
        log.extend(record(4, b"rest"));
        assert_eq!(checked(&log), None);
        for end in [1, 9, 10, 40, third + 3, BLOCK + 4, BLOCK + 9] {
            assert_eq!(checked(&log[..end]), None, "cut at {end}");
        }
        for end in [10, third, BLOCK] {
            let zeros = [&log[..end], &[0; 70_000]].concat();
            assert_eq!(checked(&zeros), None, "zeros behind {end}");
        }
        let change = |at: usize, byte: u8| {
            let mut bytes = log.clone();
            bytes[at] ^= byte;
            bytes
        };
        assert_eq!(checked(&change(8, 1)), Some((0, false)));
        assert_eq!(checked(&change(30, 1)), Some((second, false)));
        assert_eq!(
            checked(&change(third + 500, 1)),
            Some((third as u64, false))
        );
        assert_eq!(
            checked(&change(third + 5, 0x80)),
            Some((third as u64, false))
        );
        assert_eq!(checked(&change(BLOCK + 8, 1)), Some((BLOCK as u64, false)));
        assert_eq!(checked(&change(BLOCK + 5, 0x80)), None, "as if cut off");
        // The types that are recycled, and a hole: RocksDB must not go on.
        assert_eq!(
            checked(&change(second as usize + 6, 4)),
            Some((second, true))
        );
        let mut hole = log.clone();
        hole[second as usize..third].fill(0);
        assert_eq!(checked(&hole), Some((second, true)));
        hole[second as usize..BLOCK].fill(0);
        assert_eq!(checked(&hole), Some((BLOCK as u64, true)));
    }
}
